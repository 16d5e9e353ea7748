"""Whom a refusal means: relaying, ourselves, or nobody in particular; read from its words.

Pure: data and one reading, nothing decided. `verdict` asks, since a server that refuses us alone is not closed to the
world, and one whose postmaster address does not work is not open for it. Texts are a stranger's: they come in escaped
and bounded, and whatever stands in angle brackets is left out, where servers repeat addresses of ours.

The order in which words count. A list that we stand on is the end of it, whatever else is said: lists of relays say
"relay" of those whom they list. Then a word for relaying, since servers deny it with the client's address beside it.
Then a demand for a login, unless it is the sender's domain that is to prove itself (SPF). Then the sender and the
client, as Postfix labels them, or as an enhanced code says; a wait, which says nothing of either; the recipient; and
other languages by their nouns.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from enum import Enum, auto
from functools import cached_property

from tester.records import dataclass


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


class _Words:
    """Some words, by any of which a refusal is known. They are made a pattern when a refusal is first read: all of them
    take longer than the rest of a verdict's words, of which everybody knows who looks at tests."""

    def __init__(self, *alternatives: str) -> None:
        self._alternatives = alternatives

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(self._alternatives), re.IGNORECASE)

    def found_in(self, text: str) -> bool:
        return self._pattern.search(text) is not None

    def cut_from(self, text: str) -> str:
        return self._pattern.sub(" ", text)


#: We stand on a list, or are known as who tests; in words that no refusal of relaying has.
_LISTED = _Words(
    r"(?<!not )(?<!n't )\blisted\b|\b(?:black|block|deny|kill)[- ]?list",
    r"\bblocked (?:using|by|at|in|for|due|because|-|see)",
    r"\b(?:dns|r|u)bls?\b|\bblackhole|\bbanned\b|\breputation\b|\bgo away\b|\bunwelcome\b|\bspammers?\b",
    r"\b(?:is|are|as|be|through|by|:) an? (?:\w+ )?open relay|: open relay\b|\bfrom open relays?\b",
    r"\brelay(?:ing)?[- ](?:test|prob|scan|check)|\btesters?\b",
    r"\bnot welcome\b|\b(?:rejected|refused|barred) for (?:scanning|probing|spamming|abuse)\b"
    r"|\b(?:spf|dkim|dmarc)\b[^.;]{0,40}\b(?:fail|reject|invalid|not (?:pass|align))",
    r"\bliste? n(?:oi|e[gr])\w*|\blista negra|ч[её]рн\w* списк|czarn\w+ li[sś]|zwarte lijst|kara liste|sperrliste"
    r"|黑名单|黑名單|ブラックリスト|블랙리스트",
)
#: We are blocked, in words that a denial of relaying may have as well; and where it is relaying that is.
_BARRED = _Words(
    r"\b(?:you|your|client|remote|ip|host)\b[^.;,]{0,40}\b(?:is|are|been|was|were|now) (?:\w+ )?"
    r"(?:(?:blocked|flagged|barred)\b|(?:rejected|refused)\b(?! (?:to )?relay))",
)
_RELAY_BARRED = _Words(r"\brelay(?:ing)?\b[^.;,]{0,60}\b(?:blocked|flagged|barred|rejected|refused)\b")
#: Relaying itself. From the servers' own texts: Postfix, Exim, Sendmail, Courier, OpenSMTPD, qmail, Exchange, Domino,
#: MDaemon, Kerio, IceWarp, IMail, hMailServer, MailEnable, SmarterMail, Haraka, Stalwart, chasquid, James.
_RELAY = _Words(
    r"\brelay|\bgateway(?:ing)?\b|rcpthosts|\bthird[- ]party\b|\bmail (?:through|via|using) (?:this|our|my)\b"
)
#: Other relays than this one: where dial-up lines are refused, "please use the SMTP relay at your service provider".
_ANOTHER_RELAY = _Words(
    r"\b(?:use|using|through|via|contact)\b[^.;]{0,40}\b(?:your|their)\b[^.;]{0,20}\brelay\w*",
    r"\b(?:use|using) (?:the |an? )?(?:\w+ )?relay\w* (?:at|of|from)\b",
    # what a host is blamed for, and how a server calls itself
    r"\brelay(?:s|ed|ing)? (?:\w+ )?(?:spam|junk|virus|abuse)\w*|\brelay[a-z-]*\d[\w-]*",
)
_LOGIN = _Words(
    r"\bauth(?:entication|enticate|enticated|enticating)?\b|\b(?:not|be|are|is) logged[- ]?in\b|\b(?:log|sign)[- ]?in\b"
    r"|\bsasl\b|\bnot owned by\b|\bunauthenticated (?:senders?|users?|clients?)\b"
    r"|\bwithout authori[sz]ation\b|\bauthori[sz]ed users only\b",
    r"\bcheck (?:your |for )?(?:new )?(?:e-?)?mail\b|\bpop3?\b.{0,20}\b(?:first|before)\b",
)
#: Who sends is to prove itself, not who connects.
_PROOFS = _Words(
    r"\b(?:spf|dkim|dmarc|arc)\b|\bsenders? (?:is |are )?(?:un|not )authent|\bsending (?:ip|host)",
    r"\b(?:your|sending|sender|sender's|from) domain\b",
)
#: Postfix's names for what a rule has looked at stand before its words: a "Client host rejected: ... not authorized"
#: is about the client, whatever follows.
_CLIENT = _Words(r"\b(?:client host|helo command|unverified client) (?:rejected|denied|blocked)")
#: The sender, his domain or his machine as what the sentence is about.
_SENDER = _Words(
    r"\bsenders?'?s? (?:address|domain|ip|host|server|verif|callout|mta|is|are|was|unknown|den|rej|not|does|has)"
    r"|\b(?:mail|e-?mail|send(?:ing)?) from (?:your|this|\[?\d)|\bconnections? from\b|\breturn[- ]path\b|\bof sender\b"
    r"|\bmail from \W*(?:(?:is|was|has been) )?(?:rejected|refused|denied|blocked|not)\b"
    r"|\byour (?:ip|network|host|system|country|isp|domain|(?:mail ?)?server)\b[^.;]{0,40}"
    r"\bnot (?:allowed|permitted|authori[sz]ed) to (?:send|connect|deliver)\b"
    r"|\bsend(?:ing|er) (?:ip|mta|host|server|domain|system)\b|\bverification failed for\b",
    r"\bip(?: address)? (?:you're|you are|sending|name)|\b(?:dynamic|residential|dial-?up) (?:ip|address|client)",
    r"\breverse (?:dns|host|name|lookup|record)|\bptr\b|\brdns\b|\bhelo\b|\behlo\b|\bspf\b|\bdkim\b|\bdmarc\b",
)
#: The same by enhanced codes: RFC 3463 3.2, RFC 7372, and what Google has added.
_SENDER_CODE = re.compile(r"(?<![\d.])[45]\.(?:1\.[78]|7\.2[0-8])(?![\d.])")
#: Not now: says nothing of who may relay, and of us only where it names us. "Try again" is a wait in a temporary reply
#: alone: others say "check the address and try again".
_GREYLISTED = _Words(r"\bgr[ea]y-?list")
_RATE = _Words(r"\btoo (?:many|fast|much|frequent)|\brate\b|\bfrequen|\bthrottl|\boverload|\bbusy\b|\bquota\b|\bfull\b")
_LATER = _Words(r"\btry(?:ing)? (?:again|later)|\bcome back\b|\blater\b|\bdefer")
#: "User unknown" and its like mean a recipient at our own domain, which is nobody's there.
_RECIPIENT = _Words(
    r"\bnon-?local\b|\b(?:not|no|isn't|invalid|bad|unknown|unroutable|unrouteable|undeliverable|non-?existent)\b"
    r"[^.;]{0,40}\b(?:recipients?|alias(?:es)?|users?|mailbox(?:es)?|domains?|hosts?|addresse?s?|local|hosted|here"
    r"|accounts?|routes?)\b",
    r"\b(?:recipients?|users?|mailbox(?:es)?|domains?|hosts?|addresse?s?|accounts?)\b[^.;]{0,30}"
    r"\b(?:unknown|unavailable|not\b|does ?n[o']t|invalid|rejected|no longer|disabled|undeliverable|restricted)",
    r"\b(?:cannot|can't|can not|unable to|won't|not allowed to|do not|don't) (?:deliver|send|route|forward|handle)\b",
    r"\b(?:do not|don't|cannot|can't|won't|not) accept(?:ed|ing)? mail (?:for|to)\b",
    r"\bmail (?:for|to)\b[^.;]{0,30}\bnot\b",
    r"\bdelivery\b[^.;]{0,20}\bnot\b[^.;]{0,20}\b(?:allowed|permitted|authori[sz]ed)"
    r"|\bonly\b[^.;]{0,30}\b(?:local|own)\b",
    r"\bunroute?able\b|\bno valid recipients?\b|\brecip(?:ient)?notfound|\bcuda_nsu\b|\bmust be (?:a )?local\b",
)
#: Words that speak of who connects, greets or sends, where nothing speaks of relaying.
_TESTER = _Words(
    r"\bclient host\b|\bsender\b|\baccess denied\b|\bblock(?:ed|list|ing)?\b|\bbarracuda|\bspamhaus\b|\bspamcop\b"
    r"|\bsorbs\b|\b(?:your|this|that) (?:ip|host|server|address|network|system|mail ?server|domain)\b|\byou are\b",
    r"\bfrom you\b|\bhostname\b|\byour access\b",
)
#: The same in the languages of other servers: nouns for passing on, logins and recipients; and for who connects.
_RELAYING_ABROAD = _Words(
    r"weiter(?:ge)?leit|\bempf(?:ae|ä)nger|\bunbekannt|anmeld|authenti[fs]i[kzc]|\brelais\b|\bdestinataire|inconnu"
    r"|utilisateur|\bdestinat[aá]ri|\breenv[ií]o|retransmi|(?:des|re)?encaminh|autentica|autenticar|desconocid",
    r"desconhecid|sconosciut|\busuario|\busuário|\butente|inoltr|\brelé\b|przekazyw|uwierzytel"
    r"|nieznan|użytkownik|adresat|doorstur"
    r"|authenticati|\bontvanger|\bonbekend|gebruiker|aktarma|kimlik do[gğ]rula|\balıcı|kullanıcı|yönlendir",
    r"получател|пользовател|пересыл|ретрансл|авториз|аутентиф|адресат|неизвестн|одержувач|користувач|невідом|автентиф"
    r"|релей|přepos|ověřen|příjemc|uživatel|vidarebefordr|videresend|mottagare|mottaker|modtager|okänd|ukendt|ukjent",
    r"autentiser|vastaanottaj|továbbít|címzett|hitelesít|παραλήπτ|άγνωστ|αναμετάδ|ταυτοπο",
    r"[中轉转][继繼发發寄]|用[户戶]|收件人|[认認][证證]|[验驗][证證]|登[录錄入]|中継|リレー|転送|認証|宛先|ユーザ|受信者",
    r"릴레이|중계|인증|수신자|사용자|로그인",
)
_TESTER_ABROAD = _Words(
    r"gesperrt|blockiert|\bihre? (?:ip|server|rechner|absender)|\babsender|\bbloqu|\bbloccat|\bexp[ée]diteur"
    r"|\bvotre (?:adresse|serveur|ip)|\bremitente|\bmittente|\bremetente|\bs[eu]u? (?:ip|servidor|direcci)",
    r"заблок|\bваш\w* (?:ip|сервер|адрес|хост)|отправител|zablokowan|\btw[oó]j|nadawc|geblokkeerd|\buw (?:ip|server)"
    r"|\bafzender|engellen|gönderen|您的(?:ip|服务器|邮件服务器|域名)|发件人|寄件者|封禁|送信元|送信者|차단|발신자",
)
_ECHO = re.compile(r"<[^<>]{0,400}>|\"(?:[^\" ]{0,200}|[^\"]{0,200}@[^\"]{0,200})\"")
_CODES = re.compile(r"\A[245]\d\d\b[ -]?|(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_NUMBERS = re.compile(r"\S*\d\S*|\S+@\S+")
#: Addresses of pages and names of hosts, which hold words of their own.
_PLACES = re.compile(r"\bhttps?:\S*|(?<![\w.-])(?:[a-z0-9_-]+\.)+[a-z]{2,}(?![\w-])")
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|([tnr\\]))")
#: Characters of a reply that are read.
MOST = 500


def read(reply: str, *, us: Collection[str] = ()) -> Denial:
    """What the refusal `reply` ("550 5.7.1 text", escaped) speaks of; `us` are our names and addresses, lower case.

    Names of ours are no words for relaying, although most of a tester's names speak of relays: who blocks us by name
    blocks us. Letters beyond ASCII are read as UTF-8, or as Latin-1 where they are none.
    """
    said = _unescaped(reply[:MOST])
    of_sender = bool(_SENDER_CODE.search(said))
    bare = _ECHO.sub(" ", _CODES.sub(" ", said))
    text = " ".join(_NUMBERS.sub(" ", bare).lower().split())
    lower = bare.lower()
    named = [name for name in us if name and name in lower]
    words = bare
    for name in named:
        if not name.isalpha():  # a word by itself may be one of theirs
            words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", words, flags=re.IGNORECASE)
    meant = _meant(words, named=bool(named), of_sender=of_sender, temporary=reply.startswith("4"))
    return Denial(meant=meant, text=text)


def _meant(words: str, *, named: bool, of_sender: bool, temporary: bool) -> Meant:
    plain = _PLACES.sub(" ", words)
    if _LISTED.found_in(plain) or (_BARRED.found_in(plain) and not _RELAY_BARRED.found_in(plain)):
        return Meant.TESTER
    if _RELAY.found_in(_ANOTHER_RELAY.cut_from(plain)):
        return Meant.RELAYING
    if _CLIENT.found_in(plain):
        return Meant.TESTER
    if _LOGIN.found_in(plain):
        return Meant.TESTER if _PROOFS.found_in(plain) else Meant.RELAYING
    if of_sender or _SENDER.found_in(plain):
        return Meant.TESTER
    if _GREYLISTED.found_in(plain):
        return Meant.UNTOLD
    if _RATE.found_in(plain) or (temporary and _LATER.found_in(plain)):
        return Meant.TESTER if named or _TESTER.found_in(plain) else Meant.UNTOLD
    if _RECIPIENT.found_in(plain) or _RELAYING_ABROAD.found_in(plain):
        return Meant.RELAYING
    return Meant.TESTER if named or _TESTER.found_in(words) or _TESTER_ABROAD.found_in(plain) else Meant.UNTOLD


def _unescaped(reply: str) -> str:
    """What `smtp.escape` has made printable, as text; what is text already stays."""
    octets = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", reply)
    try:
        return octets.encode("latin-1").decode()
    except UnicodeError:
        return octets
