"""What a node remembers of its database's history, and what it takes for the past."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from dnsbl.errors import StoreUnavailable
from dnsbl.store.fence import Era, Fence, is_past, read_era, written


@pytest.mark.parametrize(
    ("found", "past"),
    [
        (Era("7", 1), True),
        (Era("7", 2), False),
        (Era("7", 3), False),
        (Era("8", 1), False),  # another database: a copy that was restored elsewhere
    ],
)
def test_the_past_is_a_lower_timeline_of_the_same_database(found: Era, past: bool) -> None:
    assert is_past(found, Era("7", 2)) is past


@pytest.mark.parametrize("text", ["", "7", "7 x", "x 2", "7 -2", "7 2 3"])
def test_what_is_remembered_is_read_as_it_was_written_and_nothing_else_is(text: str) -> None:
    assert read_era(written(Era("7", 2))) == Era("7", 2)
    assert read_era(text) is None


def server(row: tuple[str, str] | Exception) -> Any:
    def execute(_statement: str) -> Any:
        if isinstance(row, Exception):
            raise row
        return SimpleNamespace(fetchone=lambda: row)

    return SimpleNamespace(execute=execute, rollback=lambda: None, info=SimpleNamespace(host="h", port=5432))


UNKNOWN = (psycopg.ProgrammingError,)


def test_a_standby_and_what_knows_no_timelines_are_let_in_and_nothing_is_remembered_of_them(tmp_path: Path) -> None:
    memory = tmp_path / "timeline"
    fence = Fence(memory)
    fence.admit(server(("7", "")), UNKNOWN)
    fence.admit(server(psycopg.errors.UndefinedFunction("pg_control_system")), UNKNOWN)
    assert not memory.exists()
    with pytest.raises(psycopg.OperationalError):
        fence.admit(server(psycopg.OperationalError("gone")), UNKNOWN)


def test_the_timeline_is_the_beginning_of_the_name_of_the_file_that_is_written_in_sixteens(tmp_path: Path) -> None:
    memory = tmp_path / "timeline"
    Fence(memory).admit(server(("7", "0000001A0000000000000003")), UNKNOWN)
    assert memory.read_text() == "7 26\n"


@pytest.mark.parametrize("memory", [None, Path("/dev/null/timeline")])
def test_a_process_remembers_by_itself_where_no_file_can(memory: Path | None) -> None:
    fence = Fence(memory)
    fence.admit(server(("7", "000000020000000000000003")), UNKNOWN)
    with pytest.raises(StoreUnavailable, match="old primary"):
        fence.admit(server(("7", "000000010000000000000003")), UNKNOWN)
