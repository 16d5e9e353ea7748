"""Examples of requests and answers of the interface for programs, for its description (OpenAPI) and the page about it.

Pure, data alone. Addresses are those of documentation (RFC 5737, RFC 3849); tests hold each to its shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dnsbl.web.faults import API

_SITE = "https://relays.example.org"
_RUN = "mzxw6ytboi2gk3tu"
_SINCE = "2026-11-02T09:14:07Z"
_SPAM = (
    "Received: from relay.example.net (relay.example.net [192.0.2.1])\r\n"
    "\tby mx.example.com with ESMTP; Mon, 2 Nov 2026 08:00:00 +0000\r\n"
    "From: <a@example.net>\r\nSubject: buy now\r\n\r\nbuy now\r\n"
)
_PATH: Mapping[str, Any] = {
    "address": "192.0.2.1",
    "port": 25,
    "tls": "starttls",
    "verdict": "OPEN",
    "explanation": "Our letter came back.",
}
_LISTING: Mapping[str, Any] = {
    "kind": "relay",
    "network": "192.0.2.1/32",
    "since": _SINCE,
    "expires": "2027-01-31T09:14:07Z",
    "reason": "letter-returned",
    "run": _RUN,
}
_ACCEPTED: Mapping[str, Any] = {
    "address": "192.0.2.1",
    "state": "queued",
    "status_url": f"{_SITE}{API}/hosts/192.0.2.1",
    "page_url": f"{_SITE}/ip/192.0.2.1",
}
_SELF_TEST: Mapping[str, Any] = {
    "id": _RUN,
    "addresses": ["192.0.2.1"],
    "state": "queued",
    "result": None,
    "verdict": None,
    "explanation": "",
    "asked": _SINCE,
    "progress": {
        "phase": "queued",
        "forms": 0,
        "tried": 0,
        "accepted": 0,
        "back": 0,
        "sentence": "It waits for its turn.",
    },
    "paths": [],
    "cause": None,
    "flags": [],
    "promise": "Your server is offered some letters that it should refuse, and nothing else.",
    "status_url": f"{_SITE}{API}/self-tests/{_RUN}",
    "events_url": f"{_SITE}{API}/self-tests/{_RUN}/events",
    "page_url": f"{_SITE}/self-test/{_RUN}",
}
_ROW: Mapping[str, Any] = {
    "asked": "192.0.2.1",
    "address": "192.0.2.1",
    "state": "listed",
    "listings": [{"kind": "relay", "network": "192.0.2.1/32"}],
    "zones": {"relays.example.org": ["127.0.0.2"]},
    "mistake": None,
}
_UNREAD: Mapping[str, Any] = {
    "asked": "nonsense",
    "address": None,
    "state": None,
    "listings": [],
    "zones": {},
    "mistake": '"nonsense" is not an IPv4 or IPv6 address; one is written 192.0.2.1 or 2001:db8::1.',
}

#: (method, path) -> the document that is sent.
REQUESTS: Mapping[tuple[str, str], Any] = {
    ("post", f"{API}/lookups"): {"addresses": ["192.0.2.1", "2001:db8::1"]},
    ("post", f"{API}/nominations"): {"evidence": _SPAM},
    ("post", f"{API}/removals"): {"address": "192.0.2.1"},
    ("post", f"{API}/self-tests"): {"ports": [25]},
    ("post", f"{API}/watches"): {"network": "192.0.2.0/24", "way": "feed"},
    ("post", f"{API}/remote-tests"): {"evidence": _SPAM},
}
#: (method, path) -> the document of success.
ANSWERS: Mapping[tuple[str, str], Any] = {
    ("get", f"{API}/hosts/{{address}}"): {
        "address": "192.0.2.1",
        "state": "listed",
        "listings": [_LISTING],
        "forthcoming": [],
        "inputs": [],
        "last_verdict": "OPEN",
        "next_test": None,
        "ahead": 0,
        "waits": "",
        "removal_after": None,
        "clears_by": None,
        "zones": {"relays.example.org": ["127.0.0.2"]},
        "exception": None,
        "proof": f"{_SITE}/ip/192.0.2.1.proof",
        "paths": [_PATH],
        "others": None,
    },
    ("post", f"{API}/lookups"): {"rows": [_ROW, _UNREAD]},
    ("get", f"{API}/runs/{{run}}"): {
        "run_id": _RUN,
        "address": "192.0.2.1",
        "port": 25,
        "reason": "nomination",
        "profile": "standard",
        "state": "settled",
        "started": _SINCE,
        "verdict": "OPEN",
        "explanation": "Our letter came back.",
        "progress": {"phase": "done", "forms": 14, "tried": 1, "accepted": 0, "back": 1, "sentence": ""},
        "flags": [],
        "output_addresses": ["192.0.2.1"],
        "cause": None,
        "attempts": [
            {"vector": "S01", "address": "192.0.2.1", "port": 25, "outcome": "DELIVERED_SAME", "reply": "250 ok"}
        ],
        "paths": [{**_PATH, "certificate": None}],
        "forgotten": None,
    },
    ("get", f"{API}/nominations"): {
        "nominations": [
            {
                "number": 17,
                "address": "192.0.2.1",
                "received": _SINCE,
                "door": "api",
                "evidence": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "counts": True,
                "withdrawn": None,
                "run_id": _RUN,
                "state": "settled",
                "verdict": "OPEN",
            }
        ],
        "before": None,
    },
    ("post", f"{API}/nominations"): {**_ACCEPTED, "messages": 1, "nominations": []},
    ("post", f"{API}/removals"): {**_ACCEPTED, "run_url": f"{_SITE}{API}/runs/{_RUN}"},
    ("post", f"{API}/self-tests"): _SELF_TEST,
    ("get", f"{API}/self-tests/{{run}}"): _SELF_TEST,
}


def exemplified(document: dict[str, Any]) -> dict[str, Any]:
    """The description (OpenAPI), with its examples where it has such routes."""
    for (method, path), example in REQUESTS.items():
        if operation := document["paths"].get(path, {}).get(method):
            operation["requestBody"]["content"]["application/json"]["example"] = example
    for (method, path), example in ANSWERS.items():
        for status, answer in document["paths"].get(path, {}).get(method, {}).get("responses", {}).items():
            if status.startswith("2") and "application/json" in answer.get("content", {}):
                answer["content"]["application/json"]["example"] = example
    return document
