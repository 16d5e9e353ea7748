"""A small town is surveyed by the command, through lists, DNS, SMTP and the letters that come back; figure by
figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench import studies
from bench.fleet import Habit
from bench.studies import Ports, Town, dnsbl, settle, survey, town
from dnsbl.rules.surveys.studies import papers

SMALL: dict[str, Any] = {
    "lists": 3,
    "addresses": 70,
    "domains": 40,
    "with_address": 36,
    "sample": 24,
    "stages": {"CONNECT": 4, "EHLO": 0, "MAIL": 0, "TO": 6, "DATA": 2, "OK": 10},
    "quit": 1,
    "delivered": 6,
    "bounced": 2,
    "human": 1,
}
RANGE: dict[str, Any] = {
    "range": "192.0.2.0-192.0.2.63",
    "open_relays": 3,
    "not_delivered": 1,
    "confirmed": 2,
    "hosts": 14,
    "closed": 6,
    "filtered": 2,
    "open": 6,
    "relays": [["MERAK 2.10.260", True], ["not named", False]],
}


async def counts(tmp_path: Path, here: Town, form: str) -> dict[str, dict[str, int]]:
    ports = Ports.free()
    config = settle(tmp_path, ports)
    await survey("small", here, form, config, ports, wait=2.0)
    (found,) = json.loads(await dnsbl("survey", "report", "small", "--json", "--config", str(config)))["surveys"]
    return {
        name: {row["what"].partition(":")[0] if name == "stages" else row["what"]: row["count"] for row in rows}
        for name, rows in found.items()
        if isinstance(rows, list) and rows and isinstance(rows[0], dict)
    }


async def test_domains_of_lists_are_counted_as_they_are(tmp_path: Path) -> None:
    found = await counts(tmp_path, town(SMALL), "S10")
    assert found["stages"] == SMALL["stages"] | {"QUIT": 2}  # one of them the paper does not tell of
    letters = found["letters"]
    assert (letters["delivered"], letters["bounced"], letters["answered by a person"]) == (6, 2, 1)
    assert letters["lost"] == 4  # with the person's, and those of the two at QUIT
    assert found["targets"] == {
        "lists": 3,
        "addresses in them": 70,
        "mail domains": 40,
        "with an address": 36,
        "drawn": 24,
        "dropped: no address": 4,
        "targets": 24,
        "tested": 24,
    }


async def test_a_range_is_counted_as_it_is(tmp_path: Path) -> None:
    found = await counts(tmp_path, town(RANGE), "S01")
    assert found["ports"] == {
        "hosts found": 14,
        "port open": 6,
        "port closed": 6,
        "port filtered": 2,
        "nobody there": 50,
    }
    assert (found["letters"]["accepted"], found["letters"]["delivered"]) == (3, 2)
    assert found["lists"] == {"on another list": 1, "on none": 1, "cannot be told": 0}
    assert found["software"]["MERAK 2.10.260"] == 1


@pytest.mark.parametrize("name", papers())
def test_a_town_is_as_its_paper_says_and_on_loopback_alone(name: str) -> None:
    paper, here = papers()[name], town(papers()[name])
    assert all(str(address).startswith("127.") for address in here.habits)
    if "stages" in paper:
        assert len(here.habits) == paper["sample"]
        assert sum(habit is Habit.ANY for habit in here.habits.values()) == paper["delivered"]
        assert sum(text.count("@") for option, text in here.files.items() if "domains" in option) == paper["addresses"]
        assert sum("domains" in option for option in here.files) == paper["lists"]
    else:
        assert len(here.habits) - len(here.nobody) == paper["hosts"]
        assert len(here.habits) == (2816 if "range" in paper else 517)
        assert len(here.listed) == sum(listed for _, listed in paper["relays"])


def test_every_relay_that_a_paper_names_greets_as_its_program_does() -> None:
    named = {name for paper in papers().values() for name, _ in paper.get("relays", ())}
    assert named <= set(studies.GREETINGS)
