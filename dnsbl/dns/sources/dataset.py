"""A dataset: what was read of one list, as a few arrays, and the look-ups in them. Immutable.

Pure. Both engines look into the same arrays; this is the readable reference. What stands at a place is a number: 0 for
nothing, n for the n-th value, more than there are values for the n-th group of several, and EXCLUDED at a name.

Networks are cut into stretches that do not overlap: `starts` has where each begins and `says` what stands there, up to
the next. Names lie one behind the other in `blob`, packed and without the root, each behind its length and what stands
at the name itself and at all names below it; `slots` finds them by hash. What leads to a name, and has nothing itself,
is known by the hash alone (`parents`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator

from dnsbl.dns.sources.values import Value, filled
from tester.records import dataclass

EXCLUDED = 0xFFFFFFFF
#: Bytes before a name: what stands at it, what stands below it, its length.
HEAD = 9
#: Datasets of fewer stretches have no guide; its slots are the first 16 bits of an address, for IPv6 those behind the
#: bits that the first stretch and the last one have in common.
NEEDS_GUIDE = 256

_ALL = 0xFFFFFFFFFFFFFFFF
_NONE_I, _NONE_Q = memoryview(array("I")), memoryview(array("Q"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """One dataset."""

    form: str  #: of the data file, such as ip4set
    ttl: int  #: of all its records, in seconds; those of the form generic have their own
    base: bytes = b""  #: the base template
    variables: tuple[bytes, ...] = (b"",) * 10
    addresses: bytes | memoryview = b""  #: of each value, the A record's data
    ends: memoryview = _NONE_I  #: of each value, where its template ends in `templates`
    templates: bytes | memoryview = b""
    group_ends: memoryview = _NONE_I  #: of each group, where it ends in `groups`
    groups: memoryview = _NONE_I
    starts: memoryview = _NONE_I  #: 32 bits, or for IPv6 two times 64, the higher half first
    says: memoryview = _NONE_I
    guide: memoryview = _NONE_I  #: how many stretches begin before each of its slots
    slots: memoryview = _NONE_I  #: positions in `blob`, from 1 on; 0 is free
    blob: bytes | bytearray | memoryview = b""
    parents: memoryview = _NONE_Q  #: hashes; 0 is free

    @property
    def version(self) -> int:
        """Of the addresses: 4 or 6; 0 for names."""
        return 4 if self.form.startswith("ip4") else 6 if self.form.startswith("ip6") else 0

    @property
    def records(self) -> bool:
        """Whether the templates are records: type, TTL and data."""
        return self.form == "generic"

    def __len__(self) -> int:
        """How many stretches or names there are."""
        return len(self.says) if self.version else sum(1 for _ in self.names())

    def values_at(self, number: int) -> tuple[int, ...]:
        """The values, from 0 on, that stand at this address."""
        at = self._before(number)
        return self.values(self.says[at]) if at >= 0 else ()

    def any_between(self, first: int, last: int) -> bool:
        """Whether something stands at an address from first to last (both included)."""
        at = self._before(first)
        if at >= 0 and self.says[at]:
            return True
        at += 1
        while at < len(self.says) and self._start(at) <= last:
            if self.says[at]:
                return True
            at += 1
        return False

    def values_of(self, name: bytes) -> tuple[tuple[int, ...], bytes]:
        """(the values, from 0 on, that stand at this name; the name of their entry), both empty when there are none.

        The entry of the name itself decides, then the nearest one above that stands for what is below it.
        """
        hashes = hashes_of(name) or [(0, hash_of(name))]
        at = self._find(name, hashes[0][1])
        if at and (said := self._said(at, 0)):
            return ((), b"") if said == EXCLUDED else (self.values(said), name)
        for begin, found in hashes[1:]:
            at = self._find(name[begin:], found)
            if at and (said := self._said(at, 4)):
                return ((), b"") if said == EXCLUDED else (self.values(said), name[begin:])
        return (), b""

    def something_below(self, name: bytes) -> bool:
        """Whether something stands at a name below this one."""
        found = hash_of(name)
        at = self._find(name, found)
        return bool(at and self._said(at, 4) not in (0, EXCLUDED)) or _has(self.parents, found)

    def value(self, number: int) -> Value:
        """This value."""
        begin = self.ends[number - 1] if number else 0
        address = self.addresses[4 * number : 4 * number + 4]
        return Value(bytes(address), bytes(self.templates[begin : self.ends[number]]))

    def text(self, number: int, name: bytes) -> bytes:
        """The text of this value for what was asked; b"" where there is none."""
        return filled(self.value(number).template, self.base, self.variables, name)

    def record(self, number: int) -> tuple[int, int, bytes]:
        """(type, TTL, data) of this value, where they are records."""
        packed = self.value(number).template
        return int.from_bytes(packed[:2]), int.from_bytes(packed[2:6]), packed[6:]

    def names(self) -> Iterator[tuple[bytes, int, int]]:
        """(name, what stands at it, what stands below it) of every entry."""
        at = 0
        while at < len(self.blob):
            size = self.blob[at + HEAD - 1]
            yield bytes(self.blob[at + HEAD : at + HEAD + size]), self._said(at + 1, 0), self._said(at + 1, 4)
            at += HEAD + size

    def values(self, said: int) -> tuple[int, ...]:
        """The values that a number at a place stands for."""
        if said <= len(self.ends):
            return (said - 1,) if said else ()
        group = said - len(self.ends) - 1
        return tuple(self.groups[self.group_ends[group - 1] if group else 0 : self.group_ends[group]])

    def _start(self, at: int) -> int:
        if self.version == 4:
            return int(self.starts[at])
        return int(self.starts[2 * at]) << 64 | int(self.starts[2 * at + 1])

    def _before(self, number: int) -> int:
        """The last stretch that begins at this address or before it; -1 where none does."""
        if self.version == 4:
            if not self.guide:
                return bisect_right(self.starts, number) - 1
            low, high = self.guide[number >> 16], self.guide[(number >> 16) + 1]
            return bisect_right(self.starts, number, low, high) - 1
        low, high = 0, len(self.says)
        if self.guide:
            first, last = self._start(0), self._start(high - 1)
            if not first <= number < last:
                return -1 if number < first else high - 1
            slot = number >> shift_of(first, last) & 0xFFFF
            low, high = self.guide[slot], self.guide[slot + 1]
        while low < high:
            middle = (low + high) // 2
            if self._start(middle) <= number:
                low = middle + 1
            else:
                high = middle
        return low - 1

    def _said(self, at: int, side: int) -> int:
        return int.from_bytes(self.blob[at - 1 + side : at + 3 + side], "little")

    def _find(self, name: bytes, found: int) -> int:
        """Where this name is in `blob`, from 1 on; 0 when it is not."""
        if not self.slots:
            return 0
        slot = place(found, len(self.slots))
        while at := self.slots[slot]:
            size = self.blob[at - 1 + HEAD - 1]
            if size == len(name) and self.blob[at - 1 + HEAD : at - 1 + HEAD + size] == name:
                return int(at)
            slot = slot + 1 if slot + 1 < len(self.slots) else 0
        return 0


def shift_of(first: int, last: int) -> int:
    """By how many bits an address of IPv6 is shifted to be a slot of the guide, between these two stretches."""
    return max(0, (first ^ last).bit_length() - 16)


def place(found: int, slots: int) -> int:
    """The first slot that a hash is looked for in."""
    return (found >> 32) * slots >> 32


def hash_of(name: bytes) -> int:
    """The hash of a packed name without the root; never 0."""
    return hashes_of(name)[0][1] if name else mixed(_BASIS)


def hashes_of(name: bytes) -> list[tuple[int, int]]:
    """(where it begins, its hash) of this name and of every name above it, the longest first."""
    begins, at = [], 0
    while at < len(name):
        begins.append(at)
        at += name[at] + 1
    found, state, end = [], _BASIS, len(name)
    for begin in reversed(begins):
        for byte in reversed(name[begin:end]):
            state = (state ^ byte) * _PRIME & _ALL
        found.append((begin, mixed(state)))
        end = begin
    return found[::-1]


_BASIS, _PRIME = 0xCBF29CE484222325, 0x100000001B3  # FNV-1a of 64 bits, over the bytes from the last one to the first


def mixed(state: int) -> int:
    """The bits spread, so that the higher ones choose a slot."""
    state ^= state >> 29
    state = state * 0xBF58476D1CE4E5B9 & _ALL
    return state ^ state >> 32 or 1


def slots_for(count: int) -> int:
    """How many slots hold so many."""
    return count + count // 3 + 1 if count else 0


def laid(hashes: Iterator[tuple[int, int]], count: int, code: str) -> memoryview:
    """Slots with these (hash, what is put in)."""
    slots = memoryview(array(code, bytes(slots_for(count) * array(code).itemsize)))
    for found, content in hashes:
        slot = place(found, len(slots))
        while slots[slot]:
            slot = slot + 1 if slot + 1 < len(slots) else 0
        slots[slot] = content
    return slots


def _has(slots: memoryview, found: int) -> bool:
    if not slots:
        return False
    slot = place(found, len(slots))
    while slots[slot]:
        if slots[slot] == found:
            return True
        slot = slot + 1 if slot + 1 < len(slots) else 0
    return False
