"""Rows of text in, rows of answers out: where each of many addresses stands, in brief, for programs.

Pure but for the verb that is given, and free of any web framework: the API and the command line give the same rows.
Each row has its own answer or its own mistake, in the order of the request; what could not be read is never told as not
listed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, Field

from dnsbl.addresses import Address
from dnsbl.errors import Refused
from dnsbl.model import Brief
from dnsbl.rules import asking
from dnsbl.vocabulary import State
from dnsbl.web.shapes import Codes
from tester.smtp import escape

#: Looks up at most `casework.briefing.MOST` addresses at once.
Each = Callable[[Sequence[Address]], list[Brief]]
#: Characters of a row that are shown again.
SHOWN = 100


class BriefListingShape(BaseModel):
    """One active listing that covers the address."""

    kind: str = Field(description="Which list: relay, multihop, relay-output, or an operator's kind.")
    network: str


class BriefShape(BaseModel):
    """What one row has come to: an answer, or a mistake."""

    asked: str = Field(description="The row as it came, escaped to printable ASCII and cut to 100 characters.")
    address: str | None = Field(description="The address that it was read as; null where it is none.")
    state: State | None
    listings: list[BriefListingShape] = Field(description="Narrowest first; empty when the address is not listed.")
    zones: dict[str, list[str]] = Field(description="What DNS answers: zone -> A records.")
    mistake: str | None = Field(description="Why the row could not be read, as a sentence; null where it was.")


def rows(texts: Sequence[str], each: Each, codes: Codes, origins: Sequence[str], site: str) -> list[dict[str, Any]]:
    """A document as `BriefShape` has it for each of these rows, in their order."""
    read = [_read(text, origins, site) for text in texts]
    briefs = iter(each([one for one in read if not isinstance(one, str)]))
    return [
        _mistake(text, one) if isinstance(one, str) else _answer(text, next(briefs), codes)
        for text, one in zip(texts, read, strict=True)
    ]


def _read(text: str, origins: Sequence[str], site: str) -> Address | str:
    """The address that a row names, or the sentence that says why it names none."""
    try:
        return asking.row(text, origins, site)
    except Refused as error:
        return str(error)


def _answer(text: str, brief: Brief, codes: Codes) -> dict[str, Any]:
    return {
        "asked": _shown(text),
        "address": str(brief.address),
        "state": brief.state.value,
        "listings": [{"kind": kind, "network": str(network)} for network, kind in brief.listings],
        "zones": codes(brief.address, brief.kinds),
        "mistake": None,
    }


def _mistake(text: str, why: str) -> dict[str, Any]:
    nothing: dict[str, Any] = {"address": None, "state": None, "listings": [], "zones": {}}
    return {"asked": _shown(text), **nothing, "mistake": why}


def _shown(text: str) -> str:
    shown = text[:SHOWN]
    plain = shown.isascii() and shown.isprintable() and "\\" not in shown
    return shown if plain else escape(shown.encode("utf-8", "surrogatepass"))[:SHOWN]
