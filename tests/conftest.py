"""For all tests: the same examples in every run, so that no release fails by luck; a share of them usually,
all in `make fuzz` (see `depth`), which looks for new packets too. And none is left out unseen: with NO_SKIPS set, as
where each change must pass, what would be skipped fails. `--suite` holds one of the two suites (`suites`); without it a
run has both."""

import gc
import os
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

from tests.depth import USUAL
from tests.suites import of_services, touched, whole

settings.register_profile("deep", derandomize=True, deadline=None, max_examples=USUAL)
settings.register_profile("steady", settings.get_profile("deep"), max_examples=20)
# For `make mutants`, which asks whether anything fails and never for the smallest example that does.
settings.register_profile("many", settings.get_profile("deep"), phases=[Phase.explicit, Phase.generate])
settings.register_profile("few", settings.get_profile("many"), max_examples=10)
settings.load_profile("steady")

# Rings of objects are looked for less often: a quarter of the time of pages' tests went by with that.
gc.set_threshold(50_000, 10, 20)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--suite", choices=("unit", "services"), help="one suite alone; see tests/suites.py")


def pytest_configure(config: pytest.Config) -> None:
    """Whoever writes a unit test that starts a process hears where that is to be said."""

    def heard(event: str, _: object) -> None:
        if event in ("subprocess.Popen", "os.fork", "os.posix_spawn") and "PYTEST_CURRENT_TEST" in os.environ:
            raise AssertionError("a unit test starts no process: give this one its place in tests/suites.py")

    if config.getoption("suite", None) == "unit":
        sys.addaudithook(heard)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Modules that have nothing of the suite are not even read."""
    suite = config.getoption("suite", None)
    if suite is None or collection_path.suffix != ".py" or not collection_path.is_relative_to(config.rootpath):
        return None
    place = collection_path.relative_to(config.rootpath).as_posix()
    return (whole(place) if suite == "unit" else not touched(place)) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if (suite := config.getoption("suite", None)) is not None:
        left = [item for item in items if of_services(item.nodeid) == (suite == "unit")]
        if left:
            config.hook.pytest_deselected(items=left)
            beside = set(left)
            items[:] = [item for item in items if item not in beside]


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop() -> Generator[None, object, object]:
    """Nor are the tests themselves looked through, thousands of objects that stay: one look took two seconds."""
    gc.freeze()
    found = yield
    gc.unfreeze()
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("NO_SKIPS") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Here nothing may be missing: {report.longrepr}"
    return report
