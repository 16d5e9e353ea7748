"""BIND follows our list over TLS alone, and dig asks over it."""

from __future__ import annotations

import base64
import random
from ipaddress import ip_network
from pathlib import Path

import pytest
import trustme
from dns_list import ZONE, OurList
from dns_servers import start_bind_with
from lab import Lab

OURS, BIND = "127.0.0.80", "127.0.0.81"
SECRET = base64.b64encode(random.Random(3).randbytes(32)).decode()
SERVER = "ns.list.test"


@pytest.fixture(scope="module")
def ours(lab: Lab) -> OurList:
    authority = trustme.CA()
    made = authority.issue_cert(SERVER)
    config = [
        f'tls_listen = ["{OURS}:853"]',
        'tls_certificate = "chain.pem"',
        'tls_key = "key.pem"',
        f'transfer = ["{BIND} mirror tls", "127.0.0.1 mirror tls"]',
        'tsig_keys = "keys"',
        f'secondaries = ["{BIND}:53"]',
    ]
    served = OurList(lab, OURS, dns=config)
    made.cert_chain_pems[0].write_to_path(served.folder / "chain.pem")
    made.private_key_pem.write_to_path(served.folder / "key.pem")
    authority.cert_pem.write_to_path(lab.folder / "ca.pem")
    (lab.folder / "ca.pem").chmod(0o644)
    (served.folder / "keys").write_text(f"mirror hmac-sha256 {SECRET}\n")
    Path(served.folder / "keys").chmod(0o600)
    served.add([ip_network("192.0.2.7")])
    served.serve()
    served.settled()
    return served


def dig(lab: Lab, *words: str) -> str:
    argv = ["dig", f"@{OURS}", "+time=3", "+tries=1", *words]
    return lab.run("us", argv, check=False).stdout


def test_dig_is_answered_over_tls_by_who_the_certificate_says(lab: Lab, ours: OurList) -> None:
    trust = ["+tls", "-p", "853", f"+tls-ca={lab.folder}/ca.pem"]
    said = dig(lab, *trust, f"+tls-hostname={SERVER}", "A", f"7.2.0.192.{ZONE}")
    assert "127.0.0.4" in said and "(TLS)" in said, said
    assert "127.0.0.4" not in dig(lab, *trust, "+tls-hostname=another.test", "A", f"7.2.0.192.{ZONE}")


def test_a_zone_that_goes_over_tls_alone_is_refused_over_tcp(lab: Lab, ours: OurList) -> None:
    key = ["-b", "127.0.0.1", "-y", f"hmac-sha256:mirror:{SECRET}"]
    assert "7.2.0.192" not in dig(lab, *key, "AXFR", ZONE)
    assert f"7.2.0.192.{ZONE}" in dig(lab, *key, "+tls", "-p", "853", "AXFR", ZONE)


def test_bind_follows_us_over_tls(lab: Lab, ours: OurList) -> None:
    config = f"""
options {{ listen-on {{ {BIND}; }}; listen-on-v6 {{ none; }}; recursion no;
  directory "{lab.folder}"; dnssec-validation no; }};
key "mirror" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
tls ours {{ ca-file "{lab.folder}/ca.pem"; remote-hostname "{SERVER}"; }};
zone "{ZONE}" {{
  type secondary; file "{lab.folder}/bind.zone"; transfer-source {BIND}; allow-notify {{ any; }};
  primaries {{ {OURS} port 853 key "mirror" tls ours; }};
}};
"""
    lab.run("us", ["ip", "address", "add", f"{BIND}/32", "dev", "lo"])  # BIND listens on addresses that it sees
    start_bind_with(lab, BIND, config)
    lab.wait_for("BIND to have the zone", lambda: ours.serial(BIND) == ours.serial(), 20)
    ours.add([ip_network("192.0.2.9")])
    ours.settled()
    lab.wait_for("BIND to follow", lambda: ours.serial(BIND) == ours.serial(), 20)
    argv = ["dig", f"@{BIND}", "+short", "A", f"9.2.0.192.{ZONE}"]
    assert lab.run("us", argv).stdout.split() == ["127.0.0.4"]
