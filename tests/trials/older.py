"""A store as the program before this one has left it, for trials of an upgrade: a script for the Python of a list,
given the URL of its store.
"""

#: Takes the store back to what it was before the newest migration, and prints that version.
OLDER = """
import sys
from sqlalchemy import create_engine, inspect
from dnsbl.store import versions
before = f"{int(versions.NEWEST) - 1:04}"
with create_engine("sqlite://").begin() as old:
    versions.upgrade(old, before)
    known = inspect(old)
    had = {name: [{each["name"] for each in of(name)} for of in (known.get_columns, known.get_indexes)]
           for name in known.get_table_names()}
with create_engine(sys.argv[1]).begin() as now:
    here = inspect(now)
    drops = [f"DROP TABLE {name}" for name in here.get_table_names() if name not in had]
    for name, (columns, indexes) in had.items():
        drops += [f"DROP INDEX {each['name']}" for each in here.get_indexes(name)
                  if each["name"] not in indexes and "duplicates_constraint" not in each]
        drops += [f"ALTER TABLE {name} DROP COLUMN {each['name']}" for each in here.get_columns(name)
                  if each["name"] not in columns]
    for drop in [*drops, f"UPDATE alembic_version SET version_num = '{before}'"]:
        now.exec_driver_sql(drop)
print(before)
"""
