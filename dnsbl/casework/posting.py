"""Queues a mail in the transaction of whatever it tells of, so that there is never one without the other.

Works inside the transaction of the verb that calls it. Bounded for each recipient, his domain, and altogether; a mail
that may not be sent is no fault of what it tells of, so nothing here is refused: it is left out, and counted. Holds no
word of a mail (`rules.notices`) and sends none (`daemons.postman`). The journal names a mail by its number and its
recipient's domain, never the recipient, who may want to be forgotten.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from dnsbl.addresses import Address
from dnsbl.clock import day_of
from dnsbl.model import Decision, Job, Notice, Run
from dnsbl.rules import arf, notices
from dnsbl.rules.discretion import discretion
from dnsbl.settings import Settings
from dnsbl.store import Transaction
from dnsbl.store import notices as notice_shelf
from dnsbl.store.kept import Account
from dnsbl.vocabulary import NoticeState
from tester.received.line import hops
from tester.verdict import CAME_BACK

#: What is counted by day besides recipients: all mails, and those that were left out.
ALL, WITHHELD = "mail", "mail withheld"
#: What a message to a program is called among mails; it has no template.
WEBHOOK = "webhook"
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

    def veiled(self, recipient: str) -> str:
        """How the journal tells whom it means without saying so."""
        return notice_shelf.veiled(recipient, self._random(8).hex())

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
        if len(document) > FACTS_MOST or not self.counted(tx, to, now):
            return None
        return self._added(tx, template, to, document, occasion, answers, subject=subject, actor=actor, now=now)

    def to_owner(
        self,
        tx: Transaction,
        template: str,
        address: Address,
        facts: Mapping[str, str],
        *,
        occasion: str,
        now: datetime,
        actor: str = "policy",
    ) -> Notice | None:
        """The same to whoever answers for an address; who that is, is found out when the mail is due."""
        if not self.on or tx.notices.made_for(occasion):
            return None
        document = json.dumps(dict(facts), sort_keys=True)
        return self._added(tx, template, "", document, occasion, "", subject=str(address), actor=actor, now=now)

    def listed(self, tx: Transaction, run: Run, decision: Decision, now: datetime) -> None:
        """Tell the owner of an address that is now on the list, where its kind is one of notices.owner_kinds."""
        if decision.kind in self._settings.notices.owner_kinds:
            facts = {"address": str(run.address), "kind": decision.kind, "since": _time(now)}
            facts |= {"page": self.page(run.address), "explanation": decision.explanation}
            if self._settings.notices.owner_form == "arf":
                facts |= self._report(tx, run, run.address)
            self.to_owner(tx, "listed", run.address, facts, occasion=f"listed by run {run.id}", now=now)

    def output(
        self, tx: Transaction, run: Run, address: Address, kind: str, now: datetime, *, due: datetime | None = None
    ) -> None:
        """Tell the owner of an address that letters which another one had taken came out of it: from when (`due`) it
        will be listed for that, or that it is listed now."""
        facts = {
            "address": str(address),
            "kind": kind,
            "input": str(run.address),
            "when": f"will be on our list from {_time(due)} on" if due else f"is on our list since {_time(now)}",
            "page": self.page(address),
            "inputs": self.page(run.address),
        }
        if self._settings.notices.owner_form == "arf":
            facts |= self._report(tx, run, address)
        occasion = f"output {address} {'announced' if due else f'listed {kind}'} by run {run.id}"
        self.to_owner(tx, "output", address, facts, occasion=occasion, now=now)

    def _report(self, tx: Transaction, run: Run, address: Address) -> dict[str, str]:
        """The facts of an abuse report to whoever answers for an address, about a letter of this run that came back:
        one that it has delivered itself, if there is one; no facts where none came back."""
        came = [each for each in tx.returns.of(run.id) if each.finding in CAME_BACK]
        if not came:
            return {}
        back = next((each for each in came if each.peer == address), came[0])
        theirs = discretion(self._settings)
        chain = [theirs(hop.raw) for hop in hops(back.message, most=arf.FIELDS)]
        return arf.facts(source=back.peer, arrived=back.received, page=self.page(address), chain=chain)

    def hear(self, tx: Transaction, job: Job, recipient: str) -> None:
        """Somebody wants to be told what comes of a test that he has asked for."""
        if self.on and (to := notices.mailbox(recipient, self._settings)):
            tx.hearers.add(job.run, to)

    def heard(
        self,
        tx: Transaction,
        run: Run,
        hearers: Iterable[str],
        *,
        listed: bool,
        explanation: str,
        relayed: str,
        until: datetime | None,
        now: datetime,
    ) -> None:
        """Tell those who have asked what came of a test: whether the address is on the list, what `relayed` (the forms
        whose letters came back), and from when the next request is taken, None for at once."""
        wait = f"Your next request is taken from {_time(until)}.\n" if until else "You may ask again at any time.\n"
        facts = {
            "address": str(run.address),
            "result": "stays on the list" if listed else "is off the list",
            "explanation": explanation,
            "relayed": f"What was relayed:\n{relayed}\n" if relayed else "",
            "wait": wait if listed else "Our name servers follow within seconds.\n",
            "page": self.page(run.address),
        }
        for recipient in hearers:
            self.queue(tx, "removal", recipient, facts, subject=str(run.address), actor="policy", now=now)
        tx.hearers.told(run.id)

    def nominated(self, tx: Transaction, address: Address, recipient: str, *, actor: str, now: datetime) -> None:
        """Confirm a nomination to whoever has given this mail address with it, where notices.nominator says so."""
        if recipient and self._settings.notices.nominator:
            facts = {"address": str(address), "page": self.page(address)}
            self.queue(tx, "nominated", recipient, facts, subject=str(address), actor=actor, now=now)

    def to_program(
        self,
        tx: Transaction,
        url: str,
        body: str,
        *,
        watch: str,
        subject: str,
        actor: str,
        now: datetime,
        occasion: str,
    ) -> Notice | None:
        """Queue a message to a watcher's program; bounded and retried as mail is."""
        if tx.notices.made_for(occasion) or not self.counted(tx, url, now):
            return None
        facts = json.dumps({"body": body, "watch": watch}, sort_keys=True)
        return self._added(tx, WEBHOOK, url, facts, occasion, "", subject=subject, actor=actor, now=now)

    def page(self, address: Address) -> str:
        """Where people read about an address."""
        return f"{self._settings.web.base_url}/ip/{address}"

    def _added(
        self,
        tx: Transaction,
        template: str,
        to: str,
        document: str,
        occasion: str,
        answers: str,
        *,
        subject: str,
        actor: str,
        now: datetime,
    ) -> Notice:
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

    def counted(self, tx: Transaction, to: str, now: datetime) -> bool:
        """Count a mail for today; False, and only that it was left out is counted, where that would be too much."""
        terms, domain, today = self._settings.notices, _domain(to), day_of(now)
        bounds = {
            Account(f"mail to {to.lower()}", today): terms.per_recipient,
            Account(f"mail to @{domain}", today): terms.per_domain,
            Account(ALL, today): terms.per_day,
        }
        counts = tx.kept.of(bounds)
        if any(counts[account].messages >= most for account, most in bounds.items()):
            tx.kept.add([Account(WITHHELD, today)], 0)
            return False
        tx.kept.add(bounds, 0)
        return True


def named(notice: Notice) -> str:
    """How the journal names a mail: not by whom it is for."""
    domain = _domain(notice.recipient)
    return f"notice {notice.id}, to " + (f"somebody at {domain}" if domain else "whoever answers for the address")


def _domain(recipient: str) -> str:
    """Of a mail address, or the host of a program's."""
    if recipient.startswith(("http://", "https://")):
        return urlsplit(recipient).hostname or ""
    return recipient.rpartition("@")[2]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
