"""The commands that have no module of their own: how a list begins and runs, one address, mail and watches, what is
seen of it all. One function each: read the words, call one verb, show the result. Decide nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Reason, one_of, operator, profile_names, reason_of, some_of
from dnsbl.daemons import ROLES
from dnsbl.errors import DnsblError, StoreUnavailable

with later():
    from dnsbl import casework, places, vocabulary
    from dnsbl import config as reading
    from dnsbl import opened as lists
    from dnsbl.cli import (
        following,
        founding,
        lookups,
        networks,
        nominating,
        serving,
        show,
        state,
        statistics,
        terminal,
        waiting,
    )
    from dnsbl.cli import status as status_screen
    from dnsbl.daemons import others as others_asked
    from dnsbl.demo import tour
    from dnsbl.rules import asking, intake, targets

app = typer.Typer()

Wait = Annotated[bool, typer.Option("--wait", help="Wait for the result and show progress.")]
Where = Annotated[str, typer.Argument(metavar="ADDR", help="An IPv4 or IPv6 address.")]


@app.command()
def serve(
    config: Config = None,
    only: Annotated[
        str,
        typer.Option(
            "--only",
            help=f"Some roles, with commas: {', '.join(ROLES)}.",
            show_default="all",
            autocompletion=some_of(*ROLES),
        ),
    ] = ",".join(ROLES),
    follow: Annotated[
        str, typer.Option("--follow", help="Follow the table at this URL, with --only dns: no database is needed.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Run the list: DNS in a process of its own, worker, collector, scheduler, notices and web in another."""
    roles = [role.strip() for role in only.split(",") if role.strip()]
    unknown = [role for role in roles if role not in ROLES]
    if unknown or not roles:
        raise typer.BadParameter(f"roles are {', '.join(ROLES)}; not {', '.join(unknown) or 'none'}")
    serving.serve_until_told(config, list(dict.fromkeys(roles)), follow=follow, as_json=as_json)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave it serving until Ctrl-C.")] = False,
    as_json: Json = False,
) -> None:
    """A neighbourhood of mail servers on loopback is nominated, tested, listed, fixed and delisted. Under a minute."""
    if not tour.run_tour(keep=keep, as_json=as_json):
        raise DnsblError("The tour did not end as it should; see above.")


@app.command()
def nominate(
    address: Annotated[str, typer.Argument(metavar="ADDR", help="The suspect; else read from the evidence.")] = "",
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
    dry: Annotated[
        bool, typer.Option("--dry-run", "--show", help="Show what was read; file nothing and test nobody.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Nominate a suspect mail server, with evidence; it is tested soon."""
    if not address and not evidence:
        raise typer.BadParameter("give ADDR, or the spam with --evidence FILE, or both")
    opened = lists.open_list(config)
    pieces = nominating.pieces(evidence or [])
    if pick is not None and len(pieces) > 1:
        raise typer.BadParameter("a line can be picked in one file only", param_hint="--pick")
    account = opened.casework.reporters.find(reporter) if reporter else None
    cases, total = nominating.read_each(
        pieces,
        lambda shown: intake.nominations(
            address,
            door=vocabulary.Door.CLI,
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
    profile: Annotated[
        str,
        typer.Option("--profile", help="basic, standard or full.", autocompletion=one_of("basic", "standard", "full")),
    ] = "standard",
    wait: Wait = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Test a host now, as an operator; the running `dnsbl serve` carries it out."""
    if profile not in ("basic", "standard", "full"):
        raise typer.BadParameter("profiles are basic, standard, full", param_hint="--profile")
    opened = lists.open_list(config)
    job = opened.casework.operators.order_test(
        targets.target(address, opened.settings), profile=profile, actor=operator()
    )
    if not wait:
        show.job(opened, job, "queued", as_json=as_json)
        return
    show.test(opened, waiting.wait_for(opened, job, quiet=as_json), as_json=as_json)


@app.command()
def lookup(
    address: Annotated[str, typer.Argument(metavar="ADDR", help="An IPv4 or IPv6 address.")] = "",
    file: Annotated[
        Path | None,
        typer.Option("--from", help="A file with one address a line, - is standard input; a line of answer for each."),
    ] = None,
    others: Annotated[
        bool,
        typer.Option("--others", help="Ask the lists of the settings (others) too; nothing rests on it."),
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Where an address stands, and why; or in brief, where each address in a file stands."""
    if bool(address) == bool(file) or (file and others):
        raise typer.BadParameter("give either ADDR, with --others or not, or --from FILE")
    settings = reading.read_settings(config)
    if places.follows(settings):
        following.look_up(following.kept(settings), address, file, others=others, as_json=as_json)
        return
    opened = lists.open_with(settings, reading.read_zones(settings))
    if file is not None:
        each, site = opened.casework.briefing.each, settings.web.base_url
        lookups.lookup_each(each, opened.zones, site, file, as_json=as_json)
        return
    where = asking.one(address, opened.zones.origins, opened.settings.web.base_url)
    asker = casework.base.Asker.of(vocabulary.Door.CLI, operator(), control=False)
    said = None
    if others:
        sources = others_asked.OtherLists(opened.settings.others, opened.clock)
        if not sources.on:
            raise DnsblError("No other lists are configured: name them in others.lists.")
        said = sources.look(where)
    show.standing(opened, opened.casework.views.look_up(where, asker=asker), others=said, as_json=as_json)


@app.command()
def remove(address: Where, wait: Wait = False, config: Config = None, as_json: Json = False) -> None:
    """Ask that an address be taken off the list: it is retested, and delisted when closed."""
    opened = lists.open_list(config)
    where = asking.one(address, opened.zones.origins, opened.settings.web.base_url)
    job = opened.casework.doors.ask_removal(where, door=vocabulary.Door.CLI, actor=operator())
    if job is None:
        show.standing(opened, opened.casework.views.look_up(where), as_json=as_json)
        return
    if not wait:
        show.job(opened, job, "retest queued", as_json=as_json)
        return
    report = waiting.wait_for(opened, job, quiet=as_json)
    show.test(opened, report, as_json=as_json)
    standing = opened.casework.views.look_up(where)
    if standing.state is vocabulary.State.LISTED:
        terminal.fail(f"{where} stays listed: {report.run.explanation or report.run.verdict}")


@app.command()
def status(
    watch: Annotated[
        bool, typer.Option("--watch", help="Draw it again and again until Ctrl-C; in a pipe once.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """How the list does, on one screen: what needs you, what is tested, listed and due, and who is at work."""
    settings = reading.read_settings(config)
    if places.follows(settings):
        following.show_status(following.kept(settings), as_json=as_json)
        return
    try:
        status_screen.show_status(lists.open_list(config, zoned=False), watch=watch, as_json=as_json)
    except StoreUnavailable as error:
        raise status_screen.known(error, settings) from None


@app.command("statistics")
def counted(
    days: Annotated[int, typer.Option("--days", help="So many days up to now.", min=1, max=366)] = 30,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What has happened, counted by day: what is listed, verdicts, causes, removals, nominations, answers."""
    statistics.show_statistics(lists.open_list(config), days, as_json=as_json)


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
    dispatch = lists.open_list(config, zoned=False).casework.dispatch
    if trial:
        show.done({"queued": dispatch.try_out(trial, actor=operator()).recipient}, as_json=as_json)
    elif silence:
        show.done({"silenced": silence, "changed": dispatch.silence(silence, actor=operator())}, as_json=as_json)
    elif end:
        show.done({"not silenced": end, "changed": dispatch.listen_again(end, actor=operator())}, as_json=as_json)
    else:
        state.notices(dispatch.newest(most=most), as_json=as_json)


@app.command()
def watch(
    network: Annotated[str, typer.Argument(metavar="NET", help="The network to watch.")] = "",
    mail: Annotated[str, typer.Option("--mail", help="Tell this mail address.")] = "",
    webhook: Annotated[str, typer.Option("--webhook", help="Tell the program at this address, signed.")] = "",
    end: Annotated[str, typer.Option("--end", help="End the watch with this token.")] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Who is told of new listings in a network: all watches, a new one by an operator's word, or the end of one."""
    if len([word for word in (mail or webhook, end) if word]) > 1 or (mail and webhook) or (network and end):
        raise typer.BadParameter("give NET, with --mail or --webhook or neither (a feed), or --end TOKEN")
    opened = lists.open_list(config)
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
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="Show this message.", min=0)] = 0,
    most: Annotated[int, typer.Option("--most", help="At most so many messages, the newest.", min=1)] = 50,
    raw: Annotated[bool, typer.Option("--raw", help="Show the message as it came, encodings and all.")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What people have written to us, reports of our letters as abuse, and answers that could not be read."""
    casework = lists.open_list(config, zoned=False).casework
    if number:
        show.message(casework.operators.message(number), raw=raw, as_json=as_json)
    else:
        show.inbox(casework.correspondence.page(most=most), as_json=as_json)


@app.command()
def clock(
    trust: Annotated[bool, typer.Option("--trust", help="Say that this machine's clock is right.")] = False,
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Whether the clock is believed, on which all depends that happens because time has passed."""
    opened = lists.open_list(config, zoned=False)
    if trust:
        opened.casework.operators.trust_clock(reason=reason_of(reason), actor=operator())
    reckoning = opened.casework.presence.reckon()
    if reckoning.strange:
        raise DnsblError(reckoning.strange)
    show.done({"clock": reckoning.now, "believed": True}, as_json=as_json)


@app.command()
def journal(
    address: Annotated[
        str, typer.Argument(metavar="ADDR", help="Only entries about this address, or network and all in it.")
    ] = "",
    verify: Annotated[bool, typer.Option("--verify", help="Check the hash chain of the whole journal.")] = False,
    ship: Annotated[
        Path | None, typer.Option("--ship", help="Add what is new to this event log, for `dnsbl restore`.")
    ] = None,
    most: Annotated[int, typer.Option("--most", help="At most so many entries, the newest.", min=1)] = 200,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """What was decided, when, by whom and why."""
    opened = lists.open_list(config, zoned=False)
    if ship is not None:
        show.done({"shipped": opened.casework.shipping.ship_to(ship), "to": str(ship)}, as_json=as_json)
        return
    if verify:
        show.done({"verified": opened.casework.operators.verify_journal()}, as_json=as_json)
        return
    operators = opened.casework.operators
    if "/" in address:
        found = operators.journal_within(networks.one(address), most=most)
    else:
        found = operators.journal(asking.typed(address) if address else None, most=most)
    show.entries(found, as_json=as_json)


@app.command("init")
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where to write.")] = Path(),
    zone: Annotated[str, typer.Option("--zone", help="The zone, under which mail servers ask.")] = "",
    address: Annotated[
        list[str] | None, typer.Option("--address", help="A public address of this machine; may be repeated.")
    ] = None,
    contact: Annotated[str, typer.Option("--contact", help="Mail address for people with questions.")] = "",
    base_url: Annotated[str, typer.Option("--base-url", help="Where the site is reached.")] = "",
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            help="A list of old that it shall be like; without --zone to be tried here.",
            autocompletion=profile_names,
        ),
    ] = "",
    listed: Annotated[bool, typer.Option("--list", help="Show what profiles there are.")] = False,
    as_json: Json = False,
) -> None:
    """Write a first configuration, and show the DNS records to publish; asks what is not given."""
    if listed:
        founding.profiles_there_are(as_json=as_json)
        return
    founding.found(
        folder,
        zone=zone,
        contact=contact,
        addresses=address or [],
        base_url=base_url,
        profile=profile,
        as_json=as_json,
    )
