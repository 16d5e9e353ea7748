"""Whether a line tells that its client was a user of the server and no stranger: one who had logged in, or who did not
come over SMTP.

Pure. Says what the words are, not whether they are true: a line is as good as who wrote it.
"""

from __future__ import annotations

import re

from tester.received.line import Hop

#: Transmission types that tell of a login (RFC 3848, RFC 6531 4.3), and an old custom; behind a program's name, too.
_TYPE = re.compile(r"(?:\w{1,20} )?(?:(?:UTF8)?(?:E?SMTP|LMTP)S?A\b|ASMTP\b)", re.IGNORECASE)
#: The same in the words of mail programs: Postfix, Sendmail, Exim, Courier, qmail and others.
_WORDS = re.compile(
    r"authenticated\b|\bauth(?:enticated)?[ =:]+(?:user|login|plain|cram|digest|scram|ntlm|gssapi|xoauth|smtp)"
    r"|\bsmtp-?auth\b|\bauth=pass\b|\blogin=\S|\bsasl\b",
    re.IGNORECASE,
)
_NOT = re.compile(r"\b(?:not|un|no)[- ]?authenticated\b", re.IGNORECASE)
_SMTP = re.compile("SMTP", re.IGNORECASE)


def logged_in(hop: Hop) -> bool:
    """Whether the line says that the client had logged in."""
    return bool(_TYPE.match(hop.protocol) or _WORDS.search(_NOT.sub("", f"{hop.remarks} {hop.raw}")))


def over_smtp(hop: Hop) -> bool:
    """Whether the line tells of a client, and of no other way in than SMTP."""
    return hop.client and (not hop.protocol or bool(_SMTP.search(hop.protocol)))
