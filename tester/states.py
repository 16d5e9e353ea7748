"""The states of a conversation: what may be due, and what each class of reply does there, as one table.

Pure data, and the finer names of a refusal. Carries nothing out: that is `dialogue`'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from enum import Enum, StrEnum, auto
from types import MappingProxyType

from tester.records import dataclass
from tester.refusals import Meant, read
from tester.smtp import Control, Outcome, Reply

# ---------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True)
class Expect:
    """Wait for the greeting, at most `wait` seconds, then call `reply` or `fault`."""

    wait: float


@dataclass(frozen=True, slots=True)
class SendFirst:
    """Send these octets before the greeting is read; then as `Expect`."""

    data: bytes
    wait: float


@dataclass(frozen=True, slots=True)
class Send:
    """Send one command line, CRLF included, and wait at most `wait` seconds for `reply` or `fault`."""

    data: bytes
    wait: float


@dataclass(frozen=True, slots=True)
class SendBody:
    """Send a message, stuffed and dotted, and wait at most `wait` seconds for `reply` or `fault`."""

    data: bytes
    wait: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Let `seconds` go by, then call `elapsed`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AskProven:
    """Wait at most `seconds` for a letter of this run to come back, then call `proven`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class AskOwn:
    """Find out, within `seconds`, which name is the server's own, in the light of the `names` that it calls itself by
    (maybe none); then call `named`."""

    names: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class StartTls:
    """Shake hands within `wait` seconds, then call `tls_done`, or `fault(TLS_FAIL)`. `certificate` says whether to show
    one of our own making."""

    wait: float
    certificate: bool = False


@dataclass(frozen=True, slots=True)
class Close:
    """Drop the connection; the dialogue is over."""


Action = Expect | SendFirst | Send | SendBody | Pause | AskProven | AskOwn | StartTls
Command = Action | Close

# ------------------------------------------------------------------------------------------- the state table


class Phase(StrEnum):
    """Where the conversation stands: whose turn it is follows from the name."""

    BANNER = "BANNER"
    EHLO = "EHLO"
    HELO = "HELO"
    XCLIENT = "XCLIENT"
    STARTTLS = "STARTTLS"  # because the server insists
    TLS = "TLS"
    OFFERED_TLS = "OFFERED_TLS"  # because we prefer it
    OFFERED_SHAKE = "OFFERED_SHAKE"
    NAME = "NAME"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    DOT = "DOT"
    ASK = "ASK"
    GAP = "GAP"
    RSET = "RSET"
    CONTROL_MAIL = "CONTROL_MAIL"
    CONTROL_RCPT = "CONTROL_RCPT"
    CONTROL_BARE = "CONTROL_BARE"
    CONTROL_RSET = "CONTROL_RSET"
    NONSENSE_MAIL = "NONSENSE_MAIL"
    NONSENSE_RCPT = "NONSENSE_RCPT"
    QUIT = "QUIT"
    CLOSED = "CLOSED"


class Scope(Enum):
    """Whom a failure in a phase concerns."""

    EVERY = auto()  #: every attempt that is left: without this step there is no transaction at all
    ONE = auto()  #: the attempt in hand
    NONE = auto()  #: no attempt; the connection is given up and the rest moves to the next one


@dataclass(frozen=True, slots=True)
class Row:
    """What may happen in one phase. A cell holds the next phase, or the outcome that ends the attempt(s), or the
    end of the control dialogue."""

    scope: Scope
    stage: str  #: the label of IMCR-013 for what ends here
    good: str  #: how the code of the wanted reply begins
    then: Phase  #: after the wanted reply (or the event that the phase waits for)
    soft: Phase | Outcome | Control  #: after 4xx
    hard: Phase | Outcome | Control  #: after 5xx
    busy: Outcome | Control | None = None  #: after 421, which always ends the connection (RFC 5321 3.8)
    faults: Mapping[Outcome, Outcome] = field(default_factory=dict)  #: faults that have their own name here
    any_fault: Outcome | None = None  #: the name of every other fault here, when it has one


_O, _C, _P = Outcome, Control, Phase
_EVERY, _ONE, _NONE = Scope.EVERY, Scope.ONE, Scope.NONE
_NO_BANNER = {
    _O.TIMEOUT: _O.BANNER_TIMEOUT,
    _O.DISCONNECTED: _O.BANNER_EOF,
    _O.PROTOCOL: _O.BANNER_GARBAGE,
    _O.OVERSIZE: _O.BANNER_OVERSIZE,
}
#: Bytes after "220 ready" and before the handshake are an injection (RFC 3207 section 4.2).
_INJECTED = {_O.UNSOLICITED: _O.TLS_INJECT}
_TLS_NO, _DEFERRED, _REFUSED = _O.TLS_FAIL, _C.DEFERRED, _C.REFUSED

TABLE: Mapping[Phase, Row] = MappingProxyType(
    {  # scope, stage, good, then, 4xx, 5xx, 421, faults
        _P.BANNER: Row(_EVERY, "CONNECT", "220", _P.EHLO, _O.BANNER_4XX, _O.BANNER_5XX, _O.BANNER_4XX, _NO_BANNER),
        _P.EHLO: Row(_EVERY, "EHLO", "2", _P.MAIL, _O.HELO_4XX, _P.HELO, _O.HELO_4XX),
        _P.HELO: Row(_EVERY, "EHLO", "2", _P.MAIL, _O.HELO_4XX, _O.HELO_5XX, _O.HELO_4XX),
        _P.XCLIENT: Row(_EVERY, "EHLO", "220", _P.EHLO, _O.HELO_4XX, _O.HELO_5XX, _O.HELO_4XX),
        _P.STARTTLS: Row(_ONE, "EHLO", "220", _P.TLS, _TLS_NO, _TLS_NO, _TLS_NO, _INJECTED),
        _P.TLS: Row(_ONE, "EHLO", "", _P.EHLO, _TLS_NO, _TLS_NO),
        # Taken where it is offered: what fails here is no reason against the server, the clear way remains.
        _P.OFFERED_TLS: Row(_EVERY, "EHLO", "220", _P.OFFERED_SHAKE, _P.MAIL, _P.MAIL, _O.EARLY_421, _INJECTED),
        _P.OFFERED_SHAKE: Row(_EVERY, "EHLO", "", _P.EHLO, _P.MAIL, _P.MAIL),
        _P.NAME: Row(_NONE, "", "", _P.MAIL, _P.MAIL, _P.MAIL),
        _P.MAIL: Row(_ONE, "MAIL", "2", _P.RCPT, _O.MAIL_4XX, _O.MAIL_5XX, _O.EARLY_421),
        _P.RCPT: Row(_ONE, "TO", "2", _P.DATA, _O.RCPT_4XX, _O.RCPT_5XX, _O.EARLY_421),
        _P.DATA: Row(_ONE, "DATA", "354", _P.DOT, _O.DATA_CMD_4XX, _O.DATA_CMD_5XX, _O.EARLY_421),
        # Once the dot is out the letter may be on its way, whatever else goes wrong; only a plain 4xx or 5xx,
        # 421 among them, says that the server did not keep it.
        _P.DOT: Row(
            _ONE,
            "DATA",
            "2",
            _P.ASK,
            _O.DATA_END_4XX,
            _O.DATA_END_5XX,
            _O.DATA_END_4XX,
            any_fault=_O.MAYBE_ACCEPTED,
        ),
        _P.ASK: Row(_NONE, "", "", _P.GAP, _P.QUIT, _P.QUIT),
        _P.GAP: Row(_NONE, "", "", _P.RSET, _P.QUIT, _P.QUIT),
        _P.RSET: Row(_NONE, "", "2", _P.MAIL, _P.QUIT, _P.QUIT),
        _P.CONTROL_MAIL: Row(_NONE, "", "2", _P.CONTROL_RCPT, _DEFERRED, _REFUSED, _DEFERRED),
        _P.CONTROL_RCPT: Row(_NONE, "", "2", _P.CONTROL_RSET, _P.CONTROL_BARE, _P.CONTROL_BARE, _DEFERRED),
        _P.CONTROL_BARE: Row(_NONE, "", "2", _P.CONTROL_RSET, _DEFERRED, _REFUSED, _DEFERRED),
        _P.CONTROL_RSET: Row(_NONE, "", "2", _P.QUIT, _P.QUIT, _P.QUIT),
        # Would it take anybody at its own name? Nothing is sent but the question.
        _P.NONSENSE_MAIL: Row(_NONE, "", "2", _P.NONSENSE_RCPT, _P.CONTROL_RSET, _P.CONTROL_RSET),
        _P.NONSENSE_RCPT: Row(_NONE, "", "2", _P.CONTROL_RSET, _P.CONTROL_RSET, _P.CONTROL_RSET),
        _P.QUIT: Row(_NONE, "", "2", _P.CLOSED, _P.CLOSED, _P.CLOSED),
        _P.CLOSED: Row(_NONE, "", "", _P.CLOSED, _P.CLOSED, _P.CLOSED),
    }
)

#: Faults of a conversation. A connection that yields nothing else for any attempt is not followed by another.
FAULTS = frozenset(
    {
        _O.TIMEOUT,
        _O.DISCONNECTED,
        _O.PROTOCOL,
        _O.OVERSIZE,
        _O.UNSOLICITED,
        _O.TLS_FAIL,
        _O.TLS_INJECT,
        _O.MAYBE_ACCEPTED,
    }
)
#: Put off, not refused: later tries will tell.
DEFERRED = frozenset({_O.MAIL_4XX, _O.RCPT_4XX, _O.DATA_CMD_4XX, _O.DATA_END_4XX})

#: Faults that a second connection may do better about, once each: TLS from the first octet where people log in, or none
#: where somebody speaks in clear, more patience, HELO alone, or no TLS. The first that fits and was not made is.
SECOND_TRY: Mapping[tuple[Phase, Outcome], tuple[str, ...]] = MappingProxyType(
    {
        (_P.BANNER, _O.BANNER_TIMEOUT): ("wrapped", "patience"),
        (_P.BANNER, _O.BANNER_EOF): ("wrapped", "again"),
        (_P.BANNER, _O.TLS_FAIL): ("unwrapped", "patience"),
        (_P.EHLO, _O.DISCONNECTED): ("helo",),
        (_P.HELO, _O.DISCONNECTED): ("helo",),
        (_P.OFFERED_TLS, _O.DISCONNECTED): ("clear",),
        (_P.OFFERED_SHAKE, _O.TLS_FAIL): ("clear",),
    }
)

_WANTS_AUTH = re.compile(rb"\bauth(?:entication|enticate|enticated)?\b", re.IGNORECASE)
_DENIES_RELAY = re.compile(
    rb"relay(?:ing)?\s+(?:access\s+)?(?:is\s+)?(?:denied|prohibited|not\s+(?:permitted|allowed))|(?:unable|not\s+permitted|not\s+allowed)\s+to\s+relay",
    re.IGNORECASE,
)


def refusal(phase: Phase, reply: Reply) -> Outcome | None:
    """A finer name for a 4xx or 5xx at RCPT than the table's, or None."""
    if phase is not Phase.RCPT:
        return None
    text, meant = b" ".join(reply.lines), read(f"{reply.code} {reply.text}").meant
    if reply.code < 500:
        # Postfix's stock answer (defer_unauth_destination): a denial in the clothes of a deferral.
        denied = _DENIES_RELAY.search(text) or (reply.code == 454 and reply.enhanced == "4.7.1")
        return _O.RCPT_DENIED_SOFT if denied and meant is not Meant.TESTER else None
    # RFC 4954 section 6: 530 "authentication required", 535 "credentials invalid".
    # Elsewhere the word alone may be about a sender's domain (SPF, DKIM), and about us.
    said = reply.code in (550, 553, 554) and _WANTS_AUTH.search(text) and meant is Meant.RELAYING
    asks = (reply.code in (530, 535) and meant is not Meant.TESTER) or said
    return _O.RCPT_AUTH if asks else None
