"""One target of a survey: what is said, and what is written before it is."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.fleet import Habit, mute
from dnsbl.addresses import Address
from dnsbl.daemons import interview
from dnsbl.daemons.surveyfolder import RESULTS
from dnsbl.daemons.surveyor import Surveyor
from dnsbl.rules.surveys.records import FiledLetter, Host
from tester.errors import Undialled
from tester.smtp import Flag, Outcome
from tests.dnsbl.daemons.surveyed import FIRST, counted, laid, means, settings_for, street


@pytest.fixture
def ports(unused_tcp_port_factory: Iterator[int]) -> tuple[int, int]:
    return unused_tcp_port_factory(), unused_tcp_port_factory()  # type: ignore[operator]


async def test_nothing_is_written_for_whoever_does_not_greet(tmp_path: Path, ports: tuple[int, int]) -> None:
    habits = (Habit.SILENT, Habit.REFUSING, Habit.TURNS_AWAY, Habit.NO_MAIL, Habit.CLOSED)
    kept = laid(tmp_path / "s", len(habits), ports[0])
    async with street(habits, *ports):
        await Surveyor(kept, means(settings_for(*ports))).run(0)
    assert [record.target for record in kept.records() if isinstance(record, FiledLetter)] == [4]


async def test_a_letter_lies_on_the_disk_before_any_of_it_is_sent(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, synced = laid(tmp_path / "s", 1, ports[0]), list[str]()
    met, verbs = list[bytes](), list[list[bytes]]()

    def sync(descriptor: int) -> None:
        synced.append((tmp_path / "s" / RESULTS).read_text())
        verbs.append([line.split()[0] for line in met])

    monkeypatch.setattr(os, "fdatasync", sync)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx.test\r\n")
        while line := await reader.readline():
            met.append(line)
            writer.write(b"550 no\r\n" if line.startswith(b"RCPT") else b"250 ok\r\n")
        writer.close()

    async with await asyncio.start_server(talk, str(FIRST), ports[0]):
        await Surveyor(kept, means(settings_for(*ports))).run(0)
    assert '"letter":0' in synced[0]
    assert verbs[0] == [b"EHLO"]
    assert [line.split()[0] for line in met] == [b"EHLO", b"MAIL", b"RCPT", b"QUIT"]
    (host,) = [record for record in kept.records() if isinstance(record, Host)]
    assert (host.greeting, host.reply, host.stage) == ("mx.test", "550 no", "TO")


async def test_a_silent_host_is_sought_at_another_port_where_that_is_wanted(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    networks = [f"{FIRST}/32", f"{FIRST + 1}/32"]
    kept = laid(tmp_path / "s", 0, ports[0], networks=networks, targets=2, there=False, presence_port=ports[1])
    silent = [mute(str(FIRST), ports[0]), mute(str(FIRST), ports[1]), mute(str(FIRST + 1), ports[0])]
    settings = settings_for(ports[0], ports[1])
    await Surveyor(kept, means(settings)).run(0)
    for sock in silent:
        sock.close()
    found = counted(kept)
    assert (found.filtered, found.silent, found.there) == (1, 1, 1)


async def test_our_own_addresses_are_looked_for_when_a_survey_begins_and_not_before(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = list[object]()

    def none(ours: Iterable[Address]) -> tuple[Address, ...]:
        looked.extend(ours)
        return ()

    monkeypatch.setattr(interview, "absent", none)
    ours = ("127.0.0.9", "127.0.0.1")
    surveyor = Surveyor(laid(tmp_path / "s", 1, ports[0]), means(settings_for(*ports, source_addresses=ours)))
    assert not looked
    await surveyor.run(0)
    assert [str(one) for one in looked] == list(ours)


async def test_a_survey_dials_from_an_address_that_this_machine_has(tmp_path: Path, ports: tuple[int, int]) -> None:
    peers = list[str]()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.close()

    settings = settings_for(*ports, source_addresses=("203.0.113.77", "127.0.0.9"), lab_networks=["0.0.0.0/0"])
    async with await asyncio.start_server(talk, str(FIRST), ports[0]):
        await Surveyor(laid(tmp_path / "s", 1, ports[0]), means(settings)).run(0)
    assert peers == ["127.0.0.9"]


async def test_a_machine_that_cannot_dial_is_no_fault_of_the_hosts(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> Outcome:
        raise OSError(errno.EMFILE, "too many files")

    monkeypatch.setattr(interview.Knocker, "knock", fail)
    kept = laid(tmp_path / "s", 3, ports[0])
    with pytest.raises(OSError, match="too many files"):
        await Surveyor(kept, means(settings_for(*ports))).run(0)
    assert counted(kept).tested == 0


async def test_a_target_that_there_is_no_way_to_is_left_out_and_the_others_are_tested(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    knock, cut = interview.Knocker.knock, {FIRST + 1}

    async def forbidden(self: Any, address: Address, *more: Any) -> object:
        if address in cut:
            raise Undialled(f"This machine cannot dial {address}.", errno.EACCES)
        return await knock(self, address, *more)

    monkeypatch.setattr(interview.Knocker, "knock", forbidden)
    monkeypatch.setattr(interview, "no_way", lambda one, _: "Permission denied" if one in cut else "")
    kept = laid(tmp_path / "s", 3, ports[0])
    async with street([Habit.CLOSED] * 3, *ports):
        await Surveyor(kept, means(settings_for(*ports, concurrency=1))).run(0)
        assert counted(kept).left_out == {"this machine has no way there: Permission denied": 1}
        assert counted(kept).tested == 2
        cut |= {FIRST, FIRST + 1, FIRST + 2, FIRST + 3}
        kept = laid(tmp_path / "t", 4, ports[0])
        cut.remove(FIRST)
        surveyor = Surveyor(kept, means(settings_for(*ports, concurrency=1)))
        monkeypatch.setattr(interview, "no_way", lambda one, _: "Network is down")
        with pytest.raises(Undialled):
            await surveyor.run(0)
    assert counted(kept).left_out == {}, "a network that is down is no property of theirs"


@pytest.mark.parametrize(
    ("script", "stage", "outcome"),
    [
        ({}, "OK", "ACCEPTED"),
        ({"EHLO": b"502 no"}, "OK", "ACCEPTED"),
        ({"EHLO": b"502 no", "HELO": b"502 no"}, "EHLO", "HELO_5XX"),
        ({"EHLO": b"421 busy"}, "EHLO", "HELO_4XX"),
        ({"MAIL": b"553 no"}, "MAIL", "MAIL_5XX"),
        ({"RCPT": b"451 later"}, "TO", "RCPT_4XX"),
        ({"RCPT": b"421 bye"}, "TO", "EARLY_421"),
        ({"RCPT": b""}, "TO", "TIMEOUT"),
        ({"DATA": b"554 no"}, "DATA", "DATA_CMD_5XX"),
        ({".": b"550 no"}, "DATA", "DATA_END_5XX"),
        ({".": b""}, "DATA", "MAYBE_ACCEPTED"),
        ({"QUIT": b"500 what"}, "QUIT", "ACCEPTED"),
        ({"QUIT": b""}, "QUIT", "ACCEPTED"),
        ({"": b"421 busy"}, "CONNECT", "BANNER_4XX"),
        ({"": b""}, "CONNECT", "BANNER_TIMEOUT"),
        ({"": b"220 a\r\n220 b"}, "CONNECT", "UNSOLICITED"),
    ],
)
async def test_a_conversation_ends_at_the_stage_that_failed(
    tmp_path: Path, ports: tuple[int, int], script: dict[str, bytes], stage: str, outcome: str
) -> None:
    usual = {"": b"220 mx.test ESMTP", "DATA": b"354 go", ".": b"250 kept"} | script

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb = ""
        while True:
            said = usual.get(verb, b"250 ok")
            writer.write(said + b"\r\n" if said else b"")
            if verb == "DATA" and said.startswith(b"354"):
                await reader.readuntil(b"\r\n.\r\n")
                verb = "."
                continue
            line = await reader.readline()
            if not line:
                break
            verb = line.split()[0].decode().upper()
        writer.close()

    kept = laid(tmp_path / "s", 1, ports[0])
    settings = settings_for(*ports, banner_timeout=0.2, command_timeout=0.2, final_timeout=0.2)
    async with await asyncio.start_server(talk, str(FIRST), ports[0]):
        await Surveyor(kept, means(settings)).run(0)
    (host,) = [record for record in kept.records() if isinstance(record, Host)]
    assert (host.stage, host.outcome) == (stage, Outcome(outcome))
    assert (Flag.QUIT_ERR in host.flags) == (stage == "QUIT")


async def test_greetings_are_kept_escaped_and_cut(tmp_path: Path, ports: tuple[int, int]) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220-\x1b[2J\xff" + b"x" * 300 + b"\r\n220 second\r\n")
        await reader.read()
        writer.close()

    kept = laid(tmp_path / "s", 1, ports[0])
    async with await asyncio.start_server(talk, str(FIRST), ports[0]):
        await Surveyor(kept, means(settings_for(*ports, command_timeout=0.2))).run(0)
    (host,) = [record for record in kept.records() if isinstance(record, Host)]
    assert host.greeting.startswith("\\x1b[2J\\xffxxx")
    assert len(host.greeting) == 200


async def test_an_ipv6_host_is_tested_like_any_other(tmp_path: Path, ports: tuple[int, int]) -> None:
    async def closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 six.test ESMTP Postfix\r\n")
        while line := await reader.readline():
            writer.write(b"550 no\r\n" if line.startswith(b"RCPT") else b"250 ok\r\n")
        writer.close()

    kept = laid(tmp_path / "s", 0, ports[0], networks=["::1/128"], targets=1)
    settings = settings_for(*ports, lab_networks=["::1/128"])
    async with await asyncio.start_server(closed, "::1", ports[0]):
        await Surveyor(kept, means(settings)).run(0)
    (host,) = [record for record in kept.records() if isinstance(record, Host)]
    assert (str(host.address), host.stage, host.greeting) == ("::1", "TO", "six.test ESMTP Postfix")
