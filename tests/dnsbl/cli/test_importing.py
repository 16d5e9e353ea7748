import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dnsbl.cli.importing import imported, write
from dnsbl.cli.program import app
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import DnsblError

LINE = [
    "-u",
    "rbldns",
    "-w",
    "/var/lib/rbldns",
    "-b",
    "192.0.2.1",
    "-b",
    "2001:db8::1/5353",
    "-t",
    "1h",
    "-c",
    "5m",
    "-e",
    "-n",
    "bl.ex.com:ip4set:dialups,spammers",
    "Spam.ex.com.:dnset:names",
    "bl.ex.com:generic:/etc/extra",
]


def test_a_command_line_becomes_zone_files_and_settings() -> None:
    found = imported(LINE)
    assert found.settings == '[dns]\nlisten = ["192.0.2.1:53", "[2001:db8::1]:5353"]\nsources_check = 300\n'
    assert found.notes == []
    first, second = zones_from(found.zones, site="https://s.test")
    assert (first.origin, second.origin) == ("bl.ex.com", "spam.ex.com")
    assert [(one.form, one.files, one.ttl, one.host_bits) for one in first.sources] == [
        ("ip4set", ("/var/lib/rbldns/dialups", "/var/lib/rbldns/spammers"), 3600, True),
        ("generic", ("/etc/extra",), 3600, True),
    ]


def test_files_lie_below_the_root_that_rbldnsd_changes_to() -> None:
    text = imported(["-r", "/jail", "-w", "/data", "a.b:ip4set:f"]).zones["a.b.toml"]
    assert 'files = ["/jail/data/f"]' in text


def test_what_has_no_counterpart_is_a_note() -> None:
    words = ["-t", ":1:2", "-c", "0", "-l", "log", "-x", "ext", "-b", "host", ":acl:who", "a.b:acl:w", "a.b:ip4set:f"]
    notes = imported(words).notes
    assert len(notes) == 7
    assert any("all zones (who) belongs into dns.acl" in note for note in notes)


@pytest.mark.parametrize("words", [[], ["-Z"], ["a.b"], ["a.b:foo:f"], ["a.b:ip4set:"], ["-t", "x", "a.b:ip4set:f"]])
def test_what_is_no_command_line_of_rbldnsd_is_refused(words: list[str]) -> None:
    with pytest.raises(DnsblError):
        imported(words)


def test_zone_files_are_written_and_none_is_overwritten(tmp_path: Path) -> None:
    found = imported(LINE)
    paths = write(found, tmp_path / "zones")
    assert [Path(path).read_text() for path in paths] == list(found.zones.values())
    with pytest.raises(DnsblError, match="nothing was written"):
        write(found, tmp_path / "zones")
    (tmp_path / "file").write_text("")
    with pytest.raises(DnsblError, match="cannot be written"):
        write(found, tmp_path / "file" / "zones")


def test_the_command_writes_the_files_and_shows_the_settings(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["import-config", "--json", "--to", str(tmp_path / "zones"), "--", *LINE])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["written"][0] == str(tmp_path / "zones" / "bl.ex.com.toml")
