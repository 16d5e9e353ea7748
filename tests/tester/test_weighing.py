"""What a message at the collector is weighed as, from its bytes and its letter."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from tester import letter as letters
from tester.bounces.ours import COLLECTOR, Ours
from tester.fate import Fate
from tester.letter import Keyring, Letter, Sender
from tester.returned import Collected, unwrap
from tester.smtp import Outcome
from tester.verdict import Finding, Weighed
from tester.weighing import weigh_probe, weigh_return

TARGET = ip_address("192.0.2.1")
ISSUED = 1_700_000_000
KEYS = Keyring.generate(lambda size: b"k" * size, ISSUED)


def issued(number: int = 0) -> Letter:
    return letters.issue(
        KEYS,
        address=TARGET,
        port=25,
        vector="S01",
        run="a-run",
        not_before=ISSUED,
        not_after=ISSUED + 1000,
        random=lambda size: bytes([number]) * size,
    )


LETTER = issued()
US = Sender(
    service="list.example",
    website="https://list.example/",
    contact="postmaster@b.example",
    helo="mx.example",
    collector_domain="c.example",
    bounce_domain="b.example",
)
MESSAGE = letters.write(
    LETTER, proof=letters.proof(KEYS, LETTER), sender=US, nomination="", date=ISSUED, mail_to="x@c.example"
)


def report(remote: str) -> bytes:
    return (
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; {LETTER.recipient}@c.example\r\n"
        f"Action: failed\r\nStatus: 5.7.1\r\nRemote-MTA: {remote}\r\n\r\n--b--\r\n"
    ).encode()


OURS = Ours(names={"mx.example", "[192.0.2.25]"}, sources={ip_address("192.0.2.26")})


def collected(message: bytes = MESSAGE, **changed: Any) -> Collected:
    facts: dict[str, Any] = {
        "peer": TARGET,
        "peer_port": 1025,
        "local": "192.0.2.25:25",
        "tls": False,
        "helo": "relay.example",
        "mail_raw": b"FROM:<x@y.example>",
        "rcpt_raw": b"TO:<token@c.example>",
        "mail_from": "x@y.example",
        "recipient": LETTER.recipient,
        "domain": "c.example",
        "message": message,
        "received_at": ISSUED + 10.0,
    }
    return Collected(**facts | changed)


def weighed(
    message: bytes = MESSAGE, letter: Letter = LETTER, *, keyring: Keyring = KEYS, fate: Any = None, **changed: Any
) -> Weighed:
    came = collected(message, **changed)
    return weigh_return(
        came, unwrap(message), Fate(letter=letter, **fate or {}), keyring=keyring, ours=OURS, window=100
    )


def test_a_letter_with_its_proof_convicts() -> None:
    assert weighed().finding is Finding.DELIVERED_SAME
    assert weighed().counts
    assert weighed(peer=ip_address("192.0.2.9")).finding is Finding.DELIVERED_OTHER


def test_a_letter_convicts_beside_another_ones_proof() -> None:
    other = f"\r\nProof: {'a' * 26}\r\n".encode()
    assert weighed(MESSAGE + other).finding is Finding.DELIVERED_SAME


def test_an_answer_to_all_is_no_delivery() -> None:
    answer = (
        b"Subject: Re: yours\r\nFrom: desk@mx.example.net\r\n\r\nThank you.\r\n" + MESSAGE.partition(b"\r\n\r\n")[2]
    )
    found = weighed(answer)
    assert (found.finding, found.counts) == (Finding.TOKEN_SEEN, False)
    assert found.reason == "An answer to our letter is not a delivery."


def test_another_letters_proof_or_key_convicts_nobody() -> None:
    assert weighed(letter=issued(1), recipient=issued(1).recipient).finding is Finding.TOKEN_SEEN
    stranger = Keyring.generate(lambda size: b"x" * size, ISSUED)
    assert weighed(keyring=stranger).finding is Finding.FORGED


def test_a_host_with_two_addresses_is_convicted_by_what_its_other_one_brings() -> None:
    """Many send from another address than they listen on; without the name that leads to both it is a second host's."""
    other = collected(peer=ip_address("192.0.2.9"))
    found = weigh_return(
        other, unwrap(MESSAGE), Fate(letter=LETTER), keyring=KEYS, ours=OURS, window=100, twin="mx.example.net"
    )
    assert found.finding is Finding.DELIVERED_SAME
    assert "192.0.2.9 (mx.example.net leads to both)" in found.reason


def test_it_is_late_a_window_after_the_dot_or_after_the_letters_first_moment() -> None:
    late = {"received_at": ISSUED + 101.0}
    assert weighed(**late).finding is Finding.DELIVERED_SAME_LATE
    assert weighed(**late, fate={"dot_at": ISSUED + 2.0}).finding is Finding.DELIVERED_SAME
    assert weighed(**late, fate={"dot_at": ISSUED + 0.5}).finding is Finding.DELIVERED_SAME_LATE


def test_what_is_known_of_the_attempt_and_of_ourselves_is_weighed_with_it() -> None:
    assert weighed(fate={"outcome": Outcome.RCPT_5XX}).finding is Finding.FORGED
    assert weighed(fate={"finding": Finding.DELIVERED_OTHER_LATE}).finding is Finding.REPEATED
    assert weighed(fate={"finding": Finding.BOUNCED}).finding is Finding.DELIVERED_SAME
    assert weighed(peer=ip_address("192.0.2.26")).finding is Finding.FORGED


def test_a_host_that_is_ours_itself_is_tested_like_any_other() -> None:
    """A laboratory on one address: what the tested machine delivers was not brought by the tester."""
    ours = Ours(names=(), sources={TARGET})
    found = weigh_return(collected(), unwrap(MESSAGE), Fate(letter=LETTER), keyring=KEYS, ours=ours, window=100)
    assert found.finding is Finding.DELIVERED_SAME


def test_an_abuse_report_to_our_abuse_address_is_told_from_mail() -> None:
    arf = b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
    came = collected(arf, recipient="abuse")
    found = weigh_return(came, unwrap(arf), None, keyring=KEYS, ours=OURS, window=100)
    assert (found.finding, found.counts) == (Finding.COMPLAINT, False)


@pytest.mark.parametrize(
    ("recipient", "finding"),
    [("postmaster", Finding.HUMAN), ("abuse", Finding.HUMAN), (LETTER.recipient, Finding.FORGED)],
)
def test_what_names_no_letter_is_a_persons_or_a_forgers(recipient: str, finding: Finding) -> None:
    found = weigh_return(collected(recipient=recipient), unwrap(MESSAGE), None, keyring=KEYS, ours=OURS, window=100)
    assert (found.finding, found.counts) == (finding, False)


def test_a_probe_is_a_callback_at_the_sender_and_a_token_that_was_seen_at_the_recipient() -> None:
    callback = weigh_probe(collected(b"", recipient=LETTER.sender.upper()), Fate(letter=LETTER))
    assert (callback.finding, callback.counts) == (Finding.CALLBACK_SEEN, False)
    seen = weigh_probe(collected(b""), Fate(letter=LETTER))
    assert (seen.finding, seen.counts) == (Finding.TOKEN_SEEN, False)


@pytest.mark.parametrize(
    ("remote", "finding"),
    [
        ("dns; mx.example", Finding.BOUNCED_BY_US),
        ("dns; MX.Example.", Finding.BOUNCED_BY_US),
        ("dns;[192.0.2.25]", Finding.BOUNCED_BY_US),
        ("dns; mx.example [192.0.2.25]", Finding.BOUNCED_BY_US),
        ("dns; mx.example.net", Finding.BOUNCED),
        ("dns; another.mx.example", Finding.BOUNCED),
        ("", Finding.BOUNCED),
    ],
)
def test_a_bounce_that_names_one_of_our_collectors_is_our_own_fault(remote: str, finding: Finding) -> None:
    assert weighed(report(remote), recipient=LETTER.sender, mail_from="").finding is finding


def test_an_answer_is_known_by_the_sender_token_however_it_is_spelt() -> None:
    assert weighed(report(""), recipient=LETTER.sender.upper(), mail_from="").finding is Finding.BOUNCED


@pytest.mark.parametrize(("mail_from", "finding"), [("", Finding.UNPROVEN), ("pat@x.example", Finding.HUMAN)])
def test_without_a_report_the_null_sender_tells_a_machine_from_a_person(mail_from: str, finding: Finding) -> None:
    plain = b"Subject: hello\r\n\r\nWhat is this?\r\n"
    assert weighed(plain, recipient=LETTER.sender, mail_from=mail_from).finding is finding


def test_a_report_that_quotes_our_collectors_refusal_is_our_own_fault() -> None:
    quoting = report("dns; elsewhere.example").replace(b"--b--", f"--b\r\n\r\n550 {COLLECTOR}\r\n--b--".encode())
    assert weighed(quoting, recipient=LETTER.sender, mail_from="").finding is Finding.BOUNCED_BY_US
