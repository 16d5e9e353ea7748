"""dnsdist in front of us, which tells for whom it asks, and dig, which asks for what answers tell beside the answer.

All of it on host `us` of the laboratory, where clients are told apart by addresses of the loopback interface.
"""

from __future__ import annotations

import json
import re
import shutil
from ipaddress import ip_network

import pytest
from dns_list import ZONE, OurList
from lab import Lab, LabError

OURS, PROXY, ASKS_FROM = "127.0.0.60", "127.0.0.61", "127.0.0.62"
WELCOME, REFUSED = ("127.0.0.71", "2001:db8:71::1"), ("127.0.0.72", "2001:db8:72::1")
PROXY6 = "2001:db8:61::1"
DNSDIST = f"""
setSecurityPollSuffix("")
setLocal("{PROXY}:53")
addLocal("[{PROXY6}]:53")
setACL({{"0.0.0.0/0", "::/0"}})
newServer{{address="{OURS}:53", source="{ASKS_FROM}", useProxyProtocol=true, checkName="{ZONE}.", checkType="SOA"}}
newServer{{
  address="[::1]:5300", useProxyProtocol=true, checkName="{ZONE}.", checkType="SOA", pool="six"
}}
addAction("::/0", PoolAction("six"))
"""


@pytest.fixture(scope="module")
def ours(lab: Lab) -> OurList:
    for address in (*WELCOME, *REFUSED, PROXY6):
        if ":" in address:
            lab.run("us", ["ip", "address", "add", f"{address}/128", "dev", "lo", "nodad"])
    made = OurList(
        lab,
        OURS,
        also="[::1]:5300",
        dns=[
            f"acl = {json.dumps([f'{address} refuse' for address in REFUSED])}",
            f'proxies = ["{ASKS_FROM}", "::1"]',
            "query_log_every = 1",
        ],
    )
    made.add([ip_network("192.0.2.7")])
    made.serve()
    made.settled()
    if shutil.which("dnsdist") is None:
        raise LabError("dnsdist is missing: run `make strangers` as root")
    (lab.folder / "dnsdist.conf").write_text(DNSDIST)
    lab.popen("us", "dnsdist", ["dnsdist", "--supervised", "-C", str(lab.folder / "dnsdist.conf")])
    for client, server in zip(WELCOME, (PROXY, PROXY6), strict=True):
        lab.wait_for(f"dnsdist for {client}", lambda at=client, to=server: "NOERROR" in dig(lab, at, to, check=False))
    return made


def dig(lab: Lab, client: str, server: str, *words: str, name: str = f"7.2.0.192.{ZONE}", check: bool = True) -> str:
    """What dig says that it was answered."""
    argv = ["dig", "+time=2", "+tries=1", "+norecurse", "-b", client, f"@{server}", *(words or ("A",)), name]
    return lab.run("us", argv, check=check).stdout


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
@pytest.mark.parametrize("family", [0, 1])
def test_b60_clients_behind_dnsdist_are_told_apart(lab: Lab, ours: OurList, family: int, transport: str) -> None:
    server = (PROXY, PROXY6)[family]
    welcome = dig(lab, WELCOME[family], server, transport, "A")
    assert "status: NOERROR" in welcome and "127.0.0.4" in welcome, welcome
    refused = dig(lab, REFUSED[family], server, transport, "A")
    assert "status: REFUSED" in refused, refused
    nothing = dig(lab, WELCOME[family], server, transport, "A", name=f"8.2.0.192.{ZONE}")
    assert "status: NXDOMAIN" in nothing, nothing
    assert "manual 192.0.2.7" in dig(lab, WELCOME[family], server, transport, "TXT")


def test_b60_the_log_names_the_clients_network(lab: Lab, ours: OurList) -> None:
    dig(lab, WELCOME[1], PROXY6, "TXT")
    lab.wait_for("the line in the log", lambda: re.search(r"2001:db8:71::/48 udp \S+ TXT rcode=0", lab.log(ours.name)))


@pytest.mark.parametrize("transport", ["+notcp", "+tcp"])
def test_b60_a_proxy_that_does_not_tell_gets_nothing(lab: Lab, ours: OurList, transport: str) -> None:
    said = dig(lab, ASKS_FROM, OURS, transport, "A", check=False)
    assert "status:" not in said, said
    assert "status: NOERROR" in dig(lab, "127.0.0.1", OURS, transport, "A")


def test_dig_shows_the_version_of_the_zone_when_it_expires_and_for_how_long_a_connection_is_kept(
    lab: Lab, ours: OurList
) -> None:
    serial = ours.settled()
    version = "".join(f" {byte:02x}" for byte in (len(ZONE.split(".")), 0, *serial.to_bytes(4)))
    assert f"OPT=19:{version} " in dig(lab, "127.0.0.1", OURS, "+ednsopt=19", "A")
    assert re.search(r"EXPIRE: (604800|60479\d) ", dig(lab, "127.0.0.1", OURS, "+expire", "SOA", name=ZONE))
    assert "TCP KEEPALIVE: 10.0 secs" in dig(lab, "127.0.0.1", OURS, "+tcp", "+keepalive", "A")
