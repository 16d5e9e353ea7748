"""A Docker of its own: Debian's daemon, client and Compose, unpacked and not installed, in a network of its own.

The daemon has its own folders, mounts, bridges and rules of a firewall, none of them this machine's. What it builds is
fetched through slirp4netns, which is ended afterwards: what runs has no way out. Nothing is pulled: `debian:12-slim` is
the Debian that `install` has made, `postgres:17` is Debian's own PostgreSQL, told what to do as the official image is.
"""

from __future__ import annotations

import os
import subprocess
import sysconfig
import tarfile
import time
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path("/var/cache/dnsbl-strangers")
WORLD = CACHE / "docker"
#: Seconds that anything may take on a machine that is busy; a build takes five times as long.
PATIENCE = 300
COMPOSE = f"""#!/bin/sh
if [ "$1" = compose ]; then
    shift
    export PYTHONPATH={WORLD}/usr/lib/python3/dist-packages
    exec /usr/bin/python3 {WORLD}/usr/bin/docker-compose "$@"
fi
exec {WORLD}/usr/bin/docker "$@"
"""
POSTGRES = """FROM debian:12-slim
RUN apt-get update -q && apt-get install -q -y --no-install-recommends postgresql && rm -rf /var/lib/postgresql/*
COPY entry /usr/local/bin/
ENV LANG=C.UTF-8
VOLUME /var/lib/postgresql/data
STOPSIGNAL SIGINT
ENTRYPOINT ["entry"]
"""
#: What the official image does with its environment, as far as compose.yaml rests on that.
ENTRY = """#!/bin/bash
set -eu
export PATH=$(echo /usr/lib/postgresql/*/bin):$PATH PGDATA=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then
    install -d -o postgres -g postgres -m 0700 $PGDATA
    exec setpriv --reuid postgres --regid postgres --init-groups "$0"
fi
if [ ! -s $PGDATA/PG_VERSION ]; then
    initdb -D $PGDATA -U "$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") -A trust
    echo 'host all all all scram-sha-256' >> $PGDATA/pg_hba.conf
    pg_ctl -D $PGDATA -w start -o "-c listen_addresses=''"
    psql -U "$POSTGRES_USER" -d postgres -c "CREATE DATABASE \\"$POSTGRES_DB\\""
    pg_ctl -D $PGDATA -m fast -w stop
fi
exec postgres -c listen_addresses='*'
"""


class Docker:
    """A daemon that runs until it is closed."""

    def __init__(self, folder: Path) -> None:
        """Begin it in this folder, which must be empty. Raises AssertionError."""
        self._folder = folder
        self._log = folder / "log"
        self._slirp: subprocess.Popen[bytes] | None = None
        tools = folder / "bin"
        tools.mkdir()
        (tools / "docker").write_text(COMPOSE)
        (tools / "docker").chmod(0o755)
        for name in ("iptables", "ip6tables"):  # alternatives of Debian's, which only an installation sets
            (tools / name).symlink_to(WORLD / f"usr/sbin/{name}-nft")
        libraries = f"{WORLD}/usr/lib/{sysconfig.get_config_var('MULTIARCH')}"
        places = [tools, WORLD / "usr/bin", WORLD / "usr/sbin", WORLD / "sbin"]
        self._env = os.environ | {
            "PATH": ":".join([*map(str, places), os.environ["PATH"]]),
            "LD_LIBRARY_PATH": libraries,
            "XTABLES_LIBDIR": f"{libraries}/xtables",
            "DOCKER_HOST": f"unix://{folder}/socket",
            "DOCKER_CONFIG": str(folder / "config"),
            "DOCKER_BUILDKIT": "0",  # of which Debian has no builder
        }
        daemon = f"ip link set lo up; exec dockerd -H unix://{folder}/socket --pidfile {folder}/pid"
        daemon += f" --data-root {folder}/data --exec-root {folder}/exec"
        with self._log.open("wb") as log:
            words = ["unshare", "-n", "-m", "sh", "-c", daemon]
            self._daemon = subprocess.Popen(words, env=self._env, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE
        while subprocess.run(["docker", "info"], env=self._env, capture_output=True, timeout=PATIENCE).returncode:
            assert self._daemon.poll() is None and time.monotonic() < until, self._log.read_text()[-3000:]
            time.sleep(0.3)

    def types(self, lines: str, *, code: int = 0, patience: float = PATIENCE) -> str:
        """What these lines print, typed in our source on this Docker's machine; each must end with 0, the last with
        `code`.
        """
        inside = ["nsenter", "-t", str(self._daemon.pid), "-n", "bash", "-ec", lines]
        done = subprocess.run(
            inside,
            cwd=ROOT,
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience,
        )
        assert done.returncode == code, f"{lines}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def knows(self, name: str, value: str) -> None:
        """What is typed from here on finds this in its environment."""
        self._env[name] = value

    def has_a_way_out(self) -> None:
        """From here on packages can be fetched."""
        words = ["slirp4netns", "--configure", "--mtu=65520", "--disable-host-loopback", str(self._daemon.pid), "tap0"]
        self._slirp = subprocess.Popen(words, env=self._env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.types("for i in $(seq 100); do ip route show default | grep -q tap0 && exit; sleep 0.1; done; false")

    def has_none(self) -> None:
        """From here on nothing can."""
        if self._slirp is not None:
            self._slirp.terminate()
            self._slirp.wait(PATIENCE)
            self._slirp = None

    def takes_bases(self) -> None:
        """The two images that are named and cannot be pulled here."""
        there = ["docker", "import", "-", "debian:12-slim"]
        with subprocess.Popen(["tar", "-C", str(CACHE / "debian"), "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run(there, env=self._env, stdin=tar.stdout, capture_output=True, check=True, timeout=PATIENCE)
        steps, files = ["FROM debian:12-slim", "COPY unsafe /etc/dpkg/dpkg.cfg.d/"], {"unsafe": b"force-unsafe-io\n"}
        if authorities := os.environ.get("PIP_CERT"):  # whom this machine believes when it fetches libraries
            steps.append("COPY pip.conf pip.crt /etc/")
            files |= {"pip.conf": b"[global]\ncert = /etc/pip.crt\n", "pip.crt": Path(authorities).read_bytes()}
        self._builds("debian:12-slim", "\n".join(steps), files)
        self._builds("postgres:17", POSTGRES, {"entry": ENTRY.encode()})

    def _builds(self, name: str, steps: str, files: dict[str, bytes]) -> None:
        packed = BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, content in ({"Dockerfile": steps.encode()} | files).items():
                member = tarfile.TarInfo(path)
                member.size, member.mode = len(content), 0o755
                tar.addfile(member, BytesIO(content))
        words = ["docker", "build", "-t", name, "-"]
        done = subprocess.run(words, env=self._env, input=packed.getvalue(), capture_output=True, timeout=5 * PATIENCE)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()[-3000:]

    def close(self) -> None:
        """End it and all that it runs."""
        self.has_none()
        self._daemon.terminate()
        try:
            self._daemon.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()
