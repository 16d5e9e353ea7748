"""Reporting spam in three steps: what is read and shown, what is picked, what is filed, and that nothing is lost."""

from __future__ import annotations

import base64
import re
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.addresses import parse_address, parse_network
from dnsbl.vocabulary import State
from dnsbl.web.guards import most_bytes, most_evidence
from tester.smtp import Outcome
from tests.dnsbl.web.asking import Build, doubtful

TARGET, VISITOR = "198.18.7.9", "198.51.100.23"


class Steps:
    """Somebody who reports: each step sends the form that the page before has shown."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def read(self, evidence: str = "", *, file: bytes | None = None, **form: str) -> Any:
        files = {"file": ("x.eml", file)} if file is not None else {"file": ("", b"")}
        return self.client.post("/nominate", data={"evidence": evidence} | form, files=files)

    def next(self, page: Any, button: str = "send", **form: str) -> Any:
        """The form of the second step, as a browser sends it: what is hidden, what is picked, and the button."""
        assert f'name="{button}"' in page.text
        sent = {
            name: unescape(value)
            for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        }
        if picked := re.search(r'name="pick" value="(\d+)" checked', page.text):
            sent["pick"] = picked[1]
        return self.client.post("/nominate", data=sent | form | {button: "1"}, files={"other": ("", b"")})

    def report(self, evidence: str) -> Any:
        return self.next(self.read(evidence))


@pytest.fixture
def steps(house: Build) -> Any:
    return lambda home, address=VISITOR: Steps(home.visitor(address))


def state(home: Any, address: str = TARGET) -> State:
    found: State = home.casework.views.look_up(parse_address(address)).state
    return found


def picks(page: str) -> list[tuple[str, str]]:
    """Number and address of each server that can be picked."""
    return re.findall(r'name="pick" value="(\d+)"[^>]*><div><label[^>]*><span class="addr">([^<]+)<', page)


def test_reading_a_message_shows_the_server_that_handed_it_over_and_files_nothing(house: Build, steps: Any) -> None:
    home = house()
    page = steps(home).read(home.spam())
    assert page.status_code == 200 and picks(page.text) == [("1", TARGET)]
    assert 'value="1" checked' in page.text and "sure: your server saw it" in page.text
    assert "It handed the message to mx.example.com" in page.text and "trusted: your own system" in page.text
    assert "…@example.net" in page.text and "a@example.net" not in unescape(re.sub(r'value="[^"]*"', "", page.text))
    assert state(home) is State.UNKNOWN and list(home.casework.operators.journal()) == []


def test_sending_queues_the_test_and_leads_to_where_it_can_be_followed(house: Build, steps: Any) -> None:
    home = house()
    answer = steps(home).report(home.spam())
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ip/{TARGET}?sent=1")
    assert state(home) is State.QUEUED
    (entry,) = [e for e in home.casework.operators.journal() if e.verb == "nominated"]
    assert entry.actor == "web 198.51.100.0/24"
    page = home.visitor().get(answer.headers["location"]).text
    assert "Thank you, your report has been taken." in page and "S01" not in page
    assert "Thank you" not in home.visitor().get(f"/ip/{TARGET}").text
    assert "Thank you" not in home.visitor().get("/ip/198.18.7.10?sent=1").text, "of nothing that waits"


def test_what_is_filed_is_the_message_octet_by_octet(house: Build, steps: Any) -> None:
    home = house()
    message = home.spam().encode() + b"\xff\xfe caf\xe9 \x80\r\n\r\n  end"
    hand = steps(home)
    page = hand.read(file=message)
    [held] = re.findall(r'name="held" value="([^"]*)"', page.text)
    assert base64.b64decode(unescape(held)) == message
    assert hand.next(page).status_code == 303
    with home.office.store.read() as tx:
        [name] = tx.evidence.oldest(most=9)
        assert tx.evidence.read(name) == message


def test_the_page_says_beforehand_what_was_tested_or_is_listed(house: Build, steps: Any) -> None:
    home = house()
    home.office.nominate(TARGET)
    home.test(outcome=Outcome.RCPT_5XX, reply="550 no")
    page = steps(home).read(home.spam())
    assert page.status_code == 200 and "Nothing would be tested:" in page.text
    answer = steps(home).next(page)
    assert answer.status_code == 200 and "<strong>Recently tested:</strong>" in answer.text
    home.list("198.18.7.10")
    answer = steps(home).report(home.spam("198.18.7.10"))
    assert answer.status_code == 200 and "<strong>Listed:</strong>" in answer.text


@pytest.mark.parametrize(
    ("form", "status", "sentence", "at"),
    [
        ({}, 422, "An IP address or a spam message is needed.", "evidence"),
        ({"address": TARGET}, 422, "Show the spam", "evidence"),
        ({"evidence": "Subject: parcel\r\n\r\nDear customer"}, 422, "has no Received lines", "evidence"),
        (
            {"address": TARGET, "evidence": "</textarea><script>alert(1)</script>"},
            422,
            "This is no mail",
            "evidence",
        ),
        ({"address": "127.0.0.1", "evidence": "SPAM"}, 422, "127.0.0.1 cannot be tested", "address"),
        ({"address": "'><script>", "evidence": "SPAM"}, 400, "is not an IPv4 or IPv6 address", "address"),
    ],
)
def test_a_mistake_is_summed_up_on_top_and_said_at_its_field_and_nothing_that_was_typed_is_lost(
    house: Build, steps: Any, form: dict[str, str], status: int, sentence: str, at: str
) -> None:
    home = house()
    form = form | ({"evidence": home.spam()} if form.get("evidence") == "SPAM" else {})
    answer = steps(home).read(**form)
    assert answer.status_code == status and "<title>Mistake: " in answer.text
    [(where, summary)] = re.findall(r'<div class="errors"[^>]*autofocus>.*?<a href="#(\w+)">([^<]+)</a>', answer.text)
    [there] = re.findall(r'<p class="wrong" id="why">([^<]+)</p>', answer.text)
    assert sentence in unescape(summary) and summary == there and where == at
    assert re.search(rf'id="{at}"[^>]*aria-invalid="true" aria-describedby="why', answer.text)
    assert "<script" not in answer.text and answer.text.count("</textarea>") == 1
    kept = unescape(answer.text.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])
    assert kept.removeprefix("\n").replace("\r\n", "\n") == form.get("evidence", "").replace("\r\n", "\n")


def test_an_address_that_no_line_names_is_a_mistake_beside_the_lines(house: Build, steps: Any) -> None:
    home = house()
    answer = steps(home).read(home.spam(), address="8.8.8.8")
    assert answer.status_code == 422 and "No Received line of this message says" in answer.text
    assert picks(answer.text) == [("1", TARGET)]


def test_back_to_the_message_shows_it_again_as_it_was(house: Build, steps: Any) -> None:
    home = house()
    hand = steps(home)
    page = hand.next(hand.read(home.spam(text="<b>caf\u00e9</b> & more")), "back")
    assert page.status_code == 200 and "<h1>Report spam</h1>" in page.text
    assert "&lt;b&gt;caf\u00e9&lt;/b&gt; &amp; more" in page.text and 'class="errors"' not in page.text


def test_where_more_than_one_line_could_be_meant_the_page_asks_and_takes_the_answer(house: Build, steps: Any) -> None:
    home = house()
    hand = steps(home)
    asked = hand.read(doubtful(home))
    assert asked.status_code == 200 and 'class="errors"' not in asked.text
    assert "could be the hand-over, since mx.mysite.example and store.mysite.example share a domain" in asked.text
    assert picks(asked.text) == [("1", "198.18.1.1"), ("2", TARGET)] and " checked" not in asked.text
    assert "not sure: it may only have passed it on" in asked.text and "not sure: said by 198.18.1.1" in asked.text
    for pick in ("", "x", "99999", "²"):
        again = hand.next(asked, pick=pick)
        assert again.status_code == 422 and 'class="errors"' in again.text and len(picks(again.text)) == 2
    assert state(home) is State.UNKNOWN
    assert hand.next(asked, pick="2").headers["location"] == f"/ip/{TARGET}?sent=1"


def test_who_names_the_last_server_of_his_own_is_asked_no_more(house: Build, steps: Any) -> None:
    home = house()
    hand = steps(home)
    asked = hand.read(doubtful(home))
    page = hand.next(asked, "again", mine="MX.mysite.example ")
    assert picks(page.text) == [("2", TARGET)] and 'value="2" checked' in page.text
    assert "Passed: a registered name." in page.text
    for nonsense in (".example", "x", "*", "a b.example", "<script>.example"):
        assert len(picks(hand.next(asked, "again", mine=nonsense).text)) == 2


def test_a_reporter_who_has_registered_his_servers_is_not_asked(house: Build, steps: Any) -> None:
    for policy in ({"reporters": [f"{VISITOR}/32 198.18.1.1"]}, {"own_names": [".mysite.example"]}):
        home = house(policy=policy)
        assert steps(home).report(doubtful(home)).headers["location"] == f"/ip/{TARGET}?sent=1"
        asked = steps(home, "192.0.2.1").read(doubtful(home))
        assert (" checked" in asked.text) is ("own_names" in policy)


def test_an_address_from_a_link_or_typed_picks_its_line(house: Build, steps: Any) -> None:
    home = house()
    page = steps(home).read(doubtful(home), address=TARGET)
    assert page.status_code == 200 and 'value="2" checked' in page.text


def test_a_server_that_nobody_may_have_tested_cannot_be_picked(house: Build, steps: Any) -> None:
    home = house()
    page = steps(home).read(home.spam("203.0.113.9"))
    assert page.status_code == 422 and "203.0.113.9 cannot be tested" in page.text
    assert picks(page.text) == [] and 'name="send"' not in page.text and 'name="back"' in page.text


def test_a_file_may_be_handed_in(house: Build, steps: Any) -> None:
    home = house()
    hand = steps(home)
    forward = (
        "Received: from mail.partner.example ([198.18.9.9]) by mx.example.com; x\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        f"{home.spam()}\r\n--b--\r\n"
    )
    page = hand.read(file=b"\xef\xbb\xbf" + forward.encode())
    assert picks(page.text) == [("1", TARGET)] and "198.18.9.9" not in page.text
    assert hand.next(page).headers["location"] == f"/ip/{TARGET}?sent=1"
    assert hand.read(file=b"").status_code == 422


def test_a_file_comes_back_as_text_and_one_that_is_none_must_be_chosen_again(house: Build, steps: Any) -> None:
    home = house()
    hand = steps(home)
    page = hand.read(file=b"\xff\xfe" + doubtful(home).encode("utf-16-le"))
    assert len(picks(page.text)) == 2
    assert hand.next(page, pick="2").status_code == 303
    nothing = hand.read(file=b"\0\1")
    assert nothing.status_code == 422 and "\0" not in nothing.text


def test_of_a_mailbox_each_message_is_told_about(house: Build, steps: Any) -> None:
    home = house(policy={"evidence_messages": 3})
    hand = steps(home)
    separator = "From a@example.net Wed Nov 25 15:14:13 2026\r\n"
    box = "".join(
        separator + each + "\r\n" for each in (home.spam(), doubtful(home), home.spam("198.18.7.10"), home.spam())
    )
    asked = hand.read(box)
    assert "This file holds 4 messages; the first 3 were read" in asked.text
    assert "Message 2 of 4" in asked.text and asked.text.count("Would not be taken:") == 1 and picks(asked.text) == []
    page = hand.next(asked).text
    assert "This file holds 4 messages; the first 3\nwere taken" in page
    assert page.count("will be tested") == 2
    assert "Message 2 of 4:" in page and "<strong>Not taken:</strong> Line 1 (198.18.1.1)" in page
    none = hand.report((separator + doubtful(home) + "\r\n") * 2)
    assert none.status_code == 422 and none.text.count("Not taken") == 2


def test_an_excluded_network_is_not_nominated(house: Build, steps: Any) -> None:
    home = house()
    home.casework.operators.exclude(parse_network("198.18.7.0/24"), reason="asked", actor="operator")
    answer = steps(home).report(home.spam())
    assert answer.status_code == 403 and "is not tested" in answer.text


def test_the_largest_evidence_that_is_read_can_be_sent_and_what_is_larger_is_refused(house: Build, steps: Any) -> None:
    home = house(policy={"evidence_bytes": 4096})
    hand, most = steps(home), most_evidence(home.office.settings)
    file = home.spam().encode().ljust(most, b"x")
    page = hand.read(file=file)
    assert page.status_code == 200 and len(page.text) < most_bytes(home.office.settings) + 30_000
    assert hand.next(page).status_code == 303
    assert hand.read(file=file + b"x").status_code == 413


@pytest.mark.parametrize("held", ["", "x", "====", "\u00e9", base64.b64encode(b"\0" * 50).decode()])
def test_nothing_but_a_message_is_carried_from_step_to_step(house: Build, steps: Any, held: str) -> None:
    home = house()
    answer = home.visitor().post("/nominate", data={"held": held, "send": "1", "pick": "1"})
    assert answer.status_code in (400, 422) and 'role="alert"' in answer.text


def test_what_a_message_says_is_bounded_and_never_markup(house: Build, steps: Any) -> None:
    home = house()
    long = "\u202e<script>alert(1)</script>" + "W" * 100_000
    spam = home.spam(text="x").replace("Subject: x", f"Subject: {long}").replace("relay.example.net (", f"{long} (")
    page = steps(home).read(spam)
    shown = re.sub(r'value="[^"]*"', "", page.text)
    assert "<script" not in shown and "\u202e" not in shown and len(shown) < 40_000


def test_how_to_get_the_headers_is_told_for_each_program_in_a_fold(anyone: TestClient) -> None:
    page = anyone.get("/nominate").text
    programs = re.findall(r'<details name="mua"><summary>([^<]+)</summary>', page)
    assert programs == [
        "Gmail", "Outlook, new and on the web", "Outlook, classic", "Apple Mail", "Thunderbird", "Proton Mail",
        "Command line",
    ]  # fmt: skip
