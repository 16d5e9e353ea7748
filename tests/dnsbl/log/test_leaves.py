"""What of the list's past is public, and what is sealed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from hmac import digest
from ipaddress import ip_network
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.log import leaves
from dnsbl.log.leaves import DatedChange, Sealing
from dnsbl.model import Entry
from dnsbl.vocabulary import Door, JobReason, JobState, Reason, RunState
from tester.verdict import Finding, Verdict
from tests.rows import rows

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


TOLD = {
    "actor": (*Door, "admin", "collector", "node", "operator", "policy", "postman", "scheduler", "worker"),
    "reason": (*Reason, *JobReason, *Finding),
    "before": (*Verdict, *RunState, *JobState, "not listed", "excluded", "may be tested", f"listed {'k' * 40}"),
    "verb": ("v" * 40,),
}


@rows(("field", "word"), [(field, word) for field, words in TOLD.items() for word in words])
def test_a_word_that_says_nothing_of_anybody_is_told_as_it_is(field: str, word: str) -> None:
    assert (
        json.loads(leaves.entry_leaf(replace(ENTRY, **{field: str(word)}), 17, SEALING, is_open=False))[field] == word
    )


def test_of_an_actor_the_sort_alone_is_told() -> None:
    for actor in ("web 198.51.100.7", "web,a,b", "web a b"):
        assert json.loads(leaves.entry_leaf(replace(ENTRY, actor=actor), 1, SEALING, is_open=True))["actor"] == "web"


def test_all_that_nobody_knows_the_word_for_is_sealed() -> None:
    strange = {
        "actor": "carol",
        "verb": "v" * 41,
        "reason": "because",
        "before": f"listed {'k' * 41}",
        "after": "?",
    }
    told = json.loads(leaves.entry_leaf(replace(ENTRY, **strange), 17, SEALING, is_open=True))
    sealed = told.pop("sealed")
    assert told.keys() == {"at", "entry", "serial"}
    assert sealed == {
        name: hidden(f"entry 5 {name}", getattr(replace(ENTRY, **strange), name)) for name in leaves.SEALABLE
    }
    assert list(leaves.SEALABLE) == ["actor", "subject", "verb", "reason", "before", "after", "evidence", "hash"]


@pytest.mark.parametrize("subject", ["192.0.2.0/24", "2001:db8::/32", "192.0.2.1/100"])
def test_a_network_that_is_listed_is_named_where_the_list_is_open(subject: str) -> None:
    found = json.loads(leaves.entry_leaf(replace(ENTRY, subject=subject), 17, SEALING, is_open=True))
    assert found["subject"] == subject and "subject" not in found["sealed"]


def test_a_delisting_names_what_was_listed() -> None:
    gone = replace(ENTRY, before="listed relay", after="not listed")
    assert json.loads(leaves.entry_leaf(gone, 17, SEALING, is_open=True))["subject"] == "192.0.2.1"


def test_what_an_entry_does_not_have_is_neither_told_nor_sealed() -> None:
    found = json.loads(leaves.entry_leaf(replace(ENTRY, before="", evidence=""), 17, SEALING, is_open=False))
    assert "before" not in found and found["sealed"].keys() == {"actor", "subject", "hash"}


def test_letters_have_one_digest_in_their_order() -> None:
    one, other = (SimpleNamespace(recipient=f"r{n}", sender=f"s{n}", proof_hash=bytes([n])) for n in (1, 2))
    assert leaves.digest_of([one, other]) == sha256(b"r1 s1 01\nr2 s2 02\n").hexdigest()  # type: ignore[list-item]


def test_a_time_is_told_in_utc_and_to_the_microsecond() -> None:
    assert leaves.moment(NOW.astimezone(timezone(timedelta(hours=5)))) == "2026-11-26T15:20:01.123456Z"


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
