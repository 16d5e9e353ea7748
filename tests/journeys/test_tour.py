"""The guided tour is the whole line: nominate, test, prove, list, answer, retest, delist. It must end well."""

import asyncio
import json
import shutil
import sys
import time
from pathlib import Path

import aiosmtplib
import pytest

from dnsbl.addresses import parse_address
from dnsbl.demo.neighbourhood import RESIDENTS, Neighbourhood, free_port
from dnsbl.demo.tour import SURVEY_DOMAINS, Tour
from dnsbl.opened import open_list
from tester.verdict import Verdict


async def test_the_tour_gives_every_neighbour_its_verdict_and_takes_the_mended_relay_off_the_list(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = await Tour(tmp_path, keep=False, as_json=True).run()
    out, err = capsys.readouterr()
    assert good, err
    facts = json.loads(out)
    assert facts["succeeded"]
    assert facts["seconds"] < 60
    assert facts["verdicts"] == {
        "127.77.0.10": "OPEN",
        "127.77.0.20": "CLOSED",
        "127.77.0.30": "ACCEPTS_BOUNCES",
        "127.77.0.40": "ACCEPTS_LOSES",
        "127.77.0.50": "OPEN_MULTIHOP",
        "127.77.0.60": "OPEN",
        "127.77.0.70": "REFUSES_TESTER",
    }
    assert facts.get("self_test") == ("open" if shutil.which("curl") else None)
    assert (facts["delisting"]["state"], facts["delisting"]["dns"]) == ("clear", "NXDOMAIN")
    assert facts["delisting"]["seconds"] <= 1.0
    assert facts["answer"] == ["attached message: 127.77.0.10 will be tested."]
    assert [subject.split()[0] for subject in facts["mail"]][1:] == ["Removal", "127.77.0.10"]
    assert "new on Demo Relay List in 127.77.0.0/16" in facts["mail"][0]
    proof = facts["proof"]
    assert proof["holds"] and not proof["false_holds"], "a program that asks nobody has checked it, and its forgery"
    assert "were in the log (leaf" in proof["proven"][0] and "Proven: The letters of run" in err
    assert "This proof does not hold: Leaf" in err
    assert "Why open.demo is listed" in err
    # what --keep would leave: a list that every command works on, and relays that their owner can close
    at = open_list(tmp_path / "config.toml")
    assert at.casework.views.look_up(parse_address("127.77.0.60")).last_verdict is Verdict.OPEN


async def test_an_owner_closes_his_relay_by_a_file_of_its_name(tmp_path: Path) -> None:
    town = Neighbourhood(lambda: ("127.0.0.1", 1), time.time, mended=tmp_path)
    port = await town.start()

    async def offered() -> int:
        async with aiosmtplib.SMTP(hostname="127.77.0.10", port=port, start_tls=False) as client:
            await client.ehlo()
            await client.mail("a@x.example")
            try:
                return (await client.rcpt("b@y.example")).code
            except aiosmtplib.SMTPRecipientRefused as refused:
                return refused.code

    try:
        assert await offered() == 250
        (tmp_path / "open.demo").touch()
        assert await offered() == 554
    finally:
        await town.stop()


async def test_a_survey_of_the_neighbourhood_finds_its_relays(tmp_path: Path) -> None:
    listen = free_port()
    town = Neighbourhood(
        lambda: ("127.0.0.1", 1), time.time, routes=dict.fromkeys(SURVEY_DOMAINS, ("127.0.0.1", listen))
    )
    at = Tour(tmp_path, keep=True, as_json=True)._open(await town.start(), listen)
    try:
        where = [word for one in RESIDENTS if one.name != "hole.demo" for word in ("--range", one.address)]
        words = ["survey", "run", "town", *where, "--wait", "60", "--json", "--config", str(tmp_path / "config.toml")]
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dnsbl", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await running.communicate()
    finally:
        await town.stop()
    assert running.returncode == 0, err.decode()
    (found,) = json.loads(out)["surveys"]
    letters = {row["what"]: row["count"] for row in found["letters"]}
    assert (letters["accepted"], letters["delivered"], letters["bounced"]) == (3, 2, 1)
    assert found["relays"][0]["count"] == 2, "open.demo and front.demo; grey.demo would need a second try"
    assert at.casework.views.look_up(parse_address("127.77.0.10")).last_verdict is None
