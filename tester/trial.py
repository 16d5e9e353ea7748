"""One room for one test: letters are issued, attempts composed, what is said and what comes back is taken, and judged.

Pure: time, randomness and keys are arguments; nothing is dialled, received or kept beyond the object. A `Trial` holds
the letters of one run, on as many paths of the host as it has, each with what has become of it. Who has a store files
what `issue` returns before dialling, and hands it to `take_up` when the run goes on after a crash or a wait.
Decides nothing itself: which forms there are, `vectors`; what a message is, `weighing`; which word counts, `fate`; what
it all shows, `verdict`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from hashlib import sha256
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType

from tester import canary
from tester import letter as letters
from tester.approach import Approach
from tester.bounces.ours import Ours
from tester.composing import Offerer, Sign, compose
from tester.fate import Fate, delivered, outcomes, telling
from tester.letter import Keyring, Letter, Sender
from tester.paths import Path
from tester.records import dataclass
from tester.returned import Collected, unwrap
from tester.smtp import PENDING, Attempt, Control, Flag, Limits, Opening, Outcome, Said, Transcript
from tester.vectors import Names, Vector
from tester.verdict import CAME_BACK, Finding, Judgement, Weighed, judge
from tester.weighing import weigh_return


@dataclass(frozen=True, kw_only=True, slots=True)
class Vantage:
    """From where, under which names and in whose words a host is tested."""

    sender: Sender  #: who we say we are, and the domains that letters come back to
    source: str | None = None  #: our own address to dial from; None: whichever the system takes
    collectors: tuple[IPv4Address | IPv6Address, ...] = ()  #: the addresses that our collector is reached at
    sign: Sign | None = None  #: what signs a letter; None: unsigned
    third_domain: str = ""  #: of ours, for a recipient that no other letter of the run goes to
    remark: str = ""  #: as whom we come, one line for the transcript
    other: Vantage | None = None  #: another stranger, who offers the plain form once more; None: we, in other words

    @property
    def names(self) -> frozenset[str]:
        """Our names and addresses, by which a server may tell us from others; lower case."""
        said = (self.sender.helo, self.sender.bounce_domain, self.sender.service, self.source or "")
        return frozenset(name.lower() for name in said if name) | (self.other.names if self.other else frozenset())

    @property
    def apart(self) -> bool:
        """Whether the other stranger's letters go to another domain of ours."""
        return self.other is not None and self.other.sender.collector_domain != self.sender.collector_domain


def pair_label(run: str, address: IPv4Address | IPv6Address) -> str:
    """The label of a test's name: its mail servers are our collector and, after it, the host at this address."""
    return "t" + sha256(f"{run} {address}".encode()).hexdigest()[:16]


class Trial:
    """One test of one host."""

    def __init__(
        self,
        *,
        run: str,
        nomination: str,
        vantage: Vantage,
        keyring: Keyring,
        off: Collection[str] = (),
        served_domain: str = "",
        mx_domain: str = "",
        proofs: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`run` is the run's id and `nomination` the reference that letters tell; `off` are the ids of forms that are
        switched off, `served_domain` is one that the host takes mail for, as its owner says. Below `mx_domain`, if
        there is one, names of tests are served, see `pair_label`. `proofs` are the secrets of letters that somebody
        else has issued and will weigh, by recipient token."""
        self.run = run
        self.control = Control.NOT_RUN
        self.control_reply = ""  #: how mail for the server's postmaster was refused
        self.output_addresses: set[IPv4Address | IPv6Address] = set()  #: those that have delivered a letter to us
        self.canaries: frozenset[Flag] = frozenset()  #: what became of canaries that have come back
        self._nomination = nomination
        self._vantage = vantage
        self._keyring = keyring
        self._proofs = proofs
        self._off = off
        self._served_domain = served_domain
        self._mx_domain = mx_domain
        self._fates: dict[str, Fate] = {}  # by recipient token, in the order of trial
        self._paths: dict[str, Path] = {}  # by recipient token: where it is offered
        self._recipients: dict[str, str] = {}  # by sender token

    # ---------------------------------------------------------------------------------- before and while we talk

    def issue(
        self, path: Path, forms: Iterable[Vector], *, now: float, lifetime: float, random: Callable[[int], bytes]
    ) -> list[Letter]:
        """Fresh letters, one for each form, to be offered on this path. `now` is in epoch seconds, `lifetime` the
        seconds for which they are good; `random(n)` gives n unpredictable bytes."""
        issued = [
            letters.issue(
                self._keyring,
                address=path.address,
                port=path.port,
                vector=form.id,
                run=self.run,
                not_before=int(now),
                not_after=int(now) + int(lifetime),
                random=random,
            )
            for form in forms
        ]
        self.take_up(path, [Fate(letter=letter) for letter in issued])
        return issued

    def take_up(self, path: Path, fates: Iterable[Fate]) -> None:
        """Go on with letters that an earlier sitting of the same run has issued for this path."""
        for fate in fates:
            self._fates[fate.letter.recipient] = fate
            self._paths[fate.letter.recipient] = path
            self._recipients[fate.letter.sender] = fate.letter.recipient

    def approach(
        self, path: Path, *, limits: Limits, nonsense: str = "", ask_own: bool = False, control: bool = True
    ) -> Approach:
        """How the host is approached on this path. The control dialogue bears the sender of the path's first letter:
        what is refused to that one is refused to the letters as well."""
        sender = next((fate.letter.sender for fate in self._on(path)), "postmaster")
        return Approach(
            path=path,
            helo=self._vantage.sender.helo,
            bounce_address=f"{sender}@{self._vantage.sender.bounce_domain}",
            limits=limits,
            source=self._vantage.source,
            nonsense=nonsense,
            control=control,
            ask_own=ask_own,
            remark=self._vantage.remark,
        )

    def compose(self, path: Path, said: Said, *, now: float) -> list[Attempt]:
        """The attempts to make on this path, after what the server has said of itself: those whose letter was not
        offered yet or was put off. `now` is in epoch seconds."""
        here, other = self._vantage, self._vantage.other
        return compose(
            [fate.letter for fate in self._on(path) if fate.to_offer],
            keyring=self._keyring,
            names=self._names(here, path, said),
            sender=here.sender,
            greeting=said.text,
            nomination=self._nomination,
            date=now,
            sign=here.sign,
            off=self._off,
            proofs=self._proofs,
            other=Offerer(
                names=self._names(other, path, said),
                sender=other.sender,
                sign=other.sign,
                opening=Opening(
                    source=_of_family(other.source, path), helo=other.sender.helo.encode("ascii"), remark=other.remark
                ),
            )
            if other
            else None,
        )

    def _names(self, vantage: Vantage, path: Path, said: Said) -> Names:
        return Names(
            target=path.address,
            target_name=said.name,
            own_name=said.own,
            collector_domain=vantage.sender.collector_domain,
            bounce_domain=vantage.sender.bounce_domain,
            third_domain=vantage.third_domain,
            served_domain=self._served_domain,
            mx_domain=f"{pair_label(self.run, path.address)}.{self._mx_domain}" if self._mx_domain else "",
            collector_addresses=vantage.collectors,
        )

    # ------------------------------------------------------------------------------------ what it has come to

    def take(self, transcript: Transcript) -> None:
        """A connection is over: fold its results in."""
        for result in transcript.results:
            if fate := self._fates.get(result.token):
                self._fates[result.token] = fate.told(result, transcript.started)
        if transcript.control is not Control.NOT_RUN:
            self.control, self.control_reply = transcript.control, transcript.control_reply

    def receive(self, collected: Collected, *, ours: Ours, window: float) -> Weighed:
        """A message has come to the collector: weigh it, and fold it in. The arguments are those of
        `weighing.weigh_return`."""
        fate = self.find(collected.token)
        weighed = weigh_return(
            collected,
            unwrap(collected.message),
            fate,
            keyring=self._keyring,
            ours=ours,
            window=window,
        )
        if fate is not None:
            self._fates[fate.letter.recipient] = fate.found(weighed.finding)
        if weighed.counts and fate is not None and fate.letter.vector == canary.FORM:
            self.canaries = canary.flags(collected.message)
        elif weighed.counts:
            self.output_addresses.add(collected.peer)
        return weighed

    def told(self, token: str, finding: Finding, peer: IPv4Address | IPv6Address) -> bool:
        """Whoever weighs these letters has found one to be this, brought by that peer: fold it in; whether that is
        news."""
        fate = self.find(token)
        if fate is None or (better := fate.found(finding)) is fate:
            return False
        self._fates[fate.letter.recipient] = better
        if finding in CAME_BACK:
            self.output_addresses.add(peer)
        return True

    def find(self, token: str) -> Fate | None:
        """What has become of the letter with this recipient or sender token."""
        return self._fates.get(self._recipients.get(token, token))

    @property
    def fates(self) -> list[Fate]:
        """Every letter and what has become of it, in the order of trial."""
        return list(self._fates.values())

    @property
    def outcomes(self) -> list[tuple[str, Outcome]]:
        """Vector id and outcome of each letter, in the order of trial, with what came back folded in."""
        return outcomes(telling(self._fates.values()))

    @property
    def proven(self) -> bool:
        """Whether a letter has come back with its proof."""
        return bool(delivered(telling(self._fates.values())))

    @property
    def pending(self) -> bool:
        """Whether an accepted letter has come to nothing yet."""
        return any(fate.folded in PENDING for fate in telling(self._fates.values()))

    def judge(
        self,
        *,
        profile: str,
        window_closed: bool,
        retries_left: bool,
        earlier_other: int = 0,
        unreachable_before: int = 0,
    ) -> Judgement:
        """What it shows; the arguments are those of `verdict.judge`."""
        return judge(
            self.outcomes,
            control=self.control,
            profile=profile,
            window_closed=window_closed,
            retries_left=retries_left,
            earlier_other=earlier_other,
            unreachable_before=unreachable_before,
            replies={fate.letter.vector: fate.reply for fate in self._fates.values()},
            control_reply=self.control_reply,
            us=self._vantage.names,
            apart=self._vantage.apart,
        )

    def _on(self, path: Path) -> list[Fate]:
        return [fate for recipient, fate in self._fates.items() if self._paths[recipient] == path]


def _of_family(source: str | None, path: Path) -> str:
    """This address of ours where the path can be dialled from it, or ""."""
    return source if source and ip_address(source).version == path.address.version else ""
