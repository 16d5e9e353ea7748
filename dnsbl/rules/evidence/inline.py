"""Whether a message forwards another one in its own text, where nobody can find the other one's Received lines. Pure.

Two signs together: a subject that says so, or words that only a forward has; and below them the other message's fields
in the text, as mail programs put them there in their user's language. A reply quotes without the first sign, and a spam
that plays a reply ("Re:") is what it is: spam. Either sign alone is a doubt: spam plays forwards, too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence

from dnsbl.rules.evidence import mime
from tester.mime import told

#: Octets of each text part that are looked at.
_TEXT = 64 * 1024

_SUBJECT = re.compile(
    r"\s*(?:\[[^\]]{0,40}\]\s*)?(?:fwd?|wg|weitergeleitet|tr|rv|enc|i|inoltra|doorst|fs|vs|vb|vl|videresendt|pd|ynt|ilt|"
    r"továbbítás|π|προωθ|пересл|转发|转寄|轉寄|転送|전달|ilet)\s*(?:\[\d+\])?\s*[:\uff1a]",
    re.IGNORECASE,
)
_FORWARDED = re.compile(
    r"""(?ix) ^[>\ \t*_=-]{0,60} (?:
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
        \*?\s*[:\uff1a]""",
    re.MULTILINE,
)
_RECEIVED = re.compile(r"^[> \t|]{0,20}received:\s+(?:from|by)\s", re.IGNORECASE | re.MULTILINE)
#: How subjects of answers begin; after "Answer: Buy now" nothing was forwarded.
_REPLY = re.compile(
    r"(?i)(?:re|aw|sv|antw|odp|ynt|vs|ref|r|ответ|回复|回覆|答复|返信|답장|res|rif|αα|απ|bls)(?:\s*\[\d+\])?"
)
_MAILBOX = re.compile(r"[<\[](?:mailto:)?[^<>@\s]{1,100}@[^<>@\s]{1,100}[>\]]")
_WHEN = re.compile(r"(?<!\d)20\d\d(?!\d).*?(?<![\d.:])\d{1,2}[:.]\d\d(?![\d.])")
_CUT = re.compile(rb"[\xc2-\xf4][\x80-\xbf]{0,2}\Z")
_TAGS = re.compile(r"<[^<>]{0,500}>")
_BREAKS = re.compile(r"<(?:br|/p|/div|/tr|/td|p|div|tr)\b[^<>]{0,200}>", re.IGNORECASE)


def says_so(header: dict[str, str]) -> bool:
    """Whether the subject of a message says that it is a forward."""
    return bool(_SUBJECT.match(mime.readable(header.get("subject", ""))))


def forwards(header: dict[str, str], leaves: Sequence[mime.Leaf]) -> bool:
    """Whether this message, by its header and its text parts, is such a forward."""
    says, subject = says_so(header), mime.readable(header.get("subject", ""))
    return any(
        ((says or _FORWARDED.search(text)) and _quotes_fields(text)) or _quotes_subject(text, subject)
        for text in _texts(leaves)
    )


def holds_another(header: dict[str, str], leaves: Sequence[mime.Leaf]) -> bool:
    """Whether its text holds another message's fields, or words of a forward, though it is not known for one: a doubt.

    A reply quotes fields, too, and says so in its subject; lines of a trace it does not quote.
    """
    reply = bool(_REPLY.fullmatch(mime.readable(header.get("subject", "")).partition(":")[0].strip().lower()))
    return any(
        _RECEIVED.search(text) or (not reply and (_FORWARDED.search(text) or _quotes_fields(text) or _heads(text)))
        for text in _texts(leaves)
    )


def _texts(leaves: Sequence[mime.Leaf]) -> Iterator[str]:
    """The texts of a message, as a reader sees them, as far as they are looked at."""
    for leaf in leaves:
        if leaf.kind in ("text/plain", "text/html", ""):
            text = told(_whole(leaf.body[:_TEXT]), leaf.charset)
            if leaf.kind == "text/html":
                text = html.unescape(_TAGS.sub("", _BREAKS.sub("\n", text))).replace("\xa0", " ")
            yield text


def _whole(body: bytes) -> bytes:
    """Octets without a letter of UTF-8 that was cut in two at their end."""
    return body.decode("utf-8", "ignore").encode() if _CUT.search(body) else body


def _quotes_subject(text: str, subject: str) -> bool:
    """Whether three lines in a row are of the form "word: text", one with a mailbox, and another one repeats what
    stands behind the first word of the message's own subject: so a forward reads in any language. A reply quotes such
    a block too, and says so in its subject."""
    word, _, rest = subject.replace("\uff1a", ":").partition(":")
    word, rest = word.strip().lower(), " ".join(rest.split())
    if not rest or _REPLY.fullmatch(word):
        return False
    lines = _lines(text)
    for n, line in enumerate(lines):
        label, _, value = line.partition(":")
        if value.strip("* ") == rest and label.strip("* ").lower() != word:
            block = [each for each in lines[max(n - 3, 0) : n + 3] if _labelled(each)]
            if len(block) >= 3 and any("@" in each for each in block):
                return True
    return False


def _heads(text: str) -> bool:
    """Whether three lines in a row are of the form "word: text", one with a mailbox, one with a day and its time."""
    lines = _lines(text)
    return any(
        all(map(_labelled, block)) and any(map(_MAILBOX.search, block)) and any(map(_WHEN.search, block))
        for block in zip(lines, lines[1:], lines[2:], strict=False)
    )


def _lines(text: str) -> list[str]:
    lines = (" ".join(line.lstrip("> \t|*").replace("\uff1a", ":").split()) for line in text.split("\n"))
    return [line for line in lines if line]


def _labelled(line: str) -> bool:
    label, colon, value = line.partition(":")
    return bool(colon and value and label.strip("* ")) and len(label) <= 30


def _quotes_fields(text: str) -> bool:
    """Whether the text holds another message's fields: three different ones on lines close together."""
    if _RECEIVED.search(text):
        return True
    found = [(match.start(), match[1].lower()) for match in _FIELD.finditer(text)]
    return any(
        found[n + 2][0] - found[n][0] < 600 and len({name for _, name in found[n : n + 3]}) == 3
        for n in range(len(found) - 2)
    )
