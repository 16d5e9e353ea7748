"""What became of the list's mail, and who watches it, for people or for programs. Holds no rule."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from dnsbl.cli import show, terminal
from dnsbl.model import Notice, Watch


def notices(found: Sequence[Notice], *, as_json: bool) -> None:
    """Mails of ours, the newest first."""
    if as_json:
        rows = [
            {
                "id": notice.id,
                "template": notice.template,
                "recipient": notice.recipient,
                "subject": notice.subject,
                "queued": f"{notice.queued:%Y-%m-%dT%H:%M:%SZ}",
                "state": notice.state.value,
                "tries": notice.tries,
                "reply": notice.reply,
            }
            for notice in found
        ]
        show.document({"notices": rows})
        return
    table = Table("number", "queued", "what", "about", "to", "state", "last word")
    for notice in found:
        table.add_row(
            str(notice.id),
            show.when(notice.queued),
            notice.template,
            notice.subject,
            notice.recipient,
            notice.state.value,
            Text(notice.reply),
        )
    terminal.rows(table, nothing="No mail was queued.")


def watches(found: Sequence[Watch], *, as_json: bool) -> None:
    """Who is told of new listings in which network."""
    if as_json:
        rows = [
            {
                "network": str(one.network),
                "way": one.way.value,
                "target": one.target,
                "token": one.token,
                "since": f"{one.since:%Y-%m-%dT%H:%M:%SZ}",
                "shown": one.how,
            }
            for one in found
        ]
        show.document({"watches": rows})
        return
    table = Table("network", "told by", "to", "since", "shown", "token")
    for one in found:
        table.add_row(str(one.network), one.way.value, Text(one.target), show.when(one.since), one.how, one.token)
    terminal.rows(table, nothing="Nobody is told of new listings; `dnsbl watch NET --mail ADDRESS` begins it.")
