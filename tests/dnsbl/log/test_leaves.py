"""What of the list's past is public, and what is sealed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from hmac import digest
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.log import leaves
from dnsbl.log.leaves import DatedChange, Sealing
from dnsbl.model import Entry

NOW = datetime(2026, 11, 26, 15, 20, 1, 123456, tzinfo=UTC)
SEALING = Sealing(b"k" * 32)
ENTRY = Entry(
    seq=5,
    at=NOW,
    actor="worker w1",
    subject="192.0.2.1",
    verb="listed",
    reason="letter-returned",
    before="not listed",
    after="listed relay",
    evidence="run abc, message sha256:00",
    previous="0" * 64,
    hash="1" * 64,
)
STEP = DatedChange(seq=17, network=ip_network("192.0.2.1/32"), kind="relay", present=True, at=NOW)


def hidden(name: str, text: str) -> str:
    salt = digest(b"k" * 32, name.encode(), "sha256")
    return sha256(salt + text.encode()).hexdigest()


def test_a_change_is_told_and_its_network_sealed_or_open() -> None:
    assert leaves.change_leaf(STEP, SEALING, is_open=True) == (
        b'{"at":"2026-11-26T15:20:01.123456Z","change":17,"kind":"relay","listed":true,"network":"192.0.2.1/32"}'
    )
    sealed = json.loads(leaves.change_leaf(replace(STEP, at=None), SEALING, is_open=False))
    network = {"sha256": hidden("change 17 network", "192.0.2.1/32")}
    assert sealed == {"change": 17, "kind": "relay", "listed": True, "network": network}


def test_what_an_operator_has_declared_is_sealed_where_the_list_is_open() -> None:
    assert b"192.0.2.1" not in leaves.change_leaf(replace(STEP, kind="do-not-test"), SEALING, is_open=True)


def test_an_entry_tells_what_was_done_and_seals_who_whom_and_why() -> None:
    found = json.loads(leaves.entry_leaf(ENTRY, 17, SEALING, is_open=False))
    sealed = found.pop("sealed")
    assert found == {
        "actor": "worker",
        "after": "listed relay",
        "at": "2026-11-26T15:20:01.123456Z",
        "before": "not listed",
        "entry": 5,
        "reason": "letter-returned",
        "serial": 17,
        "verb": "listed",
    }
    assert sealed == {
        name: hidden(f"entry 5 {name}", getattr(ENTRY, name)) for name in ("actor", "subject", "evidence", "hash")
    }
    assert json.loads(leaves.entry_leaf(ENTRY, 17, SEALING, is_open=True))["subject"] == "192.0.2.1"


@pytest.mark.parametrize("change", [{"before": "", "after": "queued", "verb": "nominated"}, {"subject": "reporter x"}])
def test_an_open_list_names_what_is_listed_and_nobody_else(change: dict[str, str]) -> None:
    found = json.loads(leaves.entry_leaf(replace(ENTRY, **change), 17, SEALING, is_open=True))
    assert "subject" not in found and "subject" in found["sealed"]


SECRETS = st.sampled_from(
    [
        "carol@mail.example",
        "reporter carol",
        "account carol",
        "carol",
        "web 198.51.100.7",
        "listed by carol@mail.example",
    ]
)


@given(st.fixed_dictionaries(dict.fromkeys(leaves.SEALABLE[:-1], SECRETS)), st.booleans())
def test_no_word_of_people_stands_in_a_leaf_whatever_field_it_came_in(given: dict[str, str], is_open: bool) -> None:
    given |= {"verb": f"{given['verb']}!", "actor": f"web {given['actor']}"}
    text = leaves.entry_leaf(replace(ENTRY, **given), 0, SEALING, is_open=is_open).decode()
    assert "carol" not in text and "@" not in text and "198.51.100.7" not in text


def test_a_seal_opens_to_its_text_alone_and_no_two_fields_share_a_salt() -> None:
    salt = SEALING.salt("entry 5 evidence")
    assert leaves.seal(salt, "a") == SEALING.seal("entry 5 evidence", "a") != leaves.seal(salt, "b")
    assert SEALING.seal("entry 6 evidence", "a") != SEALING.seal("entry 5 evidence", "a")
    assert Sealing(b"l" * 32).seal("entry 5 evidence", "a") != SEALING.seal("entry 5 evidence", "a")
    assert len(salt) == leaves.SALT


def test_json_has_one_form() -> None:
    assert leaves.canonical({"b": 1, "a": 'é"\\\n\x1f', "c": {"y": True, "x": False}}) == (
        '{"a":"é\\"\\\\\\n\\u001f","b":1,"c":{"x":false,"y":true}}'.encode()
    )


def entry(seq: int, seconds: int) -> Entry:
    return replace(ENTRY, seq=seq, at=NOW + timedelta(seconds=seconds))


def step(seq: int, seconds: int | None) -> DatedChange:
    return replace(STEP, seq=seq, at=None if seconds is None else NOW + timedelta(seconds=seconds))


def order(entries: list[Entry], steps: list[DatedChange], **more: bool) -> list[str]:
    found = leaves.ordered(entries, steps, **{"more_entries": False, "more_steps": False} | more)
    return [f"{'e' if isinstance(each, Entry) else 's'}{each.seq}" for each in found]


def test_a_change_stands_before_the_entry_that_it_was_made_with() -> None:
    entries, steps = [entry(1, 0), entry(2, 10), entry(3, 20)], [step(1, None), step(2, 10), step(3, 10), step(4, 30)]
    assert order(entries, steps) == ["s1", "e1", "s2", "s3", "e2", "e3", "s4"]
    assert order(entries, steps, more_entries=True) == ["s1", "e1", "s2", "s3", "e2", "e3"]
    assert order(entries, steps[:3], more_steps=True) == ["s1", "e1", "s2", "s3"]
    assert order([], steps) == ["s1", "s2", "s3", "s4"]
    assert order(entries, []) == ["e1", "e2", "e3"]
