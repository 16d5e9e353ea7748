"""Each module has its test module at the same path, and a test module that has none says of what it is."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    str(path.relative_to(ROOT))
    for package in ("tester", "dnsbl")
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts
)
#: Names that hold what their package is made of, or start it.
WITHOUT = ("__init__.py", "__main__.py")
#: Modules without a test module of their own, and why.
EXEMPT = {
    "dnsbl/demo/neighbourhood.py": "played whole by tests/journeys/test_tour.py",
    "dnsbl/demo/tour.py": "played whole by tests/journeys/test_tour.py",
    "dnsbl/model.py": "records alone: nothing in it decides",
    **dict.fromkeys(
        (
            f"dnsbl/store/schema/{name}.py"
            for name in ("entered", "listed", "manned", "nominated", "tested", "told", "whole")
        ),
        "tables alone: tests/dnsbl/store/test_schema.py holds them equal to what the migrations make",
    ),
    "dnsbl/vocabulary.py": "names alone: nothing in it decides",
    "tester/approach.py": "records alone: nothing in it decides",
}
#: Test modules that are about no single module, and about what.
ABROAD = {
    "tests/dnsbl/casework/test_crash.py": "what a killed process leaves behind",
    "tests/dnsbl/casework/test_history.py": "the stories of lists of old, told by their profiles",
    "tests/dnsbl/casework/test_hostile_returns.py": "what forgers bring to the collector's verbs",
    "tests/dnsbl/daemons/test_answers.py": "answers to letters, from the wire to the list",
    "tests/dnsbl/daemons/test_canaries.py": "the last letter of a test, from the wire to the report",
    "tests/dnsbl/cli/test_broken_off.py": "Ctrl-C at any moment of a command",
    "tests/dnsbl/daemons/test_followed_up.py": "how a test goes on: other addresses, repetitions, other ways in",
    "tests/dnsbl/daemons/test_mailroom_doors.py": "nominations by mail and spamtraps, from the wire to the store",
    "tests/dnsbl/daemons/test_mailroom_shares.py": "what of strangers' mail is kept, from the wire to the store",
    "tests/dnsbl/daemons/test_node_life.py": "a whole node, and its parts when they fail",
    "tests/dnsbl/dns/engine/test_equality.py": "both engines and the reference, byte by byte",
    "tests/dnsbl/dns/sources/test_swift.py": "both readers of data files, to the last bit",
    "tests/dnsbl/dns/test_completeness.py": "that each behaviour has its vector",
    "tests/dnsbl/dns/test_published.py": "the zone file that is shipped",
    "tests/dnsbl/rules/test_notices.py": "what our mails say and whom they may go to, by the package as a whole",
    "tests/dnsbl/rules/evidence/test_exhibits.py": "messages of many makers, opened by the package as a whole",
    "tests/dnsbl/serving/test_one_series.py": "two nodes on one store, and a secondary of both",
    "tests/dnsbl/store/test_plans.py": "the plans of both databases for what verbs ask, on a store with years in it",
    "tests/dnsbl/store/test_schema.py": "all tables, and the migrations that make them",
    "tests/dnsbl/settings/test_settings.py": "the whole configuration, and what holds between its sections",
    "tests/dnsbl/web/test_hostile.py": "what strangers send, at every exit",
    "tests/tester/test_conditions.py": "from a conversation to a verdict",
    "tests/tester/test_hostile_senders.py": "the collector among hostile senders",
    "tests/tester/test_hostile_servers.py": "the caller among hostile servers",
}


def mirror_of(module: str) -> str:
    folder, _, name = module.rpartition("/")
    return f"tests/{folder}/test_{name}"


def test_each_module_has_its_test_module() -> None:
    without = {
        module for module in MODULES if not module.endswith(WITHOUT) and not (ROOT / mirror_of(module)).is_file()
    }
    assert without == EXEMPT.keys(), "write it, or say in EXEMPT why not"


def test_a_test_module_has_its_module() -> None:
    mirrored = {mirror_of(module) for module in MODULES}
    found = {
        str(path.relative_to(ROOT))
        for room in ("tester", "dnsbl")
        for path in (ROOT / "tests" / room).rglob("test_*.py")
    }
    assert found - mirrored == ABROAD.keys(), "name it after its module, or say in ABROAD what it is about"
