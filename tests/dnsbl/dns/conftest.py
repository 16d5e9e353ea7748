"""Says which engine is here."""

from dnsbl.dns.engine import compiled


def pytest_report_header() -> str:
    return f"engine: {compiled.which()}"
