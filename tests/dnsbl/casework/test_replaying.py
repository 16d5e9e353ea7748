"""What happened after a copy was made and has nothing to do with a listing's end holds after its return too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from dnsbl.casework.queueing import unwanted
from dnsbl.casework.replaying import worded
from dnsbl.errors import Refused
from dnsbl.rules import bringers
from dnsbl.store import Store
from dnsbl.vocabulary import JobReason, Reason, Role, Tier

HOST = "192.0.2.1"
READER = "a@x.example"
MAIL = {"smarthost": "m.example", "sender": "l@list.example"}


@pytest.fixture
def office(make_office: Any, request: pytest.FixtureRequest) -> Any:
    return make_office(notices=MAIL, **getattr(request, "param", {}))


@pytest.fixture
def come_back(office: Any, empty_url: str, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Copy the office, do something in it, lose it; the office that comes back, and what was told of that."""
    store = Store(empty_url)

    def lost_after(*deeds: Callable[[], object]) -> Any:
        copy, log = list(office.casework.restoring.backup()), tmp_path / "events.jsonl"
        office.casework.shipping.ship_to(log)
        for deed in deeds:
            deed()
        office.casework.shipping.ship_to(log)
        fresh = type(office)(store, office.settings, clock=office.clock, worker="w2")
        fresh.keyring = office.keyring
        for _ in range(1000):  # or it makes names that are in the copy
            fresh.random(2)
        lines = log.read_text().splitlines()
        fresh.told = fresh.casework.restoring.restore(iter(copy), lines, reason="disk lost", actor="operator c")
        assert fresh.casework.operators.verify_journal()
        return fresh

    yield lost_after
    store.close()


def test_a_reporter_who_was_suspended_stays_so_and_a_key_that_was_revoked_or_replaced_opens_nothing(
    office: Any, come_back: Callable[..., Any]
) -> None:
    accounts, keys = office.casework.reporters, {}
    for name in ("mallory", "leaky", "renewed", "steady"):
        accounts.add(name, tier=Tier.NEW, contact="", actor="operator a")
        keys[name] = accounts.key(name, actor="operator a")
    new = []
    fresh = come_back(
        lambda: accounts.suspend("mallory", reason="fraud", actor="operator a"),
        lambda: accounts.revoke("leaky", actor="operator a"),
        lambda: new.append(accounts.key("renewed", actor="operator a")),
        lambda: accounts.tier("steady", Tier.TRUSTED, reason="good", actor="operator a"),
        lambda: accounts.add("late", tier=Tier.NEW, contact="c", actor="operator a"),
    )
    for key in (keys["mallory"], keys["leaky"], keys["renewed"], *new):
        with pytest.raises(Refused):
            fresh.casework.doors.reporter_of(key)
    assert fresh.casework.reporters.find("mallory").why == "fraud"
    assert fresh.casework.doors.reporter_of(keys["steady"]).tier is Tier.TRUSTED
    assert fresh.casework.reporters.find("late").contact == "c"
    assert fresh.told.keyless == ("renewed",), "whoever runs the list is told who needs a new one"


@pytest.mark.usefixtures("light")
def test_an_account_that_was_taken_or_whose_secrets_were_changed_lets_nobody_in_after_a_return(
    office: Any, come_back: Callable[..., Any]
) -> None:
    accounts, words = office.casework.accounts, {"reason": "x", "actor": "operator a"}
    for name in ("gone", "shut", "renewed", "lower", "steady"):
        accounts.add(name, "correct horse battery", role=Role.OWNER, actor="operator a")
    secret = office.casework.entrance.sign_in("steady", "correct horse battery", "", peer=None)
    fresh = come_back(
        lambda: accounts.remove("gone", **words),
        lambda: accounts.disable("shut", **words),
        lambda: accounts.password("renewed", "another good one", actor="operator a"),
        lambda: accounts.role("lower", Role.VIEWER, **words),
        lambda: accounts.enable("lower", **words),
    )
    kept = {one.name: (one.role, one.disabled) for one in fresh.casework.accounts.all()}
    assert kept == {
        "shut": (Role.OWNER, True),
        "renewed": (Role.OWNER, True),
        "lower": (Role.VIEWER, False),
        "steady": (Role.OWNER, False),
    }
    assert fresh.casework.entrance.who(secret) is None, "who is signed in is in no copy"


def test_a_reporter_who_was_resumed_is_heard_again(office: Any, come_back: Callable[..., Any]) -> None:
    accounts = office.casework.reporters
    accounts.add("sorry", tier=Tier.NEW, contact="", actor="operator a")
    accounts.suspend("sorry", reason="spam", actor="operator a")
    fresh = come_back(lambda: accounts.resume("sorry", reason="cleared", actor="operator a"))
    assert fresh.casework.reporters.find("sorry").suspended is None


def test_what_a_purged_source_brought_counts_no_more_and_its_tests_are_not_made(
    office: Any, come_back: Callable[..., Any]
) -> None:
    office.nominate(HOST)
    source = bringers.read("somebody")
    fresh = come_back(
        lambda: office.casework.purging.purge(source, reason="forged", actor="op", public="It was forged.")
    )
    assert fresh.casework.assignments.take_job("w2") is None
    with fresh.store.read() as tx:
        assert tx.nominations.void_alone(ip_address(HOST))
        assert unwanted(tx, ip_address(HOST), JobReason.NOMINATION) is Reason.PURGED
    [suspended] = fresh.casework.purging.suspensions()
    assert (suspended.source, suspended.reason) == ("somebody", "forged")
    assert fresh.told.wordless == 1


def test_what_was_purged_and_is_taken_again_has_still_lost_what_it_had_brought(
    office: Any, come_back: Callable[..., Any]
) -> None:
    office.list_open(HOST)
    source, purging = bringers.read("somebody"), office.casework.purging
    fresh = come_back(
        lambda: purging.purge(source, reason="forged", actor="op"),
        lambda: purging.end(source, reason="cleared", actor="op"),
    )
    assert fresh.casework.purging.suspensions() == []
    assert fresh.casework.views.look_up(ip_address(HOST)).listings == ()
    with fresh.store.read() as tx:
        assert tx.nominations.void_alone(ip_address(HOST))
        assert tx.jobs.live(ip_address(HOST)) is None


def test_a_watch_that_was_ended_stays_so_and_one_that_began_is_counted_as_lost(
    office: Any, come_back: Callable[..., Any]
) -> None:
    watching = office.casework.watching
    ended, stays = (
        watching.set_up(network, "feed", "", actor="operator a") for network in ("192.0.2.0/24", "198.51.100.0/24")
    )
    fresh = come_back(
        lambda: watching.end(ended.token, actor="owner"),
        lambda: watching.set_up("203.0.113.0/24", "feed", "", actor="operator a"),
    )
    assert [each.token for each in fresh.casework.watching.all(most=9)] == [stays.token]
    assert fresh.told.unwatched == 1


def test_who_wanted_no_more_mail_gets_none_whether_the_copy_knows_his_mail_or_not(
    office: Any, come_back: Callable[..., Any]
) -> None:
    dispatch, doors = office.casework.dispatch, office.casework.doors
    known = dispatch.try_out(READER, actor="op")

    def later() -> None:
        doors.no_more_mail(dispatch.try_out("Later@x.example", actor="op").token, done=True)

    fresh = come_back(
        lambda: doors.no_more_mail(known.token, done=True),
        later,
        lambda: dispatch.silence("told@x.example", actor="op"),
    )
    for one in (READER, "later@X.example", "told@x.example"):
        with pytest.raises(Refused, match="No mail goes to"):
            fresh.casework.dispatch.try_out(one, actor="op")
    assert fresh.casework.dispatch.try_out("other@x.example", actor="op")
    assert (fresh.casework.dispatch.postage().silenced, fresh.told.unsilenced) == (3, 0)
    assert fresh.casework.dispatch.listen_again("later@x.example", actor="op"), "he may change his mind"
    assert fresh.casework.dispatch.try_out("later@x.example", actor="op")


def test_the_journal_names_nobody_who_wanted_no_more_mail(office: Any) -> None:
    office.casework.dispatch.silence("told@x.example", actor="op")
    entry = office.casework.operators.journal()[-1]
    assert "told" not in entry.evidence.replace("salted", "")


def test_mail_goes_again_to_whom_it_was_let_go_to_again(office: Any, come_back: Callable[..., Any]) -> None:
    office.casework.dispatch.silence(READER, actor="op")
    fresh = come_back(lambda: office.casework.dispatch.listen_again(READER, actor="op"))
    assert fresh.casework.dispatch.postage().silenced == 0


def test_an_entry_of_an_older_program_that_says_not_who_wants_no_mail_is_counted(
    office: Any, come_back: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnsbl.casework.posting.Posting.veiled", lambda self, recipient: "")
    fresh = come_back(lambda: office.casework.dispatch.silence(READER, actor="op"))
    assert fresh.told.unsilenced == 1


def test_what_an_operator_listed_is_looked_at_again_when_it_would_have_been(
    office: Any, come_back: Callable[..., Any]
) -> None:
    operators, days = office.casework.operators, timedelta(days=office.settings.policy.review_days)
    kept, fresh_one = ip_network("10.1.0.0/16"), ip_network("10.3.0.0/16")
    operators.list_networks([kept], kind="manual", reason="spam", actor="operator a", public="Said before.")
    office.later(days=3)
    made = office.clock.now()

    def listed() -> None:
        operators.list_networks([fresh_one], kind="manual", reason="more", actor="operator b", public="Lost.")

    fresh = come_back(
        listed,
        lambda: office.casework.reviewing.keep(kept, kind="manual", reason="still", actor="operator b"),
        lambda: operators.exclude(ip_network("203.0.113.0/24"), reason="asked", actor="operator b", public="Lost."),
    )
    [new] = fresh.casework.views.look_up(ip_address("10.3.1.1")).listings
    assert (new.expires, new.note, new.author, new.public) == (made + days, "more", "operator b", "")
    [old] = fresh.casework.views.look_up(ip_address("10.1.1.1")).listings
    assert (old.expires, old.public) == (made + days, "Said before.")
    assert fresh.told.wordless == 2, "whoever runs the list is told that words are missing"


def test_what_two_operators_listed_is_by_the_one_who_proposed_it(make_office: Any) -> None:
    office = make_office(policy={"two_persons": True})
    network = ip_network("10.3.0.0/16")
    office.casework.operators.list_networks([network], kind="manual", reason="spam", actor="operator a")
    office.casework.reviewing.confirm(network, kind="manual", reason="yes", actor="operator b")
    assert worded(office.casework.operators.journal()[-1]) == ("spam; yes", "operator a")


@pytest.mark.parametrize("office", [{"policy": {"two_persons": True}}], indirect=True)
def test_what_was_confirmed_or_withdrawn_waits_for_nobody_any_more(office: Any, come_back: Callable[..., Any]) -> None:
    listed, withdrawn, waits = networks = [ip_network(f"10.{n}.0.0/16") for n in (1, 2, 3)]
    reviewing = office.casework.reviewing
    office.casework.operators.list_networks(networks, kind="manual", reason="spam", actor="operator a")
    fresh = come_back(
        lambda: reviewing.confirm(listed, kind="manual", reason="yes", actor="operator b"),
        lambda: reviewing.withdraw(withdrawn, kind="manual", reason="no", actor="operator a"),
    )
    assert [each.network for each in fresh.casework.reviewing.proposals()] == [waits]
    assert fresh.casework.views.look_up(ip_address("10.1.1.1")).listings
