"""A network's owner says in DNS that it is not to be tested: a TXT record in the reverse zone, which only he can write.

Pure: which name is asked for, and whether what it says means us. The record stands at `_do-not-test` below the reverse
name of the prefix (RFC 1035 3.5, RFC 3596 2.5) and names our list, or `*` for every list. A prefix is opted out for as
long as it stands there.
"""

from __future__ import annotations

from collections.abc import Iterable

from dnsbl.addresses import Network
from dnsbl.errors import Refused
from dnsbl.model import Refusal

#: The label below the reverse name.
LABEL = "_do-not-test"
#: How the reason of such an exclusion begins; whoever opted out may come back.
OPTED_OUT = "opted out by TXT at "


def name_of(network: Network) -> str:
    """The name whose TXT record opts this network out. Raises Refused for a prefix that has no reverse zone of its
    own."""
    step = 8 if network.version == 4 else 4
    if network.prefixlen == 0 or network.prefixlen % step:
        raise Refused(
            Refusal.WRONG_WIDTH,
            f"{network} has no reverse zone of its own: a prefix of whole "
            f"{'octets' if step == 8 else 'nibbles'} is needed, such as /{network.prefixlen // step * step or step}.",
        )
    labels = network.network_address.reverse_pointer.split(".")
    parts, suffix = labels[:-2], labels[-2:]
    return ".".join([LABEL, *parts[len(parts) - network.prefixlen // step :], *suffix])


def says(texts: Iterable[str], origins: Iterable[str]) -> bool:
    """Whether one of these TXT records names one of these lists, or all."""
    wanted = {"*", *(origin.lower() for origin in origins)}
    return any(word.lower().rstrip(".") in wanted for text in texts for word in text.split())
