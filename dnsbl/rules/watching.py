"""What may be watched, how it is told, and how a message to somebody's program is signed. Pure.

Who shows that a network is his is told of each new listing in it: by mail, by a signed message to his program (a
webhook), or by a feed that he reads. What shows it holds for one network, way and target, and for who asks from one
network (`rules.control`), so that a record which is there lets nobody else be told, or take what the watch is read by.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import urlsplit
from xml.sax.saxutils import escape, quoteattr

from dnsbl.addresses import Network, parse_network
from dnsbl.errors import Refused
from dnsbl.model import Listing, Watch
from dnsbl.rules import notices
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal, WatchWay

#: Characters of a program's address.
URL_MOST = 500
#: What bears the signature, over the time in TIME, a dot, and the octets of the body.
SIGNATURE, TIME = "Dnsbl-Signature", "Dnsbl-Time"


def network(text: str, settings: Settings) -> Network:
    """The network that somebody wants to watch. Raises Refused."""
    try:
        asked = parse_network(text.strip())
    except ValueError as error:
        raise Refused(Refusal.MALFORMED_ADDRESS, str(error)) from None
    terms = settings.watch
    widest = terms.widest_ipv4 if asked.version == 4 else terms.widest_ipv6
    if asked.prefixlen < widest:
        raise Refused(Refusal.TOO_WIDE, f"{asked} is too wide: a watch is of a /{widest} or narrower.")
    return asked


def target(way: str, text: str, settings: Settings) -> tuple[WatchWay, str]:
    """How and where somebody wants to be told. Raises Refused."""
    try:
        known = WatchWay(way.strip().lower() or WatchWay.FEED)
    except ValueError:
        raise Refused(Refusal.WRONG_KIND, "A watch is by mail, webhook or feed.") from None
    if known is WatchWay.FEED:
        return known, ""
    if known is WatchWay.MAIL:
        to = notices.mailbox(text, settings)
        if not to or not settings.notices.smarthost:
            why = (
                "this list sends no mail, since notices.smarthost is not set"
                if to
                else f"{text!r:.80} is no mail address that gets mail of ours"
            )
            raise Refused(Refusal.OFF if to else Refusal.MALFORMED_ADDRESS, f"{why}; take a webhook or a feed.")
        return known, to
    url = text.strip()
    try:
        parts = urlsplit(url) if url.isascii() and url.isprintable() and " " not in url else None
    except ValueError:
        parts = None
    if parts is None or len(url) > URL_MOST or parts.scheme not in ("http", "https") or not parts.hostname:
        raise Refused(Refusal.MALFORMED_ADDRESS, "A webhook's address begins with https:// or http://.")
    if "@" in parts.netloc:
        raise Refused(Refusal.MALFORMED_ADDRESS, "A webhook's address holds no name and password; ours are signed.")
    return known, url


def rows(listings: Iterable[Listing], site: str) -> str:
    """Listings for people, a line each."""
    return "\n".join(
        f"{one.network}  {one.kind}  since {one.since:%Y-%m-%d %H:%M} UTC  {_page(one, site)}" for one in listings
    )


def body(watched: Watch, listings: Iterable[Listing], settings: Settings) -> str:
    """Listings for a program."""
    site = settings.web.base_url
    found = [
        {
            "network": str(one.network),
            "kind": one.kind,
            "since": f"{one.since:%Y-%m-%dT%H:%M:%SZ}",
            "reason": one.reason.value,
            "page": _page(one, site),
        }
        for one in listings
    ]
    document = {"service": settings.service.name, "network": str(watched.network), "listings": found}
    return json.dumps(document | {"end": f"{site}/watch/{watched.token}"})


def signature(secret: str, moment: int, octets: bytes) -> str:
    """What stands in the field SIGNATURE: HMAC-SHA-256 under the watch's secret."""
    return "sha256=" + hmac.new(secret.encode(), f"{moment}.".encode() + octets, "sha256").hexdigest()


def atom(watched: Watch, listings: Iterable[Listing], settings: Settings, now: datetime) -> str:
    """A feed (RFC 4287): what is listed in the network, the newest first."""
    site = settings.web.base_url
    found = sorted(listings, key=lambda one: one.id, reverse=True)
    newest = max((one.since for one in found), default=watched.since)
    head = (
        '<?xml version="1.0" encoding="utf-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
        f"<title>{escape(settings.service.name)}: {watched.network}</title>\n"
        f"<id>{escape(site)}/watch/{watched.token}</id>\n<updated>{newest:%Y-%m-%dT%H:%M:%SZ}</updated>\n"
        f"<author><name>{escape(settings.service.name)}</name></author>\n"
    )
    entries = "".join(
        f"<entry><title>{one.network} is listed as {escape(one.kind)}</title>"
        f"<id>{escape(_page(one, site))}#{one.id}</id><updated>{one.since:%Y-%m-%dT%H:%M:%SZ}</updated>"
        f"<link href={quoteattr(_page(one, site))}/>"
        f"<summary>{escape(one.reason.value)}</summary></entry>\n"
        for one in found
    )
    return f"{head}{entries}</feed>\n"


def _page(listing: Listing, site: str) -> str:
    return f"{site}/ip/{listing.network.network_address}"
