"""Nominations: numbered, and with the hash of what was shown."""

from __future__ import annotations

from sqlalchemy import text

from dnsbl.model import Nomination
from dnsbl.store import Store
from dnsbl.vocabulary import Door
from tests.dnsbl.store.samples import HOST, NOW


def test_nominations_are_numbered_and_keep_the_hash_of_evidence_that_is_gone(store: Store) -> None:
    nomination = Nomination(address=HOST, door=Door.MAIL, nominator="\udcff\0", reason="spam", evidence=None)
    with store.write() as tx:
        assert [tx.nominations.add(nomination, None, NOW) for _ in range(2)] == [1, 2]
        nominator, door = tx.connection.execute(text("SELECT nominator, door FROM nominations WHERE id = 1")).one()
        assert (nominator, door) == ("\\udcff\\x00", "mail")
        name, _ = tx.evidence.keep(b"spam", NOW)
        number = tx.nominations.add(nomination, name, NOW)
        tx.evidence.forget(name)
    with store.read() as tx:
        assert tx.nominations.read(number).evidence == name  # type: ignore[union-attr]
