"""Name servers that we did not write, on host `us` of the laboratory: NSD, Knot, BIND, PowerDNS, resolvers, rbldnsd.

Each gets a loopback address of its own inside the namespace and answers on port 53 there, in the foreground, with a
folder of its own for configuration and state. The laboratory bounds the waiting and ends the processes. The machine's
own configuration is neither read nor touched. Holds also how thousands of questions are asked quickly, and what two
servers' answers have in common when they say the same.
"""

from __future__ import annotations

import functools
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import dnslib
from lab import Lab, LabError

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

A, NS, SOA, MX, TXT, AAAA = 1, 2, 6, 15, 16, 28
#: Questions under way at once when many are asked.
WINDOW = 64


# -- the servers -----------------------------------------------------------------------------------------------
def start_nsd(lab: Lab, address: str, zones: dict[str, str]) -> None:
    """NSD with these zones (origin -> master file text)."""
    folder = lab.folder / f"nsd-{address}"
    lines = ["server:", f"ip-address: {address}", "rrl-ratelimit: 0", "minimal-responses: yes"]
    for origin in zones:
        lines += ["zone:", f'name: "{origin or "."}"', f'zonefile: "{folder}/{origin or "root"}.zone"']
    files = {f"{origin or 'root'}.zone": text for origin, text in zones.items()}
    start_nsd_with(lab, address, "\n".join(lines) + "\n", files)
    _wait(lab, "NSD", address, zones, loaded=True)


def start_nsd_with(lab: Lab, address: str, config: str, files: Mapping[str, str] = MappingProxyType({})) -> None:
    """NSD with a configuration, to which is added where it keeps its files; whether it answers is for the caller to
    wait for.
    """
    folder = _folder(lab, "nsd", address)
    for name, text in files.items():
        (folder / name).write_text(text)
    here = {"zonelistfile": "zone.list", "xfrdfile": "xfrd.state", "pidfile": "nsd.pid", "xfrdir": ""}
    lines = ["server:", *(f'{word}: "{folder}/{name}"' for word, name in here.items())]
    lines += ['username: ""', 'chroot: ""', 'database: ""', f'zonesdir: "{folder}"', "server-count: 1", "verbosity: 1"]
    lines += ["remote-control:", "control-enable: no"]
    (folder / "nsd.conf").write_text("\n".join(lines) + "\n" + config)
    _run(lab, "nsd", address, ["nsd", "-d", "-c", str(folder / "nsd.conf")])


def start_knot_with(lab: Lab, address: str, config: str) -> None:
    """Knot with a whole configuration; whether it answers is for the caller to wait for."""
    folder = _folder(lab, "knot", address)
    (folder / "knot.conf").write_text(config)
    _run(lab, "knot", address, ["knotd", "-c", str(folder / "knot.conf")])


def start_bind(lab: Lab, address: str, zones: dict[str, str]) -> None:
    """BIND, authoritative only, with these zones (origin -> master file)."""
    folder = _folder(lab, "named", address)
    lines = [
        *_bind_options(folder, address),
        "recursion no; allow-transfer { none; }; minimal-responses yes; zero-no-soa-ttl no; };",
    ]
    for origin, text in zones.items():
        (folder / f"{origin}.zone").write_text(text)
        lines += [f'zone "{origin}" {{ type primary; file "{origin}.zone"; notify no; }};']
    _named(lab, folder, address, lines)
    _wait(lab, "BIND", address, zones, loaded=True)


def start_bind_with(lab: Lab, address: str, config: str) -> None:
    """BIND with a whole configuration, to which is added where it keeps its files and that nobody controls it; whether
    it answers is for the caller to wait for.
    """
    folder = _folder(lab, "named", address)
    here = f'pid-file none; session-keyfile "{folder}/session.key"; managed-keys-directory "{folder}";'
    (folder / "named.conf").write_text(config.replace("options {", f"controls {{ }};\noptions {{\n  {here}", 1))
    _run(lab, "named", address, ["named", "-g", "-n", "1", "-c", str(folder / "named.conf")])


def start_powerdns_with(lab: Lab, address: str, config: str, commands: str) -> None:
    """PowerDNS with a whole configuration, after these commands of a shell, where `pdnsutil` reads that configuration;
    whether it answers is for the caller to wait for.
    """
    folder = _folder(lab, "powerdns", address)
    (folder / "pdns.conf").write_text(f"{config}\nsocket-dir={folder}\nwebserver=no\n")
    typed = f'set -e\npdnsutil() {{ command pdnsutil --config-dir="{folder}" "$@"; }}\n{commands}'
    lab.run("us", ["bash", "-c", typed])
    argv = ["pdns_server", f"--config-dir={folder}", "--daemon=no", "--guardian=no", "--disable-syslog", "--loglevel=6"]
    _run(lab, "powerdns", address, argv)


def start_bind_resolver(lab: Lab, address: str, root: str, *, anchors: Iterable[str] = ()) -> None:
    """BIND as a resolver below the root at `root`, with strict QNAME minimisation; it validates below `anchors`."""
    folder = _folder(lab, "named", address)
    (folder / "root.hints").write_text(f". 3600 NS root.test.\nroot.test. 3600 A {root}\n")
    lines = [
        *_bind_options(folder, address),
        f"recursion yes; allow-query {{ any; }}; qname-minimization strict; query-source address {address};",
        f"dnssec-validation {'yes' if anchors else 'no'}; empty-zones-enable no; servfail-ttl 0; }};",
        *(["trust-anchors {", *(f"{anchor};" for anchor in anchors), "};"] if anchors else []),
        f'zone "." {{ type hint; file "{folder}/root.hints"; }};',
    ]
    _named(lab, folder, address, lines)
    _wait(lab, "BIND", address, ["."], loaded=True, recursive=True)


def start_unbound(lab: Lab, address: str, root: str, *, anchors: Iterable[str] = ()) -> None:
    """Unbound below the root at `root`, with strict QNAME minimisation; it validates below `anchors` (DS or DNSKEY)."""
    folder = _folder(lab, "unbound", address)
    (folder / "root.hints").write_text(f". 3600 NS root.test.\nroot.test. 3600 A {root}\n")
    lines = [
        "server:",
        f'directory: "{folder}"',
        'chroot: ""',
        'username: ""',
        'pidfile: ""',
        'logfile: ""',
        "use-syslog: no",
        "do-ip6: no",
        "num-threads: 1",
        f"interface: {address}",
        f"outgoing-interface: {address}",
        "access-control: 127.0.0.0/8 allow",
        "do-not-query-localhost: no",
        "qname-minimisation: yes",
        "qname-minimisation-strict: yes",
        "harden-below-nxdomain: yes",
        "target-fetch-policy: '0 0 0 0 0'",
        f'root-hints: "{folder}/root.hints"',
        f'module-config: "{"validator iterator" if anchors else "iterator"}"',
        'local-zone: "test" nodefault',
        *(f"trust-anchor: '{anchor}'" for anchor in anchors),
        "remote-control:",
        "control-enable: no",
    ]
    (folder / "unbound.conf").write_text("\n".join(lines) + "\n")
    _run(lab, "unbound", address, ["unbound", "-d", "-p", "-c", str(folder / "unbound.conf")])
    _wait(lab, "Unbound", address, ["."], loaded=True, recursive=True)


def start_knot_resolver(lab: Lab, address: str, root: str) -> None:
    """Knot Resolver below the root at `root`; it minimises always, mixes the case of what it asks, and keeps a whole
    subtree from us once a name was NXDOMAIN."""
    folder = _folder(lab, "kresd", address)
    (folder / "root.hints").write_text(f". 3600 NS root.test.\nroot.test. 3600 A {root}\n")
    lines = [
        f"net.listen('{address}', 53, {{ kind = 'dns' }})",
        f"net.outgoing_v4('{address}')",
        "net.ipv6 = false",
        "option('ALLOW_LOCAL', true)",
        "trust_anchors.remove('.')",
        "cache.size = 16 * MB",
        "modules.load('hints')",
        f"hints.root_file('{folder}/root.hints')",
        "policy.add(policy.suffix(policy.PASS, { todname('test.') }))",
    ]
    (folder / "kresd.conf").write_text("\n".join(lines) + "\n")
    _run(lab, "kresd", address, ["kresd", "-n", "-c", str(folder / "kresd.conf"), str(folder)])
    _wait(lab, "Knot Resolver", address, ["."], loaded=True, recursive=True)


def start_powerdns_recursor(lab: Lab, address: str, root: str) -> None:
    """PowerDNS Recursor below the root at `root`, which minimises."""
    folder = _folder(lab, "recursor", address)
    (folder / "root.hints").write_text(f". 3600 NS root.test.\nroot.test. 3600 A {root}\n")
    lines = [
        f"local-address={address}",
        f"query-local-address={address}",
        f"hint-file={folder}/root.hints",
        f"socket-dir={folder}",
        "dont-query=",
        "qname-minimization=yes",
        "dnssec=off",
        "threads=1",
        "daemon=no",
        "disable-syslog=yes",
        "security-poll-suffix=",
    ]
    (folder / "recursor.conf").write_text("\n".join(lines) + "\n")
    _run(lab, "recursor", address, ["pdns_recursor", f"--config-dir={folder}"])
    _wait(lab, "PowerDNS Recursor", address, ["."], loaded=True, recursive=True)


def start_rbldnsd(lab: Lab, address: str, sets: Sequence[str], files: dict[str, str]) -> None:
    """rbldnsd with these data sets (`origin:type:file,...`), whose files have these texts."""
    folder = _folder(lab, "rbldnsd", address)
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    argv = ["rbldnsd", "-n", "-u", "rbldns", "-w", str(folder), "-b", f"{address}/53", "-c", "1s", *sets]
    _run(lab, "rbldnsd", address, argv)
    _wait(lab, "rbldnsd", address, [sets[0].partition(":")[0]], loaded=True)


def _bind_options(folder: Path, address: str) -> list[str]:
    return [
        "controls { };",
        "options {",
        f'directory "{folder}"; managed-keys-directory "{folder}";',
        f'pid-file none; session-keyfile "{folder}/session.key";',
        f"listen-on {{ {address}; }}; listen-on-v6 {{ none; }}; max-cache-size 32M;",
    ]


def _named(lab: Lab, folder: Path, address: str, lines: list[str]) -> None:
    lab.run("us", ["ip", "addr", "add", f"{address}/32", "dev", "lo"])  # BIND listens on addresses that it sees
    (folder / "named.conf").write_text("\n".join(lines) + "\n")
    _run(lab, "named", address, ["named", "-g", "-n", "1", "-4", "-c", str(folder / "named.conf")])


def _folder(lab: Lab, program: str, address: str) -> Path:
    folder = lab.folder / f"{program}-{address}"
    folder.mkdir()
    folder.chmod(0o755)
    return folder


def _run(lab: Lab, program: str, address: str, argv: list[str]) -> None:
    if shutil.which(argv[0]) is None:
        raise LabError(f"{argv[0]} is missing: run `make strangers` as root")
    lab.popen("us", f"{program}-{address}", argv)


def _wait(lab: Lab, what: str, address: str, zones: Iterable[str], *, loaded: bool, recursive: bool = False) -> None:
    """Until it answers, and with `loaded` until it answers NOERROR for these zones."""

    def answers() -> bool:
        for zone in zones:
            try:
                reply = ask(lab, address, query(zone, SOA, recursive=recursive), seconds=0.5)
            except TimeoutError:
                return False
            if loaded and reply[3] & 15:
                return False
        return True

    lab.wait_for(f"{what} at {address}", answers)


def root_zone(root: str, delegated: dict[str, str]) -> str:
    """A root, served at one address, that hands zones on to the addresses of their servers."""
    lines = [". 3600 SOA root.test. hostmaster.test. 1 3600 600 604800 300", ". 3600 NS root.test."]
    lines += [f"root.test. 3600 A {root}"]
    for zone, address in delegated.items():
        lines += [f"{zone}. 3600 NS ns.{zone}.", f"ns.{zone}. 3600 A {address}"]
    return "\n".join(lines) + "\n"


# -- asking ----------------------------------------------------------------------------------------------------
def query(name: str, rtype: int = A, *, recursive: bool = False, edns: bool = False) -> bytes:
    """A question; edns=True asks for DNSSEC data too."""
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    packed = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    head = bytes([0, 0, 1 if recursive else 0, 0, 0, 1, 0, 0, 0, 0, 0, 1 if edns else 0])
    return head + packed + rtype.to_bytes(2) + b"\0\1" + (bytes.fromhex("0000290fa0000080000000") if edns else b"")


def ask(lab: Lab, server: str, packet: bytes, *, seconds: float = 2) -> bytes:
    """The reply to one packet over UDP. Raises TimeoutError, also when nobody listens there."""
    with lab.inside("us"):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with opened:
        opened.settimeout(seconds)
        opened.connect((server, 53))
        try:
            opened.send(packet)
            return opened.recv(65535)
        except ConnectionRefusedError:
            raise TimeoutError from None


def ask_all(lab: Lab, server: str, packets: Sequence[bytes], *, seconds: float = 3) -> list[bytes | None]:
    """The replies to many packets over UDP, in their order; None for what stayed unanswered three times.

    The identifiers of the packets are replaced, and put back as they were in the replies.
    """
    replies: list[bytes | None] = [None] * len(packets)
    with lab.inside("us"):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with opened:
        opened.connect((server, 53))
        missing = list(range(len(packets)))
        for _ in range(3):
            for start in range(0, len(missing), WINDOW):
                part = {n & 0xFFFF: n for n in missing[start : start + WINDOW]}
                for ident, n in part.items():
                    with suppress(ConnectionRefusedError):
                        opened.send(ident.to_bytes(2) + packets[n][2:])
                end = time.monotonic() + seconds
                while part and (left := end - time.monotonic()) > 0:
                    opened.settimeout(left)
                    with suppress(TimeoutError, ConnectionRefusedError):
                        got = opened.recv(65535)
                        if (n := part.pop(int.from_bytes(got[:2]), None)) is not None:  # type: ignore[arg-type]
                            replies[n] = packets[n][:2] + got[2:]
            missing = [n for n, reply in enumerate(replies) if reply is None]
            if not missing:
                break
    return replies


def provoke(lab: Lab, server: str, packets: Sequence[bytes], *, per_second: int) -> list[bytes | None]:
    """The replies to packets that may deserve none, None for silence; so many packets are sent a second, for NSD
    stops complaining at a hundred. Good questions after every few packets show, with a server of one process, that
    no reply to those before them is still to come.
    """
    replies: list[bytes | None] = [None] * len(packets)
    with lab.inside("us"):
        opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with opened:
        opened.connect((server, 53))
        opened.settimeout(3)
        for start in range(0, len(packets), per_second):
            begun = time.monotonic()
            for n in range(start, min(start + per_second, len(packets))):
                opened.send((n.to_bytes(2) + packets[n][2:])[: len(packets[n])])
            for _ in range(2):  # the replies to what a server took at once may come in any order
                opened.send(b"\xff\xff" + query(".", SOA)[2:])
                while (got := opened.recv(65535))[:2] != b"\xff\xff":
                    n = int.from_bytes(got[:2])
                    assert replies[n] is None, f"two replies to {packets[n].hex()}"
                    replies[n] = packets[n][:2] + got[2:]
            if start + per_second < len(packets):
                time.sleep(max(0, begun + 1 - time.monotonic()))
    return replies


class Answered(NamedTuple):
    """What an answer says: two servers that say the same are equal here."""

    rcode: str
    authoritative: bool
    truncated: bool
    records: frozenset[tuple[str, int, str]]  #: type, TTL and data of each answer
    soa: str  #: owner and TTL of the SOA in the authority section, or ""


@functools.cache
def said(reply: bytes) -> Answered:
    """Read a reply. Raises AssertionError when an answer has another owner than the question."""
    record = dnslib.DNSRecord.parse(reply)
    for answer in record.rr:
        assert answer.rname == record.q.qname, f"{answer.rname} answers {record.q.qname}"
    return Answered(
        dnslib.RCODE.get(record.header.rcode),
        bool(record.header.aa),
        bool(record.header.tc),
        frozenset((dnslib.QTYPE.get(answer.rtype), answer.ttl, str(answer.rdata)) for answer in record.rr),
        next((f"{str(rr.rname).lower()} {rr.ttl}" for rr in record.auth if rr.rtype == SOA), ""),
    )


def differences(
    packets: Sequence[bytes],
    ours: Sequence[bytes | None],
    theirs: Sequence[bytes | None],
    see: Callable[[bytes], object],
) -> list[str]:
    """A line for each question that two servers answer differently, or one of them not at all."""
    lines = []
    for packet, our, their in zip(packets, ours, theirs, strict=True):
        here, there = (see(reply) if reply is not None else "SILENCE" for reply in (our, their))
        if here != there:
            lines.append(f"{dnslib.DNSRecord.parse(packet).q}: ours {here}, theirs {there}")
    return lines


# -- names -----------------------------------------------------------------------------------------------------
def labels_of(address: Address) -> list[str]:
    """The labels of an address below a list (RFC 5782 2.1 and 2.4)."""
    if address.version == 4:
        return str(address).split(".")[::-1]
    return list(reversed(address.exploded.replace(":", "")))


def edges(network: Network) -> list[Address]:
    """The first and last address of a network, the one before and the one after."""
    first, last = network[0], network[-1]
    beside = []
    if int(first):
        beside.append(first - 1)
    if int(last) < 2**network.max_prefixlen - 1:
        beside.append(last + 1)
    return [first, last, *beside]
