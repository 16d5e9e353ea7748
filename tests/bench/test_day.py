"""The bench of a day: its list has settings that a list takes, and its hosts are of the kinds that it says."""

from __future__ import annotations

from collections import Counter
from ipaddress import ip_address
from pathlib import Path

from bench.day import configuration, plan
from bench.fleet import Habit
from dnsbl.config import read_settings
from dnsbl.daemons.signing import signer
from tester.guises import Guise


def test_the_list_of_the_bench_has_settings_that_a_list_takes_and_signs_its_letters(tmp_path: Path) -> None:
    settings = read_settings(configuration(tmp_path, f"sqlite:///{tmp_path}/a.db", 12525, 12526))
    assert ip_address("127.64.0.1") in settings.tester.lab_networks[0]
    guise = Guise(helo="h.test", collector_domain="c.test", bounce_domain="b.test", selector="bench")
    sign = signer(settings.tester)(guise)
    assert sign is not None
    assert sign(b"From: <a@b.test>\r\n\r\nx\r\n").startswith(b"DKIM-Signature:")


def test_of_a_hundred_hosts_88_are_closed_and_5_relay() -> None:
    kinds = Counter(plan(100).values())
    assert kinds == {Habit.CLOSED: 88, Habit.ANY: 5, Habit.SILENT: 4, Habit.REFUSING: 3}
