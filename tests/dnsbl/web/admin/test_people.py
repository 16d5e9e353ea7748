"""Reporters, accounts, and one's own account, on the operators' side."""

from __future__ import annotations

import re
from collections.abc import Callable

from dnsbl.casework import credentials
from dnsbl.vocabulary import Role, Tier
from tests.dnsbl.web.admin.conftest import WORDS, Side

Build = Callable[..., Side]


def test_a_reporter_is_made_keyed_trusted_suspended_and_taken_back(side: Build) -> None:
    built = side()
    ada, reporters = built.signed_in(), built.casework.reporters
    assert ada.post("/reporters/add", name="Ann").headers["location"] == "/admin/reporters?done=added"
    assert "already" in ada.post("/reporters/add", name="ann").text
    made = ada.post("/reporters/key", name="ann")
    key = re.search(r"dnsbl-key-[a-z2-7]+", made.text)
    assert key is not None and built.casework.doors.reporter_of(key[0]).name == "ann"
    assert key[0] not in ada.get("/reporters").text
    assert ada.post("/reporters/tier", name="ann", tier="known", reason="good").status_code == 303
    assert reporters.find("ann").tier is Tier.KNOWN
    assert ada.post("/reporters/tier", name="ann", tier="king", reason="x").status_code == 422
    assert ada.post("/reporters/suspend", name="ann", reason="lies").status_code == 303
    assert "lies" in ada.get("/reporters").text and reporters.find("ann").why == "lies"
    assert ada.post("/reporters/resume", name="ann", reason="was wrong").status_code == 303
    assert ada.post("/reporters/revoke", name="ann").status_code == 303 and reporters.find("ann").key is None
    for path in ("suspend", "resume", "tier", "key", "revoke"):
        answer = ada.post(f"/reporters/{path}", name="<b>bob", tier="new", reason="x")
        assert answer.status_code >= 400 and "<b>bob" not in answer.text
    actors = {e.actor for e in built.casework.operators.journal() if e.subject == "reporter ann"}
    assert actors == {"operator ada"}


def test_an_owner_makes_changes_and_removes_accounts_with_his_own_password(side: Build) -> None:
    built = side()
    ada, accounts = built.signed_in(), built.casework.accounts
    new = {"name": "bob", "role": "viewer", "password": "another good one"}
    assert "not your password" in ada.post("/accounts/add", **new, mine="wrong").text
    assert [one.name for one in accounts.all()] == ["ada"]
    assert ada.post("/accounts/add", **new, mine=WORDS).headers["location"] == "/admin/accounts?done=added"
    assert "already" in ada.post("/accounts/add", **new, mine=WORDS).text
    for change, shown in (
        ({"what": "role", "role": "operator", "reason": "x"}, lambda one: one.role is Role.OPERATOR),
        ({"what": "disable", "reason": "x"}, lambda one: one.disabled),
        ({"what": "enable", "reason": "x"}, lambda one: not one.disabled),
        ({"what": "no-codes", "reason": "x"}, lambda one: not one.totp),
        ({"what": "password", "password": "a third good one"}, lambda one: "third" in one.password),
    ):
        assert ada.post("/accounts/change", name="bob", mine=WORDS, **change).status_code == 303, change
        assert shown(accounts.find("bob"))
        assert ada.post("/accounts/change", name="bob", mine="wrong", **change).status_code >= 400
    for wrong in ({"what": "role", "role": "king", "reason": "x"}, {"what": "nonsense"}, {"what": "disable"}):
        assert ada.post("/accounts/change", name="bob", mine=WORDS, **wrong).status_code >= 400
    assert "last owner" in ada.post("/accounts/change", name="ada", mine=WORDS, what="remove", reason="x").text
    assert ada.post("/accounts/change", name="bob", mine=WORDS, what="remove", reason="x").status_code == 303
    assert [one.name for one in accounts.all()] == ["ada"]
    page = ada.get("/accounts").text
    assert "cheap" not in page and WORDS not in page


def test_a_new_password_ends_every_sign_in(side: Build) -> None:
    built = side()
    ada, there = built.signed_in(), built.signed_in(address="203.0.113.7")
    for wrong in (
        {"old": "wrong", "new": "another good one", "again": "another good one"},
        {"old": WORDS, "new": "another good one", "again": "another bad one"},
        {"old": WORDS, "new": "short", "again": "short"},
    ):
        assert ada.post("/me/password", **wrong).status_code >= 400
    assert there.get("").status_code == 200
    answer = ada.post("/me/password", old=WORDS, new="another good one", again="another good one")
    assert answer.headers["location"] == "/admin/sign-in"
    assert ada.get("").status_code == there.get("").status_code == 303


def test_one_time_codes_are_begun_with_a_code_and_ended_with_a_password(side: Build) -> None:
    built = side()
    ada, clock = built.signed_in(), built.office.clock
    page = ada.get("/me").text
    key = re.search(r'name="key" value="([A-Z2-7]{32})"', page)
    assert key is not None and 'href="otpauth://totp/' in page
    code = credentials.totp_now(key[1], clock.now().timestamp())
    refused = ada.post("/me/codes", key=key[1], code="000000", mine=WORDS)
    assert refused.status_code >= 400 and key[1] in refused.text, "the key stays, or the device would be wrong"
    assert ada.post("/me/codes", key=key[1], code=code, mine="wrong").status_code >= 400
    assert ada.post("/me/codes", key="<script>", code=code, mine=WORDS).status_code >= 400
    begun = ada.post("/me/codes", key=key[1], code=code, mine=WORDS).text
    codes = re.findall(r"<code>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</code>", begun)
    assert len(codes) == 8
    after = ada.get("/me").text
    assert codes[0] not in after and key[1] not in after and "Ask me for none" in after
    assert ada.post("/me/no-codes", mine="wrong").status_code >= 400
    assert ada.post("/me/no-codes", mine=WORDS).status_code == 303
    assert built.casework.accounts.find("ada").totp == ""


def test_signing_out_everywhere_ends_all_and_says_where_one_was(side: Build) -> None:
    built = side()
    ada, there = built.signed_in(), built.signed_in(address="203.0.113.7")
    assert "203.0.113.0/24" in ada.get("/me").text
    assert ada.post("/me/sign-out-everywhere").headers["location"] == "/admin/sign-in"
    assert there.get("").status_code == 303


def test_a_viewer_sees_reporters_and_is_offered_no_change(side: Build) -> None:
    built = side()
    built.account()
    built.casework.reporters.add("ann", tier=Tier.NEW, contact="ann@x.example", actor="operator a")
    page = built.signed_in("eve", Role.VIEWER).get("/reporters").text
    assert "ann" in page and "reporters/suspend" not in page
