"""Our units, as Debian's systemd reads and judges them, and the user and folders that they need."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from dnsbl.daemons import ROLES

UNITS = Path(__file__).resolve().parents[2] / "packaging" / "systemd"
#: Of ten, by systemd-analyze(1); below it a service is called "OK".
EXPOSURE_MOST = 2.5


def asked(*words: str, given: str | None = None) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, input=given)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """Copies whose command and user this machine has."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8").replace("/usr/bin/dnsbl", "/bin/true")
        (tmp_path / unit.name).write_text(re.sub(r"^(User|Group)=dnsbl$", r"\1=daemon", text, flags=re.MULTILINE))
    return tmp_path


def test_systemd_finds_nothing_wrong_with_any_unit(units: Path) -> None:
    role = (units / "dnsbl@.service").read_text(encoding="utf-8")
    for name in ROLES:
        (units / f"dnsbl@{name}.service").write_text(role)
    found = sorted(str(unit) for kind in ("service", "socket", "target") for unit in units.glob(f"dnsbl*.{kind}"))
    assert len(found) == 4 + len(ROLES)
    assert asked("systemd-analyze", "verify", "--man=no", *found) == ""


@pytest.mark.parametrize("unit", ["dnsbl.service", "dnsbl@.service"])
def test_a_service_is_exposed_to_little(unit: str) -> None:
    told = asked("systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / unit))
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+) ", told)
    assert level is not None, told
    assert float(level[1]) <= EXPOSURE_MOST, told


def test_both_services_are_hardened_alike() -> None:
    one, role = (
        (UNITS / name).read_text(encoding="utf-8").partition("[Service]\n")[2].partition("[Install]")[0]
        for name in ("dnsbl.service", "dnsbl@.service")
    )
    assert role.replace(" --only %i", "") == one


def test_the_role_unit_names_every_role() -> None:
    head = (UNITS / "dnsbl@.service").read_text(encoding="utf-8").partition("[Unit]")[0]
    assert re.findall(r"dnsbl@(\w+)", head) == list(ROLES)


def test_the_user_and_the_folders_are_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    asked("systemd-sysusers", f"--root={tmp_path}", str(UNITS / "dnsbl.sysusers"))
    (user,) = [line for line in (tmp_path / "etc/passwd").read_text().splitlines() if line.startswith("dnsbl:")]
    assert user.endswith(":/var/lib/dnsbl:/usr/sbin/nologin")
    asked("systemd-tmpfiles", f"--root={tmp_path}", "--create", str(UNITS / "dnsbl.tmpfiles"))
    state = (tmp_path / "var/lib/dnsbl").stat()
    assert (oct(state.st_mode & 0o7777), state.st_uid) == ("0o750", int(user.split(":")[2]))
    assert oct((tmp_path / "etc/dnsbl").stat().st_mode & 0o7777) == "0o755"
