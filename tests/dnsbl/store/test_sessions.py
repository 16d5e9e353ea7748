"""Conversations that were held."""

from __future__ import annotations

from dnsbl.store import Store
from tester.paths import Path
from tester.smtp import Control, Event, Flag, Transcript
from tests.dnsbl.store.samples import HOST, NOW, begin

WAY = Path(address=HOST, port=25)


def test_transcripts_come_back_whole_and_the_newest_control_counts(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        assert tx.sessions.control("run", WAY) == (Control.NOT_RUN, "")
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
        assert tx.sessions.control("run", WAY) == (Control.ACCEPTED, "550 no")
        assert [Transcript.from_json(document) for document in tx.sessions.documents("run")] == filed
        assert tx.sessions.documents("other") == []
        assert tx.sessions.control("run", Path(address=HOST, port=587)) == (Control.NOT_RUN, "")


def test_a_server_is_known_by_the_names_that_it_has_given_at_this_address(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        for target, name in (
            (HOST, "mx.test"),
            (HOST, ""),
            (HOST, "mx.test"),
            (HOST, "b.test"),
            ("192.0.2.1", "c.test"),
        ):
            said = Transcript(target=str(target), port=25, source="", started=1.5, target_name=name)
            tx.sessions.add("run", "w", said, NOW)
        assert tx.sessions.names("run", HOST) == ["mx.test", "b.test"]


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
