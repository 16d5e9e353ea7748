"""Transcript and what came back, in; verdict, out. The only place that judges.

Pure. `weigh` judges one message at the collector against the letter it claims; `judge` judges a run.
Law: OPEN and OPEN_MULTIHOP come only from a weighed delivery, never from a reply code. Over 400 lines, since what a run
shows is judged in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address
from types import MappingProxyType

from tester.received.line import plain
from tester.records import dataclass
from tester.refusals import Denial, Meant, read
from tester.smtp import DELIVERED, KEPT, PENDING, REFUSED, RETRY, Control, Outcome
from tester.vectors import CATALOGUE


class Verdict(StrEnum):
    OPEN = "OPEN"
    OPEN_MULTIHOP = "OPEN_MULTIHOP"
    ACCEPTS_BOUNCES = "ACCEPTS_BOUNCES"
    ACCEPTS_LOSES = "ACCEPTS_LOSES"
    CLOSED = "CLOSED"
    REFUSES_TESTER = "REFUSES_TESTER"
    UNREACHABLE = "UNREACHABLE"
    INCONCLUSIVE = "INCONCLUSIVE"


class Finding(StrEnum):
    """What one message at the collector is."""

    DELIVERED_SAME = "DELIVERED_SAME"
    DELIVERED_OTHER = "DELIVERED_OTHER"
    DELIVERED_SAME_LATE = "DELIVERED_SAME_LATE"
    DELIVERED_OTHER_LATE = "DELIVERED_OTHER_LATE"
    BOUNCED = "BOUNCED"  # shown: the server has refused the letter for good, after it had accepted it
    BOUNCED_BY_US = "BOUNCED_BY_US"  # our own collector had refused it: the server did relay
    DSN_DELAYED = "DSN_DELAYED"  # it is on its way, says the server
    HELD = "HELD"  # somebody has to agree first: quarantine, moderation, challenge
    AUTOMATIC = "AUTOMATIC"  # an answer that a machine gives to everything: out of office, "we have received your mail"
    RECEIPT = "RECEIPT"  # a disposition notification
    COMPLAINT = "COMPLAINT"  # an abuse report about our letter
    UNPROVEN = "UNPROVEN"  # a machine's message that shows no bounce of this letter
    TOKEN_SEEN = "TOKEN_SEEN"  # noqa: S105  the recipient token came, the proof did not
    CALLBACK_SEEN = "CALLBACK_SEEN"
    HUMAN = "HUMAN"
    REPEATED = "REPEATED"  # a second copy of a letter that already counted
    FORGED = "FORGED"  # the letter's binding or window does not hold


#: Findings that convict: a letter has come back with its proof.
CAME_BACK = frozenset(Finding(outcome.value) for outcome in DELIVERED)
#: Of these those of letters that another machine has delivered.
ELSEWHERE = frozenset({Finding.DELIVERED_OTHER, Finding.DELIVERED_OTHER_LATE})


@dataclass(frozen=True, kw_only=True, slots=True)
class Weighed:
    finding: Finding
    counts: bool  #: True when it is a delivery that convicts
    reason: str  #: one sentence


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """The circumstances of one message at the collector, for `weigh`."""

    address: IPv4Address | IPv6Address  #: the letter's target
    peer: IPv4Address | IPv6Address  #: who delivered it to us
    answer: Weighed | None  #: of a message to the sender token, what it was read as; None at the recipient token
    genuine: bool  #: letter.genuine held
    proof_ok: bool  #: the letter's proof stands in the message itself, outside any returned copy
    is_report: bool
    is_answer: bool = False  #: somebody's answer to a message
    outcome: Outcome | None  #: the attempt's outcome so far; None while the conversation still runs
    already_delivered: bool
    received_at: float  #: epoch seconds
    not_before: int
    dot_at: float | None  #: epoch seconds
    late_after: float  #: epoch seconds; after this a delivery is *_LATE
    not_after: int
    peer_is_us: bool
    twin: str = ""  #: the name that shows that the peer is another address of the very machine under test; or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Judgement:
    verdict: Verdict
    final: bool  #: False while letters or retries are outstanding (verdict then is the best so far)
    confirm: bool  #: a second, independent run is needed before this can be OPEN_MULTIHOP
    reason: str  #: one sentence for people
    second_look: bool = (
        False  #: the refusals may be meant for us alone: look from elsewhere before anything rests on it
    )
    no_postmaster: bool = False  #: it takes no mail for its own postmaster
    repeat: bool = False  #: a fault of our own spoilt the run: it shows nothing until it is held again
    singled_out: bool = False  #: it relays for another stranger, and refuses us under our first names


#: Seconds by which two of our own clocks (caller's and collector's machine) may disagree.
CLOCK_SLACK = 5.0

#: Outcomes that say that the body, and with it the proof, never went out: what "returns" from such an attempt
#: was taken from a log or the wire, not relayed. What may be tried again is not here, UNTRIED among it: the next try
#: may be under way while the store still holds the last one's outcome.
NEVER_SENT = frozenset(
    {
        Outcome.CONN_REFUSED,
        Outcome.CONN_TIMEOUT,
        Outcome.CONN_UNREACH,
        Outcome.BANNER_TIMEOUT,
        Outcome.BANNER_5XX,
        Outcome.BANNER_EOF,
        Outcome.BANNER_GARBAGE,
        Outcome.BANNER_OVERSIZE,
        Outcome.HELO_5XX,
        Outcome.TLS_FAIL,
        Outcome.TLS_INJECT,
        Outcome.MAIL_5XX,
        Outcome.RCPT_5XX,
        Outcome.RCPT_AUTH,
        Outcome.DEFERRED_FOREVER,
        Outcome.DATA_CMD_5XX,
        Outcome.PROTOCOL,
        Outcome.OVERSIZE,
        Outcome.UNSOLICITED,
        Outcome.SKIPPED,
    }
)


def weigh(evidence: Circumstances) -> Weighed:
    """Judge one message at the collector against the letter that it claims to be.

    The checks go from "is this ours at all" to "does it convict"; the first that speaks decides:

    1. Ours to judge: not delivered by ourselves, both tokens bind this letter, within its window. A token in a
       stranger's hand proves nothing, and a message older than our own dot cannot be ours.
    2. At the sender token: an answer, as `bounces` reads it. None is a delivery, whatever it quotes. CALLBACK_SEEN is
       not given here: a callback brings no message to weigh.
    3. At the recipient token: a report or an answer never counts, nor does a message without the proof, since the
       token was seen by everybody on the way and the proof only by who took the body; nor a letter whose body never
       went out; nor a second copy. (A null sender alone is no report: one of our forms uses it.)
    4. What is left was relayed. The address that the token was issued for is the input, always; the peer only
       says whether the same machine was the output.
    """
    e = evidence
    if e.peer_is_us:
        return Weighed(finding=Finding.FORGED, counts=False, reason="One of our own machines delivered it.")
    if not e.genuine:
        return Weighed(finding=Finding.FORGED, counts=False, reason="The tokens do not bind this letter.")
    if not e.not_before - CLOCK_SLACK <= e.received_at <= e.not_after:
        return Weighed(finding=Finding.FORGED, counts=False, reason="It came outside the letter's window.")
    if e.answer is not None:
        if e.answer.finding is Finding.BOUNCED and e.outcome in NEVER_SENT:
            return Weighed(finding=Finding.UNPROVEN, counts=False, reason="It bounces what the server had not taken.")
        return e.answer
    if e.is_report:
        return Weighed(finding=Finding.TOKEN_SEEN, counts=False, reason="A delivery report is not a delivery.")
    if e.is_answer:
        return Weighed(finding=Finding.TOKEN_SEEN, counts=False, reason="An answer to our letter is not a delivery.")
    if not e.proof_ok:
        return Weighed(finding=Finding.TOKEN_SEEN, counts=False, reason="The recipient came, the proof did not.")
    if e.dot_at is not None and e.received_at < e.dot_at - CLOCK_SLACK:
        return Weighed(finding=Finding.FORGED, counts=False, reason="It came before we had sent it.")
    if e.outcome in NEVER_SENT:
        return Weighed(finding=Finding.FORGED, counts=False, reason="Its body was never sent.")
    if e.already_delivered:
        return Weighed(finding=Finding.REPEATED, counts=False, reason="This letter has already come back.")
    same, late = plain(e.peer) == plain(e.address), e.received_at > e.late_after
    who = "the tested address" if same else "another address than the tested one"
    if e.twin and not same:
        same, who = True, f"the tested machine, by its other address {e.peer} ({e.twin} leads to both)"
    return Weighed(
        finding=Finding(f"DELIVERED_{'SAME' if same else 'OTHER'}{'_LATE' if late else ''}"),
        counts=True,
        reason=f"The letter came back with its proof from {who}{', late' if late else ''}.",
    )


SAME = frozenset({Outcome.DELIVERED_SAME, Outcome.DELIVERED_SAME_LATE})
OTHER = frozenset({Outcome.DELIVERED_OTHER, Outcome.DELIVERED_OTHER_LATE})
UNCONNECTED = frozenset({Outcome.CONN_REFUSED, Outcome.CONN_TIMEOUT, Outcome.CONN_UNREACH})
#: How a connection ends on which nothing was heard that a mail server says first.
UNGREETED = frozenset({Outcome.BANNER_TIMEOUT, Outcome.BANNER_EOF, Outcome.BANNER_GARBAGE, Outcome.BANNER_OVERSIZE})
TURNED_AWAY = frozenset({Outcome.BANNER_5XX, Outcome.HELO_5XX})
#: What is said of a closed server that takes no mail for its own postmaster.
NO_POSTMASTER = "Its postmaster address takes no mail, as it should (RFC 5321 4.5.1)."
_NONE: Mapping[str, str] = MappingProxyType({})
#: The profiles wide enough for a CLOSED: their forms are what a removal rests on.
WIDE_PROFILES = frozenset({"standard", "full"})


def judge(
    outcomes: Iterable[tuple[str, Outcome]],
    *,
    control: Control,
    profile: str,
    window_closed: bool,
    retries_left: bool,
    earlier_other: int = 0,
    unreachable_before: int = 0,
    replies: Mapping[str, str] = _NONE,
    control_reply: str = "",
    us: Collection[str] = (),
    apart: bool = False,
) -> Judgement:
    """Judge a run: best evidence wins.

    `outcomes` are (vector id, outcome) with returns already folded in; `window_closed` says that pending letters
    count as LOST; `retries_left` that RETRY outcomes will be tried again; `earlier_other` counts independent
    earlier runs with DELIVERED_OTHER; `unreachable_before` counts earlier CONN_* tries (UNREACHABLE needs three
    over 24 h; a run ending in CONN_* alone is final UNREACHABLE when two were before it, else INCONCLUSIVE).
    Of refusals the words count: `replies` are those of each vector, `control_reply` how mail for its postmaster was
    refused, `us` our names and addresses in lower case; a reply that is not known speaks of nothing. `apart` says that
    the other stranger's letters went to another domain of ours than all the rest.

    For the postmaster who wants to know why. Your server is called open only when a letter that we offered to it,
    addressed to us and naming your address and nobody else's, really came back with a secret that it could only
    have from your server. What your server answers on the way, even "250 accepted", convicts nobody: many servers
    accept first and refuse later, and some accept what looks like a test and drop it.

    - One letter straight from the tested address: OPEN, at once, whatever the other attempts did.
    - A letter from another address: the mail went through a second machine. Somebody who overheard the letter
      could have sent it as well, so a second, independent run must show it again: until then INCONCLUSIVE,
      then OPEN_MULTIHOP. The address that we spoke to is meant, never the innocent one that delivered.
    - Accepted and sent back to us: ACCEPTS_BOUNCES. Accepted and never seen again within the window:
      ACCEPTS_LOSES. Neither is relaying. One bounce does not speak for a letter that was swallowed ("no such user"
      says nothing about relaying): every letter that was accepted and whose bounce can reach us must have been shown
      to bounce. Those from no sender, from one at your own server, or from one at the very domain that they go to,
      cannot be counted on to be answered to us; had they been relayed, they had come back. If our own collector was
      to blame for a bounce, nothing is proved.
    - Accepted, and you tell us that you hold it, or that you are still trying to deliver it: the letter is neither lost
      nor refused, and what a server may yet pass on does not show that it passes nothing on: INCONCLUSIVE.
    - All refused, and the plain form in words that speak of relaying ("relaying denied", "invalid recipient",
      "authentication required"): CLOSED, if the wide set of forms was tried. Your postmaster address should work all
      the same (RFC 5321 4.5.1); where it does not, we say so.
    - All refused in words that speak of us (our address, our name, a list that we stand on), or at connect, at EHLO or
      at MAIL: you refuse the tester, and that says nothing about how you treat others: REFUSES_TESTER, no way out of a
      listing. The same where the words speak of nothing and your postmaster's address is refused in the same words; a
      bare "postmaster", which many servers take from those whom they refuse everything else, shows nothing.
    - All refused in the same words that speak of nothing, while your postmaster's address is taken or refused in other
      words: CLOSED; before that ends a listing, we look once more from another address, where we have one.
    - Taken to the end, text and all, and only then refused: that is a judgement of our text, and another text might
      have passed: INCONCLUSIVE. Only words for relaying count as that, and only where the other stranger, who writes
      another text, hears them as well.
    - Before a plain letter that came back convicts, another stranger (of another name, for another domain of ours, in
      other words) offers one more: a server that passes on what looks like a test and keeps the other letter, or that
      takes mail for a single domain of ours and for no other, is no open relay, and neither is it shown to be closed:
      INCONCLUSIVE. A server that refuses us and relays for that stranger is open all the same. What he is refused
      counts as every refusal; where he is turned away at the door, he has seen nothing.
    - A form that was left out on purpose (SKIPPED), because it is known to harm the software that your server says it
      is, because it is switched off or for the want of a name, is neither for you nor against you. The judgement says
      how many were left out; when that is more than half of all, nothing is called closed.
    - No connection, three times over a day or more: UNREACHABLE. Everything else: INCONCLUSIVE. A failed test
      never lists anybody.

    The judgement is not final while waiting could change it: a letter is pending and its window open, or the
    server asked us to come back later and we shall. Later refusals after the last try (RCPT_4XX) count as a no, unless
    they speak of how much you take ("too many recipients"): what you have not looked at, you have not refused.
    """
    pairs = [(vector, outcome) for vector, outcome in outcomes if vector not in STRANGER or outcome not in UNSEEN]
    every = [outcome for _vector, outcome in pairs]
    found = [outcome for outcome in every if outcome is not Outcome.SKIPPED]
    skipped = len(every) - len(found)
    if not retries_left:
        found = [Outcome.DEFERRED_FOREVER if o is Outcome.RCPT_4XX else o for o in found]
    if window_closed:
        found = [Outcome.LOST if o in PENDING - KEPT else o for o in found]
    kinds = frozenset(found)
    waiting = (bool(kinds & PENDING) and not window_closed) or (retries_left and bool(kinds & RETRY))

    def say(
        verdict: Verdict, reason: str, *, final: bool = not waiting, confirm: bool = False, **more: bool
    ) -> Judgement:
        return Judgement(verdict=verdict, final=final, confirm=confirm, reason=reason, **more)

    if doubt := _doubt(pairs, apart=apart, window_closed=window_closed, retries_left=retries_left):
        return say(Verdict.INCONCLUSIVE, doubt, second_look=doubt is _ONE_DOMAIN, final=doubt is not _ANOTHER)
    # A delivery outweighs everything; nothing that is still outstanding could clear it.
    if kinds & SAME:
        reason = "Our letter came back from the tested address."
        return say(Verdict.OPEN, reason, final=True, singled_out=singles_out(pairs))
    if kinds & OTHER and earlier_other:
        reason = "Our letters came back through another address in two independent runs."
        return say(Verdict.OPEN_MULTIHOP, reason, final=True, singled_out=singles_out(pairs))
    if kinds & OTHER:
        reason = "Our letter came back through another address; a second run must confirm it."
        return say(Verdict.INCONCLUSIVE, reason, confirm=True)
    # Our fault comes before theirs: this "bounce" must not help anybody off the list.
    if Outcome.BOUNCED_BY_US in kinds:
        return say(
            Verdict.INCONCLUSIVE, "Our own collector refused the letter; the test must be repeated.", repeat=True
        )
    unreturned = {outcome for vector, outcome in pairs if outcome in PENDING | {Outcome.LOST} and _answered(vector)}
    if Outcome.BOUNCED in kinds and not unreturned:
        return say(Verdict.ACCEPTS_BOUNCES, "The server accepted our letters and returned them.")
    if kinds & KEPT:
        return say(Verdict.INCONCLUSIVE, "The server says that it has our letter still: it may yet pass it on.")
    if kinds & PENDING:
        return say(Verdict.INCONCLUSIVE, "The server accepted our letter; it has not come back yet.")
    if Outcome.LOST in kinds:
        return say(Verdict.ACCEPTS_LOSES, "The server accepted our letter, which never came back.")
    # From here on nothing was accepted.
    if not kinds:
        return say(Verdict.INCONCLUSIVE, "Nothing was tried.")
    if kinds <= UNCONNECTED:
        if unreachable_before >= 2:
            return say(Verdict.UNREACHABLE, "No connection came about, three times in a row.")
        return say(Verdict.INCONCLUSIVE, "No connection came about.")
    if kinds <= UNGREETED:
        return say(Verdict.INCONCLUSIVE, "A connection came about, but no greeting of a mail server.")
    if kinds <= TURNED_AWAY:
        return say(Verdict.REFUSES_TESTER, "The server turned us away before any mail was offered.")
    if not retries_left and any(
        outcome is Outcome.RCPT_4XX and read(replies.get(vector, ""), us=us).spent for vector, outcome in pairs
    ):
        return say(Verdict.INCONCLUSIVE, "The server took only so much from us each time, and never heard every form.")
    if kinds <= REFUSED:
        read_of = {
            vector: read(replies.get(vector, ""), us=us, at_sender=outcome is Outcome.MAIL_5XX, to_us=vector == THIRD)
            for vector, outcome in pairs
        }
        refused = _Refused(
            forms=tuple(
                (vector, outcome, read_of[vector]) for vector, outcome in pairs if outcome is not Outcome.SKIPPED
            ),
            control=control,
            postmaster=read(control_reply, us=us) if control_reply else None,
        )
        return _judge_refusals(refused, profile, skipped, say)
    # An untried attempt, a fault or a deferral among the refusals: not every form was refused.
    if waiting:
        return say(Verdict.INCONCLUSIVE, "The server asked us to come back later.")
    return say(Verdict.INCONCLUSIVE, "Not every attempt came to a clear answer.")


#: The forms that any mail takes: what becomes of them is what becomes of a stranger's mail.
PLAIN = frozenset({"S01", "S10"})
#: The plain form as another stranger offers it, for a domain of its own, and for a third one.
SECOND, THIRD = "S11", "S12"
STRANGER = frozenset({SECOND, THIRD})
#: What shows of a stranger's form that nothing was seen.
UNSEEN = UNCONNECTED | TURNED_AWAY | {Outcome.SKIPPED}

_ANOTHER = "It passed on a letter of ours; another one, unlike the first, is still on its way."
_PROBE = "It passed on a letter of ours and kept another one, unlike the first: what relays probes alone is no relay."
_ONE_DOMAIN = "It took mail for one domain of ours and refused it for another one: that shows no relay for everybody."


def _doubt(pairs: Iterable[tuple[str, Outcome]], *, apart: bool, window_closed: bool, retries_left: bool) -> str:
    """Why the letters that came back do not convict, or not yet; "" where they do, or where none has.

    Two plain letters that are unlike each other settle it. One does as well where nothing speaks against it: no other
    stranger's letter was offered, or it was refused before its text, for the same domain. Who passes on our plain
    letter passes on whatever else is in our words or for our domain: other forms that came back speak for nothing then.
    Where it does not, they cannot be doubted: what they came through is a hole of their own.
    """
    of: dict[str, set[Outcome]] = {}
    for vector, outcome in pairs:
        of.setdefault("plain" if vector in PLAIN else vector, set()).add(outcome)
    plain, second, third = (of.pop(name, set()) for name in ("plain", SECOND, THIRD))
    came = [bool(each & DELIVERED) for each in (plain, second, third)]
    if sum(came) != 1 or (not came[0] and any(outcomes & DELIVERED for outcomes in of.values())):
        return ""
    taken = PENDING | {Outcome.LOST, Outcome.BOUNCED}
    on_its_way = frozenset() if window_closed else PENDING
    to_come = RETRY | {Outcome.UNTRIED} if retries_left else frozenset()
    if came[0]:
        if (second | third) & on_its_way or second & to_come:
            return _ANOTHER
        if (second | third) & (taken | {Outcome.DATA_END_5XX}):
            return _PROBE
        return _ONE_DOMAIN if apart and second & REFUSED else ""
    if came[1]:
        if plain & taken or not apart:
            return ""
        if third & (on_its_way | to_come):
            return _ANOTHER
        return _ONE_DOMAIN if third - {Outcome.UNTRIED} else ""
    return _ANOTHER if (plain | second) & (on_its_way | to_come) else _ONE_DOMAIN


def singles_out(outcomes: Iterable[tuple[str, Outcome]]) -> bool:
    """Whether a server has relayed for another stranger what it had refused us."""
    pairs = list(outcomes)
    plain = {outcome for vector, outcome in pairs if vector in PLAIN}
    return bool(plain) and plain <= REFUSED and any(vector in STRANGER and o in DELIVERED for vector, o in pairs)


def _answered(vector: str) -> bool:
    known = CATALOGUE.get(vector)
    return known is None or known.answered


@dataclass(frozen=True, kw_only=True, slots=True)
class _Refused:
    """A run in which everything was refused."""

    forms: tuple[tuple[str, Outcome, Denial], ...]  #: vector, outcome, and what its reply speaks of
    control: Control
    postmaster: Denial | None  #: how mail for its postmaster was refused; None where it was not, or not asked

    @property
    def speaks_of_relaying(self) -> bool:
        """Whether a plain form was refused for what it is: relaying."""
        return any(
            refusal.meant is Meant.RELAYING or outcome in _BY_CODE
            for vector, outcome, refusal in self.forms
            if vector in PLAIN | STRANGER
        )

    @property
    def singles_us_out(self) -> bool:
        """Whether words name us, or every plain form, and mail for its postmaster, was stopped at our sender."""
        plain = [outcome for vector, outcome, _ in self.forms if vector in PLAIN]
        stopped = bool(plain) and all(outcome is Outcome.MAIL_5XX for outcome in plain)
        return (stopped and self.control is not Control.ACCEPTED) or any(
            refusal.meant is Meant.TESTER for _, _, refusal in self.forms
        )

    @property
    def text_alone(self) -> bool:
        """Whether the text was judged, or may have been: it was taken whole, and another one did not meet the same."""
        whole = [refusal for _, outcome, refusal in self.forms if outcome is Outcome.DATA_END_5XX]
        other = [refusal for vector, outcome, refusal in self.forms if vector == SECOND and outcome not in _BY_CODE]
        return bool(whole) and any(refusal.meant is not Meant.RELAYING for refusal in (*whole, *other))

    @property
    def in_the_same_words(self) -> bool:
        return len({refusal.text for _, _, refusal in self.forms}) == 1

    @property
    def postmaster_too(self) -> bool:
        """Whether mail for its postmaster is refused as all forms are, or in words that name us."""
        theirs = self.postmaster
        if theirs is None:
            return self.control is Control.REFUSED  # in words that we do not know
        return theirs.meant is Meant.TESTER or any(theirs.text == refusal.text for _, _, refusal in self.forms)


#: Refusals whose code alone speaks of relaying.
_BY_CODE = frozenset({Outcome.RCPT_AUTH, Outcome.RCPT_DENIED_SOFT})


def _judge_refusals(refused: _Refused, profile: str, skipped: int, say: Callable[..., Judgement]) -> Judgement:
    """Everything was refused: the words say whether relaying was meant or we were; where they do not, the control
    dialogue does."""
    taken, relaying = refused.control is Control.ACCEPTED, refused.speaks_of_relaying
    if refused.text_alone:
        reason = "The server took our letter to its end and refused its text: another text might have passed."
        return say(Verdict.INCONCLUSIVE, reason, second_look=True)
    if not relaying:
        if refused.singles_us_out:
            return say(Verdict.REFUSES_TESTER, "The server refuses us, by our address or name, and not relaying.")
        if refused.in_the_same_words and not taken and refused.postmaster_too:
            return say(Verdict.REFUSES_TESTER, "The server refuses even mail for its own postmaster from us.")
        if not taken and (refused.postmaster is None or refused.control is Control.DEFERRED):
            return say(Verdict.INCONCLUSIVE, "All was refused, but whether to everybody or only to us is unknown.")
    if profile not in WIDE_PROFILES:
        return say(Verdict.INCONCLUSIVE, f"All was refused, but the {profile} profile is too narrow to tell.")
    if skipped > len(refused.forms):
        return say(Verdict.INCONCLUSIVE, f"All was refused, but {skipped} forms were left out: too many to tell.")
    left_out = f" ({skipped} left out on purpose)" if skipped else ""
    doubtful = not relaying and refused.in_the_same_words
    if taken:
        reason = f"Every form{left_out} was refused, while mail for its own postmaster was accepted."
        return say(Verdict.CLOSED, reason, second_look=doubtful)
    how = ", for relaying" if relaying else ""
    if refused.control is Control.NOT_RUN:
        return say(Verdict.CLOSED, f"Every form{left_out} was refused{how}.", second_look=doubtful)
    reason = f"Every form{left_out} was refused{how}. {NO_POSTMASTER}"
    return say(Verdict.CLOSED, reason, second_look=doubtful, no_postmaster=True)
