"""Records of a small survey, for what counts and tells them."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from dnsbl.rules.surveys.records import Back, FiledLetter, Host, ListedElsewhere, Record, Sat
from tester.letter import Letter
from tester.smtp import Outcome
from tester.verdict import Finding

HEAD = {
    "name": "autumn",
    "begun": "2026-11-26T06:00:00Z",
    "form": "S01",
    "targets": 12,
    "authorization": {"who": "Ann", "when": "2026-11-01", "what": "all <of> it", "source": "leave.toml"},
}


def host(number: int, outcome: str, stage: str, **more: Any) -> Host:
    return Host(
        target=number,
        address=ip_address("192.0.2.0") + number,
        at=1000.0 + number,
        outcome=Outcome(outcome),
        stage=stage,
        letter=f"r{number}" if stage in ("OK", "QUIT") else "",
        **more,
    )


def letter(number: int) -> FiledLetter:
    return FiledLetter(
        target=number,
        letter=Letter(
            recipient=f"r{number}",
            sender=f"s{number}",
            address=ip_address("192.0.2.0") + number,
            port=25,
            vector="S01",
            run="autumn",
            not_before=1000,
            not_after=2000,
            proof_hash=bytes(32),
        ),
    )


def back(number: int, finding: str) -> Back:
    return Back(target=number, token=f"r{number}", finding=Finding(finding), peer=ip_address("192.0.2.77"), at=1500.25)


#: 12 targets, all kinds of ends: of 6 that accept 2 deliver, 1 bounces, 1 keeps, 2 lose (1 failed at QUIT).
RECORDS: tuple[Record, ...] = (
    host(0, "CONN_REFUSED", "CONNECT"),
    host(1, "CONN_TIMEOUT", "CONNECT", there=False),
    host(2, "CONN_TIMEOUT", "CONNECT"),
    host(3, "BANNER_5XX", "CONNECT", greeting="554 no"),
    letter(4),
    host(4, "RCPT_5XX", "TO", greeting="x ESMTP Postfix", reply="550 no"),
    *(letter(n) for n in range(5, 11)),
    back(5, "DELIVERED_SAME"),  # before its conversation was over
    host(5, "ACCEPTED", "OK", greeting="x ESMTP Sendmail 8.9.3/8.9.3; now", dot_at=1005.5),
    host(6, "ACCEPTED", "OK", greeting='=cmd("x") <b>Exim 4.96'),
    host(7, "ACCEPTED", "OK"),
    host(8, "ACCEPTED", "QUIT"),
    host(9, "ACCEPTED", "OK"),
    host(10, "ACCEPTED", "OK"),
    host(11, "SKIPPED", "", there=False, why="opted out"),
    back(6, "DSN_DELAYED"),
    back(6, "DELIVERED_OTHER"),
    back(7, "BOUNCED"),
    back(8, "HUMAN"),
    back(9, "DSN_DELAYED"),
    back(4, "FORGED"),
    ListedElsewhere(target=5, on=("a.test", "b.test")),
    ListedElsewhere(target=6, on=(), untold=("b.test",)),
    Sat(seconds=3.25, tested=7),
    Sat(seconds=1.0, tested=5),
)
