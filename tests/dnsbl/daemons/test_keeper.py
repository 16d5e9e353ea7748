"""One part is kept at work: what fails is begun again after growing pauses, and the board tells it."""

from __future__ import annotations

import asyncio

import pytest

from dnsbl.clock import HandClock
from dnsbl.daemons import keeper as module
from dnsbl.daemons.keeper import Keeper
from dnsbl.errors import DnsblError, StoreUnavailable, Withheld
from dnsbl.health import Board
from tests.waiting import until


class Part:
    """A shell that does what it is told to."""

    def __init__(self, fault: BaseException | None = None, *, ends: bool = False) -> None:
        self.fault, self.ends = fault, ends
        self.problem = self.held = ""
        self.ran = self.closed = False

    async def run(self, stop: asyncio.Event) -> None:
        self.ran = True
        try:
            if self.fault:
                raise self.fault
            if not self.ends:
                await stop.wait()
        finally:
            self.closed = True


class House:
    """A keeper whose part is what comes next in a list, and whose pauses are told and take no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *parts: Part | Exception) -> None:
        self.clock = HandClock()
        self.board = Board(self.clock)
        self.parts = list(parts)
        self.begun: list[Part | Exception] = []
        self.stop = asyncio.Event()
        self.pauses: list[float] = []
        self.keeper = Keeper("part", self.begin, self.board, self.clock, wait=self.wait)
        monkeypatch.setattr(module, "EVERY", 0.001)

    async def wait(self, stop: asyncio.Event, seconds: float) -> None:
        self.pauses.append(seconds)

    async def begin(self) -> Part:
        part = self.parts.pop(0)
        self.begun.append(part)
        if isinstance(part, Exception):
            raise part
        return part

    @property
    def health(self) -> tuple[bool, str, int]:
        [part] = self.board.ours()
        return part.up, part.why, part.begun


async def test_a_part_that_fails_is_begun_anew_with_growing_pauses(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    last = Part()
    house = House(
        monkeypatch,
        Part(DnsblError("The wire broke.")),
        Part(RuntimeError("a secret of a stranger")),
        StoreUnavailable("The disk is full."),
        Part(ends=True),
        last,
    )
    running = asyncio.create_task(house.keeper.run(house.stop))
    await until(lambda: last.ran)
    await until(lambda: house.health == (True, "", 2))
    assert house.pauses == [0.1, 1, 2, 5]
    said = [record.getMessage() for record in caplog.records]
    assert "part is down, and is begun again in 0.1 s: The wire broke." in said
    assert "part is down, and is begun again in 1 s: RuntimeError; the log says more" in said
    assert "part is down, and is begun again in 2 s: The disk is full." in said
    assert "part is down, and is begun again in 5 s: it has ended by itself" in said
    house.stop.set()
    await asyncio.wait_for(running, 5)
    assert last.closed


async def test_while_a_part_is_down_the_board_says_why_and_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, StoreUnavailable("The disk is full."))
    await house.keeper.start()
    assert house.health == (False, "The disk is full.", 0)
    assert house.board.ours()[0].since == house.clock.now()


async def test_what_time_does_not_mend_ends_a_first_start(monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(monkeypatch, DnsblError("The port is taken."))
    with pytest.raises(DnsblError, match="The port is taken"):
        await house.keeper.start()


async def test_a_part_that_is_withheld_is_down_and_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part()
    house = House(monkeypatch, Withheld("Other keys."), Withheld("Other keys."), part)
    await house.keeper.start()
    assert str(house.keeper.withheld) == "Other keys."
    running = asyncio.create_task(house.keeper.run(house.stop))
    await until(lambda: house.health == (True, "", 1))
    house.stop.set()
    await asyncio.wait_for(running, 5)


async def test_what_a_part_complains_of_is_on_the_board_until_it_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part()
    house = House(monkeypatch, part)
    await house.keeper.start()
    running = asyncio.create_task(house.keeper.run(house.stop))
    part.problem = "The store is away."
    await until(lambda: house.health == (False, "The store is away.", 1))
    part.problem, part.held = "", "An operator must say so."
    await until(lambda: house.health == (True, "An operator must say so.", 1))
    part.held = ""
    await until(lambda: house.health == (True, "", 1))
    house.stop.set()
    await asyncio.wait_for(running, 5)


async def test_what_was_begun_is_closed_when_the_node_does_not_come_to_work(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part()
    house = House(monkeypatch, part)
    await house.keeper.start()
    await house.keeper.abandon()
    assert part.closed
    await Keeper("other", house.begin, house.board, house.clock).abandon()  # which was never begun


async def test_a_part_is_cut_off_with_its_keeper(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part()
    house = House(monkeypatch, part)
    running = asyncio.create_task(house.keeper.run(house.stop))
    await until(lambda: part.ran)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert part.closed


async def test_a_part_that_stops_badly_is_not_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clumsy(Part):
        async def run(self, stop: asyncio.Event) -> None:
            await stop.wait()
            raise RuntimeError("while it ended")

    house = House(monkeypatch, Clumsy())
    house.keeper._shell = None
    running = asyncio.create_task(house.keeper.run(house.stop))
    await until(lambda: house.begun)
    house.stop.set()
    await asyncio.wait_for(running, 5)
    assert len(house.begun) == 1


async def test_what_was_begun_is_closed_when_the_end_came_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part()
    house = House(monkeypatch, part)
    await house.keeper.start()
    house.stop.set()
    await house.keeper.run(house.stop)
    assert part.closed
    assert len(house.begun) == 1


async def test_where_the_process_is_begun_again_what_time_does_not_mend_is_down_and_tried_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A certificate that is half written kept all roles of the process away."""
    for fault, why in ((DnsblError("The port is taken."), "The port is taken."), (OSError(), "OSError; the log says")):
        part = Part()
        house = House(monkeypatch, fault, fault, part)
        await house.keeper.start(again=True)
        up, said, _ = house.health
        assert not up and said.startswith(why)
        running = asyncio.create_task(house.keeper.run(house.stop))
        await until(lambda house=house: house.health == (True, "", 1))  # type: ignore[misc]
        house.stop.set()
        await asyncio.wait_for(running, 5)


async def test_a_part_that_is_broken_off_from_within_is_begun_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a library has cancelled ended the keeper without a word."""
    last = Part()
    house = House(monkeypatch, Part(asyncio.CancelledError()), last)
    running = asyncio.create_task(house.keeper.run(house.stop))
    await until(lambda: last.ran or running.done())
    assert "part is down, and is begun again in 0.1 s: it was broken off from within" in caplog.text
    house.stop.set()
    await asyncio.wait_for(running, 5)
