"""Host names that are pasted are looked for in bounds, and what could not be told is never an answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dnsbl.addresses import Address, parse_address
from dnsbl.clock import HandClock
from dnsbl.rules.asking import Unread
from dnsbl.web.hosts import AT_ONCE, HOURLY, NAMES, HostNames

WHO = parse_address("198.51.100.23")
HERE = [parse_address("192.0.2.60"), parse_address("2001:db8::60")]
ZONE: dict[str, list[Address] | None] = {"mail.example.com": HERE, "gone.example.com": [], "slow.example.com": None}


def answers(names: Sequence[str]) -> list[list[Address] | None]:
    return [ZONE.get(name, []) for name in names]


def unread(*hosts: str) -> list[Unread]:
    return [Unread(text=host.upper(), why="it is a name", host=host) for host in hosts]


def test_names_that_lead_somewhere_are_found_and_the_others_say_why_they_are_not() -> None:
    rubbish = Unread(text="rubbish", why="neither", known=False)
    found, rest = HostNames(answers, HandClock()).look(
        [*unread("mail.example.com", "gone.example.com", "slow.example.com", "mail.example.com"), rubbish], WHO
    )
    assert [(one.name, list(one.addresses)) for one in found] == [("mail.example.com", HERE)]
    assert [one.text for one in rest] == ["GONE.EXAMPLE.COM", "SLOW.EXAMPLE.COM", "rubbish"]
    assert "has no address" in rest[0].why and "could not tell" in rest[1].why and rest[2] == rubbish


def test_where_nobody_can_be_asked_a_name_stays_unread() -> None:
    assert HostNames(None, HandClock()).look(unread("mail.example.com"), WHO) == ([], unread("mail.example.com"))


def test_names_of_a_request_of_a_network_and_at_once_are_bounded() -> None:
    clock = HandClock()
    asked: list[str] = []
    busy: list[list[Unread]] = []

    def counting(names: Sequence[str]) -> list[list[Address] | None]:
        asked.extend(names)
        if len(busy) < AT_ONCE:
            busy.append(hosts.look(unread("mail.example.com"), parse_address(f"203.0.{len(busy)}.1"))[1])
        return answers(names)

    hosts = HostNames(counting, clock)
    _, rest = hosts.look(unread(*(f"n{n}.example.com" for n in range(NAMES + 1))), WHO)
    assert len([name for name in asked if name[0] == "n"]) == NAMES
    assert f"No more than {NAMES} host names" in rest[-1].why
    assert any("looked for, for others" in one.why for rows in busy for one in rows), "they were within one another"
    for _ in range(HOURLY):
        hosts.look(unread("mail.example.com"), WHO)
    [row] = hosts.look(unread("mail.example.com"), WHO)[1]
    assert "as it may in an hour" in row.why
    clock.turn(hours=1)
    assert hosts.look(unread("mail.example.com"), WHO)[1] == []


@pytest.mark.parametrize(
    ("text", "status", "told"),
    [
        ("mail.example.com", 200, ("1 of 2 is listed", "mail.example.com", 'href="/ip/198.18.7.9"', "Not listed")),
        ("gone.example.com", 400, ("This host name has no address in DNS.",)),
        ("slow.example.com", 400, ("Our resolver could not tell its addresses just now",)),
        ("198.18.7.9\nslow.example.com", 200, ("1 of 1 is listed", "Not read, so not answered", "could not tell")),
    ],
)
def test_a_page_answers_for_a_name_what_it_leads_to(
    house: Callable[..., Any], text: str, status: int, told: Sequence[str]
) -> None:
    home = house()
    home.list()
    home.hosts[:] = [parse_address("198.18.7.9"), parse_address("2001:db8::60")]
    answer = home.visitor().get("/", params={"address": text})
    assert answer.status_code == status
    assert all(each in answer.text for each in told)
