"""Whether to list, keep or delist. The only place that decides about the list.

Pure: a Case, the terms, the time and a random number in; a Decision out. Never reads the store, never judges a
test (that is `tester.verdict`), never lists without a letter that came back (law 1).

To the postmaster of a listed server
------------------------------------
You are here because somebody showed us mail that came out of your server and that they did not want, and because
a letter that we then offered to your server, from a stranger and for a stranger, came back to us through it. Not
the reply code to RCPT, not the reply to the final dot: the letter itself, with a secret that we told only while
handing over its text. Many servers accept such mail and bounce or discard it afterwards. That is no relaying, and
we list none of them.

How to get off. Close the relay, then ask for a retest; nobody has to approve it. We offer the whole standard set
of forms, not only the one that worked, because half-closed relays are how servers come back. If every form is
refused, or every letter that you accept comes back to us in a bounce, the listing ends in that moment and DNS follows
within a second. A vacation note, or word that the letter is delayed or held for somebody's consent, is no bounce. If
you accept and silently discard, we cannot tell a closed relay from a held queue, so two such runs a day apart are
needed. A request that finds the relay still open costs you nothing but a wait, which is printed and grows only
with failed requests. There is no fee, no form of words and nobody to persuade.

If all is refused in words that do not speak of relaying, and we have a second address to look from, we look from
there first, at once: one line of configuration can refuse the tester and nobody else.

What does not get you off, and does not get you on. A server that blocks our tester, hangs up, or does not answer
cannot be tested. "Cannot test" is not "open": nobody is listed for it. Nor is it a way out: a listing stays until
a test shows the relay closed, or until it ends by itself (90 days after its last proof, unless the operator says
otherwise), because a listing that is not renewed dies. Where the fault was ours, since our own collector refused the
letter, nothing is concluded, and we test once more a day later.

If your server is gone, moved or closed to the world, no test can speak for you. Then show that the address is yours:
come from it, put a TXT record into its reverse zone, or type a code that we mail to the postmaster of its name. When
three tries within a day or so find no mail server there, the listing ends. That works once a month.

Afterwards. We come back a few times, on days that you cannot know, since some relays are closed only for the
test. If a letter comes back then, the address is listed again at once. When the surprises are over, so is our
interest: we test nobody without a reason (RFC 6471 3.6.1, 3.6.2).

The whole host. Somebody who nominates you has one door tried: your address, at the mail port. When you ask for a
retest, and while you are listed, we try what else a mail server has: the ports where people log in (587, 465, 2525),
and the other addresses that are proven to be the same machine. Proven means that each side says so: a name of yours
leads to both addresses, and the other address calls itself by such a name, in its reverse DNS or its greeting. Two
other addresses are dialled at most, and none whose reverse DNS gives it another name that leads back to it.
Relays of today are often open there alone, over IPv6 or at one port. "Closed" is said when no way in relays. Where
another port of your address relays, your listing stays. Where only another address of the same machine does, it
stays if the letter came out of your address, since that is whom other servers meet; else it ends, and we do not list
the other address for it: that one was not reported by anybody. Once somebody shows mail that came through it, it is
listed too. A port without a mail service counts for nothing, unless it has relayed before: blocking us there is no
way out either.

In by one family, out by the other. A letter that is taken at one address and delivered from the other address of the
same machine did not hop: there is one relay. Both addresses are listed then, the second because it is the one that
others see. When a retest of either finds the whole host closed, the listing of the other ends too, if that address was
itself found closed at all of its ways in: one that could not be tested has shown nothing, whatever the first has shown.

Where a list differs from its program's usual terms, its page /policy says so: some list only who has been seen
sending spam, or only at an operator's word; some let a request alone, or the owner's alone, end a listing, and come
back by surprise; who gets off again and again may then have to wait.

Multi-hop. When the letter comes back from another address than the one we talked to, the input is yours and the
output may be an innocent smarthost. Only the input is listed, and only after a second, independent run shows the
same. Some lists list outputs too, under kinds of their own and mostly after some days: then whoever answers for the
output is written to, and the input is tested once more before that day. Nothing is to be shown by the output itself:
it is none any more when all its inputs are closed, gone from the list, or no letter of theirs comes out of it in a
later test; and where no test shows anything any more, when the last proof is as old as a listing may become.

Remote testers. Some lists give accounts of reporters letters to send from where they stand. Such a letter counts where
it came out of the very address that it was given for, and not from a user who had logged in there. Of a tester whom the
operator trusts it counts as one of ours; of all others it lists at most under `unconfirmed`, where that kind is on, and
our own worker tests the address. Where that finds no mail server, three times within a day or so, `unconfirmed` ends:
the letter may have been handed in at a proxy. Whatever they do takes nobody off the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from enum import Enum, auto

from dnsbl.errors import Damaged
from dnsbl.model import Case, Decision, FollowUp
from dnsbl.rules import schedule
from dnsbl.settings import Policy
from dnsbl.vocabulary import BACKSCATTER, DELAYED_OUTPUT, RELAY_OUTPUT, UNCONFIRMED, Action, Exits, JobReason, Reason
from tester.verdict import Verdict


class Footing(Enum):
    """Where an address stands before the decision."""

    CLEAR = auto()
    LISTED = auto()
    PROBATION = auto()  # delisted, and surprise retests remain


#: How long two "accepts and loses" runs must lie apart to count as closed.
LOSES_APART = timedelta(hours=24)

#: How long after a run that a fault of our own spoilt it is held again, so that operators can mend the fault first.
REPEAT_AFTER = timedelta(days=1)
#: Runs that are not held again: a second fault waits for the next reason to test, and the next surprise is planned.
_ONCE = frozenset({JobReason.REPEAT, JobReason.PROBATION})

#: Which list a proven relay belongs on.
KIND: Mapping[Verdict, str] = {Verdict.OPEN: "relay", Verdict.OPEN_MULTIHOP: "multihop"}
#: The same, with what only settings make a reason to list (`policy.kinds`); its proof are the bounces.
ANY_KIND: Mapping[Verdict, str] = {**KIND, Verdict.ACCEPTS_BOUNCES: BACKSCATTER}
#: Where bounces would count for the owner, and do not where backscatter is a reason to list.
_BOUNCES_COUNT = frozenset({Reason.NOT_OPEN, Reason.RETEST_BOUNCES})
#: Verdicts that say nothing about the host: what an ending listing may leave behind it, as untestable.
CANNOT_TEST = frozenset({Verdict.REFUSES_TESTER, Verdict.UNREACHABLE, Verdict.INCONCLUSIVE})

_TABLE: dict[tuple[Footing, Verdict], tuple[Action, Reason]] = {
    (Footing.CLEAR, Verdict.OPEN): (Action.LIST, Reason.LETTER_RETURNED),
    (Footing.CLEAR, Verdict.OPEN_MULTIHOP): (Action.LIST, Reason.LETTER_RETURNED_ELSEWHERE),
    (Footing.CLEAR, Verdict.ACCEPTS_BOUNCES): (Action.NOTHING, Reason.NOT_OPEN),
    (Footing.CLEAR, Verdict.ACCEPTS_LOSES): (Action.NOTHING, Reason.NOT_OPEN),
    (Footing.CLEAR, Verdict.CLOSED): (Action.NOTHING, Reason.NOT_OPEN),
    (Footing.CLEAR, Verdict.REFUSES_TESTER): (Action.NOTHING, Reason.CANNOT_TEST),
    (Footing.CLEAR, Verdict.UNREACHABLE): (Action.NOTHING, Reason.CANNOT_TEST),
    (Footing.CLEAR, Verdict.INCONCLUSIVE): (Action.NOTHING, Reason.CANNOT_TEST),
    (Footing.LISTED, Verdict.OPEN): (Action.RENEW, Reason.STILL_OPEN),
    (Footing.LISTED, Verdict.OPEN_MULTIHOP): (Action.RENEW, Reason.STILL_OPEN),
    (Footing.LISTED, Verdict.ACCEPTS_BOUNCES): (Action.DELIST, Reason.RETEST_BOUNCES),
    (Footing.LISTED, Verdict.ACCEPTS_LOSES): (Action.DELIST, Reason.RETEST_LOSES),  # after two runs, see `decide`
    (Footing.LISTED, Verdict.CLOSED): (Action.DELIST, Reason.RETEST_CLOSED),
    (Footing.LISTED, Verdict.REFUSES_TESTER): (Action.KEEP, Reason.CANNOT_TEST),
    (Footing.LISTED, Verdict.UNREACHABLE): (Action.KEEP, Reason.CANNOT_TEST),
    (Footing.LISTED, Verdict.INCONCLUSIVE): (Action.KEEP, Reason.CANNOT_TEST),
}
#: The state table: (footing, verdict) -> action and its named reason. Complete, as a test proves. What an address on
#: probation shows is decided as for any that is not listed; only what follows differs.
TABLE = _TABLE | {(Footing.PROBATION, verdict): row for (at, verdict), row in _TABLE.items() if at is Footing.CLEAR}

#: What each verdict shows of the relay's outputs, where no doubt is left (`_exits`). Complete, as a test proves.
EXITS: Mapping[Verdict, Exits] = {
    Verdict.OPEN: Exits.NARROWED,  # it delivers by itself, perhaps beside others
    Verdict.OPEN_MULTIHOP: Exits.SHOWN,
    Verdict.ACCEPTS_BOUNCES: Exits.OVER,
    Verdict.ACCEPTS_LOSES: Exits.OVER,  # after two runs, as for a listing
    Verdict.CLOSED: Exits.OVER,
    Verdict.REFUSES_TESTER: Exits.STAY,
    Verdict.UNREACHABLE: Exits.STAY,
    Verdict.INCONCLUSIVE: Exits.STAY,
}
#: What supersedes an older test: from then on no letter of that one shows what the relay's letters come out of.
SUPERSEDES = frozenset(Verdict) - CANNOT_TEST
#: How long before an output is listed its input is tested once more; longer than letters are waited for.
LAST_LOOK = timedelta(days=3)

_SENTENCE: Mapping[Reason, str] = {
    Reason.LETTER_RETURNED: "Our letter, offered to this address from a stranger for a stranger, came back from it.",
    Reason.LETTER_RETURNED_ELSEWHERE: (
        "Our letter, offered to this address, came back through another one, in two independent runs."
    ),
    Reason.STILL_OPEN: "The retest found the relay still open.",
    Reason.RETEST_CLOSED: "The retest found the relay closed.",
    Reason.RETEST_BOUNCES: "The retest found no relaying: what was accepted was bounced, not delivered.",
    Reason.RETEST_LOSES: "Two retests at least a day apart found no relaying: nothing that was accepted came back.",
    Reason.LOSES_ONCE: (
        "The server accepted our letters and nothing has come back; a second retest a day later will tell a closed "
        "relay from a held queue."
    ),
    Reason.TWIN_RELAYS: (
        "This address does not relay, and our letters did not come out of it; another address of the same machine does."
    ),
    Reason.ONE_WAY_IN: (
        "It was found closed at one way in; a listing ends when a test of the whole host finds it closed."
    ),
    Reason.SECOND_LOOK: (
        "Every form was refused, but in words that may be meant for us alone; a second look from another address of "
        "ours follows at once, and ends the listing if it finds the same."
    ),
    Reason.BACKSCATTER: (
        "The server accepted our letters from a stranger for a stranger, and bounced them to whoever they named."
    ),
    Reason.NO_SPAM_SEEN: "It relays, and nobody has shown spam that came from it: this list needs both.",
    Reason.AWAITS_OPERATOR: "Our letter came back from it; it is listed when an operator of this list confirms that.",
    Reason.UNCONFIRMED: (
        "A letter that a remote tester was given came out of this address; no test of ours has confirmed it yet."
    ),
    Reason.KIND_OFF: "This list does not list for what was found.",
    Reason.CANNOT_TEST: "The test came to no certain result; that neither lists an address nor takes it off the list.",
    Reason.OWNER_GONE: (
        "Whoever has shown that the address is his says that no mail server is there any more, and we found none."
    ),
    Reason.NOBODY_THERE: (
        "Only a letter that a remote tester was given spoke against it, and we found no mail server there, three times."
    ),
    Reason.NOT_OPEN: "No letter came back: this is not an open relay.",
}


def footing(case: Case, terms: Policy) -> Footing:
    """Where the address stands."""
    if case.listing is not None:
        return Footing.LISTED
    if case.delisted is not None and case.probations < len(terms.probation_days):
        return Footing.PROBATION
    return Footing.CLEAR


def decide(case: Case, terms: Policy, now: datetime, random: Callable[[], float]) -> Decision:
    """What a judged run means for the list.

    `random` gives floats in [0, 1), for the surprise in surprise retests. Raises Damaged when an OPEN verdict comes
    without the returned letters that alone can prove it.
    """
    where = footing(case, terms)
    action, reason = TABLE[where, case.verdict]
    if case.verdict in KIND and not case.proof:
        raise Damaged(f"run {case.run} is judged {case.verdict} without a returned letter; nothing is listed for it")
    if reason is Reason.RETEST_LOSES and (case.loses_before is None or now - case.loses_before < LOSES_APART):
        action, reason = Action.KEEP, Reason.LOSES_ONCE
    elif action is Action.DELIST and not case.whole:
        action, reason = Action.KEEP, Reason.ONE_WAY_IN
    elif reason is Reason.RETEST_CLOSED and case.second_look:
        action, reason = Action.KEEP, Reason.SECOND_LOOK
    elif case.verdict is Verdict.UNREACHABLE and where is Footing.LISTED and case.controlled and not case.released:
        action, reason = Action.DELIST, Reason.OWNER_GONE
    elif case.verdict is Verdict.UNREACHABLE and _only_told(case):
        action, reason = Action.DELIST, Reason.NOBODY_THERE
    if case.verdict in KIND and case.elsewhere:
        action, reason = Action.DELIST if where is Footing.LISTED else Action.NOTHING, Reason.TWIN_RELAYS
    if case.verdict is Verdict.ACCEPTS_BOUNCES and BACKSCATTER in terms.kinds and reason in _BOUNCES_COUNT:
        action, reason = Action.RENEW if where is Footing.LISTED else Action.LIST, Reason.BACKSCATTER
    if action is Action.LIST and terms.spam_seen and not case.shown:
        action, reason = Action.NOTHING, Reason.NO_SPAM_SEEN
    kind = ANY_KIND.get(case.verdict) if action in (Action.LIST, Action.RENEW) else None
    if kind is not None and case.unconfirmed:
        kind, reason = UNCONFIRMED, Reason.UNCONFIRMED
        if case.listing is not None and case.listing.kind != UNCONFIRMED:
            action, kind = Action.KEEP, None  # a better proof stands
    if kind is not None and kind not in terms.kinds:
        action, reason, kind = Action.KEEP if where is Footing.LISTED else Action.NOTHING, Reason.KIND_OFF, None
    if action is Action.LIST and terms.approval and not case.approved:
        action = Action.NOTHING if case.unconfirmed else Action.PROPOSE  # the test of ours that follows is proposed
        reason = Reason.AWAITS_OPERATOR
    return Decision(
        action=action,
        reason=reason,
        explanation=_SENTENCE[reason],
        kind=kind,
        expires=schedule.expiry(terms, kind, now) if kind else None,
        follow_up=_follow_up(case, where, action, reason, terms, now, random),
        exits=_exits(case, action),
    )


def delays(terms: Policy) -> dict[str, timedelta]:
    """The kinds under which outputs are listed here, each with how long after the proof."""
    days = {RELAY_OUTPUT: terms.output_days, DELAYED_OUTPUT: terms.delayed_output_days}
    return {kind: timedelta(days=days[kind]) for kind in days if kind in terms.kinds}


def last_look(coming: Iterable[datetime], now: datetime) -> datetime | None:
    """When a relay is tested once more before its outputs are listed, at these times; None where that would be within
    a day."""
    looks = (due - LAST_LOOK for due in coming)
    return min((each for each in looks if each > now + timedelta(days=1)), default=None)


def _exits(case: Case, action: Action) -> Exits:
    """What the run shows of the outputs: what ends the listing of their relay ends them, and what leaves a doubt about
    that leaves them as they are."""
    said = EXITS[case.verdict]
    if action is Action.DELIST:
        return Exits.OVER
    doubt = said is Exits.OVER and action is Action.KEEP
    return Exits.STAY if doubt or (case.verdict in KIND and case.elsewhere) else said


def repeat(reason: JobReason, profile: str, now: datetime) -> FollowUp | None:
    """The one repetition, a day later with the same profile, of a run made for `reason` that our own fault spoilt."""
    return None if reason in _ONCE else FollowUp(reason=JobReason.REPEAT, due=now + REPEAT_AFTER, profile=profile)


def _follow_up(
    case: Case,
    where: Footing,
    action: Action,
    reason: Reason,
    terms: Policy,
    now: datetime,
    random: Callable[[], float],
) -> FollowUp | None:
    """The test that should follow, if any: each has a reason that can be named to the owner."""

    def test(why: JobReason, due: datetime | None) -> FollowUp | None:
        return FollowUp(reason=why, due=due, profile="standard") if due else None

    if reason is Reason.LOSES_ONCE:
        return test(JobReason.RETEST, now + LOSES_APART)
    if action is Action.LIST:
        return test(JobReason.RETEST, _first_retest(case, terms, now))
    if reason is Reason.NOBODY_THERE:
        return None
    if action is Action.DELIST:
        return test(JobReason.PROBATION, schedule.probation(terms, now, 0, now, random()))
    if (
        (case.controlled or _only_told(case))
        and case.tries
        and (again := schedule.again(terms.unreachable_retry, case.tries - 1, now))
    ):
        return test(JobReason.UNREACHABLE, again)
    if case.listing is not None:
        return test(JobReason.RETEST, schedule.retest(terms, case.listing.since, now))
    if where is Footing.PROBATION and case.delisted is not None:
        made = case.probations + (case.reason is JobReason.PROBATION)
        return test(JobReason.PROBATION, schedule.probation(terms, case.delisted, made, now, random()))
    if case.tries:
        return test(JobReason.UNREACHABLE, schedule.again(terms.unreachable_retry, case.tries - 1, now))
    return None


def _only_told(case: Case) -> bool:
    """Whether nothing but a remote tester's letter speaks against it; without a mail server nothing can confirm it."""
    return case.listing is not None and case.listing.kind == UNCONFIRMED


def _first_retest(case: Case, terms: Policy, now: datetime) -> datetime | None:
    """When a relay that is listed now is tested next: as scheduled, or before its outputs are listed."""
    due: list[datetime | None] = [schedule.retest(terms, now, now)]
    if case.verdict is Verdict.OPEN_MULTIHOP:
        due.append(last_look((now + delay for delay in delays(terms).values()), now))
    return min((each for each in due if each is not None), default=None)
