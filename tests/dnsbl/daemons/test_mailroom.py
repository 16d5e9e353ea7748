"""The collector of the list on loopback: callbacks are kept, and our own address is a domain like any other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dnsbl.addresses import Address, parse_address
from dnsbl.daemons import mailroom as module
from dnsbl.daemons.mailroom import Mailroom, literals
from dnsbl.daemons.names import Lookups
from dnsbl.errors import DnsblError, Refused, StoreUnavailable, Trouble
from dnsbl.model import Job
from dnsbl.vocabulary import Door
from tester.letter import Keyring
from tester.verdict import Finding


@pytest.mark.parametrize(
    ("address", "names"),
    [("198.51.100.7", ("[198.51.100.7]", "#3325256711")), ("2001:db8::7", ("[ipv6:2001:db8::7]",))],
)
def test_an_address_has_its_literals(address: str, names: tuple[str, ...]) -> None:
    assert literals(parse_address(address)) == names


async def say(port: int, *lines: str) -> list[str]:
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


@pytest.fixture
def opened(make_office: Any) -> tuple[Any, Mailroom, Any]:
    office = make_office(
        collector={"listen": ["127.0.0.1:0"], "addresses": ["198.51.100.7", "2001:db8::7"]},
        tester={
            "collector_domain": "c.test",
            "bounce_domain": "b.test",
            "more_collector_domains": ["letters.test"],
            "more_bounce_domains": ["back.test"],
        },
    )
    office.nominate("8.8.4.4")
    taken = office.take()
    office.issue(taken)
    mailroom = Mailroom(office.casework.arrivals, office.settings, office.keyring, office.clock)
    return office, mailroom, office.issued(taken.job.run)


@pytest.mark.parametrize(
    "domain",
    ["c.test", "letters.test", "b.test", "back.test", "[198.51.100.7]", "#3325256711", "[IPv6:2001:db8::7]"],
)
async def test_letters_come_in_by_every_name_of_ours(opened: tuple[Any, Mailroom, Any], domain: str) -> None:
    _, mailroom, issued = opened
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    replies = await say(port, "EHLO x.test", "MAIL FROM:<>", f"RCPT TO:<{issued.recipient}@{domain}>", "RSET", "QUIT")
    assert replies[3].startswith("250")
    assert (await say(port, "EHLO x.test", "MAIL FROM:<>", f"RCPT TO:<{issued.recipient}@[192.0.2.1]>"))[3][:3] == "550"
    stop.set()
    await running


async def test_a_callback_is_on_file_when_the_peer_has_gone(opened: tuple[Any, Mailroom, Any]) -> None:
    office, mailroom, issued = opened
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    await say(port, "EHLO x.test", "MAIL FROM:<>", f"RCPT TO:<{issued.sender}@b.test>", "QUIT")
    stop.set()
    await running
    assert [back.finding for back in office.casework.views.run_report(issued.run).returns] == ["CALLBACK_SEEN"]


async def test_a_letter_that_our_own_collector_refused_is_told_to_the_operator(
    opened: tuple[Any, Mailroom, Any], caplog: pytest.LogCaptureFixture
) -> None:
    office, mailroom, issued = opened
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    report = (
        "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; x\r\n\r\nAction: failed\r\nRemote-MTA: dns; {office.settings.collector.hostname}\r\n"
        "--b--\r\n."
    )
    sent = ("EHLO x.test", "MAIL FROM:<>", f"RCPT TO:<{issued.sender}@b.test>", "DATA", report, "QUIT")
    assert (await say(port, *sent))[5].startswith("250")
    stop.set()
    await running
    assert [back.finding for back in office.casework.views.run_report(issued.run).returns] == ["BOUNCED_BY_US"]
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "our own collector had refused it" in record.message
    assert issued.sender not in caplog.text


async def test_a_callback_that_cannot_be_stored_is_let_go(
    opened: tuple[Any, Mailroom, Any], caplog: pytest.LogCaptureFixture
) -> None:
    office, mailroom, issued = opened

    def gone(arrived: object) -> None:
        raise StoreUnavailable

    office.casework.arrivals.file_probe = gone
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    await say(port, "EHLO x.test", "MAIL FROM:<>", f"RCPT TO:<{issued.sender}@b.test>", "QUIT")
    stop.set()
    await running
    assert "a callback was not stored" in caplog.text


class Ring(module.Ring):
    """A node's keys, one of which may be on its way."""

    def __init__(self, keyring: Keyring) -> None:
        self._become(keyring.keys)

    def may_be_ours(self, token: str) -> bool:
        return token[1:2] == "b"


async def test_a_token_whose_key_may_be_on_its_way_is_put_off_and_another_refused(
    opened: tuple[Any, Mailroom, Any],
) -> None:
    office, _, issued = opened
    mailroom = Mailroom(office.casework.arrivals, office.settings, Ring(office.keyring), office.clock)
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    for token, code in ((issued.recipient, "250"), ("rb" + "a" * 32, "451"), ("rx" + "a" * 32, "550")):
        replies = await say(port, "EHLO x.test", "MAIL FROM:<>", f"RCPT TO:<{token}@c.test>")
        assert replies[3][:3] == code
    stop.set()
    await running


@pytest.mark.parametrize(
    ("trouble", "reply"),
    [(Trouble.FULL, "452 4.3.1 "), (Trouble.AWAY, "451 4.3.0 "), (Trouble.DAMAGED, "451 "), (Trouble.CLOCK, "451 ")],
)
async def test_whatever_ails_the_store_the_sender_keeps_the_message(
    opened: tuple[Any, Mailroom, Any], monkeypatch: pytest.MonkeyPatch, trouble: Trouble, reply: str
) -> None:
    office, mailroom, _ = opened

    def fails(*_: object, **__: object) -> None:
        raise StoreUnavailable("in trouble", trouble=trouble)

    monkeypatch.setattr(office.casework.arrivals, "file_return", fails)
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    replies = await say(
        port, "EHLO x.test", "MAIL FROM:<>", "RCPT TO:<postmaster@c.test>", "DATA", "Subject: x\r\n\r\nx\r\n."
    )
    assert replies[5].startswith(reply)
    stop.set()
    await running


@pytest.mark.parametrize("same", [True, False])
async def test_a_letter_by_the_other_family_is_one_machines_when_its_names_say_so(
    opened: tuple[Any, Mailroom, Any], same: bool
) -> None:
    office, _, issued = opened
    asked: list[object] = []

    async def shared(address: Address, other: Address, names: tuple[str, ...]) -> str:
        asked.append((str(address), str(other), names))
        return "mx.host.test" if same else ""

    lookups = Lookups(shared=shared)
    mailroom = Mailroom(office.casework.arrivals, office.settings, office.keyring, office.clock, lookups=lookups)
    await mailroom._deliver(office.arrived(issued.recipient, "2001:db8::1", office.message(issued)))
    report = office.casework.views.run_report(issued.run)
    assert [back.finding for back in report.returns] == [Finding.DELIVERED_SAME if same else Finding.DELIVERED_OTHER]
    assert asked == [("2001:db8::1", "8.8.4.4", ("relay.example",))]


async def test_no_name_is_asked_for_where_it_would_not_matter(opened: tuple[Any, Mailroom, Any]) -> None:
    office, _, issued = opened

    asked: list[Address] = []

    async def shared(address: Address, other: Address, names: tuple[str, ...]) -> str:
        asked.append(address)
        return ""

    lookups = Lookups(shared=shared)
    mailroom = Mailroom(office.casework.arrivals, office.settings, office.keyring, office.clock, lookups=lookups)
    for recipient, peer in (
        (issued.recipient, "8.8.4.4"),
        (issued.recipient, "8.8.8.8"),
        (issued.sender, "2001:db8::1"),
        ("r" * 34, "2001:db8::1"),
        ("postmaster", "2001:db8::1"),
    ):
        await mailroom._deliver(office.arrived(recipient, peer, office.message(issued)))
    assert asked == []


async def test_who_writes_to_remove_from_a_listed_address_has_it_retested_and_operators_can_read_it(
    opened: tuple[Any, Mailroom, Any],
) -> None:
    office, mailroom, _ = opened
    asked: list[tuple[Address, Door]] = []

    def ask(address: Address, *, door: Door, actor: str, tell: str = "") -> Job:
        asked.append((address, door))
        raise Refused("not-listed", "There is nothing to remove.")

    office.casework.arrivals._ask_removal = ask
    [(_, port)] = await mailroom.start()
    stop = asyncio.Event()
    running = asyncio.create_task(mailroom.run(stop))
    named = f"remove@{office.settings.collector.hostname}"
    replies = await say(
        port,
        "EHLO x.test",
        "MAIL FROM:<owner@host.example>",
        f"RCPT TO:<{named}>",
        "DATA",
        "Subject: off\r\n\r\nplease\r\n.",
        "QUIT",
    )
    assert replies[3][:3] == "250"
    assert replies[5].startswith("550 5.6.0 ") and "There is nothing to remove." in replies[5]
    assert (await say(port, "EHLO x.test", "MAIL FROM:<>", "RCPT TO:<remove@c.test>", "QUIT"))[3][:3] == "550"
    stop.set()
    await running
    assert asked == [(parse_address("127.0.0.1"), Door.MAIL)], "the address is the one that the mail came from"
    [(mail, _)] = office.casework.correspondence.page(most=5)
    assert mail.finding is Finding.HUMAN and b"please" in office.casework.operators.message(mail.id).message


def test_a_certificate_that_is_half_written_is_one_sentence(opened: Any, tmp_path: Path) -> None:
    half = tmp_path / "half.pem"
    half.write_text("-----BEGIN CERTIFICATE-----\nMIIB")
    office, _, _ = opened
    collector = office.settings.collector.model_copy(update={"tls_certificate": half, "tls_key": half})
    settings = office.settings.model_copy(update={"collector": collector})
    with pytest.raises(DnsblError, match=r"collector\.tls_certificate and collector\.tls_key cannot be used: "):
        Mailroom(office.casework.arrivals, settings, office.keyring, office.clock)
