"""A file of keys or a certificate that is half written ends a start, and nothing that has served."""

import logging
from pathlib import Path

import pytest
import trustme

from dnsbl.errors import DnsblError
from dnsbl.serving.credentials import Credentials
from dnsbl.settings import Dns


@pytest.fixture
def terms(tmp_path: Path) -> Dns:
    made = trustme.CA().issue_cert("ns.example.net")
    made.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    (tmp_path / "tsig").write_text("mirror hmac-sha256 MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\n")
    (tmp_path / "tsig").chmod(0o600)
    return Dns.model_validate(
        {
            "transfer": ["192.0.2.7/32 mirror"],
            "tsig_keys": tmp_path / "tsig",
            "tls_listen": ["127.0.0.1:0"],
            "tls_certificate": tmp_path / "chain.pem",
            "tls_key": tmp_path / "key.pem",
        }
    )


@pytest.mark.parametrize("name", ["tsig", "chain.pem", "key.pem"])
def test_what_is_half_written_is_as_it_was_before_and_the_rest_is_new(
    terms: Dns, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = Credentials.read(terms)
    file = tmp_path / name
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(DnsblError):
        Credentials.read(terms)
    with caplog.at_level(logging.ERROR):
        after = Credentials.read(terms, before)
    assert (after.tsig_keys is before.tsig_keys, after.tls is before.tls) == (name == "tsig", name != "tsig")
    assert (before.again, after.again) == (False, True)
    [line] = caplog.messages
    assert line.startswith("what was read before is used still: ")


def test_without_a_place_for_tls_no_certificate_is_read() -> None:
    assert Credentials.read(Dns()).tls is None
