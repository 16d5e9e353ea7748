"""Whatever happens to the store, DNS goes on answering, all that ails is said, and it heals without a new start."""

from __future__ import annotations

import os
import re
import shutil
import signal
import smtplib
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from house import LISTED, PATIENCE, Asking, House, children
from postgres import PostgreSQL

Houses = Callable[..., House]


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    made = PostgreSQL()
    yield made
    made.close()


@pytest.fixture
def disk(folder: Path) -> Iterator[Path]:
    """A small disk of its own."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0755", "none", str(place)], check=True)
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def served(house: House) -> subprocess.Popen[bytes]:
    """Serving, with one listing."""
    house.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    process = house.serve()
    house.until("the listing", lambda: house.ask("8.8.8.8") == LISTED)
    house.until("all to be up", lambda: house.ready()[0] == 200)
    house.until("the table on disk", lambda: (house.state / "table").exists())
    return process


def unready(house: House, pattern: str) -> Callable[[], Any]:
    """Whether /readyz says so."""

    def said() -> bool:
        status, document = house.ready()
        reasons = [document.get("reason", ""), *(one.get("why", "") for one in document.get("down", ()))]
        return status == 503 and any(re.search(pattern, reason) for reason in reasons)

    return said


def holds(house: House, pattern: str) -> Callable[[], Any]:
    """Whether /readyz says that this waits for somebody's word."""
    return lambda: any(re.search(pattern, one) for one in house.ready()[1].get("held", ()))


def brings_mail(house: House) -> int:
    """The reply to a message for postmaster at the collector."""
    with smtplib.SMTP("127.0.0.1", house.collector, timeout=PATIENCE) as to:
        to.ehlo("client.test")
        to.mail("a@client.test")
        to.rcpt("postmaster@c.test")
        return to.data("Subject: hello\r\n\r\nhello\r\n")[0]


def asks_for_removal(house: House) -> int:
    """The status of a request at the web's door."""
    argv = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Content-Type: application/json"]
    argv += ["-d", '{"address":"8.8.8.8"}', f"http://127.0.0.1:{house.web}/api/v1/removals"]
    return int(subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout)


def test_a_database_that_goes_away_and_comes_back_costs_no_answer(houses: Houses, server: PostgreSQL) -> None:
    house = houses(database=server.url)
    process = served(house)
    both = children(process.pid)
    with Asking(house, "8.8.8.8") as asking:
        server.stop("primary")
        house.until("the silence to be said", unready(house, "does not answer"))
        assert brings_mail(house) == 451
        assert asks_for_removal(house) == 503
        server.start("primary")
        house.until("all to be up", lambda: house.ready()[0] == 200)
        house.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
        house.until("the new listing", lambda: house.ask("9.9.9.9") == LISTED)
    assert (asking.lost, asking.answers) == (0, [LISTED])
    assert children(process.pid) == both
    assert house.stop(process) == 0


def test_a_hot_standby_behind_the_address_costs_no_answer_and_a_promotion_heals(
    houses: Houses, server: PostgreSQL
) -> None:
    house = houses(database=server.url)
    process = served(house)
    both = children(process.pid)
    server.make_standby()
    with Asking(house, "8.8.8.8") as asking:
        server.stop("primary")
        server.start("standby")
        house.until("it to be said", unready(house, "takes no changes|read-only"))
        assert brings_mail(house) == 451
        assert house.dnsbl("lookup", "8.8.8.8")["state"] == "listed"
        assert "takes no changes" in house.dnsbl("listing", "add", "9.9.9.9", "--reason", "x", expect=1)
        server.promote()
        house.until("all to be up", lambda: house.ready()[0] == 200)
        house.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
        house.until("the new listing", lambda: house.ask("9.9.9.9") == LISTED)
    assert (asking.lost, asking.answers) == (0, [LISTED])
    assert children(process.pid) == both
    assert house.stop(process) == 0


def test_processes_that_are_killed_on_postgresql_lose_nothing(houses: Houses, server: PostgreSQL) -> None:
    house = houses(database=server.url)
    process = served(house)
    for number in range(2):
        for pid in children(process.pid):
            os.kill(pid, signal.SIGKILL)
        house.until("both to be back", lambda: len(children(process.pid)) == 2)
        house.until("all to be up", lambda: house.ready()[0] == 200)
        address = f"9.9.9.{number}"
        house.dnsbl("listing", "add", address, "--reason", "a trial")
        house.until("the new listing", lambda address=address: house.ask(address) == LISTED)
    assert house.dnsbl("journal", "--verify")["verified"] >= 3
    assert house.stop(process) == 0


def test_a_start_without_the_database_answers_from_the_table_and_goes_on_when_it_comes(
    houses: Houses, server: PostgreSQL
) -> None:
    house = houses(database=server.url)
    process = served(house)
    assert house.stop(process) == 0
    server.stop("primary")
    process = house.serve()
    assert house.ask("8.8.8.8") == LISTED
    house.until("the silence to be said", unready(house, "does not answer"))
    server.start("primary")
    house.until("all to be up", lambda: house.ready()[0] == 200)
    assert house.stop(process) == 0


def test_a_database_whose_locks_are_stubs_is_refused_by_commands_and_by_serve_before_it_has_a_table(
    houses: Houses, server: PostgreSQL
) -> None:
    house = houses(database=server.url)
    server.tell("CREATE SCHEMA stubs")
    stub = "stubs.pg_try_advisory_xact_lock(bigint) RETURNS boolean LANGUAGE sql"
    server.tell(f"CREATE FUNCTION {stub} AS 'SELECT true'")
    server.tell("ALTER DATABASE postgres SET search_path = public, stubs, pg_catalog")
    sentence = "gives a lock that is held to another connection as well"
    assert sentence in house.dnsbl("db", "upgrade", expect=1)
    assert sentence in house.dnsbl("listing", "add", "8.8.8.8", "--reason", "x", expect=1)
    process = house.serve("--only", "dns,web")
    house.until("it to be said", unready(house, sentence))
    server.tell("ALTER DATABASE postgres RESET search_path")
    server.tell("DO $$ BEGIN ASSERT to_regclass('public.journal') IS NULL; END $$")
    house.until("all to be up", lambda: house.ready()[0] == 200)
    assert house.stop(process) == 0


def test_a_damaged_page_costs_no_answer_and_a_copy_in_its_place_heals(houses: Houses) -> None:
    house = houses()
    house.dnsbl("listing", "add", *_file(house, 400), "--reason", "a trial")
    process = served(house)
    both = children(process.pid)
    database, copy = house.state / "dnsbl.db", house.folder / "copy.db"
    with closing(sqlite3.connect(database)) as here, closing(sqlite3.connect(copy)) as there:
        here.backup(there)
    with Asking(house, "8.8.8.8") as asking:
        _damage(database)
        house.until("the damage to be said", unready(house, "is damaged"))
        assert brings_mail(house) == 451
        assert asks_for_removal(house) == 503
        database.rename(house.folder / "damaged.db")  # as docs/recovery.md says
        for beside in house.state.glob("dnsbl.db-*"):
            beside.unlink()
        copy.rename(database)
        house.until("all to be up", lambda: house.ready()[0] == 200)
        house.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
        house.until("the new listing", lambda: house.ask("9.9.9.9") == LISTED)
    assert (asking.lost, asking.answers) == (0, [LISTED])
    assert children(process.pid) == both
    assert house.said().count("\n") < 400
    assert house.stop(process) == 0


def _file(house: House, count: int) -> tuple[str, str]:
    file = house.folder / "networks"
    file.write_text("".join(f"8.{n // 250}.{n % 250}.0/24\n" for n in range(count)))
    return "--from", str(file)


def _damage(database: Path) -> None:
    """Overwrite what is behind the first page, also where the newest pages lie beside the database."""
    for path in (database, database.with_name(f"{database.name}-wal")):
        if path.exists() and path.stat().st_size > 4096:
            with path.open("r+b") as file:
                file.seek(4096)
                file.write(b"\xa5" * (path.stat().st_size - 4096))


def _fill(ballast: Path) -> None:
    """Write until nothing fits any more, four megabytes at most."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.tell() < 1 << 23:
            file.write(bytes(4096))


def test_a_full_disk_costs_no_answer_is_said_everywhere_and_heals(houses: Houses, disk: Path) -> None:
    house = houses(state=disk / "state")
    process = served(house)
    both = children(process.pid)
    with Asking(house, "8.8.8.8") as asking:
        _fill(disk / "ballast")
        house.until("it to be said", unready(house, "is full"))
        assert "is full" in house.said()
        said = house.dnsbl("listing", "add", *_file(house, 5000), "--reason", "x", expect=1)
        assert "The disk of the database is full; make room on it." in said
        (disk / "ballast").unlink()
        house.until("all to be up", lambda: house.ready()[0] == 200)
        house.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
        house.until("the new listing", lambda: house.ask("9.9.9.9") == LISTED)
    assert (asking.lost, asking.answers) == (0, [LISTED])
    assert children(process.pid) == both
    assert house.stop(process) == 0


def test_testing_is_stopped_with_a_full_disk_and_taken_up_again_with_room(houses: Houses, disk: Path) -> None:
    house = houses(state=disk / "state")
    process = served(house)
    _fill(disk / "ballast")
    house.until("it to be said", unready(house, "is full"))
    assert "is full" in house.dnsbl("listing", "add", *_file(house, 5000), "--reason", "x", expect=1)
    assert house.dnsbl("stop", "--reason", "a trial")["testing"] == "stopped"
    assert (house.state / "stop").exists(), "the journal takes no entry"
    house.until("the worker to obey", holds(house, "An operator has stopped testing on this machine"))
    assert "stopped testing on this machine" in house.dnsbl("status")["testing"]
    (disk / "ballast").unlink()
    house.until("room", lambda: not unready(house, "is full")())
    assert house.dnsbl("resume", "--reason", "room")["testing"] == "goes on"
    house.until("all to be up", lambda: house.ready()[0] == 200)
    assert house.stop(process) == 0


def test_testing_is_stopped_on_a_machine_whose_database_is_away(houses: Houses, server: PostgreSQL) -> None:
    house = houses(database=server.url)
    process = served(house)
    server.stop("primary")
    said = house.dnsbl("stop", "--reason", "a trial", expect=1)
    assert "Testing is stopped on this machine alone" in said
    house.until("the worker to obey", holds(house, "An operator has stopped testing on this machine"))
    server.start("primary")
    assert house.dnsbl("resume", "--reason", "it is back")["testing"] == "goes on"
    house.until("all to be up", lambda: house.ready()[0] == 200)
    assert house.stop(process) == 0


def test_a_folder_that_cannot_be_written_any_more_still_serves_after_a_start(houses: Houses, disk: Path) -> None:
    house = houses(state=disk / "state")
    process = served(house)
    assert house.stop(process) == 0
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for words in ((), ("--only", "dns")):
        process = house.serve(*words)
        assert house.ask("8.8.8.8") == LISTED
        if not words:
            house.until("it to be said", unready(house, "takes no changes|does not answer"))
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            house.until("all to be up", lambda: house.ready()[0] == 200)
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=False)
        assert house.stop(process) == 0


def test_a_state_folder_without_anything_in_it_that_cannot_be_written_still_serves(houses: Houses, disk: Path) -> None:
    house = houses(state=disk / "state")
    served_before = houses("before")
    process = served(served_before)
    served_before.stop(process)
    (disk / "state").mkdir()
    shutil.copy(served_before.state / "table", disk / "state" / "table")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    process = house.serve()
    assert house.ask("8.8.8.8") == LISTED
    house.until("what is missing to be said", lambda: house.ready()[0] == 503)
    assert "cookie secrets cannot be kept there: Read-only file system" in house.said()
    assert house.stop(process) == 0
