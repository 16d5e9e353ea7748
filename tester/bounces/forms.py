"""The bounces of programs that write no status part, or wrote none once; and the codes and reasons that they quote.

Pure data: patterns for text in lower case whose blanks are single. What of it proves a bounce is `reading`'s to say.
"""

from __future__ import annotations

import re

from tester.records import dataclass

_NEXT = (
    r"(?:serv(?:er|idor|eur)\w{0,9}|сервер\w{0,9}|服[务務]器|伺服器|サーバー?|서버|sunucu\w{0,9}|máy chủ"
    r"|palvelin\w{0,9}|kiszolgáló\w{0,9}|διακομιστή\w{0,9}"
    r"|\bhosts?|\bexchangers?|\bdom[aäæéíi]\w{0,9}|домен\w{0,9}|域名|網域|ドメイン|도메인|tên miền)"
)
_UNREACHED = (
    r"(?:\b(?:not |n't |never )(?:be |been )?(?:found|reach|contact|locat|answer|respon)\w{0,9}\b"
    r"(?! (?:in|on|at|here|to)\b)|\bno answer|returned no"
    r"|erreich|gefunden|antwort|introuvable|injoignable|répond|encontrad|alcanz|responde|trovat|raggiung|risponde|bereik"
    r"|gevonden|найти"
    r"|найден|недоступ|отвеча|знайд|відпов|znalezion|odpowiad|osiąg|nalezen|dostupn|odpov|bulunam|ulaş|yanıt"
    r"|tìm thấy|phản hồi"
    r"|ditemukan|merespon|terjangkau|hitta|svar|fundet|funnet|nås\b|löyd|vasta[an]|található|elérhet|válaszol"
    r"|găsit|răspun"
    r"|απαντ|βρέθηκ|找不到|[无無]法|[没沒]有|超[时時]|見つか|応答|찾을|응답)"
)
#: The next server could not be found, asked or reached, in any language: who says whose it is has a word for the
#: recipient in the same sentence, which is no refusal of one.
_ON_THE_WAY = (
    rf"|{_NEXT}[^.;]{{0,40}}?{_UNREACHED}|{_UNREACHED}[^.;]{{0,30}}?{_NEXT}"
    r"|verbind|connexion|se connecter|conexi[óo]n|conexão|conectar|connession|connetter|verbinding|соедин"
    r"|подключ|з'єднан|połącz"
    r"|připoj|spojen|bağlan|kết nối|terhubung|sambung|anslut|forbindelse|yhtey|csatlakoz|conexiun|σύνδεσ"
    r"|συνδε|连接|連接|连线|接続|연결"
)
#: What was asked of another host, and how one falls short of it.
_ASKED = r"(?:route|answer|response|connect|contact|reach|find|locate|resolve|offered|session|handshake)"
_FELL_SHORT = (
    r"(?: hosts?| servers?)?"
    r"(?: (?:was |is |are |could |did |does |can)?(?:not|never)(?: be| been)?"
    r" (?:reach|found|respon(?!sib)|answer|contact|resolv|locat|available|ready|running|configured|listening|up\b)"
    r"| (?:was |is |are )?(?:currently )?(?:available|found|configured|up|down|offline|un(?:available|reachable))\b"
    r"| (?:closed|dropped|reset|lost|timed|hung)\b| (?:rejected|refused|denied) (?:our|(?:the |a )?connection)\b"
    r"| (?:password|credentials?|log-?in)\b[^.;]{0,20}\b(?:not|reject|refus|den|fail|wrong|invalid))"
)
#: The host that mail is passed on to, where servers call it their relay.
_NEXT_RELAY = (
    rf"|\brelays?\b(?![.-]?\w){_FELL_SHORT}|\bnot enough (?:\w+ )?relays\b"
    r"|(?:route|answer|response|connection|handshake|session) (?:to|from|with) (?:the |our |any |a |its )?"
    r"(?:mail )?relays?\b"
    r"|(?:not|n't|unable to|failed to) (?:reach|contact|find|locate|resolve|connect to) (?:the |our |any |a |its )?"
    r"(?:mail )?relays?\b"
)
#: The server went out to deliver the letter and could not: whatever it says of an end, it did mean to relay.
GAVE_UP = re.compile(
    r"in the queue too long|number of delivery attempts"
    r"|retry timeout|time-?out exceeded|timed? ?out|expired|too many (?:hops|times)|hop count"
    r"|failing for a long time|retry time not reached|loops? back|(?:mail|routing) loop"
    r"|(?:for|after|within) \d+ (?:days?|hours?)|\d+ (?:attempts?|tries|retries)\b"
    r"|connection (?:was |has been )?(?:refused|reset|closed|timed|failed|dropped|lost)|lost connection"
    r"|could(?:n't| not) (?:connect|find)"
    r"|connect to [^ ]{1,80} (?:connection |operation )?(?:refused|timed|no route|network)"
    r"|(?:host|network|server)s? (?:is |was |are |were )?(?:unreachable|down|not respond)|no route to host"
    r"|name (?:server|service)[a-z :]{0,20}(?:fail|error|timeout|problem)|host not found"
    r"|(?<!ip name )look-?ups? (?:has |have |was )?(?:fail|did|error|not|incomplete)|\bresolv(?:e|ing) "
    r"|dns (?:server )?(?:return|fail)"
    r"|no mail exchanger|non-?existent domain|attempts (?:were |are )?exhausted|refused (?:the |our |a )?connection"
    r"|dns (?:domain|query|error|type|lookup|hard|soft|fail)|no mx\b|null ?mx\b|unknown host|host unknown"
    r"|no route found|no mail servers? (?:appear|exist|found|available)"
    r"|(?:could|can)(?:not| not|n't) (?:be )?resolve|no such host|bad destination (?:host|system)"
    r"|domain (?:name )?(?:was )?not (?:be )?found|no such domain|address lookups? failed"
    r"|\b(?:host|domain)s?\b[^.;:]{0,40} (?:(?:does|do) not (?:exist|accept (?:any )?mail)|not reachable"
    r"|must exist|is unknown)(?! (?:in|on|at|here|to)\b)"
    r"|name server reply|dns record|\bmx(?: or srv)? (?:record|host|list)s?\b|name or service not known"
    r"|\bforwarding loop|\blooping\b|not reachable within|did not respond"
    r"|\bnxdomain|\bservfail|\benotfound|\beconn(?:refused|reset)|\betimedout|\behostunreach"
    # what was asked of the next server's encryption, which it did not have
    r"|starttls|mta-?sts|\bdane\b|\btls (?:is |was )?(?:required|not|handshake|negotiation|fail)"
    r"|cannot start tls|dnssec|\btlsa\b"
    r"|certificate (?:is |was |has )?(?:not|verif|expired|invalid|untrusted|mismatch)"
    r"|unable to (?:connect|contact|resolve|establish)|wasn't able to establish|greeting failed"
    + _ON_THE_WAY
    + _NEXT_RELAY
)

#: The server that speaks, as in "no such user on this server".
HERE = re.compile(
    r"(?:\b(?:this|our|that|diese[mrs]|unsere[mr]|ce|notre|e?n?este|nuestro|nosso|questo|nostro|deze|dit|tym|denna|denne|bu|acest)"
    r" |этом |этим |本|此|该|この|当|이 )(?:\w{1,10} )?(?:serv|сервер|服[务務]器|サーバ|서버|sunucu|host|system|mx\b)"
    r"|\b(?:server ini|máy chủ này)|\blocal (?:host|server)|\b(?:host|server|system)s? (?:of (?:ours|mine)|here)\b"
)
#: Another one, by its noun alone; and a domain that a look-up has not found, whose recipient is named beside it.
ELSEWHERE = re.compile(
    r"\bserv(?:er|eur|idor)|сервер|服[务務]器|伺服器|サーバ|서버|sunucu|máy chủ|palvelin"
    r"|(?<![.-])\b(?:hosts?|mx|dns)\b(?!\.\w)|aufgelöst|\brésolu|\bresol(?:ver|vid)|\bresuelt"
    r"|\b(?:internal error|network|outage|rout(?:e|ing)|path|offline|hung up|ldap|database)\b|netzwerk|erreichbar"
    r"|réseau|injoignable|\bruta\b|\bсет[иь]\b|\bsieci\b|网络|網路|ネットワーク|네트워크"
    r"|\bdoma?[iíé]n\w{0,2}\b[^.;]{0,40}\b(?:existiert nicht|n'existe|no existe|não existe|non esiste)"
    r"|домен\w{0,2}\b[^.;]{0,30}не (?:существ|найд)|domena\b[^.;]{0,30}nie istnieje"
    r"|域名不存在|ドメインが存在しません|도메인이 존재하지"
)
#: Some server on the way stumbled over the form of the letter or of the conversation: that is no refusal to relay.
STUMBLED = re.compile(
    r"lines? (?:is |are )?too long|too (?:big|large|much)\b|size (?:limit|exceed)|exceeds? [a-z ]{0,30}size|syntax"
    r"|command [a-z\"' ]{0,30}not (?:recogni[sz]ed|implemented)|unrecogni[sz]ed command|protocol error"
    r"|\bbare (?:lf|cr|line ?feed)|\bstray (?:lf|newline|line ?feed)"
    r"|(?:from|date|to|message-id|subject):? headers?\b|headers? (?:is|are|field)\b|rfc ?\d{3,4}|rfc[- ]compliant"
    r"|too many (?:connections|errors|commands)|unsupported (?:option|parameter)"
    r"|(?<!relaying )(?<!relaying is )not supported"
    r"|smtputf8|8bitmime|binarymime"
)

#: A refusal to relay, whatever else stands beside it: Sendmail tells of a failed look-up in the same breath. A relay
#: that was not found, asked or reached is another host, and so is a name that begins with the word.
DENIED = re.compile(
    rf"(?<!connection to )(?<!connection with )\brelay(?:ing)?\b(?![.-]?\w)(?!{_FELL_SHORT})"
    r"[^.;]{0,30}\b(?:den|not|prohib|reject|disallow|refus|forbid)"
    rf"|\b(?:not|unable|cannot|won't|no)\b(?:(?! {_ASKED})[^.;,]){{0,20}} relay(?:ed|ing)?\b(?![.-]\w)(?!{_FELL_SHORT})"
    r"|\brcpthosts\b"
)
#: The next server would not hear the one that relayed, or its sender's domain: both had been let pass.
BLOCKED = re.compile(
    r"client host[^;]{0,80}(?:blocked|rejected)|blocked using|\b(?:dns|r|u)bls?\b|\b(?:black|block|deny)-?list"
    r"|(?<!not )(?<!n't )\blisted (?:at|in|on|by)\b|\breputation\b|spamhaus|spamcop|\bspf\b|\bdkim\b|\bdmarc\b"
    r"|banned sending|reverse dns|\bptr\b|\brdns\b|sender (?:verif|callout)"
    # whoever passed it on could not log in there, or may not send under that name
    r"|\b(?:refus|reject|den[iy])\w* our\b|\baccount (?:is |was )?not (?:verified|activated|approved)"
    r"|\bcredentials\b|authentication (?:failed|failure|unsuccessful)|(?<![\w.:@-])535[ -]|\bsasl\b"
    r"|\bsender(?: address)? (?:is |was )?(?:not|rejected|refused|denied)|\bsender identit|\bsend(?:ing)? ?as\b"
    r"|\bidentit(?:y|ies)\b[^.;]{0,40}\b(?:fail|not)|(?:from |sender )(?:e-?mail )?address[^.;]{0,30}\bnot\b"
)
#: Whoever passed it on has used up what it may send, or may not send any more; or the next server has no room.
SPENT = re.compile(
    r"\bquota\b|(?:limit|allowance)s? (?:is |was |has been |have been )?(?:exceed|reach)|exceed[^.;]{0,60}\blimit"
    r"|reached [^.;]{0,30}\blimit|max (?:e?-?mails|messages) per|disabled from sending|used up"
    r"|rate.?limit|\bthrottl|too many (?:messages|mails|recipients)|max defers|suspended|outbound (?:spam|sender)"
    r"|suppress(?:ed|ion)|previously bounced|insufficient|storage|not enough (?:space|memory|room)"
    r"|(?<![\w.:@-])552[ -]|(?<![\w.:@-])5\.2\.2(?![\w@.-])|mailbox[a-z ]{0,9} full\b"
    r"|(?:postfach|mailbox|konto)[a-zäöü ]{0,20} voll\b|boîte[a-zà-ÿ ]{0,20} pleine|buz[oó]n[a-zà-ÿ ]{0,20} llen[oa]"
    r"|casella[a-zà-ÿ ]{0,20} piena|caixa[a-zà-ÿ ]{0,20} chei[ao]|postvak[a-z ]{0,20} vol\b"
    r"|skrzynka[a-ząęłóż ]{0,20} pełna"
    r"|ящик[а-яё ]{0,20} переполнен|schránka[a-zá-ž ]{0,20} plná|kutusu[a-zıçğöşü ]{0,20} dolu|容量|已[满滿]|용량"
)
#: A filter did not like the letter's text, where another one might have passed.
FILTERED = re.compile(
    r"\bspam(?:my)?\b|\bube\b|\bdlp\b|unsolicited|\bvirus|\bmalware|\bphish|infected|\bbanned\b|bulk e-?mail"
    r"|(?:message|mail)'?s? content|content (?:reject|filter|block)|looks like junk|suspicious"
    r"|\b(?:illegal|executable) (?:attachment|file)|message filtered"
    r"|(?:attachment|anhang|anlage)[^.;]{0,40}(?:not|nicht|block|reject|forbid|type)|垃圾[邮郵]件|迷惑メール|スパム|스팸|спам"
)

#: The step of a conversation with the next server that failed, as those who tell of one name it: Postfix "in reply to",
#: Exim and those after it "from remote mail server after", qmail by sentences, Sendmail and Courier by a transcript.
STEP = re.compile(
    r"(?:in reply to|(?:remote|destination) (?:mail server|mailer|server|host) (?:after|for|in response to)|>>>"
    r"|sent(?: <<<|:)|error following)(?: the)?(?: pipelined)?(?: sending)? ?(?:(?P<recipient>rcpt\b)"
    r"|(?P<text>(?:end of )?data\b|end of message|text command)"
    r"|(?P<sender>mail\b|e?helo\b|ehlo\b|lhlo\b|initial connection|connect\b))"
    r"|does not like (?P<recipient_>recipient)|failed (?P<text_>on data command|after i sent the message)"
    r"|but (?P<sender_>sender was rejected|my name was rejected|greeting failed)|refused to (?P<sender__>talk to me)"
)
#: A no, by whatever was asked.
NO = re.compile(
    r"\breject|\brefus|\bden(?:y|ied|ies)\b|\bnot (?:allowed|permitted|accept|authori[sz]ed)|prohibit|forbid"
    r"|\bpolicy\b(?! (?:server|service|daemon))"
    r"|\bnot listed in\b|\bunwanted|\bno\W*\Z"
)
#: A permanent reply as it is quoted, up to where something else begins.
REPLY = re.compile(
    r"(?<![\w.:@-])5[0-5]\d[ -](?:(?!\(in reply|giving up on|<<<|>>>|(?<![\w.:@-])[245][0-5]\d[ -]).){1,200}"
)

#: A code of SMTP or of RFC 3463, as replies bear it; what stands in an address or a version is none.
PERMANENT_CODE = re.compile(
    r"(?<![\w.:@-])5[0-5]\d(?:[ -](?:#?5\.\d{1,3}\.\d{1,3}|[^\W\d]|[<\"'])|[;:)\]>,]|$)"
    r"|(?<![\w.:@-])5\.\d{1,3}\.\d{1,3}(?![\w@-]|\.\d)"
)
TEMPORARY_CODE = re.compile(
    r"(?<![\w.:@-])4[0-5]\d[ -](?:#?4\.\d{1,3}\.\d{1,3}|[^\W\d]|[<\"'])"
    r"|(?<![\w.:@-])4\.[2-7]\.\d{1,3}(?![\w@-]|\.\d)"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """A bounce that a well-known program writes without a status part."""

    name: str
    sign: re.Pattern[str]  #: what only it writes, in its own text
    ends: bool  #: whether the form itself says that it is the end; otherwise a code or words must say so
    behind: bool = False  #: whether the reason stands behind the recipient, with a code or without


#: The forms of programs that write no status part, or wrote none once. Their notes of delay bear other words.
FORMS = (
    Form(  # QSBMF, https://cr.yp.to/proto/qsbmf.txt
        name="qmail",
        sign=re.compile(r"(?:hi\. this is the .{1,300}|^)i'm afraid i wasn't able to deliver your message"),
        ends=True,
        behind=True,
    ),
    Form(
        name="Exim",
        sign=re.compile(
            r"created automatically by mail delivery software.{0,200}could not be delivered.{0,300}(?:failed|undeliver)"
        ),
        ends=True,
        behind=True,
    ),
    Form(
        name="Postfix",
        sign=re.compile(
            r"this is the (?:postfix program|mail system) at host.{0,200}"
            r"(?:could not be delivered|returned below|inform you)"
        ),
        ends=False,
    ),
    Form(
        name="Sendmail",
        sign=re.compile(r"addresses had permanent (?:fatal )?(?:delivery )?errors|transcript of session follows"),
        ends=False,
    ),
    Form(
        name="Exchange",
        sign=re.compile(
            r"did not reach (?:some or all of )?the (?:intended|following) recipient.{0,400}"
            r"(?:not be reached|unable to deliver|does not exist|not found|# ?5\.\d|550|ims:)"
            r"|delivery has failed to these (?:recipients|distribution)"
        ),
        ends=True,
    ),
    Form(name="Domino", sign=re.compile(r"(?:was|were) not delivered to:? .{0,400}because:?"), ends=True, behind=True),
    Form(
        name="SmarterMail",
        sign=re.compile(
            r"could not deliver message to the following recipient.{0,200}failed recipient: .{0,200}reason:"
        ),
        ends=True,
    ),
    Form(name="XMail", sign=re.compile(r"xmail bounce: rcpt=\["), ends=False),
    Form(name="MDaemon", sign=re.compile(r"permanent (?:fatal )?delivery errors?!?|had permanent fatal"), ends=True),
    Form(
        name="IMail",
        sign=re.compile(
            r"^(?:unknown (?:user|host|local)|undeliverable to|invalid (?:user|recipient|final delivery userid)"
            r"|user unknown):? "
            r".{0,300}original message"
        ),
        ends=False,
    ),
    Form(name="GroupWise", sign=re.compile(r"message that you sent was undeliverable to the following"), ends=True),
    Form(
        name="Courier",
        sign=re.compile(r"undeliverable mail\b.{0,300}following recipients? cannot be delivered"),
        ends=True,
    ),
    Form(
        name="OpenSMTPD",
        sign=re.compile(
            r"error has occurred while attempting to deliver a message for the following list of recipients"
        ),
        ends=True,
    ),
)
