"""An office that holds its clock against what is known."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dnsbl.clock import SystemClock
from dnsbl.rules.timekeeping import Terms
from dnsbl.store import Store
from dnsbl.store.timekeeper import Timekeeper
from tests.dnsbl.offices import Office


@pytest.fixture(autouse=True)
def _tables(one_step: None) -> None:
    """A fresh store gets its tables at once."""


@pytest.fixture
def timed(office: Office) -> Any:
    """An office whose clock is held against the store, at the time of this machine."""
    office.clock.turn(seconds=(SystemClock().now() - office.clock.now()).total_seconds())
    terms = Terms(tolerance=timedelta(minutes=10), gap=timedelta(days=7))
    store = Store(office.store.engine.url.render_as_string(hide_password=False))
    store._timekeeper = Timekeeper(office.clock, terms)
    made = Office(store, office.settings, office.clock)
    yield made
    store.close()
