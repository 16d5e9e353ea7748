"""What came to the collector, with its circumstances."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

from sqlalchemy import LargeBinary, and_, bindparam, func, insert, literal_column, or_, select, true, union_all

from dnsbl.addresses import Address
from dnsbl.model import Return
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.tested import COUNTS, letters, paths, returns, runs
from dnsbl.store.shelf import Shelf, columns, many, one
from tester import canary
from tester.returned import Collected
from tester.verdict import CAME_BACK, ELSEWHERE, Finding, Weighed

#: Octets of a message that a list of messages holds of it: its head, and that of any mail is smaller.
HEAD = 16 * 1024
#: Messages of a run that are read at once.
MOST = 200

_HEADS = [
    func.substr(returns.c.message, 1, HEAD, type_=LargeBinary).label("message") if column.name == "message" else column
    for column in columns(returns, Return)
]
#: What a message was found to be, where few are asked about that other columns lead to: by the index of this one alone,
#: all of all time would be read that were found to be the same.
_FOUND = func.coalesce(returns.c.finding, literal_column("''"))
_LETTER = and_(
    letters.c.run == returns.c.run, or_(letters.c.recipient == returns.c.token, letters.c.sender == returns.c.token)
)
_ADD = prepared(insert(returns).returning(returns.c.id))
_WAY = and_(paths.c.run == letters.c.run, paths.c.number == letters.c.path)
_OF = prepared(select(*_HEADS).where(returns.c.run == bindparam("run")).order_by(returns.c.id).limit(bindparam("most")))
_DELIVERIES = prepared(
    select(paths.c.address, returns.c.peer, returns.c.finding)
    .select_from(returns)
    .join(letters, _LETTER)
    .join(paths, _WAY)
    .where(returns.c.run == bindparam("run"), returns.c.finding.in_(CAME_BACK))
    .distinct()
)
_CAME_OUT = prepared(
    select(returns.c.run, returns.c.peer, func.substr(returns.c.message, 1, HEAD, type_=LargeBinary))
    .join(letters, _LETTER)
    .join(paths, _WAY)
    .join(runs, runs.c.id == returns.c.run)
    .where(
        paths.c.address == bindparam("taken"),
        letters.c.vector != canary.FORM,
        _FOUND.in_(ELSEWHERE),
        runs.c.started >= bindparam("since"),
        COUNTS,
    )
    .order_by(returns.c.id.desc())
    .limit(bindparam("most"))
)


class Returns(Shelf):
    """One row a message. Lists of messages are lists of their heads: how much strangers send must not be how much a
    page costs."""

    def add(self, collected: Collected, weighed: Weighed, *, run: str | None) -> int:
        """Store a message with what it was found to be; `run` is that of its letter, if there is one. Returns its
        number."""
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
        return int(self._sql.execute(_ADD, values).scalar_one())

    def of(self, run: str, *, most: int = MOST) -> list[Return]:
        """The heads of a run's first messages, in the order of arrival."""
        return many(Return, self._sql.execute(_OF, {"run": run, "most": most}))

    def deliveries(self, run: str) -> set[tuple[Address, Address, Finding]]:
        """Of a run's letters that came back: the address that each was offered to, the one that delivered it, and what
        it was found to be."""
        return {(row[0], row[1], row[2]) for row in self._sql.execute(_DELIVERIES, {"run": run})}

    def came_out(self, taken: Address, since: datetime, *, most: int = MOST) -> list[tuple[str, Address, bytes]]:
        """Of the last letters that this address was offered in tests that count, begun since then, and that came back
        from another one: the run, the address that delivered each, and the message's head."""
        asked = {"taken": taken, "since": since, "most": most}
        return [(run, peer, bytes(head)) for run, peer, head in self._sql.execute(_CAME_OUT, asked)]

    def bounces(self, run: str) -> dict[str, bytes]:
        """The first proven bounce of each of a run's letters, whole, by the token that it came to."""
        wanted = select(returns.c.token, returns.c.message).where(
            returns.c.run == run, returns.c.finding == Finding.BOUNCED
        )
        first: dict[str, bytes] = {}
        for token, message in self._sql.execute(wanted.order_by(returns.c.id)):
            first.setdefault(token, bytes(message))
        return first

    def arrived(self, since: datetime) -> dict[Finding, tuple[int, datetime]]:
        """What came to the collector since then: of each finding how many, and when the last one; of at most the
        100,000 newest."""
        lately = select(returns.c.finding, returns.c.received).where(returns.c.received >= since)
        new = lately.order_by(returns.c.received.desc()).limit(100_000).subquery()
        wanted = select(new.c.finding, func.count(), func.max(new.c.received)).group_by(new.c.finding)
        return {row[0]: (int(row[1]), row[2]) for row in self._sql.execute(wanted)}

    def page(self, findings: Collection[Finding], before: int | None = None, *, most: int) -> list[Return]:
        """The heads of the last messages that were found to be one of these, newest first; those behind the one of
        this number, if one is named. The last of each finding are looked up and then mixed: a finding that is rare
        would be looked for in all there is."""
        here = true() if before is None else returns.c.id < before
        last = [
            select(returns.c.id).where(returns.c.finding == literal_column(f"'{each}'"), here)
            for each in findings  # in words, so that a plan is made for each of them
        ]
        if not last:
            return []
        newest = (select(each.order_by(returns.c.id.desc()).limit(most).subquery()) for each in last)
        mixed = union_all(*newest).subquery()
        wanted = select(*_HEADS).join(mixed, mixed.c.id == returns.c.id).order_by(mixed.c.id.desc()).limit(most)
        return many(Return, self._sql.execute(wanted))

    def read(self, number: int) -> Return | None:
        """The message of this number, whole."""
        wanted = select(*columns(returns, Return)).where(returns.c.id == number)
        return one(Return, self._sql.execute(wanted).one_or_none())
