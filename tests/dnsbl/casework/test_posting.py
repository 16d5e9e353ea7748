"""Mail is queued with what it tells of, bounded, and never to who wants none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from dnsbl.clock import day_of
from dnsbl.errors import NotFound, StoreUnavailable
from dnsbl.model import Nomination, Notice
from dnsbl.rules import notices
from dnsbl.store.kept import Account
from dnsbl.vocabulary import Door, NoticeState
from tester.smtp import Outcome

MAIL = {"smarthost": "mail.list.example", "sender": "relays@list.example"}


@pytest.fixture
def post(make_office):
    def make(**terms: object):
        office = make_office(notices=MAIL | terms)
        posting = office.casework.dispatch._posting

        def queue(recipient: str = "a@x.example", **words: str) -> Notice | None:
            with office.store.write() as tx:
                return posting.queue(
                    tx,
                    "trial",
                    recipient,
                    {"what": "that"},
                    subject="192.0.2.1",
                    actor="policy",
                    now=office.clock.now(),
                    **words,
                )

        return office, queue

    return make


def test_a_mail_is_queued_and_entered_without_its_recipient(post) -> None:
    office, queue = post()
    notice = queue("<Somebody@X.example>", answers="<1@y.example>")
    assert notice is not None
    assert (notice.recipient, notice.state) == ("Somebody@x.example", NoticeState.QUEUED)
    assert (notice.facts, notice.answers) == ('{"what": "that"}', "<1@y.example>")
    assert len(notice.token) == 26
    [entry] = office.casework.operators.journal(office.at("192.0.2.1"))
    assert (entry.verb, entry.reason, entry.after) == ("notice", "trial", "queued")
    assert entry.evidence == f"notice {notice.id}, to somebody at x.example"


def test_nothing_is_queued_without_a_smarthost_for_no_address_or_for_one_that_is_silenced(post) -> None:
    office, queue = post(smarthost="")
    assert queue() is None
    office, queue = post()
    assert queue("nobody") is None
    assert queue(f"x@{office.settings.tester.collector_domain}") is None
    assert office.casework.dispatch.silence("A@x.example", actor="operator")
    assert queue() is None
    assert office.casework.dispatch.listen_again("a@x.example", actor="operator")
    assert queue() is not None


def test_there_is_one_mail_for_one_occasion(post) -> None:
    _, queue = post()
    assert queue(occasion="listing 1") is not None
    assert queue("b@x.example", occasion="listing 1") is None
    assert queue(occasion="listing 2") is not None


@pytest.mark.parametrize(
    ("terms", "recipients", "left_out"),
    [
        ({"per_recipient": 2}, ["a@x.example", "A@x.example", "b@x.example"], "a@x.example"),
        ({"per_domain": 2}, ["a@x.example", "b@x.example", "c@y.example"], "d@x.example"),
        ({"per_day": 3}, ["a@x.example", "b@y.example", "c@z.example"], "d@w.example"),
    ],
)
def test_each_bound_leaves_out_what_is_too_much_and_counts_it_until_the_next_day(
    post, terms: dict[str, object], recipients: list[str], left_out: str
) -> None:
    office, queue = post(**terms)
    assert all(queue(one) is not None for one in recipients)
    assert queue(left_out) is None and queue(left_out) is None
    assert office.casework.dispatch.postage().withheld == 2
    office.later(days=1)
    assert queue(left_out) is not None
    assert office.casework.dispatch.postage().withheld == 0


def test_what_is_left_out_is_not_counted_against_others(post) -> None:
    office, queue = post(per_recipient=1)
    for _ in range(5):
        queue("a@x.example")
    domain = Account("mail to @x.example", day_of(office.clock.now()))
    with office.store.read() as tx:
        assert tx.kept.of([domain])[domain].messages == 1


def test_there_is_no_mail_without_what_it_tells_of(post) -> None:
    office, queue = post()

    def broken() -> None:
        with office.store.write() as tx:
            office.casework.dispatch._posting.queue(
                tx, "trial", "a@x.example", {}, subject="list", actor="policy", now=office.clock.now()
            )
            raise StoreUnavailable("the decision is not made")

    with pytest.raises(StoreUnavailable):
        broken()
    assert office.casework.dispatch.newest(most=5) == []
    assert queue() is not None


def told(office, template: str) -> list[dict[str, str]]:
    return [json.loads(one.facts) for one in office.casework.dispatch.newest(most=50) if one.template == template]


def test_the_owner_of_a_listed_address_is_told_once_where_the_kind_says_so(make_office) -> None:
    silent = make_office(notices=MAIL)
    silent.list_open("192.0.2.1")
    assert told(silent, "listed") == []


def test_an_owner_who_is_to_be_told_is_found_out_when_the_mail_is_due(make_office) -> None:
    office = make_office(notices=MAIL | {"owner_kinds": ["relay"]})
    office.list_open("192.0.2.1")
    [facts] = told(office, "listed")
    assert facts["address"] == "192.0.2.1" and facts["page"].endswith("/ip/192.0.2.1")
    dispatch = office.casework.dispatch
    notice = dispatch.take()
    assert notice.recipient == "" and dispatch.known_contact(office.at("192.0.2.1")) is None
    dispatch.address(notice, "postmaster@host.example", news=True)
    addressed = dispatch.take()
    assert (addressed.id, addressed.recipient) == (notice.id, "postmaster@host.example")
    assert dispatch.known_contact(office.at("192.0.2.1")) == "postmaster@host.example"
    office.later(days=8)
    assert dispatch.known_contact(office.at("192.0.2.1")) is None


@pytest.mark.parametrize(
    ("mailbox", "why"),
    [
        ("", "nobody is known who answers for it"),
        ("no address", "nobody is known who answers for it"),
        ("still@x.example", "its reader gets no mail: an operator has said so"),
        ("full@x.example", "its reader has had his mails for today"),
    ],
)
def test_a_mail_to_an_owner_ends_where_there_is_nobody_to_tell(make_office, mailbox: str, why: str) -> None:
    office = make_office(notices=MAIL | {"owner_kinds": ["relay"], "per_recipient": 1})
    office.casework.dispatch.silence("still@x.example", actor="operator")
    office.list_open("192.0.2.1")
    dispatch = office.casework.dispatch
    notice = dispatch.take()
    dispatch.try_out("full@x.example", actor="operator")
    dispatch.address(notice, mailbox, news=True)
    [ended] = [one for one in dispatch.newest(most=5) if one.template == "listed"]
    assert (ended.state, ended.reply) == (NoticeState.FAILED, why)


def test_who_has_asked_for_a_retest_is_told_at_once_what_relayed_and_the_wait(make_office) -> None:
    office = make_office(notices=MAIL)
    office.list_open("192.0.2.1")
    doors, address = office.casework.doors, office.at("192.0.2.1")
    doors.ask_removal(address, door=Door.WEB, actor="198.51.100.0/24", tell="Owner@host.example")
    office.test(Outcome.ACCEPTED, back="192.0.2.1")
    [facts] = told(office, "removal")
    assert facts["result"] == "stays on the list"
    assert "still open" in facts["explanation"] and "S01 on port 25 of 192.0.2.1" in facts["relayed"]
    assert facts["wait"].startswith("Your next request is taken from 2026-01-01 01:00")
    office.later(hours=2)
    doors.ask_removal(address, door=Door.WEB, actor="198.51.100.0/24", tell="owner@host.example")
    office.test(Outcome.RCPT_5XX)
    assert [one["result"] for one in told(office, "removal")] == ["is off the list", "stays on the list"]
    assert told(office, "removal")[0]["relayed"] == ""


def test_a_nomination_is_confirmed_only_where_the_settings_say_so(make_office) -> None:
    for on, count in ((False, 0), (True, 1)):
        office = make_office(notices=MAIL | {"nominator": on})
        nomination = Nomination(
            address=office.at(f"192.0.2.{count + 7}"), door=Door.WEB, nominator="n", reason="", evidence=b"spam"
        )
        office.casework.doors.nominate(nomination, confirm="me@x.example")
        assert len(told(office, "nominated")) == count
        assert office.casework.doors.nominate(nomination) is not None


def test_one_click_ends_all_mail_to_its_reader_and_looking_ends_nothing(post) -> None:
    office, queue = post()
    token = queue("a@x.example").token
    doors = office.casework.doors
    assert doors.no_more_mail(token, done=False) == "x.example"
    assert queue("a@x.example") is not None
    assert doors.no_more_mail(token, done=True) == doors.no_more_mail(token, done=True) == "x.example"
    assert queue("a@x.example") is None
    assert [e.verb for e in office.casework.operators.journal(None)].count("silence") == 1
    with pytest.raises(NotFound):
        doors.no_more_mail("nothing", done=True)


def test_owners_get_abuse_reports_where_the_settings_say_so(make_office) -> None:
    office = make_office(notices=MAIL | {"owner_kinds": ["relay"], "owner_form": "arf"})
    office.list_open("192.0.2.1")
    [facts] = told(office, "listed")
    report = json.loads(facts["arf"])
    assert (report["source"], report["page"]) == ("192.0.2.1", facts["page"])
    [notice] = office.casework.dispatch.newest(most=5)
    mail = notices.compose(replace(notice, recipient="a@x.example"), notices.templates()["listed"], office.settings)
    assert b"multipart/report" in mail and b"\r\nSource-IP: 192.0.2.1\r\n" in mail
