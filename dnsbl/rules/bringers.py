"""What counts as one source of nominations and listings, so that a bad one can be told from all others.

Pure. A source is written as one of: a network (`198.51.100.0/24`: whoever came from there, at any door), a door
(`feed:`: whoever came in there), a door with a name (`feed:https://lists.example/relays`), or a name alone as the
journal has it (`operator alice`).
"""

from __future__ import annotations

from dnsbl.addresses import Network, parse_network
from dnsbl.errors import Refused
from dnsbl.vocabulary import Door, Refusal
from tester.records import dataclass

#: Characters of a source's name.
LONGEST = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Bringer:
    """One source; the fields that are set say what it is."""

    text: str  #: as it is kept and shown
    network: Network | None = None  #: the network that its nominators came from
    door: Door | None = None
    name: str = ""  #: "" with a door: whoever came in there

    def holds(self, door: Door, nominator: str) -> bool:
        """Whether this nominator is (of) this source."""
        if self.network is not None:
            return _within(nominator, self.network)
        return self.door in (None, door) and self.name in ("", nominator)

    @property
    def author(self) -> str:
        """Whose listings by an operator's word are this source's: the journal's name of him; or ""."""
        return self.name if self.door in (None, Door.CLI) else ""


def read(text: str) -> Bringer:
    """The source that is written so. Raises Refused for what can be none."""
    words = " ".join(text.split())
    if not words or len(words) > LONGEST or not words.isprintable():
        raise Refused(
            Refusal.MALFORMED_ADDRESS,
            f"A source is a network, DOOR:, DOOR:NAME or a name of at most {LONGEST} characters.",
        )
    network = _network(words)
    if network is not None:
        return Bringer(text=str(network), network=network)
    door, colon, name = words.partition(":")
    if colon and door in tuple(Door):
        return Bringer(text=f"{door}:{name.strip()}", door=Door(door), name=name.strip())
    return Bringer(text=words, name=words)


def _network(text: str) -> Network | None:
    try:
        return parse_network(text)
    except ValueError:
        return None


def _within(nominator: str, network: Network) -> bool:
    """Whether a nominator, as far as it is a network, lies in this one."""
    theirs = _network(nominator)
    if theirs is None or theirs.version != network.version or theirs.prefixlen < network.prefixlen:
        return False
    shift = network.max_prefixlen - network.prefixlen
    return int(theirs.network_address) >> shift == int(network.network_address) >> shift
