from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from dnsbl.model import Return
from dnsbl.rules.canaries import canaries
from tester import canary
from tester.fate import Fate
from tester.smtp import Flag
from tester.verdict import Finding
from tests.dnsbl.rules.test_causes import HOST, LETTER

PASSED = canary.laid(b"Subject: x\r\n\r\n")
BACK = Return(
    id=1,
    token="rc",
    run="run",
    received=datetime(2026, 1, 1, tzinfo=UTC),
    peer=HOST,
    helo="hub.test",
    finding=Finding.DELIVERED_SAME,
    explanation="",
    message=PASSED,
)


def said(*returns: Return) -> frozenset[Flag]:
    """Of a run with a letter that bears them, and one that does not."""
    return canaries((Fate(letter=LETTER), Fate(letter=replace(LETTER, recipient="rc", vector=canary.FORM))), returns)


def test_what_became_of_the_canaries_is_read_off_the_letter_that_bore_them_and_came_back() -> None:
    mended = PASSED.replace(b"[\n]", b"[\r\n]").replace(b"[\r]", b"[ ]")
    assert said(BACK) == {Flag.PASSES_BARE_LF, Flag.PASSES_BARE_CR}
    assert said(replace(BACK, message=mended)) == frozenset()
    assert said() == said(replace(BACK, token="ra")) == frozenset(), "another letter bears none"
    assert said(replace(BACK, finding=Finding.BOUNCED)) == frozenset(), "a bounce repeats what we wrote"
    assert said(BACK, replace(BACK, message=mended)) == said(BACK), "the first that came tells"
