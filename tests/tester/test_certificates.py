"""What a server's certificate says is kept, whatever it holds; ours is one that anybody could make."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta

import pytest
import trustme
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from tester.certificates import facts, throwaway


def test_a_certificate_tells_its_names_and_its_end() -> None:
    pem = trustme.CA().issue_cert("mx.example.net", "mail.example.net").cert_chain_pems[0].bytes().decode()
    found = facts(ssl.PEM_cert_to_DER_cert(pem))
    assert found["names"] == "mx.example.net mail.example.net"
    assert len(found["certificate_sha256"]) == 64
    assert found["expires"].endswith("Z")
    assert "trustme" in found["subject"]


def test_a_certificate_without_names_still_tells_its_subject() -> None:
    pem = throwaway("probe.test", 1_700_000_000.0)
    found = facts(ssl.PEM_cert_to_DER_cert(pem[pem.index(b"-----BEGIN CERT") :].decode()))
    assert found["subject"] == "CN=probe.test"
    assert found["expires"] == "2023-11-15T22:13:20Z"
    assert "names" not in found


@given(st.binary(max_size=400))
def test_whatever_a_stranger_shows_is_summed_up(der: bytes) -> None:
    assert len(facts(der)["certificate_sha256"]) == 64


def test_hostile_names_are_shown_harmlessly_and_cut() -> None:
    pem = throwaway("evil\x1b[2J<script>", 1_700_000_000.0)
    assert "\x1b" not in facts(ssl.PEM_cert_to_DER_cert(pem[pem.index(b"-----BEGIN CERT") :].decode()))["subject"]


def test_names_are_cut_where_they_are_long() -> None:
    names = [f"{'a' * 50}{n}.example.net" for n in range(10)]
    pem = trustme.CA().issue_cert(*names).cert_chain_pems[0].bytes().decode()
    found = facts(ssl.PEM_cert_to_DER_cert(pem))
    assert found["names"] == " ".join(names)[:300]


def test_ours_is_good_for_a_day_before_and_after() -> None:
    certificate = x509.load_pem_x509_certificate(throwaway("probe.test", 1_700_000_000.0))
    moment, day = datetime.fromtimestamp(1_700_000_000, UTC), timedelta(days=1)
    assert (certificate.not_valid_before_utc, certificate.not_valid_after_utc) == (moment - day, moment + day)


@pytest.mark.parametrize("name", ["probe.test", "a" * 200 + ".test"])
def test_ours_is_its_own_authority_and_fresh_each_time(name: str) -> None:
    first, second = throwaway(name, 1_700_000_000.0), throwaway(name, 1_700_000_000.0)
    assert first != second
    certificate = x509.load_pem_x509_certificate(first)
    assert certificate.subject == certificate.issuer
