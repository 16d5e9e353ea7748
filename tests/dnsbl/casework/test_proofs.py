"""The proof file of an address: what a stranger with the log's key sees of its listing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from dnsbl.casework.proofs import Proofs
from dnsbl.errors import NotFound, Withheld
from dnsbl.log.note import Verifier
from dnsbl.log.statements import statements
from tests.dnsbl.conftest import Office

HOST = "192.0.2.1"
ORIGIN = "list.example/log"
SCRIPT = Path(__file__).parents[3] / "contrib" / "verify.py"


@pytest.fixture
def office(make_office: Callable[..., Office], tmp_path: Path) -> Office:
    return make_office(service={"state_dir": str(tmp_path / "one")}, tlog={"origin": ORIGIN})


def proofs(office: Office) -> Proofs:
    return office.casework.proofs


def test_a_stranger_with_the_key_sees_letters_return_decision_and_listing_offline(
    office: Office, tmp_path: Path
) -> None:
    run = office.list_open(HOST)
    office.casework.proving.keep()
    office.come_back(run.id, HOST)  # what is newer than the log keeps nobody waiting
    file = proofs(office).of(office.at(HOST))
    (key,) = office.casework.proving.verifiers()
    told, signed = file.check(ORIGIN, [Verifier.read(key.vkey)])
    found = statements(file, told, signed)
    shown = "\n".join(found.shown)
    assert f"The letters of run {run.id} were in the log" in shown
    assert f"{HOST}/32 is listed as relay" in shown
    path = tmp_path / "proof.txt"
    path.write_text(file.text, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(path), "--key", key.vkey], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0 and ORIGIN in ended.stdout and run.id in ended.stdout, ended.stderr
    path.write_text(file.text.replace(HOST, "192.0.2.7"), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(path), "--key", key.vkey], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1 and "This proof does not hold: Leaf" in ended.stderr


def test_where_an_operator_has_listed_it_as_well_the_proof_is_of_what_a_test_has_shown(office: Office) -> None:
    office.casework.operators.list_networks([ip_network(HOST)], kind="manual", reason="spam", actor="operator dave")
    run = office.list_open(HOST)
    office.casework.proving.keep()
    leaves = proofs(office).of(office.at(HOST)).leaves
    assert f"run {run.id}" in [leaf.facts.get("evidence") for leaf in leaves]
    assert [leaf.facts["kind"] for leaf in leaves if "change" in leaf.facts] == ["relay"]


def test_words_of_people_and_names_of_machines_stay_sealed(office: Office) -> None:
    office.nominate(HOST, reason="asked by erin@mail.example")
    office.list_open(HOST)
    office.casework.operators.list_networks(
        [ip_network("192.0.2.2")], kind="spam", reason="asked by frank", actor="operator dave"
    )
    office.casework.proving.keep()
    for address in (HOST, "192.0.2.2"):
        text = proofs(office).of(office.at(address)).text
        for private in ("erin", "frank", "dave", "worker w"):
            assert private not in text


def test_no_hash_of_the_journal_is_shown_since_between_two_of_them_a_reporter_could_be_guessed(office: Office) -> None:
    office.list_open(HOST)
    office.casework.proving.keep()
    text = proofs(office).of(office.at(HOST)).text
    with office.store.read() as tx:
        entries = tx.journal.after(0, most=100)
    assert len(entries) > 5 and not any(entry.hash in text or entry.previous in text for entry in entries)


def test_what_is_not_listed_or_not_in_the_log_yet_has_no_proof(
    office: Office, make_office: Callable[..., Office]
) -> None:
    with pytest.raises(NotFound, match="is not listed by itself"):
        proofs(office).of(office.at(HOST))
    office.list_open(HOST)
    office.casework.proving.grow()
    with pytest.raises(NotFound, match="does not have the listing of"):
        proofs(office).of(office.at(HOST))
    with pytest.raises(Withheld, match="keeps no transparency log"):
        Proofs(office.store, make_office(tlog={}).casework.proving).of(office.at(HOST))
