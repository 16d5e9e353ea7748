"""The page that `-h` shows of a command: its words as they are written, and under them how it is typed.

Whoever draws the page takes what stands in brackets for a style, and leaves it out; so brackets go to it escaped. What
is typed stands here for all commands (`EXAMPLES`), and on the manual page too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter

#: How a command is typed, by its name.
EXAMPLES = {
    "serve": ("dnsbl serve -c /etc/dnsbl/config.toml", "dnsbl serve --only dns,web"),
    "demo": ("dnsbl demo", "dnsbl demo --keep"),
    "nominate": (
        "dnsbl nominate --evidence spam.eml",
        "dnsbl nominate --evidence Maildir/.spam --show",
        'dnsbl nominate 203.0.113.9 --reason "seen in our log"',
    ),
    "test": ("dnsbl test 203.0.113.9 --wait", "dnsbl test 2001:db8::25 --profile full"),
    "lookup": ("dnsbl lookup 203.0.113.9", "dnsbl lookup --from addresses.txt --json"),
    "remove": ("dnsbl remove 203.0.113.9 --wait",),
    "exclude": (
        'dnsbl exclude 203.0.113.0/24 --reason "its owner asks"',
        "dnsbl exclude --list",
        'dnsbl exclude 203.0.113.0/24 --end --reason "he has changed his mind"',
    ),
    "withdraw": ('dnsbl withdraw 17 --reason "the wrong file"',),
    "purge": ("dnsbl purge web: --dry-run", 'dnsbl purge 198.51.100.0/24 --reason "forged evidence"'),
    "forget": ("dnsbl forget --dry-run",),
    "stop": ('dnsbl stop --reason "complaints"',),
    "resume": ("dnsbl resume",),
    "statistics": ("dnsbl statistics --days 7",),
    "status": ("dnsbl status", "dnsbl status --watch"),
    "notices": ("dnsbl notices --trial me@example.net", "dnsbl notices --silence owner@example.net"),
    "watch": ("dnsbl watch 203.0.113.0/24 --mail noc@example.net", "dnsbl watch"),
    "inbox": ("dnsbl inbox", "dnsbl inbox 17", "dnsbl inbox 17 --raw"),
    "clock": ("dnsbl clock",),
    "journal": ("dnsbl journal 203.0.113.9", "dnsbl journal 203.0.113.0/24 --most 20", "dnsbl journal --verify"),
    "proof": ("dnsbl proof 203.0.113.9 --to 203.0.113.9.proof",),
    "verify": ("dnsbl verify 203.0.113.9.proof",),
    "init": (
        "dnsbl init /etc/dnsbl",
        "dnsbl init mine --zone relays.your-domain.net --address YOUR-ADDRESS",
        "dnsbl init try --profile orbs",
    ),
    "backup": ("dnsbl backup /backup/dnsbl-monday.gz",),
    "restore": ('dnsbl restore /backup/dnsbl-monday.gz --log events.jsonl --reason "new disk"',),
    "reporter add": ("dnsbl reporter add ann --contact ann@example.org",),
    "reporter list": ("dnsbl reporter list",),
    "reporter suspend": (
        'dnsbl reporter suspend ann --reason "forged mail"',
        'dnsbl reporter suspend ann --end --reason "it was a mistake"',
    ),
    "reporter tier": ('dnsbl reporter tier ann known --reason "a good year"',),
    "reporter key": ("dnsbl reporter key ann", "dnsbl reporter key ann --revoke"),
    "admin add": ("dnsbl admin add ann", "dnsbl admin add bob --role operator --password-stdin"),
    "admin list": ("dnsbl admin list",),
    "admin disable": ('dnsbl admin disable bob --reason "on leave"',),
    "admin enable": ('dnsbl admin enable bob --reason "he is back"',),
    "admin password": ("dnsbl admin password bob",),
    "admin role": ('dnsbl admin role bob viewer --reason "he only reads"',),
    "admin codes": ('dnsbl admin codes bob --reason "he has lost his phone"',),
    "admin remove": ('dnsbl admin remove bob --reason "he has left"',),
    "feed list": ("dnsbl feed list",),
    "feed pull": ("dnsbl feed pull ann",),
    "candidates import": ('dnsbl candidates import old-list.txt --reason "their list ends" --dry-run',),
    "candidates list": ("dnsbl candidates list",),
    "candidates drop": ('dnsbl candidates drop "operator ann" --reason "the wrong file"',),
    "listing add": (
        'dnsbl listing add 203.0.113.0/24 --reason "spam every day"',
        'dnsbl listing add --from networks.txt --kind manual --reason "list of Monday"',
    ),
    "listing drop": ('dnsbl listing drop 203.0.113.0/24 --reason "they have mended it"',),
    "listing list": (
        "dnsbl listing list --kind relay --since 2026-11-01",
        "dnsbl listing list --network 203.0.113.0/24",
    ),
    "listing except": (
        'dnsbl listing except 203.0.113.9 --reason "their own mail server"',
        "dnsbl listing except --list",
    ),
    "listing review": (
        "dnsbl listing review --within 7",
        'dnsbl listing review 203.0.113.0/24 --keep --reason "spam still comes"',
        'dnsbl listing review 203.0.113.9 --kind relay --confirm --reason "seen"',
    ),
    "listing expire": ('dnsbl listing expire --reason "the clock is right"',),
    "keys list": ("dnsbl keys list",),
    "keys rotate": ('dnsbl keys rotate --reason "once a year"',),
    "keys replace": ('dnsbl keys replace --reason "lost with the disk"',),
    "log key": ("dnsbl log key",),
    "log status": ("dnsbl log status",),
    "log keep": ("dnsbl log keep",),
    "log rotate": ('dnsbl log rotate --reason "once a year"',),
    "log renew": ('dnsbl log renew --reason "the disk was lost"',),
    "client-key list": ("dnsbl client-key list",),
    "client-key new": ("dnsbl client-key new --name bobs --network 203.0.113.0/24",),
    "publish-key": ("dnsbl publish-key",),
    "export": ("dnsbl export --format rbldnsd --to relays.rbldnsd",),
    "monitor": (
        "dnsbl monitor --once",
        "dnsbl monitor --log https://bl.example.org/log --key KEY --state seen.json",
    ),
    "retire": ("dnsbl retire --zone relays.example.net --on 2027-06-30",),
    "check-config": ("dnsbl check-config", "dnsbl check-config -c new.toml"),
    "doctor": ("dnsbl doctor", "dnsbl doctor --json"),
    "import-config": ("dnsbl import-config --to zones -- -b 127.0.0.1 sbl.example.net:ip4set:sbl.txt",),
    "survey run": (
        "dnsbl survey run autumn --range 203.0.113.0/24",
        "dnsbl survey run scan --nmap scan.xml",
        "dnsbl survey run mx --domains lists/a --sample 500 --authorization leave.toml",
        "dnsbl survey run autumn   # goes on where it was broken off",
    ),
    "survey report": (
        "dnsbl survey report autumn",
        "dnsbl survey report autumn winter --format html --out relays.html",
        "dnsbl survey report autumn --format csv --hosts",
    ),
    "db upgrade": ("dnsbl db upgrade",),
}

#: What rich would take for a style.
_STYLE = re.compile(r"\\*\[(?=[a-z#/@][^\[]*?\])")


def examples(path: str) -> tuple[str, ...]:
    """How the command of this name (`listing add`) is typed; none for a group."""
    return EXAMPLES.get(path, ())


class CommandPage(TyperCommand):
    """A command with its page."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        _leave_typed(self, ctx)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        with _as_written([self, *self.params]):
            super().format_help(ctx, formatter)
        if typed := examples(" ".join(_path(ctx))):
            typer.echo("\n".join([" Examples:", *(f"   {line}" for line in typed), ""]))


class GroupPage(TyperGroup):
    """The same of a group."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        _leave_typed(self, ctx)
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        below = [self.get_command(ctx, name) for name in self.list_commands(ctx)]
        with _as_written([self, *self.params, *below]):
            super().format_help(ctx, formatter)


def _leave_typed(command: TyperCommand | TyperGroup, ctx: Context) -> None:
    """At a Tab nothing is made of what is typed: values are pydantic's, which takes longer than all else of a Tab."""
    if ctx.resilient_parsing:
        for each in command.get_params(ctx):
            each.process_value = _as_typed  # type: ignore[method-assign]


def _as_typed(ctx: Context, value: Any) -> Any:
    return value


def _path(ctx: Context) -> list[str]:
    """The names of a command, behind that of the program."""
    return [*_path(ctx.parent), ctx.info_name or ""] if ctx.parent is not None else []


@contextmanager
def _as_written(words: list[Any]) -> Iterator[None]:
    """Within, brackets in the help of these are escaped."""
    before = [(one, name, str(getattr(one, name, "") or "")) for one in words for name in ("help", "short_help")]
    before = [each for each in before if each[2]]
    try:
        for one, name, text in before:
            setattr(one, name, _STYLE.sub(lambda found: "\\" + found[0], text))
        yield
    finally:
        for one, name, text in before:
            setattr(one, name, text)
