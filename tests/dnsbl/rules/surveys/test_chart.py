"""Pictures of shares and trends."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from dnsbl.rules.surveys import chart
from dnsbl.rules.surveys.figures import FigureTable, Row, Trend

SVG = "{http://www.w3.org/2000/svg}"


def test_a_bar_is_as_long_as_its_share_and_says_it_in_numbers() -> None:
    table = FigureTable("x", "X", (Row("half", 5, 10, "of all"), Row("nothing", 0, 0, "of none"), Row("plain", 7)))
    tree = ElementTree.fromstring(chart.bars(table))
    assert [bar.get("width") for bar in tree.iter(f"{SVG}rect") if bar.get("class") == "bar"] == ["120.0", "0.0"]
    words = [text.text for text in tree.iter(f"{SVG}text")]
    assert words == ["half", "50.00 % (5 of 10)", "nothing", "- % (0 of 0)"]


def test_what_strangers_say_is_escaped_and_cut() -> None:
    hostile = '</text><script>alert(1)</script>"' + "x" * 200
    for picture in (
        chart.bars(FigureTable("x", hostile, (Row(hostile, 1, 2, "x"),))),
        chart.lines(Trend(hostile, (Row("x", 1, 2, "x"),)), [hostile]),
    ):
        assert "<script" not in picture
        ElementTree.fromstring(picture)
        assert "x" * 60 not in picture


def test_a_line_goes_through_a_point_for_each_survey() -> None:
    trend = Trend("open", (Row("open", 5, 10, "x"), Row("open", 1, 10, "x"), Row("open", 0, 0, "x")))
    tree = ElementTree.fromstring(chart.lines(trend, ["a", "b", "c"]))
    dots = [(float(dot.get("cx", "")), float(dot.get("cy", ""))) for dot in tree.iter(f"{SVG}circle")]
    assert [x for x, _ in dots] == sorted(x for x, _ in dots)
    assert dots[0][1] < dots[1][1] < dots[2][1]
    (line,) = tree.iter(f"{SVG}polyline")
    assert len(line.get("points", "").split()) == 3
    assert {text.text for text in tree.iter(f"{SVG}text")} >= {"50.00 %", "10.00 %", "- %", "a", "b", "c"}


def test_one_survey_and_full_shares_stay_within_the_picture() -> None:
    tree = ElementTree.fromstring(chart.lines(Trend("all", (Row("all", 3, 3, "x"),)), ["a"]))
    (dot,) = tree.iter(f"{SVG}circle")
    assert 0 < float(dot.get("cx", "")) < chart.WIDE
    assert chart.TOP <= float(dot.get("cy", "")) < chart.HIGH


def text(picture: str) -> list[str]:
    """Its elements, a line each, without the first and the last."""
    first, *inside, last = picture.split("\n")
    assert first.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ') and last == "</svg>"
    return [first.partition("viewBox=")[2], *inside]


def test_bars_stand_in_rows_with_their_names_before_and_their_numbers_behind_them() -> None:
    rows = (Row("plain", 7), Row("a & b", 5, 10, "x"), Row("n" * 46, 1000, 4000, "x"), Row("n" * 47, 0, 0, "x"))
    assert text(chart.bars(FigureTable("x", "Shares", rows))) == [
        '"0 0 790 80" role="img" aria-label="Shares">',
        '<text class="name" x="292" y="16" text-anchor="end">a &amp; b</text>',
        '<rect class="track" x="300" y="5" width="240" height="14"/>',
        '<rect class="bar" x="300" y="5" width="120.0" height="14"/>',
        '<text class="number" x="548" y="16">50.00 % (5 of 10)</text>',
        f'<text class="name" x="292" y="40" text-anchor="end">{"n" * 46}</text>',
        '<rect class="track" x="300" y="29" width="240" height="14"/>',
        '<rect class="bar" x="300" y="29" width="60.0" height="14"/>',
        '<text class="number" x="548" y="40">25.00 % (1,000 of 4,000)</text>',
        f'<text class="name" x="292" y="64" text-anchor="end">{"n" * 43}...</text>',
        '<rect class="track" x="300" y="53" width="240" height="14"/>',
        '<rect class="bar" x="300" y="53" width="0.0" height="14"/>',
        '<text class="number" x="548" y="64">- % (0 of 0)</text>',
    ]


def test_a_trend_has_a_grid_and_each_point_its_share_and_its_name_within_the_picture() -> None:
    shares = ((5, 10), (1, 10), (0, 0), (11, 20), (3, 10))
    trend = Trend("open", tuple(Row("o", count, of, "x") for count, of in shares))
    points = [
        ("44.0", "43.3", "35.3", "start", "50.00 %", "a"),
        ("143.0", "152.7", "144.7", "start", "10.00 %", "b"),
        ("242.0", "180.0", "172.0", "middle", "- %", "n" * 16),
        ("341.0", "29.7", "21.7", "end", "55.00 %", f"{'n' * 13}..."),
        ("440.0", "98.0", "90.0", "end", "30.00 %", "e"),
    ]
    assert text(chart.lines(trend, ["a", "b", "n" * 16, "n" * 17, "e"])) == [
        '"0 0 460 220" role="img" aria-label="open">',
        *(
            line
            for y, below, share in (("180.0", "184.0", "0%"), ("98.0", "102.0", "30%"), ("16.0", "20.0", "60%"))
            for line in (
                f'<line class="grid" x1="44" x2="440" y1="{y}" y2="{y}"/>',
                f'<text class="number" x="38" y="{below}" text-anchor="end">{share}</text>',
            )
        ),
        '<polyline class="line" points="44.0,43.3 143.0,152.7 242.0,180.0 341.0,29.7 440.0,98.0"/>',
        *(
            line
            for x, y, above, side, share, name in points
            for line in (
                f'<circle class="dot" cx="{x}" cy="{y}" r="4"/>',
                f'<text class="number" x="{x}" y="{above}" text-anchor="{side}">{share}</text>',
                f'<text class="name" x="{x}" y="206" text-anchor="{side}">{name}</text>',
            )
        ),
    ]


@pytest.mark.parametrize(
    ("share", "top"), [((0, 3), "10%"), ((1, 10), "10%"), ((1, 5), "20%"), ((21, 100), "30%"), ((3, 3), "100%")]
)
def test_a_trend_ends_at_the_next_ten_per_cent(share: tuple[int, int], top: str) -> None:
    assert f">{top}</text>" in text(chart.lines(Trend("t", (Row("o", *share, "x"),)), ["a"]))[6]


def test_two_surveys_stand_at_either_end_and_of_none_there_is_a_grid() -> None:
    two = text(chart.lines(Trend("t", (Row("o", 1, 10, "x"), Row("o", 0, 10, "x"))), ["a", "b"]))
    assert '<polyline class="line" points="44.0,16.0 440.0,180.0"/>' in two
    none = text(chart.lines(Trend("t", ()), []))
    assert none[-1] == '<polyline class="line" points=""/>' and ">10%</text>" in none[6]
