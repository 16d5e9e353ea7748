"""What our mails say, and whom they may go to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from importlib.metadata import version
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl import DISTRIBUTION
from dnsbl.model import Notice
from dnsbl.rules import arf, notices
from dnsbl.settings import Settings
from dnsbl.vocabulary import NoticeState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings.model_validate(
    {
        "service": {"name": "Our List", "contact": "people@list.example", "website": "https://list.example"},
        "notices": {"smarthost": "mail.list.example", "sender": "relays@list.example"},
        "tester": {"collector_domain": "c.list.example", "bounce_domain": "b.list.example"},
        "collector": {"hostname": "mx.list.example"},
    }
)


#: A Message-ID with an encoded word in it (RFC 2047), which would begin a field and a text of a stranger's.
HIDDEN = "<=?utf-8?q?a=0d=0aBcc:_x@y.z=0d=0a=0d=0aPay_here?=@x>"


def notice(template: str = "trial", answers: str = "", **facts: str) -> Notice:
    return Notice(
        id=1,
        token="abcdefghijklmnopqrstuvwxyz",
        template=template,
        recipient="owner@host.example",
        subject="list",
        facts=json.dumps(facts),
        answers=answers,
        queued=NOW,
        due=NOW,
        state=NoticeState.QUEUED,
        takes=0,
        tries=0,
        reply="",
    )


def test_a_mail_is_plain_text_says_that_a_machine_made_it_and_is_the_same_octets_each_time() -> None:
    words = notices.templates()["trial"]
    octets = notices.compose(notice(), words, SETTINGS)
    assert octets == notices.compose(notice(), words, SETTINGS)
    mail = message_from_bytes(octets, policy=default)
    assert mail["From"] == "Our List <relays@list.example>"
    assert (mail["To"], mail["Reply-To"]) == ("owner@host.example", "people@list.example")
    assert mail["Subject"] == "A mail on trial from Our List"
    assert mail["Message-ID"] == "<abcdefghijklmnopqrstuvwxyz@list.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime == NOW
    assert mail["In-Reply-To"] is None
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().endswith("-- \r\nOur List\r\nhttps://list.example\r\n")
    assert all(line == b"" or b"\n" not in line for line in octets.split(b"\r\n")), "lines end in CRLF"


def test_an_answer_names_what_it_answers() -> None:
    mail = message_from_bytes(
        notices.compose(notice(answers="<a@b.example>"), notices.templates()["trial"], SETTINGS), policy=default
    )
    assert (mail["Auto-Submitted"], mail["In-Reply-To"], mail["References"]) == (
        "auto-replied",
        "<a@b.example>",
        "<a@b.example>",
    )


def test_what_an_operator_has_written_goes_out_as_he_wrote_it_and_as_no_machines_word() -> None:
    text = "Grüß Gott,\n" + "a long paragraph of one line, " * 60 + "\nнаписано\u202e рукой {service}"
    made = notices.compose(
        notice("answer", answers="<a@b.example>", text=text, subject="Re: Hilfe"),
        notices.templates()["answer"],
        SETTINGS,
    )
    mail = message_from_bytes(made, policy=default)
    assert mail.get_content().replace("\r\n", "\n").startswith(text.replace("\u202e", r"\xe2\x80\xae"))
    assert mail["Auto-Submitted"] is None and mail["In-Reply-To"] == "<a@b.example>"
    assert max(map(len, made.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("queued", [{"answers": HIDDEN}, {"end": HIDDEN}, {"what": HIDDEN}])
def test_an_encoded_word_in_what_is_queued_already_begins_no_field_and_no_text(queued: dict[str, str]) -> None:
    words = notices.template("Subject: about {what}\n\nIt was {what}, see {end}.\n")
    octets = notices.compose(notice(**queued), words, SETTINGS)
    head, _, text = octets.partition(b"\r\n\r\n")
    assert text.startswith(b"It was ")
    assert not any(line.startswith((b"Bcc", b"Pay")) for line in octets.split(b"\r\n"))
    fields = message_from_bytes(head, policy=default)
    assert all(str(value).isprintable() for value in fields.values())
    assert (fields["In-Reply-To"], fields["To"]) == (None, "owner@host.example")
    assert fields["Subject"].startswith("about <= ?utf-8?" if "what" in queued else "about -")


def test_a_recipient_who_is_no_plain_address_makes_no_mail() -> None:
    wrong = replace(notice(), recipient="=?utf-8?q??=@x.example")
    with pytest.raises(ValueError, match="its recipient is no mail address"):
        notices.compose(wrong, notices.templates()["trial"], SETTINGS)


def test_a_list_may_be_called_by_what_looks_like_an_encoded_word() -> None:
    named = SETTINGS.model_copy(update={"service": SETTINGS.service.model_copy(update={"name": "=?utf-8?q?a=0a?="})})
    head = message_from_bytes(notices.compose(notice(), notices.templates()["trial"], named), policy=default)
    assert head["From"] == "= ?utf-8?q?a=0a?= <relays@list.example>"


@given(st.text(max_size=500))
def test_whatever_a_fact_holds_it_neither_adds_a_field_nor_is_read_as_a_template(value: str) -> None:
    words = notices.template("Subject: about {what}\n\nIt was {what}.\n")
    octets = notices.compose(notice(what=value), words, SETTINGS)
    assert len(octets.split(b"\r\n\r\n")[0].split(b"\r\n")) < 25
    mail = message_from_bytes(octets, policy=default)
    assert mail["Bcc"] is None and mail["To"] == "owner@host.example"
    assert len(mail.defects) == 0
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))


def test_a_fact_is_bounded_and_its_braces_are_no_template() -> None:
    words = notices.template("Subject: x\n\n{what}|{missing}\n")
    text = notices.compose(notice(what="{service}\r\nBcc: a@b\x1b[31m" + "\nline" * 100), words, SETTINGS).decode()
    assert "{service}\r\nBcc: a@b\\x1b[31m\r\nline\r\n" in text
    assert "(42 more)" in text and text.count("\r\nline") == 58
    assert "|-\r\n" in text, "a fact that was not given is a dash"
    assert len(notices.fact("a" * 5000)) == notices.LINE_MOST + 3


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("Owner@Host.EXAMPLE", "Owner@host.example"),
        (" <a.b+c@x-y.example> ", "a.b+c@x-y.example"),
        ("relays@list.example", "relays@list.example"),
        ("postmaster@c.list.example", ""),
        ("x@B.List.Example", ""),
        ("nominate@mx.list.example", ""),
        ("a@localhost", ""),
        ("a@[192.0.2.1]", ""),
        ("a@192.0.2.1", ""),
        ("a..b@x.example", ""),
        (".a@x.example", ""),
        ('"a b"@x.example', ""),
        ("a@x.example, b@x.example", ""),
        ("a@x.example\r\nRCPT TO:<b@x.example>", ""),
        ("ä@x.example", ""),
        ("a" * 65 + "@x.example", ""),
        ("a@" + "x." * 130 + "example", ""),
        ("a@-x.example", ""),
        ("=?utf-8?q??=@x.example", ""),
        ("a=?@x.example", ""),
        ("a=b?c@x.example", "a=b?c@x.example"),
        ("", ""),
    ],
)
def test_only_plain_addresses_of_others_get_mail(text: str, address: str) -> None:
    assert notices.mailbox(text, SETTINGS) == address


@given(st.text(max_size=300))
def test_what_is_taken_for_an_address_fits_into_a_command(text: str) -> None:
    address = notices.mailbox(text, SETTINGS)
    assert address.isascii() and len(address) <= 254
    assert not set(address) & set(' <>\r\n\0,;:"\\')


def test_only_a_message_id_is_named_again() -> None:
    assert notices.message_id(" <a.b@c> ") == "<a.b@c>"
    for bad in ("a@b", "<a@b> <c@d>", "<a@b>\r\nBcc: x", "<a b@c>", "<>", "<" + "a" * 300 + "@b>", HIDDEN, "<a@=?b>"):
        assert notices.message_id(bad) == ""


def test_an_operators_words_stand_in_place_of_ours_and_every_mistake_in_them_is_named() -> None:
    assert notices.templates({"trial": "Subject: Hello\n\nI am {service}.\n"})["trial"].title == "Hello"
    for name, text, why in (
        ("other", "Subject: x\n\ny\n", "there is no such mail"),
        ("trial", "y\n", "a line `Subject"),
        ("trial", "y\n\nz\n", "a line `Subject"),
        ("trial", "Subject: x", "a line `Subject"),
        ("trial", "Subject: y\nTo: me\n\ny\n", "a line `Subject"),
        ("trial", "Subject: x\nTo: me\n\ny\n", "a line `Subject"),
        ("trial", "Subject: x\n\n{nonsense}\n", "there is no fact nonsense"),
        ("trial", "Subject: x\n\n{service.name}\n", "a fact is a word"),
        ("trial", "Subject: x\n\n{}\n", "a fact is a word"),
        ("trial", "Subject: x\n\n{\n", "expected '}'|Single"),
    ):
        with pytest.raises(ValueError, match=why) as told:
            notices.templates({name: text})
        assert str(told.value).startswith(f"{name}.txt: ")


def test_in_every_mail_the_facts_of_the_list_may_be_told() -> None:
    text = "Subject: x\n\n{service}{website}{contact}{site}{out}\n"
    assert notices.templates(dict.fromkeys(notices.templates(), text))


def test_every_mail_of_ours_can_be_made_without_a_single_fact() -> None:
    for name, words in notices.templates().items():
        assert notices.compose(notice(name), words, SETTINGS)


def composed(
    words: notices.Template, settings: Settings = SETTINGS, template: str = "trial", **facts: str
) -> EmailMessage:
    octets = notices.compose(notice(template, **facts), words, settings)
    return message_from_bytes(octets, policy=default)  # type: ignore[return-value]


def test_who_may_be_told_again_is_told_how_to_end_it_where_the_words_say_so() -> None:
    page = f"{SETTINGS.web.base_url}/notices/abcdefghijklmnopqrstuvwxyz"
    for text, facts, out in (
        ("{out}", {}, page),
        ("{end}", {"end": "https://list.example/watch/token"}, "https://list.example/watch/token"),
        ("{end}", {}, page),
        ("nothing", {"end": "https://list.example/watch/token"}, None),
    ):
        mail = composed(notices.template(f"Subject: x\n\n{text}\n"), **facts)
        assert mail["List-Unsubscribe"] == (f"<{out}>" if out else None)
        assert mail["List-Unsubscribe-Post"] == ("List-Unsubscribe=One-Click" if out else None)
        assert mail["X-Auto-Response-Suppress"] == "All"
    assert page in composed(notices.template("Subject: x\n\n{out}\n")).get_content()


def test_the_facts_that_every_mail_has_are_the_lists_own() -> None:
    words = notices.template("Subject: {service}\n\n{service}|{website}|{contact}|{site}\n")
    text = composed(words, service="another").get_content()
    assert text.startswith(f"Our List|https://list.example|people@list.example|{SETTINGS.web.base_url}\r\n")


def test_answers_go_where_settings_say_and_a_list_without_a_sender_is_localhost() -> None:
    words = notices.templates()["trial"]
    elsewhere = SETTINGS.model_copy(
        update={"notices": SETTINGS.notices.model_copy(update={"reply_to": "desk@x.example"})}
    )
    assert composed(words, elsewhere)["Reply-To"] == "desk@x.example"
    nobody = SETTINGS.model_copy(update={"notices": SETTINGS.notices.model_copy(update={"sender": ""})})
    assert notices.identity(notice(), nobody) == "<abcdefghijklmnopqrstuvwxyz@localhost>"


def test_a_subject_is_one_line_of_two_hundred_characters() -> None:
    words = notices.template("Subject: about  {what}\n\nx\n")
    assert composed(words, what="a\n b")["Subject"] == "about a b"
    assert composed(words, what="a" * 280)["Subject"] == "about " + "a" * 194


def test_what_just_fits_is_said_whole() -> None:
    assert notices.fact("a" * 300) == "a" * 300
    assert notices.fact("a" * 301) == "a" * 300 + "..."
    assert notices.fact("\n".join(["a"] * 60)) == "\n".join(["a"] * 60)
    assert notices.fact("\n".join(["a"] * 61)) == "\n".join(["a"] * 60 + ["(1 more)"])
    assert notices.fact("\r\na\r\nb\n\n") == "a\nb"
    assert notices.fact("\udcff\x1b") == "\\\\udcff\\x1b"
    assert notices.fact("x\n") == "x"


def test_an_operators_words_may_join_letters_and_what_would_not_be_seen_is_shown() -> None:
    assert notices.own_words("a\t\u200d\n\udcff\x1b") == "a\t\u200d\n\\\\udcff\\x1b"
    assert composed(notices.templates()["answer"], template="answer").get_content().startswith("-\r\n")


def test_a_mail_of_ascii_is_sent_as_it_is_and_any_other_so_that_every_server_takes_it() -> None:
    words = notices.template("Subject: x\n\n{service}: it relays\n")
    octets = notices.compose(notice(), words, SETTINGS)
    assert b"Content-Transfer-Encoding: 7bit" in octets
    named = SETTINGS.model_copy(update={"service": SETTINGS.service.model_copy(update={"name": "Die Läste"})})
    octets = notices.compose(notice(), notices.template("Subject: x\n\ngrün\n"), named)
    assert b"Content-Transfer-Encoding: quoted-printable" in octets and octets.isascii()
    assert b"gr=C3=BCn" in octets


@pytest.mark.parametrize(("line", "plain"), [("a" * 900, True), ("a" * 901, False), ("a line\n" * 300, True)])
def test_lines_of_any_server_are_sent_as_they_are_and_longer_ones_so_that_none_is_too_long(
    line: str, plain: bool
) -> None:
    octets = notices.compose(notice(), notices.template(f"Subject: x\n\n{line}\n"), SETTINGS)
    assert (b"Content-Transfer-Encoding: 7bit" in octets) is plain


def test_a_mail_with_the_facts_of_a_report_is_one() -> None:
    facts = arf.facts(source=ip_address("192.0.2.1"), arrived=NOW, page="https://list.example/x", chain=["from a by b"])
    mail = composed(notices.templates()["trial"], **facts)
    assert (mail.get_content_type(), mail.get_boundary()) == ("multipart/report", notice().token)
    _, told, _ = mail.iter_parts()
    [said] = told.get_payload()
    assert said["User-Agent"] == f"dnsbl/{version(DISTRIBUTION)}"
    assert said["Reporting-MTA"] == "dns; mx.list.example"


def test_an_address_may_stand_in_brackets_and_none_of_our_machines_gets_mail_in_any_case() -> None:
    assert notices.mailbox("<a@x.example>", SETTINGS) == "a@x.example"
    assert notices.mailbox(f"a@{'x' * 63}.example", SETTINGS) == f"a@{'x' * 63}.example"
    assert notices.mailbox(f"a@{'x' * 64}.example", SETTINGS) == ""
    assert notices.mailbox(f"{'a' * 64}@x.example", SETTINGS) == f"{'a' * 64}@x.example"
    pairs = SETTINGS.model_copy(
        update={"tester": SETTINGS.tester.model_copy(update={"mx_domain": "pair.list.example"})}
    )
    assert notices.mailbox("a@Pair.List.Example", pairs) == ""
    assert notices.mailbox("a@pair.list.example", SETTINGS) == "a@pair.list.example"


def test_words_may_end_their_lines_as_anywhere_and_name_their_facts() -> None:
    words = notices.template("Subject:  Hello {address} \r\n\r\n\r\nIt is {page}.\r\n\r\n")
    assert (words.title, words.text) == ("Hello {address}", "It is {page}.\n")
    assert notices.template("Subject: a\n\nIt is x\n").text == "It is x\n"
    assert words.names == {"address", "page"}
