"""Which modules are broken, and which tests are held over each of them. Reads files; runs nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Tests that hold a module without importing it: those of what it is a part of.
ALSO = {
    "tester/approach.py": ("tests/tester/test_dialogue.py", "tests/tester/test_trial.py"),
    "tester/states.py": ("tests/tester/test_dialogue.py", "tests/tester/test_conditions.py"),
    "tester/dialogue.py": ("tests/tester/test_conditions.py",),
    "dnsbl/dns/answer.py": ("tests/dnsbl/dns/test_trials.py",),
    "dnsbl/casework/judging.py": (
        "tests/dnsbl/casework/test_assignments.py",
        *(
            f"tests/dnsbl/casework/test_{what}.py"
            for what in ("arrivals", "deciding", "upkeep", "twins", "outputs", "remote", "self_tests", "reviewing")
        ),
    ),
    "dnsbl/casework/deciding.py": tuple(
        f"tests/dnsbl/casework/test_{what}.py"
        for what in ("judging", "arrivals", "ownership", "twins", "reviewing", "posting")
    ),
}
#: What the tests of shells import: too slow to be held once a mutant, and not where a rule should be held.
_SHELLS = {"asyncio", "socket", "subprocess", "threading"}


def name_of(path: str | Path) -> str:
    """The module in a file, by which it is imported."""
    return str(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(path: Path) -> set[str]:
    """The modules, and what may be modules, that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def pure() -> list[str]:
    """The modules that decide: what a test shows, what the list does, what a question is told, what a proof proves."""
    rooms = [path for room in ("tester", "dnsbl/rules", "dnsbl/log") for path in sorted((ROOT / room).rglob("*.py"))]
    modules = [str(path.relative_to(ROOT)) for path in rooms if not _imports(path) & _SHELLS]
    others = [
        "dnsbl/casework/judging.py",
        "dnsbl/casework/deciding.py",
        "dnsbl/casework/queueing.py",
        "dnsbl/store/journal.py",
        "dnsbl/dns/answer.py",
    ]
    return [module for module in modules if not module.endswith("__main__.py")] + others


def tests_of(module: str) -> tuple[list[str], list[str]]:
    """A module's own tests, and the others that import it, all in its room, or that test the same part of the room."""
    folder, _, file = module.rpartition("/")
    room = "/".join(folder.split("/")[:2] if folder.startswith("dnsbl") else ["tester"])
    used = {str(path.relative_to(ROOT)): _imports(path) for path in (ROOT / "tests" / room).rglob("test_*.py")}
    own = [path for path in used if path == f"tests/{folder}/test_{file}"]
    users = {path for path, names in used.items() if name_of(module) in names and not names & _SHELLS}
    users |= {path for path in used if folder != room and path.startswith(f"tests/{folder}/")}
    return own, sorted((users | set(ALSO.get(module, ()))) - set(own))


def out_of_reach(module: str, loaded: Iterable[str]) -> list[str]:
    """Those of the loaded modules that a change in `module` cannot reach, so that they may be loaded beforehand."""
    uses: dict[str, set[str]] = {}
    for path in (path for package in ("tester", "dnsbl") for path in (ROOT / package).rglob("*.py")):
        here = path.relative_to(ROOT)
        uses[name_of(here)] = _imports(path) | {name_of(parent) for parent in here.parents}
    reached = {name_of(module)}
    while more := {name for name, used in uses.items() if name not in reached and used & reached}:
        reached |= more
    return [name for name in loaded if name not in reached and not name.startswith(("tests", "__"))]
