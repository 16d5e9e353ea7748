"""What is offered to one server: of each letter an attempt, with the exact bytes of its envelope and its message.

Pure. Issues no letter and keeps none: the caller brings letters (which it has stored first), names, keys, the time and
a way to sign. Never decides what a form proves; leaves one out where `vectors` says so, and says why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from tester import canary, vectors
from tester import letter as letters
from tester.letter import Keyring, Letter, Sender
from tester.records import dataclass
from tester.smtp import Attempt, Opening
from tester.vectors import Names
from tester.wordings import NEUTRAL

#: Signs a whole message (CRLF lines) and returns it with the signature in front.
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Offerer:
    """Who offers a form: under which names, in whose words and with whose signature."""

    names: Names
    sender: Sender
    sign: Sign | None = None  #: None: unsigned
    opening: Opening | None = None  #: what another stranger's connection begins with; None: what the form asks for


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
    proofs: Mapping[str, str] = MappingProxyType({}),
    other: Offerer | None = None,
) -> list[Attempt]:
    """An attempt for each issued letter, in their order.

    `names` are the server's and ours as the envelopes spell them, `sender` who we say we are in the message, `greeting`
    what the server said of itself (bounded, hostile), `nomination` the reference under which it was nominated, `date`
    the time in epoch seconds, `sign` what signs a message (None: unsigned), `off` the ids of forms that are switched
    off, `proofs` are the secrets of letters that are somebody else's, by recipient token, `other` who offers the forms
    of another stranger (None: we, in other words). A form that is left out has an attempt without bytes whose `skip`
    says why. No letter is written or signed yet: its attempt does that when it is asked for the bytes, which most
    servers never let come to pass. Raises KeyError for a vector that is not in the catalogue, ForgedToken when a
    letter's key is gone.
    """
    usual = Offerer(names=names, sender=sender, sign=sign)
    attempts = []
    for one in issued:
        vector = vectors.CATALOGUE[one.vector]
        by = (other or _in_other_words(usual)) if vector.stranger else usual
        if skip := vectors.left_out(vector, by.names, greeting=greeting, off=off):
            attempts.append(Attempt(vector=vector.id, token=one.recipient, mail=b"", rcpt=b"", skip=skip))
            continue
        paths = vectors.envelope(vector, by.names, sender=one.sender, recipient=one.recipient)
        domain = by.names.third_domain if "{X}" in vector.rcpt else by.sender.collector_domain
        write = partial(
            letters.write,
            one,
            proof=proofs.get(one.recipient) or letters.proof(keyring, one),
            sender=by.sender,
            nomination=nomination,
            date=date,
            mail_to=f"{one.recipient}@{domain}",
        )
        attempts.append(
            Attempt(
                vector=vector.id,
                token=one.recipient,
                mail=paths.mail,
                rcpt=paths.rcpt,
                write=partial(_finished, vector.id, write, by.sign),
                odd=vector.odd,
                helo=vectors.helo(vector, by.names),
                opening=by.opening or vectors.opening(vector, by.names),
                stranger=vector.stranger,
            )
        )
    return attempts


def _finished(form: str, write: Callable[[], bytes], sign: Sign | None) -> bytes:
    """Signed, unless it bears bytes that a signature cannot be trusted to survive."""
    message = write()
    if form == canary.FORM:
        return canary.laid(message)
    return sign(message) if sign else message


def _in_other_words(usual: Offerer) -> Offerer:
    """The same, in a wording that the usual letters do not have, and on a connection of its own."""
    wording = next(number for number in NEUTRAL if number != usual.sender.wording)
    names = usual.names
    third = names.third_domain or (names.bounce_domain if names.bounce_domain != names.collector_domain else "")
    return Offerer(
        names=replace(names, third_domain=third),
        sender=replace(usual.sender, wording=wording),
        sign=usual.sign,
        opening=Opening(remark=f"the same names, wording {wording}"),
    )
