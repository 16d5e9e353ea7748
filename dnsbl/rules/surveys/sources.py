"""What is to be surveyed, in an order that is always the same: ranges of addresses, and lists of mail domains.

Pure. A range of any length takes the same memory: its addresses are counted, not kept, and come in an order in which
neighbours are far apart, so that no network is met by all connections at once. Of domains those that are drawn depend
on the seed alone and not on the order in which DNS has answered."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from hashlib import sha256
from heapq import nsmallest
from ipaddress import summarize_address_range
from math import gcd

from dnsbl.addresses import Address, Network, parse_address, parse_network
from dnsbl.errors import DnsblError
from dnsbl.rules.surveys.scope import joined
from tester.records import dataclass

#: Addresses, or hosts, of one survey.
MOST = 1 << 24
#: Octets of the lists of domains of one survey, altogether, and of a line in one.
MOST_OCTETS, LONGEST = 64 * 1024 * 1024, 1000
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
#: A sign in a mail address that begins a remark elsewhere (RFC 5322 3.2.3), and one address behind another.
_GLUED = re.compile(r"\A[^\s#]+#\S*@")
_SEVERAL = re.compile(r"@[^@<>\"\s,;]+(?:>?\s*[,;]|\s+[^\s<>\"(@]+@)")


class BadSource(DnsblError):
    """What is to be surveyed cannot be read; the sentence says where."""


def ranges(texts: Iterable[str]) -> list[Network]:
    """Networks from words such as 192.0.2.0/24, 192.0.2.7 or 192.0.2.0-192.0.3.255, each address in one of them.
    Raises BadSource."""
    found: list[Network] = []
    for text in texts:
        ends = _ends(text)
        try:
            if ends is None:
                found.append(parse_network(text))
            else:
                found += _between(*ends)
        except ValueError as error:
            raise BadSource(str(error)) from None
    return joined(found)


def _ends(text: str) -> tuple[Address, Address] | None:
    """The two addresses of a range, or None where it is none."""
    first, dash, last = text.partition("-")
    try:
        return (parse_address(first), parse_address(last)) if dash else None
    except ValueError:  # such as a host's name, of which the whole is told
        return None


def _between(first: Address, last: Address) -> Iterator[Network]:
    if first.version != last.version or int(last) < int(first):
        raise ValueError(f"{first} to {last} is no range.")
    return summarize_address_range(first, last)


class Spread:
    """All addresses of some networks, each once, neighbours far apart: a step near the golden section of their
    number."""

    def __init__(self, networks: Sequence[Network]) -> None:
        """Raises BadSource for more addresses than a survey may have, and for none."""
        self._starts: list[int] = []
        self._firsts: list[Address] = []
        self._number = 0
        for network in networks:
            self._starts.append(self._number)
            self._firsts.append(network.network_address)
            self._number += network.num_addresses
        if self._number > MOST:
            raise BadSource(f"These ranges hold {self._number:,} addresses, and a survey has {MOST:,} at most.")
        if not self._number:
            raise BadSource("There is nothing to survey: name ranges, a file of nmap's or a list of mail domains.")
        self._step = max(1, int(self._number * 0.6180339887))
        while gcd(self._step, self._number) != 1:
            self._step += 1

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, number: int) -> Address:
        place = number * self._step % self._number
        which = bisect_right(self._starts, place) - 1
        return self._firsts[which] + (place - self._starts[which])


@dataclass(slots=True)
class Domains:
    """The mail domains of some lists: how many lists and lines there were, and each domain once, in their order."""

    lists: int
    addresses: int = 0  #: lines: mail addresses, or domains
    names: list[str] = field(default_factory=list)


def domains(lists: Sequence[tuple[str, bytes]]) -> Domains:
    """The mail domains of lists (name and octets): a mail address or a domain a line, # begins a remark.
    Raises BadSource, which names the line."""
    if sum(len(octets) for _, octets in lists) > MOST_OCTETS:
        raise BadSource(
            f"The lists of domains are larger than {MOST_OCTETS >> 20} MiB; survey a part of them at a time."
        )
    found, seen = Domains(lists=len(lists)), dict[str, None]()
    for name, octets in lists:
        for number, raw in enumerate(octets.split(b"\n"), 1):
            where = f"{name} line {number}"
            whole = raw[:LONGEST].decode("utf-8", "replace").removeprefix("\ufeff").strip()
            read, remark, _ = whole.partition("#")
            if len(raw) > LONGEST and not remark:
                raise BadSource(f"{where} is longer than {LONGEST} octets.")
            line = read.strip()
            if not line:
                continue
            if _GLUED.search(whole):
                raise BadSource(
                    f"{where}: # begins a remark, and this may be a part of an address: {ascii(whole)[:60]}."
                )
            seen[_domain(line, where)] = None
            found.addresses += 1
    if not seen:
        raise BadSource("The lists of domains name none.")
    found.names = list(seen)
    return found


def _domain(line: str, where: str) -> str:
    """The domain of a line: what stands behind the last @, or all of it."""
    if _SEVERAL.search(line):
        raise BadSource(f"{where} names more than one address, and one a line is needed: {ascii(line)[:60]}.")
    word = line.rpartition("@")[2].strip().rstrip(">").rstrip(".").lower()
    try:
        word = word.encode("idna").decode("ascii")
    except UnicodeError:
        word = ""
    if not _DOMAIN.fullmatch(word):
        raise BadSource(f"{where} is no mail address or domain: {ascii(line)[:60]}.")
    return word


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailhost:
    """Where a domain's mail goes, as the surveys of 1998 chose: the lowest MX and its first address, or its own."""

    host: str = ""  #: of the lowest preference, or the domain itself where it has no MX; "" when DNS gave no answer
    addresses: tuple[Address, ...] = ()  #: the first of each family that is wanted
    by_mx: bool = False
    why: str  #: why there is none: "no address", "takes no mail" (RFC 7505), "no answer"


def lowest(found: Iterable[tuple[int, str]]) -> str | None:
    """The host of the lowest preference of MX records (RFC 5321 5.1), of equal ones the first by name; "" where they
    say that the domain takes no mail (RFC 7505); None where there is no record."""
    records = sorted((preference, name.rstrip(".").lower()) for preference, name in found)
    return records[0][1] if records else None


def drawn(names: Iterable[str], most: int, seed: str) -> set[str]:
    """So many of these names at most, drawn by the seed: the same ones whatever their order."""
    return set(nsmallest(most, names, key=lambda name: sha256(f"{seed} {name}".encode()).digest()))
