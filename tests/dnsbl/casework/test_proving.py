"""The transparency log of a list: every entry and change becomes a leaf, once, and what was signed stays."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from ipaddress import ip_network
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text

from dnsbl.casework import proving
from dnsbl.casework.proving import Proving
from dnsbl.errors import Damaged, NotFound, StoreUnavailable, Withheld
from dnsbl.log import checkpoint, leaves, merkle, note, tiles
from dnsbl.log.leaves import digest_of
from dnsbl.log.tiles import ENTRIES, Tile
from dnsbl.store.log import KeptCheckpoint, LogShelf
from dnsbl.vocabulary import Door, Tier
from tester.smtp import Outcome
from tests.dnsbl.conftest import Office

HOST = "192.0.2.1"
ORIGIN = "list.example/log"


@pytest.fixture
def office(make_office: Callable[..., Office], tmp_path: Path) -> Office:
    return make_office(service={"state_dir": str(tmp_path / "one")}, tlog={"origin": ORIGIN})


def node(office: Office, folder: Path, **terms: str) -> Proving:
    """What another node on the same store has."""
    service = office.settings.service.model_copy(update={"state_dir": folder})
    tlog = office.settings.tlog.model_copy(update=terms)
    return Proving(
        office.store, office.settings.model_copy(update={"service": service, "tlog": tlog}), office.clock, office.random
    )


def told(work: Proving) -> list[dict[str, object]]:
    """Every leaf, as anybody reads it from what is published, held against the signed root."""
    signed = work.newest()
    assert signed is not None
    head, _ = checkpoint.opened(signed, ORIGIN, [note.Verifier.read(key.vkey) for key in work.verifiers()])
    found: list[bytes] = []
    for number in range(-(-head.size // tiles.WIDTH)):
        content = work.content(Tile(ENTRIES, number, min(tiles.WIDTH, head.size - number * tiles.WIDTH)))
        assert content is not None
        found += tiles.entries(content)
    hashes = [merkle.leaf_hash(leaf) for leaf in found]
    assert len(hashes) == head.size and (merkle.complete(hashes) if hashes else merkle.EMPTY) == head.root
    return [json.loads(leaf) for leaf in found]


def journal_length(office: Office) -> int:
    with office.store.read() as tx:
        return tx.journal.read(None, most=1)[-1].seq


def test_the_whole_past_becomes_leaves_in_order_and_what_is_new_is_added(office: Office) -> None:
    work = office.casework.proving
    office.list_open(HOST)
    assert work.keep() > 0
    first = told(work)
    office.casework.operators.list_networks(
        [ip_network("203.0.113.0/26"), ip_network("203.0.113.64/26")], kind="spam", reason="bulk", actor="operator op"
    )
    assert work.keep() == 3
    assert work.keep() == 0
    found = told(work)
    assert found[: len(first)] == first
    assert [leaf["entry"] for leaf in found if "entry" in leaf] == list(range(1, journal_length(office) + 1))
    assert [leaf["change"] for leaf in found if "change" in leaf] == [1, 2, 3]
    assert [leaf["serial"] for leaf in found if leaf.get("verb") == "listed"] == [1, 3]


def test_a_letters_hash_is_a_leaf_before_we_dial(office: Office) -> None:
    office.nominate(HOST)
    assignment = office.take()
    office.issue(assignment)
    work = office.casework.proving
    work.keep()
    (leaf,) = [leaf for leaf in told(work) if leaf.get("verb") == "letters"]
    issued = [fate.letter for fate in office.letters(assignment.job.run)]
    shown = f"run {assignment.job.run}, letters sha256:{digest_of(issued)}"
    seal = leaves.seal(work.sealing().salt(f"entry {leaf['entry']} evidence"), shown)
    assert isinstance(leaf["sealed"], dict) and leaf["sealed"]["evidence"] == seal
    assert digest_of(issued) != digest_of(issued[::-1]) != digest_of(issued[:-1])


@pytest.mark.parametrize("networks", ["sealed", "open"])
def test_nobody_who_reports_and_no_mail_address_stands_in_any_leaf(office: Office, networks: str) -> None:
    office.casework.reporters.add("carol", tier=Tier.NEW, contact="carol@mail.example", actor="operator dave")
    office.list_open(HOST)
    office.casework.doors.ask_removal(office.at(HOST), door=Door.WEB, actor="web 198.51.100.7")
    office.test(Outcome.RCPT_5XX)
    office.casework.operators.exclude(
        ip_network("203.0.113.0/24"), reason="asked by erin@mail.example", actor="cli dave"
    )
    office.casework.dispatch.silence("frank@mail.example", actor="cli dave")
    work = node(office, office.settings.service.state_dir, networks=networks)
    work.keep()
    public = json.dumps(told(work))
    for private in ("carol", "dave", "erin", "frank", "@", "mail.example", "198.51.100.7", "203.0.113", "somebody"):
        assert private not in public, private
    assert (HOST in public) == (networks == "open")


def test_an_open_log_names_what_is_listed(office: Office, tmp_path: Path) -> None:
    office.list_open(HOST)
    office.nominate("192.0.2.99")
    work = node(office, tmp_path / "one", networks="open")
    work.keep()
    found = told(work)
    assert [leaf["network"] for leaf in found if "change" in leaf] == [f"{HOST}/32"]
    assert [leaf["subject"] for leaf in found if leaf.get("verb") == "listed"] == [HOST]
    assert "192.0.2.99" not in json.dumps(found)


def test_a_leaf_is_found_and_proven_to_whoever_has_the_key(office: Office) -> None:
    office.list_open(HOST)
    work = office.casework.proving
    with pytest.raises(NotFound, match="no leaf of change 1 yet"):
        work.place(change=1)
    work.grow()
    placed = work.place(change=1)
    with pytest.raises(NotFound, match="No checkpoint has leaf"):
        work.proof(placed.index)
    work.sign()
    keys = [note.Verifier.read(key.vkey) for key in work.verifiers()]
    for at in (placed, *(work.place(entry=number) for number in range(1, journal_length(office) + 1))):
        work.proof(at.index).check(merkle.leaf_hash(at.leaf), ORIGIN, keys)
    with pytest.raises(NotFound):
        work.place(entry=journal_length(office) + 1)


def test_heads_follow_one_another_and_each_is_shown_to_begin_with_the_one_before(office: Office) -> None:
    work, heads = office.casework.proving, list[checkpoint.Checkpoint]()
    for last in range(5):
        office.nominate(f"192.0.2.{last + 10}")
        work.keep()
        heads.append(checkpoint.Checkpoint.read(note.parts(work.newest() or "")[0]))
    for old, new in pairwise(heads):
        assert old.size < new.size
        merkle.check_consistency(old.size, old.root, new.size, new.root, work.consistency(old.size, new.size))
    with pytest.raises(NotFound):
        work.consistency(0, heads[-1].size + 1)


def test_a_long_past_is_a_number_of_slices_and_makes_the_same_tree(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for last in range(4):
        office.list_open(f"192.0.2.{last + 10}")
        office.later(minutes=1)
    networks = list(ip_network("203.0.113.0/24").subnets(new_prefix=29))
    office.casework.operators.list_networks(networks, kind="spam", reason="bulk", actor="operator op")
    monkeypatch.setattr(proving, "LINES", 7)
    work = office.casework.proving
    assert work.grow(most=3) < journal_length(office)
    work.keep()
    found = told(work)
    assert [leaf["change"] for leaf in found if "change" in leaf] == list(range(1, len(networks) + 5))
    assert [leaf["entry"] for leaf in found if "entry" in leaf] == list(range(1, journal_length(office) + 1))
    assert [leaf["serial"] for leaf in found if leaf.get("verb") == "listed"] == [1, 2, 3, 4, 4 + len(networks)]


class Died(Exception):
    """Where a process was killed."""


@pytest.mark.parametrize("place", ["put_tiles", "put_bundle", "come_to", "begin", "add_checkpoint", "add_key"])
def test_a_process_that_dies_anywhere_leaves_what_the_next_one_goes_on_with(
    office: Office, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    office.list_open(HOST)
    work = office.casework.proving

    def die(*arguments: object, **facts: object) -> None:
        raise Died

    with monkeypatch.context() as killed:
        killed.setattr(LogShelf, place, die)
        with pytest.raises(Died):
            work.keep()
    work.keep()
    assert [leaf["entry"] for leaf in told(work) if "entry" in leaf] == list(range(1, journal_length(office) + 1))


def test_of_two_nodes_one_adds_and_both_sign_the_same(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.list_open(HOST)
    first = office.casework.proving
    first.keep()
    (tmp_path / "two").mkdir()
    second = node(office, tmp_path / "two")
    with pytest.raises(Withheld, match="copy that file from the node that signs"):
        second.keep()
    (tmp_path / "two" / "log.key").write_bytes((tmp_path / "one" / "log.key").read_bytes())
    office.nominate("192.0.2.9")
    made = tiles.grow

    def late(*arguments: object) -> object:
        monkeypatch.setattr(tiles, "grow", made)
        first.keep()
        office.nominate("192.0.2.10")
        first.keep()
        return made(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(tiles, "grow", late)
    second.keep()
    assert second.newest() == first.newest()
    assert [leaf["entry"] for leaf in told(second) if "entry" in leaf] == list(range(1, journal_length(office) + 1))


def test_a_head_that_another_node_has_signed_otherwise_meanwhile_stays_the_only_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.list_open(HOST)
    work, made = office.casework.proving, note.signed
    size = work.grow()

    def late(text: str, lines: Iterable[str]) -> str:
        with office.store.write() as tx:
            tx.log.add_checkpoint(KeptCheckpoint(size=size, root=bytes(32), note="theirs", at=office.clock.now()))
        return made(text, lines)

    monkeypatch.setattr(note, "signed", late)
    with pytest.raises(Damaged, match=f"signed another root at size {size}"):
        work.sign()
    assert work.newest() == "theirs"


def test_what_was_signed_last_is_on_the_disk_and_whole_whoever_else_signs_here_at_the_same_moment(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, synced = office.settings.service.state_dir, os.fsync
    work, other = office.casework.proving, node(office, folder)
    office.list_open(HOST)
    work.keep()
    office.list_open("192.0.2.2")
    met: list[int] = []

    def meanwhile(descriptor: int) -> None:
        synced(descriptor)
        met.append(descriptor)
        if len(met) == 1:
            other.rotate(reason="due", actor="operator op")
            other.keep()

    monkeypatch.setattr(os, "fsync", meanwhile)
    work.keep()
    seen = (folder / "log.seen").read_text(encoding="utf-8")
    assert met and checkpoint.Checkpoint.read(note.parts(seen)[0]).size > 0
    assert not list(folder.glob("log.seen.*"))


def test_a_head_that_cannot_be_read_is_named_and_nothing_is_signed(office: Office) -> None:
    work = office.casework.proving
    office.list_open(HOST)
    work.keep()
    (office.settings.service.state_dir / "log.seen").write_bytes(b"")
    with pytest.raises(Withheld, match=r"log\.seen does not hold the head that was signed last; remove it if"):
        work.keep()


def test_a_database_with_another_past_is_not_signed(office: Office) -> None:
    office.list_open(HOST)
    work = office.casework.proving
    work.keep()
    with office.store.write() as tx:  # as after a copy from yesterday, which knows no log yet
        tx.log.clear()
        tx.connection.execute(text("DELETE FROM log_keys"))
        tx.journal.append(at=office.clock.now(), actor="x", subject="list", verb="odd", reason="operator")
    work.grow()
    with pytest.raises(Withheld, match="another past than the log that was signed here"):
        work.sign()
    assert work.newest() is None


def test_a_tree_that_was_changed_below_a_signed_root_is_not_signed_again(office: Office) -> None:
    office.list_open(HOST)
    work = office.casework.proving
    work.keep()
    with office.store.write() as tx:
        content = tx.log.content(Tile(0, 0, 1)) or b""
        tx.log.put_tiles({(0, 0): bytes(32) + content[32:]})
    office.nominate("192.0.2.9")
    with pytest.raises(Damaged, match="does not have the root that was signed"):
        work.keep()


def test_a_new_key_signs_beside_the_old_one_and_the_oldest_no_more(office: Office) -> None:
    work = office.casework.proving
    office.nominate(HOST)
    work.keep()
    (first,) = work.verifiers()
    second = work.rotate(reason="a year", actor="operator op")
    work.keep()
    for vkey in (first.vkey, second):
        checkpoint.opened(work.newest() or "", ORIGIN, [note.Verifier.read(vkey)])
    office.later(days=1)
    third = work.rotate(reason="two", actor="operator op")
    work.keep()
    with pytest.raises(Damaged):
        checkpoint.opened(work.newest() or "", ORIGIN, [note.Verifier.read(first.vkey)])
    keys = {key.vkey: key.ended for key in work.verifiers()}
    assert keys == {first.vkey: office.clock.now(), second: None, third: None}


def test_the_public_keys_lie_where_zones_are_made(office: Office, tmp_path: Path) -> None:
    office.nominate(HOST)
    work = office.casework.proving
    work.keep()
    work.rotate(reason="a year", actor="operator op")
    told_to_zones = (tmp_path / "one" / "log.vkey").read_text().split()
    assert told_to_zones == [key.vkey for key in work.verifiers()][::-1] and len(told_to_zones) == 2


def test_a_rotation_that_broke_off_is_finished_by_the_file(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    work = office.casework.proving
    office.nominate(HOST)
    work.keep()

    def die(*arguments: object) -> None:
        raise Died

    with monkeypatch.context() as killed:
        killed.setattr(LogShelf, "add_key", die)
        with pytest.raises(Died):
            work.rotate(reason="a year", actor="operator op")
    work.keep()
    assert len(work.verifiers()) == 2
    assert len(note.parts(work.newest() or "")[1]) == 2


def test_a_log_keeps_its_name_until_it_is_given_up(office: Office, tmp_path: Path) -> None:
    office.list_open(HOST)
    office.casework.proving.keep()
    other = node(office, tmp_path / "one", origin="list.example/log/2")
    with pytest.raises(Withheld, match="a log keeps its name"):
        other.keep()
    with pytest.raises(Withheld, match="needs a new name"):
        office.casework.proving.renew(reason="lost", actor="operator op")
    other.renew(reason="lost", actor="operator op")
    other.keep()
    told_again = checkpoint.Checkpoint.read(note.parts(other.newest() or "")[0])
    assert (told_again.origin, told_again.size) == ("list.example/log/2", journal_length(office) + 1)
    assert [key.vkey.split("+")[0] for key in other.verifiers()] == ["list.example/log/2"]


def test_what_is_no_leaf_yet_is_not_to_be_forgotten(office: Office, tmp_path: Path) -> None:
    work = office.casework.proving
    assert (work.reached(), node(office, tmp_path / "one", origin="").reached()) == (0, None)
    office.list_open(HOST)
    work.keep()
    assert work.reached() == 1
    assert office.casework.forgetting._shipped() == 1


def test_a_list_without_a_name_for_its_log_keeps_none(office: Office, tmp_path: Path) -> None:
    office.list_open(HOST)
    work = node(office, tmp_path / "one", origin="")
    assert not work.on and work.keep() == 0 and work.newest() is None and work.verifiers() == []
    assert office.casework.proving.content(Tile(0, 0, 1)) is None
    with pytest.raises(Withheld, match="No log has begun"):
        office.casework.proving.sealing()


def test_a_head_is_told_to_nobody_before_it_is_on_the_disk(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.nominate(HOST)
    work = office.casework.proving
    work.keep()

    def full() -> None:
        raise StoreUnavailable

    with monkeypatch.context() as disk:
        disk.setattr(office.store, "settle", full)
        for verb in (work.newest, lambda: work.proof(0)):
            with pytest.raises(StoreUnavailable):
                verb()
    assert work.newest() is not None


def test_no_more_is_handed_out_than_was_signed(office: Office) -> None:
    office.nominate(HOST)
    work = office.casework.proving
    work.keep()
    size = checkpoint.Checkpoint.read(note.parts(work.newest() or "")[0]).size
    office.nominate("192.0.2.9")
    work.grow()
    for level in (ENTRIES, 0):
        assert work.content(Tile(level, 0, size)) is not None
        assert work.content(Tile(level, 0, size + 1)) is None
        assert work.content(Tile(level, 0)) is None
    part = work.content(Tile(ENTRIES, 0, 1))
    assert part is not None and len(tiles.entries(part)) == 1
    assert len(work.content(Tile(0, 0, 1)) or b"") == 32
