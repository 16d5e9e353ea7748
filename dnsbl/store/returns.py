"""What came to the collector, with its circumstances."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import func, insert, select

from dnsbl.model import Return
from dnsbl.store.schema import returns
from dnsbl.store.shelf import Shelf, columns, many, one
from tester.returned import Collected
from tester.verdict import Finding, Weighed


class Returns(Shelf):
    """One row a message."""

    def add(self, collected: Collected, weighed: Weighed, *, run: str | None) -> None:
        """Store a message with what it was found to be; `run` is that of its letter, if there is one."""
        values = {
            "token": collected.token,
            "run": run,
            "received": datetime.fromtimestamp(collected.received_at, UTC),
            "peer": collected.peer,
            "peer_port": collected.peer_port,
            "local": collected.local,
            "tls": collected.tls,
            "helo": collected.helo,
            "mail_raw": collected.mail_raw,
            "rcpt_raw": collected.rcpt_raw,
            "finding": weighed.finding,
            "explanation": weighed.reason,
            "message": collected.message,
        }
        self._sql.execute(insert(returns).values(values))

    def count(self, token: str, since: datetime) -> int:
        """How many messages for this token were stored since then."""
        wanted = select(func.count()).select_from(returns)
        return int(self._sql.execute(wanted.where(returns.c.token == token, returns.c.received >= since)).scalar_one())

    def of(self, run: str, *, most: int = 1000) -> list[Return]:
        """The messages of a run, in the order of arrival."""
        wanted = select(*columns(returns, Return)).where(returns.c.run == run).order_by(returns.c.id)
        return many(Return, self._sql.execute(wanted.limit(most)))

    def found(self, finding: Finding, *, most: int) -> list[Return]:
        """The last messages that were found to be this, newest first."""
        wanted = select(*columns(returns, Return)).where(returns.c.finding == finding).order_by(returns.c.id.desc())
        return many(Return, self._sql.execute(wanted.limit(most)))

    def read(self, number: int) -> Return | None:
        """The message of this number."""
        wanted = select(*columns(returns, Return)).where(returns.c.id == number)
        return one(Return, self._sql.execute(wanted).one_or_none())
