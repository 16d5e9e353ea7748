"""In which words our letters are written: texts unlike each other in subject, fields, body and length.

Pure text; knows nothing of keys or tokens. A server that refuses one wording and takes another has judged our text and
not who may relay, and one that passes on only what says that it is a test is no relay; both show only where letters
differ. Every wording tells the truth: a machine wrote it, who we are by the names that this very letter bears, and
that it may be deleted. Only the first one says outright that it is a test of an open relay; the others hold no word and
no address that a probe is known by. Adding one: a function here and its row in `WORDINGS`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from functools import lru_cache

from tester.records import dataclass

WIDTH = 72  #: octets of a line, where the words allow it


@dataclass(frozen=True, kw_only=True, slots=True)
class Particulars:
    """What a letter has to say, every text printable ASCII and cut to its length."""

    when: str  #: RFC 5322 date
    sender: str  #: the plain address of From
    recipient: str  #: the plain address of To
    message_id: str  #: without angle brackets
    literal: str  #: the tested address as a domain literal
    run: str
    vector: str
    service: str
    website: str
    contact: str
    helo: str
    bounce_domain: str
    nomination: str  #: or "none"
    proof: str

    @property
    def page(self) -> str:
        """Where the machine that writes says whose it is; a machine may be called by its address literal."""
        name = self.helo.removeprefix("[").removesuffix("]")
        six = name.lower().startswith("ipv6:")
        return f"http://[{name[5:]}]/" if six else f"http://{name}/"


def write(wording: int, facts: Particulars) -> list[str]:
    """The lines of a letter, header and body, in this wording; of a number beyond the last, the series begins anew."""
    return WORDINGS[wording % len(WORDINGS)](facts)


def _outright(f: Particulars) -> list[str]:
    """Says what it is, to whom it may concern."""
    return [
        f"Date: {f.when}",
        f"From: <{f.sender}>",
        f"To: <{f.recipient}>",
        f"Message-ID: <{f.message_id}>",
        *_with_word(_wrapped(f"Subject: Open relay test of {f.literal} - {f.run}", indent=" "), f.vector),
        "Auto-Submitted: auto-generated",
        "",
        *_wrapped(f"This is an automatic test of the mail server at {f.literal}, made by {f.service}."),
        "",
        f"Proof: {f.proof}",
        "",
        *_wrapped(f"Who tests, why, and how to opt out: {f.website} (contact: {f.contact})"),
        "",
        *_wrapped(
            "If you read this anywhere but in our own mailbox, the server agreed to pass on mail from a stranger to a "
            "stranger. Its own policy decided that; no password or weakness was used."
        ),
        "",
        *_wrapped(f"Sent {f.when} by {f.helo}. Nomination: {f.nomination}."),
        "",
        *_wrapped("This message may be deleted. The page above says how to close an open relay."),
    ]


def _slip(f: Particulars) -> list[str]:
    """A few words."""
    return [
        f"From: Post room <{f.sender}>",
        f"To: <{f.recipient}>",
        "Subject: For your records",
        f"Date: {f.when}",
        f"Message-ID: <{f.message_id}>",
        "",
        f"Reference: {f.proof}",
        "",
        *_wrapped(f"A machine at {f.helo} wrote this; it may be deleted. Questions: postmaster@{f.bounce_domain}"),
    ]


def _note(f: Particulars) -> list[str]:
    """A note of ordinary length."""
    return [
        f"Message-ID: <{f.message_id}>",
        f"Date: {f.when}",
        f"To: <{f.recipient}>",
        f"From: <{f.sender}>",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Transfer-Encoding: 7bit",
        f"Subject: Confirmation of {f.when[:16].strip()}",
        "",
        "Good day,",
        "",
        *_wrapped(
            "with this note we would like to see how a message travels between two mail systems, and how long it takes "
            "on its way. Nobody has to answer it, and it may be deleted."
        ),
        "",
        *_wrapped(f"It was written by a program. Who runs it is told at {f.page} and by writing to"),
        f"<postmaster@{f.bounce_domain}>.",
        "",
        f"Code: {f.proof}",
        "",
        "With kind regards",
        "the post room",
    ]


def _report(f: Particulars) -> list[str]:
    """A longer one, with a table, as programs send them."""
    return [
        f"Date: {f.when}",
        f"Message-ID: <{f.message_id}>",
        f"From: Nightly <{f.sender}>",
        f"To: <{f.recipient}>",
        "Subject: Nightly report, all jobs done",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii; format=fixed",
        "Auto-Submitted: auto-generated",
        "",
        *_wrapped("This report is made by a program every time its work is done, and sent to the mailbox above."),
        "",
        "  step                  result",
        "  --------------------  --------------------------",
        "  collect               done",
        "  sort                  done, nothing left over",
        "  hand to the next one  done with this message",
        "",
        f"  Ticket: {f.proof}",
        "",
        *_wrapped(
            "What it is for. The program sees to it that mail which is handed to one system comes out of another one, "
            "unchanged and in time. The line above tells it which message has arrived. There is no attachment, nothing "
            "is to be clicked, and no answer is expected; who finds this report in a queue or in a mailbox of his own "
            "may delete it."
        ),
        "",
        *_wrapped(
            f"Whose program it is: see {f.page} or write to postmaster@{f.bounce_domain}, where people read "
            "what comes, and will leave you in peace if you ask for it."
        ),
    ]


#: The wordings in order; a letter bears the number of its own.
WORDINGS: tuple[Callable[[Particulars], list[str]], ...] = (_outright, _slip, _note, _report)
#: Those that no probe is known by.
NEUTRAL = tuple(range(1, len(WORDINGS)))


@lru_cache(maxsize=256)  # every paragraph is the same in all letters of a test; wrapping is most of the work
def _wrapped(text: str, indent: str = "") -> tuple[str, ...]:
    wrapped = textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
    return tuple(wrapped)


def _with_word(lines: Iterable[str], word: str) -> tuple[str, ...]:
    """Lines of a folded header field with one more short word at their end."""
    *first, end = lines
    last = f"{end} {word}"
    return (*first, last) if len(last) <= WIDTH else (*first, end, f" {word}")
