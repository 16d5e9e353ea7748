"""The names that the facts of the list bear: where a request came in, why a test is made, why a door said no, states,
kinds of listings. Pure data.

The records that bear them are those of `model`, which hands these names on: who works with records has both from there.
Here is who needs no record, above all what reads settings and zones: to make the records costs a start more than both.
"""

from __future__ import annotations

from enum import StrEnum


class Door(StrEnum):
    """Where a request came in."""

    CLI = "cli"
    WEB = "web"
    API = "api"
    MAIL = "mail"
    FEED = "feed"
    TRAP = "trap"
    LOOKUP = "lookup"


#: Doors where we know who speaks: a reason may stand in place of evidence.
TRUSTED = frozenset({Door.CLI})


class Tier(StrEnum):
    """How far a reporter is believed, by an operator's word."""

    NEW = "new"  # shows evidence, and may bring little
    KNOWN = "known"  # the same, and more
    TRUSTED = "trusted"  # his word stands in place of evidence


class Role(StrEnum):
    """What somebody may do on the operators' side of the site; each may what those before him may."""

    VIEWER = "viewer"  # sees everything
    OPERATOR = "operator"  # acts, as the command line does
    OWNER = "owner"  # says who has an account


class JobReason(StrEnum):
    """Why a test is made; every test names one (RFC 6471 3.6.1)."""

    NOMINATION = "nomination"  # somebody showed evidence of abuse
    REMOVAL = "removal"  # somebody asked that the address be taken off the list
    OPERATOR = "operator"  # an operator of this list asked
    CONFIRM = "confirm"  # a second, independent run for a multi-hop finding
    RETEST = "retest"  # a listed address, on schedule
    PROBATION = "probation"  # a delisted address, by surprise
    UNREACHABLE = "unreachable"  # a further try at an address that did not answer
    VANTAGE = "vantage"  # a look by another stranger, from another address, at a server that refused the first
    REPEAT = "repeat"  # once more, after a run that a fault of our own spoilt
    REMOTE = "remote"  # somebody who is not believed alone sends our letters from where he stands
    REMOTE_PROVEN = "remote-proven"  # the same by somebody whom this list trusts
    SELF_TEST = "self-test"  # who comes from the address has asked to be tested; lists nobody unless settings say so


#: Tests whose letters somebody else sends: they show the list what `rules.remote` says, and nothing more.
LENT = frozenset({JobReason.REMOTE, JobReason.REMOTE_PROVEN})
#: Tests that their owner or an operator has asked for; they do not count as ours to pace by the day.
ASKED_FOR = frozenset({JobReason.REMOVAL, JobReason.OPERATOR, JobReason.SELF_TEST})


class Extent(StrEnum):
    """How much of a host one test is of."""

    NOMINATED = "nominated"  # the address that somebody nominated, at its mail port, and nothing more
    HOST = "host"  # every port of [tester] owner_ports, and other addresses of the same machine
    CHOSEN = "chosen"  # the ways in that were filed with the job


class JobState(StrEnum):
    QUEUED = "queued"  # waits for `due`
    RUNNING = "running"  # leased to a worker
    DONE = "done"  # the conversation is over (its run may still wait for letters)


class RunState(StrEnum):
    OPEN = "open"  # conversations are being held, or will be taken up again
    WAITING = "waiting"  # all is said; letters may still come back
    SETTLED = "settled"  # judged for good


class WatchWay(StrEnum):
    """How somebody is told of new listings in a network of his."""

    MAIL = "mail"
    WEBHOOK = "webhook"  # a signed message to a program
    FEED = "feed"  # he reads for himself


class NoticeState(StrEnum):
    QUEUED = "queued"  # waits for `due`, or is being handed over
    SENT = "sent"  # the smarthost has taken it
    FAILED = "failed"  # refused for good, bounced, or put off for too long


class Action(StrEnum):
    """What a decision does."""

    LIST = "list"
    RENEW = "renew"  # stays listed, and the proof is fresh: the expiry moves
    KEEP = "keep"  # stays listed, nothing moves
    DELIST = "delist"
    PROPOSE = "propose"  # would be listed, and waits for an operator's word
    NOTHING = "nothing"  # was not listed, is not listed


class Exits(StrEnum):
    """What a judged run means for the outputs of its relay: the addresses that its letters came out of."""

    SHOWN = "shown"  # those that letters came out of are outputs, or are so still; the others are none any more
    NARROWED = "narrowed"  # the same, but none begins to be one
    STAY = "stay"  # nothing was shown of them
    OVER = "over"  # it has none any more


class Reason(StrEnum):
    """Named reasons, the same in journal, TXT, web and reports."""

    LETTER_RETURNED = "letter-returned"
    LETTER_RETURNED_ELSEWHERE = "letter-returned-elsewhere"
    RETEST_CLOSED = "retest-closed"
    RETEST_BOUNCES = "retest-bounces"
    RETEST_LOSES = "retest-loses"
    LOSES_ONCE = "loses-once"
    STILL_OPEN = "still-open"
    DELIVERED_FOR = "delivered-for"
    CAME_OUT = "came-out"
    CAME_OUT_ELSEWHERE = "came-out-elsewhere"
    INPUT_CLOSED = "input-closed"
    INPUT_GONE = "input-gone"
    TWIN_RELAYS = "twin-relays"
    ONE_WAY_IN = "one-way-in"
    SECOND_LOOK = "second-look"
    CANNOT_TEST = "cannot-test"
    BACKSCATTER = "backscatter"
    UNCONFIRMED = "unconfirmed"
    KIND_OFF = "kind-off"
    NOT_OPEN = "not-open"
    EXPIRED = "expired"
    EXCLUDED = "excluded"
    OPERATOR = "operator"
    PURGED = "purged"
    DOUBTFUL = "doubtful"
    NOMINATED = "nominated"
    ASKED_REMOVAL = "asked-removal"
    ASKED_SELF_TEST = "asked-self-test"
    OPTED_OUT = "opted-out"
    OWNER_GONE = "owner-gone"
    NOBODY_THERE = "nobody-there"
    SHOWN_CONTROL = "shown-control"
    SCORE = "score"
    NO_SPAM_SEEN = "no-spam-seen"
    AWAITS_OPERATOR = "awaits-operator"
    REMOVED = "removed-on-request"
    WITHDRAWN = "withdrawn"


#: Why a test takes an address off the list; surprise retests follow.
BY_TEST = frozenset(
    {Reason.RETEST_CLOSED, Reason.RETEST_BOUNCES, Reason.RETEST_LOSES, Reason.TWIN_RELAYS, Reason.OWNER_GONE}
)
#: The same, and a request alone, where settings say that one ends a listing: surprise retests follow these too.
GOT_OFF = BY_TEST | {Reason.REMOVED}


class Refusal(StrEnum):
    """Why a door said no."""

    MALFORMED_ADDRESS = "malformed-address"
    SPECIAL_PURPOSE = "special-purpose"
    OWN_ADDRESS = "own-address"
    NO_EVIDENCE = "no-evidence"
    NOT_MAIL = "not-mail"
    TOO_LARGE = "too-large"
    TOO_OLD = "too-old"
    NOT_IN_EVIDENCE = "not-in-evidence"
    INLINE_FORWARD = "inline-forward"
    WHICH_LINE = "which-line"
    UNKNOWN_REPORTER = "unknown-reporter"
    REPORTER_EXISTS = "reporter-exists"
    KEY_NEEDED = "key-needed"
    UNKNOWN_KEY = "unknown-key"
    TEST_BEGUN = "test-begun"
    EXCLUDED = "excluded"
    RESTING = "resting"
    ALREADY_LISTED = "already-listed"
    ALREADY_WATCHED = "already-watched"
    NOT_LISTED = "not-listed"
    TOO_MANY = "too-many"
    TOO_WIDE = "too-wide"
    NOT_EXCLUDED = "not-excluded"
    WRONG_WIDTH = "wrong-width"
    NOT_EXCEPTED = "not-excepted"
    SAME_PERSON = "same-person"
    WRONG_KIND = "wrong-kind"
    WRONG_PORT = "wrong-port"
    NOT_SHOWN = "not-shown"
    SUSPENDED = "suspended"
    OFF = "off"
    UNKNOWN_ACCOUNT = "unknown-account"
    ACCOUNT_EXISTS = "account-exists"
    LAST_OWNER = "last-owner"
    WEAK_PASSWORD = "weak-password"  # noqa: S105
    NOT_LET_IN = "not-let-in"


#: The kind of an exception: a network that is left out of every wider listing.
EXCEPTION = ""
#: Kinds that say how an operator has decided, and list nobody: what is excluded from tests, and what is left out of
#: listings. Their zones can be published, apart from all others (RFC 6471 3.3).
DO_NOT_TEST, EXEMPT = "do-not-test", "exempt"
DECLARED = frozenset({DO_NOT_TEST, EXEMPT})
#: Kinds of the outputs of relays, each after its own delay; what is listed so was not tested, its input was.
RELAY_OUTPUT, DELAYED_OUTPUT = "relay-output", "delayed-output"
OUTPUT_KINDS = frozenset({RELAY_OUTPUT, DELAYED_OUTPUT})
#: Kinds of what was tested itself, so that a retest of the address ends the listing; it has at most one of them at a
#: time, so that they may share a code.
TESTED_KINDS = frozenset({"relay", "multihop", "backscatter", "untestable", "unconfirmed"})
#: Kinds that only proof may fill (law 1); every other kind is for operators.
PROOF_KINDS = TESTED_KINDS | OUTPUT_KINDS
#: The one that says: accepted from strangers for strangers, and bounced to whoever was named as the sender.
BACKSCATTER = "backscatter"
#: And the one that says: was an open relay, and can no longer be tested.
UNTESTABLE = "untestable"
#: And the one that says: a letter came out of it that a remote tester was given, and no test of ours has confirmed it.
UNCONFIRMED = "unconfirmed"


class Measure(StrEnum):
    """What is counted by day, under a name each (`rules.statistics`)."""

    LISTED = "listed"  # by kind: how many more stand on the list at the day's end than at its beginning
    ENDED = "ended"  # listings that have ended, by reason
    REMOVED = "removed"  # the same of what was tested itself, by how long they stood
    VERDICTS = "verdicts"  # tests that were judged, by verdict
    TESTS = "tests"  # the same by why they were made
    CAUSES = "causes"  # relays that a test has listed, by why they relay
    FORMS = "forms"  # the same by the first form whose letter came back
    SOFTWARE = "software"  # the same by what program they are
    COUNTRIES = "countries"  # the same by where they are, where an operator has said so
    DOORS = "doors"  # nominations, by where they came in
    SHOWN = "shown"  # the same by what came with them
    ANSWERS = "answers"  # answers of name servers, by the kind that they told; "" where nothing was listed


class State(StrEnum):
    """Where an address stands, in one word (command `lookup`, the pages, the API)."""

    UNKNOWN = "unknown"
    QUEUED = "queued"
    TESTING = "testing"
    PENDING = "pending"
    LISTED = "listed"
    CLEAR = "clear"
    EXCLUDED = "excluded"
    UNTESTABLE = "untestable"
