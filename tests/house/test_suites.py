"""Each test is of one suite and is run: what `tests/suites.py` names is there, and each change passes both suites."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tests.statements import parsed
from tests.suites import SERVICES, of_services, touched, whole

ROOT = Path(__file__).resolve().parents[2]
PLACES = [place for places in SERVICES.values() for place in places]


def test_a_place_of_the_services_is_there_and_is_named_once() -> None:
    for place in PLACES:
        path, _, name = place.partition("::")
        assert (ROOT / path).exists(), place
        if name:
            tops = parsed((ROOT / path).read_text(encoding="utf-8")).body
            made = [top.name for top in tops if isinstance(top, ast.FunctionDef | ast.AsyncFunctionDef)]
            assert name in made, place
            assert not whole(path), f"{place}: its whole module is of the services"
    assert len(set(PLACES)) == len(PLACES)


def test_a_module_a_folder_and_a_test_by_itself_are_told_from_what_is_beside_them() -> None:
    assert whole("tests/bench/test_web.py") and whole("tests/bench") and not whole("tests/benchmarks/test_web.py")
    assert touched("tests/dnsbl/casework/test_feeding.py") and not whole("tests/dnsbl/casework/test_feeding.py")
    heavy = "tests/dnsbl/casework/test_feeding.py::test_ten_thousand_rows_are_taken_in_portions"
    assert of_services(heavy) and of_services(f"{heavy}[a::b]") and not of_services(f"{heavy}_of_another_kind")
    assert touched("tests/dnsbl") and not touched("tests/dnsbl/log/test_merkle.py")


def test_each_change_passes_both_suites() -> None:
    each, made = (ROOT / ".ci/run").read_text().splitlines(), (ROOT / "Makefile").read_text()
    assert {"make test", "make services"} <= set(each)
    assert made.count("--suite=unit") == 1 and made.count("--suite=services --ignore tests/journeys") == 1
    assert "pytest -n auto tests/journeys\n" in made


def test_a_run_of_either_suite_has_its_own_tests_and_both_have_all() -> None:
    path = "tests/dnsbl/casework/test_feeding.py"

    def held(*suite: str) -> set[str]:
        words = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *suite]
        options = ["--override-ini", "addopts=--import-mode=importlib"]
        done = subprocess.run([*words, *options, path], cwd=ROOT, capture_output=True, text=True, timeout=120)
        return {line for line in done.stdout.splitlines() if "::" in line}

    unit, services, all_of_it = held("--suite=unit"), held("--suite=services"), held()
    assert unit and services and unit | services == all_of_it and not unit & services
    assert all(of_services(test) for test in services)


def test_a_unit_test_that_starts_a_process_fails_and_hears_where_to_say_so(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import subprocess, sys\ndef test_it():\n    subprocess.run([sys.executable, '-c', ''], check=True)\n"
    )

    def held(*suite: str) -> str:
        words = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-c", "/dev/null"]
        found = [*words, *suite, "--rootdir", str(tmp_path), str(tmp_path)]
        return subprocess.run(found, cwd=ROOT, capture_output=True, text=True, timeout=120).stdout

    assert "1 passed" in held() and "give this one its place in tests/suites.py" in held("--suite=unit")
