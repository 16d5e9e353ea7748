"""Whom a refusal means: relaying, ourselves, or nobody in particular; read from its words.

Pure: data and one reading, nothing decided. `verdict` asks, since a server that refuses us alone is not closed to the
world, and one whose postmaster address does not work is not open for it. Texts are a stranger's: they come in escaped
and bounded, and whatever stands in angle brackets is left out, where servers repeat addresses of ours.

The order in which words count. A list that we stand on is the end of it, whatever else is said: lists of relays say
"relay" of those whom they list. Then a word for relaying, since servers deny it with the client's address beside it.
Then a demand for a login, unless it is the sender's domain that is to prove itself (SPF). Then the sender and the
client, as Postfix labels them, or as an enhanced code says; a wait, which says nothing of either; the recipient; and
other languages by their nouns. A refusal that has named neither us nor who sends, and has any noun for who receives,
is about that one: what else is said of him differs by server. At MAIL no recipient is known yet: an address or a user
that is spoken of there is the sender's, and says nothing of relaying.
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
    spent: bool = False  #: it speaks of how much is taken, and of nothing else: what was asked for was not looked at


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
    r"(?<!not )(?<!n't )\blisted\b|(?<!may be )\b(?:black|block|deny|kill)[- ]?list",
    r"\bblocked (?:using|by|at|in|for|due|because|-|see)",
    r"\b(?:dns|r|u)bls?\b|\bblackhole|\bbanned\b|\breputation\b|\bgo away\b|\bunwelcome\b|\bspammers?\b",
    r"\b(?:is|are|as|be|through|by|:) an? (?:\w+ )?open relay|: open relay\b|\bfrom open relays?\b",
    r"(?<!not an )\bopen prox(?:y|ies)\b|\babusers?\b|\breported (?:for|as)\b",
    r"\brelay(?:ing)?[- ](?:test|prob|scan|check(?:er|ing))|\btesters?\b",
    r"\bnot welcome\b|\b(?:rejected|refused|barred) for (?:scanning|probing|spamming|abuse)\b"
    r"|\b(?:spf|dkim|dmarc)\b[^.;]{0,40}\b(?:fail|reject|invalid|not (?:pass|align))",
    r"\bliste? n(?:oi|e[gr])\w*|\blista negra|ч[её]рн\w* списк|czarn\w+ li[sś]|zwarte lijst|kara liste|sperrliste"
    r"|黑名单|黑名單|ブラックリスト|블랙리스트",
)
#: What may be so, or is to be looked up, is not said to be so.
_SUPPOSED = _Words(r"\b(?:if|whether|in case)\b[^.;,]*")
#: We are blocked, in words that a denial of relaying may have as well; and where it is relaying that is.
_BARRED = _Words(
    r"\b(?:you|your|client|remote|ip|host)\b[^.;,]{0,40}\b(?:is|are|been|was|were|now) (?:\w+ )?"
    r"(?:(?:blocked|flagged|barred)\b|(?:rejected|refused)\b(?! (?:to )?relay))",
    r"\b(?:ihre?|votre|s[eu]u?a?|vostro|tuo|suo|uw|tw[oó]j|ваш\w*) (?:(?:adress?e|dirección|adres|indirizzo|адрес) )?"
    r"(?:ip|server|serveur|servidor|сервер|хост)\b[^.;,]{0,40}"
    r"(?:gesperrt|blockiert|bloqu|bloccat|geblokkeerd|zablokowan|заблокир)",
)
_RELAY_BARRED = _Words(r"\brelay(?:ing)?\b[^.;,]{0,60}\b(?:blocked|flagged|barred|rejected|refused)\b")
#: Relaying itself. From the servers' own texts: Postfix, Exim, Sendmail, Courier, OpenSMTPD, qmail, Exchange, Domino,
#: MDaemon, Kerio, IceWarp, IMail, hMailServer, MailEnable, SmarterMail, Haraka, Stalwart, chasquid, James.
_RELAY = _Words(
    r"\brelay|\bgateway(?:ing)?\b|\btransit (?:e-?)?(?:mail|traffic)\b"
    r"|rcpthosts|\bthird[- ]party\b|\bmail (?:through|via|using) (?:this|our|my)\b",
    # both ends of a letter at once
    r"\b(?:neither|none)\b(?! of your)[^.;]{0,50}\b(?:local|ours|mine|hosted|here)\b|\b(?:non-?local|outside"
    r"|foreign) to (?:an? )?"
    r"(?:non-?local|outside|foreign)\b",
)
#: Other relays than this one: where dial-up lines are refused, "please use the SMTP relay at your service provider".
_ANOTHER_RELAY = _Words(
    r"\b(?:use|using|through|via|contact)\b[^.;]{0,40}\b(?:your|their)\b[^.;]{0,20}\brelay\w*",
    r"\b(?:use|using) (?:the |an? )?(?:\w+ )?relay\w* (?:at|of|from)\b",
    r"\brelay (?:it |mail |your mail )?(?:via|through|using) (?:your|their)\b",
    # Sendmail calls the client a relay
    r"\bresolv\w* relay|\brelay(?: host)? names?\b",
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
    r"\bsenders?'?s? (?:e-?mail |envelope )?"
    r"(?:address|domain|mailbox|account|ip|host|server|verif|callout|mta|is|are|was|unknown|den|rej|not|does|has)"
    r"|\b(?:bogus|bad|invalid|fake|forged|valid) (?:mail )?from\b|\bfrom: (?:address|domain)|\bspoof"
    r"|\bnot (?:allowed|permitted|authori[sz]ed|designated) to send (?:e-?mail |mail |messages )?(?:from|as)\b"
    r"|\brestrictdomainsto|\b(?:host|client|source|remote) (?:network|country|ip)\b"
    r"|\bconnections? (?:is |was )?(?:rejected|denied|blocked|refused)"
    r"|\b(?:mail|e-?mail|send(?:ing)?) from (?:your?\b|this|\[?\d)|\bconnections? from\b|\breturn[- ]path\b"
    r"|\bof sender\b"
    r"|\bmail from \W*(?:(?:is|was|has been) )?(?:rejected|refused|denied|blocked|not)\b"
    r"|\byour (?:ip|network|host|system|country|isp|domain|(?:mail ?)?server)\b[^.;]{0,40}"
    r"\bnot (?:allowed|permitted|authori[sz]ed) to (?:send|connect|deliver)\b"
    r"|\bsend(?:ing|er) (?:ip|mta|host|server|domain|system)\b|\bverification failed for\b",
    r"\bip(?: address)? (?:you're|you are|sending|name)"
    r"|\b(?:dynamic|residential|dial-?up) (?:ip|address|client|pool|host|range)"
    r"|\b(?:permitted|approved|allowed|known) senders?\b",
    r"\byour (?:\w+'s )?(?:provider|isp|network|ip|host|(?:mail ?)?server)\b[^.;,]{0,20}"
    r"\b(?:misconfigured|not trusted|untrusted|failed)",
    r"\b(?:country|region|network|range|address|ip|host) (?:that |which )?you\b[^.;,]{0,20}\bfrom\b",
    r"(?<!recipient )(?<!recipient verify )\bcall(?:back|out)\b"
    r"|\byour (?:host|domain|server|ip)\w*\b[^.;]{0,30}\b(?:match|resolv)",
    r"\breverse (?:dns|host|name|lookup|record)|\bptr\b|\brdns\b|\bhelo\b|\behlo\b|\bspf\b|\bdkim\b|\bdmarc\b",
)
#: The same by enhanced codes: RFC 3463 3.2, RFC 7372, and what Google has added.
_SENDER_CODE = re.compile(r"(?<![\d.])[45]\.(?:1\.[78]|7\.2[0-8])(?![\d.])")
#: Not now: says nothing of who may relay, and of us only where it names us. "Try again" is a wait in a temporary reply
#: alone: others say "check the address and try again".
_GREYLISTED = _Words(r"\bgr[ea]y-?list")
_MUCH = (
    r"\bexceed\w*\b[^.;]{0,30}\bnumber of\b"
    r"|\b(?:max(?:imum)?|limit) (?:number )?(?:of|for) recipients\b|\bper (?:second|minute|hour|day)\b"
    r"|\btoo (?:many|fast|much|frequent|quick|often|soon)|\brate\b|\bthrottl|\boverload|\bbusy\b"
)
_RATE = _Words(_MUCH, r"\bfrequen|\bquota\b|\bfull\b|\blimit (?:is |was |has been )?exceeded")
#: Of these, what speaks of how much is taken of anybody; a mailbox may be full as well.
_RATE_OF_ALL = _Words(_MUCH)
#: What was said before was not taken, or not heard: a fault of the order, in which RCPT is a word and nobody.
_OUT_OF_ORDER = _Words(
    r"\b(?:bad|wrong|invalid|out of) (?:command )?sequence|\bout of order\b|\bneeds? mail\b|\bbefore (?:rcpt|mail)\b"
)
_LATER = _Words(r"\btry(?:ing)? (?:again|later)|\bcome back\b|\blater\b|\bdefer|\btemporar|\bunavailable\b")
_LATER_ABROAD = _Words(
    r"sp[äa]ter\b|vor[üu]bergehend|plus tard|temporair|m[áa]s tarde|tempor[aá]l|mais tarde|tempor[áaâ]ri|pi[ùu] tardi"
    r"|temporane|poz[jž]e|pozn[ie]j|p[óo]źniej|późn|tymczas|později|dočasn|neskôr|daha sonra|geçici|senare|tillfällig"
    r"|senere|midlertidig|myöhemmin|tilapäi|\blater\b|tijdelijk|később|ideiglenes|mai târziu",
    r"позже|поздн|временн|пізніше|тимчасов|по-късно|αργότερα|προσωριν|稍[后後]|[临臨]时|臨時|暂时|暫時|後ほど"
    r"|一時的|しばらく"
    r"|나중에|일시적|잠시|tạm thời|thử lại sau|ภายหลัง|ชั่วคราว|nanti|sementara|מאוחר|זמני|لاحق|مؤقت",
)
#: "User unknown" and its like mean a recipient at our own domain, which is nobody's there.
_RECIPIENT = _Words(
    r"\bnon-?local\b|\b(?:not|no|isn't|invalid|bad|unknown|unroutable|unrouteable|undeliverable|non-?existent)\b"
    r"[^.;]{0,40}\b(?:recipients?|alias(?:es)?|users?|mailbox(?:es)?|domains?|hosts?|addresse?s?|local|hosted|here"
    r"|accounts?|routes?)\b",
    r"\b(?:recipients?|users?|mailbox(?:es)?|domains?|hosts?|addresse?s?|accounts?)\b[^.;]{0,30}"
    r"\b(?:unknown|unavailable|not\b|does ?n[o']t|invalid|rejected|no longer|disabled|undeliverable|restricted)",
    r"\b(?:cannot|can't|can not|unable to|won't|not allowed to|do(?:es)? not|do(?:es)?n't)"
    r" (?:deliver|send|route|forward|handle|host|serve)\b|\bcould not deliver mail to\b",
    r"\b(?:do not|don't|cannot|can't|won't|not) accept(?:ed|ing)? mail (?:for|to)\b",
    r"\bmail (?:for|to)\b[^.;]{0,30}\b(?:not|refused|rejected|denied)\b"
    r"|\bno forwarding\b|\bforwarding\b[^.;]{0,20}\b(?:not|denied|prohibited|forbidden|refused)\b",
    r"\bdelivery\b[^.;]{0,20}\bnot\b[^.;]{0,20}\b(?:allowed|permitted|authori[sz]ed)"
    r"|\bonly\b[^.;]{0,30}\b(?:local|own)\b",
    r"\bunroute?able\b|\bno valid recipients?\b|\brecip(?:ient)?notfound|\bcuda_nsu\b|\bmust be (?:a )?local\b"
    r"|\baccept\w* (?:e-?)?mail (?:for|to)\b[^.;]{0,40}\bonly\b|\bonly accept\w* (?:e-?)?mail (?:for|to)\b",
)
#: Words that speak of who connects, greets or sends, where nothing speaks of relaying.
_TESTER = _Words(
    r"\bclient host\b|\bsenders?\b|\baccess denied\b|\bblock(?:ed|list|ing)?\b|\bbarracuda|\bspamhaus\b|\bspamcop\b"
    r"|\bsorbs\b|\b(?:your|this|that) (?:ip|host|server|address|network|system|mail ?server|domain)\b",
    r"\byou are\b(?! trying)",
    r"\bfrom you\b|\bhostname\b|\byour access\b|\byour (?:isp|(?:\w+ )?provider)\b|(?<![a-z-])ip(?![a-z:=])"
    r"|\bhelo\w*|\bmail from\b|\bspam",
)
#: Nouns for who receives, with whatever is said of him.
_RECEIVER = _Words(
    r"\brecipients?\b|\b(?:bad)?rcpt\w*|\bbadrecip|\bmailbox(?:es)?\b|\busers?\b|\bcustomers?\b|\balias(?:es)?\b"
    r"|\baccounts?\b|\bname directory\b|\bresponsible for\b|\bdestinations?\b|\b(?:my|our|local|virtual"
    r"|hosted) (?:own )?domains?\b",
    r"\bnot found\b|\bno such (?:id|name|person|address)\b|\bdoes? ?n[o']t? exists?\b|\bnot exists?\b"
    r"|\bno longer valid\b|\bdoes no exist|\binactive\b",
)
#: The same in the languages of other servers: nouns for passing on and logins; for who receives; for who sends;
#: and for who connects.
_RELAYING_ABROAD = _Words(
    r"weiter(?:ge)?leit|\bleite[nt]?\b[^.;]{0,40}\bweiter\b|anmeld|authenti[fs]i[kzc]|\brelais\b|\breenv[ií]o"
    r"|retransmi|(?:des|re)?encaminh|autentica"
    r"|autenticar|inoltr|\brelé\b|przekaz[ya]|uwierzytel|doorstur|authenticati|aktarma|kimlik do[gğ]rula|yetkilendir"
    r"|yönlendir|\bkeine (?:berechtigung|erlaubnis)"
    r"|\bmelden sie sich\b[^.;]{0,30}\ban\b"
    r"|preposiel|prosl(?:j?e|ije)[đd]|\bposredovanj|\bpenerusan|\bedasta|pārsūt|persiunt",
    r"препращ|препрат|прослеђ|пересила|προώθ|ממסר|ترحيل",
    r"пересыл|ретрансл|авториз|аутентиф|автентиф|релей|přepos|předáv|ověřen|vidarebefordr|videresend"
    r"|autentiser|továbbít"
    r"|hitelesít|αναμετάδ|ταυτοπο|\brelä|\bvälity|edelleenläh|xác thực|chuyển tiếp|ยืนยันตัวตน|otentikasi|אימות|مصادقة",
    r"[中轉转][继繼发發寄]|[認认][证證]|[验驗][证證]|登[录錄入]|中継|リレー|転送|認証|릴레이|중계|인증|로그인",
)
_DOMAIN = (
    r"(?:\bdomaine|\bdom[íií]ni[ou]|\bdom[aä]in\b|\bdomän|\bdomæn|\bdomen|\bdomein|\bdom[ée]n[auyě]?\b"
    r"|\bdoménu|\btartomány"
    r"|verkkotunnu|alan ad|etki alan|tên miền|домен|域|網域|ドメイン|도메인|โดเมน|דומיין|نطاق|دامنه)"
)
_NO = (
    r"(?:\b(?:nicht|kein\w*|fremd\w*|non|ne|pas|não|niet|geen|nie|inte|no (?:se|es|est[aá]|acept|aloj|admit"
    r"|permit|pertenec|local)\w*"
    r"|není|ne(?:obsluh|host|p[rř]ij|pat[rř]|spravu|lok[aá]l)\w*|ikke|ikkje|ei|nem|nu|tidak|bukan|không|не|чуж\w*"
    r"|външ\w*|обуч\w*|δεν)\b|m[ıiuü]yor|de[ğg]il|[不非未無]|没有|沒有|ません|않|아닙|아니|ไม่|לא|אינו|غير|لا\b|نیست)"
)
_RECEIVER_ABROAD = _Words(
    r"\bempf(?:ae|ä)nger|\bbenutzer|\bpostfach|adresse existiert|\bkonto\b|\bbo[iî]te\b|\bbuz[oó]n\b|\bcasella\b"
    r"|\bdestinataire|utilisateur|\bdestinat[aá]ri|\busuario|\busuário|\butente|indirizzo inesistente",
    r"użytkownik|uzytkownik|adresat|nie ma takiego|\bontvanger|gebruiker|\balıcı|kullanıcı|kullanici|příjemc"
    r"|u[zž]ivatel|mottagare|mottaker|modtager|\banvändare|\bbruger|\bbruker|vastaanottaj|käyttäj|címzett|felhasznál|utilizator"
    r"|destinatarul|korisnik|uporabnik|primatelj|primalac|príjemc|používate|kasutaja|vartotoj|lietotāj|prejemnik|\bsaaja|gavėj|saņēmēj|प्राप्तकर्ता",
    r"получател|пользовател|адресат|одержувач|користувач|потребител|почта для|παραλήπτ|χρήστη",
    r"ящик|скриньк|skrzynk|schránk|postvak|brevlåd|postkass|postilaatik|postafiók|posta kutusu|θυρίδ|תיבת|صندوق"
    r"|邮箱|信箱|メールボックス|메일함|hộp thư|กล่องจดหมาย|kotak surat",
    r"用[户戶]|使用者|收件[人者]|宛先|ユーザ|受信者|수신자|사용자|người (?:nhận|dùng)|địa chỉ|ผู้(?:รับ|ใช้)"
    r"|pengguna|penerima|נמען|משתמש|المستخدم|المستلم|کاربر|گیرنده",
)
#: "There is none", or "unknown": of whom, where nobody else was named.
_NOBODY_ABROAD = _Words(
    r"\bunbekannt|inconnu|desconocid|desconhecid|sconosciut|nieznan|\bonbekend|okänd|ukendt|ukjent|nepoznat|necunoscut|\bneznan|tundmatu|nežinom|nezinām|neegzist"
    r"|непознат|неизвестн|невідом"
    r"|άγνωστ|existiert nicht|n'existe pas|\bno existe|\bnão existe|inexist|neexist|non esiste|nie istnieje",
    r"bestaat niet|не существует|не найден|нет такого|не існує|не знайдено|finns inte|findes ikke|finnes ikke|ei löydy"
    r"|ei ole olemassa|nem létezik|nincs ilyen|bulunamad|mevcut de[gğ]il|δεν υπάρχει|nu exist[aă]|ne postoji",
    r"不存在|找不到|存在しません|見つかりません|찾을 수 없|존재하지|không tồn tại|ไม่พบ|tidak (?:ditemukan|dikenal)"
    r"|(?:אינו|לא) קיים|غير موجود",
)
#: That a domain is served here, they deny, whosever it is. What a look-up has not found may be the sender's.
_DOMAIN_ABROAD = _Words(
    rf"\A(?!.*(?:\b(?:mx|dns)\b|r[eé]s[oou]+l|aufl[öo]s|разреш|解析|名前解決)).*?(?:{_DOMAIN}[^.;。]{{0,60}}?{_NO}"
    rf"|{_NO}[^.;。]{{0,60}}?{_DOMAIN})"
)
#: A no, beside a noun for who receives; and what could not be done by whoever tried, with him or without.
_DENIED = _Words(
    r"\b(?:no|not|none|never|isn't|doesn't|unknown|invalid|illegal|bad|wrong|inactive|disabled|closed|expired|deleted|reject"
    r"|refus|den(?:y|ied)|prohibit|forbid|suspend|discontinued|moved)\w*"
)
_COULD_NOT = _Words(
    r"\b(?:not|cannot|can't|couldn't|unable|fail\w*|error|impossible|while|problem\w*|trouble)\b[^.;:]{0,20}"
    r"\b(?:open|lock|read|writ|append|access|creat|load|pars|stat|allocat|stor|sav|updat|renam|chdir|fork|exec|expand"
    r"|process|lookup|look(?:ing)? up|query|connect|contact|reach|resolv|verif|determin)\w*"
    r"|\b(?:database|ldap|sql|lock|disk|file ?system|i/o|memory|internal|system|program|script|filter|milter|backend)\b"
    r"[^.;]{0,30}\b(?:error|fail|locked|unavailable|down|crash|exit|died)\w*",
    r"\bmailer error\b|\b(?:error|exit(?:ed)?|status|signal) \d+\b",
)
_SENDER_ABROAD = _Words(
    r"\babsender|\bexp[ée]diteur|[ée]metteur|\bremitente|\bmittente|\bremetente|nadawc|\bafzender|отправител|відправник"
    r"|gönderen|odes[íi]latel|odosielate|avsändare|\bavsender|\bafsender|lähettäj|feladó|αποστολέ|\bexpeditor|pošiljate|pošilja[lo]|пошиља[лто]"
    r"|\bsaatja|siuntėj|sūtītāj|प्रेषक"
    r"|подател|[发發][件信送][人者方]|寄[件信]|[送発]信[元者]|발신자|보낸 ?사람|người gửi|ผู้ส่ง|pengirim|שולח|المرسل",
)
_TESTER_ABROAD = _Words(
    r"gesperrt|blockiert|\bihre? (?:ip|server|rechner|domain)|\bbloqu|\bbloccat|\bvotre (?:adresse|serveur|ip"
    r"|domaine)"
    r"|\bs[eu]u? (?:ip|servidor|direcci|dom[ií]nio)|\b(?:vostro|tuo|suo) (?:ip|server|dominio|indirizzo)",
    r"заблок|\bваш\w* (?:ip|сервер|адрес|хост|доме)|zablokowan|\btw[oó]j|geblokkeerd|\buw (?:ip|server|domein)"
    r"|engellen|[來来]自"
    r"|您的 ?(?:ip|服务器|邮件服务器|域名)|封禁|차단",
)
_ECHO = re.compile(r"<[^<>]{0,400}>|\"(?:[^\" ]{0,200}|[^\"]{0,200}@[^\"]{0,200})\"")
_CODES = re.compile(r"\A[245]\d\d\b[ -]?|(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_NUMBERS = re.compile(r"\S*\d\S*|\S+@\S+")
#: Addresses of pages and names of hosts, which hold words of their own.
_PLACES = re.compile(r"\bhttps?:\S*|(?<![\w.-])(?:[a-z0-9_-]+\.)+[a-z]{2,}(?![\w-])")
#: The dots of an address, which end no sentence.
_OCTETS = re.compile(r"(?<=\d)\.(?=\d)")
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|([tnr\\]))")
#: Where a word in Latin letters ends that Chinese, Japanese or Korean ones stand beside, without a blank.
_GLUED = re.compile(r"(?<=[\u3040-\u9fff\uac00-\ud7af])(?=[A-Za-z])|(?<=[A-Za-z])(?=[\u3040-\u9fff\uac00-\ud7af])")
_TORN = re.compile(r"(?<!\\)\\(?:x[0-9a-f]?)?\Z")
#: Characters of a reply that are read; each octet of one may have been escaped as four.
MOST = 500


def read(reply: str, *, us: Collection[str] = (), at_sender: bool = False, to_us: bool = False) -> Denial:
    """What the refusal `reply` ("550 5.7.1 text", escaped) speaks of; `us` are our names and addresses, lower case;
    `at_sender` where it answers MAIL, before anybody was named who is to receive; `to_us` where one of our names is the
    domain that was to receive: who says it again does not name us.

    Names of ours are no words for relaying, although most of a tester's names speak of relays: who blocks us by name
    blocks us. Letters beyond ASCII are read as UTF-8, or as Latin-1 where they are none.
    """
    said = unescaped(reply[: 4 * MOST])[:MOST]
    of_sender = bool(_SENDER_CODE.search(said))
    bare = _ECHO.sub(" ", _CODES.sub(" ", said))
    text = " ".join(_NUMBERS.sub(" ", bare).lower().split())
    lower = bare.lower()
    named = [name for name in us if name and name in lower]
    words = bare
    for name in named:
        if not name.isalpha():  # a word by itself may be one of theirs
            words = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " ", words, flags=re.IGNORECASE)
    meant = _meant(words, named=bool(named) and not to_us, of_sender=of_sender, temporary=reply.startswith("4"))
    if at_sender and meant is Meant.RELAYING and not _of_relaying(words):
        meant = Meant.UNTOLD
    spent = meant is not Meant.RELAYING and _RATE_OF_ALL.found_in(bare) and not _GREYLISTED.found_in(bare)
    return Denial(meant=meant, text=text, spent=spent)


def _meant(words: str, *, named: bool, of_sender: bool, temporary: bool) -> Meant:
    plain = _plain(words)
    relaying = _RELAY.found_in(_ANOTHER_RELAY.cut_from(plain))
    told = _SUPPOSED.cut_from(plain) if relaying else plain
    if _LISTED.found_in(told) or (_BARRED.found_in(told) and not _RELAY_BARRED.found_in(told)):
        return Meant.TESTER
    if relaying:
        return Meant.RELAYING
    if _CLIENT.found_in(plain):
        return Meant.TESTER
    if _LOGIN.found_in(plain):
        return Meant.TESTER if _PROOFS.found_in(plain) else Meant.RELAYING
    if of_sender or _SENDER.found_in(plain):
        return Meant.TESTER
    if _GREYLISTED.found_in(plain) or _OUT_OF_ORDER.found_in(plain):
        return Meant.UNTOLD
    if _RATE.found_in(plain) or (temporary and _LATER.found_in(plain)):
        return Meant.TESTER if named or _TESTER.found_in(plain) else Meant.UNTOLD
    if _RELAYING_ABROAD.found_in(plain):
        return Meant.RELAYING
    if _SENDER_ABROAD.found_in(plain):
        return Meant.TESTER
    if temporary and _LATER_ABROAD.found_in(plain):
        return Meant.TESTER if named or _TESTER_ABROAD.found_in(plain) else Meant.UNTOLD
    if _RECIPIENT.found_in(plain) or _RECEIVER_ABROAD.found_in(plain):
        return Meant.RELAYING
    if named or _TESTER.found_in(words) or _TESTER_ABROAD.found_in(plain):
        return Meant.TESTER
    nobody_here = any(said.found_in(plain) for said in (_RECEIVER, _NOBODY_ABROAD, _DOMAIN_ABROAD))
    return Meant.RELAYING if nobody_here else Meant.UNTOLD


def denies(reason: str) -> bool:
    """Whether a reason that somebody gives for a failure, with no code before it, says that mail for this recipient is
    not taken. In a refusal a noun for who receives is enough, since a no stands before it; here it needs one beside it:
    a mailbox that could not be opened is nobody's no."""
    if read(f"550 {reason}").meant is not Meant.RELAYING:
        return False
    plain = _plain(_ECHO.sub(" ", reason))
    if _of_relaying(plain) or any(said.found_in(plain) for said in (_NOBODY_ABROAD, _DOMAIN_ABROAD)):
        return True
    if _COULD_NOT.found_in(plain):
        return False
    return _RECIPIENT.found_in(plain) or (_DENIED.found_in(plain) and _RECEIVER.found_in(plain))


def _of_relaying(words: str) -> bool:
    """Whether a refusal has words for relaying itself, or for a login, beside any for who receives."""
    plain = _plain(words)
    return any(said.found_in(plain) for said in (_RELAY, _LOGIN, _RELAYING_ABROAD))


def _plain(words: str) -> str:
    """Words alone: no names of places and hosts, each apart from those of another script, one blank between them."""
    return " ".join(_GLUED.sub(" ", _PLACES.sub(" ", _OCTETS.sub("-", words))).split())


def unescaped(reply: str) -> str:
    """What `smtp.escape` has made printable, as text; what is text already stays."""
    octets = _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else " ", _TORN.sub("", reply))
    try:
        return octets.encode("latin-1").decode()
    except UnicodeDecodeError as fault:  # the last letter may have been cut
        whole = fault.reason != "unexpected end of data"
        return octets if whole else octets[: fault.start].encode("latin-1").decode()
    except UnicodeEncodeError:
        return octets
