"""Settings of what other lists are asked, as information."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from dnsbl.settings.values import Listen, Section, hostname
from tester.records import dataclass

#: Characters of a zone's name that leave room for an IPv6 address before it.
MOST_ZONE = 180


@dataclass(frozen=True, slots=True)
class OtherList:
    """A list that is asked, and which of its answers count."""

    zone: str
    ranges: tuple[tuple[int, int], ...] = ()  #: A records from one to another; none: every one
    mask: int = 0  #: bits of the last octet of which one must be set; 0: any

    def counts(self, code: IPv4Address) -> bool:
        """Whether this A record is a listing of the kind that is asked for (RFC 5782 6)."""
        inside = not self.ranges or any(low <= int(code) <= high for low, high in self.ranges)
        return inside and (not self.mask or bool(int(code) & self.mask))


def other_list(value: Any) -> OtherList:
    """`bl.example.org`, with the answers that count behind it: 127.0.0.2,127.0.0.4-127.0.0.7, or &5 for a bit mask.
    Raises ValueError."""
    match value.split() if isinstance(value, str) else ():
        case (zone,):
            return OtherList(_zone(zone))
        case (zone, mask) if (
            mask.startswith("&") and mask[1:].isascii() and mask[1:].isdigit() and int(mask[1:]) in range(1, 256)
        ):
            return OtherList(_zone(zone), mask=int(mask[1:]))
        case (zone, codes):
            return OtherList(_zone(zone), tuple(_range(part) for part in codes.split(",")))
    raise ValueError(
        "ZONE or ZONE CODES is needed, CODES being addresses and ranges such as 127.0.0.2,127.0.0.4-127.0.0.7, or a "
        "bit mask such as &5"
    )


def _zone(text: str) -> str:
    zone = hostname(text)
    if len(zone) > MOST_ZONE:
        raise ValueError(f"the name of a zone has at most {MOST_ZONE} characters, since addresses stand before it")
    return zone


def _range(text: str) -> tuple[int, int]:
    low, _, high = text.partition("-")
    try:
        found = int(IPv4Address(low)), int(IPv4Address(high or low))
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no address or range of 127.0.0.0/8") from None
    if found[0] > found[1] or any(value >> 24 != 127 for value in found):
        raise ValueError(f"{text[:40]!r} is no address or range of 127.0.0.0/8")
    return found


class OtherTerms(Section):
    """Other lists that are asked about an address, as information: `dnsbl lookup --others`, the API, surveys."""

    lists: tuple[Annotated[OtherList, BeforeValidator(other_list)], ...] = Field(
        (),
        description=(
            'Their zones, each with the answers that count behind it if not all do: "bl.example.net", "bl.example.net '
            '127.0.0.2,127.0.0.4-127.0.0.7", or "bl.example.net &5" for bits. Ask only lists whose terms allow it.'
        ),
        max_length=50,
    )
    servers: tuple[Listen, ...] = Field(
        (),
        description="Resolvers to ask; empty: this machine's. Many lists do not answer public resolvers.",
        max_length=10,
    )
    seconds: float = Field(5.0, description="Seconds that one question may take.", gt=0, le=60)
    remember: float = Field(
        3600.0,
        description="Seconds for which it is remembered whether a list works; a twelfth of that where it was silent.",
        gt=0,
    )
    visitors_hour: int = Field(
        60,
        description="Addresses an hour that one /24 or /48 may have asked about through the API; 0: operators alone.",
        ge=0,
    )

    @field_validator("lists")
    @classmethod
    def _one_each(cls, lists: tuple[OtherList, ...]) -> tuple[OtherList, ...]:
        if len({each.zone for each in lists}) < len(lists):
            raise ValueError("each zone is named once")
        return lists
