"""Both relay studies whole: docs/studies.md is what the simulated towns give; and a survey that is killed."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from bench.fleet import ROOT
from bench.limits import raise_file_limit
from bench.studies import Ports, dnsbl, lived_in, reproduce, settle, town
from dnsbl.rules.surveys.studies import papers
from tests.waiting import until


async def test_the_page_of_the_studies_is_what_surveys_of_their_towns_find(tmp_path: Path) -> None:
    raise_file_limit()
    assert await reproduce(tmp_path, wait=20.0) == (ROOT / "docs" / "studies.md").read_text()


def _lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


async def test_a_survey_that_is_killed_again_and_again_counts_what_one_that_is_not_does(tmp_path: Path) -> None:
    ports, paper = Ports.free(), papers()["m5-c"]
    config = settle(tmp_path, ports)
    here = town(paper)
    (tmp_path / "scan").write_text(here.files["--nmap"])
    words = ["survey", "run", "killed", "--wait", "5", "--config", str(config)]
    first = ["--nmap", str(tmp_path / "scan")]
    results = tmp_path / "state" / "surveys" / "killed" / "results.jsonl"
    kills = 0
    async with lived_in(here, ports):
        for most in (30, 120, 260, 400, 480):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "dnsbl", *words, *([] if kills else first)), cwd=ROOT
            )
            await until(lambda p=process, n=most: p.returncode is not None or _lines(results) >= n, within=60)
            if process.returncode is None:
                process.kill()
                kills += 1
            await process.wait()
        await dnsbl(*words)
        (found,) = json.loads(await dnsbl("survey", "report", "killed", "--json", "--config", str(config)))["surveys"]
    assert kills >= 2
    assert {row["what"]: row["count"] for row in found["ports"]} == {
        "hosts found": 517,
        "port open": 128,
        "port closed": 327,
        "port filtered": 62,
        "nobody there": 0,
    }
    assert {row["what"]: row["count"] for row in found["letters"]}["delivered"] == 2
    hosts = [line for line in results.read_text().splitlines() if line.startswith('{"host":')]
    assert len(hosts) == len({json.loads(line)["host"] for line in hosts}) == 517
