"""What answers, wired: its parts in their order, and the responder in a thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from dnsbl.daemons.answering import Bound, Front
from dnsbl.daemons.keeper import Shell
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.health import Board
from dnsbl.model import MxPair
from dnsbl.serving.signet import Signet
from tests.dnsbl.serving.served import LISTED, ZONE


@pytest.fixture
def front(make_office: Callable[..., Any], tmp_path: Path) -> Callable[..., Front]:
    def make(**dns: object) -> Front:
        office = make_office(service={"state_dir": str(tmp_path)}, dns={"listen": ["127.0.0.1:0"]} | dns)
        zones = zones_from({"bl.toml": ZONE}, site="https://site.example")
        board = Board(office.clock)
        return Front(office.casework.contents, office.settings, zones, office.clock, board, Bound())

    return make


def names(front: Front, *, beside: bool = False) -> list[str]:
    return [name for name, _ in front.parts(beside=beside)]


def begin(front: Front, part: str) -> Any:
    return dict(front.parts(beside=True))[part]()


def test_secrets_come_first_and_what_was_not_asked_for_is_no_part(front: Callable[..., Front]) -> None:
    always = ["dns", "feed", "notifier", "sources", "pulled sources", "counts of answers"]
    assert names(front()) == ["secrets", *always]
    assert names(front(metrics_listen="127.0.0.1:0", query_log_every=10), beside=True) == [
        *("secrets", "metrics", "inner metrics", *always, "query log"),
    ]


def test_keys_for_transfers_that_cannot_be_read_are_said_before_anything_begins(
    front: Callable[..., Front], tmp_path: Path
) -> None:
    with pytest.raises(SettingsError):
        front(tsig_keys=str(tmp_path / "missing"))


async def test_the_responder_answers_in_its_thread_until_it_is_told(front: Callable[..., Front]) -> None:
    here = front()
    responder: Shell = await begin(here, "dns")
    [(host, port)] = here._bound.dns
    assert here._bound.engine
    stop = asyncio.Event()
    running = asyncio.create_task(responder.run(stop))
    reader, writer = await asyncio.open_connection(host, port)
    query = LISTED.to_wire()
    writer.write(len(query).to_bytes(2) + query)
    assert (await asyncio.wait_for(reader.readexactly(4), 5))[2:] == query[:2]
    writer.close()
    await writer.wait_closed()
    stop.set()
    await asyncio.wait_for(running, 10)
    with pytest.raises(OSError):
        await asyncio.open_connection(host, port)


async def test_the_first_question_after_a_start_finds_what_the_last_run_has_left(front: Callable[..., Front]) -> None:
    over = asyncio.Event()
    over.set()
    await (await begin(front(), "feed")).run(over)
    here, stop = front(), asyncio.Event()
    responder: Shell = await begin(here, "dns")  # and nothing after it
    running = asyncio.create_task(responder.run(stop))
    [(host, port)] = here._bound.dns
    always = dns.message.make_query(f"2.0.0.127.{here.responder.serving.zones.origins[0]}", "A")
    answer = await dns.asyncquery.udp(always, host, port=port, timeout=5)
    stop.set()
    await asyncio.wait_for(running, 10)
    assert [record.to_text() for record in answer.answer[0]] == ["127.0.0.2"]


async def test_a_responder_that_cannot_listen_says_so(front: Callable[..., Front]) -> None:
    taken = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = taken.sockets[0].getsockname()[1]
    with pytest.raises(DnsblError, match="cannot listen there"):
        await begin(front(listen=[f"127.0.0.1:{port}"]), "dns")
    taken.close()
    await taken.wait_closed()


async def test_a_responder_that_ends_by_itself_is_a_fault(
    front: Callable[..., Front], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = front()

    async def ends(stop: asyncio.Event) -> None:
        await here.responder.close()

    monkeypatch.setattr(here.responder, "run", ends)
    with pytest.raises(DnsblError, match="The responder has ended"):
        await (await begin(here, "dns")).run(asyncio.Event())


async def test_the_name_of_a_test_is_answered_while_its_letters_are_waited_for(
    make_office: Callable[..., Any], tmp_path: Path
) -> None:
    office = make_office(
        service={"state_dir": str(tmp_path)}, dns={"listen": ["127.0.0.1:0"]}, tester={"mx_domain": "m.example"}
    )
    zones = zones_from({"bl.toml": ZONE}, site="https://site.example")
    here = Front(office.casework.contents, office.settings, zones, office.clock, Board(office.clock), Bound())
    parts = dict(here.parts(beside=False))
    await parts["feed"]()
    responder, stop = await parts["dns"](), asyncio.Event()
    running = asyncio.create_task(responder.run(stop))
    named: Any = await parts["names of tests"]()
    question, (host, port) = dns.message.make_query("t1.m.example", "MX"), here._bound.dns[0]
    try:
        office.nominate("203.0.113.25")
        pair = MxPair(label="t1", address=ip_address("203.0.113.25"), name="mx.host.example")
        office.casework.assignments.file_pair(office.take(), pair)
        await named.step()
        there = await dns.asyncquery.udp(question, host, port=port, timeout=5)
        assert [record.to_text() for record in there.answer[0]] == [
            f"10 {office.settings.collector.hostname}.",
            "20 host.t1.m.example.",
            "20 mx.host.example.",
        ]
        await here.rezone(zones)
        assert (await dns.asyncquery.udp(question, host, port=port, timeout=5)).answer
        office.later(seconds=office.settings.tester.delivery_window + 1)
        await named.step()
        assert (await dns.asyncquery.udp(question, host, port=port, timeout=5)).rcode() == dns.rcode.NXDOMAIN
    finally:
        stop.set()
        await asyncio.wait_for(running, 10)


@pytest.mark.parametrize("mine", ["bl.test", "m.bl.test", "test"])
def test_names_of_tests_and_zones_do_not_lie_inside_one_another(
    make_office: Callable[..., Any], tmp_path: Path, mine: str
) -> None:
    office = make_office(service={"state_dir": str(tmp_path)}, tester={"mx_domain": mine})
    zones = zones_from({"bl.toml": ZONE}, site="https://site.example")
    with pytest.raises(SettingsError, match="must not lie inside one another"):
        Front(office.casework.contents, office.settings, zones, office.clock, Board(office.clock), Bound())


def test_a_node_publishes_for_those_who_are_named_and_a_follower_hands_on(
    make_office: Callable[..., Any], tmp_path: Path
) -> None:
    zones = zones_from({"bl.toml": ZONE}, site="https://site.example")

    def parts(**sections: Any) -> list[str]:
        office = make_office(service={"state_dir": str(tmp_path)}, dns={"listen": ["127.0.0.1:0"]}, **sections)
        contents = office.casework.contents
        return names(Front(contents, office.settings, zones, office.clock, Board(office.clock), Bound()))

    given = {"to": ["127.0.0.0/8"], "listen": "127.0.0.1:0"}
    follow = {"url": "http://127.0.0.1:1/table", "key": Signet(b"1" * 32).public}
    assert parts(publish={"to": ["127.0.0.0/8"]})[-1] == "publisher"
    assert parts(publish=given)[-2:] == ["publisher", "table"]
    assert parts(publish=given, follow=follow)[-2:] == ["pulled sources", "table"]


async def test_a_follower_without_a_network_begins_all_its_parts_and_says_what_it_lacks(
    make_office: Callable[..., Any], tmp_path: Path
) -> None:
    zones = zones_from({"bl.toml": ZONE}, site="https://site.example")
    office = make_office(
        service={"state_dir": str(tmp_path)},
        dns={"listen": ["127.0.0.1:0"]},
        publish={"to": ["127.0.0.0/8"], "listen": "127.0.0.1:0"},
        follow={"url": "http://127.0.0.1:1/table", "key": Signet(b"1" * 32).public},
    )
    bound = Bound()
    front = Front(office.casework.contents, office.settings, zones, office.clock, Board(office.clock), bound)
    fed = await begin(front, "feed")
    assert fed.problem == (
        "the table is not followed: http://127.0.0.1:1/table/head cannot be fetched: Connection refused"
    )
    table = await begin(front, "table")
    assert bound.table[0][1] > 0
    stop = asyncio.Event()
    stop.set()
    await asyncio.wait_for(asyncio.gather(table.run(stop), fed.run(stop)), 10)
