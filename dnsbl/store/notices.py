"""Mail that we send: queued, leased to whoever offers it, ended; and the addresses that get none."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

from sqlalchemy import and_, delete, func, insert, or_, select, update

from dnsbl.model import Notice
from dnsbl.store.schema.told import UNSENT, notices, silenced
from dnsbl.store.shelf import Shelf, columns, many, one
from dnsbl.vocabulary import NoticeState

_NOTICE = columns(notices, Notice)
#: How an address begins that is known by its salted hash alone.
VEIL = "salted-sha256:"


def veiled(recipient: str, salt: str) -> str:
    """An address by its salted hash: who knows the address can tell that it is meant."""
    return f"{VEIL}{salt}:{sha256(f'{salt} {recipient.lower()}'.encode()).hexdigest()[:32]}"


def means(veil: str, recipient: str) -> bool:
    """Whether this address is meant."""
    return veil == veiled(recipient, veil.removeprefix(VEIL).partition(":")[0])


class Backlog(NamedTuple):
    """What waits to be sent."""

    waiting: int
    oldest: datetime | None  #: when the longest waiting one was queued


class Notices(Shelf):
    """The queue, and who is silenced."""

    def add(
        self,
        *,
        token: str,
        occasion: str,
        template: str,
        recipient: str,
        subject: str,
        facts: str,
        answers: str,
        at: datetime,
    ) -> Notice:
        """Queue a mail, due at once. `occasion` is what no second one may be made for, or ""."""
        values = {
            "token": token,
            "occasion": occasion or None,
            "template": template,
            "recipient": recipient,
            "subject": subject,
            "facts": facts,
            "answers": answers,
            "queued": at,
            "due": at,
            "state": NoticeState.QUEUED,
            "takes": 0,
            "tries": 0,
            "reply": "",
        }
        return Notice(**self._sql.execute(insert(notices).values(values).returning(*_NOTICE)).one()._mapping)

    def made_for(self, occasion: str) -> bool:
        """Whether there is one for this occasion."""
        wanted = select(notices.c.id).where(notices.c.occasion == occasion)
        return self._sql.execute(wanted).one_or_none() is not None

    def find(self, token: str) -> Notice | None:
        """The one with this token."""
        return one(Notice, self._sql.execute(select(*_NOTICE).where(notices.c.token == token)).one_or_none())

    def numbered(self, number: int) -> Notice | None:
        """The one of this number."""
        return one(Notice, self._sql.execute(select(*_NOTICE).where(notices.c.id == number)).one_or_none())

    def newest(self, *, most: int) -> list[Notice]:
        """The last ones, newest first."""
        return many(Notice, self._sql.execute(select(*_NOTICE).order_by(notices.c.id.desc()).limit(most)))

    def is_due(self, now: datetime) -> bool:
        """Whether a claim could find anything."""
        return self._sql.execute(select(notices.c.id).where(_due(now)).limit(1)).one_or_none() is not None

    def claim(self, *, now: datetime, lease_until: datetime) -> Notice | None:
        """Lease the one that has been due longest; a lost lease counts as due."""
        wanted = select(notices.c.id).where(_due(now)).order_by(notices.c.due, notices.c.id).limit(1)
        found = self._sql.execute(wanted).one_or_none()
        if found is None:
            return None
        leased = {"lease_until": lease_until, "takes": notices.c.takes + 1}
        claimed = update(notices).where(notices.c.id == found.id).values(leased).returning(*_NOTICE)
        return one(Notice, self._sql.execute(claimed).one_or_none())

    def address(self, notice: Notice, recipient: str, due: datetime) -> bool:
        """Whom it is for is known now; False when this take is no longer ours."""
        values = {"recipient": recipient, "due": due, "lease_until": None}
        return self._sql.execute(update(notices).where(_take(notice)).values(values)).rowcount == 1

    def put_off(self, notice: Notice, due: datetime, *, tries: int, reply: str) -> bool:
        """Offer it again later; False when this take is no longer ours."""
        values: dict[str, Any] = {"due": due, "tries": tries, "reply": reply, "lease_until": None}
        return self._sql.execute(update(notices).where(_take(notice)).values(values)).rowcount == 1

    def end(self, notice: Notice, state: NoticeState, *, reply: str, at: datetime) -> bool:
        """It is sent, or has failed: what it told goes, whom it was for stays for a while. False when this take is no
        longer ours."""
        values = {"state": state, "reply": reply, "ended": at, "facts": "", "lease_until": None}
        return self._sql.execute(update(notices).where(_take(notice)).values(values)).rowcount == 1

    def backlog(self) -> Backlog:
        """What waits."""
        count, oldest = self._sql.execute(select(func.count(), func.min(notices.c.queued)).where(UNSENT)).one()
        return Backlog(int(count), oldest)

    def ended(self, since: datetime) -> dict[NoticeState, int]:
        """How many were sent, and have failed, since then."""
        wanted = select(notices.c.state, func.count()).where(notices.c.ended >= since).group_by(notices.c.state)
        return {row[0]: int(row[1]) for row in self._sql.execute(wanted)}

    def forget(self, before: datetime) -> int:
        """Drop those that ended before then; returns how many."""
        return self._sql.execute(delete(notices).where(notices.c.ended < before)).rowcount

    def silence(self, recipient: str, *, why: str, at: datetime) -> bool:
        """No more mail there; False when that was so already."""
        if self.silenced(recipient):
            return False
        self._sql.execute(insert(silenced).values(recipient=recipient.lower(), why=why, since=at))
        return True

    def silenced(self, recipient: str) -> str:
        """Why there is no mail there, or ""."""
        return next(iter(self._names(recipient).values()), "")

    def unsilence(self, recipient: str) -> bool:
        """Mail may go there again; False when it might already."""
        names = self._names(recipient)
        return bool(names) and self._sql.execute(delete(silenced).where(silenced.c.recipient.in_(names))).rowcount > 0

    def silenced_as(self, veil: str) -> str:
        """The silenced address that is meant by this salted hash, as far as it is known, or ""."""
        return next(
            (name for name in self._sql.execute(select(silenced.c.recipient)).scalars() if means(veil, name)), ""
        )

    def count_silenced(self) -> int:
        """How many addresses get no mail."""
        return int(self._sql.execute(select(func.count()).select_from(silenced)).scalar_one())

    def _names(self, recipient: str) -> dict[str, str]:
        """As what an address stands among those that get no mail, itself or by a hash, and why."""
        here = or_(silenced.c.recipient == recipient.lower(), silenced.c.recipient.startswith(VEIL))
        found = self._sql.execute(select(silenced.c.recipient, silenced.c.why).where(here))
        return {name: why for name, why in found if name == recipient.lower() or means(name, recipient)}


def _due(now: datetime) -> Any:
    return and_(UNSENT, notices.c.due <= now, or_(notices.c.lease_until.is_(None), notices.c.lease_until < now))


def _take(notice: Notice) -> Any:
    """This take and no later one, while it has not ended: `takes` is the fence."""
    return and_(notices.c.id == notice.id, notices.c.takes == notice.takes, UNSENT)
