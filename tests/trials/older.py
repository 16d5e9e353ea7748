"""A store as the program before this one has left it, for trials of an upgrade: a script for the Python of a list,
given the URL of its store.
"""

#: Takes the store back to what it was before the newest migration, and prints that version.
OLDER = """
import sys
from sqlalchemy import create_engine, select, text
from dnsbl.store import versions
from dnsbl.store.columns import micros
from dnsbl.store.schema.entered import ENTRY, journal
assert versions.NEWEST == "0033", "what follows undoes that one: say here how the newest is undone"
before = f"{int(versions.NEWEST) - 1:04}"
with create_engine("sqlite://").begin() as old:
    versions.upgrade(old, before)
    made = old.exec_driver_sql("SELECT sql FROM sqlite_master WHERE tbl_name = 'journal'").scalars().all()
on_postgresql = (
    "ALTER TABLE journal DISABLE TRIGGER USER",
    "TRUNCATE journal",
    "DROP INDEX ix_journal_subject",
    "ALTER TABLE journal ADD previous text NOT NULL, ALTER evidence TYPE text USING '', ALTER hash TYPE text USING ''",
    "CREATE INDEX ix_journal_subject ON journal (subject, seq)",
    "ALTER TABLE journal ENABLE TRIGGER USER",
)
with create_engine(sys.argv[1]).begin() as now:
    entries = [dict(row._mapping) for row in now.execute(select(*ENTRY).order_by(journal.c.seq))]
    for change in on_postgresql if now.dialect.name == "postgresql" else ("DROP TABLE journal", *made):
        now.exec_driver_sql(change)
    if entries:
        names = list(entries[0])
        put = f"INSERT INTO journal ({', '.join(names)}) VALUES ({', '.join(f':{name}' for name in names)})"
        now.execute(text(put), [entry | {"at": micros(entry["at"])} for entry in entries])
    now.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{before}'")
print(before)
"""
