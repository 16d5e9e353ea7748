"""The sans-IO dialogue: the conversations of tests/dialogs, the table, and the small helpers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from player import Chat, attempt, chats, play
from rooms import approaching

from tester.dialogue import Dialogue, stuffed
from tester.smtp import Control, Flag, Limits, Outcome, Reply
from tester.states import TABLE, Close, Expect, Pause, Phase, Send, SendBody
from tester.vectors import PROFILES, profile

CHATS = list(chats())


@pytest.mark.parametrize("piece", [0, 1, 7], ids=["whole", "bytewise", "sevens"])
@pytest.mark.parametrize("chat", CHATS, ids=[chat.name for chat in CHATS])
def test_the_conversation_goes_and_ends_as_written(chat: Chat, piece: int) -> None:
    played = play(chat, piece)
    header = chat.header
    assert {r.vector: r.outcome.value for r in played.results} == chat.pairs("outcomes")
    assert len(played.results) == len(header["vectors"].split()), "every attempt ends exactly once"
    assert [said.name for said in played.said] == [header.get("name", "mx.example.net")], "compose is called once"
    assert played.said[0].own == header.get("own", "")
    if "heard" in header:
        assert played.said[0].text == header["heard"].replace("|", "\n").encode() + b"\n"
    assert played.control == Control(header.get("control", "NOT_RUN"))
    for result in played.results:
        assert result.token == f"r-{result.vector}"
    if "stages" in header:
        assert {r.vector: r.stage for r in played.results} == chat.pairs("stages")
    if "flags" in header:
        assert played.flags == set(header["flags"].split())
    if "reply" in header:
        vector, _, text = header["reply"].partition("=")
        assert [r.reply for r in played.results if r.vector == vector] == [text]


def test_every_outcome_of_a_conversation_is_shown_by_some_chat() -> None:
    shown = {outcome for chat in CHATS for outcome in chat.pairs("outcomes").values()}
    later = {"DEFERRED_FOREVER", "BOUNCED", "BOUNCED_BY_US", "DSN_DELAYED", "HELD", "LOST"}
    same_way = {"CONN_TIMEOUT", "CONN_UNREACH", "OVERSIZE"}  # as CONN_REFUSED; as PROTOCOL
    wanted = {o.value for o in Outcome if not o.value.startswith("DELIVERED")}
    assert wanted - later - same_way <= shown


def test_every_phase_can_be_reached_and_leads_to_the_end() -> None:
    ways: dict[Phase, set[Phase]] = {
        phase: {cell for cell in (row.then, row.soft, row.hard) if isinstance(cell, Phase)}
        for phase, row in TABLE.items()
    }
    ways[Phase.MAIL] |= {Phase.STARTTLS, Phase.CONTROL_MAIL, Phase.NONSENSE_MAIL, Phase.QUIT}  # TLS; nothing left
    ways[Phase.MAIL] |= {Phase.OFFERED_TLS, Phase.NAME, Phase.XCLIENT}  # before the first attempt
    ways[Phase.CONTROL_MAIL] |= {Phase.CONTROL_RSET}
    reached, new = set(), {Phase.BANNER}
    while new:
        reached |= new
        new = {there for phase in new for there in ways[phase]} - reached
    assert reached == set(Phase)


@given(st.lists(st.sampled_from([b".", b"..", b"a", b".x", b""]), max_size=8))
def test_stuffing_is_undone_by_the_receivers_rule(lines: list[bytes]) -> None:
    message = b"".join(line + b"\r\n" for line in lines) or b"\r\n"
    wire = stuffed(message)
    *sent, dot, rest = wire.split(b"\r\n")
    assert (dot, rest) == (b".", b"")
    assert all(line != b"." for line in sent)
    assert b"".join(line.removeprefix(b".") + b"\r\n" for line in sent) == message


def test_a_message_without_a_final_line_end_gets_one() -> None:
    assert stuffed(b"a") == b"a\r\n.\r\n"


def talk(dialogue: Dialogue, *texts: str) -> object:
    command: object = dialogue.start(0.0)
    for at, text in enumerate(texts):
        raw = text.encode()
        reply = Reply(code=int(text[:3]), lines=(raw[4:],), raw=raw + b"\r\n")
        command = dialogue.reply(reply, float(at))
    return command


def one(*words: str) -> Dialogue:
    return Dialogue(approaching(), lambda said: [attempt(word) for word in words])


@pytest.mark.parametrize(
    "hostile",
    [
        "evil.test>\r",
        "<evil.test>",
        "a..b",
        "-a.test",
        "localhost",
        "[192.0.2.1]",
        "x" * 64 + ".test",
        ".".join(["abcdefgh"] * 40),
        "a.test\x00",
        "m\xfcll.test",
    ],
)
def test_only_a_plain_host_name_ever_gets_into_our_own_commands(hostile: str) -> None:
    dialogue = one("S01")
    talk(dialogue, f"220 {hostile} ESMTP", "250 ok")
    assert dialogue.target_name == ""


def test_the_dot_is_timed_when_the_message_goes_out() -> None:
    dialogue = one("S01")
    command = talk(dialogue, "220 mx.test", "250 mx.test", "250 ok", "250 ok", "354 go")
    assert isinstance(command, SendBody)
    assert command.wait == Limits().final
    dialogue.reply(Reply(code=250, lines=(b"ok",), raw=b"250 ok\r\n"), 9.0)
    assert [r.dot_at for r in dialogue.results] == [4.0]


def test_the_flags_of_a_reply_stay_with_the_attempt_that_met_them() -> None:
    dialogue = one("S01", "S02")
    talk(dialogue, "220 mx.test", "250 mx.test", "250 ok")
    dialogue.reply(Reply(code=550, lines=(b"\0",), raw=b"550 \0\r\n", flags=frozenset({Flag.NUL})), 3.0)
    dialogue.elapsed(5.0)
    for code in (250, 250, 550):
        dialogue.reply(Reply(code=code, lines=(b"",), raw=b""), 6.0)
    assert [r.flags for r in dialogue.results] == [frozenset({Flag.NUL}), frozenset()]
    assert dialogue.flags == {Flag.NUL}


def test_an_odd_acceptance_is_flagged_on_its_attempt() -> None:
    dialogue = one("S01")
    talk(dialogue, "220 mx.test", "250 mx.test", "250 ok", "252 hm", "354 go", "250 ok")
    assert dialogue.results[0].flags == {Flag.RCPT_ODD}


def test_a_long_reply_is_kept_short_in_the_result() -> None:
    dialogue = one("S01")
    talk(dialogue, "220 mx.test", "250 mx.test", "250 ok", "550 " + "\x01" * 3000)
    assert len(dialogue.results[0].reply) == 1000


def test_nothing_to_try_is_a_polite_greeting() -> None:
    dialogue = one()
    assert talk(dialogue, "220 mx.test", "250 mx.test") == Send(b"QUIT\r\n", Limits().command)
    assert isinstance(dialogue.reply(Reply(code=221, lines=(b"",), raw=b""), 3.0), Close)
    assert dialogue.again() is None


def test_the_greeting_has_its_own_time_limit() -> None:
    assert one().start(0.0) == Expect(60.0)


def test_odd_attempts_are_made_even_when_none_is_allowed_beside_others() -> None:
    limits = Limits(odd_attempts=0)
    words = ["R01*", "R02*"]
    dialogue: Dialogue | None = Dialogue(approaching(limits=limits), lambda said: [attempt(word) for word in words])
    seen = []
    while dialogue is not None and len(seen) < 5:
        talk(dialogue, "220 mx.test", "250 mx.test", "250 ok", "550 no", "221 bye")
        seen += [r.vector for r in dialogue.results]
        dialogue = dialogue.again()
    assert seen[:2] == ["R01", "R02"]


def test_the_second_greeting_is_waited_for_longer_and_there_is_no_third() -> None:
    dialogue = one("S01")
    waits = []
    while dialogue is not None:
        command = dialogue.start(0.0)
        assert isinstance(command, Expect)
        waits.append(command.wait)
        assert isinstance(dialogue.fault(Outcome.TIMEOUT, command.wait), Close)
        last, dialogue = dialogue, dialogue.again()  # type: ignore[assignment]
    assert waits == [60.0, 300.0]
    assert [r.outcome for r in last.results] == [Outcome.BANNER_TIMEOUT]


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_fits_into_the_connections_of_one_test(name: str) -> None:
    rows = [attempt(row.id + "*" * row.odd) for row in profile(name)]
    dialogue: Dialogue | None = Dialogue(approaching(), lambda said: rows)
    ended: list[Outcome] = []
    connections = 0
    while dialogue is not None:
        connections += 1
        command = dialogue.start(0.0)
        while not isinstance(command, Close):
            if isinstance(command, Pause):
                command = dialogue.elapsed(0.0)
            else:
                code = 550 if isinstance(command, Send) and command.data.startswith(b"RCPT") else 220
                command = dialogue.reply(Reply(code=code, lines=(b"mx.test",), raw=b""), 0.0)
        ended += [r.outcome for r in dialogue.results]
        dialogue = dialogue.again()
    assert ended == [Outcome.RCPT_5XX] * len(rows)
    assert connections <= Limits().connections - 2, "with room for two second tries"
    assert name != "standard" or connections == 5
