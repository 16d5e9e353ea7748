"""Queues a mail in the transaction of whatever it tells of, so that there is never one without the other.

Works inside the transaction of the verb that calls it. Bounded for each recipient, his domain, and altogether; a mail
that may not be sent is no fault of what it tells of, so nothing here is refused: it is left out, and counted. Holds no
word of a mail (`rules.notices`) and sends none (`daemons.postman`). The journal names a mail by its number and its
recipient's domain, never the recipient, who may want to be forgotten.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime

from dnsbl.model import Notice, NoticeState
from dnsbl.rules import notices
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from dnsbl.store.kept import Account, day_of

#: What is counted by day besides recipients: all mails, and those that were left out.
ALL, WITHHELD = "mail", "mail withheld"
#: Octets of all facts of one mail.
FACTS_MOST = 65536


class Posting:
    """Steps of the queue. `random` makes the names of mails."""

    def __init__(self, settings: Settings, random: Callable[[int], bytes]) -> None:
        self._settings = settings
        self._random = random

    @property
    def on(self) -> bool:
        """Whether any mail is sent here."""
        return bool(self._settings.notices.smarthost)

    def queue(
        self,
        tx: Transaction,
        template: str,
        recipient: str,
        facts: Mapping[str, str],
        *,
        subject: str,
        actor: str,
        now: datetime,
        occasion: str = "",
        answers: str = "",
    ) -> Notice | None:
        """Queue a mail of this template, with an entry for `subject` in the journal; None where none is to be sent.

        That is: no smarthost is set, the recipient is no address that gets mail of ours or is silenced, there is one
        for this `occasion` already, or a bound is reached. `answers` is the Message-ID of the mail that it answers.
        """
        to = notices.mailbox(recipient, self._settings)
        if not self.on or not to or tx.notices.silenced(to):
            return None
        if occasion and tx.notices.made_for(occasion):
            return None
        document = json.dumps(dict(facts), sort_keys=True)
        if len(document) > FACTS_MOST or not self._counted(tx, to, day_of(now)):
            tx.kept.add([Account(WITHHELD, day_of(now))], 0, today=day_of(now))
            return None
        notice = tx.notices.add(
            token=base64.b32encode(self._random(16)).decode("ascii").rstrip("=").lower(),
            occasion=occasion,
            template=template,
            recipient=to,
            subject=subject,
            facts=document,
            answers=notices.message_id(answers),
            at=now,
        )
        tx.journal.append(
            at=now,
            actor=actor,
            subject=subject,
            verb="notice",
            reason=template,
            after=NoticeState.QUEUED,
            evidence=named(notice),
        )
        return notice

    def _counted(self, tx: Transaction, to: str, today: int) -> bool:
        """Count a mail for today; False, and nothing counted, where that would be too much."""
        terms, domain = self._settings.notices, to.rpartition("@")[2]
        bounds = {
            Account(f"mail to {to.lower()}", today): terms.per_recipient,
            Account(f"mail to @{domain}", today): terms.per_domain,
            Account(ALL, today): terms.per_day,
        }
        counts = tx.kept.of(bounds)
        if any(counts[account].messages >= most for account, most in bounds.items()):
            return False
        tx.kept.add(bounds, 0, today=today)
        return True


def named(notice: Notice) -> str:
    """How the journal names a mail: not by whom it is for."""
    return f"notice {notice.id}, to somebody at {notice.recipient.rpartition('@')[2]}"
