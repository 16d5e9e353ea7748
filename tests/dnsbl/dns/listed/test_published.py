"""What is published comes out as it went in, and nothing else comes out: heads, changes, packed files."""

from __future__ import annotations

import hashlib
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import Network
from dnsbl.dns.listed import published
from dnsbl.dns.listed.published import MOST_HEAD, NAMES, Bulletin, Piece
from dnsbl.errors import Damaged
from dnsbl.model import Change

NETWORKS = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(ip_network)
KINDS = st.sampled_from(["", "relay", "multihop", "manual"])
STEPS = st.lists(st.tuples(NETWORKS, KINDS, st.booleans()), max_size=20)


def piece(what: str = "changes", after: int = 0, to: int = 1, data: bytes = b"", plain: int = 0) -> Piece:
    return Piece(what=what, after=after, to=to, digest=hashlib.sha256(data).hexdigest(), packed=len(data), plain=plain)


def bulletin(made: float = 1000.0, change: int = 7, epoch: int = 100, *more: Piece) -> Bulletin:
    table = piece("table", to=more[0].after if more else change)
    return Bulletin(made=made, change=change, epoch=epoch, zones="-", table=table, changes=more)


def by(key: bytes, text: bytes) -> bytes:
    return hashlib.sha256(key + text).digest()


def genuine(text: bytes, signature: bytes) -> bool:
    return signature == by(b"ours", text)


SIGNED = published.sealed(bulletin(1000.5, 9, 100, piece(after=7, to=9)).text(), lambda text: by(b"ours", text))


def test_a_head_is_read_as_it_was_written() -> None:
    head = published.opened(SIGNED, genuine)
    assert head == bulletin(1000.5, 9, 100, piece(after=7, to=9))
    assert head.serial == 109
    assert all(NAMES.fullmatch(one.name) for one in head.pieces)


def test_a_head_that_another_key_signed_or_of_which_one_octet_differs_is_not_read() -> None:
    with pytest.raises(Damaged, match="not signed with the key"):
        published.opened(published.sealed(bulletin().text(), lambda text: by(b"theirs", text)), genuine)
    for at in range(len(SIGNED) - 1):
        changed = SIGNED[:at] + bytes([SIGNED[at] ^ 1]) + SIGNED[at + 1 :]
        with pytest.raises(Damaged):
            published.opened(changed, genuine)


@given(st.binary(max_size=300))
def test_no_bytes_but_signed_ones_are_a_head(data: bytes) -> None:
    for given_ in (data, SIGNED + data, data + SIGNED) if data else ():
        try:
            head = published.opened(given_, genuine)
        except Damaged:
            continue
        assert given_.strip() == SIGNED.strip() and head.change == 9  # white space behind the signature


@pytest.mark.parametrize(
    "text",
    [
        b"",
        bulletin().text().replace(b"published 1", b"published 2"),
        bulletin().text().replace(b"change 7", b"change 8"),
        bulletin().text().replace(b"epoch 100", b"epoch x"),
        bulletin(1.0, 9, 1, piece(after=6, to=9)).text().replace(b"table 0 6", b"table 0 5"),
        bulletin(1.0, 9, 1, piece(after=9, to=9)).text(),
        bulletin(1.0, 9, 1, piece(after=7, to=9, plain=published.MOST_CHANGES + 1)).text(),
        bulletin(1.0, 9, 1, piece("../../x", after=7, to=9)).text(),
        bulletin(1.0, 30, 1, *(piece(after=n, to=n + 1) for n in range(30))).text(),
    ],
)
def test_a_signed_head_that_does_not_hold_together_is_not_read(text: bytes) -> None:
    with pytest.raises(Damaged, match="no head"):
        published.opened(published.sealed(text, lambda given_: by(b"ours", given_)), genuine)


def test_a_head_beyond_the_bound_is_not_read_further() -> None:
    with pytest.raises(Damaged):
        published.opened(b"x" * MOST_HEAD + SIGNED, genuine)


def test_a_head_is_older_when_its_serial_or_its_time_goes_back() -> None:
    known = bulletin(1000.0, 7, 100)
    assert not bulletin(1000.0, 7, 100).older(known)
    assert not bulletin(1001.0, 6, 200).older(known)
    assert bulletin(1001.0, 6, 100).older(known)
    assert bulletin(999.0, 8, 100).older(known)


@given(STEPS)
def test_changes_are_read_as_they_were_written(steps: list[tuple[Network, str, bool]]) -> None:
    made = [Change(seq=5 + n, network=net, kind=kind, present=there) for n, (net, kind, there) in enumerate(steps, 1)]
    text = published.lines(made)
    assert published.changes(text, piece(after=5, to=5 + len(made))) == made
    with pytest.raises(Damaged):
        published.changes(text, piece(after=5, to=6 + len(made)))


@pytest.mark.parametrize(
    "line",
    [
        "192.0.2.1/32 relay",
        "+192.0.2.1/24 relay",
        "+192.0.2.1/33 relay",
        "+192.0.2.1/32",
        "+x/32 relay",
        "+::1/128 a b",
    ],
)
def test_a_line_that_is_no_change_spoils_the_file(line: str) -> None:
    with pytest.raises(Damaged, match="does not hold the changes"):
        published.changes(f"{line}\n".encode(), piece(after=0, to=1))


@given(st.binary(max_size=100), st.integers(min_value=0, max_value=5000))
def test_what_is_packed_is_unpacked_and_never_more_than_was_said(data: bytes, zeros: int) -> None:
    whole = data + bytes(zeros)
    there = list(published.packed([whole[:50], memoryview(whole)[50:]]))
    assert there and b"".join(there) == b"".join(published.packed([whole[:50], memoryview(whole)[50:]]))
    pieces = [b"".join(there)[at : at + 7] for at in range(0, sum(map(len, there)), 7)]
    assert b"".join(published.unpacked(pieces, piece(plain=len(whole)))) == whole
    for wrong in (len(whole) - 1, len(whole) + 1):
        got: list[bytes] = []
        with pytest.raises(Damaged, match="not packed as it says"):
            got.extend(published.unpacked(pieces, piece(plain=wrong)))
        assert sum(map(len, got)) <= max(wrong, 0)


def test_what_swells_without_end_is_left_at_its_bound() -> None:
    bomb = b"".join(published.packed([bytes(1 << 24)]))
    got: list[bytes] = []
    with pytest.raises(Damaged):
        got.extend(published.unpacked([bomb], piece(plain=1000)))
    assert sum(map(len, got)) <= 1000


def test_what_is_cut_off_or_no_gzip_is_not_unpacked() -> None:
    whole = b"".join(published.packed([b"hello" * 100]))
    for bad in (whole[:-9], b"hello", b""):
        with pytest.raises(Damaged):
            list(published.unpacked([bad], piece(plain=500)))
