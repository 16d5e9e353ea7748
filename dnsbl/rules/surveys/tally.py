"""Records of a survey -> counts, in one pass over them.

Pure. Memory grows with the hosts that have accepted the letter and with the programs that greet, of which the rarest
are counted together; not with the hosts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import Any

from dnsbl.rules.surveys.records import SILENT, Back, FiledLetter, Host, ListedElsewhere, Record, Sat
from dnsbl.rules.surveys.software import product
from tester.fate import Fate
from tester.letter import Letter
from tester.records import dataclass
from tester.smtp import DELIVERED, KEPT, PENDING, Outcome
from tester.verdict import CAME_BACK, Finding

#: The labels of IMCR-013, in the order of a conversation.
STAGES = ("CONNECT", "EHLO", "MAIL", "TO", "DATA", "QUIT", "OK")
#: Programs that are told apart.
MOST_PROGRAMS = 500
OTHERS = "others"
NAMELESS = "not named"


@dataclass(slots=True)
class Relay:
    """A host that has accepted the letter."""

    host: Host
    back: Fate | None = None  #: the best of what came back
    human: bool = False  #: whether somebody has answered
    lists: ListedElsewhere | None = None  #: what other lists said; None: nobody has asked

    @property
    def folded(self) -> Outcome:
        """What has become of the letter."""
        return self.back.folded if self.back else Outcome.ACCEPTED

    @property
    def delivered(self) -> bool:
        """Whether it came back with its proof."""
        return self.folded in DELIVERED

    @property
    def bounced(self) -> bool:
        """Whether it was returned to its sender."""
        return self.folded in (Outcome.BOUNCED, Outcome.BOUNCED_BY_US)

    @property
    def kept(self) -> bool:
        """Whether the host says that it has it still."""
        return self.folded in KEPT


@dataclass(slots=True)
class SurveyTally:
    """The counts of one survey."""

    head: Mapping[str, Any]  #: what the survey's own file says of it
    tested: int = 0
    there: int = 0  #: hosts found: anything has shown that they are there
    open: int = 0
    closed: int = 0
    filtered: int = 0
    silent: int = 0  #: addresses where nothing has shown that a host is there
    left_out: Counter[str] = field(default_factory=Counter)  #: why they were not tested
    stages: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    software: Counter[str] = field(default_factory=Counter)  #: of open ports, by name and version
    relays: dict[int, Relay] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The survey's name."""
        return str(self.head.get("name", ""))

    @property
    def accepted(self) -> int:
        """Hosts that have taken the whole letter."""
        return len(self.relays)

    @property
    def delivered(self) -> int:
        return sum(one.delivered for one in self.relays.values())

    @property
    def bounced(self) -> int:
        return sum(one.bounced for one in self.relays.values())

    @property
    def kept(self) -> int:
        """Hosts that say that they have the letter still."""
        return sum(one.kept for one in self.relays.values())

    @property
    def lost(self) -> int:
        """Letters that were accepted, and of which nothing was heard."""
        return self.accepted - self.delivered - self.bounced - self.kept

    @property
    def human(self) -> int:
        """Letters that somebody has answered."""
        return sum(one.human for one in self.relays.values())

    @property
    def relaying(self) -> Counter[str]:
        """Open relays, by name and version of their program."""
        return Counter(named(one.host.greeting) for one in self.relays.values() if one.delivered)

    @property
    def asked_about(self) -> int:
        """Hosts that delivered, and about which other lists were asked."""
        return sum(one.delivered and one.lists is not None for one in self.relays.values())

    @property
    def listed(self) -> int:
        """Of these, hosts that were on another list."""
        return sum(one.delivered and one.lists is not None and bool(one.lists.on) for one in self.relays.values())

    @property
    def untold(self) -> int:
        """Of these, hosts that no list had of those that could tell, while others could not."""
        told = (one.lists for one in self.relays.values() if one.delivered and one.lists is not None)
        return sum(bool(one.untold) and not one.on for one in told)


def tally(head: Mapping[str, Any], records: Iterable[Record]) -> SurveyTally:
    """The counts. A host that was tested twice, since it was cut off, counts by its last test; if the letter of the
    first has come back it is a relay all the same."""
    found = SurveyTally(head=head)
    letters: dict[int, Letter] = {}  # of hosts that have accepted, and of those in hand
    cut: dict[int, Letter] = {}  # of conversations that were cut off
    twice: dict[int, Host] = {}
    later: list[Back | ListedElsewhere] = []
    for record in records:
        match record:
            case Host(target=number):
                if number in cut:
                    twice[number] = record
                if record.outcome not in PENDING:
                    letters.pop(number, None)
                _count(found, record)
            case Back() | ListedElsewhere():
                later.append(record)
            case Sat():
                found.seconds += record.seconds
            case FiledLetter(target=number, letter=letter):
                if number in letters:
                    cut[number] = letters[number]
                letters[number] = letter
    for record in later:
        number = record.target
        if isinstance(record, Back) and record.finding in CAME_BACK and number in twice:
            found.relays.setdefault(number, Relay(host=twice[number]))
        relay = found.relays.get(number)
        if relay is None:
            continue
        if isinstance(record, ListedElsewhere):
            relay.lists = record
        elif known := letters.get(number) or cut.get(number):
            fate = relay.back or Fate(letter=known, outcome=relay.host.outcome)
            relay.back = fate.found(record.finding)
            relay.human = relay.human or record.finding is Finding.HUMAN
    return found


def _count(found: SurveyTally, host: Host) -> None:
    if host.why:
        found.left_out[host.why] += 1
        return
    found.tested += 1
    found.there += host.there
    found.stages[host.stage] += 1
    found.outcomes[host.outcome] += 1
    if host.outcome is Outcome.CONN_REFUSED:
        found.closed += 1
    elif host.outcome in SILENT:
        found.filtered += host.there
        found.silent += not host.there
    else:
        found.open += 1
        name = named(host.greeting)
        if name not in found.software and len(found.software) >= MOST_PROGRAMS:
            name = OTHERS
        found.software[name] += 1
    if host.outcome in PENDING:
        found.relays[host.target] = Relay(host=host)


def named(greeting: str) -> str:
    """A program and its version as the table names it."""
    name, version = product(greeting)
    return f"{name} {version}".strip() or NAMELESS
