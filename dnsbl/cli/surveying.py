"""`dnsbl survey`: counts relays in networks of one's own, or among mail domains with leave, and tells the figures.
Reads the words, has a survey laid down and carried out, shows what it has found. Holds no figure."""

from __future__ import annotations

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, operator
from dnsbl.errors import DnsblError

with later():
    from dnsbl import config as reading
    from dnsbl import opened as lists
    from dnsbl.cli import show, surveys
    from dnsbl.daemons import laying

app = typer.Typer(
    help="How many hosts of your networks, or of mail domains with leave, relay: counted, never listed.",
    no_args_is_help=True,
)


class Family(StrEnum):
    """Whose first address of a domain's mail host is surveyed."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"
    BOTH = "both"


class ReportForm(StrEnum):
    """What a report is written as."""

    TEXT = "text"
    CSV = "csv"
    JSON = "json"
    HTML = "html"
    STUDIES = "studies"


Name = Annotated[str, typer.Argument(metavar="NAME", help="The survey's name, such as autumn-2026.")]


@app.command()
def run(
    name: Name,
    ranges: Annotated[
        list[str] | None, typer.Option("--range", metavar="NET", help="A network, address or FIRST-LAST; repeatable.")
    ] = None,
    nmap: Annotated[
        Path | None, typer.Option("--nmap", metavar="FILE", help="Hosts that nmap found up (-oX or -oG).")
    ] = None,
    domains: Annotated[
        list[Path] | None,
        typer.Option("--domains", metavar="FILE", help="A list of mail addresses or domains, one a line; repeatable."),
    ] = None,
    sample: Annotated[int | None, typer.Option("--sample", min=1, help="So many hosts of the domains, drawn.")] = None,
    seed: Annotated[str, typer.Option("--seed", help="What they are drawn by; drawn itself where none is given.")] = "",
    family: Annotated[
        Family | None, typer.Option("--family", help="Of each domain the first A (default), AAAA or both.")
    ] = None,
    authorization: Annotated[
        Path | None, typer.Option("--authorization", metavar="FILE", help="Who has authorized these domains (TOML).")
    ] = None,
    form: Annotated[str, typer.Option("--form", help="S01, S10 or S02; default: survey.form.")] = "",
    presence: Annotated[
        int | None,
        typer.Option(
            "--presence",
            metavar="PORT",
            min=1,
            max=65535,
            help="Where ranges are asked who is silent at the mail port.",
        ),
    ] = None,
    wait: Annotated[
        float | None,
        typer.Option("--wait", min=0, help="Seconds to wait for letters at the end; default: survey.wait."),
    ] = None,
    resolver: Annotated[
        str, typer.Option("--resolver", metavar="ADDR:PORT", help="Whom to ask in DNS; default: as the system does.")
    ] = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Survey; or go on with a survey that was broken off. Nobody is listed by it."""
    opened = lists.open_list(config)
    given, order = [ranges, nmap, domains], None
    if begun := surveys.is_begun(opened.settings, name):
        if any(given):
            raise DnsblError(
                f"The survey {name!r} was begun already and goes on without sources; or take another name."
            )
        fixed = {
            "--sample": sample,
            "--seed": seed,
            "--family": family,
            "--authorization": authorization,
            "--form": form,
            "--presence": presence,
            "--resolver": resolver,
        }
        if further := [option for option, value in fixed.items() if value]:
            raise DnsblError(f"The survey {name!r} goes on as it was begun, without {', '.join(further)}.")
    elif sum(map(bool, given)) != 1:
        raise typer.BadParameter("a new survey needs --range, --nmap or --domains, and one of them only")
    if form not in ("", "S01", "S02", "S10"):
        raise typer.BadParameter("the form is one of S01, S02 and S10", param_hint="--form")
    if not begun:
        order = laying.SurveyOrder(
            name=name,
            operator=operator(),
            form=form or opened.settings.survey.form,
            ranges=tuple(ranges or ()),
            nmap=nmap,
            domains=tuple(domains or ()),
            sample=sample,
            seed=seed or secrets.token_hex(8),
            families={Family.IPV4: (4,), Family.IPV6: (6,), Family.BOTH: (4, 6)}[family or Family.IPV4],
            authorization=authorization,
            presence_port=presence,
            resolver=resolver,
        )
    found = surveys.survey(opened, name, order, wait=wait)
    typer.echo(surveys.told([found], "json" if as_json else "text", hosts=False), nl=False)


@app.command("report")
def report_on(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Surveys; of several the trend too.")],
    form: Annotated[
        ReportForm, typer.Option("--format", help="What it is written as; studies: beside what two papers printed.")
    ] = ReportForm.TEXT,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to, in place of stdout.")] = None,
    hosts: Annotated[
        bool, typer.Option("--hosts", help="Name the hosts that took the letter; whoever gets that list can abuse it.")
    ] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Tell what surveys have found, finished or not."""
    if as_json and form not in (ReportForm.TEXT, ReportForm.JSON):
        raise typer.BadParameter(f"goes not with --format {form}", param_hint="--json")
    form = ReportForm.JSON if as_json else form
    if hosts and form in (ReportForm.HTML, ReportForm.STUDIES):
        raise typer.BadParameter("a page names no hosts; text, csv and json do", param_hint="--hosts")
    text = surveys.told(surveys.tallies(reading.read_settings(config), names), form.value, hosts=hosts)
    if out is None:
        typer.echo(text, nl=False)
    else:
        surveys.write(out, text)
        if as_json:
            show.done({"file": str(out)}, as_json=True)
