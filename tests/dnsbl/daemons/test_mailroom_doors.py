"""Nominations by mail and spamtraps, from the wire to the store."""

from __future__ import annotations

import asyncio
from typing import Any

from dnsbl.daemons.mailroom import Mailroom
from tests.dnsbl.daemons.test_mailroom import say
from tests.dnsbl.rules.samples_of_mail import forward, plain, spam


async def handed_in(office: Any, message: bytes, recipient: str, *, sender: str = "ann@example.net") -> str:
    """What the collector of a whole list says to a message."""
    mailroom = Mailroom(
        office.casework.arrivals,
        office.settings,
        office.keyring,
        office.clock,
        mail_door=office.casework.mail_door,
    )
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    text = message.decode().replace("\n", "\r\n")
    replies = await say(
        port, "EHLO x.test", f"MAIL FROM:<{sender}>", f"RCPT TO:<{recipient}>", "DATA", f"{text}\r\n.", "QUIT"
    )
    stop.set()
    await running
    return replies[5]


async def test_spam_that_is_forwarded_by_smtp_nominates_and_what_is_none_is_declined_with_a_sentence(
    make_office: Any,
) -> None:
    office = make_office(
        collector={"listen": ["127.0.0.1:0"]},
        mail_door={"address": "nominate@c.example.org"},
        traps={"domains": ["trap.example"]},
    )
    now = office.clock.now()
    assert (await handed_in(office, forward(spam("9.9.9.9", now)), "nominate@c.example.org"))[:3] == "250"
    assert office.verbs("9.9.9.9") == ["nominated", "job"]
    declined = await handed_in(office, plain(now), "nominate+2@c.example.org")
    assert "Nothing is attached to this mail" in declined and declined.startswith("550 5.6.0 ")
    assert len(declined) < 512 and declined.isascii()
    assert (await handed_in(office, spam("9.9.9.8", now), "x@trap.example"))[:3] == "250"
    assert office.casework.operators.journal()[-1].subject == "9.9.9.8", "whoever is on loopback is our own"


async def test_more_than_a_network_may_bring_is_put_off(make_office: Any) -> None:
    office = make_office(
        collector={"listen": ["127.0.0.1:0"]}, mail_door={"address": "nominate@c.example.org", "mails_day": 1}
    )
    for code in ("550", "452"):
        assert (await handed_in(office, plain(office.clock.now()), "nominate@c.example.org"))[:3] == code
