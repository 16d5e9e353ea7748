"""PostgreSQL in temporary folders, run by an unprivileged user: a primary and its hot standby behind one Unix socket,
at which whoever is started listens; three servers that replicate, at ports of their own; PgBouncer before a server.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from dnsbl.demo.neighbourhood import free_port

#: Where Debian puts servers.
SYSTEM = "/usr/sbin:/usr/bin:/sbin:/bin"


class Programs:
    """A folder of databases, and the programs of PostgreSQL that work in it."""

    def __init__(self) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        if not found:
            pytest.fail("the trials need a PostgreSQL server: run tests/strangers/install as root", pytrace=False)
        self._bin = found[-1].parent
        self.folder = Path(tempfile.mkdtemp(prefix="pg"))
        self.as_nobody: dict[str, Any] = (
            {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        )
        self._own(self.folder)

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _own(self, folder: Path) -> Path:
        """Make a folder that is the servers' own."""
        folder.mkdir(exist_ok=True)
        folder.chmod(0o700)
        if self.as_nobody:
            shutil.chown(folder, "nobody", "nogroup")
        return folder

    def _at(self, name: str) -> str:
        return str(self.folder / name)

    def _init(self, name: str) -> None:
        self._run("initdb", "-D", self._at(name), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")

    def _begin(self, name: str, options: str) -> None:
        log = Path(self._at(f"{name}.log"))
        try:
            self._run("pg_ctl", "-D", self._at(name), "-w", "-l", str(log), "-o", options, "start")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{log.read_text(errors='replace')[-2000:]}") from error

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._bin / program), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            timeout=60,
            **self.as_nobody,
        )
        assert done.returncode == 0, f"{program} ended with {done.returncode}: {done.stderr.decode()}"


class PostgreSQL(Programs):
    """A primary, and a standby that is made of it. Call `close` at the end."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("socket", "aside"):
            self._own(self.folder / name)
        self._init("primary")
        self._running: dict[str, str] = {}  # name -> folder of its socket
        self.start("primary")

    @property
    def url(self) -> str:
        """The address, whoever is behind it."""
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder / 'socket'}"

    @property
    def aside(self) -> str:
        """Where whoever was started aside is reached."""
        return f"postgresql+psycopg://postgres@/postgres?host={self.folder / 'aside'}"

    def start(self, name: str, *, aside: bool = False) -> None:
        """Start it at the address, or at another one."""
        where = str(self.folder / ("aside" if aside else "socket"))
        self._begin(name, f"-k {where} -c listen_addresses= -c fsync=off -c max_connections=40")
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
        with psycopg.connect(host=str(self.folder / "socket"), user="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def close(self) -> None:
        for name in list(self._running):
            self.stop(name)
        super().close()


class Cluster(Programs):
    """Servers at ports of their own, the first of which is the primary and streams to the others. What is committed has
    reached one of these. Call `close` at the end."""

    NAMES = ("one", "two", "three")

    def __init__(self) -> None:
        super().__init__()
        self.ports = {name: free_port() for name in self.NAMES}
        self._own(self.folder / "sockets")
        self._init("one")
        self.start("one")
        for name in self.NAMES[1:]:
            source = f"host=127.0.0.1 port={self.ports['one']} user=postgres"
            self._run("pg_basebackup", "-d", source, "-D", self._at(name), "-c", "fast", "-X", "stream")
            self.follow(name)
            self.start(name)

    @property
    def url(self) -> str:
        """All of them, as a list has them in its settings."""
        hosts = "&".join(f"host=127.0.0.1:{port}" for port in self.ports.values())
        return f"postgresql+psycopg://postgres@/postgres?{hosts}&target_session_attrs=read-write"

    def follow(self, name: str) -> None:
        """Have it begin as a standby, of whichever of the others takes changes."""
        (Path(self._at(name)) / "standby.signal").touch()
        if self.as_nobody:
            shutil.chown(Path(self._at(name)) / "standby.signal", "nobody", "nogroup")

    def start(self, name: str, *, alone: bool = False) -> None:
        """Start it; `alone` commits without waiting for another one."""
        hosts = ",".join("127.0.0.1" for _ in self.ports)
        ports = ",".join(str(port) for port in self.ports.values())
        settings = {
            "port": str(self.ports[name]),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self._at("sockets"),
            "fsync": "off",
            "max_connections": "60",
            "cluster_name": name,
            "wal_log_hints": "on",
            "wal_retrieve_retry_interval": "200ms",
            "synchronous_standby_names": "''" if alone else f"'ANY 1 ({', '.join(self.NAMES)})'",
            "primary_conninfo": f"'host={hosts} port={ports} user=postgres target_session_attrs=read-write'",
        }
        told = "".join(f"{key} = {value if value[:1] == chr(39) else repr(value)}\n" for key, value in settings.items())
        (Path(self._at(name)) / "postgresql.auto.conf").write_text(told)
        self._begin(name, "")

    def kill(self, name: str) -> None:
        """End the server and each of its processes, as a power cut would."""
        first = int((Path(self._at(name)) / "postmaster.pid").read_text().split()[0])
        os.kill(first, signal.SIGSTOP)  # or it begins another one meanwhile, which outlives it and keeps its memory
        every = [first, *map(int, Path(f"/proc/{first}/task/{first}/children").read_text().split())]
        for pid in every:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        last = time.monotonic() + 30
        while any(Path(f"/proc/{pid}").exists() for pid in every):  # a dead one that nobody has buried counts as alive
            assert time.monotonic() < last, f"{name} is still there"
            time.sleep(0.01)

    def promote(self, among: Iterable[str]) -> str:
        """Make that one the primary which has received most, so that all that was acknowledged is there; its name."""
        received = "SELECT pg_last_wal_receive_lsn() - '0/0'::pg_lsn"
        best = max(among, key=lambda name: self.ask(name, received)[0])
        self._run("pg_ctl", "-D", self._at(best), "-w", "promote")
        return best

    def rejoin(self, name: str) -> None:
        """Have one that was the primary follow the new one: what it has beyond that is taken back."""
        new = next(other for other in self.ports if other != name and self._takes_changes(other))
        source = f"host=127.0.0.1 port={self.ports[new]} user=postgres dbname=postgres"
        self._run("pg_rewind", "-D", self._at(name), "--source-server", source)
        self.follow(name)
        self.start(name)

    def _takes_changes(self, name: str) -> bool:
        try:
            return not self.ask(name, "SELECT pg_is_in_recovery()")[0]
        except psycopg.OperationalError:
            return False

    def ask(self, name: str, statement: str) -> tuple[Any, ...]:
        """The first row of what this one answers."""
        to = {"host": "127.0.0.1", "port": self.ports[name], "user": "postgres", "connect_timeout": 5}
        with psycopg.connect(**to, autocommit=True) as connection:
            return connection.execute(statement).fetchone() or ()

    def close(self) -> None:
        for name in self.NAMES:
            if (Path(self._at(name)) / "postmaster.pid").exists():
                with suppress(OSError, ValueError):
                    self.kill(name)
        super().close()


class Pooler(Programs):
    """PgBouncer in transaction mode before a server; so many of its connections for all who come."""

    def __init__(self, server: PostgreSQL, *, connections: int) -> None:
        super().__init__()
        if shutil.which("pgbouncer", path=SYSTEM) is None:
            pytest.fail("this trial needs PgBouncer: run tests/strangers/install as root", pytrace=False)
        self.port = free_port()
        (self.folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={server.folder / 'socket'} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\nauth_type = any\n"
            f"pool_mode = transaction\ndefault_pool_size = {connections}\nmax_client_conn = 1000\n"
            "stats_users = stats\n"
        )
        self.start()

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        argv = [shutil.which("pgbouncer", path=SYSTEM) or "", self._at("pgbouncer.ini")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=self.folder, **self.as_nobody)
        for _ in range(200):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        pytest.fail(f"PgBouncer does not listen: {(self.folder / 'log').read_text()}")

    def told(self, what: str) -> list[dict[str, Any]]:
        """What its console says: `SHOW ...`."""
        to = {"host": "127.0.0.1", "port": self.port, "user": "stats", "dbname": "pgbouncer"}
        with psycopg.connect(
            **to, autocommit=True, row_factory=dict_row, cursor_factory=psycopg.ClientCursor
        ) as console:
            return console.execute(f"SHOW {what}").fetchall()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(10)

    def close(self) -> None:
        self.kill()
        super().close()
