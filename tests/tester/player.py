"""Plays the conversations of tests/dialogs against the sans-IO Dialogue.

A .chat file is a header, a blank line, and the conversation:

    # what this shows                        a comment, anywhere
    vectors: S01 R04* S02-                   the attempts, in order; * marks an odd one, - one that is left out
    outcomes: S01=RCPT_5XX R04=UNTRIED       what must become of each
    stages: S01=TO R04=                      (optional) the stage labels
    control: ACCEPTED                        (optional) default NOT_RUN
    flags: HELO_FALLBACK                     (optional) flags of all sessions together, exactly
    name: mx.example.net                     (optional) what compose was called with, default mx.example.net
    reply: S01=550 5.7.1 no                  (optional) the deciding reply of one attempt
    limits: attempts=2 odd_attempts=1        (optional) other limits than the default
    prefers: tls own nonsense                (optional) take TLS where offered; ask for the own name; for nobody@T;
             no-control                      and, last, never ask about the postmaster
    helo: H01=localhost                      (optional) what we call ourselves for an attempt
    opening: P01=before P03=command          (optional) what its connection begins with: octets before the greeting, a
                                             command after EHLO ("X"), a certificate, or another stranger's name
    heard: text                              (optional) what compose was told of greetings, lines joined by |

    C: EHLO probe.test          we must say exactly this;  `C: [letter S01]` is that attempt's message, stuffed
    S: 250 ok                   the server says this, CRLF added; backslash escapes as in Python
    S~ 250 ok\n                 the same without CRLF
    !: slow 40                  the rest of the reply comes 40 seconds later
    !: timeout                  instead of a reply: timeout, eof, or any outcome's name
    !: pause                    we must pause here
    !: ask yes                  we must ask for a proof; the answer
    !: own NAME                 we must ask which name is its own; the answer, or nothing
    !: tls yes                  we must ask for a handshake; its result
    !: close                    we must hang up;  `!: again` there is another connection, else there must be none

Each conversation is fed whole, byte by byte, and in pieces of seven.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from rooms import approaching

from tester.dialogue import Dialogue, stuffed
from tester.errors import ReplyFault
from tester.paths import Tls
from tester.smtp import Attempt, Control, Limits, Opening, Outcome, Reply, ReplyReader, Result, Said
from tester.states import Action, AskOwn, AskProven, Close, Command, Pause, Send, SendBody, SendFirst, StartTls

DIALOGS = Path(__file__).parent.parent / "dialogs"
FAULTS = {"timeout": Outcome.TIMEOUT, "eof": Outcome.DISCONNECTED}


@dataclass
class Chat:
    name: str
    header: dict[str, str] = field(default_factory=dict)
    lines: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Chat:
        chat = cls(path.stem)
        in_header = True
        for line in path.read_text("ascii").splitlines():
            if line.startswith("#"):
                continue
            if not line.strip():
                in_header = in_header and not chat.header
            elif in_header:
                key, _, value = line.partition(":")
                chat.header[key] = value.strip()
            else:
                chat.lines.append((line[:2], line[3:]))
        return chat

    def pairs(self, key: str) -> dict[str, str]:
        return dict(item.split("=", 1) for item in self.header.get(key, "").split())


def chats() -> Iterator[Chat]:
    for path in sorted(DIALOGS.glob("*.chat")):
        yield Chat.read(path)


OPENINGS = {
    "": Opening(),
    "before": Opening(before=b"PROXY header\r\n"),
    "command": Opening(command=b"X client"),
    "certificate": Opening(certificate=True),
    "stranger": Opening(helo=b"other.test", remark="another stranger"),
}


def attempt(word: str, *, helo: str = "", opening: str = "") -> Attempt:
    vector = word.rstrip("*-")
    return Attempt(
        vector=vector,
        token=f"r-{vector}",
        mail=b"<s@bounce.test>",
        rcpt=f"<r-{vector}@collector.test>".encode(),
        write=lambda: f"Subject: test {vector}\r\n\r\n.a line with a dot\r\nproof\r\n".encode(),
        odd=word.endswith("*"),
        helo=helo.encode(),
        opening=OPENINGS[opening],
        stranger={"S11": 1, "S12": 2}[vector] if opening == "stranger" else 0,
        skip="left out" if word.endswith("-") else "",
    )


@dataclass
class Played:
    said: list[Said]
    results: list[Result]
    control: Control
    flags: set[str]


class Script:
    """The conversation's lines, taken one by one, and one connection's bytes."""

    def __init__(self, chat: Chat, limits: Limits, piece: int) -> None:
        self.lines = list(reversed(chat.lines))
        self.limits = limits
        self.piece = piece
        self.now = 0.0
        self.connect()

    def connect(self) -> None:
        self.reader = ReplyReader(self.limits)
        self.broken: Outcome | None = None

    def expect(self, kind: str, text: str = "") -> str:
        assert self.lines, f"the script ends, but {kind} {text!r} is due"
        got = self.lines.pop()
        assert got[0] == kind and got[1].startswith(text), f"{kind} {text!r} is due, the script says {got}"
        return got[1]

    def hear(self) -> None:
        """Feed the reader whatever the server says here."""
        said = b""
        while self.lines and self.lines[-1][0] in ("S:", "S~"):
            kind, text = self.lines.pop()
            said += text.encode().decode("unicode_escape").encode("latin-1")
            said += b"\r\n" if kind == "S:" else b""
        step = self.piece or len(said) or 1
        for at in range(0, len(said), step):
            try:
                self.reader.feed(said[at : at + step])
            except ReplyFault as fault:
                self.broken = Outcome(fault.outcome)

    def answer(self) -> Reply | Outcome:
        """What the shell would report: one reply with nothing behind it, or a fault."""
        self.hear()
        if self.lines and self.lines[-1][1].startswith("slow "):
            self.now += float(self.lines.pop()[1].split()[1])
            self.hear()
        if self.broken is not None:
            return self.broken
        reply = self.reader.next_reply()
        if reply is None:
            word = self.expect("!:")
            return FAULTS.get(word) or Outcome(word)
        return Outcome.UNSOLICITED if self.reader.surplus else reply

    def react(self, dialogue: Dialogue, command: Action) -> Command:
        """Check that the command is due and tell the dialogue what the script says to it."""
        self.now += 0.5
        match command:
            case Pause(seconds):
                self.expect("!:", "pause")
                self.now += seconds
                self.hear()
                return dialogue.elapsed(self.now)
            case AskProven():
                yes = self.expect("!:", "ask") == "ask yes"
                self.hear()
                return dialogue.proven(yes, self.now)
            case AskOwn():
                return dialogue.named(self.expect("!:", "own")[4:], self.now)
            case StartTls():
                if self.expect("!:", "tls") == "tls yes":
                    return dialogue.tls_done(self.now)
                return dialogue.fault(Outcome.TLS_FAIL, self.now)
        said = self.answer()
        self.now += 0.5
        return dialogue.fault(said, self.now) if isinstance(said, Outcome) else dialogue.reply(said, self.now)


def play(chat: Chat, piece: int) -> Played:
    """Play the chat, the server's bytes cut in pieces of `piece` octets (0: whole)."""
    helo, opening = chat.pairs("helo"), chat.pairs("opening")
    attempts = [
        attempt(word, helo=helo.get(word, ""), opening=opening.get(word, "")) for word in chat.header["vectors"].split()
    ]
    letters = {f"[letter {a.vector}]": stuffed(a.write()) for a in attempts}
    limits = replace(Limits(), **{key: int(value) for key, value in chat.pairs("limits").items()})
    played = Played([], [], Control.NOT_RUN, set())
    script = Script(chat, limits, piece)

    def compose(said: Said) -> Sequence[Attempt]:
        played.said.append(said)
        return attempts

    prefers = chat.header.get("prefers", "").split()
    dialogue: Dialogue | None = Dialogue(
        approaching(
            limits=limits,
            tls=Tls.OFFERED if "tls" in prefers else Tls.NEEDED,
            nonsense="nobody" if "nonsense" in prefers else "",
            ask_own="own" in prefers,
            control="no-control" not in prefers,
        ),
        compose,
    )
    while dialogue is not None:
        command = dialogue.start(script.now)
        while not isinstance(command, Close):
            if isinstance(command, SendFirst):
                assert command.data == script.expect("C:").encode() + b"\r\n"
            if isinstance(command, Send | SendBody):
                if script.reader.surplus:
                    command = dialogue.fault(Outcome.UNSOLICITED, script.now)
                    continue
                text = script.expect("C:")
                assert command.data == letters.get(text, text.encode() + b"\r\n")
                assert isinstance(command, SendBody) == (text in letters)
            command = script.react(dialogue, command)
        script.expect("!:", "close")
        played.results += dialogue.results
        played.flags |= dialogue.flags
        if dialogue.control is not Control.NOT_RUN:
            played.control = dialogue.control
        dialogue = dialogue.again()
        if dialogue is not None:
            script.expect("!:", "again")
            script.connect()
    assert not script.lines, f"the dialogue is over, but the script goes on: {script.lines[::-1]}"
    return played
