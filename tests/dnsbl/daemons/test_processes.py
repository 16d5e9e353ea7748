"""A parent over two processes: each may die by itself, none outlives the parent, and each knows how the other does.

The parent runs in a process of its own, as it does in life: it forks, and this one has threads.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until

PARENT = """
import json, os, signal, sys, threading
from dnsbl.clock import SystemClock
from dnsbl.daemons import processes
from dnsbl.daemons.processes import Child, Ended, Parent, hear_hangups
from dnsbl.health import Board

processes.GRACE, processes.LAST = 0.5, 0.5
logged = []

def say(**what):  # in one write, since a signal may come while another thing is being said
    os.write(1, (json.dumps(what) + "\\n").encode())

class Telling(Board):
    # says what it is told of the other process

    def __init__(self, name):
        super().__init__(SystemClock())
        self.name = name

    def beside(self, others):
        super().beside(others)
        say(by=self.name, sees=[(h.part, h.up, h.why, h.begun) for h in self.all() if h.part != self.name])

def work(name, manner):
    def serve(leash):
        if manner == "fails":
            return 3
        if manner == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        board, stop = Telling(name), threading.Event()
        leash.hold(board)
        signal.signal(signal.SIGTERM, lambda *_: manner == "stubborn" or stop.set())
        if manner == "hung up":  # before it has a handler
            os.kill(os.getpid(), signal.SIGHUP)
        signal.signal(signal.SIGHUP, lambda *_: say(heard=name))
        hear_hangups()
        signal.signal(signal.SIGUSR1, lambda *_: board.down(name, "it was asked to say so"))
        board.begun(name)
        if manner == "mute":
            stop.wait()
        leash.ready({"name": name, "pid": os.getpid(), "page": None}, board)
        stop.wait()
        return 0
    return serve

children = [Child(name=name, roles=[name], work=work(name, manner)) for name, manner in json.loads(sys.argv[1]).items()]
try:
    Parent(children, SystemClock()).run(ready=lambda told: say(ready=told))
except Ended as error:
    say(ended=str(error), said=error.said)
say(over=[child.pid for child in children])
"""


class Family:
    """A parent, and what is said by it and its children."""

    def __init__(self, folder: Path, **manners: str) -> None:
        self._out = folder / "out"
        with self._out.open("wb") as out, (folder / "err").open("wb") as err:
            self.parent = subprocess.Popen(
                [sys.executable, "-c", PARENT, json.dumps(manners)], stdout=out, stderr=err, stdin=subprocess.DEVNULL
            )

    def said(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._out.read_text().splitlines() if line.endswith("}")]

    async def until(self, met: Callable[[list[dict[str, Any]]], Any]) -> Any:
        return await until(lambda: met(self.said()), within=30)

    async def pids(self) -> dict[str, int]:
        """The children, once all are ready."""
        [ready] = await self.until(lambda said: [one["ready"] for one in said if "ready" in one])
        return {child["name"]: child["pid"] for child in ready}

    def ends(self, code: int = 0) -> list[dict[str, Any]]:
        assert self.parent.wait(30) == code
        return self.said()

    def close(self) -> None:
        if self.parent.poll() is None:
            self.parent.kill()
            self.parent.wait()


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def family(tmp_path: Path) -> Iterator[Callable[..., Family]]:
    made: list[Family] = []

    def make(**manners: str) -> Family:
        made.append(Family(tmp_path, **manners))
        return made[-1]

    yield make
    for one in made:
        one.close()


def gone(*pids: int) -> bool:
    return not any(lives(pid) for pid in pids)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_parent_that_is_told_to_end_has_its_children_end_first(
    family: Callable[..., Family], number: signal.Signals
) -> None:
    here = family(a="serves", b="serves")
    pids = await here.pids()
    here.parent.send_signal(number)
    assert here.ends()[-1] == {"over": [0, 0]}
    assert gone(*pids.values())


async def test_a_child_that_is_killed_is_begun_again_and_the_other_hears_of_it_and_goes_on(
    family: Callable[..., Family],
) -> None:
    here = family(a="serves", b="serves")
    pids = await here.pids()
    await here.until(lambda said: {"by": "b", "sees": [["a", True, "", 1]]} in said)
    os.kill(pids["a"], signal.SIGKILL)
    await here.until(lambda said: {"by": "b", "sees": [["a", False, "the process a was ended by signal 9", 1]]} in said)
    await here.until(lambda said: {"by": "b", "sees": [["a", True, "", 2]]} in said)
    assert lives(pids["b"])
    assert gone(pids["a"])
    here.parent.terminate()
    here.ends()


async def test_a_child_tells_the_other_one_how_its_parts_do(family: Callable[..., Family]) -> None:
    here = family(a="serves", b="serves")
    os.kill((await here.pids())["b"], signal.SIGUSR1)
    await here.until(lambda said: {"by": "a", "sees": [["b", False, "it was asked to say so", 1]]} in said)


async def test_no_child_outlives_its_parent(family: Callable[..., Family]) -> None:
    here = family(a="serves", b="stubborn")
    pids = await here.pids()
    here.parent.kill()
    here.parent.wait()
    await here.until(lambda _: gone(*pids.values()))


@pytest.mark.parametrize(
    ("manner", "sentence", "said"),
    [
        ("fails", "The process b has ended with code 3 before it was ready.", True),
        ("dies", "The process b was ended by signal 9 before it was ready.", False),
    ],
)
@pytest.mark.parametrize("other", ["serves", "stubborn", "mute"])
def test_one_that_ends_before_all_are_ready_ends_them_all(
    family: Callable[..., Family], manner: str, sentence: str, said: bool, other: str
) -> None:
    told = family(a=other, b=manner).ends()
    assert told[-2:] == [{"ended": sentence, "said": said}, {"over": [0, 0]}]
    assert not any("ready" in one for one in told)


async def test_a_child_that_does_not_end_when_it_is_told_to_is_killed(family: Callable[..., Family]) -> None:
    here = family(a="stubborn", b="serves")
    pids = await here.pids()
    here.parent.terminate()
    assert here.ends()[-1] == {"over": [0, 0]}
    assert gone(*pids.values())


async def test_a_parent_that_is_told_to_end_before_all_are_ready_is_ready_never(family: Callable[..., Family]) -> None:
    here = family(a="serves", b="mute")
    await here.until(lambda said: {"by": "a", "sees": []} in said)  # so its line has come to the parent
    here.parent.terminate()
    assert not any("ready" in one for one in here.ends())


async def test_a_hangup_is_handed_on(family: Callable[..., Family]) -> None:
    here = family(a="serves", b="serves")
    await here.pids()
    here.parent.send_signal(signal.SIGHUP)
    await here.until(lambda said: {"heard": "a"} in said and {"heard": "b"} in said)


async def test_a_hangup_that_comes_before_a_child_can_take_it_waits_and_ends_nobody(
    family: Callable[..., Family],
) -> None:
    here = family(a="hung up", b="serves")
    assert set(await here.pids()) == {"a", "b"}
    await here.until(lambda said: {"heard": "a"} in said)


async def test_a_child_that_the_system_has_no_room_for_is_begun_later_and_the_other_goes_on(
    family: Callable[..., Family],
) -> None:
    here = family(a="serves", b="serves")
    pids = await here.pids()
    _, most = resource.prlimit(here.parent.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(here.parent.pid, resource.RLIMIT_NOFILE, (3, most))
    os.kill(pids["b"], signal.SIGKILL)
    await here.until(lambda said: any("cannot be begun (Too many open files)" in str(one) for one in said))
    assert lives(pids["a"])
    resource.prlimit(here.parent.pid, resource.RLIMIT_NOFILE, (most, most))
    await here.until(lambda said: any(up and begun > 2 for one in said for _, up, _, begun in one.get("sees", ())))
    assert lives(pids["a"])


def held(pid: int) -> set[str]:
    """What a process has open, and does not close meanwhile."""
    found = set()
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.add(os.readlink(one))
    return found


async def test_a_child_holds_no_descriptor_of_its_parent_or_of_the_other_one(family: Callable[..., Family]) -> None:
    here = family(a="serves", b="serves")
    pids = await here.pids()
    pipes = {name: held(pid) for name, pid in pids.items()}
    own = [{pipe for pipe in found if pipe.startswith("pipe:")} for found in pipes.values()]
    assert [len(found) for found in own] == [2, 2]
    assert not own[0] & own[1]
    assert not any("eventpoll" in pipe for found in pipes.values() for pipe in found)
