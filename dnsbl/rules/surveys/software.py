"""A greeting -> which program in which version. A guess for a table, never for a verdict.

Pure data and one function. Programs of our days are known by `tester.cause`; here stand their versions, and programs
that the surveys of around 2000 met, by the greetings that their makers' manuals and public archives show."""

from __future__ import annotations

import re

from tester.cause import Software, software

#: Octets of a greeting that are looked at.
MOST = 512

_V = r"\W{0,3}(?:v(?:ersion)?:?\s?)?(?P<version>[0-9][0-9A-Za-z.-]{0,15}%s)?"
_BUILD = r"(?: [0-9]+-[0-9]+)?"  # as IMail writes it
#: What a greeting says -> the name in the table; the first that fits wins.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(f"(?:{pattern})" + _V % more, re.I))
    for name, pattern, more in (
        ("MERAK", r"\bmerak\b", ""),
        ("Exchange", r"\bmicrosoft exchange internet mail (?:service|connector)\b", ""),
        ("Netscape Mail Server", r"\bnetscape mail server\b", ""),
        ("IMail", r"\bimail\b", _BUILD),
        ("ArGoSoft", r"\bargosoft mail server(?: (?:freeware|plus|pro))?\b,?", ""),
        ("GroupWise Internet Agent", r"\bgroupwise internet agent\b", ""),
        ("Lotus Domino", r"\blotus domino release\b|\bdomino\b", ""),
        ("Sendmail", r"\bsendmail\b", r"(?:/[0-9][0-9A-Za-z.]{0,15})?"),
        ("Exim", r"\bexim\b", ""),
        ("Postfix", r"\bpostfix\b", ""),
        ("qmail", r"\bqmail\b", ""),
        ("Courier", r"\bcourier\b", ""),
        ("OpenSMTPD", r"\bopensmtpd\b", ""),
        ("Microsoft SMTP", r"\bmicrosoft esmtp mail service\b,?", ""),
    )
)
#: Those that say a longer version than people name.
_CUT = {"Exchange": 2}
#: What `tester.cause` calls them -> what the table does.
_KNOWN = {Software.DOCKER_MAILSERVER: "docker-mailserver", Software.MAILCOW: "mailcow"}


def product(greeting: str) -> tuple[str, str]:
    """The program that a greeting (escaped) names, and its version or ""; ("", "") where it names none."""
    text = greeting[:MOST]
    found = software([text])
    if found in _KNOWN:
        return _KNOWN[found], ""
    for name, pattern in _PATTERNS:
        if match := pattern.search(text):
            version = (match["version"] or "").rstrip(".-")
            return name, ".".join(version.split(".")[: _CUT.get(name)])
    return ("", "") if found is Software.UNKNOWN else (found.value.capitalize(), "")
