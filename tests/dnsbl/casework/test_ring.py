"""The keys of a list: one ring on all nodes, held against the store, rotated without a copy of a file."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from dnsbl.casework import ring as module
from dnsbl.casework.judging import Judging
from dnsbl.casework.keyring import fingerprint
from dnsbl.casework.queueing import Queueing
from dnsbl.casework.ring import HANDED_ROUND, SURE_FOR, Ring
from dnsbl.errors import Withheld
from dnsbl.health import WHY_MOST
from dnsbl.logbook.lines import FACT_MOST
from dnsbl.vocabulary import JobReason, RunState
from tester import letter
from tester.letter import Keyring
from tester.smtp import Outcome
from tester.verdict import Verdict
from tests.dnsbl.offices import Office

HOST = "192.0.2.1"


@pytest.fixture
def nodes(office: Office, tmp_path: Path) -> Callable[[str], Ring]:
    """Makes the ring of a node, whose file is in a folder of its own."""

    def node(name: str) -> Ring:
        judging = Judging(office.settings, Queueing(25, os.urandom), os.urandom)
        path = tmp_path / name / "keys.json"
        return Ring(path, office.store, office.settings, office.clock, void=judging.void_all)

    return node


def ready(ring: Ring) -> Ring:
    ring.ready()
    return ring


def issue(office: Office, ring: Keyring, **facts: Any) -> letter.Letter:
    now = int(office.clock.now().timestamp())
    window = int(office.settings.tester.late_window)
    return letter.issue(
        ring,
        address=office.at(HOST),
        port=25,
        vector="S01",
        run="run",
        not_before=now,
        not_after=now + window,
        random=os.urandom,
        **facts,
    )


def test_the_first_node_makes_the_keys_of_the_list(office: Office, nodes: Callable[[str], Ring]) -> None:
    ring = nodes("a")
    assert (ring.keys, ring.follow(), ring.shown()) == ((), False, [])
    assert not ring._path.exists()
    ring.ready()
    assert stat.S_IMODE(ring._path.stat().st_mode) == 0o600
    [shown] = ring.shown()
    assert (shown.kid, shown.state, shown.here, shown.since) == ("a", "signs", True, office.clock.now())
    [entry] = office.casework.operators.journal()
    assert (entry.subject, entry.verb, entry.after) == ("keys", "enrolled", f"key a {shown.fingerprint[:16]}")
    assert ready(nodes("a")).keys == ring.keys


def test_a_node_with_a_copy_of_the_file_is_one_of_them(nodes: Callable[[str], Ring]) -> None:
    first, second = ready(nodes("a")), nodes("b")
    second._path.parent.mkdir()
    second._path.write_bytes(first._path.read_bytes())
    assert ready(second).keys == first.keys


def test_a_node_with_other_keys_is_told_what_to_do(office: Office, nodes: Callable[[str], Ring]) -> None:
    ready(nodes("a"))
    stranger = nodes("b")
    stranger._path.parent.mkdir()
    stranger._path.write_text(Keyring.generate(os.urandom, 0).to_json())
    with pytest.raises(Withheld, match=r"are not those of this list .* `dnsbl keys replace --reason TEXT`") as told:
        stranger.ready()
    assert "Copy keys.json from a node that has them" in str(told.value)
    assert len(str(told.value)) + 200 < min(WHY_MOST, FACT_MOST), "its remedy is not cut off, wherever the folder is"
    assert stranger.keys == ()
    assert len(stranger.shown()) == 1
    assert not stranger.shown()[0].here


def test_lost_keys_are_not_made_anew_behind_the_back_of_the_list(nodes: Callable[[str], Ring]) -> None:
    lost = ready(nodes("a"))._path
    lost.unlink()
    with pytest.raises(Withheld, match=r"is not there, and this list has keys .* `dnsbl keys replace"):
        nodes("a").ready()
    assert not lost.exists()


def test_a_store_that_has_no_keys_any_more_is_given_those_of_the_node_as_at_a_start(
    office: Office, nodes: Callable[[str], Ring]
) -> None:
    ring = ready(nodes("a"))
    with office.store.write() as tx:
        tx.connection.execute(text("DELETE FROM signing_keys"))
    assert ring.follow()
    assert [key.fingerprint for key in ring.shown()] == [fingerprint(ring.current)]
    assert not ring.follow()


def test_a_file_that_comes_back_heals_without_a_new_start(nodes: Callable[[str], Ring]) -> None:
    first, second = ready(nodes("a")), nodes("b")
    with pytest.raises(Withheld):
        second.ready()
    second._path.parent.mkdir()
    second._path.write_bytes(first._path.read_bytes())
    second.ready()
    assert second.keys == first.keys


@pytest.mark.parametrize("text", ["", "{}", '{"keys": []}'])
def test_a_file_that_holds_no_keys_is_left_alone(nodes: Callable[[str], Ring], text: str) -> None:
    ring = nodes("a")
    ring._path.parent.mkdir()
    ring._path.write_text(text)
    with pytest.raises(Withheld, match="does not hold a keyring"):
        ring.ready()
    assert ring._path.read_text() == text


def test_a_folder_that_takes_no_file_is_a_sentence(nodes: Callable[[str], Ring]) -> None:
    ring = nodes("a")
    ring._path.parent.write_text("no folder")
    with pytest.raises(Withheld, match=r"keys cannot be read|no keys can be made there"):
        ring.ready()


def test_a_list_that_has_letters_takes_only_the_keys_that_wrote_them(
    office: Office, nodes: Callable[[str], Ring]
) -> None:
    office.nominate(HOST)
    office.issue(office.take())  # with the office's keys, before the store had a fingerprint
    stranger, right = nodes("b"), nodes("a")
    with pytest.raises(Withheld, match="letters of this list were written with other keys"):
        stranger.ready()
    right._path.parent.mkdir()
    right._path.write_text(office.keyring.to_json())
    right.ready()
    assert right.keys == office.keyring.keys


def test_a_new_key_reaches_every_node_through_the_store_and_signs_when_all_have_it(
    office: Office, nodes: Callable[[str], Ring]
) -> None:
    first, second = ready(nodes("a")), nodes("b")
    second._path.parent.mkdir()
    second._path.write_bytes(first._path.read_bytes())
    second.ready()
    coming = first.rotate(reason="a year is over", actor="operator joe")
    assert (coming.kid, coming.state, coming.here) == ("b", "coming", True)
    assert issue(office, first).recipient[1] == "a"
    assert second.follow()
    assert not second.follow()
    assert second.keys == first.keys
    assert Keyring.from_json(second._path.read_text()).keys == first.keys
    office.later(seconds=HANDED_ROUND)
    young = issue(office, first)
    assert young.recipient[1] == "b"
    assert letter.gate(second, young.recipient)
    assert letter.genuine(second, young)
    assert [key.state for key in second.shown()] == ["opens", "signs"]
    entry = office.casework.operators.journal()[-1]
    assert (entry.actor, entry.verb, entry.evidence) == ("operator joe", "rotated", "a year is over")


def test_old_keys_open_old_letters_until_the_last_of_these_is_over(
    office: Office, nodes: Callable[[str], Ring]
) -> None:
    ring = ready(nodes("a"))
    office.later(days=400)
    ring.rotate(reason="x", actor="operator")
    office.later(seconds=HANDED_ROUND - 1)
    last = issue(office, ring)
    office.later(days=3)
    ring.rotate(reason="x", actor="operator")
    office.later(seconds=HANDED_ROUND)
    assert letter.genuine(ring, last), "its window is a week"
    assert [key.kid for key in ring.keys] == ["a", "b", "c"]
    office.later(days=6)
    again = ready(nodes("a"))
    assert [key.kid for key in again.keys] == ["b", "c"]
    assert not letter.gate(again, last.recipient)
    assert [key.state for key in again.shown()] == ["over", "opens", "signs"]


def test_a_node_that_was_away_follows_through_all_that_was_handed_round(
    office: Office, nodes: Callable[[str], Ring]
) -> None:
    first, second = ready(nodes("a")), nodes("b")
    second._path.parent.mkdir()
    second._path.write_bytes(first._path.read_bytes())
    for _ in range(3):
        first.rotate(reason="x", actor="operator")
        office.later(hours=1)
    assert ready(second).keys == first.keys
    assert second.current.kid == "d"


def test_what_was_handed_round_long_ago_is_handed_round_no_more(office: Office, nodes: Callable[[str], Ring]) -> None:
    first, second = ready(nodes("a")), nodes("b")
    second._path.parent.mkdir()
    second._path.write_bytes(first._path.read_bytes())
    for _ in range(2):
        first.rotate(reason="x", actor="operator")
        office.later(days=8)
    with pytest.raises(Withheld, match="too old to open those that came since"):
        second.ready()


def test_one_key_at_a_time_is_handed_round(office: Office, nodes: Callable[[str], Ring]) -> None:
    ring = ready(nodes("a"))
    ring.rotate(reason="x", actor="operator")
    with pytest.raises(Withheld, match="being handed round just now"):
        ring.rotate(reason="x", actor="operator")
    office.later(seconds=HANDED_ROUND)
    assert ring.rotate(reason="x", actor="operator").kid == "c"


def test_no_key_gives_way_while_it_opens_letters(office: Office, nodes: Callable[[str], Ring]) -> None:
    ring = ready(nodes("a"))
    for _ in range(31):
        ring.rotate(reason="x", actor="operator")
        office.later(seconds=HANDED_ROUND)
    with pytest.raises(Withheld, match="wait until the oldest is over"):
        ring.rotate(reason="x", actor="operator")
    office.later(days=8)
    assert ring.rotate(reason="x", actor="operator").kid == "a"
    assert len({key.kid for key in ring.keys}) == len(ring.keys)


def test_lost_keys_are_replaced_and_tests_under_way_are_held_again(
    office: Office, nodes: Callable[[str], Ring]
) -> None:
    ring = nodes("a")
    ring._path.parent.mkdir()
    ring._path.write_text(office.keyring.to_json())
    ring.ready()
    with pytest.raises(Withheld, match="dnsbl keys rotate"):
        ring.replace(reason="x", actor="operator")
    office.nominate(HOST)
    waiting = office.test(Outcome.ACCEPTED)
    office.nominate("192.0.2.2")
    begun = office.take()
    office.issue(begun)
    ring._path.unlink()
    fresh = nodes("a")
    shown, void = fresh.replace(reason="the disk broke", actor="operator joe")
    assert (void, shown.kid, shown.state, shown.here) == (2, "b", "signs", True)
    assert [key.kid for key in fresh.keys] == ["b"]
    for run in (waiting.id, begun.job.run):
        report = office.casework.views.run_report(run)
        assert (report.run.state, report.run.verdict) == (RunState.SETTLED, Verdict.INCONCLUSIVE)
        assert "keys of its letters were lost" in report.run.explanation
        job = office.casework.views.look_up(report.run.address).job
        assert job is not None
        assert job.reason is JobReason.REPEAT
    assert "replaced" in [entry.verb for entry in office.casework.operators.journal() if entry.subject == "keys"]


def test_a_stranger_that_begins_anew_keeps_its_own_keys_aside(office: Office, nodes: Callable[[str], Ring]) -> None:
    ready(nodes("a"))
    stranger = nodes("b")
    stranger._path.parent.mkdir()
    other = Keyring.generate(os.urandom, 0).to_json()
    stranger._path.write_text(other)
    stranger.replace(reason="x", actor="operator")
    [kept] = [path for path in stranger._path.parent.iterdir() if path != stranger._path]
    assert kept.read_text() == other
    with pytest.raises(Withheld):
        nodes("a").ready()


def test_a_token_of_a_key_that_may_be_on_its_way_is_put_off(office: Office, nodes: Callable[[str], Ring]) -> None:
    first, second = ready(nodes("a")), nodes("b")
    assert not second.may_be_ours("rb" + "a" * 32), "who has no keys takes nothing"
    second._path.parent.mkdir()
    second._path.write_bytes(first._path.read_bytes())
    second.ready()
    assert second.may_be_ours("rb" + "a" * 32), "the next one"
    assert not second.may_be_ours("ra" + "a" * 32), "forged"
    assert not second.may_be_ours("rx" + "a" * 32)
    office.later(seconds=SURE_FOR + 1)
    assert second.may_be_ours("rx" + "a" * 32), "the store has been silent"
    second.follow()
    assert not second.may_be_ours("rx" + "a" * 32)


def test_a_file_that_cannot_be_written_keeps_no_node_from_the_new_key(
    office: Office, nodes: Callable[[str], Ring], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = ready(nodes("a")), nodes("b")
    second._path.parent.mkdir()
    second._path.write_bytes(first._path.read_bytes())
    second.ready()
    first.rotate(reason="x", actor="operator")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.file, "write", full)
    assert second.follow()
    assert second.keys == first.keys
    assert "cannot be kept there: No space left on device" in caplog.text


def test_no_key_is_in_the_store_the_journal_or_what_is_shown(
    office: Office, nodes: Callable[[str], Ring], caplog: pytest.LogCaptureFixture
) -> None:
    ring = ready(nodes("a"))
    ring.rotate(reason="x", actor="operator")
    ring.follow()
    secrets = [row["secret"] for row in json.loads(ring._path.read_text())["keys"]]
    assert len(secrets) == 2
    with office.store.read() as tx:
        rows = tx.connection.execute(text("SELECT * FROM signing_keys")).all()
        journal = tx.journal.read(None, most=99)
    seen = repr(rows) + repr(journal) + repr(ring.shown()) + repr(ring.keys) + caplog.text
    boxes = b"".join(bytes(row.sealed or b"") for row in rows)
    for secret in secrets:
        assert secret not in seen
        assert bytes.fromhex(secret) not in boxes
    assert len(boxes) == 12 + 32 + 16
