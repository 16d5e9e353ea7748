"""Each language says what it says, and our own letter says none of it."""

from __future__ import annotations

import re

import pytest
from samples import MESSAGE

from tester.bounces import words
from tests.rows import rows

#: A sentence of each kind, by language, as a mail server might put it: lower case, as they are searched.
SENTENCES = {
    "en": ("your message could not be delivered", "this is a permanent error", "user unknown", "it is delayed",
           "it awaits moderator approval", "i am out of the office"),
    "de": ("ihre nachricht konnte nicht zugestellt werden", "endgültiger fehler", "empfänger unbekannt",
           "die zustellung ist verzögert", "sie liegt in quarantäne", "ich bin im urlaub"),
    "fr": ("votre message n'a pas pu être remis", "erreur définitive", "destinataire inconnu", "il est retardé",
           "il est en quarantaine", "je suis absente"),
    "es": ("no se pudo entregar el mensaje", "error permanente", "usuario desconocido", "se ha retrasado",
           "está en cuarentena", "estoy fuera de la oficina"),
    "it": ("impossibile consegnare il messaggio", "errore permanente", "utente sconosciuto", "la consegna è in ritardo",
           "è in quarantena", "sono fuori ufficio"),
    "pt": ("a mensagem não foi entregue", "erro permanente", "usuário desconhecido", "a entrega está atrasada",
           "está em quarentena", "resposta automática"),
    "nl": ("uw bericht is niet bezorgd", "permanente fout", "gebruiker onbekend", "vertraagd", "in quarantaine",
           "ik ben afwezig"),
    "pl": ("nie można dostarczyć wiadomości", "trwały błąd", "nieznany użytkownik", "opóźnienie", "w kwarantannie",
           "jestem poza biurem"),
    "ru": ("письмо не может быть доставлено", "окончательная ошибка", "неизвестный пользователь", "доставка задержана",
           "помещено в карантин", "я в отпуске"),
    "uk": ("лист не може бути доставлений", "остаточна помилка", "невідомий користувач", "доставку відкладено",
           "у карантині", "я у відпустці"),
    "cs": ("zprávu nelze doručit", "trvalá chyba", "neznámý příjemce", "doručení se zpožďuje", "čeká na schválení",
           "jsem mimo kancelář"),
    "sv": ("meddelandet kunde inte levereras", "permanent fel", "okänd mottagare", "det är försenat", "i karantän",
           "jag är inte på kontoret"),
    "da": ("beskeden kunne ikke leveres", "permanent fejl", "ukendt modtager", "den er forsinket", "i karantæne",
           "jeg er på ferie"),
    "fi": ("viestiä ei voitu toimittaa", "pysyvä virhe", "tuntematon vastaanottaja", "viive", "karanteenissa",
           "olen lomalla"),
    "hu": ("a levelet nem sikerült kézbesíteni", "végleges hiba", "ismeretlen címzett", "a kézbesítés késik",
           "karanténba került", "házon kívül vagyok"),
    "tr": ("iletiniz teslim edilemedi", "kalıcı hata", "bilinmeyen alıcı", "teslimat gecikti", "karantinada",
           "ofis dışındayım"),
    "el": ("δεν ήταν δυνατή η παράδοση", "μόνιμο σφάλμα", "άγνωστος χρήστης", "καθυστέρηση", "σε καραντίνα",
           "αυτόματη απάντηση"),
    "ja": ("配信できませんでした", "恒久的なエラー", "ユーザーが存在しません", "配信が遅延しています",
           "隔離されました", "不在です"),
    "zh": ("邮件无法投递", "永久错误", "用户不存在", "投递延迟", "已被隔离", "自动回复"),
    "ko": ("전송하지 못했습니다", "영구적인 오류", "존재하지 않는 사용자", "지연되고 있습니다", "격리되었습니다",
           "부재 중"),
    "ro": ("mesajul nu a putut fi livrat", "eroare definitivă", "utilizator necunoscut", "livrarea întârzie",
           "a fost pus în carantină", "sunt în concediu"),
    "bg": ("писмото не може да бъде доставено", "окончателна грешка", "потребителят не съществува",
           "доставката се забавя", "чака одобрение под карантина", "в отпуск съм"),
    "sk": ("správa nebola doručená", "definitívna chyba", "neznámy príjemca", "doručenie sa oneskorilo",
           "čaká na schválenie", "som na dovolenke"),
    "hr": ("poruka nije isporučena", "trajna pogreška", "korisnik ne postoji", "isporuka je odgođena",
           "u karanteni je", "automatski odgovor"),
    "ca": ("el missatge no s'ha pogut lliurar", "error definitiu", "usuari desconegut", "encara no ha arribat",
           "és en quarantena", "soc fora de l'oficina"),
    "et": ("kirja ei õnnestunud kohale toimetada", "püsiv viga", "tundmatu kasutaja", "kohale toimetamine hilineb",
           "karantiinis", "olen puhkusel"),
    "lv": ("ziņojumu nevarēja piegādāt", "pastāvīga kļūda", "nezināms lietotājs", "piegāde aizkavējas", "karantīnā",
           "esmu atvaļinājumā"),
    "lt": ("laiško nepavyko pristatyti", "nuolatinė klaida", "nežinomas vartotojas", "pristatymas vėluoja",
           "karantine", "atostogauju"),
    "he": ("לא ניתן היה למסור את ההודעה", "שגיאה קבועה", "המשתמש אינו קיים", "המסירה מתעכבת", "בהסגר", "אני בחופשה"),
    "ar": ("تعذر تسليم رسالتك", "خطأ دائم", "المستخدم غير موجود", "تأخر تسليم الرسالة", "في الحجر الصحي", "رد تلقائي"),
    "fa": ("پیام شما تحویل نشد", "خطای دائمی", "کاربر وجود ندارد", "هنوز در راه است", "در قرنطینه", "پاسخ خودکار"),
    "vi": ("thư của bạn không gửi được", "lỗi vĩnh viễn", "người nhận không tồn tại", "thư bị trì hoãn",
           "thư bị cách ly", "trả lời tự động"),
    "th": ("ไม่สามารถส่งข้อความของคุณ", "ข้อผิดพลาดถาวร", "ไม่พบผู้รับ", "การส่งล่าช้า", "ถูกกักกัน", "ตอบกลับอัตโนมัติ"),
    "id": ("pesan anda tidak dapat dikirim", "kesalahan permanen", "pengguna tidak ditemukan", "pengiriman tertunda",
           "dikarantina", "balasan otomatis"),
}  # fmt: skip
FIELDS = ("failed", "ended", "refused", "delayed", "held", "away")
#: And of complaints.
COMPLAINTS = {
    "en": "an abuse report about your message",
    "de": "eine beschwerde über ihre nachricht",
    "fr": "signalement d'un message indésirable",
    "es": "una queja sobre su mensaje",
    "it": "segnalazione di un messaggio",
    "pt": "uma reclamação sobre a sua mensagem",
    "nl": "een klacht over uw bericht",
    "pl": "skarga na wiadomość",
    "ru": "жалоба на ваше письмо",
    "uk": "скарга на ваш лист",
    "cs": "stížnost na vaši zprávu",
    "sv": "ett klagomål om ditt meddelande",
    "da": "en klage over din besked",
    "fi": "valitus viestistäsi",
    "hu": "panasz a levelére",
    "tr": "iletiniz hakkında bir şikayet",
    "el": "ένα παράπονο για το μήνυμά σας",
    "ja": "迷惑メールの報告",
    "zh": "垃圾邮件投诉",
    "ko": "스팸 신고",
    "ro": "o plângere despre mesajul dumneavoastră",
    "bg": "оплакване от вашето писмо",
    "sk": "sťažnosť na vašu správu",
    "hr": "pritužba na vašu poruku",
    "ca": "una queixa sobre el vostre missatge",
    "et": "kaebus teie kirja kohta",
    "lv": "sūdzība par jūsu ziņojumu",
    "lt": "skundas dėl jūsų laiško",
    "he": "תלונה על הודעתך",
    "ar": "شكوى بشأن رسالتك",
    "fa": "شکایت از پیام شما",
    "vi": "khiếu nại về thư của bạn",
    "th": "ข้อร้องเรียนเกี่ยวกับข้อความของคุณ",
    "id": "keluhan tentang pesan anda",
}
ALL = dict(zip(FIELDS, (words.FAILED, words.ENDED, words.REFUSED, words.DELAYED, words.HELD, words.AWAY), strict=True))


def test_every_language_is_tried() -> None:
    assert set(SENTENCES) == set(words.LANGUAGES)


@rows("language", words.LANGUAGES)
@rows("field", FIELDS)
def test_a_language_says_what_it_means(language: str, field: str) -> None:
    sentence = SENTENCES[language][FIELDS.index(field)]
    assert re.search(getattr(words.LANGUAGES[language], field), sentence), sentence
    assert ALL[field].search(sentence)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_a_language_can_complain(language: str) -> None:
    assert re.search(words.LANGUAGES[language].abuse, COMPLAINTS[language])
    assert words.ABUSE.search(COMPLAINTS[language])


@pytest.mark.parametrize(
    ("language", "field", "sentence"),
    [
        ("pl", "abuse", "zgłoszenie nadużycia"),
        ("uk", "ended", "постійна помилка"),
        ("uk", "held", "лист у модератора"),
        ("cs", "abuse", "hlášení zneužití"),
        ("sv", "abuse", "rapport om missbruk"),
        ("da", "abuse", "anmeldelse af misbrug"),
        ("fi", "held", "viesti on moderaattorilla"),
        ("fi", "abuse", "ilmoitus väärinkäytöstä"),
        ("hu", "abuse", "visszaélés bejelentése"),
        ("tr", "held", "iletiniz moderatöre gönderildi"),
        ("el", "held", "το μήνυμα είναι στον συντονιστή"),
        ("el", "abuse", "αναφορά για κατάχρηση"),
        ("ja", "held", "モデレータに送られました"),
        ("ja", "away", "自動応答です"),
        ("zh", "held", "正在审核"),
        ("zh", "abuse", "垃圾邮件"),
        ("ko", "abuse", "스팸입니다"),
    ],
)
def test_a_language_has_more_words_than_one_for_it(language: str, field: str, sentence: str) -> None:
    assert re.search(getattr(words.LANGUAGES[language], field), sentence)
    assert (words.ABUSE if field == "abuse" else ALL[field]).search(sentence)


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_a_failure_and_its_end_are_no_delay_no_hold_and_no_holiday(language: str) -> None:
    for sentence in SENTENCES[language][:3]:
        for kind in ("delayed", "held", "away"):
            assert not ALL[kind].search(sentence), (kind, sentence)


@pytest.mark.parametrize("field", FIELDS)
def test_our_own_letter_says_none_of_it(field: str) -> None:
    text = " ".join(MESSAGE.decode().split()).lower()
    assert not ALL[field].search(text), ALL[field].search(text)
    assert not words.ABUSE.search(text)


@pytest.mark.parametrize(
    "sentence",
    [
        "your message was not delivered and will be returned",
        "it will not be retried",
        "we will not be able to deliver your message",
        "the message cannot be delivered. please contact the administrator",
        "check the address and try again",
        "this is the mailer-daemon, please do not reply to this email",
        "this is an automatically generated delivery status notification",
        "this message was created automatically by mail delivery software",
    ],
)
def test_the_words_of_an_end_are_not_those_of_a_delay(sentence: str) -> None:
    for kind in ("delayed", "held", "away"):
        assert not ALL[kind].search(sentence), (kind, sentence)


@pytest.mark.parametrize(
    "text",
    [
        *("for 5 days", "the next 4 hour(s)", "noch 5 tage", "pendant 4 jours", "durante 3 días", "5 giorni", "5 dni"),
        *(
            "в течение 5 дней",
            "24 часа",
            "5 gün boyunca",
            "i 5 dagar",
            "5日間",
            "3 天内",
            "5일 동안",
            "24小时",
            "24시간",
        ),
    ],
)
def test_how_long_it_is_tried_is_told_in_any_language(text: str) -> None:
    assert words.SPAN.search(text)


@pytest.mark.parametrize(
    "text",
    [
        *("wed, 25 nov 2026 10:00:00 +0000", "25/11/2026 10:00", "om 10:00 uur", "a las 10:00 horas", "2026年11月25日"),
        *("11월 25일 10시", "5 recipients", "#5.7.1 days", "x-5 days", "port 25: daytime"),
    ],
)
def test_a_time_of_day_and_a_code_tell_no_span(text: str) -> None:
    assert not words.SPAN.search(text)
