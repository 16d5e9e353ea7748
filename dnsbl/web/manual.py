"""The interface for programs as people read it: made from its own description (OpenAPI), so that neither says less.

Pure: the document goes in, what the page /api shows comes out. Each command line is whole, and a test runs it.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from tester.records import dataclass

#: Stands in a path or header for what only its holder knows, or has an example nowhere.
PLACEHOLDERS = {"run": "mzxw6ytboi2gk3tu", "token": "TOKEN", "key": "KEY", "address": "192.0.2.1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """One thing that a request may say."""

    name: str
    where: str  #: path, query or body
    form: str  #: in words
    needed: bool
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DescribedAnswer:
    """One status that may be answered."""

    status: str
    forms: str  #: types of content
    words: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Operation:
    """One route and method."""

    method: str
    path: str
    anchor: str
    words: str
    given: tuple[Given, ...]
    bodies: tuple[str, ...]  #: types of content that are taken
    told: tuple[DescribedAnswer, ...]
    command: str  #: a line for a shell
    answer: str  #: an example, or ""


def operations(document: Mapping[str, Any], site: str) -> list[Operation]:
    """All that the interface does, in the order of its description; `site` is `web.base_url`."""
    return [
        _operation(document, site, method, path, row)
        for path, methods in document["paths"].items()
        for method, row in methods.items()
    ]


def _operation(document: Mapping[str, Any], site: str, method: str, path: str, row: Mapping[str, Any]) -> Operation:
    bodies = row.get("requestBody", {}).get("content", {})
    given = [
        Given(
            name=one["name"],
            where=one["in"],
            form=form(one["schema"], document),
            needed=one.get("required", False),
            words=one.get("description", ""),
        )
        for one in row.get("parameters", ())
    ]
    body = resolved(bodies.get("application/json", {}).get("schema", {}), document)
    for name, schema in body.get("properties", {}).items():
        needed = name in body.get("required", ())
        words = schema.get("description", "")
        given.append(Given(name=name, where="body", form=form(schema, document), needed=needed, words=words))
    told = [
        DescribedAnswer(status=status, forms=", ".join(one.get("content", {})), words=one.get("description", ""))
        for status, one in row["responses"].items()
    ]
    return Operation(
        method=method.upper(),
        path=path,
        anchor=f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""),
        words=" ".join(row.get("description", "").split()),
        given=tuple(given),
        bodies=tuple(bodies),
        told=tuple(told),
        command=command(site, method, path, row),
        answer=_answer(row),
    )


def command(site: str, method: str, path: str, row: Mapping[str, Any]) -> str:
    """A line for a shell that makes such a request."""
    for one in row.get("parameters", ()):
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", _example(one))
    words = ["curl", "-s"]
    goes_on = any("text/event-stream" in one.get("content", {}) for one in row["responses"].values())
    words += ["-N"] if goes_on else []
    words += [] if method in ("get", "post") else ["-X", method.upper()]
    if row.get("x-needs-key"):
        words += ["-H", f"Authorization: Bearer {PLACEHOLDERS['key']}"]
    example = row.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    if example is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(example)]
    elif method == "post":
        words += ["-X", "POST"]
    return shlex.join([*words, f"{site}{path}"])


def form(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """What a value must be, in words."""
    schema = resolved(schema, document)
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        forms = [form(one, document) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(one for one in forms if one))
    if schema.get("format") in ("ipv4", "ipv6"):
        return {"ipv4": "an IPv4 address", "ipv6": "an IPv6 address"}[schema["format"]]
    if schema.get("type") == "array":
        return f"a list, each {form(schema.get('items', {}), document)}"
    if "const" in schema:
        return "nothing" if schema["const"] == "" else str(schema["const"])
    words = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
    return words.get(str(schema.get("type")), "a document")


def resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference leads to."""
    if "$ref" not in schema:
        return schema
    found: Mapping[str, Any] = document
    for step in schema["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return found


def _example(parameter: Mapping[str, Any]) -> str:
    examples = parameter["schema"].get("examples") or [PLACEHOLDERS.get(parameter["name"], parameter["name"].upper())]
    return str(examples[0])


def _answer(row: Mapping[str, Any]) -> str:
    """The example of success, as JSON."""
    for status, one in row["responses"].items():
        example = one.get("content", {}).get("application/json", {}).get("example")
        if status.startswith("2") and example is not None:
            return json.dumps(example, indent=2)
    return ""
