"""As whom runs were made."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from dnsbl.errors import StoreUnavailable
from dnsbl.store import Store
from tester.guises import Guise
from tests.dnsbl.store.samples import HOST, begin, later

FIRST = Guise(helo="a.example", collector_domain="c.example", bounce_domain="b.example", wording=1)
SECOND = Guise(helo="b.example", collector_domain="c2.example", bounce_domain="b2.example", selector="s", source="::1")


def test_the_strangers_of_a_run_are_kept_in_their_order(store: Store) -> None:
    with store.write() as tx:
        begin(tx, "run")
        begin(tx, "older")
        tx.guises.add("run", (FIRST, SECOND))
        assert tx.guises.of("run") == (FIRST, SECOND)
        assert tx.guises.of("older") == ()


def test_the_last_guise_of_an_address_is_the_first_one_of_its_newest_run(store: Store) -> None:
    with store.write() as tx:
        assert tx.guises.last(HOST) is None
        begin(tx, "new", later(days=1))
        begin(tx, "old")
        tx.guises.add("new", (SECOND, FIRST))
        tx.guises.add("old", (FIRST, SECOND))
        assert tx.guises.last(HOST) == SECOND


@pytest.mark.parametrize("document", ["{", "[7]", '[{"helo": "x"}]'])
def test_what_cannot_have_been_written_is_a_damaged_store(store: Store, document: str) -> None:
    with store.write() as tx:
        begin(tx, "run")
        tx.guises.add("run", (FIRST,))
        tx.connection.execute(text("UPDATE guises SET document = :d"), {"d": document})
        with pytest.raises(StoreUnavailable):
            tx.guises.of("run")
