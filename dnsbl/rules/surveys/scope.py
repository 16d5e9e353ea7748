"""Who may be surveyed: addresses in networks of one's own, and domains that somebody has authorized, on record.

Pure. A survey is refused whole, before anybody is dialled or asked for in DNS, when one of its targets lies outside.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any

from dnsbl.addresses import Address, Network
from dnsbl.errors import DnsblError
from tester.records import dataclass

#: Octets of a file that tells of an authorization.
MOST_OCTETS = 1024 * 1024
_LONGEST = 500


class NotAuthorized(DnsblError):
    """This may not be surveyed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Authorization:
    """Who has allowed a survey of mail domains, when, and what of."""

    who: str
    when: str  #: the day, as in 2026-11-26
    what: str
    until: str = ""  #: the last day, or "" where none is named
    domains: tuple[str, ...] = ()  #: each stands for itself; one behind a dot for all below it
    sha256: str = ""  #: of the list of domains, where it is for a whole list; or ""
    source: str = ""  #: where it was read

    def document(self) -> dict[str, Any]:
        """As it is kept in the results: every field but the domains, which are counted."""
        return {**asdict(self), "domains": len(self.domains)}


def authorization(data: bytes, *, source: str) -> Authorization:
    """The authorization that a TOML file tells of: `who`, `when`, `what`, and `domains` or `sha256`; `until` may be
    missing. `source` is the file's name. Raises NotAuthorized for any other file."""
    if len(data) > MOST_OCTETS:
        raise NotAuthorized(f"{source}: is larger than {MOST_OCTETS >> 20} MiB.")
    try:
        given = tomllib.loads(data.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NotAuthorized(f"{source}: is no TOML file: {error}.") from None
    if unknown := sorted(given.keys() - {"who", "when", "what", "until", "domains", "sha256"}):
        raise NotAuthorized(f"{source}: {ascii(unknown[0])[:60]} is none of who, when, what, until, domains, sha256.")
    domains = given.get("domains", [])
    if not isinstance(domains, list) or not all(isinstance(one, str) for one in domains):
        raise NotAuthorized(f"{source}: domains must be a list of names.")
    of_list = given.get("sha256", "")
    if not isinstance(of_list, str) or (of_list and len(of_list) != 64) or not (domains or of_list):
        raise NotAuthorized(f"{source}: domains, or the sha256 of the list of domains, must say what it is for.")
    return Authorization(
        who=_words(given, "who", source),
        when=_day(given, "when", source),
        what=_words(given, "what", source),
        until=_day(given, "until", source) if "until" in given else "",
        domains=tuple(one.lower().removeprefix("*").rstrip(".") for one in domains),
        sha256=of_list.lower(),
        source=source,
    )


def allow_domains(
    domains: Iterable[str], lists: Sequence[bytes], by: Authorization | None, *, today: date
) -> Authorization:
    """The authorization, if it covers every domain, or the lists whose octets these are. Raises NotAuthorized."""
    if by is None:
        raise NotAuthorized(
            "A survey of mail domains needs an authorization on record: name its file with --authorization or in "
            "survey.authorization."
        )
    allow_names(domains, digest(lists), by, today=today)
    return by


def allow_names(domains: Iterable[str], of_lists: str, by: Authorization, *, today: date) -> None:
    """Raises NotAuthorized unless this covers every domain now, or the lists with this digest."""
    if date.fromisoformat(by.when) > today:
        raise NotAuthorized(f"{by.source}: the authorization begins on {by.when} only.")
    if by.until and date.fromisoformat(by.until) < today:
        raise NotAuthorized(f"{by.source}: the authorization has ended on {by.until}.")
    if by.sha256 and of_lists == by.sha256:
        return
    names = frozenset(by.domains)
    outside = [domain for domain in domains if domain not in names and not _below(domain, names)]
    if outside:
        more = f" and {len(outside) - 1} more" if outside[1:] else ""
        raise NotAuthorized(f"{outside[0]}{more} is not what {by.source} authorizes; nobody was asked or tested.")


def ended(by: Mapping[str, Any], today: date) -> str:
    """Why a survey that was begun may not go on, by the authorization in its own file; "" where it may."""
    until = str(by.get("until", ""))
    return f"its authorization has ended on {until}" if until and date.fromisoformat(until) < today else ""


def digest(lists: Sequence[bytes]) -> str:
    """What names lists of domains, in their order: the SHA-256 of their octets, in hexadecimal."""
    whole = sha256()
    for octets in lists:
        whole.update(octets)
    return whole.hexdigest()


def allow_networks(asked: Iterable[Network], allowed: Sequence[Network]) -> None:
    """Raises NotAuthorized unless each of these networks lies within authorized ones, alone or side by side."""
    _some(allowed)
    whole = joined(allowed)
    outside = [one for one in asked if not any(_within(one, other) for other in whole)]
    if outside:
        more = f" and {len(outside) - 1} more" if outside[1:] else ""
        raise NotAuthorized(f"{outside[0]}{more} is not within survey.authorized_networks; nobody was tested.")


def joined(networks: Iterable[Network]) -> list[Network]:
    """The same addresses in as few networks as hold them."""
    kept = list(networks)
    four = [one for one in kept if isinstance(one, IPv4Network)]
    six = [one for one in kept if isinstance(one, IPv6Network)]
    return [*collapse_addresses(four), *collapse_addresses(six)]


def allow_address(address: Address, allowed: Sequence[Network]) -> None:
    """Raises NotAuthorized unless the address lies within an authorized network."""
    _some(allowed)
    if not any(address in network for network in allowed):
        raise NotAuthorized(f"{address} is not within survey.authorized_networks; nobody was tested.")


def _some(allowed: Sequence[Network]) -> None:
    if not allowed:
        raise NotAuthorized("survey.authorized_networks names no network, so no address may be surveyed.")


def _within(one: Network, other: Network) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]  # of one version


def _below(domain: str, tops: frozenset[str]) -> bool:
    labels = domain.split(".")
    return any("." + ".".join(labels[n:]) in tops for n in range(1, len(labels)))


def _words(given: dict[str, Any], key: str, source: str) -> str:
    text = given.get(key)
    if not isinstance(text, str) or not text.strip() or not text.isprintable() or len(text) > _LONGEST:
        raise NotAuthorized(f"{source}: {key} must be said, in one line of {_LONGEST} characters at most.")
    return text.strip()


def _day(given: dict[str, Any], key: str, source: str) -> str:
    day = given.get(key)
    try:
        return (day if isinstance(day, date) else date.fromisoformat(str(day))).isoformat()[:10]
    except ValueError:
        raise NotAuthorized(f"{source}: {key} must be a day, such as 2026-11-26.") from None
