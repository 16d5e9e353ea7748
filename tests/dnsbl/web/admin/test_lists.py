"""Listings, exclusions, nominations and the journal, as operators see and change them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest

from dnsbl.errors import Damaged
from dnsbl.vocabulary import Role
from dnsbl.web.admin.room import ROWS
from tester.smtp import Outcome
from tests.dnsbl.web.admin.conftest import Side
from tests.waiting import until

Build = Callable[..., Side]
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m :fire: " + "W" * 300


def entered(built: Side) -> list[tuple[str, str, str]]:
    return [(e.verb, e.subject, e.actor) for e in built.casework.operators.journal() if e.actor == "operator ada"]


def test_a_network_is_listed_kept_and_dropped_by_the_accounts_word(side: Build) -> None:
    built = side()
    ada = built.signed_in()
    said = {"network": "8.8.8.0/24", "kind": "manual", "reason": " spam\n farm "}
    assert ada.post("/listings/add", **said, public="told").headers["location"] == "/admin/listings?done=listed"
    (one,) = built.casework.oversight.listings(most=9)[0]
    assert (str(one.network), one.note, one.public, one.author) == ("8.8.8.0/24", "spam farm", "told", "operator ada")
    page = ada.get("/listings").text
    assert "8.8.8.0/24" in page and "spam farm" in page
    assert "Listing is for manual alone; every kind may be dropped." in page
    assert "already" in ada.post("/listings/add", **said).text
    assert ada.post("/listings/keep", **said).headers["location"] == "/admin/listings?review=1&done=kept"
    assert ada.post("/listings/drop", **said).headers["location"] == "/admin/listings?done=dropped"
    assert built.casework.oversight.listings(most=9)[0] == []
    assert [row[0] for row in entered(built)] == ["signed-in", "listed", "reviewed", "dropped"]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"network": "8.8.8.8", "kind": "relay", "reason": "x"}, "operator may list"),
        ({"network": "8.8.8.8", "kind": "nonsense", "reason": "x"}, "No zone file knows"),
        ({"network": "8.8.8.8", "kind": "manual", "reason": " "}, "A reason is needed"),
        ({"network": "<script>", "kind": "manual", "reason": "x"}, 'role="alert"'),
        ({"network": "0.0.0.0/0", "kind": "manual", "reason": "x"}, 'role="alert"'),
        ({"network": "127.0.0.0/8", "kind": "manual", "reason": "x"}, 'role="alert"'),
    ],
)
def test_what_may_not_be_is_refused_in_a_sentence_and_keeps_what_was_typed(
    side: Build, wrong: dict[str, str], told: str
) -> None:
    built = side()
    ada = built.signed_in()
    answer = ada.post("/listings/add", **wrong)
    assert answer.status_code >= 400 and told in answer.text and "<script>" not in answer.text
    assert f'value="{wrong["network"]}"' in answer.text or "&lt;script&gt;" in answer.text
    assert built.casework.oversight.listings(most=9)[0] == []


def test_where_two_persons_are_needed_the_first_word_only_proposes(side: Build) -> None:
    built = side(policy={"two_persons": True})
    ada, bob = built.signed_in(), built.signed_in("bob", Role.OPERATOR)
    said = {"network": "8.8.8.0/24", "kind": "manual", "reason": "x"}
    assert ada.post("/listings/add", **said).headers["location"] == "/admin/listings?done=proposed"
    assert built.casework.oversight.listings(most=9)[0] == []
    assert "another operator has to confirm" in ada.post("/proposals/confirm", **said).text
    assert "8.8.8.0/24" in bob.get("/inbox").text
    assert bob.post("/proposals/confirm", **said).headers["location"] == "/admin/inbox?done=listed"
    assert len(built.casework.oversight.listings(most=9)[0]) == 1
    ada.post("/listings/add", **said | {"network": "9.9.9.0/24"})
    assert bob.post("/proposals/withdraw", **said | {"network": "9.9.9.0/24"}).status_code == 303
    assert built.casework.reviewing.proposals() == []


def test_listings_are_found_and_paged_behind_the_last_row(side: Build) -> None:
    built = side()
    verbs = built.casework.operators
    for number in range(ROWS + 3):
        verbs.list_networks([ip_network(f"8.8.{number}.0/24")], kind="manual", reason="x", actor="operator bob")
    ada = built.signed_in()
    page = ada.get("/listings?kind=manual").text
    onward = re.search(r'href="(/admin/listings\?[^"]*before=\d+)"', page)
    assert onward is not None and "kind=manual" in onward[1]
    rest = ada.client.get(onward[1].replace("&amp;", "&")).text
    seen = re.findall(r">(8\.8\.\d+\.0/24)</a>", page + rest)
    assert len(seen) == len(set(seen)) == ROWS + 3
    assert "8.8.3.0/24" in ada.get("/listings?network=8.8.3.0/24").text
    assert "8.8.4.0/24" not in ada.get("/listings?network=8.8.3.0/24").text
    assert "Nothing is listed that" in ada.get("/listings?until=2020-01-01").text
    for wrong in ("network=nonsense", "since=yesterday", f"network={'9' * 5000}"):
        assert ada.get(f"/listings?{wrong}").status_code == 422
    for odd in ("before=x", "before=-1", "before=" + "9" * 40, "reason=nonsense", "kind=%00"):
        assert ada.get(f"/listings?{odd}").status_code == 200


def test_a_network_is_excluded_and_may_be_tested_again(side: Build) -> None:
    built = side()
    ada = built.signed_in()
    said = {"network": "2001:db8:7::/48", "reason": HOSTILE, "public": "its owner asks so"}
    assert ada.post("/exclusions/add", **said).headers["location"] == "/admin/exclusions?done=excluded"
    page = ada.get("/exclusions?done=excluded").text
    assert "2001:db8:7::/48" in page and "its owner asks so" in page and "not tested from now on" in page
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert ada.post("/exclusions/end", network="2001:db8:7::/48", reason="asks no more").status_code == 303
    assert built.casework.operators.exclusions() == []
    assert "is not excluded" in ada.post("/exclusions/end", network="2001:db8:7::/48", reason="x").text
    assert "A reason is needed" in ada.post("/exclusions/add", network="192.0.2.1").text
    assert [row[0] for row in entered(built)] == ["signed-in", "excluded", "exclusion-ended"]


def test_nominations_show_what_was_shown_with_every_octet_escaped(side: Build) -> None:
    built = side()
    built.office.nominate("198.18.7.1", evidence=HOSTILE.encode() + b"\r\n\xff\xfe\0end\r\n", reason=HOSTILE)
    built.office.nominate("198.18.7.2", evidence=b"x\n" * 100_000)
    eve = built.signed_in("eve", Role.VIEWER)
    page = eve.get("/nominations").text
    assert "198.18.7.1" in page and "<script>alert" not in page
    assert "198.18.7.1" in eve.get("/nominations?door=web").text
    assert "198.18.7.1" not in eve.get("/nominations?door=api").text
    one = eve.get("/nominations/1").text
    assert "&lt;script&gt;alert(1)" in one and "<script>alert" not in one
    shown = one.split("<pre")[1].split("</pre>")[0]
    assert r"\xff\xfe\x00end" in shown and "\x1b" not in shown and "\u202e" not in shown
    long = eve.get("/nominations/2").text
    assert "the rest is left out" in long and len(long) < 30_000
    for missing in ("/nominations/99", "/nominations/x", "/nominations/" + "9" * 50):
        assert eve.get(missing).status_code == 404


def test_a_nomination_is_withdrawn_before_its_test_and_not_behind_it(side: Build) -> None:
    built = side()
    built.office.nominate("198.18.7.9")
    built.office.nominate("198.18.7.10")
    ada = built.signed_in()
    assert "Withdraw it" in ada.get("/nominations/1").text
    assert "A reason is needed" in ada.post("/nominations/1/withdraw").text
    answer = ada.post("/nominations/1/withdraw", reason="a slip")
    assert answer.headers["location"] == "/admin/nominations/1?done=taken-back"
    page = ada.get("/nominations/1?done=taken-back").text
    assert "The nomination is withdrawn." in page and "no: it was withdrawn" in page and "Withdraw it" not in page
    assert "does not count" in ada.get("/nominations").text
    assert entered(built)[-2][0] == "nomination-withdrawn"
    built.office.test(Outcome.RCPT_5XX)
    late = ada.post("/nominations/2/withdraw", reason="<b>too late")
    assert late.status_code == 409 and "has begun, or is over" in late.text and "&lt;b&gt;too late" in late.text
    assert ada.post("/nominations/99/withdraw", reason="x").status_code == 404
    eve = built.signed_in("eve", Role.VIEWER)
    assert "Withdraw it" not in eve.get("/nominations/2").text


def test_the_journal_is_searched_and_paged(side: Build) -> None:
    built = side()
    verbs = built.casework.operators
    for number in range(ROWS + 5):
        verbs.exclude(ip_network(f"192.0.{number}.0/24"), reason=HOSTILE, actor="operator <b>bob</b>")
    eve = built.signed_in("eve", Role.VIEWER)
    page = eve.get("/journal?actor=bob&verb=excluded").text
    assert "<b>bob" not in page and "&lt;b&gt;bob" in page and "<script>" not in page
    onward = re.search(r'href="(/admin/journal\?[^"]*before=\d+)"', page)
    assert onward is not None
    rest = eve.client.get(onward[1].replace("&amp;", "&")).text
    seen = re.findall(r">(192\.0\.\d+\.0/24)<", page + rest)
    assert len(seen) == len(set(seen)) == ROWS + 5
    assert ">192.0.7.0/24<" in eve.get("/journal?about=192.0.7.0/24").text
    assert ">192.0.8.0/24<" not in eve.get("/journal?about=192.0.7.0/24").text
    assert "account eve" in eve.get("/journal?about=account+eve").text
    assert "No entry of those" in eve.get("/journal?verb=nonsense").text
    assert eve.get("/journal?since=nonsense").status_code == 422
    assert eve.get("/journal?about=1/2/3").status_code == 422
    for odd in ("before=x", "about=%00", "actor=%25", "until=2026-01-01T00:00"):
        assert eve.get(f"/journal?{odd}").status_code == 200


def test_the_chain_is_followed_beside_and_a_changed_past_shows(side: Build, monkeypatch: Any) -> None:
    built = side()
    ada = built.signed_in()
    assert ada.post("/journal/verify").headers["location"] == "/admin/journal"
    asyncio.run(until(lambda: "entries hold together" in ada.get("/journal").text))

    def broken() -> int:
        raise Damaged("Entry 3 of the journal was changed, or the one before it.")

    monkeypatch.setattr(built.casework.operators, "verify_journal", broken)
    ada.post("/journal/verify")
    asyncio.run(until(lambda: "Entry 3 of the journal was changed" in ada.get("/journal").text))
