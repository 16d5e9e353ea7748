"""The store that the web bench asks is one that our own verbs could have made."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.filling import PATTERN, RANGE, SINGLE, Filled, fill, host
from dnsbl.addresses import Address
from dnsbl.casework import Casework
from dnsbl.model import Standing
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import State
from tester.letter import Keyring
from tester.verdict import Verdict

Opened = tuple[Casework, Filled]


def made(folder: Path) -> Opened:
    store, settings = Store(f"sqlite:///{folder}/dnsbl.db"), Settings()
    store.upgrade()
    filled = fill(store, settings, hosts=30, listings=100, entries=500, queued=10, runs=5)
    return Casework(store, settings, Keyring.generate(lambda size: bytes(size), 0)), filled


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    """One that is looked at alone."""
    return made(tmp_path_factory.mktemp("filled"))


def standing(opened: Opened, address: Address) -> Standing:
    return opened[0].views.look_up(address)


def test_the_journal_holds_from_its_first_entry_to_its_last(opened: Opened) -> None:
    casework, filled = opened
    assert casework.operators.verify_journal() == filled.entries == 500


@pytest.mark.parametrize("number", [0, 1, 29])
def test_every_host_is_listed_by_a_run_of_its_own(opened: Opened, number: int) -> None:
    casework, _ = opened
    found = standing(opened, host(number))
    assert found.state is State.LISTED and found.last_verdict is Verdict.OPEN
    assert found.next_test is not None
    run = casework.views.run_report(str(found.listings[0].run))
    assert run.run.address == host(number)
    assert run.letters and run.transcripts and run.returns and run.paths
    assert {step.subject for step in casework.operators.journal(host(number))} == {str(host(number))}


def test_the_first_host_has_a_long_past(opened: Opened) -> None:
    assert [len(standing(opened, host(number)).runs) for number in (0, 1)] == [5, 1]


def test_operators_have_listed_addresses_and_a_network(opened: Opened) -> None:
    for address in (SINGLE, RANGE[77]):
        assert [each.kind for each in standing(opened, address).listings] == ["manual"]
    assert standing(opened, PATTERN + 1).state is State.UNKNOWN
    serial, rows, *_ = opened[0].contents.snapshot()
    assert len(list(rows)) == opened[1].listings == 100
    assert serial == 100, "each listing is one step of what DNS answers"


def test_tests_wait_for_a_worker_and_are_taken_in_turn(tmp_path: Path) -> None:
    casework, _ = made(tmp_path)
    taken = [casework.assignments.take_job("w") for _ in range(3)]
    assert [each and each.job.rank for each in taken] == [1, 2, 3]
