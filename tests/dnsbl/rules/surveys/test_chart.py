"""Pictures of shares and trends."""

from __future__ import annotations

from xml.etree import ElementTree

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
