"""Shell: a remote tester. Asks a list for letters to one address, sends them from where this machine stands, and asks
the list what has come back; the list's collector judges, and this machine needs none.

The key is read from a file or the environment and goes to the list alone: never over plain HTTP to another machine, and
never after a redirect. What the list says is read by `borrowed`; only the address that was named here is dialled.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import stat
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from http.client import HTTPException
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path as File
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tester.approach import Approach
from tester.caller import Sequel, call
from tester.cli.borrowed import Borrowed, Word, borrowed, word
from tester.cli.report import HostFound, PathFound, document, text, visited
from tester.errors import NoLetters, NotDialable
from tester.fate import Fate
from tester.letter import Keyring
from tester.manners import why_not
from tester.paths import Path, path
from tester.records import dataclass
from tester.smtp import Attempt, Event, Limits, Said, Transcript, escape
from tester.trial import Trial, Vantage

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: The variable of the environment that may hold the key.
KEY = "TESTER_KEY"
#: Octets of an answer and of a message as evidence, seconds for one request.
MOST, MOST_EVIDENCE, SECONDS = 1 << 20, 1 << 18, 30.0
#: Seconds between two questions to the list, the first and the longest.
FIRST, LONGEST = 0.2, 5.0


def arguments(add: Callable[..., object]) -> None:
    """Tell the command's parser the words that it has for this."""
    add(
        "--for",
        dest="list",
        metavar="URL",
        help="send letters of the list at URL and let its collector judge; no collector is needed here",
    )
    add(
        "--key-file",
        metavar="FILE",
        type=File,
        help=f"file with the key of your account there, not others' to read; default: the variable {KEY}",
    )
    add("--evidence", metavar="FILE", type=File, help="the spam that is the reason for a test for a list")
    add("--reason", metavar="TEXT", default="", help="the reason in words, which trusted accounts may give")


def key(file: File | None, environ: Mapping[str, str]) -> str:
    """The key. Raises NoLetters where there is none, or others may read the file; OSError."""
    if file is None:
        found = environ.get(KEY, "")
    else:
        if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NoLetters(f"{file}: others may read this key; take that away with chmod 600.")
        with file.open(encoding="ascii", errors="replace") as opened:
            found = opened.read(1000)
    found = found.strip()
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise NoLetters(f"A key is needed, in a file (--key-file) or in {KEY}: `dnsbl reporter key NAME` makes one.")
    return found


def wish(address: Address, evidence: File | None, reason: str) -> dict[str, str]:
    """What the list is asked for. Raises OSError."""
    asked = {"address": str(address), "reason": reason}
    if evidence is not None:
        with evidence.open("rb") as file:
            asked |= {"evidence": b64encode(file.read(MOST_EVIDENCE)).decode("ascii"), "encoding": "base64"}
    return asked


class _Stay(HTTPRedirectHandler):
    """Follows nobody: the key is for one place."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


class Desk:
    """The list's interface for programs. Blocking."""

    def __init__(self, url: str, key: str) -> None:
        """Raises NoLetters for an address that the key must not go to."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            raise NoLetters("--for needs the address of a list, such as https://relays.example.org")
        if parts.scheme == "http" and not _here(parts.hostname):
            raise NoLetters(
                "The key would go over the network in clear text; the list's address must begin with https."
            )
        self._base = url.rstrip("/") + "/api/v1/remote-tests"
        self._key = key
        self._opener = build_opener(_Stay)

    def ask(self, wish: Mapping[str, str]) -> Any:
        """Have letters; the answer's document. Raises NoLetters with the list's sentence."""
        return self._said(Request(self._base, json.dumps(wish).encode(), {"Content-Type": "application/json"}))

    def see(self, run: str) -> Any:
        """How a test stands; the answer's document. Raises NoLetters."""
        return self._said(Request(f"{self._base}/{quote(run)}"))

    def _said(self, request: Request) -> Any:
        request.add_unredirected_header("Authorization", f"Bearer {self._key}")
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return json.loads(answer.read(MOST))
        except HTTPError as error:
            with error, contextlib.suppress(ValueError, OSError, HTTPException, TypeError, KeyError, RecursionError):
                said = json.loads(error.read(MOST))["detail"]
                raise NoLetters(f"The list says: {escape(str(said).encode())[:400]}") from None
            raise NoLetters(f"The list has answered with status {error.code}.") from None
        except (URLError, HTTPException, OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "reason", error)
            raise NoLetters(f"The list does not answer: {escape(str(reason).encode())[:200]}.") from None


def _here(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"


@dataclass(frozen=True, kw_only=True, slots=True)
class Stand:
    """Where this tester stands, and how it behaves."""

    helo: str
    bounce_domain: str  #: of the senders; "": the list's own
    source: str | None
    limits: Limits
    lab: tuple[Network, ...]
    wait: float  #: seconds to wait for accepted letters after the conversation
    now: Callable[[], float]


class RemoteSitting:
    """One test for a list, from its letters to its word; it is the room (`caller.Room`) of its conversation too."""

    approach: Approach

    def __init__(
        self,
        desk: Desk,
        stand: Stand,
        address: Address,
        *,
        hear: Callable[[Path, Event], None],
        say: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._stand = stand
        self._address = address
        self._hear = hear
        self._say = say
        self._transcripts: list[Transcript] = []

    async def hold(self, wish: Mapping[str, str]) -> PathFound:
        """Get the letters, send them, and wait for the list's word. Raises NoLetters, NotDialable, OSError."""
        self.check_peer(self._address)
        stand = self._stand
        self.letters: Borrowed = borrowed(await asyncio.to_thread(self._desk.ask, wish), self._address, helo=stand.helo)
        if self.letters.port != 25 and not any(self._address in lab for lab in stand.lab):
            raise NoLetters(
                f"The list asks for port {self.letters.port}, and only a laboratory has mail there (--lab)."
            )
        sender = self.letters.sender
        if stand.bounce_domain:
            sender = replace(sender, bounce_domain=stand.bounce_domain)
        self._path = path(self._address, self.letters.port)
        self._trial = Trial(
            run=self.letters.run,
            nomination=self.letters.nomination,
            vantage=Vantage(sender=sender, source=stand.source),
            keyring=Keyring.generate(os.urandom, int(stand.now())),  # signs nothing: the letters are the list's
            proofs=self.letters.proofs,
        )
        self._trial.take_up(self._path, [Fate(letter=one) for one in self.letters.letters])
        self.approach = self._trial.approach(
            self._path, limits=stand.limits, ask_own=any(self._address in lab for lab in stand.lab)
        )
        self.word: Word | None = None
        self._say(f"Run {self.letters.run}: {len(self.letters.letters)} letters. {self.letters.shows}")
        await call(self)
        await self._settle()
        return self._found()

    def _found(self) -> PathFound:
        return visited(self._trial, self._path, profile=self.letters.profile, tried=bool(self._transcripts))

    def told(self) -> dict[str, Any]:
        """What the list has said in the end, for people and programs."""
        said = self.word
        return {
            "run": self.letters.run,
            "shows": self.letters.shows,
            "listed": list(said.listed) if said else [],
            "explanation": said.explanation if said else "",
        }

    async def _settle(self) -> None:
        """Wait until what has come back convicts, or every accepted letter may have had its time."""

        def settled() -> bool:
            return not self._trial.pending or self._found().open

        if not settled():
            self._say(f"Waiting at most {self._stand.wait:g} s for the accepted letters.")
            await self._until(settled, self._stand.wait)
        await self._look()

    async def _look(self) -> None:
        """Ask the list once; where it does not answer, we know no more than before."""
        try:
            said = word(await asyncio.to_thread(self._desk.see, self.letters.run), self.letters)
        except NoLetters as error:
            self._say(str(error))
            return
        self.word = said
        for back in said.backs:
            if self._trial.told(back.recipient, back.finding, back.peer):
                self._say(f"{back.finding} from {back.peer}")

    # ---------------------------------------------------------------------------------------------- the room

    def now(self) -> float:
        return self._stand.now()

    def compose(self, said: Said) -> Sequence[Attempt]:
        """The letters, written now that the server has said its name."""
        return self._trial.compose(self._path, said, now=self.now())

    async def may_dial(self) -> bool:
        """Nobody else has a say."""
        return True

    def check_peer(self, address: Address) -> None:
        """Raises NotDialable for an address that `manners` forbids."""
        if why := why_not(address, lab_networks=self._stand.lab):
            raise NotDialable(f"{address} must not be tested: {why}.")

    async def own_name(self, names: tuple[str, ...]) -> str:
        """Laboratories may say what they like of themselves; elsewhere no name is believed in a sender."""
        return names[0] if names else ""

    async def proven(self, seconds: float) -> bool:
        """Ask the list, again and again, whether a letter has come back."""
        return await self._until(lambda: self._trial.proven, seconds)

    async def _until(self, done: Callable[[], bool], seconds: float) -> bool:
        """Ask the list, again and again, until that is so or as many seconds have passed; whether it is."""
        loop = asyncio.get_running_loop()
        until, pause = loop.time() + seconds, FIRST
        while True:
            await self._look()
            left = until - loop.time()
            if done() or left <= 0:
                return done()
            await asyncio.sleep(min(pause, left))
            pause = min(LONGEST, 2 * pause)

    async def keep(self, transcript: Transcript, sequel: Sequel) -> None:
        """Remember what became of each letter."""
        self._transcripts.append(transcript)
        self._trial.take(transcript)

    def show(self, event: Event) -> None:
        """Let whoever watches hear it."""
        self._hear(self._path, event)


def hold(options: argparse.Namespace, limits: Limits, now: Callable[[], float]) -> int:
    """Test a host for a list, and tell what came of it; the exit status. Raises TesterError, OSError."""
    o, out = options, sys.stderr if options.json else sys.stdout

    def say(line: str) -> None:
        print(line, file=out, flush=True)

    def hear(where: Path, event: Event) -> None:
        for line in () if o.progress else event.data.split(b"\r\n"):
            if line:
                say(f"{event.at:8.3f} {event.kind} {escape(line)}")

    stand = Stand(
        helo=o.helo,
        bounce_domain=o.bounce_domain or "",
        source=str(o.source) if o.source else None,
        limits=limits,
        lab=tuple(o.lab),
        wait=o.wait,
        now=now,
    )
    desk = Desk(o.list, key(o.key_file, os.environ))
    sitting = RemoteSitting(desk, stand, o.address[0], hear=hear, say=say)
    found = asyncio.run(sitting.hold(wish(o.address[0], o.evidence, o.reason)))
    host = HostFound(address=o.address[0], paths=(found,))
    if o.json:
        print(json.dumps(document(host) | {"list": sitting.told()}))
    else:
        say("\n" + text(host))
        for name, value in sitting.told().items():
            say(f"{name}: {', '.join(value) or 'nothing' if isinstance(value, list) else value}")
    return host.status
