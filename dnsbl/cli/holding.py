"""The commands that hold the list back: networks that are not tested, sources that are not heard, and a stop of all
testing. Read the words, call one verb, show it."""

from __future__ import annotations

from typing import Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Public, Reason, operator, reason_of, words_of
from dnsbl.errors import DnsblError, StoreUnavailable

with later():
    from dnsbl import config as reading
    from dnsbl import opened as lists
    from dnsbl import places
    from dnsbl.cli import networks, show, terminal, verifying
    from dnsbl.rules import bringers

app = typer.Typer()

#: Listings in a network that is excluded, which stay, that are told.
STILL_LISTED = 10


@app.command()
def exclude(
    network: Annotated[str, typer.Argument(metavar="NET", help="A network or address.")] = "",
    reason: Reason = "",
    public: Public = "",
    listed: Annotated[bool, typer.Option("--list", help="Show what is excluded.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Let NET be tested again.")] = False,
    verified: Annotated[
        bool, typer.Option("--verified", help="Only as its owner's TXT record in the reverse zone says.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Never test this network; existing listings stay until they expire. --end lets it be tested again."""
    if listed == bool(network) or (listed and (end or verified)) or (end and verified):
        raise typer.BadParameter("give either NET, with --end or --verified or neither, or --list")
    if listed:
        show.exclusions(lists.open_list(config, zoned=False).casework.operators.exclusions(), as_json=as_json)
        return
    opened = lists.open_list(config, zoned=verified)
    operators, where = opened.casework.operators, networks.one(network)
    if verified:
        show.done(verifying.opted_out(opened, where, public=words_of(public), actor=operator()), as_json=as_json)
        return
    if end:
        with terminal.err().status("planning"):
            operators.end_exclusion(where, reason=reason_of(reason), actor=operator())
        show.done({"exclusion ended": str(where)}, as_json=as_json)
        return
    with terminal.err().status("excluding"):
        made = operators.exclude(where, reason=reason_of(reason), public=words_of(public), actor=operator())
    left, _ = opened.casework.oversight.listings(network=made.network, most=STILL_LISTED)
    still = [f"{one.network} as {one.kind}: {one.dropping}" for one in left]
    facts = {"excluded": str(made.network), "reason": made.reason, "public": made.public}
    show.done(facts | ({"still listed": still} if still else {}), as_json=as_json)


@app.command()
def withdraw(
    number: Annotated[int, typer.Argument(metavar="NUMBER", min=1, help="Of the nomination, as the journal has it.")],
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Take back a nomination that was a mistake, before its test begins: nobody is tested for its sake."""
    verbs = lists.open_list(config, zoned=False).casework.withdrawing
    gone = verbs.withdraw(number, reason=reason_of(reason), actor=operator())
    show.done({"withdrawn": f"nomination {gone.id}", "address": str(gone.address)}, as_json=as_json)


@app.command()
def purge(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="A network, DOOR:, DOOR:NAME, or a name as in the journal.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken back.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show the sources that are suspended.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Take what SOURCE brings again.")] = False,
    reason: Reason = "",
    public: Public = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Suspend a bad source and take back what only it has brought: nominations, tests, listings."""
    if listed == bool(source) or (listed and (end or dry_run)) or (end and dry_run):
        raise typer.BadParameter(
            "give either SOURCE, with --dry-run or --end or neither, or --list; what is old goes by `dnsbl forget`"
        )
    purging = lists.open_list(config, zoned=False).casework.purging
    if listed:
        show.suspensions(purging.suspensions(), as_json=as_json)
        return
    what = bringers.read(source)
    if end:
        purging.end(what, reason=reason_of(reason), actor=operator())
        show.done({"suspension ended": what.text}, as_json=as_json)
        return
    why = words_of(reason) if dry_run else reason_of(reason)
    with terminal.err().status("looking" if dry_run else "taking back"):
        done = purging.purge(what, reason=why, public=words_of(public), actor=operator(), dry_run=dry_run)
    show.purge(done, dry_run=dry_run, as_json=as_json)


@app.command()
def forget(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is old, and how much.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Delete what is older than [retention] says, now: transcripts and letters of tests, done jobs, evidence, steps of
    the list. The scheduler does so every day; proofs of listings and the journal stay."""
    forgetting = lists.open_list(config, zoned=False).casework.forgetting
    if dry_run:
        gone = forgetting.foresee()
    else:
        with terminal.err().status("forgetting"):
            gone = forgetting.forget(actor=operator())
    show.done(
        ({"would_go": gone.told()} if dry_run else {"gone": gone.told()}) if as_json else gone.told(), as_json=as_json
    )


@app.command()
def stop(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Stop all testing, everywhere, within a second; `dnsbl resume` takes it up again. No mistake of the configuration
    keeps it from that, as long as it is TOML and says where the database is; nor does a database that takes no word, as
    on a full disk: then it is stopped on this machine."""
    words = reason_of(reason)
    try:
        lists.open_anyhow(config).casework.operators.stop(reason=words, actor=operator())
    except StoreUnavailable as error:
        path = places.halt(reading.read_draft(config).settings, error)
        show.done({"testing": "stopped", "reason": words, "by": str(path), "since": str(error)}, as_json=as_json)
        return
    show.done({"testing": "stopped", "reason": words}, as_json=as_json)


@app.command()
def resume(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Take testing up again after `dnsbl stop`."""
    opened = lists.open_anyhow(config)
    if opened.casework.views.stopped() is None and not places.halted(opened.settings):
        raise DnsblError("Testing is not stopped.")
    opened.casework.operators.resume(reason=words_of(reason), actor=operator())
    path = places.unhalt(opened.settings)
    show.done({"testing": "goes on"} | ({"taken away": str(path)} if path else {}), as_json=as_json)
