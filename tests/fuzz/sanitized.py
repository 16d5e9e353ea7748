"""The fuzzer's packets against the compiled engine, and odd data files against what was compiled to read them.

Both are built with the address and undefined-behaviour sanitizers.

`python tests/fuzz/sanitized.py` builds it beside the tree, in a temporary folder, and starts itself again with the
sanitizer's library before everything else: a read or write out of bounds, an overflow or a shift too far ends that
process with a report, and this one with 1. Packets go into `answer_one` and, over loopback, through the loop; files are
read by the reference too, which must find the same in them.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("dnsbl.dns.engine._compiled", "dnsbl.dns.sources._swift")
IP_PKTINFO = 8  # <linux/in.h>; Python 3.11 does not name it
FLAGS = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g1 -O1 -w"
#: The interpreter never frees all that it has; its own allocator would hide what lies side by side.
ENVIRONMENT = {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1", "PYTHONMALLOC": "malloc"}


def build(folder: Path) -> list[Path]:
    """The instrumented modules, as NAMES. Raises SystemExit when they cannot be built."""
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", str(folder), "--build-temp"]
    environment = os.environ | {"CFLAGS": FLAGS, "LDFLAGS": "-fsanitize=address,undefined"}
    done = subprocess.run(
        [*command, str(folder / "temp")], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    found = [path for name in NAMES for path in folder.glob(name.replace(".", "/") + ".*.so")]
    if len(found) != len(NAMES):
        sys.exit(f"what is compiled cannot be built with sanitizers:\n{done.stdout}{done.stderr}")
    return found


def load(modules: list[Path]) -> None:
    """Make these files the compiled modules, before anything imports them."""
    for name, path in zip(NAMES, modules, strict=True):
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])


def throw(packets: int, seed: int) -> None:
    """Throw so many packets at the module in this process, and print what came back."""
    from packets import CLIENTS, GOOD, HOMES, KEY, RULES, TABLE, ZONES, corpus, mutations

    from dnsbl.dns.cookies import Cookies
    from dnsbl.dns.engine import compiled
    from dnsbl.dns.guard import Keys, KnownKey, Pace, Prefixes, rules_of
    from dnsbl.dns.listed.table import Table
    from dnsbl.dns.proxied import SIGNATURE
    from dnsbl.dns.respond import Serving
    from dnsbl.model import Change
    from dnsbl.settings import Dns

    assert compiled.which() == "compiled"
    drawn = Random(seed)
    rows = [(ip_network(f"{drawn.getrandbits(8)}.{drawn.getrandbits(8)}.{n % 256}.7/32"), "relay") for n in range(5000)]
    large = Table.of(
        [*TABLE.rows(), *rows, *((ip_network((0x20010DB8 << 96 | n << 64, 64)), "manual") for n in range(999))]
    )
    steps = [Change(seq=n, network=row[0], kind="relay", present=n % 2 == 0) for n, row in enumerate(rows[:300], 1)]
    plain = Serving(ZONES, TABLE)
    guarded = replace(
        plain,
        table=large.changed(steps),
        rules=rules_of(Dns(acl=RULES).acl),
        pace=Pace(answers=5, negatives=5, errors=5, slip=2),
        cookies=Cookies((bytes(16), bytes(range(16)))),
        keys=Keys([KnownKey(digest=sha256(KEY).digest(), homes=HOMES)], stay=True),
        nsid=b"n" * 100,
    )
    engines: list[compiled.Compiled] = []
    behind = replace(guarded, proxies=Prefixes(dict.fromkeys((ip_network("0.0.0.0/0"), ip_network("::/0")), True)))
    for serving in (plain, behind, replace(guarded, seen=0.0, cookies=Cookies((bytes(16),), strict=True), table=None)):
        engines.append(compiled.Compiled(2, every=100 * len(engines)))
        engines[-1].load(serving)
    seen: Counter[str] = Counter()
    source = mutations(seed, corpus())
    for number in range(packets):
        packet, client = next(source), CLIENTS[number // 8 % len(CLIENTS)]
        if number % 3 == 1 and number % 2:
            kind = b"\x21\x12\0\x0c" if len(client) == 4 else b"\x21\x22\0\x24"
            packet = (SIGNATURE + kind + client + bytes(len(client) + 4))[: 12 + number % 60] + packet
        reply, why = engines[number % 3].core.answer(packet, client, 1e9 + number / 1000)
        seen[why or f"rcode {reply[3] & 15}" if reply else why] += 1
        if number % 1000 == 0:
            behind.table = large.changed(steps[: number // 1000 % 300])
            engines[1].load(behind)
    print(f"sanitized, in process: {dict(seen.most_common())}", flush=True)
    _loop(engines[0].core, (next(source)[:9000] for _ in range(packets // 20)), GOOD)


def files(rounds: int, seed: int) -> None:
    """So many odd files of each form, read by both in this process."""
    from dnsbl.dns.sources import sheet
    from tests.dnsbl.dns.sources.test_swift import FORMS, both, meddled, odd

    assert sheet.swift is sys.modules[NAMES[1]]
    drawn, refused = Random(seed), 0
    for form in FORMS:
        for number in range(rounds):
            found = both(form, meddled(form, drawn) if number else odd(form), host_bits=number % 3 == 1)
            refused += found.refusals if found else 0
    print(f"sanitized, files: {rounds} of each form, {refused} lines refused", flush=True)
    assert refused


def _loop(core: Any, packets: Iterable[bytes], good: bytes) -> None:
    """Packets through the loop itself, in both families, at sockets with and without an address of their own."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    near.setblocking(False)
    handed, clients = 0, []
    for host, asked in (("0.0.0.0", "127.0.0.1"), ("::1", "::1")):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        udp, client = socket.socket(family, socket.SOCK_DGRAM), socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((host, 0))
        if asked != host:
            udp.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        client.connect((asked, udp.getsockname()[1]))
        client.settimeout(5)
        clients.append(client)
        terms = udp.detach(), far.fileno(), asked != host
        threading.Thread(target=core.run, args=terms, daemon=True).start()
    for number, packet in enumerate(packets):
        client = clients[number % 2]
        client.send(packet)
        if number % 50 < 2:
            client.send(good)
            while client.recv(65535)[:2] != good[:2]:
                pass
        with suppress(BlockingIOError):
            while near.recv(70000):
                handed += 1
    for client in clients:  # what was sent before is through when this is answered
        client.send(good)
        while client.recv(65535)[:2] != good[:2]:
            pass
    counted = core.counted()
    print(f"sanitized, over UDP: {counted}", flush=True)
    assert handed > 0
    assert counted["udp"] > 0


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--packets", type=int, default=300_000)
    words.add_argument("--seed", type=int, default=2)
    words.add_argument("--files", type=int, default=600, help="of each form")
    words.add_argument("--inside", type=Path, nargs=2, help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.inside:
        load(given.inside)
        files(given.files, given.seed)
        throw(given.packets, given.seed)
        return 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dnsbl-sanitized-") as folder:
        modules = build(Path(folder))
        library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
        command = [sys.executable, __file__, "--packets", str(given.packets), "--seed", str(given.seed)]
        environment = os.environ | ENVIRONMENT | {"LD_PRELOAD": library.stdout.strip(), "PYTHONPATH": str(ROOT)}
        command += ["--files", str(given.files), "--inside", *map(str, modules)]
        done = subprocess.run(command, cwd=ROOT, env=environment, timeout=600)
    print(f"sanitized: {'no complaint' if not done.returncode else 'FAILED'}, {time.monotonic() - began:.0f} s")
    return 1 if done.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
