"""Abuse reports: ARF (RFC 5965), X-ARF by mail (versions 0.1 and 0.2: YAML), and XARF in JSON (versions 1 to 4).

Pure. Reads which source a report names and which messages its JSON holds; never judges either. Formats of X-ARF:
github.com/abusix/xarf (to version 3) and github.com/xarf/xarf-spec (version 4).
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import Any

from dnsbl.addresses import Address, canonical
from dnsbl.rules.evidence import mime
from tester.received.fields import fields
from tester.records import dataclass

#: Octets of a report in JSON that are read.
_MOST = 4 * 1024 * 1024
#: What people read behind a value: a comment (RFC 5322 3.2.2), or one of YAML's.
_REMARK = re.compile(r"\([^()]*\)|\s#.*", re.DOTALL)
_YAML = frozenset(("text/plain", "text/yaml", "application/yaml", "application/x-yaml"))


@dataclass(frozen=True, kw_only=True, slots=True)
class AbuseReport:
    """What a report says of itself."""

    kind: str  #: "ARF" or "X-ARF"
    source: Address | None  #: the source that it names
    spam: bool  #: False where it says that the message is none


def report(header: dict[str, str], leaves: Sequence[mime.Leaf]) -> AbuseReport | None:
    """The abuse report that a message with this header and these parts is, or None."""
    for leaf in leaves:
        if leaf.kind == "message/feedback-report":  # RFC 5965 3.1, 3.2
            said = _fields(leaf.body)
            spam = _REMARK.sub("", said.get("feedback-type", "")).strip().lower() != "not-spam"
            return AbuseReport(kind="ARF", source=_address(said.get("source-ip", "")), spam=spam)
    for leaf in leaves:
        if is_json(leaf) and (document := document_of(leaf.body)):
            return from_json(document)
    if "x-arf" not in header and "x-xarf" not in header:
        return None
    for leaf in leaves:
        if leaf.kind in _YAML and "report-type" in (
            said := _fields(leaf.body.removeprefix(codecs.BOM_UTF8).lstrip(b"-"))
        ):
            return AbuseReport(kind="X-ARF", source=_address(said.get("source", "")), spam=True)
    return AbuseReport(kind="X-ARF", source=None, spam=True)


def is_json(leaf: mime.Leaf) -> bool:
    """Whether this part may hold a report in JSON."""
    return leaf.kind in ("application/json", "text/json") or leaf.name.endswith(".json")


def document_of(body: bytes) -> dict[str, Any]:
    """The report in this JSON text; empty for all that is none."""
    try:
        found = json.loads(body[:_MOST])
    except (ValueError, RecursionError):
        return {}
    if isinstance(found, dict) and ("xarf_version" in found or isinstance(found.get("Report"), dict)):
        return found
    return {}


def from_json(document: dict[str, Any]) -> AbuseReport:
    """A report from its JSON form."""
    inner = _table(document.get("Report"))
    places = (document.get("source_identifier"), inner.get("SourceIp"), _table(inner.get("Source")).get("IP"))
    source = next((found for place in places if isinstance(place, str) and (found := _address(place))), None)
    return AbuseReport(kind="X-ARF", source=source, spam=True)


def samples(document: dict[str, Any]) -> Iterator[bytes]:
    """The messages in a JSON report: `evidence` of version 4, `Samples` and `Attachment` of those before."""
    inner = _table(document.get("Report"))
    for rows in (document.get("evidence"), inner.get("Samples"), inner.get("Attachment")):
        for row in rows[: mime.PARTS] if isinstance(rows, list) else ():
            low = {key.lower().replace("_", ""): value for key, value in _table(row).items()}
            payload = low.get("payload", low.get("data"))
            if isinstance(payload, str) and str(low.get("contenttype", "")).lower().startswith("message/rfc822"):
                octets = payload.encode("utf-8", "replace")
                in_clear = low.get("base64encoded") is False or b":" in octets[:100]
                yield octets if in_clear else mime.decoded(octets, "base64")


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _fields(body: bytes) -> dict[str, str]:
    said: dict[str, str] = {}
    for name, value in fields(body.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n")):
        said.setdefault(name, value.decode("latin-1"))
    return said


def _address(text: str) -> Address | None:
    bare = _REMARK.sub("", text[:1000]).strip().strip("'\"[]<>").lower().removeprefix("ipv6:")
    try:
        return canonical(ip_address(bare))
    except ValueError:
        return None
