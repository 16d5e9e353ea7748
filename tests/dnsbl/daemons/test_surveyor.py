"""A survey carried out, against servers of known habits."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from pathlib import Path

import pytest

from bench.fleet import Habit
from dnsbl.addresses import Address
from dnsbl.daemons import surveyor
from dnsbl.daemons.surveyfolder import RESULTS, SurveyFolder, begin, target_line
from dnsbl.daemons.surveyor import Held, Surveyor, SurveyProgress
from dnsbl.rules.others import Opinion
from dnsbl.rules.surveys.records import FiledLetter, Host, Sat
from dnsbl.settings import Settings
from tester.letter import Keyring
from tests.dnsbl.daemons.surveyed import FIRST, counted, laid, means, settings_for, street
from tests.waiting import until

ALL = (
    Habit.SILENT,
    Habit.REFUSING,
    Habit.ANY,
    Habit.LOSES,
    Habit.BOUNCES,
    Habit.NO_DATA,
    Habit.NO_END,
    Habit.CLOSED,
    Habit.SOFT,
    Habit.TURNS_AWAY,
    Habit.NO_MAIL,
    Habit.ANY,
)


@pytest.fixture
def ports(unused_tcp_port_factory: Iterator[int]) -> tuple[int, int]:
    return unused_tcp_port_factory(), unused_tcp_port_factory()  # type: ignore[operator]


async def test_each_habit_ends_at_its_stage_and_letters_come_to_what_they_come_to(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    settings, kept, told = settings_for(*ports), laid(tmp_path / "s", len(ALL), ports[0]), list[SurveyProgress]()
    async with street(ALL, *ports):
        ended = await Surveyor(kept, means(settings, told)).run(1.0)
    found = counted(kept)
    assert found.stages == {"CONNECT": 4, "TO": 2, "DATA": 2, "OK": 4}
    assert (found.open, found.closed, found.filtered, found.silent) == (10, 1, 1, 0)
    assert (found.accepted, found.delivered, found.bounced, found.lost) == (4, 2, 1, 1)
    assert (ended.done, ended.targets, ended.answered, ended.accepted, ended.back) == (12, 12, 11, 4, 2)
    assert told[-1] == ended
    assert found.seconds > 0


async def test_a_survey_that_was_cut_off_goes_on_with_who_is_left_and_knows_its_letters(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    habits = (Habit.LOSES, Habit.ANY, Habit.CLOSED, Habit.REFUSING, Habit.BOUNCES)
    kept = laid(tmp_path / "s", len(habits), ports[0])
    async with street(habits, *ports):
        await Surveyor(kept, means(settings_for(*ports))).run(0.5)
    whole = (tmp_path / "s" / RESULTS).read_text().splitlines(keepends=True)
    for cut in range(0, len(whole), 2):
        again = laid(tmp_path / f"s{cut}", len(habits), ports[0])
        (tmp_path / f"s{cut}" / "key").write_text((tmp_path / "s" / "key").read_text())
        (tmp_path / f"s{cut}" / RESULTS).write_text("".join(whole[:cut]) + '{"host":')
        async with street(habits, *ports):
            ended = await Surveyor(again, means(settings_for(*ports))).run(0.5)
        found = counted(again)
        assert sorted(one.target for one in again.records() if isinstance(one, Host)) == [0, 1, 2, 3, 4], cut
        assert (ended.done, found.accepted) == (5, 3), cut
        # Who is done is not tested again: of his letter only what had come, or comes yet, is known.
        kept_of = {n: any(f'"{kind}":{n},' in line for line in whole[:cut]) for n, kind in ((1, "host"), (4, "host"))}
        came = {n: any(f'"back":{n},' in line for line in whole[:cut]) for n in (1, 4)}
        wanted = tuple(int(came[n] or not kept_of[n]) for n in (1, 4))
        assert (found.delivered, found.bounced) == wanted, cut


async def test_a_letter_that_comes_back_in_a_later_sitting_counts(tmp_path: Path, ports: tuple[int, int]) -> None:
    kept = laid(tmp_path / "s", 1, ports[0])
    kept.take()
    kept.release()
    async with street((Habit.ANY,), ports[0], 1):  # its letter goes nowhere yet
        await Surveyor(kept, means(settings_for(*ports))).run(0)
    (filed,) = [record for record in kept.records() if isinstance(record, FiledLetter)]
    assert counted(kept).lost == 1
    from tester import letter as letters

    proof = letters.proof(kept.key, filed.letter)

    async def hand_in() -> None:
        async def come() -> asyncio.StreamWriter | None:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", ports[1], local_addr=(str(FIRST), 0))
            except OSError:
                return None
            await reader.readline()
            for line in (
                "HELO x",
                "MAIL FROM:<x@y.test>",
                f"RCPT TO:<{filed.letter.recipient}@c.test>",
                "DATA",
                f"Subject: x\r\n\r\nproof: {proof}\r\n.",
            ):
                writer.write(line.encode() + b"\r\n")
                await reader.readline()
            return writer

        (await until(come)).close()

    ended, _ = await asyncio.gather(Surveyor(kept, means(settings_for(*ports))).run(10), hand_in())
    assert (counted(kept).delivered, ended.back) == (1, 1)


async def test_who_has_opted_out_and_what_is_not_for_dialling_is_left_out(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    kept = laid(tmp_path / "s", 3, ports[0])
    begin(
        tmp_path / "t",
        kept.head | {"targets": 2},
        [target_line(ip_address("10.0.0.1")), target_line(IPv6Address("::1"))],
        Keyring.generate(os.urandom, 1),
    )

    def barred(address: Address) -> str:
        return "opted out" if address == FIRST + 1 else ""

    async with street((Habit.CLOSED,) * 3, *ports):
        await Surveyor(kept, means(settings_for(*ports), barred=barred)).run(0)
    assert counted(kept).left_out == {"opted out": 1}
    assert counted(kept).stages == {"TO": 2}
    special = SurveyFolder(tmp_path / "t")
    await Surveyor(special, means(settings_for(*ports))).run(0)
    assert counted(special).left_out == {
        "not for dialling: private use, RFC 1918": 1,
        "not for dialling: loopback, RFC 4291": 1,
    }


async def test_a_stop_breaks_off_what_is_being_said_and_keeps_what_was_found(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveyor, "LOOK", 0.05)
    stopped = list[str]()
    kept = laid(tmp_path / "s", 3, ports[0])

    async def mumble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stopped.append("an operator has stopped testing")
        await reader.read()
        writer.close()

    async with street((Habit.CLOSED,), *ports), await asyncio.start_server(mumble, str(FIRST + 1), ports[0]):
        settings = settings_for(*ports, concurrency=1, reserved=0, banner_timeout=60)
        with pytest.raises(Held, match="an operator has stopped testing"):
            await Surveyor(kept, means(settings, held=lambda: next(iter(stopped), ""))).run(0)
    assert [record.target for record in kept.records() if isinstance(record, Host)] == [0]


async def test_quiet_hours_are_waited_for(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    from dnsbl.clock import HandClock

    monkeypatch.setattr(surveyor, "LOOK", 0.01)
    monkeypatch.setattr(surveyor, "WRITE", 0.01)
    clock, told = HandClock(), list[SurveyProgress]()
    kept = laid(tmp_path / "s", 1, ports[0])
    settings = settings_for(*ports, quiet_hours=[0])
    task = asyncio.create_task(Surveyor(kept, means(settings, told, clock=clock)).run(0))
    await until(lambda: any(one.waits == "these are quiet hours, until 01:00 UTC (tester.quiet_hours)" for one in told))
    assert told[-1].done == 0
    clock.turn(hours=1)
    assert (await task).done == 1


async def test_no_more_are_tested_at_once_than_the_tester_may_nor_in_one_network(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    running, most = 0, 0

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        writer.write(b"554 no\r\n")
        await reader.read()
        running -= 1
        writer.close()

    for limits, bound in (({"concurrency": 3, "reserved": 0}, 3), ({"per_network": 2}, 2)):
        limits |= {"command_timeout": 0.2}  # that our QUIT is not answered
        most, kept = 0, laid(tmp_path / f"s{bound}", 12, ports[0])
        servers = [await asyncio.start_server(slow, str(FIRST + n), ports[0]) for n in range(12)]
        await Surveyor(kept, means(settings_for(*ports, **limits))).run(0)
        for server in servers:
            server.close()
        assert counted(kept).tested == 12
        assert 1 <= most <= bound


async def test_other_lists_are_asked_once_and_about_relays_alone(tmp_path: Path, ports: tuple[int, int]) -> None:
    asked = list[list[Address]]()

    async def lists(addresses: list[Address]) -> dict[Address, tuple[Opinion, ...]]:
        asked.append(addresses)
        return {one: (said("a.test", one == FIRST), said("b.test", None)) for one in addresses}

    kept = laid(tmp_path / "s", 4, ports[0])
    async with street((Habit.ANY, Habit.BOUNCES, Habit.CLOSED, Habit.ANY), *ports):
        await Surveyor(kept, means(settings_for(*ports))).run(1)
    assert counted(kept).asked_about == 0
    for _ in range(2):  # in a later sitting as well, and not a second time
        await Surveyor(kept, means(settings_for(*ports), lists=lists)).run(0)
    assert [sorted(one) for one in asked] == [[FIRST, FIRST + 3]]
    assert (counted(kept).asked_about, counted(kept).listed, counted(kept).untold) == (2, 1, 1)


def said(zone: str, listed: bool | None) -> Opinion:
    return Opinion(zone=zone, listed=listed, codes=(), text="", trouble=None, sentence="x")


async def test_the_same_collector_port_taken_is_said(tmp_path: Path, ports: tuple[int, int]) -> None:
    kept = laid(tmp_path / "s", 1, ports[0])
    settings: Settings = settings_for(*ports)
    async with await asyncio.start_server(lambda r, w: None, "127.0.0.1", ports[1]):
        with pytest.raises(OSError, match="in use"):
            await Surveyor(kept, means(settings)).run(0)
    kept.take()  # it was let go
    kept.release()


async def test_a_disk_that_is_full_ends_the_survey_and_what_was_found_is_written_when_there_is_room(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveyor, "WRITE", 0.01)
    kept, write = laid(tmp_path / "s", 4, ports[0]), os.write

    def full(descriptor: int, data: bytes) -> int:
        if b'"host"' in bytes(data):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    async with street((Habit.SILENT, Habit.REFUSING, Habit.CLOSED, Habit.SILENT), *ports):
        with monkeypatch.context() as disk:
            disk.setattr(os, "write", full)
            with pytest.raises(OSError, match="No space left"):
                await Surveyor(kept, means(settings_for(*ports, connect_timeout=30))).run(0)
        again = SurveyFolder(tmp_path / "s")
        await Surveyor(again, means(settings_for(*ports))).run(0)
    assert counted(again).tested == 4


async def test_what_came_back_before_a_host_was_written_is_known_in_a_later_sitting(
    tmp_path: Path, ports: tuple[int, int]
) -> None:
    habits = (Habit.ANY, Habit.BOUNCES)
    kept = laid(tmp_path / "s", 2, ports[0])
    async with street(habits, *ports):
        await Surveyor(kept, means(settings_for(*ports))).run(5)
    results = tmp_path / "s" / RESULTS
    lines = sorted(
        results.read_text().splitlines(keepends=True), key=lambda line: ("letter" not in line, "back" not in line)
    )
    results.write_text("".join(lines))
    ended = await asyncio.wait_for(Surveyor(SurveyFolder(tmp_path / "s"), means(settings_for(*ports))).run(60), 10)
    assert (ended.done, ended.accepted, ended.back) == (2, 2, 1)


async def test_the_time_of_a_sitting_is_written_by_and_by_so_that_a_kill_takes_a_part_of_it_alone(
    tmp_path: Path, ports: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surveyor, "WRITE", 0.01)
    monkeypatch.setattr(surveyor, "PART", 0.05)
    kept = laid(tmp_path / "s", 6, ports[0])
    async with street((Habit.SILENT,) * 6, *ports):
        await Surveyor(kept, means(settings_for(*ports, concurrency=1, reserved=0, connect_timeout=0.1))).run(0)
    parts = [record for record in kept.records() if isinstance(record, Sat)]
    assert len(parts) > 2
    assert sum(part.tested for part in parts) == 6
    assert 0.6 <= counted(kept).seconds < 30
