"""The commands, one function each: read the words, call one verb, show the result. Decide nothing.

Over 400 lines, since each command is one short function and a reader looks for it here.
"""

from __future__ import annotations

import stat
import sys
from datetime import date, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from dnsbl import DISTRIBUTION
from dnsbl.casework.base import Asker
from dnsbl.cli import feeding, importing, networks, nominating, reporting, show, state, terminal
from dnsbl.cli.waiting import wait_for
from dnsbl.cli.words import Config, Json, Reason, operator
from dnsbl.cli.words import reason_of as _reason
from dnsbl.cli.words import words_of as _words
from dnsbl.clock import SystemClock
from dnsbl.config import example, read_settings, read_zones, usual, zone_file
from dnsbl.daemons import ROLES
from dnsbl.daemons.reserve import fitted, granted
from dnsbl.dns import retire
from dnsbl.dns.engine import compiled
from dnsbl.dns.secondaries import export
from dnsbl.dns.zones import Zone, Zones
from dnsbl.errors import DnsblError, Refused, SettingsError
from dnsbl.model import Door, Refusal, State
from dnsbl.opened import OpenedList, current_table, open_list
from dnsbl.rules import asking, bringers, intake
from dnsbl.serving import keybook
from dnsbl.serving.files import EVERYBODYS, write_whole
from dnsbl.serving.secrets import read_keys
from dnsbl.serving.sources import report as source_report
from dnsbl.serving.transfers import read_tsig_keys

app = typer.Typer(
    name="dnsbl",
    help="A DNS blocklist fed by open-relay testing: nominate, test, prove, list, answer, retest, delist.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
listing = typer.Typer(help="Operators' own listings.", no_args_is_help=True)
keys = typer.Typer(
    help="The keys that letters are signed with. What clients put into questions: dnsbl key.", no_args_is_help=True
)
client_key = typer.Typer(help="The keys that clients put into their questions (dns.keys_file).", no_args_is_help=True)
database = typer.Typer(help="The database.", no_args_is_help=True)
app.add_typer(reporting.app, name="reporter")
app.add_typer(feeding.feeds, name="feed")
app.add_typer(feeding.candidates, name="candidates")
app.add_typer(listing, name="listing")
app.add_typer(keys, name="keys")
app.add_typer(client_key, name="key")
app.add_typer(database, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dnsbl {version(DISTRIBUTION)}, engine: {compiled.which()}")
        raise typer.Exit


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Version and answering engine.")
    ] = False,
) -> None:
    """A DNS blocklist fed by open-relay testing: nominate, test, prove, list, answer, retest, delist."""


Wait = Annotated[bool, typer.Option("--wait", help="Wait for the result and show progress.")]
Public = Annotated[str, typer.Option("--public", help="What everybody may read on the page of the address.")]
Where = Annotated[str, typer.Argument(metavar="ADDR", help="An IPv4 or IPv6 address.")]


@app.command()
def serve(
    config: Config = None,
    only: Annotated[str, typer.Option("--only", help=f"Some roles, with commas: {','.join(ROLES)}.")] = ",".join(ROLES),
    follow: Annotated[
        str, typer.Option("--follow", help="Follow the table at this URL, with --only dns: no database is needed.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Run the list: DNS in a process of its own, worker, collector, scheduler, notices and web in another."""
    from dnsbl.cli.serving import serve_until_told

    roles = [role.strip() for role in only.split(",") if role.strip()]
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise typer.BadParameter(f"roles are {', '.join(ROLES)}; not {', '.join(unknown) or 'none'}")
    serve_until_told(config, list(dict.fromkeys(roles)), follow=follow, as_json=as_json)


@app.command("publish-key")
def publish_key(config: Config = None, as_json: Json = False) -> None:
    """Print the public key that the published table is signed with, for follow.key of nodes that follow this one."""
    from dnsbl.config import read_settings
    from dnsbl.opened import signet_path
    from dnsbl.serving.signet import Signet

    public = Signet.at(signet_path(read_settings(config))).public
    if as_json:
        show.document({"key": public})
    else:
        print(public)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it serving until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """A neighbourhood of mail servers on loopback is nominated, tested, listed, fixed and delisted. Under a minute."""
    from dnsbl.demo.tour import run_tour

    if not run_tour(keep=keep, as_json=as_json):
        raise DnsblError("The tour did not end as it should; see above.")


@app.command()
def nominate(
    address: Annotated[str, typer.Argument(metavar="[ADDR]", help="The suspect; else read from the evidence.")] = "",
    evidence: Annotated[
        list[Path] | None,
        typer.Option(
            "--evidence",
            help=(
                "The spam as received: a message, a mailbox, a mail with it attached, a report; a folder or Maildir of "
                "such; - is standard input. May be repeated."
            ),
        ),
    ] = None,
    pick: Annotated[int | None, typer.Option("--pick", help="The Received line that is meant.", min=1)] = None,
    reporter: Annotated[
        str, typer.Option("--reporter", help="Whose mail it was: an account, or a word of policy.reporters.")
    ] = "",
    reason: Reason = "",
    dry: Annotated[bool, typer.Option("--dry-run", help="Show what was read; file nothing and test nobody.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Nominate a suspect mail server, with evidence; it is tested soon."""
    opened = open_list(config)
    pieces = nominating.pieces(evidence or [])
    if pick is not None and len(pieces) > 1:
        raise typer.BadParameter("a line can be picked in one file only", param_hint="--pick")
    account = opened.casework.reporters.find(reporter) if reporter else None
    cases, total = nominating.read_each(
        pieces,
        lambda shown: intake.nominations(
            address,
            door=Door.CLI,
            nominator=operator() + (f" for reporter {account.name}" if account else ""),
            reason=reason,
            evidence=shown,
            settings=opened.settings,
            now=opened.clock.now(),
            pick=pick,
            at=intake.home(opened.settings, reporter=reporter, account=account is not None),
            account=account,
        ),
    )
    doors = opened.casework.doors
    taken = doors.foresee_each(cases) if dry else doors.nominate_each(cases)
    nominating.show_each(opened, taken, total, dry=dry, as_json=as_json)


@app.command("test")
def order_test(
    address: Where,
    profile: Annotated[str, typer.Option("--profile", help="basic, standard or full.")] = "standard",
    wait: Wait = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Test a host now, as an operator; the running `dnsbl serve` carries it out."""
    if profile not in ("basic", "standard", "full"):
        raise typer.BadParameter("profiles are basic, standard, full", param_hint="--profile")
    opened = open_list(config)
    job = opened.casework.operators.order_test(
        intake.target(address, opened.settings), profile=profile, actor=operator()
    )
    if not wait:
        show.job(opened, job, "queued", as_json=as_json)
        return
    show.test(opened, wait_for(opened, job, quiet=as_json), as_json=as_json)


@app.command()
def lookup(address: Where, config: Config = None, as_json: Json = False) -> None:
    """Where an address stands, and why."""
    opened = open_list(config)
    where = asking.one(address, opened.zones.origins)
    asker = Asker.of(Door.CLI, operator(), control=False)
    show.standing(opened, opened.casework.views.look_up(where, asker=asker), as_json=as_json)


@app.command()
def remove(address: Where, wait: Wait = False, config: Config = None, as_json: Json = False) -> None:
    """Ask that an address be taken off the list: it is retested, and delisted when closed."""
    opened = open_list(config)
    where = asking.one(address, opened.zones.origins)
    job = opened.casework.doors.ask_removal(where, door=Door.CLI, actor=operator())
    if not wait:
        show.job(opened, job, "retest queued", as_json=as_json)
        return
    report = wait_for(opened, job, quiet=as_json)
    show.test(opened, report, as_json=as_json)
    standing = opened.casework.views.look_up(where)
    if standing.state is State.LISTED:
        terminal.fail(f"{where} stays listed: {report.run.explanation or report.run.verdict}")


@app.command()
def exclude(
    network: Annotated[str, typer.Argument(metavar="[NET]", help="A network or address.")] = "",
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
        show.exclusions(open_list(config).casework.operators.exclusions(), as_json=as_json)
        return
    opened = open_list(config)
    operators, where = opened.casework.operators, networks.one(network)
    if verified:
        from dnsbl.cli.verifying import opted_out

        show.done(opted_out(opened, where, public=_words(public), actor=operator()), as_json=as_json)
        return
    if end:
        operators.end_exclusion(where, reason=_reason(reason), actor=operator())
        show.done({"exclusion ended": str(where)}, as_json=as_json)
        return
    made = operators.exclude(where, reason=_reason(reason), public=_words(public), actor=operator())
    show.done({"excluded": str(made.network), "reason": made.reason, "public": made.public}, as_json=as_json)


@app.command()
def purge(
    source: Annotated[
        str, typer.Argument(metavar="[SOURCE]", help="A network, DOOR:, DOOR:NAME, or a name as in the journal.")
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
        raise typer.BadParameter("give either SOURCE, with --dry-run or --end or neither, or --list")
    purging = open_list(config).casework.purging
    if listed:
        show.suspensions(purging.suspensions(), as_json=as_json)
        return
    what = bringers.read(source)
    if end:
        purging.end(what, reason=_reason(reason), actor=operator())
        show.done({"suspension ended": what.text}, as_json=as_json)
        return
    why = _words(reason) if dry_run else _reason(reason)
    done = purging.purge(what, reason=why, public=_words(public), actor=operator(), dry_run=dry_run)
    show.purge(done, dry_run=dry_run, as_json=as_json)


@app.command()
def stop(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Stop all testing, everywhere, within a second; `dnsbl resume` takes it up again."""
    opened = open_list(config)
    opened.casework.operators.stop(reason=_reason(reason), actor=operator())
    show.done({"testing": "stopped", "reason": _reason(reason)}, as_json=as_json)


@app.command()
def resume(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Take testing up again after `dnsbl stop`."""
    opened = open_list(config)
    if opened.casework.views.stopped() is None:
        raise DnsblError("Testing is not stopped.")
    opened.casework.operators.resume(reason=_words(reason), actor=operator())
    show.done({"testing": "goes on"}, as_json=as_json)


@app.command()
def status(config: Config = None, as_json: Json = False) -> None:
    """How the list does: whether hosts are tested, listings end and mail goes out."""
    state.status(open_list(config), as_json=as_json)


@app.command("notices")
def sent_notices(
    most: Annotated[int, typer.Option("--most", help="At most so many, the newest.", min=1)] = 50,
    trial: Annotated[str, typer.Option("--trial", help="Send this address a mail, to see whether it arrives.")] = "",
    silence: Annotated[str, typer.Option("--silence", help="Send this address no mail any more.")] = "",
    end: Annotated[str, typer.Option("--end", help="Let mail go to this silenced address again.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """The mail that this list sends: what became of the last ones; who gets none."""
    if len([word for word in (trial, silence, end) if word]) > 1:
        raise typer.BadParameter("give one of --trial, --silence and --end")
    dispatch = open_list(config).casework.dispatch
    if trial:
        show.done({"queued": dispatch.try_out(trial, actor=operator()).recipient}, as_json=as_json)
    elif silence:
        show.done({"silenced": silence, "news": dispatch.silence(silence, actor=operator())}, as_json=as_json)
    elif end:
        show.done({"not silenced": end, "news": dispatch.listen_again(end, actor=operator())}, as_json=as_json)
    else:
        state.notices(dispatch.newest(most=most), as_json=as_json)


@app.command()
def watch(
    network: Annotated[str, typer.Argument(metavar="[NET]", help="The network to watch.")] = "",
    mail: Annotated[str, typer.Option("--mail", help="Tell this mail address.")] = "",
    webhook: Annotated[str, typer.Option("--webhook", help="Tell the program at this address, signed.")] = "",
    end: Annotated[str, typer.Option("--end", help="End the watch with this token.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Who is told of new listings in a network: all watches, a new one by an operator's word, or the end of one."""
    if len([word for word in (mail or webhook, end) if word]) > 1 or (mail and webhook) or (network and end):
        raise typer.BadParameter("give NET, with --mail or --webhook or neither (a feed), or --end TOKEN")
    opened = open_list(config)
    watching = opened.casework.watching
    if end:
        show.done({"ended": str(watching.end(end, actor=operator()).network)}, as_json=as_json)
    elif network:
        way = "mail" if mail else "webhook" if webhook else "feed"
        made = watching.set_up(network, way, mail or webhook, actor=operator())
        feed = f"{opened.settings.web.base_url}/watch/{made.token}.atom"
        secret = {"secret": made.secret} if webhook else {}
        show.done(
            {"watching": str(made.network), "way": way, "token": made.token, "feed": feed} | secret, as_json=as_json
        )
    else:
        state.watches(watching.all(most=1000), as_json=as_json)


@app.command()
def inbox(
    number: Annotated[int, typer.Argument(metavar="[NUMBER]", help="Show this message.", min=0)] = 0,
    most: Annotated[int, typer.Option("--most", help="At most so many messages, the newest.", min=1)] = 50,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What people have written to us, reports of our letters as abuse, and answers that could not be read."""
    casework = open_list(config).casework
    if number:
        show.message(casework.operators.message(number), as_json=as_json)
    else:
        show.inbox(casework.operators.inbox(most=most), as_json=as_json)


Networks = Annotated[str, typer.Argument(metavar="[NET]", help="A network or address.")]
From = Annotated[Path | None, typer.Option("--from", help="A file with one network a line; # starts a comment.")]
Kind = Annotated[str, typer.Option("--kind", help="The kind of listing, as named in the zone files.")]


@listing.command("add")
def listing_add(
    network: Networks = "",
    file: From = None,
    kind: Kind = "manual",
    reason: Reason = "",
    public: Public = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List networks by an operator's word (never as a proven relay). All or nothing."""
    opened = open_list(config)
    _known_kind(opened, kind)
    given = networks.given(network, file)
    counted = networks.watched(given, "listing")
    added = opened.casework.operators.list_networks(
        counted, kind=kind, reason=_reason(reason), public=_words(public), actor=operator()
    )
    show.done({"kind": kind, "given": len(given), "added": added}, as_json=as_json)


@listing.command("drop")
def listing_drop(
    network: Networks = "",
    file: From = None,
    kind: Kind = "manual",
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End operators' listings. All or nothing."""
    opened = open_list(config)
    given = networks.given(network, file)
    counted = networks.watched(given, "dropping")
    dropped = opened.casework.operators.drop_networks(counted, kind=kind, reason=_reason(reason), actor=operator())
    show.done({"kind": kind, "given": len(given), "dropped": dropped}, as_json=as_json)


@listing.command("except")
def listing_except(
    network: Networks = "",
    end: Annotated[bool, typer.Option("--end", help="It is as listed as what is around it again.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="Show every network that is left out.")] = False,
    reason: Reason = "",
    public: Public = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Leave an address or network out of every wider listing, in DNS, transfers, exports and look-up."""
    if listed == bool(network) or (listed and end):
        raise typer.BadParameter("give either NET, with --end or without, or --list")
    operators = open_list(config).casework.operators
    if listed:
        show.exceptions(operators.exceptions(), as_json=as_json)
        return
    where = networks.one(network)
    if end:
        operators.leave_in(where, reason=_reason(reason), actor=operator())
        show.done({"exception ended": str(where)}, as_json=as_json)
        return
    around = operators.leave_out(where, reason=_reason(reason), public=_words(public), actor=operator())
    out_of = [f"{listing.network} ({listing.kind})" for listing in around]
    show.done({"excepted": str(where), "out of": out_of}, as_json=as_json)


@listing.command("review")
def listing_review(
    network: Networks = "",
    keep: Annotated[bool, typer.Option("--keep", help="NET was looked at, and stays until its next review.")] = False,
    confirm: Annotated[bool, typer.Option("--confirm", help="List NET, which another operator has proposed.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="NET, which was proposed, is not listed.")] = False,
    within: Annotated[float, typer.Option("--within", help="Days in which a listing lapses.", min=0)] = 30,
    kind: Kind = "manual",
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Operators' listings that lapse soon, and what waits for a second operator; exit 1 when there is any."""
    if keep + confirm + withdraw != bool(network):
        raise typer.BadParameter("give NET with one of --keep, --confirm and --withdraw, or nothing")
    reviewing = open_list(config).casework.reviewing
    if not network:
        lapsing, waiting = reviewing.due(within_days=within), reviewing.proposals()
        show.review(lapsing, waiting, as_json=as_json)
        if lapsing or waiting:
            raise typer.Exit(1)
        return
    where, why = networks.one(network), _reason(reason)
    if keep:
        until = reviewing.keep(where, kind=kind, reason=why, actor=operator())
        show.done({"kept": str(where), "until": f"{until:%Y-%m-%d}" if until else None}, as_json=as_json)
    elif confirm:
        reviewing.confirm(where, kind=kind, reason=why, actor=operator())
        show.done({"listed": str(where), "kind": kind}, as_json=as_json)
    else:
        reviewing.withdraw(where, kind=kind, reason=why, actor=operator())
        show.done({"withdrawn": str(where)}, as_json=as_json)


@listing.command("expire")
def listing_expire(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """End the listings whose time has come, however many, after the scheduler found them too many at once."""
    opened = open_list(config)
    ended = opened.casework.upkeep.expire_all(reason=_reason(reason), actor=operator())
    show.done({"ended": ended}, as_json=as_json)


@keys.command("list")
def keys_list(config: Config = None, as_json: Json = False) -> None:
    """The list's keys by their fingerprints, and which of them this node holds."""
    show.keys(open_list(config).keyring.shown(), as_json=as_json)


@keys.command("rotate")
def keys_rotate(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """A new key for all nodes; it goes to them through the database, sealed, and signs in two minutes."""
    opened = open_list(config)
    show.keys([opened.keyring.rotate(reason=_reason(reason), actor=operator())], as_json=as_json)


@keys.command("replace")
def keys_replace(reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Begin anew, when the keys are lost on every node; tests that are under way are void, and repeated."""
    opened = open_list(config)
    key, void = opened.keyring.replace(reason=_reason(reason), actor=operator())
    show.keys([key], void=void, as_json=as_json)


@client_key.command("list")
def client_key_list(config: Config = None, as_json: Json = False) -> None:
    """How each client's key is used on this node: counts, rates, when last, and whether it was used elsewhere."""
    settings = read_settings(config)
    now = SystemClock().now().timestamp()
    show.client_keys(keybook.document(settings.dns, settings.service.state_dir, now), as_json=as_json)


@client_key.command("new")
def client_key_new(
    name: Annotated[str, typer.Option("--name", help="What you call its holder, in one word.")] = "",
    network: Annotated[
        list[str] | None, typer.Option("--network", help="A network that it is used from; may be repeated.")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Make a key for a client and add its line to dns.keys_file. The key is shown this once."""
    key, line = keybook.add(read_settings(config).dns, name=name, networks=network or [])
    show.done({"key": key, "line": line}, as_json=as_json)


@app.command()
def clock(
    trust: Annotated[bool, typer.Option("--trust", help="Say that this machine's clock is right.")] = False,
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Whether the clock is believed, on which all depends that happens because time has passed."""
    opened = open_list(config)
    if trust:
        opened.casework.operators.trust_clock(reason=_reason(reason), actor=operator())
    reckoning = opened.casework.presence.reckon()
    if reckoning.strange:
        raise DnsblError(reckoning.strange)
    show.done({"clock": f"{reckoning.now:%Y-%m-%dT%H:%M:%SZ}", "believed": True}, as_json=as_json)


@app.command()
def journal(
    address: Annotated[str, typer.Argument(metavar="[ADDR]", help="Only entries about this address or network.")] = "",
    verify: Annotated[bool, typer.Option("--verify", help="Check the hash chain of the whole journal.")] = False,
    ship: Annotated[
        Path | None, typer.Option("--ship", help="Add what is new to this event log, for `dnsbl restore`.")
    ] = None,
    most: Annotated[int, typer.Option("--most", help="At most so many entries, the newest.", min=1)] = 200,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What was decided, when, by whom and why."""
    opened = open_list(config)
    if ship is not None:
        show.done({"shipped": opened.casework.shipping.ship_to(ship), "to": str(ship)}, as_json=as_json)
        return
    if verify:
        show.done({"verified": opened.casework.operators.verify_journal()}, as_json=as_json)
        return
    subject = networks.one(address) if "/" in address else intake.asked(address) if address else None
    show.entries(opened.casework.operators.journal(subject, most=most), as_json=as_json)


@app.command("export")
def export_zone(
    form: Annotated[str, typer.Option("--format", help=f"{', '.join(export.FORMATS)}.")],
    origin: Annotated[str, typer.Option("--zone", help="The zone; may be left out when there is only one.")] = "",
    to: Annotated[Path | None, typer.Option("--to", help="Write this file, whole or not at all.")] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """A zone as a file for others: rbldnsd, BIND, JSON lines, Postfix (cidr), packet filters, a policy zone (rpz)."""
    if form not in export.FORMATS:
        raise typer.BadParameter(f"formats are {', '.join(export.FORMATS)}", param_hint="--format")
    if as_json and to is None:
        raise typer.BadParameter("goes only with --to", param_hint="--json")
    opened = open_list(config)
    zone = _zone(opened.zones, origin, ours=True)
    if zone.sources:
        raise DnsblError(f"{zone.origin}: hand out the files of its sources; an export has our own listings alone.")
    table = current_table(opened)
    now = opened.clock.now()
    not_after = now + timedelta(hours=opened.settings.copies.valid_hours)
    parts = export.encoded(export.written(form, zone, table, made=now, not_after=not_after))
    if to is None:
        for part in parts:
            sys.stdout.buffer.write(part)
        sys.stdout.buffer.flush()
        return
    try:
        write_whole(to, parts, mode=EVERYBODYS)
    except OSError as error:
        raise DnsblError(f"{to}: cannot be written: {error.strerror}.") from None
    show.done({"zone": zone.origin, "serial": table.soa_serial, "format": form, "file": str(to)}, as_json=as_json)


@app.command("monitor")
def watch_servers(
    once: Annotated[bool, typer.Option("--once", help="Ask once, and exit with 1 when somebody lags or lies.")] = False,
    every: Annotated[float, typer.Option("--every", help="Seconds between two rounds.", min=1)] = 60,
    patience: Annotated[
        float, typer.Option("--patience", help="Seconds that a server may need to follow a change.", min=0, max=600)
    ] = 10,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Ask ourselves and all secondaries for serial, test points and the last change; say who lags or lies."""
    from dnsbl.cli.watching import watch

    if as_json and not once:
        raise typer.BadParameter("goes only with --once", param_hint="--json")
    if not watch(open_list(config), once=once, every=every, patience=patience, as_json=as_json):
        raise typer.Exit(1)


@app.command("retire")
def plan_the_end(
    origin: Annotated[str, typer.Option("--zone", help="The zone that ends.")],
    on: Annotated[str, typer.Option("--on", help="The last day, as 2027-01-31.")] = "",
    print_delegation: Annotated[
        bool, typer.Option("--print-delegation", help="Only the records for the parent zone that lead nowhere.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="With less than a month of notice.")] = False,
    announce: Annotated[
        bool, typer.Option("--announce", help="Write the day into the zone's file: it is told, and kept.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Take the day out of the zone's file again.")] = False,
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Plan the end of a zone: announcement, steps, and a delegation that leads nowhere. With --announce the zone says
    so from now on (_status), and lists nothing any more from that day on, test points too."""
    if cancel == bool(on) or (cancel and (announce or print_delegation)):
        raise typer.BadParameter("give --on, or --cancel")
    settings = read_settings(config)
    zone = _zone(read_zones(settings), origin)
    today = SystemClock().now().date()
    if cancel:
        _write_end(config, zone, None, reason=_reason(reason))
        show.done({"zone": zone.origin, "ends": None, "reload": RELOAD}, as_json=as_json)
        return
    try:
        end = date.fromisoformat(on)
    except ValueError:
        raise typer.BadParameter("a day is needed, as 2027-01-31", param_hint="--on") from None
    if (why := retire.too_soon(today, end)) and not (force and end > today):
        raise DnsblError(why)
    if print_delegation and not as_json:
        typer.echo(retire.delegation(zone), nl=False)
        return
    service = settings.service
    words = retire.announcement(
        zone, name=service.name, contact=service.contact, website=service.website, today=today, end=end
    )
    if announce:
        _write_end(config, zone, end, reason=_reason(reason))
        if not as_json:
            typer.echo(f"{zone.origin} ends on {end}: {RELOAD}.\n")
    show.farewell(words, retire.plan(zone, end=end), retire.delegation(zone), as_json=as_json)


#: What makes a running list see a zone file that was changed.
RELOAD = "reload the running list (SIGHUP, `systemctl reload dnsbl`) on every node that has this file"


def _write_end(config: Path | None, zone: Zone, end: date | None, *, reason: str) -> None:
    """Change the last day in the zone's file, with an entry in the journal."""
    opened = open_list(config)
    path = zone_file(opened.settings, zone.origin)
    try:
        text = retire.dated(path.read_text(encoding="utf-8-sig"), end)
        write_whole(path, [text.encode()], mode=stat.S_IMODE(path.stat().st_mode))
    except (OSError, ValueError) as error:
        raise DnsblError(f"{path}: cannot be changed ({error}); put `retires` into it by hand.") from None
    opened.casework.operators.announce_end(zone.origin, end, reason=reason, actor=operator())


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Where to write.")] = Path(),
    zone: Annotated[str, typer.Option("--zone", help="The zone, under which mail servers ask.")] = "",
    address: Annotated[
        list[str] | None, typer.Option("--address", help="A public address of this machine; may be repeated.")
    ] = None,
    contact: Annotated[str, typer.Option("--contact", help="Mail address for people with questions.")] = "",
    base_url: Annotated[str, typer.Option("--base-url", help="Where the site is reached.")] = "",
    as_json: Json = False,
) -> None:
    """Write a first configuration, and show the DNS records to publish; asks what is not given."""
    from dnsbl.cli.founding import found

    found(folder, zone=zone, contact=contact, addresses=address or [], base_url=base_url, as_json=as_json)


@app.command("check-config")
def check_config(
    config: Config = None,
    sample: Annotated[bool, typer.Option("--example", help="Print the example file with every default.")] = False,
    as_json: Json = False,
) -> None:
    """Read configuration and zone files, and name every mistake."""
    if sample:
        typer.echo(example(), nl=False)
        return
    settings = read_settings(config)
    zones = read_zones(settings)
    read_tsig_keys(settings.dns)
    read_keys(settings.dns)
    broken, refused = source_report(zones, now=int(SystemClock().now().timestamp()))
    if broken:
        raise SettingsError(broken)
    _, shortage = fitted(settings, ROLES, granted())
    told = (settings.web.unnamed_proxy, settings.tester.known_by, shortage, *map(registered, zones.origins))
    notes = [note for note in told if note] + refused
    facts = {"config": str(config or usual() or "defaults"), "zones": [zone.origin for zone in zones]}
    show.done(facts | ({"notes": notes} if notes or as_json else {}), as_json=as_json)


@app.command("import-config", context_settings={"ignore_unknown_options": True})
def import_config(
    words: Annotated[list[str], typer.Argument(help="What stands behind rbldnsd on its command line.")],
    to: Annotated[Path, typer.Option("--to", help="The folder for the zone files.")] = Path("zones"),
    as_json: Json = False,
) -> None:
    """Read the command line of an rbldnsd behind --, and write zone files that do the same."""
    found = importing.imported(words)
    facts = {"written": importing.write(found, to), "settings": found.settings, "notes": found.notes}
    show.done(facts, as_json=as_json)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(metavar="F", help="Where to write; holds evidence, so keep it private.")],
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Write a copy of the whole store, as it is at one moment, while the list runs; keys.json is not in it."""
    from dnsbl.cli.copies import write

    written = write(open_list(config), file)
    show.done({"file": str(file), "octets": written}, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="F", help="What `dnsbl backup` has written.")],
    log: Annotated[
        Path | None, typer.Option("--log", help="The event log: what it knows to have happened since is not lost.")
    ] = None,
    trust_words: Annotated[
        bool, typer.Option("--trust-words", help="Without a log, keep operators' listings: none was dropped since.")
    ] = False,
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Fill an empty database from a copy. What was removed since does not come back; what is doubtful is retested."""
    from dnsbl.cli.copies import bring_back

    done = bring_back(config, file, log, reason=_reason(reason), actor=operator(), trust_words=trust_words)
    show.restored(done, as_json=as_json)


@database.command()
def upgrade(config: Config = None, as_json: Json = False) -> None:
    """Create the tables, or bring them to this version's form."""
    open_list(config, upgrade=True)
    show.done({"database": "at this version"}, as_json=as_json)


def registered(origin: str) -> str:
    """Why a zone's name is better another one, or ""."""
    if origin.count(".") > 1:
        return ""
    return (
        f"{origin} is a registered domain itself: a name below it can be delegated, and led nowhere at the list's end, "
        "without its site and mail (RFC 6471 3.1)."
    )


def _zone(served: Zones, origin: str, *, ours: bool = False) -> Zone:
    """The zone that is named, or the only one; `ours`: the only one that has no data files of other people."""
    zones = {zone.origin: zone for zone in served}
    if ours and not origin:
        zones = {name: zone for name, zone in zones.items() if not zone.sources}
    name = origin.rstrip(".").lower() or (next(iter(zones)) if len(zones) == 1 else "")
    if name not in zones:
        raise typer.BadParameter(f"zones are {', '.join(zones)}", param_hint="--zone")
    return zones[name]


def _known_kind(opened: OpenedList, kind: str) -> None:
    known = sorted({name for zone in opened.zones for view in zone.views.values() for name in view.kinds})
    if kind not in known:
        raise Refused(Refusal.WRONG_KIND, f"No zone file knows the kind {kind!r}; known are {', '.join(known)}.")
