"""Shell: one target of a survey: knocks, and where somebody answers offers one letter, in one conversation.

Store before you act, at the cut where there is something to store: whoever says nothing gets no letter, so none is
written or signed for him; once a server has greeted us its letter is, and is filed before any of it is sent. Asks
nothing but that, and nothing twice. Judges nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from dnsbl.addresses import Address, canonical
from dnsbl.clock import Clock
from dnsbl.daemons.standing import absent
from dnsbl.rules.surveys.records import SHOWN, Host
from dnsbl.settings import Settings
from tester.caller import Sequel, call
from tester.errors import NotDialable, Undialled
from tester.knocking import Knocker, no_way
from tester.letter import Keyring, Letter, Sender
from tester.paths import Path, path
from tester.smtp import Attempt, Event, Outcome, Said, Transcript, escape
from tester.trial import Trial, Vantage
from tester.vectors import CATALOGUE

#: Files a letter, with its target's number and its trial, so that it is on the disk when this returns.
File = Callable[[int, Letter, Trial], None]


class Interviewer:
    """Tests the targets of one survey, whose own file `head` is."""

    def __init__(
        self,
        head: Mapping[str, Any],
        settings: Settings,
        keyring: Keyring,
        clock: Clock,
        random: Callable[[int], bytes],
        file: File,
    ) -> None:
        tester = settings.tester
        self.limits = replace(tester.limits, connections=1, grace=0)
        self._lifetime = tester.late_window
        self.form = str(head["form"])  #: the relay form that is offered
        self._head = head
        self._keyring, self._random, self._file = keyring, random, file
        self._clock = clock
        self._ours = tester.source_addresses
        self._knocker: Knocker | None = None
        self._sources: dict[int, str | None] = {}  # by IP version, where we dial from
        self._met: dict[int, Address] = {}  # by IP version, to whom there was a way last
        self._sender = Sender(
            service=settings.service.name,
            website=settings.service.website,
            contact=settings.service.contact,
            helo=tester.helo,
            collector_domain=settings.survey.collector_domain,
            bounce_domain=settings.survey.bounce_domain,
        )

    def begin(self) -> None:
        """See where we dial from, of our own addresses those that this machine has first; before the first test."""
        gone = absent(self._ours)
        there = sorted(self._ours, key=lambda one: one in gone)
        self._sources = {
            version: next((str(one) for one in there if one.version == version), None) for version in (4, 6)
        }
        self._knocker = Knocker(self.limits.connect)

    def now(self) -> float:
        """The time, in epoch seconds."""
        return self._clock.now().timestamp()

    def trial(self, source: str | None = None) -> Trial:
        """A trial without a letter, from this address of ours."""
        name = str(self._head["name"])
        vantage = Vantage(sender=self._sender, source=source)
        return Trial(run=name, nomination=f"survey {name}", vantage=vantage, keyring=self._keyring)

    async def test(self, number: int, address: Address) -> Host:
        """What one target's test comes to. One that our own machine has no way to is not tested; raises Undialled where
        it is not for the way alone, or where those whom there was a way to are cut off as well."""
        assert self._knocker is not None, "it has begun"
        told = partial(Host, target=number, address=address)
        port, source = int(self._head["port"]), self._sources[address.version]
        try:
            found = await self._knocker.knock(address, port, source)
        except Undialled:
            met, why = self._met.get(address.version), no_way(address, source)
            if not why or (met is not None and no_way(met, source)):
                raise
            why = f"this machine has no way there: {why}"
            return told(at=self.now(), outcome=Outcome.SKIPPED, stage="", there=False, why=why)
        self._met[address.version] = address
        if isinstance(found, Outcome):
            there = bool(self._head["there"]) or found is Outcome.CONN_REFUSED
            if not there and (presence := self._head.get("presence_port")):
                there = await self._anybody(self._knocker, address, int(presence))
            return told(at=self.now(), outcome=found, stage="CONNECT", there=there)
        room = _Room(self, number, path(address, port), source)
        try:
            (transcript,) = await call(room, connected=found)
        except NotDialable as error:
            return told(at=self.now(), outcome=Outcome.SKIPPED, stage="", there=False, why=str(error))
        (result,) = transcript.results
        return told(
            at=self.now(),
            outcome=result.outcome,
            stage=result.stage,
            greeting=_greeting(transcript),
            reply=result.reply[:SHOWN],
            flags=transcript.flags,
            letter=result.token,
            dot_at=None if result.dot_at is None else transcript.started + result.dot_at,
        )

    async def _anybody(self, knocker: Knocker, address: Address, port: int) -> bool:
        """Whether the host answers at another port, with a connection or a refusal."""
        found = await knocker.knock(address, port, self._sources[address.version])
        if isinstance(found, Outcome):
            return found is Outcome.CONN_REFUSED
        found.close()
        return True

    def attempts(self, number: int, at: Path, said: Said, trial: Trial) -> list[Attempt]:
        """The letter, written now that the server has greeted us; for one that has not, an attempt without any."""
        if not said.text:
            return [Attempt(vector=self.form, token="", mail=b"", rcpt=b"")]
        (one,) = trial.issue(at, [CATALOGUE[self.form]], now=self.now(), lifetime=self._lifetime, random=self._random)
        self._file(number, one, trial)
        return trial.compose(at, said, now=self.now())


class _Room:
    """The room (`tester.caller.Room`) of one target's conversation."""

    def __init__(self, interviewer: Interviewer, number: int, at: Path, source: str | None) -> None:
        self._trial = interviewer.trial(source)
        self.approach = self._trial.approach(at, limits=interviewer.limits, control=False)
        self._interviewer = interviewer
        self._number = number

    def now(self) -> float:
        return self._interviewer.now()

    def compose(self, said: Said) -> list[Attempt]:
        """As `Interviewer.attempts` has it."""
        return self._interviewer.attempts(self._number, self.approach.path, said, self._trial)

    async def may_dial(self) -> bool:
        """It was asked before somebody knocked."""
        return True

    def check_peer(self, address: Address) -> None:
        """Raises NotDialable unless it is the very address that may be tested."""
        if canonical(address) != canonical(self.approach.path.address):
            raise NotDialable("the connection leads elsewhere")

    async def own_name(self, names: tuple[str, ...]) -> str:
        """No form of a survey speaks in the server's name."""
        return ""

    async def proven(self, seconds: float) -> bool:
        """What comes back is waited for when everybody is tested."""
        return False

    async def keep(self, transcript: Transcript, sequel: Sequel) -> None:
        """Fold its result in."""
        self._trial.take(transcript)

    def show(self, event: Event) -> None:
        """Nobody watches."""


def _greeting(transcript: Transcript) -> str:
    """The first line that the server said, without its code, escaped and cut."""
    heard = b""
    for event in transcript.events:
        if event.kind == ">":
            break
        heard += event.data if event.kind == "<" else b""
    first = heard[: 4 * SHOWN].split(b"\n")[0].removesuffix(b"\r")
    return escape(first.removeprefix(b"220")[1:] if first.startswith(b"220") else first)[:SHOWN]
