"""Messages at the collector."""

from __future__ import annotations

from typing import Any

from psycopg import RawCursor
from sqlalchemy import event

from dnsbl.store import Store
from dnsbl.store.returns import HEAD
from tester.returned import Collected
from tester.verdict import Finding, Weighed
from tests.dnsbl.store.samples import HOST, NOW, begin, later


def test_returns_are_read_by_run_and_lists_hold_their_heads(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        for hours, run in ((0, None), (1, "run"), (2, "run")):
            collected = Collected(
                peer=HOST,
                peer_port=25,
                local="192.0.2.1:25",
                tls=True,
                helo="\0\ud800",
                mail_raw=b"\0",
                rcpt_raw=b"\xff",
                mail_from="",
                recipient="TOKEN",
                domain="c.example",
                message=bytes(range(256)) * 100,
                received_at=later(hours=hours).timestamp(),
            )
            tx.returns.add(collected, Weighed(finding=Finding.TOKEN_SEEN, counts=False, reason="so"), run=run)
        found = tx.returns.of("run")
        assert [(item.received, item.peer, item.helo) for item in found] == [
            (later(hours=1), HOST, "\\x00\\ud800"),
            (later(hours=2), HOST, "\\x00\\ud800"),
        ]
        whole = tx.returns.read(found[0].id)
        assert whole is not None
        assert whole.message == bytes(range(256)) * 100
        assert found[0].message == whole.message[:HEAD]
        assert tx.returns.page({Finding.TOKEN_SEEN}, most=1)[0].message == whole.message[:HEAD]
        assert tx.returns.of("run", most=1) == found[:1]


def test_what_came_out_of_one_relay_is_not_sought_among_the_messages_of_all(store: Store) -> None:
    asked: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        asked.append((statement, parameters))

    with store.read() as tx:
        event.listen(store.engine, "before_cursor_execute", note)
        assert tx.returns.came_out(HOST, NOW) == []
        event.remove(store.engine, "before_cursor_execute", note)
        ((statement, parameters),) = asked
        lite = store.engine.dialect.name == "sqlite"
        driver = tx.connection.connection.dbapi_connection
        told = driver.cursor() if lite else RawCursor(driver)
        told.execute(f"EXPLAIN {'QUERY PLAN' if lite else ''} {statement}", parameters)
        plan = "\n".join(str(row[-1]) for row in told.fetchall())
    assert "ix_returns_finding_id" not in plan
    assert not lite or plan.startswith("SEARCH paths USING INDEX ix_paths_address")
