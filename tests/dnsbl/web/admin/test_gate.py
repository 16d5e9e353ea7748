"""Who comes in on the operators' side, and what stands before each of its routes."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from dnsbl.casework import credentials
from dnsbl.vocabulary import Role
from dnsbl.web.admin import gate
from tests.dnsbl.web.admin.conftest import WORDS, Side
from tests.waiting import until

Build = Callable[..., Side]
#: What whoever is signed in may do about himself, and what nobody needs to be signed in for.
OWN = {
    "/admin/sign-out",
    "/admin/me/password",
    "/admin/me/codes",
    "/admin/me/no-codes",
    "/admin/me/sign-out-everywhere",
}
OPEN = {"/admin/sign-in"}
#: Sign-ins at once, from as many regions; fewer than bodies of requests that are taken at once.
MANY = 26


def routes(app: Any, method: str) -> list[str]:
    """The paths of all routes below /admin that take this method, however they are nested."""
    found: list[str] = []

    def walk(each: Any) -> None:
        for route in each:
            if isinstance(route, APIRoute):
                if method in route.methods and route.path.startswith("/admin"):
                    found.append(route.path)
            elif hasattr(route, "routes") and route.routes:
                walk(route.routes)
            elif hasattr(route, "original_router"):
                walk(route.original_router.routes)

    walk(app.routes)
    return sorted(set(found))


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "1", path)


def test_the_walk_finds_the_routes(side: Build) -> None:
    app = side().house.app
    assert len(routes(app, "POST")) >= 25 and set(routes(app, "POST")) >= OWN | OPEN
    assert {"/admin", "/admin/journal", "/admin/inbox/{number}"} <= set(routes(app, "GET"))


def test_nothing_is_there_until_somebody_has_an_account(side: Build) -> None:
    built = side()
    client = built.browser()
    public = client.get("/there-is-no-such-page")
    for path in routes(built.house.app, "GET"):
        answer = client.get(filled(path))
        assert (answer.status_code, answer.text) == (404, public.text), path
    for path in routes(built.house.app, "POST"):
        assert client.post(filled(path)).status_code == 404, path
    built.account()
    assert client.get("/admin").headers["location"] == "/admin/sign-in?to=/admin"


@pytest.mark.parametrize("to", ["//[", "http://[x", "//℀", "//evil.example", "/elsewhere", "/admin/\\evil"])
def test_where_nobody_may_be_led_the_dashboard_comes_after_signing_in(side: Build, to: str) -> None:
    built = side()
    built.account()
    assert built.browser().get("/admin/sign-in", params={"to": to}).status_code == 200
    assert gate._inside(to) == "/admin"


def test_nothing_is_there_where_settings_say_so_or_from_elsewhere(side: Build) -> None:
    off = side(admin={"on": False})
    off.account()
    assert off.browser().get("/admin/sign-in").status_code == 404
    narrow = side(admin={"networks": ["203.0.113.0/24", "2001:db8:1::/48"]})
    narrow.account()
    assert narrow.browser().get("/admin/sign-in").status_code == 404
    for address in ("203.0.113.9", "2001:db8:1::9"):
        assert narrow.browser(address).get("/admin/sign-in").status_code == 200
    forged = narrow.browser().get("/admin/sign-in", headers={"X-Forwarded-For": "203.0.113.9"})
    assert forged.status_code == 404


def test_nobody_signs_in_over_the_open_net_in_clear_text(side: Build) -> None:
    built = side(web={"base_url": "http://127.0.0.1:8053", "trusted_proxies": []})
    built.account()
    far = built.browser()
    answer = far.get("/admin/sign-in")
    assert answer.status_code == 403 and "in clear text" in answer.text
    near = built.browser("127.0.0.1")
    assert near.get("/admin/sign-in").status_code == 200
    said = near.post("/admin/sign-in", data={"name": "ada", "password": WORDS})
    cookie = said.headers["set-cookie"]
    assert cookie.startswith("dnsbl-admin=") and "Secure" not in cookie and "HttpOnly" in cookie
    behind = near.get("/admin/sign-in", headers={"X-Forwarded-For": "192.0.2.9"})
    assert behind.status_code == 403, "a proxy that nobody has named is not this machine"


def test_a_proxy_that_settings_do_not_name_brings_nobody_in(side: Build) -> None:
    built = side(web={"trusted_proxies": []})
    built.account()
    answer = built.browser("127.0.0.1").get("/admin/sign-in")
    assert answer.status_code == 403 and "web.trusted_proxies" in answer.text


def test_the_cookie_is_of_this_host_alone_and_nothing_is_cached(side: Build) -> None:
    built = side()
    built.account()
    client = built.browser()
    answer = client.post("/admin/sign-in", data={"name": "ada", "password": WORDS})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-dnsbl-admin=")
    assert {part.strip() for part in cookie.split(";")[1:]} == {"HttpOnly", "Path=/", "SameSite=Strict", "Secure"}
    for path in routes(built.house.app, "GET"):
        seen = client.get(filled(path))
        assert seen.headers["cache-control"] == "no-store", path
        assert "script-src" not in seen.headers["content-security-policy"]
        assert "default-src 'self'" in seen.headers["content-security-policy"]
    assert client.get("/").headers.get("set-cookie") is None


def test_a_viewer_sees_every_page_but_accounts_and_acts_nowhere(side: Build) -> None:
    """By the router, so that a route that is added later and forgets its role fails here."""
    built = side()
    built.account()
    viewer = built.signed_in("eve", Role.VIEWER)
    before = len(built.casework.operators.journal())
    for path in routes(built.house.app, "POST"):
        if path in OWN | OPEN:
            continue
        answer = viewer.client.post(filled(path), data={"form": viewer.form, "needed": "viewer", "role": "owner"})
        assert answer.status_code == 403 and "yours is viewer" in answer.text, path
        again = viewer.client.post(f"{filled(path)}?needed=viewer&role=owner", data={"form": viewer.form})
        assert again.status_code == 403, path
    for path in routes(built.house.app, "GET"):
        seen = viewer.client.get(filled(path))
        if path == "/admin/accounts":
            assert seen.status_code == 403
        else:
            assert seen.status_code in (200, 303, 404), path
        acting = set(re.findall(r'action="(/admin/[^"]*)"', seen.text)) - {"/admin/journal", "/admin/listings"}
        assert acting - {"/admin/nominations"} <= OWN | OPEN, path
    assert len(built.casework.operators.journal()) == before


def test_an_operator_acts_and_says_nothing_about_accounts(side: Build) -> None:
    built = side()
    built.account()
    operator = built.signed_in("bob", Role.OPERATOR)
    for path in ("/accounts/add", "/accounts/change"):
        answer = operator.post(path, name="mallory", role="owner", password=WORDS, mine=WORDS)
        assert answer.status_code == 403
    assert operator.get("/accounts").status_code == 403
    assert operator.post("/exclusions/add", network="192.0.2.0/24", reason="x").status_code == 303


def test_every_form_is_of_its_own_sign_in(side: Build) -> None:
    built = side()
    one, other = built.signed_in(), built.signed_in("bob", Role.OWNER)
    before = len(built.casework.operators.journal())
    for path in routes(built.house.app, "POST"):
        if path in OPEN:
            continue
        for form in ("", "x", other.form, one.form[:-1]):
            answer = one.client.post(filled(path), data={"form": form})
            assert answer.status_code == 403 and "of another sign-in" in answer.text, path
        assert one.client.post(filled(path)).status_code == 403, path
    assert len(built.casework.operators.journal()) == before


def test_no_other_site_sends_a_form_even_one_that_knows_all(side: Build) -> None:
    one = side().signed_in()
    answer = one.client.post(
        "/admin/exclusions/add",
        data={"form": one.form, "network": "192.0.2.0/24", "reason": "x"},
        headers={"Origin": "https://evil.example"},
    )
    assert answer.status_code == 403
    assert one.client.post("/admin/sign-in", headers={"Origin": "https://evil.example"}).status_code == 403


def test_who_is_not_signed_in_is_led_there_and_back_and_nowhere_else(side: Build) -> None:
    built = side()
    built.account()
    client = built.browser()
    for path in routes(built.house.app, "GET"):
        if path not in OPEN:
            answer = client.get(filled(path))
            assert (answer.status_code, answer.headers["location"]) == (
                303,
                f"/admin/sign-in?to={quote(filled(path))}",
            )
    for path in routes(built.house.app, "POST"):
        if path not in OPEN:
            assert client.post(filled(path)).headers["location"] == "/admin/sign-in"
    for to, led in (
        ("/admin/journal", "/admin/journal"),
        ("/admin/journal?about=192.0.2.1", "/admin/journal?about=192.0.2.1"),
        ("https://evil.example/admin", "/admin"),
        ("//evil.example/admin", "/admin"),
        ("/\\evil.example", "/admin"),
        ("/admin/../../evil", "/admin/../../evil"),
        ("/administrators", "/admin"),
        ("/admin/sign-in", "/admin"),
        ("/admin\r\nSet-Cookie: x=y", "/admin"),
        ("javascript:alert(1)", "/admin"),
        ("/admin/" + "x" * 5000, "/admin"),
    ):
        answer = built.browser().post("/admin/sign-in", data={"name": "ada", "password": WORDS, "to": to})
        assert answer.headers["location"] == led and "x=y" not in str(answer.headers)


def test_wrong_words_are_told_alike_and_keep_the_name(side: Build) -> None:
    built = side()
    built.account()
    client = built.browser()
    told = set()
    for name, password in (("ada", "no such secret"), ("nobody", WORDS), ("<b>x", "no such secret")):
        answer = client.post("/admin/sign-in", data={"name": name, "password": password})
        assert answer.status_code == 403 and "set-cookie" not in answer.headers and password not in answer.text
        told.add(re.findall(r'role="alert">([^<]*)<', answer.text)[0])
    assert told == {"Name, password and code do not go together."}
    assert "&lt;b&gt;x" in answer.text and "<b>x" not in answer.text
    for _ in range(3):
        answer = client.post("/admin/sign-in", data={"name": "ada", "password": "wrong"})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1


def test_signing_out_ends_it_and_two_cookies_of_one_name_are_none(side: Build) -> None:
    built = side()
    one = built.signed_in()
    secret = next(cookie.value for cookie in one.client.cookies.jar)
    twice = built.browser().get("/admin", headers={"Cookie": f"__Host-dnsbl-admin={secret}; __Host-dnsbl-admin=x"})
    assert twice.status_code == 303
    answer = one.post("/sign-out")
    assert answer.headers["location"] == "/admin/sign-in" and "Max-Age=0" in answer.headers["set-cookie"]
    again = built.browser().get("/admin", headers={"Cookie": f"__Host-dnsbl-admin={secret}"})
    assert again.status_code == 303


@pytest.mark.parametrize(
    "cookie", ["", "x" * 9000, "a=b; ;=; __Host-dnsbl-admin=", "\xff\xfe", "__Host-dnsbl-admin=%00"]
)
def test_hostile_cookies_are_nobody(side: Build, cookie: str) -> None:
    built = side()
    built.account()
    answer = built.browser().get("/admin", headers={"Cookie": cookie.encode("latin-1")})
    assert answer.status_code == 303


def test_one_time_codes_are_asked_for_on_the_same_page(side: Build) -> None:
    built = side()
    built.account()
    accounts, clock = built.casework.accounts, built.office.clock
    key, _ = accounts.offer("ada")
    accounts.enrol("ada", key, credentials.totp_now(key, clock.now().timestamp()), actor="operator ada")
    clock.turn(minutes=1)
    client = built.browser()
    assert client.post("/admin/sign-in", data={"name": "ada", "password": WORDS}).status_code == 403
    code = credentials.totp_now(key, clock.now().timestamp())
    assert client.post("/admin/sign-in", data={"name": "ada", "password": WORDS, "code": code}).status_code == 303


def test_a_flood_of_sign_ins_waits_in_a_line_that_has_an_end(side: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many at once two are hashed, some wait, and the others are told to come back."""
    built = side()
    built.account()
    go, at_once, together, lock = threading.Event(), [0], [0], threading.Lock()

    def slow(password: str, kept: str | None) -> bool:
        with lock:
            at_once[0] += 1
            together[0] = max(together[0], at_once[0])
        go.wait(60)
        with lock:
            at_once[0] -= 1
        return False

    monkeypatch.setattr(credentials, "fits", slow)
    with ThreadPoolExecutor(MANY) as pool:
        sent = [
            pool.submit(
                built.browser(f"{n + 11}.5.6.7").post, "/admin/sign-in", data={"name": f"n{n}", "password": "x"}
            )
            for n in range(MANY)
        ]
        left = gate.HASHING + gate.WAITING
        try:
            asyncio.run(until(lambda: sum(one.done() for one in sent) >= MANY - left, within=60))
        finally:
            go.set()
        statuses = [one.result().status_code for one in sent]
    assert together[0] == gate.HASHING
    assert (statuses.count(503), statuses.count(403)) == (MANY - left, left)


def test_acting_often_is_not_counted_as_strangers_are(side: Build) -> None:
    one = side(web={"posts_per_hour": 3}).signed_in()
    for number in range(12):
        assert one.post("/exclusions/add", network=f"192.0.{number}.0/24", reason="x").status_code == 303
