"""Places that a machine without IPv6 does not have are passed over where another one stands."""

from __future__ import annotations

import errno
import socket
from typing import Any

import pytest

from dnsbl.daemons import ROLES, families
from dnsbl.settings import Settings

NONE = Settings()


def without_ipv6(host: str) -> bool:
    return ":" in host


def test_on_a_machine_without_ipv6_the_defaults_are_served_without_it() -> None:
    settings, told = families.had(NONE, ROLES, without_ipv6)
    assert settings.dns.listen == ("127.0.0.1:5353",)
    assert told == ["dns.listen: this machine has no IPv6, so nobody listens at [::1]:5353"]
    assert settings.collector == NONE.collector


def test_where_all_places_are_there_nothing_changes_and_nothing_is_said() -> None:
    assert families.had(NONE, ROLES, lambda _host: False) == (NONE, [])


def test_a_role_that_would_listen_nowhere_keeps_its_places() -> None:
    alone = Settings.model_validate({"dns": {"listen": ["[::1]:5353"]}, "collector": {"listen": ["[::1]:25"]}})
    assert families.had(alone, ROLES, without_ipv6) == (alone, [])


def test_of_roles_that_are_served_elsewhere_nothing_is_said() -> None:
    both = Settings.model_validate({"collector": {"listen": ["127.0.0.1:25", "[::1]:25"]}})
    assert families.had(both, ["web"], without_ipv6) == (both, [])
    settings, told = families.had(both, ["collector"], without_ipv6)
    assert settings.collector.listen == ("127.0.0.1:25",) and len(told) == 1


@pytest.mark.parametrize(
    ("host", "bound", "lacks"),
    [
        ("::1", {}, True),
        ("::", {"::"}, False),  # IPv6 is switched off: nobody has an address, and this one can be listened at
        ("2001:db8::1", {"::", "::1"}, False),  # an address that is only missing is told where it is listened at
        ("2001:db8::1", {"::"}, True),
        ("::1", {"::", "::1"}, False),
        ("127.0.0.1", {}, False),
    ],
)
def test_what_is_lacked_is_ipv6_as_a_whole(
    monkeypatch: pytest.MonkeyPatch, host: str, bound: set[str], lacks: bool
) -> None:
    class Machine(socket.socket):
        def bind(self, address: Any) -> None:
            if address[0] not in bound:
                raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")

        def setsockopt(self, *_words: Any) -> None: ...

    def family_of(_family: int, kind: int) -> Machine:
        if not bound:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return Machine(socket.AF_INET, kind)

    monkeypatch.setattr(families.socket, "socket", family_of)
    assert families.lacked(host) is lacks
