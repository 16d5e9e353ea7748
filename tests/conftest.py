"""For all tests: the same examples in every run, so that no release fails by luck; a share of them in the unit suite,
all in `make fuzz` (see `depth`), which looks for new packets too. And none is left out unseen: with NO_SKIPS set, as
where each change must pass, what would be skipped fails."""

import gc
import os
from collections.abc import Generator

import pytest
from hypothesis import Phase, settings

from tests.depth import USUAL

settings.register_profile("deep", derandomize=True, deadline=None, max_examples=USUAL)
settings.register_profile("steady", settings.get_profile("deep"), max_examples=20)
# For `make mutants`, which asks whether anything fails and never for the smallest example that does.
settings.register_profile("many", settings.get_profile("deep"), phases=[Phase.explicit, Phase.generate])
settings.register_profile("few", settings.get_profile("many"), max_examples=10)
settings.load_profile("steady")

# Rings of objects are looked for less often: a quarter of the time of pages' tests went by with that.
gc.set_threshold(50_000, 10, 20)


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
