"""Address families: places to listen at that this machine cannot have, since it has no IPv6. What has another place is
served without them, and a sentence says so: the same configuration serves machines of both sorts. Starts nothing.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Collection

from dnsbl.settings import Settings, split_listen

NONE = "this machine has no IPv6"
#: The roles that listen at several places, and the section and key of the settings that name them.
_SEVERAL = (("dns", "dns", "listen"), ("dns", "dns", "tls_listen"), ("collector", "collector", "listen"))


def lacked(host: str) -> bool:
    """Whether nobody can listen at this address on this machine for want of IPv6 as a whole. Of an address that is
    only missing beside others that can be told when it is listened at."""
    return ":" in host and _missing(host) and _missing("::1")


def _missing(host: str) -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as trial:
            trial.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            trial.bind((host, 0))
    except OSError as error:
        return error.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)
    return False


def had(
    settings: Settings, roles: Collection[str], lacked: Callable[[str], bool] = lacked
) -> tuple[Settings, list[str]]:
    """The settings with those places of these roles that this machine has, and a sentence for each key that has fewer;
    where it would have none all stay, for whoever listens there to say why he cannot."""
    told = []
    for role, section, key in _SEVERAL:
        table = getattr(settings, section)
        places: tuple[str, ...] = getattr(table, key)
        left = tuple(place for place in places if not lacked(split_listen(place)[0])) if role in roles else places
        if left and len(left) < len(places):
            without = ", ".join(place for place in places if place not in left)
            told.append(f"{section}.{key}: {NONE}, so nobody listens at {without}")
            settings = settings.model_copy(update={section: table.model_copy(update={key: left})})
    return settings, told
