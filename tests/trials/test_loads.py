"""A load of many networks that is killed leaves whole slices, and the same command does the rest: on SQLite, on
PostgreSQL, and behind PgBouncer, which hands each transaction to another server process."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from house import House
from postgres import Pooler, PostgreSQL

from dnsbl.config import read_settings
from dnsbl.places import database_url
from dnsbl.store import Store

COUNT = 60_000


@pytest.fixture(params=["sqlite", "postgresql", "pgbouncer"])
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an empty one."""
    if request.param == "sqlite":
        yield ""
        return
    server = PostgreSQL()
    if request.param == "postgresql":
        yield server.url
    else:
        pooler = Pooler(server, connections=2)
        yield pooler.url
        pooler.close()
    server.close()


def test_what_is_killed_in_the_middle_leaves_whole_slices_and_the_same_command_does_the_rest(
    houses: Callable[..., House], database: str
) -> None:
    house = houses(database=database)
    file = house.folder / "networks"
    file.write_text("".join(f"20.{n >> 16}.{n >> 8 & 255}.{n & 255}\n" for n in range(COUNT)))
    words = ("--from", str(file), "--reason", "a trial")
    house.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    store = Store(database_url(read_settings(house.config)))
    for verb, done, present in (("add", "added", True), ("drop", "dropped", False)):
        last = changes(store)
        argv = [sys.executable, "-m", "dnsbl", "listing", verb, *words, "--config", str(house.config)]
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
        house.until("a slice", lambda at=last: changes(store) > at)
        assert house.stop(process, signal.SIGKILL) == -signal.SIGKILL
        with store.write():
            pass  # what was in its turn is done with it
        some = whole(store, last, present=present)
        assert 0 < some < COUNT
        assert house.dnsbl("listing", verb, *words)[done] == COUNT - some
        assert whole(store, last, present=present) == COUNT
    with store.read() as tx:
        assert tx.listings.by_kind() == {"manual": 1}
    store.close()


def changes(store: Store) -> int:
    """The number of the last change."""
    with store.read() as tx:
        return tx.changes.last()


def whole(store: Store, last: int, *, present: bool) -> int:
    """How many networks were listed or dropped since this change: each once, as the journal says."""
    with store.read() as tx:
        entries = tx.journal.read(None, most=1000)
        made = tx.changes.after(last, most=2 * COUNT)
        assert tx.journal.verify() == len(entries)
        listed = tx.listings.by_kind()["manual"]
    assert [each.seq for each in made] == list(range(last + 1, last + len(made) + 1))
    assert {each.present for each in made} == {present}
    assert len({each.network for each in made}) == len(made)
    said = [entry.evidence.partition(":")[0] for entry in entries if entry.verb == ("listed" if present else "dropped")]
    first = [int(each.split()[1].partition("-")[0]) for each in said if int(each.split("-")[1]) > last]
    assert sorted(first)[0] == last + 1 and said[-1] == f"changes {first[-1]}-{last + len(made)}"
    assert listed == 1 + (len(made) if present else COUNT - len(made))
    return len(made)
