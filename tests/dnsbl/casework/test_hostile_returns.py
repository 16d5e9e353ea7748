"""What strangers bring to the collector, weighed against a real store: none of it ever lists anybody."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dnsbl.daemons.mailroom import Mailroom
from dnsbl.errors import Full, StoreUnavailable
from dnsbl.rules.keeping import PER_LETTER
from dnsbl.vocabulary import Door
from tester import letter
from tester.smtp import Outcome
from tester.verdict import Finding

Make = Callable[..., Any]  # the fixture; its office is a helper of conftest
TARGET, VICTIM, STRANGER = "8.8.4.7", "9.9.9.99", "1.1.1.50"


def nobody_is_listed(office: Any) -> bool:
    _, entries, *_ = office.casework.contents.snapshot()
    return not list(entries) and not any(office.casework.views.look_up(office.at(a)).listings for a in (TARGET, VICTIM))


def waiting(office: Any, address: str = TARGET) -> str:
    """A run whose letters were accepted, and that waits for them."""
    office.nominate(address)
    return str(office.test(Outcome.ACCEPTED).id)


def refused(office: Any, address: str = TARGET) -> str:
    """A run in which every letter was refused at RCPT: its tokens are in the server's log, its proofs went nowhere."""
    office.nominate(address)
    return str(office.test(Outcome.RCPT_5XX).id)


def test_the_office_does_list_what_is_really_relayed(office: Any) -> None:
    """Otherwise everything below would pass for nothing."""
    run = waiting(office)
    assert office.come_back(run, TARGET) is Finding.DELIVERED_SAME
    assert not nobody_is_listed(office)


def forged_token(office: Any) -> Finding:
    run = waiting(office)
    genuine = office.issued(run)
    token = letter.issue(
        letter.Keyring.generate(lambda size: b"\x55" * size, 0),
        address=genuine.address,
        port=25,
        vector="S01",
        run=run,
        not_before=genuine.not_before,
        not_after=genuine.not_after,
        random=lambda size: b"\x66" * size,
    ).recipient
    return office.arrive(token, TARGET, office.message(genuine))


def changed_token(office: Any) -> Finding:
    token = office.issued(waiting(office)).recipient
    return office.arrive(token[:-1] + ("a" if token[-1] != "a" else "b"), TARGET, b"Proof: x\r\n")


def token_without_proof(office: Any) -> Finding:
    return office.come_back(waiting(office), TARGET, message=b"Subject: hello\r\n\r\nno proof here\r\n")


def leaked_at_rcpt(office: Any) -> Finding:
    return office.come_back(refused(office), TARGET, message=b"Subject: x\r\n\r\nProof: " + b"a" * 26 + b"\r\n")


def body_never_sent(office: Any) -> Finding:
    return office.come_back(refused(office), TARGET)


def proof_of_another_run(office: Any) -> Finding:
    mine, theirs = waiting(office), waiting(office, VICTIM)
    return office.come_back(theirs, VICTIM, message=office.message(office.issued(mine)))


def proof_of_another_letter(office: Any) -> Finding:
    run = waiting(office)
    return office.arrive(office.issued(run, 0).recipient, TARGET, office.message(office.issued(run, 1)))


def many_guesses(office: Any) -> Finding:
    guesses = b"".join(b"Proof: " + bytes([97 + n % 26]) * 26 + b"\r\n" for n in range(1000))
    return office.come_back(waiting(office), TARGET, message=b"\r\n" + guesses)


def after_the_window(office: Any) -> Finding:
    run = waiting(office)
    office.later(seconds=office.settings.tester.late_window + 60)
    return office.come_back(run, TARGET)


def before_the_window(office: Any) -> Finding:
    issued = office.issued(waiting(office))
    arrived = office.arrived(issued.recipient, TARGET, office.message(issued))
    return office.casework.arrivals.file_return(replace(arrived, received_at=issued.not_before - 60))


def as_a_report(office: Any) -> Finding:
    run = waiting(office)
    report = (
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n"
        b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n\r\n--b\r\n\r\n"
    )
    return office.come_back(run, TARGET, message=report + office.message(office.issued(run)) + b"\r\n--b--\r\n")


def to_the_sender(office: Any) -> Finding:
    return office.come_back(waiting(office), TARGET, to_sender=True)


def by_way_of_a_victim(office: Any) -> Finding:
    """The owner of an accepting host hands our letter to an innocent machine, which delivers it."""
    return office.come_back(waiting(office), VICTIM)


def from_a_listener(office: Any) -> Finding:
    """Somebody on the wire brings what he has overheard, under his own address."""
    return office.come_back(waiting(office), STRANGER)


def to_postmaster(office: Any) -> Finding:
    run = waiting(office)
    return office.arrive("postmaster", TARGET, office.message(office.issued(run)))


@pytest.mark.parametrize(
    ("attack", "finding"),
    [
        (forged_token, "FORGED"),
        (changed_token, "FORGED"),
        (token_without_proof, "TOKEN_SEEN"),
        (leaked_at_rcpt, "TOKEN_SEEN"),
        (body_never_sent, "FORGED"),
        (proof_of_another_run, "TOKEN_SEEN"),
        (proof_of_another_letter, "TOKEN_SEEN"),
        (many_guesses, "TOKEN_SEEN"),
        (after_the_window, "FORGED"),
        (before_the_window, "FORGED"),
        (as_a_report, "TOKEN_SEEN"),
        (to_the_sender, "AUTOMATIC"),
        (by_way_of_a_victim, "DELIVERED_OTHER"),
        (from_a_listener, "DELIVERED_OTHER"),
        (to_postmaster, "HUMAN"),
    ],
)
def test_an_attack_gets_its_name_and_lists_nobody(office: Any, attack: Callable[[Any], Finding], finding: str) -> None:
    assert attack(office).value == finding
    assert nobody_is_listed(office)
    office.casework.upkeep.settle()
    office.later(days=10)
    office.casework.upkeep.settle()
    assert nobody_is_listed(office), "nor does time do it"


def test_our_own_machines_convict_nobody(make_office: Make) -> None:
    office = make_office(tester={"source_addresses": ["8.8.8.200"], "lab_networks": []})
    assert office.come_back(waiting(office), "8.8.8.200") is Finding.FORGED
    assert nobody_is_listed(office)


def test_a_letter_of_another_time_does_not_list_again(office: Any) -> None:
    """Replayed after the owner has closed the relay: once weighed, a letter weighs nothing."""
    run = office.list_open(TARGET)
    old = office.message(office.issued(run.id))
    office.later(hours=2)
    office.casework.doors.ask_removal(office.at(TARGET), door=Door.WEB, actor="owner")
    office.test(Outcome.RCPT_5XX)
    assert nobody_is_listed(office), "the removal worked"
    for peer in (TARGET, STRANGER):
        assert office.arrive(office.issued(run.id).recipient, peer, old) is Finding.REPEATED
    assert nobody_is_listed(office)


def test_facts_changed_in_the_store_break_the_seal(office: Any) -> None:
    """A letter that is moved to another address, port, vector, run or time binds no more."""
    run = waiting(office)
    assert letter.genuine(office.keyring, office.issued(run))
    for facts in (
        {"address": office.at(VICTIM)},
        {"port": 26},
        {"vector": "S02"},
        {"run": "other"},
        {"not_before": 0},
        {"not_after": 2**40},
        {"sender": office.issued(run, 1).sender},
        {"proof_hash": b"\x00" * 32},
    ):
        assert not letter.genuine(office.keyring, replace(office.issued(run), **facts)), facts


def test_a_flood_of_one_token_is_stored_a_few_times_only(office: Any) -> None:
    run = waiting(office)
    token = office.issued(run).recipient
    before = len(office.verbs(TARGET))
    for n in range(PER_LETTER * 3):
        with contextlib.suppress(Full):
            office.arrive(token, STRANGER, b"\r\nnothing %d\r\n" % n)
    assert len(office.verbs(TARGET)) - before <= PER_LETTER + 1
    assert nobody_is_listed(office)
    assert office.come_back(run, TARGET) is Finding.DELIVERED_SAME, "the true letter still counts"
    assert not nobody_is_listed(office)


async def test_a_letter_that_meets_a_store_away_is_put_off_and_counts_when_it_comes_again(
    make_office: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = make_office(
        collector={"listen": ["127.0.0.1:0"]}, tester={"collector_domain": "c.test", "bounce_domain": "b.test"}
    )
    run = waiting(office)
    issued = office.issued(run)
    mailroom = Mailroom(office.casework.arrivals, office.settings, office.keyring, office.clock)
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))

    def bring() -> int:
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            client.ehlo("relay.example")
            client.mail("")
            assert client.rcpt(f"{issued.recipient}@c.test")[0] == 250
            return client.data(office.message(issued))[0]

    def gone() -> None:
        raise StoreUnavailable

    with monkeypatch.context() as away:
        away.setattr(office.store, "write", gone)
        assert await asyncio.to_thread(bring) == 451
    assert await asyncio.to_thread(bring) == 250
    stop.set()
    await running
    assert [back.finding for back in office.casework.views.run_report(run).returns] == ["DELIVERED_OTHER"]
