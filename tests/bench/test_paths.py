"""The hosts of the benchmark get their verdicts, and each way in is counted by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from bench import paths


@contextlib.asynccontextmanager
async def beside(ports: Mapping[int, str], collector: int, number: int) -> AsyncIterator[None]:
    """The hosts of a kind in this process."""
    servers = await paths.listening(ports, collector, number)
    yield
    for server in servers:
        server.close()


@pytest.fixture(scope="module")
def priced() -> dict[str, Any]:
    """The figures of one host of each kind; those of the last kind alone are in a process of their own."""
    last = [*paths.KINDS.values()][-1]
    in_its_own = paths._hosts
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paths, "_hosts", lambda ports, *told: (in_its_own if ports is last else beside)(ports, *told))
        patch.setattr(paths, "PAUSE", 0.02)
        return asyncio.run(paths.measure(1))


def test_every_kind_of_host_is_given_the_verdict_that_it_deserves(priced: dict[str, Any]) -> None:
    assert {row["kind"]: row["right"] for row in priced["prices"]} == dict.fromkeys(paths.KINDS, 1)


def test_a_way_in_costs_what_it_leaves_to_ask(priced: dict[str, Any]) -> None:
    letters = {row["kind"]: row["letters"] for row in priced["prices"]}
    connections = {row["kind"]: row["connections"] for row in priced["prices"]}
    every_form = letters["closed"]
    assert every_form > 10 and letters["closed; closed at another port"] == every_form
    assert letters["closed; a login wanted at another port"] == 4, "the plain forms of both strangers"
    assert (letters["closed; nobody at another port"], connections["closed; nobody at another port"]) == (0, 1)
    assert letters["open"] == letters["open; open at another port"] == letters["closed; open at another port"] == 2


def test_the_figures_are_told_in_a_table(priced: dict[str, Any]) -> None:
    told = paths.report(priced).splitlines()
    assert len(told) == 1 + len(paths.KINDS)
    assert all(line.endswith("1 of 1") for line in told[1:])


def test_everything_is_on_loopback() -> None:
    assert (paths.FIRST + paths.HOSTS).is_loopback
