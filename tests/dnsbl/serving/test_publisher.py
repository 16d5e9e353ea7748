"""What is published leads from any published table to the newest, and is told again while the store stands by it."""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.listed import published
from dnsbl.dns.listed.published import BLOCK, HEAD, MOST_BLOCKS, Bulletin
from dnsbl.dns.listed.table import Table
from dnsbl.errors import DnsblError
from dnsbl.model import Change
from dnsbl.serving import publisher as module
from dnsbl.serving.publisher import AGAIN, KEPT, Publisher, read_changes
from dnsbl.serving.signet import Signet, verifier

SIGNET = Signet(b"1" * 32)


def change(seq: int, present: bool = True) -> Change:
    return Change(seq=seq, network=ip_network(0xC0000000 + seq), kind="manual", present=present)


class Store:
    """A log in memory."""

    def __init__(self) -> None:
        self.log: list[Change] = []
        self.broken = False

    def changes(self, after: int, *, most: int = 10000) -> list[Change]:
        if self.broken:
            raise DnsblError("The store is away.")
        return [one for one in self.log if one.seq > after][:most]


class Office:
    """A publisher, and the table that it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = HandClock()
        self.store = Store()
        self.table = Table.of([(ip_network("198.51.100.0/24"), "manual")], serial=10)
        self.table = self.table.numbered(990, since=10, zones_digest="a" * 64)
        self.publisher = Publisher(self.store, folder, lambda: SIGNET, clock=self.clock)

    def list(self, count: int) -> None:
        new = [change(self.table.serial + n) for n in range(1, count + 1)]
        self.store.log += new
        self.table = self.table.changed(new)

    async def publish(self) -> Bulletin:
        self.publisher.table = self.table
        self.publisher.confirm(self.clock.now().timestamp())
        await self.publisher.step()
        return self.head()

    def head(self) -> Bulletin:
        return published.opened((self.folder / HEAD).read_bytes(), verifier(SIGNET.public))

    def made_of(self, head: Bulletin) -> Table:
        """The table that the files lead to."""
        packed = (self.folder / head.table.name).read_bytes()
        table = Table.over(memoryview(b"".join(published.unpacked([packed], head.table))))
        for piece in head.changes:
            table = table.changed(read_changes(self.folder, piece))
        return table


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "published")


async def test_a_table_is_published_whole_and_then_by_its_changes(office: Office) -> None:
    first = await office.publish()
    assert first.changes == () and (first.change, first.epoch) == (10, office.table.epoch)
    assert office.made_of(first).same_rows(office.table)
    for count in (1, 5, BLOCK, 2 * BLOCK + 3):
        office.list(count)
        head = await office.publish()
        assert head.table == first.table
        assert office.made_of(head).same_rows(office.table) and head.change == office.table.serial
        assert all(piece.to - piece.after == BLOCK for piece in head.changes[:-1])


async def test_a_table_comes_anew_when_too_many_changes_lie_behind_it_or_the_log_does_not_lead_on(
    office: Office,
) -> None:
    first = await office.publish()
    office.list(BLOCK * MOST_BLOCKS)
    assert (await office.publish()).table == first.table
    office.list(1)
    second = await office.publish()
    assert second.table != first.table and second.changes == ()
    office.list(3)
    del office.store.log[-2]
    third = await office.publish()
    assert third.table != second.table and office.made_of(third).same_rows(office.table)
    office.table = office.table.numbered(2000, since=office.table.serial, zones_digest="b" * 64)
    fourth = await office.publish()
    assert fourth.table != third.table and fourth.epoch == office.table.epoch and fourth.zones == "b" * 64


async def test_nothing_is_published_before_the_store_has_stood_by_a_table(office: Office) -> None:
    office.publisher.table = office.table
    await office.publisher.step()
    assert not office.folder.exists()


async def test_the_head_is_signed_anew_while_the_store_stands_by_it_and_only_then(office: Office) -> None:
    first = await office.publish()
    office.clock.turn(seconds=AGAIN - 1)
    assert await office.publish() == first
    office.clock.turn(seconds=1)
    again = await office.publish()
    assert again.made == first.made + AGAIN and again.pieces == first.pieces
    office.clock.turn(seconds=3600)
    await office.publisher.step()
    assert office.head() == again
    office.clock.jump(seconds=-7200)
    office.list(1)
    assert (await office.publish()).made == again.made


async def test_after_a_start_it_goes_on_from_what_was_published(office: Office) -> None:
    await office.publish()
    office.list(3)
    before = await office.publish()
    office.publisher = Publisher(office.store, office.folder, lambda: SIGNET, clock=office.clock)
    office.list(2)
    after = await office.publish()
    assert after.table == before.table
    assert [(piece.after, piece.to) for piece in after.changes] == [(10, 15)]
    assert office.made_of(after).same_rows(office.table)


async def test_what_was_published_and_is_damaged_is_made_anew(office: Office) -> None:
    await office.publish()
    office.list(3)
    head = await office.publish()
    (office.folder / head.changes[-1].name).write_bytes(b"x" * head.changes[-1].packed)
    office.publisher = Publisher(office.store, office.folder, lambda: SIGNET, clock=office.clock)
    office.clock.turn(seconds=AGAIN)
    assert (await office.publish()).changes == ()


async def test_a_file_that_is_named_no_more_stays_for_those_who_are_fetching_it(office: Office) -> None:
    first = await office.publish()
    office.clock.turn(seconds=86400)
    os.utime(office.folder / first.table.name, (0, 0))
    office.list(BLOCK * MOST_BLOCKS + 1)
    await office.publish()
    assert (office.folder / first.table.name).exists()
    office.clock.turn(seconds=KEPT + 1)
    second = await office.publish()
    assert {path.name for path in office.folder.iterdir()} == {HEAD, second.table.name}


async def test_a_store_or_a_disk_that_fails_is_a_sentence_and_what_is_published_stays(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await office.publish()
    office.list(1)
    office.store.broken = True
    await office.publish()
    assert office.publisher.problem == "the table is not published: The store is away."
    assert office.head() == first
    office.store.broken = False

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module, "write_whole", full)
        await office.publish()
        assert "No space left" in office.publisher.problem
    assert (await office.publish()).change == office.table.serial
    assert office.publisher.problem == ""


async def test_a_table_to_which_no_log_leads_comes_whole_though_the_numbers_go_on(office: Office) -> None:
    """As after a snapshot of a restored database, whose changes have the same numbers and say something else."""
    first = await office.publish()
    office.list(5)
    whole = Table.of([(ip_network("203.0.113.0/24"), "manual")], serial=15)
    office.table = whole.numbered(first.epoch, since=15, zones_digest=first.zones)
    assert (office.table.epoch, office.table.since) == (first.epoch, 15)
    head = await office.publish()
    assert office.made_of(head).same_rows(office.table) and head.table != first.table


async def test_a_table_that_is_told_again_unchanged_is_no_news_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger=module.__name__)
    office = Office(tmp_path)
    for _ in range(3):
        await office.publish()
        office.clock.turn(seconds=AGAIN)
    assert len(caplog.records) == 1
    office.list(1)
    await office.publish()
    assert len(caplog.records) == 2
