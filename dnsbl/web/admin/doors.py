"""Puts the operators' side together. Holds no route."""

from __future__ import annotations

from fastapi import FastAPI

from dnsbl.clock import Clock
from dnsbl.settings import Settings
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.admin.gate import Gate
from dnsbl.web.admin.letters import InboxPages
from dnsbl.web.admin.lists import Lists
from dnsbl.web.admin.overview import Overview
from dnsbl.web.admin.people import People
from dnsbl.web.faults import Faults
from dnsbl.web.render import Pages


def operators_side(
    app: FastAPI, desk: OperatorDesk, settings: Settings, clock: Clock, pages: Pages, faults: Faults
) -> None:
    """All routes of the operators' side, each behind its router's conditions, into the application."""
    gate = Gate(desk, settings, pages, faults)
    Overview(desk, settings, clock, pages, gate)
    Lists(desk, settings, clock, pages, gate)
    InboxPages(desk, pages, gate)
    People(desk, pages, gate)
    gate.into(app)
