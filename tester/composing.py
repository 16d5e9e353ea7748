"""What is offered to one server: of each letter an attempt, with the exact bytes of its envelope and its message.

Pure. Issues no letter and keeps none: the caller brings letters (which it has stored first), names, keys, the time and
a way to sign. Never decides what a form proves; leaves one out where `vectors` says so, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from tester import letter as letters
from tester import vectors
from tester.letter import Keyring, Letter, Sender
from tester.smtp import Attempt
from tester.vectors import Names

#: Signs a whole message (CRLF lines) and returns it with the signature in front.
Sign = Callable[[bytes], bytes]


def compose(
    issued: Iterable[Letter],
    *,
    keyring: Keyring,
    names: Names,
    sender: Sender,
    greeting: bytes,
    nomination: str,
    date: float,
    sign: Sign | None = None,
    off: Collection[str] = (),
) -> list[Attempt]:
    """An attempt for each issued letter, in their order.

    `names` are the server's and ours as the envelopes spell them, `sender` who we say we are in the message, `greeting`
    what the server said of itself (bounded, hostile), `nomination` the reference under which it was nominated, `date`
    the time in epoch seconds, `sign` what signs a message (None: unsigned), `off` the ids of forms that are switched
    off. A form that is left out has an attempt without bytes whose `skip` says why; nothing is written for it. Raises
    KeyError for a vector that is not in the catalogue, ForgedToken when a letter's key is gone.
    """
    attempts = []
    for one in issued:
        vector = vectors.CATALOGUE[one.vector]
        if skip := vectors.left_out(vector, names, greeting=greeting, off=off):
            attempts.append(Attempt(vector=vector.id, token=one.recipient, mail=b"", rcpt=b"", message=b"", skip=skip))
            continue
        paths = vectors.envelope(vector, names, sender=one.sender, recipient=one.recipient)
        message = letters.write(
            one,
            proof=letters.proof(keyring, one),
            sender=sender,
            nomination=nomination,
            date=date,
            mail_to=f"{one.recipient}@{sender.collector_domain}",
        )
        attempts.append(
            Attempt(
                vector=vector.id,
                token=one.recipient,
                mail=paths.mail,
                rcpt=paths.rcpt,
                message=sign(message) if sign else message,
                odd=vector.odd,
                helo=vectors.helo(vector, names),
                opening=vectors.opening(vector, names),
            )
        )
    return attempts
