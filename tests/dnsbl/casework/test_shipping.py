"""The event log is only ever added to, follows the journal, and is never mixed with another list's."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from dnsbl.errors import Damaged, DnsblError
from dnsbl.rules import eventlog


def word(office, network: str) -> None:
    office.casework.operators.list_networks([ip_network(network)], kind="manual", reason="x", actor="operator")


def test_a_log_grows_by_what_is_new_and_holds_the_whole_journal(office, tmp_path: Path) -> None:
    log, shipping = tmp_path / "log", office.casework.shipping
    word(office, "10.1.0.0/16")
    assert shipping.ship_to(log) == 1
    before = log.read_bytes()
    assert shipping.ship_to(log) == 0
    office.nominate("192.0.2.1")
    word(office, "10.2.0.0/16")
    assert shipping.ship_to(log) == 3
    assert log.read_bytes().startswith(before)
    found = eventlog.read(log.read_text().splitlines())
    assert list(found.entries) == office.casework.operators.journal(most=100)
    assert list(found.changes) == office.casework.contents.changes(0)


def test_a_line_that_a_crash_cut_off_is_written_again(office, tmp_path: Path) -> None:
    log, shipping = tmp_path / "log", office.casework.shipping
    for n in range(3):
        word(office, f"10.{n}.0.0/16")
        shipping.ship_to(log)
    whole = log.read_text()
    ends = [at for at, char in enumerate(whole) if char == "\n"]
    cuts = {*range(1, len(whole), 13), *(end + step for end in ends for step in (-1, 0, 1, 2))}
    for cut in sorted(cuts & set(range(1, len(whole)))):
        log.write_text(whole[:cut])
        shipping.ship_to(log)
        found = eventlog.read(log.read_text().splitlines())
        assert list(found.entries) == office.casework.operators.journal(most=100), cut
        assert list(found.changes) == office.casework.contents.changes(0), cut


def test_the_log_of_another_list_is_left_alone(office, tmp_path: Path, make_office) -> None:
    log = tmp_path / "log"
    word(office, "10.1.0.0/16")
    office.casework.shipping.ship_to(log)
    log.write_text(log.read_text().replace('"reason":"operator"', '"reason":"other"'))
    before = log.read_bytes()
    with pytest.raises(Damaged, match="not this list's"):
        office.casework.shipping.ship_to(log)
    assert log.read_bytes() == before


def test_without_a_path_nothing_is_kept_and_one_that_cannot_be_written_is_a_sentence(office, tmp_path: Path) -> None:
    word(office, "10.1.0.0/16")
    assert office.casework.shipping.ship() == 0
    with pytest.raises(DnsblError, match="cannot be written"):
        office.casework.shipping.ship_to(tmp_path / "no" / "log")


def test_nothing_is_told_elsewhere_that_a_power_cut_could_take_back(
    office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, settled = tmp_path / "log", list[bool]()
    monkeypatch.setattr(office.store, "settle", lambda: settled.append(log.exists()))
    word(office, "10.1.0.0/16")
    assert office.casework.shipping.ship_to(log) == 1
    assert settled == [False]
