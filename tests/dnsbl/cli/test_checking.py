"""What cannot work is named before it fails, all of it in one go, in words."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dnsbl.cli import checking
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.settings import Settings
from tests.dnsbl.cli.conftest import Run

ZONE = Path(__file__).resolve().parents[3] / "zones" / "relays.example.org.toml"


def settings(tmp_path: Path, **sections: object) -> Settings:
    return Settings.model_validate({"service": {"state_dir": tmp_path / "state"}} | sections)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        (
            {"dns": {"listen": ["127.0.0.1:53", "127.0.0.1:53"]}},
            "dns.listen 127.0.0.1:53: is taken by dns.listen 127.0.0.1:53",
        ),
        (
            {"web": {"listen": "127.0.0.1:2525"}},
            "web.listen 127.0.0.1:2525: is taken by collector.listen 127.0.0.1:2525",
        ),
        ({"web": {"listen": "0.0.0.0:2525"}}, "web.listen 0.0.0.0:2525: is taken by collector.listen 127.0.0.1:2525"),
        ({"dns": {"metrics_listen": "[::1]:1"}, "web": {"listen": "[::]:1"}}, "is taken by"),
        (
            {"database": {"url": "postgresql://u@h:x/n"}},
            "database.url: sqlite:///PATH or postgresql+psycopg://user@host",
        ),
        (
            {"database": {"url": "sqlite:////nowhere/z.db"}},
            "database.url: there is no folder /nowhere: `mkdir -p /nowhere",
        ),
        ({"tester": {"dkim_key": "/nowhere/key", "dkim_selector": "s"}}, "tester.dkim_key: there is no /nowhere/key"),
        ({"service": {"state_dir": "/proc/state"}}, "service.state_dir: /proc/state cannot be written"),
        ({"service": {"state_dir": "/etc/passwd/state"}}, "service.state_dir: /etc/passwd is no folder"),
    ],
)
def test_each_mistake_is_named(tmp_path: Path, sections: dict[str, object], said: str) -> None:
    found = checking.mistakes(settings(tmp_path, **sections))
    assert len(found) == 1 and said in found[0], found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "statistics.countries: there is no PATH"),
        ("# remark\n192.0.2.0/24,AUT\n", 'PATH: line 2: "AUT" is no country of two letters (ISO 3166-1)'),
        ("192.0.2.0/24\n", "PATH: line 1: NETWORK,CC or FIRST,LAST,CC is needed"),
        ("192.0.2.0/24,AT\n", ""),
    ],
)
def test_a_file_of_countries_is_there_and_right_in_each_line(tmp_path: Path, text: str | None, said: str) -> None:
    path = tmp_path / "countries.csv"
    if text is not None:
        path.write_text(text)
    found = checking.mistakes(settings(tmp_path, statistics={"countries": path}))
    assert "".join(found) == said.replace("PATH", str(path))


def test_what_lies_where_nobody_else_may_look_is_a_mistake_in_words(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    shut.chmod(0)
    (tmp_path / "state").mkdir()
    inside = settings(
        tmp_path,
        service={"state_dir": shut / "a" / "state"},
        tester={"dkim_key": str(shut / "key"), "dkim_selector": "s"},
    )
    long = settings(tmp_path, tester={"dkim_key": "/" + "x" * 300, "dkim_selector": "s"})
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        found = checking.mistakes(inside)
        [other] = checking.mistakes(long)
    finally:
        if root:
            os.seteuid(0)
        shut.chmod(0o700)
    assert any(each.startswith(f"tester.dkim_key: {shut}/key cannot be read by user ") for each in found), found
    assert other.startswith("tester.dkim_key: /xxx") and "cannot be read" in other


@pytest.mark.parametrize(
    "sections",
    [
        {},
        {"web": {"listen": "127.0.0.1:5353"}},  # DNS over TCP is there
        {"dns": {"listen": ["127.0.0.1:0", "127.0.0.1:0"]}},
        {"dns": {"listen": ["0.0.0.0:53", "[::]:53"]}},
        {"database": {"url": "postgresql+psycopg://u@h/n"}},
    ],
)
def test_what_works_is_no_mistake(tmp_path: Path, sections: dict[str, object]) -> None:
    taken = sections == {"web": {"listen": "127.0.0.1:5353"}}
    assert bool(checking.mistakes(settings(tmp_path, **sections))) is taken


def test_names_of_nobody_are_doubted_but_in_a_laboratory(tmp_path: Path) -> None:
    zones = zones_from({"z": ZONE.read_text(encoding="utf-8")}, site="https://s.example")
    told = " ".join(checking.doubts(settings(tmp_path, web={"base_url": "https://relays.example.org"}), zones))
    assert "nobody is tested yet: put names of your own into tester.helo" in told
    assert "relays.example.org is a name for examples" in told and "web.base_url leads to relays.example.org" in told
    lab = settings(tmp_path, tester={"lab_networks": ["127.0.0.0/8"]})
    assert list(checking.doubts(lab, zones)) == []


def test_an_address_to_dial_from_that_this_machine_does_not_have_is_told(tmp_path: Path) -> None:
    names = {"helo": "t.real.net", "collector_domain": "c.real.net", "bounce_domain": "b.real.net"}
    for address, told in (("127.0.0.1", []), ("203.0.113.77", ["203.0.113.77"])):
        given = settings(tmp_path, tester=names | {"source_addresses": [address]})
        notes = [note for note in checking.doubts(given, Zones(())) if "a worker here tests nobody" in note]
        assert len(notes) == len(told) and all(one in note for one, note in zip(told, notes, strict=True))


def test_the_command_names_everything_in_one_go(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    before = config.read_text()
    config.write_text(before + '[web]\nbase_url = "relays.your-domain.net"\n[policy]\nbogus = 1\n')
    said = run("check-config", code=1, plain=True)
    assert "web.base_url: a text such as https://relays.your-domain.net (no slash at the end) is needed" in said
    assert "policy.bogus: unknown key" in said
    config.write_text(before + '[database]\nurl = "sqlite:////nowhere/z.db"\n[web]\nlisten = "127.0.0.1:2525"\n')
    (tmp_path / "zones" / "broken.toml").write_text("origin = 1\n")
    said = run("check-config", code=1, plain=True)
    assert all(word in said for word in ("database.url", "is taken by collector.listen", "broken.toml"))


def test_a_wrong_value_hides_no_mistake_of_zone_files_and_places_and_makes_none_up(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[dns]\npoll = -1\nlisten = ["nowhere"]\n[web]\nlisten = "127.0.0.1:2525"\n[database]\nurl = "mysql://x/y"\n'
    )
    (tmp_path / "zones" / "broken.toml").write_text("origin = 1\n")
    said = run("check-config", code=1, plain=True)
    assert all(word in said for word in ("dns.poll", "is taken by collector.listen", "broken.toml", "database.url"))
    assert said.count("dns.listen") == 1, "nothing is said of the default in its place"


def test_a_zones_folder_that_is_no_path_is_the_one_thing_said_of_zones(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[dns]\nzones_dir = 1\n")
    said = run("check-config", code=1, plain=True).strip().splitlines()
    assert len(said) == 1 and "dns.zones_dir" in said[0], said


def test_what_is_named_as_a_file_and_is_a_pipe_is_told_and_never_waited_for(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + '[dns]\nkeys_file = "pipe"\ntsig_keys = "pipe"\ntls_key = "pipe"\n')
    config.write_text(config.read_text() + 'tls_listen = ["127.0.0.1:853"]\ntls_certificate = "pipe"\n')
    said = run("check-config", code=1, plain=True)
    for key in ("keys_file", "tsig_keys", "tls_key", "tls_certificate"):
        assert f"dns.{key}: {tmp_path / 'pipe'} is no file" in said


def test_a_port_that_is_another_at_each_start_is_doubted(tmp_path: Path) -> None:
    zones = zones_from({"z": ZONE.read_text(encoding="utf-8")}, site="https://s.example")
    free = settings(tmp_path, dns={"listen": ["127.0.0.1:0"]}, tester={"lab_networks": ["127.0.0.0/8"]})
    assert any(each.startswith("dns.listen 127.0.0.1:0: port 0 is one") for each in checking.doubts(free, zones))


def test_an_empty_folder_says_what_makes_a_first_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "zones" / "z.toml").unlink()
    assert "`dnsbl init` writes a first configuration" in run("status", code=1, plain=True)


@pytest.mark.parametrize(
    ("watched", "clients", "said"),
    [
        (False, ["ann 192.0.2.0/24"], "no zone file has a watched name"),
        (True, [], "nobody's questions to qw.test nominate"),
        (True, ["ann key:anns"], "no question is ann's"),
        (True, ["ann 192.0.2.0/24"], ""),
    ],
)
def test_a_watched_name_without_askers_and_askers_without_one_are_doubted(
    tmp_path: Path, watched: bool, clients: list[str], said: str
) -> None:
    text = ZONE.read_text(encoding="utf-8")
    text = text.replace("\nns =", '\nwatched = "qw.test"\nns =', 1) if watched else text
    zones = zones_from({"z": text}, site="https://s.example")
    lab = settings(tmp_path, tester={"lab_networks": ["127.0.0.0/8"]}, lookups={"clients": clients})
    told = list(checking.doubts(lab, zones))
    assert len(told) == bool(said) and said in " ".join(told)


def test_a_low_port_is_a_doubt_only_where_this_process_may_not_listen_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    low = settings(tmp_path, dns={"listen": ["127.0.0.1:53"]})
    for status, doubted in (("CapEff:\t0000000000000400\n", False), ("CapEff:\t0000000000000000\n", True)):
        monkeypatch.setattr(Path, "read_text", lambda path, status=status: "Name:\tdnsbl\n" + status)
        assert any("CAP_NET_BIND_SERVICE" in each for each in checking.doubts(low, Zones(()))) is doubted


def test_stamps_need_a_library_and_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"stamps": ["https://tsa.example/"]}
    assert checking.mistakes(settings(tmp_path, tlog=there)) == []
    zones = zones_from({"z": ZONE.read_text(encoding="utf-8")}, site="https://s.example")
    assert "tlog.origin" in " ".join(checking.doubts(settings(tmp_path, tlog=there), zones))
    assert "tlog" not in " ".join(checking.doubts(settings(tmp_path, tlog=there | {"origin": "a.example/log"}), zones))
    monkeypatch.setattr(checking.stamp, "can", lambda: False)
    (said,) = checking.mistakes(settings(tmp_path, tlog=there))
    assert said.startswith("tlog.stamps: stamps need the package rfc3161-client")
