"""The verb of the collector: weigh a message, store it, and let its run be judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from dnsbl.addresses import Address
from dnsbl.casework.base import Base
from dnsbl.casework.judging import delivered
from dnsbl.store import Transaction
from dnsbl.store.letters import Issued
from tester.returned import Opened, unwrap
from tester.verdict import Finding, Weighed
from tester.weighing import weigh_return

#: Messages per token and day that are stored although they tell nothing new.
MOST_RETURNS = 20
#: Findings by how much they say; a letter keeps the best one.
_RANKS = {
    finding: rank
    for rank, finding in enumerate(
        (
            Finding.REPEATED,
            Finding.FORGED,
            Finding.TOKEN_SEEN,
            Finding.CALLBACK_SEEN,
            Finding.HUMAN,
            Finding.DSN_DELAYED,
            Finding.BOUNCED_BY_US,
            Finding.BOUNCED,
            Finding.DELIVERED_OTHER_LATE,
            Finding.DELIVERED_SAME_LATE,
            Finding.DELIVERED_OTHER,
            Finding.DELIVERED_SAME,
        )
    )
}
_TELLING = _RANKS[Finding.BOUNCED_BY_US]


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A message that came to the collector (the same fields as the collector's record, without its shell)."""

    peer: Address
    peer_port: int
    local: str
    tls: bool
    helo: str
    mail_raw: bytes
    rcpt_raw: bytes
    null_sender: bool
    recipient: str
    domain: str
    message: bytes
    received_at: float  #: epoch seconds


class Mailroom(Base):
    """Letters that come back, answers to them, and what pretends to be either."""

    def file_return(self, arrived: Arrived) -> Finding:
        """Weigh and store a message at the collector; judge its run and decide, in the same transaction.

        A message that tells nothing new is stored no more than MOST_RETURNS times per token and day.
        """
        token, opened = arrived.recipient.lower()[:64], unwrap(arrived.message)
        with self._store.write() as tx:
            issued = tx.letters.find(token)
            weighed = self._weigh(arrived, issued, token, opened)
            self._file(tx, arrived, issued, token, weighed)
        return weighed.finding

    def file_probe(self, arrived: Arrived) -> Finding | None:
        """Store that somebody named a recipient of ours and then brought no message: a callback when it was a sender
        token, else a token that somebody has seen. None, and nothing stored, for what is no letter of ours."""
        token = arrived.recipient.lower()[:64]
        with self._store.write() as tx:
            issued = tx.letters.find(token)
            if issued is None:
                return None
            if token == issued.letter.sender:
                weighed = Weighed(finding=Finding.CALLBACK_SEEN, counts=False, reason="Asked whether the sender is.")
            else:
                weighed = Weighed(finding=Finding.TOKEN_SEEN, counts=False, reason="The recipient came, no message.")
            self._file(tx, arrived, issued, token, weighed)
        return weighed.finding

    def _file(self, tx: Transaction, arrived: Arrived, issued: Issued | None, token: str, weighed: Weighed) -> None:
        now, received = self._clock.now(), datetime.fromtimestamp(arrived.received_at, UTC)
        known = issued.filed.finding if issued else None
        news = issued is not None and _RANKS[weighed.finding] > (_RANKS[known] if known else 0)
        if not news and tx.returns.count(token, received - timedelta(days=1)) >= MOST_RETURNS:
            return
        tx.returns.add(
            token=token,
            run=issued.filed.run if issued else None,
            received=received,
            peer=arrived.peer,
            peer_port=arrived.peer_port,
            local=arrived.local,
            tls=arrived.tls,
            helo=arrived.helo,
            mail_raw=arrived.mail_raw,
            rcpt_raw=arrived.rcpt_raw,
            finding=weighed.finding,
            explanation=weighed.reason,
            message=arrived.message,
        )
        tx.journal.append(
            at=now,
            actor=f"collector, from {arrived.peer}",
            subject=str(issued.letter.address) if issued else "list",
            verb="return",
            reason=weighed.finding,
            evidence=f"message sha256:{sha256(arrived.message).hexdigest()}"
            + (f", run {issued.filed.run}" if issued else ""),
        )
        if issued is not None and news:
            tx.letters.note(issued.filed.recipient, weighed.finding)
            if _RANKS[weighed.finding] >= _TELLING:
                self._judging.came_back(tx, self._run(tx, issued.filed.run), now)

    def _weigh(self, arrived: Arrived, issued: Issued | None, token: str, opened: Opened) -> Weighed:
        """What this message is, by the letter that it claims to be."""
        if issued is None:
            if arrived.recipient in ("postmaster", "abuse"):
                return Weighed(finding=Finding.HUMAN, counts=False, reason="Somebody wrote to us.")
            return Weighed(finding=Finding.FORGED, counts=False, reason="The store knows no such letter.")
        filed, tester = issued.filed, self._settings.tester
        us = {self._settings.collector.hostname, tester.collector_domain, tester.bounce_domain}
        us |= {form for address in self._settings.collector.addresses for form in (f"{address}", f"[{address}]")}
        return weigh_return(
            opened,
            issued.letter,
            keyring=self._keyring,
            token=token,
            peer=arrived.peer,
            null_sender=arrived.null_sender,
            received_at=arrived.received_at,
            window=tester.delivery_window,
            us=us,
            peer_is_us=arrived.peer in tester.source_addresses,
            outcome=filed.outcome,
            already_delivered=bool(delivered([filed])),
            dot_at=filed.dot_at.timestamp() if filed.dot_at else None,
        )
