"""The verbs of whoever hands our mail to the smarthost: take what is due, say what became of it; and of operators, who
look at the queue.

A mail is offered until it is taken, refused for good, or too old. It is at least once that it is sent: a process that
is killed after the smarthost's last word, and before that is filed, leaves a lease that runs out, and the same mail,
with the same Message-ID, goes out once more. What is filed holds for the very take that it is about.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from dnsbl.addresses import Address, parse_address
from dnsbl.casework.base import DAY
from dnsbl.casework.posting import ALL, WITHHELD, Posting, named
from dnsbl.clock import Clock, day_of
from dnsbl.errors import Refused
from dnsbl.model import Notice
from dnsbl.rules import notices, schedule
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.store.kept import Account
from dnsbl.vocabulary import NoticeState, Reason, Refusal
from tester.records import dataclass

#: Seconds for which a mail is in one process's hands; longer than it is ever offered (RFC 5321 4.5.3.2).
LEASE = 1800.0
#: Characters of a smarthost's reply that are kept.
REPLY_MOST = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Postage:
    """How our mail stands."""

    on: bool  #: whether a smarthost is set
    waiting: int
    oldest: datetime | None  #: since when the longest waiting one waits
    sent: int  #: in the last day, as the next one
    failed: int
    withheld: int  #: today, since a bound was reached
    silenced: int  #: addresses that get no mail


class Dispatch:
    """The queue, from its end."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, posting: Posting) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._posting = posting

    def take(self) -> Notice | None:
        """Lease the mail that has been due longest, or None. One that was put off for too long ends on the way.

        Raises StoreUnavailable, also while the clock is not believed: what became of a mail could not be entered.
        """
        now = self._clock.now()
        with self._store.read() as tx:
            if not tx.notices.is_due(now):
                return None
        with self._store.write() as tx:
            tx.journal.hold(now)
            while notice := tx.notices.claim(now=now, lease_until=now + timedelta(seconds=LEASE)):
                if now - notice.queued <= timedelta(days=self._settings.notices.give_up_days):
                    return notice
                self._end(tx, notice, NoticeState.FAILED, f"given up; the last word was: {notice.reply or '-'}", now)
        return None

    def known_contact(self, address: Address) -> str | None:
        """Who answers for an address, "" for nobody, as far as that was found out not long ago; else None."""
        with self._store.read() as tx:
            return tx.contacts.known(address, self._clock.now())

    def address(self, notice: Notice, mailbox: str, *, news: bool) -> None:
        """Whom a mail is for is known now: the one who answers for the address that it is about. It ends here where
        that is nobody, somebody who wants no mail, or one who has had his mails for today; `news` is remembered."""
        now = self._clock.now()
        to = notices.mailbox(mailbox, self._settings) if mailbox else ""
        with self._store.write() as tx:
            if news:
                until = now + timedelta(days=self._settings.notices.contact_days)
                tx.contacts.keep(parse_address(notice.subject), mailbox, at=now, until=until)
            if not to:
                why = "nobody is known who answers for it"
            elif why := tx.notices.silenced(to):
                why = f"its reader gets no mail: {why}"
            elif not self._posting.counted(tx, to, now):
                why = "its reader has had his mails for today"
            if why:
                self._end(tx, notice, NoticeState.FAILED, why, now)
            else:
                tx.notices.address(notice, to, now)

    def sent(self, notice: Notice, reply: str) -> None:
        """The smarthost has taken it, with this reply."""
        now = self._clock.now()
        with self._store.write() as tx:
            self._end(tx, notice, NoticeState.SENT, reply, now)

    def refused(self, notice: Notice, reply: str) -> None:
        """It was refused for good: it ends."""
        now = self._clock.now()
        with self._store.write() as tx:
            self._end(tx, notice, NoticeState.FAILED, reply, now)

    def put_off(self, notice: Notice, reply: str) -> None:
        """It was refused for now: it is offered again, later and later."""
        wait = schedule.nth(self._settings.notices.retry_after, notice.tries)
        due = self._clock.now() + timedelta(seconds=wait)
        with self._store.write() as tx:
            tx.notices.put_off(notice, due, tries=notice.tries + 1, reply=reply[:REPLY_MOST])

    def give_back(self, notice: Notice, why: str) -> None:
        """It could not be offered at all, which is none of its faults: it stays where it was in the queue."""
        with self._store.write() as tx:
            tx.notices.put_off(notice, notice.due, tries=notice.tries, reply=why[:REPLY_MOST])

    def forget(self) -> int:
        """Drop what ended long ago (notices.keep_days); returns how many."""
        before = self._clock.now() - timedelta(days=self._settings.notices.keep_days)
        with self._store.write() as tx:
            return tx.notices.forget(before)

    def try_out(self, recipient: str, *, actor: str) -> Notice:
        """Queue a mail that says nothing, to see whether it arrives. Raises Refused."""
        with self._store.write() as tx:
            made = self._posting.queue(tx, "trial", recipient, {}, subject="list", actor=actor, now=self._clock.now())
            if made is None:
                raise Refused(Refusal.OFF, self._why_none(tx, recipient))
            return made

    def listen_again(self, recipient: str, *, actor: str) -> bool:
        """Let mail go to a silenced address again; False when it might already."""
        with self._store.write() as tx:
            if not tx.notices.unsilence(recipient):
                return False
            self._entered(tx, recipient, actor, "silenced", "not silenced")
            return True

    def silence(self, recipient: str, *, actor: str) -> bool:
        """Send an address no more mail, since an operator says so; False when that was so already. Raises Refused for
        what is no mail address that could get any."""
        now = self._clock.now()
        if not notices.mailbox(recipient, self._settings):
            why = "is no mail address, or is this list's own; NAME@HOST is needed."
            raise Refused(Refusal.MALFORMED_ADDRESS, f"{recipient!r:.100} {why}")
        with self._store.write() as tx:
            if not tx.notices.silence(recipient, why="an operator has said so", at=now):
                return False
            self._entered(tx, recipient, actor, "", "silenced")
            return True

    def postage(self) -> Postage:
        """How our mail stands."""
        now = self._clock.now()
        with self._store.read() as tx:
            backlog, ended = tx.notices.backlog(), tx.notices.ended(now - DAY)
            withheld = Account(WITHHELD, day_of(now))
            return Postage(
                on=self._posting.on,
                waiting=backlog.waiting,
                oldest=backlog.oldest,
                sent=ended.get(NoticeState.SENT, 0),
                failed=ended.get(NoticeState.FAILED, 0),
                withheld=tx.kept.of([withheld])[withheld].messages,
                silenced=tx.notices.count_silenced(),
            )

    def newest(self, *, most: int) -> list[Notice]:
        """The last mails, newest first."""
        with self._store.read() as tx:
            return tx.notices.newest(most=most)

    def _why_none(self, tx: Transaction, recipient: str) -> str:
        terms = self._settings.notices
        if not self._posting.on:
            return "No mail is sent here: notices.smarthost is not set."
        if why := tx.notices.silenced(recipient.strip()):
            return f"No mail goes to {recipient:.100}: {why}."
        today = Account(ALL, day_of(self._clock.now()))
        if tx.kept.of([today])[today].messages >= terms.per_day:
            return f"As many mails as may be in a day were queued today ({terms.per_day}, notices.per_day)."
        return f"No mail goes to {recipient!r:.100}: it is no mail address, is ours, or has had its mails for today."

    def _entered(self, tx: Transaction, recipient: str, actor: str, before: str, after: str) -> None:
        tx.journal.append(
            at=self._clock.now(),
            actor=actor,
            subject="list",
            verb="silence",
            reason=Reason.OPERATOR,
            before=before,
            after=after,
            evidence=f"somebody at {recipient.rpartition('@')[2]:.200}, {self._posting.veiled(recipient)}",
        )

    def _end(self, tx: Transaction, notice: Notice, state: NoticeState, reply: str, now: datetime) -> None:
        if not tx.notices.end(notice, state, reply=reply[:REPLY_MOST], at=now):
            return
        tx.journal.append(
            at=now,
            actor="postman",
            subject=notice.subject,
            verb="notice",
            reason=notice.template,
            before=NoticeState.QUEUED,
            after=state,
            evidence=f"{named(notice)}: {reply[:REPLY_MOST]}",
        )
