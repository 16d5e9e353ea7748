"""What the named facts mean, in plain sentences. Data only; complete for every name, as a test proves."""

from __future__ import annotations

from collections.abc import Mapping

from dnsbl.vocabulary import Door, JobReason, Reason, State
from tester.cause import Cause, Sure
from tester.host import RELAYS
from tester.smtp import Flag, Outcome
from tester.verdict import Finding, Verdict

#: Where an address stands, beside yes or no.
STATE: Mapping[State, str] = {
    State.UNKNOWN: "Nothing is known against this address.",
    State.QUEUED: "A test of this address is waiting for its turn.",
    State.TESTING: "This address is being tested now.",
    State.PENDING: "A test is over, and what follows from it is still to come.",
    State.LISTED: "This address is on the list.",
    State.CLEAR: "This address was tested and is not on the list.",
    State.EXCLUDED: "This address is not tested, at the wish of its network's owner or of this list's operator.",
    State.UNTESTABLE: "A test of this address came to no certain result. That neither lists it nor clears it.",
}

#: What a kind of listing says; kinds of operators have no sentence here.
KIND: Mapping[str, str] = {
    "relay": "It is an open relay: it passes on mail from strangers to strangers.",
    "backscatter": "It accepts mail from strangers for strangers and bounces it to whoever is named as the sender.",
    "untestable": "It was an open relay, and can no longer be tested.",
    "relay-output": "It is the output of an open relay: mail that strangers gave to another server comes out of it.",
    "delayed-output": "It has been the output of an open relay for long: mail that strangers gave to another server.",
    "unconfirmed": "A remote tester's letter came out of it; no test of this list's own has confirmed that yet.",
    "multihop": "It is the input of an open relay: mail from strangers goes in here and comes out elsewhere.",
}

#: The same in a few words, as the meaning of a code; kinds of operators have none.
CODE: Mapping[str, str] = {
    "relay": "open relay",
    "backscatter": "bounces strangers' mail to strangers",
    "untestable": "was an open relay, can no longer be tested",
    "relay-output": "output of an open relay",
    "delayed-output": "output of an open relay for long",
    "unconfirmed": "open relay by a remote tester's word",
    "multihop": "input of a multi-hop relay",
}

#: Why a listing began or ended.
REASON: Mapping[Reason, str] = {
    Reason.LETTER_RETURNED: "a test letter, offered to this address by a stranger for a stranger, was delivered by it",
    Reason.LETTER_RETURNED_ELSEWHERE: (
        "test letters offered to this address were delivered by another one, in two independent tests"
    ),
    Reason.RETEST_CLOSED: "a retest found the relay closed",
    Reason.RETEST_BOUNCES: "a retest found no relaying: what was accepted was bounced",
    Reason.RETEST_LOSES: "two retests a day apart found no relaying",
    Reason.LOSES_ONCE: "a retest found no relaying; a second one must confirm it",
    Reason.STILL_OPEN: "a retest found the relay still open",
    Reason.DELIVERED_FOR: "it delivered a test letter that another address of the same machine had taken",
    Reason.CAME_OUT: "a test letter that an open relay had taken came out of this address",
    Reason.CAME_OUT_ELSEWHERE: "in a later test of that relay no letter came out of this address",
    Reason.INPUT_CLOSED: "the relay whose letters came out of this address was found closed",
    Reason.INPUT_GONE: "the relay whose letters came out of this address is no longer on the list",
    Reason.TWIN_RELAYS: "it does not relay itself; another address of the same machine does, and delivers itself",
    Reason.ONE_WAY_IN: "it was found closed at one way in, which does not speak for the others",
    Reason.SECOND_LOOK: "a retest was refused in words that may mean us alone; a second look must confirm it",
    Reason.BACKSCATTER: "test letters from a stranger for a stranger were accepted and bounced to their named sender",
    Reason.NO_SPAM_SEEN: "it relays, and nobody has shown spam that came from it",
    Reason.AWAITS_OPERATOR: "a test found it open, and an operator has not confirmed that yet",
    Reason.REMOVED: "somebody asked for the removal, which is enough here",
    Reason.UNCONFIRMED: "a letter that a remote tester was given was delivered by it",
    Reason.KIND_OFF: "this list does not list for what was found",
    Reason.CANNOT_TEST: "the test came to no certain result",
    Reason.NOT_OPEN: "no open relay was found",
    Reason.EXPIRED: "the listing ended by itself, without fresh proof",
    Reason.EXCLUDED: "the network is excluded from tests",
    Reason.OPERATOR: "an operator of this list decided so",
    Reason.DOUBTFUL: (
        "the list was restored from a copy, and whether this listing had ended is not known; it is tested again"
    ),
    Reason.PURGED: "its source was not to be trusted, and nobody else had shown anything",
    Reason.NOMINATED: "somebody showed spam that came from here",
    Reason.WITHDRAWN: "its nomination was taken back, and nobody else has nominated it",
    Reason.ASKED_REMOVAL: "somebody asked for a retest",
    Reason.OPTED_OUT: "its reader wants no more mail",
    Reason.SCORE: "too much of what a reporter nominated was found closed",
    Reason.OWNER_GONE: "its owner has shown that the address is his, and no mail server answers there any more",
    Reason.NOBODY_THERE: "only a remote tester's letter spoke against it, and we found no mail server there",
    Reason.SHOWN_CONTROL: "somebody has shown that the address is his",
    Reason.ASKED_SELF_TEST: "who comes from the address asked for a test of it",
}

#: What a verdict means, for pages of listed addresses.
VERDICT: Mapping[Verdict, str] = {
    Verdict.OPEN: "Open relay: our letter came back through this address.",
    Verdict.OPEN_MULTIHOP: "Open relay over several hops: our letter came back through another address.",
    Verdict.ACCEPTS_BOUNCES: "No relay: what was accepted was bounced later. Refusing it at once would be better.",
    Verdict.ACCEPTS_LOSES: "No relay was seen: letters were accepted, and none came back.",
    Verdict.CLOSED: "Closed: every form was refused.",
    Verdict.REFUSES_TESTER: "Not tested: the server refuses our tester altogether.",
    Verdict.UNREACHABLE: "Not tested: the server could not be reached in several tries.",
    Verdict.INCONCLUSIVE: "No conclusion could be reached.",
}

#: How a way into a host looks that has come to a verdict: the look of its sign (see the style sheet), and its word.
WAY: Mapping[Verdict, tuple[str, str]] = {
    Verdict.OPEN: ("listed", "Relays"),
    Verdict.OPEN_MULTIHOP: ("listed", "Relays"),
    Verdict.ACCEPTS_BOUNCES: ("wait", "Accepts, then bounces"),
    Verdict.ACCEPTS_LOSES: ("wait", "Accepts, then silence"),
    Verdict.CLOSED: ("clear", "Closed"),
    Verdict.REFUSES_TESTER: ("off", "Refuses our tester"),
    Verdict.UNREACHABLE: ("off", "No answer"),
    Verdict.INCONCLUSIVE: ("off", "No conclusion"),
}

#: What a test of a listed address has come to, in its timeline and above it.
CAME_TO: Mapping[Verdict, str] = {
    Verdict.OPEN: "our letter came back",
    Verdict.OPEN_MULTIHOP: "our letter came back through another address",
    Verdict.ACCEPTS_BOUNCES: "closed: what was accepted was bounced",
    Verdict.ACCEPTS_LOSES: "letters were accepted, and none came back",
    Verdict.CLOSED: "closed: every form was refused",
    Verdict.REFUSES_TESTER: "not told: the server refuses our tester",
    Verdict.UNREACHABLE: "not told: the server could not be reached",
    Verdict.INCONCLUSIVE: "no conclusion could be reached",
}

#: Why a test was made.
TESTED: Mapping[JobReason, str] = {
    JobReason.NOMINATION: "Tested, since somebody reported it",
    JobReason.REMOVAL: "Tested, since the removal was asked for",
    JobReason.OPERATOR: "Tested at an operator's word",
    JobReason.CONFIRM: "Tested once more, to confirm what was found",
    JobReason.RETEST: "Tested again, as listed addresses are",
    JobReason.PROBATION: "Tested by surprise, after a removal",
    JobReason.UNREACHABLE: "Tried again, since it had not answered",
    JobReason.VANTAGE: "Tested from a second address of ours",
    JobReason.REPEAT: "Tested once more, after a fault of our own",
    JobReason.REMOTE: "Tested by a remote tester",
    JobReason.REMOTE_PROVEN: "Tested by a remote tester whom this list trusts",
    JobReason.SELF_TEST: "Tested at its owner's wish",
}

#: How sure a cause is.
SURE: Mapping[Sure, str] = {Sure.SURE: "Cause", Sure.LIKELY: "Likely cause", Sure.GUESS: "Possible cause"}

#: What tests come to, in a chart, and on the dashboard of operators.
JUDGED: Mapping[str, str] = {
    Verdict.OPEN: "open relay",
    Verdict.OPEN_MULTIHOP: "open over several hops",
    Verdict.ACCEPTS_BOUNCES: "accepts, then bounces",
    Verdict.ACCEPTS_LOSES: "accepts, then silence",
    Verdict.CLOSED: "closed",
    Verdict.REFUSES_TESTER: "refuses our tester",
    Verdict.UNREACHABLE: "no answer",
    Verdict.INCONCLUSIVE: "no conclusion",
}

#: Why relays relay, in a chart.
CAUSED: Mapping[str, str] = {
    Cause.CLIENT_ADDRESS_LOST: "gateway hides the caller",
    Cause.APPLIANCE_TRUSTED: "appliance trusted in all",
    Cause.NETWORKS_TOO_WIDE: "trusted networks too wide",
    Cause.SENDER_BELIEVED: "own sender believed",
    Cause.NULL_SENDER_BELIEVED: "empty sender let through",
    Cause.SAME_DOMAIN_BELIEVED: "one domain on both sides believed",
    Cause.ROUTE_HONOURED: "route in an address honoured",
    Cause.STARTTLS_BELIEVED: "encryption taken for a login",
    Cause.CERTIFICATE_BELIEVED: "any certificate believed",
    Cause.SUBMISSION_OPEN: "submission without login",
    Cause.IPV6_FORGOTTEN: "IPv6 forgotten",
    Cause.IPV4_FORGOTTEN: "IPv4 forgotten",
    Cause.MX_BELIEVED: "any MX believed",
    Cause.HELO_BELIEVED: "greeting believed",
    Cause.PROXY_HEADER_BELIEVED: "PROXY header believed",
    Cause.XCLIENT_BELIEVED: "XCLIENT believed",
    Cause.LITERAL_BELIEVED: "bare addresses not checked",
    Cause.CUSTOMER_TRUSTED: "customer's machine trusted",
    Cause.UNKNOWN: "not known",
}

#: Why listings end, in a chart.
ENDED: Mapping[str, str] = {
    Reason.RETEST_CLOSED: "closed at a retest",
    Reason.RETEST_BOUNCES: "bounces at a retest",
    Reason.RETEST_LOSES: "silence at two retests",
    Reason.TWIN_RELAYS: "another address relays",
    Reason.CAME_OUT_ELSEWHERE: "letters come out elsewhere",
    Reason.INPUT_CLOSED: "its relay was closed",
    Reason.INPUT_GONE: "its relay is off the list",
    Reason.EXPIRED: "too old, without fresh proof",
    Reason.OPERATOR: "an operator's word",
    Reason.PURGED: "from a bad source",
    Reason.REMOVED: "asked for",
    Reason.OWNER_GONE: "owner known, server gone",
    Reason.NOBODY_THERE: "no mail server there",
    Reason.DOUBTFUL: "in doubt after a restored copy",
}

#: Doors, in a chart.
DOOR: Mapping[str, str] = {
    Door.WEB: "this site",
    Door.API: "programs, by the API",
    Door.MAIL: "mail",
    Door.FEED: "lists of others",
    Door.TRAP: "spamtraps",
    Door.LOOKUP: "questions of mail servers",
    Door.CLI: "this list's operators",
}

#: Why tests are made, in a chart.
WHY: Mapping[str, str] = {
    JobReason.NOMINATION: "nominated",
    JobReason.REMOVAL: "removal asked for",
    JobReason.OPERATOR: "an operator's word",
    JobReason.CONFIRM: "to confirm a finding",
    JobReason.RETEST: "listed, on schedule",
    JobReason.PROBATION: "by surprise, after a removal",
    JobReason.UNREACHABLE: "had not answered",
    JobReason.VANTAGE: "seen from a second address",
    JobReason.REPEAT: "after a fault of our own",
}

#: Why a server relays, as the end of a sentence.
CAUSE: Mapping[Cause, str] = {
    Cause.CLIENT_ADDRESS_LOST: "what stands in front of it hides who is calling",
    Cause.APPLIANCE_TRUSTED: "the first machine takes everything, and the second trusts the first",
    Cause.NETWORKS_TOO_WIDE: "it saw our true address, and let us relay all the same",
    Cause.SENDER_BELIEVED: "a sender that claims to be its own is believed",
    Cause.NULL_SENDER_BELIEVED: "mail with an empty sender is let through",
    Cause.SAME_DOMAIN_BELIEVED: "one domain on both sides passes for inside mail",
    Cause.ROUTE_HONOURED: "an address with a route in it is checked before the route is undone",
    Cause.STARTTLS_BELIEVED: "who encrypts may relay",
    Cause.CERTIFICATE_BELIEVED: "who shows any certificate may relay",
    Cause.SUBMISSION_OPEN: "its port for users asks for no login",
    Cause.IPV6_FORGOTTEN: "it is closed over IPv4, and open over IPv6",
    Cause.IPV4_FORGOTTEN: "it is closed over IPv6, and open over IPv4",
    Cause.MX_BELIEVED: "it takes mail for every domain that names it as its mail server",
    Cause.HELO_BELIEVED: "who greets in its own name is believed",
    Cause.PROXY_HEADER_BELIEVED: "a PROXY header is believed from anybody",
    Cause.XCLIENT_BELIEVED: "XCLIENT is believed from anybody",
    Cause.LITERAL_BELIEVED: "recipients at bare addresses are not checked",
    Cause.CUSTOMER_TRUSTED: "it passes on what an open machine of a customer hands in",
    Cause.UNKNOWN: "why it passes mail on, we do not know",
}

#: What closes it, as a command of a few words.
CLOSE: Mapping[Cause, str] = {
    Cause.CLIENT_ADDRESS_LOST: "stop trusting what stands in front",
    Cause.APPLIANCE_TRUSTED: "let the first machine refuse",
    Cause.NETWORKS_TOO_WIDE: "trust fewer networks",
    Cause.SENDER_BELIEVED: "let senders log in",
    Cause.NULL_SENDER_BELIEVED: "check empty senders too",
    Cause.SAME_DOMAIN_BELIEVED: "let senders log in",
    Cause.ROUTE_HONOURED: "refuse routes in addresses",
    Cause.STARTTLS_BELIEVED: "let encrypted senders log in",
    Cause.CERTIFICATE_BELIEVED: "check certificates",
    Cause.SUBMISSION_OPEN: "ask for a login",
    Cause.IPV6_FORGOTTEN: "close it over IPv6 too",
    Cause.IPV4_FORGOTTEN: "close it over IPv4 too",
    Cause.MX_BELIEVED: "name your domains",
    Cause.HELO_BELIEVED: "believe no greeting",
    Cause.PROXY_HEADER_BELIEVED: "believe your proxy alone",
    Cause.XCLIENT_BELIEVED: "believe your proxy alone",
    Cause.LITERAL_BELIEVED: "check recipients at bare addresses",
    Cause.CUSTOMER_TRUSTED: "have your customer close his machine",
    Cause.UNKNOWN: "how",
}

#: Names of the programs that there is advice for, and of what may stand before one.
PROGRAMS: Mapping[str, str] = {
    "postfix": "Postfix",
    "exim": "Exim",
    "sendmail": "Sendmail",
    "opensmtpd": "OpenSMTPD",
    "zimbra": "Zimbra",
    "stalwart": "Stalwart",
    "haraka": "Haraka",
    "courier": "Courier",
    "exchange": "Microsoft Exchange",
    "docker-mailserver": "docker-mailserver",
    "mailcow": "mailcow",
    "mailu": "Mailu",
}
FRONTS: Mapping[str, str] = {
    "docker": "Docker",
    "haproxy": "HAProxy",
    "traefik": "Traefik",
    "nginx": "nginx",
    "nat-firewall": "A firewall with NAT",
}

#: What is told to who runs a server that accepts first and bounces afterwards (the papers of 2002 and 2012 on Exchange
#: 5.5, whose "do not reroute incoming SMTP mail" does so).
REFLECTOR = (
    "It relays for nobody: what strangers send to strangers is accepted, and then returned.",
    "But senders are easily forged, so the notice goes to somebody who has sent nothing, and lists of such servers are "
    "kept elsewhere.",
    "Refuse recipients that are not yours at RCPT, with 550, before you take the mail: then who sent it is told by his "
    "own server.",
    "Exchange 5.5 does this where its Internet Mail Service is told not to reroute incoming mail; its routing "
    "restrictions, or a later version, refuse at once.",
)

#: What the public learns about the last test of an address that is not listed: no more than that it was tested,
#: or else the form for nominations would be a port scanner for everybody.
OUTSIDE: Mapping[Verdict, str] = {
    verdict: (
        "It came to no certain result."
        if verdict in (Verdict.REFUSES_TESTER, Verdict.UNREACHABLE, Verdict.INCONCLUSIVE)
        else "An open relay was found."
        if verdict in RELAYS
        else "No open relay was found."
    )
    for verdict in Verdict
}

_NO_CONNECTION = "no connection came about"
_NO_GREETING = "the server did not greet as a mail server does"
_BROKEN = "the conversation broke off"
_LATER = "the server asked to try again later"
_DELIVERED = "accepted, and delivered to our collector by this address"
_ELSEWHERE = "accepted, and delivered to our collector by another address"

#: How one attempt ended.
OUTCOME: Mapping[Outcome, str] = {
    Outcome.CONN_REFUSED: _NO_CONNECTION,
    Outcome.CONN_TIMEOUT: _NO_CONNECTION,
    Outcome.CONN_UNREACH: _NO_CONNECTION,
    Outcome.BANNER_TIMEOUT: _NO_GREETING,
    Outcome.BANNER_4XX: _LATER,
    Outcome.BANNER_5XX: "the server refused us in its greeting",
    Outcome.BANNER_EOF: _NO_GREETING,
    Outcome.BANNER_GARBAGE: _NO_GREETING,
    Outcome.BANNER_OVERSIZE: _NO_GREETING,
    Outcome.HELO_5XX: "the server refused our EHLO and HELO",
    Outcome.HELO_4XX: _LATER,
    Outcome.TLS_FAIL: "encryption, which the server asks for, failed",
    Outcome.TLS_INJECT: "bytes came between STARTTLS and encryption",
    Outcome.MAIL_5XX: "the sender was refused",
    Outcome.MAIL_4XX: _LATER,
    Outcome.RCPT_5XX: "the recipient was refused, as it should be",
    Outcome.RCPT_AUTH: "a login was asked for, as it should be",
    Outcome.RCPT_4XX: _LATER,
    Outcome.RCPT_DENIED_SOFT: "relaying was denied, with a temporary code",
    Outcome.DEFERRED_FOREVER: "put off each time, and so not relayed",
    Outcome.DATA_CMD_4XX: "refused for now before the letter's text",
    Outcome.DATA_CMD_5XX: "refused before the letter's text",
    Outcome.DATA_END_4XX: "refused for now after the letter's text",
    Outcome.DATA_END_5XX: "refused after the letter's text",
    Outcome.ACCEPTED: "accepted; nothing has come back yet",
    Outcome.MAYBE_ACCEPTED: "perhaps accepted; nothing has come back yet",
    Outcome.EARLY_421: "the server ended the conversation",
    Outcome.PROTOCOL: _BROKEN,
    Outcome.OVERSIZE: _BROKEN,
    Outcome.UNSOLICITED: _BROKEN,
    Outcome.TIMEOUT: _BROKEN,
    Outcome.DISCONNECTED: _BROKEN,
    Outcome.UNTRIED: "not tried",
    Outcome.SKIPPED: "left out on purpose",
    Outcome.DELIVERED_SAME: _DELIVERED,
    Outcome.DELIVERED_OTHER: _ELSEWHERE,
    Outcome.DELIVERED_SAME_LATE: _DELIVERED + ", late",
    Outcome.DELIVERED_OTHER_LATE: _ELSEWHERE + ", late",
    Outcome.BOUNCED: "accepted, then bounced: not relayed",
    Outcome.BOUNCED_BY_US: "relayed to us, and refused by our collector through a fault of ours",
    Outcome.DSN_DELAYED: "accepted; the server says that it is still trying to pass it on",
    Outcome.HELD: "accepted; the server says that it waits for somebody's consent",
    Outcome.LOST: "accepted, and never seen again",
}

#: What became of bytes by themselves in a letter that came back, where the server left them as they were.
CANARY: Mapping[Flag, str] = {
    Flag.PASSES_BARE_LF: "It passes on a line feed by itself, so that others may smuggle mail past it",
    Flag.PASSES_BARE_CR: "It passes on a carriage return by itself, so that others may smuggle mail past it",
}

#: Messages at the collector that are shown on a listed address's page.
FINDING: Mapping[Finding, str] = {
    Finding.DELIVERED_SAME: _DELIVERED,
    Finding.DELIVERED_OTHER: _ELSEWHERE,
    Finding.DELIVERED_SAME_LATE: _DELIVERED + ", late",
    Finding.DELIVERED_OTHER_LATE: _ELSEWHERE + ", late",
}
