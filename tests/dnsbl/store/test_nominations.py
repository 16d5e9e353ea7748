"""Nominations: numbered, and with evidence that is there."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from dnsbl.errors import StoreUnavailable
from dnsbl.model import Door, Nomination
from dnsbl.store import Store
from tests.dnsbl.store.samples import HOST, NOW


def test_nominations_are_numbered_and_their_evidence_must_be_there(store: Store) -> None:
    nomination = Nomination(address=HOST, door=Door.MAIL, nominator="\udcff\0", reason="spam", evidence=None)
    with store.write() as tx:
        assert [tx.nominations.add(nomination, None, NOW) for _ in range(2)] == [1, 2]
        nominator, door = tx.connection.execute(text("SELECT nominator, door FROM nominations WHERE id = 1")).one()
        assert (nominator, door) == ("\\udcff\\x00", "mail")
    with pytest.raises(StoreUnavailable, match="refuses"), store.write() as tx:
        tx.nominations.add(nomination, "0" * 64, NOW)
