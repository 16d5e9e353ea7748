"""The interface for programs against schemathesis, which makes requests of the OpenAPI document: what the document
allows is taken, what it does not allow is refused, and every answer is one that it describes. In this process, with
some addresses listed, the same requests in every run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Unsatisfiable

#: Where `install` has put schemathesis.
sys.path.append("/var/cache/dnsbl-strangers/schemathesis")
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.generation import GenerationMode

from dnsbl.casework import Casework
from dnsbl.clock import HandClock
from dnsbl.config import read_zones
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.web.app import create_app
from dnsbl.web.events import Events
from tester.letter import Keyring

ROOT = Path(__file__).resolve().parents[2]
#: What a list refuses by its rules though it was understood: the facts are against it, not the form.
RULES = {409, 422}
#: Reasons that speak of the form, which may not be given for a request that the document allows.
OF_FORM = {"malformed-address", "malformed-request", "media-type", "method-not-allowed", "http"}
EXAMPLES = 30


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("interface")
    store, clock = Store.open(f"sqlite:///{folder}/list.db"), HandClock()
    store.upgrade()
    plenty = {"posts_per_hour": 10_000_000, "gets_per_minute": 10_000_000, "base_url": "https://list.example.org"}
    given = {"web": plenty, "dns": {"zones_dir": str(ROOT / "zones")}, "copies": {"feed_seconds": 60}}
    terms = Settings.model_validate(given)
    casework = Casework(store, terms, Keyring.generate(bytes, 0), clock=clock)
    listed = [ip_network("8.8.8.0/24"), ip_network("2a01:4f8::/32")]
    casework.operators.list_networks(listed, kind="manual", reason="x", actor="operator")
    zones = read_zones(terms)

    async def pass_by(seconds: float) -> None:
        clock.turn(seconds=600)

    app = create_app(
        casework.doors,
        casework.views,
        terms,
        clock=clock,
        events=Events(terms.web, clock, pass_by),
        briefing=casework.briefing,
        self_tests=casework.self_tests,
        remote=casework.remote,
        withdrawing=casework.withdrawing,
        ownership=casework.ownership,
        watching=casework.watching,
        codes=zones.codes_of,
        origins=lambda: zones.origins,
        zones=lambda: zones,
    )

    async def visited(scope: Any, receive: Any, send: Any) -> None:
        await app({**scope, "client": ("198.51.100.23", 40000)}, receive, send)

    yield schemathesis.openapi.from_asgi("/api/v1/openapi.json", visited, config=CONFIG)
    store.close()


CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {"deterministic": True, "mode": "all"},
        "checks": {
            "negative_data_rejection": {"expected-statuses": ["4xx"]},
            "positive_data_acceptance": {"expected-statuses": ["2xx", "401", "403", "404", "409", "422"]},
        },
    }
)


@schemathesis.check
def the_form_is_not_refused_that_the_document_allows(context: Any, response: Any, case: Any) -> None:
    """A request of the documented form is refused for the list's rules alone."""
    positive = case.meta is not None and case.meta.generation.mode.is_positive
    if positive and response.status_code in (400, 415, 422):
        kind = response.headers["content-type"][0].partition(";")[0]
        if kind == "application/problem+json":  # a shell is told in lines
            reason = response.json()["reason"]
            assert reason not in OF_FORM, f"{reason}: {response.json()['detail']}"


def wrong_with(operation: Any, mode: GenerationMode) -> str:
    """What the first request shows that fails a check, or ""."""

    @seeded(1998)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=False,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate()

    try:
        ask()
    except Unsatisfiable:  # there is nothing about it that could be wrong
        return ""
    except (FailureGroup, Failure) as found:
        return f"{mode.value} {operation.label}: " + "; ".join(map(str, getattr(found, "exceptions", [found])))
    return ""


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_request_that_the_document_allows_is_taken_and_every_answer_is_described(
    described: Any, mode: GenerationMode
) -> None:
    operations = [found.ok() for found in described.get_all_operations()]
    assert len(operations) > 12
    found = [wrong for operation in operations if (wrong := wrong_with(operation, mode))]
    assert not found, "\n\n".join(found)
