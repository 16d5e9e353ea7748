"""A self-test as lines for a shell."""

from __future__ import annotations

from typing import Any

import pytest

from dnsbl.web.lines import ending, line

DOCUMENT: dict[str, Any] = {
    "state": "testing",
    "result": None,
    "verdict": None,
    "explanation": "",
    "progress": {"forms": 24, "tried": 9, "accepted": 2, "back": 0},
    "paths": [{"address": "192.0.2.1", "port": 465, "tls": "implicit", "verdict": None, "explanation": ""}],
    "cause": None,
}


@pytest.mark.parametrize(
    ("state", "progress", "said"),
    [
        ("testing", {}, "offering letters: 9 of 24 forms so far; nothing has come back"),
        ("testing", {"back": 1}, "offering letters: 9 of 24 forms so far; 1 came back"),
        ("waiting", {}, "all is said; waiting for 2 accepted letters; nothing has come back"),
        ("queued", {"tried": 0}, "waiting for its turn"),
        ("queued", {}, "put off by the server, tried again later; nothing has come back"),
    ],
)
def test_a_line_tells_how_far_it_is(state: str, progress: dict[str, int], said: str) -> None:
    assert line(DOCUMENT | {"state": state, "progress": DOCUMENT["progress"] | progress}) == said


def test_the_end_tells_paths_cause_advice_and_last_the_result() -> None:
    cause = {"name": "submission-open", "sure": "sure", "reasons": ["A.", "B\x1b."], "advice": ["Close it."]}
    over = DOCUMENT | {"result": "open", "verdict": "OPEN", "explanation": "It came back.", "cause": cause}
    assert ending(over) == [
        "OPEN: It came back.",
        "  192.0.2.1 port 465 (TLS): -",
        "Why (submission-open, sure): A. B?.",
        "What closes it: Close it.",
        "result: open",
    ]
    assert ending(DOCUMENT | {"result": "unknown"})[0] == "not tested: "
