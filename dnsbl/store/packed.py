"""Networks without number, each once and in order, in little memory: as the keys by which the store sorts them.

What is packed is sorted in runs of bounded length, which lie in memory while they are small and in a nameless file
beyond; reading merges them. So a million networks cost some megabytes however they came, and can be gone through twice.
Judges nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from tempfile import SpooledTemporaryFile
from weakref import finalize

from dnsbl.addresses import Network, parse_network
from dnsbl.store.columns import network_key

#: Networks of a run; octets of all that stay in memory; octets of a run that are read at once, a multiple of 6 and 18.
RUN, MEMORY, PORTION = 200_000, 8 << 20, 18 * 6 * 500
#: Octets of a key, by its first one, the version.
_WIDTH = {4: 6, 6: 18}
#: A number of 0 to 255 as people write it, and a prefix length.
_OCTETS = {str(number): number for number in range(256)}
_LENGTHS = {str(number): number for number in range(33)}


def key_of(text: str) -> bytes:
    """The key of the network that somebody wrote, as of what `parse_network` makes of it; raises ValueError as it does.

    Dotted addresses, of which files hold millions, are read without making a network of each.
    """
    try:
        a, b, c, last = text.split(".")
        if last in _OCTETS:
            return bytes((4, _OCTETS[a], _OCTETS[b], _OCTETS[c], _OCTETS[last], 32))
        d, slash, length = last.partition("/")
        octets = _OCTETS[a], _OCTETS[b], _OCTETS[c], _OCTETS[d]
        bits = _LENGTHS[length] if slash else 32
    except (ValueError, KeyError):
        return network_key(parse_network(text))
    key = bytes((4, *octets, bits))
    if bits < 32 and int.from_bytes(key[1:5]) & ((1 << (32 - bits)) - 1):
        return network_key(parse_network(text))  # which says what is wrong with it
    return key


class Packed:
    """Networks in the order of their keys, each once; add all, then read as often as wanted."""

    def __init__(self, *, run: int = RUN) -> None:
        self.given = 0  #: how many were added, those that came twice counted twice
        self._run = run
        self._open: dict[int, list[bytes]] = {4: [], 6: []}
        self._runs: list[tuple[int, int, int]] = []  # version, where it begins, octets
        self._file = SpooledTemporaryFile(max_size=MEMORY)  # noqa: SIM115 (closed when this object goes)
        finalize(self, self._file.close)

    @classmethod
    def of(cls, networks: Iterable[Network]) -> Packed:
        """These, packed."""
        packed = cls()
        for network in networks:
            packed.add(network_key(network))
        return packed

    def add(self, key: bytes) -> None:
        """One more, by its key."""
        self.given += 1
        run = self._open[key[0]]
        run.append(key)
        if len(run) >= self._run:
            self._close(key[0])

    def __iter__(self) -> Iterator[bytes]:
        """All keys, in order, each once."""
        for version in self._open:
            self._close(version)
        before = b""
        for version in _WIDTH:
            for key in merge(*(self._read(*run) for run in self._runs if run[0] == version)):
                if key != before:
                    yield key
                    before = key

    def slices(self, size: int) -> Iterator[list[bytes]]:
        """The same in lists of so many."""
        keys = iter(self)
        while some := list(islice(keys, size)):
            yield some

    def _close(self, version: int) -> None:
        """Sort what came last, and put it with the rest."""
        keys = sorted(set(self._open[version]))
        if keys:
            octets = b"".join(keys)
            start = self._file.seek(0, 2)
            self._file.write(octets)
            self._runs.append((version, start, len(octets)))
            self._open[version] = []

    def _read(self, version: int, start: int, octets: int) -> Iterator[bytes]:
        for place in range(start, start + octets, PORTION):
            self._file.seek(place)
            portion = self._file.read(min(PORTION, start + octets - place))
            for (key,) in struct.iter_unpack(f"{_WIDTH[version]}s", portion):
                yield key
