"""One word is one thing: no two classes bear the same name, but for those that a protocol has named for us."""

import ast
import re
from collections import defaultdict
from pathlib import Path

from tests.statements import parsed, statements

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(p for package in ("tester", "dnsbl", "bench") for p in (ROOT / package).rglob("*.py"))

#: A word that two modules share since each means its own protocol's (SMTP and DNS; DNS over TCP and HTTP), or a line
#: of its own table.
SHARED = {"Reply", "Connection", "Row"}


def test_no_two_classes_bear_one_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        for node in statements(path):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in homes.items() if len(where) > 1 and name not in SHARED} == {}
    assert all(len(homes[name]) > 1 for name in SHARED), "an exception that is none any more"


def test_every_logger_is_called_so() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert text.count("logging.getLogger(__name__)") == text.count("\n_log = logging.getLogger(__name__)\n"), path


#: What a module hands on that another one has made: the tables once their indexes are made too, and rich's, since they
#: stand behind one module.
HANDED_ON = {
    ("dnsbl.store.indexes", "metadata"),
    ("dnsbl.store.schema.whole", "metadata"),
    ("dnsbl.cli.drawing", "Table"),
}

#: A statement that imports names from a module of ours, in a program that a test holds as a text too: module and names.
FROM_OURS = re.compile(r"^ *from ((?:tester|dnsbl)[.\w]*) import (\([^)]*\)|[^(\n]+)", re.MULTILINE)


def _stand(path: Path) -> set[str]:
    """The names that a module makes, and does not only import."""
    made = ast.walk(parsed(path.read_bytes()))
    return {
        node.id if isinstance(node, ast.Name) else node.name
        for node in made
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }


def test_a_name_is_imported_from_where_it_stands() -> None:
    """So that there is one way to it, and a start reads no more than it needs."""
    stand: dict[str, set[str]] = {}
    strange, seen = [], set()
    for path in [*FILES, *sorted((ROOT / "tests").rglob("*.py"))]:
        for module, names in FROM_OURS.findall(path.read_text(encoding="utf-8")):
            home = ROOT / f"{module.replace('.', '/')}.py"
            if home.exists() and module not in stand:
                stand[module] = _stand(home)
            for name in re.findall(r"(\w+)(?: as \w+)?", re.sub("#.*", "", names)) if module in stand else ():
                seen.add((module, name))
                if name not in stand[module] and (module, name) not in HANDED_ON:
                    strange.append(f"{path.relative_to(ROOT)}: {name} from {module}")
    assert strange == []
    assert seen >= HANDED_ON, "an exception that is none any more"
