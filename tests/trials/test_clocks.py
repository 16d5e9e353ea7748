"""A clock that is wrong holds what depends on time, says so, and ends no listing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from house import LISTED, House
from postgres import PostgreSQL

Houses = Callable[..., House]
#: The listings of the list under trial, all of which end in ninety days.
COUNT = 300


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    made = PostgreSQL()
    yield made
    made.close()


def wrong(file: Path, leap: str) -> dict[str, str]:
    """The environment of a process whose clock is wrong by what the file says, now and later."""
    [library] = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    file.write_text(leap)
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }


def that_ends(house: House, *, execute: Callable[[str], object]) -> None:
    """A list whose listings end by their age."""
    file = house.folder / "networks"
    file.write_text("".join(f"8.8.{n // 250}.{n % 250}\n" for n in range(COUNT)))
    house.dnsbl("listing", "add", "--from", str(file), "--reason", "a trial")
    ends = int((datetime.now(UTC) + timedelta(days=90)).timestamp() * 1_000_000)
    execute(f"UPDATE listings SET expires = {ends}")


def test_a_jump_ahead_ends_no_listing_on_sqlite(houses: Houses) -> None:
    house = houses()

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(house.state / "dnsbl.db")) as database, database:
            database.execute(statement)

    that_ends(house, execute=execute)
    process = house.serve(env=wrong(house.folder / "faketime", "+0"))
    house.until("the listing", lambda: house.ask("8.8.0.7") == LISTED)
    house.until("all to be up", lambda: house.ready()[0] == 200)
    for leap in ("+91d", "-91d", "+2d"):
        (house.folder / "faketime").write_text(leap)
        house.until("it to be said", lambda: "what depends on time waits" in house.ready()[1].get("reason", ""))
        assert house.ask("8.8.0.7") == LISTED
    (house.folder / "faketime").write_text("+0")
    house.until("all to be up", lambda: house.ready()[0] == 200)
    assert house.dnsbl("lookup", "8.8.0.7")["state"] == "listed"
    assert "expired" not in {entry["verb"] for entry in house.dnsbl("journal")}
    assert "what depends on time waits" in house.said()
    execute(f"UPDATE listings SET expires = {int(datetime.now(UTC).timestamp() * 1_000_000)} WHERE rowid = 1")
    house.until("what is due to be done again", lambda: house.dnsbl("lookup", "8.8.0.0")["state"] != "listed")
    assert house.stop(process) == 0


def test_a_start_and_a_command_with_a_clock_that_is_far_ahead_change_nothing(houses: Houses) -> None:
    house = houses()

    def execute(statement: str) -> None:
        with closing(sqlite3.connect(house.state / "dnsbl.db")) as database, database:
            database.execute(statement)

    that_ends(house, execute=execute)
    future = ["faketime", "-f", "+91d"]
    assert "91 days before" in house.dnsbl("clock", before=future, expect=1)
    assert "--trust" in house.dnsbl("listing", "add", "9.9.9.9", "--reason", "x", before=future, expect=1)
    process = house.serve(env=wrong(house.folder / "faketime", "+91d"))
    house.until("it to be said", lambda: "91 days before" in house.ready()[1].get("reason", ""))
    assert house.ask("8.8.0.7") == LISTED
    # an operator says that so much time has passed; then the listings are too many to end by themselves
    house.dnsbl("clock", "--trust", "--reason", "it was off", before=future)
    house.until("what waits to be said", lambda: house.ready()[1].get("held"))
    assert house.ready()[1]["held"][0].startswith(f"{COUNT} of {COUNT} listings would end by their age at once")
    assert house.ask("8.8.0.7") == LISTED
    assert house.dnsbl("listing", "expire", "--reason", "so it is", before=future)["ended"] == COUNT
    house.until("them to be gone", lambda: house.ask("8.8.0.7") == "NXDOMAIN")
    assert house.stop(process) == 0


def test_a_clock_that_is_not_the_databases_holds_on_postgresql(houses: Houses, server: PostgreSQL) -> None:
    house = houses(database=server.url)
    that_ends(house, execute=server.tell)
    for leap in ("+91d", "-1d"):
        process = house.serve(env=wrong(house.folder / "faketime", leap))
        house.until("it to be said", lambda: "the database's own clock says" in house.ready()[1].get("reason", ""))
        assert house.ask("8.8.0.7") == LISTED
        assert house.stop(process) == 0
    process = house.serve()
    house.until("all to be up", lambda: house.ready()[0] == 200)
    assert house.ask("8.8.0.7") == LISTED
    assert "expired" not in {entry["verb"] for entry in house.dnsbl("journal")}
    assert house.stop(process) == 0
