"""Each example is of the shape that it is an example of."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from starlette.testclient import TestClient

from dnsbl.web.api import NominationRequest, NominationsShape, RemovalRequest, RemovalShape, Suspect
from dnsbl.web.examples import ANSWERS, REQUESTS
from dnsbl.web.lookups import LookupsRequest, LookupsShape
from dnsbl.web.reported import ReportedPageShape
from dnsbl.web.self_tests import SelfTestRequest, SelfTestShape
from dnsbl.web.shapes import HostShape, RunShape
from dnsbl.web.watch import WatchRequest

SENT: dict[str, type[BaseModel]] = {
    "lookups": LookupsRequest,
    "nominations": NominationRequest,
    "removals": RemovalRequest,
    "self-tests": SelfTestRequest,
    "watches": WatchRequest,
    "remote-tests": Suspect,
}
TOLD: dict[str, type[BaseModel]] = {
    "hosts/{address}": HostShape,
    "lookups": LookupsShape,
    "runs/{run}": RunShape,
    "get nominations": ReportedPageShape,
    "nominations": NominationsShape,
    "removals": RemovalShape,
    "self-tests": SelfTestShape,
    "self-tests/{run}": SelfTestShape,
}


def test_every_request_with_a_document_has_an_example(anyone: TestClient) -> None:
    paths = anyone.get("/api/v1/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method, row in methods.items():
            body = row.get("requestBody", {}).get("content", {}).get("application/json")
            assert body is None or body["example"] == REQUESTS[method, path]


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_a_request_is_of_its_shape(method: str, path: str) -> None:
    SENT[path.removeprefix("/api/v1/")].model_validate(REQUESTS[method, path])


@pytest.mark.parametrize(("method", "path"), ANSWERS)
def test_an_answer_is_of_its_shape_and_whole(method: str, path: str) -> None:
    place, answer = path.removeprefix("/api/v1/"), ANSWERS[method, path]
    shape = TOLD.get(f"{method} {place}") or TOLD[place]
    shown: dict[str, Any] = shape.model_validate(answer).model_dump(mode="json")
    assert shown == answer
