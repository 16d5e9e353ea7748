"""The arguments of MAIL and RCPT as strangers write them, and which recipients are ours.

Pure. More lenient than RFC 5321 4.1.2 on purpose: relays hand our letters on in their own ways, without angle brackets,
with blanks, with the source route or the percent sign that they were offered. Never decides on a message; whether a
token is genuine is the gate's business, and a recipient elsewhere is nobody's here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from tester.records import dataclass
from tester.smtp import escape

_BLANKS = b" \t"
_QUOTED = rb'"(?:\\.|[^"\\])*"'
#: `<address> parameters`, the source route apart (RFC 5321 4.1.1.3); quoted strings may hold anything.
_BRACKETED = re.compile(rb"<[ \t]{0,9}(?:@[^:<>]*:)?((?:%s|[^\"<>])*)>((?:[ \t].*)?)" % _QUOTED, re.DOTALL)
#: The same without brackets, or with one of them.
_BARE = re.compile(rb"<?(?:@[^:<>\s]*:)?((?:%s|[^\"<>\s])+)>?((?:[ \t].*)?)" % _QUOTED, re.DOTALL)
_SIZE = re.compile(rb"[ \t]SIZE=([0-9]{1,18})(?![^ \t])", re.IGNORECASE)

_OURSELVES = ("postmaster", "abuse")


@dataclass(frozen=True, slots=True)
class MailPath:
    """The argument of MAIL or RCPT, read once."""

    raw: bytes  #: as sent
    address: str  #: without angle brackets and source route, escaped; "" for the null reverse-path
    local: str  #: lower case, unquoted
    domain: str  #: lower case, without a final dot
    size: int  #: of the SIZE parameter, or 0; other parameters are ignored

    @classmethod
    def read(cls, keyword: str, argument: str | None) -> MailPath | None:
        """The path behind `FROM` or `TO`, with or without blanks and colon; None when it is no path at all."""
        raw = (argument or "").encode("utf-8", "surrogateescape")
        name, rest = raw[: len(keyword)], raw[len(keyword) :]
        if name.upper() != keyword.encode("ascii") or rest[:1] not in (b":", b"<", b" ", b"\t"):
            return None
        given = rest.lstrip(_BLANKS).removeprefix(b":").lstrip(_BLANKS)
        found = _BRACKETED.fullmatch(given) or _BARE.fullmatch(given)
        if found is None:
            return None
        address = escape(found[1].strip(_BLANKS))
        local, _, domain = address.rpartition("@") if "@" in address else (address, "", "")
        size = _SIZE.search(found[2])
        return cls(
            raw=raw,
            address=address,
            local=local.strip('"').lower(),
            domain=domain.rstrip(".").lower(),
            size=int(size[1]) if size else 0,
        )


class Recipients:
    """Which recipients are ours."""

    def __init__(
        self,
        domains: Collection[str],
        gate: Callable[[str], bool],
        below: str = "",
        doors: Collection[str] = (),
        *,
        desks: Collection[str] = (),
        traps: Collection[str] = (),
    ) -> None:
        """`domains` are ours, address literals among them, in any case; `gate(token)` says whether a token may be;
        every domain one label `below` this one is ours as well, if there is one; `doors` are whole addresses at which
        something may be asked for, and `desks` such with whatever stands behind a plus sign (RFC 5233); at the domains
        `traps` every recipient is taken."""
        self._desks = frozenset(desk.lower() for desk in desks)
        self._traps = frozenset(domain.lower() for domain in traps)
        self._doors = {door: door.partition("@")[0] for door in doors}
        self.domains = frozenset(domain.lower() for domain in domains)
        self._below = f".{below.lower()}" if below else ""
        self._gate = gate
        names = "|".join(
            re.escape(domain).replace(r"\.", r"(?:\.|[+=]2e)")  # a dot as Exchange's encapsulation writes it
            for domain in sorted(self.domains)
        )
        token = r"(?<![a-z2-7!])([rs][a-z2-7]{33})"  # noqa: S105  a form, no secret
        self._within = re.compile(
            rf"{token}\"?(?:@|%|[+=]40)(?:{names})(?![a-z0-9%-]|\.[a-z0-9])"
            rf"|(?<![a-z0-9.-])(?:{names})!([rs][a-z2-7]{{33}})(?![a-z2-7])"
        )

    def has(self, domain: str) -> bool:
        """Whether a domain (lower case) is ours."""
        label, dot, rest = domain.partition(".")
        return domain in self.domains or bool(self._below and label and dot + rest == self._below)

    def find(self, path: MailPath) -> str:
        """The token (or "postmaster", "abuse", a door's name) that a path names at a domain of ours; of a desk or a
        trap the whole address, in lower case, which no token can be; "" when it is none of ours.

        A relay may hand on the very form that it was offered: `token%ours@relay`, `"token@ours"@relay`, `ours!token`.
        What counts is that the token is addressed to us.
        """
        if path.domain in self._traps or f"{path.local.partition('+')[0]}@{path.domain}" in self._desks:
            return f"{path.local}@{path.domain}"
        here = self.has(path.domain) or (path.local, path.domain) == ("postmaster", "")
        if here and (path.local in _OURSELVES or self._gate(path.local)):
            return path.local
        if door := self._doors.get(f"{path.local}@{path.domain}"):
            return door
        for found in self._within.finditer(path.address.lower()):
            token = found[1] or found[2]
            if self._gate(token):
                return str(token)
        return ""
