"""Certificates in the tester: what a server's says, and a throwaway one of our own making to show to a server.

Pure: octets in, text or octets out; the time is an argument. Nothing here verifies anything: the peer is a suspect, and
a certificate is information, never evidence.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tester.smtp import escape

MOST = 300  #: characters of a name, and of all names together, that are kept


def facts(der: bytes) -> dict[str, str]:
    """What a certificate (DER) says: its SHA-256 always; subject, names and expiry (RFC 3339) where it can be read.

    Escaped and bounded. Never raises.
    """
    found = {"certificate_sha256": hashlib.sha256(der).hexdigest()}
    with suppress(Exception):  # whatever a stranger has put there; what was read until then is kept
        certificate = x509.load_der_x509_certificate(der)
        found["subject"] = _shown(certificate.subject.rfc4514_string())
        found["expires"] = f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found["names"] = _shown(" ".join(map(str, names.get_values_for_type(x509.DNSName))))
    return found


def throwaway(name: str, now: float) -> bytes:
    """A self-signed certificate for `name`, good for two days around `now` (epoch seconds), and its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    moment = datetime.fromtimestamp(now, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=1))
        .sign(key, SHA256())
    )
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)


def _shown(text: str) -> str:
    return escape(text.encode())[:MOST]
