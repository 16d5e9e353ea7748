"""Names, keys and scores of reporters."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Refused
from dnsbl.model import ReporterAccount
from dnsbl.rules import reporters
from dnsbl.rules.reporters import Mark
from dnsbl.settings import ReporterTerms
from dnsbl.vocabulary import Refusal, Tier
from tester.verdict import Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TERMS = ReporterTerms()


def account(tier: Tier = Tier.NEW, *, hits: int = 0, misses: int = 0, off: bool = False) -> ReporterAccount:
    gone = NOW if off else None
    return ReporterAccount(
        name="ann", tier=tier, contact="", made=NOW, hits=hits, misses=misses, suspended=gone, why=""
    )


@pytest.mark.parametrize("text", ["", "1", "192.0.2.1", "-a", "a/b", "a b", "a" * 41, "é", "2001:db8::", "a\n"])
def test_a_name_is_a_word_that_is_no_address(text: str) -> None:
    if text == "a\n":
        assert reporters.name_of(text) == "a"
        return
    with pytest.raises(Refused) as error:
        reporters.name_of(text)
    assert error.value.reason is Refusal.UNKNOWN_REPORTER


def test_a_name_is_kept_in_lower_case() -> None:
    assert reporters.name_of(" Ann.Example-2_x ") == "ann.example-2_x"


@given(st.binary(min_size=reporters.KEY_OCTETS, max_size=reporters.KEY_OCTETS))
def test_a_key_is_known_by_its_mark_goes_into_a_header_and_is_found_again_by_its_hash(octets: bytes) -> None:
    key = reporters.new_key(octets)
    assert key.startswith("dnsbl-key-")
    assert len(key) == len("dnsbl-key-") + 32
    assert key.isascii() and key.upper() != key
    assert reporters.hash_of(f" {key}\n") == reporters.hash_of(key)
    assert key not in reporters.hash_of(key)


def test_only_open_and_closed_say_something_of_a_reporter() -> None:
    assert reporters.mark(Verdict.OPEN) == reporters.mark(Verdict.OPEN_MULTIHOP) == Mark(1, 0)
    assert reporters.mark(Verdict.CLOSED) == Mark(0, 1)
    rest = set(Verdict) - {Verdict.OPEN, Verdict.OPEN_MULTIHOP, Verdict.CLOSED}
    assert {reporters.mark(verdict) for verdict in (*rest, None)} == {Mark(0, 0)}
    assert Mark(3, 1) - Mark(1, 2) == Mark(2, -1)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_a_score_rises_with_what_was_open_and_falls_with_what_was_closed(hits: int, misses: int) -> None:
    here = reporters.score(account(hits=hits, misses=misses))
    assert 0 < here < 1
    assert reporters.score(account(hits=hits + 1, misses=misses)) > here
    assert reporters.score(account(hits=hits, misses=misses + 1)) < here


def test_who_has_shown_nothing_yet_has_half() -> None:
    assert reporters.score(account()) == 0.5


def test_who_brings_closed_hosts_alone_fails_at_the_twentieth_and_not_before() -> None:
    assert not reporters.fails(account(misses=19), TERMS)
    assert reporters.fails(account(misses=20), TERMS)
    assert reporters.fails(account(Tier.KNOWN, misses=20), TERMS)
    assert not reporters.fails(account(misses=20, hits=2), TERMS)
    assert not reporters.fails(account(misses=20, off=True), TERMS)
    assert not reporters.fails(account(Tier.TRUSTED, misses=20), TERMS)
    assert not reporters.fails(account(misses=20), ReporterTerms(suspend_below=0))


def test_each_tier_may_bring_more_than_the_one_below() -> None:
    most = [reporters.daily(account(tier), TERMS) for tier in Tier]
    assert most == [50, 500, 5000]
    parts = [reporters.PARTS[tier] for tier in Tier]
    assert parts == sorted(parts, reverse=True)


def test_what_just_reaches_the_bound_does_not_fail() -> None:
    terms = ReporterTerms(suspend_after=1, suspend_below=0.5)
    assert not reporters.fails(account(hits=1, misses=1), terms), "half is not below half"
    assert reporters.fails(account(hits=1, misses=2), terms)


def test_a_key_is_what_it_was_when_it_was_given_out() -> None:
    key = reporters.new_key(bytes(range(20)))
    assert key == "dnsbl-key-" + base64.b32encode(bytes(range(20))).decode().lower()
    assert reporters.hash_of(key) == sha256(key.encode()).hexdigest()
    assert len(reporters.hash_of("\udcff")) == 64, "whatever is typed has a hash"
    assert reporters.PARTS == {Tier.NEW: 40, Tier.KNOWN: 8, Tier.TRUSTED: 2}
