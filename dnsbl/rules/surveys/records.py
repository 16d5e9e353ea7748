"""What a survey has found, a line each, to and from the file that it is kept in.

Pure. The file is only added to; a line that a crash has cut off is none. A letter's line stands before anything of it
is sent, so that what comes back, however late, is known; a target whose host line is missing is still to be tested.
"""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

from dnsbl.addresses import Address
from dnsbl.errors import Damaged
from tester.letter import Letter
from tester.records import dataclass
from tester.smtp import Flag, Outcome
from tester.verdict import Finding

#: Characters of a greeting and of a reply that are kept.
SHOWN = 200
#: Outcomes of a connection to which nobody has answered.
SILENT = frozenset({Outcome.CONN_TIMEOUT, Outcome.CONN_UNREACH})


@dataclass(frozen=True, kw_only=True, slots=True)
class FiledLetter:
    """A letter, before it is sent."""

    target: int  #: the target's number in its survey
    letter: Letter


@dataclass(frozen=True, kw_only=True, slots=True)
class Host:
    """What one target's test has come to."""

    target: int
    address: Address
    at: float  #: epoch seconds when its conversation was over
    outcome: Outcome
    stage: str  #: CONNECT, EHLO, MAIL, TO, DATA, QUIT or OK (IMCR-013); "" when it was not tested
    there: bool = True  #: whether anything has shown that a host is there: an answer, DNS, or nmap
    greeting: str = ""  #: escaped
    reply: str = ""  #: the deciding reply, escaped
    flags: frozenset[Flag] = frozenset()
    letter: str = ""  #: the recipient token of the letter that was offered, or ""
    dot_at: float | None = None  #: epoch seconds when the letter's final dot went out
    why: str = ""  #: why it was not tested: opted out, or an address that is not for dialling


@dataclass(frozen=True, kw_only=True, slots=True)
class Back:
    """A message that came to the survey's collector about a letter."""

    target: int
    token: str
    finding: Finding
    peer: Address
    at: float  #: epoch seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedElsewhere:
    """Which other lists had a target whose letter came back."""

    target: int
    on: tuple[str, ...]  #: zones
    untold: tuple[str, ...] = ()  #: zones that could not tell


@dataclass(frozen=True, kw_only=True, slots=True)
class Sat:
    """A part of a sitting in which hosts were tested; of one that is killed the last part is missing."""

    seconds: float
    tested: int


Record = FiledLetter | Host | Back | ListedElsewhere | Sat


def line(record: Record) -> str:
    """One line, its end included."""
    return json.dumps(_document(record), separators=(",", ":")) + "\n"


def _document(record: Record) -> dict[str, Any]:
    match record:
        case FiledLetter(target=number, letter=e):
            return {
                "letter": number,
                "recipient": e.recipient,
                "sender": e.sender,
                "address": str(e.address),
                "port": e.port,
                "form": e.vector,
                "run": e.run,
                "from": e.not_before,
                "until": e.not_after,
                "proof": e.proof_hash.hex(),
            }
        case Host():
            found: dict[str, Any] = {
                "host": record.target,
                "address": str(record.address),
                "at": round(record.at, 3),
                "outcome": record.outcome.value,
                "stage": record.stage,
                "there": record.there,
            }
            more = {
                "greeting": record.greeting,
                "reply": record.reply,
                "flags": sorted(record.flags),
                "letter": record.letter,
                "dot_at": record.dot_at,
                "why": record.why,
            }
            return found | {name: value for name, value in more.items() if value}
        case Back():
            return {
                "back": record.target,
                "token": record.token,
                "finding": record.finding.value,
                "peer": str(record.peer),
                "at": round(record.at, 3),
            }
        case ListedElsewhere():
            return {"listed": record.target, "on": list(record.on), "untold": list(record.untold)}
        case Sat():
            return {"sat": round(record.seconds, 3), "tested": record.tested}


def read(text: str) -> Record:
    """The record of a line. Raises Damaged."""
    try:
        d: dict[str, Any] = json.loads(text)
        match d:
            case {"host": number}:
                return Host(
                    target=int(number),
                    address=ip_address(d["address"]),
                    at=float(d["at"]),
                    outcome=Outcome(d["outcome"]),
                    stage=str(d["stage"]),
                    there=bool(d["there"]),
                    greeting=str(d.get("greeting", "")),
                    reply=str(d.get("reply", "")),
                    flags=frozenset(map(Flag, d.get("flags", ()))),
                    letter=str(d.get("letter", "")),
                    dot_at=d.get("dot_at"),
                    why=str(d.get("why", "")),
                )
            case {"letter": number}:
                return FiledLetter(
                    target=int(number),
                    letter=Letter(
                        recipient=d["recipient"],
                        sender=d["sender"],
                        address=ip_address(d["address"]),
                        port=int(d["port"]),
                        vector=d["form"],
                        run=d["run"],
                        not_before=int(d["from"]),
                        not_after=int(d["until"]),
                        proof_hash=bytes.fromhex(d["proof"]),
                    ),
                )
            case {"back": number}:
                return Back(
                    target=int(number),
                    token=str(d["token"]),
                    finding=Finding(d["finding"]),
                    peer=ip_address(d["peer"]),
                    at=float(d["at"]),
                )
            case {"listed": number}:
                return ListedElsewhere(
                    target=int(number), on=tuple(map(str, d["on"])), untold=tuple(map(str, d.get("untold", ())))
                )
            case {"sat": seconds}:
                return Sat(seconds=float(seconds), tested=int(d["tested"]))
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Damaged(f"A line of the survey's results cannot be read: {ascii(text)[:60]}.") from fault
    raise Damaged(f"A line of the survey's results is of an unknown kind: {ascii(text)[:60]}.")


class Done:
    """Which targets have their host line: all below a mark, and some above it; takes the memory of what is in
    flight."""

    def __init__(self) -> None:
        self.below = 0
        self._above: set[int] = set()

    def add(self, number: int) -> None:
        """This one has."""
        self._above.add(number)
        while self.below in self._above:
            self._above.remove(self.below)
            self.below += 1

    def __contains__(self, number: int) -> bool:
        return number < self.below or number in self._above

    def __len__(self) -> int:
        return self.below + len(self._above)
