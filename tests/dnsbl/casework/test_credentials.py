"""Passwords and one-time codes."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest
from argon2 import PasswordHasher, extract_parameters

from dnsbl.casework import credentials
from dnsbl.errors import Busy

#: RFC 6238 appendix B: the key "12345678901234567890", and the last six of the eight digits that it gives for SHA-1.
KEY = base64.b32encode(b"12345678901234567890").decode()
VECTORS = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]


def test_a_password_fits_its_own_hash_and_no_other() -> None:
    kept = credentials.hashed("correct horse")
    assert kept.startswith("$argon2id$") and "correct" not in kept
    assert credentials.fits("correct horse", kept) and not credentials.fits("correct horsf", kept)
    assert not credentials.fits("correct horse", "no hash") and not credentials.fits("correct horse", "")


def test_nobody_has_a_hash_of_the_same_cost_which_no_password_fits() -> None:
    assert not credentials.fits("", None) and not credentials.fits("anything", None)
    assert extract_parameters(credentials._NOBODY) == extract_parameters(credentials.hashed("x"))


def test_a_hash_of_another_cost_is_known_to_be_outdated() -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("x")
    assert credentials.outdated(old) and not credentials.outdated(credentials.hashed("x"))
    assert credentials.fits("x", old)


@pytest.mark.parametrize(("at", "code"), VECTORS)
def test_one_time_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    assert credentials.totp_now(KEY, at) == code
    assert credentials.totp_step(KEY, code, at, after=0) == at // 30


def test_a_code_is_good_once_and_for_a_step_before_and_after() -> None:
    code = credentials.totp_now(KEY, 600)
    assert [credentials.totp_step(KEY, code, at, after=0) for at in (569, 570, 600, 659, 660)] == [
        None,
        20,
        20,
        20,
        None,
    ]
    assert credentials.totp_step(KEY, code, 600, after=20) is None
    assert credentials.totp_step(KEY, f" {code[:3]} {code[3:]}", 600, after=19) == 20
    for wrong in ("", "0", "abc", "\ud800", code + "0", "9" * 10_000):
        assert credentials.totp_step(KEY, wrong, 600, after=0) is None


def test_a_key_is_told_as_an_address_that_programs_read() -> None:
    key = credentials.totp_key(bytes(20))
    assert key == "A" * 32
    uri = credentials.totp_uri(key, "ada", "A list: of relays")
    assert uri.startswith("otpauth://totp/") and f"secret={key}" in uri and "period=30" in uri and "digits=6" in uri


def test_few_are_hashed_at_once_some_wait_and_the_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    go, lock, inside, most = threading.Event(), threading.Lock(), [0], [0]

    class Slow:
        def hash(self, password: str) -> str:
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            go.wait(60)
            with lock:
                inside[0] -= 1
            return password

        def verify(self, kept: str, password: str) -> bool:
            return bool(self.hash(password))

    monkeypatch.setattr(credentials, "_HASHER", Slow())

    def one(number: int) -> Any:
        return credentials.hashed("x") if number % 2 else credentials.fits("x", "y")

    room = credentials.HASHING + credentials.WAITING
    with ThreadPoolExecutor(room + 6) as pool:
        sent = [pool.submit(one, number) for number in range(room + 6)]
        try:
            left = set(sent)
            while len(left) > room:
                left = wait(left, timeout=60, return_when="FIRST_COMPLETED").not_done
        finally:
            go.set()
    assert most[0] == credentials.HASHING
    assert sum(isinstance(done.exception(), Busy) for done in sent) == 6
    assert credentials.hashed("x") == "x"  # and the room is free again
