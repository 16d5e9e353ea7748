"""Whatever a stranger sends is opened: the proof is found whatever happened on the way, and a report is told apart."""

from __future__ import annotations

import base64
import quopri
import time
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import BODY, MESSAGE, PROOF

from tester.mime import LARGEST
from tester.returned import Collected, Unwrapped, unwrap


@pytest.mark.parametrize(
    ("recipient", "token"), [("abc", "abc"), ("ABC", "abc"), ("x" * 65, "x" * 64), ("\u0130" * 40, "i\u0307" * 32)]
)
def test_a_token_is_read_in_one_spelling_and_bounded(recipient: str, token: str) -> None:
    assert collected(recipient=recipient).token == token


def test_the_null_reverse_path_is_told_from_any_other() -> None:
    assert collected(mail_from="").null_sender
    assert not collected(mail_from="x@y.example").null_sender


def collected(**changed: str) -> Collected:
    plain: Any = {
        "peer": ip_address("192.0.2.1"),
        "peer_port": 1025,
        "local": "192.0.2.25:25",
        "tls": False,
        "helo": "x",
        "mail_raw": b"",
        "rcpt_raw": b"",
        "mail_from": "",
        "recipient": "r",
        "domain": "c.example",
        "message": b"",
        "received_at": 0.0,
    }
    return Collected(**plain | changed)


def unwrapped(body: str | bytes, *header: str) -> Unwrapped:
    body = body if isinstance(body, bytes) else body.encode("latin-1")
    return unwrap("".join(f"{line}\r\n" for line in header).encode() + b"\r\n" + body)


def anywhere(found: Unwrapped) -> str:
    """All text, of copies and reports too."""
    return "".join(part.content.decode("latin-1") for part in found.parts if part.kind.startswith("text/"))


def html_of(text: str) -> str:
    return "<html><body>" + text.replace("\r\n", "<br>\r\n").replace(" ", "&nbsp;") + "</body></html>"


QUOTED = "".join(f"> {line}\r\n" for line in BODY.decode().split("\r\n"))
WAYS = {
    "as written": (BODY, ()),
    "bare line feeds": (BODY.replace(b"\r\n", b"\n"), ()),
    "doubled carriage returns": (BODY.replace(b"\r\n", b"\r\r\n"), ()),
    "quoted-printable": (quopri.encodestring(BODY), ("Content-Transfer-Encoding: Quoted-Printable",)),
    "quoted-printable, all of it": (
        "".join(f"={byte:02X}" + "=\r\n" * (n % 20 == 19) for n, byte in enumerate(BODY)),
        ("Content-Transfer-Encoding: quoted-printable",),
    ),
    "base64": (
        base64.encodebytes(BODY),
        ("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64"),
    ),
    "base64 with a footer": (
        base64.encodebytes(BODY + b"\n" * (-(len(BODY) + 1) % 3)) + b"-- \r\nThis mail was scanned.\r\n",
        ("Content-Transfer-Encoding: BASE64",),
    ),
    "base64, cut off": (base64.b64encode(BODY)[:-3], ("Content-Transfer-Encoding: base64",)),
    "HTML": (html_of(BODY.decode()), ("Content-Type: TEXT/HTML; charset=us-ascii",)),
    "HTML, emphasised": (f"<p>Proof:</p><td><b\n>{PROOF}</b>", ("Content-Type: text/html",)),
    "quoted": (QUOTED, ()),
    "rewrapped": (f"text Proof:\r\n> > {PROOF[:9]}\r\n> > {PROOF[9:]} text goes on", ()),
    "upper case": (BODY.upper(), ()),
    "with a disclaimer": (BODY + b"\r\n--\r\nThis message is confidential.\r\n", ()),
    "in UTF-16": (
        base64.encodebytes(BODY.decode().encode("utf-16")),
        ("Content-Type: text/plain; charset=utf-16", "Content-Transfer-Encoding: base64"),
    ),
    "called UTF-16": (BODY, ("Content-Type: text/plain; charset=utf-16",)),
    "in UTF-16 that is called ASCII": (
        base64.encodebytes(BODY.decode().encode("utf-16-le")),
        ("Content-Type: text/plain; charset=us-ascii", "Content-Transfer-Encoding: base64"),
    ),
    "in UTF-16, the other way round": (
        base64.encodebytes(BODY.decode().encode("utf-16-be")),
        ("Content-Type: text/plain; charset=iso-10646-ucs-2", "Content-Transfer-Encoding: base64"),
    ),
    "in UTF-16 in what Outlook packs": (
        base64.encodebytes(b"\x78\x9f\x3e\x22" + BODY.decode().encode("utf-16-le")),
        ("Content-Type: application/ms-tnef", "Content-Transfer-Encoding: base64"),
    ),
    "an encoding in quotation marks": (base64.encodebytes(BODY), ('Content-Transfer-Encoding: "base64"',)),
    "an encoding behind a comment": (base64.encodebytes(BODY), ("Content-Transfer-Encoding: (so to say) base64",)),
    "a label that is emphasised in HTML": (f"<p><b>Proof</b>: {PROOF}", ("Content-Type: text/html",)),
    "a label in two pieces of HTML": (f"<p><i>Pro</i><i>of:</i> {PROOF}", ("Content-Type: text/html",)),
    "a colon of its own in HTML": (f"<td>Code</td><td>:</td><td>{PROOF}</td>", ("Content-Type: text/html",)),
    "hyphens in HTML that nobody sees": (
        f"Pro&shy;of:&#8203; {PROOF[:9]}&shy;{PROOF[9:]}",
        ("Content-Type: text/html",),
    ),
    "breaks that nobody sees": (
        f"Proof: {PROOF[:9]}\u200b{PROOF[9:]}".encode(),
        ("Content-Type: text/plain; charset=utf-8",),
    ),
    "XHTML": (html_of(BODY.decode()), ("Content-Type: application/xhtml+xml",)),
    "enriched text": (f"<bold>Proof</bold>: <fixed>{PROOF}</fixed>", ("Content-Type: text/enriched",)),
    "RTF": (rf"{{\rtf1 Proof: {PROOF}\par}}", ("Content-Type: application/rtf",)),
    "an unknown type": (BODY, ("Content-Type: x-unknown/x-unknown",)),
    "signed in the old way": (BODY, ("Content-Type: application/pgp; format=text; x-action=sign",)),
    "an emphasised label": (f"*Proof*: {PROOF}", ()),
    "an underlined label": (f"_Proof_: _{PROOF}_", ()),
    "a blank before the colon": (f"Proof : {PROOF}", ()),
    "a wide colon": (f"Proof\uff1a{PROOF}".encode(), ("Content-Type: text/plain; charset=utf-8",)),
    "in quotation marks": (f"Proof: \u201c{PROOF}\u201d".encode(), ("Content-Type: text/plain; charset=utf-8",)),
    "quoted by bars": (f"| Proof:\r\n| {PROOF[:9]}\r\n| {PROOF[9:]}", ()),
    "a long line that Sendmail has broken": (f"Proof: {PROOF[:9]}!\r\n {PROOF[9:]}", ()),
    "in UTF-8": ("Grüße. ".encode() + BODY, ("Content-Type: text/plain; charset=utf-8",)),
    "of an unreadable type": (BODY, ("Content-Type: ;;;",)),
    "multipart without a boundary": (BODY, ("Content-Type: multipart/mixed",)),
    "multipart with a wrong boundary": (BODY, ("Content-Type: multipart/mixed; boundary=other",)),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_proof_is_found_whatever_happened_on_the_way(way: str):
    body, header = WAYS[way]
    found = unwrapped(body, "From: <s@b.example>", *header)
    assert (found.proofs, found.is_report) == ({PROOF}, False)


def multipart(kind: str, *parts: str, end: bool = True) -> bytes:
    inner = "".join(f"--=_x\r\n{part}\r\n" for part in parts) + "--=_x--\r\nepilogue\r\n" * end
    return f'Content-Type: multipart/{kind};\r\n\tboundary="=_x"\r\n\r\npreamble\r\n{inner}'.encode("latin-1")


PLAIN = "\r\n" + BODY.decode()
FOOTER = "Content-Type: text/plain\r\n\r\nThis mail was scanned.\r\n"
COPY = "Content-Type: message/rfc822\r\n\r\n" + MESSAGE.decode()


@pytest.mark.parametrize(
    "raw",
    [
        multipart("mixed", PLAIN, FOOTER),
        multipart("mixed", PLAIN, FOOTER, end=False),
        multipart("mixed", FOOTER, "Content-Type: text/plain\r\n" + PLAIN),
        multipart("alternative", PLAIN, "Content-Type: text/html\r\n\r\n" + html_of(BODY.decode())),
        multipart("mixed", multipart("alternative", PLAIN).decode().replace("=_x", "inner")),
        multipart("mixed", PLAIN).replace(b'"=_x"', b"=_x; x=y"),
        multipart(
            "mixed",
            FOOTER,
            'Content-Type: application/octet-stream; name="body.txt"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
            + base64.encodebytes(BODY).decode(),
        ),
        *(
            f"Content-Type: {kind}; name=x\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode()
            + base64.encodebytes(b"\x30\x82\x04\x04Content-Type: text/plain\r\n\r\n" + BODY + b"\x00\x30")
            for kind in (
                "application/pkcs7-mime; smime-type=signed-data",
                "application/x-pkcs7-mime",
                "application/ms-tnef",
            )
        ),
        multipart("mixed", PLAIN, "Content-Type: image/png\r\n\r\nProof: " + "z" * 26),
        multipart("mixed", "Content-Type: text/plain\r\n" + PLAIN, "Content-Type: message/rfc822"),
    ],
)
def test_a_letter_in_a_wrapping_still_counts(raw: bytes):
    found = unwrap(b"From: <s@b.example>\r\n" + raw)
    assert (found.proofs, found.is_report) == ({PROOF}, False)


@pytest.mark.parametrize(
    "raw",
    [
        multipart("mixed", FOOTER, COPY),
        multipart("mixed", multipart("mixed", FOOTER, COPY).decode().replace("=_x", "inner")),
        multipart("digest", "\r\n" + MESSAGE.decode()),
        b"Content-Type: message/rfc822\r\n\r\n" + MESSAGE,
        multipart("mixed", FOOTER, "Content-Type: text/rfc822-headers\r\n\r\nX: y\r\nProof: " + PROOF),
        multipart(
            "mixed",
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(MESSAGE).decode(),
        ),
        multipart(
            "mixed", "Content-Type: message/rfc822\r\n\r\n" + multipart("mixed", PLAIN).decode().replace("=_x", "in")
        ),
    ],
)
def test_a_letter_in_the_copy_of_another_message_is_only_reported(raw: bytes):
    found = unwrap(raw)
    assert (found.proofs, found.is_report) == (set(), False)
    assert PROOF in anywhere(found)


NAME = f"Message-ID: <r{'a' * 33}@b.example>"


@pytest.mark.parametrize(
    "header",
    [
        ("In-Reply-To: <x@b.example>",),
        ("References: <x@b.example>", "Message-ID: <1@desk.example>"),
        ("Auto-Submitted: auto-replied (ticket)",),
        ("Subject: Re: Nightly report, all jobs done",),
        ("Subject: [#4711] AW: For your records",),
        ("Subject: SV[2]: For your records",),
    ],
)
def test_an_answer_is_told_from_a_letter_and_what_it_quotes_proves_nothing(header: tuple[str, ...]):
    """A ticket desk that answers all, and so the recipient too, quotes the proof."""
    quoted = "".join(f"> {line}\r\n" for line in BODY.decode().splitlines())
    found = unwrapped(f"We have it:\r\n\r\n{quoted}", "From: Desk <desk@mx.example>", *header)
    assert (found.proofs, found.is_answer) == (set(), True)
    ours = unwrapped(BODY, NAME, "From: <s@b.example>", *header)
    assert (ours.proofs, ours.is_answer) == ({PROOF}, False), "whatever a relay adds to it, it is our letter"
    renamed = unwrapped(BODY, "Message-ID: <1@gateway.example>", NAME, "From: <s@b.example>", *header)
    assert renamed.proofs == {PROOF}, "also where a gateway has put a name of its own above ours"


def word(text: str, charset: str = "utf-8") -> str:
    return f"=?{charset}?B?{base64.b64encode(text.encode(charset)).decode()}?="


@pytest.mark.parametrize(
    "subject",
    [
        *map(word, ("Re: x", "回复: x", "返信：x", "Отв: x", "ΑΠ: x", "Vá: x", "Réf : x", "Réponse automatique : x")),
        word("答复: x", "gb2312"),
        "=?utf-8?Q?AW:_x?=",
        *("RES: x", "R: x", "RIF: x", "Odg: x", "Re^2: x", "[EXT] [#12] Re: x", "***SPAM*** Re: x"),
        *("Automatic reply: x", "Out of Office: x"),
    ],
)
def test_an_answer_is_known_in_the_words_of_other_languages_too(subject: str):
    found = unwrapped(QUOTED, "From: desk@mx.example", "Message-ID: <1@desk.example>", f"Subject: {subject}")
    assert (found.proofs, found.is_answer) == (set(), True)


@pytest.mark.parametrize("header", ["X-Autoreply: yes", "X-Autorespond: x", "Precedence: auto_reply"])
def test_an_answer_is_known_by_the_fields_of_older_programs(header: str):
    assert unwrapped(QUOTED, "Subject: away", header).is_answer


OUR_SENDER = f"From: <s{'a' * 33}@b.example>"


@pytest.mark.parametrize(
    ("sender", "subject"),
    [
        ("filter@mx.example", "Spam Quarantine Summary - 1 new message"),
        ("filter@mx.example", "Your message has been quarantined"),
        ("filter@mx.example", word("Quarantäne: neue Nachrichten")),
        ("filter@mx.example", word("Сообщение помещено в карантин")),
        ("filter@mx.example", "Mensajes en cuarentena"),
        ("Spam Quarantine <filter@mx.example>", "1 new message"),
        ("Mail Gateway <postmaster@mx.example>", "Spam report for user"),
        ("alert@mx.example", "VIRUS (Eicar-Test) in mail FROM [192.0.2.1]"),
        ("desk@mx.example", "Abuse report: mail from [192.0.2.1]"),
        ("list@mx.example", "Your message to the list awaits moderator approval"),
        ("confirm@mx.example", "Please confirm your message"),
    ],
)
def test_who_tells_that_he_keeps_a_letter_has_not_passed_it_on(sender: str, subject: str):
    found = unwrapped(QUOTED, f"From: {sender}", "Message-ID: <1@mx.example>", f"Subject: {subject}")
    assert (found.proofs, found.is_answer) == (set(), True)
    for ours in (NAME, OUR_SENDER):
        assert unwrapped(BODY, ours, f"Subject: {subject}").proofs == {PROOF}, (
            "a mark that a gateway puts on our letter"
        )


@pytest.mark.parametrize(
    "declared",
    ['application/octet-stream; name="original.eml"', "text/plain", "application/x-message"],
)
def test_the_file_of_a_message_is_a_copy_whatever_it_is_called(declared: str):
    file = (
        f"Content-Type: {declared}\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64.encodebytes(MESSAGE).decode()}"
    )
    assert unwrap(b"From: <desk@mx.example>\r\n" + multipart("mixed", FOOTER, file)).proofs == set()
    assert unwrap(NAME.encode() + b"\r\n" + multipart("mixed", FOOTER, file)).proofs == {PROOF}
    assert unwrap(b"\r\n" + MESSAGE).proofs == {PROOF}, "a header that a blank line has cut is no file"


@pytest.mark.parametrize(
    "subject",
    ["Reference", "Report: x", "[list] For your records", "Regarding: x", "Fwd: x", "WG: x", "TR: x", "RV: x"],
)
def test_a_subject_that_answers_nobody_is_none_of_an_answer(subject: str):
    assert unwrapped(BODY, f"Subject: {subject}").proofs == {PROOF}


def test_a_filter_that_wraps_a_letter_up_has_passed_it_on():
    """SpamAssassin's report_safe: the letter's own name before, a report, and the letter behind it."""
    wrapped = multipart("mixed", FOOTER, COPY)
    found = unwrap(NAME.encode() + b"\r\n" + wrapped)
    assert (found.proofs, found.is_report, found.is_answer) == ({PROOF}, False, False)
    assert unwrap(b"Message-ID: <1@mx.example>\r\n" + wrapped).proofs == set()
    assert unwrap(NAME.encode() + b"\r\n" + multipart("report", FOOTER, COPY)).proofs == set()


STATUS = (
    "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; hub.example\r\nArrival-Date: today\r\n\r\n"
    "Final-Recipient: rfc822; x@c.example\r\nAction: Failed (really)\r\nStatus: 5.7.1 (denied)\r\n"
    "Remote-MTA: dns; mx.c.example\r\nDiagnostic-Code: smtp; 550 5.7.1\r\n\trelaying\x1b denied\r\n\r\n"
    "Final-Recipient: rfc822; y@c.example\r\nAction: delayed\r\n"
)


def test_a_delivery_status_report_is_read():
    found = unwrap(multipart("report; report-type=delivery-status", f"\r\nProof: {PROOF}", STATUS, COPY))
    assert found.is_report and found.proofs == set()
    assert PROOF in anywhere(found)


def test_a_report_of_the_standard_library_s_making_is_read():
    report = EmailMessage(policy=SMTP)
    report["Subject"] = "Delivery report"
    report.set_content("See below.")
    report.make_mixed()
    status = EmailMessage(policy=SMTP)
    status["Action"], status["Status"], status["Remote-MTA"] = "delayed", "4.4.1", "mx.c.example"
    wrapped = EmailMessage(policy=SMTP)
    wrapped["Content-Type"] = "message/delivery-status"
    wrapped.set_payload([status])
    report.attach(wrapped)
    copy = EmailMessage(policy=SMTP)
    copy.set_content(BODY.decode())
    report.add_attachment(copy)
    report.set_param("report-type", "delivery-status")
    found = unwrap(report.as_bytes().replace(b"multipart/mixed", b"multipart/report"))
    assert (found.is_report, found.proofs) == (True, set())
    assert PROOF in anywhere(found)


def test_a_status_part_alone_makes_a_report():
    found = unwrap(multipart("mixed", FOOTER, STATUS, PLAIN))
    assert (found.is_report, found.proofs) == (True, set())


def test_a_status_part_in_a_copy_reports_nothing():
    inner = multipart("report", FOOTER, STATUS).decode().replace("=_x", "inner")
    found = unwrap(multipart("mixed", PLAIN, "Content-Type: message/rfc822\r\n\r\n" + inner))
    assert (found.is_report, found.proofs) == (False, {PROOF})


def test_a_report_without_a_status_part_says_no_more_than_that():
    found = unwrap(multipart("report", PLAIN))
    assert (found.is_report, found.proofs) == (True, set())
    assert PROOF in anywhere(found)


@pytest.mark.parametrize(
    "header",
    [
        ("From: MAILER-DAEMON@q.example", "Subject: failure notice"),
        ("From: Mail Delivery System <Mailer-Daemon@e.example>", "Subject: Mail delivery failed: returning"),
        ("From: MAILER-DAEMON (Mail Delivery System)", "Subject: Undelivered Mail Returned to Sender"),
        ("From: Mailer-Daemon@e.example", "Subject: Warning: message 1x-2y-3z delayed 24 hours"),
        ("From: <postmaster@x.example>", "Subject: Undeliverable: Open relay test"),
        ('From: "Mail Delivery Subsystem" <MAILER-DAEMON>', "Subject: Returned mail: see transcript"),
        ("From: postmaster@x.example", "Auto-Submitted: auto-replied"),
        ("From: x@x.example", "Subject: Delivery Status Notification (Failure)", "Auto-Submitted: auto-replied"),
        ("From: x@x.example", "Subject: hello", "X-Failed-Recipients: r@c.example"),
    ],
)
def test_an_evident_bounce_is_a_report_and_what_it_quotes_is_only_reported(header: tuple[str, ...]):
    found = unwrapped("I could not deliver this:\r\n--- copy follows ---\r\n" + MESSAGE.decode(), *header)
    assert found.is_report and found.proofs == set()
    assert PROOF in anywhere(found)


@pytest.mark.parametrize(
    "header",
    [
        ("From: The postmaster <postmaster@x.example>", "Subject: Re: Open relay test of [192.0.2.1]"),
        ("From: jo@x.example", "Subject: your mail was not delivered, I read it"),
        ("From: jo@x.example", "Subject: away", "Auto-Submitted: auto-replied (vacation)"),
        ("From: jo.postmasterson@x.example", "Subject: Undeliverable"),
    ],
)
def test_people_s_mail_is_no_report(header: tuple[str, ...]):
    assert not unwrapped(QUOTED, *header).is_report


def test_our_own_letter_is_no_report():
    assert not unwrap(MESSAGE).is_report


def test_of_a_repeated_field_the_first_counts():
    found = unwrapped("x", "From: jo@x.example", "From: mailer-daemon@x.example", "Subject: failure notice")
    assert not found.is_report


def test_every_proof_in_a_message_is_found():
    second = "b" * 26
    found = unwrapped(f"Proof: {PROOF}\r\nPROOF: {second}\r\nProof: tooshort\r\nProof: {'1' * 26}\r\nproof {'c' * 26}")
    assert found.proofs == {PROOF, second}


def test_markup_is_taken_out_of_html_alone():
    marked = f"Proof: <b class=x>{PROOF}"
    assert unwrapped(marked, "Content-Type: text/html").proofs == {PROOF}
    assert unwrapped(marked, "Content-Type: text/plain").proofs == set()


def test_a_proof_stands_near_its_label():
    assert unwrapped(f"Proof:{'>' * 54}{PROOF}").proofs == {PROOF}
    assert unwrapped(f"Proof:{'>' * 55}{PROOF}").proofs == set()


def test_a_proof_in_the_header_is_none():
    assert unwrap(f"Subject: Proof: {PROOF}\r\nProof: {PROOF}\r\n\r\nempty\r\n".encode()).proofs == set()


def test_what_lies_beyond_a_mib_is_not_looked_at():
    assert unwrapped(b"x" * LARGEST + BODY).proofs == set()
    assert unwrapped(b"x" * (LARGEST - 5000) + BODY).proofs == {PROOF}


def nested(levels: int) -> bytes:
    head = "".join(f"Content-Type: multipart/mixed; boundary=b{n}z\r\n\r\n--b{n}z\r\n" for n in range(levels))
    return head.encode() + b"\r\n" + BODY


def test_nesting_has_a_floor():
    assert unwrap(nested(20)).proofs == {PROOF}
    assert unwrap(nested(21)).proofs == set()


def test_parts_are_counted():
    assert unwrap(multipart("mixed", *[FOOTER] * 98, PLAIN)).proofs == {PROOF}
    assert unwrap(multipart("mixed", *[FOOTER] * 99, PLAIN)).proofs == set()


HEAVY = {
    "deep multiparts": nested(1200),
    "deep messages": b"Content-Type: message/rfc822\n\n" * 2200,
    "opening brackets": b"Content-Type: text/html\n\n" + b"<" * 65536,
    "one open tag": b"Content-Type: text/html\n\n<" + b"a" * 65536,
    "entities": b"Content-Type: text/html\n\n" + b"&" * 65536,
    "labels": b"\n" + b"Proof:" * 11000,
    "labels and gaps": b"\n" + b"Proof: > > > > " * 4000,
    "carriage returns": b"\r" * 65536,
    "line feeds": b"Content-Type: multipart/mixed; boundary=x\n" + b"\n" * 65000,
    "delimiters": b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n" * 16000,
    "parameters": b"Content-Type: multipart/mixed" + b"; boundary" * 6000 + b"\n\n",
    "blanks": b"Content-Type: multipart/mixed;" + b" " * 65000 + b"\n\n",
    "boundaries of blanks": b"Content-Type: multipart/mixed; boundary=" + b" " * 65000 + b"\n\n",
    "a subject": b"From: postmaster\nSubject: " + b"deliver" * 9000 + b"\n\n",
    "stars": b"Subject: " + b"*a****" * 300 + b"\n\n",
    "words that nobody sees": b"Content-Type: text/html\n\n" + b"&shy;Proof" * 6000,
    "labels without end": b"\n" + b"Proof" + b"_ " * 30000,
    "folds": b"Subject: x\n" + b" deliver\n" * 7000,
    "status blocks": b"Content-Type: message/delivery-status\n\n" + b"A: b\n\n" * 10000,
    "equals signs": b"Content-Transfer-Encoding: quoted-printable\n\n" + b"=" * 65000,
    "base64 noise": b"Content-Transfer-Encoding: base64\n\n" + b"*" * 65000,
    "brackets in a trace": b"Received: from " + b"([" * 32000 + b"\n\n",
    "many traces": b"Received: from a (" + b"helo=" * 300 + b") by\n" * 40 + b"\n",
}


@pytest.mark.parametrize("load", HEAVY)
def test_no_message_is_heavy_work(load: str):
    before = time.process_time()
    found = unwrap(HEAVY[load])
    assert time.process_time() - before < 1.0
    assert found.proofs in (set(), {PROOF})


PIECES = [
    b"Content-Type: ",
    b"multipart/mixed; boundary=x",
    b"multipart/report; boundary=\"x\"",
    b"message/rfc822",
    b"message/delivery-status",
    b"text/html",
    b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable",
    b"From: mailer-daemon",
    b"Subject: undeliverable",
    b"Action: failed",
    b"Received: from a ([10.0.0.1])",
    b"--x",
    b"--x--",
    b"\r\n",
    b"\n\n",
    b" ",
    b"\xff\x00",
    b"Proof: " + PROOF.encode(),
    b"=",
    b"&#x110000;&nbsp;<",
]  # fmt: skip


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(max_size=3000) | st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
def test_whatever_comes_it_is_opened_without_complaint(raw: bytes):
    found = unwrap(raw)
    assert not (found.is_report and found.proofs)
    assert all(len(each) == 26 for each in found.proofs)


@settings(deadline=None)  # a busy machine is no fault
@given(st.binary(max_size=300))
def test_the_proof_survives_any_neighbours_in_any_encoding(around: bytes):
    text = around.replace(b":", b"") + b"\r\n" + BODY + around
    for encoding, encoded in (("base64", base64.encodebytes(text)), ("quoted-printable", quopri.encodestring(text))):
        assert PROOF in unwrapped(encoded, f"Content-Transfer-Encoding: {encoding}").proofs
