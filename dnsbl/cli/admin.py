"""`dnsbl admin`: who may sign in on the operators' side of the site. Reads the words, calls one verb, shows who.

A password is asked for without echo, or read from standard input; it is never a word of the command, which others on
this machine could see.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from dnsbl.cli.later import later
from dnsbl.cli.words import Config, Json, Reason, operator, reason_of
from dnsbl.errors import DnsblError
from dnsbl.model import OperatorAccount
from dnsbl.vocabulary import Role

with later():
    from dnsbl import opened as lists
    from dnsbl.cli import drawing, show, terminal

app = typer.Typer(help="Who may sign in on the operators' side of the site (/admin).", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The account's name, a word.")]
Stdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command()
def add(
    name: Name,
    role: Annotated[Role, typer.Option("--role", help="What he may do.")] = Role.OWNER,
    stdin: Stdin = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """An account; its password is asked for twice. With the first one /admin is there."""
    opened = lists.open_list(config, zoned=False)
    opened.casework.accounts.vacant(name)  # before a password is typed twice
    account = opened.casework.accounts.add(name, _password(stdin), role=role, actor=operator())
    _done(opened, account.name, as_json=as_json)


@app.command("list")
def accounts(config: Config = None, as_json: Json = False) -> None:
    """Every account: role, whether one-time codes are asked for, whether it is let in."""
    found = lists.open_list(config, zoned=False).casework.accounts.all()
    if as_json:
        show.document({"accounts": [_row(account) for account in found]})
        return
    table = drawing.Table("account", "role", "one-time codes", "recovery codes", "since", "let in")
    for account in found:
        row = _row(account)
        table.add_row(
            account.name,
            account.role,
            "yes" if row["codes"] else "no",
            str(row["recovery_left"]) if row["codes"] else "-",
            f"{account.made:%Y-%m-%d}",
            "no" if account.disabled else "yes",
        )
    terminal.rows(table, nothing="Nobody has an account; `dnsbl admin add NAME` makes one.")


@app.command()
def disable(name: Name, reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Let somebody in no more; he is signed out everywhere."""
    opened = lists.open_list(config, zoned=False)
    opened.casework.accounts.disable(name, reason=reason_of(reason), actor=operator(), spare=True)
    _done(opened, name, as_json=as_json)


@app.command()
def enable(name: Name, reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Let him in again."""
    opened = lists.open_list(config, zoned=False)
    opened.casework.accounts.enable(name, reason=reason_of(reason), actor=operator())
    _done(opened, name, as_json=as_json)


@app.command()
def password(name: Name, stdin: Stdin = False, config: Config = None, as_json: Json = False) -> None:
    """Another password; he is signed out everywhere."""
    opened = lists.open_list(config, zoned=False)
    opened.casework.accounts.find(name)
    opened.casework.accounts.password(name, _password(stdin), actor=operator())
    _done(opened, name, as_json=as_json)


@app.command()
def role(
    name: Name,
    role: Annotated[Role, typer.Argument(metavar="ROLE", help="viewer, operator or owner.")],
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Another role."""
    opened = lists.open_list(config, zoned=False)
    opened.casework.accounts.role(name, role, reason=reason_of(reason), actor=operator(), spare=True)
    _done(opened, name, as_json=as_json)


@app.command()
def codes(name: Name, reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Ask for no one-time code any more, for whoever has lost device and recovery codes. (He begins on /admin/me.)"""
    opened = lists.open_list(config, zoned=False)
    opened.casework.accounts.end_codes(name, reason=reason_of(reason), actor=operator())
    _done(opened, name, as_json=as_json)


@app.command()
def remove(name: Name, reason: Reason = "", config: Config = None, as_json: Json = False) -> None:
    """Forget an account; what he has done stays in the journal."""
    accounts = lists.open_list(config, zoned=False).casework.accounts
    accounts.remove(name, reason=reason_of(reason), actor=operator(), spare=True)
    show.done({"removed": name.strip().lower()}, as_json=as_json)


def _password(stdin: bool) -> str:
    """The password that is typed twice, or comes in one line. Raises DnsblError where there is neither."""
    if stdin:
        line = sys.stdin.readline(4096)
        return line.removesuffix("\n").removesuffix("\r")
    if not sys.stdin.isatty():
        raise DnsblError("There is no terminal to type a password at; --password-stdin reads one.")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt="The same again", err=True)
    return typed


def _done(opened: lists.OpenedList, name: str, *, as_json: bool) -> None:
    """What an account is now, and for people where it is of use."""
    row = _row(opened.casework.accounts.find(name))
    more = {"on": None if not opened.settings.admin.on else f"{opened.settings.web.base_url}/admin"}
    show.done(row | ({} if as_json else more), as_json=as_json)


def _row(account: OperatorAccount) -> dict[str, Any]:
    return {
        "account": account.name,
        "role": account.role,
        "codes": bool(account.totp),
        "recovery_left": len(account.recovery.split()),
        "since": account.made,
        "disabled": account.disabled,
    }
