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
_TOKEN = re.compile(rf"(?<![a-z2-7])[a-z2-7]{{{TOKEN}}}(?![a-z2-7])", re.IGNORECASE)
# A word is tried from its start only, so that the work grows with the length of a line and no faster.
_MAILBOX = re.compile(
    r"""(?:"[^"]{1,64}"|(?<![^\s<>()\[\],;:"@\\])[^\s<>()\[\],;:"@\\]+)(?:@(?:[A-Za-z0-9._-]+|\[[^\]\s]{1,64}\]))+"""
)


def discretion(settings: Settings) -> Callable[[str], str]:
    """What to put every escaped text of a stranger through before it is published: `discreet`, bounded."""
    ours = settings.tester.domains
    return lambda text: discreet(text[:2000], ours)[:CHARACTERS]


def redact(text: str) -> str:
    """Escaped text without proofs: each is replaced by its SHA-256."""

    def run(found: re.Match[str]) -> str:
        word = found[0]
        if word.startswith("\\") or len(word) < _PROOF_LENGTH or len(word) == TOKEN:
            return word
        return f"[proof withheld, SHA-256 {sha256(word.lower().encode()).hexdigest()}]"

    return _RUN.sub(run, text)


def discreet(text: str, ours: frozenset[str]) -> str:
    """Escaped text without proofs and without other people's mail addresses."""

    def mailbox(found: re.Match[str]) -> str:
        _, _, domain = found[0].partition("@")
        return found[0] if domain.rstrip(".").lower() in ours or _TOKEN.search(found[0]) else "[address withheld]"

    return redact(_MAILBOX.sub(mailbox, text))
