"""How a self-test stands, as lines of text for a shell. Pure: documents in, lines out, printable ASCII alone."""

from __future__ import annotations

from typing import Any

from dnsbl.addresses import printable


def line(document: dict[str, Any]) -> str:
    """How far it is."""
    progress, state = document["progress"], document["state"]
    back = f"{progress['back']} came back" if progress["back"] else "nothing has come back"
    if state == "queued":
        return "waiting for its turn" if not progress["tried"] else f"put off by the server, tried again later; {back}"
    if state == "waiting":
        return f"all is said; waiting for {progress['accepted']} accepted letters; {back}"
    return f"offering letters: {progress['tried']} of {progress['forms']} forms so far; {back}"


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
