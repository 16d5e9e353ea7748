import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.daemons.manager import STATUS_MOST, Manager
from dnsbl.health import Health


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """What a manager names in the environment, and its socket."""
    place = str(tmp_path / "notify") if request.param == "path" else f"@{tmp_path}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(place.replace("@", "\0", 1))
        made.setblocking(False)
        yield place, made


def test_all_is_told_in_the_words_of_sd_notify(heard: tuple[str, socket.socket]) -> None:
    place, listening = heard
    clock = HandClock()
    environ = {"NOTIFY_SOCKET": place, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}
    manager = Manager(environ, 7, clock)
    assert environ == {}
    assert manager.every == 15.0
    manager.ready()
    manager.reloading()
    manager.alive()
    manager.stopping()
    told = [listening.recv(4096).decode() for _ in range(4)]
    moment = int(clock.monotonic() * 1e6)
    assert told == ["READY=1", f"RELOADING=1\nMONOTONIC_USEC={moment}", "WATCHDOG=1", "STOPPING=1"]


def test_the_status_is_told_when_it_changes_on_one_line(heard: tuple[str, socket.socket]) -> None:
    place, listening = heard
    clock = HandClock()
    manager = Manager({"NOTIFY_SOCKET": place}, 7, clock)
    parts = [Health(part=part, up=True, since=clock.now(), why="", begun=1) for part in ("dns", "feed")]
    for _ in range(3):
        manager.status(iter(parts))
    assert listening.recv(4096) == b"STATUS=at work: dns, feed"
    down = Health(part="feed", up=False, since=clock.now(), why="a path\nREADY=1\n" + "x" * 900, begun=1)
    manager.status([parts[0], down])
    said = listening.recv(4096).decode()
    assert said.startswith("STATUS=feed is down since 2026-01-01 00:00:00 UTC: a path READY=1 xxx")
    assert len(said) == len("STATUS=") + STATUS_MOST
    with pytest.raises(BlockingIOError):
        listening.recv(4096)


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"WATCHDOG_USEC": "30000000"},
        {"NOTIFY_SOCKET": "here"},
        {"NOTIFY_SOCKET": "here", "WATCHDOG_USEC": "x"},
        {"NOTIFY_SOCKET": "here", "WATCHDOG_USEC": "0"},
        {"NOTIFY_SOCKET": "here", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"},
    ],
)
def test_a_manager_that_is_not_there_or_does_not_listen_is_no_trouble(words: dict[str, str]) -> None:
    manager = Manager(dict(words), 7, HandClock())
    assert manager.every is None
    manager.ready()
    manager.status([])
