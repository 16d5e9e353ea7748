"""Which program a mail server is, by what it says of itself. A guess for advice, never for a verdict.

Pure data and one function. Patterns are held against bounded text; the first that fits wins, so that a stack which
ships Postfix under a name of its own comes before Postfix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum


class Software(StrEnum):
    """Programs and stacks that there is advice for."""

    MAILCOW = "mailcow"
    MAILU = "mailu"
    DOCKER_MAILSERVER = "docker-mailserver"
    ZIMBRA = "zimbra"
    STALWART = "stalwart"
    HARAKA = "haraka"
    POSTFIX = "postfix"
    EXIM = "exim"
    SENDMAIL = "sendmail"
    OPENSMTPD = "opensmtpd"
    COURIER = "courier"
    EXCHANGE = "exchange"
    UNKNOWN = "unknown"


#: Octets of each text that are looked at.
MOST = 4096

#: Stacks that are known by the names of their hosts, too; what a host is called says nothing of its program.
_STACKS = frozenset({Software.MAILCOW, Software.MAILU, Software.DOCKER_MAILSERVER, Software.ZIMBRA})
_HOSTS = re.compile(
    r"(?<![\w.-])[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,9}\.[A-Za-z][A-Za-z0-9-]{1,62}(?![\w-])"
)
#: What each says: Postfix, Exim, Sendmail, OpenSMTPD and Courier as Debian 12 ships them; "Postcow" is mailcow's
#: smtpd_banner; docker-mailserver and Mailu are known where their own host names stand in the trace, and Zimbra, which
#: greets as the Postfix that it ships, where a host is named for it. Stalwart and Haraka by what they greet with and
#: write into a trace (https://haraka.github.io/plugins/relay). What is a piece of a longer name is no program.
_PATTERNS: tuple[tuple[Software, re.Pattern[str]], ...] = (
    (Software.MAILCOW, re.compile(r"\bpostcow\b|\bmailcow", re.I)),
    (Software.MAILU, re.compile(r"\bmailu\b", re.I)),
    (Software.DOCKER_MAILSERVER, re.compile(r"\bdocker-mailserver\b", re.I)),
    (Software.ZIMBRA, re.compile(r"\bzimbra[^\n]{0,300}\bpostfix\b(?!-[a-z])", re.I)),
    (Software.STALWART, re.compile(r"\bstalwart (?:e?smtp|mail)\b", re.I)),
    (Software.HARAKA, re.compile(r"(?<!-)\bharaka\b(?!-[a-z])", re.I)),
    (Software.POSTFIX, re.compile(r"(?<!-)\bpostfix\b(?!-[a-z])", re.I)),
    (Software.EXIM, re.compile(r"(?<!-)\bexim\b(?!-[a-z])", re.I)),
    (Software.OPENSMTPD, re.compile(r"(?<!-)\bopensmtpd\b(?!-[a-z])", re.I)),
    (Software.COURIER, re.compile(r"(?<!-)\bcourier\b(?!-[a-z])", re.I)),
    (
        Software.SENDMAIL,
        re.compile(r"(?<!-)\bsendmail\b(?!-[a-z])|(?<![\w.])8\.\d{1,2}\.\d{1,2}/8\.\d{1,2}\.\d{1,2}(?!\.?\d)", re.I),
    ),
    (Software.EXCHANGE, re.compile(r"\bmicrosoft (?:esmtp|smtpsvc|smtp server|exchange)\b|\bsmtpsvc\b", re.I)),
)


def software(texts: Iterable[str]) -> Software:
    """The program that these texts name (greeting, EHLO reply, its own trace line), most telling first.

    Each is looked at for its first 4,096 characters. `Software.UNKNOWN` where none names one.
    """
    for text in texts:
        said = text[:MOST]
        bare = _HOSTS.sub(" ", said)
        for found, pattern in _PATTERNS:
            if pattern.search(said if found in _STACKS else bare):
                return found
    return Software.UNKNOWN
