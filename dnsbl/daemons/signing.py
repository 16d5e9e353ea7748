"""Shell: signs our letters with DKIM (RFC 6376), so that a filter need not take them for forgeries of our own domain.

Reads the key once, at start-up. The signature tells the time of signing, which the library asks for itself.
"""

from __future__ import annotations

from collections.abc import Callable

import dkim

from dnsbl.errors import DnsblError
from dnsbl.settings import Tester

#: What a letter's reader sees of who sent it, and the fields that say what it is.
SIGNED = (b"from", b"to", b"date", b"subject", b"message-id", b"auto-submitted")


def signer(tester: Tester) -> Callable[[bytes], bytes]:
    """A function that puts a signature before a message; without a key it gives the message as it is.

    Raises DnsblError when the key cannot be read or used.
    """
    if tester.dkim_key is None:
        return lambda message: message
    try:
        key = tester.dkim_key.read_bytes()
    except OSError as error:
        raise DnsblError(f"{tester.dkim_key}: tester.dkim_key cannot be read: {error.strerror}.") from None
    selector, domain = tester.dkim_selector.encode("ascii"), tester.bounce_domain.encode("ascii")

    def sign(message: bytes) -> bytes:
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
        sign(b"From: <a@" + domain + b">\r\n\r\n\r\n")
    except (dkim.DKIMException, ValueError) as error:
        raise DnsblError(f"{tester.dkim_key}: not an RSA key in PEM that letters can be signed with.") from error
    return sign
