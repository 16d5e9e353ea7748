"""The guided tour is the whole line: nominate, test, prove, list, answer, retest, delist. It must end well."""

import asyncio
import json
import sys


async def test_the_tour_gives_every_neighbour_its_verdict_and_takes_the_mended_relay_off_the_list() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dnsbl", "demo", "--json", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 75)
    assert process.returncode == 0, err.decode()
    facts = json.loads(out)
    assert facts["succeeded"]
    assert facts["seconds"] < 60
    assert sorted(facts["verdicts"].values()) == sorted(
        ["OPEN", "CLOSED", "ACCEPTS_BOUNCES", "ACCEPTS_LOSES", "OPEN_MULTIHOP", "OPEN", "REFUSES_TESTER"]
    )
    assert facts["delisting"]["state"] == "clear"
    assert facts["delisting"]["dns"] == "NXDOMAIN"
    assert facts["delisting"]["seconds"] <= 1.0
