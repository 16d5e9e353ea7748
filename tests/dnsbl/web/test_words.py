"""Every name that may be shown has a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from dnsbl.vocabulary import PROOF_KINDS, JobReason, Reason, State
from dnsbl.web import words
from tester.cause import Cause, Software, Sure
from tester.cause.advice import FRONTS
from tester.smtp import DELIVERED, Outcome
from tester.verdict import Verdict


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (words.STATE, State),
        (words.REASON, Reason),
        (words.VERDICT, Verdict),
        (words.OUTSIDE, Verdict),
        (words.OUTCOME, Outcome),
        (words.KIND, PROOF_KINDS),
        (words.CODE, PROOF_KINDS),
        (words.WAY, Verdict),
        (words.CAME_TO, Verdict),
        (words.TESTED, JobReason),
        (words.SURE, Sure),
        (words.CAUSE, Cause),
        (words.CLOSE, Cause),
        (words.PROGRAMS, set(Software) - {Software.UNKNOWN}),
        (words.FRONTS, FRONTS),
    ],
)
def test_each_name_has_its_words(table: Mapping[Any, str], names: Iterable[Any]) -> None:
    assert set(table) == set(names)
    assert all(table.values())


def test_findings_that_are_shown_are_deliveries() -> None:
    assert {finding.value for finding in words.FINDING} == {outcome.value for outcome in DELIVERED}


def test_outsiders_cannot_tell_a_closed_port_from_a_rude_server() -> None:
    assert words.OUTSIDE[Verdict.UNREACHABLE] == words.OUTSIDE[Verdict.REFUSES_TESTER]
    assert words.OUTSIDE[Verdict.CLOSED] == words.OUTSIDE[Verdict.ACCEPTS_LOSES]
    assert len(set(words.OUTSIDE.values())) == 3


def test_a_test_without_a_conclusion_is_called_that_everywhere() -> None:
    said = [words.JUDGED[Verdict.INCONCLUSIVE], words.CAME_TO[Verdict.INCONCLUSIVE]]
    assert all("no conclusion" in one and "not told" not in one for one in said)
    assert set(words.JUDGED) == set(Verdict)
