"""Self-tests: which ways in are tried, who may ask for them, and what the result is called. Pure.

Nobody has another's server tested: the address is the one that the request came from. A second address, of the other
family, is tried as well where a token shows that the same person came from there a moment ago: it is an address and a
time under a key of ours, so that nothing about it is stored.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Collection, Iterable
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address

from dnsbl.addresses import Address
from dnsbl.errors import Refused
from dnsbl.model import SelfTest
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal
from tester import manners
from tester.fate import delivered, on
from tester.paths import Path, path
from tester.smtp import RETRY, Outcome
from tester.verdict import Verdict

#: The profile of a self-test: every form, since its owner asks.
PROFILE = "full"
#: What is said before and after each.
PROMISE = "It tests only the address that you come from, and never puts it on the list, whatever it finds."
LISTS = (
    "It tests only the address that you come from. If a letter comes back, that address is listed: so this list does."
)
#: What a result is called, and the exit status that scripts give it.
RESULTS = {"closed": 0, "open": 1, "unknown": 2}

_PUT_OFF = RETRY - {Outcome.RCPT_DENIED_SOFT}
_MAC = 12  # octets
_SIZES = {4: 4 + 4 + _MAC, 16: 16 + 4 + _MAC}
_MOST_TOKEN = 80
_MOST_TOKENS = 2  # one of each address


def promise(settings: Settings) -> str:
    """What a self-test does and does not do, one or two sentences."""
    return LISTS if settings.self_test.lists else PROMISE


def ports(settings: Settings) -> tuple[int, ...]:
    """The ports that may be chosen from."""
    return tuple(dict.fromkeys((25, *settings.tester.owner_ports)))


def chosen(text: str, settings: Settings) -> tuple[int, ...]:
    """The ports that a person names, "25,587"; all that there are, where none is named. Raises Refused."""
    offered = ports(settings)
    words = text.replace(",", " ").split()
    if not words:
        return offered
    found = [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 6]
    if len(found) != len(words) or not set(found) <= set(offered):
        raise Refused(Refusal.WRONG_PORT, f"Ports are chosen from {', '.join(map(str, offered))}.")
    return tuple(dict.fromkeys(found))


def ways(addresses: Iterable[Address], wanted: Collection[int], settings: Settings) -> tuple[Path, ...]:
    """The ways in, address by address. Port 25 stands for the mail port, which laboratories have elsewhere."""
    mail = settings.tester.port
    return tuple(path(address, mail if port == 25 else port) for address in addresses for port in wanted)


def testable(address: Address, settings: Settings) -> None:
    """Raises Refused for an address that nobody may have tested."""
    if address in settings.tester.source_addresses and not address.is_loopback:
        raise Refused(Refusal.OWN_ADDRESS, f"{address} is one of our own testers.")
    if address in settings.collector.addresses and not address.is_loopback:
        raise Refused(Refusal.OWN_ADDRESS, f"{address} is our own collector.")
    if why := manners.why_not(address, lab_networks=settings.tester.lab_networks):
        raise Refused(Refusal.SPECIAL_PURPOSE, f"You come from {address}, which cannot be tested: {why}.")


def token(address: Address, *, key: bytes, until: datetime) -> str:
    """A token that shows, until then, that somebody came from this address. 32 to 52 characters of [a-z2-7]."""
    body = address.packed + int(until.timestamp()).to_bytes(4, "big")
    return base64.b32encode(body + _mac(key, body)).decode().lower().rstrip("=")


def all_shown(text: str, *, keys: Collection[bytes], now: datetime) -> list[Address]:
    """The addresses that these tokens, with blanks between, show somebody to have come from. Raises Refused."""
    words = text.split()
    if len(words) > _MOST_TOKENS:
        raise Refused(Refusal.NOT_SHOWN, "Two tokens at most are taken, one of each address.")
    return [shown(word, keys=keys, now=now) for word in words]


def shown(text: str, *, keys: Iterable[bytes], now: datetime) -> Address:
    """The address that a token shows somebody to have come from. Raises Refused."""
    word = text.strip()[:_MOST_TOKEN].upper()
    try:
        octets = base64.b32decode(word + "=" * (-len(word) % 8))
    except ValueError:
        octets = b""
    width = next((width for width, size in _SIZES.items() if size == len(octets)), 0)
    body, mac = octets[:-_MAC], octets[-_MAC:]
    if not width or not any(hmac.compare_digest(mac, _mac(key, body)) for key in keys):
        raise Refused(Refusal.NOT_SHOWN, "This token is none of ours; fetch one from the other address.")
    if int.from_bytes(body[width:], "big") < now.timestamp():
        raise Refused(Refusal.NOT_SHOWN, "This token is too old; fetch another from the other address.")
    return IPv4Address(body[:width]) if width == 4 else IPv6Address(body[:width])


def both(address: Address, shown: Iterable[Address]) -> tuple[Address, ...]:
    """The addresses to test: the one that somebody comes from, and the one of the other family among those that he has
    shown. Raises Refused for one that is not of the other family, and for more than one."""
    others = list(dict.fromkeys(one for one in shown if one != address))
    if not others:
        return (address,)
    if len(others) > 1:
        raise Refused(Refusal.NOT_SHOWN, "One test is of two addresses at most, one of each family.")
    [other] = others
    if other.version == address.version:
        raise Refused(
            Refusal.NOT_SHOWN, f"The token is of {other}; fetch one over IPv{6 if address.version == 4 else 4} instead."
        )
    return (address, other)


def result(test: SelfTest) -> str | None:
    """`open`, `closed` or `unknown`; None while it goes on, also when a letter has come back (see `headway`)."""
    if not test.over:
        return None
    if delivered(test.letters):
        return "open"
    verdict = test.run.verdict if test.run else None
    if verdict in (Verdict.OPEN, Verdict.OPEN_MULTIHOP):
        return "open"
    if not all(on(one.path, test.letters) for one in test.paths):
        return "unknown"  # a way in that was agreed to was not tried
    put_off = any(fate.folded in _PUT_OFF for fate in test.letters)  # asked again less often than the list would
    return "closed" if verdict in (Verdict.CLOSED, Verdict.ACCEPTS_BOUNCES) and not put_off else "unknown"


def _mac(key: bytes, body: bytes) -> bytes:
    return hmac.digest(key, b"came from " + body, "sha256")[:_MAC]
