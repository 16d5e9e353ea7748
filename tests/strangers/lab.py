"""The laboratory: a small network of its own, in which servers that we did not write meet ours on their real ports.

Holds network namespaces on one bridge, the processes in them with their logs, and the resolver.
All hosts carry documentation addresses (RFC 5737, 3849), for mail servers trust 127/8 and several treat private space
as their own. There is no way out: a namespace has a route to these prefixes and no other, and the resolver answers
for the lab's names alone. Everything is bounded in time and is torn down at exit, whatever happened before. Needs root.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import shutil
import signal
import smtplib
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, TypeVar

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

T = TypeVar("T")

PREFIXES = ("192.0.2.0/24", "198.51.100.0/24")
PREFIX6 = "2001:db8::/32"
TESTER6 = "2001:db8::10"
TESTER, COLLECTOR, RESOLVER, RESPONDER = "192.0.2.10", "192.0.2.25", "192.0.2.53", "192.0.2.54"
RELAY, MX, CLIENT = "198.51.100.7", "198.51.100.8", "198.51.100.9"
HOSTS = {"us": (TESTER, COLLECTOR, RESOLVER, RESPONDER), "relay": (RELAY,), "mx": (MX,), "client": (CLIENT,)}

#: The lab's names; each address leads back to its name.
NAMES = {"tester.lab.test": TESTER, "mx.lab.test": COLLECTOR, "hub.test": RELAY, "mail.test": MX, "client.test": CLIENT}
MAIL_DOMAINS = {
    "c.lab.test": "mx.lab.test",
    "b.lab.test": "mx.lab.test",
    "hub.test": "hub.test",
    "mail.test": "mail.test",
}

COMMANDS = ("ip", "postfix", "unbound", "dig")
_CLONE_NEWNET = 0x40000000
_counter = itertools.count()


class LabError(AssertionError):
    """The laboratory could not do what was asked; the sentence says what, the logs follow."""


class Answer(NamedTuple):
    """A DNS answer in short: the rcode's name and the texts of the records."""

    rcode: str
    records: tuple[str, ...] = ()


class Reply(NamedTuple):
    """The SMTP reply that ended an attempt to hand over a message: a refusal, or the last 2xx."""

    code: int
    text: str


def lacking() -> str | None:
    """Why the laboratory cannot be built here, as a sentence, or None."""
    if os.geteuid() != 0:
        return "the laboratory needs root: run `make strangers` as root"
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    return f"{', '.join(missing)} missing: run `make strangers` as root" if missing else None


class Lab:
    """Hosts on one wire: `us` (tester, collector, resolver, responder), `relay`, `mx`, `client`, and what is added."""

    def __init__(self) -> None:
        self._prefix = f"dnsbl-{os.getpid()}-{next(_counter)}-"
        self._undo = ExitStack()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._homes: dict[subprocess.Popen[bytes], str] = {}  # the host of each
        self.folder = Path()
        self.hosts: dict[str, tuple[str, ...]] = {}
        self.names = dict(NAMES)

    def __enter__(self) -> Lab:
        if reason := lacking():
            raise LabError(reason)
        try:
            _sweep()
            self._build()
        except BaseException:
            self._undo.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._stop_all()
        finally:
            self._undo.close()

    # -- building ------------------------------------------------------------------------------------------
    def _build(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dnsbl-lab-"))
        self._undo.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)  # Postfix looks into it as its own user
        wire = self._namespace("wire")
        _ip("-n", wire, "link", "add", "bridge", "type", "bridge")
        _ip("-n", wire, "link", "set", "bridge", "up")
        for host, addresses in HOSTS.items():
            self._attach(host, addresses)

    def add_host(self, host: str, *addresses: str) -> None:
        """One more host, called `host`.test in the resolver if that is started later; at most 15 characters."""
        self._attach(host, addresses)
        self.names[f"{host}.test"] = addresses[0]

    def add_behind(self, gateway: str, near: str, host: str, address: str) -> None:
        """One more host, whose only way leads over the gateway; `near` is the gateway's address on their own wire."""
        outer, inner = self._prefix + gateway, self._namespace(host)
        self.hosts[host] = (address,)
        self.names[f"{host}.test"] = address
        _ip("-n", outer, "link", "add", "inner", "type", "veth", "peer", "name", "eth0", "netns", inner)
        for namespace, device, here, there in ((outer, "inner", near, address), (inner, "eth0", address, near)):
            _ip("-n", namespace, "addr", "add", here, "peer", there, "dev", device)
            _ip("-n", namespace, "link", "set", device, "up")
        for prefix in PREFIXES:
            _ip("-n", inner, "route", "add", prefix, "via", near)

    def add_ipv6(self, host: str, address: str) -> None:
        """An IPv6 address for a host on the wire; its names are the test's to give (`resolver(records=)`)."""
        name = self._prefix + host
        _ip("-n", name, "addr", "add", f"{address}/128", "dev", "eth0", "nodad")
        _ip("-n", name, "route", "add", PREFIX6, "dev", "eth0")

    def add_ipv6_behind(self, gateway: str, near: str, host: str, address: str) -> None:
        """IPv6 between a gateway and the host behind it, as `add_behind` has it for IPv4."""
        outer, inner = self._prefix + gateway, self._prefix + host
        for namespace, device, here, there in ((outer, "inner", near, address), (inner, "eth0", address, near)):
            _ip("-n", namespace, "addr", "add", here, "peer", there, "dev", device, "nodad")
        _ip("-n", inner, "route", "add", PREFIX6, "via", near)

    def name(self, host: str) -> str:
        """The name that belongs to the host's first address."""
        return next(name for name, address in self.names.items() if address == self.hosts[host][0])

    def _attach(self, host: str, addresses: tuple[str, ...]) -> None:
        wire, name = self._prefix + "wire", self._namespace(host)
        self.hosts[host] = addresses
        _ip("-n", wire, "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", wire, "link", "set", host, "master", "bridge", "up")
        for address in addresses:
            _ip("-n", name, "addr", "add", f"{address}/32", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        for prefix in PREFIXES:
            _ip("-n", name, "route", "add", prefix, "dev", "eth0")

    def _namespace(self, host: str) -> str:
        """Make a namespace with its loopback and a resolv.conf, which `ip netns exec` mounts over the machine's."""
        name = self._prefix + host
        etc = Path("/etc/netns") / name
        self._undo.callback(_drop_namespace, name)
        etc.mkdir(parents=True)
        (etc / "resolv.conf").write_text(f"nameserver {RESOLVER}\noptions timeout:1 attempts:2\n")
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        return name

    # -- running -------------------------------------------------------------------------------------------
    def command(self, host: str, argv: Sequence[str]) -> list[str]:
        """The argv that runs `argv` on this host."""
        return ["ip", "netns", "exec", self._prefix + host, *argv]

    def run(
        self, host: str, argv: Sequence[str], *, seconds: float = 20, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Raises LabError when it takes too long or, with `check`, fails."""
        try:
            done = subprocess.run(
                self.command(host, argv), capture_output=True, text=True, timeout=seconds, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"{' '.join(argv)} took more than {seconds} seconds\n{self.logs()}") from None
        if check and done.returncode:
            raise LabError(f"{' '.join(argv)} ended with {done.returncode}: {done.stdout}{done.stderr}\n{self.logs()}")
        return done

    def popen(self, host: str, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a daemon whose output goes to `name`.log; it is ended with the lab."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                self.command(host, argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._processes.append(process)
        self._homes[process] = host
        return process

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End one daemon that was started here."""
        self._processes.remove(process)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)

    def end(self, host: str) -> None:
        """End every process on one host, so that it can be set up anew."""
        ended = [process for process in self._processes if self._homes[process] == host]
        for process in ended:
            self._processes.remove(process)
        for seconds, number in ((5.0, signal.SIGTERM), (2.0, signal.SIGKILL)):
            _signal(self.pids(host), number)
            with suppress(LabError):
                self.wait_for(f"the processes on {host} to end", lambda: not self.pids(host), seconds)
        for process in ended:
            process.wait(1)

    def _stop_all(self) -> None:
        """End every process on the hosts, started by us or by those that we started: ask, wait a little, insist."""
        processes, self._processes = self._processes, []
        for seconds, number in ((5.0, signal.SIGTERM), (2.0, signal.SIGKILL)):
            _signal(self._everybody(), number)
            with suppress(LabError):
                self.wait_for("the processes to end", lambda: not self._everybody(), seconds)
        for process in processes:
            process.wait(1)

    def _everybody(self) -> set[int]:
        return {pid for host in self.hosts for pid in self.pids(host)}

    def pids(self, host: str, program: str = "") -> set[int]:
        """The processes on this host, or those of one program."""
        return {pid for pid in _pids(self._prefix + host) if not program or _program(pid) == program}

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """Sockets that this thread opens in the block, and threads that it starts there, stay on the host for good."""
        with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{self._prefix}{host}") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())

    def wait_for(self, what: str, condition: Callable[[], T], seconds: float = 10, every: float = 0.05) -> T:
        """The first true value of `condition`. Raises LabError, with the logs, when time is up or a daemon ended."""
        end = time.monotonic() + seconds
        while not (value := condition()):
            if dead := [process for process in self._processes if process.poll() is not None]:
                raise LabError(f"{dead[0].args!r} ended before {what}\n{self.logs()}")
            if time.monotonic() > end:
                raise LabError(f"waited {seconds} seconds in vain for {what}\n{self.logs()}")
            time.sleep(every)
        return value

    def log(self, name: str) -> str:
        """What the daemon of this name has said so far."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def logs(self, lines: int = 60) -> str:
        """The ends of all logs."""
        parts = []
        for path in sorted(self.folder.glob("*.log")):
            parts += [f"--- {path.name}", *path.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join(parts)

    # -- names ---------------------------------------------------------------------------------------------
    def resolver(self, *, records: Iterable[str] = (), stubs: Mapping[str, str] | None = None) -> None:
        """Start Unbound for the lab's names, more `records` in zone file form, and zones served by an address."""
        data = [f"{name}. A {address}" for name, address in self.names.items()]
        domains = {name: name for name in self.names if name not in NAMES} | MAIL_DOMAINS
        data += [f"{domain}. MX 10 {exchange}." for domain, exchange in domains.items()]
        lines = [
            "server:",
            f'directory: "{self.folder}"',
            'chroot: ""',
            'username: ""',
            'pidfile: ""',
            'logfile: ""',
            "use-syslog: no",
            "do-ip6: no",
            f"interface: {RESOLVER}",
            f"outgoing-interface: {RESOLVER}",
            *(f"access-control: {prefix} allow" for prefix in PREFIXES),
            'module-config: "iterator"',
            "cache-max-ttl: 1",
            "cache-max-negative-ttl: 1",
            "infra-host-ttl: 1",
            'local-zone: "." static',
            *(f"local-data: '{record}'" for record in [*data, *records]),
            *(f'local-data-ptr: "{address} {name}"' for name, address in self.names.items()),
        ]
        for zone, address in (stubs or {}).items():
            lines += ["server:", f'local-zone: "{zone}." transparent']
            lines += ["stub-zone:", f'name: "{zone}."', f"stub-addr: {address}"]
        config = self.folder / "unbound.conf"
        config.write_text("\n".join(lines) + "\n")
        self.popen("us", "unbound", ["unbound", "-d", "-p", "-c", str(config)])
        self.wait_for("Unbound", lambda: self.ask("mx.lab.test", "A", seconds=0.2) == Answer("NOERROR", (COLLECTOR,)))

    # -- asking --------------------------------------------------------------------------------------------
    def ask(self, name: str, kind: str, *, server: str = RESOLVER, seconds: float = 1) -> Answer:
        """One DNS question over UDP, asked on `us`; a server that does not answer is Answer("SILENT")."""
        query = dns.message.make_query(name, kind)
        with self.inside("us"):
            try:
                response = dns.query.udp(query, server, timeout=seconds)
            except (dns.exception.DNSException, OSError):
                return Answer("SILENT")
        records = (data for rrset in response.answer for data in rrset if data.rdtype == dns.rdatatype.from_text(kind))
        return Answer(dns.rcode.to_text(response.rcode()), tuple(sorted(data.to_text() for data in records)))

    def dig(self, name: str, kind: str, *, server: str = RESOLVER) -> list[str]:
        """The lines of `dig +short`, asked on `us`."""
        argv = ["dig", "+short", "+time=1", "+tries=2", f"@{server}", name, kind]
        return self.run("us", argv).stdout.splitlines()

    @contextmanager
    def watch(self, name: str, kind: str, *, server: str) -> Iterator[Watch]:
        """Ask the same question all the time, in a thread of its own, and note when the answer changes."""
        watch = Watch(self, name, kind, server)
        watch.start()
        try:
            yield watch
        finally:
            watch.stop()

    def send(self, host: str, *, to: str, sender: str, recipient: str, text: str = "Hello.") -> Reply:
        """Hand a message to the mail server at address `to`, with a client that runs on `host`."""
        message = f"From: <{sender}>\r\nTo: <{recipient}>\r\nSubject: {text}\r\n\r\n{text}\r\n"
        with self.inside(host), smtplib.SMTP(to, 25, local_hostname="client.test", timeout=15) as client:
            client.ehlo()
            code, said = client.mail(sender)
            if code < 400:
                code, said = client.rcpt(recipient)
            if code < 400:
                code, said = client.data(message)
        return Reply(code, said.decode(errors="replace"))


class Watch(threading.Thread):
    """Notes (epoch seconds, Answer) whenever the answer to one question differs from the one before."""

    def __init__(self, lab: Lab, name: str, kind: str, server: str) -> None:
        super().__init__(daemon=True)
        self._lab, self._question, self._server = lab, (name, kind), server
        self._enough = threading.Event()
        self.seen: list[tuple[float, Answer]] = []

    def run(self) -> None:
        while not self._enough.wait(0.02):
            answer = self._lab.ask(*self._question, server=self._server)
            if not self.seen or self.seen[-1][1] != answer:
                self.seen.append((time.time(), answer))

    def stop(self) -> None:
        self._enough.set()
        self.join()

    def when(self, answer: Answer, *, since: float = 0) -> float:
        """When this answer first came, after `since`; 0.0 when it has not."""
        return next((at for at, seen in list(self.seen) if seen == answer and at >= since), 0.0)


def _ip(*argv: str) -> str:
    done = subprocess.run(["ip", *argv], capture_output=True, text=True, timeout=20)
    if done.returncode:
        raise LabError(f"ip {' '.join(argv)} failed: {done.stderr.strip()}")
    return done.stdout


def _enter(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns failed")


def _pids(namespace: str) -> set[int]:
    return {int(pid) for pid in _ip("netns", "pids", namespace).split()}


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _drop_namespace(name: str) -> None:
    """Remove a namespace and its folder; one that was never made is no error."""
    if Path("/run/netns", name).exists():
        _ip("netns", "delete", name)
    shutil.rmtree(Path("/etc/netns", name), ignore_errors=True)


def _sweep() -> None:
    """Remove what laboratories left whose own process was killed before it could tidy up."""
    for name in _ip("netns", "list").split():
        owner = re.fullmatch(r"dnsbl-(\d+)-\d+-[\w-]+", name)
        if owner and not Path("/proc", owner[1]).exists():
            with suppress(LabError):  # another laboratory was before us
                _signal(_pids(name), signal.SIGKILL)
                _drop_namespace(name)
