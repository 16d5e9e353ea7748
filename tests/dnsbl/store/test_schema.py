"""The tables as the code knows them."""

from __future__ import annotations

import pytest
from alembic import command

from dnsbl.store import Store, versions


@pytest.mark.filterwarnings("ignore:.*expression-based index '?ix_journal_subject")  # which is held on PostgreSQL alone
def test_schema_and_migrations_agree(store: Store) -> None:
    with store.write() as tx:
        command.check(versions.config(tx.connection))
