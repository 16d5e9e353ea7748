"""The only SQL: one module a shelf, Alembic migrations; SQLite (WAL) by default, PostgreSQL by URL.

`Store` opens transactions, a `Transaction` has the shelves, a shelf has named queries with a sentence each. Holds no
rule: what may be written is decided above, in `casework`. Nothing but records of `model` and `tester` goes in or out.
"""

from dnsbl.store.database import Store, Transaction

__all__ = ["Store", "Transaction"]
