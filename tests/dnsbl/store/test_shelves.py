"""The small shelves: evidence, nominations, exclusions, changes, sessions, returns, letters, runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import text

from dnsbl.errors import StoreUnavailable
from dnsbl.model import Change, Door, Exclusion, JobReason, Nomination, Run, RunState
from dnsbl.store import Store, Transaction
from dnsbl.store.kept import EVER, Account
from dnsbl.store.returns import HEAD
from tester.fate import Fate
from tester.letter import Letter
from tester.returned import Collected
from tester.smtp import Control, Event, Flag, Outcome, Transcript
from tester.verdict import Finding, Verdict, Weighed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOST = ip_address("2001:db8::25")


def later(**step: float) -> datetime:
    return NOW + timedelta(**step)


def begin(
    tx: Transaction, run: str, started: datetime = NOW, reason: JobReason = JobReason.NOMINATION, address=HOST
) -> Run:
    job = tx.jobs.add(
        address=address, port=25, reason=reason, profile="standard", due=NOW, run=run, provocation="nomination 1"
    )
    tx.jobs.finish(job)
    return tx.runs.begin(job, started)


def settle(tx: Transaction, run: Run, verdict: Verdict, *, at: datetime | None = None, unreached: bool = False) -> None:
    tx.runs.settle(run.id, verdict=verdict, explanation="so", at=at or run.started, unreached=unreached)


def letter(run: Run, token: str = "one") -> Letter:
    return Letter(
        recipient=f"r{token}",
        sender=f"s{token}",
        address=run.address,
        port=run.port,
        vector="S01",
        run=run.id,
        not_before=1,
        not_after=2,
        proof_hash=b"\0hash",
    )


def test_a_message_is_kept_once_under_its_hash(store: Store) -> None:
    message = b"Received: \0\xff\r\n"
    with store.write() as tx:
        name = tx.evidence.keep(message, NOW)
        assert name == tx.evidence.keep(message, later(days=1)) == sha256(message).hexdigest()
        assert tx.evidence.read(name) == message
        assert tx.evidence.read("0" * 64) is None


def test_nominations_are_numbered_and_their_evidence_must_be_there(store: Store) -> None:
    nomination = Nomination(address=HOST, door=Door.MAIL, nominator="\udcff\0", reason="spam", evidence=None)
    with store.write() as tx:
        assert [tx.nominations.add(nomination, None, NOW) for _ in range(2)] == [1, 2]
        nominator, door = tx.connection.execute(text("SELECT nominator, door FROM nominations WHERE id = 1")).one()
        assert (nominator, door) == ("\\udcff\\x00", "mail")
    with pytest.raises(StoreUnavailable, match="refuses"), store.write() as tx:
        tx.nominations.add(nomination, "0" * 64, NOW)


def test_the_narrowest_exclusion_covers_and_a_new_one_replaces_the_old(store: Store) -> None:
    wide = Exclusion(network=ip_network("192.0.0.0/16"), reason="wide", since=NOW)
    narrow = Exclusion(network=ip_network("192.0.2.0/24"), reason="narrow", since=NOW)
    with store.write() as tx:
        for exclusion in (wide, narrow):
            tx.exclusions.put(exclusion)
        assert tx.exclusions.covering(ip_address("192.0.2.9")) == narrow
        assert tx.exclusions.covering(ip_address("192.0.3.9")) == wide
        assert tx.exclusions.covering(ip_address("192.1.0.0")) is None
        again = Exclusion(network=narrow.network, reason="again", since=later(days=1))
        tx.exclusions.put(again)
        assert tx.exclusions.covering(ip_address("192.0.2.9")) == again


def test_changes_are_numbered_without_gaps_and_read_in_order(store: Store) -> None:
    first, second = ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")
    with store.write() as tx:
        assert tx.changes.last() == 0
        tx.changes.add([first, second], "spam", present=True)
        tx.changes.add([], "spam", present=True)
        tx.changes.add([first], "spam", present=False)
        assert tx.changes.last() == 3
        assert tx.changes.after(1, most=10) == [
            Change(seq=2, network=second, kind="spam", present=True),
            Change(seq=3, network=first, kind="spam", present=False),
        ]
        assert [change.seq for change in tx.changes.after(0, most=2)] == [1, 2]
        assert tx.changes.after(3, most=2) == []


def test_transcripts_come_back_whole_and_the_newest_control_counts(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        assert tx.sessions.control("run") == (Control.NOT_RUN, "")
        filed = []
        for control in (Control.REFUSED, Control.ACCEPTED, Control.NOT_RUN):
            transcript = Transcript(
                target=str(HOST),
                port=25,
                source="",
                started=1.5,
                control=control,
                control_reply="550 no",
                target_name="\0\udcff",
            )
            tx.sessions.add("run", "w", transcript, NOW)
            filed.append(transcript)
        assert tx.sessions.control("run") == (Control.ACCEPTED, "550 no")
        assert [Transcript.from_json(document) for document in tx.sessions.documents("run")] == filed
        assert tx.sessions.documents("other") == []


def test_returns_are_read_by_run_and_lists_hold_their_heads(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        for hours, run in ((0, None), (1, "run"), (2, "run")):
            collected = Collected(
                peer=HOST,
                peer_port=25,
                local="192.0.2.1:25",
                tls=True,
                helo="\0\ud800",
                mail_raw=b"\0",
                rcpt_raw=b"\xff",
                mail_from="",
                recipient="TOKEN",
                domain="c.example",
                message=bytes(range(256)) * 100,
                received_at=later(hours=hours).timestamp(),
            )
            tx.returns.add(collected, Weighed(finding=Finding.TOKEN_SEEN, counts=False, reason="so"), run=run)
        found = tx.returns.of("run")
        assert [(item.received, item.peer, item.helo) for item in found] == [
            (later(hours=1), HOST, "\\x00\\ud800"),
            (later(hours=2), HOST, "\\x00\\ud800"),
        ]
        whole = tx.returns.read(found[0].id)
        assert whole is not None
        assert whole.message == bytes(range(256)) * 100
        assert found[0].message == whole.message[:HEAD]
        assert tx.returns.found({Finding.TOKEN_SEEN}, most=1)[0].message == whole.message[:HEAD]
        assert tx.returns.of("run", most=1) == found[:1]


def test_what_is_kept_is_counted_by_holder_and_day(store: Store) -> None:
    today, mine, ever = 20_000, Account("of 192.0.2.1", 20_000), Account("run x", EVER)
    with store.write() as tx:
        assert tx.kept.of([mine, ever]) == {mine: (0, 0), ever: (0, 0)}
        tx.kept.add([mine, ever], 10, today=today)
        tx.kept.add([mine], 5, today=today)
        assert tx.kept.of([mine, ever, Account("of 192.0.2.1", 19_999)]) == {
            mine: (2, 15),
            ever: (1, 10),
            Account("of 192.0.2.1", 19_999): (0, 0),
        }
        tx.kept.add([Account("all", today + 1)], 1, today=today + 1)
        assert tx.kept.of([mine])[mine] == (2, 15)
        tx.kept.add([Account("all", today + 2)], 1, today=today + 2)
        assert tx.kept.of([mine, ever]) == {mine: (0, 0), ever: (1, 10)}, "days that are over are dropped"


def test_transcripts_are_read_as_far_as_they_are_not_too_much(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        for number, flag in enumerate((Flag.TARPIT, Flag.NUL, Flag.TARPIT)):
            spoken = Transcript(
                target="192.0.2.1",
                port=25,
                source="192.0.2.9:1",
                started=float(number),
                events=(Event(0.0, "<", b"x" * 3000),),
                flags=frozenset({flag}),
            )
            tx.sessions.add("run", "worker", spoken, NOW)
        assert len(tx.sessions.documents("run")) == 3
        assert [Transcript.from_json(d).started for d in tx.sessions.documents("run", octets=9000)] == [0.0, 1.0]
        assert tx.sessions.documents("run", octets=10) == []
        assert tx.sessions.flags("run") == {Flag.TARPIT, Flag.NUL}
        assert tx.sessions.flags("other") == set()


def test_a_letter_is_found_by_either_token_as_it_was_issued(store: Store) -> None:
    with store.write() as tx:
        issued = letter(begin(tx, "run"))
        assert tx.letters.add([issued]) == 1
        assert tx.letters.add([]) == 0
        for token in ("rone", "sone"):
            found = tx.letters.find(token)
            assert found is not None
            assert found == Fate(letter=issued)
        assert tx.letters.find("none") is None


def test_a_letter_keeps_what_was_said_and_found(store: Store) -> None:
    with store.write() as tx:
        run = begin(tx, "run")
        tx.letters.add([letter(run, "one"), letter(run, "two")])
        fate, dot = Fate(letter=letter(run, "one")), later(seconds=3).timestamp()
        tx.letters.tell(replace(fate, outcome=Outcome.ACCEPTED, reply="250 \0", dot_at=dot))
        tx.letters.note(replace(fate, finding=Finding.BOUNCED))
        first, second = tx.letters.of("run")
        assert (first.outcome, first.reply, first.dot_at) == (Outcome.ACCEPTED, "250 \\x00", dot)
        assert first.finding is Finding.BOUNCED, "what the collector found leaves what the conversation said"
        assert second == Fate(letter=letter(run, "two"))


def test_a_token_is_issued_once_only(store: Store) -> None:
    with store.write() as tx:
        run = begin(tx, "run")
        tx.letters.add([letter(run)])
    with pytest.raises(StoreUnavailable, match="refuses"), store.write() as tx:
        tx.letters.add([letter(run)])


def test_a_run_goes_from_open_over_waiting_to_settled(store: Store) -> None:
    with store.write() as tx:
        run = begin(tx, "run")
        assert (run.state, run.started, run.ends, run.verdict) == (RunState.OPEN, NOW, None, None)
        assert tx.runs.provocation("run") == "nomination 1"
        tx.runs.wait("run", later(days=2), "waits")
        assert tx.runs.over(later(days=1), most=9) == []
        assert tx.runs.over(later(days=2), most=9) == ["run"]
        assert tx.runs.over(later(days=2), most=0) == []
        settle(tx, run, Verdict.CLOSED)
        assert tx.runs.over(later(days=2), most=9) == []
        settled = tx.runs.read("run")
        assert settled is not None
        assert (settled.state, settled.verdict, settled.explanation) == (RunState.SETTLED, Verdict.CLOSED, "so")
        assert tx.runs.read("other") is None


def test_runs_of_an_address_come_newest_first(store: Store) -> None:
    with store.write() as tx:
        for day in (2, 1, 3):
            begin(tx, f"run{day}", later(days=day))
        begin(tx, "other", later(days=9), address=ip_address("192.0.2.1"))
        assert [run.id for run in tx.runs.of(HOST, most=2)] == ["run3", "run2"]
        assert tx.runs.last_started(HOST) == later(days=3)
        assert tx.runs.last_started(ip_address("192.0.2.2")) is None


def test_removals_tell_when_each_failed_or_began_to_wait(store: Store) -> None:
    with store.write() as tx:
        old = begin(tx, "old", later(days=-1), JobReason.REMOVAL)
        settle(tx, old, Verdict.OPEN)
        done = begin(tx, "done", later(days=1), JobReason.REMOVAL)
        settle(tx, done, Verdict.OPEN, at=later(days=5))
        begin(tx, "waiting", later(days=2), JobReason.REMOVAL)
        tx.runs.wait("waiting", later(days=4), "")
        begin(tx, "open", later(days=3), JobReason.REMOVAL)
        settle(tx, begin(tx, "retest", later(days=3), JobReason.RETEST), Verdict.OPEN)
        assert tx.runs.removals(HOST, NOW) == [later(days=2), later(days=5)]


def test_the_first_settled_run_of_a_verdict_is_found(store: Store) -> None:
    with store.write() as tx:
        for day in (-1, 1, 2, 3):
            settle(tx, begin(tx, f"run{day}", later(days=day)), Verdict.ACCEPTS_LOSES, at=later(days=day + 2))
        assert tx.runs.first_settled(HOST, Verdict.ACCEPTS_LOSES, NOW, but="run1") == later(days=4)
        assert tx.runs.first_settled(HOST, Verdict.ACCEPTS_LOSES, NOW, but="run2") == later(days=3)
        assert tx.runs.first_settled(HOST, Verdict.CLOSED, NOW, but="") is None


def test_probations_are_counted_since_the_delisting(store: Store) -> None:
    with store.write() as tx:
        for day in (-1, 1, 2):
            settle(tx, begin(tx, f"run{day}", later(days=day), JobReason.PROBATION), Verdict.CLOSED)
        begin(tx, "open", later(days=3), JobReason.PROBATION)
        settle(tx, begin(tx, "retest", later(days=3), JobReason.RETEST), Verdict.CLOSED)
        assert tx.runs.probations(HOST, NOW, but="run2") == 1
        assert tx.runs.probations(HOST, NOW, but="") == 2


def test_runs_with_another_output_are_counted_once_each(store: Store) -> None:
    findings = (Finding.DELIVERED_OTHER, Finding.DELIVERED_OTHER_LATE, Finding.DELIVERED_SAME, Finding.BOUNCED)
    with store.write() as tx:
        for number, finding in enumerate(findings):
            run = begin(tx, f"run{number}", later(days=number))
            settle(tx, run, Verdict.INCONCLUSIVE)
            for token in (f"{number}a", f"{number}b"):
                tx.letters.add([letter(run, token)])
                tx.letters.note(Fate(letter=letter(run, token), finding=finding))
        assert tx.runs.with_other_output(HOST, NOW, but="") == 2
        assert tx.runs.with_other_output(HOST, NOW, but="run0") == 1
        assert tx.runs.with_other_output(HOST, later(days=1), but="run1") == 0


def test_a_later_run_that_shows_it_closed_is_noticed(store: Store) -> None:
    with store.write() as tx:
        first, second = begin(tx, "run1", NOW), begin(tx, "run2", later(days=1))
        settle(tx, second, Verdict.ACCEPTS_LOSES)
        assert not tx.runs.closed_after(first)
        settle(tx, second, Verdict.ACCEPTS_BOUNCES)
        assert tx.runs.closed_after(first)
        assert not tx.runs.closed_after(second)


def test_tries_in_a_row_are_counted_along_their_chain_only(store: Store) -> None:
    with store.write() as tx:
        years_ago = begin(tx, "old", later(days=-300))
        settle(tx, years_ago, Verdict.INCONCLUSIVE, unreached=True)
        first = begin(tx, "run1", NOW)
        assert tx.runs.unreached_before(first) == 0
        settle(tx, first, Verdict.INCONCLUSIVE, unreached=True)
        second = begin(tx, "run2", later(hours=1), JobReason.UNREACHABLE)
        assert tx.runs.unreached_before(second) == 1
        settle(tx, second, Verdict.INCONCLUSIVE, unreached=True)
        third = begin(tx, "run3", later(hours=25), JobReason.UNREACHABLE)
        assert tx.runs.unreached_before(third) == 2
        settle(tx, second, Verdict.INCONCLUSIVE, unreached=False)
        assert tx.runs.unreached_before(third) == 0
