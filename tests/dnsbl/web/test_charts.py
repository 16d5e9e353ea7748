"""Charts: numbers and words in, pictures out, whose names tell the same numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from dnsbl.web.charts import (
    LABEL,
    Curve,
    Row,
    apart,
    bars,
    columns,
    figure,
    lines,
    rows_of_lines,
    scale,
    share,
    short,
    spark,
)
from tests.rows import rows

DAYS = ["1 Nov", "2 Nov", "3 Nov"]
HOSTILE = '<script>alert("x")</script>&\u202e'
ROWS = [Row(name="closed", value=1200), Row(name="open", value=300, look=2), Row(name=HOSTILE, value=0, look=4)]
CURVES = [Curve(name="relay", values=[5, 1500, 7]), Curve(name=HOSTILE, values=[0, 0, 1], look=2)]


def texts(picture: str) -> list[str]:
    return [node.text or "" for node in ET.fromstring(picture).iter("text")]


def name(picture: str) -> str:
    return ET.fromstring(picture).attrib["aria-label"]


PICTURES = {
    "lines": lines(CURVES, DAYS),
    "bars": bars(ROWS),
    "columns": columns(ROWS),
    "rows of lines": rows_of_lines(CURVES, DAYS),
    "spark": spark([1, 5, 2]),
    "lines of nothing": lines([], DAYS),
    "one day": lines([Curve(name="relay", values=[3])], ["1 Nov"]),
    "bars of nothing": bars([]),
    "columns of nothing": columns([]),
    "rows of nothing": rows_of_lines([], DAYS),
    "spark of nothing": spark([0, 0]),
    "bars of zeros": bars([Row(name="x", value=0)]),
}


@pytest.mark.parametrize("picture", PICTURES.values(), ids=list(PICTURES))
def test_each_picture_is_whole_and_holds_neither_style_nor_script_nor_a_number_that_is_none(picture: str) -> None:
    root = ET.fromstring(picture)
    assert {node.tag for node in root.iter()} <= {"svg", "line", "text", "rect", "path"}
    for node in root.iter():
        assert not [key for key in node.attrib if key == "style" or key.startswith("on")]
        assert not re.search(
            r"nan|inf", " ".join(node.attrib.get(key, "") for key in ("d", "y", "x", "width", "height"))
        )
    assert (root.attrib.get("role"), "aria-label" in root.attrib) in (("img", True), (None, False))


@pytest.mark.parametrize("kind", ["lines", "bars", "columns", "rows of lines"])
def test_what_strangers_wrote_is_text_and_nothing_else(kind: str) -> None:
    assert "<script" not in PICTURES[kind]
    assert any(said.startswith("<script>") for said in texts(PICTURES[kind]))


def test_the_name_of_bars_tells_the_largest_values_first() -> None:
    rows = [Row(name=f"r{n}", value=n * 1000) for n in range(1, 7)]
    assert name(bars(rows)) == "Bars: r6 6,000, r5 5,000, r4 4,000, and 3 more; the table has all."
    assert name(columns(rows[:2])) == "Columns: r2 2,000, r1 1,000."
    assert name(bars([Row(name="x", value=0)])) == "Bars: nothing yet."


def test_the_name_of_lines_tells_the_end_and_the_most_of_each() -> None:
    assert name(lines(CURVES[:1], DAYS)) == "Lines from 1 Nov to 3 Nov: relay 7 at the end, 1,500 at most."
    assert name(rows_of_lines(CURVES[:1], DAYS)) == "Lines from 1 Nov to 3 Nov: relay 1,500 at most."


def test_the_numbers_beside_bars_are_those_of_the_rows_and_the_longest_fills_the_width() -> None:
    picture = bars(ROWS)
    assert [figure(row.value) for row in ROWS] == texts(picture)[1::2]
    drawn = [node for node in ET.fromstring(picture).iter("rect") if node.attrib["class"] != "track"]
    assert [(node.attrib["class"], node.attrib["width"]) for node in drawn] == [
        ("f1", "100.0%"),
        ("f2", "25.0%"),
        ("f4", "0.0%"),
    ]


def test_a_curve_begins_at_the_left_ends_at_the_right_and_is_as_high_as_its_value() -> None:
    picture = rows_of_lines([Curve(name="x", values=[0, 10, 5])], DAYS)
    (path,) = [node.attrib["d"] for node in ET.fromstring(picture).iter("path") if node.attrib["class"] == "p1"]
    assert path == "M0.00 40.00L50.00 0.00L100.00 20.00"


@pytest.mark.parametrize(
    ("most", "levels"),
    [
        (0, (0, 1)),
        (1, (0, 1)),
        (4, (0, 1, 2, 3, 4)),
        (5, (0, 2, 4, 6)),
        (9, (0, 5, 10)),
        (13020, (0, 5000, 10000, 15000)),
        (1_000_000, (0, 500_000, 1_000_000)),
    ],
)
def test_levels_are_round_and_reach_the_largest_value(most: int, levels: tuple[int, ...]) -> None:
    assert scale(most) == levels


@rows("most", [*range(200), 999, 10**9 + 1, 2**62])
def test_no_scale_has_more_than_five_levels_or_ends_below_its_values(most: int) -> None:
    assert 2 <= len(scale(most)) <= 5
    assert scale(most)[-1] >= most


def test_words_at_the_ends_of_lines_do_not_lie_on_one_another() -> None:
    assert apart([100, 98, 20], 17, lowest=200) == [100, 83, 20]
    assert apart([230, 230, 230], 17, lowest=220) == [220, 203, 186]
    assert apart([], 17, lowest=1) == []


def test_a_long_name_is_cut_in_the_picture_and_whole_in_its_name() -> None:
    long = "a name that nobody has room for on a telephone"
    assert len(short(long)) <= LABEL
    assert short(long).endswith("…")
    assert long in name(bars([Row(name=long, value=1)]))


def test_shares_are_of_the_whole_and_of_nothing_there_is_none() -> None:
    assert (share(1, 3), share(0, 3), share(0, 0)) == ("33.3%", "0.0%", "")


@pytest.mark.parametrize(("count", "shown"), [(1, "1"), (2, "1 2"), (4, "1 4"), (5, "1 3 5"), (30, "1 16 30")])
def test_below_lines_stand_as_many_days_as_there_is_room_for_and_none_twice(count: int, shown: str) -> None:
    days = [f"{n} Nov" for n in range(1, count + 1)]
    found = texts(lines([Curve(name="relay", values=[1] * count)], days))
    assert [text.removesuffix(" Nov") for text in found if text.endswith(" Nov")] == shown.split()
