"""Every reason that a request can be refused for has its words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dnsbl.vocabulary import Refusal
from dnsbl.web.reasons import REASONS, kind

WEB = Path(__file__).resolve().parents[3] / "dnsbl" / "web"


def test_every_refusal_is_described() -> None:
    assert set(Refusal) <= REASONS.keys()


def test_every_fault_that_the_web_makes_by_itself_is_described() -> None:
    named = {
        name for file in WEB.rglob("*.py") for name in re.findall(r'Fault\(\d+, "([a-z-]+)"', file.read_text("utf-8"))
    }
    assert {"cross-site", "internal", "store-unavailable"} <= named <= REASONS.keys()


@pytest.mark.parametrize("reason", REASONS)
def test_words_are_short_and_whole(reason: str) -> None:
    title, right = REASONS[reason]
    assert not title.endswith(".") and len(title) < 50 and right.endswith(".") and re.fullmatch(r"[a-z-]+", reason)


def test_a_reason_that_nobody_has_named_is_the_most_general() -> None:
    assert kind("no such") == REASONS["http"]
