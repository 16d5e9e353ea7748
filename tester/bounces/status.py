"""What a delivery status report says of one recipient (RFC 3464; RFC 6533 for addresses beyond ASCII).

Pure. Reads the fields of message/delivery-status and message/global-delivery-status; believes none of them. A
recipient is ours when our token stands anywhere in its fields: relay forms such as percent, bang, quotes and source
routes are rewritten on the way, and the token is the one thing that survives them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tester.received.fields import fields
from tester.records import dataclass
from tester.refusals import unescaped
from tester.smtp import escape

_MOST = 100  # recipients of one report
_BLANK = re.compile(rb"\n[ \t]*\n")
_GAPS = re.compile(rb"\s+")

_ACTION = re.compile(rb"(failed|delayed|delivered|relayed|expanded)\b", re.I)
#: Some write the code of the reply before it, or a sign.
_STATUS = re.compile(rb"(?:[245][0-9][0-9][ -])?#?([245]\.[0-9]{1,3}\.[0-9]{1,3})(?!\.?[0-9])")
#: A reply that turned a recipient down, whatever its status.
_TURNED_DOWN = re.compile(r"(?i)\b5[0-9][0-9]\b.*(?:rejected|denied|relay)")
#: The code of the reply that a diagnosis quotes.
_CODE = re.compile(rb"(?:[\w-]{1,20};)?\s{0,9}([245])[0-9][0-9]\b", re.I)


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusReport:
    """What one report says has become of one recipient."""

    recipient: bytes  #: all fields that name it, lower case, without blanks
    action: str  #: failed, delayed, delivered, relayed, expanded (RFC 3464 2.3.3), or ""
    status: str  #: RFC 3463 status, or ""
    remote_mta: str  #: escaped and bounded; or ""
    diagnostic: str  #: escaped and bounded; or ""
    retried: bool  #: says until when it will be tried again, whatever the action says

    @property
    def words(self) -> str:
        """The diagnosis as text in lower case: what `escape` has made of letters beyond ASCII are no words."""
        return unescaped(self.diagnostic).lower()

    @property
    def reply(self) -> str:
        """The reply that the diagnosis quotes, from its code on; "" where it quotes none."""
        code = _CODE.match(self.diagnostic.encode())
        return self.diagnostic.encode()[code.start(1) :].decode() if code else ""

    @property
    def final(self) -> bool:
        """Whether it failed for good, by a permanent refusal.

        A server that found no way or no such host (X.4.X, X.1.2), or gave up after days (a temporary diagnosis under
        a status that says nothing, as Exim writes it), had been trying to pass the letter on: that is no refusal.
        Exchange writes 5.4.1, and Stalwart 5.1.2, where they turned a recipient down, and their replies say so.
        """
        code = _CODE.match(self.diagnostic.encode())
        said = self.status or (f"{code[1].decode()}.0.0" if code else "")
        turned_down = bool(_TURNED_DOWN.search(self.diagnostic)) and not said.startswith("5.4.7")
        on_its_way = (said.startswith("5.4.") or said == "5.1.2") and not turned_down
        permanent = said.startswith("5.") and not on_its_way
        return self.action == "failed" and permanent and not self.retried and (code is None or code[1] != b"4")


def reports(content: bytes) -> Iterator[StatusReport]:
    """The recipients of a status part, at most 100, in order; told apart where blank lines were lost, too."""
    groups = (group for block in _BLANK.split(content, _MOST) for group in _groups(block.lstrip(b"\n")))
    for _, found in zip(range(_MOST), groups, strict=False):
        action, status = _ACTION.match(found.get("action", b"")), _STATUS.match(found.get("status", b""))
        kind, _, name = found.get("remote-mta", b"").partition(b";")
        yield StatusReport(
            recipient=_GAPS.sub(b"", b";".join(found[key] for key in found if _names(key))).lower(),
            action=action[1].decode("ascii").lower() if action else "",
            status=status[1].decode("ascii") if status else "",
            remote_mta=escape((name or kind).strip()[:255]),
            diagnostic=escape(found.get("diagnostic-code", b"")[:500]),
            retried="will-retry-until" in found,
        )


def _groups(block: bytes) -> Iterator[dict[str, bytes]]:
    """The fields of each recipient in a block; what names no recipient and no action is about the message."""
    group: dict[str, bytes] = {}
    for key, value in fields(block):
        if _names(key) and "action" in group and any(map(_names, group)):
            yield group
            group = {}
        group.setdefault(key, value)
    if "action" in group or any(map(_names, group)):
        yield group


def _names(key: str) -> bool:
    return key.endswith("-recipient")


def of(recipient: str, contents: Iterable[bytes]) -> tuple[list[StatusReport], list[StatusReport]]:
    """The reports that these status parts tell of our recipient, and those of others."""
    ours: list[StatusReport] = []
    others: list[StatusReport] = []
    for content in contents:
        for report in reports(content):
            (ours if recipient.encode("ascii") in report.recipient else others).append(report)
    return ours, others
