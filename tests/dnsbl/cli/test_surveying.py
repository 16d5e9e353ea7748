"""`dnsbl survey`."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.fleet import Habit
from tests.dnsbl.cli.conftest import Run
from tests.dnsbl.daemons.surveyed import FIRST, street

HABITS = (Habit.ANY, Habit.CLOSED, Habit.REFUSING, Habit.LOSES)


@contextmanager
def neighbours(tmp_path: Path, ports: tuple[int, int]) -> Iterator[None]:
    """Servers in a thread of their own, and settings to survey them with."""
    with (tmp_path / "config.toml").open("a") as config:
        config.write(
            f"port = {ports[0]}\nconnect_timeout = 1\nattempt_gap = 0\nconnection_gap = 0\nper_network = 50\n"
            '[survey]\nauthorized_networks = ["127.66.0.0/24"]\ncollector_domain = "c.test"\n'
            f'bounce_domain = "b.test"\nlisten = "127.0.0.1:{ports[1]}"\nwait = 0.5\n'
        )
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with street(HABITS, *ports):
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def ports(unused_tcp_port_factory: Iterator[int]) -> tuple[int, int]:
    return unused_tcp_port_factory(), unused_tcp_port_factory()  # type: ignore[operator]


def test_a_range_is_surveyed_told_in_each_form_and_lists_nobody(
    run: Run, tmp_path: Path, ports: tuple[int, int]
) -> None:
    with neighbours(tmp_path, ports):
        (found,) = run("survey", "run", "one", "--range", "127.66.0.1-127.66.0.4")["surveys"]
        run("survey", "run", "two", "--range", "127.66.0.1-127.66.0.2", "--form", "S10")
    assert {row["what"]: row["count"] for row in found["letters"]} == {
        "accepted": 2,
        "delivered": 1,
        "bounced": 0,
        "kept, as the server says": 0,
        "lost": 1,
        "answered by a person": 0,
    }
    assert run("lookup", str(FIRST))["state"] == "unknown"
    assert run("journal", str(FIRST)) == []
    text = run("survey", "report", "one", "two", plain=True)
    assert "Trend" in text
    assert str(FIRST) not in text
    assert str(FIRST) in run("survey", "report", "one", "--hosts", plain=True)
    assert run("survey", "report", "one", "--format", "csv", plain=True).startswith("survey,table,figure")
    page = tmp_path / "page.html"
    run("survey", "report", "one", "two", "--format", "html", "--out", str(page), plain=True)
    assert page.read_text().startswith("<!doctype html>")
    assert json.loads(run("survey", "report", "one", "--format", "json", plain=True))["surveys"][0]["name"] == "one"
    assert "goes not with --format html" in run("survey", "report", "one", "--format", "html", code=2)
    assert run("survey", "report", "one", "--out", str(page)) == {"file": str(page)}
    assert json.loads(page.read_text())["surveys"][0]["name"] == "one"
    # over, and nobody is left: the same command changes nothing
    assert run("survey", "run", "one")["surveys"][0]["stages"] == found["stages"]
    assert "was begun already" in run("survey", "run", "one", "--range", "127.66.0.1", code=1)
    given = "--form=S10 --presence=113 --sample=5 --authorization=x --family=ipv4 --seed=x --resolver=127.0.0.1:53"
    for option, value in (each.split("=") for each in given.split()):
        assert f"goes on as it was begun, without {option}." in run("survey", "run", "one", option, value, code=1)


def test_who_has_opted_out_is_left_out_and_a_stop_holds(run: Run, tmp_path: Path, ports: tuple[int, int]) -> None:
    with neighbours(tmp_path, ports):
        run("exclude", "127.66.0.2/31", "--reason", "asked")
        (found,) = run("survey", "run", "one", "--range", "127.66.0.1-127.66.0.4")["surveys"]
        assert {row["what"]: row["count"] for row in found["targets"]}["left out: opted out"] == 2
        run("stop", "--reason", "x")
        assert "stopped by operator" in run("survey", "run", "two", "--range", "127.66.0.1", code=1)


def test_what_is_not_authorized_or_not_said_is_refused(run: Run, tmp_path: Path, ports: tuple[int, int]) -> None:
    with neighbours(tmp_path, ports):
        assert "nobody was tested" in run("survey", "run", "one", "--range", "127.65.0.0/24", code=1)
        assert "A survey's name" in run("survey", "run", "../x", "--range", "127.66.0.1", code=1)
        assert "There is no survey" in run("survey", "report", "one", code=1)
        assert "--range" in run("survey", "run", "one", code=2)
        assert "--form" in run("survey", "run", "one", "--range", "127.66.0.1", "--form", "R01", code=2)
        (tmp_path / "list").write_text("a.test\n")
        assert "authorization on record" in run("survey", "run", "one", "--domains", str(tmp_path / "list"), code=1)


def test_a_report_that_cannot_be_written_and_one_that_may_name_nobody(
    run: Run, tmp_path: Path, ports: tuple[int, int]
) -> None:
    with neighbours(tmp_path, ports):
        run("survey", "run", "one", "--range", "127.66.0.3")
    assert "names no hosts" in run("survey", "report", "one", "--format", "html", "--hosts", plain=True, code=2)
    (tmp_path / "file").write_text("")
    assert "cannot be written" in run("survey", "report", "one", "--out", str(tmp_path / "file" / "x"), code=1)
