"""A key goes through the store in a box that only its predecessor opens."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.casework.keyring import fingerprint
from dnsbl.casework.sealing import opened, sealed
from dnsbl.errors import Damaged
from tester.letter import Key

OLD, NEW = (Key(kid=kid, secret=bytes([number]) * 32, created=number) for number, kid in enumerate("ab", 1))


def test_whoever_holds_the_key_before_opens_the_box() -> None:
    box = sealed(NEW, OLD, os.urandom)
    assert opened(box, kid="b", created=2, under=OLD) == NEW
    assert NEW.secret not in box
    assert sealed(NEW, OLD, os.urandom) != box


@given(st.binary(max_size=80))
def test_nothing_else_is_a_box(data: bytes) -> None:
    with pytest.raises(Damaged, match="is not sealed under"):
        opened(data, kid="b", created=2, under=OLD)


@pytest.mark.parametrize(
    ("kid", "created", "under"),
    [("c", 2, OLD), ("b", 3, OLD), ("b", 2, NEW), ("b", 2, Key(kid="x", secret=OLD.secret, created=1))],
)
def test_what_a_box_is_said_to_hold_is_bound_into_it(kid: str, created: int, under: Key) -> None:
    with pytest.raises(Damaged):
        opened(sealed(NEW, OLD, os.urandom), kid=kid, created=created, under=under)


@given(st.integers(0, 59), st.integers(1, 255))
def test_a_box_that_was_changed_does_not_open(at: int, change: int) -> None:
    box = bytearray(sealed(NEW, OLD, lambda size: bytes(size)))
    box[at] ^= change
    with pytest.raises(Damaged):
        opened(bytes(box), kid="b", created=2, under=OLD)


def test_a_fingerprint_is_of_the_id_and_the_secret() -> None:
    assert len({fingerprint(key) for key in (OLD, NEW, Key(kid="b", secret=OLD.secret, created=1))}) == 3
    assert fingerprint(OLD) == fingerprint(Key(kid="a", secret=OLD.secret, created=99))
