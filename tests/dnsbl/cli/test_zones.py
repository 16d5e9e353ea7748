"""Zones, their files and their end, as they are typed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.dnsbl.cli.conftest import Run


def test_check_config_says_what_stands_in_front_unnamed(run: Run, tmp_path: Path) -> None:
    assert run("check-config")["notes"] == []
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + '\n[web]\nbase_url = "https://relays.example.org"\n')
    [note] = run("check-config")["notes"]
    assert "web.base_url begins with https" in note and "web.trusted_proxies names none" in note
    assert "web.trusted_proxies names none" in run("check-config", plain=True).replace("\n", " ")
    config.write_text(config.read_text() + 'trusted_proxies = ["127.0.0.1/32"]\n')
    assert run("check-config")["notes"] == []


def test_check_config_says_when_the_system_grants_too_few_descriptors(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnsbl.daemons.reserve.granted", lambda: 700)
    [note] = run("check-config")["notes"]
    assert "this process may open 700 files" in note
    monkeypatch.setattr("dnsbl.daemons.reserve.granted", lambda: 50)
    assert "This process may open 50 files and needs" in run("check-config", code=1)


def test_a_bad_config_lists_all_its_mistakes(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[dns]\npoll = -1\n[tester]\nport = 0\nhue = 1\n")
    err = run("check-config", code=1)
    assert all(key in err for key in ("dns.poll", "tester.port", "tester.hue"))


def test_a_bad_zone_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "zones" / "z.toml").write_text(
        'origin = "x.example.org"\nns = ["a.b"]\n[kinds.relay]\ncode = "1.2.3.4"\n'
    )
    err = run("check-config", code=1)
    assert "z.toml: kinds.relay.code" in err
    assert "127.0.0.0/8" in err


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("rbldnsd", "8.8.44.0/24"),
        ("bind", "*.44.8.8 2100 IN A 127.0.0.4"),
        ("jsonl", '"network":"8.8.44.0/24","kind":"manual","code":"127.0.0.4"'),
        ("cidr", "8.8.44.0/24 REJECT Listed by the operator: 8.8.44.0/24, see http://127.0.0.1:8053/ip/8.8.44.0"),
    ],
)
def test_a_zone_is_exported_to_a_file_or_to_standard_output(run: Run, tmp_path: Path, form: str, line: str) -> None:
    run("listing", "add", "8.8.44.0/24", "--reason", "spam house")
    out = run("export", "--format", form, plain=True)
    assert line in out
    file = tmp_path / "out" / "list"
    assert "there is no folder" in run("export", "--format", form, "--to", str(file), code=1)
    file.parent.mkdir()
    done = run("export", "--format", form, "--zone", "Relays.example.org.", "--to", str(file))
    assert done["format"] == form
    assert str(done["serial"]) in out or done["serial"] >= 1
    assert line in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["list"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("export", "--format", "csv"), 2),
        (("export", "--format", "bind"), 2),  # --json has one document, and a zone is none
        (("export", "--format", "bind", "--zone", "other.example", "--to", "x"), 2),
        (("export", "--format", "bind", "--to", "/dev/null/x"), 1),
        (("monitor", "--every", "0"), 2),
        (("monitor",), 2),
        (("retire", "--zone", "relays.example.org", "--on", "soon"), 2),
        (("retire", "--zone", "relays.example.org"), 2),
        (("retire", "--zone", "relays.example.org", "--on", "2100-01-01", "--cancel", "--reason", "x"), 2),
        (("retire", "--zone", "other.example", "--on", "2100-01-01"), 2),
        (("retire", "--zone", "relays.example.org", "--on", "2001-01-01", "--force"), 1),
        (("retire", "--zone", "relays.example.org", "--on", str(datetime.now(UTC).date() + timedelta(days=9))), 1),
    ],
)
def test_files_monitor_and_the_end_refuse_what_makes_no_sense(run: Run, words: tuple[str, ...], code: int) -> None:
    assert "Traceback" not in run(*words, code=code)


def test_the_end_of_a_zone_is_planned_and_leads_nowhere(run: Run) -> None:
    end = datetime.now(UTC).date() + timedelta(days=40)
    words = ("retire", "--zone", "relays.example.org", "--on", str(end))
    document = run(*words)
    assert f"ends on {end}" in document["announcement"]
    assert [step["on"] for step in document["plan"]] == sorted(step["on"] for step in document["plan"])
    delegation = run(*words, "--print-delegation", plain=True)
    assert delegation == document["delegation"]
    soon = str(datetime.now(UTC).date() + timedelta(days=9))
    assert soon in run("retire", "--zone", "relays.example.org", "--on", soon, "--force", plain=True)


def test_the_end_of_a_zone_is_announced_in_its_file_with_an_entry_and_can_be_taken_back(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "zones" / "z.toml"
    before, end = file.read_text(), str(datetime.now(UTC).date() + timedelta(days=40))
    words = ("retire", "--zone", "relays.example.org")
    run(*words, "--on", end)
    assert file.read_text() == before, "without --announce nothing changes"
    assert "a reason is needed" in run(*words, "--on", end, "--announce", code=2)
    assert f"ends on {end}" in run(*words, "--on", end, "--announce", "--reason", "enough", plain=True)
    assert f"retires = {end}\n" in file.read_text()
    run(*words, "--cancel", "--reason", "not yet")
    assert file.read_text() == before
    entries = [(entry["subject"], entry["verb"]) for entry in run("journal")]
    assert entries == [("zone relays.example.org", "retiring"), ("zone relays.example.org", "retiring-ended")]
    file.write_text(before.replace('origin = "', '"origin" = "', 1))
    assert "by hand" in run(*words, "--on", end, "--announce", "--reason", "x", code=1)


def test_check_config_says_when_a_zone_is_a_registered_domain_itself(run: Run, tmp_path: Path) -> None:
    assert not [note for note in run("check-config")["notes"] if "registered domain" in note]
    file = tmp_path / "zones" / "z.toml"
    file.write_text(file.read_text().replace("relays.example.org", "example.org"))
    assert [note for note in run("check-config")["notes"] if "example.org is a registered domain itself" in note]
