"""One dataset while it is read: what its lines have said so far, and what that comes to. Pure.

Kept by Python, which is the reference, or by `_swift`, which makes the same arrays; that one is `swift` here, or None
where nothing was compiled or DNSBL_PURE=1 forces Python alone.
"""

from __future__ import annotations

import os
from dataclasses import field
from typing import TYPE_CHECKING, Any

from dnsbl.dns.sources import networks
from dnsbl.dns.sources.dataset import Dataset
from dnsbl.dns.sources.names import NameEntries
from dnsbl.dns.sources.networks import Entries
from dnsbl.dns.sources.values import DEFAULT, Value, Values
from tester.records import dataclass

if TYPE_CHECKING:
    from dnsbl.dns.sources._swift import SwiftEntries, SwiftNames, SwiftValues

swift: Any = None
if os.environ.get("DNSBL_PURE") != "1":
    try:
        from dnsbl.dns.sources import _swift as swift
    except ImportError:  # not built here
        swift = None


@dataclass(slots=True)
class Sheet:
    """What is read of one dataset."""

    form: str
    label: str
    subzones: tuple[tuple[bytes, ...], ...]
    ttl: int
    base: bytes = b""
    variables: list[bytes] = field(default_factory=lambda: [b""] * 10)
    default: Value = DEFAULT
    shared: Value | None = None  #: of the forms that have one value for all
    swift: bool = False  #: whether it is kept by `_swift`
    values: Values | SwiftValues = field(init=False)
    entries: Entries | SwiftEntries = field(init=False)
    names: NameEntries | SwiftNames = field(init=False)

    def __post_init__(self) -> None:
        version, first_wins = int(self.form[2]) if self.form.startswith("ip") else 4, self.form.endswith("trie")
        if self.swift:
            self.values, self.names = swift.SwiftValues(), swift.SwiftNames()
            self.entries = swift.SwiftEntries(version, first_wins=first_wins)
        else:
            self.values, self.names, self.entries = Values(), NameEntries(), Entries(version, first_wins=first_wins)

    def packed(self) -> tuple[Dataset, list[int]]:
        """(the dataset, lines that say of a network what an earlier one has said). Nothing is read afterwards."""
        if self.form in ("ip4tset", "ip6tset"):
            self.values.number(self.shared or DEFAULT)
        common = {"form": self.form, "ttl": self.ttl, "base": self.base, "variables": tuple(self.variables)}
        addresses, ends, templates = self.values.packed()
        values = {"addresses": addresses, "ends": ends, "templates": templates}
        twice: list[int] = []
        if not self.form.startswith("ip"):
            blob, slots, parents, group_ends, groups = self.names.packed(len(ends))
            found = {"blob": blob, "slots": slots, "parents": parents, "group_ends": group_ends, "groups": groups}
        else:
            starts, says, group_ends, groups, twice = self.entries.packed(len(ends))
            found = {"starts": starts, "says": says, "group_ends": group_ends, "groups": groups}
            found["guide"] = (swift if self.swift else networks).guide(starts, self.entries.version)
        return Dataset(**common, **values, **found), twice  # type: ignore[arg-type]
