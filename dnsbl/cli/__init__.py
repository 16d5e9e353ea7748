"""The command `dnsbl`, and where its errors become sentences. Puts nothing together: a list is opened in `opened`, and
its daemons and what answers are started in `daemons.node`.

Exit codes: 0 done, 1 refused or failed with one sentence on stderr, or without one where the reader of the results is
gone, 2 usage, 130 broken off by Ctrl-C. Logs go to stderr, results to stdout. Little is read before `main`, where
Ctrl-C is first answered.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dnsbl.errors import DnsblError

#: How a command ends that Ctrl-C has broken off: as the shell has it, 128 and the number of the signal.
BROKEN_OFF = 130
#: Objects that are made and not unmade before the collector looks for rings among them: at first, when they are modules
#: (a look-up makes half as many in all), and then.
SWEPT_FIRST, SWEPT_AFTER = 300_000, 10_000


def main() -> None:
    """Run the command line; never shows a traceback for a mistake of the user or the world, nor for Ctrl-C."""
    try:
        sys.unraisablehook = _leave
        _sweep_seldom()
        os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # else every package is looked into for one
        from dnsbl.cli.streams import flushed

        flushed(_run)
    except KeyboardInterrupt:
        sys.exit(BROKEN_OFF)


def _sweep_seldom() -> None:
    """What is made at a start are modules, which stay: to look through them for rings of dead objects, again and again
    while they are read and twice at the end, took a fifth of a short command. Files and connections are closed by
    their owners, and none waits for the collector; what is left of those over TLS `tester.listening` sees to."""
    gc.set_threshold(SWEPT_FIRST)
    gc.callbacks.append(_sweep_on)
    atexit.register(gc.freeze)


def _sweep_on(phase: str, info: dict[str, int]) -> None:
    """The command is no short one."""
    gc.set_threshold(SWEPT_AFTER)
    gc.callbacks.remove(_sweep_on)


def _leave(unraisable: sys.UnraisableHookArgs) -> None:
    """What came up where nobody can catch it (at the end of an object, of the program) ends the program if it was
    Ctrl-C, and is shown otherwise."""
    if issubclass(unraisable.exc_type, KeyboardInterrupt):
        os._exit(BROKEN_OFF)
    sys.__unraisablehook__(unraisable)


def _run() -> None:
    import typer

    from dnsbl.cli.misuse import misused
    from dnsbl.cli.program import app
    from dnsbl.cli.streams import warn
    from dnsbl.errors import BrokenOff, DnsblError

    if note := unconfigured(sys.argv[1:]):
        warn(f"dnsbl: {note}")
    try:
        sys.exit(app(standalone_mode=False) or 0)
    except typer.TyperException as error:
        if error.message or isinstance(error, typer.BadParameter):  # else the help was asked for by silence, and shown
            fault = misused(error)
            _tell_programs(fault)
            warn(in_words(fault))
        sys.exit(2)
    except typer.Abort as error:  # at a question: by Ctrl-C, or by the end of what is typed
        warn("dnsbl: It was broken off.")
        sys.exit(BROKEN_OFF if isinstance(error.__context__, KeyboardInterrupt) else 1)
    except DnsblError as error:
        _tell_programs(error)
        if isinstance(error, BrokenOff):
            warn(in_words(error))
            sys.exit(BROKEN_OFF)
        sys.exit(1 if error.logged else in_words(error))


def _tell_programs(error: DnsblError) -> None:
    """With --json, a failure is one document on stdout, too, if it can be written there."""
    if "--json" in sys.argv:
        import json
        from contextlib import suppress

        with suppress(OSError):
            print(json.dumps(problem(error)))


def unconfigured(words: list[str]) -> str:
    """A sentence where a command goes by defaults alone, since nobody has said where the configuration is; or ""."""
    from dnsbl.whereabouts import PREFIX, USUAL, usual

    given = {"-c", "--config", "-h", "--help", "--version"} & set(words) or any(
        w.startswith("--config=") for w in words
    )
    alone = not words or words[0] in ("demo", "init", "check-config", "import-config") or words[0].startswith("-")
    if given or alone or usual() or any(name.startswith(PREFIX) for name in os.environ):
        return ""
    return f"there is no {' or '.join(map(str, USUAL))}: defaults are used; --config names a file"


def problem(error: DnsblError) -> dict[str, object]:
    """The same as one JSON document: the sentence, the reason's name where there is one, seconds until it is worth
    another try where that is known; of a configuration every mistake.
    """
    from dnsbl.errors import Refused, SettingsError

    found: dict[str, object] = {"error": str(error), "reason": None, "retry_after": None}
    if isinstance(error, Refused):
        found |= {"reason": error.reason, "retry_after": error.retry_after}
    if isinstance(error, SettingsError):
        found |= {"mistakes": list(error.mistakes)}
    return found


def in_words(error: DnsblError) -> str:
    """What stderr says of an error: a sentence, or one for every mistake in a configuration."""
    from dnsbl.errors import SettingsError

    mistakes = error.mistakes if isinstance(error, SettingsError) else [str(error)]
    return "\n".join(f"dnsbl: {mistake}" for mistake in mistakes)
