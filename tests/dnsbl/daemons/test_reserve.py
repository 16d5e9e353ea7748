"""Descriptors: what each role needs, and what is served when there are fewer."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.daemons import ROLES
from dnsbl.daemons.reserve import LEAST, fitted, granted, needs
from dnsbl.errors import DnsblError
from dnsbl.settings import Settings

USUAL = Settings()


def total(settings: Settings, roles: tuple[str, ...] = ROLES) -> int:
    return sum(needs(settings, roles).values())


def connections(settings: Settings) -> tuple[int, int, int]:
    return settings.dns.tcp_connections, settings.collector.connections, settings.web.connections


def test_all_roles_with_their_defaults_fit_into_the_usual_limit_with_fewer_tests_at_once() -> None:
    settings, said = fitted(USUAL, ROLES, 1024)
    assert connections(settings) == connections(USUAL), "tests can wait"
    assert LEAST < settings.tester.concurrency < USUAL.tester.concurrency
    assert total(settings) in (1023, 1024)
    assert f"tester.concurrency is {settings.tester.concurrency} in place of {USUAL.tester.concurrency};" in said
    assert fitted(USUAL, ROLES, 2048) == (USUAL, "")


def test_a_role_that_is_not_asked_for_needs_nothing() -> None:
    assert set(needs(USUAL, ["dns"])) == {"base", "dns"}
    assert total(USUAL, ("dns",)) < total(USUAL, ("dns", "web")) < total(USUAL)


def test_with_fewer_descriptors_the_web_and_the_collector_have_fewer_connections_and_it_is_said() -> None:
    settings, said = fitted(USUAL, ROLES, 700)
    assert total(settings) <= 700
    dns, collector, web = connections(settings)
    assert dns == USUAL.dns.tcp_connections, "answers come first"
    assert collector < USUAL.collector.connections and web < USUAL.web.connections
    assert f"may open 700 files and would need {total(USUAL)}" in said
    assert f"web.connections is {web} in place of 250" in said and "LimitNOFILE" in said
    assert "tcp_connections" not in said


def test_too_few_for_anything_is_one_sentence() -> None:
    with pytest.raises(DnsblError, match=r"may open 100 files and needs \d+, \d+ at least; raise the limit"):
        fitted(USUAL, ROLES, 100)


@given(st.integers(0, 2000), st.sets(st.sampled_from(ROLES), min_size=1))
def test_whatever_the_limit_the_shares_fit_into_it_or_it_is_refused(limit: int, roles: set[str]) -> None:
    try:
        settings, said = fitted(USUAL, roles, limit)
    except DnsblError:
        least = USUAL.model_copy(
            update={
                "dns": USUAL.dns.model_copy(update={"tcp_connections": LEAST}),
                "tester": USUAL.tester.model_copy(update={"concurrency": LEAST}),
                "web": USUAL.web.model_copy(update={"connections": LEAST}),
                "collector": USUAL.collector.model_copy(update={"connections": LEAST}),
            }
        )
        assert sum(needs(least, roles).values()) > limit
        return
    assert sum(needs(settings, roles).values()) <= limit
    assert bool(said) == (sum(needs(USUAL, roles).values()) > limit)
    assert min(*connections(settings), settings.tester.concurrency) >= LEAST


def test_the_system_is_asked_for_all_that_it_grants() -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (300, 400));"
        "from dnsbl.daemons.reserve import granted; print(granted(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["400", "400", "400"]


def test_a_limit_that_cannot_be_raised_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", refuse)
    assert granted() == 256
