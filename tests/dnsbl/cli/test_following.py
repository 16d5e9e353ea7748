"""`lookup`, `status`, `doctor` and `check-config` on a node that follows another: no store, and none made."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from dnsbl.cli import following
from dnsbl.clock import HandClock, SystemClock
from dnsbl.config import read_settings
from dnsbl.dns.listed.published import FOLDER
from dnsbl.dns.listed.table import Table
from dnsbl.model import Change
from dnsbl.serving.publisher import Publisher
from dnsbl.serving.signet import Signet
from tests.dnsbl.cli.conftest import Run

OURS = Signet(b"1" * 32)
FIRST = "http://127.0.0.1:9/table"


class Nothing:
    """A first node's log without a change."""

    def changes(self, after: int, *, most: int = 10000) -> list[Change]:
        return []


def follow(tmp_path: Path, url: str = FIRST, more: str = "") -> None:
    """Have the node follow another one, of which nothing was fetched."""
    (tmp_path / "config.toml").write_text(f'[follow]\nurl = "{url}"\nkey = "{OURS.public}"\n{more}')


async def fetched(tmp_path: Path, ago: float = 0) -> None:
    """As if a table with two rows had been fetched, which has an exception in the wider one."""
    folder = tmp_path / "state" / FOLDER
    rows = [(IPv4Network("9.9.9.9/32"), "relay"), (IPv4Network("8.8.8.0/24"), "manual")]
    table = Table.of([*rows, (IPv4Network("8.8.8.8/32"), None)], serial=10)
    publisher = Publisher(Nothing(), folder, lambda: OURS, clock=SystemClock())
    publisher.table = table.numbered(990, since=10, zones_digest="a" * 64)
    publisher.confirm(SystemClock().now().timestamp() - ago)
    await publisher.step()
    assert publisher.problem == ""


def databases(tmp_path: Path) -> list[Path]:
    return list(tmp_path.rglob("*.db*"))


@pytest.mark.parametrize("url", [FIRST, ""], ids=["by the settings", "by --follow"])
async def test_a_lookup_answers_from_the_table_as_dns_does_and_makes_no_database(
    url: str, run: Run, tmp_path: Path
) -> None:
    follow(tmp_path, url)
    await fetched(tmp_path)
    said = run("lookup", "8.8.8.1", plain=True)
    assert "listed as manual (8.8.8.0/24)" in said and "relays.example.org: 127.0.0.4" in said
    assert "by the table of " in said and "reasons and tests are known there" in said
    assert "not listed" in run("lookup", "8.8.8.8", plain=True)
    found = run("lookup", "8.8.8.1")
    assert found["listings"] == [{"kind": "manual", "network": "8.8.8.0/24"}] and found["as_of"]
    (tmp_path / "some").write_text("8.8.8.1\n8.8.8.8\n")
    rows = run("lookup", "--from", str(tmp_path / "some"), plain=True).splitlines()
    assert [row.split("\t")[1] for row in rows] == ["listed", "unknown"]
    assert not databases(tmp_path)


def test_without_a_table_nothing_is_said_of_any_address(run: Run, tmp_path: Path) -> None:
    follow(tmp_path)
    for words in (("lookup", "8.8.8.1"), ("status",)):
        said = run(*words, plain=True, code=1)
        assert f"follows {FIRST} and has no table yet" in said and "`dnsbl serve --only dns` fetches one" in said
    assert not databases(tmp_path)


async def test_the_status_tells_whom_it_follows_and_how_old_its_table_is(run: Run, tmp_path: Path) -> None:
    follow(tmp_path)
    await fetched(tmp_path)
    said = run("status", plain=True)
    assert f"follows: {FIRST}; it has no database" in said and "table: serial 1000, as of " in said
    assert "seconds old" in said and "listed: 3 networks" in said and "stale" not in said
    found = run("status")
    assert (found["follows"], found["stale"], found["same_zones"]) == (FIRST, False, False)
    later = HandClock(SystemClock().now() + timedelta(hours=2))
    known = following.kept(read_settings(tmp_path / "config.toml", {}), later)
    assert following.told(known)["stale"] and 7190 < known.age < 7300
    assert "  older than dns.stale_after: answers are marked as stale" in "\n".join(following.lines(known))
    assert not databases(tmp_path)


@pytest.mark.parametrize("words", [("nominate", "8.8.8.1"), ("db", "upgrade"), ("test", "8.8.8.1"), ("journal",)])
def test_what_needs_a_store_is_sent_to_the_first_node(words: tuple[str, ...], run: Run, tmp_path: Path) -> None:
    follow(tmp_path)
    said = run(*words, plain=True, code=1)
    assert f"This node follows {FIRST} and has no database: type this at the first node" in said
    assert not databases(tmp_path)


async def test_a_test_point_is_told_as_one(run: Run, tmp_path: Path) -> None:
    follow(tmp_path)
    await fetched(tmp_path)
    assert "a test point: always answered" in run("lookup", "127.0.0.2", plain=True)
    assert "a test point" not in run("lookup", "9.9.9.9", plain=True)


@pytest.mark.parametrize("url", [FIRST, ""], ids=["by the settings", "by --follow"])
def test_who_asks_for_the_key_of_the_table_is_told_that_of_the_first_node_and_gets_none(
    url: str, run: Run, tmp_path: Path
) -> None:
    follow(tmp_path, url)
    said = run("publish-key", plain=True, code=1)
    assert f"nodes that follow it need that one's key too, {OURS.public}." in said
    assert not (tmp_path / "state" / "publish.key").exists()


@pytest.mark.parametrize("words", [("status",), ("lookup", "8.8.8.1"), ("db", "upgrade"), ("journal",)])
def test_a_node_that_will_follow_by_option_gets_no_database_before_its_first_table(
    words: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    follow(tmp_path, "")
    said = run(*words, plain=True, code=1)
    assert "This node follows another one and has no " in said
    assert "--only dns --follow URL` fetches one" in said or "type this at the first node" in said
    assert not databases(tmp_path)


def test_the_doctor_says_of_the_table_what_the_status_does(run: Run, tmp_path: Path) -> None:
    follow(tmp_path)
    doctor = ("doctor", "--resolver", "127.0.0.1:9")

    def tables(code: int) -> list[tuple[str, str]]:
        said = run(*doctor, plain=True, code=code, both=True).splitlines()
        return [(line[:10].strip(), line[17:]) for line in said if line[10:].startswith("table: ")]

    [(grade, says)] = tables(1)  # the first node, which is this machine, does not answer
    assert grade == "not known" and "has no table yet" in says
    asyncio.run(fetched(tmp_path, ago=7200))
    found = dict(tables(1))
    assert set(found) == {"wrong"} and following.OTHER_ZONES in found.values()
    asyncio.run(fetched(tmp_path))
    assert [grade for grade, _ in tables(1)] == ["ok", "wrong"], "it is new, and its zones are others"


@pytest.mark.parametrize("url", [FIRST, ""], ids=["by the settings", "by --follow"])
def test_neither_doctor_nor_check_config_speaks_of_what_such_a_node_never_does(
    url: str, run: Run, tmp_path: Path
) -> None:
    follow(tmp_path, url, more='[web]\nbase_url = "https://relays.example.net"\n')
    said = run("doctor", "--resolver", "127.0.0.1:9", plain=True, both=True, code=1 if url else 0)  # nobody is there
    for word in ("mx: ", "helo: ", "collector", "2525", "reverse: ", "example.org: nobody", "no database yet"):
        assert word not in said, said
    assert "(UDP) is free" in said and "delegation" in said
    notes = run("check-config", plain=True)
    assert "trusted_proxies" not in notes and "tester" not in notes and "collector" not in notes
    assert "web.base_url leads to" in notes, "of which its TXT records tell"
