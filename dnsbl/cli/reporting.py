"""`dnsbl reporter`: who reports under a name of his own. Reads the words, calls one verb, shows the account."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Reason, operator, reason_of
from dnsbl.model import ReporterAccount
from dnsbl.vocabulary import Tier

with later():
    from dnsbl import opened as lists
    from dnsbl.cli import drawing, show, terminal
    from dnsbl.rules import reporters

app = typer.Typer(help="Who reports under a name of his own: tiers, keys, scores.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The reporter's name, a word.")]
_MAIL = re.compile(r"[!-~]{1,64}@[!-~]{1,120}")


@app.command()
def add(
    name: Name,
    tier: Annotated[Tier, typer.Option("--tier", help="How far he is believed.")] = Tier.NEW,
    former: Annotated[Tier | None, typer.Option("--trust", hidden=True, help="As it was called once.")] = None,
    contact: Annotated[str, typer.Option("--contact", help="His mail address; is not published.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """An account for a reporter; `dnsbl reporter key` makes its key."""
    if contact and not _MAIL.fullmatch(contact):
        raise typer.BadParameter("a mail address is needed, such as ann@example.org", param_hint="--contact")
    account = lists.open_list(config).casework.reporters.add(
        name, tier=former or tier, contact=contact, actor=operator()
    )
    show.done(_row(account), as_json=as_json)


@app.command("list")
def accounts(config: Config = None, as_json: Json = False) -> None:
    """Every reporter: tier, score, whether he has a key, whether anything is taken from him."""
    found = lists.open_list(config).casework.reporters.all()
    if as_json:
        show.document({"reporters": [_row(account) for account in found]})
        return
    table = drawing.Table("reporter", "tier", "score", "open", "closed", "key", "since", "suspended")
    for account in found:
        row = _row(account)
        off = f"{account.suspended:%Y-%m-%d}: {account.why}" if account.suspended else "no"
        table.add_row(
            account.name,
            account.tier,
            f"{row['score']:.2f}",
            str(account.hits),
            str(account.misses),
            "yes" if account.key else "no",
            f"{account.made:%Y-%m-%d}",
            off,
        )
    terminal.rows(table, nothing="No reporter has an account; `dnsbl reporter add NAME` makes one.")


@app.command()
def suspend(
    name: Name,
    reason: Reason = "",
    end: Annotated[bool, typer.Option("--end", help="Take his nominations again; his score begins anew.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take nothing more from a reporter; --end takes him back."""
    verbs = lists.open_list(config).casework.reporters
    (verbs.resume if end else verbs.suspend)(name, reason=reason_of(reason), actor=operator())
    show.done(_found(verbs.find(name)), as_json=as_json)


@app.command("trust", hidden=True)  # as it was called once
@app.command()
def tier(
    name: Name,
    tier: Annotated[Tier, typer.Argument(metavar="TIER", help="new, known or trusted.")],
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Put a reporter into another tier."""
    verbs = lists.open_list(config).casework.reporters
    verbs.tier(name, tier, reason=reason_of(reason), actor=operator())
    show.done(_found(verbs.find(name)), as_json=as_json)


@app.command()
def key(
    name: Name,
    revoke: Annotated[bool, typer.Option("--revoke", help="Void his key, and make none.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """A new key for the API, shown this once; the one before is void."""
    verbs = lists.open_list(config).casework.reporters
    if revoke:
        verbs.revoke(name, actor=operator())
        show.done(_found(verbs.find(name)), as_json=as_json)
        return
    made = verbs.key(name, actor=operator())
    told = {} if as_json else {"use": "Authorization: Bearer KEY; nobody can read it here again"}
    show.done({"reporter": name.strip().lower(), "key": made} | told, as_json=as_json)


def _found(account: ReporterAccount | None) -> dict[str, Any]:
    assert account is not None  # the verb before has found it
    return _row(account)


def _row(account: ReporterAccount) -> dict[str, Any]:
    return {
        "reporter": account.name,
        "tier": account.tier,
        "contact": account.contact,
        "since": account.made,
        "keyed": account.key is not None,
        "score": round(reporters.score(account), 3),
        "open": account.hits,
        "closed": account.misses,
        "suspended": account.suspended,
        "why": account.why,
    }
