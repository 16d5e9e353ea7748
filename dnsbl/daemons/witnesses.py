"""Shell: has the witnesses of our log sign each of its checkpoints, and says so loudly when one has seen another log.

A witness that is away delays nothing: the checkpoint is published without it, and it is asked again. Only the places
that the settings name are dialled; no redirect is followed, no proxy asked, and an answer is bounded in size and time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from dnsbl.addresses import printable
from dnsbl.casework.proving import Proving
from dnsbl.daemons.errand import HttpReply, Unheard, ask
from dnsbl.daemons.keeper import told_within
from dnsbl.errors import Damaged, DnsblError, NotFound
from dnsbl.log import note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.witnessing import SIZE, Submission, cosignatures
from dnsbl.settings.tlog import WitnessPlace

#: Seconds between two rounds, and for a whole answer; octets of an answer; and of what is told of one.
EVERY, WITHIN, ANSWER_MOST, TOLD = 20.0, 10.0, 16384, 200

_log = logging.getLogger(__name__)


class Cosigning:
    """Those that the settings name. `problem` is what one of them has seen that cannot be, a sentence, or ""."""

    def __init__(
        self,
        proving: Proving,
        places: tuple[WitnessPlace, ...],
        *,
        ask: Callable[..., HttpReply] = ask,
    ) -> None:
        self.problem = ""
        self._proving = proving
        self._places = tuple((place, note.Verifier.read(place.key)) for place in places)
        self._ask = ask
        self._sizes: dict[WitnessPlace, int] = {}  #: what each has signed last
        self._forked: dict[WitnessPlace, str] = {}
        self._said: dict[WitnessPlace, str] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Ask until `stop`."""
        while not stop.is_set():
            await asyncio.to_thread(self.ask)
            await told_within(stop, EVERY)

    def ask(self) -> int:
        """One round: whoever has not signed the newest checkpoint is asked to; returns how many have. Never raises."""
        signed = 0
        for place, key in self._places:
            why = ""
            try:
                signed += self._one(place, key)
                self._forked.pop(place, None)
            except Unheard as error:
                why = f"cannot be asked: {_told(str(error))}"
            except DnsblError as error:
                why = str(error)
            if why and why != self._said.get(place):
                _log.warning("The witness %s %s", key.name, why)
            self._said[place] = why
        self.problem = " ".join(self._forked.values())
        return signed

    def _one(self, place: WitnessPlace, key: note.Verifier) -> bool:
        """Whether it has signed just now. Raises DnsblError."""
        signed = self._proving.newest()
        if signed is None:
            return False
        text, there = note.parts(signed)
        told = Checkpoint.read(text)
        if any((one.name, one.id) == (key.name, key.id) for one in there):
            self._sizes[place] = told.size
            return False
        for _ in range(2):  # once more when it says which size it has seen
            old = min(self._sizes.get(place, 0), told.size)
            text = Submission(old, self._proof(old, told.size), signed).text
            code, sort, answer = self._post(place, text)
            if code == 200:
                self._proving.cosigned(told.size, cosignatures(answer, signed, [key]))
                self._sizes[place] = told.size
                return True
            if code == 409 and sort == SIZE and (seen := _size(answer)) is not None:
                if seen > told.size:
                    self._fork(place, key, f"has signed {seen} leaves of this log, and here are {told.size}")
                if seen == told.size == old:
                    self._fork(place, key, f"has signed another root at size {seen}")
                self._sizes[place] = seen
                continue
            if code == 422 and old:
                self._fork(place, key, f"does not find the {old} leaves in this log that it has signed")
            raise DnsblError(f"answers with status {code}: {_told(answer)}")
        raise DnsblError("names one size and then another; it is asked again.")

    def _post(self, place: WitnessPlace, text: str) -> tuple[int, str, str]:
        """Status, sort and text of the answer. Raises Unheard, and DnsblError where it is too long."""
        headers = {"User-Agent": "dnsbl", "Accept-Encoding": "identity", "Content-Type": "text/plain"}
        reply = self._ask(
            f"{place.url}/add-checkpoint",
            method="POST",
            body=text.encode(),
            headers=headers,
            inside=True,
            most=ANSWER_MOST + 1,
            seconds=WITHIN,
        )
        if len(reply.body) > ANSWER_MOST:
            raise DnsblError(f"answers with more than {ANSWER_MOST} octets.")
        sort = reply.headers.get("content-type", "").partition(";")[0].strip()
        return reply.status, sort, reply.body.decode("utf-8", "replace")

    def _proof(self, old: int, size: int) -> tuple[bytes, ...]:
        try:
            return tuple(self._proving.consistency(old, size)) if old else ()
        except (NotFound, ValueError) as error:
            raise DnsblError(f"cannot be shown how the log has grown: {error}") from None

    def _fork(self, place: WitnessPlace, key: note.Verifier, what: str) -> None:
        sentence = f"The witness {key.name} {what}: is the database restored from a copy, or another signed?"
        if place not in self._forked:
            _log.error("%s", sentence)
        self._forked[place] = sentence
        raise Damaged(f"{what}.")


def _size(answer: str) -> int | None:
    text = answer.removesuffix("\n")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None


def _told(text: str) -> str:
    """A stranger's words, for a line."""
    return printable(text.strip()[:TOLD])
