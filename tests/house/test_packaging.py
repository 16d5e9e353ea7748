"""What packages are made of: every library that is needed is held to its hashes, in the version that is tested; the
manual names each command and setting; the bill of materials names each part and its licence."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import pytest
from setuptools.command.egg_info import FileList

from dnsbl import DISTRIBUTION
from dnsbl.cli.program import COMMANDS
from dnsbl.settings import Settings
from tests.house.test_licences import built_on

ROOT = Path(__file__).resolve().parents[2]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"packaging_{name}", ROOT / "packaging" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def one_form(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(text: str) -> dict[str, str]:
    return {one_form(name): version for name, version in re.findall(r"^([\w.-]+)==([\w.]+)", text, re.MULTILINE)}


LOCK = (ROOT / "packaging/requirements.lock").read_text(encoding="utf-8")


def test_every_library_is_locked_with_its_hashes_in_the_version_that_is_tested() -> None:
    locked = pinned(LOCK)
    tested = pinned((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    needed = built_on(DISTRIBUTION, set()) - {DISTRIBUTION}
    assert needed <= locked.keys(), "run `make lock`"
    assert {name: version for name, version in locked.items() if tested.get(name) != version} == {}, "run `make lock`"
    for entry in re.split(r"\n(?=[\w.-]+==)", LOCK.strip()):
        assert HASH.search(entry), entry


#: What is no part of the source, and is in no archive of it either.
NO_SOURCE = (".git", ".venv")


def ignored() -> list[str]:
    """A path for each line of .gitignore, at the top and in some folders that an archive holds as a whole."""
    found: list[str] = []
    for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split():
        sample = line.strip("/").replace("*", "x") + ("/left" if line.endswith("/") else "")
        inside = [] if "/" in line.rstrip("/") else ["tests", "tests/house", "bench", "docs", "dnsbl/dns/engine"]
        found += [sample, *(f"{folder}/{sample}" for folder in inside)]
    return found


def source() -> list[str]:
    """What git knows; in an archive, which has none of it, all that is not ignored."""
    if (ROOT / ".git").exists():
        named = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        return [name for name in named.stdout.split("\0") if name and (ROOT / name).is_file()]
    made = re.compile(
        r"(^|/)(__pycache__|\.[a-z_]+_cache|\.hypothesis|[^/]*\.egg-info|build)/|\.(c|so|pyc)$|^PKG-INFO$"
    )
    paths = (path for path in ROOT.rglob("*") if path.is_file() and path.relative_to(ROOT).parts[0] not in NO_SOURCE)
    return [name for path in paths if not made.search(name := str(path.relative_to(ROOT))) and name != "setup.cfg"]


def test_an_archive_of_the_source_holds_tests_and_bench_and_nothing_that_git_ignores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, left = source(), ignored()
    assert {"tests/conftest.py", "bench/dns.py", "Makefile", "dnsbl/cli/doctor.py"} <= set(known)
    assert len(left) > 80 and "config.toml" in left
    for name in (*known, *left):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    held = FileList()
    held.extend([name for name in known if name.startswith(("dnsbl/", "tester/")) and name.endswith((".py", ".pyx"))])
    for line in (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            held.process_template_line(line)
    assert sorted(set(held.files) & set(left)) == []
    data = ("dnsbl/", "tester/")  # what of these is no module is named in pyproject.toml, and seen in the wheel
    assert {name for name in known if not name.startswith(data)} == {n for n in held.files if not n.startswith(data)}


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("man")
    script("manual").main(folder)
    return folder


def test_the_manual_has_each_command_and_each_setting(manual: Path) -> None:
    commands = (manual / "dnsbl.1").read_text(encoding="utf-8")
    shown = {line.split()[1] for line in commands.splitlines() if line.startswith(".Ss ")}
    assert shown == COMMANDS.keys()
    settings = (manual / "dnsbl-config.5").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f".Ss Table {name}\n" in settings
        for key in getattr(field.annotation, "model_fields", ()):
            assert f".It Va {key}\n" in settings


def test_the_manual_tells_what_holds_where_an_option_is_left_out(manual: Path) -> None:
    options = (manual / "dnsbl.1").read_text(encoding="utf-8").split("\n.It ")
    told = {each.split()[1]: each.rpartition("Default: ")[2].split()[0] for each in options if "\nDefault: " in each}
    assert (told["-profile"], told["-days"], told["-only"]) == ("standard", "30", "all")


def test_no_line_of_the_manual_is_taken_for_what_it_is_not(manual: Path) -> None:
    words = script("manual").words
    assert list(words(".Dd is no date. 'tis a \\fB word")) == ["\\&.Dd is no date.", "\\&'tis a \\efB word"]
    for page in manual.iterdir():
        for line in page.read_text(encoding="utf-8").splitlines():
            assert len(line) < 80 or line.startswith((".It", "Default:")), line


def test_the_bill_of_materials_names_each_part_with_its_licence() -> None:
    folder = Path(str(distribution("sqlalchemy").locate_file("")))
    done = subprocess.run(
        [sys.executable, str(ROOT / "packaging/sbom.py"), str(folder)], capture_output=True, text=True, timeout=60
    )
    bill = json.loads(done.stdout)
    assert (bill["bomFormat"], bill["metadata"]["component"]["name"]) == ("CycloneDX", DISTRIBUTION)
    parts = {part["name"]: part for part in bill["components"]}
    needed = built_on(DISTRIBUTION, set()) - {DISTRIBUTION}
    assert needed <= parts.keys()
    assert [name for name in sorted(needed) if not parts[name].get("licenses")] == []
    refs = {part["bom-ref"] for part in bill["components"]} | {bill["metadata"]["component"]["bom-ref"]}
    for edge in bill["dependencies"]:
        assert {edge["ref"], *edge["dependsOn"]} <= refs


@pytest.mark.parametrize(
    ("name", "text", "fetched"),
    [
        ("a.html", '<a href="https://there.test/">x</a><script src="js/own.js"></script>', []),
        ("a.html", '<script src="https://there.test/a.js"></script>', ["https://there.test/a.js"]),
        ("a.html", '<LINK rel=stylesheet HREF="//there.test/a.css">', ["//there.test/a.css"]),
        ("a.html", '<img src=" https://there.test/a.png">', [" https://there.test/a.png"]),
        ("a.html", '<p style="background: url(http://there.test/b)">', ["http://there.test/b"]),
        ("a.html", "<style>@import 'https://there.test/c';</style>", ["https://there.test/c"]),
        ("a.html", "<script>fetch('https://there.test/d')</script>", ["https://there.test/d"]),
        ("a.css", "@font-face { src: url(../webfonts/a.woff) } a { b: url('//there.test/e') }", ["//there.test/e"]),
    ],
)
def test_what_the_site_fetches_from_others_is_found(name: str, text: str, fetched: list[str]) -> None:
    assert script("foreign").foreign(name, text) == fetched


def test_the_image_copies_what_is_there_and_the_page_names_each_of_its_ports_and_volumes() -> None:
    steps = (ROOT / "Containerfile").read_text(encoding="utf-8")
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    lines = re.findall(r"^COPY (?!--from)(.*)$", steps, re.MULTILINE)
    names = [name for words in lines for name in words.split()[:-1]]
    assert {"dnsbl", "tester"} <= set(names)
    for name in names:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in allowed, name
    page = (ROOT / "docs/container.md").read_text(encoding="utf-8")
    for place in re.findall(r'"(/[a-z/]+)"', re.findall(r"^VOLUME (.*)$", steps, re.MULTILINE)[0]):
        assert f"| `{place}` |" in page
        assert f":{place}" in (ROOT / "compose.yaml").read_text(encoding="utf-8")
    for port in re.findall(r"(\d+)/", re.findall(r"^EXPOSE (.*)$", steps, re.MULTILINE)[0]):
        assert re.search(rf"^\| ports .*\b{port}\b", page, re.MULTILINE)


def test_what_is_checked_before_a_start_ends_none() -> None:
    for unit in sorted((ROOT / "packaging/systemd").glob("*.service")):
        before = re.findall(r"^ExecStartPre=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
        assert before == ["-/usr/bin/dnsbl check-config -c /etc/dnsbl/config.toml"], unit.name


def test_an_upgrade_takes_the_settings_of_the_list_out_of_its_units_environment(tmp_path: Path) -> None:
    shown = r'DNSBL_DATABASE__URL=postgresql://u@h/n "DNSBL_SERVICE__NAME=a \"list\" for \$5" PATH=/nowhere'
    (tmp_path / "environment").write_text(
        "# a remark\n\nPGHOST=db\nDNSBL_LOG__FORMAT='json'\nHOME=/nowhere\nPGUSER=a b"
    )
    said = {"list-units": "dnsbl@dns.service loaded active", "Environment": shown}
    said["EnvironmentFiles"] = f"{tmp_path}/environment (ignore_errors=no)\n{tmp_path}/none (ignore_errors=yes)"
    for name, text in said.items():
        (tmp_path / name).write_text(text)
    shows = f'[ "$4" = dnsbl@dns.service ] && cat {tmp_path}/$3'
    stub = f"systemctl() {{ case $1 in show) {shows} ;; *) cat {tmp_path}/$1 ;; esac; }}"
    script = (ROOT / "packaging/debian/postinst").read_text(encoding="utf-8")
    [function] = re.findall(r"^as_the_unit\(\) \{\n.*?^\}\n", script, re.MULTILINE | re.DOTALL)
    done = subprocess.run(
        ["sh", "-ec", f"{stub}\n{function}\nhere=$HOME; as_the_unit; env -0"],
        env={"PATH": "/usr/bin:/bin", "HOME": "/"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = dict(line.partition("=")[::2] for line in done.stdout.split("\0") if line)
    assert {name: text for name, text in found.items() if name.startswith(("DNSBL_", "PG"))} == {
        "DNSBL_DATABASE__URL": "postgresql://u@h/n",
        "DNSBL_SERVICE__NAME": 'a "list" for $5',
        "DNSBL_LOG__FORMAT": "json",
        "PGHOST": "db",
        "PGUSER": "a b",
    }
    assert (found["HOME"], found["PATH"]) == ("/", "/usr/bin:/bin")


def test_a_page_in_the_package_leads_to_what_the_package_has() -> None:
    named = {
        name.rstrip(".")
        for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
        for name in re.findall(r"contrib/([\w./-]*)", page.read_text(encoding="utf-8"))
    }
    assert {"prometheus/alerts.yml", "grafana/dnsbl.json"} <= named
    assert [name for name in sorted(named) if not (ROOT / "contrib" / name).exists()] == []
