"""Messages at the collector."""

from __future__ import annotations

from dnsbl.store import Store
from dnsbl.store.returns import HEAD
from tester.returned import Collected
from tester.verdict import Finding, Weighed
from tests.dnsbl.store.samples import HOST, begin, later


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
        assert tx.returns.found({Finding.TOKEN_SEEN}, most=1)[0].message == whole.message[:HEAD]
        assert tx.returns.of("run", most=1) == found[:1]
