"""What other DNS blocklists say of an address: which names are asked, and how the answers are read (RFC 5782). Pure.

Information for people and surveys, never evidence: nothing of it lists, delists or provokes a test. A list is believed
only while its test points are right (RFC 5782 5): 127.0.0.2 is listed and 127.0.0.1 is not, of IPv6 ::FFFF:7F00:2 and
::FFFF:7F00:1. Any address of 127.0.0.0/8 means listed (section 6), but for 127.255.255.0/24, by which some lists answer
that they will not tell; what bears one of these, or an address from outside, is no listing as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from dnsbl.addresses import Address, reversed_labels
from dnsbl.settings import IN_BAND, OtherList
from tester.records import dataclass
from tester.smtp import escape

_LOOPBACK = IPv4Network("127.0.0.0/8")
#: Test points by the version of address: what every list holds, and what none does.
POINTS: dict[int, tuple[Address, Address]] = {
    4: (IPv4Address("127.0.0.2"), IPv4Address("127.0.0.1")),
    6: (IPv6Address("::ffff:127.0.0.2"), IPv6Address("::ffff:127.0.0.1")),
}
#: A records of an answer that are told (all are looked at), and characters of a text that are shown.
MOST_CODES, MOST_TEXT = 16, 255


class Ailment(StrEnum):
    """Why nothing can be concluded from what a list says, or does not."""

    GONE = "gone"  # there is no such zone
    EMPTY = "empty"  # its test point is not listed
    WORLD = "lists-the-world"  # what no list may hold is listed
    CODES = "error-codes"  # it answers with 127.255.255.0/24
    STRAY = "stray-answers"  # it answers with addresses outside of 127.0.0.0/8
    REFUSED = "refused"
    FAILING = "failing"  # its servers answer with an error, or nonsense
    SILENT = "silent"  # no answer in time


#: What came of a question: the A records, none for a name that is not there; or why there was no answer.
Answer = tuple[str, ...] | Ailment


@dataclass(frozen=True, kw_only=True, slots=True)
class Opinion:
    """What one other list says of an address."""

    zone: str
    listed: bool | None  #: None where it cannot be told
    codes: tuple[str, ...]  #: the A records by which it is listed
    text: str  #: its TXT record, escaped and bounded, or ""
    trouble: Ailment | None  #: why it cannot be told
    sentence: str


def question(address: Address, zone: str) -> str:
    """The name that is asked, with a dot at its end (RFC 5782 2.1, 2.4)."""
    return f"{reversed_labels(address)}.{zone}."


def ailment_of(must: Answer, never: Answer, *, there: bool) -> Ailment | None:
    """What is wrong with a list, by its test points: the answers for what every list holds, and for what none does.
    `there` is whether its zone is known to be there. None for a list that works."""
    if isinstance(must, Ailment):
        return must
    if isinstance(never, Ailment):
        return never
    if wrong := _wrong(must) or _wrong(never):
        return wrong
    if never:
        return Ailment.WORLD
    if not must:
        return Ailment.EMPTY if there else Ailment.GONE
    return None


def opinion(of: OtherList, answer: Answer, text: str = "") -> Opinion:
    """What a list that works says by this answer to the question about an address; `text` is its TXT record."""
    if isinstance(answer, Ailment):
        return troubled(of.zone, answer)
    if wrong := _wrong(answer):
        return troubled(of.zone, wrong, answer)
    codes = tuple(code for code in answer if of.counts(IPv4Address(code)))[:MOST_CODES]
    if codes:
        sentence = f"{of.zone} lists it ({', '.join(codes)})."
    elif answer:
        sentence = f"{of.zone} lists it under {', '.join(answer[:MOST_CODES])}, which is not asked for here."
    else:
        sentence = f"{of.zone} does not list it."
    return Opinion(
        zone=of.zone,
        listed=bool(codes),
        codes=codes,
        text=_shown(text) if codes else "",
        trouble=None,
        sentence=sentence,
    )


def troubled(zone: str, trouble: Ailment, said: Iterable[str] = (), version: int = 4) -> Opinion:
    """The opinion of a list from which nothing can be concluded; `said` are the A records of the answer that shows it,
    and `version` is that of the test points that do."""
    wrong_first = sorted(said, key=lambda code: _wrong((code,)) is None)
    codes = ", ".join(wrong_first[:MOST_CODES])
    must, never = POINTS[version]
    sentence = f"{zone} {_SENTENCES[trouble].format(codes=codes or 'such codes', must=must, never=never)}"
    return Opinion(zone=zone, listed=None, codes=(), text="", trouble=trouble, sentence=sentence)


_SENTENCES = {
    Ailment.GONE: "is a dead list: there is no such zone any more.",
    Ailment.EMPTY: "does not list its test point {must}: it is dead or emptied, or no list of such addresses.",
    Ailment.WORLD: "lists {never}, and so the whole world: do not ask it.",
    Ailment.CODES: "answers with an error code in place of listings ({codes}): it does not want to be asked from here.",
    Ailment.STRAY: "answers with addresses that are no listing ({codes}): its domain may be another's by now.",
    Ailment.REFUSED: "refuses to answer us.",
    Ailment.FAILING: "does not work: its name servers answer with errors.",
    Ailment.SILENT: "did not answer in time.",
}


def _wrong(codes: tuple[str, ...]) -> Ailment | None:
    """Why these A records are no listing."""
    found = [IPv4Address(code) for code in codes]
    if any(code in IN_BAND for code in found):
        return Ailment.CODES
    return Ailment.STRAY if any(code not in _LOOPBACK for code in found) else None


def _shown(text: str) -> str:
    return escape(text.encode("utf-8", "replace"))[:MOST_TEXT]
