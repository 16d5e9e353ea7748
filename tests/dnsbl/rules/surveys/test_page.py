"""The page: whole, and nothing in it that runs or is fetched."""

from __future__ import annotations

from html.parser import HTMLParser

from dnsbl.rules.surveys.page import page
from dnsbl.rules.surveys.tally import tally
from tests.dnsbl.rules.surveys.exhibits import HEAD, RECORDS


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: dict[str, list[dict[str, str | None]]] = {}
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
