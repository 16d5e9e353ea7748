"""Questions to a watched zone that nominate: whose they are, and when what they ask about is a suspect. Pure.

A question shows that a server of theirs was handed mail from there, and nothing about that mail. So one reporter's
servers alone are no reason to test anybody (law 4): several are, within some hours, or one where somebody has shown
spam from the address not long ago.
"""

from __future__ import annotations

from collections.abc import Iterable

from dnsbl.addresses import Address
from dnsbl.settings import LookupClient, LookupTerms
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Lookup:
    """One reporter's servers have asked about one address, however often."""

    client: str  #: the reporter's account
    address: Address
    last: float  #: Unix seconds


def client_of(clients: Iterable[LookupClient], address: Address, key: str) -> str:
    """Whose question this is, by where it came from and the name of the client's key that it bore; or ""."""
    for each in clients:
        there = not each.networks or any(address in network for network in each.networks)
        if there and each.key in ("", key):
            return each.name
    return ""


def provocation(askers: int, *, shown: bool, terms: LookupTerms) -> str:
    """The reason to test an address about which so many reporters' servers have asked, in words; "" for none."""
    hours = f"within {terms.within_hours:g} hours"
    if terms.asked_by and askers >= terms.asked_by:
        return f"mail servers of {askers} reporters have asked about it {hours}"
    if shown and askers:
        return "a reporter's mail server has asked about it, and spam from it was shown not long ago"
    return ""
