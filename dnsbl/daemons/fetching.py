"""Shell: what is at an address now, or that nothing there is new: one conditional GET (RFC 9110 13) by `errand`.

Follows no redirect, keeps no cookie, takes no compression: a feed is read from where the settings say, and what comes
is what was counted. Never raises anything but DnsblError, with one sentence that may be shown. Blocking.
"""

from __future__ import annotations

from collections.abc import Mapping

from dnsbl.daemons.errand import HttpReply, Unheard, ask
from dnsbl.errors import DnsblError
from tester.records import dataclass

#: Characters of a validator that are kept.
_VALIDATOR = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Validators:
    """By what the next request asks whether there is something new."""

    etag: str = ""
    modified: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetched:
    """What a server gave."""

    body: bytes | None  #: None: nothing new (304)
    validators: Validators


def fetch(
    url: str,
    known: Validators = Validators(),  # noqa: B008 (frozen)
    *,
    most: int,
    seconds: float,
    agent: str,
) -> Fetched:
    """What is at this http(s) address now, of at most so many octets, in at most so many seconds. An operator has
    named it, so it may be anywhere. Raises DnsblError."""
    headers = {"User-Agent": agent, "Accept": "text/plain, application/x-ndjson, */*;q=0.1", "Connection": "close"}
    headers |= {"If-None-Match": known.etag} if known.etag else {}
    headers |= {"If-Modified-Since": known.modified} if known.modified else {}
    try:
        reply = ask(url, headers=headers, inside=True, most=most + 1, seconds=seconds)
    except Unheard as error:
        raise DnsblError(f"{url}: {error}.") from None
    told = _judged(url, reply)
    if reply.status == 304:
        return Fetched(body=None, validators=known)
    if len(reply.body) > most:
        raise DnsblError(f"{url}: is larger than {most} octets.")
    return Fetched(body=reply.body, validators=told)


def _judged(url: str, reply: HttpReply) -> Validators:
    """What the next request may ask by. Raises DnsblError for an answer that is no list."""
    status, headers = reply.status, reply.headers
    if 300 <= status < 400 and status != 304:
        raise DnsblError(f"{url}: is elsewhere now (HTTP {status}); put the new address into the settings.")
    if status not in (200, 304):
        raise DnsblError(f"{url}: answered HTTP {status}.")
    if headers.get("content-encoding", "identity").lower() not in ("identity", ""):
        raise DnsblError(f"{url}: came compressed, which was not asked for.")
    return Validators(etag=_kept(headers, "etag"), modified=_kept(headers, "last-modified"))


def _kept(headers: Mapping[str, str], name: str) -> str:
    text = headers.get(name, "")
    return text if len(text) <= _VALIDATOR and text.isascii() and text.isprintable() else ""
