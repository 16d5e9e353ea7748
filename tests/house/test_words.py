"""One word is one thing: no two classes bear the same name, but for those that a protocol has named for us."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(p for package in ("tester", "dnsbl", "bench") for p in (ROOT / package).rglob("*.py"))

#: A word that two modules share since each means its own protocol's (SMTP and DNS; DNS over TCP and HTTP), or a line
#: of its own table.
SHARED = {"Reply", "Connection", "Row"}


def read(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


def statements(parent: ast.AST) -> Iterator[ast.AST]:
    """All statements of a module, however deep, without what they are made of: classes and imports are statements."""
    for field in ("body", "handlers", "cases", "orelse", "finalbody"):
        for node in getattr(parent, field, ()):
            yield node
            yield from statements(node)


def test_no_two_classes_bear_one_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        for node in statements(read(path)):
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


def _stand(path: Path) -> set[str]:
    """The names that a module makes, and does not only import."""
    made = ast.walk(read(path))
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
        for node in statements(read(path)):
            if not isinstance(node, ast.ImportFrom) or (node.module or "").partition(".")[0] not in ("tester", "dnsbl"):
                continue
            assert node.module is not None
            home = ROOT / f"{node.module.replace('.', '/')}.py"
            if home.exists() and node.module not in stand:
                stand[node.module] = _stand(home)
            for name in (each.name for each in node.names if node.module in stand):
                seen.add((node.module, name))
                if name not in stand[node.module] and (node.module, name) not in HANDED_ON:
                    strange.append(f"{path.relative_to(ROOT)}: {name} from {node.module}")
    assert strange == []
    assert seen >= HANDED_ON, "an exception that is none any more"
