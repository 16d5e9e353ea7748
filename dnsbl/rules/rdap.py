"""Registration data (RDAP): the mail address for abuse of a network, read from a server's answer.

Pure. RFC 9083: an answer about an IP network has entities, each with roles and a contact as jCard (RFC 7095); entities
may hold entities. Whoever answers is a stranger: depth and number of what is looked at are bounded, and whatever is
not as it should be says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

#: Entities that are looked at, and how deep one may lie in another.
MOST, DEEP = 200, 4


def abuse_mailbox(document: bytes) -> str:
    """The first mail address of whoever has the role `abuse`, or ""."""
    try:
        answer = json.loads(document)
    except (ValueError, RecursionError):
        return ""
    for entity in islice(_entities(answer, DEEP), MOST):
        roles = entity.get("roles")
        if isinstance(roles, list) and "abuse" in roles and (found := _mail(entity.get("vcardArray"))):
            return found
    return ""


def _entities(holder: Any, deep: int) -> Iterator[dict[str, Any]]:
    inside = holder.get("entities") if isinstance(holder, dict) else None
    for entity in inside if isinstance(inside, list) and deep else ():
        if isinstance(entity, dict):
            yield entity
            yield from _entities(entity, deep - 1)


def _mail(card: Any) -> str:
    """The first `email` of a jCard: ["vcard", [[name, parameters, type, value], ...]]."""
    if not isinstance(card, list) or len(card) < 2 or not isinstance(card[1], list):
        return ""
    for field in card[1][:MOST]:
        if isinstance(field, list) and len(field) >= 4 and field[0] == "email" and isinstance(field[3], str):
            return field[3].strip()[:254]
    return ""
