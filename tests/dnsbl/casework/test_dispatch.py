"""The queue of our mail from its end: taken, ended, put off, given up."""

from __future__ import annotations

import pytest

from dnsbl.casework.dispatch import LEASE
from dnsbl.errors import Refused
from dnsbl.vocabulary import NoticeState

MAIL = {"smarthost": "mail.list.example", "sender": "relays@list.example", "retry_after": [60, 600], "give_up_days": 1}


@pytest.fixture
def mail(make_office):
    return make_office(notices=MAIL)


def queued(office, to: str = "a@x.example") -> None:
    office.casework.dispatch.try_out(to, actor="operator me")


def test_a_mail_is_in_one_pair_of_hands_and_what_became_of_it_is_entered(mail) -> None:
    queued(mail)
    dispatch = mail.casework.dispatch
    notice = dispatch.take()
    assert notice is not None and dispatch.take() is None
    dispatch.sent(notice, "250 taken")
    dispatch.sent(notice, "250 taken")
    assert [(e.verb, e.after) for e in mail.casework.operators.journal(None)] == [
        ("notice", "queued"),
        ("notice", "sent"),
    ]
    assert mail.casework.operators.journal(None)[-1].evidence.endswith("to somebody at x.example: 250 taken")
    assert (dispatch.postage().sent, dispatch.postage().waiting) == (1, 0)
    mail.later(days=2)
    assert dispatch.take() is None and dispatch.postage().sent == 0


def test_a_process_that_dies_leaves_a_mail_that_goes_out_again_under_the_same_name(mail) -> None:
    queued(mail)
    dispatch = mail.casework.dispatch
    first = dispatch.take()
    mail.later(seconds=LEASE)
    assert dispatch.take() is None
    mail.later(seconds=1)
    second = dispatch.take()
    assert (second.token, second.queued) == (first.token, first.queued)
    dispatch.refused(first, "550 too late")
    assert dispatch.postage().failed == 0, "the first one's word counts no more"
    dispatch.sent(second, "250 taken")
    assert dispatch.postage().sent == 1


def test_what_is_put_off_comes_later_and_later_until_it_is_given_up(mail) -> None:
    queued(mail)
    dispatch = mail.casework.dispatch
    for wait in (60, 600, 600):
        notice = dispatch.take()
        dispatch.put_off(notice, "451 later")
        mail.later(seconds=wait - 1)
        assert dispatch.take() is None
        mail.later(seconds=1)
    mail.later(days=1)
    assert dispatch.take() is None
    assert dispatch.postage().failed == 1
    last = mail.casework.operators.journal(None)[-1]
    assert (last.after, last.evidence) == (
        "failed",
        "notice 1, to somebody at x.example: given up; the last word was: 451 later",
    )


def test_what_is_refused_for_good_ends(mail) -> None:
    queued(mail)
    dispatch = mail.casework.dispatch
    dispatch.refused(dispatch.take(), "550 nobody here")
    assert dispatch.take() is None
    [notice] = dispatch.newest(most=5)
    assert (notice.state, notice.reply, notice.facts) == (NoticeState.FAILED, "550 nobody here", "")


def test_what_could_not_be_offered_keeps_its_place_and_was_not_tried(mail) -> None:
    queued(mail)
    queued(mail, "b@x.example")
    dispatch = mail.casework.dispatch
    dispatch.give_back(dispatch.take(), "nobody there")
    notice = dispatch.take()
    assert (notice.recipient, notice.tries, notice.reply) == ("a@x.example", 0, "nobody there")


def test_whom_a_mail_went_to_is_forgotten_after_a_while(mail) -> None:
    queued(mail)
    mail.casework.dispatch.sent(mail.casework.dispatch.take(), "250")
    mail.later(days=29)
    assert mail.casework.dispatch.forget() == 0
    mail.later(days=2)
    assert mail.casework.dispatch.forget() == 1
    assert mail.casework.dispatch.newest(most=5) == []


def test_an_operator_is_told_why_no_mail_is_sent_on_trial(make_office) -> None:
    for terms, to, why in (
        ({"smarthost": ""}, "a@x.example", "notices.smarthost is not set"),
        ({}, "nobody", "it is no mail address"),
        ({}, "still@x.example", "an operator has said so"),
        ({"per_day": 1}, "a@x.example", "notices.per_day"),
    ):
        office = make_office(notices=MAIL | terms)
        if "per_day" in terms:
            queued(office, "b@x.example")
        office.casework.dispatch.silence("still@x.example", actor="operator")
        with pytest.raises(Refused, match=why):
            queued(office, to)
