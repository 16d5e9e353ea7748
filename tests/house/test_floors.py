"""The laws of the house that imports show: who may touch sockets, SQL, time and the system."""

import ast
import sys
from pathlib import Path

import pytest

from tests.statements import contract, statements

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(p for package in ("tester", "dnsbl") for p in (ROOT / package).rglob("*.py"))

#: module -> the only places that may import it
ALLOWED = {
    "sqlalchemy": ("dnsbl/store/",),
    "alembic": ("dnsbl/store/",),
    "sqlite3": ("dnsbl/store/",),
    "socket": (
        "dnsbl/handed.py",
        "tester/listening.py",
        "tester/knocking.py",
        "tester/cli/arguments.py",
        "tester/cli/families.py",
        "dnsbl/daemons/",
        "dnsbl/serving/",
        "dnsbl/web/server.py",
        "dnsbl/demo/neighbourhood.py",
    ),
    "asyncio": (
        "tester/caller.py",
        "tester/collector.py",
        "tester/listening.py",
        "tester/knocking.py",
        "tester/cli/command.py",
        "tester/cli/families.py",
        "tester/cli/sitting.py",
        "tester/cli/remote.py",
        "dnsbl/daemons/",
        "dnsbl/serving/",
        "dnsbl/web/",
        "dnsbl/demo/",
        "dnsbl/cli/",
    ),
    "aiosmtplib": ("tester/caller.py", "dnsbl/daemons/postman.py", "dnsbl/demo/neighbourhood.py"),
    "aiosmtpd": ("tester/collector.py", "dnsbl/demo/neighbourhood.py"),
    "argon2": ("dnsbl/casework/credentials.py",),
    "cryptography": (
        "dnsbl/casework/credentials.py",
        "dnsbl/casework/sealing.py",
        "dnsbl/log/note.py",
        "dnsbl/serving/signet.py",
        "tester/certificates.py",
    ),
    "apscheduler": ("dnsbl/daemons/scheduler.py",),
    "dkim": ("dnsbl/daemons/signing.py",),
    "olefile": ("dnsbl/rules/evidence/outlook.py",),
    "dns": ("dnsbl/dns/secondaries/transfer.py", "dnsbl/serving/", "dnsbl/daemons/"),  # dnspython
    "dnslib": ("dnsbl/dns/", "dnsbl/demo/tour.py"),
    "time": ("dnsbl/clock.py", "dnsbl/cli/status.py", "dnsbl/cli/waiting.py", "tester/cli/command.py"),
    "fastapi": ("dnsbl/web/",),
    "starlette": ("dnsbl/web/",),
    "uvicorn": ("dnsbl/web/server.py", "dnsbl/web/connection.py"),
    "h11": ("dnsbl/web/connection.py",),
    "typer": ("dnsbl/cli/",),
    "siphash24": ("dnsbl/dns/cookies.py",),
    "prometheus_client": (
        "dnsbl/serving/metrics.py",
        "dnsbl/serving/keymetrics.py",
        "dnsbl/serving/sentmetrics.py",
        "dnsbl/serving/sourcemetrics.py",
        "dnsbl/serving/workmetrics.py",
    ),
    "httpx2": ("dnsbl/serving/pulling.py", "dnsbl/serving/upstream.py"),
    "rfc3161_client": ("dnsbl/log/stamp.py",),
    "zstandard": ("dnsbl/serving/datafiles.py",),
    "wsgiref": ("dnsbl/serving/metrics.py",),
    "jinja2": ("dnsbl/web/render.py",),
    "markupsafe": ("dnsbl/web/render.py", "dnsbl/web/charts.py"),
    "pydantic": ("dnsbl/settings/", "dnsbl/config.py", "dnsbl/dns/zonefile.py", "dnsbl/web/"),
    "pydantic_core": ("dnsbl/settings/values.py",),
    "rich": ("dnsbl/cli/", "dnsbl/demo/tour.py"),
}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module.split(".")[0])
    return found


@pytest.fixture(scope="module")
def used() -> dict[str, set[str]]:
    """What each module imports; read when a test asks, since every process collects all tests."""
    return {str(path.relative_to(ROOT)): imported(path) for path in FILES}


def test_a_module_imports_only_what_its_floor_may(used: dict[str, set[str]]) -> None:
    trespasses = [
        f"{here} may not import {module}"
        for here, names in used.items()
        for module in sorted(names & ALLOWED.keys())
        if not here.startswith(ALLOWED[module])
    ]
    assert trespasses == []


def test_every_library_has_its_places_and_each_of_them_needs_it(used: dict[str, set[str]]) -> None:
    libraries = set().union(*used.values()) - sys.stdlib_module_names - {"tester", "dnsbl"}
    assert not libraries - ALLOWED.keys(), "say in ALLOWED who may import it"
    idle = [
        f"{place} does not import {module}"
        for module, places in ALLOWED.items()
        for place in places
        if not any(here.startswith(place) and module in names for here, names in used.items())
    ]
    assert idle == []


def test_every_module_opens_with_its_contract() -> None:
    silent = [path for path in FILES if not contract(path.read_text(encoding="utf-8"))]
    assert silent == []


def test_nobody_below_the_shells_asks_the_system_for_the_time() -> None:
    for path in FILES:
        here = str(path.relative_to(ROOT))
        text = path.read_text(encoding="utf-8")
        if here != "dnsbl/clock.py":
            assert "datetime.now(" not in text, here
            assert "utcnow(" not in text, here


def test_all_verbs_together_are_seen_where_they_are_handed_out_and_by_nobody_else() -> None:
    whole = [path for path in FILES if "import Casework" in path.read_text(encoding="utf-8")]
    assert [str(path.relative_to(ROOT)) for path in whole] == ["dnsbl/daemons/node.py", "dnsbl/opened.py"]
