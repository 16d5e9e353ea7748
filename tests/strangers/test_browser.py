"""The pages in a browser that we did not write: Debian's Chromium, driven by Playwright, with axe's rules for who sees,
hears or moves otherwise. The list is served by `dnsbl serve` and holds an address in each state (`gallery`)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from gallery import STATES, Gallery

#: Where `install` has put Playwright and axe.
BROWSER = Path("/var/cache/dnsbl-strangers/browser")
sys.path.append(str(BROWSER))
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

AXE = BROWSER / "axe_playwright_python" / "axe.min.js"
DESK, PHONE = (1280, 800), (360, 740)
#: Where pictures are left, if somebody wants to look at them.
SHOTS = os.environ.get("SHOTS", "")
PASTED = quote(
    "192.0.2.50 192.0.2.300 2001:db8:1234:5678:9abc:def0:1234:5678 198.51.100.0/24 55.2.0.192.relays.example.org"
)
PAGES = {
    "home": "/",
    "home-mistake": "/?address=" + quote("\u202e<script>" + "W" * 190),
    "many": f"/?address={PASTED}",
    "remove": "/remove",
    "nominate": "/nominate",
    "use": "/use",
    "policy": "/policy",
    "statistics": "/statistics",
    "statistics-year": "/statistics?span=year",
    "zones": "/zones",
    "feeds": "/feeds",
    "about": "/about",
    "log": "/log",
    "api": "/api",
    "self-test": "/self-test",
    "watch": "/watch",
    "control": f"/control?address={STATES['listed6']}",
    "fault": "/there-is-no-such-page",
}
FIRST_SCREEN = ("#verdict", ".say .lead", ".facts", ".todo h2", ".todo .button, .todo button")
#: Where the first element of each kind ends, in pixels from the top.
ENDS = """parts => Object.fromEntries(parts.map(
  part => [part, document.querySelector(part)?.getBoundingClientRect().bottom ?? null]))"""
#: Elements that reach out of the window, boxes that scroll by themselves left out.
OVER = """() => [...document.querySelectorAll('body *')].filter(each => {
  const box = each.getBoundingClientRect();
  return !each.closest('.wide, svg, .skip, pre, [popover]') && box.width && box.right > innerWidth + 1;
}).map(each => each.outerHTML.slice(0, 90))"""
#: Controls, and links that stand alone, smaller than a finger (WCAG 2.5.5).
SMALL = """() => [...document.querySelectorAll('a, button, input, textarea, select, summary')].filter(each => {
  const box = (each.closest('label.check, .pick') || each).getBoundingClientRect();
  const inside = each.tagName === 'A' && getComputedStyle(each).display === 'inline';
  return box.width && !each.matches('.skip, [type=hidden]') && !inside && (box.height < 43.9 || box.width < 43.9);
}).map(each => each.outerHTML.slice(0, 90))"""
#: Words between dots that stand in more than one line.
BROKEN = """() => [...document.querySelectorAll('.group .name')].flatMap(name => [...name.childNodes].filter(part => {
  const range = document.createRange();
  range.selectNodeContents(part);
  return !part.data?.includes('-') && new Set([...range.getClientRects()].map(box => box.top)).size > 1;
}).map(part => part.data))"""
UNFOLD = "() => document.querySelectorAll('details').forEach(each => { each.open = true })"
AXE_RUN = """async () => (await axe.run(document, { resultTypes: ['violations'] })).violations.map(
  one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 120) + ' ' + node.failureSummary).join(' | '))"""


SPACED = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-bottom: 2em !important }`);
  document.adoptedStyleSheets = [sheet] }"""


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with Gallery(tmp_path_factory.mktemp("gallery")) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path="/usr/bin/chromium-headless-shell", args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Browser, gallery: Gallery) -> Iterator[Callable[..., Page]]:
    """Opens a page by its name in a window of this size; afterwards nothing may have been asked elsewhere, refused by
    the page's own policy or reported to the console."""
    contexts, wrong = [], []

    def hear(said: Any) -> None:
        if said.type in ("error", "warning") and not any(code in said.text for code in ("400", "404", "422", "429")):
            wrong.append(said.text)

    def see(request: Any) -> None:
        if not request.url.startswith(f"{gallery.url}/"):
            wrong.append(request.url)

    def go(name: str, size: tuple[int, int] = DESK, *, frozen: bool = False, **more: Any) -> Page:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
        contexts.append(context)
        page = context.new_page()
        if frozen:  # the clock is turned by hand
            page.clock.install()
        page.on("console", hear)
        page.on("request", see)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(
            gallery.links[name[5:]]
            if name.startswith("link-")
            else gallery.url + PAGES[name]
            if name in PAGES
            else gallery.page(name)
        )
        if SHOTS:
            page.screenshot(
                path=str(Path(SHOTS) / f"{name}-{size[0]}{'-dark' if more.get('color_scheme') == 'dark' else ''}.png"),
                full_page=True,
            )
        return page

    yield go
    for context in contexts:
        context.close()
    assert wrong == []


def over(page: Page) -> list[str]:
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    found: list[str] = page.evaluate(OVER)
    return found or (["the page"] if wide else [])


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", STATES)
def test_the_first_screen_answers_and_holds_the_button(
    visit: Callable[..., Page], name: str, size: tuple[int, int]
) -> None:
    page = visit(name, size)
    ends = page.evaluate(ENDS, list(FIRST_SCREEN))  # at one moment: a page that waits for news changes
    assert {part: end for part, end in ends.items() if end is None or end > size[1]} == {}
    assert page.evaluate("[...document.querySelectorAll('.facts, .say')].every(e => e.scrollWidth <= e.clientWidth)")
    assert page.locator(".todo .button:not(.quiet), .todo button:not(.quiet)").count() <= 1, (
        "one page, one primary button"
    )


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_failed_retest_stands_above_with_the_wait_and_how_to_close_it(
    visit: Callable[..., Page], size: tuple[int, int]
) -> None:
    for name in ("failed", "failed6", "link-failed"):
        page = visit(name, size)
        notice = page.locator(".notice")
        assert "Still open" in notice.inner_text() and notice.bounding_box()["y"] < 100
        assert ("you asked for" in notice.inner_text()) is (name == "link-failed")
        assert page.locator(".todo .button").inner_text() == "How to close it"
        assert "Your next request is taken from" in page.locator(".todo").inner_text()


def test_heading_band_and_dns_say_the_same_in_every_state(visit: Callable[..., Page]) -> None:
    for name in STATES:
        page = visit(name)
        said, look = page.locator("h1").inner_text(), page.locator(".verdict").get_attribute("class") or ""
        codes = page.locator("dl.codes strong").all_inner_texts()
        assert said.startswith("Yes,") == ("is-listed" in look) == (bool(codes) and name != "test-point"), name
        assert said.startswith(("Yes,", "No,")) or name == "test-point"


@pytest.mark.parametrize("name", ["multihop", "listed6", "hostile"])
def test_the_path_of_the_letter_is_read_from_left_to_right_and_on_a_phone_from_above(
    visit: Callable[..., Page], name: str
) -> None:
    for size in (DESK, PHONE):
        page = visit(name, size)
        boxes = [stop.bounding_box() for stop in page.locator(".path .node").all()]
        places = [(box["x"], box["y"]) for box in boxes]
        assert len(boxes) == (4 if name == "multihop" else 3)
        assert places == sorted(places, key=lambda place: place[0 if size == DESK else 1])
        assert STATES[name] in page.locator(".path").inner_text().replace("\n", "")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_an_address_and_its_port_break_only_between_them(visit: Callable[..., Page], size: tuple[int, int]) -> None:
    page = visit("listed", size)
    port = page.locator(".path .addr .whole")
    port.evaluate("port => { port.textContent = ':42495'; port.parentElement.firstChild.data = '192.168.100.200' }")
    lines = port.evaluate("""port => [port, port.parentElement.firstChild].map(part => {
      const range = document.createRange();
      range.selectNodeContents(part);
      return new Set([...range.getClientRects()].map(box => box.top)).size })""")
    assert lines == [1, 1]


@pytest.mark.parametrize("name", [*STATES, *PAGES, "link-delisted"])
def test_nothing_scrolls_sideways_folded_or_unfolded(visit: Callable[..., Page], name: str) -> None:
    page = visit(name)
    for _ in ("folded", "unfolded"):
        for width in (320, 360, 768, 1024, 1280):
            page.set_viewport_size({"width": width, "height": 740})
            assert over(page) == [], f"at {width}"
        page.evaluate(UNFOLD)


def test_on_a_phone_what_we_suggest_is_seen_and_names_break_behind_their_dots(visit: Callable[..., Page]) -> None:
    for name in ("use", "zones"):
        page = visit(name, (320, 740))
        assert page.locator(".group .name").count() > 2 and page.evaluate(BROKEN) == []
        boxes = [one.bounding_box() for one in page.locator("table tr:not(.group) td:last-child").all()]
        assert boxes and all(box["x"] + box["width"] <= 320 for box in boxes)


def test_on_a_phone_each_ipv4_address_of_many_stands_in_one_line(visit: Callable[..., Page]) -> None:
    for width in (320, 360):
        page = visit("many", (width, 740))
        lines = page.evaluate("""() => [...document.querySelectorAll('.answers th .mono')].filter(
          each => !each.textContent.includes(':')).map(each => {
            const range = document.createRange();
            range.selectNodeContents(each);
            return new Set([...range.getClientRects()].map(box => box.top)).size })""")
        assert len(lines) == 3 and set(lines) == {1}


@pytest.mark.parametrize("name", ["listed6", "queued6", "delisted6", "control"])
def test_on_a_phone_an_ipv6_address_in_a_heading_breaks_behind_its_colons(
    visit: Callable[..., Page], name: str
) -> None:
    parts = visit(name, (320, 740)).evaluate(
        """() => [...(document.querySelector('h1 > span') || document.querySelector('h1')).childNodes].filter(
          part => part.data && !part.data.trim().includes(' ')).map(part => {
          const range = document.createRange();
          range.selectNodeContents(part);
          return new Set([...range.getClientRects()].map(box => box.top)).size })"""
    )
    assert len(parts) >= 6 and set(parts) == {1}


def test_on_a_phone_a_shadow_says_that_a_table_goes_on(visit: Callable[..., Page]) -> None:
    page = visit("api", PHONE)
    page.evaluate(UNFOLD)
    table = page.locator(".wide").first
    assert table.evaluate("box => box.scrollWidth > box.clientWidth")
    assert "gradient" in table.evaluate("box => getComputedStyle(box).backgroundImage")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*STATES, *PAGES, "link-delisted"])
def test_axe_finds_no_violation_and_targets_are_as_large_as_a_finger(
    visit: Callable[..., Page], name: str, scheme: str
) -> None:
    page = visit(name, color_scheme=scheme)
    page.evaluate(UNFOLD)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for width, height in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(SMALL) == []
        assert page.evaluate(AXE_RUN) == []


@pytest.mark.parametrize("name", ["home", "listed", "failed", "queued", "many", "self-test"])
def test_without_javascript_a_page_is_the_same(visit: Callable[..., Page], name: str) -> None:
    with_it, without = visit(name, PHONE), visit(name, PHONE, java_script_enabled=False)
    assert without.locator("main").inner_text() == with_it.locator("main").inner_text()


def test_the_keyboard_reaches_what_to_do_in_order_and_closes_the_menu(visit: Callable[..., Page]) -> None:
    page = visit("listed")
    order = []
    for _ in range(14):
        page.keyboard.press("Tab")
        order.append(page.evaluate("(document.activeElement.textContent || '').trim()"))
    wanted = ["Skip to the content", "Example Relay List", "Look up", "what that means", "It is closed: test again"]
    places = [order.index(each) for each in wanted]
    assert places == sorted(places) and places[0] == 0
    phone = visit("listed", PHONE)
    phone.click(".menu")
    assert phone.locator("#nav").is_visible()
    phone.keyboard.press("Escape")
    assert not phone.locator("#nav").is_visible()


def test_somebody_whose_mail_bounced_finds_out_why_and_asks_for_the_retest(visit: Callable[..., Page]) -> None:
    page = visit("home", PHONE)
    ours = page.url.rstrip("/")
    page.fill("#address", f"554 5.7.1 Client host [203.0.113.9] blocked, see {ours}/ip/192.0.2.56")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ip/192.0.2.56")
    assert page.locator("h1").inner_text() == "Yes, 192.0.2.56 is listed"
    page.click("text=It is closed: test again")
    page.wait_for_url("**/ip/192.0.2.56?test=*")
    assert "The retest that was asked for waits" in page.locator(".todo").inner_text()


def test_a_mistake_keeps_what_was_typed_and_is_where_the_keyboard_is(visit: Callable[..., Page]) -> None:
    page = visit("home")
    page.fill("#address", "nonsense")
    page.keyboard.press("Enter")
    assert "is not an IPv4 or IPv6 address" in page.locator("[role=alert]").inner_text()
    assert page.input_value("#address") == "nonsense"
    assert page.evaluate("document.activeElement.id") == "address"


@pytest.mark.parametrize("name", ["listed", "queued", "home"])
def test_wider_letters_move_nothing_out_of_the_window(visit: Callable[..., Page], name: str) -> None:
    """WCAG 1.4.12."""
    page = visit(name, PHONE)
    page.evaluate(SPACED)
    assert over(page) == []


def test_news_come_to_a_page_that_waits_and_it_stays_where_it_was_read(
    visit: Callable[..., Page], gallery: Gallery
) -> None:
    page = visit("queued", frozen=True)
    assert "no worker of this list" in page.locator("[role=status]").inner_text()
    page.evaluate("document.mark = true")
    with gallery.stopped():
        page.clock.fast_forward(61_000)
        page.get_by_text("all testing is stopped at present").first.wait_for()
    assert page.evaluate("document.mark"), "it was not loaded anew"


def test_who_moves_less_sees_nothing_move_and_forced_colours_keep_borders(visit: Callable[..., Page]) -> None:
    page = visit("listed", reduced_motion="reduce", forced_colors="active")
    assert page.evaluate("getComputedStyle(document.querySelector('.node.is-listed')).borderTopWidth") == "4px"
    assert page.evaluate("document.getAnimations().length") == 0
