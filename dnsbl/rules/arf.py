"""An abuse report (ARF, RFC 5965) around a mail that tells of a listing, for desks whose programs read such reports.

Pure. Three parts: what people read; the facts for programs; and the head of the letter that came back. No spam was seen
by us, an open relay was: so the type of the feedback is `other` (RFC 5965 7.3), and what somebody else may have sent is
not in it. Holds nothing that `rules.discretion` has not gone through.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from dnsbl.addresses import Address

#: Received fields of the letter that are shown.
FIELDS = 20


def facts(*, source: Address, arrived: datetime, page: str, chain: Iterable[str]) -> dict[str, str]:
    """What a report needs, for a mail's own facts: the machine that delivered our letter, when it did, the listing's
    page, and the letter's Received fields, newest first, with what is other people's left out of them."""
    when = f"{arrived:%Y-%m-%dT%H:%M:%SZ}"
    return {"arf": json.dumps({"source": str(source), "arrived": when, "page": page, "chain": [*chain][:FIELDS]})}


def enclose(mail: EmailMessage, given: Mapping[str, str], *, boundary: str, agent: str, reporter: str) -> None:
    """Make a mail whose text is there already the first part of a report (multipart/report, RFC 5965 2). `given` has
    `facts`; `boundary` occurs in none of the parts; `reporter` is the name of our mail server."""
    known = json.loads(given["arf"])
    fields = {
        "Feedback-Type": "other",
        "User-Agent": agent,
        "Version": "1",
        "Source-IP": known["source"],
        "Arrival-Date": format_datetime(datetime.fromisoformat(known["arrived"])),
        "Reporting-MTA": f"dns; {reporter}",
        "Reported-URI": known["page"],
        "Incidents": "1",
    }
    mail.make_mixed(boundary)
    mail.replace_header("Content-Type", f'multipart/report; report-type=feedback-report; boundary="{boundary}"')
    for kind, lines in (
        ("message/feedback-report", [f"{name}: {value}" for name, value in fields.items()]),
        ("text/rfc822-headers", [f"Received: {line}" for line in known["chain"]]),
    ):
        part = EmailMessage()
        part["Content-Type"] = kind
        part.set_payload("\r\n".join(lines) + "\r\n")
        mail.attach(part)
