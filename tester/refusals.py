"""Whom a refusal means: relaying, ourselves, or nobody in particular; read from its words.

Pure: data and one reading, nothing decided. `verdict` asks, since a server that refuses us alone is not closed to the
world, and one whose postmaster address does not work is not open for it. Texts are a stranger's: they come in escaped
and bounded, and whatever stands in angle brackets is left out, where servers repeat addresses of ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto


class Meant(Enum):
    """What a refusal speaks of."""

    RELAYING = auto()  # mail for this recipient is not taken here, from strangers
    TESTER = auto()  # we are not welcome: our address, our name, a list that we stand on
    UNTOLD = auto()  # it does not say


@dataclass(frozen=True, kw_only=True, slots=True)
class Denial:
    """One refusal, read."""

    meant: Meant
    text: str  #: what is left of it without codes, addresses and numbers: equal for one rule of a server


#: Words for "not from strangers, not for others". From the servers' own texts: Postfix, Exim, Sendmail, Courier,
#: OpenSMTPD, qmail, Exchange, Domino, MDaemon, Kerio, IceWarp, IMail, hMailServer, MailEnable, SmarterMail, Haraka,
#: Stalwart, chasquid, James; "user unknown" and its like mean a recipient at our own domain, which is nobody's there.
_RELAYING = re.compile(
    r"\brelay|\bgateway\b|rcpthosts|\bauth(?:entication|enticate|enticated|enticating)?\b|\bnon-?local\b"
    r"|\b(?:not|no|isn't|invalid|unknown|unroutable|undeliverable)\b[^.;]{0,40}"
    r"\b(?:recipients?|users?|mailbox(?:es)?|domains?|hosts?|addresse?s?|local|hosted|here|accounts?|routes?)\b"
    r"|\b(?:recipients?|users?|mailbox(?:es)?|domains?|addresse?s?|accounts?)\b[^.;]{0,30}"
    r"\b(?:unknown|unavailable|not\b|does ?n[o']t|invalid|rejected|no longer|disabled|undeliverable|restricted)"
    r"|\b(?:cannot|can't|can not|unable to|won't|not allowed to|do not|don't) (?:deliver|send|route|forward)\b"
    r"|\bdelivery\b[^.;]{0,20}\bnot\b[^.;]{0,20}\b(?:allowed|permitted)|\bonly\b[^.;]{0,30}\b(?:local|own)\b"
    r"|\bweiterleit|\bempf(?:ae|ä)nger\b|\bunbekannt|\brelais\b|\bdestinataire\b|\bdestinatari|\breenv[ií]o\b"
    r"|\brelé\b|получател|пользовател",
    re.IGNORECASE,
)
#: Words that speak of who connects, greets or sends. They count where nothing speaks of relaying.
_TESTER = re.compile(
    r"\bclient host\b|\b(?:helo|ehlo)\b|\bsender\b|\baccess denied\b|\bblock(?:ed|list|ing)?\b|\bblack ?list|\bbanned\b"
    r"|\b(?:dns|r)bl\b|\bspamhaus\b|\bspamcop\b|\bbarracuda|\bsorbs\b|\breputation\b|\bgo away\b|\bunwelcome\b"
    r"|\b(?:your|this|that) (?:ip|host|server|address|network|system|mail ?server|domain)\b|\byou are\b|\bfrom you\b"
    r"|\breverse dns\b|\bptr\b|\brdns\b|\bhostname\b|\bspf\b|\bgesperrt\b|\bbloqu",
    re.IGNORECASE,
)
_ECHO = re.compile(r"<[^<>]{0,400}>|\"[^\"]{0,200}\"")
_CODES = re.compile(r"\A[245]\d\d\b[ -]?|(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_NUMBERS = re.compile(r"\S*\d\S*|\S+@\S+")
#: Characters of a reply that are read.
MOST = 500


def read(reply: str, *, us: Collection[str] = ()) -> Denial:
    """What the refusal `reply` ("550 5.7.1 text", escaped) speaks of; `us` are our names and addresses, lower case.

    Words for relaying count before all others: servers say "relaying denied" with the client's address beside it. Names
    of ours are no such words, although most of a tester's names speak of relays: who blocks us by name blocks us.
    """
    said = _CODES.sub(" ", reply[:MOST])
    bare = _ECHO.sub(" ", said)
    text = " ".join(_NUMBERS.sub(" ", bare).lower().split())
    lower = bare.lower()
    named = [name for name in us if name and name in lower]
    words = bare
    for name in named:
        if not name.isalpha():  # a word by itself may be one of theirs
            words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", words, flags=re.IGNORECASE)
    if _TESTER_FIRST.search(words) is None and _RELAYING.search(words):
        return Denial(meant=Meant.RELAYING, text=text)
    if named or _TESTER.search(words):
        return Denial(meant=Meant.TESTER, text=text)
    return Denial(meant=Meant.UNTOLD, text=text)


#: Postfix's names for what a rule has looked at stand before its words: a "Client host rejected: ... not authorized"
#: is about the client, whatever follows. "Relay" is stronger: see `_RELAYING`'s first word.
_TESTER_FIRST = re.compile(
    r"\A(?!.*\brelay).*\b(?:client host|helo command|sender address|unverified client) (?:rejected|denied|blocked)",
    re.IGNORECASE | re.DOTALL,
)
