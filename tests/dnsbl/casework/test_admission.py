"""What strangers may nominate: counted by their networks and by their targets', and bounded for all together."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.casework.admission import EVIDENCE
from dnsbl.errors import Refused
from dnsbl.model import ASKED, Job, Nomination
from dnsbl.vocabulary import Door, Refusal


def bring(office, target: str, *, by: str = "198.51.100.0/24", evidence: bytes = b"spam", door: Door = Door.API) -> Job:
    nomination = Nomination(address=ip_address(target), door=door, nominator=by, reason="x", evidence=evidence)
    return office.casework.doors.nominate(nomination)


def taken(office, requests) -> int:
    """How many of these are taken; every refusal is for their number."""
    count = 0
    for target, by, evidence in requests:
        try:
            bring(office, target, by=by, evidence=evidence)
            count += 1
        except Refused as error:
            assert error.reason == Refusal.TOO_MANY
            assert error.retry_after and str(error).endswith(".")
    return count


def test_targets_of_one_32_fill_a_ninth_of_the_queue_and_others_are_taken(make_office) -> None:
    office = make_office(policy={"nominations_queued": 180})
    crowd = ((f"2001:db8:{n:x}::1", f"{n % 200 + 1}.{n // 200}.0.0/24", b"spam") for n in range(100))
    assert taken(office, crowd) == 20
    assert bring(office, "203.0.113.1").rank == ASKED + 1


def test_nominators_of_one_32_fill_a_ninth_of_a_day_and_others_are_taken(make_office) -> None:
    office = make_office(policy={"nominations_day": 180})
    crowd = ((f"10.{n}.0.1", f"2a00:1:{n:x}::/48", b"spam") for n in range(100))
    assert taken(office, crowd) == 20
    bring(office, "203.0.113.1", by="2a01:1:1::/48")
    office.later(days=1)
    assert taken(office, [("10.200.0.1", "2a00:1:ffff::/48", b"spam")]) == 1, "a new day"


def test_evidence_of_one_32_fills_a_ninth_of_a_day_and_what_is_kept_already_costs_nothing(make_office) -> None:
    office = make_office(policy={"evidence_day_bytes": 90_000})
    crowd = ((f"10.{n}.0.1", f"2a00:1:{n:x}::/48", b"%04d" % n + bytes(1996)) for n in range(60))
    assert taken(office, crowd) == 5
    assert taken(office, [("10.200.0.1", "2a00:1:ffff::/48", b"%04d" % 1 + bytes(1996))]) == 1
    with office.store.read() as tx:
        assert tx.kept.of([EVIDENCE])[EVIDENCE] == (5, 10_000)


def test_who_brings_much_is_tested_after_who_brings_little(office) -> None:
    ranks = [bring(office, f"10.{n}.0.1").rank for n in range(4)]
    assert ranks == [1, 2, 3, 4]
    late = bring(office, "203.0.113.1", by="8.8.8.0/24")
    assert late.rank == 1
    assert [office.take().job.rank for _ in range(3)] == [1, 1, 2]


def test_many_targets_in_one_network_come_after_one_elsewhere_whoever_brings_them(office) -> None:
    ranks = [bring(office, f"192.0.2.{n}", by=f"{n + 1}.0.0.0/24").rank for n in range(3)]
    assert ranks == [1, 2, 3]


def test_an_operators_nominations_are_not_counted(make_office) -> None:
    office = make_office(policy={"nominations_queued": 1, "nominations_day": 1, "evidence_day_bytes": 65536})
    for n in range(3):
        assert bring(office, f"192.0.2.{n}", door=Door.CLI, evidence=bytes([n]) * 65536).rank == ASKED + 1
    with office.store.read() as tx:
        assert tx.kept.of([EVIDENCE])[EVIDENCE].messages == 3


def test_a_visitor_of_unknown_network_is_counted_by_his_name(make_office) -> None:
    office = make_office(policy={"nominations_day": 90})
    assert taken(office, ((f"10.{n}.0.1", "unknown", b"spam") for n in range(9))) == 2
    assert taken(office, [("10.77.0.1", "8.8.8.0/24", b"spam")]) == 1


def test_nominations_that_share_a_test_are_counted_too(make_office) -> None:
    office = make_office(policy={"nominations_day": 90})
    for _ in range(2):
        bring(office, "192.0.2.1")
    with pytest.raises(Refused, match="nominated from your network today"):
        bring(office, "192.0.2.1")
