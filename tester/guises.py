"""As whom a host is tested: from which address, under which names, with which signature and in which words.

Pure. A server that knows us by one of these and refuses just us looks closed; who comes as another stranger the next
time sees through it. Draws and spells guises; which one was worn is kept by whoever keeps runs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import TypeVar

from tester.records import dataclass
from tester.wordings import NEUTRAL, WORDINGS

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Guise:
    """One stranger."""

    helo: str
    collector_domain: str  #: of the recipients
    bounce_domain: str  #: of the senders
    third_domain: str = ""  #: of ours, for a recipient at neither collector domain of a test; "" where there is none
    selector: str = ""  #: of the DKIM signature, under the bounce domain; "": unsigned
    wording: int = 0  #: of `wordings.WORDINGS`
    source: str = ""  #: our own address to dial from; "": whichever the system takes

    @property
    def told(self) -> str:
        """One line for transcripts and pages."""
        signed = f"signed {self.selector}._domainkey.{self.bounce_domain}" if self.selector else "unsigned"
        source = f" at {self.source}" if self.source else ""
        return (
            f"as {self.helo}{source}: letters from {self.bounce_domain} to {self.collector_domain}, {signed}, "
            f"wording {self.wording}"
        )

    def at(self, source: str) -> Guise:
        """The same stranger, at this address of ours ("": whichever the system takes); who is called by an address is
        called by this one."""
        literal = self.helo.startswith("[") and source
        return replace(self, source=source, helo=_literal(source) if literal else self.helo)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wardrobe:
    """All that guises are drawn from; each has at least one, but sources and selectors."""

    helos: Sequence[str]
    collector_domains: Sequence[str]
    bounce_domains: Sequence[str]
    selectors: Sequence[str] = ()  #: none: letters are never signed
    sources: Sequence[str] = ()


def pair(wardrobe: Wardrobe, worn: Guise | None, random: Callable[[int], bytes]) -> tuple[Guise, Guise]:
    """The two strangers of one run: whom all forms are offered by, and another one, who differs from the first in
    whatever there are two of, and writes in a neutral wording.

    `worn` is the first one of the run before, from whom this one's differs in the same way; `random(n)` gives n
    unpredictable bytes. Who has one name for EHLO calls the second one by its address (RFC 5321 4.1.3), if that is
    known.
    """
    first = _drawn(wardrobe, worn, tuple(range(len(WORDINGS))), random)
    second = _drawn(wardrobe, first, NEUTRAL, random)
    if second.helo == first.helo and second.source:
        second = replace(second, helo=_literal(second.source))
    return first, replace(second, third_domain=_third(wardrobe, first, second))


def _drawn(wardrobe: Wardrobe, other: Guise | None, wordings: Sequence[int], random: Callable[[int], bytes]) -> Guise:
    def one(choices: Sequence[T], but: T | None) -> T:
        left = [choice for choice in choices if choice != but] or choices
        return left[int.from_bytes(random(4), "big") % len(left)]

    w, selector = wardrobe, ""
    if w.selectors and (other is None or not other.selector or len(w.selectors) > 1):
        selector = one(w.selectors, other.selector if other else None)
    return Guise(
        helo=one(w.helos, other.helo if other else None),
        collector_domain=one(w.collector_domains, other.collector_domain if other else None),
        bounce_domain=one(w.bounce_domains, other.bounce_domain if other else None),
        selector=selector,
        wording=one(wordings, other.wording if other else None),
        source=one(w.sources, other.source if other else None) if w.sources else "",
    )


def _literal(address: str) -> str:
    """An address as EHLO gives it (RFC 5321 4.1.3)."""
    return f"[{'IPv6:' if ':' in address else ''}{address}]"


def _third(wardrobe: Wardrobe, first: Guise, second: Guise) -> str:
    """A domain of ours that neither letter goes to, and that the second one does not come from where that can be."""
    seen = (first.collector_domain, second.collector_domain)
    others = [name for name in (*wardrobe.collector_domains, *wardrobe.bounce_domains) if name not in seen]
    return next((name for name in others if name != second.bounce_domain), next(iter(others), ""))


def to_json(guises: Sequence[Guise]) -> str:
    """As a store keeps them; the inverse of `from_json`."""
    return json.dumps([asdict(guise) for guise in guises], separators=(",", ":")) if guises else ""


def from_json(text: str) -> tuple[Guise, ...]:
    """Raises ValueError, TypeError on a document of another make."""
    return tuple(Guise(**row) for row in json.loads(text)) if text else ()
