"""Responders for the tests of what answers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from tests.dnsbl.serving.served import ZONE, Serve


@pytest.fixture(scope="module")
def zones() -> Zones:
    return zones_from({"bl.toml": ZONE}, site="https://site.example")


@pytest.fixture
async def serve(zones: Zones) -> AsyncIterator[Serve]:
    starter = Serve(zones)
    yield starter
    for responder in starter.started:
        await responder.close()
