"""Which addresses may be tested, and which networks an operator may list or exclude, as far as that can be said of them
alone; and a nominator's own words. Pure: knows settings, and neither the store nor any mail."""

from __future__ import annotations

from dnsbl.addresses import Address, Network
from dnsbl.errors import Refused
from dnsbl.rules import asking
from dnsbl.rules.bounds import Bounds
from dnsbl.settings import Settings
from dnsbl.vocabulary import Refusal
from tester import manners

#: Longest reason that is kept, in characters.
REASON_MOST = 500


def worded(reason: str) -> str:
    """A nominator's own words, as they are kept."""
    return " ".join("".join(c if c.isprintable() else " " for c in reason).split())[:REASON_MOST]


def target(text: str, settings: Settings) -> Address:
    """An address that may be tested, from what a person typed. Raises Refused."""
    address = asking.typed(text)
    if address in settings.tester.source_addresses:
        raise Refused(Refusal.OWN_ADDRESS, f"{address} is one of our own testers.")
    if address in settings.collector.addresses:  # it takes whatever is addressed to us
        raise Refused(Refusal.OWN_ADDRESS, f"{address} is our own collector.")
    if why := manners.why_not(address, lab_networks=settings.tester.lab_networks):
        raise Refused(Refusal.SPECIAL_PURPOSE, f"{address} cannot be tested: {why}. Only public addresses are.")
    return address


def listable(network: Network, settings: Settings) -> Network:
    """A network that an operator may list: one that the list may hold. Raises Refused."""
    return Bounds.of(settings).check(network)


def excludable(network: Network, settings: Settings) -> Network:
    """A network that an operator may keep tests away from: no wider than one that may be listed. Raises Refused."""
    return Bounds.of(settings).narrow(network, "excluded")
