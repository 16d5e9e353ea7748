"""A PostgreSQL server of a bench's own: in a temporary folder, run by an unprivileged user, reached by a Unix socket.

It waits for the disk as one in service does (fsync is on), and is otherwise as Debian's package makes it. It can be
told to wait for longer, as where the disk is across a network or a standby has to confirm: each flush of its log is
then begun so much later (`commit_delay`), and serves all who wait for one meanwhile.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

#: Seconds that it may take to be made, to start or to stop.
PATIENCE = 120


class OwnServer:
    """A running server."""

    def __init__(self, programs: Path, folder: Path, flush: float = 0.0) -> None:
        """`flush`: milliseconds by which each flush of its log takes longer."""
        self._programs, self._folder, self._flush = programs, folder, flush
        self._as: dict[str, Any] = (
            {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        )
        if self._as:
            shutil.chown(folder, "nobody", "nogroup")

    def start(self) -> None:
        """Make a cluster and start it."""
        self._run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C")
        slow = f"-c commit_siblings=0 -c commit_delay={1000 * self._flush:.0f}"
        options = f"-k {self._folder} -c listen_addresses= {slow}"
        self._run("pg_ctl", "-w", "-l", f"{self._folder}/log", "-o", options, "start")

    def stop(self) -> None:
        """Stop it."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    @property
    def pid(self) -> int:
        """The number of its first process, which begins the others."""
        return int((self._folder / "data" / "postmaster.pid").read_text().split()[0])

    def make(self, name: str) -> str:
        """An empty database; returns its URL."""
        self._tell(f"CREATE DATABASE {name} TEMPLATE template0")
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def drop(self, name: str) -> None:
        """Away with a database."""
        self._tell(f"DROP DATABASE {name} WITH (FORCE)")

    def _tell(self, statement: str) -> None:
        with psycopg.connect(host=str(self._folder), user="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), "-D", f"{self._folder}/data", *arguments]
        out = subprocess.DEVNULL
        subprocess.run(command, check=True, stdout=out, cwd=self._folder, timeout=PATIENCE, **self._as)


@contextmanager
def own_server(flush: float = 0.0) -> Iterator[OwnServer | None]:
    """A server for as long as this lasts, each flush of whose log takes so many milliseconds longer; None where the
    machine has no PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    on_path = shutil.which("pg_ctl")
    if not found and on_path is None:
        yield None
        return
    programs = found[-1].parent if found else Path(on_path or "").parent
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    server = OwnServer(programs, folder, flush)
    try:
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
