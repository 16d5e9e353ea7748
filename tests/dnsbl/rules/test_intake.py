"""Doors refuse with one clear sentence."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Refused
from dnsbl.model import Door, Nomination, Refusal
from dnsbl.rules import intake
from dnsbl.settings import Settings

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = Settings.model_validate({"tester": {"source_addresses": ["8.8.4.4"]}})


def spam(address: str = "8.8.8.8", *, age: timedelta = timedelta(hours=1), field: str = "Received") -> bytes:
    stamp = format_datetime(NOW - age)
    return (
        f"{field}: from x ([{address}]) by mx.example.org with ESMTP; {stamp}\r\n"
        f"From: a@example.com\r\nDate: {stamp}\r\nSubject: buy\r\n\r\nBuy.\r\n"
    ).encode()


def read(
    address: str = "8.8.8.8",
    *,
    evidence: bytes | None = None,
    reason: str = "",
    door: Door = Door.WEB,
    settings: Settings = SETTINGS,
) -> Nomination:
    return intake.nomination(
        address, door=door, nominator="me", reason=reason, evidence=evidence, settings=settings, now=NOW
    )


def refusal(**asked: object) -> Refused:
    with pytest.raises(Refused) as caught:
        read(**asked)  # type: ignore[arg-type]
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_nomination_with_evidence_that_names_the_address_passes() -> None:
    nomination = read(evidence=spam())
    assert nomination.address == ip_address("8.8.8.8")
    assert nomination.evidence == spam()


def test_the_address_is_read_from_the_evidence_when_none_is_typed() -> None:
    assert read("", evidence=spam("9.9.9.9")).address == ip_address("9.9.9.9")


@pytest.mark.parametrize("address", ["mail.example.org", "8.8.8", "8.8.8.0/24", "8.8.8.8:25"])
def test_names_networks_and_ports_are_no_targets(address: str) -> None:
    assert refusal(address=address, evidence=spam()).reason == Refusal.MALFORMED_ADDRESS


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "224.0.0.1", "::1", "64:ff9b::a00:1", "2002:a00:1::"])
def test_special_purpose_addresses_are_never_tested(address: str) -> None:
    assert refusal(address=address, evidence=spam(address)).reason == Refusal.SPECIAL_PURPOSE


def test_our_own_testers_are_never_tested() -> None:
    assert refusal(address="8.8.4.4", evidence=spam("8.8.4.4")).reason == Refusal.OWN_ADDRESS


def test_the_web_asks_for_evidence_and_an_operator_for_a_reason_at_least() -> None:
    assert refusal(reason="bad").reason == Refusal.NO_EVIDENCE
    assert refusal(door=Door.CLI).reason == Refusal.NO_EVIDENCE
    assert read(door=Door.CLI, reason="a customer\ncomplained\x07").reason == "a customer complained"


def test_evidence_may_be_left_out_where_the_policy_says_so() -> None:
    lenient = Settings.model_validate({"policy": {"require_evidence": False}})
    assert read(settings=lenient).evidence is None


def test_nothing_at_all_is_refused() -> None:
    assert refusal(address=" ").reason == Refusal.MALFORMED_ADDRESS


@pytest.mark.parametrize("text", [b"", b"hello\r\nworld\r\n", b"\x00\x01\x02", b"Subject: no trace\r\n\r\nx"])
def test_what_is_no_mail_is_no_evidence(text: bytes) -> None:
    assert refusal(evidence=text).reason == Refusal.NOT_MAIL


def test_evidence_over_the_limit_is_refused() -> None:
    assert refusal(evidence=spam() + b"x" * SETTINGS.policy.evidence_bytes).reason == Refusal.TOO_LARGE


def test_old_evidence_is_refused_by_the_date_of_the_newest_received_line() -> None:
    assert refusal(evidence=spam(age=timedelta(days=8))).reason == Refusal.TOO_OLD
    assert read(evidence=spam(age=timedelta(days=6)))


def test_evidence_without_any_date_is_judged_by_the_rest() -> None:
    bare = b"Received: from x ([8.8.8.8]) by mx.example.org\nFrom: a@example.com\n\nBuy.\n"
    assert read(evidence=bare)
    dated = bare.replace(b"From:", b"Date: Thu, 1 Jan 2026 00:00:00 +0000\nFrom:")
    assert refusal(evidence=dated).reason == Refusal.TOO_OLD


def test_evidence_must_name_the_address() -> None:
    assert refusal(evidence=spam("9.9.9.9")).reason == Refusal.NOT_IN_EVIDENCE
    assert refusal(address="", evidence=spam("10.0.0.1")).reason == Refusal.NOT_IN_EVIDENCE


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        ("8.0.0.0/15", Refusal.TOO_WIDE),
        ("0.0.0.0/0", Refusal.TOO_WIDE),
        ("::/0", Refusal.TOO_WIDE),
        ("2606:4700::/31", Refusal.TOO_WIDE),
        ("10.0.0.0/16", Refusal.SPECIAL_PURPOSE),
        ("127.0.0.1/32", Refusal.SPECIAL_PURPOSE),
        ("2001:db8::/48", Refusal.SPECIAL_PURPOSE),
    ],
)
def test_b46_the_list_never_lists_the_world_nor_special_space(network: str, reason: Refusal) -> None:
    with pytest.raises(Refused) as caught:
        intake.listable(ip_network(network), SETTINGS)
    assert caught.value.reason == reason


def test_public_networks_and_a_lab_of_our_own_may_be_listed() -> None:
    lab = Settings.model_validate({"tester": {"lab_networks": ["127.0.0.0/8"], "source_addresses": ["127.0.0.1"]}})
    for network, settings in (("8.8.8.0/24", SETTINGS), ("2606:4700::/32", SETTINGS), ("127.9.0.0/24", lab)):
        assert intake.listable(ip_network(network), settings) == ip_network(network)


@given(st.text(max_size=70), st.one_of(st.none(), st.binary(max_size=300)), st.text(max_size=600))
def test_no_input_does_anything_but_pass_or_be_refused(address: str, evidence: bytes | None, reason: str) -> None:
    try:
        nomination = read(address, evidence=evidence, reason=reason, door=Door.CLI)
    except Refused as refused:
        assert str(refused)
    else:
        assert len(nomination.reason) <= intake.REASON_MOST
