"""Shell: asks other DNS blocklists about addresses, as information. The judgement is `rules.others`.

The test points of each list are asked first, and what they showed is remembered for a while; a list that does not
work is asked nothing else. Lists are asked beside each other, no question waits longer than `others.seconds`, and
AT_ONCE of them are under way at most. Answers are kept as long as they may be (RFC 5782 6). Changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import ip_address

from dns.asyncresolver import Resolver
from dns.exception import DNSException, Timeout
from dns.nameserver import Do53Nameserver
from dns.rcode import REFUSED
from dns.rdatatype import CNAME
from dns.resolver import NXDOMAIN, LRUCache, NoNameservers, NoResolverConfiguration

from dnsbl.addresses import Address
from dnsbl.clock import Clock
from dnsbl.rules.others import POINTS, Ailment, Answer, Opinion, ailment_of, opinion, question, troubled
from dnsbl.settings import OtherList, OtherTerms, split_listen

#: Questions at once.
AT_ONCE = 50
#: Answers that are kept.
KEPT = 20_000


class OtherLists:
    """The lists of [others], and what is known of whether each of them works."""

    def __init__(self, terms: OtherTerms, clock: Clock) -> None:
        self._terms = terms
        self._clock = clock
        self._cache = LRUCache(KEPT)
        self._known: dict[tuple[str, int], tuple[float, Opinion | None]] = {}  # until when; None: it works

    @property
    def on(self) -> bool:
        """Whether there is any list to ask."""
        return bool(self._terms.lists)

    def look(self, address: Address) -> tuple[Opinion, ...]:
        """What each list says of one address, in the order of the settings. Blocking: for threads without a loop."""
        return asyncio.run(self.ask([address]))[address]

    async def ask(self, addresses: Iterable[Address]) -> dict[Address, tuple[Opinion, ...]]:
        """What each list says of each of these addresses, in the order of the settings. Never raises for what a list
        or the network does: that is an opinion without a word on whether the address is listed."""
        wanted, resolver, turns = list(dict.fromkeys(addresses)), self._resolver(), asyncio.Semaphore(AT_ONCE)
        versions = sorted({address.version for address in wanted})
        points = [(one, version) for one in self._terms.lists for version in versions]
        sound = await asyncio.gather(*(self._sound(one, version, resolver, turns) for one, version in points))
        troubles = dict(zip(points, sound, strict=True))

        async def said(one: OtherList, address: Address) -> Opinion:
            return troubles[one, address.version] or await self._said(one, address, resolver, turns)

        questions = [(address, one) for address in wanted for one in self._terms.lists]
        answers = iter(await asyncio.gather(*(said(one, address) for address, one in questions)))
        return {address: tuple(next(answers) for _ in self._terms.lists) for address in wanted}

    async def _sound(
        self, of: OtherList, version: int, resolver: Resolver | None, turns: asyncio.Semaphore
    ) -> Opinion | None:
        """What is wrong with a list, remembered or found out; None for one that works."""
        now = self._clock.monotonic()
        until, known = self._known.get((of.zone, version), (now, None))
        if now < until:
            return known
        points = (self._records(question(point, of.zone), resolver, turns) for point in POINTS[version])
        (must, never), there = await asyncio.gather(asyncio.gather(*points), self._there(of.zone, resolver, turns))
        trouble = ailment_of(must, never, there=there)
        shown = [code for answer in (must, never) if not isinstance(answer, Ailment) for code in answer]
        found = troubled(of.zone, trouble, shown, version) if trouble else None
        passing = trouble in (Ailment.SILENT, Ailment.FAILING)
        self._known[of.zone, version] = (now + self._terms.remember / (12 if passing else 1), found)
        return found

    async def _said(
        self, of: OtherList, address: Address, resolver: Resolver | None, turns: asyncio.Semaphore
    ) -> Opinion:
        name = question(address, of.zone)
        answer = await self._records(name, resolver, turns)
        found = opinion(of, answer)
        if found.listed and not isinstance(answer, Ailment):
            return opinion(of, answer, await self._text(name, resolver, turns))
        return found

    # ------------------------------------------------------------------------------------------- questions

    def _resolver(self) -> Resolver | None:
        """Whom to ask, None where this machine knows nobody."""
        terms = self._terms
        try:
            resolver = Resolver(configure=not terms.servers)
        except NoResolverConfiguration:
            return None
        if terms.servers:
            places = [split_listen(server) for server in terms.servers]
            resolver.nameservers = [Do53Nameserver(host, port) for host, port in places]
        resolver.lifetime = terms.seconds
        resolver.timeout = max(terms.seconds / 2, 0.05)  # so that what is lost once is asked once more
        resolver.cache = self._cache
        return resolver

    async def _records(self, name: str, resolver: Resolver | None, turns: asyncio.Semaphore) -> Answer:
        """The A records at a name."""
        if resolver is None:
            return Ailment.SILENT
        try:
            async with turns:
                found = await resolver.resolve(name, "A", raise_on_no_answer=False, search=False)
        except NXDOMAIN:
            return ()
        except Timeout:
            return Ailment.SILENT
        except NoNameservers as error:
            replies = [reply for *_, reply in error.kwargs["errors"] if reply is not None]
            refused = bool(replies) and all(reply.rcode() == REFUSED for reply in replies)
            return Ailment.REFUSED if refused else Ailment.FAILING
        except (DNSException, OSError):
            return Ailment.FAILING
        if found.rrset is None:
            dangling = any(rrset.rdtype == CNAME for rrset in found.response.answer)
            return Ailment.FAILING if dangling else ()
        return tuple(sorted((str(record.address) for record in found.rrset), key=ip_address))

    async def _text(self, name: str, resolver: Resolver | None, turns: asyncio.Semaphore) -> str:
        """The first TXT record at a name, or ""."""
        if resolver is None:
            return ""
        try:
            async with turns:
                found = await resolver.resolve(name, "TXT", raise_on_no_answer=False, search=False)
        except (DNSException, OSError):
            return ""
        return next((b"".join(record.strings).decode("utf-8", "replace") for record in found.rrset or ()), "")

    async def _there(self, zone: str, resolver: Resolver | None, turns: asyncio.Semaphore) -> bool:
        """Whether a zone is not known to be gone."""
        if resolver is None:
            return True
        try:
            async with turns:
                await resolver.resolve(f"{zone}.", "SOA", raise_on_no_answer=False, search=False)
        except NXDOMAIN:
            return False
        except (DNSException, OSError):
            return True
        return True
