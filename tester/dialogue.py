"""Sans-IO client: replies in, next bytes out, the results in the end.

Pure. One `Dialogue` holds one connection: every event method returns the next `Command` for the shell, until
`Close`. The states and what each class of reply does there stand in `TABLE`; the methods below only carry the
table out. Knows nothing of sockets, clocks or what a letter means; never speaks of AUTH, VRFY, EXPN or BDAT and
never pipelines. Longer than most modules because the table, what it says and who carries it out are read together.

    dialogue = Dialogue(compose, ...)
    while dialogue:
        command = dialogue.start(now)
        while not isinstance(command, Close):
            command = dialogue.reply(...) | .fault(...) | .elapsed(now) | .proven(yes, now) | .tls_done(now)
        ... keep dialogue.results ...
        dialogue = dialogue.again()
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from tester.smtp import PENDING, REFUSED, Attempt, Control, Flag, Limits, Outcome, Reply, Result, escape

# ---------------------------------------------------------------------------------------------- commands


@dataclass(frozen=True, slots=True)
class Expect:
    """Wait for the greeting, at most `wait` seconds, then call `reply` or `fault`."""

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
class StartTls:
    """Shake hands within `wait` seconds, then call `tls_done`, or `fault(TLS_FAIL)`."""

    wait: float


@dataclass(frozen=True, slots=True)
class Close:
    """Drop the connection; the dialogue is over."""


Action = Expect | Send | SendBody | Pause | AskProven | StartTls
Command = Action | Close

# ------------------------------------------------------------------------------------------- the state table


class Phase(StrEnum):
    """Where the conversation stands: whose turn it is follows from the name."""

    BANNER = "BANNER"
    EHLO = "EHLO"
    HELO = "HELO"
    STARTTLS = "STARTTLS"
    TLS = "TLS"
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
    QUIT = "QUIT"
    CLOSED = "CLOSED"


class Scope(StrEnum):
    """Whom a failure in a phase concerns."""

    EVERY = "EVERY"  #: every attempt that is left: without this step there is no transaction at all
    ONE = "ONE"  #: the attempt in hand
    NONE = "NONE"  #: no attempt; the connection is given up and the rest moves to the next one


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
        _P.STARTTLS: Row(_ONE, "EHLO", "220", _P.TLS, _TLS_NO, _TLS_NO, _TLS_NO, _INJECTED),
        _P.TLS: Row(_ONE, "EHLO", "", _P.EHLO, _TLS_NO, _TLS_NO),
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

TARPIT_AFTER = 30.0  #: seconds for one reply, above which the server is said to be a tarpit
REPLY_SHOWN = 1000  #: characters of a reply that a Result keeps; the events keep all of it

_CONTROL_PHASES = frozenset({Phase.CONTROL_MAIL, Phase.CONTROL_RCPT, Phase.CONTROL_BARE, Phase.CONTROL_RSET})
#: A host name that may go into our own commands: letters, digits, hyphens, at least one dot (RFC 5321 4.1.2).
_LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rb"(?=.{1,253}\Z)" + _LABEL + rb"(?:\." + _LABEL + rb")+")
_WANTS_TLS = re.compile(rb"start\s?tls", re.IGNORECASE)
_WANTS_AUTH = re.compile(rb"\bauth(?:entication|enticate|enticated)?\b", re.IGNORECASE)
_DENIES_RELAY = re.compile(
    rb"relay(?:ing)?\s+(?:access\s+)?(?:is\s+)?(?:denied|prohibited|not\s+(?:permitted|allowed))|(?:unable|not\s+permitted|not\s+allowed)\s+to\s+relay",
    re.IGNORECASE,
)


def stuffed(message: bytes) -> bytes:
    """The message as it goes over the wire: dots doubled at line starts, the final dot added (RFC 5321 4.5.2)."""
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def refusal(phase: Phase, reply: Reply) -> Outcome | None:
    """A finer name for a 4xx or 5xx at RCPT than the table's, or None."""
    if phase is not Phase.RCPT:
        return None
    text = b" ".join(reply.lines)
    if reply.code < 500:
        # Postfix's stock answer (defer_unauth_destination): a denial in the clothes of a deferral.
        denied = _DENIES_RELAY.search(text) or (reply.code == 454 and reply.enhanced == "4.7.1")
        return _O.RCPT_DENIED_SOFT if denied else None
    # RFC 4954 section 6: 530 "authentication required", 535 "credentials invalid".
    asks = reply.code in (530, 535) or (reply.code in (550, 553, 554) and _WANTS_AUTH.search(text))
    return _O.RCPT_AUTH if asks else None


# -------------------------------------------------------------------------------------------- the dialogue


class Dialogue:
    """One connection's conversation.

    `compose(T)` is called once, as soon as the server's name is known or the conversation has failed before that
    (then with ""), and returns the attempts in order. At most `limits.attempts` are made here, at most
    `limits.odd_attempts` of them syntactically odd; the rest is for `again()`. All times are offsets in seconds
    from the session's start.
    """

    def __init__(
        self,
        compose: Callable[[str], Sequence[Attempt]],
        *,
        helo: str,
        bounce_address: str,
        limits: Limits,
        earlier: Sequence[Outcome] = (),
    ) -> None:
        self.phase = Phase.BANNER
        self.results: list[Result] = []
        self.control = Control.NOT_RUN
        self.flags: set[Flag] = set()
        self.target_name = ""  #: T: a host name fit for our own commands, or ""
        self._compose: Callable[[str], Sequence[Attempt]] | None = compose
        self._helo = helo.encode("ascii")
        self._bounce = bounce_address.encode("ascii")
        self._limits = limits
        self._earlier = tuple(earlier)
        self._batch: deque[Attempt] = deque()  # for this connection
        self._left: list[Attempt] = []  # for the next ones
        self._current: Attempt | None = None
        self._attempt_flags: set[Flag] = set()
        self._dot_at: float | None = None
        self._spoke_at = 0.0
        self._offers_tls = False
        self._control_begun = False
        self._gone = False  # the connection is lost, only a question to our own side is open

    # ------------------------------------------------------------------------------------------ events

    def start(self, now: float) -> Command:
        """The connection stands (or is about to): wait for the greeting."""
        self._spoke_at = now
        return Expect(self._limits.banner)

    def reply(self, reply: Reply, now: float) -> Command:
        """The server's one complete reply to what was sent, with nothing behind it."""
        self._note(reply, now)
        row = TABLE[self.phase]
        if self.phase is Phase.QUIT and not str(reply.code).startswith("2"):
            return self._quit_failed()
        if str(reply.code).startswith(row.good):
            return self._good(row, reply, now)
        if reply.code == 421 and self.phase is not Phase.QUIT:
            return self._busy(row, reply)
        if not 400 <= reply.code <= 599:
            return self.fault(Outcome.PROTOCOL, now)
        if self._needs_tls(reply):
            self.flags.add(Flag.TLS_NEEDED)
            self._attempt_flags.add(Flag.TLS_NEEDED)
            return self._enter(Phase.STARTTLS, now)
        cell = row.soft if reply.code < 500 else row.hard
        if isinstance(cell, Phase):
            if cell is Phase.HELO:
                self.flags.add(Flag.HELO_FALLBACK)
            return self._enter(cell, now)
        if isinstance(cell, Control):
            self.control = cell
            return self._enter(Phase.CONTROL_RSET, now)
        if row.scope is Scope.EVERY:
            self._end_every(cell, row.stage, reply)
            return self._enter(Phase.QUIT, now)
        self._end(refusal(self.phase, reply) or cell, row.stage, reply)
        if cell is Outcome.TLS_FAIL:
            # It insists on TLS and cannot do it: every other attempt would meet the same wall.
            self._give_up()
            return self._enter(Phase.QUIT, now)
        return self._after_attempt(now)

    def fault(self, outcome: Outcome, now: float) -> Command:
        """No reply, and none to be had: a timeout, an end, a reset, garbage, surplus bytes, a failed connect or
        handshake. Nothing more can be said on this connection."""
        row = TABLE[self.phase]
        outcome = row.any_fault or row.faults.get(outcome, outcome)
        if self.phase is Phase.QUIT:
            return self._quit_failed()
        if outcome is Outcome.UNSOLICITED and self.phase in _CONTROL_PHASES:
            self.control = Control.NOT_RUN  # of a server that talks out of turn nothing is believed
        if row.scope is Scope.EVERY:
            self._end_every(outcome, row.stage)
            return self._close()
        if row.scope is Scope.ONE:
            self._end(outcome, row.stage)
            self._left[:0] = self._batch
            self._batch.clear()
            if not self._progress():
                self._give_up()
            elif outcome is Outcome.MAYBE_ACCEPTED and self._left:
                self._gone = True
                self.phase = Phase.ASK
                return AskProven(self._limits.grace)
        return self._close()

    def elapsed(self, now: float) -> Command:
        """The pause is over."""
        return self._enter(TABLE[self.phase].then, now)

    def proven(self, yes: bool, now: float) -> Command:
        """Whether a letter of this run has come back: then one proof is enough and the rest stays untried."""
        if yes:
            self._give_up()
        if self._gone:
            return self._close()
        return self._enter(Phase.QUIT, now) if yes else self._after_attempt(now)

    def tls_done(self, now: float) -> Command:
        """The handshake succeeded: forget what the server said about itself, greet again (RFC 3207 4.2)."""
        self.flags.add(Flag.TLS_USED)
        self._attempt_flags.add(Flag.TLS_USED)
        return self._enter(TABLE[self.phase].then, now)

    def again(self) -> Dialogue | None:
        """The dialogue of the next connection, or None when everything has been said."""
        left = tuple(self._left)
        if not self.results or not (left or self._control_due()):
            return None
        return Dialogue(
            lambda _name: left,
            helo=self._helo.decode("ascii"),
            bounce_address=self._bounce.decode("ascii"),
            limits=self._limits,
            earlier=self._outcomes(),
        )

    # ------------------------------------------------------------------------------------- transitions

    def _good(self, row: Row, reply: Reply, now: float) -> Command:
        if self.phase in (Phase.BANNER, Phase.EHLO, Phase.HELO):
            self._learn(reply)
        elif self.phase is Phase.RCPT and reply.code not in (250, 251):
            self._attempt_flags.add(Flag.RCPT_ODD)
        elif self.phase is Phase.DOT:
            self._end(Outcome.ACCEPTED, "OK", reply)
            if not self._batch and not self._left:
                return self._after_attempt(now)
        elif row.then is Phase.CONTROL_RSET:
            self.control = Control.ACCEPTED
        return self._enter(row.then, now)

    def _busy(self, row: Row, reply: Reply) -> Command:
        """421: the server is leaving. What has not been tried is not tried elsewhere today."""
        if isinstance(row.busy, Control):
            self.control = row.busy
        elif row.scope is Scope.EVERY:
            assert row.busy is not None
            self._end_every(row.busy, row.stage, reply)
        elif row.busy is not None:
            self._end(row.busy, row.stage, reply)
        self._give_up()
        return self._close()

    def _enter(self, phase: Phase, now: float) -> Command:
        """Go to a phase and say what is due there."""
        if phase is Phase.MAIL:
            self._compose_once(self.target_name)
            if self._current is None and not self._batch:
                phase = Phase.CONTROL_MAIL if self._control_due() else Phase.QUIT
        self.phase = phase
        self._spoke_at = now
        target = self.target_name.encode("ascii")
        match phase:
            case Phase.ASK:
                return AskProven(self._limits.grace)
            case Phase.GAP:
                return Pause(self._limits.attempt_gap)
            case Phase.TLS:
                return StartTls(self._limits.command)
            case Phase.CLOSED:
                return self._close()
            case Phase.EHLO:
                line = b"EHLO " + self._helo
            case Phase.HELO:
                line = b"HELO " + self._helo
            case Phase.MAIL:
                if self._current is None:
                    self._current = self._batch.popleft()
                line = b"MAIL FROM:" + self._current.mail
            case Phase.RCPT:
                assert self._current is not None
                line = b"RCPT TO:" + self._current.rcpt
            case Phase.DOT:
                assert self._current is not None
                self._dot_at = now
                return SendBody(stuffed(self._current.message), self._limits.final)
            case Phase.CONTROL_MAIL:
                self._control_begun = True
                line = b"MAIL FROM:<" + self._bounce + b">"
            case Phase.CONTROL_RCPT if target:
                line = b"RCPT TO:<postmaster@" + target + b">"
            case Phase.CONTROL_RCPT | Phase.CONTROL_BARE:
                self.phase = Phase.CONTROL_BARE
                line = b"RCPT TO:<postmaster>"  # RFC 5321 4.5.1: without a domain, always valid
            case Phase.CONTROL_RSET:
                line = b"RSET"
            case _:
                line = phase.value.encode("ascii")  # STARTTLS, DATA, RSET, QUIT
        return Send(line + b"\r\n", self._limits.command)

    def _after_attempt(self, now: float) -> Command:
        if self._batch or self._control_due():
            return self._enter(Phase.GAP, now)
        return self._enter(Phase.QUIT, now)

    def _close(self) -> Command:
        self._left[:0] = self._batch
        self._batch.clear()
        self.phase = Phase.CLOSED
        return Close()

    def _quit_failed(self) -> Command:
        """Accepted, yet no clean goodbye: counted as IMCR-013's QUIT error, or the tables do not add up."""
        self.flags.add(Flag.QUIT_ERR)
        self.results = [replace(r, stage="QUIT") if r.stage == "OK" else r for r in self.results]
        return self._close()

    # ---------------------------------------------------------------------------------------- book-keeping

    def _compose_once(self, name: str) -> None:
        if self._compose is None:
            return
        attempts, self._compose = self._compose(name), None
        odd = 0
        for attempt in attempts:
            full = len(self._batch) >= self._limits.attempts
            too_odd = attempt.odd and odd >= self._limits.odd_attempts
            if self._batch and (full or too_odd):
                self._left.append(attempt)
            else:
                self._batch.append(attempt)
                odd += attempt.odd

    def _note(self, reply: Reply, now: float) -> None:
        flags = set(reply.flags)
        if now - self._spoke_at > TARPIT_AFTER:
            flags.add(Flag.TARPIT)
        self.flags |= flags
        if self._current is not None:
            self._attempt_flags |= flags

    def _learn(self, reply: Reply) -> None:
        """Take T from the banner, else from the reply to EHLO; only a plain host name is taken."""
        first = reply.lines[0].split(b" ")[0]
        if not self.target_name and _HOST_NAME.fullmatch(first):
            self.target_name = first.decode("ascii")
        keywords = {line.split(b" ")[0].upper() for line in reply.lines[1:]}
        self._offers_tls = b"STARTTLS" in keywords

    def _needs_tls(self, reply: Reply) -> bool:
        """RFC 3207 section 4: 530 "Must issue a STARTTLS command first"."""
        return (
            self.phase in (Phase.MAIL, Phase.RCPT)
            and reply.code == 530
            and self._offers_tls
            and Flag.TLS_USED not in self.flags
            and bool(_WANTS_TLS.search(b" ".join(reply.lines)))
        )

    def _end(self, outcome: Outcome, stage: str, reply: Reply | None = None) -> None:
        """The attempt in hand is over."""
        assert self._current is not None
        self._record(self._current, outcome, stage, reply)
        self._current, self._dot_at = None, None
        self._attempt_flags = set()

    def _end_every(self, outcome: Outcome, stage: str, reply: Reply | None = None) -> None:
        """No transaction is possible: every attempt that is left ends alike, so that tables add up."""
        self._compose_once("")
        for attempt in self._rest():
            self._record(attempt, outcome, stage, reply)

    def _give_up(self) -> None:
        """What is left stays untried."""
        for attempt in self._rest():
            self._record(attempt, Outcome.UNTRIED, "", None)

    def _rest(self) -> list[Attempt]:
        rest = [*([self._current] if self._current else ()), *self._batch, *self._left]
        self._current = None
        self._batch.clear()
        self._left = []
        return rest

    def _record(self, attempt: Attempt, outcome: Outcome, stage: str, reply: Reply | None) -> None:
        shown = f"{reply.code} {escape(b' '.join(reply.lines)[:REPLY_SHOWN])}"[:REPLY_SHOWN] if reply else ""
        self.results.append(
            Result(
                vector=attempt.vector,
                token=attempt.token,
                outcome=outcome,
                stage=stage,
                reply=shown,
                flags=frozenset(self._attempt_flags),
                dot_at=self._dot_at,
            )
        )

    def _outcomes(self) -> tuple[Outcome, ...]:
        return (*self._earlier, *(r.outcome for r in self.results))

    def _progress(self) -> bool:
        return any(r.outcome not in FAULTS for r in self.results)

    def _control_due(self) -> bool:
        """The control dialogue is owed when everything was answered, nothing was taken, and at least one refusal
        is for good. When all were merely put off, the later tries will tell; after a fault it could prove
        nothing."""
        outcomes = set(self._outcomes())
        return (
            not self._control_begun
            and not self._left
            and not outcomes & PENDING
            and bool(outcomes & REFUSED)
            and outcomes <= REFUSED | DEFERRED
        )
