"""A self-test as lines for a shell."""

from __future__ import annotations

from typing import Any

from dnsbl.web.lines import ending, line

DOCUMENT: dict[str, Any] = {
    "state": "testing",
    "result": None,
    "verdict": None,
    "explanation": "",
    "progress": {"sentence": "9 of 24 forms are done; nothing has come back so far."},
    "paths": [{"address": "192.0.2.1", "port": 465, "tls": "implicit", "verdict": None, "explanation": ""}],
    "cause": None,
}


def test_a_line_tells_how_far_it_is_in_the_words_of_every_other_place() -> None:
    assert line(DOCUMENT) == "9 of 24 forms are done; nothing has come back so far."


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
