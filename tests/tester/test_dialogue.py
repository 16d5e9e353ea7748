"""The sans-IO dialogue: the conversations of tests/dialogs, the table, and the small helpers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from player import Chat, attempt, chats, play
from rooms import approaching

from tester.dialogue import OWN_NAME_WAIT, Dialogue, stuffed
from tester.paths import Tls
from tester.smtp import Control, Flag, Limits, Opening, Outcome, Reply, Said
from tester.states import (
    TABLE,
    AskOwn,
    AskProven,
    Close,
    Command,
    Expect,
    Pause,
    Phase,
    Send,
    SendBody,
    SendFirst,
    StartTls,
)
from tester.vectors import PROFILES, profile
from tests.rows import rows

CHATS = list(chats())


@pytest.mark.parametrize("chat", CHATS, ids=[chat.name for chat in CHATS])
@rows("piece", [0, 1, 7], ids=["whole", "bytewise", "sevens"])
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


def drive(dialogue: Dialogue, *steps: str | Outcome, seconds: float = 0.0) -> Command:
    """Let the server say these things, each so long after it was spoken to; pauses and questions to us end by "no"."""
    now = 1000.0
    command: Command = dialogue.start(now)
    for step in steps:
        while isinstance(command, Pause | AskProven | AskOwn):
            if isinstance(command, Pause):
                command = dialogue.elapsed(now)
            else:
                command = dialogue.proven(False, now) if isinstance(command, AskProven) else dialogue.named("", now)
        now += seconds
        if isinstance(step, Outcome):
            command = dialogue.fault(step, now)
        elif step == "tls":
            assert isinstance(command, StartTls)
            command = dialogue.tls_done(now)
        else:
            lines = tuple(line.encode()[4:] for line in step.split("|"))
            command = dialogue.reply(Reply(code=int(step[:3]), lines=lines, raw=step.encode()), now)
    return command


HELLO = ("220 mx.test", "250 mx.test")
QUIT = Send(b"QUIT\r\n", Limits().command)
STARTTLS = Send(b"STARTTLS\r\n", Limits().command)
MAIL = Send(b"MAIL FROM:<s@bounce.test>\r\n", Limits().command)
CLOSED = (*HELLO, "250 ok", "550 no", "250 flushed")  # all was refused: the postmaster is asked about


def on_opening(tls: Tls = Tls.NEEDED, **opening: object) -> Dialogue:
    """The connection that begins as one form wants it; everybody's, on which nothing is to be tried, came before."""
    first = Dialogue(
        approaching(source="192.0.2.9", remark="ourselves", tls=tls),
        lambda said: [replace(attempt("P01"), opening=Opening(**opening))],  # type: ignore[arg-type]
    )
    assert (first.source, first.remark) == ("192.0.2.9", "ourselves")
    drive(first, *HELLO, "221 bye")
    assert first.results == []
    following = first.again()
    assert following is not None
    return following


O = Outcome  # noqa: E741


@pytest.mark.parametrize(
    ("opening", "steps", "ended"),
    [
        ({"before": b"PROXY"}, (O.DISCONNECTED,), O.MAIL_5XX),
        ({"before": b"PROXY"}, (O.PROTOCOL,), O.MAIL_5XX),
        ({"before": b"PROXY"}, (O.UNSOLICITED,), O.MAIL_5XX),
        ({"before": b"PROXY"}, (O.OVERSIZE,), O.BANNER_OVERSIZE),
        ({"before": b"PROXY"}, ("220 mx.test", "500 PROXY is no command"), O.MAIL_5XX),  # its answer came late
        ({"before": b"PROXY"}, ("220 mx.test", "221 no browsers here"), O.MAIL_5XX),
        ({"before": b"PROXY"}, ("220 mx.test", "421 go away"), O.MAIL_5XX),
        ({"command": b"XCLIENT"}, ("220 mx.test", O.DISCONNECTED), O.MAIL_5XX),
        ({"command": b"XCLIENT"}, (*HELLO, O.DISCONNECTED), O.MAIL_5XX),
        ({"command": b"XCLIENT"}, (*HELLO, O.PROTOCOL), O.MAIL_5XX),
        ({"command": b"XCLIENT"}, (*HELLO, O.UNSOLICITED), O.MAIL_5XX),
        ({"command": b"XCLIENT"}, (*HELLO, O.TIMEOUT), O.TIMEOUT),
        ({"command": b"XCLIENT"}, (*HELLO, O.OVERSIZE), O.OVERSIZE),
        ({"command": b"XCLIENT"}, (*HELLO, "550 no"), O.MAIL_5XX),
        ({"command": b"XCLIENT"}, (*HELLO, "451 no"), O.MAIL_5XX),
        ({"certificate": True}, (*HELLO[:1], "250 mx.test|250 STARTTLS", O.UNSOLICITED), O.MAIL_5XX),
        ({"certificate": True}, (*HELLO[:1], "250 mx.test|250 STARTTLS", "220 go", O.TLS_FAIL), O.MAIL_5XX),
        ({"certificate": True}, HELLO, O.MAIL_5XX),
    ],
)
def test_who_breaks_off_where_a_form_begins_in_its_own_way_has_refused_that_form(
    opening: dict[str, object], steps: tuple[str | Outcome, ...], ended: Outcome
) -> None:
    dialogue = on_opening(**opening)
    command = drive(dialogue, *steps)
    assert [(result.vector, result.outcome) for result in dialogue.results] == [("P01", ended)]
    assert isinstance(steps[-1], Outcome) or command == QUIT, "the postmaster is asked about on an ordinary connection"
    assert dialogue.results[0].stage == ("EHLO" if len(steps) > 1 else "CONNECT")


@pytest.mark.parametrize(
    ("steps", "then"),
    [
        (("500 what is EHLO", "250 mx.test"), MAIL),
        (("500 what is PROXY", "500 what is EHLO"), QUIT),
        (("500 what is EHLO", "221 no browsers here"), QUIT),  # to the header, which came late
        (("500 what is EHLO", "421 go away"), QUIT),
    ],
)
def test_a_server_that_knows_no_ehlo_may_still_believe_a_header(steps: tuple[str, ...], then: Send) -> None:
    first = Dialogue(approaching(), lambda said: [replace(attempt("P01"), opening=Opening(before=b"PROXY"))])
    drive(first, "220 mx.test", "500 what is EHLO", "250 mx.test", "221 bye")
    following = first.again()
    assert following is not None
    assert drive(following, "220 mx.test", *steps) == then


def test_that_a_server_knows_no_ehlo_is_known_on_every_connection_with_a_header() -> None:
    attempts = [replace(attempt(word), opening=Opening(before=word.encode())) for word in ("P01", "P02")]
    dialogue: Dialogue | None = Dialogue(approaching(), lambda said: attempts)
    ended = []
    while dialogue is not None and len(ended) < 3:
        drive(
            dialogue, "220 mx.test", "500 what is EHLO", "250 mx.test", *["250 ok", "550 no"] * bool(ended), "221 bye"
        )
        ended.append([(result.vector, result.outcome) for result in dialogue.results])
        dialogue = dialogue.again()
    assert ended == [[], [("P01", O.RCPT_5XX)], [("P02", O.RCPT_5XX)]]


def test_only_the_first_greeting_behind_a_header_may_be_refused_for_that() -> None:
    helo = Send(b"HELO probe.test\r\n", Limits().command)
    assert drive(on_opening(command=b"XCLIENT"), "220 mx.test", "500 what is EHLO") == helo
    encrypted = ("250 mx.test|250 STARTTLS", "530 Must issue a STARTTLS command first", "220 go", "tls")
    assert drive(on_opening(before=b"PROXY"), "220 mx.test", *encrypted, "500 what is EHLO") == helo


@pytest.mark.parametrize(
    ("steps", "ended", "left"),
    [
        (("450 later",), {"S01": O.BANNER_4XX}, True),
        (("421 later",), {"S01": O.BANNER_4XX}, True),
        ((O.OVERSIZE,), {"S01": O.BANNER_OVERSIZE}, True),
        (("500 no",), {"S01": O.BANNER_5XX, "P01": O.BANNER_5XX}, False),
        (("554 no",), {"S01": O.BANNER_5XX, "P01": O.BANNER_5XX}, False),
        (("220 mx.test", "450 later"), {"S01": O.HELO_4XX, "P01": O.HELO_4XX}, False),
        (("220 mx.test", "421 later"), {"S01": O.HELO_4XX, "P01": O.HELO_4XX}, False),
        (("220 mx.test", O.TIMEOUT), {"S01": O.TIMEOUT, "P01": O.TIMEOUT}, False),
    ],
)
def test_a_server_that_does_not_greet_may_miss_the_header_of_its_proxy(
    steps: tuple[str | Outcome, ...], ended: dict[str, Outcome], left: bool
) -> None:
    attempts = [attempt("S01"), attempt("P01", opening="before"), attempt("P03", opening="command")]
    dialogue = Dialogue(approaching(), lambda said: attempts)
    drive(dialogue, *steps)
    assert {result.vector: result.outcome for result in dialogue.results} == ended | {"P03": ended["S01"]}
    following = dialogue.again()
    assert (following is not None) is left
    if following is not None:
        assert following.start(0.0) == SendFirst(b"PROXY header\r\n", Limits().banner)


def test_a_server_that_breaks_off_at_mail_has_not_refused_the_name_that_it_took() -> None:
    dialogue = Dialogue(approaching(), lambda said: [attempt("H01", helo="localhost")])
    command = drive(dialogue, *HELLO, "250 mx.test")
    assert command == Send(b"MAIL FROM:<s@bounce.test>\r\n", Limits().command)
    dialogue.fault(O.DISCONNECTED, 1.0)
    assert [result.outcome for result in dialogue.results] == [O.DISCONNECTED]


OFFERED = (*HELLO, "250 ok", "250 ok", "354 go")


def test_a_connection_lost_behind_the_dot_asks_for_the_letter_only_where_something_else_is_to_be_tried() -> None:
    single = one("S01")
    assert isinstance(drive(single, *OFFERED, O.DISCONNECTED), Close)
    single.cut()
    assert [result.outcome for result in single.results] == [O.MAYBE_ACCEPTED]
    last = (*HELLO, "250 ok", "550 no", "250 flushed", *OFFERED[2:], O.DISCONNECTED)
    assert isinstance(drive(one("S01", "S02"), *last), Close)
    for yes, then in ((True, [O.UNTRIED]), (False, [])):
        dialogue = one("S01", "S02", "S03")
        refused = (*HELLO, "250 ok", "550 no", "250 flushed")
        assert drive(dialogue, *refused, *OFFERED[2:], O.DISCONNECTED) == AskProven(Limits().grace)
        dialogue.cut()
        assert isinstance(dialogue.proven(yes, 1.0), Close)
        assert [result.outcome for result in dialogue.results] == [O.RCPT_5XX, O.MAYBE_ACCEPTED, *then]
        assert (dialogue.again() is None) is yes


def test_our_own_end_behind_the_dot_leaves_a_letter_that_may_be_on_its_way_and_elsewhere_nothing() -> None:
    dialogue = one("S01", "S02")
    drive(dialogue, *OFFERED)
    dialogue.cut()
    assert [(result.vector, result.outcome) for result in dialogue.results] == [("S01", O.MAYBE_ACCEPTED)]
    for steps in (HELLO, (*HELLO, "250 ok"), (*HELLO, "250 ok", "250 ok"), (*OFFERED, "250 ok")):
        dialogue = one("S01", "S02")
        drive(dialogue, *steps)
        before = list(dialogue.results)
        dialogue.cut()
        assert dialogue.results == before


def test_a_letter_that_has_come_back_ends_the_test_and_one_that_has_not_lets_it_go_on() -> None:
    for yes in (True, False):
        dialogue = Dialogue(approaching(nonsense="nobody"), lambda said: [attempt("S01"), attempt("S02")])
        assert isinstance(drive(dialogue, *OFFERED, "250 ok"), AskProven)
        command = dialogue.proven(yes, 2001.0)
        assert command == (Send(b"QUIT\r\n", Limits().command) if yes else Pause(Limits().attempt_gap))
        assert [result.outcome for result in dialogue.results] == [O.ACCEPTED] + [O.UNTRIED] * yes


def test_a_letter_is_waited_for_also_where_what_is_left_is_for_another_connection() -> None:
    attempts = [attempt("S01"), attempt("S02")]
    dialogue = Dialogue(approaching(limits=Limits(attempts=1)), lambda said: attempts)
    assert drive(dialogue, *OFFERED, "250 ok") == AskProven(Limits().grace)


def test_no_second_encryption_is_asked_for_within_the_first() -> None:
    dialogue = on_opening(Tls.IMPLICIT, certificate=True)
    dialogue.encrypted()
    assert drive(dialogue, "220 mx.test", "250 mx.test|250 STARTTLS") == MAIL


def test_the_servers_own_name_is_not_asked_for_when_all_is_composed() -> None:
    attempts = [attempt("S01"), attempt("P01", opening="before")]
    dialogue = Dialogue(approaching(ask_own=True), lambda said: attempts)
    drive(dialogue, "450 later")
    following = dialogue.again()
    assert following is not None
    assert drive(following, *HELLO) == MAIL


def test_a_second_try_for_a_late_greeting_still_takes_tls_where_it_is_offered() -> None:
    dialogue = Dialogue(approaching(tls=Tls.OFFERED), lambda said: [attempt("S01")])
    drive(dialogue, O.TIMEOUT)
    following = dialogue.again()
    assert following is not None
    assert drive(following, "220 mx.test", "250 mx.test|250 STARTTLS") == STARTTLS


@pytest.mark.parametrize("fault", [O.TIMEOUT, O.DISCONNECTED])
def test_a_port_where_people_log_in_that_says_nothing_may_wait_for_tls(fault: Outcome) -> None:
    dialogue = Dialogue(approaching(587, tls=Tls.OFFERED), lambda said: [attempt("S01")])
    assert not dialogue.wrapped
    drive(dialogue, fault)
    following = dialogue.again()
    assert following is not None and following.wrapped
    following.start(0.0)
    following.encrypted()
    assert drive(following, "220 mx.test", "250 mx.test|250 STARTTLS") == MAIL


def test_where_tls_was_a_wrong_guess_there_is_more_patience_in_clear() -> None:
    dialogue = Dialogue(approaching(587, tls=Tls.OFFERED), lambda said: [attempt("S01")])
    drive(dialogue, O.TIMEOUT)
    guess = dialogue.again()
    assert guess is not None
    drive(guess, O.TLS_FAIL)
    patient = guess.again()
    assert patient is not None and not patient.wrapped
    assert patient.start(0.0) == Expect(Limits().banner_second)
    assert isinstance(drive(patient, O.TIMEOUT), Close)
    assert patient.again() is None
    assert [result.outcome for result in patient.results] == [O.BANNER_TIMEOUT]


def test_a_mail_port_that_says_nothing_is_waited_for_in_clear() -> None:
    dialogue = Dialogue(approaching(25, tls=Tls.OFFERED), lambda said: [attempt("S01")])
    drive(dialogue, O.TIMEOUT)
    following = dialogue.again()
    assert following is not None and not following.wrapped
    assert following.start(0.0) == Expect(Limits().banner_second)


def test_a_slow_greeting_under_tls_is_waited_for_under_tls() -> None:
    dialogue = Dialogue(approaching(465, tls=Tls.IMPLICIT), lambda said: [attempt("S01")])
    drive(dialogue, O.TIMEOUT)
    following = dialogue.again()
    assert following is not None and following.wrapped
    assert following.start(0.0) == Expect(Limits().banner_second)


def test_who_may_be_greeted_once_is_asked_about_the_postmaster_in_our_usual_name_on_another_connection() -> None:
    dialogue = Dialogue(approaching(), lambda said: [attempt("H01", helo="localhost")])
    assert isinstance(drive(dialogue, *HELLO, "503 once is enough", "221 bye"), Close)
    second = dialogue.again()
    assert second is not None
    assert isinstance(drive(second, *CLOSED, "221 bye"), Close)
    assert [result.outcome for result in second.results] == [O.RCPT_5XX]
    third = second.again()
    assert third is not None
    assert drive(third, "220 mx.test") == Send(b"EHLO probe.test\r\n", Limits().command)
    assert third.reply(Reply(code=250, lines=(b"mx.test",), raw=b""), 1001.0) == MAIL
    assert third.phase is Phase.CONTROL_MAIL


def test_where_a_connection_with_a_header_fails_for_everybody_no_other_is_made() -> None:
    attempts = [attempt("P01", opening="before"), attempt("P03", opening="command")]
    dialogue = Dialogue(approaching(), lambda said: attempts)
    drive(dialogue, *HELLO, "221 bye")
    following = dialogue.again()
    assert following is not None
    drive(following, "220 mx.test", O.TIMEOUT)
    assert [(result.vector, result.outcome) for result in following.results] == [("P01", O.TIMEOUT), ("P03", O.TIMEOUT)]


def test_another_stranger_is_not_spared_for_what_was_taken_from_us_alone() -> None:
    attempts = [attempt("S01"), attempt("S02"), attempt("S11", opening="stranger"), attempt("S12", opening="stranger")]
    dialogue = Dialogue(approaching(), lambda said: attempts)
    drive(dialogue, *OFFERED, "250 ok", "250 flushed", *OFFERED[2:], "250 ok", "221 bye")
    assert [(result.vector, result.outcome) for result in dialogue.results] == [
        ("S01", O.ACCEPTED),
        ("S02", O.ACCEPTED),
    ]


def test_a_busy_server_is_spared_by_the_other_stranger_as_well() -> None:
    attempts = [attempt("S01"), attempt("S02"), attempt("S11", opening="stranger")]
    dialogue = Dialogue(approaching(), lambda said: attempts)
    assert isinstance(drive(dialogue, *HELLO, "421 busy"), Close)
    assert {result.vector: result.outcome for result in dialogue.results} == {
        "S01": O.EARLY_421,
        "S02": O.UNTRIED,
        "S11": O.UNTRIED,
    }
    assert dialogue.again() is None


def test_an_attempt_ends_once_also_where_all_end_with_it_on_the_last_connection() -> None:
    dialogue = Dialogue(approaching(limits=Limits(connections=1)), lambda said: [attempt("S01")])
    encrypted = ("220 mx.test", "250 mx.test|250 STARTTLS", "530 Must issue a STARTTLS command first", "220 go", "tls")
    assert isinstance(drive(dialogue, *encrypted, O.TIMEOUT), Close)
    assert [(result.outcome, result.reply) for result in dialogue.results] == [(O.TIMEOUT, "")]


@pytest.mark.parametrize(
    ("first", "words", "on"),
    [
        (("250 ok", "550 no", "250 flushed"), "S01 S02 S03", True),
        (("250 ok", "250 ok", "354 go", "250 ok", "250 flushed"), "S01 S02 S03", True),
        ((), "S01- S02 S03", False),
        ((), "S02 S03", False),
    ],
)
def test_what_is_left_is_tried_again_only_where_a_connection_has_brought_an_answer(
    first: tuple[str, ...], words: str, on: bool
) -> None:
    dialogue = one(*words.split())
    drive(dialogue, *HELLO, *first, O.DISCONNECTED)
    assert dialogue.results[-1 if on else -2].vector == "S02"
    assert (dialogue.again() is not None) is on
    assert (O.UNTRIED in {result.outcome for result in dialogue.results}) is not on


@pytest.mark.parametrize(
    ("words", "steps", "limits"),
    [
        ("", HELLO, Limits()),
        ("S01", ("220 hello", "250 hello", *OFFERED[2:], "250 ok"), Limits()),
        ("S01 S02", (*OFFERED, "250 ok", "221 bye"), Limits(attempts=1)),
    ],
)
def test_whether_it_takes_everybody_is_not_asked_of_a_server_without_a_name_nor_before_all_was_tried(
    words: str, steps: tuple[str, ...], limits: Limits
) -> None:
    dialogue = Dialogue(
        approaching(nonsense="nobody", limits=limits), lambda said: [attempt(word) for word in words.split()]
    )
    command = drive(dialogue, *(step for step in steps if step != "221 bye"))
    assert (dialogue.proven(False, 2001.0) if isinstance(command, AskProven) else command) == QUIT


def test_whether_it_takes_everybody_is_asked_of_a_server_of_which_nothing_has_come_back() -> None:
    for yes in (True, False):
        attempts = [attempt("S01"), attempt("S11", opening="stranger")]
        dialogue = Dialogue(approaching(nonsense="nobody"), lambda said, attempts=attempts: attempts)
        assert isinstance(drive(dialogue, *OFFERED, "250 ok"), AskProven)
        command = dialogue.proven(yes, 2001.0)
        assert command == (Send(b"QUIT\r\n", Limits().command) if yes else Pause(Limits().attempt_gap))


def test_a_name_that_is_no_plain_host_name_is_not_the_servers_own() -> None:
    for own, taken in (("mx.own.test", "mx.own.test"), ("m\xfcll.test", ""), ("own", ""), ("", "")):
        said: list[Said] = []
        dialogue = Dialogue(approaching(ask_own=True), lambda told, said=said: said.append(told) or [])
        assert drive(dialogue, "220 hello", "250 hello") == AskOwn((), OWN_NAME_WAIT)
        dialogue.named(own, 1.0)
        assert [(told.name, told.own) for told in said] == [(taken, taken)]


def test_the_postmaster_is_asked_about_on_a_connection_of_its_own_only_where_there_may_be_one() -> None:
    for most in (1, 2):
        dialogue = Dialogue(approaching(limits=Limits(connections=most, command=4.0)), lambda said: [attempt("S01")])
        command = drive(dialogue, *HELLO, "250 ok", "550 no", seconds=2.0)
        assert command == Send(b"QUIT\r\n", 4.0), "who makes us wait longer each time is left in between"
        dialogue.reply(Reply(code=221, lines=(b"bye",), raw=b""), 2000.0)
        assert (dialogue.again() is not None) is (most == 2)


def test_a_server_that_knows_helo_alone_is_known_by_its_answer_to_that() -> None:
    dialogue = one("S01")
    drive(dialogue, "220 hello", "500 what", "250 mx.test")
    assert dialogue.target_name == "mx.test"


def test_a_refusal_behind_a_second_greeting_that_was_taken_is_one_of_the_form() -> None:
    for code in (503, 550):
        dialogue = Dialogue(approaching(), lambda said: [attempt("H01", helo="localhost")])
        drive(dialogue, *HELLO, "250 mx.test", f"{code} no")
        assert [(result.outcome, result.stage) for result in dialogue.results] == [(O.MAIL_5XX, "MAIL")]


@pytest.mark.parametrize(("code", "flags"), [(250, set()), (251, set()), (252, {Flag.RCPT_ODD})])
def test_a_recipient_is_taken_by_two_codes_and_oddly_by_others(code: int, flags: set[Flag]) -> None:
    dialogue = one("S01")
    drive(dialogue, *HELLO, "250 ok", f"{code} ok", "354 go", "250 ok")
    assert dialogue.results[0].flags == dialogue.flags == flags


@pytest.mark.parametrize(
    ("banner", "greeting", "names"),
    [
        ("220 a.test ESMTP", "250 b.test hello", ("a.test", "b.test")),
        ("220 a.test ESMTP", "250 a.test hello", ("a.test",)),
        ("220 hello", "250 b.test", ("b.test",)),
        ("220 a.test", "250 hello", ("a.test",)),
    ],
)
def test_a_server_is_called_as_it_greeted_first_and_each_of_its_names_is_looked_at_once(
    banner: str, greeting: str, names: tuple[str, ...]
) -> None:
    dialogue = Dialogue(approaching(ask_own=True), lambda said: [])
    assert drive(dialogue, banner, greeting) == AskOwn(names, OWN_NAME_WAIT)
    assert dialogue.target_name == names[0]


@pytest.mark.parametrize(
    ("greeting", "command"),
    [
        ("250 mx.test|250 STARTTLS", STARTTLS),
        ("250 mx.test|250 starttls", STARTTLS),
        ("250 mx.test|250 SIZE|250 StartTLS x", STARTTLS),
        ("250 STARTTLS", MAIL),  # that is its name
        ("250 mx.test|250 X-STARTTLS", MAIL),
        ("250 mx.test", MAIL),
    ],
)
def test_tls_is_taken_where_a_line_behind_the_name_offers_it(greeting: str, command: Command) -> None:
    dialogue = Dialogue(approaching(tls=Tls.OFFERED), lambda said: [attempt("S01")])
    assert drive(dialogue, "220 mx.test", greeting) == command
    assert drive(one("S01"), "220 mx.test", greeting) == MAIL, "and only where we want it"


@pytest.mark.parametrize(
    ("greeting", "steps", "command"),
    [
        ("250 mx.test|250 STARTTLS", ("530 Must issue a STARTTLS command first",), STARTTLS),
        ("250 mx.test|250 STARTTLS", ("250 ok", "530 5.7.0 start TLS first"), STARTTLS),
        ("250 mx.test|250 STARTTLS", ("550 Must issue a STARTTLS command first",), QUIT),
        ("250 mx.test|250 STARTTLS", ("530 Authentication required",), QUIT),
        ("250 mx.test", ("530 Must issue a STARTTLS command first",), QUIT),
        ("250 mx.test|250 STARTTLS", ("250 ok", "250 ok", "530 Must issue a STARTTLS command first"), QUIT),
    ],
)
def test_tls_is_needed_where_a_server_that_offers_it_says_so_by_code_and_word(
    greeting: str, steps: tuple[str, ...], command: Command
) -> None:
    dialogue = Dialogue(approaching(control=False), lambda said: [attempt("S01")])
    assert drive(dialogue, "220 mx.test", greeting, *steps) == command


def test_a_server_is_a_tarpit_by_one_reply_and_not_by_many() -> None:
    dialogue = one("S01")
    drive(dialogue, *CLOSED, "250 ok", "250 ok", "250 ok", "221 bye", seconds=20.0)
    assert dialogue.flags == set()


@pytest.mark.parametrize(
    ("codes", "seconds", "pause"),
    [
        (("250 ok", "550 no"), 1.0, True),
        (("250 ok", "550 no"), 1.5, False),
        (("400 no",), 1.0, True),
        (("400 no",), 1.5, False),
    ],
)
def test_who_makes_a_refusal_wait_too_long_meets_us_again_on_another_connection(
    codes: tuple[str, ...], seconds: float, pause: bool
) -> None:
    dialogue = Dialogue(approaching(limits=Limits(command=4.0)), lambda said: [attempt("S01"), attempt("S02")])
    command = drive(dialogue, *HELLO, *codes, seconds=seconds)
    assert command == (Pause(Limits().attempt_gap) if pause else Send(b"QUIT\r\n", 4.0))


def test_only_refusals_are_penalties_and_a_slow_welcome_is_none() -> None:
    dialogue = Dialogue(approaching(limits=Limits(command=4.0)), lambda said: [attempt("S01"), attempt("S02")])
    drive(dialogue, *HELLO, "250 ok", seconds=2.0)
    command = dialogue.reply(Reply(code=550, lines=(b"no",), raw=b""), 1006.0)
    assert command == Pause(Limits().attempt_gap)


def test_what_was_seen_before_the_first_attempt_is_the_connections_and_not_the_attempts() -> None:
    dialogue = one("S01")
    drive(dialogue, "220 mx.test", seconds=40.0)
    for code in (250, 250, 550):
        dialogue.reply(Reply(code=code, lines=(b"",), raw=b""), 1041.0)
    assert dialogue.flags == {Flag.TARPIT}
    assert dialogue.results[0].flags == set()


def test_a_connection_comes_from_the_address_and_as_whom_its_opening_says() -> None:
    dialogue = on_opening(source="192.0.2.10", remark="another", helo=b"other.test")
    assert (dialogue.source, dialogue.remark) == ("192.0.2.10", "another")
    assert drive(dialogue, "220 mx.test") == Send(b"EHLO other.test\r\n", Limits().command)
    plain = on_opening(before=b"PROXY")
    assert (plain.source, plain.remark) == ("192.0.2.9", "ourselves")
    assert one().source is None


@pytest.mark.parametrize(
    ("steps", "control", "reply"),
    [
        (("250 ok", "250 ok"), Control.ACCEPTED, ""),
        (("550 who are you",), Control.REFUSED, "550 who are you"),
        (("450 later",), Control.DEFERRED, ""),
        (("250 ok", "550 nobody", "250 ok"), Control.ACCEPTED_BARE, ""),
        (("250 ok", "550 nobody", "551 nor here"), Control.REFUSED, "551 nor here"),
        (("250 ok", "450 later", "551 nor here"), Control.REFUSED, "551 nor here"),
        (("250 ok", "450 later", "451 still"), Control.DEFERRED, ""),
        (("250 ok", "250 ok", "550 no RSET"), Control.ACCEPTED, ""),
        ((O.UNSOLICITED,), Control.NOT_RUN, ""),
        (("250 ok", O.UNSOLICITED), Control.NOT_RUN, ""),
        (("250 ok", "550 nobody", O.UNSOLICITED), Control.NOT_RUN, ""),
        (("250 ok", "250 ok", O.UNSOLICITED), Control.NOT_RUN, ""),
        (("250 ok", "250 ok", O.DISCONNECTED), Control.ACCEPTED, ""),
    ],
)
def test_what_the_postmaster_is_told_says_whether_it_is_us_who_are_refused(
    steps: tuple[str | Outcome, ...], control: Control, reply: str
) -> None:
    dialogue = one("S01")
    assert dialogue.control_reply == ""
    command = drive(dialogue, *CLOSED)
    assert command == Send(b"MAIL FROM:<s@bounce.test>\r\n", Limits().command)
    assert dialogue.control_reply == ""
    drive(dialogue := one("S01"), *CLOSED, *steps)
    assert (dialogue.control, dialogue.control_reply) == (control, reply)


@pytest.mark.parametrize(
    ("code", "ended"), [(400, O.MAIL_4XX), (499, O.MAIL_4XX), (500, O.MAIL_5XX), (599, O.MAIL_5XX), (399, O.PROTOCOL)]
)
def test_a_refusal_begins_with_a_four_or_a_five(code: int, ended: Outcome) -> None:
    dialogue = one("S01")
    drive(dialogue, *HELLO, f"{code} x")
    assert [result.outcome for result in dialogue.results] == [ended]


def test_who_takes_more_than_half_a_minute_for_a_reply_is_a_tarpit_from_the_greeting_on() -> None:
    for seconds, flags in ((30.0, set()), (30.5, {Flag.TARPIT})):
        dialogue = one("S01")
        drive(dialogue, "220 mx.test", seconds=seconds)
        assert dialogue.flags == flags


def test_so_much_of_what_a_server_says_of_itself_is_handed_to_who_composes() -> None:
    heard: list[bytes] = []
    dialogue = Dialogue(approaching(), lambda said: heard.append(said.text) or [])
    drive(dialogue, "220 mx.test " + "x" * 3000, "250 mx.test " + "y" * 3000)
    assert [len(text) for text in heard] == [4096]


def test_a_path_that_is_encrypted_from_the_start_says_so_once_it_is() -> None:
    dialogue = Dialogue(approaching(tls=Tls.IMPLICIT), lambda said: [])
    assert dialogue.flags == set()
    dialogue.encrypted()
    assert dialogue.flags == {Flag.TLS_USED}


def test_that_tls_was_needed_stays_with_the_attempt_that_met_it() -> None:
    dialogue = one("S01", "S02")
    drive(
        dialogue,
        *("220 mx.test", "250 mx.test|250 STARTTLS", "530 Must issue a STARTTLS command first", "220 go", "tls"),
        *("250 mx.test", "250 ok", "550 no", "250 flushed", "250 ok", "550 no"),
    )
    assert [result.flags for result in dialogue.results] == [{Flag.TLS_NEEDED, Flag.TLS_USED}, set()]


def test_a_connection_is_greeted_in_our_usual_name_also_where_its_first_attempt_has_another() -> None:
    attempts = [attempt("S01"), attempt("H01", helo="localhost")]
    first = Dialogue(approaching(limits=Limits(attempts=1)), lambda said: attempts)
    drive(first, *HELLO, "250 ok", "550 no", "221 bye")
    second = first.again()
    assert second is not None
    assert drive(second, "220 mx.test") == Send(b"EHLO probe.test\r\n", Limits().command)


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
        seen += [(r.vector, r.outcome) for r in dialogue.results]
        dialogue = dialogue.again()
    assert seen == [("R01", Outcome.RCPT_5XX), ("R02", Outcome.RCPT_5XX)]


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
