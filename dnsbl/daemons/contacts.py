"""Shell: finds out who answers for an address: the postmaster of its reverse name's domain, or whom its network's
registration names for abuse (RDAP). Bounded in questions and time; decides nothing.

A reverse name is its owner's free choice, so only one that leads back to the very address is used: else somebody could
have us write to a third party. The domain is the first of the name and the two above it that has a mail server.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration

from dnsbl.addresses import Address
from dnsbl.daemons import names
from dnsbl.daemons.errand import Unheard, ask
from dnsbl.rules import rdap
from dnsbl.settings import NoticeSettings

#: Seconds for all that is asked about one address, and redirects of RDAP that are followed (RFC 7480 5.2).
PATIENCE, REDIRECTS = 30.0, 3


async def find(address: Address, settings: NoticeSettings, resolver: Resolver | None = None) -> str:
    """Whom to write to about an address, "" where nobody is named."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            return await postmaster(address, resolver) or await asyncio.to_thread(registered, address, settings)
    return ""


async def postmaster(address: Address, resolver: Resolver | None = None) -> str:
    """The postmaster of the domain of the address's own name, or ""."""
    try:
        resolver = resolver or Resolver()
    except NoResolverConfiguration:
        return ""
    name = await names.own_name(address, (), resolver)
    labels = name.split(".") if name else []
    for up in range(min(3, len(labels) - 1)):
        domain = ".".join(labels[up:])
        if await _takes_mail(resolver, domain):
            return f"postmaster@{domain}"
    return ""


async def _takes_mail(resolver: Resolver, domain: str) -> bool:
    """Whether a domain names mail servers (and not the null one, RFC 7505)."""
    try:
        answer = await resolver.resolve(f"{domain}.", "MX", lifetime=names.PATIENCE)
    except (NoAnswer, NXDOMAIN, DNSException, OSError, ValueError):
        return False
    return any(record.exchange.to_text() != "." for record in answer)


def registered(address: Address, settings: NoticeSettings) -> str:
    """The mail address for abuse that the registry names, or "". Blocking, for some seconds at most."""
    if not settings.rdap:
        return ""
    url, inside = f"{settings.rdap}/ip/{address}", settings.rdap_inside
    for _ in range(REDIRECTS + 1):
        try:
            answer = ask(url, headers={"Accept": "application/rdap+json"}, inside=inside)
        except Unheard:
            return ""
        if answer.status in (301, 302, 303, 307, 308):
            url = answer.headers.get("location", "")
            continue
        return rdap.abuse_mailbox(answer.body) if answer.status == 200 else ""
    return ""
