"""What `dnsbl doctor` says, to people and to programs, and that it makes nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dnsbl.casework import keyring
from dnsbl.cli import exposed
from dnsbl.daemons import examiner
from dnsbl.errors import DnsblError
from tester.letter import Key, Keyring
from tests.dnsbl.cli.conftest import Run

NOBODY = "127.0.0.1:9"  # the discard port, where no resolver answers


@pytest.fixture(autouse=True)
def _nobody_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examiner, "PATIENCE", 0.1)


def test_a_list_of_which_nothing_is_known_is_told_thing_by_thing(run: Run, tmp_path: Path) -> None:
    said = run("doctor", "--resolver", NOBODY, plain=True)
    assert "not known store: There is no database yet: `dnsbl serve` makes it." in said
    assert "Was there one? docs/recovery.md." in said and "not known delegation: " in said
    ports = [line for line in said.splitlines() if "port: " in line]
    assert len(ports) == len(set(ports)) >= 3 and any("(UDP)" in line for line in ports), "each is told apart"
    assert not (tmp_path / "state").exists(), "it makes nothing"


def test_a_list_that_has_served_and_lost_its_database_is_not_told_to_begin(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade", plain=True)
    (tmp_path / "state" / "table").write_bytes(b"it has served")
    (tmp_path / "state" / "dnsbl.db").unlink()
    said = run("doctor", "--resolver", NOBODY, plain=True, code=1, both=True)
    assert "wrong     store: " in said and "restore it from a copy" in said
    assert re.search(r"1 of \d+ things is wrong, and \d+ are not known", said)


def test_a_list_that_has_a_store_is_told_that_store_and_clock_do_well(run: Run) -> None:
    run("db", "upgrade", plain=True)
    said = run("doctor", "--resolver", NOBODY, plain=True)
    assert "ok        store: " in said and "ok        clock: " in said
    assert "Nothing is wrong; " in said


def test_a_program_gets_one_document_with_each_thing(run: Run) -> None:
    run("db", "upgrade", plain=True)
    document = run("doctor", "--resolver", NOBODY)
    assert document["wrong"] == 0
    assert document["unknown"] == sum(one["state"] == "unknown" for one in document["checks"]) > 0
    assert {"configuration", "store", "clock", "port", "descriptors", "disk", "mx", "reverse"} <= {
        one["about"] for one in document["checks"]
    }
    assert all(one.keys() == {"about", "of", "state", "says", "do"} for one in document["checks"])


def test_a_mistake_in_a_zone_file_is_one_of_the_things(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade", plain=True)
    (tmp_path / "zones" / "z.toml").write_text("origin = 7\n")
    said = run("doctor", "--resolver", NOBODY, plain=True, code=1, both=True)
    assert "wrong     configuration: " in said and "z.toml" in said


def test_a_resolver_that_is_none_is_refused(run: Run) -> None:
    for place in ("nonsense", "mail.example.com:53", "[::1"):
        said = run("doctor", "--resolver", place, plain=True, code=1)
        assert "There is no resolver to ask: ADDRESS or ADDRESS:PORT is needed, such as 192.0.2.53" in said
        assert f"(is {place})" in said


@pytest.mark.parametrize("why", ["empty", "no text"])
def test_without_a_resolver_of_the_machine_all_the_rest_is_looked_at(
    run: Run, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    def none(place: str) -> object:
        assert place == ""
        raise DnsblError(f"There is no resolver to ask: {why}.")

    monkeypatch.setattr(examiner, "asked_of", none)
    said = run("doctor", plain=True, code=1, both=True)
    assert f"wrong     resolver: There is no resolver to ask: {why}." in said
    for about in ("configuration", "store", "port", "descriptors", "disk"):
        assert f" {about}: " in said
    assert "1 of " in said


def test_a_password_that_everybody_here_may_read_is_found(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exposed, "exposed", lambda files: [(next(iter(files)), "database.url")])
    said = run("doctor", "--resolver", NOBODY, plain=True, code=1, both=True)
    assert "wrong     key file: database.url: everybody here may read the password" in said
    assert f"chmod 640 {tmp_path}" in said


def test_keys_of_another_list_are_wrong_in_the_words_of_serve(run: Run, tmp_path: Path) -> None:
    run("keys", "rotate", "--reason", "first", plain=True)
    assert "ok        letters' keys: " in run("doctor", "--resolver", NOBODY, plain=True)
    keys = tmp_path / "state" / "keys.json"
    keyring.write(keys, Keyring((Key(kid="a", secret=b"2" * 32, created=1),)))
    before = keys.read_bytes()
    said = run("doctor", "--resolver", NOBODY, plain=True, code=1, both=True)
    assert "wrong     letters' keys: The keys in " in said and "are not those of this list" in said
    assert "Copy keys.json from a node that has them" in said and keys.read_bytes() == before
    keys.unlink()
    assert "keys.json is not there, and this list has keys" in run(
        "doctor", "--resolver", NOBODY, plain=True, code=1, both=True
    )
    assert not keys.exists(), "it makes nothing"


def test_whether_anybody_is_tested_is_told_with_or_without_a_store(run: Run, tmp_path: Path) -> None:
    def testing(code: int = 0) -> list[tuple[str, str]]:
        words = run("doctor", "--resolver", NOBODY, plain=True, code=code, both=True)
        rows = [line.partition("testing: ") for line in words.splitlines() if " testing: " in line]
        return [(grade.strip(), says) for grade, _, says in rows]

    fine = [("ok", "nothing keeps workers from dialling")]
    assert testing() == fine
    run("db", "upgrade", plain=True)
    assert testing() == fine
    run("stop", "--reason", "complaints")
    [(grade, says)] = testing(1)
    assert grade == "wrong" and says.startswith("nobody is dialled: stopped by operator ")
    (tmp_path / "state" / "stop").touch()
    said = [says for _, says in testing(1)]
    assert len(said) == 2 and said[1].startswith("nobody is dialled from this machine: an operator has stopped testing")
    run("resume", "--reason", "sorted out")
    assert testing() == fine
    (tmp_path / "state" / "stop").touch()
    (tmp_path / "state" / "table").write_bytes(b"it has served")
    (tmp_path / "state" / "dnsbl.db").unlink()
    [(grade, says)] = testing(1)
    assert grade == "wrong" and str(tmp_path / "state" / "stop") in says
    (tmp_path / "state" / "stop").unlink()
    assert testing(1) == [("not known", "the store, which may say that it is stopped, does not answer")]
