"""What people write, and what operators answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from dnsbl.errors import NotFound, Refused
from dnsbl.rules.notices import compose, templates

ACTOR = "operator ada"
MAIL = {"smarthost": "m.example", "sender": "l@list.example"}


def write(
    office: Any, head: bytes = b"From: Joe <joe@mail.example>\r\nSubject: Why me?\r\nMessage-ID: <a@b.example>\r\n"
) -> int:
    office.arrive("postmaster", "192.0.2.9", head + b"\r\nHello\r\n")
    return int(office.casework.correspondence.page(most=1)[0][0].id)


def test_an_answer_is_queued_for_who_wrote_and_the_message_counts_as_answered(make_office: Callable[..., Any]) -> None:
    office = make_office(notices=MAIL)
    number = write(office)
    desk = office.casework.correspondence
    assert desk.on and [(one.id, answered) for one, answered in desk.page(most=9)] == [(number, "")]
    assert office.casework.oversight.summary().letters == 1
    made = desk.answer(number, "You were listed\r\nfor a letter.\r\n", actor=ACTOR)
    assert (made.recipient, made.answers, made.template) == ("joe@mail.example", "<a@b.example>", "answer")
    assert json.loads(made.facts) == {"subject": "Re: Why me?", "text": "You were listed\nfor a letter."}
    message, entries = desk.read(number)
    assert b"Hello" in message.message and [(e.verb, e.actor) for e in entries] == [("notice", ACTOR)]
    assert "joe" not in str(entries) and office.casework.oversight.summary().letters == 0
    another = write(office)
    assert [(one.id, answered) for one, answered in desk.page(most=9)] == [(another, ""), (number, "answered")]
    assert office.casework.oversight.summary().letters == 1
    assert desk.page(number, most=9) == []


def test_an_answer_has_the_subject_of_the_letter_in_its_own_language(make_office: Callable[..., Any]) -> None:
    office = make_office(notices=MAIL)
    number = write(office, b"From: joe@mail.example\r\nSubject: Bitte um =?utf-8?q?L=C3=B6schung?=\r\n")
    made = office.casework.correspondence.answer(number, "Done.", actor=ACTOR)
    mail = message_from_bytes(compose(made, templates()["answer"], office.settings), policy=default)
    assert mail["Subject"] == "Re: Bitte um Löschung"


@pytest.mark.parametrize(
    "head",
    [
        b"From: nobody\r\n",
        b"Subject: no sender\r\n",
        b"From: x@localhost\r\n",
        b"From: \xff\xfe@mail.example\r\n",
        b"From: " + b"a" * 70_000 + b"@x.example\r\n",
        b"From: root@collector.example\r\n",
    ],
)
def test_who_has_no_address_gets_no_answer_and_is_told_so(make_office: Callable[..., Any], head: bytes) -> None:
    office = make_office(notices=MAIL, collector={"hostname": "collector.example"})
    number = write(office, head)
    with pytest.raises(Refused):
        office.casework.correspondence.answer(number, "Hello", actor=ACTOR)
    assert office.casework.dispatch.newest(most=9) == []


def test_without_a_smarthost_or_a_text_nothing_is_answered(make_office: Callable[..., Any]) -> None:
    office = make_office()
    number = write(office)
    assert not office.casework.correspondence.on
    for text in ("Hello", "", "  \n", "x" * 9000, "\n".join("x" * 70)):
        with pytest.raises(Refused):
            office.casework.correspondence.answer(number, text, actor=ACTOR)
    for missing in (0, -1, 999, 2**62):
        with pytest.raises(NotFound):
            office.casework.correspondence.read(missing)
