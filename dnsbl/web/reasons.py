"""The named reasons for which requests are refused: what each is called, and what would be right. Pure, words alone.

A reason is a problem type (RFC 9457 3.1.1): its address is a place on the page /api, which tells these words.
"""

from __future__ import annotations

from collections.abc import Mapping

from dnsbl.vocabulary import Refusal

#: reason -> (title, what would be right); a full stop ends what is a sentence.
REASONS: Mapping[str, tuple[str, str]] = {
    Refusal.MALFORMED_ADDRESS: (
        "No address, or more than one",
        "One IPv4 or IPv6 address, such as 192.0.2.1 or 2001:db8::1; or, to watch, a network such as 192.0.2.0/24.",
    ),
    Refusal.SPECIAL_PURPOSE: ("An address that is no host on the Internet", "A public unicast address."),
    Refusal.OWN_ADDRESS: ("An address of this list", "The address of another mail server."),
    Refusal.NO_EVIDENCE: ("Evidence is missing", "The spam with all its headers, in `evidence`."),
    Refusal.NOT_MAIL: ("The evidence is no message", "A message as it was received, with all its headers."),
    Refusal.TOO_LARGE: ("Too large", "Less at once; of a message, its headers and the beginning of its text."),
    Refusal.TOO_OLD: ("The evidence is too old", "A message that came within the days that the policy names."),
    Refusal.NOT_IN_EVIDENCE: (
        "The evidence names another address",
        "The address that handed the message in, or none: it is read from the Received lines.",
    ),
    Refusal.INLINE_FORWARD: (
        "Forwarded within a text",
        "The message itself, attached or as its source, since its headers count.",
    ),
    Refusal.WHICH_LINE: (
        "Which line is meant",
        "The same request with `pick`, the number of the Received line that your own server wrote.",
    ),
    Refusal.UNKNOWN_REPORTER: ("No such reporter", "A name that this list knows."),
    Refusal.REPORTER_EXISTS: ("The name is taken", "Another name."),
    Refusal.KEY_NEEDED: ("A key is needed", "`Authorization: Bearer KEY` with the key of an account of this list."),
    Refusal.UNKNOWN_KEY: (
        "The key is none of ours",
        "`Authorization: Bearer KEY` with a key of this list; where none is needed, no key does as well.",
    ),
    Refusal.TEST_BEGUN: ("Its test has begun", "Nothing; a nomination is withdrawn before its test begins."),
    Refusal.EXCLUDED: ("Excluded from tests", "Nothing; its owner, or an operator, has asked for no tests."),
    Refusal.RESTING: ("Tested not long ago", "The same request when the time in Retry-After has passed."),
    Refusal.ALREADY_LISTED: ("Listed already", "Nothing; the address is on the list."),
    Refusal.ALREADY_WATCHED: ("Watched already", "The token that its watch has; or another target."),
    Refusal.NOT_LISTED: (
        "Not listed for relaying",
        "An address that a test has listed; what an operator has listed is ended by an operator.",
    ),
    Refusal.TOO_MANY: ("Too many requests", "The same request when the time in Retry-After has passed."),
    Refusal.TOO_WIDE: ("The network is too wide", "A narrower network."),
    Refusal.NOT_EXCLUDED: ("Not excluded", "A network that is excluded."),
    Refusal.WRONG_WIDTH: ("Another width is needed", "The network as a whole, as it stands on the list."),
    Refusal.NOT_EXCEPTED: ("No exception", "A network that is left out of listings."),
    Refusal.SAME_PERSON: ("Another person is needed", "The word of a second operator."),
    Refusal.WRONG_KIND: ("Another kind is needed", "A kind that the zones have and that words may fill."),
    Refusal.WRONG_PORT: ("No such port", "Ports of the list that /self-test names."),
    Refusal.NOT_SHOWN: ("Not shown to be yours", "What the answer asks for: a record, a code, or to come from there."),
    Refusal.SUSPENDED: ("Nothing is taken from you", "Write to whom /about names."),
    Refusal.OFF: ("Not offered here", "Nothing; this list does not do so."),
    Refusal.UNKNOWN_ACCOUNT: ("No such account", "The name of an account."),
    Refusal.ACCOUNT_EXISTS: ("The name is taken", "Another name."),
    Refusal.LAST_OWNER: ("The last owner", "Another owner first."),
    Refusal.WEAK_PASSWORD: ("The password is too weak", "A longer one."),
    Refusal.NOT_LET_IN: ("Not let in", "Name, password and code of an account."),
    "malformed-request": ("Not of the documented form", "The form that /api describes for the request."),
    "media-type": ("Another type of content is needed", "A Content-Type that /api names for the request."),
    "cross-site": ("From another site", "A request from a program, or from a page of this site."),
    "not-found": ("Not found", "An id or address as an answer of this list gave it."),
    "method-not-allowed": ("Another method is needed", "One of the methods in Allow."),
    "not-for-you": ("For operators alone", "A request from a network of `web.metrics_from`."),
    "no-keys": ("No keys", "A list whose clients have keys (`dns.keys_file`)."),
    "store-unavailable": (
        "The database cannot be used now",
        "The same request when the time in Retry-After has passed.",
    ),
    "internal": ("Our mistake", "The same request later; if it fails again, please write to us."),
    "http": ("Not understood", "HTTP as RFC 9110 has it."),
}


def kind(reason: str) -> tuple[str, str]:
    """What a reason is called, and what would be right; of one that nobody has named the most general."""
    return REASONS.get(reason, REASONS["http"])
