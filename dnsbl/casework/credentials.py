"""What shows that somebody is who he says: a password against its argon2id hash (RFC 9106), and one-time codes (RFC
6238). Asks nobody for the time.

A hash takes 64 MiB and a tenth of a second or more of several cores, so a process makes few at a time, whoever asks:
`HASHING` are made, `WAITING` wait for that, and who comes then is refused at once.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from dnsbl.errors import Busy
from dnsbl.rules.entrance import TOTP_DIGITS, TOTP_DRIFT, TOTP_SECONDS, same
from dnsbl.vocabulary import Refusal

#: Passwords that are hashed at once in a process, and that may wait for that.
HASHING, WAITING = 2, 16
_AT_ONCE, _IN_LINE = BoundedSemaphore(HASHING), BoundedSemaphore(HASHING + WAITING)
#: RFC 9106 4, the second recommended option: 64 MiB, three passes, four lanes.
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=4)
#: What a name without an account is held against, so that it takes as long: of the same cost, and of no password.
_NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$RVdXT2hQU1F1WkJoZ0VwRA$" + "A" * 43


@contextmanager
def _turn() -> Iterator[None]:
    """Wait for one's turn to hash. Raises Busy where too many wait already."""
    if not _IN_LINE.acquire(blocking=False):
        raise Busy(Refusal.TOO_MANY, "Too many passwords are looked at just now; please try again.", retry_after=5)
    try:
        with _AT_ONCE:
            yield
    finally:
        _IN_LINE.release()


def hashed(password: str) -> str:
    """The hash of a password, with salt and cost. Raises Busy."""
    with _turn():
        return _HASHER.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether a password is the one that was hashed; with None never, in the same time. Raises Busy."""
    with _turn():
        try:
            return _HASHER.verify(kept or _NOBODY, password) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether a hash was made at another cost than today's."""
    return _HASHER.check_needs_rehash(kept)


def totp_key(octets: bytes) -> str:
    """A key of one-time codes, as programs for them take it."""
    return base64.b32encode(octets).decode()


def totp_uri(key: str, name: str, issuer: str) -> str:
    """The same as an otpauth address, for a program that reads one."""
    return _totp(key).get_provisioning_uri(name, issuer.replace(":", " "))


def totp_step(key: str, code: str, at: float, *, after: int) -> int | None:
    """The step of time that a code is of, where it is right at this time and newer than the step `after`; else None."""
    digits = code.replace(" ", "")
    now = int(at) // TOTP_SECONDS
    for step in range(now - TOTP_DRIFT, now + TOTP_DRIFT + 1):
        if step > after and same(_totp(key).generate(step * TOTP_SECONDS).decode(), digits):
            return step
    return None


def totp_now(key: str, at: float) -> str:
    """The code of this time."""
    return _totp(key).generate(int(at)).decode()


def _totp(key: str) -> TOTP:
    return TOTP(base64.b32decode(key), TOTP_DIGITS, SHA1(), TOTP_SECONDS)
