"""The words by which mail servers say what they did with a letter, in the languages that they ship.

Pure data: patterns for text in lower case whose blanks are single. A pattern says what a sentence is about, not that
it is true, and none of them decides alone (that is `reading`). A word that may mean delay or an end stands with delay:
a bounce that is not recognised costs a wait, one that is none takes an open relay off the list. Over 400 lines, since
each language that is known stands here.
"""

from __future__ import annotations

import re

from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """How one language says it: alternatives of a regular expression."""

    failed: str  #: it could not be delivered
    ended: str  #: and nobody will try again
    refused: str  #: since somebody said no
    delayed: str  #: not yet, or not for now
    held: str  #: not before somebody agrees: quarantine, moderation, challenge
    away: str  #: an automatic answer: holidays, out of office
    abuse: str  #: a complaint about what we sent


LANGUAGES = {
    "en": Language(
        failed=r"undeliver(?:ed|able)|(?:not|n't)(?: be| been| being)? (?:able to )?deliver"
        r"|(?:un|not )able to (?:be )?deliver"
        r"|(?:cannot|could not|couldn't|can't|can not) (?:be )?(?:deliver|reach|sen[dt])|did not reach|not be reached"
        r"|deliver(?:y|ing)[a-z :\x22'()]{0,60}(?:has |have |was )?(?:fail|error|problem)"
        r"|fail(?:ed|ure)[a-z ]{0,20} deliver|failure notice|failed (?:recipient|address)"
        r"|returned (?:mail|message|to sender)|returning message|non-?delivery|attempting to deliver"
        r"|address(?:es)?(?:\(es\))? (?:have |has |had )?(?:permanent |fatal )*(?:fail|error)",
        ended=r"permanent|fatal|gave up|giv(?:en|ing) up|(?:will|can) not be (?:retried|delivered)|no further attempt"
        r"|not (?:going to|be) (?:try|tried) again|(?:will|shall) not (?:re-?try|try|continue)"
        r"|returned to (?:the )?sender",
        refused=r"relay(?:ing)? (?:is |access |of mail )?(?:denied|prohibited|not (?:permitted|allowed)|disallowed)"
        r"|(?:not (?:permitted|allowed) to|cannot|won't|do(?:es)? not) relay|no relaying"
        r"|(?:un)?authenticat\w+ (?:is )?required"
        r"|(?:unknown|no such|invalid|nonexistent) (?:final delivery )?(?:user|recipient|mailbox|address|local|domain)"
        r"|(?:user|recipient|mailbox|address|domain) (?:is |was )?(?:unknown|not (?:found|listed|local|known)|invalid)"
        r"|does ?n[o']t (?:exist|have an? (?:[\w.-]+ )?account)"
        r"|not known (?:here|to us|at|on)\b|no mailbox here|rejected|access denied|allowed rcpthosts"
        r"|administratively prohibited",
        delayed=r"delay(?:s|ed)?\b|\byet\b|undelivered after"
        r"|will (?:now )?(?:keep|continue|be (?:retried|attempted|tried)|re-?try|try)|keep trying"
        r"|still (?:trying|being|has not|undelivered|in )|(?:attempts|retries) will|be retried (?:for|until|every)"
        r"|warning (?:message )?only|(?:do not|don't|no) need to re-?send|no action is required|temporar|transient"
        r"|deferr|for the (?:last|past) \d|after more than \d|(?:next|another|further) (?:delivery )?(?:attempt|retry)"
        r"|\b(?:re-?)?queued\b|\b(?:in|on) (?:the|our|its|a) (?:mail |retry |delivery )?queue\b(?! too long)|so far\b"
        r"|gr[ea]y-?list|try(?:ing)? (?:to (?:send|deliver) )?(?:it|this|your (?:message|mail)) again",
        held=r"moderat(?:ion|or|ed)\b|quarantin|\bwaiting list\b|(?:is|being|been|was|are) held|\bheld (?:for"
        r"|until|in|pending|back)"
        r"|on hold\b"
        r"|(?:pending|await\w*|wait\w* for|require\w*|need\w*) (?:\w+ ){0,3}(?:approv|confirm|verif|releas|review)"
        r"|(?:please|must|to) (?:confirm|verify|prove|authenticate) (?:that )?(?:you|it)|captcha|challenge"
        r"|to (?:my|our|the|his|her) white-?list|verification (?:is )?(?:required|needed|request)|approved senders"
        r"|senders (?:that )?(?:i|we) (?:have )?approved"
        r"|(?<!not )(?<!may )reply to (?:this|confirm)|confirm(?:ation)? (?:request|required)"
        r"|click (?:on )?(?:the|this|here|below)|\btmda\b|\bboxbe\b|spam ?arrest"
        r"|(?:may|can|to|will|and) release|holding (?:area|queue)",
        away=r"out[- ]of[- ](?:the[- ])?office|\bvacation|\bholidays?\b"
        r"|auto[- ]?(?:matic(?:ally generated)? )?(?:re(?:ply|sponse)|respon)"
        r"|(?:\b(?:am|is|be|are)|i'm) (?:currently )?(?:away|absent|on leave|travel)"
        r"|\bon (?:\w+ )?leave\b|not in the office"
        r"|limited access|no longer (?:work|with the|monitored)|without being read|\bwas read on\b"
        r"|(?:we|i) (?:have )?received your (?:mail|message|request|e-?mail)",
        abuse=r"(?:abuse|spam|incident) (?:report|complaint|notification)|unsolicited|spamcop|"
        r"(?:marked|reported|classified) as (?:spam|junk|abuse)",
    ),
    "de": Language(
        failed=r"unzustellbar|nicht (?:zu(?:ge)?stell|ausgeliefert|übermittel|weitergeleitet|erreich)"
        r"|zustell\w* (?:ist |war |an \w+ )?(?:fehlgeschlagen|gescheitert|nicht möglich)|zustell(?:ungs)?fehler"
        r"|(?:zustellung|auslieferung|(?:ü|ue)bermittlung).{0,80}(?:fehlgeschlagen|gescheitert)|kann nicht zugestellt"
        r"|nicht.{0,40}zugestellt",
        ended=r"endgültig|endgueltig|dauerhaft|permanent|nicht (?:weiter|erneut|noch einmal) versucht"
        r"|keine weiteren (?:versuch|zustell)",
        refused=r"(?:empfänger|benutzer|adresse|postfach)\w* (?:ist )?(?:hier )?(?:unbekannt|nicht bekannt|ungültig)"
        r"|unbekannte\w* (?:empfänger|benutzer|adresse)|nicht (?:erlaubt|gestattet|zulässig|berechtigt)"
        r"|existiert nicht|abgelehnt|verweigert|zurückgewiesen|nicht im .{0,30}(?:verzeichnis|adressbuch)",
        delayed=r"verz(?:ö|oe)ger|versp(?:ä|ae)t|\bnoch nicht\b|vor(?:ü|ue)bergehend|tempor(?:ä|ae)r"
        r"|weiter(?:hin)? versuch|versuch\w* (?:es )?(?:weiter|erneut|noch)|erneute\w* (?:zustell)?versuch"
        r"|wird (?:wieder|erneut)|fortgesetzt|wiederhol|bis(?:her|lang) nicht|warte(?:t\b|schlange)"
        r"|versuch.{0,60}erneut",
        held=r"moderat(?:or|ion)|moderiert|quarant(?:ä|ae)ne|zur(?:ü|ue)ckgehalten|freigabe|freigegeben|freischalt"
        r"|genehmig|best(?:ä|ae)tig\w* sie|warte\w* auf|bestätigungs(?:anfrage|mail|link)",
        away=r"abwesen|nicht im (?:büro|haus|hause)|\burlaub|automatische (?:antwort|rückmeldung|e-?mail)"
        r"|bin (?:derzeit |zur ?zeit )?nicht",
        abuse=r"missbrauch|beschwerde|unverlangt|unerwünschte\w* (?:e-?mail|nachricht|werbung)",
    ),
    "fr": Language(
        failed=r"non (?:remis|distribu|délivr|livr)|n'(?:a|ont) pas pu (?:être|lui|leur|vous|joindre)?"
        r"|échec (?:de |d')?(?:la )?(?:remise|livraison|distribution|envoi)"
        r"|impossible de (?:remettre|livrer|délivrer|distribuer|transmettre|joindre)"
        r"|n'a pas été (?:remis|délivré|livré|distribué)|ne peut (?:pas )?être (?:remis|délivré|livré|distribué)"
        r"|pas (?:pu )?atteint",
        ended=r"définiti|permanent|fatal|ne sera pas (?:retent|réessa|relanc)|aucune (?:autre|nouvelle) tentative",
        refused=r"(?:utilisateur|destinataire|adresse|boîte)[a-z ]{0,20} (?:est )?(?:inconnu|invalide|introuvable)"
        r"|inconnu|n'existe pas|refus|non autoris|rejet|interdit",
        delayed=r"retard|différé|\bpas encore\b|\bencore\b.{0,20}tent|nouvelles? tentatives?"
        r"|tentatives? .{0,30}(?:poursui|continu|effectué)|réessa|temporair|provisoire"
        r"|sera (?:à nouveau|de nouveau|retent)|en attente|continue|file d'attente|pour l'instant|\bessais\b",
        held=r"modérat|modéré|quarantaine"
        r"|(?:en )?attente (?:d'|de )(?:approbation|modération|validation|confirmation|libération)|approbation|retenu"
        r"|(?:veuillez|merci de|pour) confirmer|libérer",
        away=r"absen(?:t|ce)|réponse automatique|en congés?\b|en vacances|hors du bureau|message automatique d",
        abuse=r"signalement|plainte|indésirable|non sollicité",
    ),
    "es": Language(
        failed=r"no (?:se )?(?:p[uo]d\w+|pued\w+|h[ab]\w+ (?:podido|sido posible)|fue posible|es posible)(?: ser)? "
        r"(?:entreg|enviar|lleg)"
        r"|no (?:ha sido |fue |se ha |se han )?entregad|(?:error|fallo|falla) (?:en|de|al) (?:la )?entreg"
        r"|imposible entregar|no entregable|devuelto al remitente|no lleg[óo] a",
        ended=r"permanente|definitiv|fatal|no se (?:volverá|intentará|reintentará)",
        refused=r"(?:usuario|destinatario|dirección|buzón)[a-z ]{0,20} (?:desconocid|no existe|no válid|inexistente)"
        r"|desconocid|no existe|rechaz|no (?:está )?(?:permitid|autorizad)|denegad",
        delayed=r"retras|demora|\baún\b|todavía|se (?:seguirá|volverá a|continuará|reintentará)|reintent|temporal"
        r"|aplazad|diferid|pendiente|nuevos? intentos?|en (?:la )?cola\b|intentar[áa]|de nuevo|nuevamente",
        held=r"moderador|moderación|cuarentena|retenid|(?:a la espera|en espera|pendiente) de|aprobación|aprobad"
        r"|confirm(?:e|ar) (?:su|que|el|la)|liberar",
        away=r"fuera de (?:la )?oficina|respuesta automática|ausen(?:te|cia)|de vacaciones|autorrespuesta",
        abuse=r"queja|no solicitad|correo basura|denuncia|abuso",
    ),
    "it": Language(
        failed=r"mancat[ao] (?:consegna|recapito)|impossibile (?:consegnare|recapitare|inviare)"
        r"|non (?:è|sono) (?:stat[oaie] (?:possibile )?|possibile )?(?:consegn|recapit)"
        r"|non può essere (?:consegn|recapit)|non (?:consegnat|recapitat|consegnabil|recapitabil)"
        r"|consegna (?:non riuscita|fallita)|errore (?:di|nella) consegna|non ha raggiunto",
        ended=r"permanente|definitiv|irreversibil|fatale|non (?:verrà|sarà) (?:ritentat|più)",
        refused=r"(?:utente|destinatario|indirizzo|casella)[a-z ]{0,20} (?:sconosciut|inesistente|non valid|non trovat)"
        r"|sconosciut|non esiste|inesistente|rifiutat|non (?:è )?(?:consentit|autorizzat|permess)|negato",
        delayed=r"ritard|\bancora\b|nuov[oi] tentativ|ritent|riprover|riprov|temporane|differit|continuer|in attesa"
        r"|tentativi (?:successivi|verranno|continu)|in coda\b|prover[àe]|di nuovo",
        held=r"moderator|moderazione|quarantena|trattenut|in attesa (?:di|della|del)|approvazione|approvat"
        r"|conferm(?:are|i|a) (?:il|la|di|che|tu|su)|rilasciare",
        away=r"fuori (?:sede|ufficio)|risposta automatica|assen(?:te|za)|in ferie|in vacanza",
        abuse=r"segnalazione|abuso|non richiest|indesiderat",
    ),
    "pt": Language(
        failed=r"não (?:foi|pôde|pode|foram|puderam|é|conseguimos|conseguiu)(?: ser| possível)? ?(?:entreg|envi)"
        r"|(?:falha|erro) (?:na|de|ao) (?:a )?entreg|não entregue|impossível entregar|devolvid|não alcançou",
        ended=r"permanente|definitiv|fatal|não (?:será|serão) (?:tentad|reenviad|feitas)",
        refused=r"(?:usuário|utilizador|destinatário|endereço)[a-zã ]{0,20} inválid|desconhecid|não existe"
        r"|inexistente|rejeitad|recusad|não (?:é )?(?:permitid|autorizad)|negad",
        delayed=r"atras|\bainda\b|adiad|nova(?:s)? tentativa|tentativas? .{0,20}(?:continu|feita|serão)|continuar"
        r"|será tentad|temporári|temporari|diferid|pendente|na fila\b|(?:vai|irá) tentar|novamente",
        held=r"moderador|moderação|quarentena|retid[oa]|aguarda|aprovação|aprovad|confirm(?:e|ar) (?:o|a|que|seu|sua)"
        r"|liberar",
        away=r"fora do escritório|resposta automática|ausen(?:te|cia|ência)|\bausência|de férias",
        abuse=r"queixa|reclamação|não solicitad|indesejad|abuso",
    ),
    "nl": Language(
        failed=r"niet (?:worden )?(?:bezorgd|afgeleverd|besteld|verzonden|bereikt)|onbestelbaar"
        r"|(?:bezorging|aflevering|bezorgen|afleveren).{0,60}mislukt|niet (?:te bezorgen|af te leveren)"
        r"|kan niet.{0,60}(?:bezorgd|afgeleverd)|kon(?:den)? niet.{0,60}(?:bezorgd|afgeleverd)",
        ended=r"permanent|definitief|fatal|niet (?:opnieuw|nogmaals) (?:geprobeerd|verzonden)|geen verdere poging",
        refused=r"(?:gebruiker|ontvanger|adres|postvak)[a-z ]{0,20} (?:onbekend|ongeldig|bestaat niet)|onbekend"
        r"|bestaat niet|geweigerd|niet toegestaan|afgewezen",
        delayed=r"vertraag|vertraging|\bnog niet\b|opnieuw (?:geprobeerd|proberen|te bezorgen)"
        r"|(?:blijven|blijft|verder) .{0,20}(?:proberen|pogen)|volgende poging|tijdelijk|uitgesteld|nog steeds"
        r"|wachtrij|blijft.{0,40}proberen",
        held=r"moderator|moderatie|quarantaine|vastgehouden|wacht(?:en)? op|goedkeuring|goedgekeurd|bevestig"
        r"|vrijgeven|vrijgegeven",
        away=r"afwezig|niet op kantoor|automatisch(?:e)? (?:antwoord|bericht)|met vakantie|op vakantie",
        abuse=r"misbruik|klacht|ongewenste (?:e-?mail|mail|bericht)",
    ),
    "pl": Language(
        failed=r"nie (?:można|udało się|mogła|mógł|może|została|został|zostanie)(?: być| zostać)?.{0,40}dostarcz"
        r"|niedostarcz|nie dostarczono|niedoręcz|nie doręcz|błąd (?:dostarcz|doręcz)|zwrot (?:wiadomości|do nadawcy)"
        r"|nie dotarła",
        ended=r"trwał|ostateczn|permanent|krytyczn|nie będzie ponawian|nie będą podejmowane",
        refused=r"nieznan|nie istnieje|odrzucon|niedozwolon|zabronion|odmow|nieprawidłow|nie jest dozwol",
        delayed=r"opóźni|\bjeszcze\b|ponow|ponawia|kolejn\w+ prób|będą podejmowane|tymczasow|odroczon|chwilow|wciąż"
        r"|nadal|w kolejce|próbował|próbuje",
        held=r"moderator|moderacj|kwarantann|wstrzyman|zatrzyman|oczekuj|czeka na|zatwierdz|potwierdź"
        r"|potwierdzeni|akceptacj",
        away=r"nieobecn|poza biurem|autoodpowied|automatyczna odpowied|na urlopie",
        abuse=r"nadużyci|skarg|niechcian|niezamówion",
    ),
    "ru": Language(
        failed=r"не (?:может|могут|удалось|удаётся|удается|было|была|были|был|смогло|смог)(?: быть)?.{0,40}достав"
        r"|недоставл|не доставлен|невозможно доставить|(?:ошибка|сбой|неудач\w+) (?:при )?доставк|невозможна доставка"
        r"|возвращен\w* отправител",
        ended=r"постоянн|окончательн|неустраним|фатальн|критическ|попытк\w+ (?:больше )?не будут|прекращен",
        refused=r"неизвест|не существует|несуществующ|отклон|отверг|запрещ|отказ|не разрешен|не найден|недопустим",
        delayed=r"задерж|отлож|\bещё\b|\bеще\b|\bпока\b|повторн|попытк\w+ .{0,30}(?:продолж|будут|будет)|временн"
        r"|продолж|в очеред|пытат|пытает|пробова",
        held=r"модератор|модерац|карантин|задержано до|ожида|подтверд|одобр|разблокир",
        away=r"автоответ|автоматическ\w+ ответ|нет в офисе|отсутств|в отпуске",
        abuse=r"жалоб|злоупотреблен|нежелательн|спам",
    ),
    "uk": Language(
        failed=r"не (?:може|можуть|вдалося|вдалось|було|була)(?: бути)?.{0,40}достав|недоставлен|не доставлен"
        r"|неможливо доставити|помилка доставк",
        ended=r"постійн|остаточн|фатальн|критичн",
        refused=r"невідом|не існує|відхилен|заборонен|відмов",
        delayed=r"затрим|відклад|\bще\b|\bпоки\b|повторн|спроб\w+ .{0,30}(?:продовж|буде|будуть)|тимчасов"
        r"|у черз|намага",
        held=r"модератор|модерац|карантин|очіку|підтверд|схвален",
        away=r"автовідпов|автоматичн\w+ відповід|відсутн|у відпустці",
        abuse=r"скарг|зловживан|небажан|спам",
    ),
    "cs": Language(
        failed=r"nedoruč|nelze doručit|nebylo možné .{0,40}doruč|nemohl[aoy]? být doruč|nepodařilo se .{0,40}doruč"
        r"|nebyl[aoy]? doruč|selhání doruč|vrácen\w* (?:zpráva|odesílatel)|není možné doruč",
        ended=r"trval|konečn|fatální|definitivn|další pokus\w* (?:již )?ne",
        refused=r"neznám|neexistuj|odmítnut|zamítnut|nepovolen|zakázán|neplatn",
        delayed=r"zpož[dď]|opožd|\bdosud\b|\bzatím\b|\bještě\b|opakovan|znovu pokus|další pokus|dočasn|odložen|nadále"
        r"|ve front|pokoušet|pokusí",
        held=r"moderátor|moderac|karant[ée]n|pozdržen|zadržen|čeká na|schválen|potvrďte|potvrzení|uvolnit",
        away=r"automatická odpověď|mimo kancelář|nepřítom|na dovolené",
        abuse=r"zneužití|stížnost|nevyžádan",
    ),
    "sv": Language(
        failed=r"(?:kunde|kan|gick) (?:inte|ej) (?:att )?(?:levereras?|skickas|nå)|inte levererats|ej levererad"
        r"|inte (?:vara )?levererad|olevererbar|obeställbar|leveransfel|misslyckades.{0,20}levere"
        r"|leverans.{0,40}misslyck|nådde inte",
        ended=r"permanent|bestående|slutgiltig|varaktig|inga (?:fler|ytterligare) försök",
        refused=r"okän[dt]|finns inte|existerar inte|avvisa|nekad|nekas|inte tillåt|ogiltig",
        delayed=r"försen|fördröj|\bännu inte\b|försök\w* (?:igen|på nytt|att leverera igen)|fortsätt|nytt försök"
        r"|nya försök|tillfällig|uppskjut|ännu|\bi kön?\b|försök(?:er|a) (?:att )?(?:leverera|skicka|under|i )",
        held=r"moderator|moderer|karantän|hålls (?:kvar|tillbaka|inne)|väntar på|godkänn|bekräfta|frisläpp",
        away=r"autosvar|automatiskt svar|frånvar|inte på kontoret|på semester",
        abuse=r"missbruk|klagomål|oönskad|skräppost",
    ),
    "da": Language(  # and Norwegian
        failed=r"(?:kunne|kan) ikke (?:blive )?(?:leveres?|sendes|nå)|ikke (?:blevet )?levere[tr]|uleverbar"
        r"|levering\w*.{0,40}(?:mislyk|feil|fejl)|nådde ikke",
        ended=r"permanent|endelig|varig|ingen (?:flere|yderligere|ytterligere) forsøk"
        r"|ingen (?:flere|yderligere) forsøg",
        refused=r"ukendt|ukjent|findes ikke|finnes ikke|afvist|avvist|nægtet|nektet|ikke tilladt|ikke tillatt|ugyldig",
        delayed=r"forsink|endnu ikke|ennå ikke|enda ikke|prøver? (?:igen|igjen)|nyt forsøg|nytt forsøk|midlertidig"
        r"|udsat|utsatt|fortsæt|fortsett|\bi køen?\b|prøver (?:at |å )?(?:levere|sende|i )",
        held=r"moderator|moderer|karantæne|karantene|tilbageholdt|holdt tilbake|afventer|venter på|godkend|godkjen"
        r"|bekræft|bekreft",
        away=r"autosvar|automatisk svar|fravær|ikke på kontoret|på ferie",
        abuse=r"misbrug|misbruk|klage|uønsket|søppelpost",
    ),
    "fi": Language(
        failed=r"ei (?:voitu|voida|voi) (?:toimittaa|välittää)|ei (?:ole )?toimitettu|toimitus.{0,20}epäonnist"
        r"|toimittaminen.{0,20}epäonnist|jäi toimittamatta",
        ended=r"pysyvä|lopulli|ei yritetä uudelleen",
        refused=r"tuntematon|ei ole olemassa|hylätty|estetty|ei sallittu|kielletty|evätty",
        delayed=r"viiväst|viive|ei vielä|yritetään uudelleen|yrittää|tilapäi|väliaikai|jatketaan|jonossa",
        held=r"moderaattor|karanteen|odottaa|hyväksy|vahvista|pidätetty",
        away=r"poissa|automaattinen vastaus|lomalla",
        abuse=r"väärinkäyt|valitus|roskaposti",
    ),
    "hu": Language(
        failed=r"nem (?:sikerült |volt |lehet(?:ett)? )?.{0,20}kézbesít|kézbesíthetetlen"
        r"|kézbesítés.{0,20}(?:sikertelen|hiba)|nem érkezett meg",
        ended=r"végleges|állandó|végzetes|nem próbál",
        refused=r"ismeretlen|nem létezik|visszautasít|elutasít|nem engedélyezett|tiltott",
        delayed=r"késlelt|késik|késés|még nem|átmeneti|ideiglenes|újra ?próbál|további próbál|a sorban",
        held=r"moderátor|karantén|visszatart|jóváhagy|megerősít|vár(?:akozik)? ",
        away=r"házon kívül|automatikus válasz|szabadság|távollét",
        abuse=r"visszaélés|panasz|kéretlen",
    ),
    "tr": Language(
        failed=r"teslim edileme|iletileme|gönderileme|ulaştırılama|teslimat.{0,20}(?:başarısız|hata)",
        ended=r"kalıcı|kesin olarak|ölümcül|yeniden denenmeyecek",
        refused=r"bilinmeyen|mevcut değil|bulunamadı|reddedildi|izin verilm|geçersiz",
        delayed=r"gecik|ertele|henüz|(?:tekrar|yeniden) dene|\bdeneme(?:ye|ler)|geçici|kuyru[kğ]",
        held=r"moderatör|karantina|bekle(?:til|t)|onay|doğrula",
        away=r"ofis dışında|otomatik yanıt|izindeyim|tatilde",
        abuse=r"kötüye kullan|şikayet|istenmeyen",
    ),
    "el": Language(
        failed=r"δεν (?:ήταν δυνατή η |μπόρεσε να |παραδόθηκ|έφτασε)|αδύνατη η παράδοση|αποτυχία (?:της )?παράδοσης"
        r"|μη παραδοτέ",
        ended=r"μόνιμ|οριστικ|μοιραίο",
        refused=r"άγνωστ|δεν υπάρχει|απορρίφθηκ|δεν επιτρέπεται|άκυρ",
        delayed=r"καθυστέρ|ακόμη|ακόμα|προσωριν|ξανά|εκ νέου|συνεχ|στην ουρά|προσπαθ",
        held=r"συντονιστ|καραντίνα|έγκριση|επιβεβαί|κρατείται",
        away=r"εκτός γραφείου|αυτόματη απάντηση|απουσι|σε άδεια",
        abuse=r"κατάχρηση|παράπονο|ανεπιθύμητ",
    ),
    "ja": Language(
        failed=r"(?:配信|配送|送信|配達|送達|転送)(?:を|が)?(?:でき|不能|に?失敗|エラー|されません|されなかった)|届け(?:る|られ|でき)|お届けできません|届きません|宛先不明|不達"
        r"|戻され|返送",
        ended=r"恒久的|永続的|永久|致命的|これ以上(?:の)?再送|再送(?:は)?(?:行|いた)?(?:され)?ません",
        refused=r"存在し(?:ません|ない)|不明|拒否|許可されて|見つかりません|無効な",
        delayed=r"遅延|遅れ|まだ|再送を|再送信を|再試行|再度(?:配信|送信|配送)|一時的|延期|継続|引き続き|試みます|送信待ち|待ち行列|キュー|できていません",
        held=r"モデレータ|司会者|承認|隔離|検疫|保留|確認(?:の)?(?:ため|メール|が必要)|認証",
        away=r"自動(?:応答|返信|送信)|不在|休暇|外出",
        abuse=r"迷惑メール|不正利用|苦情|スパム",
    ),
    "zh": Language(
        failed=r"(?:无法|未能|不能|沒有|没有)(?:被)?(?:投递|送达|传递|传送|发送|递送|寄达)|(?:無法|未能|不能)(?:被)?(?:投遞|送達|傳遞|傳送|發送|寄送|遞送)"
        r"|(?:投递|传递|发送|投遞|傳遞|傳送|發送|寄送)失[败敗]|退信|退回|未送[达達]|没有到达|沒有到達",
        ended=r"永久|致命|最终|最終|不会再(?:尝试|重试)|不會再(?:嘗試|重試)|放弃|放棄",
        refused=r"不存在|拒[绝絕]|未知(?:用户|用戶|收件人)|不允[许許]|禁止|[无無]效|找不到",
        delayed=r"延[迟遲误誤]|尚未|[暂暫][时時]|重[试試]|稍[后後]|将继续|將繼續|[继繼][续續](?:尝试|嘗試|投)|再(?:次)?[尝嘗][试試]|仍在"
        r"|[队隊]列|重新[投发發]",
        held=r"[审審]核|版主|批准|隔[离離]|待[审審]|[确確][认認]您|保留|[验驗][证證]",
        away=r"自动(?:回复|答复|应答)|自動(?:回覆|回復|答覆)|不在办公室|不在辦公室|休假|外出",
        abuse=r"垃圾(?:邮件|郵件)|投诉|投訴|滥用|濫用",
    ),
    "ko": Language(
        failed=r"(?:전송|배달|전달|발송)(?:하지 못|되지 않|되지 못|에 실패|실패|할 수 없|이 불가)|반송|보낼 수 없",
        ended=r"영구|치명적|더 이상 (?:시도|재전송)",
        refused=r"존재하지|거부|알 수 없는 (?:사용자|수신자)|허용되지|찾을 수 없",
        delayed=r"지연|아직|다시 시도|재시도|일시적|계속|대기열|재전송",
        held=r"승인|격리|보류|중재|검토|인증|(?:본인|발신자)[^.]{0,20}확인|확인이 필요",
        away=r"부재|자동 ?(?:회신|응답|답장)|휴가",
        abuse=r"스팸|신고|남용",
    ),
    "ro": Language(
        failed=r"nu a (?:putut|fost) .{0,20}(?:livrat|trimis)|nu (?:a|au) fost livrat|nu poate fi livrat"
        r"|livrarea .{0,30}e[șs]uat|nelivrat|nelivrabil",
        ended=r"definitiv|nu (?:va|vor) fi reîncerc",
        refused=r"necunoscut|nu există|nu exista\b|respins|refuzat|nepermis|interzis",
        delayed=r"întârzi|intarzi|\bîncă\b|temporar|din nou|reîncerc|va încerca|în coad[ăa]|amânat",
        held=r"carantin|moderator|aprobare|aștept|confirmați",
        away=r"r[ăa]spuns automat|în concediu|în afara biroului",
        abuse=r"\babuz|plângere|nesolicitat",
    ),
    "bg": Language(
        failed=r"не (?:може|можа|бе|беше|е|са|бяха)(?: да)?(?: бъде)?(?: .{0,20})? достав|неуспешн\w+ доставк",
        ended=r"окончателн|постоянн",
        refused=r"неизвест|не съществува|отхвърл|отказан|забранен|не е разрешен",
        delayed=r"все още|забав|временн|опитва|отново|в опашк",
        held=r"карантин|модератор|одобрени|изчаква",
        away=r"автоматичен отговор|в отпуск|извън офиса",
        abuse=r"оплакване|злоупотреб|нежелан",
    ),
    "sk": Language(
        failed=r"nebol[aoi]? (?:možné )?doruč|nemožno doruč|nepodarilo sa .{0,40}doruč|nedá sa doruč"
        r"|nemohl[aoi] byť doruč",
        ended=r"natrvalo|definitívn",
        refused=r"neznám|neexistuj|odmietnut|zamietnut|nepovolen|zakázan",
        delayed=r"zatiaľ|\bešte\b|oneskor|meška|odložen|znova|opätovn|dočasn|pokúša|pokúsi|vo fronte",
        held=r"karant[ée]n|moderátor|čaká na|schválen|potvrďte|pozdržan",
        away=r"automatická odpoveď|mimo kancelárie|na dovolenke|neprítomn",
        abuse=r"zneužit|sťažnos|nevyžiadan",
    ),
    "hr": Language(  # and Serbian, Bosnian, Slovene
        failed=r"nij?e (?:moguće |mogla |mogao |bilo moguće )?(?:biti )?(?:dostav|isporuč|poslan)|neisporuč"
        r"|isporuka .{0,20}nij?e uspj?ela|neuspj?e(?:la|šna) (?:isporuka|dostava)|ni bilo mogoče dostaviti",
        ended=r"\btrajn|konačn|dokončn",
        refused=r"nepoznat|ne postoji|odbijen|zabranjen|nije do(?:zvoljen|pušten)|ne obstaja|zavrnjen",
        delayed=r"\bkasni\b|odgođen|\bjoš\b|\bše ni\b|privremen|začasn|ponovn|pokušava|pokuša[tl]|poskuša"
        r"|u redu čekanja",
        held=r"karanten|moderator|odobren|čeka na|potvrdi",
        away=r"automatski odgovor|samodejni odgovor|na godišnjem|odsotn|odsutn",
        abuse=r"zlouporab|zlorab|pritužb|neželjen",
    ),
    "ca": Language(
        failed=r"no s'ha (?:pogut )?(?:lliur|entreg|envi)|no (?:ha|han) pogut ser lliur|no lliurat"
        r"|lliurament .{0,20}(?:ha fallat|fallit)|impossible lliurar",
        ended=r"definitiu",
        refused=r"desconegut|no existeix|rebutjat|no (?:està )?permès|denegat",
        delayed=r"\bencara\b|endarrer|tornarà a|a la cua",
        held=r"moderador|quarantena|retingut|pendent d|aprovaci",
        away=r"fora de l'oficina|resposta automàtica|vacances",
        abuse=r"queixa|no sol·licitat|\babús",
    ),
    "et": Language(
        failed=r"(?:ei|pole) .{0,40}(?:kohale toimeta|edastada|kätte toimeta)|kohale ?toimetamine .{0,20}ebaõnnestu",
        ended=r"püsiv|lõplik",
        refused=r"tundmatu|ei eksisteeri|keelatud|tagasi lükatud|ei ole lubatud",
        delayed=r"(?:pole|ei ole) veel|viivit|hilin|ajuti|uuesti|järjekorras|\bproovi",
        held=r"karantiin|moderaator|ootab|kinnit",
        away=r"automaatvastus|puhkusel|kontorist väljas",
        abuse=r"kuritarvit|kaebus|rämpsp",
    ),
    "lv": Language(
        failed=r"nevar(?:ēja|am)?(?: tikt)? (?:piegād|nosūt)|ne(?:tika|izdevās) piegād|piegāde .{0,20}neizdev"
        r"|nav (?:iespējams )?piegād",
        ended=r"pastāvīg|galīg",
        refused=r"nezinām|neeksistē|noraidīt|aizliegt|nav atļaut",
        delayed=r"\bvēl\b|aizkav|īslaicīg|pagaidu|atkārtot|mēģinā|rindā\b",
        held=r"karantīn|moderator|gaida|apstiprin",
        away=r"automātiskā atbilde|atvaļinājum|prombūtn",
        abuse=r"sūdzīb|ļaunprātīg|nevēlam",
    ),
    "lt": Language(
        failed=r"ne(?:pavyko|galima|galėjo būti|buvo) (?:.{0,20})?pristat|nepristat|pristatymas .{0,20}nepavyk",
        ended=r"nuolatin|galutin",
        refused=r"nežinom|neegzistuoja|atmest|draudžiam|neleidž",
        delayed=r"\bdar ne|vis dar|vėluo|uždels|laikin|pakartot|\bbandys|\bbandom|iš naujo|eilėje",
        held=r"karantin|moderator|laukia|patvirtin",
        away=r"automatinis atsakym|atostog|ne biure",
        abuse=r"skund|piktnaudž|nepageid",
    ),
    "he": Language(
        failed=r"לא (?:נמסר|ניתן (?:היה )?למסור|הגיע)|המסירה נכשלה|כשל במסירה|אי אפשר למסור",
        ended=r"לצמיתות|קבוע|סופי",
        refused=r"(?:לא|אינו|אינה) (?:קיי?מ|קיים|ידוע|נמצא|מורש)|נדחת?ה|סירב|מסרב",
        delayed=r"עדיין|מתעכב|עיכוב|זמני|ננסה|נמשיך|ניסיון חוזר|מושה|כרגע|כעת",
        held=r"הסגר|ממתינ|אישור|מנחה",
        away=r"(?:תשובה|מענה) אוטומטית?|בחופשה|מחוץ למשרד",
        abuse=r"תלונה|דואר זבל|ספאם",
    ),
    "ar": Language(
        failed=r"(?:تعذّ?ر|يتعذّ?ر|لم يتم|فشل|لا يمكن) (?:في )?(?:ال)?(?:تسليم|توصيل|إرسال)|لم تصل رسالت"
        r"|غير قابلة للتسليم",
        ended=r"دائم|نهائي",
        refused=r"غير (?:موجود|معروف|مسموح|صالح)|لا يوجد|مرفوض|رفض",
        delayed=r"تأخ|لم .{0,60} بعد\b|مؤقت|المحاولة|ستستمر|سيستمر|قائمة الانتظار|حالي[ًا]|الآن",
        held=r"الحجر|حجز|موافقة|المشرف",
        away=r"رد تلقائي|الرد التلقائي|خارج المكتب|إجازة",
        abuse=r"شكوى|إساءة|غير مرغوب",
    ),
    "fa": Language(
        failed=r"تحویل (?:داده )?ن(?:شد|می)|قابل تحویل نیست|تحویل .{0,20}ناموفق|ارسال نشد",
        ended=r"دائمی|قطعی",
        refused=r"وجود ندارد|ناشناس|رد شد|مجاز نیست|یافت نشد",
        delayed=r"هنوز|ت[أا]خیر|موقت|دوباره|در صف",
        held=r"قرنطینه|ت[أا]یید|در انتظار",
        away=r"پاسخ خودکار|مرخصی|خارج از دفتر",
        abuse=r"شکایت|سوء ?استفاده|هرزنامه",
    ),
    "vi": Language(
        failed=r"không (?:thể )?(?:được )?(?:gửi|chuyển|phân phát|phát)|(?:gửi|chuyển|phát)[^.]{0,30}"
        r"(?:thất bại|không thành công)|không đến được",
        ended=r"vĩnh viễn|lỗi cố định",
        refused=r"không tồn tại|từ chối|không (?:được phép|hợp lệ|tìm thấy|xác định)",
        delayed=r"trì hoãn|chậm trễ|\bchưa\b|tạm thời|thử lại|tiếp tục|hàng đợi|hiện tại",
        held=r"cách ly|phê duyệt|kiểm duyệt|chờ duyệt|tạm giữ",
        away=r"trả lời tự động|nghỉ phép|vắng mặt|ngoài văn phòng",
        abuse=r"lạm dụng|khiếu nại|thư rác",
    ),
    "th": Language(
        failed=r"ไม่สามารถ(?:ส่ง|นำส่ง|จัดส่ง)|ส่ง(?:ข้อความ|อีเมล)?ไม่(?:สำเร็จ|ถึง)|การ(?:นำ|จัด)?ส่ง[^ ]{0,20}ล้มเหลว",
        ended=r"ถาวร",
        refused=r"ไม่พบ|ไม่มี(?:ผู้|อยู่)|ปฏิเสธ|ไม่อนุญาต|ไม่ได้รับอนุญาต|ไม่รู้จัก",
        delayed=r"ล่าช้า|ยังไม่|ชั่วคราว|ลอง(?:ส่ง)?(?:อีกครั้ง|ใหม่)|จะลอง|พยายาม|คิว|ขณะนี้",
        held=r"กักกัน|อนุมัติ|รอการตรวจสอบ",
        away=r"ตอบกลับอัตโนมัติ|ไม่อยู่ที่|ลาพัก|วันหยุด",
        abuse=r"ร้องเรียน|สแปม|ละเมิด",
    ),
    "id": Language(  # and Malay
        failed=r"(?:tidak (?:dapat|bisa)|gagal) (?:di)?(?:kirim|antar|sampaikan|hantar|terkirim|mengirim)"
        r"|tidak terkirim|pengiriman[^.]{0,20} gagal",
        ended=r"\bpermanen\b",
        refused=r"tidak (?:ditemukan|dikenal|diizinkan|diperbolehkan|wujud|valid)|ditolak",
        delayed=r"tertunda|ditunda|\bbelum\b|sementara|coba lagi|mencoba|antrean|antrian|saat ini",
        held=r"karantina|persetujuan|disetujui|moderator|ditahan",
        away=r"(?:balasan|jawaban) otomatis|sedang cuti|di luar kantor",
        abuse=r"penyalahgunaan|keluhan|laporan spam",
    ),
}


#: "For now": who says so has not said no, whatever reply he quotes.
_NOW = (
    r"at (?:the|this) (?:moment|time)|right now|\bfor now\b|\bcurrently\b"
    r"|derzeit|momentan|zur ?zeit|im moment|bis jetzt|gegenwärtig"
    r"|(?:pour|en) (?:le|ce) moment|actuellement|à l'heure actuelle"
    r"|por el momento|en este momento|actualmente|de momento"
    r"|(?:al|per il|in questo) momento|attualmente|per ora"
    r"|por enquanto|(?:no|neste) momento|atualmente|por agora|op dit moment|momenteel|voorlopig"
    r"|obecnie|w tej chwili|na razie|на данный момент|сейчас|в настоящее время|наразі|зараз|на цей час"
    r"|momentálně|v tuto chvíli|v současné době|för närvarande|just nu"
    r"|i øjeblikket|for øyeblikket|for tiden|lige nu|tällä hetkellä|toistaiseksi"
    r"|jelenleg|pillanatnyilag|egyelőre|şu anda|şimdilik|αυτή τη στιγμή|προς το παρόν|現在|現時点|今のところ"
    r"|momentan|в момента|v súčasnosti|trenutno|en aquest moment|praegu|šobrīd|pašlaik|šiuo metu"
    r"|目前|现在|現在|当前|當前|현재|지금은"
)
#: What the reader is asked to do about the recipient's address, up to the end of the sentence: nothing that the server
#: does itself. It may ask to check one's own address, or to follow a link, which is a challenge and no advice.
ADVICE = re.compile(
    r"(?:(?:check|verify|confirm|make sure|ensure|correct)\b|(?:über)?prüfen sie|kontrollieren sie|bestätigen sie"
    r"|vérifie[rz]|contrôle[rz]|assurez-vous|compruebe|comprobar|verifi(?:que|car)|revise|controll(?:are|i)\b|verific(?:are|hi)"
    r"|confir(?:me|a)\b"
    r"|controleer|sprawd[źz]|провер(?:ьте|ить|ете)|перевірте|zkontrolujte|skontrolujte|kontrollera\b|kontroll?[eé]r\b"
    r"|tarkista|ellenőrizze|ελέγξτε|verificați|p?rovjerite|proverite|preverite|comproveu|检查|檢查|[确確][认認]|核[对對]"
    r"|kiểm tra|ตรวจสอบ|periksa|בדוק|בדקו|التحقق من)"
    r"(?:(?!\b(?:your|yourself|ihre?|votre|vos|su|sus|tuo|tua|suo|sua|seu|uw|je|twój|swój|ваш\w*|свой)\b|[您你]的)"
    r"[^.;!?。；！？]){0,60}?"
    r"(?:address|recipient|spelling|adress|empfänger|destinata|orthographe|dirección|indirizzo|endereço|destinatário|\badres"
    r"|ontvanger|odbiorc|адрес|получател|одержувач|příjemc|príjemc|mottagar|modtager|mottaker|osoit|\bcím|διεύθυνσ|adreç"
    r"|地址|收件|địa chỉ|ที่อยู่|ผู้รับ|alamat|כתובת|נמען|العنوان|المستلم)[^.;!?。；！？]{0,120}"
    r"|(?:\badres(?!iniz)|アドレス|宛先|주소)[^.;!?。；！？]{0,30}(?:kontrol|doğrula|確認|확인(?!이 필요))"
    r"[^.;!?。；！？]{0,80}"
    r"|(?P<more>\bclick (?:here|on the link|the (?:following )?link)[^.!?]{0,20}\b(?:for|to (?:view|read|learn|see))"
    r" (?:more|further|help|the detail)[^.!?]{0,40}"
    r"|\bfor (?:more |further )?(?:information|help|details),?[^.!?]{0,40}\bclick\b[^.!?]{0,40})"
)
#: What makes more of it than advice: a link to follow, a code to send, a sender to be known.
ASKED_FOR = re.compile(
    r"https?:|click|klick|cliqu|\bclic\b|\blinks?\b|\bcode|captcha|\breply\b|sender|absender|exp[ée]diteur|remitente|mittente"
    r"|remetente|afzender|nadawc|отправител|відправник|odes[íi]latel|avsändare|avsender|afsender|lähettäj|feladó"
    r"|gönderen|αποστολέ"
    r"|点击|點擊|链接|連結|发件|發件|寄件|クリック|リンク|送信者|클릭|링크|발신|nhấp|liên kết|คลิก|klik|tautan"
    r"|לחץ|קישור|انقر|رابط"
)
#: So much time, as notes of delay give it: for how long it was tried, and for how long it will be. No time of day.
SPAN = re.compile(
    r"(?<![\w:.,-])\d{1,4} ?(?:"
    r"(?:more )?(?:minutes?|hours?|hrs?|days?|weeks?)(?:\(s\))?|minuten?|stunden?|tagen?|wochen?"
    r"|heures?|jours?|semaines?"
    r"|minutos?|horas?|d[ií]as?|semanas?|minut[oi]|or[ae]|giorn[oi]|settiman[ae]|dagen|dag|uur|uren|weken"
    r"|godzin\w*|dni|tygodni\w*|минут\w*|час(?:а|ов)?|дн(?:я|ей|ів|і)|суток|недел\w*|хвилин\w*|годин\w*|діб"
    r"|hodin\w*|dn[íyů]"
    r"|timm\w*|timer?|dagar|dager?|dage|døgn|dygn|minuutt?i?a?|tun(?:nin|tia)|päivä\w*|percig?|óráig?|órán|napig?|napon"
    r"|zile|дни|dana|sati|hodín|dies|hores|päeva|tundi|dien\w*|stund\w*|valand\w*|ימים|שעות|أيام|ساعات|يوم\w*|ساعة|روز|ساعت"
    r"|ngày|giờ|hari|jam|menit"
    r"|dakika|saat|gün|λεπτ\w*|ώρ\w*|η?μέρ\w*)\b"
    r"|\d{1,4} ?(?:วัน|ชั่วโมง|นาที|日間|時間|分間|小[时時]|天|分[钟鐘]|[周週]|일 ?(?:동안|간|이내)|시간|분 ?(?:동안|간))"
)


def _any(field: str) -> re.Pattern[str]:
    return re.compile("|".join(getattr(language, field) for language in LANGUAGES.values()))


FAILED, ENDED, REFUSED = _any("failed"), _any("ended"), _any("refused")
DELAYED = re.compile(f"{_any('delayed').pattern}|{_NOW}")
HELD, AWAY, ABUSE = _any("held"), _any("away"), _any("abuse")
