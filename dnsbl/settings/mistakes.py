"""What is wrong with settings or a zone file, in sentences of ours: what pydantic says passes through here.

Pure. A sentence names what is needed and shows what is there, bounded and escaped; nothing of how it was checked.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from tester.records import dataclass

#: Characters of a value that are shown, and of each part of a key.
MOST_SHOWN, MOST_PART = 60, 60
#: Keys whose value may hold a password, so that no mistake shows it.
UNSHOWN = frozenset({"database.url"})


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake."""

    place: tuple[str, ...]  #: where it is: section, key, number in a list; empty: between sections
    said: str  #: one sentence without its full stop

    @property
    def key(self) -> str:
        """The place as it is written, with dots between."""
        return ".".join(part if part.isprintable() else ascii(part)[1:-1] for part in self.place)

    def __str__(self) -> str:
        return f"{self.key}: {self.said}" if self.place else self.said


def mistakes(error: ValidationError, given: Any, model: type[BaseModel]) -> list[Mistake]:
    """All that pydantic found in what was given for a model; each place once, but for what a check of ours says."""
    by_place: dict[tuple[str, ...], list[Any]] = {}
    for one in error.errors():
        by_place.setdefault(tuple(_place(one["loc"], given)), []).append(one)
    found = []
    for place, errors in by_place.items():
        said = dict.fromkeys(sentence for one in errors for sentence in _sentences(one, place, model, errors))
        ours = errors[0]["type"] in ("value_error", "extra_forbidden")
        texts = list(said) if ours else [", or ".join(said)]
        shown = _shown(errors[0], ".".join(place))
        found += [
            Mistake(place, text if shown.startswith(" (is '") and shown[5:-1] in text else text + shown)
            for text in texts
        ]
    return found


def unknown(key: str, known: Sequence[str]) -> str:
    """What is said of a key that there is not."""
    near = difflib.get_close_matches(key, known, 1)
    return f"unknown key; did you mean {near[0]}?" if near else f"unknown key; allowed are {', '.join(known)}"


def _place(where: Sequence[int | str], given: Any) -> Iterator[str]:
    """Where something is in what was given: without what a check has added, such as the type that was tried."""
    at = given
    for part in where:
        if isinstance(at, Mapping):
            at = at.get(part)
        elif isinstance(at, (list, tuple)) and isinstance(part, int):
            at = at[part] if part < len(at) else None
        else:
            return
        yield str(part)[:MOST_PART]


def _shown(error: Any, key: str) -> str:
    value = error.get("input")
    if key in UNSHOWN or error["type"] == "extra_forbidden" or not isinstance(value, (str, int, float, bool)):
        return ""
    as_written = f"{value[:MOST_SHOWN]!a}" if isinstance(value, str) else json.dumps(value)[:MOST_SHOWN]
    return f" (is {as_written})"


def _sentences(error: Any, place: tuple[str, ...], model: type[BaseModel], beside: Sequence[Any]) -> list[str]:
    kind, about = error["type"], error.get("ctx") or {}
    if kind == "extra_forbidden":
        return [unknown(place[-1], _allowed(place, model))]
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ").split("\n")
    if said := bound(kind, about):
        return [said]
    if kind == "literal_error":
        return list(filter(None, [choice(about["expected"])]))  # beside what else may stand there
    if kind == "string_pattern_mismatch":
        return [_formed(about["pattern"], place, model)]
    if kind in ("tuple_type", "list_type"):
        return [f"a list is needed, {_listed(error.get('input'), place, model)}"]
    if kind.startswith("ip_"):
        return [_addressed(kind, place, error.get("input"), {each["type"] for each in beside})]
    return [next((words for begin, words in _NEEDED.items() if kind.startswith(begin)), _OTHERWISE)]


_QUOTED = re.compile(r"'([^']*)'")
_OTHERWISE = "a value of another sort is needed"
_NEEDED = {
    "string": "a text is needed, in quotes",
    "int": "a whole number is needed",
    "float": "a number is needed",
    "finite": "a number is needed, and not an endless one",
    "bool": "true or false is needed",
    "path": "a path is needed, in quotes",
    "date": "a day is needed, such as 2027-01-31",
    "missing": "is needed, and is not there",
    "model": "a table is needed: a line [NAME], and its keys below",
    "dict": "a table is needed: a line [NAME], and its keys below",
}
_BOUNDS = {
    "greater_than": ("gt", "a number above {} is needed"),
    "greater_than_equal": ("ge", "at least {} is needed"),
    "less_than": ("lt", "a number below {} is needed"),
    "less_than_equal": ("le", "at most {} is allowed"),
    "string_too_short": ("min_length", "at least {} characters are needed"),
    "string_too_long": ("max_length", "at most {} characters are allowed"),
    "too_short": ("min_length", "at least {} in the list is needed"),
    "too_long": ("max_length", "at most {} in the list are allowed"),
}


def bound(kind: str, about: Mapping[str, Any]) -> str:
    """What is needed where a bound was passed, by the name that pydantic has for it; "" for any other mistake."""
    name, words = _BOUNDS.get(kind, ("", ""))
    return words.format(_number(about[name])) if words else ""


def choice(expected: str) -> str:
    """What is needed where one of several was expected, as pydantic names them; "" where they are no texts."""
    named = list(filter(None, _QUOTED.findall(expected)))
    return f"one of {', '.join(named)} is needed" if named else ""


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _listed(value: Any, place: tuple[str, ...], model: type[BaseModel]) -> str:
    """A list as it would be written: with what is there alone, where that would do."""
    at: Any = model
    with suppress(AttributeError, KeyError, ValidationError):  # of a table within a list nothing is promised
        for part in place:
            field = at.model_fields[part]
            at = _table(field.annotation)
        TypeAdapter(field.rebuild_annotation()).validate_json(
            json.dumps([str(value) if isinstance(value, bool) else value], default=str)
        )
        return f"such as [{json.dumps(value[:MOST_SHOWN] if isinstance(value, str) else value)}]"
    return "in square brackets; `dnsbl check-config --example` tells of what"


def _addressed(kind: str, place: tuple[str, ...], value: Any, tried: set[str]) -> str:
    if "network" in kind:
        bits = isinstance(value, str) and re.fullmatch(r"[0-9a-fA-F.:]{2,45}/[0-9]{1,3}", value)
        return "a network is needed, such as 192.0.2.0/24 or 2001:db8::/32" + (
            ", with no bits set behind its length" if bits else ""
        )
    if place[-1] == "code":
        return "an address 127.0.0.N is needed, such as 127.0.0.2"
    if len({each for each in tried if each.startswith("ip_")}) > 1:
        return "an address is needed, such as 192.0.2.1 or 2001:db8::1"
    return f"an IPv{kind[4]} address is needed"


def _allowed(place: tuple[str, ...], model: type[BaseModel]) -> list[str]:
    """The keys of the table that the last part of a place is in."""
    at: Any = model
    for part in place[:-1]:
        fields = getattr(at, "model_fields", {})
        if part in fields:
            at = _table(fields[part].annotation)
    return list(getattr(at, "model_fields", {}))


def _table(annotation: Any) -> Any:
    """The model that an annotation names: by itself, or in a list, a dictionary or beside None."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table, get_args(annotation))), None)


def _formed(pattern: str, place: tuple[str, ...], model: type[BaseModel]) -> str:
    """What would fit in place of a text that has the wrong form."""
    if words := re.fullmatch(r"\^\(([\w|-]+)\)\$", pattern):
        return f"one of {', '.join(words[1].split('|'))} is needed"
    table: Any = model.model_fields[place[0]].annotation
    field = getattr(table, "model_fields", {}).get(place[1]) if len(place) > 1 else None
    if field is not None and field.examples:
        return f"a text such as {field.examples[0]} is needed"
    return "a text of another form is needed; `dnsbl check-config --example` says what it is for"
