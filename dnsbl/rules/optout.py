"""A network's owner says in DNS that it is not to be tested: a TXT record in the reverse zone, which only he can write.

Pure: which name is asked for, and whether what it says means us. The record stands at `_do-not-test` below the reverse
name of the prefix (RFC 1035 3.5, RFC 3596 2.5) and names our list, or `*` for every list. A prefix is opted out for as
long as it stands there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dnsbl.addresses import Network, label_bits, reverse_zone
from dnsbl.errors import Refused
from dnsbl.vocabulary import Refusal

#: The label below the reverse name.
LABEL = "_do-not-test"
#: What owners put between and around names: blanks, commas, quotes, a key before them.
_BETWEEN = re.compile(r"[^\w.*-]+")
#: How the reason of such an exclusion begins; whoever opted out may come back.
OPTED_OUT = "opted out by TXT at "


def name_of(network: Network) -> str:
    """The name whose TXT record opts this network out. Raises Refused for a prefix that has no reverse zone of its
    own."""
    if zone := reverse_zone(network):
        return f"{LABEL}.{zone}"
    step = label_bits(network)
    raise Refused(
        Refusal.WRONG_WIDTH,
        f"{network} has no reverse zone of its own: a prefix of whole {'octets' if step == 8 else 'nibbles'} is "
        f"needed, such as /{network.prefixlen // step * step or step}.",
    )


def says(texts: Iterable[str], origins: Iterable[str]) -> bool:
    """Whether one of these TXT records names one of these lists, or all."""
    wanted = {"*", *(origin.lower() for origin in origins)}
    return any(word.lower().rstrip(".") in wanted for text in texts for word in _BETWEEN.split(text))
