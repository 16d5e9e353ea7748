"""What the papers and docstrings say of the house is so: its drawing, its paths and commands, the verbs and the errors
that are listed, and the length of its modules."""

from __future__ import annotations

import re
from importlib import import_module
from inspect import isclass
from pathlib import Path

import pytest

from dnsbl.parts import part
from dnsbl.settings import Settings
from tests.statements import contract

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path for package in ("tester", "dnsbl", "bench") for path in (ROOT / package).rglob("*.py"))
#: What a drawing of the house need not name.
UNSAID = {"__init__", "__main__", "env"}


def drawing() -> list[str]:
    """The lines of ARCHITECTURE.md's picture that are about the two packages."""
    picture = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split("```")[1]
    return picture.partition("\nzones/")[0].splitlines()


def named() -> set[str]:
    """The words of its left column: before the blanks that stand in front of what is said about them."""
    columns = [re.split(r" {3,}", line.strip())[0] for line in drawing() if len(line) - len(line.lstrip()) < 20]
    return {word for column in columns for word in re.findall(r"[a-z_]+", column)}


def rooms(package: str) -> set[str]:
    """The modules and folders right below a package."""
    here = ROOT / package
    return {path.stem for path in here.glob("*.py")} | {path.parent.name for path in here.glob("*/__init__.py")}


@pytest.mark.parametrize("package", ["tester", "dnsbl"])
def test_the_drawing_names_each_module_and_room_at_the_top(package: str) -> None:
    assert not rooms(package) - UNSAID - named(), "draw it in ARCHITECTURE.md"


def test_the_drawing_names_nothing_that_is_not_there() -> None:
    stems = {path.stem for path in MODULES} | {path.parent.name for path in MODULES}
    stems |= {path.name.split(".")[0] for path in (ROOT / "dnsbl").rglob("*.pyx")}
    assert not named() - stems, "they are not in the house"


def test_a_module_says_why_it_is_over_400_lines_and_only_when_it_is() -> None:
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in MODULES}
    heads = {name: contract(text).replace("\n", " ") for name, text in texts.items()}
    said = {name for name, head in heads.items() if "Over 400 lines, since " in head}
    assert said == {name for name, text in texts.items() if len(text.splitlines()) > 400}


NAMES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in MODULES}
PAPERS = [*MODULES, *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"))]
#: What looks like a module's name and is a file's.
FILES = {"py", "pyx", "pxi", "toml", "json", "md", "db"}
#: What looks like one and is a setting's.
SETTINGS = {
    f"{section}.{name}"
    for section, field in Settings.model_fields.items()
    for name in getattr(field.annotation, "model_fields", ())
}


def strays(text: str) -> list[str]:
    """The dotted names between backticks that begin with a room of the house and do not lead to anything in it."""
    found = []
    for name in re.findall(r"`([a-z_]+(?:\.\w+)+)(?:\(\))?`", text):
        parts = name.split(".")
        homes = [
            f"{package}{'.'.join(parts[:n])}" for n in range(1, len(parts) + 1) for package in ("", "dnsbl.", "tester.")
        ]
        known = [home for home in homes if home in NAMES]
        if not known or parts[-1] in FILES or name in SETTINGS:
            continue
        deepest = max(known, key=len)
        rest = name.removeprefix(deepest.removeprefix("dnsbl.").removeprefix("tester.")).strip(".")
        if rest and not re.search(rf"\b{rest.split('.')[0]}\b", NAMES[deepest].read_text(encoding="utf-8")):
            found.append(name)
    return found


def test_who_is_named_lives_there() -> None:
    found = {str(path.relative_to(ROOT)): strays(path.read_text(encoding="utf-8")) for path in PAPERS}
    assert {paper: names for paper, names in found.items() if names} == {}


BOOKS = [*(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")), *(ROOT / "docs").glob("*.md")]


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_paths_that_papers_name_are_there(path: Path) -> None:
    tops = {"tester", "dnsbl", "tests", "bench", "docs", "zones", "packaging"}
    found = re.findall(r"`([a-z_]+/[\w./*-]*)`", path.read_text(encoding="utf-8"))
    named = [re.sub(r"\b[A-Z]+\b", "*", name) for name in found if name.split("/")[0] in tops]  # KIND: whichever
    assert [name for name in named if not list(ROOT.glob(name))] == []


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_that_papers_name_are_targets(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)", path.read_text(encoding="utf-8"))) <= targets


def test_the_table_of_commands_names_every_target_that_does_something_for_whoever_carries_on() -> None:
    table = set(
        re.findall(r"^\| `make ([a-z-]+)`", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert table == targets - {"help", "clean"}


def test_the_verbs_that_casework_lists_are_those_that_each_hand_has() -> None:
    casework = import_module("dnsbl.casework")
    listed: dict[str, set[str]] = {}
    for line in (casework.__doc__ or "").split("\n\n")[2].splitlines():
        if opening := re.match(r" {4}(\w+) +[^:]+: (.*)", line):
            hand, verbs = opening.groups()
            listed[hand] = set(verbs.split())
        else:
            listed[hand] |= set(line.split())
    there = {
        name: {verb for verb in vars(hand.read()) if verb[0] != "_"}
        for name, hand in vars(casework.Casework).items()
        if isinstance(hand, part) and name[0] != "_"
    }
    assert listed == there


@pytest.mark.parametrize("package", ["tester", "dnsbl"])
def test_the_tree_of_errors_is_drawn_as_it_grows(package: str) -> None:
    errors = import_module(f"{package}.errors")
    drawn = {
        name: also or None for name, also in re.findall(r"[├└]── (\w+)(?: +\(also (\w+)\))?", errors.__doc__ or "")
    }
    there = {
        name: next((base.__name__ for base in kind.__bases__ if base.__module__ == "builtins"), None)
        for name, kind in vars(errors).items()
        if isclass(kind) and issubclass(kind, Exception) and kind.__bases__ != (Exception,)
    }
    assert drawn == there
