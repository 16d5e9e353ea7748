"""The benchmark's neighbourhood is what it says, and the tester is right about all of it."""

from __future__ import annotations

import json
from collections import Counter
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from bench import fleet, tester, tester_report
from bench.fleet import OPEN, Habit


def test_range_a_is_the_range_of_the_study() -> None:
    plan = fleet.range_a()
    numbers = Counter(plan.values())
    speaking = sum(numbers[habit] for habit in fleet.SPEAKING)
    delivering = sum(numbers[habit] for habit in OPEN)
    accepting = delivering + numbers[Habit.LOSES] + numbers[Habit.BOUNCES]
    assert len(plan) == 2816
    assert (numbers[Habit.REFUSING], numbers[Habit.FILTERED], speaking) == (234, 5, 14)
    assert (accepting, delivering) == (6, 5)
    assert min(plan) == ip_address("127.64.0.0")
    assert max(plan) == ip_address("127.64.10.255")


def test_nothing_in_the_neighbourhood_is_off_loopback() -> None:
    addresses = {*fleet.range_a(), *fleet.speakers(4), ip_address(fleet.SLOW), ip_address(fleet.MUTE)}
    assert all(address in ip_network("127.0.0.0/8") for address in addresses)


def test_a_plan_survives_its_way_to_the_other_process() -> None:
    plan = fleet.speakers(2)
    assert fleet.from_lines([line for line in fleet.to_lines(plan).splitlines() if line]) == plan


async def test_the_tester_is_right_about_every_kind(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int) -> None:
    monkeypatch.setattr(tester, "PORT", unused_tcp_port)
    monkeypatch.setattr(tester, "LIMITS", tester.replace(tester.LIMITS, connect=2.0))
    monkeypatch.setattr(tester, "QUIET", 2.0)  # a busy machine is no fault of the tester's
    plan = fleet.speakers(1)
    first = max(plan) + 1
    plan |= {first: Habit.SILENT, first + 1: Habit.FILTERED, first + 2: Habit.REFUSING}
    trials = tester.Trials()
    _, port = await trials.collector.start("127.0.0.1", 0)
    async with fleet.neighbourhood(plan, tester.PORT, port):
        _, judged = await tester.judge_all(trials, plan, "every kind")
    await trials.collector.close()
    assert (judged.accused, judged.missed, judged.strange) == (0, 0, 0)
    assert judged.addresses == len(Habit)


def test_no_forgery_comes_through_the_gate() -> None:
    keyring = tester.Trials().keyring
    assert tester.forge(keyring, 20_000)[1] == 0


def figures() -> dict[str, Any]:
    def judged(who: str, name: str, cpu: float) -> dict[str, Any]:
        row = tester.Judged(who, name, 5.0, cpu, 100, 3, 0, 0)
        return tester.asdict(row)

    return {
        "python": "3.11",
        "processors": 2,
        "load_before": 0.0,
        "files": 20000,
        "costs": [{"what": "silent", "tests": 100, "wall": 1.0, "cpu_each": 0.0015, "memory_each": 2048.0}],
        "judged": [judged(tester_report.OURS, "range A", 2.0), judged("nmap smtp-open-relay", "range A", 4.0)],
        "skipped": ["10,000 tests of 127.63.0.1: no time left"],
        "gate": {"forgeries": 10, "seconds": 0.001, "through": 0},
    }


def test_the_table_tells_ratios_and_what_is_missing() -> None:
    told = tester_report.report(json.loads(json.dumps(figures())))
    assert "4.00 s (2.00 x)" in told
    assert "33.0 times as long" in told
    assert "1.50 ms" in told
    assert "2.0 KiB" in told
    assert "Not measured: 10,000 tests of 127.63.0.1: no time left." in told
    alone = figures()
    alone["judged"] = [alone["judged"][0]] * 2
    assert "bench/install" in tester_report.report(alone)


def test_the_targets_are_kept_or_told() -> None:
    good = figures()
    good["judged"][0]["accused"] = 0
    assert all(tester_report.targets(good).values())
    assert "kept    no verdict is wrong" in tester_report.report(good)
    for spoil in (
        lambda f: f["judged"][0].update(missed=1),
        lambda f: f["gate"].update(through=1),
        lambda f: f["judged"][0].update(wall=10.1),
        lambda f: f["costs"][0].update(memory_each=65537.0),
        lambda f: f["costs"].append(f["costs"][0] | {"cpu_each": 0.003}),
    ):
        bad = json.loads(json.dumps(good))
        spoil(bad)
        assert list(tester_report.targets(bad).values()).count(False) == 1
        assert "MISSED" in tester_report.report(bad)
