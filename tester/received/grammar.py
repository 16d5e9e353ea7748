"""The grammar of one Received field: words, comments, and the clauses that keywords open.

Pure and lenient; one pass over at most a few KiB, without backtracking. Comments nest and hold quoted pairs (RFC 5322
3.2.2), quoted strings hide what looks like syntax (3.2.4), address literals are one word. What the client could write
(its name, its mailbox) may break all of it: a parenthesis without its partner is an ordinary character, so that no
client hides what the server wrote behind it.

Knows nothing of addresses, and nothing of who is to be believed: that is `line`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Literal, NamedTuple

from tester.records import dataclass

#: What may open a clause, once each (RFC 5321 4.4). A word right behind a keyword is its value: a client may call
#: itself "by".
KEYWORDS = frozenset({"from", "by", "with", "id", "for", "via", ";"})

_COMMENTS = 12  # of one clause that are kept; no server writes half as many
_BLANKS = " \t\r\n\f\v"
_LITERAL = re.compile(r"\[[^][()<>\"\\;]{0,80}\]")
_QUOTED = re.compile(r'(?<![^\s<(,;])"(?:[^"\\]|\\.){0,80}+"(?=[\s()@<>;,]|\Z)', re.ASCII | re.DOTALL)
_PLAIN = re.compile(r"[^\s()\";[]+", re.ASCII)
_PAIR = re.compile(r"\\(.)", re.DOTALL)
_CUT = re.compile(r"\s(?=(?:by|with|id|for)\s)|;", re.ASCII | re.IGNORECASE)


class Token(NamedTuple):
    """A word, or a whole comment without its outer parentheses."""

    kind: Literal["word", "comment"]
    text: str


@dataclass(slots=True)
class Clause:
    """What stands behind one keyword."""

    words: list[str] = field(default_factory=list)  #: in order, comments left out
    comments: list[str] = field(default_factory=list)  #: in order, each with all that is nested in it
    ends: bool = True  #: whether the last comment stands behind the last word


def clauses(text: str) -> dict[str, Clause]:
    """The clauses of a Received field by their keywords; "" holds what stands before the first one."""
    found = {"": Clause()}
    current, named = found[""], True  # the clause being read, and whether it has its first value
    for token in tokens(text):
        if token.kind == "comment":
            if len(current.comments) < _COMMENTS:
                current.comments.append(token.text)
            named = current.ends = True
        elif (
            named
            and (keyword := token.text.lower()) in KEYWORDS
            and keyword not in found
            and not (
                keyword == "via" and "for" in found  # whom a mail is for, its sender has said
            )
        ):
            current = found[keyword] = Clause()
            named = False
        else:
            current.words.append(token.text)
            named, current.ends = True, False
    return found


def tokens(text: str) -> Iterator[Token]:
    """The words and comments of `text`, in order.

    The first comment that never ends is cut at the next clause or comment, as lines that were cut short show it.
    """
    partner = _partners(text)
    position, start, torn = 0, 0, False
    while position < len(text):
        char = text[position]
        if char == "(" and (position in partner or not torn):
            if start < position:
                yield Token("word", text[start:position])
            if position in partner:
                end = partner[position]
                yield Token("comment", text[position + 1 : end])
                position = start = end + 1
            else:
                torn, end = True, _end_of_torn(text, position, partner)
                yield Token("comment", text[position + 1 : end])
                position = start = end
            continue
        if char in _BLANKS or char == ";":
            if start < position:
                yield Token("word", text[start:position])
            if char == ";":
                yield Token("word", ";")
            position = start = position + 1
            continue
        position = _past(text, position)
    if start < position:
        yield Token("word", text[start:])


def outermost(comment: str) -> str:
    """A comment's own text: without the comments that are nested in it, which are remarks on what stands before.

    Quoted pairs are taken out: what they hide is no syntax.
    """
    partner = _partners(comment, commented=True)
    kept, position = [], 0
    for opens in sorted(partner):
        if opens >= position:
            kept.append(comment[position:opens])
            position = partner[opens] + 1
    return _PAIR.sub(lambda pair: " " if pair[1] in "()" else "?", " ".join((*kept, comment[position:])))


def _past(text: str, position: int) -> int:
    """Where the piece of a word that begins here ends."""
    match text[position]:
        case "[":
            piece = _LITERAL.match(text, position)
        case '"':
            piece = _QUOTED.match(text, position)
        case _:
            piece = _PLAIN.match(text, position)
    return piece.end() if piece else position + 1


def _partners(text: str, *, commented: bool = False) -> dict[int, int]:
    """Which parenthesis closes which, with quoted pairs inside comments and quoted strings outside passed over."""
    partner: dict[int, int] = {}
    opened: list[int] = []
    position = 0
    while position < len(text):
        char = text[position]
        inside = commented or bool(opened)
        if char == "\\" and inside:
            position += 1
        elif char == "(":
            opened.append(position)
        elif char == ")" and opened:
            partner[opened.pop()] = position
        elif char == '"' and not inside and (quoted := _QUOTED.match(text, position)):
            position = quoted.end() - 1
        position += 1
    return partner


def _end_of_torn(text: str, opens: int, partner: dict[int, int]) -> int:
    """Where a comment without an end is cut: at the next clause, or at the next comment that has its end."""
    cut = _CUT.search(text, opens)
    return min(cut.start() if cut else len(text), min((each for each in partner if each > opens), default=len(text)))
