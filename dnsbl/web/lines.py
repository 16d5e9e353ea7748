"""How a self-test stands, as lines of text for a shell. Pure: documents in, lines out, printable ASCII alone."""

from __future__ import annotations

from typing import Any

from dnsbl.addresses import printable


def line(document: dict[str, Any]) -> str:
    """How far it is, of a test that goes on."""
    return printable(document["progress"]["sentence"])


def ending(document: dict[str, Any]) -> list[str]:
    """What came of it; the last line is the result."""
    lines = [f"{document['verdict'] or 'not tested'}: {document['explanation']}"]
    for one in document["paths"]:
        tls = " (TLS)" if one["tls"] == "implicit" else ""
        lines.append(
            f"  {one['address']} port {one['port']}{tls}: {one['verdict'] or '-'} {one['explanation']}".rstrip()
        )
    if cause := document["cause"]:
        lines += [f"Why ({cause['name']}, {cause['sure']}): {' '.join(cause['reasons'])}"]
        lines += [f"What closes it: {one}" for one in cause["advice"]]
    return [printable(line) for line in (*lines, f"result: {document['result']}")]
