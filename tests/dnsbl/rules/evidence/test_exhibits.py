"""One file, opened: which messages are evidence, and what is said about the others."""

from __future__ import annotations

import base64
import io
import json
import sys
import zipfile
from collections.abc import Sequence
from ipaddress import ip_address
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dnsbl.errors import Refused
from dnsbl.rules import evidence
from dnsbl.rules.evidence import (
    BROUGHT,
    DEPTH,
    INLINE,
    MSG,
    NO_TRACE,
    NOT_MAIL,
    PACKED,
    SEALED,
    TNEF,
    UNSENT,
    Exhibit,
    exhibits,
    mime,
)
from dnsbl.vocabulary import Refusal
from tests.dnsbl.rules.evidence.samples import RELAY, RFC822, SPAM, compound, forward, mail, multipart, outlook

HEADER = SPAM.partition(b"\r\n\r\n")[0]
SEPARATOR = b"From sales@spam.example Wed Nov 25 15:14:13 2026\r\n"
ARF = (b"Content-Type: message/feedback-report", b"Feedback-Type: abuse\r\nVersion: 1\r\nSource-IP: 203.0.113.16\r\n")
REPORT = b'multipart/report; report-type=feedback-report; boundary="b1"'


def read(file: bytes, most: int = 50) -> Sequence[Exhibit]:
    found, total = exhibits(file, most=most)
    assert total == len(found)
    return found


def refused(file: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        exhibits(file, most=50)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)
    return caught.value


def xarf(*messages: bytes) -> bytes:
    """A report in JSON with these samples."""
    rows = [{"content_type": "message/rfc822", "payload": base64.b64encode(each).decode()} for each in messages]
    return json.dumps({"xarf_version": "4.0.0", "source_identifier": RELAY, "evidence": rows}).encode()


def test_a_message_is_itself() -> None:
    assert read(SPAM) == (Exhibit(message=SPAM, where=""),)


def test_a_message_behind_a_mailbox_line_is_itself() -> None:
    (found,) = read(SEPARATOR + SPAM)
    assert (found.message, found.where) == (SEPARATOR + SPAM, "")


@pytest.mark.parametrize(
    "file",
    [
        forward((RFC822, SPAM)),
        forward((RFC822, SPAM)).replace(b"\r\n", b"\n"),
        forward((RFC822, b"\r\n" + SPAM)),
        forward((b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64", base64.encodebytes(SPAM))),
        forward((b"Content-Type: application/octet-stream; name=spam.eml", SPAM)),
        forward((b"Content-Type: message/global", SPAM)),
        forward((b"Content-Type: text/rfc822-headers", HEADER)),
        forward((b"Content-Type: message/global-headers", HEADER)),
        forward((RFC822, SPAM), kind=b'multipart/digest; boundary="b1"'),
        forward((b"Content-Type: application/mbox", SEPARATOR + SPAM)),
        forward((b"Content-Type: application/vnd.ms-outlook; name=a.msg\r\nContent-Transfer-Encoding: base64",
                 base64.encodebytes(outlook(HEADER)))),
        forward((b"Content-Type: application/octet-stream; name=a.msg", outlook(HEADER))),
        forward((b"Content-Type: application/vnd.ms-outlook", outlook(HEADER))),
        forward((b"Content-Type: x/y; name=a.msg", outlook(b"X: forward", attached=HEADER))),
        forward((b"Content-Type: x/y; name=a.mbox", SEPARATOR + SPAM)),
        forward((b"Content-Type: x/y; name=a.mbx", SEPARATOR + SPAM)),
        mail(b"Fwd: x", b"message/rfc822", SPAM),
        mail(b"Fwd: x", b"message/rfc822", base64.encodebytes(SPAM), more=b"Content-Transfer-Encoding: base64\r\n"),
        outlook(b"X: outer\r\nReceived: from a ([198.51.100.80]) by b", attached=HEADER),
    ],
)  # fmt: skip
def test_of_a_forward_only_what_is_attached_counts(file: bytes) -> None:
    (found,) = read(file)
    assert found.where == "attached message"
    assert b"203.0.113.16" in found.message
    assert b"198.51.100.80" not in found.message


def test_each_attached_message_counts() -> None:
    found = read(forward((RFC822, SPAM), (RFC822, SPAM.replace(b"Buy", b"Sell"))))
    assert [each.where for each in found] == ["attached message 1 of 2", "attached message 2 of 2"]
    assert b"Sell" in found[1].message


def test_a_forward_of_a_forward_is_opened_to_the_spam() -> None:
    inner = mail(b"Fwd", b"multipart/mixed; boundary=b2", multipart((RFC822, SPAM), boundary=b"b2"))
    (found,) = read(forward((RFC822, inner)))
    assert (found.message.strip(), found.where) == (SPAM.strip(), "attached message, attached message")


def nested(times: int) -> bytes:
    """A spam that was forwarded so often."""
    message = SPAM
    for n in range(times):
        boundary = b"b%d" % n
        message = mail(
            b"Fwd", b"multipart/mixed; boundary=%b" % boundary, multipart((RFC822, message), boundary=boundary)
        )
    return message


def test_forwards_of_forwards_come_to_an_end() -> None:
    (found,) = read(nested(DEPTH))
    assert found.message.strip() == SPAM.strip()
    assert refused(nested(DEPTH + 1)).reason == Refusal.NOT_MAIL
    assert DEPTH == 3


def test_what_is_wrapped_around_forwards_is_one_of_them() -> None:
    for wrapped in (lambda inner: outlook(b"X: outer", attached=inner), xarf):
        (found,) = read(wrapped(nested(DEPTH - 1)))
        assert found.message.strip() == SPAM.strip()
        assert refused(wrapped(nested(DEPTH))).reason == Refusal.NOT_MAIL


def test_a_mailbox_is_none_of_them() -> None:
    found = read((SEPARATOR + nested(DEPTH) + b"\r\n") * 2)
    assert [each.fault for each in found] == [None, None]


def test_a_mailbox_in_a_forward_is_read_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mime, "PARTS", 3)
    assert len(read(forward((b"Content-Type: application/mbox", (SEPARATOR + SPAM + b"\r\n") * 5)))) == 3


def test_an_attached_file_is_outlooks_by_its_first_octets() -> None:
    assert len(read(forward((b"Content-Type: x/y; name=a.msg", b"hello"), (RFC822, SPAM)))) == 1


def test_an_attached_compound_file_that_is_no_message_is_not_opened() -> None:
    sheet = b"Content-Type: application/vnd.ms-excel; name=x.xls"
    assert str(refused(forward((sheet, outlook(HEADER)), (RFC822, b"Subject: x\r\n\r\n")))) == NO_TRACE


def test_a_report_in_the_text_of_a_part_is_none() -> None:
    (found,) = read(forward((b"Content-Type: text/x", xarf(SPAM)), (RFC822, SPAM)))
    assert (found.report, found.source) == ("", None)


def test_a_report_of_a_report_is_the_inner_one() -> None:
    inner = forward(ARF, (RFC822, SPAM), kind=REPORT)
    outer = (ARF[0], ARF[1].replace(b"203.0.113.16", b"198.51.100.9"))
    kind = b'multipart/report; report-type=feedback-report; boundary="b2"'
    (found,) = read(mail(b"report", kind, multipart(outer, (RFC822, inner), boundary=b"b2")))
    assert (found.report, found.source) == ("ARF", ip_address(RELAY))


def test_of_a_file_so_much_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (evidence.FILE_MOST, evidence.MESSAGE_MOST) == (64 << 20, 4 << 20)
    monkeypatch.setattr(evidence, "FILE_MOST", len(SPAM) - 3)
    assert read(SPAM) == (Exhibit(message=SPAM[:-3], where=""),)
    monkeypatch.undo()
    whole = forward((RFC822, SPAM), (RFC822, SPAM))
    monkeypatch.setattr(evidence, "MESSAGE_MOST", whole.rindex(b"Return-Path"))
    assert len(read(whole)) == 1


def test_a_subject_alone_is_a_doubt_and_no_more() -> None:
    spam = SPAM.replace(b"Subject: ", b"Subject: Fwd: ")
    (found,) = read(spam)
    assert found.message == spam and "subject" in found.doubt and found.fault is None


def test_a_text_that_holds_another_header_is_a_doubt() -> None:
    (found,) = read(mail(b"please list", b"text/plain", HEADER))
    assert "another message's header" in found.doubt and found.fault is None


def test_a_forward_is_known_in_a_text_that_was_copied_without_its_parts() -> None:
    text = b"From: a\r\nSent: b\r\nTo: c\r\nSubject: d\r\n"
    assert str(refused(mail(b"FW: Buy now", b"multipart/alternative; boundary=x", text))) == INLINE
    header = mail(b"FW: Buy now", b"multipart/alternative; boundary=x", b"").rstrip()
    assert str(refused(outlook(header, text=text.decode()))) == INLINE


def test_a_message_in_an_archive_is_asked_for_unpacked() -> None:
    def zipped(name: str) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("readme.txt", "x")
            archive.writestr(name, SPAM)
        return forward((b"Content-Type: application/zip; name=x.zip", file.getvalue()))

    assert str(refused(zipped("saved/Spam.EML"))) == PACKED
    assert str(refused(forward((b"Content-Type: application/gzip; name=Spam.eml.gz", b"\x1f\x8b")))) == PACKED
    assert read(zipped("invoice.exe"))[0].fault is None


@pytest.mark.parametrize(
    "above",
    [
        b"From:\tPills\r\nSubject:\tBuy now\r\nSPF:\tPASS with IP 192.0.2.1\r\n\r\nDownload\r\n\r\n",
        b"Note: this came today\r\n\r\n",
        b"From: me@mysite.example\r\nContent-Type: text/plain\r\n\r\nHello,\r\n\r\nsee:\r\n",
    ],
)
def test_a_header_below_a_summary_a_remark_or_a_draft_is_the_message_that_is_meant(above: bytes) -> None:
    ((found,), total) = exhibits(above + SPAM, most=10)
    assert (found.message, found.doubt, found.fault, total) == (SPAM, "", None, 1)
    quoted = above + b"".join(b"> " + line + b"\r\n" for line in SPAM.split(b"\r\n"))
    assert RELAY.encode() in exhibits(quoted, most=10)[0][0].message.partition(b"\r\n")[2]
    unlike = above + SPAM.replace(b"Received:", b"X-Received:")
    assert exhibits(unlike, most=10)[0][0].message == unlike


@pytest.mark.parametrize("kind", [b"message/partial; number=1", b"message/news", b"message/global", b"message/rfc-822"])
def test_whatever_is_a_message_by_its_type_is_what_is_meant(kind: bytes) -> None:
    assert exhibits(mail(b"1/2", kind, SPAM), most=10)[0][0].message == SPAM
    with pytest.raises(Refused, match="has no Received lines"):
        exhibits(mail(b"2/2", kind, b"more of it"), most=10)


@pytest.mark.parametrize("kind", [b"message/delivery-status", b"message/disposition-notification", b"message/http"])
def test_a_part_that_reports_or_is_no_mail_is_none(kind: bytes) -> None:
    whole = mail(b"x", kind, SPAM)
    assert exhibits(whole, most=10)[0][0].message == whole


def test_a_page_is_opened_where_it_was_handed_in_and_not_where_it_is_attached() -> None:
    page = b"<html><pre>%b</pre></html>" % SPAM.replace(b"<", b"&lt;")
    assert read(page)[0].message.rstrip() == SPAM.rstrip()
    (attached,) = read(
        mail(b"x", b'multipart/mixed; boundary="b1"', multipart((b"Content-Type: text/html; name=x", page)))
    )
    assert attached.message != SPAM and attached.where == ""


def test_a_forward_without_the_spams_own_lines_is_refused() -> None:
    bare = b"From: a@b.example\r\nSubject: x\r\n\r\nBuy.\r\n"
    assert str(refused(forward((RFC822, bare)))) == NO_TRACE
    assert len(read(forward((RFC822, bare), (RFC822, SPAM)))) == 1


def test_a_bounce_with_its_original_is_itself_what_came() -> None:
    kind = b'multipart/report; report-type=delivery-status; boundary="b1"'
    bounce = forward((b"Content-Type: message/delivery-status", b"Action: failed"), (RFC822, SPAM), kind=kind)
    assert read(bounce) == (Exhibit(message=bounce, where=""),)


@pytest.mark.parametrize("more", [b"", b"Content-Transfer-Encoding: 8bit\r\n"])
def test_an_arf_leads_to_its_message_and_source(more: bytes) -> None:
    (found,) = read(forward(ARF, (RFC822, SPAM), kind=REPORT, more=more))
    assert (found.report, found.source) == ("ARF", ip_address(RELAY))
    assert found.message.strip() == SPAM.strip()


def test_an_arf_without_a_message_is_refused_and_so_is_one_that_reports_no_spam() -> None:
    assert str(refused(forward(ARF, kind=REPORT))) == NO_TRACE
    assert refused(forward(ARF, kind=REPORT)).reason == Refusal.NOT_MAIL
    kind = (ARF[0], b"Feedback-Type: not-spam\r\nVersion: 1\r\n")
    fault = refused(forward(kind, (RFC822, SPAM), kind=REPORT))
    assert fault.reason == Refusal.NOT_MAIL and "no spam" in str(fault)


def test_an_x_arf_by_mail_leads_to_its_message_and_source() -> None:
    yaml = b"---\nReported-From: a@b.example\nReport-Type: spam\nSource: 203.0.113.16\n"
    (found,) = read(
        forward((b"Content-Type: text/plain; name=report.txt", yaml), (RFC822, SPAM), more=b"X-ARF: yes\r\n")
    )
    assert (found.report, found.source) == ("X-ARF", ip_address(RELAY))


def test_an_x_arf_in_json_is_read_alone_and_attached() -> None:
    document = xarf(SPAM)
    for file in (document, b"\xef\xbb\xbf" + document, forward((b"Content-Type: application/json", document))):
        (found,) = read(file)
        assert (found.report, found.source, found.message) == ("X-ARF", ip_address(RELAY), SPAM)
    assert refused(b'{"a": 1}').reason == Refusal.NOT_MAIL


def test_a_mailbox_gives_each_message_and_judges_each_by_itself() -> None:
    inline = mail(b"Fwd: x", b"text/plain", b"Begin forwarded message:\r\nFrom: a\r\nTo: b\r\nSubject: c\r\n")
    box = b"".join(SEPARATOR + each + b"\r\n" for each in (SPAM, inline, forward((RFC822, SPAM), (RFC822, SPAM))))
    found = read(box)
    assert [each.where for each in found] == [
        "message 1 of 3",
        "message 2 of 3",
        "message 3 of 3, attached message 1 of 2",
        "message 3 of 3, attached message 2 of 2",
    ]
    assert [each.fault and each.fault.reason for each in found] == [None, Refusal.INLINE_FORWARD, None, None]


def test_of_many_messages_the_first_are_taken_and_all_are_counted() -> None:
    found, total = exhibits((SEPARATOR + SPAM + b"\r\n") * 7, most=3)
    assert ([each.where for each in found], total) == (["message 1 of 7", "message 2 of 7", "message 3 of 7"], 7)


def test_of_many_attached_messages_too() -> None:
    three = forward(*((RFC822, SPAM),) * 3)
    for file in (
        three,
        xarf(SPAM, SPAM, SPAM),
        outlook(b"X: outer", attached=three),
        (SEPARATOR + three + b"\r\n") * 2,
    ):
        found, total = exhibits(file, most=2)
        assert (len(found), total) == (2, 6 if file.startswith(b"From ") else 3)


def test_an_inline_forward_is_refused_with_the_sentence_that_says_how_to_forward() -> None:
    file = mail(b"Fwd: Buy", b"text/plain", b"From: a\r\nDate: b\r\nTo: c\r\nSubject: d\r\n")
    assert (refused(file).reason, str(refused(file))) == (Refusal.INLINE_FORWARD, INLINE)
    assert "attachment" in INLINE


@pytest.mark.parametrize("kind", [b"application/ms-tnef", b"application/ms-tnef; name=a", b"x/y; name=winmail.dat"])
def test_a_packed_forward_is_refused_with_the_reason(kind: bytes) -> None:
    fault = refused(forward((b"Content-Type: " + kind, b"x")))
    assert (fault.reason, str(fault)) == (Refusal.INLINE_FORWARD, TNEF)


def test_outlooks_file_is_a_message_like_another() -> None:
    (found,) = read(outlook(HEADER))
    assert found.message.startswith(HEADER) and found.where == ""


def test_outlooks_file_without_a_header_or_a_reader_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (refused(outlook(b"")).reason, str(refused(outlook(b"")))) == (Refusal.NOT_MAIL, UNSENT)
    assert str(refused(compound({}))) == UNSENT
    monkeypatch.setitem(sys.modules, "olefile", None)
    assert (refused(outlook(HEADER)).reason, str(refused(outlook(HEADER)))) == (Refusal.NOT_MAIL, MSG)
    assert str(refused(forward((b"Content-Type: x/y; name=a.msg", outlook(HEADER))))) == MSG


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", NOT_MAIL),
        (b"hello\r\nworld\r\n", NOT_MAIL),
        (b"\x00\x01\x02", NOT_MAIL),
        (b"%PDF-1.7", "This is a PDF."),
        (b"PK\x03\x04", "unpack it"),
        (b"<html>", "a web page"),
    ],
)
def test_what_is_no_mail_is_refused_by_what_it_is(file: bytes, said: str) -> None:
    assert refused(file).reason == Refusal.NOT_MAIL
    assert said in str(refused(file))


def test_thirty_megabytes_are_read_by_their_head() -> None:
    file = forward((RFC822, SPAM + b"x" * 70 + b"\r\n" * 30_000_000))
    begun = process_time()
    (found,) = read(file)
    assert process_time() - begun < 2
    assert found.message.startswith(SPAM)


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                SEPARATOR,
                SPAM,
                HEADER,
                b"\r\n",
                b"\xef\xbb\xbf",
                b"Content-Type: multipart/mixed; boundary=a\r\n",
                b"Content-Type: message/rfc822\r\n",
                b"Content-Type: message/feedback-report\r\n",
                b"--a\r\n",
                b"--a--\r\n",
                b"{",
                bytes.fromhex("d0cf11e0a1b11ae1"),
            ]
        ),
        max_size=20,
    ).map(b"".join)
    | st.binary(max_size=300)
)
def test_any_file_is_opened_or_refused(file: bytes) -> None:
    try:
        found, total = exhibits(file, most=5)
    except Refused as fault:
        assert str(fault)
    else:
        assert 0 < len(found) <= min(5, total)


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Type: text/plain; name=spam.txt",
        b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment",
        b"Content-Type: application/octet-stream; name*=utf-8''a%20b.eml",
    ],
)
def test_an_attached_file_with_received_lines_is_a_message_whatever_it_is_called(head: bytes) -> None:
    for spam in (SPAM, b">From a@b.example Wed Nov 25 15:14:13 2026\r\n" + SPAM):
        (found,) = read(forward((head, spam)))
        assert found.message.endswith(SPAM.strip()) or found.message.strip().endswith(SPAM.strip())


def test_a_digest_holds_messages() -> None:
    found = read(forward((b"", SPAM), (b"", SPAM), kind=b'multipart/digest; boundary="b1"'))
    assert [each.message.strip() for each in found] == [SPAM.strip()] * 2


def test_what_an_attached_message_brings_itself_is_a_doubt() -> None:
    (once,) = read(nested(1))
    (twice,) = read(nested(2))
    assert once.doubt == ""
    assert twice.doubt == BROUGHT and "messages of its own" in BROUGHT


@pytest.mark.parametrize("kind", [b"application/pkcs7-mime; name=smime.p7m", b"application/pgp-encrypted"])
def test_what_is_sealed_is_refused_with_the_reason(kind: bytes) -> None:
    assert str(refused(forward((b"Content-Type: " + kind, b"x")))) == SEALED


def test_outlooks_package_is_known_by_its_first_octets() -> None:
    packed = (b"Content-Type: application/octet-stream; name=att0001.dat", bytes.fromhex("789f3e22") + b"x")
    assert str(refused(forward(packed))) == TNEF
