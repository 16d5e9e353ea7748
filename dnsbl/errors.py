"""The exception tree of the list. Holds errors only; imports nothing of ours.

    DnsblError
    ├── Refused          (also ValueError)    a door said no: one sentence for people, one named reason for code
    │   └── Busy                              nothing is wrong with it, but too many ask at once; soon it may pass
    ├── SettingsError    (also ValueError)    every mistake in a configuration or zone file, together
    ├── Withheld                              this node may not do this role as things stand; the sentence says why
    ├── NotFound         (also LookupError)   no such thing in the store
    ├── Full                                  as much is kept already as may be; it can be brought again later
    ├── PutOff                                a test waits for its turn, and is back in the queue
    ├── BrokenOff                             Ctrl-C has ended a command; the sentence says what goes on without it
    ├── StoreUnavailable (also ConnectionError) the database does not do what it is asked; `trouble` names why
    └── Damaged          (also ValueError)    stored data that does not hold together (journal, table on disk)

Errors are for code, sentences are for people: `str(error)` is always one sentence that may be shown.
"""

from __future__ import annotations

from enum import StrEnum


class DnsblError(Exception):
    """Something went wrong."""

    logged = False  #: whether the log has told it already, so that stderr need not say it again

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class Refused(DnsblError, ValueError):
    """This request is refused."""

    def __init__(self, reason: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason  #: a `vocabulary.Refusal` value
        self.retry_after = retry_after  #: seconds until the same request may pass, or None


class Busy(Refused):
    """So much of this is done just now that it is not even begun; the same request may pass soon."""


class SettingsError(DnsblError, ValueError):
    """The configuration has mistakes."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes  #: one sentence each: file, key, what is allowed


class Withheld(DnsblError):
    """This may not be done as things stand."""


class NotFound(DnsblError, LookupError):
    """There is no such thing."""


class Full(DnsblError):
    """Too much was kept already, try again later."""


class PutOff(DnsblError):
    """This test waits for its turn."""


class BrokenOff(DnsblError):
    """It was broken off."""


class Trouble(StrEnum):
    """What ails a database, or its disk."""

    AWAY = "away"  # cannot be reached
    VERSION = "version"  # is of another version than this program, or has no tables yet
    READ_ONLY = "read-only"
    FULL = "full"
    DAMAGED = "damaged"
    FAILING = "failing"  # its disk gives errors
    BUSY = "busy"
    CLOCK = "clock"  # what ails is the clock of this machine: nothing is entered at a time that is not believed
    REFUSED = "refused"  # a mistake of ours, or a schema that is none of ours


#: What an operator types next where the database does not answer; the end of such a sentence.
LOOK = "; `dnsbl doctor` looks at it."


class StoreUnavailable(DnsblError, ConnectionError):
    """The database cannot be reached."""

    def __init__(self, message: str | None = None, *, trouble: Trouble = Trouble.AWAY) -> None:
        super().__init__(message)
        self.trouble = trouble


class Damaged(DnsblError, ValueError):
    """Stored data does not hold together."""


def capital(said: str) -> str:
    """The same words, as a sentence begins."""
    return said[:1].upper() + said[1:]
