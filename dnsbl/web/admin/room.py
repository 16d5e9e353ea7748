"""What every page of the operators' side needs: whoever is signed in, what was just done, and words for reasons and
times that somebody types. Pure but for rendering."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import Response

from dnsbl.addresses import Network, parse_network
from dnsbl.errors import Refused
from dnsbl.rules import entrance
from dnsbl.vocabulary import Refusal, Role
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.admin.gate import me
from dnsbl.web.render import Pages

#: Rows of a page.
ROWS = 50
#: Characters of a reason, as on the command line.
REASON_MOST = 500
#: What was just done, by the word in the address: no other text can be put there.
DONE: Mapping[str, str] = {
    "excluded": "This network is not tested from now on.",
    "ended": "This network may be tested again.",
    "listed": "It is listed, and DNS says so in a second.",
    "proposed": "It is proposed; another operator has to confirm it.",
    "dropped": "It is not listed any more.",
    "kept": "It stays until its next review.",
    "withdrawn": "It is not listed.",
    "taken-back": "The nomination is withdrawn.",
    "stopped": "All testing is stopped, everywhere.",
    "resumed": "Testing goes on.",
    "queued": "The test is queued.",
    "suspended": "Nothing is taken from this reporter any more.",
    "trusted": "The reporter is in another tier.",
    "added": "The account is made.",
    "revoked": "The key is void.",
    "answered": "The answer is on its way.",
    "changed": "The account is changed.",
    "removed": "The account is gone.",
    "everywhere": "You are signed out everywhere else.",
    "no-codes": "No one-time code is asked for any more.",
}


class AdminPage:
    """Renders pages of the operators' side."""

    def __init__(self, desk: OperatorDesk, pages: Pages) -> None:
        self.desk = desk
        self._render = pages.render

    def page(
        self, request: Request, name: str, here: str, *, mistake: str = "", status: int = 200, **more: Any
    ) -> Response:
        """One page; `here` is its place in the menu, `mistake` what was refused."""
        visitor = me(request)
        return self._render(
            f"admin/{name}.html",
            status=status,
            me=visitor,
            acts=entrance.may(visitor.role, Role.OPERATOR),
            owns=entrance.may(visitor.role, Role.OWNER),
            here=here,
            mistake=mistake,
            told=DONE.get(request.query_params.get("done", "")[:20], "") if not mistake else "",
            **more,
        )


def reason_of(text: str) -> str:
    """A reason that was typed, as it is kept. Raises Refused where none was."""
    kept = words_of(text)
    if not kept:
        raise Refused(Refusal.MALFORMED_ADDRESS, "A reason is needed; it goes into the journal, and is not published.")
    return kept


def words_of(text: str) -> str:
    """What is kept of an operator's words, as on the command line."""
    return " ".join(text.split())[:REASON_MOST]


def network_of(text: str) -> Network:
    """The network or address that was typed. Raises Refused."""
    try:
        return parse_network(text.strip()[:100])
    except ValueError as error:
        raise Refused(Refusal.MALFORMED_ADDRESS, str(error)) from None


def moment_of(text: str) -> datetime | None:
    """A time that was typed or picked, UTC; None for none. Raises Refused."""
    bare = text.strip()[:40]
    try:
        found = datetime.fromisoformat(bare) if bare else None
    except ValueError:
        raise Refused(Refusal.MALFORMED_ADDRESS, "A time is written 2026-11-26 or 2026-11-26T12:00, in UTC.") from None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


def number_of(text: str) -> int | None:
    """The number that a page goes on behind; None for none and for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def onward(path: str, before: int | None, **filters: str) -> str:
    """Where the next page is, with the same filters; "" where there is none."""
    if before is None:
        return ""
    return f"{path}?{urlencode({name: value for name, value in filters.items() if value} | {'before': before})}"


Again = Callable[..., Response]
