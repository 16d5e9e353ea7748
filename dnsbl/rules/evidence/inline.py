"""Whether a message forwards another one in its own text, where nobody can find the other one's Received lines. Pure.

Two signs together: a subject that says so, or words that only a forward has; and below them the other message's fields
in the text, as mail programs put them there in their user's language. A reply quotes without the first sign, and a spam
that plays a reply ("Re:") is what it is: spam. The subject alone is a doubt: spam plays forwards, too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.errors import MessageError
from email.header import decode_header, make_header

from dnsbl.rules.evidence import mime

#: Octets of each text part that are looked at.
_TEXT = 64 * 1024

_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,40}\]\s*)?(?:fwd?|wg|weitergeleitet|tr|rv|enc|i|inoltra|doorst|fs|vs|vb|vl|videresendt|pd|ynt|ilt|"
    r"továbbítás|π|προωθ|пересл|转发|轉寄|転送)\s*(?:\[\d+\])?\s*[::]",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"""(?ix) ^[>\ \t*_-]{0,60} (?:
        begin\ forwarded\ message | forwarded\ message | forwarded\ by | anfang\ der\ weitergeleiteten
        | weitergeleitete\ nachricht | weitergeleitete\ message | début\ du\ message\ (?:transféré|réexpédié)
        | message\ (?:transféré|réexpédié) | mensaje\ reenviado | inicio\ del\ mensaje\ reenviado
        | messaggio\ (?:inoltrato|in\ inoltro) | inizio\ messaggio\ inoltrato | doorgestuurd\ bericht
        | begin\ doorgestuurd\ bericht | mensagem\ (?:encaminhada|reencaminhada) | início\ da\ mensagem\ encaminhada
        | пересылаемое\ сообщение | переадресованное\ сообщение | początek\ (?:przekazywanej|przekazanej)
        | wiadomość\ przekazana | vidarebefordrat\ meddelande | videresendt\ (?:besked|melding) | 转发邮件 | 転送 )""",
    re.MULTILINE,
)
_FIELD = re.compile(
    r"""(?ix) ^[>\ \t*|]{0,20} (from|sent|date|to|subject|reply-to | von|gesendet|datum|an|betreff
        | de|envoyé|à|objet|expéditeur | enviado|enviada|fecha|para|asunto|assunto|data
        | da|inviato|a|oggetto | van|verzonden|aan|onderwerp | fra|dato|til|emne|från|skickat|ämne|till
        | od|wysłano|do|temat | от|отправлено|кому|тема|дата | 发件人|发送时间|收件人|主题 | 差出人|送信日時|宛先|件名)
        \*?\s*[::]""",
    re.MULTILINE,
)
_RECEIVED = re.compile(r"^[> \t|]{0,20}received:\s+(?:from|by)\s", re.IGNORECASE | re.MULTILINE)
_TAGS = re.compile(r"<[^<>]{0,500}>")
_BREAKS = re.compile(r"<(?:br|/p|/div|/tr|/td|p|div|tr)\b[^<>]{0,200}>", re.IGNORECASE)


def says_so(header: dict[str, str]) -> bool:
    """Whether the subject of a message says that it is a forward."""
    return bool(_SUBJECT.match(decoded(header.get("subject", ""))))


def forwards(header: dict[str, str], leaves: Sequence[mime.Leaf]) -> bool:
    """Whether this message, by its header and its text parts, is such a forward."""
    says = says_so(header)
    for leaf in leaves:
        if leaf.kind not in ("text/plain", "text/html", ""):
            continue
        text = leaf.body[:_TEXT].decode("utf-8", "replace")
        if "\ufffd" in text[:-1]:
            text = leaf.body[:_TEXT].decode("latin-1")
        if leaf.kind == "text/html":
            text = _TAGS.sub("", _BREAKS.sub("\n", text)).replace("&nbsp;", " ")
        if (says or _FORWARDED.search(text)) and _quotes_fields(text):
            return True
    return False


def _quotes_fields(text: str) -> bool:
    """Whether the text holds another message's fields: three different ones on lines close together."""
    if _RECEIVED.search(text):
        return True
    found = [(match.start(), match[1].lower()) for match in _FIELD.finditer(text)]
    return any(
        found[n + 2][0] - found[n][0] < 600 and len({name for _, name in found[n : n + 3]}) == 3
        for n in range(len(found) - 2)
    )


def decoded(subject: str) -> str:
    """A subject field, encoded words (RFC 2047) made readable as far as that goes."""
    try:
        return str(make_header(decode_header(subject[:500])))
    except (ValueError, LookupError, MessageError):
        return subject
