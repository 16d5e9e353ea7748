"""The documents for programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from dnsbl.addresses import parse_address
from dnsbl.model import PathReport
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal, RunState, State
from dnsbl.web.shapes import STATUS, Codes, proofs_at, run_shape, standing_shape
from tester.paths import path
from tester.smtp import Outcome, Transcript
from tester.verdict import Finding, Verdict


def test_an_unknown_address_has_every_field(records: Any, codes: Codes) -> None:
    assert standing_shape(records.standing(), codes) == {
        "address": "198.18.7.9",
        "state": "unknown",
        "listings": [],
        "forthcoming": [],
        "inputs": [],
        "last_verdict": None,
        "next_test": None,
        "ahead": 0,
        "waits": "",
        "removal_after": None,
        "clears_by": None,
        "zones": {"relays.example.org": []},
        "exception": None,
        "proof": None,
        "others": None,
        "paths": [],
    }


def test_the_proof_of_a_listing_is_named_where_a_log_can_have_one(records: Any, codes: Codes) -> None:
    listed = records.standing(state=State.LISTED, listings=(records.listing(),))
    logged = Settings.model_validate(
        {"tlog": {"origin": "log.example.org"}, "web": {"base_url": "https://site.example"}}
    )
    for standing, settings, proof in (
        (listed, logged, "https://site.example/ip/198.18.7.9.proof"),
        (listed, Settings(), None),
        (records.standing(), logged, None),
        (records.standing(state=State.LISTED, listings=(records.listing(kind="manual", run=None),)), logged, None),
    ):
        assert standing_shape(standing, codes, proofs=proofs_at(settings))["proof"] == proof


def test_a_listing_is_told_with_utc_times_and_codes(records: Any, codes: Codes) -> None:
    standing = records.standing(
        state=State.LISTED,
        listings=(records.listing(), records.listing(kind="multihop"), records.listing(kind="elsewhere", run=None)),
        last_verdict=Verdict.OPEN,
        next_test=records.clock.now() + timedelta(days=14),
    )
    shape = standing_shape(standing, codes)
    assert shape["listings"][0] == {
        "kind": "relay",
        "network": "198.18.7.9/32",
        "since": "2026-01-01T00:00:00Z",
        "expires": "2026-04-01T00:00:00Z",
        "reason": "letter-returned",
        "run": "aaaaaaaaaaaaaaaa",
    }
    assert shape["zones"] == {"relays.example.org": ["127.0.0.3", "127.0.0.2"]}
    assert (shape["last_verdict"], shape["next_test"]) == ("OPEN", "2026-01-15T00:00:00Z")


def test_test_points_are_told_as_dns_answers_them(records: Any, codes: Codes) -> None:
    standing = records.standing(address=parse_address("127.0.0.3"), listings=(records.listing(kind="relay"),))
    assert standing_shape(standing, codes)["zones"] == {"relays.example.org": ["127.0.0.3"]}


def test_a_run_tells_attempts_and_outputs_once_each(records: Any) -> None:
    report = records.report(
        run=records.run(state=RunState.WAITING, verdict=None),
        letters=(
            records.letter(),
            records.letter(vector="S02", outcome=None, reply=""),
            records.letter(vector="S03", outcome=Outcome.ACCEPTED, finding=Finding.DELIVERED_SAME, reply="250 ok"),
        ),
        returns=(
            records.back(),
            records.back(finding=Finding.DELIVERED_OTHER, peer=parse_address("2001:db8::1")),
            records.back(),
            records.back(finding=Finding.REPEATED, peer=parse_address("198.18.7.10")),
        ),
    )
    shape = run_shape(report)
    assert shape["output_addresses"] == ["198.18.7.9", "2001:db8::1"]
    assert shape["attempts"] == [
        {"address": "198.18.7.9", "port": 25, "vector": vector, "outcome": outcome, "reply": reply}
        for vector, outcome, reply in (
            ("S01", "RCPT_5XX", "550 5.7.1 no"),
            ("S02", "UNTRIED", ""),
            ("S03", "DELIVERED_SAME", "250 ok"),
        )
    ]
    assert (shape["run_id"], shape["verdict"], shape["state"]) == ("aaaaaaaaaaaaaaaa", None, "waiting")


def test_refusals_have_client_statuses() -> None:
    assert set(STATUS) <= set(Refusal)
    assert all(400 <= status < 500 for status in STATUS.values())


def test_what_is_left_out_of_wider_listings_is_told(records: Any, codes: Codes) -> None:
    standing = records.standing(exception=records.listing(kind="", run=None))
    left = standing_shape(standing, codes)["exception"]
    assert left["network"] == "198.18.7.9/32" and left["since"].endswith("Z")


def test_each_way_in_of_a_test_is_told_with_the_certificate_that_it_showed(records: Any) -> None:
    address = parse_address("198.18.7.9")
    facts = {
        "version": "TLSv1.3",
        "cipher": "x",
        "subject": "CN=joe@mail.test",
        "names": "mail.test",
        "expires": "2026-05-01T00:00:00Z",
        "certificate_sha256": "ab" * 32,
    }

    def said(port: int, tls: dict[str, str]) -> str:
        return Transcript(target=str(address), port=port, source="", started=0.0, tls=tls).to_json()

    report = records.report(
        paths=(
            PathReport(path=path(address, 25), verdict=Verdict.CLOSED, explanation="So, says joe."),
            PathReport(path=path(address, 465), verdict=None, explanation=""),
        ),
        transcripts=(said(25, {}), said(465, {"version": "TLSv1.2"}), said(465, facts), said(465, {})),
    )
    assert run_shape(report, lambda text: text.replace("joe", "[withheld]"))["paths"] == [
        {
            "address": "198.18.7.9",
            "port": 25,
            "tls": "starttls",
            "verdict": "CLOSED",
            "explanation": "So, says [withheld].",
            "certificate": None,
        },
        {
            "address": "198.18.7.9",
            "port": 465,
            "tls": "implicit",
            "verdict": None,
            "explanation": "",
            "certificate": {
                "version": "TLSv1.3",
                "subject": "CN=[withheld]@mail.test",
                "names": "mail.test",
                "expires": "2026-05-01T00:00:00Z",
                "sha256": "ab" * 32,
            },
        },
    ]
