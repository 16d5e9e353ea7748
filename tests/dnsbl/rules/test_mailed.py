"""Mail to the address for nominations: what it asks, whether it may be answered, and what the answer says."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Refused
from dnsbl.model import Job
from dnsbl.rules import intake, mailed
from dnsbl.rules.intake import Intake, Taken
from dnsbl.rules.mailed import NOT_FORWARDED, Ticket
from dnsbl.settings import Settings
from dnsbl.vocabulary import Door, JobReason, JobState, Refusal
from tests.dnsbl.rules.samples_of_mail import KEY, forward, plain, spam, through_own_server

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SETTINGS = Settings.model_validate({"mail_door": {"address": "nominate@c.example.org"}})
JOB = Job(
    id=1,
    address=ip_address("9.9.9.9"),
    port=25,
    reason=JobReason.NOMINATION,
    profile="basic",
    due=NOW,
    state=JobState.QUEUED,
    run="r",
    takes=0,
    retries=0,
    provocation="nomination 1",
    rank=1,
)


def cases(message: bytes, pick: int | None = None) -> tuple[tuple[Intake, ...], int]:
    found, total = intake.nominations(
        "",
        door=Door.MAIL,
        nominator="8.8.8.0/24",
        reason="",
        evidence=message,
        settings=SETTINGS,
        now=NOW,
        pick=pick,
    )
    return mailed.forwarded(found), total


# -- the address -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("recipient", "key", "pick"),
    [
        ("nominate@c.example.org", "", None),
        ("nominate+2@c.example.org", "", 2),
        (f"nominate+{KEY}@c.example.org", f"dnsbl-key-{KEY}", None),
        (f"Nominate+{KEY.upper()}+12@c.example.org", f"dnsbl-key-{KEY}", 12),
        (f"nominate+3+{KEY}@c", f"dnsbl-key-{KEY}", 3),
        (f"nominate+dnsbl-key-{KEY}+3@c", f"dnsbl-key-{KEY}", 3),
        (f"nominate+{KEY[:-1]}@c", f"dnsbl-key-{KEY[:-1]}", None),
        (f"nominate+{KEY[:-1]}1@c", f"dnsbl-key-{KEY[:-1]}1", None),
        ("nominate+dnsbl-key-@c", "dnsbl-key-", None),
        ("nominate+0@c", "", None),
        ("nominate+1234@c", "", None),
        ("nominate+x+y+z+2@c", "", None),
        ("nominate+@c", "", None),
        ("7@c", "", None),
    ],
)
def test_a_key_and_a_line_stand_behind_the_plus(recipient: str, key: str, pick: int | None) -> None:
    assert mailed.ticket(recipient) == Ticket(key=key, pick=pick)


# -- whom nobody answers -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("more", "sender", "why"),
    [
        ("", "ann@example.net", ""),
        ("Auto-Submitted: no\n", "ann@example.net", ""),
        ("Auto-Submitted:\n", "ann@example.net", ""),
        ("Auto-Submitted: NO ; by=hand\n", "ann@example.net", ""),
        ("X-Auto-Response-Suppress: DR, RN\n", "ann@example.net", ""),
        ("X-Auto-Response-Suppress: DR, OOF\n", "ann@example.net", "its sender wants no automatic answer"),
        ("", '"NoReply"@example.net', "its sender is a machine"),
        ("X-Failed-Recipients: a@b\n", "ann@example.net", "it is a bounce"),
        ("", "", "it has no sender"),
        ("", "ann", "it has no sender"),
        ("", "MAILER-DAEMON@example.net", "its sender is a machine"),
        ("", "noreply@example.net", "its sender is a machine"),
        ("", "no-reply-123@example.net", "its sender is a machine"),
        ("", "owner-list@example.net", "its sender is a machine"),
        ("", "list-bounces@example.net", "its sender is a machine"),
        ("", "bounce+abc=d@example.net", "its sender is a machine"),
        ("", "list-request@example.net", "its sender is a machine"),
        ("Auto-Submitted: auto-replied (vacation)\n", "ann@example.net", "a machine has sent it (Auto-Submitted)"),
        ("AUTO-SUBMITTED: auto-generated; x=y\n", "ann@example.net", "a machine has sent it (Auto-Submitted)"),
        ("Precedence: Bulk\n", "ann@example.net", "it is bulk mail (Precedence)"),
        ("Precedence: list\n", "ann@example.net", "it is bulk mail (Precedence)"),
        ("Precedence: junk\n", "ann@example.net", "it is bulk mail (Precedence)"),
        ("Precedence: auto_reply\n", "ann@example.net", "it is bulk mail (Precedence)"),
        ("X-Loop: x\n", "ann@example.net", "a machine has had it already (X-Loop)"),
        ("List-Id: <l.example.net>\n", "ann@example.net", "it came over a list"),
        ("List-Unsubscribe: <x>\n", "ann@example.net", "it came over a list"),
        ("Mailing-List: x\n", "ann@example.net", "it came over a list"),
        ("X-Auto-Response-Suppress: DR, AutoReply\n", "ann@example.net", "its sender wants no automatic answer"),
        ("X-Auto-Response-Suppress: All\n", "ann@example.net", "its sender wants no automatic answer"),
    ],
)
def test_machines_lists_and_who_wants_no_answer_get_none(more: str, sender: str, why: str) -> None:
    found = mailed.cover(forward(spam("9.9.9.9", NOW), more=more), sender)
    assert (found.silent, found.bounce) == (why, why == "it is a bounce")


def test_the_answer_names_the_mail_that_it_answers() -> None:
    assert mailed.cover(b"Message-ID: <a@b>\n\nx", "ann@example.net").message_id == "<a@b>"
    assert mailed.cover(b"Subject: hello\n\nx", "ann@example.net").message_id == ""
    assert len(mailed.cover(b"Message-ID: " + b"x" * 500 + b"\n\nx", "ann@example.net").message_id) == 400


def test_a_bounce_nominates_nobody_and_a_complaint_that_a_machine_sent_does() -> None:
    bounce = (
        b"From: MAILER-DAEMON@example.net\nSubject: Undelivered Mail Returned to Sender\n"
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n"
        b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n--b\nContent-Type: message/rfc822\n\n"
        + spam("9.9.9.9", NOW)
        + b"\n--b--\n"
    )
    assert mailed.cover(bounce, "ann@example.net").bounce
    assert mailed.cover(bounce, "ann@example.net").silent
    complaint = forward(spam("9.9.9.9", NOW), report="Feedback-Type: abuse\nVersion: 1\nSource-IP: 9.9.9.9\n")
    found = mailed.cover(complaint, "fbl@example.net")
    assert (found.bounce, found.silent) == (False, "it is a report by a machine")


@given(st.binary(max_size=400), st.text(max_size=30))
def test_no_mail_breaks_the_look_at_it(message: bytes, sender: str) -> None:
    assert isinstance(mailed.cover(message, sender).silent, str)


# -- what nominates ----------------------------------------------------------------------------------------------------
def test_what_is_attached_nominates_and_the_mail_itself_never_does() -> None:
    ((case,), total) = cases(forward(spam("9.9.9.9", NOW)))
    assert total == 1 and case.nomination is not None and str(case.nomination.address) == "9.9.9.9"
    ((case,), _) = cases(plain(NOW))
    assert case.nomination is None and case.trace is None and case.line is None
    assert case.refused is not None and (case.refused.reason, str(case.refused)) == (
        Refusal.NO_EVIDENCE,
        NOT_FORWARDED,
    )


# -- the answer --------------------------------------------------------------------------------------------------------
def outcomes(message: bytes, *, queued: bool, pick: int | None = None) -> tuple[list[Taken], int]:
    found, total = cases(message, pick)
    job = JOB if queued else None
    return [Taken(case=case, job=job if case.nomination else None, refused=case.refused) for case in found], total


def test_an_answer_says_who_will_be_tested_by_which_line_and_where_to_follow_it() -> None:
    found, total = outcomes(forward(spam("9.9.9.9", NOW)), queued=True)
    assert mailed.title(found) == "9.9.9.9 will be tested"
    assert mailed.told(found, total, SETTINGS).split("\n") == [
        "attached message: 9.9.9.9 will be tested.",
        "How it stands: http://127.0.0.1:8053/ip/9.9.9.9",
        "Its Received lines, newest first:",
        "> 1  relay.example [9.9.9.9] to mx.mysite.example: handed in from outside",
    ]
    chosen, total = outcomes(forward(through_own_server("8.8.8.8", NOW)), queued=True, pick=2)
    said = mailed.told(chosen, total, SETTINGS, keyed=True).split("\n")
    assert said[0] == "attached message: 8.8.8.8 will be tested." and len(said) == 5, "nothing is asked any more"
    assert [line[:3] for line in said[3:]] == ["  1", "> 2"]


def test_where_several_lines_fit_it_asks_and_says_how_to_answer() -> None:
    newest = b"Received: from localhost (localhost [127.0.0.1]) by store.mysite.example; 1 Jan 2026 12:00:00 +0000\n"
    found, total = outcomes(forward(newest + through_own_server("8.8.8.8", NOW)), queued=True)
    assert mailed.title(found) == "which line is meant?"
    for keyed in (False, True):
        said = mailed.told(found, total, SETTINGS, keyed=keyed)
        assert [line for line in said.split("\n") if "if this one is meant" in line] == [
            f"       if this one is meant, forward the spam again, to nominate+{number}@c.example.org"
            for number in (2, 3)  # and not the machine itself
        ]
        assert "say which is meant." in said
        assert ("Put your key before that number" in said) is keyed
        assert "Forward it alone" not in said
    assert "Put your key" not in mailed.told(found, total, SETTINGS)
    ((case,), _) = cases(forward(through_own_server("8.8.8.8", NOW)), pick=2)
    assert case.nomination is not None and str(case.nomination.address) == "8.8.8.8"


def test_of_several_messages_each_is_told_and_a_doubtful_one_is_to_come_alone() -> None:
    found, total = outcomes(forward(spam("9.9.9.9", NOW), through_own_server("8.8.8.8", NOW)), queued=True)
    said = mailed.told(found, total + 3, SETTINGS, keyed=True)
    assert said.startswith("attached message 1 of 2: 9.9.9.9 will be tested.\n")
    assert "\n\nattached message 2 of 2: " in said and said.count("\n\n") == 2 and "Put your key" not in said
    assert said.count("Forward it alone") == 1 and "nominate+" not in said
    assert said.endswith("3 of 5 messages were not read: forward them in another mail.")
    assert mailed.title(found) == "9.9.9.9 will be tested"


def test_an_answer_to_what_nominates_nobody_says_what_to_do() -> None:
    found, total = outcomes(plain(NOW), queued=True)
    assert (mailed.title(found), mailed.told(found, total, SETTINGS)) == ("nobody was nominated", NOT_FORWARDED)
    doubtful, _ = outcomes(forward(through_own_server("8.8.8.8", NOW)), queued=True)
    assert mailed.title([*found, *doubtful]) == "which line is meant?"
    two, _ = outcomes(forward(spam("9.9.9.9", NOW), spam("9.9.9.8", NOW)), queued=True)
    assert mailed.title(two) == "9.9.9.8 and 1 more will be tested"


def test_of_what_the_list_refuses_the_reason_is_told_and_no_line_is_marked_as_used() -> None:
    ((case,), total) = cases(forward(spam("9.9.9.9", NOW)))
    refused = [Taken(case=case, job=None, refused=Refused(Refusal.EXCLUDED, "It is left alone."))]
    assert mailed.title(refused) == "nobody was nominated"
    assert mailed.told(refused, total, SETTINGS).split("\n") == [
        "attached message: It is left alone.",
        "Its Received lines, newest first:",
        "  1  relay.example [9.9.9.9] to mx.mysite.example: handed in from outside",
    ]


def test_the_source_that_a_report_names_is_told() -> None:
    report = "Feedback-Type: abuse\nVersion: 1\nSource-IP: 9.9.9.9\n"
    found, total = outcomes(forward(spam("9.9.9.9", NOW), report=report), queued=True)
    assert "The ARF report names 9.9.9.9 as its source." in mailed.told(found, total, SETTINGS)


def test_a_postmaster_who_forwards_what_speaks_of_a_bounce_sends_none() -> None:
    mail = (
        b"From: postmaster@example.net\nSubject: Fwd: Undelivered mail\nContent-Type: message/rfc822\n\nSubject: x\n\n"
    )
    assert not mailed.cover(mail, "postmaster@example.net").bounce
    assert mailed.cover(mail, "postmaster@example.net").silent == "its sender is a machine"
    assert mailed.cover(mail, "").bounce


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        ("Content-Type: application/zip; name=spam.zip", "(spam.zip)"),
        ("Content-Type: image/png\nContent-Disposition: attachment", "(image/png)"),
        (f'Content-Type: x/y; name="{"a" * 50}\\\x07"', f"({'a' * 40})"),
    ],
)
def test_who_attaches_what_is_no_message_is_told_so(head: str, shown: str) -> None:
    mail = f"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nhi\n--b\n{head}\n\nx\n--b--\n".encode()
    case = Intake(where="", nomination=None, refused=None, trace=None, line=None, message=mail)
    (found,) = mailed.forwarded((case,))
    assert found.refused is not None
    assert str(found.refused).startswith(f"What is attached to this mail {shown} is no message with headers. Forward")
    (bare,) = mailed.forwarded((Intake(where="", nomination=None, refused=None, trace=None, line=None, message=b""),))
    assert str(bare.refused) == mailed.NOT_FORWARDED


def test_programs_that_answer_are_known_by_their_own_fields_too() -> None:
    for header in (
        {"x-autoreply": "yes"},
        {"x-auto-reply": "1"},
        {"x-autorespond": "away"},
        {"x-autoresponder": "x"},
        {"x-autoreply-from": "ann@example.org"},
        {"x-mail-autoreply": "x"},
        {"x-autogenerated": "Reply"},
        {"x-vacation": "yes"},
        {"x-fc-machinegenerated": "true"},
        {"precedence": "auto-reply"},
        {"precedence": "bulk (newsletter)"},
        {"auto-submitted": "auto-replied (vacation)"},
    ):
        assert mailed.automatic(header), header
    for header in ({"auto-submitted": "no (typed by hand)"}, {"precedence": "first-class"}, {"x-automobile": "yes"}):
        assert mailed.automatic(header) == "", header


def test_a_ticket_is_read_in_quotes_and_with_zeros_before_its_number() -> None:
    assert mailed.ticket(f'"nominate+{KEY}+02"@c.example.org') == Ticket(key=f"dnsbl-key-{KEY}", pick=2)
    assert mailed.ticket("nominate+010@c.example.org").pick == 10
    assert mailed.ticket("nominate+000@c.example.org").pick is None
