"""Surveys laid down: whom each source names, what DNS says, and what is refused with nothing left behind."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from dnsbl.daemons.laying import SurveyOrder, allow_further, lay
from dnsbl.daemons.surveyfolder import SurveyFolder
from dnsbl.errors import DnsblError
from dnsbl.rules.surveys.scope import NotAuthorized
from dnsbl.settings import Settings
from tests.dnsbl.daemons.nameserver import Answers, serving
from tests.dnsbl.daemons.surveyed import settings_for

NOW = datetime(2026, 11, 26, tzinfo=UTC)
SETTINGS = settings_for(25, 2526)
NMAP = (
    b"Host: 127.0.2.9 ()\tStatus: Up\nHost: 127.0.2.8 ()\tStatus: Up\nHost: 127.0.2.9 ()\tPorts: 25/open/tcp//smtp///\n"
)
WORLD: Answers = {
    ("two.test", "MX"): ("20 far.test.", "10 near.test."),
    ("near.test", "A"): ("192.0.2.1", "192.0.2.2"),
    ("near.test", "AAAA"): ("2001:db8::1",),
    ("far.test", "A"): ("192.0.2.3",),
    ("own.test", "A"): ("192.0.2.4",),
    ("own.test", "MX"): (),
    ("shared.test", "MX"): ("5 near.test.",),
    ("bare.test", "TXT"): ("x",),
    ("no-mail.test", "MX"): ("0 .",),
    ("no-mail.test", "A"): ("192.0.2.5",),
    ("dangling.test", "MX"): ("5 gone.test.",),
    ("broken.test", "MX"): ("SERVFAIL",),
}
NAMES = (
    "two.test",
    "own.test",
    "shared.test",
    "bare.test",
    "no-mail.test",
    "dangling.test",
    "broken.test",
    "gone.test",
)


def laid(tmp_path: Path, settings: Settings = SETTINGS, **asked: Any) -> SurveyFolder:
    place = tmp_path / "surveys" / "s"
    wanted = SurveyOrder(**{"name": "s", "operator": "operator ann", "form": "S10", "seed": "seed"} | asked)
    lay(wanted, settings, place, now=NOW, random=secrets.token_bytes, tell=lambda done, of: None)
    return SurveyFolder(place)


def refused(tmp_path: Path, **asked: Any) -> str:
    with pytest.raises(DnsblError) as caught:
        laid(tmp_path, **asked)
    assert not (tmp_path / "surveys" / "s" / "survey.json").exists()
    return str(caught.value)


def leave(tmp_path: Path, domains: str = '".test"') -> Path:
    path = tmp_path / "leave.toml"
    path.write_text(f'who = "Ann"\nwhen = 2026-11-01\nwhat = "members"\ndomains = [{domains}]\n')
    return path


def test_ranges_are_counted_and_not_written(tmp_path: Path) -> None:
    kept = laid(tmp_path, ranges=["127.0.2.0/24", "127.0.3.7"], presence_port=113)
    assert (kept.head["targets"], kept.head["there"], kept.head["presence_port"]) == (257, False, 113)
    assert kept.head["authorization"]["what"] == "addresses in survey.authorized_networks"
    assert len({address for _, address in kept.targets()}) == 257
    assert (tmp_path / "surveys" / "s" / "targets.jsonl").read_text() == ""


def test_hosts_that_nmap_has_found_are_targets_each_once(tmp_path: Path) -> None:
    (tmp_path / "scan").write_bytes(NMAP)
    kept = laid(tmp_path, nmap=tmp_path / "scan")
    assert [str(address) for _, address in kept.targets()] == ["127.0.2.9", "127.0.2.8"]
    assert (kept.head["targets"], kept.head["there"], kept.head["source"]) == (2, True, "scan")


def test_what_lies_outside_is_refused_whole(tmp_path: Path) -> None:
    (tmp_path / "scan").write_bytes(NMAP + b"Host: 192.0.2.1 ()\tStatus: Up\n")
    assert "192.0.2.1 is not within survey.authorized_networks" in refused(tmp_path, nmap=tmp_path / "scan")
    assert "192.0.2.0/24 is not within" in refused(tmp_path, ranges=["127.0.0.1", "192.0.2.0/24"])
    (tmp_path / "list").write_text("two.test\nx.other\n")
    words = refused(tmp_path, domains=[tmp_path / "list"], authorization=leave(tmp_path), resolver="127.0.0.1:1")
    assert words.startswith("x.other is not what leave.toml authorizes")
    assert "needs an authorization" in refused(tmp_path, domains=[tmp_path / "list"])


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "scan").write_bytes(b"127.0.0.1\n")
    assert "nmap has not written it" in refused(tmp_path, nmap=tmp_path / "scan")
    (tmp_path / "scan").write_bytes(b"# Nmap done\n")
    assert "names no host that is up" in refused(tmp_path, nmap=tmp_path / "scan")
    (tmp_path / "scan").write_bytes(b"<nmaprun><host>")
    assert "cannot be read" in refused(tmp_path, nmap=tmp_path / "scan")
    assert "No such file" in refused(tmp_path, nmap=tmp_path / "none")
    assert "No such file" in refused(tmp_path, domains=[tmp_path / "none"])
    (tmp_path / "list").write_text("two.test\n")
    assert "--resolver needs" in refused(
        tmp_path, domains=[tmp_path / "list"], authorization=leave(tmp_path), resolver="x"
    )


async def surveyed(tmp_path: Path, *lists: str, **asked: Any) -> SurveyFolder:
    files = []
    for number, text in enumerate(lists):
        files.append(tmp_path / f"list{number}")
        files[-1].write_text(text)
    async with serving(WORLD) as (_, where):
        more = {"domains": files, "authorization": leave(tmp_path), "resolver": where} | asked
        return await asyncio.to_thread(laid, tmp_path, **more)


async def test_a_domain_stands_for_its_lowest_mx_and_that_ones_first_address_or_for_its_own(tmp_path: Path) -> None:
    kept = await surveyed(tmp_path, "".join(f"someone@{name}\n" for name in NAMES), "other@two.test\n")
    rows = [json.loads(line) for line in (tmp_path / "surveys" / "s" / "targets.jsonl").read_text().splitlines()]
    assert rows == [
        {"address": "192.0.2.1", "domain": "two.test", "host": "near.test", "by": "mx"},
        {"address": "192.0.2.4", "domain": "own.test", "host": "own.test", "by": "own"},
    ]
    assert kept.head["population"] == {
        "lists": 2,
        "addresses": 9,
        "domains": 8,
        "with_address": 3,
        "dropped": {
            "no address": 3,
            "takes no mail": 1,
            "no answer": 1,
            "a host that was there already": 1,
        },
    }
    assert kept.head["authorization"]["who"] == "Ann"


async def test_a_survey_goes_on_only_while_its_file_authorizes_all_its_domains(tmp_path: Path) -> None:
    kept = await surveyed(tmp_path, "two.test\nown.test\n")
    allow_further(kept, NOW.date())
    leave(tmp_path, '"two.test"')
    with pytest.raises(NotAuthorized, match=r"own\.test is not what leave\.toml authorizes"):
        allow_further(kept, NOW.date())
    whole = leave(tmp_path).read_text()
    (tmp_path / "leave.toml").write_text(whole + "until = 2026-11-25\n")
    with pytest.raises(NotAuthorized, match="has ended on 2026-11-25"):
        allow_further(kept, NOW.date())
    (tmp_path / "leave.toml").write_text("withdrawn")
    with pytest.raises(NotAuthorized, match="is no TOML file"):
        allow_further(kept, NOW.date())
    (tmp_path / "leave.toml").unlink()
    with pytest.raises(NotAuthorized, match="cannot be read"):
        allow_further(kept, NOW.date())


async def test_a_survey_by_the_digest_of_its_lists_goes_on_while_the_file_names_it(tmp_path: Path) -> None:
    text = b"two.test\nown.test\n"
    path, by = tmp_path / "leave.toml", 'who = "Ann"\nwhen = 2026-11-01\nwhat = "members"\nsha256 = "{}"\n'
    path.write_text(by.format(sha256(text).hexdigest()))
    kept = await surveyed(tmp_path, text.decode(), authorization=path)
    allow_further(kept, NOW.date())
    path.write_text(by.format(sha256(b"other").hexdigest()))
    with pytest.raises(NotAuthorized, match=r"is not what leave\.toml authorizes"):
        allow_further(kept, NOW.date())


async def test_the_first_aaaa_is_a_target_where_that_is_wanted(tmp_path: Path) -> None:
    kept = await surveyed(tmp_path, "two.test\nown.test\n", families=(4, 6))
    assert [address for _, address in kept.targets()] == [
        ip_address("192.0.2.1"),
        ip_address("2001:db8::1"),
        ip_address("192.0.2.4"),
    ]


async def test_a_sample_is_drawn_of_those_that_have_an_address(tmp_path: Path) -> None:
    kept = await surveyed(tmp_path, "\n".join(NAMES), sample=1)
    assert (kept.head["targets"], kept.head["population"]["sample"]) == (1, 1)
    assert kept.head["population"]["with_address"] == 3
    assert kept.head["seed"] == "seed"


async def test_domains_without_any_mail_host_are_no_survey(tmp_path: Path) -> None:
    with pytest.raises(DnsblError, match="None of the domains has a mail host"):
        await surveyed(tmp_path, "bare.test\n")
