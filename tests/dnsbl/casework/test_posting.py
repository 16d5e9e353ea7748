"""Mail is queued with what it tells of, bounded, and never to who wants none."""

from __future__ import annotations

import pytest

from dnsbl.errors import StoreUnavailable
from dnsbl.model import Notice, NoticeState
from dnsbl.store.kept import Account, day_of

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
