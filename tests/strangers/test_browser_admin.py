"""The operators' side in Debian's Chromium: somebody signs in, sees, excludes and signs out, by the keyboard alone too;
each page with axe, at 360 pixels, light and dark."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gallery import OPERATORS, SECRET, Gallery
from test_browser import AXE, AXE_RUN, DESK, OVER, PHONE, SMALL, SPACED, UNFOLD, Browser, Page, browser, gallery

__all__ = ["browser", "gallery"]  # fixtures

SHOTS = os.environ.get("SHOTS", "")
PAGES = {
    "dashboard": "",
    "nominations": "/nominations",
    "nomination": "/nominations/1",
    "listings": "/listings",
    "review": "/listings?review=1",
    "reporters": "/reporters",
    "exclusions": "/exclusions",
    "inbox": "/inbox",
    "letter": "/inbox/{letter}",
    "journal": "/journal",
    "search": "/journal?actor=operator&verb=excluded",
    "accounts": "/accounts",
    "me": "/me",
    "stop": "/stop",
    "nothing": "/inbox/999999",
}


@pytest.fixture(scope="module")
def kept(browser: Browser, gallery: Gallery) -> dict[str, Any]:
    """What a browser keeps after ada has signed in, once for all tests, which must not be slowed down."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gallery.url}/admin")
    _sign_in(page)
    state: dict[str, Any] = context.storage_state()
    context.close()
    return state


def _sign_in(page: Page, name: str = "ada") -> None:
    page.fill("#name", name)
    page.fill("#password", SECRET)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Sign out").wait_for()


@pytest.fixture
def visit(browser: Browser, gallery: Gallery, kept: dict[str, Any]) -> Iterator[Callable[..., Page]]:
    """Opens a page as ada; afterwards nothing may have been asked elsewhere, refused by the page's own policy or
    reported to the console."""
    contexts, wrong = [], []

    def hear(said: Any) -> None:
        if said.type in ("error", "warning") and "404" not in said.text and "403" not in said.text:
            wrong.append(said.text)

    def see(request: Any) -> None:
        if not request.url.startswith(f"{gallery.url}/"):
            wrong.append(request.url)

    def go(name: str, size: tuple[int, int] = DESK, *, signed_in: bool = True, **more: Any) -> Page:
        state = kept if signed_in else None
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, storage_state=state, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("console", hear)
        page.on("request", see)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(f"{gallery.url}/admin" + PAGES[name].format(letter=gallery.letter))
        if SHOTS:
            dark = "-dark" if more.get("color_scheme") == "dark" else ""
            place = Path(SHOTS) / f"admin-{name if signed_in else 'sign-in'}-{size[0]}{dark}.png"
            page.screenshot(path=str(place), full_page=True)
        return page

    yield go
    for context in contexts:
        context.close()
    assert wrong == []


def over(page: Page) -> list[str]:
    found: list[str] = page.evaluate(OVER)
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return found or (["the page"] if wide else [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [*PAGES, "sign-in"])
def test_axe_finds_nothing_targets_are_as_large_as_a_finger_and_nothing_scrolls_sideways(
    visit: Callable[..., Page], name: str, scheme: str
) -> None:
    signed_in = name != "sign-in"
    page = visit(name if signed_in else "dashboard", PHONE, signed_in=signed_in, color_scheme=scheme)
    assert over(page) == []
    page.evaluate(UNFOLD)
    assert over(page) == []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    for width, height in (PHONE, DESK):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate(SMALL) == []
        assert page.evaluate(AXE_RUN) == []
    page.set_viewport_size({"width": PHONE[0], "height": PHONE[1]})
    page.evaluate(SPACED)
    assert over(page) == []


#: Days and IPv4 addresses in tables that stand in more than one line.
BROKEN = """() => [...document.querySelectorAll('.ops td .whole, .ops tbody th .mono')].filter(each => {
  const range = document.createRange();
  range.selectNodeContents(each);
  return !each.textContent.includes(':') && new Set([...range.getClientRects()].map(box => box.top)).size > 1;
}).map(each => each.textContent)"""
#: Colours of what stands in fields until somebody types, and of hints.
FAINT = """() => [...document.querySelectorAll('input[placeholder]')].map(
  each => [getComputedStyle(each, '::placeholder').color, getComputedStyle(document.querySelector('.hint')).color])"""


@pytest.mark.parametrize("name", ["nominations", "listings", "exclusions", "inbox"])
def test_no_day_and_no_address_is_broken_in_a_table(visit: Callable[..., Page], name: str) -> None:
    for size in (DESK, PHONE):
        page = visit(name, size)
        assert page.locator(".ops td time").count() and page.evaluate(BROKEN) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_stands_in_an_empty_field_is_read_as_well_as_a_hint(visit: Callable[..., Page], scheme: str) -> None:
    colours = visit("search", color_scheme=scheme).evaluate(FAINT)
    assert colours and all(shown == hint for shown, hint in colours)


def test_somebody_signs_in_sees_excludes_and_signs_out(visit: Callable[..., Page]) -> None:
    page = visit("exclusions", signed_in=False)
    assert page.url.endswith("/admin/sign-in?to=/admin/exclusions")
    page.fill("#name", "ada")
    page.fill("#password", "not her password")
    page.click("button[type=submit]:has-text('Sign in')")
    assert "do not go together" in page.locator("[role=alert]").inner_text()
    assert page.input_value("#name") == "ada" and page.input_value("#password") == ""
    page.fill("#password", SECRET)
    page.click("button[type=submit]:has-text('Sign in')")
    page.wait_for_url("**/admin/exclusions")
    page.click("nav >> text=Dashboard")
    page.locator("#alarms").wait_for()
    assert page.locator("#alarms").inner_text().endswith("you")
    assert page.locator(".tile").count() == 6
    page.click("nav >> text=Exclusions")
    page.fill("#network", "198.51.100.128/25")
    page.fill("#reason", "its owner asked by telephone")
    page.click("text=Exclude it")
    page.wait_for_url("**/admin/exclusions?done=excluded")
    assert "not tested from now on" in page.locator("[role=status]").inner_text()
    row = page.locator("tr", has_text="198.51.100.128/25")
    row.locator("input[name=reason]").fill("asks no more")
    row.locator("button").click()
    page.wait_for_url("**/admin/exclusions?done=ended")
    assert page.locator("tr", has_text="198.51.100.128/25").count() == 0
    page.click("nav >> text=Journal")
    page.locator(".log").wait_for()
    assert "by operator ada" in page.locator(".log").inner_text()
    page.click("text=Sign out")
    page.wait_for_url("**/admin/sign-in")
    page.go_back()
    page.reload()
    assert page.url.split("?")[0].endswith("/admin/sign-in")


def test_by_the_keyboard_alone_all_testing_is_stopped_and_taken_up_again(visit: Callable[..., Page]) -> None:
    page = visit("dashboard")
    seen = []
    for _ in range(14):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("(document.activeElement.textContent || '').trim()"))
        if seen[-1] == "Stop all tests…":
            break
    assert seen[0] == "Skip to the content" and seen[-1] == "Stop all tests…"
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/stop")
    page.focus("#reason")
    page.keyboard.type("an alarm")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Stop all tests"
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin?done=stopped")
    assert "All testing is stopped" in page.locator(".bell").inner_text()
    page.goto(page.url.split("/admin")[0] + "/admin/stop")
    page.focus("#reason")
    page.keyboard.type("was nothing")
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin?done=resumed")
    assert "All testing is stopped" not in page.locator("main").inner_text()


def test_without_javascript_the_dashboard_is_the_same(visit: Callable[..., Page]) -> None:
    page = visit("dashboard", PHONE, java_script_enabled=False)
    assert page.locator("h1").inner_text() == "Dashboard" and page.locator(".tile").count() == 6


def test_a_viewer_is_offered_nothing_to_do(browser: Browser, gallery: Gallery) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{gallery.url}/admin")
    _sign_in(page, OPERATORS["viewer"])
    assert page.locator("main form, main .danger").count() == 0
    page.goto(f"{gallery.url}/admin/accounts")
    assert "role owner" in page.locator("[role=alert]").inner_text()
    context.close()
