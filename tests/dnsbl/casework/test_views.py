"""Looking: one word for where an address stands, whole reports, the journal, and the feed's stream."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from sqlalchemy import text

from dnsbl.dns.listed.table import Table
from dnsbl.errors import Damaged
from dnsbl.model import Door, State
from tester.smtp import Control, Outcome, Transcript
from tester.verdict import Finding, Verdict

HOST = "192.0.2.1"
ADDRESS = ip_address(HOST)


def test_an_unknown_address_is_a_standing_too(office) -> None:
    standing = office.casework.look_up(ip_address("2001:db8::1"))
    assert (standing.state, standing.listings, standing.past, standing.runs) == (State.UNKNOWN, (), (), ())
    assert (standing.last_verdict, standing.next_test, standing.job, standing.exclusion) == (None, None, None, None)
    assert standing.removal_after is None


def test_a_test_goes_through_all_its_states(office) -> None:
    def state() -> State:
        return office.casework.look_up(ADDRESS).state

    seen = [state()]
    office.nominate(HOST)
    seen.append(state())
    assignment = office.take()
    seen.append(state())
    office.issue(assignment)
    office.talk(assignment, Outcome.ACCEPTED)
    office.casework.file_run(assignment)
    seen.append(state())
    office.come_back(assignment.job.run, HOST)
    seen.append(state())
    office.casework.ask_removal(ADDRESS, door=Door.WEB, actor="owner")
    office.later(seconds=1)
    office.test(Outcome.RCPT_5XX)
    seen.append(state())
    assert seen == [State.UNKNOWN, State.QUEUED, State.TESTING, State.PENDING, State.LISTED, State.CLEAR]


@pytest.mark.parametrize(
    ("says", "control", "state"),
    [
        (Outcome.RCPT_5XX, Control.ACCEPTED, State.CLEAR),
        (Outcome.RCPT_5XX, Control.REFUSED, State.UNTESTABLE),
        (Outcome.PROTOCOL, Control.ACCEPTED, State.UNTESTABLE),
    ],
)
def test_the_last_verdict_says_clear_or_untestable(office, says: Outcome, control: Control, state: State) -> None:
    office.nominate(HOST)
    run = office.test(says, control=control)
    standing = office.casework.look_up(ADDRESS)
    assert (standing.state, standing.last_verdict, standing.runs) == (state, run.verdict, (run,))


def test_listings_that_cover_come_narrowest_first(office) -> None:
    networks = [ip_network("192.0.2.0/24"), ip_network("192.0.2.0/30"), ip_network("192.0.2.4/30")]
    office.casework.list_networks(networks, kind="spam", reason="x", actor="operator")
    office.list_open(HOST)
    found = [str(listing.network) for listing in office.casework.look_up(ADDRESS).listings]
    assert found == ["192.0.2.1/32", "192.0.2.0/30", "192.0.2.0/24"]


def test_past_listings_come_newest_first(office) -> None:
    network = [ip_network(HOST)]
    for kind in ("one", "two"):
        office.casework.list_networks(network, kind=kind, reason="x", actor="operator")
        office.later(hours=1)
        office.casework.drop_networks(network, kind=kind, reason="x", actor="operator")
    assert [listing.kind for listing in office.casework.look_up(ADDRESS).past] == ["two", "one"]


def test_a_report_has_all_that_belongs_to_a_run(office) -> None:
    run = office.list_open(HOST)
    report = office.casework.run_report(run.id)
    assert report.run.verdict is Verdict.OPEN
    assert [letter.finding for letter in report.letters][:2] == [Finding.DELIVERED_SAME, None]
    assert Transcript.from_json(report.transcripts[0]).target == HOST
    assert [item.finding for item in report.returns] == [Finding.DELIVERED_SAME]
    assert report.provocation == "nomination 1"


def test_the_journal_tells_the_last_entries_oldest_first(office) -> None:
    office.nominate(HOST)
    office.nominate("192.0.2.2")
    assert [entry.seq for entry in office.casework.journal()] == [1, 2, 3, 4]
    assert [entry.seq for entry in office.casework.journal(most=2)] == [3, 4]
    assert [entry.seq for entry in office.casework.journal(ip_address("192.0.2.2"))] == [3, 4]
    assert office.casework.journal(ip_network("192.0.2.2/32")) == office.casework.journal(ip_address("192.0.2.2"))
    assert office.casework.verify_journal() == 4


def test_a_changed_past_shows(office) -> None:
    office.nominate(HOST)
    with office.store.write() as tx:
        if office.store.engine.dialect.name == "sqlite":
            tx.connection.execute(text("DROP TRIGGER journal_keeps_update"))
        else:
            tx.connection.execute(text("DROP TRIGGER journal_keeps ON journal"))
        tx.connection.execute(text("UPDATE journal SET actor = 'nobody' WHERE seq = 2"))
    with pytest.raises(Damaged, match="Entry 2"):
        office.casework.verify_journal()


def test_a_snapshot_is_of_one_moment_however_slowly_it_is_read(office) -> None:
    first, second = ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")
    office.casework.list_networks([first], kind="spam", reason="x", actor="operator")
    number, rows = office.casework.snapshot()
    office.casework.list_networks([second], kind="spam", reason="x", actor="operator")
    office.casework.drop_networks([first], kind="spam", reason="x", actor="operator")
    assert (number, list(Table.of(rows).rows())) == (1, [(first, "spam")])
    assert [(change.network, change.present) for change in office.casework.changes(number)] == [
        (second, True),
        (first, False),
    ]
    assert list(Table.of(office.casework.snapshot()[1]).rows()) == [(second, "spam")]


def test_a_snapshot_has_every_row_once_and_in_order(office) -> None:
    networks = sorted(map(ip_network, ("192.0.2.0/24", "198.51.100.7/32")))
    networks += sorted(map(ip_network, ("2001:db8::/48", "2001:db8::9/128")))
    for network in reversed(networks):
        for kind in ("spam", "manual"):
            office.casework.list_networks([network], kind=kind, reason="x", actor="operator")
    number, rows = office.casework.snapshot()
    keys = [
        (bytes((n.version, *n.network_address.packed, n.prefixlen)), k) for n in networks for k in ("manual", "spam")
    ]
    assert (number, list(rows)) == (office.casework.last_change(), keys)
    assert number == 8


def test_a_snapshot_that_is_not_read_to_its_end_gives_its_connection_back(office) -> None:
    office.casework.list_networks([ip_network("192.0.2.0/24")], kind="spam", reason="x", actor="operator")
    for _ in range(40):
        _, rows = office.casework.snapshot()
        del rows
    assert office.store.engine.pool.checkedout() == 0


def test_changes_come_in_portions(office) -> None:
    networks = [ip_network(f"192.0.2.{n}") for n in range(5)]
    office.casework.list_networks(networks, kind="spam", reason="x", actor="operator")
    assert [change.seq for change in office.casework.changes(0, most=3)] == [1, 2, 3]
    assert [change.seq for change in office.casework.changes(3, most=3)] == [4, 5]
    assert office.casework.changes(5) == []
