"""Sans-IO client: replies in, next bytes out, the results in the end.

Pure. One `Dialogue` holds one connection: every event method returns the next `Command` for the shell, until
`Close`. The states and what each class of reply does there stand in `states.TABLE`; the methods here only carry the
table out. Knows nothing of sockets, clocks or what a letter means; never speaks of AUTH, VRFY, EXPN or BDAT and
never pipelines. Over 400 lines, since what carries the table out is read in one piece.

    dialogue = Dialogue(approach, compose)
    while dialogue:
        command = dialogue.start(now)
        while not isinstance(command, Close):
            command = dialogue.reply(...) | .fault(...) | .elapsed(now) | .proven(yes, now) | .named(own, now)
                | .tls_done(now)
        ... keep dialogue.results ...
        dialogue = dialogue.again()
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import field, replace

from tester.approach import Approach
from tester.paths import SUBMISSION, Tls
from tester.records import dataclass
from tester.smtp import PENDING, REFUSED, Attempt, Control, Flag, Opening, Outcome, Reply, Result, Said, escape
from tester.states import (
    DEFERRED,
    FAULTS,
    SECOND_TRY,
    TABLE,
    AskOwn,
    AskProven,
    Close,
    Command,
    Expect,
    Pause,
    Phase,
    Row,
    Scope,
    Send,
    SendBody,
    SendFirst,
    StartTls,
    refusal,
)

TARPIT_AFTER = 30.0  #: seconds for one reply, above which the server is said to be a tarpit
REPLY_SHOWN = 1000  #: characters of a reply that a Result keeps; the events keep all of it
HEARD = 4096  #: octets of the greeting and the answer to EHLO that compose is told
OWN_NAME_WAIT = 10.0  #: seconds in which the server's own name must be found out

_ORDINARY = Opening()
#: How a server ends a connection that begins with what it does not take.
_BROKEN_OFF = frozenset(
    {
        Outcome.BANNER_EOF,
        Outcome.BANNER_GARBAGE,
        Outcome.DISCONNECTED,
        Outcome.PROTOCOL,
        Outcome.UNSOLICITED,
        Outcome.TLS_FAIL,
        Outcome.TLS_INJECT,
    }
)
#: A host name that may go into our own commands: letters, digits, hyphens, at least one dot (RFC 5321 4.1.2).
_LABEL = rb"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rb"(?=.{1,253}\Z)" + _LABEL + rb"(?:\." + _LABEL + rb")+")
_WANTS_TLS = re.compile(rb"start\s?tls", re.IGNORECASE)


def stuffed(message: bytes) -> bytes:
    """The message as it goes over the wire: dots doubled at line starts, the final dot added (RFC 5321 4.5.2)."""
    if not message.endswith(b"\r\n"):
        message += b"\r\n"
    if message.startswith(b"."):
        message = b"." + message
    return message.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def _shown(reply: Reply) -> str:
    """A reply as people and the store see it: escaped and bounded."""
    return f"{reply.code} {escape(b' '.join(reply.lines)[:REPLY_SHOWN])}"[:REPLY_SHOWN]


@dataclass(slots=True)
class _Course:
    """What the connections of one test share."""

    approach: Approach
    compose: Callable[[Said], Sequence[Attempt]] | None  # until it was called
    helo: bytes
    bounce: bytes
    nonsense: bytes  # until it was asked for
    ask_own: bool  # until it was asked
    prefer_tls: bool  # until it has come to nothing
    wrapped: bool  # whether the next connection begins with TLS
    own: str = ""
    helo_only: bool = False
    no_ehlo: bool = False  # whether the server has refused EHLO on a connection like everybody's
    greets_once: bool = False  # whether the server has refused to be greeted a second time on one connection
    connections: int = 0
    second: set[str] = field(default_factory=set)  # the second tries that were made
    control_begun: bool = False
    left: list[Attempt] = field(default_factory=list)  # for the next connections
    outcomes: list[Outcome] = field(default_factory=list)  # of all connections, in order; no other stranger's


class Dialogue:
    """One connection's conversation.

    `compose(said)` is called once, as soon as the server has said its name or the conversation has failed before that
    (then with nothing said), and returns the attempts in order; those with a reason to `skip` end at once. At most
    `limits.attempts` are made here, at most `limits.odd_attempts` of them syntactically odd; the rest is for
    `again()`. What the approach wants asked is asked: the shell for the server's own name before anything is composed;
    a server that has accepted everything for a local part that nobody has. All times are offsets in seconds from the
    session's start.
    """

    def __init__(self, approach: Approach, compose: Callable[[Said], Sequence[Attempt]]) -> None:
        self._connect(
            _Course(
                approach=approach,
                compose=compose,
                helo=approach.helo.encode("ascii"),
                bounce=approach.bounce_address.encode("ascii"),
                nonsense=approach.nonsense.encode("ascii"),
                ask_own=approach.ask_own,
                prefer_tls=approach.path.tls is Tls.OFFERED,
                wrapped=approach.path.tls is Tls.IMPLICIT,
            )
        )

    def _connect(self, course: _Course) -> None:
        course.connections += 1
        self.phase = Phase.BANNER
        self.results: list[Result] = []
        self.control = Control.NOT_RUN
        self.control_reply = ""  #: how mail for the server's postmaster was refused, or ""
        self.flags: set[Flag] = set()
        self.wrapped = course.wrapped  #: whether this connection is to be encrypted before its first word
        self._in_clear = False  # whether somebody spoke in clear there
        self.target_name = ""  #: T: a host name fit for our own commands, or ""
        self._course = course
        self._limits = course.approach.limits
        self._opening = course.left[0].opening if course.left else _ORDINARY
        self._commanded = False  # whether the opening's command is out
        self._opened = self._opening.plain  # whether all that the opening asks for was done, and taken
        self._usual = self._opening.helo or course.helo  # what we call ourselves on this connection
        self._helo = self._usual  # and now
        if course.greets_once and course.left:
            self._helo = course.left[0].helo or self._usual
        self._greets_anew = False  # whether the greeting that is under way is not the connection's first
        self._batch: deque[Attempt] = deque()  # for this connection
        self._current: Attempt | None = None
        self._attempt_flags: set[Flag] = set()
        self._dot_at: float | None = None
        self._spoke_at = 0.0
        self._slowest = 0.0  # seconds that a refusal took here
        self._heard = b""
        self._composed = False  # whether this connection has its attempts
        self._names: list[str] = []  # that the server calls itself by
        self._offers_tls = False
        self._clear = not (
            course.prefer_tls or self._opening.certificate
        )  # whether to go on without TLS where it is offered
        self._once_more = False  # whether the next connection starts from the beginning
        self._gone = False  # the connection is lost, only a question to our own side is open

    @property
    def source(self) -> str | None:
        """Our own address to dial from, or None for whichever the system takes."""
        return self._opening.source or self._course.approach.source

    @property
    def remark(self) -> str:
        """As whom we come on this connection, one line for the transcript."""
        return self._opening.remark or self._course.approach.remark

    # ------------------------------------------------------------------------------------------ events

    def start(self, now: float) -> Command:
        """The connection stands (or is about to): wait for the greeting."""
        self._spoke_at = now
        wait = self._limits.banner_second if "patience" in self._course.second else self._limits.banner
        return SendFirst(self._opening.before, wait) if self._opening.before else Expect(wait)

    def encrypted(self) -> None:
        """The connection stands and is encrypted before its first word, as `wrapped` says (RFC 8314 3)."""
        self.flags.add(Flag.TLS_USED)

    def in_clear(self) -> None:
        """In the place of a handshake something was said in clear; `fault(TLS_FAIL)` follows."""
        self._in_clear = True

    def reply(self, reply: Reply, now: float) -> Command:
        """The server's one complete reply to what was sent, with nothing behind it."""
        self._note(reply, now)
        row = TABLE[self.phase]
        if self.phase is Phase.QUIT and not str(reply.code).startswith("2"):
            return self._quit_failed()
        if self._answers_header(reply):
            self._end_unopened(row.stage, reply)
            return self._after_attempt(now)
        if str(reply.code).startswith(row.good):
            return self._good(row, reply, now)
        if reply.code == 421:
            return self._busy(row, reply)
        if reply.code < 400:
            return self.fault(Outcome.PROTOCOL, now)
        if self._needs_tls(reply):
            self.flags.add(Flag.TLS_NEEDED)
            self._attempt_flags.add(Flag.TLS_NEEDED)
            return self._enter(Phase.STARTTLS, now)
        if self._greets_anew and (reply.code == 503 or self._helo == self._course.helo):
            # Out of sequence (RFC 5321 4.2.4), or in a name that was welcome before: no name is refused but the second
            # greeting, as OpenSMTPD does. Each name has a connection of its own then.
            self._course.greets_once = True
            return self._enter(Phase.QUIT, now)
        cell = row.soft if reply.code < 500 else row.hard
        if isinstance(cell, Phase):
            if cell is Phase.HELO:
                self.flags.add(Flag.HELO_FALLBACK)
                self._course.no_ehlo = self._course.no_ehlo or self._opening == _ORDINARY
            return self._enter(cell, now)
        if isinstance(cell, Control):
            self.control = cell
            self.control_reply = _shown(reply) if cell is Control.REFUSED else ""
            return self._enter(Phase.CONTROL_RSET, now)
        if row.scope is Scope.EVERY and not self._ordinary():
            self._end_unopened(row.stage, reply)
            return self._after_attempt(now)
        if row.scope is Scope.EVERY:
            self._end_every(cell, row.stage, reply, unheard=self.phase is Phase.BANNER and reply.code < 500)
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
        if row.scope is Scope.EVERY and outcome in _BROKEN_OFF and not self._ordinary():
            self._end_unopened(row.stage, None)
            return self._close()
        if outcome is Outcome.BANNER_TIMEOUT:
            self.flags.add(Flag.TARPIT)
        if self._second_try(SECOND_TRY.get((self.phase, outcome), ()), outcome):
            return self._close()
        if outcome is Outcome.UNSOLICITED:
            self.control = Control.NOT_RUN  # of a server that talks out of turn nothing is believed
        if row.scope is Scope.EVERY:
            self._end_every(outcome, row.stage, unheard=self.phase is Phase.BANNER)
            return self._close()
        if row.scope is Scope.ONE:
            self._end(outcome, row.stage)
            self._put_off()
            if not self._progress():
                self._give_up()
            elif outcome is Outcome.MAYBE_ACCEPTED and self._course.left:
                self._gone = True
                self.phase = Phase.ASK
                return AskProven(self._limits.grace)
        return self._close()

    def elapsed(self, now: float) -> Command:
        """The pause is over."""
        return self._enter(TABLE[self.phase].then, now)

    def proven(self, yes: bool, now: float) -> Command:
        """Whether a letter of this run has come back: then one proof is enough, and of the rest only what another
        stranger offers is tried, which tells a relay from what passes on one kind of letter alone."""
        if yes:
            self._give_up(but_strangers=True)
        if self._gone:
            return self._close()
        return self._enter(Phase.QUIT, now) if yes and not self._batch else self._after_attempt(now)

    def tls_done(self, now: float) -> Command:
        """The handshake succeeded: forget what the server said about itself, greet again (RFC 3207 4.2)."""
        self.flags.add(Flag.TLS_USED)
        self._attempt_flags.add(Flag.TLS_USED)
        return self._enter(TABLE[self.phase].then, now)

    def named(self, own: str, now: float) -> Command:
        """Which name is the server's own, or "" when none is known to be."""
        if _HOST_NAME.fullmatch(own.encode("ascii", "replace")):
            self._course.own = own
            self.target_name = self.target_name or own
        return self._enter(TABLE[self.phase].then, now)

    def cut(self) -> None:
        """Our own side breaks off. A letter whose dot is out may be on its way; what else is open stays open."""
        if self.phase is Phase.DOT:
            self._end(Outcome.MAYBE_ACCEPTED, TABLE[self.phase].stage)

    def again(self) -> Dialogue | None:
        """The dialogue of the next connection, or None when everything has been said."""
        course = self._course
        if course.connections >= self._limits.connections:
            return None
        if not (self._once_more or course.left or (self.results and self._control_due())):
            return None
        following = object.__new__(Dialogue)
        following._connect(course)
        return following

    # ------------------------------------------------------------------------------------- transitions

    def _good(self, row: Row, reply: Reply, now: float) -> Command:
        if self.phase in (Phase.BANNER, Phase.EHLO, Phase.HELO):
            self._greets_anew = False
            self._learn(reply)
        elif self.phase is Phase.RCPT and reply.code not in (250, 251):
            self.flags.add(Flag.RCPT_ODD)
            self._attempt_flags.add(Flag.RCPT_ODD)
        elif self.phase is Phase.DOT:
            self._end(Outcome.ACCEPTED, "OK", reply)
            if not self._batch and not self._course.left:
                return self._after_attempt(now)
        elif self.phase is Phase.NONSENSE_RCPT:
            self.flags.add(Flag.ACCEPT_ALL)
        elif row.then is Phase.CONTROL_RSET:
            bare = self.phase is Phase.CONTROL_BARE
            self.control = Control.ACCEPTED_BARE if bare else Control.ACCEPTED
        return self._enter(row.then, now)

    def _busy(self, row: Row, reply: Reply) -> Command:
        """421: the server is leaving. What has not been tried is not tried elsewhere today. Only where it has answered
        here, and leaves before it has heard what comes next, it has had enough of the connection: so many messages or
        errors are allowed on each."""
        if self.phase in (Phase.MAIL, Phase.RSET, Phase.CONTROL_MAIL) and self._progress():
            self._course.left[:0] = self._rest_here()
            if self.phase is Phase.CONTROL_MAIL:
                self._course.control_begun = False
            return self._close()
        if isinstance(row.busy, Control):
            self.control = row.busy
        elif row.scope is Scope.EVERY:
            assert row.busy is not None
            self._end_every(row.busy, row.stage, reply, unheard=self.phase is Phase.BANNER)
            return self._close()
        elif row.busy is not None:
            self._end(row.busy, row.stage, reply)
        self._give_up()
        return self._close()

    def _enter(self, phase: Phase, now: float) -> Command:
        """Go to a phase and say what is due there."""
        if phase is Phase.MAIL:
            phase = self._before_mail()
        if phase is Phase.EHLO and self._course.helo_only:
            phase = Phase.HELO
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
            case Phase.OFFERED_TLS:
                line = b"STARTTLS"
            case Phase.OFFERED_SHAKE:
                return StartTls(self._limits.command, self._opening.certificate)
            case Phase.NAME:
                self._course.ask_own = False
                return AskOwn(tuple(self._names), OWN_NAME_WAIT)
            case Phase.CLOSED:
                return self._close()
            case Phase.EHLO | Phase.HELO:
                line = phase.value.encode("ascii") + b" " + self._helo
            case Phase.XCLIENT:
                line = self._opening.command
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
                return SendBody(stuffed(self._current.write()), self._limits.final)
            case Phase.CONTROL_MAIL:
                self._course.control_begun = True
                line = b"MAIL FROM:<" + self._course.bounce + b">"
            case Phase.CONTROL_RCPT if target:
                line = b"RCPT TO:<postmaster@" + target + b">"
            case Phase.CONTROL_RCPT | Phase.CONTROL_BARE:
                self.phase = Phase.CONTROL_BARE
                line = b"RCPT TO:<postmaster>"  # RFC 5321 4.5.1: without a domain, always valid
            case Phase.NONSENSE_MAIL:
                line = b"MAIL FROM:<" + self._course.bounce + b">"
            case Phase.NONSENSE_RCPT:
                line = b"RCPT TO:<" + self._course.nonsense + b"@" + target + b">"
                self._course.nonsense = b""
            case Phase.CONTROL_RSET:
                line = b"RSET"
            case _:
                line = phase.value.encode("ascii")  # STARTTLS, DATA, RSET, QUIT
        return Send(line + b"\r\n", self._limits.command)

    def _before_mail(self) -> Phase:
        """What comes before the next attempt, or in its place when there is none."""
        if not self._clear and self._offers_tls and Flag.TLS_USED not in self.flags:
            self._clear = True  # once a connection
            return Phase.OFFERED_TLS
        if self._opening.command and not self._commanded:
            self._commanded = True
            return Phase.XCLIENT
        if self._opening.certificate and Flag.TLS_USED not in self.flags:
            self._end_unopened("EHLO", None)
        self._opened = True
        if self._course.ask_own and self._course.compose is not None:
            return Phase.NAME
        self._compose_once(Said(name=self.target_name, own=self._course.own, text=self._heard))
        following = self._current or (self._batch[0] if self._batch else None)
        due = Phase.MAIL
        if following is None and self._opening != _ORDINARY:
            return Phase.QUIT  # what is asked last is asked on a connection like everybody's
        if following is None:
            due = Phase.NONSENSE_MAIL if self._nonsense_due() else Phase.QUIT
            due = Phase.CONTROL_MAIL if self._control_due() else due
        helo = (following.helo if following else b"") or self._usual
        if due is not Phase.QUIT and helo != self._helo:  # a new greeting forgets the transaction (RFC 5321 4.1.4)
            if self._course.greets_once:
                return Phase.QUIT
            self._helo, self._greets_anew = helo, True
            return Phase.EHLO
        return due

    def _after_attempt(self, now: float) -> Command:
        # A penalty that doubles with every refusal soon exceeds our patience: the next connection begins without it.
        if self._slowest * 4 > self._limits.command:
            return self._enter(Phase.QUIT, now)
        ordinary = self._opening == _ORDINARY
        if self._batch or (ordinary and (self._control_due() or self._nonsense_due())):
            return self._enter(Phase.GAP, now)
        return self._enter(Phase.QUIT, now)

    def _second_try(self, kinds: Sequence[str], outcome: Outcome) -> bool:
        """Whether the next connection is to make good for this one, which has come to nothing."""
        course, path = self._course, self._course.approach.path
        login = path.tls is Tls.OFFERED and path.port in SUBMISSION
        fits = {
            "wrapped": login,  # who begins with TLS waits for ours
            "unwrapped": path.tls is Tls.IMPLICIT and self._in_clear,
            "patience": login or outcome is not Outcome.TLS_FAIL,
        }
        kind = next((kind for kind in kinds if kind not in course.second and fits.get(kind, True)), None)
        if kind is None or course.connections >= self._limits.connections:
            return False
        course.second.add(kind)
        course.wrapped = kind == "wrapped" or (course.wrapped and outcome is not Outcome.TLS_FAIL)
        self._once_more = True
        if kind == "helo":
            course.helo_only = True
            self.flags.add(Flag.HELO_FALLBACK)
        elif kind == "clear":
            course.prefer_tls = False
        return True

    def _close(self) -> Command:
        self._put_off()
        if self._course.connections >= self._limits.connections:
            self._give_up()
        self.phase = Phase.CLOSED
        return Close()

    def _put_off(self) -> None:
        """What is left of this connection's attempts is for the next one."""
        self._course.left[:0] = self._batch
        self._batch.clear()

    def _quit_failed(self) -> Command:
        """Accepted, yet no clean goodbye: counted as IMCR-013's QUIT error, or the tables do not add up."""
        self.flags.add(Flag.QUIT_ERR)
        self.results = [replace(r, stage="QUIT") if r.stage == "OK" else r for r in self.results]
        return self._close()

    # ---------------------------------------------------------------------------------------- book-keeping

    def _compose_once(self, said: Said) -> None:
        """Have the attempts composed, and take as many as this connection is good for."""
        course, odd = self._course, 0
        if course.compose is not None:
            course.left, course.compose = list(course.compose(said)), None
            for attempt in course.left:
                if attempt.skip:
                    self._record(attempt, Outcome.SKIPPED, "", None)
            course.left = [attempt for attempt in course.left if not attempt.skip]
        elif self._composed:
            return
        self._composed = True
        waiting, course.left = course.left, []
        for attempt in waiting:
            full = len(self._batch) >= self._limits.attempts
            too_odd = attempt.odd and odd >= self._limits.odd_attempts
            named = course.greets_once and (attempt.helo or course.helo) != self._helo
            if named or attempt.opening != self._opening or (self._batch and (full or too_odd)):
                course.left.append(attempt)
            else:
                self._batch.append(attempt)
                odd += attempt.odd

    def _note(self, reply: Reply, now: float) -> None:
        flags = set(reply.flags)
        if reply.code >= 400:
            self._slowest = max(self._slowest, now - self._spoke_at)
        if now - self._spoke_at > TARPIT_AFTER:
            flags.add(Flag.TARPIT)
        self.flags |= flags
        if self._current is not None:
            self._attempt_flags |= flags

    def _learn(self, reply: Reply) -> None:
        """Take T from the banner, else from the reply to EHLO; only a plain host name is taken."""
        self._heard = (self._heard + b"\n".join(reply.lines) + b"\n")[:HEARD]
        first = reply.lines[0].split(b" ")[0]
        if _HOST_NAME.fullmatch(first):
            name = first.decode("ascii")
            self.target_name = self.target_name or name
            if name not in self._names:
                self._names.append(name)
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
        ended = self._current
        assert ended is not None
        taken_before = any(made in PENDING for made in self._course.outcomes)
        self._record(ended, outcome, stage, reply)
        self._current, self._dot_at = None, None
        self._attempt_flags = set()
        if ended.stranger == 1 and outcome in PENDING and taken_before:
            self._drop(lambda attempt: attempt.stranger == 2)  # it takes mail for anybody, from both of us

    def _end_every(self, outcome: Outcome, stage: str, reply: Reply | None = None, *, unheard: bool) -> None:
        """No transaction is possible: every attempt that is left ends alike, so that tables add up; when we came as
        another stranger, every attempt of this one. Where the server does not greet us (`unheard`), it may miss a
        header that its proxy would send: attempts that begin with another one than this connection are still to be
        made."""
        self._compose_once(Said(name="", own="", text=self._heard))
        stranger = self._opening.plain and self._opening != _ORDINARY
        for attempt in self._rest_here() if stranger else self._rest():
            if unheard and attempt.opening.before and attempt.opening != self._opening:
                self._course.left.append(attempt)
            else:
                self._record(attempt, outcome, stage, reply)

    def _ordinary(self) -> bool:
        """Whether what was just said is what we say to everybody: no opening that is to be taken yet, no other name."""
        return self._opened and self._helo == self._usual

    def _answers_header(self, reply: Reply) -> bool:
        """Whether this reply is to the octets before the greeting and not to ours of now. Who does not know them as a
        header takes them for a command, and its answer may come long after the greeting: only a 250 is one to EHLO."""
        greeting = self.phase is Phase.HELO or (self.phase is Phase.EHLO and not self._course.no_ehlo)
        return greeting and bool(self._opening.before) and not self._opened and reply.code != 250

    def _end_unopened(self, stage: str, reply: Reply | None) -> None:
        """The server did not take what a form begins with: a refusal of that form (of all that share its opening), and
        of no other one."""
        self._compose_once(Said(name="", own="", text=self._heard))
        ended = [self._batch.popleft()] if self._opened and self._batch else [*self._batch]
        if not self._opened:
            self._batch.clear()
        for attempt in ended:
            self._record(attempt, Outcome.MAIL_5XX, stage, reply)

    def _give_up(self, *, but_strangers: bool = False) -> None:
        """What is left stays untried."""
        if but_strangers:
            self._drop(lambda attempt: not attempt.stranger)
            return
        for attempt in self._rest():
            self._record(attempt, Outcome.UNTRIED, "", None)

    def _drop(self, unwanted: Callable[[Attempt], bool]) -> None:
        """Of what has not begun, these stay untried."""
        dropped = [attempt for attempt in (*self._batch, *self._course.left) if unwanted(attempt)]
        self._batch = deque(attempt for attempt in self._batch if not unwanted(attempt))
        self._course.left = [attempt for attempt in self._course.left if not unwanted(attempt)]
        for attempt in dropped:
            self._record(attempt, Outcome.UNTRIED, "", None)

    def _rest(self) -> list[Attempt]:
        rest = [*self._rest_here(), *self._course.left]
        self._course.left = []
        return rest

    def _rest_here(self) -> list[Attempt]:
        rest = [*([self._current] if self._current else ()), *self._batch]
        self._current = None
        self._batch.clear()
        return rest

    def _record(self, attempt: Attempt, outcome: Outcome, stage: str, reply: Reply | None) -> None:
        shown = _shown(reply) if reply else ""
        if not attempt.stranger:
            self._course.outcomes.append(outcome)
        self.results.append(
            Result(
                vector=attempt.vector,
                token=attempt.token,
                outcome=outcome,
                stage=stage,
                reply=attempt.skip if outcome is Outcome.SKIPPED else shown,
                flags=frozenset(self._attempt_flags),
                dot_at=self._dot_at,
            )
        )

    def _made(self) -> set[Outcome]:
        """How the attempts that were not skipped have ended so far, on all connections."""
        return set(self._course.outcomes) - {Outcome.SKIPPED}

    def _progress(self) -> bool:
        return any(r.outcome not in FAULTS and r.outcome is not Outcome.SKIPPED for r in self.results)

    def _nothing_left(self) -> bool:
        """Whether nothing is left for later connections but what another stranger offers, who asks nothing else."""
        return all(attempt.stranger for attempt in self._course.left)

    def _control_due(self) -> bool:
        """The control dialogue is owed when everything was answered, nothing was taken, and at least one refusal
        is for good. When all were merely put off, the later tries will tell; after a fault it could prove
        nothing."""
        made = self._made()
        return (
            self._course.approach.control
            and not self._course.control_begun
            and self._nothing_left()
            and bool(made & REFUSED)
            and made <= REFUSED | DEFERRED
        )

    def _nonsense_due(self) -> bool:
        """A server that has taken whatever it was offered is asked whether it takes everybody."""
        made = self._made()
        known = bool(self._course.nonsense and self.target_name)
        return known and self._nothing_left() and bool(made) and made <= PENDING
