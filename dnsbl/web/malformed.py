"""What is wrong with the form of a request, in sentences of ours: what pydantic says passes through here.

Pure. A sentence names the field and what is needed there, and shows nothing of what was sent but the names of fields,
bounded and escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dnsbl.settings.mistakes import bound, choice
from dnsbl.web.shapes import HALF

#: The type of a mistake that a check of our own has found: what it says is the sentence.
OURS = "ours"
#: Mistakes that are told of, and characters of a field's name.
MOST, MOST_NAME = 5, 60

_NOT_JSON = "The body is not JSON."
_OTHERWISE = "a value of another sort is needed"
#: By how the name of a mistake begins.
_NEEDED = {
    "string_unicode": HALF,
    "string": "a text is needed",
    "int": "a whole number is needed",
    "bool": "true or false is needed",
    "list": "a list is needed, such as [25]",
    "model": "a JSON object is needed, such as {}, with Content-Type: application/json",
    "missing": "is needed, and is not there",
    "extra_forbidden": "is no field of this request; leave it out",
}


def sentence(errors: Sequence[Any]) -> str:
    """Which fields are wrong and what is needed there; `errors` as pydantic or FastAPI lists them, each with its place
    within the request: path, query or body, and then the field."""
    if any(one["type"] == "json_invalid" for one in errors):  # its place is an octet's, and no field's
        return _NOT_JSON
    found = {".".join(str(part) for part in one["loc"][1:]) or "body": _needed(one) for one in errors}
    return "; ".join(f"{ascii(name)[1:-1][:MOST_NAME]}: {said}" for name, said in list(found.items())[:MOST]) + "."


def _needed(error: Any) -> str:
    kind, about = error["type"], error.get("ctx") or {}
    if kind in (OURS, "value_error"):
        return str(error["msg"]).removeprefix("Value error, ")
    if kind in ("literal_error", "enum"):
        return choice(about["expected"])
    known = (words for begin, words in _NEEDED.items() if kind.startswith(begin))
    return bound(kind, about) or next(known, _OTHERWISE)
