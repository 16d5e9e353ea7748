"""What people have written to the list, and what operators answer. An answer goes out as every mail of ours does, by
the queue, and the journal says who has answered which message, not what. What came to `remove@` and was told by machine
what comes of it is answered too, by the list."""

from __future__ import annotations

from email.utils import parseaddr
from typing import TYPE_CHECKING

from dnsbl.casework.base import answered, message_subject
from dnsbl.clock import Clock
from dnsbl.errors import NotFound, Refused
from dnsbl.model import Entry, Notice, Return
from dnsbl.rules import written
from dnsbl.rules.keeping import INBOX
from dnsbl.rules.notices import LINES_MOST
from dnsbl.store import Store
from dnsbl.vocabulary import Refusal
from tester.received.fields import fields

if TYPE_CHECKING:
    from dnsbl.casework.posting import Posting

#: Characters of an answer.
ANSWER_MOST = 8000


class Correspondence:
    """The inbox, a page at a time, and answers."""

    def __init__(self, store: Store, clock: Clock, posting: Posting) -> None:
        self._store = store
        self._clock = clock
        self._posting = posting

    @property
    def on(self) -> bool:
        """Whether answers can go out here."""
        return self._posting.on

    def page(self, before: int | None = None, *, most: int) -> list[tuple[Return, str]]:
        """The heads of messages, newest first, behind the one of this number; each with what `answered` says, or ""."""
        with self._store.read() as tx:
            found = tx.returns.page(INBOX, before, most=most)
            said = answered(tx, [one.id for one in found])
            return [(one, said.get(one.id, "")) for one in found]

    def read(self, number: int) -> tuple[Return, list[Entry]]:
        """One message whole, and the entries about it. Raises NotFound."""
        with self._store.read() as tx:
            found = tx.returns.read(number)
            if found is None or found.finding not in INBOX:
                raise NotFound(f"There is no message {number}.")
            return found, tx.journal.read(message_subject(number), most=50)

    def answer(self, number: int, text: str, *, actor: str) -> Notice:
        """Queue an answer to whoever has sent a message. Raises NotFound, and Refused where nobody could get it."""
        said = text.strip().replace("\r\n", "\n")
        if not said or len(said) > ANSWER_MOST or said.count("\n") >= LINES_MOST:
            raise Refused(Refusal.TOO_LARGE, f"An answer has a text, of at most {LINES_MOST} lines.")
        message, _ = self.read(number)
        head = dict(reversed(tuple(fields(message.message))))
        to, subject = sender_of(message), written.field(message.message, "subject")[:150]
        with self._store.write() as tx:
            queued = self._posting.queue(
                tx,
                "answer",
                to,
                {"text": said, "subject": subject if subject.lower().startswith("re:") else f"Re: {subject}"},
                subject=message_subject(number),
                actor=actor,
                now=self._clock.now(),
                answers=head.get("message-id", b"").decode("ascii", "replace"),
            )
        if queued is None:
            raise Refused(
                Refusal.OFF,
                "No answer goes there: no smarthost is set, or its sender has no address that gets mail of ours today.",
            )
        return queued


def sender_of(message: Return) -> str:
    """Whom an answer would go to, by what the message says itself, which may be a lie; or ""."""
    head = dict(reversed(tuple(fields(message.message))))
    for name in ("reply-to", "from"):
        address = parseaddr(head.get(name, b"")[:1000].decode("ascii", "replace"))[1]
        if "@" in address:
            return address
    return ""
