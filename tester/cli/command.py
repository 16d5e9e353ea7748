"""Command: test hosts from the shell, with a short-lived collector of its own, and say what was found.

Wires the parts, prints the conversation (of one host) or how far it is (of several), and the result. Nobody is dialled
beyond what the arguments name, a list of hosts only within networks that are named as one's own. What strangers sent is
shown escaped only. Exit status: 0 closed, 1 open, 2 could not be told, which is also that of a refusal (one sentence on
stderr) and of a mistake in the arguments.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path as File

from tester import letter as letters
from tester.bounces.ours import Ours
from tester.cli import arguments, families, remote, report, targets
from tester.cli.sitting import Outfit, Progress, Sitting
from tester.collector import Collector
from tester.errors import NotDialable, TesterError, Undialled
from tester.letter import Keyring, Sender
from tester.listening import unheard
from tester.nmap import Target
from tester.paths import Path, path
from tester.returned import Collected
from tester.smtp import Event, Limits, escape
from tester.trial import Vantage
from tester.vectors import profile

Address = IPv4Address | IPv6Address


def main(
    argv: Sequence[str] | None = None,
    *,
    limits: Limits | None = None,
    now: Callable[[], float] = time.time,
    others: families.Others = families.others,
) -> int:
    """Run the command and return its exit status (argparse itself exits with 2, too). `others` finds a machine's
    addresses of the other family."""
    words = arguments.parser()
    options = words.parse_args(argv)
    if bool(options.address) == bool(options.targets) or (options.list and len(options.address) != 1):
        words.error("name the ADDRESS of a host (one with --for), or --targets FILE, and not both")
    try:
        if options.list:
            return remote.hold(options, limits or Limits(), now)
        hosts = asyncio.run((command := _Command(options, limits or Limits(), now, others)).hold())
    except (TesterError, OSError) as error:
        print(_said(error), file=sys.stderr)
        return report.UNTOLD
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return report.UNTOLD
    print(command.told(hosts))
    return report.overall(hosts)


def _said(error: TesterError | OSError) -> str:
    """The sentence for what has kept us from testing."""
    if isinstance(error, OSError) and error.filename:
        return f"{os.fsdecode(error.filename)}: cannot be read: {error.strerror}."
    return f"{error}{' In a laboratory of your own: --lab NETWORK.' if isinstance(error, NotDialable) else ''}"


class _Command:
    """All tests of one call of the command, and the collector that they share."""

    def __init__(
        self, options: argparse.Namespace, limits: Limits, now: Callable[[], float], others: families.Others
    ) -> None:
        self._o = options
        self._others = others
        self._out = sys.stderr if options.json else sys.stdout
        self._keyring = Keyring.generate(os.urandom, int(now()))
        self._bounce_domain: str = options.bounce_domain or options.collector_domain
        self._sittings: list[Sitting] = []
        self._finished = 0
        self._hosts = self._asked()
        self._means = self._prepared(limits, now)

    async def hold(self) -> list[report.HostFound]:
        """Test every host. Raises NotDialable, OSError."""
        o = self._o
        collector = Collector(
            hostname=o.helo,
            domains=frozenset({o.collector_domain, self._bounce_domain}),
            gate=lambda token: letters.gate(self._keyring, token),
            deliver=self._deliver,
            now=self._means.now,
        )
        ready = [await self._prepare(addresses, ports) for addresses, ports in self._hosts]
        await self._listen(collector)
        places = asyncio.Semaphore(o.at_once)

        async def one(addresses: tuple[Address, ...], sitting: Sitting | None) -> report.HostFound:
            async with places:
                return await self._test(addresses, sitting)

        try:
            async with asyncio.TaskGroup() as group:
                held = [
                    group.create_task(one(addresses, sitting))
                    for (addresses, _), sitting in zip(self._hosts, ready, strict=True)
                ]
        except* (TesterError, OSError) as several:
            raise _first(several) from None
        finally:
            await collector.close()
        return [task.result() for task in held]

    def told(self, hosts: list[report.HostFound]) -> str:
        """The whole result."""
        if self._o.json and self._o.targets:
            whole = {
                "result": report.RESULTS[report.overall(hosts)],
                "hosts": [report.document(host) for host in hosts],
            }
            return json.dumps(whole)
        if self._o.json:
            return json.dumps(report.document(hosts[0]))
        if not self._o.targets:
            return "\n" + report.text(hosts[0])
        lines = [report.table(hosts)]
        for host in hosts:
            if host.cause is not None:
                lines += ["", f"{host.address}:", *report.explained(host.cause)[1:]]
        return "\n".join(lines)

    # ------------------------------------------------------------------------------------------- the hosts

    def _asked(self) -> list[tuple[tuple[Address, ...], tuple[int, ...]]]:
        """Each host's addresses and the ports to try. Raises BadTargets, OSError."""
        o = self._o
        if not o.targets:
            return [(tuple(dict.fromkeys(o.address)), o.ports)]
        with o.targets.open("rb") as file:
            hosts = targets.read(file.read(targets.MOST_OCTETS + 1))
        targets.own(hosts, self._networks())
        return [
            ((host.address,), o.ports if host.open is None else tuple(port for port in o.ports if port in host.open))
            for host in hosts
        ]

    def _networks(self) -> tuple[targets.Network, ...]:
        """What `--networks` names, files read. Raises BadTargets, OSError."""
        words: list[str] = []
        for word in self._o.networks:
            named = word.split(",")
            if all(re.fullmatch(r"[0-9a-fA-F:.]+(/[0-9]{1,3})?", one) for one in named):
                words += named
            else:
                with File(word).open(encoding="utf-8", errors="replace") as file:
                    words += file.read(targets.MOST_OCTETS).splitlines()
        return targets.networks(words)

    async def _prepare(self, addresses: tuple[Address, ...], ports: tuple[int, ...]) -> Sitting | None:
        """A sitting over all paths of a host; None when there is no port to try."""
        if not ports:
            return None
        if self._o.both_families:
            for address in addresses:
                addresses += tuple(other for other in await self._others(address) if other not in addresses)
        if self._o.targets and len(addresses) > 1:
            targets.own([Target(address=other) for other in addresses[1:]], self._networks())
        paths = [path(address, port) for address in addresses for port in ports]
        sitting = Sitting(self._means, paths, hear=self._hear, tell=self._tell, say=self._print)
        for address in addresses:
            sitting.check_peer(address)
        self._sittings.append(sitting)
        return sitting

    async def _test(self, addresses: tuple[Address, ...], sitting: Sitting | None) -> report.HostFound:
        if sitting is None:
            return report.HostFound(
                address=addresses[0], paths=(), left_out="nmap found none of the ports open that were to be tried."
            )
        try:
            await sitting.hold()
        except Undialled:
            if not self._o.targets:
                raise
        self._finished += 1
        return report.HostFound(
            address=addresses[0],
            paths=tuple(sitting.found()),
            cause=sitting.cause() if self._o.explain else None,
            flags=sitting.canaries,
        )

    # ------------------------------------------------------------------------------------------- the parts

    def _prepared(self, limits: Limits, now: Callable[[], float]) -> Outfit:
        o = self._o
        sender = Sender(
            service=o.helo,
            website=f"https://{o.helo}/",
            contact=f"postmaster@{self._bounce_domain}",
            helo=o.helo,
            collector_domain=o.collector_domain,
            bounce_domain=self._bounce_domain,
        )
        names = {o.helo, o.collector_domain, self._bounce_domain}
        return Outfit(
            vantage=Vantage(sender=sender, source=str(o.source) if o.source else None),
            keyring=self._keyring,
            ours=Ours(names=names, sources={o.source} if o.source else ()),
            limits=limits,
            profile=o.profile,
            forms=profile(o.profile),
            lab=tuple(o.lab),
            wait=o.wait,
            now=now,
            random=os.urandom,
            served_domain=o.served_domain or "",
        )

    async def _listen(self, collector: Collector) -> None:
        tried = [self._o.collector] if self._o.collector else [("::", 25), ("0.0.0.0", 25)]  # noqa: S104
        why = ""
        for host, port in tried:
            try:
                bound = await collector.start(host, port)
            except OSError as error:
                why = unheard(error)
                continue
            self._print(f"The collector listens on {bound[0]} port {bound[1]}.")
            return
        host, port = tried[-1]
        raise OSError(f"The collector cannot listen on {host} port {port}: {why}; choose another with --collector.")

    async def _deliver(self, message: Collected) -> None:
        """Have what came to the collector weighed by the host whose letter it is about."""
        for sitting in self._sittings:
            if said := sitting.take(message):
                self._print(said)
                return
        self._print(f"A message for {escape(message.recipient.encode())} came from {message.peer}.")

    def _hear(self, where: Path, event: Event) -> None:
        """Print what goes over the wire."""
        if self._quiet:
            return
        several = len(self._o.ports) > 1 or len(self._o.address) > 1 or self._o.both_families
        before = f"{where.address}:{where.port} " if several else ""
        for line in event.data.split(b"\r\n"):
            if line:
                self._print(f"{before}{event.at:8.3f} {event.kind} {escape(line)}")

    def _tell(self, now: Progress) -> None:
        """Print how far it is."""
        if self._quiet:
            back = f"{now.back} came back" if now.back else "nothing came back"
            of = f" [{self._finished} of {len(self._hosts)} hosts done]" if self._o.targets else ""
            self._print(f"{now.path.name}: {now.done} of {now.forms} forms, {back}{of}", end=self._end)

    @property
    def _quiet(self) -> bool:
        """Whether how far it is is told in place of the conversation."""
        return bool(self._o.progress or self._o.targets)

    @property
    def _end(self) -> str:
        return "\x1b[K\r" if self._out.isatty() else "\n"

    def _print(self, line: str, *, end: str = "\n") -> None:
        print(line, file=self._out, flush=True, end=end)


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """One of what went wrong, which stands for all."""
    one: BaseException = several
    while isinstance(one, BaseExceptionGroup):
        one = one.exceptions[0]
    return one
