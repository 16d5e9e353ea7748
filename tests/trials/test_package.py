"""The package for Debian 12, in a Debian with nothing but what it depends on, under that Debian's own systemd: built,
installed, founded, run, asked, upgraded, run role by role, and purged, by the lines of docs/install.md as they stand.

The Debian is a folder that `install` has made; it is booted by systemd-nspawn(1) with what changes kept in memory, in a
network of its own without a way out.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from older import OLDER

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path("/var/cache/dnsbl-strangers")
#: An address that is nobody's example, on a loopback that leads nowhere.
ADDRESS = "81.2.69.142"
#: Seconds that anything may take on a machine that is busy.
PATIENCE = 300
BLOCKS = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/install.md").read_text(encoding="utf-8"), re.DOTALL)


def block(beginning: str) -> list[str]:
    """The lines of the one block that begins so, with the reader's own address."""
    (found,) = [text for text in BLOCKS if text.startswith(beginning)]
    return [line.replace("YOUR-ADDRESS", ADDRESS) for line in found.splitlines()]


def built(folder: Path, version: str) -> Path:
    fast = {"CFLAGS": "-O0", "DPKG_DEB_COMPRESSOR_TYPE": "none", "DEBVERSION": version}
    words = [sys.executable, str(ROOT / "packaging/deb.py"), str(folder), str(CACHE / "fetched")]
    done = subprocess.run(words, env=os.environ | fast, capture_output=True, text=True, timeout=5 * PATIENCE, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return Path(done.stdout.strip())


def renamed(package: Path, version: str, folder: Path) -> Path:
    """The same package as another version."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", str(package), str(tree)], check=True, timeout=PATIENCE)
    control = tree / "DEBIAN/control"
    control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(), flags=re.MULTILINE))
    later = package.with_name(package.name.replace("_1.0_", f"_{version}_"))
    subprocess.run(
        ["dpkg-deb", "-Znone", "-b", str(tree), str(later)], check=True, timeout=PATIENCE, stdout=subprocess.DEVNULL
    )
    return later


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A version and the next one."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "dist").mkdir()
    first = built(folder / "dist", "1.0")
    return [first, renamed(first, "1.1", folder)]


class Machine:
    """A booted Debian."""

    def __init__(self, leader: int) -> None:
        self._leader = leader

    def says(self, line: str, *, code: int = 0) -> str:
        """What a line prints that root types in the folder with dist/."""
        inside = ["nsenter", "-t", str(self._leader), "-a", "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
        done = subprocess.run(
            [*inside, "sh", "-c", f"cd /media && {line}"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == code, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def outside(self, line: str) -> str:
        """What a line prints that is typed on a machine with more programs, in this one's network."""
        words = ["nsenter", "-t", str(self._leader), "-n", "sh", "-c", line]
        return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE).stdout

    def answered(self, *, once: str = "") -> None:
        """The page's question gets its answer, with these further words for dig."""
        (line,) = block("dig ")
        if (said := self.outside(line.replace("dig ", f"dig {once} "))) != "127.0.0.2\n":
            raise AssertionError(said + self.says("journalctl --no-pager -n 50"))


@pytest.fixture(scope="module")
def machine(packages: list[Path]) -> Iterator[Machine]:
    words = ["systemd-nspawn", "-q", "-D", str(CACHE / "debian"), "--register=no", "--keep-unit", "--private-network"]
    words += ["--volatile=overlay", f"--bind-ro={packages[0].parent.parent}:/media", "--console=pipe", "-b"]
    nspawn = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    leader = 0
    try:
        until = time.monotonic() + PATIENCE
        while not leader:
            assert nspawn.poll() is None and time.monotonic() < until, "the machine does not begin"
            time.sleep(0.2)
            children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text().split()
            leader = int(children[0]) if children else 0
        there = Machine(leader)
        ready = "test -S /run/systemd/private && systemctl is-system-running --wait | grep -qE 'running|degraded'"
        while subprocess.run(
            ["nsenter", "-t", str(leader), "-a", "sh", "-c", ready], capture_output=True, timeout=PATIENCE
        ).returncode:
            assert nspawn.poll() is None and time.monotonic() < until, "the machine does not come up"
            time.sleep(0.5)
        there.says(f"ip addr add {ADDRESS}/32 dev lo")
        yield there
    finally:
        if leader:
            os.kill(leader, signal.SIGRTMIN + 4)  # power off, systemd(1)
        try:
            nspawn.wait(60)
        except subprocess.TimeoutExpired:
            nspawn.kill()
            nspawn.wait()


def test_a_debian_with_nothing_else_runs_the_list_by_the_lines_of_the_page(
    machine: Machine, packages: list[Path]
) -> None:
    install, *found, start = block("apt-get install ./dist")
    machine.says(install.replace("_*.deb", "_1.0_*.deb"))  # two versions lie there
    for line in found:
        machine.says(line)
    assert 'state_dir = "/var/lib/dnsbl"' in machine.says("cat /etc/dnsbl/config.toml")
    assert "CAP_NET_BIND" not in machine.says("runuser -u daemon true; dnsbl check-config")
    machine.says(start)
    machine.answered()
    assert machine.says("systemctl is-active dnsbl") == "active\n"
    assert "engine: compiled" in machine.says("dnsbl --version")
    assert "level for dnsbl.service: " in machine.says(
        "systemd-analyze security --threshold=25 --no-pager dnsbl.service"
    )


def test_commands_of_root_work_on_the_running_list_and_leave_its_files_to_it(machine: Machine) -> None:
    machine.says("dnsbl listing add 81.2.69.150 --kind manual --reason trial")
    assert json.loads(machine.says("dnsbl lookup 81.2.69.150 --json"))["state"] == "listed"
    owners = set(machine.says("stat -c %U /var/lib/dnsbl/*").split())
    assert owners == {"dnsbl"}


def test_a_reload_reads_the_zones_again_and_keeps_the_process(machine: Machine) -> None:
    pid = machine.says("systemctl show -P MainPID dnsbl")
    machine.says("systemctl reload dnsbl")
    assert machine.says("systemctl show -P MainPID dnsbl") == pid
    machine.answered()


def test_an_upgrade_leaves_the_list_running_with_what_it_knew(machine: Machine) -> None:
    pid = machine.says("systemctl show -P MainPID dnsbl")
    machine.says("apt-get install -q ./dist/dnsbl-relays_1.1_*.deb")
    assert machine.says("systemctl show -P MainPID dnsbl") != pid
    machine.answered()
    assert json.loads(machine.says("dnsbl lookup 81.2.69.150 --json"))["state"] == "listed"


def test_an_upgrade_brings_the_store_of_an_older_version_up_and_a_newer_one_is_left_alone(machine: Machine) -> None:
    as_the_list = "runuser -u dnsbl -- /usr/lib/dnsbl/bin/python3 -I"
    machine.says("systemctl stop dnsbl")
    older = machine.says(f"{as_the_list} -c {shlex.quote(OLDER)} sqlite:////var/lib/dnsbl/dnsbl.db").strip()
    assert "db upgrade" in machine.says("dnsbl lookup 81.2.69.150", code=1)
    machine.says("apt-get install -q --reinstall ./dist/dnsbl-relays_1.1_*.deb")
    assert json.loads(machine.says("dnsbl lookup 81.2.69.150 --json"))["state"] == "listed"
    version = "import sqlite3; store = sqlite3.connect('/var/lib/dnsbl/dnsbl.db'); "
    version += "print(store.execute('SELECT version_num FROM alembic_version').fetchone()[0]); "
    newest = machine.says(f'{as_the_list} -c "{version}"').strip()
    assert newest > older
    becomes = "store.execute('UPDATE alembic_version SET version_num = ?', ('{}',)); store.commit()"
    machine.says(f'{as_the_list} -c "{version}{becomes.format(9999)}"')
    assert "9999" in machine.says("dnsbl db upgrade", code=1)
    machine.says(f'{as_the_list} -c "{version}{becomes.format(newest)}"')
    machine.says("systemctl start dnsbl")
    machine.answered()


def test_an_upgrade_reaches_the_store_that_a_drop_in_names(machine: Machine) -> None:
    folder, other = "/etc/systemd/system/dnsbl.service.d", "sqlite:////var/lib/dnsbl/other.db"
    machine.says(f"mkdir -p {folder} /etc/systemd/system/dnsbl@dns.service.d")
    machine.says(f"printf '[Service]\\nEnvironment=DNSBL_DATABASE__URL={other}\\n' > {folder}/other.conf")
    machine.says("systemctl daemon-reload")
    config = "/etc/dnsbl/config.toml"
    machine.says(f"runuser -u dnsbl -- env DNSBL_DATABASE__URL={other} dnsbl db upgrade -c {config}")
    as_the_list = "runuser -u dnsbl -- /usr/lib/dnsbl/bin/python3 -I"
    older = machine.says(f"{as_the_list} -c {shlex.quote(OLDER)} {other}").strip()
    machine.says("apt-get install -q --reinstall ./dist/dnsbl-relays_1.1_*.deb")
    version = "import sqlite3; store = sqlite3.connect('/var/lib/dnsbl/other.db'); "
    version += "print(store.execute('SELECT version_num FROM alembic_version').fetchone()[0])"
    assert machine.says(f'{as_the_list} -c "{version}"').strip() > older
    machine.says(f"rm -r {folder} /var/lib/dnsbl/other.db; systemctl daemon-reload; systemctl restart dnsbl")
    machine.answered()


def test_a_start_answers_where_something_is_wrong_that_serve_bears(machine: Machine) -> None:
    machine.says("printf '[statistics]\\ncountries = \"/etc/dnsbl/gone.csv\"\\n' >> /etc/dnsbl/config.toml")
    assert "gone.csv" in machine.says("dnsbl check-config", code=1)
    machine.says("systemctl restart dnsbl")
    machine.answered()
    assert "gone.csv" in machine.says("journalctl --no-pager -u dnsbl -n 50")
    machine.says("sed -i '/^\\[statistics\\]$/,$d' /etc/dnsbl/config.toml; systemctl restart dnsbl")
    machine.answered()


def test_with_sockets_of_systemd_a_question_begins_the_list_and_none_is_lost_when_it_begins_again(
    machine: Machine,
) -> None:
    asked_once = "+tries=1 +time=240"
    try:
        for line in block("mkdir -p /etc/systemd/system/dnsbl.socket.d"):
            machine.says(line)
        machine.answered()
        machine.says("systemctl stop dnsbl")
        assert machine.says("systemctl is-active dnsbl", code=3) == "inactive\n"
        machine.answered(once=asked_once)
        machine.says("systemctl start dnsbl")  # returns when it has begun
        machine.says("systemctl restart --no-block dnsbl")
        machine.answered(once=asked_once)
    finally:
        machine.says("systemctl disable --now dnsbl.socket")
        machine.says("systemctl restart dnsbl")
    machine.answered()


def test_each_role_runs_by_a_unit_of_its_own_and_never_beside_the_whole(machine: Machine) -> None:
    for line in block("systemctl disable --now dnsbl"):
        machine.says(line)
    assert machine.says("systemctl is-active dnsbl", code=3) == "inactive\n"
    roles = " ".join(f"dnsbl@{role}" for role in ("dns", "worker", "collector", "scheduler", "notices", "web"))
    assert set(machine.says(f"systemctl is-active {roles}").split()) == {"active"}
    machine.answered()
    machine.says("systemctl start dnsbl.service")
    machine.says("systemctl is-active dnsbl@dns", code=3)
    machine.answered()


def test_the_manual_and_the_bill_of_materials_came_along(machine: Machine) -> None:
    for page in ("man1/dnsbl.1", "man5/dnsbl-config.5"):
        machine.says(f"test -s /usr/share/man/{page}.gz")
    assert machine.says("head -n 1 /usr/share/zsh/vendor-completions/_dnsbl") == "#compdef dnsbl\n"
    bill = json.loads(machine.says("cat /usr/share/doc/dnsbl-relays/sbom.cdx.json"))
    names = {part["name"] for part in bill["components"]}
    machine.says("test -s /usr/share/doc/dnsbl-relays/examples/prometheus/alerts.yml")
    page = machine.says("cat /usr/share/doc/dnsbl-relays/docs/monitoring.md")
    for name in re.findall(r"/usr/share/doc/dnsbl-relays/examples/[\w./-]*\w", page):
        machine.says(f"test -s {name}")
    assert {"sqlalchemy", "dnslib", "uvicorn"} <= names
    assert not names & {"pytest", "mypy", "pip"}


def test_it_is_purged_clean(machine: Machine) -> None:
    machine.says("apt-get purge -q -y dnsbl-relays")
    left = "find / -xdev -not -path '/proc/*' -not -path '/media/*' -name '*dnsbl*' -not -path '/var/log/journal/*'"
    assert [
        path for path in machine.says(left).split() if not path.startswith(("/var/log", "/tmp/systemd-private"))
    ] == []
    assert machine.says("systemctl list-units --state=active,failed --plain --no-legend 'dnsbl*'") == ""


def test_what_is_in_the_package_is_dpkgs_and_roots(packages: list[Path]) -> None:
    done = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(packages[0])], capture_output=True, check=True, timeout=60)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as tree:
        for member in tree:
            assert (member.uname, member.gname) == ("root", "root"), member.name
            assert not member.mode & 0o022 or member.issym(), member.name
