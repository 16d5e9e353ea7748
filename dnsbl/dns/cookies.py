"""DNS cookies: the server's half, made and checked (RFC 7873 with the construction of RFC 9018).

Pure: secrets and time are arguments; `serving.secrets` keeps the secrets. A cookie shows that its sender receives
what is sent to its address, so that rate limits need not concern it. Servers that share a secret agree on every cookie.
"""

from __future__ import annotations

from siphash24 import siphash24

from tester.records import dataclass

#: Bytes of a secret.
SECRET = 16
#: Bytes of the client's half of a cookie.
CLIENT = 8
#: Seconds that a cookie is good for, how far the clocks of servers may differ, and when a good cookie is renewed
#: (RFC 9018 4.3).
GOOD = 3600
AHEAD = 300
RENEW = 1800

_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class Cookies:
    """The secrets, the newest first: it makes cookies, and the others still check them."""

    secrets: tuple[bytes, ...]
    strict: bool = False  #: over UDP, answer only to no cookie at all or a good one

    @staticmethod
    def sound(option: bytes) -> bool:
        """Whether this is as long as a cookie may be (RFC 7873 4)."""
        return len(option) == CLIENT or CLIENT + 8 <= len(option) <= CLIENT + 32

    def check(self, option: bytes, client: bytes, now: float) -> tuple[bool, bytes] | None:
        """(whether the cookie is good, the cookie option's data to reply), or None when the option is malformed.

        `client` is the packed address, `now` in Unix seconds.
        """
        if not self.sound(option):
            return None
        mine, theirs = option[:CLIENT], option[CLIENT:]
        moment = int(now)
        good = False
        if len(theirs) == 16 and theirs[:1] == _VERSION:
            age = (moment - int.from_bytes(theirs[4:8]) + 2**31) % 2**32 - 2**31
            if -AHEAD <= age <= GOOD:
                found = [_hash(mine + theirs[:8] + client, secret) == theirs[8:] for secret in self.secrets]
                good = any(found)
                if found[0] and age <= RENEW:
                    return True, option
        return good, mine + server_cookie(mine, client, moment, self.secrets[0])


def server_cookie(mine: bytes, client: bytes, moment: int, secret: bytes) -> bytes:
    """The 16 bytes that follow the client's 8 (RFC 9018 4.4)."""
    head = _VERSION + bytes(3) + (moment % 2**32).to_bytes(4)
    return head + _hash(mine + head + client, secret)


def _hash(data: bytes, secret: bytes) -> bytes:
    digest: bytes = siphash24(data, key=secret).digest()
    return digest
