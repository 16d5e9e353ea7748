"""The forms of programs, and the codes that bounces quote."""

from __future__ import annotations

import re

import pytest
from samples import LETTER, MESSAGE

from tester.bounces.forms import (
    BLOCKED,
    DENIED,
    FILTERED,
    FORMS,
    GAVE_UP,
    PERMANENT_CODE,
    SPENT,
    STUMBLED,
    TEMPORARY_CODE,
)
from tester.bounces.ours import Ours
from tester.bounces.own import read
from tester.bounces.reading import read as weigh
from tester.mime import header, lines, parts
from tester.verdict import Finding
from tests.answers.corpus import CORPUS, Message
from tests.rows import rows


def forms_in(kind: str) -> set[str]:
    """The forms that the corpus has messages of this kind in."""
    found = set()
    for message in CORPUS:
        if message.kind == kind:
            raw = message.filled(recipient=LETTER.recipient, sender=LETTER.sender, letter=MESSAGE)
            text = read(b"", parts(lines(raw))).text
            found |= {form.name for form in FORMS if form.sign.search(text)}
    return found


def test_the_corpus_has_a_bounce_in_every_form() -> None:
    assert forms_in("bounced") == {form.name for form in FORMS}


def test_notes_of_delay_and_holds_are_in_no_form_that_is_an_end_by_itself() -> None:
    ends = {form.name for form in FORMS if form.ends}
    assert forms_in("held") & ends == set()
    assert forms_in("delayed") & ends <= {"qmail", "Exim"}, "which say that they gave up"


#: What each program writes and nobody else, without a code or a word that says why.
WRITTEN = {
    "qmail": "Hi. This is the qmail-send program at x. I'm afraid I wasn't able to deliver your message to these.",
    "Exim": "This message was created automatically by mail delivery software. A message that you sent could not be "
    "delivered to one or more of its recipients. The following addresses failed:",
    "Postfix": "This is the mail system at host x. I'm sorry to have to inform you that your message is returned below",
    "Sendmail": "----- Transcript of session follows -----",
    "Exchange": "Delivery has failed to these recipients or distribution lists:",
    "Domino": "Your document x was not delivered to: you because:",
    "SmarterMail": "Could not deliver message to the following recipient(s): Failed Recipient: you Reason:",
    "XMail": "[<00>] XMail bounce: Rcpt=[you];Error=[]",
    "MDaemon": "The attached message had PERMANENT fatal delivery errors!",
    "IMail": "Undeliverable to: you Original message follows",
    "GroupWise": "The message that you sent was undeliverable to the following:",
    "Courier": "UNDELIVERABLE MAIL. Your message to the following recipients cannot be delivered:",
    "OpenSMTPD": "An error has occurred while attempting to deliver a message for the following list of recipients:",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_form_that_no_delay_is_written_in_says_by_itself_that_it_is_the_end(name: str) -> None:
    raw = lines(f"Subject: x\n\n{WRITTEN[name]}\n<{LETTER.recipient}@c.example>\n".encode())
    said = weigh(header(raw), parts(raw), recipient=LETTER.recipient, null_sender=True, us=Ours(names=()))
    (form,) = (form for form in FORMS if form.sign.search(" ".join(WRITTEN[name].lower().split())))
    assert form.name == name
    assert form.ends is (name not in ("Postfix", "Sendmail", "XMail", "IMail"))
    if form.ends:
        assert said.reason == f"A bounce as {name} writes it says that the letter has failed for good."
    else:
        assert said.finding is Finding.UNPROVEN


#: The host that mail is passed on to, where servers call it their relay: a fault of it is no refusal to relay.
FAULTS_OF_A_RELAY = (
    "the relay was not reachable",
    "no route to relay",
    "no answer from relay",
    "no relay available for this domain",
    "the mail relay is not responding, recipient unknown state",
    "cannot reach relay for recipient",
    "unable to contact relay host",
    "connection to relay refused",
    "the relay refused connection",
    "relay rejected our credentials for user",
    "relay closed the connection, user not tried",
    "not enough relays are up for this domain",
    "relay not configured, recipient could not be sent on",
    "relay password not accepted for user x",
    "tls is required, but was not offered by host relay.isp.example",
)
DENIALS_OF_RELAYING = (
    "relaying denied",
    "relay access denied",
    "we do not relay",
    "relaying is not allowed for this domain",
    "not permitted to relay through this server",
    "unable to relay",
    "relaying of mail refused",
    "relay for external domains prohibited",
    "relaying not supported here",
    "relaying denied. ip name lookup failed",
)


@rows(("text", "denied"), [*((one, False) for one in FAULTS_OF_A_RELAY), *((one, True) for one in DENIALS_OF_RELAYING)])
def test_a_relay_that_could_not_be_used_is_another_host_and_no_denial(text: str, denied: bool) -> None:
    assert bool(DENIED.search(text)) is denied
    assert bool(GAVE_UP.search(text)) is not denied
    assert not (denied and STUMBLED.search(text))


def test_a_client_that_was_refused_since_a_relay_is_listed_is_no_denial_of_relaying() -> None:
    assert not DENIED.search("client not allowed, relay listed in rbl")


def test_every_form_is_tried() -> None:
    assert list(WRITTEN) == [form.name for form in FORMS]


@pytest.mark.parametrize(
    "text",
    [
        "550 relaying denied",
        "550-5.7.1 no",
        "(550)",
        "#5.7.1 smtp;550 5.7.1",
        "reason: 5.1.1.",
        "554: no",
        "550 <x> no",
        "550",
    ],
)
def test_a_permanent_code_is_seen(text: str) -> None:
    assert PERMANENT_CODE.search(text)
    assert not TEMPORARY_CODE.search(text)


@pytest.mark.parametrize("text", ["450 greylisted", "451-4.7.1 later", "(#4.4.1)", "status 4.2.2", "421 <x> busy"])
def test_a_temporary_code_is_seen(text: str) -> None:
    assert TEMPORARY_CODE.search(text)
    assert not PERMANENT_CODE.search(text)


@pytest.mark.parametrize(
    "text",
    ["5.1.1.1", "[198.51.100.5]", "version 1.5.5.1", "x550", "a@550.example", "1550 octets", "10.4.5.6", "8.17.1.9/8"],
)
def test_what_is_no_code_is_none(text: str) -> None:
    assert not PERMANENT_CODE.search(text)
    assert not TEMPORARY_CODE.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "retry timeout exceeded",
        "this message has been in the queue too long",
        "connect to mx.example[192.0.2.1]:25: connection refused",
        "lost connection with mx.example",
        "could not be delivered for 5 days",
        "delivery failed 20 attempts",
        "host or domain name not found. name service error",
        "sorry, i couldn't find any host named c.example",
        "no route found to domain c.example from server mail/relay. check dns",
        "no mail servers appear to exist for the recipient's address",
        "the domain could not be resolved",
        "server certificate not trusted",
        "tls is required, but was not offered",
        "starttls is required",
        "mx lookup responded with nxdomain",
        "retry time not reached for any host",
    ],
)
def test_who_tried_in_vain_gave_up(text: str) -> None:
    assert GAVE_UP.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "550 relaying denied",
        "user unknown",
        "does not like recipient",
        "giving up on 192.0.2.1",
        "no valid cert for gatewaying",
        "unrouteable address",  # Exim says so of every address that none of its routers takes
    ],
)
def test_a_refusal_is_no_giving_up(text: str) -> None:
    assert not GAVE_UP.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "500 line too long (see rfc5321 4.5.3.1.6)",
        "552 message too big",
        "552 message size exceeds fixed maximum message size",
        "501 syntax: mail from:<address>",
        '500 error: command "x" not recognized',
        "421 too many connections",
    ],
)
def test_a_fault_in_form_is_no_refusal_to_relay(text: str) -> None:
    assert STUMBLED.search(text)


@rows("message", [m for m in CORPUS if m.kind == "bounced"], ids=lambda m: m.name)
def test_no_bounce_of_the_corpus_stumbled(message: Message) -> None:
    raw = message.filled(recipient=LETTER.recipient, sender=LETTER.sender, letter=MESSAGE)
    assert not STUMBLED.search(read(b"", parts(lines(raw))).text)


@pytest.mark.parametrize(
    ("words", "text"),
    [
        *((SPENT, text) for text in (
            "your mailbox is full", "552 over", "5.2.2 x", "ihr postfach ist voll", "boîte de réception pleine",
            "buzón lleno", "casella piena", "caixa cheia", "postvak vol", "skrzynka jest pełna", "ящик переполнен",
            "schránka je plná", "posta kutusu dolu", "容量オーバー", "邮箱已满", "용량 초과", "hourly limit exceeded",
            "you have exceeded your sending limit", "the account is suspended",
        )),
        *((BLOCKED, text) for text in ("client host [192.0.2.1] blocked", "sender verify failed", "spf check failed")),
        *((FILTERED, text) for text in ("attachment type forbidden", "anhang nicht erlaubt", "垃圾邮件", "спам")),
    ],
)  # fmt: skip
def test_what_hinders_a_letter_is_no_refusal_to_relay(words: re.Pattern[str], text: str) -> None:
    assert words.search(text)


@pytest.mark.parametrize("text", ["relaying denied", "user unknown", "see the attachment", "1552 x", "full name"])
def test_what_hinders_nothing_is_none_of_these(text: str) -> None:
    assert not any(words.search(text) for words in (SPENT, BLOCKED, FILTERED))


@pytest.mark.parametrize(
    ("text", "denied"),
    [
        ("relaying denied. ip name lookup failed", True),
        ("<r@c.example>: relay access denied", True),
        ("we do not relay", True),
        ("not in my list of allowed rcpthosts", True),
        ("host relay.example said: timed out", False),
        ("client host blocked using relays.example", False),
    ],
)
def test_a_denial_of_relaying_is_told_from_other_words_of_relays(text: str, denied: bool) -> None:
    assert bool(DENIED.search(text)) is denied
