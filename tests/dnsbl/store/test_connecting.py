"""How connections are made: what a URL may say, what every connection is told, and which of several hosts is taken.
(What transactions then do: test_database.)"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import psycopg
import pytest
from sqlalchemy.exc import ArgumentError, OperationalError

from dnsbl.errors import StoreUnavailable
from dnsbl.store.connecting import PREPARED_AFTER, PREPARED_MOST, WIRE, LostBeforeError, create
from dnsbl.store.fence import Fence


class Server:
    """A host that answers: it takes changes on this timeline of a database, or is a standby of it (0)."""

    prepare_threshold: int | None = None
    prepared_max: int | None = 100

    def __init__(self, timeline: int, system: str = "7", *, pooler: bool = False) -> None:
        self.row: tuple[Any, ...] = (system, f"{timeline:08X}0000000000000001" if timeline else "")
        self.info = SimpleNamespace(host="h", port=1, backend_pid=5)
        self._serving = 6 if pooler else 5
        self._asked = ""
        self.open = True

    def execute(self, statement: str) -> Server:
        self._asked = statement
        return self

    def fetchone(self) -> tuple[Any, ...]:
        return (self._serving,) if "pg_backend_pid" in self._asked else self.row

    def rollback(self) -> None:
        pass

    def close(self) -> None:
        self.open = False


class Driver:
    """The driver's connect: who is at a port, and what it was told each time."""

    def __init__(self, **servers: Server) -> None:
        self.servers = servers
        self.told: list[dict[str, Any]] = []

    def connect(self, url: str, *, memory: Path | None = None) -> Any:
        """What an engine with this URL gets."""
        engine, _ = create(url, may_make=lambda: False, replaced=lambda: None, fence=Fence(memory))
        engine.dialect.connect = self._dial  # type: ignore[method-assign]
        [given] = engine.dialect.dispatch.do_connect
        arguments, words = engine.dialect.create_connect_args(engine.url)
        words |= WIRE  # as the engine does
        return given(engine.dialect, None, arguments, words)

    def _dial(self, **words: Any) -> Any:
        self.told.append(words)
        if (server := self.servers.get(f"p{words.get('port', 5432)}")) is None:
            raise psycopg.OperationalError("nobody there")
        return server


SEVERAL = "postgresql+psycopg://u@/x?host=a:1&host=b:2&host=c:3&target_session_attrs=read-write"


def test_several_hosts_are_dialled_in_their_order_each_with_what_the_url_asks_of_it() -> None:
    driver = Driver(p3=Server(1))
    assert driver.connect(SEVERAL) is driver.servers["p3"]
    assert [(told["host"], told["port"]) for told in driver.told] == [("a", "1"), ("b", "2"), ("c", "3")]
    assert all(told["target_session_attrs"] == "read-write" for told in driver.told)
    driver = Driver(p2=Server(1))
    assert driver.connect("postgresql+psycopg://u@/x?host=2001:db8::1,2001:db8::2&port=1,2")
    assert [told["host"] for told in driver.told] == ["2001:db8::1", "2001:db8::2"]


def test_addresses_beside_names_are_dialled_each_with_its_own() -> None:
    driver = Driver()
    with pytest.raises(psycopg.OperationalError):
        driver.connect("postgresql+psycopg://u@/x?host=a,b&hostaddr=192.0.2.1,192.0.2.2&port=6,7")
    told = [(one["host"], one["hostaddr"], one["port"]) for one in driver.told]
    assert told == [("a", "192.0.2.1", "6"), ("b", "192.0.2.2", "7")]


def test_an_old_primary_is_passed_over_for_the_one_in_its_place(tmp_path: Path) -> None:
    memory = tmp_path / "timeline"
    driver = Driver(p1=Server(1))
    assert driver.connect(SEVERAL, memory=memory) is driver.servers["p1"]
    driver.servers = {"p2": Server(2)}
    assert driver.connect(SEVERAL, memory=memory) is driver.servers["p2"]
    old = driver.servers["p1"] = Server(1)
    assert driver.connect(SEVERAL, memory=memory) is driver.servers["p2"], "also by another process of this node"
    assert not old.open
    del driver.servers["p2"]
    with pytest.raises(StoreUnavailable, match=r"is an old primary \(timeline 1, .* met 2\).* remove .*/timeline\.$"):
        driver.connect(SEVERAL, memory=memory)
    memory.unlink()
    assert driver.connect(SEVERAL, memory=memory) is old


def test_where_nobody_answers_the_driver_has_said_so() -> None:
    with pytest.raises(psycopg.OperationalError, match="nobody there"):
        Driver().connect(SEVERAL)


def test_a_host_that_is_named_alone_is_dialled_as_it_is() -> None:
    driver = Driver(p5432=Server(1))
    assert driver.connect("postgresql+psycopg://u@h/x") is driver.servers["p5432"]
    assert driver.connect("postgresql+psycopg://u@/x?host=/run/sockets") is driver.servers["p5432"]
    assert [(told["host"], told.get("port")) for told in driver.told] == [("h", None), ("/run/sockets", None)]
    assert driver.connect("postgresql+psycopg://u@/x") and "host" not in driver.told[-1]


@pytest.mark.parametrize("hosts", ["host=a:x&host=b:1", "host=a,b&port=1,2,3", "host=[2001:db8::1]:5432&host=b:5433"])
def test_hosts_and_ports_that_make_no_sense_are_refused_before_anybody_is_dialled(hosts: str) -> None:
    with pytest.raises(ArgumentError):
        create(f"postgresql+psycopg://u@/x?{hosts}", may_make=lambda: False, replaced=lambda: None)


def told_at_the_wire(url: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the driver itself is told for a URL; nobody is dialled."""
    told: dict[str, Any] = {}

    def connect(*_: Any, **words: Any) -> None:
        told.update(words)
        raise psycopg.OperationalError("nobody there")

    monkeypatch.setattr(psycopg, "connect", connect)
    monkeypatch.setattr(psycopg.Connection, "connect", connect)
    with pytest.raises(OperationalError):
        create(url, may_make=lambda: False, replaced=lambda: None)[0].connect()
    return told


def test_no_statement_is_prepared_before_it_is_known_who_answers(monkeypatch) -> None:
    assert told_at_the_wire("postgresql+psycopg://u@h/x", monkeypatch)["prepare_threshold"] is None


@pytest.mark.parametrize("pooler", [False, True])
def test_statements_are_prepared_where_the_servers_own_process_is_at_the_other_end(pooler: bool) -> None:
    driver = Driver(p5432=Server(1, pooler=pooler))
    connection = driver.connect("postgresql+psycopg://u@h/x")
    assert connection.prepare_threshold == (None if pooler else PREPARED_AFTER)
    assert connection.prepared_max == (100 if pooler else PREPARED_MOST)


def test_the_url_has_the_last_word_on_what_is_prepared() -> None:
    driver = Driver(p5432=Server(1))
    assert driver.connect("postgresql+psycopg://u@h/x?prepare_threshold=7").prepare_threshold is None


def test_the_driver_is_told_a_number_of_the_url_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told_at_the_wire("postgresql+psycopg://u@h/x?prepare_threshold=7", monkeypatch)["prepare_threshold"] == 7
    for none in ("often", "-1", "7&prepare_threshold=8"):
        with pytest.raises(ArgumentError):
            create(f"postgresql+psycopg://u@h/x?prepare_threshold={none}", may_make=bool, replaced=lambda: None)


@pytest.mark.parametrize("closed", [True, False], ids=["lost", "kept waiting"])
def test_a_connection_that_was_lost_says_so_before_anything_is_said(
    closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, _ = create("postgresql+psycopg://u@h/x", may_make=lambda: False, replaced=lambda: None)
    theirs = MagicMock(spec=psycopg.Connection, closed=False)
    theirs.execute.return_value.fetchone.side_effect = [("7", "000000010000000000000001"), (5,)]
    monkeypatch.setattr(engine.dialect, "connect", lambda *_arguments, **_words: theirs)
    monkeypatch.setattr(engine.dialect, "initialize", lambda _connection: None)
    with engine.connect() as connection:
        theirs.closed, theirs.execute.side_effect = closed, psycopg.OperationalError("no")
        with pytest.raises((LostBeforeError, psycopg.OperationalError)) as said:
            connection.begin()
        assert isinstance(said.value, LostBeforeError) is closed
        assert isinstance(said.value.__cause__ if closed else said.value, psycopg.OperationalError)
        assert connection.invalidated, "and is given back to nobody"


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("postgresql+psycopg://u@/x?host=a:1&host=b:2", "read-write"),
        ("postgresql+psycopg://u@/x?host=a,b&target_session_attrs=primary", "primary"),
        ("postgresql+psycopg://u@h/x", None),
    ],
)
def test_of_several_hosts_the_one_that_takes_changes_is_asked_for(url: str, asked: str | None, monkeypatch) -> None:
    assert told_at_the_wire(url, monkeypatch).get("target_session_attrs") == asked


def test_the_url_has_the_last_word_on_how_long_is_waited(monkeypatch) -> None:
    told = told_at_the_wire("postgresql+psycopg://u@h/x?connect_timeout=3", monkeypatch)
    assert (told["connect_timeout"], told["tcp_user_timeout"]) == ("3", WIRE["tcp_user_timeout"])


@pytest.mark.parametrize("asked", ["", "?client_encoding=SQL_ASCII"])
def test_text_goes_through_whole_whatever_the_url_says(asked: str, monkeypatch) -> None:
    assert told_at_the_wire(f"postgresql+psycopg://u@h/x{asked}", monkeypatch)["client_encoding"] == "UTF8"


def test_what_was_in_use_when_all_connections_were_given_up_is_closed_when_it_comes_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    engine, _ = create(f"sqlite:///{tmp_path / 'x'}", may_make=lambda: True, replaced=lambda: None)
    reader = engine.execution_options(write=False)
    with reader.connect() as one, reader.connect() as other:
        owned: list[Any] = [connection.connection.dbapi_connection for connection in (one, other)]
        engine.dispose()
        with reader.connect() as new:
            kept: Any = new.connection.dbapi_connection
    for connection in owned:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
    with closing(kept.execute("SELECT 1")) as rows:
        assert rows.fetchall() == [(1,)], "the next one is kept"
    engine.dispose()
    assert not caplog.records, "and the log is not told of pools"


def test_a_connection_that_cannot_be_looked_at_is_closed_whatever_is_raised() -> None:
    driver = Driver(p5432=Server(1))
    odd = driver.servers["p5432"]
    odd.row = "7", "no number"
    with pytest.raises(ValueError):
        driver.connect("postgresql+psycopg://u@h/x")
    assert not odd.open
