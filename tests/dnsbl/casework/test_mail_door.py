"""Nominations by mail, and spamtraps: what is taken, answered, declined and let go, and how much of it."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.casework.mail_door import Receipt
from dnsbl.errors import Full
from dnsbl.vocabulary import State, Tier
from tester.returned import Collected
from tests.dnsbl.rules.samples_of_mail import forward, plain, spam, through_own_server

DESK = "nominate@c.example.org"
PEER = "8.8.4.4"


@pytest.fixture
def office(make_office):
    return make_office(**sections())


def sections(**more: dict[str, object]) -> dict[str, dict[str, object]]:
    return {
        "mail_door": {"address": DESK},
        "notices": {"smarthost": "mail.example.net", "sender": "list@example.org"},
        "traps": {"domains": ["trap.example"]},
    } | more


def mail(office, message: bytes, *, sender: str = "ann@example.net", to: str = DESK, peer: str = PEER) -> Collected:
    came = office.arrived("x", peer, message)
    return replace(came, mail_from=sender, recipient=to, domain=to.rpartition("@")[2])


def take(office, message: bytes, **circumstances: str) -> Receipt:
    found: Receipt = office.casework.mail_door.take(mail(office, message, **circumstances))
    return found


def shown(office, address: str = "9.9.9.9") -> bytes:
    return forward(spam(address, office.clock.now()))


def sent(office) -> list[tuple[str, dict[str, str]]]:
    return [
        (notice.recipient, json.loads(notice.facts) | {"answers": notice.answers})
        for notice in office.casework.dispatch.newest(most=100)
    ]


def state(office, address: str) -> State:
    found: State = office.casework.views.look_up(ip_address(address)).state
    return found


# -- nominations -------------------------------------------------------------------------------------------------------
def test_forwarded_spam_nominates_who_handed_it_in_and_its_sender_is_told(office) -> None:
    assert take(office, shown(office)) == Receipt(queued=1, answered=True, declined="")
    nominated, job, noticed = office.casework.operators.journal(ip_address("9.9.9.9"))
    assert (nominated.actor, job.evidence, noticed.verb) == ("mail 8.8.4.0/24", "nomination 1", "notice")
    assert nominated.evidence.startswith("nomination 1, evidence sha256:")
    ((to, facts),) = sent(office)
    assert (to, facts["title"], facts["address"]) == ("ann@example.net", "9.9.9.9 will be tested", DESK)
    assert "/ip/9.9.9.9" in facts["read"]
    assert facts["answers"] == "<1@example.net>"


def test_where_several_lines_fit_nobody_is_nominated_before_somebody_has_said_which(office) -> None:
    message = forward(through_own_server("8.8.8.8", office.clock.now()))
    assert take(office, message) == Receipt(queued=0, answered=True, declined="")
    assert "nominate+2@c.example.org" in sent(office)[0][1]["read"]
    assert state(office, "8.8.8.8") is State.UNKNOWN
    assert take(office, message, to="nominate+2@c.example.org").queued == 1
    assert state(office, "8.8.8.8") is State.QUEUED


def test_a_mail_without_spam_nominates_nobody_and_its_sender_is_told_once_a_day(office) -> None:
    first, second = take(office, plain(office.clock.now())), take(office, plain(office.clock.now()))
    assert first == Receipt(queued=0, answered=True, declined="")
    assert (second.answered, second.declined[:34]) == (False, "Nothing is attached to this mail, ")
    office.later(days=1)
    assert take(office, plain(office.clock.now())).answered
    assert len(sent(office)) == 2


def test_a_stranger_gets_one_answer_a_day_and_his_second_spam_is_taken_all_the_same(office) -> None:
    assert take(office, shown(office)).answered
    assert take(office, shown(office, "9.9.8.8"), sender="ANN@example.net") == Receipt(
        queued=1, answered=False, declined=""
    )


@pytest.mark.parametrize(
    ("sender", "more"),
    [("", ""), ("mailer-daemon@example.net", ""), ("ann@example.net", "List-Id: <l.example>\n")],
)
def test_a_machine_a_list_and_an_empty_sender_get_no_answer(office, sender: str, more: str) -> None:
    message = forward(spam("9.9.9.9", office.clock.now()), more=more)
    assert take(office, message, sender=sender) == Receipt(queued=1, answered=False, declined="")
    assert sent(office) == []


def test_a_bounce_is_let_go(office) -> None:
    bounce = (
        b"From: MAILER-DAEMON@example.net\nSubject: Undelivered mail\nContent-Type: multipart/report; boundary=b; "
        b"report-type=delivery-status\n\n--b\nContent-Type: message/delivery-status\n\nAction: failed\n--b\n"
        b"Content-Type: message/rfc822\n\n" + spam("9.9.9.9", office.clock.now()) + b"\n--b--\n"
    )
    assert take(office, bounce, sender="") == Receipt(queued=0, answered=False, declined="")
    assert state(office, "9.9.9.9") is State.UNKNOWN


def test_what_may_not_be_answered_is_declined_so_that_its_own_server_tells_the_sender(make_office) -> None:
    office = make_office(**sections(notices={}))
    assert take(office, plain(office.clock.now())).declined.startswith("Nothing is attached")
    assert take(office, shown(office)) == Receipt(queued=1, answered=False, declined="")
    office.casework.operators.exclude(ip_network("9.9.0.0/16"), reason="x", public="", actor="me")
    assert "is not tested, at its owner's" in take(office, shown(office, "9.9.7.7")).declined


def test_who_is_told_by_his_own_server_alone_hears_how_to_say_which_line_is_meant(make_office) -> None:
    office = make_office(**sections(notices={}))
    said = take(office, forward(through_own_server("8.8.8.8", office.clock.now()))).declined
    assert said.endswith(
        ": say which is meant. Forward it again to nominate+NUMBER@c.example.org, with the line's number."
    )


def test_a_report_by_a_machine_is_taken_and_not_answered(office) -> None:
    report = "Feedback-Type: abuse\nVersion: 1\nSource-IP: 9.9.9.9\n"
    message = forward(spam("9.9.9.9", office.clock.now()), report=report)
    assert take(office, message, sender="fbl@example.net") == Receipt(queued=1, answered=False, declined="")


# -- reporters ---------------------------------------------------------------------------------------------------------
def test_who_shows_a_key_is_the_reporter_and_the_answer_goes_to_the_address_of_his_account(office) -> None:
    office.casework.reporters.add("ann", tier=Tier.NEW, contact="ann@home.example", actor="operator me")
    key = office.casework.reporters.key("ann", actor="operator me")
    desk = f"nominate+{key.removeprefix('dnsbl-key-')}@c.example.org"
    for n in range(3):
        assert take(office, shown(office, f"9.9.9.{n + 1}"), to=desk, sender="noreply@example.net").answered
    assert {to for to, _ in sent(office)} == {"ann@home.example"}
    assert office.casework.operators.journal(ip_address("9.9.9.1"))[0].actor == "mail reporter ann"
    assert take(office, shown(office, "9.9.9.7"), to=f"nominate+{key}@c.example.org").answered
    for mistyped in ("b" * 32, key[10:-1], f"{key[10:-1]}1", key[:-1]):
        wrong = take(office, shown(office), to=f"nominate+{mistyped}@c.example.org")
        assert "key is none of ours" in wrong.declined


def test_no_key_is_stored_or_copied_where_the_answer_asks_which_line_is_meant(office) -> None:
    office.casework.reporters.add("ann", tier=Tier.NEW, contact="ann@home.example", actor="operator me")
    word = office.casework.reporters.key("ann", actor="operator me").removeprefix("dnsbl-key-")
    doubtful = forward(through_own_server("8.8.8.8", office.clock.now()))
    assert take(office, doubtful, to=f"nominate+{word}@c.example.org").answered
    [(to, facts)] = sent(office)
    assert to == "ann@home.example" and "to nominate+2@c.example.org" in facts["read"]
    assert "Put your key before that number" in facts["read"]
    assert not any(word in str(line) for line in office.casework.restoring.backup())


# -- bounds ------------------------------------------------------------------------------------------------------------
def test_ten_thousand_mails_from_one_network_fill_nothing(make_office) -> None:
    office = make_office(**sections(mail_door={"address": DESK, "mails_day": 400, "answers_day": 400}))
    message, refused = plain(office.clock.now()), 0
    for n in range(100):
        try:
            take(office, message, sender=f"forged{n}@victim{n}.example", peer=f"8.8.4.{n + 1}")
        except Full:
            refused += 1
    assert refused > 85
    assert len(sent(office)) <= 10, "forged senders get little of it"
    assert take(office, shown(office), peer="1.2.3.4") == Receipt(queued=1, answered=True, declined="")


def test_answers_have_a_bound_of_their_own(make_office) -> None:
    office = make_office(**sections(mail_door={"address": DESK, "answers_day": 120}))
    for n in range(5):
        take(office, plain(office.clock.now()), sender=f"forged{n}@victim{n}.example")
    assert len(sent(office)) == 2, "a fortieth for one network"


# -- traps -------------------------------------------------------------------------------------------------------------
def spring(office, message: bytes, **circumstances: str):
    circumstances = {"to": "anybody@trap.example"} | circumstances
    return office.casework.mail_door.spring(mail(office, message, **circumstances))


def test_who_hands_a_mail_to_a_trap_is_nominated_by_what_our_socket_saw(office) -> None:
    forged = b"Received: from victim.example ([9.9.9.9]) by mx.example; x\nSubject: buy\n\nBuy.\n"
    job = spring(office, forged, peer="8.8.8.8")
    assert job is not None and str(job.address) == "8.8.8.8"
    assert state(office, "9.9.9.9") is State.UNKNOWN
    nominated = office.casework.operators.journal(job.address)[0]
    assert nominated.actor == "trap trap.example"
    with office.store.read() as tx:
        kept = tx.evidence.read(nominated.evidence.rpartition(":")[2])
    assert kept is not None and kept.startswith(b"Received: from relay.example ([8.8.8.8])\r\n\tby mx.example.org with")
    assert kept.endswith(forged)
    assert not any("anybody" in str(entry) for entry in office.casework.operators.journal())


def test_behind_a_server_of_our_own_the_chain_leads_to_who_handed_it_in(make_office) -> None:
    office = make_office(**sections(policy={"own_networks": ["198.51.100.0/24"]}))
    message = spam("8.8.8.8", office.clock.now())
    job = spring(office, message, peer="198.51.100.7")
    assert job is not None and str(job.address) == "8.8.8.8"


def test_a_bounce_to_a_trap_and_what_may_not_be_tested_nominate_nobody(office) -> None:
    assert spring(office, b"Subject: x\n\nx\n", sender="", peer="8.8.8.8") is None
    assert spring(office, b"Subject: x\n\nx\n", peer="127.0.0.1") is None
    assert spring(office, b"", peer="8.8.8.8") is not None
    assert spring(office, b"Subject: x\n\nx\n", peer="8.8.8.8") is not None, "the queued test serves both"


def test_one_network_cannot_fill_the_day_of_the_traps(make_office) -> None:
    office = make_office(**sections(traps={"domains": ["trap.example"], "mails_day": 120}))
    found = [spring(office, b"Subject: x\n\nx\n", peer=f"8.8.8.{n + 1}") for n in range(5)]
    assert [job is not None for job in found] == [True, True, False, False, False]
    assert spring(office, b"Subject: x\n\nx\n", peer="1.2.3.4") is not None


def test_a_name_in_the_greeting_cannot_write_into_our_line(office) -> None:
    came = mail(office, b"Subject: x\n\nx\n", to="a@trap.example", peer="8.8.8.8")
    job = office.casework.mail_door.spring(replace(came, helo="x ([9.9.9.9])\r\n\tby evil; "))
    assert job is not None and str(job.address) == "8.8.8.8"
