"""How the list does, what became of its mail, and who watches it, for people or for programs. Holds no rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table
from rich.text import Text

from dnsbl.cli import show, terminal
from dnsbl.model import Notice, Watch
from dnsbl.opened import OpenedList


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


#: What does not happen while nobody has a role.
_LACK = {
    "worker": "no host is tested",
    "collector": "no letter can come back",
    "scheduler": "nothing expires, and no test falls due by itself",
}


def status(opened: OpenedList, *, as_json: bool) -> None:
    """How the list does."""
    stop, postage = opened.casework.views.stopped(), opened.casework.dispatch.postage()
    held = opened.settings.tester.held or (f"stopped by {stop.actor}: {stop.evidence}" if stop else "")
    mail = {
        "on": postage.on,
        "waiting": postage.waiting,
        "oldest": f"{postage.oldest:%Y-%m-%dT%H:%M:%SZ}" if postage.oldest else None,
        "sent": postage.sent,
        "failed": postage.failed,
        "withheld": postage.withheld,
        "silenced": postage.silenced,
    }
    withheld = opened.casework.upkeep.withheld()
    strange = opened.casework.presence.reckon().strange
    asked = opened.casework.lookups.standing()
    signs, unmanned = opened.casework.views.at_work(), opened.casework.views.unmanned()
    if as_json:
        nodes = [
            {"process": sign.process, "roles": sign.roles, "seen": f"{sign.seen:%Y-%m-%dT%H:%M:%SZ}"} for sign in signs
        ]
        show.document(
            {
                "testing": held or "on",
                "listings": withheld or None,
                "clock": strange or None,
                "nodes": nodes,
                "unmanned": unmanned,
                "notices": mail,
                "lookups": [asdict(each) for each in asked],
            }
        )
        return
    out = terminal.out()
    out.print(f"testing: {held or 'on'}")
    out.print(f"listings: {withheld or 'end when their time has come'}")
    out.print(f"clock: {strange or 'believed'}")
    for each in asked:
        heard = "" if each.heard else ", and is not heard: no such account, or suspended"
        out.print(
            f"questions of {each.client}: {each.remembered} addresses remembered, {each.today} new today, "
            f"{each.waiting} candidates{heard}"
        )
    for sign in signs:
        out.print(f"at work: {sign.process} ({' '.join(sign.roles)}), seen {show.when(sign.seen)}")
    for role in unmanned:
        out.print(f"nobody is at work as {role}: {_LACK[role]} (`dnsbl serve`)")
    if not postage.on and not postage.waiting:
        out.print("mail: off (notices.smarthost is not set)")
        return
    since = f", the oldest since {show.when(postage.oldest)}" if postage.oldest else ""
    out.print(
        f"mail: {postage.waiting} waiting{since}; in the last day {postage.sent} sent and {postage.failed} failed; "
        f"{postage.withheld} left out today; {postage.silenced} addresses silenced"
    )


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
