"""What the list holds, as the feed reads it: a stream of one moment, and the changes since."""

from __future__ import annotations

import threading
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.dns.listed.series import GAP, Wanted
from dnsbl.dns.listed.table import Table
from dnsbl.errors import StoreUnavailable
from dnsbl.store import Store
from tester.smtp import Outcome

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)
REFUSED = Outcome.RCPT_5XX


def test_a_snapshot_is_of_one_moment_however_slowly_it_is_read(office) -> None:
    first, second = ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")
    office.casework.operators.list_networks([first], kind="spam", reason="x", actor="operator")
    number, rows, *_ = office.casework.contents.snapshot()
    office.casework.operators.list_networks([second], kind="spam", reason="x", actor="operator")
    office.casework.operators.drop_networks([first], kind="spam", reason="x", actor="operator")
    assert (number, list(Table.of(rows).rows())) == (1, [(first, "spam")])
    assert [(change.network, change.present) for change in office.casework.contents.changes(number)] == [
        (second, True),
        (first, False),
    ]
    assert list(Table.of(office.casework.contents.snapshot()[1]).rows()) == [(second, "spam")]


def test_a_snapshot_has_every_row_once_and_in_order(office) -> None:
    networks = sorted(map(ip_network, ("192.0.2.0/24", "198.51.100.7/32")))
    networks += sorted(map(ip_network, ("2001:db8::/48", "2001:db8::9/128")))
    for network in reversed(networks):
        for kind in ("spam", "manual"):
            office.casework.operators.list_networks([network], kind=kind, reason="x", actor="operator")
    number, rows, *_ = office.casework.contents.snapshot()
    keys = [
        (bytes((n.version, *n.network_address.packed, n.prefixlen)), k) for n in networks for k in ("manual", "spam")
    ]
    assert (number, list(rows)) == (office.casework.contents.last_change(), keys)
    assert number == 8


def test_a_snapshot_that_is_not_read_to_its_end_gives_its_connection_back(office) -> None:
    office.casework.operators.list_networks([ip_network("192.0.2.0/24")], kind="spam", reason="x", actor="operator")
    for _ in range(40):
        _, rows, *_ = office.casework.contents.snapshot()
        del rows
    assert office.store.engine.pool.checkedout() == 0


def test_changes_come_in_portions(office) -> None:
    networks = [ip_network(f"192.0.2.{n}") for n in range(5)]
    office.casework.operators.list_networks(networks, kind="spam", reason="x", actor="operator")
    assert [change.seq for change in office.casework.contents.changes(0, most=3)] == [1, 2, 3]
    assert [change.seq for change in office.casework.contents.changes(3, most=3)] == [4, 5]
    assert office.casework.contents.changes(5) == []


def wish(digest: str, newest: int | None = None, *, above: int = 0, breaks: bool = False) -> Wanted:
    return Wanted(digest=digest, newest=newest, above=above, breaks=breaks, why="a test")


def test_a_snapshot_and_what_came_after_it_say_number_and_epochs_of_the_same_moment(office) -> None:
    contents, first = office.casework.contents, ip_network("192.0.2.0/24")
    assert contents.snapshot()[2:] == ((), None)
    office.casework.operators.list_networks([first], kind="spam", reason="x", actor="operator")
    epoch = contents.epoch(wish("z"))
    snapshot = contents.snapshot()
    assert (snapshot.number, snapshot.epochs, snapshot.last) == (1, (epoch,), contents.changes(0)[0])
    assert contents.advance(0, most=5) == (contents.changes(0), (epoch,), 1)
    assert contents.advance(1) == ([], (epoch,), 1)
    assert contents.changes(0, epoch=epoch.base) == contents.changes(0)
    assert contents.changes(0, epoch=epoch.base + 1) == [], "of an epoch that is over, which may have another past"


def test_an_epoch_is_begun_once_however_many_nodes_ask_at_once(office) -> None:
    url = office.store.engine.url.render_as_string(hide_password=False)
    nodes = [type(office)(Store(url), office.settings, clock=office.clock) for _ in range(4)]
    start, found = threading.Barrier(4), []

    def ask(node) -> None:
        start.wait()
        found.append(node.casework.contents.epoch(wish("z")))

    asking = [threading.Thread(target=ask, args=(node,)) for node in nodes]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(set(found)) == 1 == len(office.casework.contents.advance(0).epochs)
    for node in nodes:
        node.store.close()


def test_a_new_epoch_is_above_every_serial_that_was_shown_and_ends_the_others_where_they_broke(office) -> None:
    contents = office.casework.contents
    first = contents.epoch(wish("z"))
    second = contents.epoch(wish("y", first.base, above=first.base + 10**6))
    assert second.base + second.since >= first.base + 10**6 + GAP
    assert contents.advance(0).epochs == (first, second)
    third = contents.epoch(wish("z", second.base, breaks=True))
    assert contents.advance(0).epochs == (third,)


def test_whoever_answers_for_the_list_is_told_of_no_change_that_is_not_on_the_disk(
    office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.casework.operators.list_networks([ip_network("192.0.2.0/24")], kind="spam", reason="x", actor="operator")
    contents, failing = office.casework.contents, [True]
    settled: list[int] = []

    def settle() -> None:
        if failing:
            raise StoreUnavailable("The disk fails.")
        settled.append(1)

    monkeypatch.setattr(office.store, "settle", settle)
    for ask in (contents.snapshot, lambda: contents.changes(0), lambda: contents.advance(0)):
        with pytest.raises(StoreUnavailable):
            ask()
    failing.clear()
    for _ in range(3):
        assert [change.seq for change in contents.advance(0).changes] == [1]
    assert len(settled) == 1, "what is known to be there is not asked for again at each look"
    office.casework.operators.list_networks([ip_network("192.0.2.9/32")], kind="spam", reason="x", actor="operator")
    assert [change.seq for change in contents.changes(1)] == [2]
    assert len(settled) == 2
