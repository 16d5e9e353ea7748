"""One word is one thing: no two classes bear the same name, but for those that a protocol has named for us."""

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(p for package in ("tester", "dnsbl", "bench") for p in (ROOT / package).rglob("*.py"))

#: A word that two modules share since each means its own protocol's (SMTP and DNS; DNS over TCP and HTTP), or a line
#: of its own table.
SHARED = {"Reply", "Connection", "Row"}


def test_no_two_classes_bear_one_name() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(ROOT)))
    assert {name: where for name, where in homes.items() if len(where) > 1 and name not in SHARED} == {}
    assert all(len(homes[name]) > 1 for name in SHARED), "an exception that is none any more"


def test_every_logger_is_called_so() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert text.count("logging.getLogger(__name__)") == text.count("\n_log = logging.getLogger(__name__)\n"), path
