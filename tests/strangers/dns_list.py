"""Our own list for the DNS tests: its folder, its store, and `dnsbl serve --only dns` on host `us` of the laboratory.

Holds one zone with three kinds and nothing else; changes go into its store by the same verbs that the commands call.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence

import dnslib
from dns_servers import SOA, Network, ask, query
from lab import Lab, LabError

from dnsbl.casework import Casework
from dnsbl.opened import OpenedList, open_list

ZONE = "list.test"
SITE = "https://list.site.test"
#: The special space that these tests list.
LAB_NETWORKS = ("127.0.0.0/8", "10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
ZONE_FILE = f"""\
origin = "{ZONE}"
ns = ["ns.{ZONE}"]
ttl = 2100
[soa]
mname = "ns.{ZONE}"
rname = "hostmaster.{ZONE}"
refresh = 3600
retry = 600
expire = 604800
minimum = 300
ttl = 3600
[kinds.relay]
code = "127.0.0.2"
txt = "relay {{address}}, see {{url}}"
[kinds.multihop]
code = "127.0.0.3"
txt = "multihop {{address}}"
aggregate = false
[kinds.manual]
code = "127.0.0.4"
txt = "manual {{address}}, see {{url}}"
ttl = 600
[[records]]
name = "ns"
type = "A"
data = "%s"
[[records]]
name = "@"
type = "TXT"
data = "A list for tests."
"""


class OurList:
    """One list that answers at an address inside the laboratory."""

    def __init__(
        self,
        lab: Lab,
        address: str,
        *,
        ns: str = "",
        also: str = "",
        zone: str = ZONE_FILE,
        dns: Sequence[str] = (),
        database: str = "",
    ) -> None:
        """`ns` is the address that the zone names for its server; `also` is one more place, ADDRESS:PORT, where it
        listens; `zone` is the zone's file; `dns` are more lines of [dns]; `database` is the URL of another store than
        its own.
        """
        self._lab, self.address = lab, address
        self.name = f"list-{address}"
        self.folder = lab.folder / self.name
        (self.folder / "zones").mkdir(parents=True)
        (self.folder / "zones" / "list.toml").write_text(zone % (ns or address))
        self.config = self.folder / "config.toml"
        lines = [
            "[web]",
            f'base_url = "{SITE}"',
            "[tester]",
            'lab_networks = ["127.0.0.0/8", "10.0.0.0/8", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",',
            '"2001:db8::/32"]',
            "[dns]",
            f"listen = {json.dumps([f'{address}:53', *filter(None, [also])])}",
            "poll = 0.05",
            *dns,
            "[database]",
            f"url = {json.dumps(database)}",
        ]
        self.config.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None
        self._opened: OpenedList | None = None

    @property
    def casework(self) -> Casework:
        """The store's verbs, in this process."""
        if self._opened is None:
            self._opened = open_list(self.config, upgrade=True)
        return self._opened.casework

    def add(self, networks: Iterable[Network], kind: str = "manual") -> None:
        self.casework.operators.list_networks(list(networks), kind=kind, reason="a test", actor="test")

    def drop(self, networks: Iterable[Network], kind: str = "manual") -> None:
        self.casework.operators.drop_networks(list(networks), kind=kind, reason="a test", actor="test")

    def command(self, *words: str) -> str:
        """Run a command of ours to its end; returns what it printed. Raises LabError when it fails."""
        argv = [sys.executable, "-m", "dnsbl", *words, "--config", str(self.config)]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise LabError(f"dnsbl {' '.join(words)} ended with {done.returncode}: {done.stderr}")
        return done.stdout

    def serve(self) -> None:
        """Start it, and wait until it answers from a table."""
        argv = [sys.executable, "-m", "dnsbl", "serve", "--only", "dns", "--config", str(self.config)]
        self.process = self._lab.popen("us", self.name, argv)
        self._epoch = self._lab.wait_for("our list", self.serial, 90) - self.casework.contents.last_change()

    def stop(self) -> None:
        """End it."""
        assert self.process is not None
        self._lab.stop(self.process)
        self.process = None

    def close(self) -> None:
        """End it, if it is at work, and leave its store."""
        if self.process is not None:
            self.stop()
        if self._opened is not None:
            self._opened.store.close()

    def rezone(self, text: str) -> None:
        """Give it another zone file, which it reads when it is at work."""
        (self.folder / "zones" / "list.toml").write_text(text)
        if self.process is not None:
            self.process.send_signal(signal.SIGHUP)

    def serial(self, server: str = "") -> int | None:
        """The serial of the zone, here or at another server, or None while it has none."""
        try:
            reply = dnslib.DNSRecord.parse(ask(self._lab, server or self.address, query(ZONE, SOA), seconds=0.5))
        except TimeoutError:
            return None
        return reply.rr[0].rdata.times[0] if reply.rr and reply.rr[0].rtype == SOA else None

    def settled(self) -> int:
        """Wait until the responder holds what the store holds; returns the zone's serial."""
        serial = self._epoch + self.casework.contents.last_change()
        self._lab.wait_for(f"serial {serial} to be served", lambda: self.serial() == serial)
        return serial


class Tap(threading.Thread):
    """Hands questions on to a server over UDP, and keeps them: (name, type) in the order in which they came."""

    def __init__(self, lab: Lab, address: str, server: str) -> None:
        super().__init__(daemon=True)
        self.questions: list[tuple[str, str]] = []
        self._enough = threading.Event()
        with lab.inside("us"):
            self._front, self._back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._front.bind((address, 53))
        self._front.settimeout(0.1)
        self._back.connect((server, 53))
        self._back.settimeout(2)
        self.start()

    def run(self) -> None:
        while not self._enough.is_set():
            try:
                packet, client = self._front.recvfrom(65535)
                self._back.send(packet)
                reply = self._back.recv(65535)
                while reply[:2] != packet[:2]:
                    reply = self._back.recv(65535)
            except TimeoutError:
                continue
            question = dnslib.DNSRecord.parse(packet).q
            self.questions.append((str(question.qname).rstrip("."), dnslib.QTYPE.get(question.qtype)))
            self._front.sendto(reply, client)

    def stop(self) -> None:
        self._enough.set()
        self.join()
        self._front.close()
        self._back.close()
