"""No statement of a page, a look-up, a claim, the inbox or the feed reads a table that grows from end to end.

The verbs are run on a store with years in it; every statement that they come to is explained by the very database, with
its parameters. What no index serves shows as a scan there, however few rows a test can afford.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from itertools import count
from typing import Any

import pytest
from psycopg import RawCursor, sql
from sqlalchemy import event

from bench.filling import COPIED, PATTERN, RANGE, SINGLE, fill, host
from dnsbl.casework.base import Asker, shown_of_listed
from dnsbl.clock import HandClock, SystemClock
from dnsbl.model import Crowded
from dnsbl.rules import bringers
from dnsbl.rules.lookups import Lookup
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.store.clerk import numbered
from dnsbl.store.kept import EVER, Account
from dnsbl.vocabulary import Door, Reason, State
from tester.smtp import Outcome
from tests.dnsbl.offices import Files, Office, PostgreSQL

#: Tables whose rows become more with every host, test, message and question; all others are an operator's to write.
GROWING = {
    *("evidence", "nominations", "candidates", "lookups", "jobs", "removals", "runs", "paths", "guises", "letters"),
    *("sessions", "returns", "listings", "outputs", "journal", "changes", "notices", "contacts", "controls", "kept"),
    *("sent", "hearers", "forthcoming", "exclusions"),
}
#: Indexes that hold nothing but what is counted by them, of listings and candidates without a look at the rows, or few
#: rows at any time.
COUNTED = {
    *("ix_jobs_nominated_address", "ix_listings_active_kind", "ix_candidates_bringer", "sqlite_autoindex_lookups_1"),
    *("ix_jobs_running", "ix_notices_unsent_due"),
}
#: What offices draw, who share the store.
DRAWN = count(1)
HOSTS, LISTINGS, ENTRIES, QUEUED = 1500, 4000, 12000, 1500


@dataclass
class Statements:
    """What was asked of a store, each statement once, with the parameters of its first time."""

    store: Store
    seen: dict[str, tuple[str, Any]] = field(default_factory=dict)  # statement -> (verb, parameters)

    @contextmanager
    def of(self, verb: str) -> Iterator[None]:
        def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
            if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                self.seen.setdefault(statement, (verb, parameters[0] if many else parameters))

        event.listen(self.store.engine, "before_cursor_execute", note)
        try:
            yield
        finally:
            event.remove(self.store.engine, "before_cursor_execute", note)

    def scans(self) -> list[str]:
        """Every statement that walks through a table that grows, with its verb and plan."""
        found = []
        with self.store.read() as tx:
            for statement, (verb, parameters) in self.seen.items():
                for plan in _plan(tx.connection, statement, parameters):
                    found += [f"{verb}: {plan}\n    {' '.join(statement.split())}"]
        return found


def _plan(connection: Any, statement: str, parameters: Any) -> Iterator[str]:
    """The steps of a statement that read a growing table as a whole."""
    if connection.dialect.name == "sqlite":
        for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters):
            named = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
            if named is None or named[2] in COUNTED:
                continue
            table = _table(named[1], statement)
            if table in GROWING and not _walk(table, statement):
                yield step
        return
    driver = connection.connection.dbapi_connection
    if isinstance(parameters, Mapping):  # not a prepared one: SQLAlchemy's way, with names
        statement, names = numbered(statement)
        parameters = [parameters[name] for name in names]
    asked = RawCursor(driver)
    # No index serves it, or PostgreSQL would rather not use one, in the hope that the first of so many comes soon.
    for setting, hoping in (("off", False), ("on", True)):
        asked.execute(f"SET LOCAL enable_seqscan = {setting}")
        asked.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
        (plan,) = asked.fetchone()
        yield from _sequential(plan[0]["Plan"], hoping=hoping)
    asked.execute("SET LOCAL enable_seqscan = off")
    yield from _sequential(_planned_once(connection, statement, parameters), hoping=False)


def _planned_once(connection: Any, statement: str, values: Sequence[Any]) -> Any:
    """The plan for whatever values come, which a statement with numbered ones may have once it is prepared."""
    driver = connection.connection.dbapi_connection
    given = sql.SQL(", ").join(map(sql.Literal, values)).as_string(driver)
    with driver.cursor() as cursor:
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE asked AS {statement}")
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked{f'({given})' if values else ''}")
        (plan,) = cursor.fetchone()
        cursor.execute("DEALLOCATE asked")
        cursor.execute("SET LOCAL plan_cache_mode = auto")
    return plan[0]["Plan"]


def _sequential(step: dict[str, Any], *, hoping: bool, limited: bool = False) -> Iterator[str]:
    """The steps that read a growing table in its own order; with `hoping` those of the filled ones that end at the
    first hit."""
    kind, table = step["Node Type"], step.get("Relation Name", "")
    if kind == "Seq Scan" and table in GROWING and (not hoping or (limited and table in COPIED)):
        yield f"Seq Scan on {table}, {'in hope' if hoping else 'for want of an index'}"
    if kind.startswith("Index") and table in COPIED and limited and "Filter" in step and "Index Cond" not in step:
        yield f"{kind} on {table}, from its end to whatever row is met by {step['Filter']}"
    limited = kind == "Limit" or (limited and kind in ("Nested Loop", "LockRows", "Subquery Scan", "Result"))
    for number, inner in enumerate(step.get("Plans", ())):
        yield from _sequential(inner, hoping=hoping, limited=limited and number == 0)


def _table(name: str, statement: str) -> str:
    """The table behind a name of it in one statement."""
    alias = re.search(rf"\b(\w+) AS {name}\b", statement)
    return alias[1] if alias else name


def _walk(table: str, statement: str) -> bool:
    """Whether it is the walk of a key, from its end, for as many rows as are wanted: a limit, and nothing to be met."""
    return re.search(rf"FROM {table} ORDER BY {table}\.(seq|id) DESC\s+LIMIT", statement) is not None


@pytest.fixture(scope="module")
def grown(server: PostgreSQL | Files) -> Iterator[Store]:
    server.make("grown", like="migrated")
    store = Store(server.url("grown"))
    fill(store, Settings(), hosts=HOSTS, listings=LISTINGS, entries=ENTRIES, queued=QUEUED)
    yield store
    store.close()
    server.drop("grown")


@pytest.fixture
def office(grown: Store) -> Office:
    return Office(grown, Settings(), HandClock(SystemClock().now() + timedelta(minutes=1)), numbers=DRAWN)


def look(office: Office) -> None:
    views = office.casework.views
    for address in (PATTERN, host(1), SINGLE, RANGE[9], PATTERN + 1, host(HOSTS)):
        asker = Asker.of(Door.WEB, "192.0.2.0/24", control=False)
        run = views.look_up(address, asker=asker).runs
        for each in run[:2]:
            views.run_report(each.id)
            views.pulse(each.id)
    views.listed_among([host(number) for number in range(200)])
    views.listed_in(ip_network("20.0.0.0/16"), most=200)
    views.stopped()
    views.usage()
    views.corrections()
    views.unmanned()


def nominate(office: Office) -> None:
    job = office.nominate("198.18.0.1")
    office.nominate(str(host(HOSTS + 7)), evidence=b"other spam")
    office.casework.views.look_up(job.address)


def a_test(office: Office) -> None:
    full = frozenset({ip_network(f"{host(HOSTS + number)}/24", strict=False) for number in range(40)})
    crowded = Crowded(networks=full, addresses=frozenset({host(HOSTS)}))
    with office.store.read() as tx:
        assert tx.jobs.has_room(office.clock.now(), crowded)
    office.casework.assignments.take_job("w", full=crowded)
    run = office.test(Outcome.ACCEPTED)
    office.come_back(run.id, str(run.address))
    assert office.casework.views.look_up(run.address).state is State.LISTED


def remove(office: Office) -> None:
    office.casework.doors.ask_removal(host(3), door=Door.WEB, actor="192.0.2.0/24")
    office.later(hours=2)
    for _ in range(3):
        office.test(Outcome.RCPT_5XX)


def read_mail(office: Office) -> None:
    operators = office.casework.operators
    correspondence = office.casework.correspondence
    assert not correspondence.page(most=50) and not correspondence.page(9, most=50)
    with office.store.read() as tx:
        assert not tx.journal.last(["message 1", "message 2"])
    operators.journal(host(1))
    operators.journal(RANGE)
    operators.journal()


def feed(office: Office) -> None:
    contents = office.casework.contents
    last = contents.last_change()
    assert contents.changes(last - 10)
    contents.pairs()


def keep_up(office: Office) -> None:
    upkeep = office.casework.upkeep
    for verb in (upkeep.settle, upkeep.expire, upkeep.forget, upkeep.withheld):
        verb()
    office.casework.dispatch.take()
    office.casework.dispatch.newest(most=50)
    office.casework.lookups.file([Lookup(client="ann", address=host(5), last=office.clock.now().timestamp())])
    office.casework.watching.tell()
    office.casework.presence.beat("p", ["worker"])
    office.casework.presence.reckon()
    office.casework.shipping.ship()


def load(office: Office) -> None:
    operators = office.casework.operators
    networks = [ip_network(host(HOSTS + number)) for number in range(40)]
    words = {"kind": "manual", "reason": "x", "actor": "somebody"}
    assert operators.list_networks(networks[9:30], **words) + operators.list_networks(networks, **words) == 40
    assert operators.drop_networks(networks[:20], **words) + operators.drop_networks(networks, **words) == 40
    proven = [ip_network(host(number)) for number in range(10, 19)]
    assert operators.drop_networks(proven, **words | {"kind": "relay"}) == 9


def oversee(office: Office) -> None:
    oversight = office.casework.oversight
    oversight.summary()
    office.casework.views.backlog()
    for door in (None, Door.WEB):
        oversight.nominations(9, door, most=50)
    filters: list[dict[str, Any]] = [
        {},
        *({"kinds": kinds} for kinds in ({"manual"}, {"relay", "nowhere"})),
        *({"network": ip_network(network)} for network in ("60.0.0.0/24", "60.0.0.0/8", "0.0.0.0/0")),
        {"since": office.clock.now(), "until": office.clock.now()},
        {"reason": Reason.PURGED},
    ]
    for each in filters:
        oversight.listings(**each, most=50)
    office.casework.operators.exceptions()


def owners(office: Office) -> None:
    office.casework.self_tests.ask(host(5), ports="25", token="", door=Door.API, actor="192.0.2.0/24")
    with office.store.write() as tx:
        tx.removals.askers("nobody's")
        tx.contacts.keep(host(5), "postmaster@example.org", at=office.clock.now(), until=office.clock.now())


def bad_sources(office: Office) -> None:
    for source in ("198.51.100.0/24", "feed:", "operator nobody"):
        for dry_run in (True, False):
            office.casework.purging.purge(bringers.read(source), reason="x", actor="somebody", dry_run=dry_run)
    office.casework.operators.exclude(ip_network("20.0.9.0/24"), reason="x", actor="somebody")
    with office.store.write() as tx:
        tx.candidates.drop_of("nobody", most=9)
        tx.candidates.drop_before(office.clock.now(), most=9)
        tx.lookups.forget(office.clock.now(), most=9)


def old(office: Office) -> None:
    office.casework.forgetting.foresee()
    with office.store.write() as tx:
        tx.old.changes_before(office.clock.now())
        shown_of_listed(tx, ["00" * 32, "01" * 32])
        tx.kept.drop([Account("nobody", EVER), Account("somebody", EVER)])


def idle(office: Office) -> None:
    """What a scheduler asks again and again, once it has looked at everything."""
    upkeep = office.casework.upkeep
    for verb in (upkeep.settle, upkeep.expire, upkeep.follow_outputs, upkeep.forget, office.casework.feeding.pace):
        assert verb() == 0


VERBS = [look, nominate, a_test, remove, read_mail, feed, keep_up, load, oversee, owners, bad_sources, old, idle]


@pytest.mark.parametrize("verbs", VERBS)
def test_nothing_that_grows_is_read_from_end_to_end(office: Office, verbs: Callable[[Office], None]) -> None:
    office.casework.upkeep.follow_outputs()  # its first time is about all there are
    statements = Statements(office.store)
    with statements.of(verbs.__name__):
        verbs(office)
    assert len(statements.seen) > 2
    assert not statements.scans(), "\n".join(statements.scans())
