"""Command: test one host from the shell, with its own short-lived collector, and print the conversation.

Wires the parts for one run, keeps its letters in memory, and forgets them. Judges nothing itself; asks `manners`
before it dials; shows what strangers sent only escaped. Exit codes: 0 judged, 1 refused or failed (one sentence on
stderr), 2 usage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TextIO

from tester import letter as letters
from tester.bounces import Ours
from tester.caller import call
from tester.collector import Collector
from tester.errors import NotDialable, TesterError
from tester.letter import Keyring, Sender
from tester.manners import why_not
from tester.paths import Path
from tester.returned import Collected
from tester.smtp import Attempt, Event, Limits, Said, Transcript, escape
from tester.trial import Trial, Vantage
from tester.vectors import PROFILES, profile
from tester.verdict import Judgement

DAY = 24 * 3600
LATE_AFTER = 2 * DAY  #: seconds after which a delivery is late
WINDOW = 7 * DAY  #: seconds for which a letter is good

DESCRIPTION = """\
Test whether the mail server at ADDRESS relays mail from a stranger to a stranger, and print the conversation.

Letters are addressed to the collector domain, whose MX must point to this machine: only a letter that comes back to
the collector, which listens here while the test runs, shows an open relay. Test only servers that are yours, or that
you have a reason to test."""


def main(
    argv: Sequence[str] | None = None, *, limits: Limits | None = None, now: Callable[[], float] = time.time
) -> int:
    """Run the command and return its exit code (argparse itself exits with 2)."""
    options = _parser().parse_args(argv)
    show = sys.stderr if options.json else sys.stdout
    try:
        test = _Test(options, limits or Limits(), now, show)
        asyncio.run(test.hold())
    except (TesterError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 1
    print(test.as_json() if options.json else test.as_text())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tester", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    here = socket.gethostname()
    parser.add_argument("address", metavar="ADDRESS", type=_address, help="IPv4 or IPv6 address; no names")
    parser.add_argument("--port", type=int, default=25, help="default: %(default)s")
    parser.add_argument("--profile", choices=tuple(PROFILES), default="basic", help="default: %(default)s")
    parser.add_argument(
        "--collector",
        metavar="ADDR:PORT",
        type=_endpoint,
        help="where the collector listens; default: port 25 of every address",
    )
    parser.add_argument(
        "--collector-domain",
        metavar="D",
        type=_name,
        default=here,
        help="domain of the recipients; its MX must point to this machine; default: %(default)s",
    )
    parser.add_argument(
        "--bounce-domain", metavar="D", type=_name, help="domain of the senders; default: the collector domain"
    )
    parser.add_argument(
        "--served-domain",
        metavar="D",
        type=_name,
        help="a domain that the server takes mail for, for the forms of the full profile that need one",
    )
    parser.add_argument(
        "--helo", metavar="NAME", type=_name, default=here, help="our name in EHLO; default: %(default)s"
    )
    parser.add_argument("--source", metavar="ADDR", type=_address, help="address to dial from")
    parser.add_argument(
        "--lab",
        metavar="NETWORK",
        type=ip_network,
        action="extend",
        nargs="+",
        default=[],
        help="special-purpose networks that may be dialled, for laboratories",
    )
    parser.add_argument(
        "--wait",
        metavar="SECONDS",
        type=float,
        default=60.0,
        help="how long to wait for accepted letters after the conversation; default: %(default)s",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, the rest on stderr")
    return parser


def _address(text: str) -> IPv4Address | IPv6Address:
    return ip_address(text.strip("[]"))


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not 0 <= int(port) <= 65535:
        raise ValueError(port)
    return str(_address(host)), int(port)


def _name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}", text):
        raise ValueError(text)
    return text.lower()


_address.__name__, _endpoint.__name__, _name.__name__ = "address", "endpoint", "name"  # as argparse shows them


class _Test:
    """One test from the first letter to the judgement, and the room that its conversation is held in."""

    def __init__(self, options: argparse.Namespace, limits: Limits, now: Callable[[], float], show: TextIO) -> None:
        self._o = options
        self._show = show
        self._keyring = Keyring.generate(os.urandom, int(now()))
        self._bounce_domain: str = options.bounce_domain or options.collector_domain
        self._ours = Ours(
            names={options.helo, options.collector_domain, self._bounce_domain},
            sources={options.source} if options.source else (),
        )
        self._trial = self._prepared()
        self._changed = asyncio.Event()
        self.now = now
        path = Path(address=options.address, port=options.port)
        self._trial.issue(path, profile(options.profile), now=now(), lifetime=WINDOW, random=os.urandom)
        self.approach = self._trial.approach(path, limits=limits, ask_own=self._in_lab())

    async def hold(self) -> None:
        """Listen, dial, talk, wait. Raises NotDialable, OSError."""
        self.check_peer(self._o.address)
        collector = Collector(
            hostname=self._o.helo,
            domains=frozenset({self._o.collector_domain, self._bounce_domain}),
            gate=lambda token: letters.gate(self._keyring, token),
            deliver=self._deliver,
            now=self.now,
        )
        await self._listen(collector)
        try:
            await call(self)
            await self._wait_for_letters()
        finally:
            await collector.close()

    # ---------------------------------------------------------------------------------- the room (`caller.Room`)

    def compose(self, said: Said) -> list[Attempt]:
        """The letters, written now that the server has said its name."""
        return self._trial.compose(self.approach.path, said, now=self.now())

    async def may_dial(self) -> bool:
        """Nobody else has a say."""
        return True

    def check_peer(self, address: IPv4Address | IPv6Address) -> None:
        """Raises NotDialable for an address that `manners` forbids."""
        why = why_not(address, lab_networks=self._o.lab)
        if why is not None:
            raise NotDialable(f"{address} must not be tested: {why}.")

    async def own_name(self, names: tuple[str, ...]) -> str:
        """Laboratories may say what they like of themselves; elsewhere no name is believed in a sender."""
        return names[0] if names else ""

    async def proven(self, seconds: float) -> bool:
        """Wait until a letter has come back."""
        await self._wait_until(lambda: self._trial.proven, seconds)
        return self._trial.proven

    async def keep(self, transcript: Transcript) -> None:
        """Remember what became of each letter."""
        self._trial.take(transcript)

    def show(self, event: Event) -> None:
        """Print what goes over the wire."""
        for line in event.data.split(b"\r\n"):
            if line:
                self._print(f"{event.at:8.3f} {event.kind} {escape(line)}")

    # ------------------------------------------------------------------------------------- the parts

    def _prepared(self) -> Trial:
        o = self._o
        sender = Sender(
            service=o.helo,
            website=f"https://{o.helo}/",
            contact=f"postmaster@{self._bounce_domain}",
            helo=o.helo,
            collector_domain=o.collector_domain,
            bounce_domain=self._bounce_domain,
        )
        return Trial(
            run="cli",
            nomination="",
            vantage=Vantage(sender=sender, source=str(o.source) if o.source else None),
            keyring=self._keyring,
            served_domain=o.served_domain or "",
        )

    def _in_lab(self) -> bool:
        return any(self._o.address in lab for lab in self._o.lab)

    async def _listen(self, collector: Collector) -> None:
        tried = [self._o.collector] if self._o.collector else [("::", 25), ("0.0.0.0", 25)]  # noqa: S104
        for host, port in tried:
            with contextlib.suppress(OSError):
                bound = await collector.start(host, port)
                self._print(f"The collector listens on {bound[0]} port {bound[1]}.")
                return
        host, port = tried[-1]
        raise OSError(
            f"The collector cannot listen on {host} port {port}: the port is taken, or needs more rights; "
            "choose another with --collector."
        )

    async def _deliver(self, message: Collected) -> None:
        """Weigh what came to the collector."""
        weighed = self._trial.receive(message, ours=self._ours, window=LATE_AFTER)
        fate = self._trial.find(message.token)
        if fate is None:
            self._print(f"A message for {escape(message.recipient.encode())} came from {message.peer}.")
            return
        self._print(f"{fate.letter.vector} from {message.peer}: {weighed.finding}. {weighed.reason}")
        self._changed.set()

    async def _wait_for_letters(self) -> None:
        """Wait until every accepted letter has come to something, or one has come straight back."""

        def settled() -> bool:
            return not self._trial.pending or self._judgement().final

        if not settled():
            self._print(f"Waiting at most {self._o.wait:g} s for the accepted letters.")
            await self._wait_until(settled, self._o.wait)

    async def _wait_until(self, done: Callable[[], bool], seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()

    def _print(self, line: str) -> None:
        print(line, file=self._show, flush=True)

    # ------------------------------------------------------------------------------------ the result

    def _judgement(self) -> Judgement:
        # One visit only: what was put off may pass later, and what was accepted may still come.
        return self._trial.judge(profile=self._o.profile, window_closed=False, retries_left=True)

    def as_json(self) -> str:
        """The whole result as one JSON document."""
        judgement = self._judgement()
        return json.dumps(
            {
                "address": str(self._o.address),
                "verdict": judgement.verdict,
                "final": judgement.final,
                "confirm": judgement.confirm,
                "reason": judgement.reason,
                "control": self._trial.control,
                "attempts": [
                    {"vector": fate.letter.vector, "outcome": fate.folded, "reply": fate.reply}
                    for fate in self._trial.fates
                ],
                "output_addresses": sorted(map(str, self._trial.output_addresses)),
            }
        )

    def as_text(self) -> str:
        """A table of the attempts and the judgement."""
        judgement = self._judgement()
        lines = [f"{fate.letter.vector:6}{fate.folded:22}{fate.reply}".rstrip() for fate in self._trial.fates]
        lines += [f"{'':6}control: {self._trial.control}", f"{judgement.verdict}: {judgement.reason}"]
        if not judgement.final:
            lines.append("This is not final: letters or later tries are outstanding.")
        return "\n" + "\n".join(lines)
