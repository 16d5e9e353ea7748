"""The page: whole, and nothing in it that runs or is fetched."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser

from dnsbl.rules.surveys.figures import tables, trends
from dnsbl.rules.surveys.page import STYLE, page
from dnsbl.rules.surveys.report import NO_LISTING
from dnsbl.rules.surveys.tally import SurveyTally, tally
from tests.dnsbl.rules.surveys.exhibits import HEAD, RECORDS


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: dict[str, list[dict[str, str | None]]] = {}
        self.words: list[str] = []  #: what is read on it, but in pictures
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.setdefault(tag, []).append(dict(attrs))
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.setdefault(tag, []).append(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and not {"style", "svg"} & set(self.open):
            self.words.append(data.strip())


def test_this_is_read_on_a_page() -> None:
    one, two = tally(HEAD, RECORDS), tally({"name": "winter"}, RECORDS[:5])
    title = "Relay survey autumn, winter"
    text = page([one, two])
    tags = Tags(text)
    assert tags.words == [
        title,
        title,
        NO_LISTING,
        "Trend",
        *(trend.what for trend in trends([one, two])),
        "autumn",
        "Begun 2026-11-26T06:00:00Z, form S01, tested in 4.2 s.",
        "Authorized by Ann, 2026-11-01: all <of> it (leave.toml).",
        *rows(one),
        "winter",
        "Begun -, form -, tested in 0.0 s.",
        *rows(two),
    ]
    assert len(tags.met["svg"]) == 5 + 7 + 5
    assert any(attrs.get("name") == "viewport" for attrs in tags.met["meta"])
    assert text.replace("\n", "").isprintable()
    assert f"<style>{STYLE}</style>" in text


def rows(one: SurveyTally) -> Iterator[str]:
    """The words of its tables."""
    for table in tables(one):
        yield table.title
        for row in table.rows:
            yield from (row.what, str(row.count))
            if row.of is not None:
                yield from (f"{row.share} %", f"of {row.of} {row.whole}")


def test_a_table_without_rows_is_left_out() -> None:
    assert "Outcomes" not in Tags(page([SurveyTally(head={})])).words


def test_a_page_has_tables_and_pictures_and_of_several_surveys_the_trend() -> None:
    one = tally(HEAD, RECORDS)
    met = Tags(page([one])).met
    assert len(met["table"]) == 9
    assert len(met["svg"]) == 7
    assert "h3" not in met
    assert len(Tags(page([one, tally(HEAD, RECORDS[:4])])).met["h3"]) == 5


def test_it_fetches_nothing_runs_nothing_and_escapes_everything() -> None:
    hostile = "<script>x</script><img src=//evil.test>"
    head = HEAD | {"name": hostile, "authorization": dict.fromkeys(("who", "when", "what", "source"), hostile)}
    text = page([tally(head, RECORDS), tally(head, RECORDS)])
    met = Tags(text).met
    assert not met.keys() & {"script", "img", "link", "iframe", "object", "a"}
    assert not any("src" in attrs or "href" in attrs or "style" in attrs for tags in met.values() for attrs in tags)
    assert any("default-src 'none'" in (attrs.get("content") or "") for attrs in met["meta"])
    assert "192.0.2." not in text
