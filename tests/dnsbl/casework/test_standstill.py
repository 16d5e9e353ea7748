"""Why nobody is dialled: one sentence of each state, the strongest first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dnsbl.casework.standstill import Standstill, without_store
from dnsbl.health import HALTED
from dnsbl.places import stop_path

Made = Callable[..., Any]
HERE, THERE = f"{os.uname().nodename}:1:ab", "there.example:2:cd"
BY_FILE = "stopped testing on this machine"
GONE = "Nobody is dialled from here: this machine does not have 192.0.2.1."


@pytest.fixture
def made(make_office: Made, tmp_path: Path) -> Made:
    def make(**tester: Any) -> Any:
        return make_office(service={"state_dir": tmp_path}, tester={"lab_networks": ["127.0.0.0/8"], **tester})

    return make


def why(office: Any) -> str:
    still = office.casework.views.standstill()
    assert still is None or still.sentence == f"{still.why[0].upper()}{still.why[1:]}."
    return still.why if still else ""


def test_whoever_is_due_is_tested_where_nothing_is_in_the_way(made: Made) -> None:
    office = made()
    assert why(office) == ""
    office.casework.presence.beat(HERE, ("worker",))
    assert why(office) == ""


def test_the_strongest_reason_is_told(made: Made) -> None:
    office = made(quiet_hours=[0, 1, 23])
    quiet = office.casework.views.standstill()
    assert quiet == Standstill(why="these are quiet hours, until 02:00 UTC (tester.quiet_hours)", planned=True)
    office.casework.presence.beat(HERE, ("worker",), {"worker": GONE})
    told = office.casework.views.standstill()
    assert told.fault and told.why == f"on {os.uname().nodename}, n{GONE[1:-1]}"
    stop_path(office.settings).touch()
    assert BY_FILE in why(office)
    office.casework.operators.stop(reason="complaints.", actor="operator ann")
    stopped = office.casework.views.standstill()
    assert stopped.why == "stopped by operator ann: complaints, until `dnsbl resume`" and stopped.stop is not None
    assert why(made(stop=True)) == "tester.stop is set"


def test_a_file_here_is_no_stop_of_all_testing_while_a_worker_on_another_machine_goes_on(made: Made) -> None:
    office = made()
    path = stop_path(office.settings)
    path.touch()
    here = f"an operator has {BY_FILE}: {path} is there, until `dnsbl resume`"
    assert why(office) == here, "no worker is at work"
    office.casework.presence.beat(HERE, ("worker",))
    assert why(office) == here, "it is this one's file"
    office.casework.presence.beat(THERE, ("worker",))
    assert why(office) == ""
    office.casework.presence.beat(THERE, ("worker",), {"worker": "It has no keys."})
    assert why(office) == here
    path.unlink()
    assert why(office) == "", "the one here goes on"


def test_a_file_on_the_machine_of_the_workers_is_told_on_every_other_one(made: Made) -> None:
    office = made()
    said = f"An operator has {BY_FILE}: /srv/stop is there, until `dnsbl resume`."
    office.casework.presence.beat(THERE, ("worker",), {HALTED: said})
    told = office.casework.views.standstill()
    assert (told.why, told.fault) == (f"on there.example, a{said[1:-1]}", False)
    office.casework.presence.beat(HERE, ("web",), {"worker": "is none of this process"})
    assert why(office) == told.why
    office.clock.turn(minutes=2)
    assert why(office) == "", "who is gone says nothing"


def test_without_the_store_what_is_known_here_is_told(made: Made) -> None:
    office = made(quiet_hours=[0])
    now = office.clock.now()
    quiet = without_store(office.settings, now)
    assert quiet is not None and quiet.planned
    stop_path(office.settings).touch()
    told = without_store(office.settings, now)
    assert told is not None and BY_FILE in told.why
    stop_path(office.settings).unlink()
    assert without_store(made().settings, now) is None
    assert without_store(made(stop=True).settings, now) == Standstill(why="tester.stop is set")


def test_the_end_of_quiet_hours_is_told(made: Made) -> None:
    assert why(made(quiet_hours=[23, 0, 2])) == "these are quiet hours, until 01:00 UTC (tester.quiet_hours)"
    assert why(made(quiet_hours=[*range(23)])) == "these are quiet hours, until 23:00 UTC (tester.quiet_hours)"
    assert why(made(quiet_hours=[1])) == ""
