"""People who write to us over SMTP: all that is taken is there, and the rest is put off."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from dnsbl.addresses import parse_address
from dnsbl.daemons.mailroom import Mailroom
from dnsbl.vocabulary import JobReason


async def say(port: int, *lines: str) -> list[str]:
    """Send each line and wait for its reply; returns the last line of each, the greeting first."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    replies = [(await reader.readline()).decode()]
    for line in lines:
        writer.write(f"{line}\r\n".encode())
        while (reply := (await reader.readline()).decode())[3:4] == "-":
            pass
        replies.append(reply)
    writer.close()
    await writer.wait_closed()
    return replies


MAIL = ("DATA", "Subject: x\r\n\r\nPlease stop.\r\n.", "QUIT")


@pytest.mark.parametrize(
    "recipient",
    [
        "postmaster",
        "Postmaster@mx.list.test",
        "abuse@mx.list.test",
        "postmaster@c.test",
        "postmaster@[198.51.100.7]",
    ],
)
async def test_who_writes_to_the_postmaster_of_any_name_of_ours_is_heard(make_office: Any, recipient: str) -> None:
    office = make_office(
        collector={"listen": ["127.0.0.1:0"], "addresses": ["198.51.100.7"], "hostname": "mx.list.test"},
        tester={"collector_domain": "c.test", "bounce_domain": "b.test"},
    )
    mailroom = Mailroom(office.casework.arrivals, office.settings, office.keyring, office.clock)
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    replies = await say(port, "EHLO x.test", "MAIL FROM:<a@x.test>", f"RCPT TO:<{recipient}>", *MAIL)
    assert [reply[:3] for reply in replies[3:6]] == ["250", "354", "250"]
    stop.set()
    await running
    [(letter, _)] = office.casework.correspondence.page(most=50)
    assert b"Please stop." in letter.message


async def test_the_letter_beyond_a_share_is_put_off_and_every_one_that_was_taken_is_there(
    make_office: Any, caplog: pytest.LogCaptureFixture
) -> None:
    office = make_office(
        collector={"listen": ["127.0.0.1:0"], "peer_day": 12},
        tester={"collector_domain": "c.test", "bounce_domain": "b.test"},
    )
    mailroom = Mailroom(office.casework.arrivals, office.settings, office.keyring, office.clock)
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    said = [
        (await say(port, "EHLO x.test", "MAIL FROM:<a@x.test>", "RCPT TO:<abuse@c.test>", *MAIL))[5] for _ in range(5)
    ]
    assert [reply[:3] for reply in said] == ["250", "250", "250", "452", "452"]
    assert "too much came from your network today" in said[3]
    stop.set()
    await running
    assert len(office.casework.correspondence.page(most=50)) == 3
    assert "could not be stored" not in caplog.text


@pytest.mark.parametrize("recipient", ["remove@mx.list.test", "postmaster@mx.list.test", "abuse@c.test", "postmaster"])
async def test_p25_p26_whoever_is_listed_reaches_our_mailboxes_and_gets_his_retest_by_mail(
    make_office: Any, recipient: str
) -> None:
    office = make_office(
        collector={"listen": ["127.0.0.1:0"], "hostname": "mx.list.test"},
        tester={"collector_domain": "c.test", "bounce_domain": "b.test", "lab_networks": ["127.0.0.0/8"]},
    )
    office.list_open("127.0.0.1")
    office.casework.operators.list_networks(
        [ip_network("127.0.0.1/32")], kind="manual", reason="spam", actor="operator me"
    )
    mailroom = Mailroom(office.casework.arrivals, office.settings, office.keyring, office.clock)
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    replies = await say(port, "EHLO x.test", "MAIL FROM:<owner@x.test>", f"RCPT TO:<{recipient}>", *MAIL)
    assert [reply[:3] for reply in replies[3:6]] == ["250", "354", "250"], "the own list is not asked"
    stop.set()
    await running
    [(letter, _)] = office.casework.correspondence.page(most=50)
    assert b"Please stop." in letter.message
    with office.store.read() as tx:
        wanted = JobReason.REMOVAL if recipient.startswith("remove@") else JobReason.RETEST
        assert tx.jobs.live(parse_address("127.0.0.1")).reason is wanted
