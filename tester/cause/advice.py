"""What closes a relay, for its cause and its software: data (advice.toml, beside this file) and the way to it.

Pure but for reading that file, once. Never guesses: where there is no advice for a program, the general one stands.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from tester.cause.reading import Cause
from tester.cause.software import Software
from tester.records import dataclass

#: What may stand in front of a mail server, in the order in which it is told; no greeting shows it.
FRONTS = ("docker", "haproxy", "traefik", "nginx", "nat-firewall")


@dataclass(frozen=True, kw_only=True, slots=True)
class Advice:
    """One way to close a relay."""

    cause: Cause
    setup: str  #: the program, or what stands in front of it; "" for everybody
    change: str  #: in words, whole sentences
    file: str = ""  #: where, as Debian has it; "" where words must do
    remove: tuple[str, ...] = ()  #: lines to take out: patterns that match whole lines, one or several at once (`re`)
    replace: tuple[tuple[str, str], ...] = ()  #: within lines: a pattern, and what comes in its place (`re.sub`)
    lines: tuple[str, ...] = ()  #: lines to put in, as the program reads them
    then: str = ""  #: the command that makes them count


@cache
def every() -> tuple[Advice, ...]:
    """All there is, in the order of the file."""
    rows = tomllib.loads(files(__package__).joinpath("advice.toml").read_text(encoding="utf-8"))["advice"]
    return tuple(
        Advice(
            cause=Cause(row["cause"]),
            setup=row.get("setup", ""),
            change=row["change"],
            file=row.get("file", ""),
            remove=tuple(row.get("remove", ())),
            replace=tuple((pattern, by) for pattern, by in row.get("replace", ())),
            lines=tuple(row.get("lines", ())),
            then=row.get("then", ""),
        )
        for row in rows
    )


def advice(cause: Cause, software: Software = Software.UNKNOWN) -> tuple[Advice, ...]:
    """What to do about it: the general advice, then that for its software, then that for what may stand in front.

    Of other programs' advice nothing is told: where the software is unknown, the general one and the fronts remain.
    """
    mine = [one for one in every() if one.cause is cause]
    wanted = ("", software.value, *FRONTS)
    return tuple(sorted((one for one in mine if one.setup in wanted), key=lambda one: wanted.index(one.setup)))
