"""A PostgreSQL primary and its hot standby in temporary folders, run by an unprivileged user, reached by a Unix socket.

Both listen at one address in turn: whoever is started there is what stands behind it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest


class PostgreSQL:
    """A primary, and a standby that is made of it. Call `close` at the end."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        if not found:
            pytest.fail("the trials need a PostgreSQL server: run tests/strangers/install as root", pytrace=False)
        self._bin = found[-1].parent
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self._as = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        for name in ("", "socket", "aside"):
            (self._folder / name).mkdir(exist_ok=True)
            (self._folder / name).chmod(0o700)
            if self._as:
                shutil.chown(self._folder / name, "nobody", "nogroup")
        self._run(
            "initdb", "-D", self._at("primary"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
        )
        self._running: dict[str, str] = {}  # name -> folder of its socket
        self.start("primary")

    @property
    def url(self) -> str:
        """The address, whoever is behind it."""
        return f"postgresql+psycopg://postgres@/postgres?host={self._folder / 'socket'}"

    def start(self, name: str, *, aside: bool = False) -> None:
        """Start it at the address, or at another one that nobody asks."""
        where = str(self._folder / ("aside" if aside else "socket"))
        options = f"-k {where} -c listen_addresses= -c fsync=off -c max_connections=40"
        self._run("pg_ctl", "-D", self._at(name), "-w", "-l", str(self._folder / f"{name}.log"), "-o", options, "start")
        self._running[name] = where

    def stop(self, name: str) -> None:
        """Stop it at once, as a crash would."""
        self._run("pg_ctl", "-D", self._at(name), "-w", "-m", "immediate", "stop")
        del self._running[name]

    def make_standby(self) -> None:
        """A hot standby of the primary; it is not started."""
        source = f"host={self._running['primary']} user=postgres"
        self._run("pg_basebackup", "-d", source, "-D", self._at("standby"), "-R", "-c", "fast", "-X", "stream")

    def promote(self) -> None:
        """Make the standby a primary."""
        self._run("pg_ctl", "-D", self._at("standby"), "-w", "promote")

    def tell(self, statement: str) -> None:
        """Run a statement at the address."""
        with psycopg.connect(host=str(self._folder / "socket"), user="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def close(self) -> None:
        for name in list(self._running):
            self.stop(name)
        shutil.rmtree(self._folder)

    def _at(self, name: str) -> str:
        return str(self._folder / name)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self._folder,
            timeout=60,
            **self._as,
        )
        assert done.returncode == 0, f"{program} ended with {done.returncode}: {done.stderr.decode()}"
