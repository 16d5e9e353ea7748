"""What a message at the collector is weighed as, from its bytes and its letter."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest

from tester import letter as letters
from tester.letter import Keyring, Letter, Sender
from tester.returned import unwrap
from tester.smtp import Outcome
from tester.verdict import Finding, Weighed
from tester.weighing import weigh_return

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
        f"Reporting-MTA: dns; x\r\n\r\nAction: failed\r\nStatus: 5.7.1\r\nRemote-MTA: {remote}\r\n\r\n--b--\r\n"
    ).encode()


def weighed(message: bytes = MESSAGE, letter: Letter = LETTER, **changed: Any) -> Weighed:
    facts: dict[str, Any] = {
        "keyring": KEYS,
        "token": LETTER.recipient,
        "peer": TARGET,
        "null_sender": False,
        "received_at": ISSUED + 10.0,
        "window": 100,
        "us": {"mx.example", "[192.0.2.25]"},
        "peer_is_us": False,
    }
    return weigh_return(unwrap(message), letter, **facts | changed)


def test_a_letter_with_its_proof_convicts() -> None:
    assert weighed().finding is Finding.DELIVERED_SAME
    assert weighed().counts
    assert weighed(peer=ip_address("192.0.2.9")).finding is Finding.DELIVERED_OTHER


def test_another_letters_proof_or_key_convicts_nobody() -> None:
    assert weighed(letter=issued(1), token=issued(1).recipient).finding is Finding.TOKEN_SEEN
    stranger = Keyring.generate(lambda size: b"x" * size, ISSUED)
    assert weighed(keyring=stranger).finding is Finding.FORGED


def test_it_is_late_a_window_after_the_dot_or_after_the_letters_first_moment() -> None:
    late = {"received_at": ISSUED + 101.0}
    assert weighed(**late).finding is Finding.DELIVERED_SAME_LATE
    assert weighed(**late, dot_at=ISSUED + 2.0).finding is Finding.DELIVERED_SAME
    assert weighed(**late, dot_at=ISSUED + 0.5).finding is Finding.DELIVERED_SAME_LATE


def test_what_is_known_of_the_attempt_and_of_ourselves_is_weighed_with_it() -> None:
    assert weighed(outcome=Outcome.RCPT_5XX).finding is Finding.FORGED
    assert weighed(already_delivered=True).finding is Finding.REPEATED
    assert weighed(peer_is_us=True).finding is Finding.FORGED


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
    assert weighed(report(remote), token=LETTER.sender, null_sender=True).finding is finding
