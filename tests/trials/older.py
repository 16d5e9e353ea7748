"""A store as the program before this one has left it, for trials of an upgrade: a script for the Python of a list,
given the URL of its store.
"""

#: Takes the store back to what it was before the newest migration, and prints that version.
OLDER = """
import sys
from sqlalchemy import create_engine
from dnsbl.store import versions
assert versions.NEWEST == "0036", "what follows undoes that one: say here how the newest is undone"
before = f"{int(versions.NEWEST) - 1:04}"
with create_engine(sys.argv[1]).begin() as now:
    for index in ("removals_run", "contacts_until", "jobs_self_test_due", "listings_active_kind", "listings_author"):
        now.exec_driver_sql(f"DROP INDEX ix_{index}")
    now.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{before}'")
print(before)
"""
