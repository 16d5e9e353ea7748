"""Ways into a host: which there are, and how each is entered."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tester.paths import Path, Tls, missing, path, whole

HOST = ip_address("192.0.2.1")


@pytest.mark.parametrize(
    ("port", "tls", "encrypted"),
    [
        (25, Tls.NEEDED, "starttls"),
        (587, Tls.OFFERED, "starttls"),
        (2525, Tls.OFFERED, "starttls"),
        (465, Tls.IMPLICIT, "implicit"),
        (2600, Tls.NEEDED, "starttls"),
    ],
)
def test_a_way_in_is_entered_as_its_port_wants(port: int, tls: Tls, encrypted: str) -> None:
    found = path(HOST, port)
    assert (found.address, found.port, found.tls, found.encrypted) == (HOST, port, tls, encrypted)


def test_people_read_a_way_in_by_address_port_and_tls() -> None:
    assert path(HOST, 587).name == "192.0.2.1 port 587"
    assert path(HOST, 465).name == "192.0.2.1 port 465 (TLS)"


@pytest.mark.parametrize(
    ("port", "ports", "found"),
    [
        (25, (25, 587, 2525, 465), [25, 587, 2525, 465]),
        (25, (587,), [25, 587]),
        (25, (), [25]),
        (2600, (25, 587), [2600, 587]),
        (2600, (25, 2600, 587, 587), [2600, 587]),
        (587, (25, 587), [587]),
    ],
)
def test_the_mail_port_comes_first_and_each_port_once(port: int, ports: tuple[int, ...], found: list[int]) -> None:
    assert [one.port for one in whole(HOST, port, ports)] == found


def test_two_ways_in_are_the_same_where_address_and_port_are() -> None:
    wanted = whole(HOST, 25, (587, 465))
    there = [Path(address=HOST, port=25, tls=Tls.OFFERED), Path(address=ip_address("192.0.2.2"), port=587)]
    assert missing(wanted, there) == wanted[1:]
    assert missing(wanted, ()) == wanted


def test_ways_in_are_stored_by_names_that_stay_and_the_plain_way_is_that_of_a_mail_port() -> None:
    assert [manner.value for manner in Tls] == ["needed", "offered", "implicit"]
    assert Path(address=HOST, port=25) == path(HOST, 25)
