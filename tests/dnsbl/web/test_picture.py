"""The stops of the letter that came back are those of the record, bounded and discreet."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from dnsbl.addresses import parse_address
from dnsbl.rules.causes import cause_of
from dnsbl.rules.discretion import discretion
from dnsbl.settings import Settings
from dnsbl.web.picture import SHORT, Picture, picture
from tester.cause import Cause
from tester.smtp import Outcome, Transcript
from tester.verdict import Finding


def drawn(records: Any, **given: Any) -> Picture | None:
    sent = records.clock.now().timestamp() - 29
    letters = (
        records.letter("S02"),
        replace(
            records.letter(outcome=Outcome.ACCEPTED, reply="250 for joe@victim.example " + "x" * 200, dot_at=sent),
            finding=Finding.DELIVERED_SAME,
        ),
    )
    letters = (replace(letters[0], letter=replace(letters[0].letter, recipient="q" * 34)), letters[1])
    report = records.report(
        **{"letters": letters, "returns": (records.back(),), "transcripts": (records.transcript(("<", b"220 x\r\n")),)}
        | given
    )
    held = [Transcript.from_json(document) for document in report.transcripts]
    return picture(report, held, cause_of(report), discretion(Settings()))


def test_the_stops_are_those_of_the_first_letter_that_came_back(records: Any) -> None:
    found = drawn(records, returns=(records.back(finding=Finding.HUMAN), records.back(), records.back(helo="second")))
    assert found is not None
    assert (found.source, str(found.target), found.port, str(found.output)) == (
        "198.18.0.1",
        "198.18.7.9",
        25,
        "198.18.7.9",
    )
    assert found.same and found.seconds == 29
    assert found.vector == "S01" and found.meaning.startswith("Anybody may send")
    assert len(found.reply) == SHORT and "victim" not in found.reply


def test_a_letter_that_comes_out_elsewhere_has_a_stop_more(records: Any) -> None:
    back = records.back(peer=parse_address("2001:db8::51"), finding=Finding.DELIVERED_OTHER, helo="out <b>" + "w" * 99)
    found = drawn(records, returns=(back,))
    assert found is not None and not found.same
    assert str(found.output) == "2001:db8::51" and len(found.name) == SHORT


def test_nothing_is_drawn_where_no_letter_of_the_run_came_back(records: Any) -> None:
    assert drawn(records, returns=()) is None
    assert drawn(records, returns=(records.back(finding=Finding.BOUNCED),)) is None
    assert drawn(records, returns=(records.back(token="z" * 34),)) is None


def test_times_that_do_not_fit_and_conversations_that_are_gone_are_left_out(records: Any) -> None:
    early = records.clock.now() - timedelta(days=1)
    found = drawn(records, returns=(records.back(received=early),), transcripts=())
    assert found is not None and found.seconds is None and found.source == "" and found.cause in Cause
