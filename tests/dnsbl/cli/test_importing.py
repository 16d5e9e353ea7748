import json
from pathlib import Path, PurePosixPath

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


@pytest.mark.parametrize(
    ("words", "file"),
    [
        ("a.b:dnset:f", "/here/f"),
        ("-w data a.b:dnset:f", "/here/data/f"),
        ("-r jail -w /data a.b:dnset:f", "/here/jail/data/f"),
        ("-w data a.b:dnset:/etc/f", "/etc/f"),
    ],
)
def test_files_lie_where_rbldnsd_was_begun_and_not_where_the_zone_file_is(words: str, file: str) -> None:
    (zone,) = zones_from(imported(words.split(), here=PurePosixPath("/here")).zones, site="https://s.test")
    assert zone.sources[0].files == (file,)


@pytest.mark.parametrize("name", ["dsbl", "-"])
def test_a_line_of_debians_defaults_begins_with_the_name_of_the_instance(name: str) -> None:
    found = imported([name, "-r/var/lib/rbldns/dsbl", "-b127.2", "list.dsbl.org:ip4set:list"])
    assert found.settings == '[dns]\nlisten = ["127.0.0.2:53"]\n'
    assert found.notes == []
    assert 'files = ["/var/lib/rbldns/dsbl/list"]' in found.zones["list.dsbl.org.toml"]


@pytest.mark.parametrize(
    ("given", "listen"),
    [
        ("127.2", "127.0.0.2:53"),
        ("127.1.2/5353", "127.1.0.2:5353"),
        ("127.513", "127.0.2.1:53"),
        ("127.0.0.1", "127.0.0.1:53"),
        ("300.1", "300.1:53"),
        ("1.2.300.4", "1.2.300.4:53"),
        ("1.2.3.256", "1.2.3.256:53"),
    ],
)
def test_octets_that_are_left_out_of_an_address_are_those_in_the_middle(given: str, listen: str) -> None:
    found = imported(["-b", given, "a.b:dnset:f"])
    assert found.settings == f'[dns]\nlisten = ["{listen}"]\n'
    assert bool(found.notes) == (listen.partition(":")[0] == given.partition("/")[0] != "127.0.0.1"), (
        "what is no address"
    )


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("../a.b:dnset:f", "origin"),
        ("a/b.c:dnset:f", "origin"),
        (".:dnset:f", "origin"),
        ("a..b:dnset:f", "origin"),
        ("-t 3000000000 a.b:dnset:f", "ttl"),
    ],
)
def test_what_can_be_no_zone_of_ours_is_refused_before_anything_is_written(words: str, why: str) -> None:
    with pytest.raises(DnsblError, match=why):
        imported(words.split())


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
