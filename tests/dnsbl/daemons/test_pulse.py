"""A process leaves signs of life, and says what ails: the store, the clock, the disk."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dnsbl.daemons import pulse as module
from dnsbl.daemons.pulse import Pulse
from dnsbl.errors import StoreUnavailable, Trouble
from dnsbl.health import HALTED, Board, Health
from tests.waiting import until

Usage = namedtuple("Usage", "total used free")


class Presence:
    """What the store says."""

    def __init__(self) -> None:
        self.error: StoreUnavailable | None = None
        self.came_upon = ""
        self.beats: list[str] = []

    def ails(self) -> str:
        return self.came_upon

    def beat(self, process: str, roles: tuple[str, ...], down: dict[str, str]) -> None:
        self.beats.append(process)
        self.down = down
        self.roles = roles
        if self.error:
            raise self.error

    def leave(self, process: str) -> None:
        self.beats.remove(process)


@pytest.fixture
def presence() -> Presence:
    return Presence()


@pytest.fixture
def pulse(presence: Presence, office: Any, tmp_path: Path) -> Pulse:
    return Pulse(presence, Board(office.clock), tmp_path)  # type: ignore[arg-type]


async def test_a_sign_of_life_says_which_parts_are_down(presence: Presence, office: Any, tmp_path: Path) -> None:
    board = Board(office.clock)
    pulse = Pulse(presence, board, tmp_path)  # type: ignore[arg-type]
    board.down("witnesses", "One has seen another root.")
    board.well("web")
    await pulse.step()
    assert presence.down == {"witnesses": "One has seen another root."}
    board.well("witnesses")
    await pulse.step()
    assert presence.down == {}
    board.well("scheduler", "Somebody must say so.")
    board.well("worker", "An operator has stopped it.")
    await pulse.step()
    assert presence.down == {HALTED: "An operator has stopped it."}, "who is stopped dials nobody either"


async def test_what_ails_is_said_once_until_it_is_over(
    pulse: Pulse, presence: Presence, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=module.__name__)
    await pulse.step()
    assert (pulse.problem, caplog.messages) == ("", [])
    presence.error = StoreUnavailable("The disk of the database is full.", trouble=Trouble.FULL)
    for _ in range(3):
        await pulse.step()
        assert pulse.problem == "The disk of the database is full."
    presence.error = None
    await pulse.step()
    assert pulse.problem == ""
    assert caplog.messages == ["The disk of the database is full.", "the store is as it should be again"]
    assert len(set(presence.beats)) == 1


async def test_what_another_part_came_upon_counts_though_a_beat_goes_through(pulse: Pulse, presence: Presence) -> None:
    presence.came_upon = "The database is damaged."
    await pulse.step()
    assert pulse.problem == "The database is damaged."
    presence.came_upon = ""
    await pulse.step()
    assert pulse.problem == ""


async def test_a_full_disk_of_the_state_folder_is_told(
    pulse: Pulse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def told() -> tuple[bool, str]:
        [disk] = pulse._board.ours()
        return disk.up, disk.why

    await pulse.step()
    assert told() == (True, "")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, 4096))
    await pulse.step()
    assert told() == (False, f"the disk of {tmp_path} is full: 4096 octets are free")
    monkeypatch.undo()
    await pulse.step()
    assert told() == (True, "")
    shutil.rmtree(tmp_path)
    await pulse.step()
    assert told() == (False, f"{tmp_path} cannot be looked at: No such file or directory")


async def test_new_keys_are_taken_over_at_each_beat(
    presence: Presence, office: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger=module.__name__)
    came = [False, True, False]
    pulse = Pulse(presence, Board(office.clock), tmp_path, follow=lambda: came.pop(0))  # type: ignore[arg-type]
    for _ in range(3):
        await pulse.step()
    assert (came, caplog.messages) == ([], ["the letters' keys are new"])


async def test_a_process_tells_of_the_one_that_answers_beside_it(
    presence: Presence, office: Any, tmp_path: Path
) -> None:
    board = Board(office.clock)
    answers = Health(part="dns", up=True, since=office.clock.now(), why="", begun=1)
    board.beside([answers, replace(answers, part="feed")])
    await Pulse(presence, board, tmp_path, roles={"worker"}).step()  # type: ignore[arg-type]
    assert presence.roles == ("dns", "worker")


async def test_a_process_says_what_it_does_and_is_gone_as_soon_as_it_ends(
    presence: Presence, office: Any, tmp_path: Path
) -> None:
    pulse = Pulse(presence, Board(office.clock), tmp_path, roles={"worker", "dns"})  # type: ignore[arg-type]
    stop = asyncio.Event()
    working = asyncio.create_task(pulse.run(stop))
    await until(lambda: presence.beats)
    assert (presence.beats, presence.roles) == ([pulse.name], ("dns", "worker"))
    stop.set()
    await working
    assert presence.beats == []
