"""One letter of the tester, as it was issued and as it was written, for the tests that read it."""

from __future__ import annotations

import random as chance
from ipaddress import ip_address
from typing import Any

from tester.letter import Keyring, Letter, Sender, issue, proof, write

NOW = 1_700_000_000
DAY = 86_400
RANDOM = chance.Random(4711).randbytes
RING = Keyring.generate(RANDOM, NOW)


def new(ring: Keyring = RING, **changed: Any) -> Letter:
    facts: dict[str, Any] = {
        "address": ip_address("192.0.2.1"),
        "port": 25,
        "vector": "S01",
        "run": "run-1",
        "not_before": NOW,
        "not_after": NOW + 7 * DAY,
        "random": RANDOM,
    }
    return issue(ring, **facts | changed)


LETTER = new()
PROOF = proof(RING, LETTER)
SENDER = Sender(
    service="Relay Watch",
    website="https://relays.example.org/about",
    contact="contact@relays.example.org",
    helo="probe.relays.example.org",
    collector_domain="c.example",
    bounce_domain="b.example.org",
)


def written(letter: Letter = LETTER, **changed: Any) -> bytes:
    facts: dict[str, Any] = {
        "proof": proof(RING, letter),
        "sender": SENDER,
        "nomination": "nomination-17",
        "date": float(NOW),
        "mail_to": f"{letter.recipient}@c.example",
    }
    return write(letter, **facts | changed)


MESSAGE = written()
HEAD, _, BODY = MESSAGE.partition(b"\r\n\r\n")
