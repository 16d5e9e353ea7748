"""Says which engine is here; what only the compiled one can show is left out where there is none."""

from dnsbl.dns import fast

collect_ignore = ["test_fast.py"] if fast.missing else []


def pytest_report_header() -> str:
    return f"engine: {fast.words()}"
