"""Shell: signs our letters with DKIM (RFC 6376), so that a filter need not take them for forgeries of our own domain.

Reads the key once, at start-up. The signature tells the time of signing, which the library asks for itself.
"""

from __future__ import annotations

from collections.abc import Callable

import dkim

from dnsbl.errors import DnsblError
from dnsbl.settings import Tester
from tester.composing import Sign
from tester.guises import Guise

#: What a letter's reader sees of who sent it, and the fields that say what it is.
SIGNED = (b"from", b"to", b"date", b"subject", b"message-id", b"auto-submitted")


def signer(tester: Tester) -> Callable[[Guise], Sign | None]:
    """What signs the letters of a stranger, under its domain and selector; None for one who signs nothing.

    Raises DnsblError when the key cannot be read or used.
    """
    if tester.dkim_key is None:
        return lambda guise: None
    try:
        key = tester.dkim_key.read_bytes()
    except OSError as error:
        raise DnsblError(f"{tester.dkim_key}: tester.dkim_key cannot be read: {error.strerror}.") from None

    def signed(message: bytes, selector: bytes, domain: bytes) -> bytes:
        signature: bytes = dkim.sign(
            message,
            selector,
            domain,
            key,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=list(SIGNED),
        )
        return signature + message

    try:
        signed(b"From: <a@example.org>\r\n\r\n\r\n", tester.dkim_selector.encode("ascii"), b"example.org")
    except (dkim.DKIMException, ValueError) as error:
        raise DnsblError(f"{tester.dkim_key}: not an RSA key in PEM that letters can be signed with.") from error

    def of(guise: Guise) -> Sign | None:
        if not guise.selector:
            return None
        selector, domain = guise.selector.encode("ascii"), guise.bounce_domain.encode("ascii")
        return lambda message: signed(message, selector, domain)

    return of
