"""Servers that mean harm, and odd ones that mean none: bounded memory, bounded time, the right name, nothing lost."""

from __future__ import annotations

import asyncio
import base64
import html
import quopri
import smtplib
import ssl
import textwrap
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest
from hostile import Deed, Hostile, Peer, dawdle, serving
from player import attempt
from rooms import Plain, approaching
from servers import OPEN

from tester import letter
from tester.bounces.ours import Ours
from tester.caller import call
from tester.collector import Collector
from tester.fate import Fate
from tester.letter import Keyring
from tester.returned import Collected, unwrap
from tester.smtp import Attempt, Control, Flag, Limits, Said, Transcript
from tester.verdict import Finding, Weighed
from tester.weighing import weigh_return

MOST = 1024 * 1024  #: octets that one connection may cost us
STATES = ("", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT")
#: Longer than any busy machine needs: who waits for one of these is told from who does not by `SOON`.
PATIENT = Limits(
    connect=30.0,
    banner=30.0,
    command=30.0,
    final=30.0,
    connection=50.0,
    connections=1,
    attempt_gap=0.0,
    connection_gap=0.0,
    grace=0.0,
)
#: For servers whose crime is to keep us waiting.
HASTY = replace(PATIENT, banner=0.2, command=0.2, final=0.2, connection=2.0)
SOON = 20.0  #: seconds


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """Whatever is made once for all is made before memory is measured."""
    server = Hostile()
    asyncio.run(meet(server))
    server.close()


@pytest.fixture(scope="module")
def tls(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


async def meet(server: Hostile, *words: str, limits: Limits = PATIENT) -> list[Transcript]:
    approach = approaching(server.port, limits=limits)
    return list(await call(Plain(approach, lambda said: [attempt(word) for word in words or ("S01",)])))


async def survive(server: Hostile, *, limits: Limits = PATIENT) -> tuple[str, Transcript]:
    """Meet the server once and hold it to what every server is held to; returns the outcome and the record."""
    async with serving(server):
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        began = time.monotonic()
        transcripts = await meet(server, limits=limits)
        took = time.monotonic() - began
        cost = tracemalloc.get_traced_memory()[1] - before
    assert cost <= MOST, f"{cost} octets for one connection"
    assert took <= SOON
    [transcript] = transcripts
    [result] = transcript.results
    heard = sum(len(e.data) for e in transcript.events if e.kind == "<")
    assert heard <= limits.total
    assert Transcript.from_json(transcript.to_json()) == transcript, "the record is whole"
    return result.outcome.value, transcript


async def survive_once(server: Hostile) -> tuple[str, Transcript]:
    async with serving(server):
        [transcript] = await meet(server)
    return transcript.results[0].outcome.value, transcript


def expected(fault: str, state: str) -> str:
    """The name of a fault by where it happens."""
    match state:
        case "":
            return {
                "TIMEOUT": "BANNER_TIMEOUT",
                "DISCONNECTED": "BANNER_EOF",
                "PROTOCOL": "BANNER_GARBAGE",
                "OVERSIZE": "BANNER_OVERSIZE",
            }.get(fault, fault)
        case ".":
            return "MAYBE_ACCEPTED"
        case "QUIT":
            return "ACCEPTED"
        case _:
            return fault


def code(state: str) -> bytes:
    """The digits that are wanted in a state."""
    return OPEN[state][:3]


def good(state: str) -> bytes:
    return OPEN[state]


FLOODS: dict[str, tuple[str, bytes]] = {
    "continuation lines": ("OVERSIZE", b"%s-" + b"x" * 76 + b"\r\n"),
    "the shortest continuation lines": ("OVERSIZE", b"%s-\n"),
    "a line without end": ("OVERSIZE", b"x" * 80),
    "empty lines": ("PROTOCOL", b"\n"),
    "nul bytes": ("OVERSIZE", b"\x00"),
    "carriage returns": ("OVERSIZE", b"\r"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.usefixtures("traced")
async def test_a_hundred_megabytes_are_cut_off_in_every_state(state: str, name: str) -> None:
    fault, piece = FLOODS[name]
    piece = piece.replace(b"%s", code(state))
    start = code(state) + b"-" if name in ("a line without end", "nul bytes", "carriage returns") else b""

    def flood(peer: Peer) -> None:
        peer.say(start)
        peer.pour(piece * (262144 // len(piece)), 100 * 1024 * 1024)

    outcome, transcript = await survive(Hostile(state, flood))
    assert outcome == expected(fault, state)
    assert (Flag.QUIT_ERR in transcript.flags) == (state == "QUIT")
    assert any(e.kind == "<" for e in transcript.events)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.usefixtures("traced")
async def test_answers_by_the_thousand_answer_nothing(state: str) -> None:
    """As many whole replies as a segment holds: none of them may stand for the reply to a later command."""
    answers = (code(state) + b"\n") * 65536
    outcome, transcript = await survive(Hostile(state, lambda peer: peer.pour(answers, len(answers))))
    assert outcome in {expected("UNSOLICITED", state), expected("OVERSIZE", state)}
    said = [e.data for e in transcript.events if e.kind == ">"]
    assert len(said) == STATES.index(state), "nothing was said after it"


SURPLUS = {
    "the same answer twice": lambda state: good(state) * 2,
    "half an answer more": lambda state: good(state) + b"25",
    "a blank line more": lambda state: good(state) + b"\r\n",
    "the answers to everything ahead": lambda state: b"".join(good(s) for s in STATES[STATES.index(state) :]),
}


@pytest.mark.parametrize("state", STATES[:-1])
@pytest.mark.parametrize("name", SURPLUS)
@pytest.mark.usefixtures("traced")
async def test_a_surplus_is_never_believed(state: str, name: str) -> None:
    surplus = SURPLUS[name](state)
    outcome, transcript = await survive(Hostile(state, lambda peer: peer.say(surplus)))
    if name == "a blank line more":
        assert outcome in {expected("UNSOLICITED", state), expected("PROTOCOL", state)}
    else:
        assert outcome == expected("UNSOLICITED", state)
    assert b"".join(e.data for e in transcript.events if e.kind == "<").endswith(surplus)


REPLIES: dict[str, tuple[str, bytes]] = {
    "a line of 32 KiB": ("OVERSIZE", b"%s " + b"x" * 32768 + b"\r\n"),
    "ten thousand continuation lines": ("OVERSIZE", b"%s-x\r\n" * 10000 + b"%s x\r\n"),
    "a refusal behind a yes": ("PROTOCOL", b"%s-ok\r\n550 no\r\n"),
    "a yes behind a refusal": ("PROTOCOL", b"550-no\r\n%s ok\r\n"),
    "no digits": ("PROTOCOL", b"OK\r\n"),
    "digits of another alphabet": ("PROTOCOL", "٢٥٠ ok\r\n".encode()),
    "a signed number": ("PROTOCOL", b"+25 ok\r\n"),
    "a preliminary answer": ("PROTOCOL", b"150 wait\r\n"),
    "only a line end": ("PROTOCOL", b"\r\n"),
    "http": ("PROTOCOL", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", REPLIES)
@pytest.mark.usefixtures("traced")
async def test_a_broken_reply_gets_its_name_in_every_state(state: str, name: str) -> None:
    fault, reply = REPLIES[name]
    outcome, transcript = await survive(Hostile(state, lambda p: p.say(reply.replace(b"%s", code(state)))))
    assert outcome == expected(fault, state)
    assert (Flag.QUIT_ERR in transcript.flags) == (state == "QUIT")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("deed", [Peer.reset, Peer.leave], ids=["reset", "end"])
@pytest.mark.usefixtures("traced")
async def test_a_server_may_go_at_any_time(state: str, deed: Deed) -> None:
    outcome, transcript = await survive(Hostile(state, deed))
    if state == "" and deed is Peer.reset:  # which may overtake the end of our own connecting
        assert outcome in {"BANNER_EOF", "DISCONNECTED", "CONN_REFUSED"}
    else:
        assert outcome == expected("DISCONNECTED", state)
    assert (Flag.QUIT_ERR in transcript.flags) == (state == "QUIT")


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("", "BANNER_4XX"),
        ("EHLO", "HELO_4XX"),
        ("MAIL", "EARLY_421"),
        ("RCPT", "EARLY_421"),
        ("DATA", "EARLY_421"),
        (".", "DATA_END_4XX"),
        ("QUIT", "ACCEPTED"),
    ],
)
@pytest.mark.usefixtures("traced")
async def test_a_421_ends_the_conversation_at_any_time(state: str, outcome: str) -> None:
    def leave(peer: Peer) -> None:
        peer.say(b"421 4.3.2 closing down\r\n")
        peer.linger()  # it says that it goes, and stays

    got, transcript = await survive(Hostile(state, leave))
    assert got == outcome
    if state != "QUIT":
        assert not any(e.data == b"QUIT\r\n" for e in transcript.events)


BETWEEN: dict[str, Deed] = {
    "reset": Peer.reset,
    "end": Peer.leave,
    "421": lambda peer: peer.say(b"421 4.3.2 closing down\r\n"),
    "silence": Peer.linger,
    "flood": lambda peer: peer.pour(b"250-" + b"x" * 65532, 100 * 1024 * 1024),
    "answers": lambda peer: peer.say(b"250 ok\r\n" * 40),
    "mixed": lambda peer: peer.say(b"250-ok\r\n550 no\r\n"),
}


@pytest.mark.parametrize("deed", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.usefixtures("traced")
async def test_mischief_between_two_attempts_undoes_no_answer(deed: Deed) -> None:
    """At RSET, before the control dialogue: what was refused stays refused, and the control is not believed."""
    script = {**OPEN, "RCPT": b"550 5.7.1 relaying denied\r\n"}
    outcome, transcript = await survive(Hostile("RSET", deed, script=script), limits=replace(HASTY, banner=9.0))
    assert outcome == "RCPT_5XX"
    assert transcript.control is Control.NOT_RUN
    assert any(e.data == b"RSET\r\n" for e in transcript.events), "it came to that"


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(
    "deed",
    [
        Peer.linger,
        lambda peer: peer.dribble(b"250-" + b"x" * 2000, 0.004),
        lambda peer: peer.dribble(b"\r" * 2000, 0.004),
    ],
    ids=["silence", "a byte at a time", "carriage returns a byte at a time"],
)
@pytest.mark.usefixtures("traced")
async def test_nobody_keeps_us_waiting_longer_than_we_allow(state: str, deed: Deed) -> None:
    outcome, _ = await survive(Hostile(state, deed), limits=HASTY)
    assert outcome == expected("TIMEOUT", state)


@pytest.mark.usefixtures("traced")
async def test_dribbling_for_hours_costs_no_more() -> None:
    """A byte at a time as fast as it goes: the pieces are bounded as well as the octets."""

    def dribble(peer: Peer) -> None:
        for _ in range(20_000):
            peer.say(b"2")
            dawdle(0.00005)

    limits = replace(PATIENT, line=10**9, reply=10**9)
    outcome, transcript = await survive(Hostile("MAIL", dribble), limits=limits)
    assert outcome == "OVERSIZE"
    assert len(transcript.events) < 5000


async def test_odd_bytes_are_kept_and_flagged_and_decide_nothing() -> None:
    odd = b"250 \x00\xff\x1b[31m\x07 ok\r\n"
    outcome, transcript = await survive_once(Hostile("RCPT", lambda peer: peer.say(odd)))
    assert outcome == "ACCEPTED"
    assert {Flag.NUL, Flag.EIGHTBIT, Flag.CTRL} <= transcript.flags
    assert odd in [e.data for e in transcript.events]


# ------------------------------------------------------------------------------------------------------ TLS

ASKS = {**OPEN, "EHLO": b"250-mx.example.net\r\n250 STARTTLS\r\n", "MAIL": b"530 5.7.0 STARTTLS first\r\n"}
READY = b"220 ready\r\n"


def after_ready(deed: Deed) -> Deed:
    def both(peer: Peer) -> None:
        peer.say(READY)
        dawdle(0.03)
        deed(peer)

    return both


#: Of what follows the answer to STARTTLS, in whatever pieces it is read.
NOT_TLS = {"TLS_FAIL", "TLS_INJECT"}


@pytest.mark.parametrize(
    ("deed", "outcomes"),
    [
        (lambda peer: peer.say(READY + b"250 ok\r\n"), {"TLS_INJECT"}),
        (lambda peer: peer.say(READY * 2), {"TLS_INJECT"}),
        (lambda peer: peer.say(READY + b"\x16\x03\x01"), {"TLS_INJECT"}),
        (after_ready(lambda peer: peer.say(b"250 ok\r\n")), NOT_TLS),
        (after_ready(lambda peer: peer.pour(b"x" * 65536, 100 * 1024 * 1024)), NOT_TLS),
        (after_ready(lambda peer: peer.pour(b"\x16\x03\x03\x3f\xff" + b"\x02" * 16383, 100 * 2**20)), NOT_TLS),
        (after_ready(lambda peer: peer.say(b"\x15\x03\x01\x00\x02\x02\x28")), NOT_TLS),
        (after_ready(Peer.reset), {"TLS_FAIL"}),
        (after_ready(Peer.leave), {"TLS_FAIL"}),
        (lambda peer: peer.say(b"454 4.7.0 not now\r\n"), {"TLS_FAIL"}),
        (lambda peer: peer.say(b"250 of course\r\n"), {"PROTOCOL"}),
        (Peer.reset, {"DISCONNECTED"}),
    ],
)
@pytest.mark.usefixtures("traced")
async def test_bytes_around_starttls_are_not_believed(deed: Deed, outcomes: set[str]) -> None:
    outcome, transcript = await survive(Hostile("STARTTLS", deed, script=ASKS))
    assert outcome in outcomes
    assert not any(e.data.startswith(b"RCPT") for e in transcript.events)


@pytest.mark.usefixtures("traced")
async def test_a_handshake_that_never_ends_is_left() -> None:
    outcome, _ = await survive(
        Hostile("STARTTLS", after_ready(Peer.linger), script=ASKS), limits=replace(HASTY, command=0.3)
    )
    assert outcome == "TLS_FAIL"


def under_cover(tls: ssl.SSLContext, deed: Deed) -> Deed:
    def both(peer: Peer) -> None:
        peer.say(READY)
        peer.secure(tls)
        deed(peer)
        peer.linger()

    return both


@pytest.mark.parametrize(
    ("deed", "outcome"),
    [
        (lambda peer: peer.say(b"250 before you ask\r\n250 ok\r\n"), "UNSOLICITED"),
        (Peer.reset, "DISCONNECTED"),
        (Peer.leave, "DISCONNECTED"),
        (lambda peer: (peer.hear(), peer.pour(b"250-" + b"x" * 65532, 100 * 2**20)), "OVERSIZE"),
        (lambda peer: (peer.hear(), peer.pour(b"250 \n" * 13000, 100 * 2**20)), "UNSOLICITED"),
        (lambda peer: (peer.hear(), peer.say(b"250 a\r\n250 b\r\n")), "UNSOLICITED"),
        (lambda peer: (peer.hear(), peer.sock.unwrap()), "DISCONNECTED"),
    ],
    ids=["ahead", "reset", "end", "flood", "answers", "twice", "unwrapped"],
)
@pytest.mark.usefixtures("traced")
async def test_tls_hides_nothing(tls: ssl.SSLContext, deed: Deed, outcome: str) -> None:
    got, transcript = await survive(Hostile("STARTTLS", under_cover(tls, deed), script=ASKS))
    assert got in {outcome, "OVERSIZE"} if outcome == "UNSOLICITED" else got == outcome
    assert transcript.tls["certificate_sha256"]


async def test_tls_costs_no_authorities(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's certificate is verified, and the authorities would be most of a connection's memory."""

    def load(*args: object) -> None:
        raise AssertionError("authorities are loaded")

    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", load)
    outcome, transcript = await survive_once(Hostile(tls=tls, script={**ASKS, "STARTTLS": READY}, secured=OPEN))
    assert outcome == "ACCEPTED"
    assert Flag.TLS_USED in transcript.flags


# ------------------------------------------------------------------------------- odd servers that mean no harm


class Postbox:
    """Letters out, letters back: our collector, and what a server that relays does on the way to it."""

    def __init__(self, change: Callable[[bytes], bytes], delay: float = 0.0) -> None:
        self.change, self.delay, self.dot = change, delay, 1700000000.0
        self.keyring = Keyring.generate(lambda size: bytes(size), 1700000000)
        self.letter = letter.issue(
            self.keyring,
            address=ip_address("127.0.0.1"),
            port=25,
            vector="S01",
            run="run",
            not_before=1700000000,
            not_after=1700000000 + 7 * 86400,
            random=lambda size: b"\x07" * size,
        )
        self.got: list[Weighed] = []
        self.collector = Collector(
            hostname="mx.c.test",
            domains=frozenset({"c.test", "b.test"}),
            gate=lambda token: letter.gate(self.keyring, token),
            deliver=self.deliver,
            now=lambda: self.dot + self.delay,
        )
        self.port = 0

    def attempts(self, said: Said) -> list[Attempt]:
        us = letter.Sender(
            service="List",
            website="https://l.test/",
            contact="p@b.test",
            helo="probe.test",
            collector_domain="c.test",
            bounce_domain="b.test",
        )
        message = letter.write(
            self.letter,
            proof=letter.proof(self.keyring, self.letter),
            sender=us,
            nomination="",
            date=1700000000.0,
            mail_to=f"{self.letter.recipient}@c.test",
        )
        rcpt = f"<{self.letter.recipient}@c.test>".encode()
        mail = f"<{self.letter.sender}@b.test>".encode()
        return [Attempt(vector="S01", token=self.letter.recipient, mail=mail, rcpt=rcpt, write=lambda: message)]

    def forward(self, rcpt: bytes, message: bytes) -> None:
        """What the relay does with a message, on its own thread."""
        with smtplib.SMTP("127.0.0.1", self.port, timeout=5) as client:
            recipient = rcpt.decode().partition("<")[2].partition(">")[0]
            client.sendmail("", [recipient], self.change(message.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")))

    async def deliver(self, message: Collected) -> None:
        fate = Fate(letter=self.letter, dot_at=self.dot)
        ours = Ours(names=())
        unwrapped = unwrap(message.message)
        self.got.append(weigh_return(message, unwrapped, fate, keyring=self.keyring, ours=ours, window=48 * 3600))


async def convicted(box: Postbox, *, limits: Limits = PATIENT, **server: Any) -> tuple[list[Weighed], Transcript]:
    """Offer one letter to a server that relays, and weigh what comes back."""
    _, box.port = await box.collector.start("127.0.0.1", 0)
    async with serving(Hostile(on_message=box.forward, **server)) as relay:
        room = Plain(approaching(relay.port, limits=limits), box.attempts, now=lambda: box.dot)
        [transcript] = await call(room)
    await box.collector.close()
    return box.got, transcript


def body(message: bytes) -> bytes:
    return message.partition(b"\r\n\r\n")[2]


MIME = b"MIME-Version: 1.0\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n"
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "untouched": lambda m: m,
    "header gone": lambda m: b"\r\n" + body(m),
    "header gone, body first": body,
    "every field rewritten": lambda m: b"From: <x@y.test>\r\nTo: <z@y.test>\r\nSubject: SPAM?\r\n\r\n" + body(m),
    "quoted-printable": lambda m: MIME % (b"text/plain", b"quoted-printable") + quopri.encodestring(body(m)),
    "base64": lambda m: MIME % (b"text/plain; charset=utf-8", b"base64") + base64.encodebytes(body(m)),
    "html": lambda m: (
        MIME % (b"text/html", b"8bit") + b"<p>" + b"<br>\r\n".join(html.escape(x).encode() for x in lines(m)) + b"</p>"
    ),
    "quoted, with a disclaimer": lambda m: (
        b"Subject: x\r\n\r\n"
        + b"\r\n".join(b"> " + x.encode() for x in lines(m))
        + b"\r\n-- \r\nThis mail is secret.\r\n"
    ),
    "wrapped at 30": lambda m: (
        b"\r\n" + b"\r\n".join(w.encode() for x in lines(m) for w in textwrap.wrap(x, 30) or [""])
    ),
    "with a virus warning in front": lambda m: (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nScanned.\r\n--b\r\n\r\n"
        + body(m)
        + b"\r\n--b--\r\n"
    ),
}


def lines(message: bytes) -> list[str]:
    return body(message).decode().splitlines()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_a_relay_that_rewrites_what_it_passes_on_is_convicted_all_the_same(
    change: Callable[[bytes], bytes],
) -> None:
    [weighed], transcript = await convicted(Postbox(change))
    assert weighed.counts, weighed.reason
    assert weighed.finding is Finding.DELIVERED_SAME
    assert transcript.results[0].outcome.value == "ACCEPTED"


@pytest.mark.parametrize(
    ("delay", "finding", "counts"),
    [
        (5 * 3600.0, "DELIVERED_SAME", True),
        (49 * 3600.0, "DELIVERED_SAME_LATE", True),
        (6.9 * 86400, "DELIVERED_SAME_LATE", True),
        (7.1 * 86400, "FORGED", False),
    ],
)
async def test_a_queue_may_hold_a_letter_for_days(delay: float, finding: str, counts: bool) -> None:
    [weighed], _ = await convicted(Postbox(lambda m: m, delay))
    assert (weighed.finding, weighed.counts) == (finding, counts)


async def test_a_server_that_thinks_for_seconds_before_each_reply_is_heard_out() -> None:
    """Seven seconds on a scale of a hundred to one: our limits divided likewise."""
    slow = dict.fromkeys(STATES, 0.07)

    def think(verb: str) -> None:
        dawdle(slow.get(verb, 0.0))

    limits = replace(PATIENT, banner=0.6, command=1.2, final=6.0, connection=9.0)
    [weighed], transcript = await convicted(Postbox(lambda m: m), limits=limits, before=think)
    assert weighed.counts
    assert transcript.events[-1].at >= 0.07 * len(STATES)


@pytest.mark.parametrize("verb", ["MAIL", "RCPT"])
async def test_a_hole_that_opens_only_under_tls_is_found(tls: ssl.SSLContext, verb: str) -> None:
    script = {
        **OPEN,
        "EHLO": ASKS["EHLO"],
        "STARTTLS": READY,
        verb: b"530 5.7.0 Must issue a STARTTLS command first\r\n",
    }
    [weighed], transcript = await convicted(Postbox(lambda m: m), script=script, secured=OPEN, tls=tls)
    assert weighed.counts
    assert {Flag.TLS_NEEDED, Flag.TLS_USED} <= transcript.flags
