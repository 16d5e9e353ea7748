"""What is left out of others' words before they are published or sent to anybody: proofs, and other people's addresses.

Pure. A proof is replaced by its SHA-256, so that nobody can send our letter for somebody else; mail addresses that are
neither ours nor carry a token of ours are other people's business. Takes text that is escaped to printable ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256

from dnsbl.settings import Settings
from tester.letter import TOKEN

#: Characters of a line that are shown.
CHARACTERS = 300
#: An escape sequence, or a run of the alphabet of tokens and proofs; an escape is never part of the run behind it.
_RUN = re.compile(r"\\(?:x[0-9a-f]{2}|.)|[a-z2-7]+", re.IGNORECASE)
_PROOF_LENGTH = 26
_TOKEN = re.compile(rf"(?<![a-z2-7])[rs][a-z2-7]{{{TOKEN - 1}}}(?![a-z2-7])", re.IGNORECASE)
# A word is tried from its start only, so that the work grows with the length of a line and no faster. Octets beyond
# ASCII are letters of a mailbox too (RFC 6531 3.3); comments may stand around its "@" (RFC 5322 3.4.1).
_BEYOND = r"\\x[89a-f][0-9a-f]"
_MAILBOX = re.compile(
    rf"""(?P<local>"(?:\\\\.|\\[^\\]|[^"\\])*"
    |(?<![^\s<>()\[\],;:"@\\])(?:[^\s<>()\[\],;:"@\\]|{_BEYOND})+)
    (?P<domain>(?:(?:\s{{0,9}}\([^()]*\))*\s{{0,9}}@(?:\s{{0,9}}\([^()]*\))*\s{{0,9}}
    (?:(?:[A-Za-z0-9._-]|{_BEYOND})+|\[[^\]\s]{{1,64}}\]?))+)""",
    re.VERBOSE,
)
#: In the local part of a mailbox, what has it hold another mailbox: our host would pass that on.
_WITHIN = re.compile(r"[%!=@]")


def discretion(settings: Settings) -> Callable[[str], str]:
    """What to put every escaped text of a stranger through before it is published: `discreet`, bounded."""
    ours = settings.tester.domains
    return lambda text: discreet(text[:2000], ours)[:CHARACTERS]


def redact(text: str) -> str:
    """Escaped text without proofs: each is replaced by its SHA-256."""

    def run(found: re.Match[str]) -> str:
        word = found[0]
        if len(word) < _PROOF_LENGTH or _TOKEN.fullmatch(word):
            return word
        return f"[proof withheld, SHA-256 {sha256(word.lower().encode()).hexdigest()}]"

    return _RUN.sub(run, text)


def discreet(text: str, ours: frozenset[str]) -> str:
    """Escaped text without proofs and without other people's mail addresses."""

    def mailbox(found: re.Match[str]) -> str:
        local, domain = found["local"], found["domain"].strip().removeprefix("@").rstrip(".").lower()
        if _TOKEN.search(local) or (domain in ours and not _WITHIN.search(local)):
            return found[0]
        return "[address withheld]"

    return redact(_MAILBOX.sub(mailbox, text))
