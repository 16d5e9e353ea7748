"""Four people in a browser that we did not write, against a list that is really served and the demo's mail servers: the
sender of rejected mail, an operator with spam in hand, an administrator who chooses, and an owner who tests his own.

Each without JavaScript on a phone and by the keyboard at a desk, or the other way round, so that nobody needs either.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_browser import AXE, AXE_RUN, DESK, OVER, PHONE, SMALL, browser  # noqa: F401 (a fixture)

from dnsbl.demo.neighbourhood import Neighbourhood
from tests.journeys.conftest import Site

SHOTS = os.environ.get("SHOTS", "")
OPEN, GREY, CLOSED = "127.77.0.10", "127.77.0.60", "127.77.0.20"
#: Milliseconds that a test of a server may take on a busy machine.
LONG = 90_000


class Town:
    """The neighbourhood and the list, in a loop of their own, since the browser blocks this thread."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._folder = folder

    def __enter__(self) -> Town:
        self._thread.start()
        self.do(self._start())
        return self

    def __exit__(self, *error: object) -> None:
        self.do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(180)

    async def _start(self) -> None:
        self.neighbours = Neighbourhood(lambda: ("127.0.0.1", self.site.collector), time.time)
        port = await self.neighbours.start()
        self.site = Site(self._folder, port, per_network=10)
        zone = self._folder / "zones" / "trial.toml"
        zone.write_text(
            'origin = "trial.example.org"\nns = ["ns.example.net"]\ntrial = true\n'
            '[soa]\nmname = "ns.example.net"\nrname = "hostmaster.example.net"\n'
        )
        config = self.site.config.read_text()
        self.url = f"http://127.0.0.1:{self.site.web}"
        more = f'base_url = "{self.url}"\n'
        more += 'trusted_proxies = ["127.0.0.1"]\nposts_per_hour = 1000\ngets_per_minute = 100000\n'
        config = config.replace("[tester]", f"{more}[policy]\nremoval_waits = [0, 1]\n[tester]")
        self.site.config.write_text(config)
        await self.site.serve(within=150)

    async def _stop(self) -> None:
        await self.site.close()
        await self.neighbours.stop()

    def spam(self, address: str) -> str:
        """What lay in somebody's mailbox, who got it from there."""
        stamp = f"{datetime.now(UTC):%a, %d %b %Y %H:%M:%S} +0000"
        return (
            f"Received: from relay.example.net (relay.example.net [{address}])\r\n"
            f"\tby mx.reader.example with ESMTP; {stamp}\r\n"
            f"Received: from [198.51.100.8] by relay.example.net; {stamp}\r\n"
            "From: <offers@shop.example>\r\nSubject: Your parcel is waiting\r\n\r\nBuy now.\r\n"
        )

    def list(self, address: str) -> None:
        """Have it tested and listed, as an operator does at a terminal."""
        self.do(self.site.dnsbl("test", address, "--wait"))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with Town(tmp_path_factory.mktemp("town")) as served:
        yield served


@pytest.fixture
def comes(browser: Any, town: Town) -> Iterator[Callable[..., Any]]:  # noqa: F811
    """Somebody opens a page, from this address, in a window of this size."""
    with contextlib.ExitStack() as opened:

        def come(path: str, *, size: tuple[int, int] = DESK, script: bool = True, address: str = "192.0.2.99") -> Any:
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                java_script_enabled=script,
                extra_http_headers={"X-Forwarded-For": address},
            )
            opened.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(LONG)
            page.goto(f"{town.url}{path}")
            return page

        yield come


def shoot(page: Any, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"story-{name}.png"), full_page=True)


def assert_in_order(page: Any) -> None:
    """Nothing reaches out of the window, every target is as large as a finger, and axe finds nothing."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth") and page.evaluate(OVER) == []
    assert page.evaluate(SMALL) == []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert page.evaluate(AXE_RUN) == []


def press_to(page: Any, text: str) -> None:
    """Tab until the keyboard is on what says this."""
    for _ in range(80):
        page.keyboard.press("Tab")
        there = "(document.activeElement.textContent || document.activeElement.value || '').trim()"
        if page.evaluate(there).startswith(text):
            return
    raise AssertionError(f"the keyboard does not reach {text!r}")


def until_over(page: Any, heading: str) -> None:
    """Without a script the page loads itself again."""
    page.locator("h1", has_text=heading).wait_for()


def test_somebody_whose_mail_was_rejected_looks_up_and_gets_off_the_list_without_javascript(
    town: Town, comes: Callable[..., Any]
) -> None:
    town.list(OPEN)
    page = comes("/", size=PHONE, script=False)
    page.fill("#address", f"554 5.7.1 Client host [{OPEN}] blocked, see {town.url}/ip/{OPEN}")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ip/{OPEN}")
    assert page.locator("h1").inner_text() == f"Yes, {OPEN} is listed"
    assert "Likely cause" in page.content() or "cause" in page.content()
    shoot(page, "rejected-listed")
    town.neighbours.close_relay(OPEN)
    page.locator(".todo button").first.click()
    page.wait_for_url(f"**/ip/{OPEN}?test=*")
    until_over(page, f"No, {OPEN} is no longer listed")
    assert "What we tested" in page.content(), "who asked sees each way in"
    shoot(page, "rejected-off")
    assert town.do(town.site.dnsbl("lookup", OPEN))["listings"] == []


def test_an_operator_with_spam_in_hand_reports_by_the_keyboard_and_watches_it_become_listed(
    town: Town, comes: Callable[..., Any]
) -> None:
    page = comes("/nominate")
    assert_in_order(page)
    page.focus("#evidence")
    page.keyboard.insert_text("Subject: no headers\n\nBuy now.")
    press_to(page, "Read the message")
    page.keyboard.press("Enter")
    page.locator(".errors").wait_for()
    assert page.evaluate("document.activeElement.matches('.errors')"), "the summary has the keyboard"
    assert "Buy now." in page.input_value("#evidence")
    assert page.locator(".errors a").inner_text() == page.locator("#why").inner_text()
    shoot(page, "report-mistake")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the summary leads to the field
    page.fill("#evidence", town.spam(GREY))
    press_to(page, "Read the message")
    page.keyboard.press("Enter")
    page.locator("h1", has_text="Which server do you report?").wait_for()
    assert page.locator("input[name=pick]:checked + div .addr").inner_text() == GREY
    assert "sure: your server saw it" in page.locator(".chain").inner_text()
    assert_in_order(page)
    shoot(page, "report-server")
    press_to(page, "Report the picked server")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/ip/{GREY}?sent=1")
    page.evaluate("document.mark = true")
    shown = []
    page.expose_function("told", lambda text: shown.append(text))
    page.evaluate("new MutationObserver(() => told(document.getElementById('main').innerText)).observe("
                  "document.getElementById('main'), {childList: true, subtree: true})")  # fmt: skip
    page.locator("h1", has_text=f"Yes, {GREY} is listed").wait_for()
    assert page.evaluate("document.mark"), "it was told, and not loaded anew"
    assert not any("451" in text or "Greylisted" in text for text in shown if "is not listed" in text)
    shoot(page, "report-listed")


def test_reporting_works_on_a_phone_without_javascript_and_by_a_file(
    town: Town, comes: Callable[..., Any], tmp_path: Path
) -> None:
    saved = tmp_path / "spam.eml"
    saved.write_text(town.spam(CLOSED), newline="")
    page = comes("/nominate", size=PHONE, script=False)
    page.set_input_files("#file", str(saved))
    page.click("text=Read the message")
    page.locator("h1", has_text="Which server").wait_for()
    assert page.locator("input[name=pick]:checked + div .addr").inner_text() == CLOSED
    page.click("text=Back to the message")
    assert "Your parcel is waiting" in page.input_value("#evidence")
    page.click("text=Read the message")
    shoot(page, "report-phone")
    page.click("text=Report the picked server")
    page.wait_for_url(f"**/ip/{CLOSED}?sent=1")
    assert "Thank you, your report has been taken." in page.content() or "is not listed" in page.content()
    until_over(page, f"No, {CLOSED} is not listed")


def test_an_administrator_finds_the_line_for_his_server_and_how_to_try_it(comes: Callable[..., Any]) -> None:
    page = comes("/", size=PHONE)
    page.click("text=Use the list >> visible=true >> nth=-1")
    page.wait_for_url("**/use")
    assert "reject_rbl_client relays.example.org=127.0.0." in page.content()
    page.click("text=Is my mail server asking rightly?")
    page.wait_for_url("**/use/test")
    for _ in ("folded", "unfolded"):
        assert_in_order(page)
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true })")
    assert "warn_if_reject reject_rbl_client error.trial.example.org=127.0.0." in page.content()
    shoot(page, "use-test-360")
    shoot(comes("/use/test"), "use-test-1280")
    bare = comes("/use/test", script=False)
    assert bare.locator("main").inner_text() == comes("/use/test").locator("main").inner_text()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_the_owner_tests_his_own_and_is_never_told_two_things_at_once(comes: Callable[..., Any], script: bool) -> None:
    address = "127.77.0.83" if script else "127.77.0.81"
    page = comes("/self-test", size=PHONE if script else DESK, script=script, address=address)
    assert f"Test {address}" in page.content()
    for port in page.locator("input[name=port]").all():
        port.set_checked(port.get_attribute("value") == "25")
    page.check("input[name=agree]")
    page.locator("form button[type=submit]").last.click()
    page.wait_for_url("**/self-test/*")
    shoot(page, f"self-test-running-{'script' if script else 'bare'}")
    wanted = "is an open relay" if script else "is closed"
    while wanted not in (said := page.locator("main").inner_text()):
        assert "451" not in said and not ("has come back" in said and "is an open relay" in said.partition("\n")[0])
        page.wait_for_timeout(300)
    shoot(page, f"self-test-over-{'script' if script else 'bare'}")
