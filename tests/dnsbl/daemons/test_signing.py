"""Letters are signed so that a verifier which only knows our DNS believes them."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from dnsbl.daemons.signing import signer
from dnsbl.errors import DnsblError
from dnsbl.settings import Settings
from tester.guises import Guise

LETTER = b"From: <s@b.example.org>\r\nTo: <r@c.example.org>\r\nDate: x\r\nSubject: Open relay\r\n\r\nProof: abc\r\n"

GUISE = Guise(helo="h.example.org", collector_domain="c.example.org", bounce_domain="b.example.org", selector="t1")


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def terms(path: Path | None) -> Any:
    given = {"dkim_key": str(path), "dkim_selector": "t1"} if path else {}
    return Settings.model_validate({"tester": given}).tester


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.TraditionalOpenSSL, serialization.PrivateFormat.PKCS8], ids=["PKCS1", "PKCS8"]
)
def test_a_verifier_with_our_dns_record_believes_the_letter(
    tmp_path: Path, key: rsa.RSAPrivateKey, form: serialization.PrivateFormat
) -> None:
    file = tmp_path / "dkim.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    sign = signer(terms(file))(GUISE)
    assert sign is not None
    signed = sign(LETTER)
    assert signed.endswith(LETTER)
    assert signed.startswith(b"DKIM-Signature: ")
    assert max(len(line) for line in signed.split(b"\r\n")) <= 76
    assert re.search(rb"d=b\.example\.org;", signed)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + base64.b64encode(public)
    asked: list[bytes] = []

    def dns(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name)
        return record

    assert dkim.verify(signed, dnsfunc=dns)
    assert asked == [b"t1._domainkey.b.example.org."]
    assert not dkim.verify(signed.replace(b"abc", b"abd"), dnsfunc=dns)
    assert not dkim.verify(signed.replace(b"Open relay", b"Closed relay"), dnsfunc=dns)


def test_without_a_key_or_a_selector_letters_are_not_signed(tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    assert signer(terms(None))(GUISE) is None
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "dkim.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))
    assert signer(terms(file))(replace(GUISE, selector="")) is None


def test_each_stranger_signs_under_its_own_domain_and_selector(tmp_path: Path, key: rsa.RSAPrivateKey) -> None:
    form, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file = tmp_path / "dkim.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))
    sign = signer(terms(file))(replace(GUISE, selector="t2", bounce_domain="back.example"))
    assert sign is not None
    assert re.search(rb"d=back\.example;[^:]*s=t2;", sign(LETTER))


def test_a_key_that_cannot_be_used_is_one_sentence_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(DnsblError, match="cannot be read"):
        signer(terms(tmp_path / "none.pem"))
    other = tmp_path / "ec.pem"
    other.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (tmp_path / "junk.pem").write_bytes(b"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n")
    for file in (other, tmp_path / "junk.pem"):
        with pytest.raises(DnsblError, match="not an RSA key"):
            signer(terms(file))
