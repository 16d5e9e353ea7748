"""The vocabulary: the reply grammar, escaping, and the records' way through JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.errors import ReplyFault
from tester.smtp import (
    DELIVERED,
    KEPT,
    PENDING,
    REFUSED,
    RETRY,
    Attempt,
    Control,
    Event,
    Flag,
    Limits,
    Opening,
    Outcome,
    Reply,
    ReplyReader,
    Result,
    Transcript,
    escape,
)

O = Outcome  # noqa: E741
SMALL = Limits(line=40, lines=3, reply=100, line_expected=20)


def read(*pieces: bytes, limits: Limits = SMALL) -> tuple[list[Reply], str | None, bytes]:
    """All complete replies, the fault if there was one, and the surplus."""
    reader = ReplyReader(limits)
    replies: list[Reply] = []
    fault = None
    for piece in pieces:
        try:
            reader.feed(piece)
        except ReplyFault as error:
            fault = error.outcome
            break
        finally:
            while (reply := reader.next_reply()) is not None:
                replies.append(reply)
    return replies, fault, reader.surplus


@pytest.mark.parametrize(
    ("raw", "code", "lines"),
    [
        (b"250 ok\r\n", 250, (b"ok",)),
        (b"250\r\n", 250, (b"",)),
        (b"250 \r\n", 250, (b"",)),
        (b"250-a\r\n250-b\r\n250 c\r\n", 250, (b"a", b"b", b"c")),
        (b"250-a\r\n250\r\n", 250, (b"a", b"")),
        (b"599 \xff\x00\r\n", 599, (b"\xff\x00",)),
        (b"354 go\r\n", 354, (b"go",)),
    ],
)
def test_a_well_formed_reply_is_read_whole(raw: bytes, code: int, lines: tuple[bytes, ...]) -> None:
    [reply], fault, surplus = read(raw)
    assert (reply.code, reply.lines, reply.raw) == (code, lines, raw)
    assert (fault, surplus) == (None, b"")


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n",
        b"\n",
        b"hello\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"250_ok\r\n",
        b"250ok\r\n",
        b" 250 ok\r\n",
        b"2_5 ok\r\n",  # int() would take it
        b"+25 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"099 ok\r\n",
        b"250-a\r\n550 b\r\n",
        b"250-a\r\n251-b\r\n",
        b"250\xa0ok\r\n",
        "２５０ ok\r\n".encode(),
    ],
)
def test_anything_else_is_a_protocol_fault(raw: bytes) -> None:
    assert read(raw)[:2] == ([], "PROTOCOL")


@pytest.mark.parametrize(
    "raw",
    [
        b"2" * 41,
        b"250 " + b"x" * 41,
        b"250 " + b"x" * 40 + b"\r\n",
        b"250-a\r\n" * 4,
        b"250-" + b"x" * 34 + b"\r\n" + b"250-" + b"x" * 34 + b"\r\n" + b"250-" + b"x" * 34 + b"\r\n",
    ],
)
def test_too_much_is_oversize(raw: bytes) -> None:
    assert read(raw)[:2] == ([], "OVERSIZE")


def test_so_much_is_taken_and_no_octet_more() -> None:
    full = b"250-" + b"x" * 34 + b"\r\n" + b"250-" + b"x" * 34 + b"\r\n" + b"250 " + b"x" * 14 + b"\r\n"
    assert len(full) == SMALL.reply
    [reply], fault, _ = read(full)
    assert (reply.raw, fault) == (full, None)
    assert read(full.replace(b"250 ", b"250 x"))[:2] == ([], "OVERSIZE")
    assert read(b"250 " + b"x" * 34 + b"\r\n")[1] is None
    assert read(b"250 " + b"x" * 35 + b"\r\n")[1] == "OVERSIZE"
    [reply], _, _ = read(b"250 " + b"x" * 14 + b"\r\n")
    assert reply.flags == set()


def test_as_many_replies_wait_as_a_reply_has_lines() -> None:
    reader = ReplyReader(SMALL)
    reader.feed(b"250\r\n251\r\n252\r\n")
    assert reader.surplus == b"250\r\n251\r\n252\r\n"
    with pytest.raises(ReplyFault) as caught:
        reader.feed(b"253\r\n")
    assert caught.value.outcome == "OVERSIZE"


def test_replies_that_nobody_takes_are_bounded_as_well() -> None:
    reader = ReplyReader(SMALL)
    with pytest.raises(ReplyFault) as caught:
        reader.feed(b"250 ok\r\n" * 13)
    assert caught.value.outcome == "OVERSIZE"
    assert len(reader.surplus) <= SMALL.reply


def test_taking_a_reply_makes_room() -> None:
    reader = ReplyReader(SMALL)
    for _ in range(100):
        reader.feed(b"250 ok\r\n")
        assert reader.next_reply() is not None


def test_a_flood_does_not_stay_in_memory() -> None:
    reader = ReplyReader(Limits())
    with pytest.raises(ReplyFault):
        reader.feed(b"x" * 1_000_000)
    assert reader.surplus == b"x" * Limits().line


def test_a_second_greeting_a_dot_and_a_line_have_the_room_that_rfc_5321_gives_them() -> None:
    """Sections 4.5.3.2.1, 4.5.3.2.6 and 4.5.3.1.5."""
    assert (Limits().banner_second, Limits().final, Limits().line_expected) == (5 * 60, 10 * 60, 512)


def test_no_version_costs_a_strangers_server_more_than_another_without_being_told_to() -> None:
    assert asdict(Limits()) == {
        "connect": 30,
        "banner": 60,
        "banner_second": 300,
        "command": 120,
        "final": 600,
        "connection": 900,
        "line_expected": 512,
        "line": 4096,
        "lines": 100,
        "reply": 32_768,
        "total": 262_144,
        "attempts": 4,
        "odd_attempts": 2,
        "attempt_gap": 2,
        "connection_gap": 30,
        "connections": 20,
        "grace": 20,
    }


def test_after_a_fault_the_reader_is_finished() -> None:
    reader = ReplyReader(SMALL)
    with pytest.raises(ReplyFault):
        reader.feed(b"250 ok\r\nnonsense\r\n")
    with pytest.raises(ReplyFault) as again:
        reader.feed(b"250 ok\r\n")
    assert again.value.outcome == "PROTOCOL"
    reply = reader.next_reply()
    assert reply is not None
    assert reply.lines == (b"ok",)
    assert reader.next_reply() is None


def test_a_reader_that_had_too_many_replies_stays_finished_when_they_are_taken() -> None:
    reader = ReplyReader(SMALL)
    with pytest.raises(ReplyFault) as caught:
        reader.feed(b"250\r\n251\r\n252\r\n253\r\n")
    while reader.next_reply() is not None:
        continue
    with pytest.raises(ReplyFault) as again:
        reader.feed(b"")
    assert again.value is caught.value


@pytest.mark.parametrize(
    ("raw", "flags"),
    [
        (b"250 ok\n", {Flag.BARE_LF}),
        (b"250 a\x00b\r\n", {Flag.NUL}),
        (b"250 \xe9\r\n", {Flag.EIGHTBIT}),
        (b"250 a\x1b[0m\r\n", {Flag.CTRL}),
        (b"250 a\rb\r\n", {Flag.CTRL}),
        (b"250 a\tb\r\n", set()),
        (b"250 " + b"x" * 20 + b"\r\n", {Flag.LONG_REPLY}),
        (b"250-\x00\r\n250 \xff\n", {Flag.NUL, Flag.EIGHTBIT, Flag.BARE_LF}),
    ],
)
def test_oddities_are_kept_and_flagged(raw: bytes, flags: set[Flag]) -> None:
    [reply], _, _ = read(raw)
    assert reply.flags == flags
    assert reply.raw == raw


def test_flags_do_not_leak_into_the_next_reply() -> None:
    replies, _, _ = read(b"250 \x00\r\n250 ok\r\n")
    assert [r.flags for r in replies] == [{Flag.NUL}, frozenset()]


def test_surplus_is_all_that_is_buffered() -> None:
    reader = ReplyReader(SMALL)
    reader.feed(b"250 ok\r\n250 EXTRA\r\n250-more\r\n25")
    first = reader.next_reply()
    assert first is not None
    assert first.lines == (b"ok",)
    assert reader.surplus == b"250 EXTRA\r\n250-more\r\n25"


PIECES = st.sampled_from(
    [b"250 ok\r\n", b"250-a\r\n", b"550 no\n", b"2", b"50", b"\r", b"\n", b"x" * 30, b"\x00\xff", b"250 "]
)


@given(st.lists(PIECES, max_size=12), st.integers(1, 9))
def test_how_the_bytes_are_cut_makes_no_difference(pieces: list[bytes], step: int) -> None:
    raw = b"".join(pieces)
    reader = ReplyReader(SMALL)
    whole = ReplyReader(SMALL)
    faults = []
    for one, parts in (
        (reader, [raw[at : at + step] for at in range(0, len(raw), step)]),
        (whole, [raw]),
    ):
        try:
            for part in parts:
                one.feed(part)
            faults.append(None)
        except ReplyFault as fault:
            faults.append(fault.outcome)
    assert faults[0] == faults[1]
    taken = [[], []]
    for one, into in zip((reader, whole), taken, strict=True):
        while (reply := one.next_reply()) is not None:
            into.append(reply)
    assert taken[0] == taken[1]


@given(st.binary(max_size=200))
def test_arbitrary_bytes_give_replies_or_a_named_fault(raw: bytes) -> None:
    replies, fault, surplus = read(raw)
    assert fault in (None, "PROTOCOL", "OVERSIZE")
    if fault is None:
        assert b"".join(r.raw for r in replies) + surplus == raw


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        (b"5.7.1 no", "5.7.1"),
        (b"5.7.1", "5.7.1"),
        (b"4.7.123 later", "4.7.123"),
        (b"3.7.1 no", None),
        (b"5.7.1no", None),
        (b"5.7.1234 no", None),
        (b"no 5.7.1", None),
        (b"", None),
    ],
)
def test_the_enhanced_code_stands_at_the_start(text: bytes, enhanced: str | None) -> None:
    assert Reply(code=550, lines=(text, b"4.4.4 x"), raw=b"").enhanced == enhanced


def test_the_text_of_a_reply_is_fit_to_be_shown() -> None:
    assert Reply(code=550, lines=(b"a\x1b[31m", b"\xff\\"), raw=b"").text == "a\\x1b[31m \\xff\\\\"


@given(st.binary(max_size=100))
def test_escaping_is_printable_and_can_be_undone(raw: bytes) -> None:
    shown = escape(raw)
    assert all(" " <= c <= "~" for c in shown)
    assert shown.encode().decode("unicode_escape").encode("latin-1") == raw


def test_line_ends_are_shown_by_name() -> None:
    assert escape(b"a\r\n\tb") == "a\\r\\n\\tb"


WHOLE = Transcript(
    target="2001:db8::1",
    port=25,
    source="[2001:db8::2]:40000",
    started=1700000000.25,
    target_name="mx.example.net",
    events=(Event(0.5, "<", b"220 \xff\r\n"), Event(0.75, ">", b"EHLO x\r\n"), Event(1.0, "!", b"gone")),
    results=(
        Result(
            vector="S01",
            token="r",
            outcome=Outcome.ACCEPTED,
            stage="OK",
            reply="250 ok",
            flags=frozenset({Flag.NUL}),
            dot_at=3.5,
        ),
        Result(vector="S02", token="q", outcome=Outcome.UNTRIED, stage=""),
    ),
    control=Control.REFUSED,
    control_reply="550 5.1.1 no postmaster here",
    flags=frozenset({Flag.TARPIT, Flag.NUL}),
    tls={"version": "TLSv1.3"},
)


def test_a_transcript_survives_json() -> None:
    text = WHOLE.to_json()
    assert Transcript.from_json(text) == WHOLE
    assert ", " not in text
    assert '": ' not in text


def test_a_transcript_that_was_written_before_the_postmasters_reply_was_kept_has_none() -> None:
    old = json.loads(WHOLE.to_json())
    del old["control_reply"]
    assert Transcript.from_json(json.dumps(old)).control_reply == ""


def test_what_is_not_said_is_as_always_or_empty() -> None:
    attempt = Attempt(vector="S01", token="r", mail=b"<>", rcpt=b"<x>")
    assert (attempt.odd, attempt.helo, attempt.stranger, attempt.skip) == (False, b"", 0, "")
    opening = Opening()
    assert attempt.opening == opening
    assert (opening.before, opening.command, opening.certificate) == (b"", b"", False)
    assert (opening.source, opening.helo, opening.remark) == ("", b"", "")
    assert Result(vector="S01", token="r", outcome=Outcome.UNTRIED, stage="").reply == ""
    bare = Transcript(target="192.0.2.1", port=25, source="", started=0.0)
    assert (bare.target_name, bare.control, bare.control_reply, bare.tls) == ("", Control.NOT_RUN, "", {})


def test_an_opening_is_plain_that_differs_in_names_alone() -> None:
    assert Opening().plain
    assert Opening(source="192.0.2.1", helo=b"x.test", remark="as another").plain
    assert not Opening(before=b"PROXY UNKNOWN\r\n").plain
    assert not Opening(command=b"XCLIENT ADDR=192.0.2.1").plain
    assert not Opening(certificate=True).plain


def test_a_transcript_of_another_make_is_refused() -> None:
    other = json.dumps({**json.loads(WHOLE.to_json()), "v": 2})
    with pytest.raises(ValueError, match="version 2"):
        Transcript.from_json(other)


def test_the_classes_of_outcomes_are_what_their_names_say() -> None:
    ended = {outcome for outcome in Outcome if not outcome.startswith(("BANNER", "HELO"))}
    assert {o for o in ended if o.endswith("5XX")} | {O.RCPT_AUTH, O.RCPT_DENIED_SOFT, O.DEFERRED_FOREVER} == REFUSED
    put_off = {outcome for outcome in Outcome if outcome.endswith("4XX")}
    assert put_off | {O.RCPT_DENIED_SOFT, O.EARLY_421} == RETRY
    assert {O.DSN_DELAYED, O.HELD} == KEPT
    assert {O.ACCEPTED, O.MAYBE_ACCEPTED, *KEPT} == PENDING
    assert {O.DELIVERED_SAME, O.DELIVERED_OTHER, O.DELIVERED_SAME_LATE, O.DELIVERED_OTHER_LATE} == DELIVERED


def test_codes_are_called_by_their_names() -> None:
    for kind in (Outcome, Flag, Control):
        for code in kind:
            assert code.value in (code.name, code.name.lower().replace("_", "-"))


def test_the_classes_of_outcomes_do_not_overlap() -> None:
    assert not PENDING & DELIVERED
    assert not (PENDING | DELIVERED) & (RETRY | REFUSED)
    assert {Outcome.RCPT_DENIED_SOFT} == RETRY & REFUSED
