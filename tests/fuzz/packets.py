"""A million bad packets: real queries and hand-broken packets, mutated, thrown at the answering path.

`python tests/fuzz/packets.py` is in `make fuzz`; it ends with 1 when a law is broken, and prints the packet. The same
seed makes the same packets. What must hold for every packet stands in `broken_law`; a second round throws packets at
a running responder's UDP port. The corpus is the packets of tests/vectors and those made here.

Over 400 lines, since the corpus is written out and the command needs nothing but this file.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_address, ip_network
from pathlib import Path

import dns.message
import dns.rdataclass
import dns.rdatatype

from dnsbl.clock import HandClock
from dnsbl.dns.cookies import Cookies
from dnsbl.dns.engine import compiled
from dnsbl.dns.engine.plain import Plain
from dnsbl.dns.guard import Keys, KnownKey, Prefixes
from dnsbl.dns.listed.table import Table
from dnsbl.dns.proxied import SIGNATURE, seen
from dnsbl.dns.respond import OPTIONS, Serving, respond, types
from dnsbl.dns.secondaries.transfer import read_tsig_keys
from dnsbl.dns.zonefile import zones_from
from dnsbl.serving.responder import Responder
from dnsbl.serving.transfers import Transfers
from dnsbl.settings import Dns

VECTORS = Path(__file__).parents[1] / "vectors"
WORLD = tomllib.loads((VECTORS / "world.toml").read_text(encoding="utf-8"))
ZONES = zones_from(WORLD["zones"], site=WORLD["site"])
TABLE = Table.of(((ip_network(network), kind) for network, kind in WORLD["rows"]), serial=WORLD["serial"])
NAME = b"\x03127\x010\x010\x012\x02bl\x04test\0"
#: A question whose answer is known, asked now and then between the bad ones.
GOOD = struct.pack("!HHHHHH", 0x7A7A, 0x100, 1, 0, 0, 0) + b"\x012\x010\x010\x03127\x02bl\x04test\0" + b"\0\1\0\1"
GOOD_REPLY = b"\xc0\x0c\0\1\0\1\0\0\x08\x34\0\4\x7f\0\0\2"
#: Every so many packets, the reply is read by dnspython, and the good question is asked.
LOOK_EVERY = 64
#: Clients by what they may: everything, a transfer with a key, what the rules below say, the rest with limits.
CLIENTS = (
    ip_address("127.0.0.1").packed,
    ip_address("198.51.100.1").packed,
    *(ip_address(f"192.0.2.{n}").packed for n in range(1, 6)),
    ip_address("2001:db8::1").packed,
)
PROXY, PROXIES = ip_address("203.0.113.1").packed, Prefixes({ip_network("203.0.113.0/24"): True})
RULES = ("192.0.2.1 refuse", "192.0.2.2 empty", "192.0.2.3 code 127.255.255.254", "192.0.2.4 drop", "192.0.2.5 pass")
PLAIN_UDP, LARGEST_UDP, LARGEST_TCP = 512, 1232, 65535
#: Bytes of a reply that are never too many: an SOA record is more than four times the shortest question of all.
SMALL = 128
_COUNTS = struct.pack("!HHHHH", 0x100, 1, 0, 0, 0)
#: Query types and EDNS options: those that the reference looks at, so that one which it learns is drawn at once, and
#: some that it does not.
_TYPES = (*sorted(types()), 1, 1, 16, 12, 15, 28, 41, 43)
_OPTIONS = (*sorted(OPTIONS), 8, 12, 15, 100)
#: Known to the responder, whatever its client.
KEY = b"0123456789abcdefghij"
HOMES = (ip_network("127.0.0.0/8"), ip_network("192.0.2.0/29"), ip_network("2001:db8::/32"))
_LABELS = (
    *(b"%x" % n for n in range(16)),
    b"A",
    b"02",
    b"192",
    b"198",
    b"51",
    b"100",
    b"127",
    b"203",
    b"255",
    b"256",
    b"xn--",
)
_BELOW = (
    *(((b"bl", b"test"),) * 4),
    (b"relay", b"bl", b"test"),
    (b"MANUAL", b"Bl", b"TesT"),
    (b"4", b"4", b"3", b"0", b"8", b"b", b"d", b"0", b"1", b"0", b"0", b"2", b"bl", b"test"),
    (b"2", b"0", b"192", b"bl", b"test"),
    (b"test",),
    (KEY, b"bl", b"test"),
    (b"unknown" + KEY, b"bl", b"test"),
    (),
)
_SHORTS = (
    0,
    1,
    2,
    3,
    4,
    11,
    41,
    63,
    64,
    128,
    192,
    249,
    250,
    251,
    252,
    255,
    256,
    512,
    4096,
    0x7FFF,
    0x8000,
    0xC00C,
    0xFFFF,
)


def corpus() -> list[bytes]:
    """What the mutations start from."""
    packets = [GOOD]
    for path in sorted(VECTORS.glob("*.toml")):
        for case in tomllib.loads(path.read_text(encoding="utf-8")).get("case", ()):
            packets.append(_asked(case["ask"]) if "ask" in case else bytes.fromhex(case["hex"]))
    head = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 0)
    opt_head = struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 1)
    end = b"\0\1\0\1"
    opt = b"\0" + struct.pack("!HHIH", 41, 1232, 0, 0)
    for size in (512, 1232, 8192, 65535):  # chains of pointers, each to the one before
        links = range(12, min(size, 0x3FFF) - 6, 2)
        packets.append(head + b"".join(struct.pack("!H", 0xC000 | max(12, at - 2)) for at in links) + end)
    packets += [
        head + b"\xc0\x0c" + end,  # a pointer to itself
        head + b"\x3f" + b"a" * 63 + b"\xc0\x0c" + end,
        head + b"\x01a" * 127 + b"\0" + end,  # 255 bytes of name: the longest
        head + b"\x01a" * 128 + b"\0" + end,
        head + b"\x40" + b"a" * 64 + b"\0" + end,
        head + NAME + b"\0\xfb\0\1",  # IXFR without an SOA
        struct.pack("!HHHHHH", 1, 0, 1, 0, 1, 0)
        + NAME
        + b"\0\xfb\0\1"
        + b"\xc0\x0c\0\6\0\1\0\0\0\0\0\x16\0\0"
        + struct.pack("!IIIII", 5, 0, 0, 0, 0),
        head + NAME + b"\0\xff\0\xff",
        opt_head + NAME + end + b"\0" + struct.pack("!HHIH", 41, 0xFFFF, 0x8000, 4) + b"\0\3\0\0",  # NSID
        opt_head + NAME + end + b"\0" + struct.pack("!HHIH", 41, 4096, 0, 12) + b"\0\x0a\0\x08" + b"c" * 8,  # cookie
        opt_head + NAME + end + b"\0" + struct.pack("!HHIH", 41, 0, 0, 28) + b"\0\x0a\0\x18" + b"\1" * 24,
        opt_head + NAME + end + b"\0" + struct.pack("!HHIH", 41, 1232, 0, 11) + b"\0\x08\0\x07\0\1\x18\0\xc0\0\2",
        struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 2) + NAME + end + opt + opt,
        struct.pack("!HHHHHH", 1, 0, 0, 0, 0, 1) + opt[:-2] + b"\0\x0c\0\x0a\0\x08" + b"c" * 8,  # for a cookie alone
        struct.pack("!HHHHHH", 1, 0, 0, 0, 0, 1) + opt[:-2] + b"\0\x1c\0\x0a\0\x18" + b"\1" * 24,
        struct.pack("!HHHHHH", 1, 4 << 11 | 0x400, 1, 0, 0, 0) + b"\x02bl\x04test\0\0\6\0\1",  # NOTIFY
        struct.pack("!HHHHHH", 1, 5 << 11, 1, 0, 1, 0) + b"\x02bl\x04test\0\0\6\0\1" + NAME + b"\0\1\0\1" + b"\0" * 6,
        head + b"\x07version\x04bind\0\0\x10\0\3",
        head + b"\x02id\x06server\0\0\x10\0\3",
        struct.pack("!HHHHHH", 1, 0, 1, 0, 0, 1)
        + NAME
        + b"\0\xfc\0\1"
        + b"\x03key\0\0\xfa\0\xff\0\0\0\0\0\x10"
        + b"\0" * 16,
    ]
    return packets


def _asked(ask: dict) -> bytes:
    """The query of a vector."""
    name = b"".join(bytes([len(label)]) + label.encode() for label in ask["name"].split(".") if label) + b"\0"
    kind = struct.pack("!HH", dns.rdatatype.from_text(ask["type"]), dns.rdataclass.from_text(ask.get("class", "IN")))
    opt = b""
    if (edns := ask.get("edns")) is not None:
        options = bytes.fromhex(edns.get("options", ""))
        fields = (41, edns["size"], 0, edns.get("version", 0), edns.get("flags", 0), len(options))
        opt = b"\0" + struct.pack("!HHBBHH", *fields) + options
    head = struct.pack("!HHHHHH", 0x1234, ask.get("flags", 0), 1, 0, 0, 1 if opt else 0)
    return head + name + kind + opt + bytes.fromhex(ask.get("tail", ""))


def mutations(seed: int, start: list[bytes]) -> Iterator[bytes]:
    """Packets without end: one of the corpus, or a sound question with odd labels, broken up to six times. Never
    longer than TCP carries.
    """
    rng = random.Random(seed)
    draw, below = rng.random, rng.randrange
    while True:
        sound = draw() < 0.4
        packet = _sound(rng) if sound else bytearray(start[int(draw() * len(start))])
        for _ in range(0 if sound and draw() < 0.6 else 1 + int(draw() ** 2 * 6)):
            size = len(packet)
            at = int(draw() * size)
            way = int(draw() * 12)
            if way < 3 and size:
                packet[at] ^= 1 << int(draw() * 8)
            elif way == 3 and size:
                packet[at] = int(draw() * 256)
            elif way == 4:
                del packet[at : at + 1 + int(draw() ** 2 * 20)]
            elif way == 5:
                packet[at:at] = rng.randbytes(1 + int(draw() ** 2 * 20))
            elif way == 6:
                del packet[at:]
            elif way == 7 and size > 1:
                packet[at : at + 2] = rng.choice(_SHORTS).to_bytes(2)
            elif way == 8 and size >= 12:  # the counts
                packet[5 + 2 * below(4)] = below(4)
            elif way == 9:
                packet[at:at] = packet[at : at + 1 + int(draw() ** 3 * 300)]
            elif way == 10:
                other = start[int(draw() * len(start))]
                packet[at:] = other[int(draw() * len(other)) :]
            elif way == 11 and size >= 12:  # an OPT, perhaps a second one
                options = b"".join(
                    struct.pack("!HH", rng.choice(_OPTIONS), rng.choice((0, 1, 7, 8, 16, 24, 40, 41)))
                    + rng.randbytes(below(42))
                    for _ in range(below(3))
                )
                length = len(options) if draw() < 0.7 else below(64)
                packet += (
                    b"\0"
                    + struct.pack("!HHIH", 41, rng.choice(_SHORTS), below(2) << 15 | below(2) << 16, length)
                    + options
                )
                packet[11] = 1
        yield bytes(packet[:LARGEST_TCP])


def _sound(rng: random.Random) -> bytearray:
    """A question that any server must understand, about something in or near a zone."""
    count, labels = rng.choice((0, 1, 2, 3, 4, 4, 4, 4, 5, 31, 32, 32, 33, 60)), []
    for _ in range(count):
        label = rng.choice(_LABELS) if count < 6 else rng.choice(_LABELS[:16])
        labels.append(label if rng.random() < 0.98 else rng.randbytes(rng.randrange(1, 64)))
    labels += rng.choice(_BELOW)
    packed = b"".join(bytes([len(label)]) + label for label in labels)[:254] + b"\0"
    rtype = rng.choice((*_TYPES, rng.randrange(65536)))
    return bytearray(
        rng.randbytes(2) + _COUNTS + packed + struct.pack("!HH", rtype, rng.choice((1, 1, 1, 1, 1, 3, 255)))
    )


def broken_law(packet: bytes, reply: bytes | None, *, tcp: bool) -> str:
    """What is wrong with this reply, or ""."""
    if len(packet) < 12 or packet[2] & 0x80:
        return "" if reply is None else "a reply to what deserves none"
    if reply is None:
        return ""
    if len(reply) < 12 or reply[:2] != packet[:2]:
        return "not a reply to this packet"
    if reply[2] & 0xF9 != 0x80 | packet[2] & 0x79 or reply[3] & 0xF0:
        return "flags: QR is set, opcode and RD are the query's, RA, Z, AD and CD are clear"
    if not tcp and len(reply) > LARGEST_UDP:
        return "longer than any UDP reply may be"
    if not tcp and b"\0\0\x29" not in packet and len(reply) > PLAIN_UDP:
        return "longer than a client without EDNS can take"
    if not tcp and b"\0\0\x29" not in packet and reply[6:8] == b"\0\0" and len(reply) > max(4 * len(packet), SMALL):
        return "without an answer, and more than four times the question"
    if (reply[3] & 15 in (1, 4) or (not reply[11] and reply[3] & 15 in (2, 5))) and len(reply) > len(packet):
        return "a complaint longer than the packet complained of"
    return ""


Subject = Callable[[bytes, bytes, bool], bytes | Iterator[bytes] | None]


def throw(seed: int, packets: int, seconds: float, subject: Subject) -> tuple[Counter[str], str]:
    """Throw so many packets, or as many as there is time for: (what came back, the first failure or "").

    `subject` answers a packet from a client (a packed address), over TCP or not.
    """
    seen: Counter[str] = Counter()
    end = time.monotonic() + seconds
    source = mutations(seed, corpus())
    for number in range(packets):
        packet, client, tcp = next(source), CLIENTS[number // 8 % len(CLIENTS)], number % 8 == 0
        wrong = ""
        try:
            found = subject(packet, client, tcp)
            replies = [found] if found is None or isinstance(found, bytes) else [*found]
            for reply in replies:
                wrong = wrong or broken_law(packet, reply, tcp=tcp)
                seen["silence" if reply is None else f"rcode {reply[3] & 15}"] += 1
            if not wrong and number % LOOK_EVERY < 8:
                for reply in replies:
                    if reply is not None and not reply[2] & 0x78:  # of other opcodes dnspython expects more than NOTIMP
                        dns.message.from_wire(reply, keyring=False)
            if not wrong and number % LOOK_EVERY == 0:
                if time.monotonic() > end:
                    break
                good = subject(GOOD, CLIENTS[0], False)
                if not isinstance(good, bytes) or not good.endswith(GOOD_REPLY):
                    wrong = "the good question is no longer answered"
        except Exception:
            wrong = traceback.format_exc()
        if wrong:
            return seen, f"seed {seed}, packet {number}, {'TCP' if tcp else 'UDP'}: {wrong}\n{packet.hex()}"
        seen["packets"] += 1
    return seen, ""


def responder() -> Subject:
    """All of the answering path but its sockets: rules, limits, cookies, transfers with and without a key. Time goes on
    with every packet, so that the limits are reached and left again.
    """
    settings = Dns(
        acl=RULES,
        nsid="fuzzed",
        chaos_id="fuzzed",
        rate_answers=5,
        rate_negatives=5,
        rate_errors=5,
        transfer=("127.0.0.1", "198.51.100.1 key"),
    )
    clock = HandClock()
    made = Responder(settings, ZONES, TABLE, clock=clock)
    made.serving.change(
        cookies=Cookies((bytes(range(16)),)), keys=Keys([KnownKey(digest=sha256(KEY).digest(), homes=HOMES)], stay=True)
    )
    keys = read_tsig_keys("key hmac-sha256 MDEyMzQ1Njc4OWFiY2RlZg==", "here")
    made.transfer = Transfers(settings, keys, made.serving, None, clock)

    engines = {"plain": Beside(made.serving, _plain)}
    if not compiled.missing:
        engines["compiled"] = Beside(made.serving, _compiled)

    behind = Behind(made.serving)

    def subject(packet: bytes, client: bytes, tcp: bool) -> bytes | Iterator[bytes] | None:
        clock.turn(seconds=0.1)
        reply = made.reply(packet, client, tcp=tcp)
        for name, engine in engines.items() if not tcp else ():
            said = engine.answer(packet, client, clock.now().timestamp())
            if (reply is None or isinstance(reply, bytes)) and said != reply:
                raise AssertionError(f"the {name} engine says {said.hex() if said else said}, and not {reply!r}")
        if not tcp:
            behind.ask(packet, client, clock.now().timestamp())
        return reply

    return subject


#: A packet, a client and the time -> the reply or None, and "hand over" or "counted" when that is for the reference.
Asked = Callable[[bytes, bytes, float], tuple[bytes | None, str]]


class Beside:
    """An engine, with the reference for what it hands over, and limits of its own that begin like the responder's."""

    def __init__(self, serving: Serving, make: Callable[[Serving], Asked]) -> None:
        self._own = replace(serving, pace=deepcopy(serving.pace))
        self._ask = make(self._own)

    def answer(self, packet: bytes, client: bytes, now: float) -> bytes | None:
        reply, why = self._ask(packet, client, now)
        if why not in ("hand over", "counted"):
            return reply
        return respond(packet, client, now, self._own, tcp=False, counted=why == "counted").packet


class Behind:
    """Every fourth packet again, from a proxy, behind a header that may be broken: to an engine and the reference."""

    def __init__(self, serving: Serving) -> None:
        self._drawn, self._count = random.Random(5), 0
        self._serving = replace(serving, pace=deepcopy(serving.pace), proxies=PROXIES)
        self._own = replace(self._serving, pace=deepcopy(serving.pace))
        self._ask = None if compiled.missing else _compiled(self._own)

    def ask(self, packet: bytes, client: bytes, now: float) -> None:
        """Raises AssertionError when the two differ."""
        self._count += 1
        if self._ask is None or self._count % 4:
            return
        family = b"\x12" if len(client) == 4 else b"\x22"
        addresses = client + bytes(len(client) + 4) + self._drawn.choice((b"", b"\4\0\1x"))
        head = bytearray(SIGNATURE + self._drawn.choice((b"\x21", b"\x20")) + family)
        head += len(addresses).to_bytes(2) + addresses
        for _ in range(self._drawn.choice((0, 0, 1, 2))):
            head[self._drawn.randrange(len(head))] ^= 1 << self._drawn.randrange(8)
        whole = bytes(head[: self._drawn.choice((None, None, -1, 14))]) + packet
        reply, why = self._ask(whole, PROXY, now)
        through = seen(whole, PROXY, PROXIES)
        if through is None:
            assert (reply, why) == (None, "proxy"), f"{whole.hex()} was not dropped"
            return
        message, seen_client = through
        expected = respond(message, seen_client, now, self._serving, tcp=False).packet
        if why in ("hand over", "counted"):
            reply = respond(message, seen_client, now, self._own, tcp=False, counted=why == "counted").packet
        assert reply == expected, f"the engine says {reply!r} behind {whole.hex()}, and not {expected!r}"


def _compiled(serving: Serving) -> Asked:
    engine = compiled.Compiled(1)
    engine.load(serving)
    return engine.core.answer


def _plain(serving: Serving) -> Asked:
    moment = [0.0]
    engine = Plain(lambda host: ip_address(host).packed, lambda: moment[0])
    engine.load(serving)

    def ask(packet: bytes, client: bytes, now: float) -> tuple[bytes | None, str]:
        moment[0], host = now, str(ip_address(client))
        reply = engine.answer(packet, host)
        if reply is not None:
            return reply or None, ""
        return None, ("", "hand over", "counted")[engine.rest(packet, host)]

    return ask


def _share(job: tuple[int, int, float]) -> tuple[Counter[str], str]:
    return throw(*job, responder())


# -- over a real socket ----------------------------------------------------------------------------------------
def throw_at(host: str, port: int, seed: int, packets: int) -> tuple[Counter[str], str]:
    """Send packets without waiting for each; afterwards the good question must be answered."""
    seen: Counter[str] = Counter()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    source = mutations(seed, corpus())
    with socket.socket(family, socket.SOCK_DGRAM) as udp:
        udp.connect((host, port))
        udp.setblocking(False)
        for _ in range(packets):
            select.select([], [udp], [], 5)
            packet = next(source)[:9000]
            try:
                udp.send(packet)
            except ConnectionRefusedError:
                return seen, "the responder is gone"
            seen["packets"] += 1
            while select.select([udp], [], [], 0)[0]:
                reply = udp.recv(65535)
                seen["replies"] += 1
                if len(reply) > LARGEST_UDP:
                    return seen, f"a reply of {len(reply)} bytes"
        end = time.monotonic() + 10
        while time.monotonic() < end:
            udp.send(GOOD)
            while select.select([udp], [], [], 0.5)[0]:
                reply = udp.recv(65535)
                if reply[:2] == GOOD[:2] and reply.endswith(GOOD_REPLY):
                    return seen, ""
    return seen, "the good question is no longer answered"


class Served:
    """`dnsbl serve --only dns` on loopback, with the world of the vectors as its zones and nothing listed but the
    test points; `complaints` is what it wrote beyond information.
    """

    def __enter__(self) -> Served:
        self._folder = tempfile.TemporaryDirectory(prefix="dnsbl-fuzz-")
        folder = Path(self._folder.name)
        (folder / "zones").mkdir()
        for name, text in WORLD["zones"].items():
            (folder / "zones" / f"{name}.toml").write_text(text, encoding="utf-8")
        (folder / "config.toml").write_text(
            f'[service]\nwebsite = "{WORLD["site"]}"\n[dns]\nlisten = ["127.0.0.1:0"]\n', encoding="utf-8"
        )
        argv = [
            sys.executable,
            "-m",
            "dnsbl",
            "serve",
            "--only",
            "dns",
            "--json",
            "--config",
            str(folder / "config.toml"),
        ]
        self._log = (folder / "log").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert self.process.stdout is not None
        watchdog = threading.Timer(30, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        if not line:
            self.process.wait(5)
            raise AssertionError(f"`dnsbl serve` did not start:\n{self.complaints()}")
        self.host, self.port = json.loads(line)["listening"]["dns"][0]
        return self

    def complaints(self) -> str:
        self._log.seek(0)
        return "".join(line for line in self._log if line.split(" ", 2)[1:2] != ["INFO"])

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        self._log.close()
        self._folder.cleanup()


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--packets", type=int, default=1_000_000)
    words.add_argument("--socket-packets", type=int, default=50_000)
    words.add_argument("--seconds", type=float, default=600, help="at most, for the first round")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    given = words.parse_args()
    began = time.monotonic()
    share = -(-given.packets // given.processes)
    jobs = [(given.seed + n, share, given.seconds) for n in range(given.processes)]
    total: Counter[str] = Counter()
    failures = []
    with multiprocessing.get_context("spawn").Pool(given.processes) as pool:
        for seen, failure in pool.imap_unordered(_share, jobs):
            total += seen
            failures += [failure] if failure else []
    print(f"in process: {dict(total.most_common())}, {time.monotonic() - began:.0f} s", flush=True)
    if not failures and total["packets"] < given.packets:
        failures.append(f"only {total['packets']} of {given.packets} packets in {given.seconds:.0f} seconds")
    if given.socket_packets and not failures:
        with Served() as served:
            seen, failure = throw_at(served.host, served.port, given.seed, given.socket_packets)
            failure = failure or served.complaints()
        print(f"over UDP: {dict(seen)}", flush=True)
        failures += [failure] if failure else []
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
