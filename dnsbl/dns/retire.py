"""The end of a list, planned so that it harms nobody (RFC 6471 section 3.4). Pure: texts out of a zone and dates.

The day stands in the zone's file (`retires`). Until then its status record says so; from then on it lists nothing.

A list that is left alone lists the world one day, when its name gets a new owner. So: announce it a month ahead or
more, take the listings away on the day, send the queries to name servers that do not exist, and keep the domain. The
name servers of a dead zone have documentation addresses alone (RFC 5737, RFC 3849), never somebody's.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, timedelta
from ipaddress import IPv4Address, IPv6Address

from dnsbl.dns.zones import Zone

#: Days of notice at least (RFC 6471 3.4 recommends a month or more).
NOTICE = 30
#: Seconds that resolvers keep the dead delegation, so that they seldom ask again.
DEAD_TTL = 604800

#: Where dead name servers are; several, so that a resolver's timeouts add up and somebody notices.
_NOWHERE = (
    IPv4Address("192.0.2.1"),
    IPv4Address("198.51.100.1"),
    IPv4Address("203.0.113.1"),
    IPv6Address("2001:db8::1"),
)


def too_soon(today: date, end: date) -> str:
    """Why the day cannot be, or ""."""
    if end <= today:
        return f"{end} is not in the future."
    if end < today + timedelta(days=NOTICE):
        return f"{end} is less than {NOTICE} days ahead; users must have time to take the list out (--force)."
    return ""


def announcement(zone: Zone, *, name: str, contact: str, website: str, today: date, end: date) -> str:
    """What goes to the website, the mailing lists and the makers of mail software."""
    return (
        f"{name}: {zone.origin} ends on {end}\n\n"
        f"On {end} the DNS blocklist {zone.origin} will be emptied, and its name servers switched off soon after.\n"
        f"Please take it out of the configuration of your mail servers before that day, and out of the defaults of\n"
        f"your software. Until then it is kept as ever. From that day on no address is listed; later there will be\n"
        f"no answers at all, and mail servers that still ask will be slow. The list will never list the whole\n"
        f"Internet, and the domain stays registered.\n\n"
        f"Announced on {today}. Questions: {contact}. {website}\n"
    )


def plan(zone: Zone, *, end: date) -> list[tuple[date, str]]:
    """What to do when, in order."""
    return [
        (end - timedelta(days=NOTICE), "announce it: website, mailing lists, makers of mail software; again each week"),
        (
            end,
            f"the zone empties itself, test points too; `dnsbl stop` ends testing, and take {zone.origin} out of your "
            "own documents",
        ),
        (end + timedelta(days=1), "ask the parent zone for the dead delegation (--print-delegation), TTL one week"),
        (end + timedelta(days=8), "switch the name servers off, when queries have ceased"),
        (end + timedelta(days=365), "renew the domain, this year and every year; watch its expiry"),
    ]


#: The line of a zone file that names its last day, above every table.
_RETIRES = re.compile(r"^retires[ \t]*=.*\n?", re.MULTILINE)
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_ORIGIN = re.compile(r"^origin[ \t]*=.*\n", re.MULTILINE)


def dated(text: str, end: date | None) -> str:
    """A zone file's text with this last day, or with none; nothing else in it changes. Raises ValueError where its
    form does not allow that."""
    table = _TABLE.search(text)
    cut = table.start() if table else len(text)
    head, rest = _RETIRES.sub("", text[:cut]), text[cut:]
    if end is not None:
        head, found = _ORIGIN.subn(lambda line: f"{line[0]}retires = {end}\n", head, count=1)
        if not found:
            raise ValueError("the zone file has no line that begins with origin")
    changed = tomllib.loads(head + rest)
    before = tomllib.loads(text)
    if changed.pop("retires", None) != end or changed != {k: v for k, v in before.items() if k != "retires"}:
        raise ValueError("the zone file has a form that is not changed here")
    return head + rest


def delegation(zone: Zone) -> str:
    """Records for the parent zone that lead nowhere."""
    lines = []
    for number, address in enumerate(_NOWHERE, 1):
        server = f"dead{number}.{zone.origin}."
        lines.append(f"{zone.origin}. {DEAD_TTL} IN NS {server}\n")
        lines.append(f"{server} {DEAD_TTL} IN {'A' if address.version == 4 else 'AAAA'} {address}\n")
    return "".join(lines)
