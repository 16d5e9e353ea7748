"""The exception tree of this package. Holds errors only; imports nothing of ours.

    TesterError
    ├── BadTargets                           a file of hosts that is refused; the sentence says what to do
    ├── Declined                             what a collector does not take, for a reason that its sender is told
    ├── Deferred                             what a collector cannot take now, and may be brought again
    ├── ForgedToken   (also ValueError)      a token or proof that we never issued
    ├── NoLetters                            a list that gives a remote tester nothing to send
    ├── NotDialable   (also PermissionError) an address that must not be tested
    ├── Undialled     (also OSError)         our own machine cannot dial; nothing of it is the host's
    ├── UnknownName   (also LookupError)     a vector or profile that is not in the catalogue
    └── ReplyFault    (also ValueError)      bytes from a server that are no SMTP reply

The docstring is the default message, so no error is born without a sentence.
"""

from __future__ import annotations


class TesterError(Exception):
    """The test could not be carried out."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class BadTargets(TesterError):
    """The file, or what it asks for, is refused."""


class Declined(TesterError):
    """This cannot be used here."""


class Deferred(TesterError):
    """Too much was kept already, try again later."""


class ForgedToken(TesterError, ValueError):
    """This token was not issued by us."""


class NoLetters(TesterError):
    """The list has given no letters."""


class NotDialable(TesterError, PermissionError):
    """This address must not be tested."""


class Undialled(TesterError, OSError):
    """Our own machine cannot dial."""

    def __init__(self, message: str | None = None, number: int = 0) -> None:
        super().__init__(message)
        self.errno = number or None  #: what the system calls it


class UnknownName(TesterError, LookupError):
    """The catalogue has no such vector or profile."""


class ReplyFault(TesterError, ValueError):
    """The server's bytes are not an SMTP reply."""

    def __init__(self, outcome: str, message: str | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
