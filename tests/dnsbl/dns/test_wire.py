import struct

import dns.flags
import dns.message
import dns.name
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dnsbl.dns import wire
from dnsbl.dns.wire import Reply

QUERY = bytes.fromhex("1234 0100 0001 0000 0000 0000 02 426c 04 74657374 00 0001 0001")
OPT = bytes.fromhex("00 0029 1000 00 00 8000 000c 0003 0000 000a 0004 01020304")
WITH_OPT = QUERY[:11] + b"\x01" + QUERY[12:] + OPT


def parsed(packet: bytes) -> wire.Query:
    query = wire.parse(packet)
    assert query is not None
    return query


def test_a_query_is_read_whole() -> None:
    query = parsed(QUERY)
    assert (query.ident, query.opcode, query.recursion_desired) == (0x1234, 0, True)
    assert query.labels == (b"bl", b"test")
    assert query.question == QUERY[12:]
    assert (query.qtype, query.qclass, query.edns, query.fault) == (wire.A, wire.IN, None, wire.NOERROR)


def test_a_query_without_rd_is_answered_without_rd() -> None:
    query = parsed(QUERY[:2] + b"\0" + QUERY[3:])
    assert not query.recursion_desired
    assert wire.assemble(query, Reply(wire.REFUSED), 512) == bytes.fromhex("1234 8005 0001 0000 0000 0000") + QUERY[12:]


def test_opt_is_read_with_every_option_even_an_empty_one() -> None:
    query = parsed(WITH_OPT)
    assert query.edns == wire.Edns(4096, 0, True, ((3, b""), (10, b"\1\2\3\4")))
    assert query.fault == wire.NOERROR


@pytest.mark.parametrize("length", range(12))
def test_a_packet_without_a_header_gets_no_reply(length: int) -> None:
    assert wire.parse(QUERY[:length]) is None


def test_a_response_gets_no_reply() -> None:
    assert wire.parse(QUERY[:2] + b"\x81" + QUERY[3:]) is None


@pytest.mark.parametrize("end", range(12, len(QUERY)))
def test_a_question_cut_anywhere_is_malformed_and_not_repeated(end: int) -> None:
    query = parsed(QUERY[:end])
    assert (query.fault, query.question) == (wire.FORMERR, b"")


@pytest.mark.parametrize("end", range(len(QUERY), len(WITH_OPT)))
def test_opt_cut_anywhere_is_malformed_and_the_question_repeated(end: int) -> None:
    query = parsed(WITH_OPT[:end])
    there = end >= len(QUERY) + 11  # as far as its options: the client knows what OPT is
    assert (query.fault, query.question) == (wire.FORMERR, QUERY[12:])
    assert query.edns == (wire.Edns(4096, 0, True, ()) if there else None)


@pytest.mark.parametrize("first", [0x40, 0x7F, 0x80, 0xBF, 0xC0, 0xFF])
def test_no_label_type_but_the_plain_one_is_read(first: int) -> None:
    packet = QUERY[:12] + bytes([first]) + bytes(300)
    assert parsed(packet).fault == wire.FORMERR


@pytest.mark.parametrize(("last", "fault"), [(61, wire.NOERROR), (62, wire.FORMERR)])
def test_a_name_has_at_most_255_bytes(last: int, fault: int) -> None:
    name = (b"\x3f" + b"a" * 63) * 3 + bytes([last]) + b"a" * last + b"\0"
    assert len(name) == 194 + last
    assert parsed(QUERY[:12] + name + QUERY[-4:]).fault == fault


@pytest.mark.parametrize("counts", ["0000 0000 0000 0000", "0002 0000 0000 0000", "0001 0001 0000 0000"])
def test_counts_other_than_one_question_are_malformed_and_nothing_is_repeated(counts: str) -> None:
    query = parsed(QUERY[:4] + bytes.fromhex(counts) + QUERY[12:])
    assert (query.fault, query.question) == (wire.FORMERR, b"")


@pytest.mark.parametrize(
    "opt",
    [
        "01 61 00 0029 1000 00 00 0000 0000",  # an owner
        "00 0010 1000 00 00 0000 0000",  # another type
        "00 0029 1000 00 00 0000 0003 000300",  # half an option
        "00 0029 1000 00 00 0000 0005 0003 0002 00",  # an option longer than OPT
        "00 0029 1000 00 00 0000 0000 00",  # a byte behind
    ],
)
def test_opt_of_another_shape_is_malformed(opt: str) -> None:
    query = parsed(WITH_OPT[: len(QUERY)] + bytes.fromhex(opt))
    assert (query.fault, query.question) == (wire.FORMERR, QUERY[12:])


def test_another_opcode_comes_before_every_other_fault() -> None:
    assert parsed(QUERY[:2] + b"\x28" + QUERY[3:14]).fault == wire.NOTIMP


def test_version_1_is_a_fault_of_its_own() -> None:
    at = len(QUERY) + 6
    assert parsed(WITH_OPT[:at] + b"\1" + WITH_OPT[at + 1 :]).fault == wire.BADVERS


@pytest.mark.parametrize(
    ("advertised", "room"), [(0, 512), (511, 512), (513, 513), (1232, 1232), (1233, 1232), (65535, 1232)]
)
def test_room_follows_what_the_client_advertised_within_bounds(advertised: int, room: int) -> None:
    at = len(QUERY) + 3
    query = parsed(WITH_OPT[:at] + struct.pack("!H", advertised) + WITH_OPT[at + 2 :])
    assert query.room(tcp=False) == room
    assert query.room(tcp=True) == 65535


def test_without_edns_there_is_room_for_512_bytes() -> None:
    assert parsed(QUERY).room(tcp=False) == 512
    assert parsed(QUERY).room(tcp=True) == 65535


def test_a_pointer_leads_to_the_last_labels_of_the_question() -> None:
    query = parsed(QUERY)
    assert query.pointer(2) == wire.QNAME
    assert query.pointer(1) == b"\xc0\x0f"


def test_a_reply_carries_its_sections_and_the_clients_case() -> None:
    records = [wire.record(wire.QNAME, wire.TXT, 60, wire.text(words)) for words in ("one", "two", "three")]
    reply = Reply(wire.NOERROR, True, tuple(records[:1]), tuple(records[1:2]), tuple(records[2:]))
    said = dns.message.from_wire(wire.assemble(parsed(WITH_OPT), reply, 512))
    assert said.answer[0].to_text() == 'Bl.test. 60 IN TXT "one"'
    assert said.authority[0].to_text() == 'Bl.test. 60 IN TXT "two"'
    assert said.additional[0].to_text() == 'Bl.test. 60 IN TXT "three"'
    assert said.payload == 1232
    assert said.ednsflags == 0x8000


def test_additional_records_go_first_then_everything_with_tc() -> None:
    query = parsed(QUERY)
    answers = (wire.record(wire.QNAME, wire.TXT, 60, wire.text("a" * 100)),)
    extra = (wire.record(wire.QNAME, wire.A, 60, bytes(4)),)
    reply = Reply(wire.NOERROR, True, answers, (), extra)
    whole = len(QUERY) + len(answers[0]) + len(extra[0])
    assert len(wire.assemble(query, reply, whole)) == whole
    smaller = dns.message.from_wire(wire.assemble(query, reply, whole - 1))
    assert smaller.answer
    assert not smaller.additional
    assert not smaller.flags & dns.flags.TC
    truncated = wire.assemble(query, reply, len(QUERY) + len(answers[0]) - 1)
    assert len(truncated) == len(QUERY)
    assert dns.message.from_wire(truncated).flags & dns.flags.TC


@given(
    st.lists(st.sampled_from([b"\0", b"\xc0\x0c", b"\1a\0", b"\1a\xc0\x0c"]), max_size=5),
    st.integers(1, 2),
    st.integers(0, 2),
    st.integers(1, 5),
    st.binary(max_size=3),
)
def test_a_broken_message_with_opt_gets_opt_as_a_stranger_reads_it(
    owners: list[bytes], questions: int, before: int, additionals: int, tail: bytes
) -> None:
    """RFC 6891 6.1.1; dnspython, told to go on after errors, says whether there is one."""
    records = [owner + bytes.fromhex("0001 0001 00000000 0004 7f000001") for owner in owners]
    records.append(bytes.fromhex("00 0029 1000 00 00 8000 0000"))
    packet = struct.pack("!HHHHHH", 1, 0, questions, before, 0, additionals)
    packet += (b"\1a\0\0\1\0\1" * questions) + b"".join(records) + tail
    query = parsed(packet)
    if query.fault == wire.FORMERR:
        said = dns.message.from_wire(packet, continue_on_error=True, ignore_trailing=True, question_only=False)
        assert (query.edns is not None) == (said.opt is not None)


@given(st.binary(max_size=600))
@example(WITH_OPT)
def test_whatever_comes_is_read_or_refused(packet: bytes) -> None:
    query = wire.parse(packet)
    if len(packet) < 12 or packet[2] & 0x80:
        assert query is None
        return
    assert query is not None
    assert query.ident == int.from_bytes(packet[:2])
    assert packet[12:].startswith(query.question)


@given(
    st.lists(st.binary(min_size=1, max_size=63), max_size=8).filter(lambda labels: sum(map(len, labels)) < 200),
    st.integers(0, 65535),
    st.integers(0, 65535),
)
def test_every_good_question_is_understood_as_a_stranger_understands_it(
    labels: list[bytes], rdtype: int, rdclass: int
) -> None:
    name = dns.name.Name([*labels, b""])
    packet = QUERY[:12] + name.to_wire() + struct.pack("!HH", rdtype, rdclass)
    query = parsed(packet)
    assert query.fault == wire.NOERROR
    assert dns.name.Name([*query.labels, b""]) == name
    assert (query.qtype, query.qclass) == (rdtype, rdclass)
