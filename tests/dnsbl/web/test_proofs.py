"""The proof file of a listing, over HTTP."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

from dnsbl.log.note import Verifier
from dnsbl.log.prooffile import ProofFile
from tests.dnsbl.web.asking import Build, problem
from tests.dnsbl.web.conftest import TARGET

ORIGIN = "list.example/log"


def test_a_listing_is_proven_to_people_and_programs_and_what_is_not_listed_is_not(house: Build, tmp_path: Path) -> None:
    home = house(service={"state_dir": str(tmp_path)}, tlog={"origin": ORIGIN})
    run = home.list()
    work = home.office.casework.proving
    home.office.clock.turn(minutes=1)
    work.keep()
    shown = home.visitor().get(f"/ip/{TARGET}.proof")
    assert shown.status_code == 200 and shown.headers["content-type"].startswith("text/plain")
    assert shown.text == home.visitor().get(f"/api/v1/hosts/{TARGET}/proof").text
    keys = [Verifier.read(key.vkey) for key in work.verifiers()]
    ProofFile.read(shown.text).check(ORIGIN, keys)
    assert home.proof(run) not in shown.text
    assert "not listed by itself" in problem(home.visitor().get("/api/v1/hosts/198.18.7.10/proof"), 404, "not-found")
    problem(home.visitor().get("/api/v1/hosts/198.18.7/proof"), 400, "malformed-address")
    assert home.visitor().get("/ip/2001:db8::7.proof").status_code == 404


def test_the_page_of_a_listed_address_leads_to_its_proof_and_says_what_it_is_for(house: Build, tmp_path: Path) -> None:
    home = house(service={"state_dir": str(tmp_path)}, tlog={"origin": ORIGIN})
    assert ".proof" not in home.visitor().get(f"/ip/{TARGET}").text
    home.list()
    home.casework.proving.keep()
    page = home.visitor().get(f"/ip/{TARGET}").text
    evidence = page.partition('<h2 id="evidence">')[2].partition("</section>")[0]
    assert f'<a href="/ip/{TARGET}.proof">Proof of this listing</a>' in evidence and "dnsbl verify" in evidence
    assert home.visitor().get(f"/ip/{TARGET}.proof").status_code == 200
    home.casework.operators.list_networks(
        [ip_network("198.18.8.0/24")], kind="spam", reason="a range", actor="operator dave"
    )
    assert ".proof" not in home.visitor().get("/ip/198.18.8.1").text, "a range is a word and no proof"


def test_a_list_without_a_log_has_no_such_place(house: Build) -> None:
    home = house()
    home.list()
    assert ".proof" not in home.visitor().get(f"/ip/{TARGET}").text
    assert home.visitor().get(f"/api/v1/hosts/{TARGET}/proof").status_code == 404
    answer = home.visitor().get(f"/ip/{TARGET}.proof")
    assert answer.status_code == 404 and "keeps no transparency log" in answer.text, "and is no host name"
