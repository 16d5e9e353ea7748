"""Who is let in on the operators' side of the site: what names, passwords and secrets look like, what each role may,
and how long somebody waits who has failed. Pure.

Failures are counted for the visitor's network (/24, /48) and its region (/16, /32), and where that account has come in
from that network before, for the pair of both too. The pair waits for itself alone; everybody else waits with his
network, and with his region unless his network has hardly failed. A name is counted nowhere: whoever comes from
elsewhere with the right password is let in, however many have tried that name.

So a network tries about 100 passwords a day (five, then one in fifteen minutes), a region fifty, then one in half a
minute (2,880 a day), and two more for each of its networks (512 in a /16, 131,072 in a /32). Whoever has many regions
is held by the hashing alone, two at a time of a tenth of a second: some 1.7 million a day, against passwords of twelve
characters. One-time codes end that.
"""

from __future__ import annotations

import base64
import hmac
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from ipaddress import ip_network
from typing import NamedTuple

from dnsbl.addresses import Address, neighbourhood, region
from dnsbl.errors import Refused
from dnsbl.vocabulary import Refusal, Role

#: Characters of a password (NIST SP 800-63B 5.1.1.2: eight at least, 64 must be possible; argon2 takes any).
SHORTEST, LONGEST = 12, 200
#: Octets of the secret of a sign-in, and of one recovery code; how many of these there are.
TOKEN_OCTETS, RECOVERY_OCTETS, RECOVERIES = 32, 10, 8
#: Octets of the key of one-time codes (RFC 4226 4: 160 bits), their length, seconds of each, steps to either side.
TOTP_OCTETS, TOTP_DIGITS, TOTP_SECONDS, TOTP_DRIFT = 20, 6, 30, 1
#: Failures before a network, a region, and an account where it has come in before wait.
FREE: Mapping[str, int] = {"network": 5, "region": 50, "there": 5}
#: The longest waits of these, in seconds.
MOST: Mapping[str, float] = {"network": 900.0, "region": 30.0, "there": 60.0}
#: Failures of a network that does not wait with its region yet.
SPARED = 2
#: Wrong passwords of somebody who is signed in, and has to show his again, before he is so no longer.
AGAIN = 5
#: How far ahead of this clock a sign-in may have been made, by a clock of another node or before this one was set.
AHEAD = timedelta(minutes=5)
#: After so long without a try failures are forgotten; and so long it is remembered from where somebody came in.
FORGOTTEN, KNOWN = timedelta(days=1), timedelta(days=90)

#: Which roles may what each of them may.
_MAY: Mapping[Role, frozenset[Role]] = {
    Role.VIEWER: frozenset(Role),
    Role.OPERATOR: frozenset({Role.OPERATOR, Role.OWNER}),
    Role.OWNER: frozenset({Role.OWNER}),
}
_NAME = re.compile(r"[a-z][a-z0-9._-]{0,31}")


def name_of(text: str) -> str:
    """An account's name as it is kept. Raises Refused."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise Refused(
            Refusal.UNKNOWN_ACCOUNT,
            f"{text[:40]!a} is no name for an account: a letter is needed, then up to 31 letters, digits, dots, "
            "hyphens or underscores.",
        )
    return name


def password_of(text: str, name: str) -> str:
    """A new password in the form that is hashed (NFKC, as a keyboard elsewhere may write it). Raises Refused."""
    password = typed(text)
    if len(password) < SHORTEST or len(text) > LONGEST:
        raise Refused(Refusal.WEAK_PASSWORD, f"A password has {SHORTEST} to {LONGEST} characters; any may be in it.")
    if len(set(password)) < 5 or (name in password.lower() and len(password) < len(name) + 8):
        raise Refused(Refusal.WEAK_PASSWORD, "This password is too easily guessed; some words that nobody links do.")
    return password


def typed(text: str) -> str:
    """What somebody types as his password, in the form that is hashed; of too long a text the start."""
    return unicodedata.normalize("NFKC", text[:LONGEST].encode("utf-8", "replace").decode())


def may(role: Role, needed: Role) -> bool:
    """Whether somebody of this role may do what needs that one."""
    return role in _MAY[needed]


def new_secret(octets: bytes) -> str:
    """A secret for a browser, out of TOKEN_OCTETS random octets."""
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


def new_recovery(octets: bytes) -> str:
    """A recovery code, out of RECOVERY_OCTETS random octets, in groups that can be typed."""
    text = base64.b32encode(octets).decode().lower()
    return "-".join(text[n : n + 4] for n in range(0, len(text), 4))


def hash_of(secret: str) -> str:
    """What is kept of a random secret, which is long enough that a plain hash lets nobody in."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def recovery_hash(code: str) -> str:
    """What is kept of a recovery code, however it is typed."""
    return hash_of("recovery " + re.sub(r"[\s-]", "", code[:80]).lower())


def form_token(secret: str) -> str:
    """What every form of this sign-in bears, so that no other site can send it: made of the secret, and not it."""
    return sha256(b"form of " + secret.encode("utf-8", "replace")).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two secrets are the same, in a time that does not tell how much of them is."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def place_of(visitor: Address | None) -> str:
    """What counts as one place: the visitor's /24 or /48."""
    return str(neighbourhood(visitor)) if visitor else "nowhere"


def known_as(name: str, place: str) -> str:
    """Under what it is remembered that this account has come in from there."""
    return f"known {name} {place}"


def holders(name: str, place: str, *, known: bool) -> dict[str, str]:
    """Who is counted for a try, by kind: network and region, and the pair too where it is `known`."""
    wide = place if place == "nowhere" else str(region(ip_network(place).network_address))
    counted = {"network": f"network {place}", "region": f"region {wide}"}
    return counted | {"there": f"there {name} {place}"} if known else counted


class Waits(NamedTuple):
    """Seconds until a try is looked at, and seconds that whoever fails is told, which are the same for any name."""

    looked: float
    told: float


def waits(tried: Mapping[str, tuple[int, datetime]], now: datetime) -> Waits:
    """How long somebody waits, by how often each kind of `holders` has failed, and when last; 0.0 for not at all."""
    each = {kind: wait(*one, now, MOST[kind], FREE[kind]) for kind, one in tried.items()}
    elsewhere = each["network"]
    if failures(*tried["network"], now) >= SPARED:
        elsewhere = max(elsewhere, each["region"])
    there = each.get("there", elsewhere)
    return Waits(there, max(there, elsewhere))


def failures(failed: int, last: datetime, now: datetime) -> int:
    """How many failures count still."""
    return 0 if now - last > FORGOTTEN or last > now + FORGOTTEN else failed


def wait(failed: int, last: datetime, now: datetime, most: float, free: int) -> float:
    """Seconds until another try is looked at, 0.0 for none: after `free` failures one, then twice as long each time."""
    counted = failures(failed, last, now)
    if counted < free:
        return 0.0
    until = last + timedelta(seconds=min(most, 2.0 ** min(counted - free, 20)))
    return max(0.0, min(most, (until - now).total_seconds()))
