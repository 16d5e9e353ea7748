"""What a message says in its own words: its text above the copy of what it answers.

Pure. A bounce without a status part, a vacation note and a person's answer all quote our letter; what they say
themselves stands before it. Judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tester.mime import Part, worded
from tester.records import dataclass

_MOST = 16 * 1024  # characters of own text that are read
_TEXTS = 5  # text parts that are read

_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9-]{1,40}[ \t]?:(?:\s|$)")
#: Fields that no summary of a letter shows: with two others beside them they begin its copy.
_HEADER = re.compile(r"(?:received|return-path|message-id|mime-version|dkim-signature|auto-submitted)[ \t]?:", re.I)
_LETTER = "automatic test of the mail server"  # the first words of our letter, where only its text is quoted
_QUOTE = re.compile(r"\s{0,9}(?!>>>)[>|]")  # the ">>> RCPT TO" of a transcript is none
_PREFIX = re.compile(r"^(?:[>|]\s?)*")
#: Lines that name the recipient as the letter did, and say nothing of its fate.
_ADDRESSED = re.compile(
    r"\s*(?:to|cc|an|à|para|a|aan|do|dla|komu|кому|till|til|宛先|收件人|수신|"
    r"message-id|references|in-reply-to|received|envelope-to|delivered-to|x-[\w-]{1,40}|for)\s*:",
    re.I,
)
_GAPS = re.compile(r"\s+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Own:
    """A message's own words."""

    subject: str  #: decoded, lower case, blanks put together
    text: str  #: the same of the text above the copy
    named: str  #: what of the text may name a recipient and its fate: lower case, without any blanks

    def names(self, recipient: str) -> bool:
        """Whether the recipient is named in the message's own words."""
        return recipient in self.named


def read(subject: bytes, parts: Iterable[Part]) -> Own:
    """The own words of a message, at most 16 Ki characters of them."""
    texts = [part for part in parts if part.kind.startswith("text/") and not part.copied][:_TEXTS]
    lines = [line for part in texts for line in _above_copy(part.text[: 4 * _MOST].split("\n"))]
    text = "\n".join(lines)[:_MOST]
    naming = (line for line in text.split("\n") if not _QUOTE.match(line) and not _ADDRESSED.match(line))
    return Own(
        subject=_plain(worded(subject)),
        text=_plain(text),
        named=_GAPS.sub("", "\n".join(naming)).lower(),
    )


def _above_copy(lines: list[str]) -> Iterator[str]:
    """The lines before the first that begins a copy: a block of header fields, or the first words of our letter.

    Known by their form and not by a line that announces them, which every server writes in its own way and language.
    """
    at = 0
    while at < len(lines):
        end, fields, header = at, 0, False
        while end < len(lines):
            bare = _PREFIX.sub("", lines[end][:1000])
            if _FIELD.match(bare):
                fields += 1
                header = header or bool(_HEADER.match(bare))
            elif not (end > at and bare[:1] in (" ", "\t") and bare.strip()):
                break
            end += 1
        if fields >= 3 and header:
            return
        end = max(end, at + 1)
        for line in lines[at:end]:
            if _LETTER in line:
                return
            yield line
        at = end


def _plain(text: str) -> str:
    return _GAPS.sub(" ", text.replace("’", "'")).strip().lower()
