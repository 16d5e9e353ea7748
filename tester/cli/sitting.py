"""Shell: one host's test, path by path, and what it has come to. The room that each path's conversation is held in.

Keeps its letters in memory and forgets them. Judges nothing itself; asks `manners` before it dials. Paths are gone one
after the other, never two at once, so that a host has one connection of ours at a time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from tester import canary
from tester.approach import Approach
from tester.bounces.ours import Ours
from tester.caller import Sequel, call
from tester.cause import Explained, explain, gather
from tester.cli.report import PathFound, visited
from tester.errors import NotDialable, Undialled
from tester.letter import Keyring
from tester.manners import why_not
from tester.paths import Path
from tester.records import dataclass
from tester.returned import Collected
from tester.smtp import PENDING, Attempt, Event, Flag, Limits, Said, Transcript
from tester.trial import Trial, Vantage
from tester.vectors import CATALOGUE, Vector

Address = IPv4Address | IPv6Address

DAY = 24 * 3600
LATE_AFTER = 2 * DAY  #: seconds after which a delivery is late
WINDOW = 7 * DAY  #: seconds for which a letter is good


@dataclass(frozen=True, kw_only=True, slots=True)
class Outfit:
    """What every host of one command is tested with."""

    vantage: Vantage
    keyring: Keyring
    ours: Ours  #: how a message of our own is known
    limits: Limits
    profile: str
    forms: tuple[Vector, ...]  #: of the profile
    lab: tuple[IPv4Network | IPv6Network, ...]  #: special-purpose networks that may be dialled
    wait: float  #: seconds to wait for accepted letters after a conversation
    now: Callable[[], float]
    random: Callable[[int], bytes]
    served_domain: str = ""  #: one that the hosts take mail for, or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far one host's test has come."""

    path: Path  #: that is gone now
    done: int  #: forms offered so far, on all paths
    forms: int  #: of how many
    back: int  #: letters that have come back


@dataclass(slots=True)
class _Way:
    """One path, and all that has been seen on it."""

    path: Path
    trial: Trial
    offered: int = 0
    transcripts: list[Transcript] = field(default_factory=list)
    returned: list[Collected] = field(default_factory=list)
    undialled: str = ""  #: why our own machine could not dial it, a sentence


class Sitting:
    """One test of one host, from the first letter to the judgement. `hear` is told every byte, `tell` how far
    it is, `say` what else there is to say."""

    def __init__(
        self,
        outfit: Outfit,
        paths: Sequence[Path],
        *,
        hear: Callable[[Path, Event], None],
        tell: Callable[[Progress], None],
        say: Callable[[str], None],
    ) -> None:
        self.outfit = outfit
        self._hear = hear
        self._tell = tell
        self._say = say
        self._changed = asyncio.Event()
        self._ways = [self._way(path, f"cli{number}", outfit.forms) for number, path in enumerate(paths)]
        self._canaries: list[_Way] = []  # one, once it is offered

    async def hold(self) -> None:
        """Talk on every path, and wait for letters. A path that our own machine cannot dial says nothing of its host.
        Raises NotDialable, and Undialled where it could dial none."""
        for way in self._ways:
            self.check_peer(way.path.address)
        for way in self._ways:
            self.progress(way)
            try:
                await call(_Room(self, way))
            except Undialled as error:
                way.undialled = str(error)
                self._say(way.undialled)
                if all(one.undialled for one in self._ways):
                    raise
                continue
            await self._settle(way)
            if self.proven:
                break
        await self._send_canary()

    def check_peer(self, address: Address) -> None:
        """Raises NotDialable for an address that `manners` forbids."""
        if why := why_not(address, lab_networks=self.outfit.lab):
            raise NotDialable(f"{address} must not be tested: {why}.")

    def take(self, message: Collected) -> str:
        """What a message at the collector says about this host's letters, one line; "" when it is about none."""
        for way in [*self._ways, *self._canaries]:
            if fate := way.trial.find(message.token):
                weighed = way.trial.receive(message, ours=self.outfit.ours, window=LATE_AFTER)
                if weighed.counts and way in self._ways:
                    way.returned.append(message)
                self._changed.set()
                self.progress(way)
                return f"{fate.letter.vector} from {message.peer}: {weighed.finding}. {weighed.reason}"
        return ""

    @property
    def proven(self) -> bool:
        """Whether a letter has come back on any path."""
        return any(way.trial.proven for way in self._ways)

    async def wait_until(self, done: Callable[[], bool], seconds: float) -> None:
        """Until that is so, or as many seconds have passed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()

    def heard(self, way: _Way, event: Event) -> None:
        """A byte or more has gone over the wire."""
        self._hear(way.path, event)
        if event.kind == ">" and event.data[:10].upper() == b"MAIL FROM:" and way.offered < len(self.outfit.forms):
            way.offered += 1
            self.progress(way)

    def progress(self, way: _Way) -> None:
        """Tell how far it is."""
        self._tell(
            Progress(
                path=way.path,
                done=sum(one.offered for one in self._ways),
                forms=len(self._ways) * len(self.outfit.forms),
                back=sum(len(one.returned) for one in self._ways),
            )
        )

    # ------------------------------------------------------------------------------------ what it has come to

    def found(self) -> list[PathFound]:
        """What each path has shown, in the order of trial."""
        return [self._found(way) for way in self._ways]

    def _found(self, way: _Way) -> PathFound:
        return visited(
            way.trial,
            way.path,
            profile=self.outfit.profile,
            tried=bool(way.transcripts),
            undialled=way.undialled,
        )

    def cause(self) -> Explained | None:
        """Why the host relays; None where no letter came back."""
        conversations = [one for way in self._ways for one in way.transcripts]
        fates = [fate for way in self._ways for fate in way.trial.fates]
        back = [(one.token, one.peer, one.message) for way in self._ways for one in way.returned]
        return explain(gather(conversations, fates, back))

    def _way(self, path: Path, run: str, forms: Sequence[Vector]) -> _Way:
        outfit = self.outfit
        trial = Trial(
            run=run,
            nomination="",
            vantage=outfit.vantage,
            keyring=outfit.keyring,
            served_domain=outfit.served_domain,
        )
        trial.issue(path, forms, now=outfit.now(), lifetime=WINDOW, random=outfit.random)
        return _Way(path=path, trial=trial)

    async def _send_canary(self) -> None:
        """After all else, where a letter has come back and every form was asked for: one whose bytes are compared."""
        way = next((way for way in self._ways if way.trial.proven), None)
        if way is None or self.outfit.profile != "full":
            return
        last = self._way(way.path, "canary", [CATALOGUE[canary.FORM]])
        self._canaries.append(last)
        await asyncio.sleep(self.outfit.limits.connection_gap)
        await call(_Room(self, last, control=False))
        if any(fate.outcome in PENDING for fate in last.trial.fates):
            self._say(f"Waiting at most {self.outfit.limits.grace:g} s for the letter with canaries.")
            await self.wait_until(lambda: any(fate.finding for fate in last.trial.fates), self.outfit.limits.grace)

    @property
    def canaries(self) -> frozenset[Flag]:
        """What became of the canaries, where they came back."""
        return frozenset(flag for way in self._canaries for flag in way.trial.canaries)

    async def _settle(self, way: _Way) -> None:
        """Wait until every accepted letter has come to something, or what has come back convicts."""

        def settled() -> bool:
            return not way.trial.pending or self._found(way).open

        if not settled():
            self._say(f"Waiting at most {self.outfit.wait:g} s for the accepted letters.")
            await self.wait_until(settled, self.outfit.wait)


class _Room:
    """The room (`caller.Room`) of one path's conversation."""

    def __init__(self, sitting: Sitting, way: _Way, *, control: bool = True) -> None:
        self._sitting = sitting
        self._way = way
        self.approach: Approach = way.trial.approach(
            way.path,
            limits=sitting.outfit.limits,
            ask_own=any(way.path.address in lab for lab in sitting.outfit.lab),
            control=control,
        )

    def now(self) -> float:
        return self._sitting.outfit.now()

    def compose(self, said: Said) -> list[Attempt]:
        """The letters, written now that the server has said its name."""
        return self._way.trial.compose(self._way.path, said, now=self.now())

    async def may_dial(self) -> bool:
        """Nobody else has a say."""
        return True

    def check_peer(self, address: Address) -> None:
        """Raises NotDialable for an address that `manners` forbids."""
        self._sitting.check_peer(address)

    async def own_name(self, names: tuple[str, ...]) -> str:
        """Laboratories may say what they like of themselves; elsewhere no name is believed in a sender."""
        return names[0] if names else ""

    async def proven(self, seconds: float) -> bool:
        """Wait until a letter has come back."""
        trial = self._way.trial
        await self._sitting.wait_until(lambda: trial.proven, seconds)
        return trial.proven

    async def keep(self, transcript: Transcript, sequel: Sequel) -> None:
        """Remember what became of each letter."""
        self._way.transcripts.append(transcript)
        self._way.trial.take(transcript)

    def show(self, event: Event) -> None:
        """Let whoever watches hear it."""
        self._sitting.heard(self._way, event)
