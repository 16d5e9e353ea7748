"""What a refusal speaks of: relaying, ourselves, or nothing; by the words that mail servers ship."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.refusals import MOST, Meant, read
from tester.smtp import escape

US = {"198.51.100.9", "probe.b.test", "b.test"}


@pytest.mark.parametrize(
    ("meant", "reply"),
    [
        (Meant.RELAYING, "554 5.7.1 <r@c.test>: Relay access denied"),
        (Meant.RELAYING, "454 4.7.1 <r@c.test>: Relay access denied"),
        (Meant.RELAYING, "550 relay not permitted"),
        (Meant.RELAYING, "550 5.7.1 <r@c.test>... Relaying denied. IP name lookup failed [198.51.100.9]"),
        (Meant.RELAYING, "513 Relaying denied."),
        (Meant.RELAYING, "550 Invalid recipient: <r@c.test>"),
        (Meant.RELAYING, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
        (Meant.RELAYING, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
        (Meant.RELAYING, "550 5.7.1 Unable to relay for r@c.test"),
        (Meant.RELAYING, "554 Relay rejected for policy reasons."),
        (Meant.RELAYING, "550 not local host c.test, not a gateway"),
        (Meant.RELAYING, "550 Delivery is not allowed to this address."),
        (Meant.RELAYING, "530 SMTP authentication is required."),
        (
            Meant.RELAYING,
            "503 This mail server requires authentication when attempting to send to a non-local e-mail address.",
        ),
        (Meant.RELAYING, "550 <r@c.test> No such user here"),
        (Meant.RELAYING, "550 I cannot deliver mail for <r@c.test>"),
        (Meant.RELAYING, "550 5.1.1 User unknown"),
        (Meant.RELAYING, "550 5.1.1 <r@c.test>: Recipient address rejected: User unknown in local recipient table"),
        (Meant.RELAYING, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"),
        (Meant.RELAYING, "550 5.1.2 Relay not allowed."),
        (Meant.RELAYING, "550 unroutable address"),
        (Meant.RELAYING, "550-Host 198.51.100.9 is not permitted to relay through this server"),
        (Meant.RELAYING, "551 we do not relay"),
        (Meant.TESTER, "554 5.7.1 <unknown[198.51.100.9]>: Client host rejected: Access denied"),
        (Meant.TESTER, "554 5.7.1 <probe.b.test>: Helo command rejected: Access denied"),
        (Meant.TESTER, "550 5.7.1 <s@b.test>: Sender address rejected: Access denied"),
        (Meant.TESTER, "554 5.7.1 Service unavailable; Client host [198.51.100.9] blocked using zen.spamhaus.org"),
        (Meant.TESTER, "550 Access denied"),
        (Meant.TESTER, "550 probe.b.test is not welcome"),
        (Meant.TESTER, "550 mail from 198.51.100.9 refused"),
        (Meant.TESTER, "554 Your IP is blacklisted"),
        (Meant.UNTOLD, "550 no"),
        (Meant.UNTOLD, "550 5.7.1 Command rejected"),
        (Meant.UNTOLD, "550 Administrative prohibition"),
        (Meant.UNTOLD, "550 restricted characters in address"),
        (Meant.TESTER, "550 5.7.1 <unknown[1.2.3.4]>: Client host rejected: not authorized user"),
        (Meant.TESTER, "554 5.7.1 You are not allowed to connect"),
        (Meant.UNTOLD, "554 Transaction failed"),
        (Meant.RELAYING, "550 5.7.1 Relaying to <r@c.test> denied (authentication required)"),
        (Meant.TESTER, "550 5.7.1 Client does not have permissions to send as this sender"),
        (Meant.UNTOLD, "553 5.3.0 rejected"),
        (Meant.TESTER, "550 rejected because 198.51.100.9 is in a black list"),
    ],
)
def test_the_words_that_servers_ship_are_understood(meant: Meant, reply: str) -> None:
    assert read(reply, us=US).meant is meant


@pytest.mark.parametrize(
    "reply",
    [
        "550 Diese Domain wird hier nicht gehostet",
        "550 Domaine non hébergé sur ce serveur",
        "550 Ce serveur n'accepte pas de courrier pour ce domaine",
        "550 Este servidor no acepta correo para ese dominio",
        "550 Este servidor não aceita mensagens para esse domínio",
        "550 Questo server non accetta posta per questo dominio",
        "550 Domein wordt hier niet gehost",
        "550 Nie obsługujemy tej domeny",
        "550 Neobsluhujeme tuto doménu",
        "550 Doména není hostována",
        "550 A domain nem helyi",
        "550 Domeniul nu este găzduit aici",
        "550 Домен не обслуживается этим сервером",
        "550 Чужой домен",
        "550 Bu alan adı bu sunucuda barındırılmıyor",
        "550 Tên miền không thuộc máy chủ này",
        "550 Domain tidak dilayani di server ini",
        "550 该域名不在本服务器",
        "550 このドメインは扱っていません",
        "550 이 도메인은 처리하지 않습니다",
        "550 Wir leiten keine fremden Mails weiter",
        "550 We accept mail for our own domains only",
        "550 this host accepts mail for r.test only",
        "550 neither sender nor recipient is local",
        "550 Mail from outside to outside is not permitted",
        "550 Invalid destination",
        "550 Unable to find c.test in my local domain table",
        "454 Relais refusé, réessayez plus tard",
    ],
)
def test_a_domain_that_is_not_served_here_is_a_denial_in_any_language(reply: str) -> None:
    assert read(reply, us=US).meant is Meant.RELAYING


@pytest.mark.parametrize(
    "reply",
    [
        "550 Домен отправителя не существует",
        "550 Ваш домен не обслуживается",
        "550 Ihre Domain ist nicht erlaubt",
        "550 Votre domaine n'est pas autorisé",
        "550 Il vostro dominio non è accettato",
        "550 b.test: домен не принимается",
        "550 发件人域名不存在",
        "550 发送方域名未通过SPF验证",
        "550 発信者のドメインを確認できません",
        "550 Le domaine n'a pas de MX",
        "550 Keine DNS-Auflösung für Domain",
        "550 Domain needs verification",
        "550 Erro no domínio",
        "550 域名解析失败",
        "450 Domein tijdelijk niet beschikbaar",
        "450 Empfänger vorübergehend nicht erreichbar, bitte später erneut versuchen",
        "451 получатель временно недоступен",
        "550 5.7.1 Connection refused: your host name does not match your address",
        "550 Recipient does not accept mail from you",
        "550 Callout verification failed, no such user",
        "550 198.51.100.9 is an open proxy/relay",
        "554 Your address was reported for attempts to relay",
        "550 Dynamic IP 198.51.100.9 refused, relay via your provider",
        "550 None of your hosts is welcome here",
    ],
)
def test_a_sender_a_look_up_and_a_wait_are_no_denial_of_relaying(reply: str) -> None:
    assert read(reply, us=US).meant is not Meant.RELAYING


def test_an_echo_of_our_own_addresses_names_nobody() -> None:
    assert read("550 5.7.1 <s@b.test> <r@c.test> rejected", us=US).meant is Meant.UNTOLD
    assert read("550 5.7.1 rejected, b.test", us=US).meant is Meant.TESTER


@pytest.mark.parametrize(
    ("meant", "reply"),
    [
        (Meant.TESTER, "550 5.7.1 Client Relay-Test.list.test blocked"),
        (Meant.TESTER, "554 no mail for relay-test.list.test"),
        (Meant.TESTER, "550 mx.relays.list.test: rejected"),
        (Meant.TESTER, "550 go away, Open Relay Watch"),
        (Meant.RELAYING, "550 relay-test.list.test is not permitted to relay"),
        (Meant.RELAYING, "550 5.7.1 relaying denied [relay-test.list.test]"),
        (Meant.RELAYING, "550 relays.list.testing.example is no relay of ours"),
        (Meant.RELAYING, "550 relay access denied"),
    ],
)
def test_a_name_of_ours_that_speaks_of_relays_is_no_word_for_relaying(meant: Meant, reply: str) -> None:
    us = {"relay-test.list.test", "relays.list.test", "open relay watch", "relay", ""}
    assert read(reply, us=us).meant is meant


@pytest.mark.parametrize(
    ("meant", "reply"),
    [
        # Postfix with a smtpd_reject_footer for everybody
        (
            Meant.RELAYING,
            "554 5.7.1 <r@c.test>: Relay access denied 5.7.1 If you believe this is an error, check whether your IP "
            "198.51.100.9 is listed at http://www.blocklist.example/lookup",
        ),
        (Meant.RELAYING, "550 Relaying denied. Ask us if your IP has been blocked."),
        (Meant.TESTER, "550 Relaying denied. Your IP is listed. If that is an error, tell us."),
        (Meant.TESTER, "550 Relaying denied: ask whether we care, you are blacklisted"),
        (Meant.TESTER, "550 5.7.1 Recipient rejected, check whether your IP is listed at bl.test"),
    ],
)
def test_what_is_only_supposed_of_us_beside_a_denial_of_relaying_is_not_said(meant: Meant, reply: str) -> None:
    assert read(reply, us=US).meant is meant


def test_a_name_of_ours_that_is_the_recipients_domain_names_nobody() -> None:
    reply = "550 Annahme verweigert: b.test ist uns fremd"
    assert read(reply, us=US).meant is Meant.TESTER
    assert read(reply, us=US, to_us=True).meant is Meant.UNTOLD
    # and is no word for relaying all the same
    assert read("550 relay-test.b.test: verweigert", us={"relay-test.b.test"}, to_us=True).meant is Meant.UNTOLD


def test_a_name_of_ours_that_is_not_set_is_in_nothing() -> None:
    assert read("550 5.7.1 rejected", us={"", "b.test"}).meant is Meant.UNTOLD


def test_what_a_rule_looked_at_is_found_in_any_line_of_a_reply() -> None:
    lines = "554-5.7.1 Sorry.\n554 5.7.1 <unknown[1.2.3.4]>: Client host rejected: not authorized user"
    assert read(lines).meant is Meant.TESTER


def test_of_a_long_reply_the_start_is_read() -> None:
    assert read(f"550 {'a' * (MOST - 10)} relay").meant is Meant.RELAYING
    assert read(f"550 {'a' * (MOST - 9)} relay").meant is Meant.UNTOLD
    assert MOST == 500


@pytest.mark.parametrize("cut", [0, 1, 2, 3])
def test_a_long_reply_in_another_script_is_read_where_an_escape_or_a_letter_was_cut(cut: int) -> None:
    said = escape(f"550 {'Уважаемый коллега, ' * 8} пересылка запрещена {'й' * 99}".encode())
    assert len(said) > MOST
    assert read(said[: len(said) - cut]).meant is Meant.RELAYING
    assert read(escape("550 пересылка запрещена, коллега".encode())[:-4]).meant is Meant.RELAYING


def test_one_rule_has_one_text_whatever_it_repeats() -> None:
    first = read("554 5.7.1 <ra1@c.test>: rejected, see id 4711-x")
    assert first == read("550 5.7.1 <ra2@c.test>: rejected, see id 4712-y")
    assert first.text != read("554 5.7.1 <ra1@c.test>: turned down, see id 4711-x").text


@given(st.text(max_size=2 * MOST))
def test_whatever_a_stranger_says_is_read(reply: str) -> None:
    assert len(read(reply, us=US).text) <= MOST


@pytest.mark.parametrize(
    ("meant", "reply"),
    [
        # a list that we stand on, in the words of lists of relays
        (Meant.TESTER, "554 5.7.1 Service unavailable; Client host [198.51.100.9] blocked using relays.ordb.org; "
                       "This mail was handled by an open relay - please visit http://ORDB.org/lookup/"),
        (Meant.TESTER, "550 5.7.1 Mail from 198.51.100.9 refused: open relay, see http://www.njabl.org/"),
        (Meant.TESTER, "553 5.3.0 Rejected - 198.51.100.9 is an open relay - see relays.ordb.org"),
        (Meant.TESTER, "550 mail server probe.b.test rejected - listed in relays.mail-abuse.org"),
        (Meant.TESTER, "550 5.7.1 <r@c.test>: Recipient address rejected: your IP 198.51.100.9 is blacklisted"),
        (Meant.TESTER, "554 5.7.1 <r@c.test>: Recipient address rejected: Blocked, 198.51.100.9 listed at bl.test"),
        (Meant.TESTER, '550 "JunkMail rejected - probe.b.test [198.51.100.9] is in an RBL: Blocked"'),
        (Meant.TESTER, "550 Open relay testing from your IP address is not permitted"),
        (Meant.TESTER, "550 We do not accept mail from open relay testers"),
        (Meant.RELAYING, "550 This server is not an open relay"),
        (Meant.RELAYING, "550 5.7.1 <r@c.test>: not listed in public address book, no such user"),
        # who sends is meant, and his domain
        (Meant.TESTER, "553 5.1.8 <s@b.test>... Domain of sender address s@b.test does not exist"),
        (Meant.TESTER, "550 Verification failed for <s@b.test> No Such User Here Sender verify failed"),
        (Meant.TESTER, "550 5.7.26 This mail has been blocked because the sender is unauthenticated. All senders have "
                       "to authenticate with either SPF or DKIM."),
        (Meant.TESTER, "550 5.7.1 [198.51.100.9] The IP you're using to send mail is not authorized to send email "
                       "directly to our servers. Please use the SMTP relay at your service provider instead."),
        (Meant.TESTER, "550 5.7.25 The IP address sending this message does not have a PTR record setup"),
        (Meant.RELAYING, "553 5.7.1 <s@b.test>: Sender address rejected: not logged in"),
        # a wait
        (Meant.UNTOLD, "450 4.2.0 <r@c.test>: Recipient address rejected: Greylisted, see http://postgrey.test/"),
        (Meant.UNTOLD, "451 4.7.1 Greylisting in action, [198.51.100.9], please come back in 00:05:00"),
        (Meant.UNTOLD, "450 too many recipients, try again later"),
        (Meant.TESTER, "421 4.7.0 [IronPort] Too many invalid recipients from your host"),
        # more words of servers
        (Meant.RELAYING, "550 5.1.2 Host unknown (Name server: c.test: host not found)"),
        (Meant.RELAYING, "550 5.7.1 We do not accept mail for r@c.test"),
        (Meant.RELAYING, "550 Unrouteable address"),
        (Meant.RELAYING, "550 must check for new mail first"),
        (Meant.RELAYING, "550 User unknown, check the address and try again"),
        (Meant.UNTOLD, "450 User unknown, try again later"),
        (Meant.RELAYING, "550 Sorry, you are not authorized to send mail through this server"),
        (Meant.TESTER, "550 Mail from your IP range is not accepted here"),
        (Meant.TESTER, "571 Message refused - your host is a known open relay"),
        (Meant.RELAYING, "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found"),
        (Meant.RELAYING, "550 5.7.1 Delivery not authorized, message refused"),
        (Meant.TESTER, "554 5.7.1 rejected, see https://www.spamhaus.org/query/ip/198.51.100.9"),
        (Meant.UNTOLD, "554 5.7.1 rejected, see https://help.example/relay/denied"),
        # we are blocked, in words that speak of relaying or of a login as well
        (Meant.TESTER, "550 Your IP has been flagged for attempting to relay. Blocked."),
        (Meant.TESTER, "535 5.7.8 Your address was now blocked after failed authentication attempts"),
        (Meant.TESTER, "550 5.7.1 rejected, since your mail server relays spam"),
        (Meant.TESTER, "554 relay-gw-3: connections from your network are not taken"),
        (Meant.TESTER, "550 5.7.1 Your network is not allowed to send mail to us"),
        (Meant.TESTER, "554 5.7.1 You are not allowed to send from this address"),
        (Meant.TESTER, "550 5.7.1 Mail from 198.51.100.9 rejected, no such recipient for it"),
        (Meant.TESTER, "550 #5.7.1 Your access to this mail system has been turned down"),
        (Meant.TESTER, "554 you are not welcome here"),
        (Meant.TESTER, "550 5.7.1 Sorry, your host has been rejected for scanning"),
        (Meant.TESTER, "554 5.7.1 SPF validation failed for relay 198.51.100.9"),
        (Meant.RELAYING, "550 your host is refused relaying"),
        (Meant.RELAYING, "550 relaying from your host is blocked"),
        (Meant.RELAYING, "550 Relaying through this host is blocked"),
        (Meant.RELAYING, "550 relay denied, IP logged for abuse"),
        (Meant.RELAYING, "550 relay access of your IP was refused"),
        (Meant.RELAYING, "550 attempted relay denied; your IP has been logged"),
        # the sender's domain is to prove itself, or the enhanced code speaks of the sender
        (Meant.TESTER, "550 5.7.515 Access denied, sending domain b.test does not meet the authentication level"),
        (Meant.TESTER, "550 5.1.8 Unroutable return address"),
        (Meant.TESTER, "550 5.7.27 the domain does not take mail"),
        (Meant.RELAYING, "550 5.1.2 Unroutable address"),
        # a login, and a recipient, in other words
        (Meant.RELAYING, "550 Unauthenticated senders not allowed"),
        (Meant.RELAYING, "530 5.7.7 Sending without authorization rejected"),
        (Meant.RELAYING, "550 The recipient may be a non-existent account. [IP: 198.51.100.9]"),
        (Meant.RELAYING, "550 5.1.1 unknown or illegal alias: r@c.test"),
        (Meant.RELAYING, "550 cuda_nsu r@c.test"),
        (Meant.RELAYING, "550 Sender or recipient must be local"),
        (Meant.RELAYING, "550 5.7.1 Transit mail prohibited"),
        # who sends, beside a noun for who receives; the dots of an address end no sentence
        (Meant.TESTER, "550 Host 198.51.100.9 is barred from sending to users here"),
        (Meant.TESTER, "554 5.7.1 The country you connect from is not allowed to send to our domain"),
        (Meant.TESTER, "550 The sender's mailbox does not exist"),
        (Meant.RELAYING, "550 recipient verify callout failed: mailbox not found"),
        # how much is taken, and in what order things are said
        (Meant.UNTOLD, "550 5.7.1 You have exceeded the number of recipients allowed per hour"),
        (Meant.UNTOLD, "550 recipient limit exceeded"),
        (Meant.UNTOLD, "550 Maximum number of recipients for this connection reached"),
        (Meant.UNTOLD, "550 Hourly limit for recipients reached"),
        (Meant.UNTOLD, "503 RCPT out of order"),
        (Meant.TESTER, "550 Sender b.test not allowed to reach this recipient"),
        (Meant.TESTER, "550 Your provider's network is not trusted by our users"),
        (Meant.TESTER, "550 Your mail server is misconfigured; user will not be told"),
        (Meant.RELAYING, "550 User unknown, your IP has been logged"),
        (Meant.RELAYING, "550 Mail for that place is refused"),
        (Meant.RELAYING, "550 No forwarding for strangers"),
        (Meant.UNTOLD, "503 5.5.1 Bad sequence of commands: RCPT before MAIL not allowed"),
        (Meant.RELAYING, "503 5.5.1 authenticate before RCPT"),
    ],
)  # fmt: skip
def test_what_is_said_of_us_and_of_a_wait_is_no_word_for_relaying(meant: Meant, reply: str) -> None:
    assert read(reply, us=US).meant is meant


@pytest.mark.parametrize(
    ("meant", "text"),
    [
        (Meant.RELAYING, "Bitte authentifizieren Sie sich zuerst"),
        (Meant.RELAYING, "Weiterleitung nicht erlaubt"),
        (Meant.RELAYING, "Authentification requise"),
        (Meant.RELAYING, "É necessária autenticação para enviar mensagens"),
        (Meant.RELAYING, "Inoltro non consentito"),
        (Meant.RELAYING, "Ретрансляция запрещена"),
        (Meant.RELAYING, "Требуется авторизация"),
        (Meant.RELAYING, "不允许中继"),
        (Meant.RELAYING, "需要认证"),
        (Meant.RELAYING, "リレーは許可されていません"),
        (Meant.RELAYING, "인증이 필요합니다"),
        (Meant.RELAYING, "Przekazywanie zabronione"),
        (Meant.RELAYING, "Doorsturen niet toegestaan"),
        (Meant.RELAYING, "Kimlik doğrulama gerekli"),
        (Meant.RELAYING, "Bitte melden Sie sich an, bevor Sie nach außen versenden"),
        (Meant.RELAYING, "Preposielanie zakázané"),
        (Meant.RELAYING, "Препращането не е разрешено"),
        (Meant.RELAYING, "Пересилання заборонено"),
        (Meant.RELAYING, "Прослеђивање није дозвољено"),
        (Meant.RELAYING, "Prosljeđivanje nije dopušteno"),
        (Meant.RELAYING, "Posredovanje ni dovoljeno"),
        (Meant.RELAYING, "Η προώθηση δεν επιτρέπεται"),
        (Meant.RELAYING, "Penerusan tidak diizinkan"),
        (Meant.RELAYING, "ממסר אסור"),
        (Meant.RELAYING, "الترحيل غير مسموح"),
        (Meant.RELAYING, "Edastamine keelatud"),
        (Meant.RELAYING, "Pārsūtīšana nav atļauta"),
        (Meant.TESTER, "Ihre IP-Adresse ist gesperrt, Empfänger nimmt nichts an"),
        (Meant.TESTER, "Ihre IP-Adresse ist gesperrt"),
        (Meant.TESTER, "Votre adresse IP est bloquée"),
        (Meant.TESTER, "Su IP está en lista negra"),
        (Meant.TESTER, "Ваш IP заблокирован"),
        (Meant.TESTER, "您的IP被列入黑名单"),
        (Meant.TESTER, "Unbekannte IP-Adresse"),
        (Meant.RELAYING, "Unbekannt"),
    ],
)
def test_refusals_are_read_in_the_languages_of_servers_as_they_are_kept(meant: Meant, text: str) -> None:
    assert read(f"550 {escape(text.encode())}").meant is meant
    assert read(f"550 {text}").meant is meant


def test_letters_of_latin_1_are_read_too() -> None:
    assert read(f"550 {escape('Empfänger abgelehnt'.encode('latin-1'))}").meant is Meant.RELAYING


@pytest.mark.parametrize(
    ("meant", "reply"),
    [
        # of who receives, whatever is said of him
        *((Meant.RELAYING, f"550 {said}") for said in (
            "can't accept user r",
            "destination server rejected recipients",
            "mailbox is inactive",
            "sorry, your envelope recipient is in my badrcptto list (#5.7.1)",
            "rcpt is rejected",
            "recipient unrecognized",
            "non existent user",
            "<r@c.test> not found",
            "RCPT (r@c.test) doesn't exist",
            "r@c.test is no longer valid",
            "unavailable mail user",
            "Account Closed, Please Remove",
            "Not our Customer",
            "r not in name directory",
            "No such ID",
            "This server does not handle mail for c.test",
            "We are not responsible for c.test",
            "The mail server could not deliver mail to r@c.test. The account may not exist, or may be blacklisted",
            "relay check local fail.",
        )),
        # of who sends or connects, in whose sentences the one who receives stands as well
        *((Meant.TESTER, f"550 {said}") for said in (
            "sender email address rejected",
            "5.7.1 The recipient only accepts mail from approved senders",
            "s is not a permitted sender for this mailbox",
            "s@b.test From: Domain is invalid. Provide a valid From:",
            "bogus mail from",
            "anti-spoofing policy - inbound not allowed",
            "Rejected: 1.2.3.4 is not allowed to send mail from b.test",
            "host network not allowed",
            "Connection rejected by policy [7.7]",
            "please use the smtp server of your ISP",
            "5.7.1 Mail from dynamic pools is not accepted for our users",
            "Requested mail action not taken: Invalid IP",
            "helohost error.",
            "mail from invalid.",
            "High probability of spam",
            "We do not accept mail for our users from hosts without rDNS",
            "5.7.51 TenantInboundAttribution; RestrictDomainsToIPAddresses is set for the recipient domain",
        )),
        (Meant.UNTOLD, "550 unresolvable relay host name"),
        (Meant.UNTOLD, "450 mailbox unavailable"),
        (Meant.UNTOLD, "451 recipient temporarily unavailable"),
        (Meant.RELAYING, "550 mailbox unavailable"),
        (Meant.RELAYING, "450 4.2.1 The user you are trying to contact is not here"),
    ],
)  # fmt: skip
def test_a_noun_for_who_receives_counts_where_nobody_else_is_named(meant: Meant, reply: str) -> None:
    assert read(reply, us=US).meant is meant


@pytest.mark.parametrize(
    ("receives", "sends"),
    [
        ("Kein solcher Benutzer", "Absender unbekannt"),
        ("Boîte inexistante", "Expéditeur inconnu"),
        ("Buzón no disponible", "El dominio del remitente no existe"),
        ("Casella inesistente", "Mittente sconosciuto"),
        ("Conta inexistente", "Remetente desconhecido"),
        ("Nie ma takiego uzytkownika", "Nadawca nieznany"),
        ("Ontvanger onbekend", "Afzender onbekend"),
        ("Пользователь не найден", "Домен отправителя не существует"),
        ("Користувача не знайдено", "Відправник невідомий"),
        ("Kullanici bulunamadi", "Gönderen bilinmiyor"),
        ("Uživatel neexistuje", "Odesílatel neexistuje"),
        ("Användaren finns inte", "Okänd avsändare"),
        ("Bruger findes ikke", "Ukendt afsender"),
        ("Käyttäjää ei löydy", "Tuntematon lähettäjä"),
        ("Nincs ilyen felhasználó", "Feladó ismeretlen"),
        ("Ο χρήστης δεν υπάρχει", "Άγνωστος αποστολέας"),
        ("使用者不存在", "寄件者不存在"),
        ("用户不存在", "发件人不存在"),
        ("宛先が見つかりません", "送信者が不明です"),
        ("사용자를 찾을 수 없습니다", "발신자를 찾을 수 없습니다"),
        ("Người nhận không tồn tại", "Người gửi không tồn tại"),
        ("ไม่พบผู้ใช้", "ไม่พบผู้ส่ง"),
        ("Pengguna tidak ditemukan", "Pengirim tidak dikenal"),
        ("המשתמש אינו קיים", "השולח אינו קיים"),
        ("المستخدم غير موجود", "المرسل غير موجود"),
        ("Utilizatorul nu există", "Expeditorul nu există"),
        ("Destinatar necunoscut", "Expeditor necunoscut"),
        ("Neznan prejemnik", "Neznan pošiljatelj"),
        ("Nepoznat primalac", "Nepoznat pošiljalac"),
        ("Tundmatu saaja", "Tundmatu saatja"),
        ("Gavėjas neegzistuoja", "Siuntėjas neegzistuoja"),
        ("Saņēmējs nav zināms", "Sūtītājs nav zināms"),
        ("प्राप्तकर्ता नहीं मिला", "प्रेषक नहीं मिला"),
    ],
)
def test_who_sends_and_who_receives_are_told_apart_in_other_languages(receives: str, sends: str) -> None:
    assert read(f"550 {receives}").meant is Meant.RELAYING
    assert read(f"550 {sends}").meant is Meant.TESTER


@pytest.mark.parametrize(
    ("meant", "reply"),
    [
        (Meant.UNTOLD, "550 5.1.1 User unknown"),
        (Meant.UNTOLD, "553 invalid domain"),
        (Meant.UNTOLD, "550 Benutzer unbekannt"),
        (Meant.RELAYING, "550 relaying denied"),
        (Meant.RELAYING, "530 5.7.57 Client was not authenticated to send anonymous mail during MAIL FROM"),
        (Meant.RELAYING, "550 Bitte zuerst anmelden, Benutzer unbekannt"),
        (Meant.TESTER, "553 5.1.8 Domain of sender address does not exist"),
        (Meant.UNTOLD, "550 no"),
    ],
)
def test_an_address_that_is_spoken_of_at_mail_is_the_senders(meant: Meant, reply: str) -> None:
    assert read(reply, us=US, at_sender=True).meant is meant
