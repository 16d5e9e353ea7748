"""Descriptors: how many each role needs, and what is served when there are fewer.

A connection costs one, and so does a file; a process that has none left can neither accept nor read nor write. So each
role's share is known before it starts, and the shares fit into what the system grants: where they do not, the worker
has fewer tests at once, then web and collector have fewer connections, then DNS over TCP, and a sentence says so. Asks
the system, and starts nothing.
"""

from __future__ import annotations

import contextlib
import math
import resource
from collections.abc import Collection, Mapping

from dnsbl.errors import DnsblError
from dnsbl.settings import Settings
from tester.crowd import AT_ONCE

#: What every process has open: its modules, logs, pipes and event loops, the zone files while they are read.
BASE = 64
#: The store: as many connections as its pool has, each a few files with SQLite.
STORE = 60
#: Connections that a role has at least, and tests at once.
LEAST = 10

#: The roles that may have less, the section and key of the settings that says how much, and how many descriptors each
#: of these takes.
_SHARES = {
    "worker": ("tester", "concurrency", 2),
    "web": ("web", "connections", 1),
    "collector": ("collector", "connections", 1),
    "dns": ("dns", "tcp_connections", 1),
}
#: Who gives first.
_GIVE = (("worker",), ("web", "collector"), ("dns",))


def needs(settings: Settings, roles: Collection[str]) -> dict[str, int]:
    """Descriptors for each of these roles, and for what they share ("base")."""
    dns, tester = settings.dns, settings.tester
    each = {
        # each lane has its socket, a pair to hand packets over, and one end of a pipe to end it
        "dns": dns.tcp_connections + AT_ONCE + len(dns.listen) * (4 * dns.threads + 2) + 2 * len(dns.secondaries) + 32,
        "collector": settings.collector.connections + AT_ONCE + len(settings.collector.listen),
        "web": settings.web.connections + AT_ONCE + 40,
        "worker": 2 * tester.concurrency + 8,
        "scheduler": 4,
        "notices": 4,
    }
    return {"base": BASE + STORE} | {role: each[role] for role in each if role in roles}


def granted() -> int:
    """Ask the system for as many descriptors as this process may have at all; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # some systems have a limit of their own below the hard one
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            soft = hard
    return soft if soft != resource.RLIM_INFINITY else 1 << 30


def fitted(settings: Settings, roles: Collection[str], limit: int) -> tuple[Settings, str]:
    """The settings with as many connections as `limit` descriptors allow, and a sentence where that are fewer.

    Raises DnsblError when not even a few are left.
    """
    wanted = needs(settings, roles)
    short = sum(wanted.values()) - limit
    if short <= 0:
        return settings, ""
    where = {role: share for role, share in _SHARES.items() if role in roles}
    counts = {role: int(getattr(getattr(settings, section), key)) for role, (section, key, _) in where.items()}
    less = _shrunk(counts, short)
    if less is None:
        spare = sum(each * max(0, counts[role] - LEAST) for role, (_, _, each) in where.items())
        needed = sum(wanted.values())
        raise DnsblError(
            f"This process may open {limit} files and needs {needed}, {needed - spare} at least; "
            "raise the limit (LimitNOFILE of systemd, or ulimit -n)."
        )
    for role, (section, key, _) in where.items():
        table = getattr(settings, section).model_copy(update={key: less[role]})
        settings = settings.model_copy(update={section: table})
    changed = [
        f"{'.'.join(_SHARES[role][:2])} is {less[role]} in place of {count}"
        for role, count in counts.items()
        if less[role] < count
    ]
    return settings, (
        f"this process may open {limit} files and would need {sum(wanted.values())}, so {' and '.join(changed)}; "
        "raise the limit (LimitNOFILE of systemd, or ulimit -n), or set less"
    )


def _shrunk(counts: Mapping[str, int], short: int) -> dict[str, int] | None:
    """The same with `short` descriptors fewer altogether, as `_GIVE` has it; None when so many cannot be spared."""
    less = dict(counts)
    for group in _GIVE:
        spare = {role: counts[role] - LEAST for role in group if counts.get(role, 0) > LEAST}
        each = _SHARES[group[0]][2]
        given = min(math.ceil(max(0, short) / each), sum(spare.values()))
        for role, most in spare.items():
            less[role] -= math.ceil(given * most / sum(spare.values()))
        short -= given * each
    return less if short <= 0 else None
