"""The fuzzer itself: it finds what is broken, repeats itself with its seed, and a small round passes here."""

import itertools
import struct
import time
from collections.abc import Callable

import pytest
from packets import CLIENTS, GOOD, PLAIN_UDP, SMALL, broken_law, corpus, mutations, responder, throw

QUERY = bytes.fromhex("0001 0000 0001 0000 0000 0000 00 0001 0001".replace(" ", ""))


def test_a_small_round_passes_and_sees_every_kind_of_reply() -> None:
    seen, failure = throw(5, 6000, 60, responder())
    assert failure == ""
    assert seen["packets"] == 6000
    assert min(seen[kind] for kind in ("silence", "rcode 0", "rcode 1", "rcode 3", "rcode 4", "rcode 5")) > 50


def test_the_same_seed_makes_the_same_packets_and_another_seed_others() -> None:
    start = corpus()
    first, again, other = ([*itertools.islice(mutations(seed, start), 200)] for seed in (3, 3, 4))
    assert first == again != other
    assert max(map(len, first)) <= 65535


SOUND = responder()


def raises(packet: bytes, client: bytes, tcp: bool) -> object:
    if packet[4:6] == b"\0\2":
        raise KeyError("two questions")
    return SOUND(packet, client, tcp)


def answers_responses(packet: bytes, client: bytes, tcp: bool) -> object:
    return packet if len(packet) > 11 and packet[2] & 0x80 else SOUND(packet, client, tcp)


def forgets(packet: bytes, client: bytes, tcp: bool) -> object:
    return None if packet == GOOD else SOUND(packet, client, tcp)


def pads(packet: bytes, client: bytes, tcp: bool) -> object:
    reply = SOUND(packet, client, tcp)
    return reply + bytes(PLAIN_UDP) if isinstance(reply, bytes) else reply


@pytest.mark.parametrize(
    ("subject", "said"),
    [
        (raises, "KeyError: 'two questions'"),
        (answers_responses, "a reply to what deserves none"),
        (forgets, "the good question is no longer answered"),
        (pads, "longer"),
    ],
)
def test_a_broken_answering_path_is_found_and_the_packet_shown(
    subject: Callable[[bytes, bytes, bool], object], said: str
) -> None:
    _, failure = throw(5, 2000, 60, subject)
    assert said in failure
    assert bytes.fromhex(failure.rpartition("\n")[2])


@pytest.mark.parametrize("size", [512, 1232, 8192, 16384, 65535])
def test_a_chain_of_pointers_costs_nothing(size: int) -> None:
    """Behaviour 35: under a millisecond of CPU, for every size that UDP or TCP can carry."""
    links = (struct.pack("!H", 0xC000 | min(max(12, at - 2), 0x3FFF)) for at in range(12, size - 5, 2))
    packet = (b"\0\1\0\0\0\1\0\0\0\0\0\0" + b"".join(links) + b"\0\1\0\1").ljust(size, b"\0")
    assert len(packet) == size
    cost = []
    for _ in range(20):
        began = time.process_time()
        assert SOUND(packet, CLIENTS[0], True) == b"\0\1\x80\1" + bytes(8)
        cost.append(time.process_time() - began)
    assert min(cost) < 0.001


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (b"\0\2" + QUERY[2:], "not a reply"),
        (QUERY, "flags"),
        (b"\0\1\x81\0" + bytes(8), "flags"),
        (b"\0\1\x80\x20" + bytes(8), "flags"),
        (b"\0\1\x80\x05" + bytes(20), "complaint"),
        (b"\0\1\x80\0" + bytes(600), "without EDNS"),
        (b"\0\1\x80\0" + bytes(max(4 * len(QUERY), SMALL)), "four times"),
        (b"\0\1\x80\0" + bytes(SMALL - 4), ""),
        (b"\0\1\x80\0" + bytes(1300), "any UDP"),
        (b"\0\1\x80\0" + bytes(8), ""),
        (None, ""),
    ],
)
def test_the_laws_of_a_reply(reply: bytes | None, said: str) -> None:
    found = broken_law(QUERY, reply, tcp=False)
    assert said in found
    assert bool(found) == bool(said)
