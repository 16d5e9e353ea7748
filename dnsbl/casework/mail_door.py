"""The verbs of mail from strangers that is no letter of ours: nominations by mail, and what comes to spamtraps.

What is read is counted by the networks that bring it before anything is parsed, so that ten thousand mails from one of
them fill neither the day nor anything else. An answer goes to the envelope's sender, who may be forged: one a day to
each, none to a machine, and so many a day to whoever one network names. Who shows a reporter's key has the reporter's
number a day, and answers go to the address of his account.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, neighbourhood
from dnsbl.casework.base import counted, may_answer
from dnsbl.clock import Clock
from dnsbl.errors import Full, Refused
from dnsbl.logbook import events
from dnsbl.model import Job, ReporterAccount
from dnsbl.rules import intake, mailed
from dnsbl.rules.intake import Intake, Taken
from dnsbl.rules.mailed import Cover, Ticket
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import Door
from tester.records import dataclass
from tester.returned import Collected

if TYPE_CHECKING:
    from dnsbl.casework.doors import Doors
    from dnsbl.casework.posting import Posting

_log = logging.getLogger("dnsbl.journal")

#: The mail that answers a nomination (`rules.notices`).
TEMPLATE = "nomination"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._:-]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Receipt:
    """What the collector says to whoever brings a mail."""

    queued: int  #: tests that are queued, or serve its nominations
    answered: bool  #: whether an answer goes out
    declined: str  #: the sentence with which it is refused; "" where it is taken


class MailDoor:
    """What comes to addresses of ours that strangers write to."""

    def __init__(self, store: Store, settings: Settings, clock: Clock, doors: Doors, posting: Posting) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._doors = doors
        self._posting = posting

    # -- nominations ---------------------------------------------------------------------------------------
    def take(self, collected: Collected) -> Receipt:
        """Read a mail to `mail_door.address`, nominate what is attached to it, and queue the answer.

        Where nobody was nominated and no answer goes out, it is declined: so its sender hears of it from his own
        server, and nobody else does. A bounce is let go. Raises Full, and nothing is read, when its network has
        brought as much as may be today.
        """
        ticket = mailed.ticket(collected.recipient)
        try:
            account = self._doors.reporter_of(ticket.key) if ticket.key else None
        except Refused as error:
            return Receipt(queued=0, answered=False, declined=str(error))
        if account is None:
            self._admit(collected.peer, "mails to nominate", self._settings.mail_door.mails_day)
        cover = mailed.cover(collected.message, collected.mail_from)
        if cover.bounce:
            return Receipt(queued=0, answered=False, declined="")
        taken, total = self._nominated(collected, ticket, account)
        queued = sum(each.job is not None for each in taken)
        answered = self._answer(collected, cover, account, taken, total)
        silent = queued or answered or collected.null_sender
        declined = "" if silent else mailed.declined(taken, self._settings)
        return Receipt(queued=queued, answered=answered, declined=declined)

    def _nominated(
        self, collected: Collected, ticket: Ticket, account: ReporterAccount | None
    ) -> tuple[Sequence[Taken], int]:
        """What came of each message that is attached, and how many there are."""
        name = account.name if account is not None else ""
        try:
            cases, total = intake.nominations(
                "",
                door=Door.MAIL,
                nominator=f"reporter {name}" if name else str(neighbourhood(collected.peer)),
                reason="",
                evidence=collected.message,
                settings=self._settings,
                now=self._clock.now(),
                pick=ticket.pick,
                at=intake.home(self._settings, reporter=name, visitor=collected.peer, account=bool(name)),
                account=account,
            )
        except Refused as error:
            events.refused(_log, door=Door.MAIL, actor=Door.MAIL, reason=error.reason)
            case = Intake(where="", nomination=None, refused=error, trace=None, line=None)
            return (Taken(case=case, job=None, refused=error),), 1
        return self._doors.nominate_each(mailed.forwarded(cases), door=Door.MAIL), total

    def _answer(
        self,
        collected: Collected,
        cover: Cover,
        account: ReporterAccount | None,
        taken: Sequence[Taken],
        total: int,
    ) -> bool:
        """Queue the answer, where there may be one; whether there is."""
        known = account is not None and bool(account.contact)
        to = account.contact if account is not None and known else collected.mail_from
        if not self._posting.on or (cover.silent and not known):
            return False
        subject = next((str(each.job.address) for each in taken if each.job is not None), "list")
        now = self._clock.now()
        with self._store.write() as tx:
            if not known and not may_answer(tx, collected.peer, self._settings.mail_door, now):
                return False
            queued = self._posting.queue(
                tx,
                TEMPLATE,
                to,
                {
                    "title": mailed.title(taken),
                    "read": mailed.told(taken, total, self._settings, keyed=account is not None),
                    "address": self._settings.mail_door.address,
                },
                subject=subject,
                actor="collector",
                now=now,
                occasion="" if known else f"answer to {to.lower()}, {now:%Y-%m-%d}",
                answers=cover.message_id,
            )
        return queued is not None

    # -- traps ---------------------------------------------------------------------------------------------
    def spring(self, collected: Collected) -> Job | None:
        """Nominate whoever handed a mail to one of our traps; None where nobody is to be tested for it.

        Nobody is told anything: whatever becomes of it, it was taken. Which recipient it was for goes into no
        journal, since traps that are known catch nobody.
        """
        if collected.null_sender:  # what comes back to a forged sender was sent by no spammer
            return None
        now = datetime.fromtimestamp(collected.received_at, UTC)
        with self._store.write() as tx:
            if not counted(tx, collected.peer, "mails to traps", self._settings.traps.mails_day, now):
                return None
        case = intake.trapped(
            self._traced(collected, now) + collected.message,
            nominator=collected.domain,
            reason="came to a spamtrap",
            settings=self._settings,
            now=now,
        )
        if case.nomination is None:
            return None
        try:
            return self._doors.nominate(case.nomination)
        except Refused:
            return None

    def _traced(self, collected: Collected, now: datetime) -> bytes:
        """Our own Received line (RFC 5321 4.4): what it says of the client is what our socket saw."""
        helo = _NOT_IN_A_NAME.sub("", collected.helo)[:100] or "unknown"
        shown = collected.peer if collected.peer.version == 4 else f"IPv6:{collected.peer}"
        line = f"Received: from {helo} ([{shown}])\r\n\tby {self._settings.collector.hostname} with SMTP; "
        return f"{line}{format_datetime(now)}\r\n".encode("ascii")

    # -- bounds --------------------------------------------------------------------------------------------
    def _admit(self, peer: Address, what: str, most: int) -> None:
        """Count a mail from this network. Raises Full."""
        with self._store.write() as tx:
            if not counted(tx, peer, what, most, self._clock.now()):
                raise Full("as many nominations as may be came from your network today, try again tomorrow")
