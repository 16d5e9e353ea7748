"""The facts of the list as frozen records, a sentence per field; times are aware UTC datetimes. The names in them stand
in `vocabulary`.

Pure data. Holds no rule and no SQL. What a test says and finds are `tester`'s records (Fate, Transcript, Verdict).

Over 400 lines, since all records of the list stand here, each field with its sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING

from dnsbl.addresses import Address, Network, network_of
from dnsbl.vocabulary import (
    Action,
    Door,
    Exits,
    Extent,
    JobReason,
    JobState,
    NoticeState,
    Reason,
    Role,
    RunState,
    State,
    Tier,
    WatchWay,
)
from tester.records import dataclass

if TYPE_CHECKING:
    from tester.fate import Fate
    from tester.guises import Guise
    from tester.paths import Path
    from tester.smtp import Flag
    from tester.verdict import Finding, Verdict


@dataclass(frozen=True, kw_only=True, slots=True)
class Nomination:
    """A suspect, as a door brought it in; accepted by `rules.intake`, not yet stored."""

    address: Address
    door: Door
    nominator: str  #: who, as far as known: a login name, a client address, "operator"
    reason: str  #: the nominator's own words, bounded and printable; may be ""
    evidence: bytes | None  #: the spam message as received, or None where a word is enough
    reporter: str = ""  #: the account that it is from, if it is from one; never published


@dataclass(frozen=True, kw_only=True, slots=True)
class Nominated:
    """A nomination as it is stored. Nothing of who brought it is published."""

    id: int
    address: Address
    door: Door
    nominator: str
    reason: str
    evidence: str | None  #: SHA-256 of the message that was shown, in hex
    received: datetime
    void: bool  #: whether its source was found to be bad
    reporter: str
    run: str | None  #: the test that it has led to
    withdrawn: datetime | None  #: when whoever made it took it back, before it led to any

    @property
    def counts(self) -> bool:
        """Whether anything rests on it."""
        return not self.void and self.withdrawn is None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReporterAccount:
    """Somebody who reports under a name of his own. Nothing of it is published."""

    name: str  #: a word
    tier: Tier
    contact: str  #: his mail address, for operators and for answers; or ""
    made: datetime
    key: str | None = None  #: SHA-256 of the key by which programs say that they are his, in hex
    suspended: datetime | None = None  #: since when nothing is taken from him
    why: str = ""  #: why it is not, for operators
    hits: int = 0  #: tests of what he nominated that found it open
    misses: int = 0  #: tests that found it closed


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorAccount:
    """Somebody who may sign in on the operators' side of the site. Nothing of it is published."""

    name: str  #: a word
    role: Role
    password: str  #: as argon2id has hashed it, with salt and cost
    made: datetime
    totp: str = ""  #: the key of his one-time codes (RFC 6238), in base32, or "" where he uses none
    step: int = 0  #: of the last such code that was taken, so that none is taken twice
    recovery: str = ""  #: SHA-256 of each code that stands for a lost device, in hex, with blanks between
    disabled: bool = False  #: whether he is not let in


@dataclass(frozen=True, kw_only=True, slots=True)
class SignIn:
    """Somebody is signed in."""

    token: str  #: SHA-256 of the secret that his browser has, in hex
    name: str  #: of his account
    place: str  #: the network that he came from
    begun: datetime
    seen: datetime  #: when he last asked for anything, to the minute


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A suspect that waits for its turn to be nominated; there is a reason to, but no hurry."""

    id: int
    address: Address
    bringer: str  #: who has brought it, as the journal names him
    door: Door
    reporter: str  #: the account that it counts for, or ""
    reason: str  #: the bringer's own words, or ""
    added: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedState:
    """What is known of a feed."""

    name: str  #: of its reporter
    place: str  #: its address or file
    due: datetime  #: when it is asked again
    etag: str = ""  #: by what it is asked whether there is something new
    modified: str = ""
    asked: datetime | None = None  #: when something last came of it
    said: str = ""  #: what came of it


#: The rank of a test of a listed address that somebody asked for, or that an operator did; all others come after.
ASKED = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One test that is to be made."""

    id: int
    address: Address
    port: int
    reason: JobReason
    profile: str  #: basic, standard or full
    due: datetime
    state: JobState
    run: str  #: id of the run it fills; the same after a crash or for a greylisting retry
    takes: int  #: how often a worker took it
    retries: int  #: greylisting retries made so far
    provocation: str  #: what provoked it, for the letter and the journal: "nomination 17", "request for removal", ...
    rank: int  #: of the jobs that are due the lowest is taken first; 0 for those that were asked for (`rules.queues`)
    extent: Extent = Extent.NOMINATED
    whose: str = ""  #: the stranger who has had us make it, by network where it is known; "": no stranger


@dataclass(frozen=True, kw_only=True, slots=True)
class Crowded:
    """What takes no further test now."""

    anywhere: bool = False  #: no place is free but those for tests that were asked for
    networks: frozenset[Network] = frozenset()  #: of any width, closed to tests that nobody asked for
    asked: frozenset[Network] = frozenset()  #: of any width, closed to those as well
    addresses: frozenset[Address] = frozenset()  #: whose last test has not let go of them yet
    nominations: bool = False  #: whether strangers' nominations have used up what there is for them in this hour
    removals: bool = False  #: the same of retests that strangers ask for


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One test of one host, asked for by one of its addresses, from the first letter to the last return."""

    id: str  #: 16 characters of [a-z2-7]
    address: Address
    port: int
    reason: JobReason
    profile: str
    state: RunState
    started: datetime
    ends: datetime | None  #: when the delivery window of its last letter closes; None while OPEN
    verdict: Verdict | None
    explanation: str  #: the judgement's sentence, or ""
    extent: Extent = Extent.NOMINATED
    forgotten: datetime | None = None  #: when its transcripts, and what else it does not need, were deleted
    digest: str | None = None  #: SHA-256 of these transcripts, a line feed behind each, in hex


@dataclass(frozen=True, kw_only=True, slots=True)
class Return:
    """One message at the collector."""

    id: int
    token: str
    run: str | None  #: None when the token is not (or no longer) known
    received: datetime
    peer: Address  #: the output address
    helo: str
    finding: Finding
    explanation: str
    message: bytes  #: in a list of messages only its head


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One mail that we send."""

    id: int
    token: str  #: 26 characters of [a-z2-7], in its Message-ID: the same however often it is offered
    template: str  #: which words it is made of (`rules.notices`)
    recipient: str  #: a mail address
    subject: str  #: what the journal enters it under: an address, a network, or "list"
    facts: str  #: what fills the template, as a JSON object of strings; "" once it has ended
    answers: str  #: the Message-ID of the mail that it answers, or ""
    queued: datetime
    due: datetime  #: when it is offered next
    state: NoticeState
    takes: int  #: how often a process took it to offer it
    tries: int  #: how often it was put off
    reply: str  #: the smarthost's last word, or ours


@dataclass(frozen=True, kw_only=True, slots=True)
class Watch:
    """Somebody is told of new listings in a network of his."""

    id: int
    token: str  #: in its links: who has it may read and end the watch
    secret: str  #: what messages to a program are signed with
    network: Network
    way: WatchWay
    target: str  #: a mail address, a program's address, or ""
    how: str  #: how he has shown that the network is his
    told: int  #: the number of the last listing that he was told of
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """A network on the list, now or once."""

    id: int
    network: Network
    kind: str
    since: datetime
    expires: datetime | None
    reason: Reason
    note: str  #: an operator's words for operators, never published; or ""
    public: str  #: an operator's words for everybody, or ""
    run: str | None  #: the run whose returned letter proves it
    confirmed: datetime  #: the last fresh proof
    ended: datetime | None
    end_reason: Reason | None
    author: str = ""  #: the operator whose word it is, as in the journal; "" for what a test has proven

    @property
    def dropping(self) -> str:
        """The command by which an operator ends it, as it is written in a sentence."""
        kind = "" if self.kind == "manual" else f" --kind {self.kind}"
        return f"`dnsbl listing drop {self.network}{kind} --reason TEXT`"


@dataclass(frozen=True, kw_only=True, slots=True)
class SignOfLife:
    """A process that was at work."""

    process: str  #: HOST:PID and a word of its own
    roles: tuple[str, ...]  #: what it does
    seen: datetime
    #: The parts that do not do their work, and why; `health.HALTED` where an operator has stopped its machine.
    down: Mapping[str, str] = field(default_factory=dict)

    @property
    def machine(self) -> str:
        """Where it is, or was, at work."""
        return self.process.rsplit(":", 2)[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """A letter that one address, the input of a relay, had taken came out of another one."""

    id: int
    input: Network  #: of one address
    output: Network  #: of one address
    run: str  #: the last run in which that was so
    since: datetime
    confirmed: datetime  #: when that was so last
    ended: datetime | None = None
    end_reason: Reason | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Forthcoming:
    """An output that will be listed when its delay is over, unless its inputs are closed until then."""

    network: Network  #: of one address
    kind: str
    since: datetime
    due: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Exclusion:
    """A network that is not to be tested, at its owner's or our wish."""

    network: Network
    reason: str  #: for operators, never published
    public: str  #: for everybody, or ""
    since: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Proposal:
    """A listing by one operator's word that waits for another's (`policy.two_persons`)."""

    network: Network
    kind: str
    reason: str  #: for operators, never published
    public: str  #: for everybody, or ""
    author: str  #: as in the journal
    at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Suspension:
    """A source from which nothing is taken any more (RFC 6471 3.9)."""

    source: str  #: who, in the form that `rules.bringers` reads
    reason: str  #: for operators, never published
    public: str  #: for everybody, or ""
    since: datetime
    retracted: int  #: listings that were ended then, since nobody else had brought them


@dataclass(frozen=True, kw_only=True, slots=True)
class Purge:
    """What ending a source's influence has come to, or would."""

    suspension: Suspension
    nominations: int  #: of this source, which count no more
    retracted: tuple[Network, ...]  #: what is listed no longer; of many the first
    kept: int  #: listings of nominated addresses that stay, since somebody else had brought them too
    dropped: int  #: tests that are not made, or not gone on with, and candidates for one


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """All that policy needs to know about one address when a run has been judged."""

    listing: Listing | None  #: the active relay listing of exactly this address
    verdict: Verdict
    run: str
    reason: JobReason
    proof: tuple[str, ...]  #: recipient tokens of letters that came back with proof in this run
    loses_before: datetime | None  #: when an earlier run since the listing ended ACCEPTS_LOSES
    delisted: datetime | None  #: when it was last delisted
    probations: int  #: surprise retests made since it was delisted
    tries: int  #: consecutive runs that could not reach it
    controlled: bool = False  #: somebody has shown of late that the address is his
    released: bool = False  #: that has ended a listing of it not long ago
    second_look: bool = False  #: it may have refused nobody but us, and can be seen from a second address of ours
    whole: bool = True  #: the run was of the whole host, so that closed means closed on every way in
    shown: bool = True  #: somebody has shown spam that came from it
    approved: bool = False  #: an operator has confirmed what a test has shown
    unconfirmed: bool = False  #: its letters were sent by a remote tester who is not believed alone
    elsewhere: bool = False  #: only another address of the same machine relays, and no letter came out of this one


@dataclass(frozen=True, kw_only=True, slots=True)
class FollowUp:
    """A test that should follow."""

    reason: JobReason
    due: datetime
    profile: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """What policy says."""

    action: Action
    reason: Reason
    explanation: str  #: one sentence for the owner
    kind: str | None = None  #: which list, for LIST and RENEW
    expires: datetime | None = None
    follow_up: FollowUp | None = None
    exits: Exits = Exits.STAY  #: what becomes of the relay's outputs


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingTests:
    """Tests of one reason that are not done; of many the first are counted."""

    reason: JobReason
    due: int  #: queued, and their time has come
    later: int  #: queued for a time to come
    running: int
    oldest: float  #: seconds since the oldest of those that are due was so; 0.0 where none is


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkLeft:
    """What waits in the store, and whether anybody is at work on it."""

    tests: tuple[WaitingTests, ...]
    mails: int  #: of ours that wait for the smarthost
    oldest_mail: float  #: seconds since the oldest of them was due, or queued; 0.0 where none waits
    believed: bool  #: whether the clock of this machine is
    stopped: bool  #: whether nobody is dialled, as is wanted: by an operator, the settings or in quiet hours
    manned: Mapping[str, bool]  #: by role: whether some process of the list does it


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One line of the journal: append-only, each holding the hash of the one before."""

    seq: int
    at: datetime
    actor: str  #: "policy", "operator", "web 198.51.100.0/24", "worker host:pid", ...
    subject: str  #: an address, a network, or "list"
    verb: str  #: nominated, job, letters, session, run, return, listed, renewed, delisted, kept, excluded, ...
    reason: str  #: a named reason
    before: str  #: state before, short
    after: str  #: state after, short
    evidence: str  #: what proves it: "run abc", "evidence sha256:...", or ""
    previous: str  #: hex hash of the entry before; 64 zeros for the first
    hash: str  #: hex SHA-256 over all the above


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """One step of what DNS must answer; `seq` has no gaps and grows in commit order."""

    seq: int
    network: Network
    kind: str
    present: bool  #: True: now listed under this kind; False: no longer


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """A stretch of the serials of all zones, in which a serial is `base` plus a change number (`dns.listed.series`)."""

    base: int  #: uncut: only DNS shows serials modulo 2**32
    since: int  #: the change number from which it goes
    digest: str  #: of what the records of each row are made with
    made: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class PathReport:
    """One way into a host that a run is of, and what it came to."""

    path: Path
    verdict: Verdict | None  #: None while it is not judged
    explanation: str  #: the judgement's sentence, or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Everything known about one address, for people."""

    address: Address
    state: State
    listings: tuple[Listing, ...]  #: active ones that cover the address, narrowest first
    past: tuple[Listing, ...]  #: ended ones, newest first, at most 20
    runs: tuple[Run, ...]  #: newest first, at most 10
    last_verdict: Verdict | None
    next_test: datetime | None
    job: Job | None  #: the live job, queued or running
    exclusion: Exclusion | None
    exception: Listing | None  #: what leaves the address out of wider listings
    removal_after: datetime | None  #: from when a request for removal of whoever looks is taken; None: at once
    clears_by: datetime | None = None  #: when every cache has let go of its last listing that has ended, if one has
    forthcoming: tuple[Forthcoming, ...] = ()  #: what it will be listed as, the first to come first
    inputs: tuple[Output, ...] = ()  #: the relays that it is an output of, as far as they are listed themselves
    ahead: int = 0  #: tests that run in its network while its own, which is due, waits for a place there
    waits: str = (
        ""  #: why its test is put off by what strangers may have us send in an hour, or by nobody who would make it
    )
    #: What each way into the host has last come to, where a test has put the address on the list; else none, since who
    #: asks about any address he likes must not be told what listens there
    paths: tuple[PathReport, ...] = ()

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds under which the address is listed."""
        return frozenset(listing.kind for listing in self.listings)

    @property
    def proven(self) -> Listing | None:
        """What lists the address by itself and rests on a test, so that a transparency log can prove it."""
        return proven(self.listings, network_of(self.address))


def proven(listings: Iterable[Listing], network: Network) -> Listing | None:
    """Of these the one of just this network that rests on a test."""
    return next((each for each in listings if each.run and each.network == network), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """The least about one address: where it stands, and what lists it."""

    address: Address
    state: State
    listings: tuple[tuple[Network, str], ...]  #: network and kind, narrowest first

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds under which the address is listed."""
        return frozenset(kind for _, kind in self.listings)


@dataclass(frozen=True, kw_only=True, slots=True)
class MxPair:
    """A name in our own DNS that stands for a test: its mail servers are our collector and, after it, the host."""

    label: str  #: below `tester.mx_domain`
    address: Address  #: of the host under test
    name: str  #: that is proven to be the host's own, or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunReport:
    """One run with all that belongs to it, for people."""

    run: Run
    letters: tuple[Fate, ...]  #: in the order of trial
    transcripts: tuple[str, ...]  #: Transcript JSON documents, in order
    returns: tuple[Return, ...]  #: in the order of arrival
    provocation: str
    flags: frozenset[Flag] = frozenset()  #: remarks of its conversations, and TESTER_SPECIFIC
    guises: tuple[Guise, ...] = ()  #: as whom it was made, who offers most of it first
    working: bool = False  #: whether a worker has it in hand
    paths: tuple[PathReport, ...] = ()  #: in the order in which they were filed, the address's mail port first


@dataclass(frozen=True, kw_only=True, slots=True)
class SelfTest:
    """A test that somebody has asked for of the address that he comes from, as it stands."""

    job: Job
    run: Run | None  #: None until a worker has taken it
    paths: tuple[PathReport, ...]  #: that he has agreed to, in the order of trial
    letters: tuple[Fate, ...]  #: filed so far, in the order of trial
    transcripts: tuple[str, ...] = ()  #: Transcript JSON documents, in order; once it is over

    @property
    def over(self) -> bool:
        """Whether it is judged for good, or was given up."""
        return self.job.state is JobState.DONE and (self.run is None or self.run.state is RunState.SETTLED)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The addresses under test, that of the requester first."""
        return tuple(dict.fromkeys((self.job.address, *(one.path.address for one in self.paths))))
