"""The verbs of the collector: weigh a message, store it, and let its run be judged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from dnsbl.addresses import Address
from dnsbl.casework.base import answer_by_list, may_answer, run_in
from dnsbl.clock import Clock, day_of
from dnsbl.errors import Full, Refused
from dnsbl.model import Job
from dnsbl.rules import keeping, mailed
from dnsbl.rules.evidence import mime
from dnsbl.rules.notices import message_id
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.kept import EVER, Account
from dnsbl.vocabulary import LENT, Door
from tester.bounces.ours import Ours
from tester.fate import TELLING, Fate
from tester.letter import Keyring, Letter
from tester.records import dataclass
from tester.returned import Collected, unwrap
from tester.verdict import Finding, Weighed
from tester.weighing import weigh_probe, weigh_return

if TYPE_CHECKING:
    from dnsbl.casework.judging import Judging
    from dnsbl.casework.posting import Posting


@dataclass(frozen=True, kw_only=True, slots=True)
class Doubt:
    """A letter that came from another family than it was offered to."""

    address: Address  #: where it was offered
    known: bool  #: whether the peer is one of the ways in of the same test, so that it is known to be the same machine


@dataclass(frozen=True, kw_only=True, slots=True)
class Requested:
    """What came of a mail to `remove@`."""

    said: str  #: a sentence
    declined: bool  #: the mail is refused with it: nothing was begun, and no answer goes out


class Ask(Protocol):
    """Ask for the retest that delists (`doors.ask_removal`)."""

    def __call__(self, address: Address, *, door: Door, actor: str, tell: str = "") -> Job | None:
        """Raises Refused."""
        ...


#: A retest that is due by then is one that begins now: its time is a little after the request's.
SOON = timedelta(minutes=1)


def _follows(address: Address, job: Job | None, now: datetime) -> tuple[str, str]:
    """What comes of a request that was taken: in some words, and in sentences."""
    if job is None:
        return "off the list", f"{address} is off the list; our name servers follow within seconds."
    soon = job.due <= now + SOON or job.takes
    when = "is retested now" if soon else "is retested on a day that nobody is told before"
    what = (
        f"{address} {when}. If every form is refused, or bounced, the listing ends at once, and you are told; if the "
        "relay is still open, you are told what relayed and when you can ask again."
    )
    if job.due > now + SOON and job.takes:
        what += f" The server has put our test off; it goes on at {job.due:%Y-%m-%d %H:%M} UTC."
    return "a retest follows", what


def _occasion(sender: str, now: datetime) -> str:
    """What a sender is answered for once."""
    return f"answer to {sender.lower()}, day {day_of(now)}"


class Arrivals:
    """Letters that come back, answers to them, and what pretends to be either."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keyring: Keyring,
        clock: Clock,
        judging: Judging,
        posting: Posting,
        ask_removal: Ask,
    ) -> None:
        self._posting = posting
        self._ask_removal = ask_removal
        self._store = store
        self._settings = settings
        self._keyring = keyring
        self._clock = clock
        self._judging = judging

    def doubt(self, collected: Collected) -> Doubt | None:
        """Whether it would matter if the peer were the machine that a letter was offered to: it brings the letter, from
        an address of the other family. None where it would not."""
        with self._store.read() as tx:
            fate = tx.letters.find(collected.token)
            if fate is None or collected.token != fate.letter.recipient:
                return None
            address, peer = fate.letter.address, collected.peer
            if run_in(tx, fate.letter.run).reason in LENT:
                return None  # who sends the letters could make his own machine call itself the host's
            if address.version == peer.version or peer in self._ours().sources:
                return None
            known = any(report.path.address == peer for report in tx.paths.of(fate.letter.run))
            return Doubt(address=address, known=known)

    def file_return(self, collected: Collected, *, twin: str = "") -> Finding:
        """Weigh and store a message at the collector; judge its run and decide, in the same transaction. `twin` is the
        name that shows that the peer is the machine which the letter was offered to, by another address.

        Raises Full, and nothing is stored, when it tells nothing new and a share that it would count for is used up.
        """
        return self._file_return(collected, twin)[0]

    def _file_return(self, collected: Collected, twin: str = "") -> tuple[Finding, int]:
        """The same, and the message's number."""
        unwrapped = unwrap(collected.message)
        with self._store.write() as tx:
            tx.foresee(partial(tx.letters.find, collected.token), partial(tx.journal.strange, self._clock.now()))
            fate = tx.letters.find(collected.token)
            weighed = weigh_return(
                collected,
                unwrapped,
                fate,
                keyring=self._keyring,
                ours=self._ours(),
                window=self._settings.tester.delivery_window,
                twin=twin,
            )
            number = self._file(tx, collected, fate, weighed)
        return weighed.finding, number

    def file_request(self, collected: Collected) -> Requested:
        """Somebody has written to `remove@` from an address: that is asked to be retested, as by anybody, since whoever
        relays through it could have written too. Raises Full, see `file_return`.

        The answer goes to the sender of the envelope, one a day, and none to machines, lists and bounces (RFC 3834 2).
        Where nothing was begun and none goes out, the mail is declined, but for a bounce: so its sender hears of it
        from his own server, and nobody else does.
        """
        _, number = self._file_return(collected)
        address, now = collected.peer, self._clock.now()
        tell = self._told(collected, now)
        begun = True
        try:
            job = self._ask_removal(address, door=Door.MAIL, actor=f"from {address}", tell=tell)
        except Refused as refused:
            begun, short, what = False, "not taken", str(refused)
        else:
            short, what = _follows(address, job, now)
        facts = {"address": str(address), "short": short, "what": what, "page": self._posting.page(address)}
        answered = bool(tell) and self._answer(collected, tell, facts, now)
        declined = not (begun or answered or collected.null_sender)
        with self._store.write() as tx:
            if declined or (tell and tx.notices.made_for(_occasion(tell, now))):
                how = "refused with a sentence" if declined else "by mail, today"
                answer_by_list(tx, number, f"a request for {address}, {short}: {how}", now)
        return Requested(said=what, declined=declined)

    def _told(self, collected: Collected, now: datetime) -> str:
        """Who is told by mail what comes of a request, or "". Senders may be forged: so nobody is where the address is
        not listed, and for each network so many are in a day."""
        sender = collected.mail_from
        if not self._posting.on or not sender or mailed.automatic(mime.split(collected.message)[0]):
            return ""
        with self._store.write() as tx:
            if tx.listings.proven(collected.peer) is None:
                return ""
            told = tx.notices.made_for(_occasion(sender, now))
            return sender if told or may_answer(tx, collected.peer, self._settings.mail_door, now) else ""

    def _answer(self, collected: Collected, to: str, facts: Mapping[str, str], now: datetime) -> bool:
        """Queue the answer to a request; False where there was one today, or the sender gets no mail."""
        named = unwrap(collected.message).header.get("message-id", b"").decode("ascii", "replace")
        with self._store.write() as tx:
            queued = self._posting.queue(
                tx,
                "asked",
                to,
                facts,
                subject=str(collected.peer),
                actor=f"mail from {collected.peer}",
                now=now,
                occasion=_occasion(to, now),
                answers=message_id(named),
            )
        return queued is not None

    def file_probe(self, probe: Collected) -> Finding | None:
        """Store that somebody named a recipient of ours and then brought no message. None, and nothing stored, for
        what is no letter of ours. Raises Full as `file_return` does."""
        with self._store.write() as tx:
            fate = tx.letters.find(probe.token)
            if fate is None:
                return None
            weighed = weigh_probe(probe, fate)
            self._file(tx, probe, fate, weighed)
        return weighed.finding

    def _file(self, tx: Transaction, collected: Collected, fate: Fate | None, weighed: Weighed) -> int:
        """Returns the number of the message."""
        now, received = self._clock.now(), datetime.fromtimestamp(collected.received_at, UTC)
        found = fate.found(weighed.finding) if fate else None
        run = fate.letter.run if fate else None
        news = found if found is not fate else None
        telling = news is not None and news.finding in TELLING
        self._count(tx, collected, fate.letter if fate else None, day_of(received), news=news is not None, must=telling)
        number = tx.returns.add(collected, weighed, run=run)
        tx.journal.append(
            at=now,
            actor=f"collector, from {collected.peer}",
            subject=str(fate.letter.address) if fate else "list",
            verb="return",
            reason=weighed.finding,
            evidence=f"message sha256:{sha256(collected.message).hexdigest()}" + (f", run {run}" if run else ""),
        )
        if news is not None:
            tx.letters.note(news)
            if telling:
                self._judging.came_back(tx, run_in(tx, news.letter.run), collected.peer, now)
        return number

    def _count(
        self, tx: Transaction, collected: Collected, letter: Letter | None, today: int, *, news: bool, must: bool
    ) -> None:
        """Count this message for everybody whom it is counted for. Raises Full unless it `must` be kept."""
        shares = keeping.shares(self._settings.collector, peer=collected.peer, news=news, letter=letter)
        accounts = {Account(share.holder, today if share.daily else EVER): share for share in shares}
        octets = len(collected.message)
        for account, count in tx.kept.of(accounts).items():
            if not must and keeping.exceeded(accounts[account], count.messages, count.octets, octets):
                raise Full(f"{accounts[account].full}, try again later")
        tx.kept.add(accounts, octets)

    def _ours(self) -> Ours:
        collector, tester = self._settings.collector, self._settings.tester
        domains = tester.domains
        hosts = {collector.hostname, *(f"{address}" for address in collector.addresses)}
        # What a server knows of us that it has never turned to: the recipient's domain, and whom our letter came from.
        known = domains | {*tester.helos, *(f"{address}" for address in tester.source_addresses)}
        return Ours(
            names=hosts | domains | {f"[{address}]" for address in collector.addresses},
            sources=tester.source_addresses,
            marks=hosts - known,
        )
