"""The ways into a host that a test is of, and what each came to."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, bindparam, exists, func, insert, select, update

from dnsbl.addresses import Address
from dnsbl.model import Job, PathReport
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.tested import letters, paths, runs
from dnsbl.store.shelf import Shelf
from dnsbl.vocabulary import JobReason
from tester.paths import Path, Tls
from tester.verdict import CAME_BACK, Verdict

_SAME = (
    paths.c.run == bindparam("of"),
    paths.c.address == bindparam("at_address"),
    paths.c.port == bindparam("at_port"),
)
_ADD, _HOW_MANY = prepared(insert(paths)), prepared(select(func.count()).where(paths.c.run == bindparam("run")))
_KNOWN = prepared(select(paths.c.number).where(*_SAME))
_JUDGE = prepared(update(paths).where(*_SAME))
#: Those of a run, in order.
OF = prepared(select(paths).where(paths.c.run == bindparam("run")).order_by(paths.c.number))
_BACK = exists().where(letters.c.run == paths.c.run, letters.c.path == paths.c.number, letters.c.finding.in_(CAME_BACK))
_RELAYED = prepared(
    select(paths.c.port)
    .join(runs, runs.c.id == paths.c.run)
    .where(paths.c.address == bindparam("address"), _BACK)
    .distinct()
)


class Paths(Shelf):
    """One row a way in, numbered within its run in the order in which they were filed."""

    def number(self, run: str, path: Path) -> int | None:
        """The number of a way in, by address and port; None where it is not filed."""
        number: int | None = self._sql.execute(_KNOWN, _way(run, path)).scalar()
        return number

    def add(self, run: str, path: Path) -> int:
        """File a way in; returns its number, the one that it has already where address and port are known."""
        known = self.number(run, path)
        if known is not None:
            return known
        number = int(self._sql.execute(_HOW_MANY, {"run": run}).scalar_one())
        row = {"run": run, "number": number, "address": path.address, "port": path.port, "tls": path.tls}
        self._sql.later(_ADD, row | {"explanation": ""})
        return number

    def of(self, run: str) -> list[PathReport]:
        """The ways in of a run, in order."""
        return [_report(row) for row in self._sql.execute(OF, {"run": run})]

    def latest(self, among: Collection[str]) -> list[PathReport]:
        """The newest judgement of each way in (an address and a port) that these runs were of, in the order of the
        newest run."""
        wanted = (
            select(paths)
            .join(runs, runs.c.id == paths.c.run)
            .where(paths.c.run.in_(among), paths.c.verdict.is_not(None))
            .order_by(runs.c.started.desc(), paths.c.run, paths.c.number)
        )
        found: dict[tuple[Address, int], PathReport] = {}
        for row in self._sql.execute(wanted):
            report = _report(row)
            found.setdefault((report.path.address, report.path.port), report)
        return list(found.values())

    def judge(self, run: str, path: Path, *, verdict: Verdict, explanation: str) -> None:
        """What one way in has come to."""
        self._sql.later(_JUDGE, _way(run, path) | {"verdict": verdict, "explanation": explanation})

    def relayed(self, address: Address) -> set[int]:
        """The ports of an address that have ever taken a letter which came back."""
        return set(self._sql.execute(_RELAYED, {"address": address}).scalars())


def first_way(job: Job) -> Path:
    """The way in of a job with which none were filed: the address's mail port."""
    tls = Tls.OFFERED if job.reason is JobReason.CONFIRM else Tls.NEEDED
    return Path(address=job.address, port=job.port, tls=tls)


def _way(run: str, path: Path) -> dict[str, Any]:
    return {"of": run, "at_address": path.address, "at_port": path.port}


def _report(row: Row[Any]) -> PathReport:
    return PathReport(
        path=Path(address=row.address, port=row.port, tls=row.tls), verdict=row.verdict, explanation=row.explanation
    )
