"""The caller against scripted servers, and against aiosmtpd as a stranger."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from player import attempt
from rooms import LOOPBACK, Plain, approaching
from servers import OPEN, Scripted, listening

from bench.fleet import mute
from tester import caller
from tester.caller import Sequel, call
from tester.certificates import throwaway
from tester.errors import NotDialable, Undialled
from tester.knocking import Knocker
from tester.paths import Tls
from tester.smtp import Attempt, Control, Event, Flag, Limits, Opening, Said, Transcript
from tests.waiting import never, until

QUICK = Limits(
    connect=2.0,
    banner=0.2,
    banner_second=0.2,
    command=0.2,
    final=0.2,
    connection=5.0,
    attempt_gap=0.0,
    connection_gap=0.0,
    grace=0.0,
)


async def dial(port: int, *words: str, limits: Limits = QUICK, **more: Any) -> tuple[Transcript, ...]:
    compose = more.pop("compose", lambda said: [attempt(word) for word in words or ("S01",)])
    how = {name: more.pop(name) for name in ("target", "tls", "source", "nonsense") if name in more}
    approach = approaching(port, limits=limits, ask_own="own_name" in more, **how)
    return await call(Plain(approach, compose, **more))


def outcomes(transcripts: Sequence[Transcript]) -> list[str]:
    return [r.outcome.value for t in transcripts for r in t.results]


async def against(script: Mapping[str, bytes], *words: str, limits: Limits = QUICK, **more: Any) -> list[str]:
    async with listening(Scripted(script)) as port:
        return outcomes(await dial(port, *words, limits=limits, **more))


async def test_a_letter_goes_out_byte_for_byte() -> None:
    server = Scripted(OPEN)
    async with listening(server) as port:
        [transcript] = await dial(port)
    assert server.seen == [
        b"EHLO probe.test\r\n",
        b"MAIL FROM:<s@bounce.test>\r\n",
        b"RCPT TO:<r-S01@collector.test>\r\n",
        b"DATA\r\n",
        b"QUIT\r\n",
    ]
    assert server.messages == [b"Subject: test S01\r\n\r\n..a line with a dot\r\nproof\r\n.\r\n"]
    assert outcomes([transcript]) == ["ACCEPTED"]
    assert transcript.results[0].stage == "OK"


@pytest.mark.parametrize(
    "path",
    [
        b'<"r@c.test"@mx.test>',
        b"<@mx.test:r@c.test>",
        b"<r%c.test@mx.test>",
        b"<c.test!r>",
        b'<"r\\"x"@c.test>',
        b"<r@c@>",
    ],
)
async def test_odd_addresses_are_not_repaired(path: bytes) -> None:
    server = Scripted({**OPEN, "RCPT": b"550 no\r\n"})
    odd = replace(attempt("R99*"), rcpt=path)
    async with listening(server) as port:
        await dial(port, compose=lambda name: [odd])
    assert b"RCPT TO:" + path + b"\r\n" in server.seen


async def test_a_line_end_in_an_envelope_never_reaches_the_wire() -> None:
    server = Scripted(OPEN)
    evil = replace(attempt("R99"), rcpt=b"<r@c.test>\r\nRSET")
    async with listening(server) as port:
        with pytest.raises(ValueError, match="control character"):
            await dial(port, compose=lambda name: [evil])
    assert not any(line.startswith(b"R") for line in server.seen)


async def test_every_byte_is_recorded_with_direction_and_offset() -> None:
    heard: list[Event] = []
    async with listening(Scripted(OPEN)) as port:
        [transcript] = await dial(port, show=heard.append)
    assert list(transcript.events) == heard
    said = b"".join(e.data for e in heard if e.kind == "<")
    assert said == b"".join(OPEN[verb] for verb in ["", "EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"])
    assert b"".join(e.data for e in heard if e.kind == ">").startswith(b"EHLO probe.test\r\nMAIL")
    assert [e.at for e in heard] == sorted(e.at for e in heard)
    assert transcript.started == 1700000000.0
    assert transcript.source.startswith("127.0.0.1:")
    assert transcript.target_name == "mx.example.net"
    dot = transcript.results[0].dot_at
    assert dot is not None
    assert 0 < dot <= heard[-1].at
    assert Transcript.from_json(transcript.to_json()) == transcript


async def test_a_surplus_reply_never_answers_the_next_command() -> None:
    server = Scripted({**OPEN, "MAIL": b"250 ok\r\n250 EXTRA\r\n", "RCPT": b"550 relaying denied\r\n"})
    async with listening(server) as port:
        transcripts = await dial(port, "S01", "S02")
    assert outcomes(transcripts) == ["UNSOLICITED", "UNTRIED"]
    assert server.seen[-1].startswith(b"MAIL"), "nothing was said after the surplus"


@pytest.mark.parametrize("rset", [b"250 ok\r\n", b"421 4.7.0 too many errors\r\n"])
@pytest.mark.parametrize("goodbye", [b"", b"421 4.7.0 too many errors\r\n"])
async def test_who_refuses_and_hangs_up_in_whatever_breath_has_refused_and_is_told_the_rest_by_another_call(
    goodbye: bytes, rset: bytes
) -> None:
    """Postfix beyond its smtpd_hard_error_limit, which is 1 under stress."""
    server = Scripted({**OPEN, "RCPT": b"550 relaying denied\r\n" + goodbye, "RSET": rset})
    async with listening(server) as port:
        transcripts = await dial(port, "S01", "S02", "S03")
    assert outcomes(transcripts) == ["RCPT_5XX"] * 3
    assert b"RSET\r\n" not in server.seen or not goodbye, "nothing was said after the goodbye"


async def test_a_server_that_takes_one_message_a_connection_hears_them_all() -> None:
    """Exim with smtp_accept_max_per_connection = 1."""
    mail = (b"250 ok\r\n", b"421 too many messages in this connection\r\n")
    rcpt = (b"550 relaying denied\r\n",) * 3 + (b"250 ok\r\n",)
    server = Scripted({**OPEN, "MAIL": mail * 3 + mail[:1], "RCPT": rcpt})
    async with listening(server) as port:
        transcripts = await dial(port, "S01", "S02", "S03")
    assert outcomes(transcripts) == ["RCPT_5XX"] * 3
    assert [transcript.control for transcript in transcripts] == [Control.NOT_RUN] * 3 + [Control.ACCEPTED]


async def test_a_goodbye_behind_what_is_no_refusal_is_out_of_turn() -> None:
    server = Scripted({**OPEN, "DATA": b"354 go\r\n421 bye\r\n"})
    async with listening(server) as port:
        assert outcomes(await dial(port, "S01")) == ["UNSOLICITED"]
    assert server.seen[-1] == b"DATA\r\n"


async def test_a_server_that_speaks_up_between_two_attempts_is_left() -> None:
    class Chatty(Scripted):
        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            late = asyncio.get_running_loop().call_later(0.1, writer.write, b"250 EXTRA\r\n")
            await super().talk(reader, writer)
            late.cancel()

    server = Chatty({**OPEN, "RCPT": b"550 no\r\n"})
    async with listening(server) as port:
        transcripts = await dial(port, "S01", "S02", limits=replace(QUICK, attempt_gap=0.3))
    assert outcomes(transcripts)[0] == "RCPT_5XX"
    assert b"RSET\r\n" not in server.seen[: server.seen.index(b"EHLO probe.test\r\n", 1)]
    assert len(transcripts) > 1


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({"": b""}, "BANNER_TIMEOUT"),
        ({"": b"554 go away\r\n"}, "BANNER_5XX"),
        ({"": b"hello there\r\n"}, "BANNER_GARBAGE"),
        ({"": b"220-" + b"x" * 5000}, "BANNER_OVERSIZE"),
        ({"": b"220 a\r\n220 b\r\n"}, "UNSOLICITED"),
        ({"EHLO": b""}, "TIMEOUT"),
        ({"MAIL": b""}, "TIMEOUT"),
        ({"RCPT": b"250-ok\r\n550 no\r\n"}, "PROTOCOL"),
        ({"RCPT": b"250-" + b"x" * 5000}, "OVERSIZE"),
        ({"DATA": b"354 go\r\n250 queued\r\n"}, "UNSOLICITED"),
        ({".": b""}, "MAYBE_ACCEPTED"),
        ({".": b"250 ok\r\n250 more\r\n"}, "MAYBE_ACCEPTED"),
    ],
)
async def test_a_misbehaving_server_gets_its_name(change: dict[str, bytes], outcome: str) -> None:
    assert await against({**OPEN, **change}) == [outcome]


@pytest.mark.parametrize(
    ("missing", "outcome"), [("", "BANNER_EOF"), ("MAIL", "DISCONNECTED"), (".", "MAYBE_ACCEPTED")]
)
async def test_a_server_that_hangs_up_gets_its_name(missing: str, outcome: str) -> None:
    script = {verb: said for verb, said in OPEN.items() if verb != missing}
    assert await against(script) == [outcome]


async def test_no_goodbye_is_a_quit_error() -> None:
    script = {verb: said for verb, said in OPEN.items() if verb != "QUIT"}
    async with listening(Scripted(script)) as port:
        [transcript] = await dial(port)
    assert transcript.results[0].stage == "QUIT"
    assert Flag.QUIT_ERR in transcript.flags


async def test_a_flood_is_cut_off() -> None:
    class Flood(Scripted):
        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(b"220-" + b"x" * 76 + b"\r\n")
                await writer.drain()

    limits = replace(QUICK, lines=10**9, reply=10**9, total=64 * 1024)
    async with listening(Flood({})) as port:
        [transcript] = await dial(port, limits=limits)
    assert outcomes([transcript]) == ["BANNER_OVERSIZE"]
    assert sum(len(e.data) for e in transcript.events if e.kind == "<") <= limits.total


async def test_dribbling_does_not_swell_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller, "_PIECES", 20)

    class Dribble(Scripted):
        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(b"2")
                await writer.drain()
                await asyncio.sleep(0)

    limits = replace(QUICK, line=10**6, banner=5.0)
    async with listening(Dribble({})) as port:
        [transcript] = await dial(port, limits=limits)
    assert outcomes([transcript]) == ["BANNER_OVERSIZE"]
    assert len(transcript.events) <= 25


@pytest.mark.parametrize(
    ("script", "outcome"),
    [({**OPEN, "MAIL": b""}, "TIMEOUT"), ({**OPEN, ".": b""}, "MAYBE_ACCEPTED"), ({"": b""}, "BANNER_TIMEOUT")],
)
async def test_the_whole_connection_has_its_time(script: dict[str, bytes], outcome: str) -> None:
    limits = replace(QUICK, banner=60.0, command=60.0, final=60.0, connection=0.2)
    assert await against(script, limits=limits) == [outcome]


async def test_out_of_time_after_the_dot_nobody_waits_for_a_proof() -> None:
    asked: list[float] = []

    async def proven(seconds: float) -> bool:
        asked.append(seconds)
        return True

    server = Scripted({**OPEN, "RCPT": (b"550 no\r\n", b"250 ok\r\n", b"550 no\r\n"), ".": b""})
    async with listening(server) as port:
        limits = replace(QUICK, final=60.0, connection=0.3)
        transcripts = await dial(port, "S01", "S02", "S03", limits=limits, proven=proven)
    assert outcomes(transcripts) == ["RCPT_5XX", "MAYBE_ACCEPTED", "RCPT_5XX"]
    assert asked == []


async def test_a_closed_port_is_refused(unused_tcp_port: int) -> None:
    [transcript] = await dial(unused_tcp_port, "S01", "S02")
    assert outcomes([transcript]) == ["CONN_REFUSED", "CONN_REFUSED"]
    assert transcript.source == ""
    assert [e.kind for e in transcript.events] == ["!"]


@pytest.mark.parametrize(
    ("number", "outcome"),
    [(errno.ETIMEDOUT, "CONN_TIMEOUT"), (errno.EHOSTUNREACH, "CONN_UNREACH"), (errno.EPROTO, "CONN_UNREACH")],
)
async def test_what_the_kernel_says_is_named(monkeypatch: pytest.MonkeyPatch, number: int, outcome: str) -> None:
    async def fail(*_: object) -> int:
        return number

    monkeypatch.setattr(Knocker, "connect", fail)
    [transcript] = await dial(25)
    assert outcomes([transcript]) == [outcome]
    why = b" in time" if number == errno.ETIMEDOUT else f": {errno.errorcode[number]}".encode()
    assert transcript.events[-1].data == b"no connection" + why


async def test_a_silent_host_is_a_timeout(unused_tcp_port: int) -> None:
    silent = mute("127.0.0.1", unused_tcp_port)
    assert outcomes(await dial(unused_tcp_port, limits=replace(QUICK, connect=0.05))) == ["CONN_TIMEOUT"]
    silent.close()


async def test_a_source_address_that_is_not_ours_is_our_own_error() -> None:
    async with listening(Scripted(OPEN)) as port:
        with pytest.raises(Undialled, match="assign"):
            await dial(port, source="192.0.2.77")


async def test_without_a_way_to_it_nothing_is_said_of_a_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: errno.ENETUNREACH, raising=False)
    kept = list[Transcript]()

    async def keep(transcript: Transcript, sequel: Sequel) -> None:
        kept.append(transcript)

    with pytest.raises(Undialled, match="Network is unreachable"):
        await dial(25, keep=keep)
    assert not kept


async def test_we_speak_from_the_source_address() -> None:
    server = Scripted(OPEN)
    async with listening(server) as port:
        [transcript] = await dial(port, source="127.0.0.9")
    assert server.peers == ["127.0.0.9"]
    assert transcript.source.startswith("127.0.0.9:")


async def test_ipv6_works_alike() -> None:
    async with listening(Scripted(OPEN), "::1") as port:
        [transcript] = await dial(port, target=ip_address("::1"))
    assert outcomes([transcript]) == ["ACCEPTED"]
    assert transcript.source.startswith("[::1]:")
    assert transcript.target == "::1"


async def test_the_connected_peer_is_checked_before_a_word_is_said() -> None:
    seen: list[IPv4Address | IPv6Address] = []

    def check(address: IPv4Address | IPv6Address) -> None:
        seen.append(address)
        raise NotDialable("loopback is not for us")

    server = Scripted(OPEN)
    async with listening(server) as port:
        with pytest.raises(NotDialable):
            await dial(port, check_peer=check)
    assert seen == [LOOPBACK]
    assert server.seen == []


async def test_a_proof_ends_the_test() -> None:
    asked: list[float] = []

    async def proven(seconds: float) -> bool:
        asked.append(seconds)
        return True

    names: list[str] = []

    def compose(said: Said) -> list[Attempt]:
        names.append(said.name)
        return [attempt("S01"), attempt("S02")]

    async with listening(Scripted(OPEN)) as port:
        transcripts = await dial(port, compose=compose, proven=proven, limits=replace(QUICK, grace=7.0))
    assert outcomes(transcripts) == ["ACCEPTED", "UNTRIED"]
    assert asked == [7.0]
    assert names == ["mx.example.net"]


async def test_each_session_is_handed_over_before_the_next_begins_with_what_comes_behind_it() -> None:
    server = Scripted({**OPEN, "RCPT": b"550 no\r\n"})
    kept: list[tuple[int, list[str], Sequel]] = []

    async def on_session(transcript: Transcript, sequel: Sequel) -> None:
        kept.append((len(server.peers), outcomes([transcript]), sequel))

    async with listening(server) as port:
        words = [f"S{n:02}" for n in range(1, 6)]
        transcripts = await dial(port, *words, keep=on_session)
    assert kept == [(1, ["RCPT_5XX"] * 4, Sequel.ANOTHER), (2, ["RCPT_5XX"], Sequel.END)]
    assert [t.control for t in transcripts] == [Control.NOT_RUN, Control.REFUSED]


async def test_starttls_is_spoken_when_it_is_demanded(certificate: str) -> None:
    server = Scripted(
        {
            **OPEN,
            "EHLO": b"250-mx.example.net\r\n250 STARTTLS\r\n",
            "MAIL": (b"530 5.7.0 Must issue a STARTTLS command first\r\n", b"250 ok\r\n"),
            "STARTTLS": b"220 go\r\n",
        }
    )
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.tls.load_cert_chain(certificate)
    async with listening(server) as port:
        [transcript] = await dial(port, limits=replace(QUICK, command=3.0))
    assert outcomes([transcript]) == ["ACCEPTED"]
    assert {Flag.TLS_NEEDED, Flag.TLS_USED} <= transcript.flags
    assert len(transcript.tls["certificate_sha256"]) == 64
    assert transcript.tls["version"].startswith("TLS")
    assert len(server.messages) == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1 is deprecated:DeprecationWarning")
@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize(
    ("version", "ciphers"),
    [(ssl.TLSVersion.TLSv1, "ALL:@SECLEVEL=0"), (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")],
)
async def test_tls_of_any_age_is_spoken(
    certificate: str, implicit: bool, version: ssl.TLSVersion, ciphers: str
) -> None:
    """What other clients would refuse to speak relays all the same."""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.minimum_version = old.maximum_version = version
    old.set_ciphers(ciphers)
    old.load_cert_chain(certificate)
    script = {**OPEN, "EHLO": b"250-mx.example.net\r\n250 STARTTLS\r\n", "STARTTLS": b"220 go\r\n"}
    server = Scripted(OPEN if implicit else script)
    server.tls = old
    async with listening(server, tls=old if implicit else None) as port:
        way = Tls.IMPLICIT if implicit else Tls.OFFERED
        [transcript] = await dial(port, tls=way, limits=replace(QUICK, command=3.0))
    assert outcomes([transcript]) == ["ACCEPTED"]
    assert transcript.tls["version"].startswith("TLSv1")


@pytest.mark.parametrize(
    ("after", "outcome"), [(b"220 go\r\nnot tls at all", "TLS_INJECT"), (b"220 go\r\n", "TLS_FAIL")]
)
async def test_a_broken_handshake_is_not_spoken_through(after: bytes, outcome: str) -> None:
    script = {
        **OPEN,
        "EHLO": b"250-mx.example.net\r\n250 STARTTLS\r\n",
        "MAIL": b"530 5.7.0 STARTTLS first\r\n",
        "STARTTLS": after,
    }
    server = Scripted(script)  # no TLS there: it reads the handshake as a line
    async with listening(server) as port:
        found = outcomes(await dial(port, "S01", "S02"))
    assert found == [outcome, "UNTRIED"]


class Relay:
    """aiosmtpd's side: an open relay that keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.kept.append(envelope)
        return "250 kept"


async def test_a_stranger_understands_us() -> None:
    relay = Relay()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(relay, hostname="stranger.example.net", ident="x", loop=loop), "127.0.0.1", 0
    )
    [transcript] = await dial(server.sockets[0].getsockname()[1], "S01", "S02", limits=replace(QUICK, command=3.0))
    server.close()
    await server.wait_closed()
    assert transcript.target_name == "stranger.example.net"
    assert outcomes([transcript]) == ["ACCEPTED", "ACCEPTED"]
    assert [e.rcpt_tos for e in relay.kept] == [["r-S01@collector.test"], ["r-S02@collector.test"]]
    assert [e.content for e in relay.kept] == [attempt("S01").write(), attempt("S02").write()]


async def test_a_peer_that_is_gone_before_it_can_be_checked_is_not_spoken_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = caller._Session.connection_made

    def nameless(self: Any, transport: asyncio.BaseTransport) -> None:
        made(self, transport)
        self._peer = None

    monkeypatch.setattr(caller._Session, "connection_made", nameless)
    server = Scripted(OPEN)
    async with listening(server) as port:
        assert outcomes(await dial(port, check_peer=lambda address: None)) == ["BANNER_EOF"]
    assert server.seen == []


async def test_a_fault_of_our_own_is_not_taken_for_the_servers() -> None:
    async def proven(seconds: float) -> bool:
        raise TimeoutError("our own")

    async with listening(Scripted(OPEN)) as port:
        with pytest.raises(TimeoutError, match="our own"):
            await dial(port, "S01", "S02", proven=proven)


async def test_out_of_time_in_the_grace_is_no_answer() -> None:
    async def proven(seconds: float) -> bool:
        await never()
        return True

    async with listening(Scripted({**OPEN, "RCPT": (b"250 ok\r\n", b"550 no\r\n")})) as port:
        transcripts = await dial(port, "S01", "S02", proven=proven, limits=replace(QUICK, connection=0.2))
    assert outcomes(transcripts) == ["ACCEPTED", "RCPT_5XX"]


# ------------------------------------------------------------------------------------- held back, broken off


async def test_before_each_connection_it_is_asked_whether_one_may_be_made() -> None:
    answers = [True, False]

    async def may_dial() -> bool:
        return answers.pop(0)

    server = Scripted(OPEN | {"RCPT": b"550 no\r\n"})
    async with listening(server) as port:
        limits = replace(QUICK, attempts=1)
        assert outcomes(await dial(port, "S01", "S02", limits=limits, may_dial=may_dial)) == ["RCPT_5XX"]
    assert (len(server.peers), answers) == (1, [])


@pytest.mark.parametrize(
    ("silent", "cut"),
    [("MAIL", ["RCPT_5XX"]), (".", ["RCPT_5XX", "MAYBE_ACCEPTED"])],
    ids=["before the letter", "after the dot"],
)
async def test_a_call_that_is_cancelled_lets_go_at_once_and_files_what_was_said(silent: str, cut: list[str]) -> None:
    filed: list[Transcript] = []

    async def keep(transcript: Transcript, sequel: Sequel) -> None:
        assert sequel is Sequel.CUT
        await asyncio.sleep(0)
        filed.append(transcript)

    script = OPEN | {"RCPT": (b"550 no\r\n", b"250 ok\r\n"), "MAIL": (b"250 ok\r\n", b"250 ok\r\n"), silent: b""}
    if silent == "MAIL":
        script["MAIL"] = (b"250 ok\r\n", b"")
    limits = replace(QUICK, command=30.0, final=30.0)
    async with listening(server := Scripted(script)) as port:
        calling = asyncio.create_task(dial(port, "S01", "S02", limits=limits, keep=keep))
        await until(lambda: server.messages or (silent == "MAIL" and str(server.seen).count("MAIL") == 2))
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(calling, 10)
        await asyncio.wait_for(asyncio.gather(*server.tasks), 10)
    assert outcomes(filed) == cut
    assert (filed[0].events[-1].kind, filed[0].events[-1].data) == ("!", b"broken off by us")


async def test_the_own_name_is_asked_once_and_told_to_who_composes() -> None:
    asked: list[tuple[str, ...]] = []
    told: list[Said] = []

    async def own_name(names: tuple[str, ...]) -> str:
        asked.append(names)
        return "own.example.net"

    def compose(said: Said) -> list[Attempt]:
        told.append(said)
        return [attempt("S01"), attempt("S02")]

    limits = replace(QUICK, attempts=1)
    async with listening(Scripted(OPEN | {"EHLO": b"250 other.example.net\r\n", "RCPT": b"550 no\r\n"})) as port:
        await dial(port, compose=compose, limits=limits, own_name=own_name)
    assert asked == [("mx.example.net", "other.example.net")]
    assert told == [
        Said(name="mx.example.net", own="own.example.net", text=b"mx.example.net ESMTP\nother.example.net\n")
    ]


async def test_who_asks_too_long_for_the_own_name_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def own_name(names: tuple[str, ...]) -> str:
        await never()
        return "late.example.net"

    monkeypatch.setattr("tester.dialogue.OWN_NAME_WAIT", 0.05)
    async with listening(Scripted(OPEN)) as port:
        [transcript] = await dial(port, own_name=own_name)
    assert outcomes([transcript]) == ["ACCEPTED"]
    assert any(e.data == b"its own name: unknown" for e in transcript.events)


async def test_a_connection_that_ends_while_its_name_is_looked_up_ends_every_attempt() -> None:
    async def own_name(names: tuple[str, ...]) -> str:
        await never()
        return ""

    async with listening(Scripted(OPEN)) as port:
        transcripts = await dial(port, "S01", "S02", limits=replace(QUICK, connection=0.1), own_name=own_name)
    assert outcomes(transcripts) == ["TIMEOUT", "UNTRIED"]


async def test_a_confirmation_takes_tls_where_it_is_offered(certificate: str) -> None:
    server = Scripted(OPEN | {"EHLO": b"250-mx.example.net\r\n250 STARTTLS\r\n", "STARTTLS": b"220 go\r\n"})
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.tls.load_cert_chain(certificate)
    async with listening(server) as port:
        [transcript] = await dial(port, tls=Tls.OFFERED, limits=replace(QUICK, command=2.0))
    assert Flag.TLS_USED in transcript.flags
    assert len(transcript.tls["certificate_sha256"]) == 64
    assert outcomes([transcript]) == ["ACCEPTED"]


async def test_a_server_that_takes_everybody_is_flagged_without_a_letter_to_anybody() -> None:
    async with listening(server := Scripted(OPEN)) as port:
        [transcript] = await dial(port, nonsense="nobody")
    assert Flag.ACCEPT_ALL in transcript.flags
    assert server.seen[-4:] == [
        b"MAIL FROM:<s@bounce.test>\r\n",
        b"RCPT TO:<nobody@mx.example.net>\r\n",
        b"RSET\r\n",
        b"QUIT\r\n",
    ]
    assert len(server.messages) == 1


# ------------------------------------------------------------------------------ other ways to begin a connection


async def test_implicit_tls_is_spoken_from_the_first_octet(certificate: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = Scripted(OPEN)
    async with listening(server, tls=context) as port:
        [transcript] = await dial(port, tls=Tls.IMPLICIT, limits=replace(QUICK, command=2.0))
    assert outcomes([transcript]) == ["ACCEPTED"]
    assert "TLS_USED" in transcript.flags
    assert transcript.tls["version"].startswith("TLS")
    assert transcript.tls["names"] == "mx.example.net"
    assert transcript.tls["expires"].endswith("Z")


async def test_a_server_that_speaks_in_clear_where_tls_is_due_is_spoken_to_in_clear() -> None:
    server = Scripted(OPEN)
    async with listening(server) as port:
        first, second = await dial(port, tls=Tls.IMPLICIT, limits=replace(QUICK, command=2.0))
    assert outcomes([first, second]) == ["ACCEPTED"]
    assert not first.results and "TLS_USED" not in second.flags


async def test_a_handshake_that_fails_by_itself_is_not_followed_by_words_in_clear() -> None:
    server = Scripted({"": b"\x15\x03\x01\x00\x02\x02\x28"})  # an alert: handshake failure
    async with listening(server) as port:
        [transcript] = await dial(port, tls=Tls.IMPLICIT, limits=replace(QUICK, command=2.0))
    assert outcomes([transcript]) == ["TLS_FAIL"]
    assert not any(line.startswith(b"EHLO") for line in server.seen)


async def test_octets_before_the_greeting_go_out_unread_and_whole() -> None:
    header = b"\r\n\r\n\x00\r\nQUIT\n!\x11\x00\x0c" + bytes(12)
    heard = asyncio.Queue[bytes]()

    class Proxied(Scripted):
        async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self.seen:  # the first connection is like everybody's
                heard.put_nowait(await reader.readexactly(len(header)))
            await super().talk(reader, writer)

    server = Proxied(OPEN)
    begun = replace(attempt("P02"), opening=Opening(before=header))
    async with listening(server) as port:
        transcripts = await call(Plain(approaching(port, limits=QUICK), lambda said: [begun]))
    assert await asyncio.wait_for(heard.get(), 5) == header
    assert outcomes(transcripts) == ["ACCEPTED"]


async def test_a_certificate_of_our_own_making_is_shown_to_who_asks_for_one(
    certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = throwaway("probe.test", time.time())
    monkeypatch.setattr(caller, "throwaway", lambda name, now: mine)
    server = Scripted({**OPEN, "EHLO": b"250-mx.example.net\r\n250 STARTTLS\r\n", "STARTTLS": b"220 go\r\n"})
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(certificate)
    server.tls.verify_mode = ssl.CERT_REQUIRED
    server.tls.load_verify_locations(cadata=mine[mine.index(b"-----BEGIN CERT") :].decode())
    limits = replace(QUICK, command=2.0)
    begun = replace(attempt("T01"), opening=Opening(certificate=True))
    async with listening(server) as port:
        transcripts = await call(Plain(approaching(port, limits=limits), lambda said: [begun]))
    assert outcomes(transcripts) == ["ACCEPTED"], "who shows none, or another one, is not let in here"
