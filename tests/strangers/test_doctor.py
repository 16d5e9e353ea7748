"""`dnsbl doctor` on a host of the laboratory: a list that the world can reach, by Unbound, on ports 53 and 25."""

from __future__ import annotations

import json
import sys
from functools import partial
from typing import Any

from lab import COLLECTOR, RESOLVER, Lab

ZONE = "bl.real.net"
ADDRESS = COLLECTOR
CONFIG = f"""\
[dns]
listen = ["{ADDRESS}:53"]
[collector]
listen = ["{ADDRESS}:25"]
hostname = "mx.real.net"
[web]
listen = "127.0.0.1:8053"
[tester]
source_addresses = ["{ADDRESS}"]
helo = "tester.real.net"
collector_domain = "c.real.net"
bounce_domain = "b.real.net"
lab_networks = ["{ADDRESS}/32"]
"""
ZONE_FILE = f"""\
origin = "{ZONE}"
ns = ["ns1.{ZONE}"]
ttl = 60
[soa]
mname = "ns1.{ZONE}"
rname = "h.real.net"
refresh = 3600
retry = 600
expire = 604800
minimum = 60
ttl = 60
[kinds.relay]
code = "127.0.0.2"
txt = "x {{address}} {{url}}"
[[records]]
name = "ns1"
type = "A"
data = "{ADDRESS}"
"""
RECORDS = (
    "c.real.net. MX 10 mx.real.net.",
    f"mx.real.net. A {ADDRESS}",
    f"tester.real.net. A {ADDRESS}",
)


def examined(lab: Lab, config: str) -> dict[tuple[str, str], str]:
    argv = [sys.executable, "-m", "dnsbl", "doctor", "--resolver", RESOLVER, "--config", config, "--json"]
    document: Any = json.loads(lab.run("us", argv, seconds=60, check=False).stdout)
    return {(one["about"], one["of"]): one["state"] for one in document["checks"]}


def answers(lab: Lab, name: str, kind: str) -> bool:
    return lab.ask(name, kind).rcode == "NOERROR"


def test_a_list_that_the_world_can_reach_is_told_from_what_it_lacks(lab: Lab) -> None:
    folder = lab.folder / "doctor"
    (folder / "zones").mkdir(parents=True)
    (folder / "zones" / "z.toml").write_text(ZONE_FILE)
    config = folder / "config.toml"
    config.write_text(CONFIG)
    lab.resolver(records=RECORDS, stubs={ZONE: ADDRESS})
    before = examined(lab, str(config))
    assert before["answers", ZONE] in ("wrong", "unknown")
    assert before["collector", f"mx.real.net {ADDRESS}"] == "wrong"
    lab.popen("us", "examined", [sys.executable, "-m", "dnsbl", "serve", "--config", str(config), "--json"])
    lab.wait_for("the list", lambda: '"listening"' in lab.log("examined"), 30)
    # Unbound keeps for five seconds that the servers failed which `before` found dead, whatever its cache-max-*-ttl say
    for name, kind in ((ZONE, "NS"), (f"2.0.0.127.{ZONE}", "A"), (f"ns1.{ZONE}", "A"), (f"ns1.{ZONE}", "AAAA")):
        lab.wait_for(f"{kind} of {name}", partial(answers, lab, name, kind), 30)
    found = examined(lab, str(config))
    for of in (
        ("delegation", ZONE),
        ("answers", ZONE),
        ("name server", f"ns1.{ZONE}"),
        ("mx", "c.real.net"),
        ("collector", "mx.real.net"),
        ("collector", f"mx.real.net {ADDRESS}"),
        ("helo", "tester.real.net"),
        ("port", f"dns.listen {ADDRESS}:53 (UDP)"),
        ("port", f"collector.listen {ADDRESS}:25"),
        ("port", "web.listen 127.0.0.1:8053"),
        ("clock", ""),
    ):
        assert found[of] == "ok", (of, found)
    assert found["mx", "b.real.net"] == "wrong"
