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
from tester.caller import call
from tester.collector import Collector
from tester.composing import compose
from tester.errors import NotDialable, TesterError
from tester.letter import Keyring, Letter, Sender
from tester.manners import why_not
from tester.returned import Collected, unwrap
from tester.smtp import DELIVERED, PENDING, Attempt, Control, Event, Limits, Outcome, Result, Said, Transcript, escape
from tester.vectors import PROFILES, Names, profile
from tester.verdict import Judgement, judge
from tester.weighing import weigh_return

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
        run = _Run(options, limits or Limits(), now, show)
        asyncio.run(run.test())
    except (TesterError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 1
    print(run.as_json() if options.json else run.as_text())
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


class _Run:
    """One test from the first letter to the judgement."""

    def __init__(self, options: argparse.Namespace, limits: Limits, now: Callable[[], float], show: TextIO) -> None:
        self._o = options
        self._limits = limits
        self._now = now
        self._show = show
        self._keys = Keyring.generate(os.urandom, int(now()))
        self._bounce_domain: str = options.bounce_domain or options.collector_domain
        self._letters: dict[str, Letter] = {}  # by recipient token and by sender token
        self._results: dict[str, Result] = {}  # by recipient token
        self._returned: dict[str, Outcome] = {}  # by recipient token: what came back, where that is an outcome
        self._control = Control.NOT_RUN
        self._changed = asyncio.Event()
        self.output_addresses: set[str] = set()

    async def test(self) -> None:
        """Listen, dial, talk, wait. Raises NotDialable, OSError."""
        self._check(self._o.address)
        collector = Collector(
            hostname=self._o.helo,
            domains=frozenset({self._o.collector_domain, self._bounce_domain}),
            gate=lambda token: letters.gate(self._keys, token),
            deliver=self._deliver,
            now=self._now,
        )
        await self._listen(collector)
        try:
            await call(
                self._o.address,
                self._o.port,
                self._compose,
                helo=self._o.helo,
                bounce_address=f"postmaster@{self._bounce_domain}",
                limits=self._limits,
                now=self._now,
                source=str(self._o.source) if self._o.source else None,
                proven=self._proven,
                on_session=self._keep,
                on_event=self._print_event,
                check_peer=self._check,
                own_name=self._own_name if self._in_lab() else None,
            )
            await self._wait_for_letters()
        finally:
            await collector.close()

    # ------------------------------------------------------------------------------------- the parts

    def _check(self, address: IPv4Address | IPv6Address) -> None:
        why = why_not(address, lab_networks=self._o.lab)
        if why is not None:
            raise NotDialable(f"{address} must not be tested: {why}.")

    def _in_lab(self) -> bool:
        return any(self._o.address.version == lab.version and self._o.address in lab for lab in self._o.lab)

    async def _own_name(self, names: tuple[str, ...]) -> str:
        """Laboratories may say what they like of themselves; elsewhere no name is believed in a sender."""
        return names[0] if names else ""

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

    def _compose(self, said: Said) -> list[Attempt]:
        """Write the letters, now that the server has said its name."""
        o, now = self._o, self._now()
        names = Names(
            target=o.address,
            target_name=said.name,
            own_name=said.own,
            collector_domain=o.collector_domain,
            bounce_domain=self._bounce_domain,
            served_domain=o.served_domain or "",
        )
        us = Sender(
            service=o.helo,
            website=f"https://{o.helo}/",
            contact=f"postmaster@{self._bounce_domain}",
            helo=o.helo,
            collector_domain=o.collector_domain,
            bounce_domain=self._bounce_domain,
        )
        issued = [
            letters.issue(
                self._keys,
                address=o.address,
                port=o.port,
                vector=row.id,
                run="cli",
                not_before=int(now),
                not_after=int(now) + WINDOW,
                random=os.urandom,
            )
            for row in profile(o.profile)
        ]
        for letter in issued:
            self._letters[letter.recipient] = self._letters[letter.sender] = letter
        return compose(issued, keyring=self._keys, names=names, sender=us, greeting=said.text, nomination="", date=now)

    async def _deliver(self, message: Collected) -> None:
        """Weigh what came to the collector."""
        letter = self._letters.get(message.recipient)
        if letter is None:
            self._print(f"A message for {escape(message.recipient.encode())} came from {message.peer}.")
            return
        result = self._results.get(letter.recipient)
        weighed = weigh_return(
            unwrap(message.message),
            letter,
            keyring=self._keys,
            token=message.recipient,
            peer=message.peer,
            null_sender=message.mail_from == "",
            received_at=message.received_at,
            window=LATE_AFTER,
            us={self._o.helo, self._o.collector_domain, self._bounce_domain},
            peer_is_us=message.peer == self._o.source != letter.address,
            outcome=result.outcome if result else None,
            already_delivered=self._returned.get(letter.recipient) in DELIVERED,
        )  # when the session began is known when it is over; the proof says that the dot went out
        self._print(f"{letter.vector} from {message.peer}: {weighed.finding}. {weighed.reason}")
        if weighed.counts:
            self.output_addresses.add(str(message.peer))
        outcome = Outcome.__members__.get(weighed.finding)
        if outcome is not None and self._returned.get(letter.recipient) not in DELIVERED:
            self._returned[letter.recipient] = outcome
        self._changed.set()

    async def _proven(self, seconds: float) -> bool:
        """Wait until a letter has come back."""
        await self._wait_until(lambda: bool(DELIVERED.intersection(self._returned.values())), seconds)
        return bool(DELIVERED.intersection(self._returned.values()))

    async def _wait_for_letters(self) -> None:
        """Wait until every accepted letter has come to something, or one has come straight back."""

        def settled() -> bool:
            nothing_pending = PENDING.isdisjoint(outcome for _, outcome in self._outcomes())
            return nothing_pending or self._judgement().final

        if not settled():
            self._print(f"Waiting at most {self._o.wait:g} s for the accepted letters.")
            await self._wait_until(settled, self._o.wait)

    async def _wait_until(self, done: Callable[[], bool], seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()

    async def _keep(self, transcript: Transcript) -> None:
        self._results |= {result.token: result for result in transcript.results}
        if transcript.control is not Control.NOT_RUN:
            self._control = transcript.control

    # ------------------------------------------------------------------------------------ the result

    def _outcomes(self) -> list[tuple[str, Outcome]]:
        """Every attempt's outcome, with what came back folded in."""
        return [(r.vector, self._returned.get(token, r.outcome)) for token, r in self._results.items()]

    def _judgement(self) -> Judgement:
        # One visit only: what was put off may pass later, and what was accepted may still come.
        return judge(
            self._outcomes(),
            control=self._control,
            profile=self._o.profile,
            window_closed=False,
            retries_left=True,
        )

    def _rows(self) -> list[tuple[str, str, str]]:
        replies = [result.reply for result in self._results.values()]
        return [(vector, str(o), reply) for (vector, o), reply in zip(self._outcomes(), replies, strict=True)]

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
                "control": self._control,
                "attempts": [
                    {"vector": vector, "outcome": outcome, "reply": reply} for vector, outcome, reply in self._rows()
                ],
                "output_addresses": sorted(self.output_addresses),
            }
        )

    def as_text(self) -> str:
        """A table of the attempts and the judgement."""
        judgement = self._judgement()
        lines = [f"{vector:6}{outcome:22}{reply}".rstrip() for vector, outcome, reply in self._rows()]
        lines += [f"{'':6}control: {self._control}", f"{judgement.verdict}: {judgement.reason}"]
        if not judgement.final:
            lines.append("This is not final: letters or later tries are outstanding.")
        return "\n" + "\n".join(lines)

    def _print_event(self, event: Event) -> None:
        for line in event.data.split(b"\r\n"):
            if line:
                self._print(f"{event.at:8.3f} {event.kind} {escape(line)}")

    def _print(self, line: str) -> None:
        print(line, file=self._show, flush=True)
