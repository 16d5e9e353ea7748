"""Times and spans for people, and that templates escape."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from dnsbl.dns.zonefile import zones_from
from dnsbl.settings import Settings
from dnsbl.web import words
from dnsbl.web.faces import LOOK
from dnsbl.web.render import Pages, away, dotted, span, when
from tester.cause import Cause, Software, Sure, advice


def test_a_time_is_utc_and_readable_by_programs() -> None:
    summer = datetime(2026, 7, 1, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert when(summer) == '<time datetime="2026-06-30T23:30:00Z">30 June 2026, 23:30 UTC</time>'
    assert when(datetime(2026, 1, 1, tzinfo=UTC)).startswith('<time datetime="2026-01-01T00:00:00Z">')


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (7776000.0, "90 days"),
        (86400, "1 day"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (90, "90 seconds"),
        (1, "1 second"),
        (0.5, "0.5 seconds"),
        (0, "0 seconds"),
    ],
)
def test_a_span_takes_its_largest_whole_unit(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_settings_are_escaped_like_everything_else() -> None:
    settings = Settings.model_validate({"service": {"name": "<script>A & B</script>"}})
    answer = Pages(settings).render(
        "index.html", visitor=None, origin="relays.example.org", typed='"><script>', mistake="<i>"
    )
    page = bytes(answer.body).decode()
    assert "<script>" not in page
    assert "&lt;script&gt;A &amp; B&lt;/script&gt;" in page
    assert 'value="&#34;&gt;&lt;script&gt;"' in page


ZONE = """
origin = "{0}.example.org"
ns = ["ns1.example.net"]
[soa]
mname = "ns1.example.net"
rname = "hostmaster.example.org"
"""
KIND = '[kinds.{0}]\ncode = "127.0.0.{1}"\ntxt = "x"\n'
DATA = '[[sources]]\ntype = "ip4set"\nfiles = ["data"]\n'


@pytest.mark.parametrize(
    ("zones", "terms", "told"),
    [
        (
            ["relay", "manual"],
            {},
            "lists open mail relays, each proven by a letter that came back, and what its operators",
        ),
        (["relay"], {"kinds": []}, ""),
        (["manual"], {}, "lists what its operators enter."),
        (
            ["backscatter"],
            {"kinds": ["backscatter"]},
            "lists mail servers that bounce strangers’ mail to strangers, each",
        ),
        (["do-not-test"], {}, ""),
        ([DATA], {}, "lists what is in other people’s data files."),
        (["manual", DATA], {}, "lists what its operators enter, and what is in other people’s data files."),
    ],
)
def test_the_foot_of_a_page_says_what_this_list_is(zones: list[str], terms: dict[str, object], told: str) -> None:
    texts = {
        f"z{n}.toml": ZONE.format(f"z{n}") + (given if given is DATA else KIND.format(given, n + 2))
        for n, given in enumerate(zones)
    }
    found = zones_from(texts, site="https://list.example.org")
    settings = Settings.model_validate({"service": {"name": "The list"}, "policy": terms})
    answer = Pages(settings, lambda: found).render("index.html", visitor=None, origin="x", typed="", mistake="")
    page = bytes(answer.body).decode().replace("&#39;", "'")
    foot = page.partition("<footer")[2]
    assert (f"The list {told}" in foot) if told else "The list lists" not in foot
    assert "There is no fee, no account and no cookie." in foot
    tests = "each" in told
    assert ("We write a letter." in page, "no test lists anybody here" in page) == (tests, not tests)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (3480, "in 58 minutes"),
        (-7300, "2 hours ago"),
        (20, "in less than a minute"),
        (-59, "less than a minute ago"),
        (-61, "1 minute ago"),
        (3 * 86400, "in 3 days"),
        (-90, "2 minutes ago"),
        (5400, "in 90 minutes"),
    ],
)
def test_how_far_a_time_is_away_is_told_roughly(seconds: float, told: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert away(now + timedelta(seconds=seconds), now) == told


def test_a_name_in_dns_breaks_behind_its_dots_and_is_escaped() -> None:
    assert dotted("relay-output.example.org") == "relay-output.<wbr>example.<wbr>org"
    assert dotted("<b>.org") == "&lt;b&gt;.<wbr>org"


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("whole", [True, False])
def test_every_cause_has_a_page_with_the_advice_for_every_program(cause: Cause, whole: bool) -> None:
    for software in Software:
        told = advice(cause, software)
        answer = Pages(Settings()).render(
            "cause.html",
            why=("<b>",),
            named=cause,
            sure=Sure.LIKELY,
            advice=told,
            whole=whole,
        )
        page = bytes(answer.body).decode()
        assert "&lt;b&gt;" in page and "<b>" not in page
        assert all(
            line in page.replace("&#39;", "'").replace("&#34;", '"').replace("&lt;", "<")
            for one in told
            for line in one.lines
        ), software
        assert page.count("<details") == page.count("</details>") and page.count("<div") == page.count("</div>")


def test_the_style_sheet_dresses_only_what_a_template_has() -> None:
    web = Path(words.__file__).parent
    made = [*(web / "templates").rglob("*.html"), *web.rglob("*.py")]
    pages = "\n".join(each.read_text(encoding="utf-8") for each in made)
    sheet = re.sub(r"/\*.*?\*/", "", (web / "static" / "style.css").read_text(encoding="utf-8"), flags=re.DOTALL)
    dressed = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"\{[^{}]*\}", "{}", sheet)))
    worn = {name for value in re.findall(r'class="(.*?)(?:>|\n)', pages) for name in re.findall(r"[\w-]+", value)}
    looks = {f"is-{look}" for look in (*LOOK.values(), *(look for look, _ in words.WAY.values()))}
    numbered = {f"{stem}{number}" for stem in re.findall(r'class="([a-z])\{\}"', pages) for number in range(1, 5)}
    sizes = set(re.findall(r'\bsize="(\w+)"', pages))
    assert dressed - worn - looks - numbered - sizes == set()
