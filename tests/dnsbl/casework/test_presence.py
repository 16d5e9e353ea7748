"""A process at work leaves signs of life, and knows what ails the store and the clock."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import text

from dnsbl.errors import StoreUnavailable, Trouble, Withheld
from dnsbl.vocabulary import Reason
from tests.dnsbl.offices import Office

ADDRESS = ip_address("192.0.2.1")


def test_a_beat_is_a_sign_of_life_and_enters_nothing(office: Office) -> None:
    office.casework.presence.beat("a")
    office.later(seconds=5)
    office.casework.presence.beat("a")
    with office.store.read() as tx:
        [seen] = tx.connection.execute(text("SELECT seen FROM nodes")).scalars()
        assert seen == int(office.clock.now().timestamp() * 1_000_000)
    assert office.casework.operators.journal() == []


def test_who_was_seen_within_a_minute_is_at_work_and_a_role_that_nobody_has_is_named(office: Office) -> None:
    views, presence = office.casework.views, office.casework.presence
    assert (views.at_work(), views.unmanned()) == ([], ["worker", "collector", "scheduler"])
    presence.beat("a:1", ("dns", "worker"))
    office.later(seconds=30)
    presence.beat("b:2", ("collector", "scheduler", "web"))
    assert [(sign.process, sign.roles) for sign in views.at_work()] == [
        ("a:1", ("dns", "worker")),
        ("b:2", ("collector", "scheduler", "web")),
    ]
    assert views.unmanned() == []
    office.later(seconds=31)
    assert views.unmanned() == ["worker"]
    presence.leave("b:2")
    assert views.at_work() == []


def test_a_test_that_is_due_says_that_nobody_would_make_it(office: Office) -> None:
    office.nominate("192.0.2.1")
    look = office.casework.views.look_up
    assert look(ADDRESS).waits == "no worker of this list is at work at present"
    office.casework.presence.beat("a:1", ("worker",))
    assert look(ADDRESS).waits == ""


def test_what_ails_the_store_is_known_without_asking_it(office: Office) -> None:
    presence = office.casework.presence
    assert presence.ails() == ""
    with pytest.raises(StoreUnavailable), office.store.write():
        raise StoreUnavailable("The disk is full.", trouble=Trouble.FULL)
    assert presence.ails() == "The disk is full."
    presence.beat("a")
    assert presence.ails() == ""


@pytest.mark.parametrize("days", [91, -91])
def test_while_the_clock_is_not_believed_no_verb_that_depends_on_time_does_anything(timed: Office, days: float) -> None:
    timed.nominate("192.0.2.1")
    assignment = timed.take()
    timed.casework.presence.beat("a")
    assert timed.casework.presence.reckon().strange == ""
    timed.clock.jump(days=days)
    work = timed.casework.assignments
    held: list[Callable[[], object]] = [
        lambda: timed.nominate("192.0.2.2"),
        lambda: timed.casework.operators.order_test(ADDRESS, profile="basic", actor="operator"),
        lambda: timed.casework.operators.list_networks(
            [ip_network("203.0.113.0/24")], kind="manual", reason="x", actor="operator"
        ),
        lambda: work.renew_lease(assignment),
        lambda: timed.issue(assignment),
        lambda: work.file_run(assignment),
        lambda: timed.arrive("postmaster", "198.51.100.9", b"Hello.\\r\\n"),
        lambda: timed.casework.presence.beat("a"),
    ]
    for verb in held:
        with pytest.raises(StoreUnavailable, match="waits") as told:
            verb()
        assert told.value.trouble is Trouble.CLOCK
    assert "waits" in timed.casework.presence.reckon().strange
    timed.casework.operators.stop(reason="complaints", actor="operator")
    stopped = timed.casework.views.stopped()
    assert stopped is not None
    assert stopped.at < timed.clock.now() if days > 0 else stopped.at > timed.clock.now()
    timed.clock.jump(days=-days)
    for verb in (held[0], held[3], held[7]):
        verb()


def test_an_operators_word_lets_all_go_on(timed: Office) -> None:
    if timed.store.engine.dialect.name == "postgresql":  # which has a clock of its own
        return
    timed.casework.presence.beat("a")
    timed.nominate("192.0.2.1")
    for days in (91, -20):
        timed.clock.jump(days=days)
        with pytest.raises(StoreUnavailable, match="--trust"):
            timed.nominate("192.0.2.3")
        timed.casework.operators.trust_clock(reason="the battery was changed", actor="operator joe")
        assert timed.casework.presence.reckon().strange == ""
        timed.nominate(f"192.0.2.{abs(days)}")
        timed.casework.presence.beat("a")
    entry = next(entry for entry in timed.casework.operators.journal() if entry.subject == "clock")
    assert (entry.actor, entry.verb, entry.reason) == ("operator joe", "trusted", Reason.OPERATOR)
    assert entry.evidence == "the battery was changed"


def test_a_jump_ends_no_listing(timed: Office) -> None:
    timed.list_open("192.0.2.1")
    timed.clock.jump(days=91)
    with pytest.raises((StoreUnavailable, Withheld)):
        timed.casework.upkeep.expire()
    timed.clock.jump(days=-91)
    assert timed.casework.upkeep.expire() == 0
    assert timed.casework.views.look_up(ADDRESS).listings
