"""A whole node with the roles that serve: every setting of the responder reaches it."""

import asyncio
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from hashlib import sha256
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import dns.asyncquery
import dns.edns
import dns.message
import dns.opcode
import dns.rcode
import dns.zone
import pytest

from dnsbl.config import read_zones
from dnsbl.daemons.answering import Bound
from dnsbl.daemons.node import Node
from dnsbl.dns.clearing import Clearing
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.serving import lookups, querylog
from dnsbl.settings import Settings
from dnsbl.vocabulary import Tier
from tests import waiting

KEY = "0123456789abcdefghij"
ZONE = """
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.manual]
code = "127.0.0.2"
txt = "manual {address}"
"""
QUERY = dns.message.make_query("7.2.0.192.bl.test", "A", use_edns=0)


class Nodes:
    def __init__(self, make_office: Callable[..., Any], folder: Path) -> None:
        self.folder = folder
        self.make_office = make_office

    def node(self, *, roles: tuple[str, ...] = ("dns",), **dns_settings: object) -> Node:
        office = self.make_office(
            service={"state_dir": str(self.folder / "state")},
            dns={"listen": ["127.0.0.1:0"], "poll": 0.01, "zones_dir": str(self.folder)} | dns_settings,
            web={"listen": "127.0.0.1:0"},
            tester={"lab_networks": ["192.0.2.0/24"]},
        )
        settings: Settings = office.settings
        (self.folder / "state").mkdir(exist_ok=True)
        (self.folder / "bl.toml").write_text(ZONE)
        self.casework = office.casework
        zones = zones_from({"bl.toml": ZONE}, site=settings.web.base_url)
        self.clearing = Clearing(zones, refresh=False)
        kept = self.clearing
        return Node(office.casework, settings, zones, office.keyring, office.clock, clearing=kept, roles=roles)

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[Bound]:
        node = self.node(**settings)
        stop = asyncio.Event()
        ready: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(node.run(stop, ready=ready.set_result))
        try:
            yield await asyncio.wait_for(ready, 10)
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)


@pytest.fixture
def nodes(make_office: Callable[..., Any], tmp_path: Path) -> Nodes:
    return Nodes(make_office, tmp_path)


async def ask(bound: Bound, query: dns.message.Message = QUERY) -> dns.message.Message:
    host, port = bound.dns[0]
    return await dns.asyncquery.udp(query, host, port=port, timeout=5)


async def until(
    again: Callable[[], Awaitable[dns.message.Message]], met: Callable[[dns.message.Message], object]
) -> dns.message.Message:
    async def said() -> dns.message.Message | None:
        reply = await again()
        return reply if met(reply) else None

    return await waiting.until(said, within=10)


async def page(where: tuple[str, int], path: str = "/metrics") -> str:
    def read() -> str:
        with urlopen(f"http://{where[0]}:{where[1]}{path}", timeout=5) as reply:
            return str(reply.read().decode())

    return await asyncio.to_thread(read)


async def test_b47_a_listing_shows_in_dns_and_in_metrics(nodes: Nodes) -> None:
    async with nodes.running(roles=("dns", "web"), metrics_listen="127.0.0.1:0") as bound:
        await until(lambda: ask(bound), lambda said: said.rcode() == dns.rcode.NXDOMAIN)
        networks = [ip_network("192.0.2.0/24")]
        listing = partial(
            nodes.casework.operators.list_networks, networks, kind="manual", reason="a test", actor="operator"
        )
        assert await asyncio.to_thread(listing) == 1
        await until(lambda: ask(bound), lambda said: said.answer)
        for where in (bound.web[0], bound.metrics[0]):
            text = await page(where)
            assert 'dnsbl_dns_replies_total{rcode="NXDOMAIN",transport="udp",type="A",zone="bl.test"}' in text
            assert 'dnsbl_table_entries{kind="manual"} 1.0' in text


async def test_b53_a_web_role_by_itself_has_a_page_too(nodes: Nodes) -> None:
    async with nodes.running(roles=("web",)) as bound:
        text = await page(bound.web[0])
    assert "process_cpu_seconds_total" in text
    assert "dnsbl_dns" not in text


async def test_b30_b19_cookies_and_keys_are_in_service_from_the_start(nodes: Nodes) -> None:
    keys = nodes.folder / "keys"
    await asyncio.to_thread(keys.write_text, sha256(KEY.encode()).hexdigest())
    async with nodes.running(keys_file=str(keys), acl=["127.0.0.0/8 refuse"]) as bound:
        query = dns.message.make_query("2.0.0.127.bl.test", "A")
        query.use_edns(0, options=[dns.edns.GenericOption(10, b"clientss")])
        reply = await ask(bound, query)
        assert reply.rcode() == dns.rcode.REFUSED
        assert [len(option.to_wire() or b"") for option in reply.options if option.otype == 10] == [24]
        keyed = await ask(bound, dns.message.make_query(f"2.0.0.127.{KEY}.bl.test", "A"))
        assert keyed.rcode() in (dns.rcode.NOERROR, dns.rcode.SERVFAIL)
    assert ((nodes.folder / "state" / "cookies").stat().st_mode & 0o777) == 0o600


async def test_b19_the_use_of_keys_is_on_every_page_for_operators_and_no_key_is(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    keys, digest = nodes.folder / "keys", sha256(KEY.encode()).hexdigest()
    await asyncio.to_thread(keys.write_text, f"{digest} name=acme networks=192.0.2.0/24")
    async with nodes.running(roles=("dns", "web"), keys_file=str(keys), metrics_listen="127.0.0.1:0") as bound:
        assert (await ask(bound, dns.message.make_query(f"2.0.0.127.{KEY}.bl.test", "A"))).rcode() != dns.rcode.REFUSED
        for where in (bound.web[0], bound.metrics[0]):
            text = await page(where)
            for fact in ("queries", "elsewhere"):
                assert f'dnsbl_key_{fact}_total{{key="acme"}} 1.0' in text
            assert 'dnsbl_key_alarm{key="acme"} 1.0' in text
            assert KEY not in text and digest not in text
    async with nodes.running(roles=("dns", "web"), keys_file=str(keys), metrics_listen="127.0.0.1:0") as bound:
        for told in (await page(bound.web[0], "/api/v1/keys"), await page(bound.metrics[0], "/keys")):
            [row] = json.loads(told)["keys"]
            assert (row["name"], row["queries"], row["alarm"]) == ("acme", 1, True)
            assert KEY not in told
    assert "the key acme is used from outside its networks, last from 127.0.0.0/24" in caplog.text
    assert KEY not in caplog.text


async def test_b54_sampled_queries_are_logged(
    nodes: Nodes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(querylog, "EVERY", 0.01)
    with caplog.at_level(logging.INFO, logger="dnsbl.serving.querylog"):
        async with nodes.running(query_log_every=1) as bound:
            await ask(bound)
    assert any("127.0.0.0/24 udp 7.2.0.192.bl.test A" in record.getMessage() for record in caplog.records)


async def test_b48_read_again_the_zones_and_the_keys_change_and_the_serial_grows(nodes: Nodes) -> None:
    keys = nodes.folder / "keys"
    await asyncio.to_thread(keys.write_text, "")
    node = nodes.node(keys_file=str(keys))
    stop = asyncio.Event()
    ready: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(node.run(stop, ready=ready.set_result))
    try:
        bound = await asyncio.wait_for(ready, 10)
        soa = dns.message.make_query("bl.test", "SOA")
        before = await until(lambda: ask(bound, soa), lambda said: said.answer)
        await asyncio.to_thread((nodes.folder / "bl.toml").write_text, ZONE.replace("[soa]", "[soa]\nminimum = 77"))
        await asyncio.to_thread(keys.write_text, sha256(KEY.encode()).hexdigest())
        await node.reload()
        assert (await ask(bound, soa)).answer[0][0].minimum == 77
        old = before.answer[0][0].serial
        after = await until(lambda: ask(bound, soa), lambda said: said.answer[0][0].serial > old)
        keyed = await ask(bound, dns.message.make_query(f"2.0.0.127.{KEY}.bl.test", "A"))
        assert keyed.answer
        await asyncio.to_thread((nodes.folder / "bl.toml").write_text, "origin = 1")
        await node.reload()
        assert (await ask(bound, soa)).answer == after.answer
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def test_a_damaged_cookie_file_stops_the_start_with_one_sentence(nodes: Nodes) -> None:
    node = nodes.node()
    await asyncio.to_thread((nodes.folder / "state" / "cookies").write_text, "rubbish")
    with pytest.raises(DnsblError, match="does not hold cookie secrets"):
        await node.run(asyncio.Event())


async def test_b48_zone_files_are_read_again_and_bad_ones_change_nothing(
    nodes: Nodes, caplog: pytest.LogCaptureFixture
) -> None:
    node = nodes.node()
    soa = dns.message.make_query("bl.test", "SOA")
    test_point = dns.message.make_query("2.0.0.127.bl.test", "TXT")
    stop = asyncio.Event()
    task = asyncio.create_task(node.run(stop))
    await until(lambda: asyncio.sleep(0, result=dns.message.Message()), lambda _: node.bound.dns)
    before = await until(lambda: ask(node.bound, soa), lambda said: said.answer)
    file = nodes.folder / "bl.toml"
    file.write_text(ZONE.replace("manual {address}", "changed {address}"))
    await node.reload()
    assert '"changed 127.0.0.2"' in str((await ask(node.bound, test_point)).answer[0])
    old = before.answer[0][0].serial
    await until(lambda: ask(node.bound, soa), lambda said: said.answer[0][0].serial > old)  # by the feed's next look
    now = node._clock.now()
    assert nodes.clearing(["manual"], now) == nodes.clearing(["manual"], now - timedelta(days=1))
    file.write_text(file.read_text().replace('changed {address}"', 'changed {address}"\nttl = 99999'))
    await node.reload()
    assert nodes.clearing(["manual"], now) == timedelta(seconds=99999), "what ends now goes by what is served now"
    file.write_text("origin = 7")
    await node.reload()
    assert '"changed 127.0.0.2"' in str((await ask(node.bound, test_point)).answer[0])
    assert "the zones stay as they were" in caplog.text
    (kept,) = [part for part in node.board.all() if part.part == "zones"]
    assert kept.up and kept.why.startswith("The zone files are as they were before: ") and "bl.toml" in kept.why
    file.write_text(ZONE)
    await node.reload()
    assert [part.why for part in node.board.all() if part.part == "zones"] == [""]
    stop.set()
    await asyncio.wait_for(task, 10)


async def test_zone_files_that_cannot_be_taken_over_for_an_unforeseen_reason_are_told_and_read_the_next_time(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Who looks for a zone's last day ended with it, and a service manager waited for the end of the reload."""
    node = nodes.node(roles=("web",))

    def broken(settings: Settings, **words: Any) -> Zones:
        raise KeyError("x")

    with monkeypatch.context() as patch:
        patch.setattr("dnsbl.daemons.node.read_zones", broken)
        await node.reload()
    told = [part.why for part in node.board.all() if part.part == "zones"]
    assert told == ["They are not taken over: KeyError; the log says more."]
    assert "the zone files could not be taken over" in caplog.text
    await node.reload()
    assert [part.why for part in node.board.all() if part.part == "zones"] == [""]


async def test_of_zone_files_that_are_read_again_at_once_the_last_ones_stay(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = nodes.node(roles=("web",))
    began, go, reads = threading.Event(), threading.Event(), 0

    def slow(settings: Settings, **words: Any) -> Zones:
        nonlocal reads
        reads += 1
        zones = read_zones(settings, **words)
        if not began.is_set():
            began.set()
            assert go.wait(10)
        return zones

    monkeypatch.setattr("dnsbl.daemons.node.read_zones", slow)
    first = asyncio.create_task(node.reload())
    assert await asyncio.to_thread(began.wait, 10)
    await asyncio.to_thread((nodes.folder / "bl.toml").write_text, ZONE.replace("bl.test", "dul.test"))
    later = [asyncio.create_task(node.reload()) for _ in range(20)]
    await asyncio.wait(later, timeout=0.3)
    go.set()
    await asyncio.gather(first, *later)
    assert node._zones.origins == ("dul.test",)
    assert reads == 2


async def test_pages_follow_the_zone_files_with_and_without_a_responder(nodes: Nodes) -> None:
    for roles in (("web",), ("web", "dns")):
        node = nodes.node(roles=roles)
        stop = asyncio.Event()
        ready: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(node.run(stop, ready=ready.set_result))
        try:
            bound = await asyncio.wait_for(ready, 10)
            assert '{"bl.test":["127.0.0.2"]}' in await page(bound.web[0], "/api/v1/hosts/127.0.0.2")
            changed = ZONE.replace("bl.test", "dul.test").replace("127.0.0.2", "127.0.0.3")
            await asyncio.to_thread((nodes.folder / "bl.toml").write_text, changed)
            await node.reload()
            assert '{"dul.test":["127.0.0.3"]}' in await page(bound.web[0], "/api/v1/hosts/127.0.0.2")
        finally:
            stop.set()
            await asyncio.wait_for(task, 10)


async def test_a_secondary_is_told_and_served_by_a_whole_node(nodes: Nodes) -> None:
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    class Secondary(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.put_nowait(data)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Secondary, local_addr=("127.0.0.1", 0))
    place = f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    async with nodes.running(secondaries=[place], transfer=["127.0.0.0/8"]) as bound:
        news = dns.message.from_wire(await asyncio.wait_for(heard.get(), 10))
        assert news.opcode() == dns.opcode.NOTIFY
        host, port = bound.dns[0]
        zone = dns.zone.Zone("bl.test", relativize=False)
        await dns.asyncquery.inbound_xfr(host, zone, dns.message.make_query("bl.test", "AXFR"), port=port, lifetime=10)
        assert zone.get_soa().serial == news.answer[0][0].serial
    transport.close()


def test_a_key_that_is_not_there_is_said_before_anything_starts(nodes: Nodes) -> None:
    keys = nodes.folder / "tsig"
    keys.touch(0o600)
    with pytest.raises(SettingsError, match="has no key mirror"):
        nodes.node(transfer=["192.0.2.1 mirror"], tsig_keys=str(keys))


async def test_a_start_that_fails_later_frees_the_port_of_the_metrics(nodes: Nodes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        node = nodes.node(metrics_listen="127.0.0.1:0", listen=[f"127.0.0.1:{taken.getsockname()[1]}"])
        with pytest.raises(DnsblError, match="cannot listen there"):
            await node.run(asyncio.Event())
    again = socket.create_server(node.bound.metrics[0])
    again.close()


async def test_a_zone_empties_itself_on_the_day_that_its_file_names_and_says_so(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dnsbl.daemons.node.DAY_CHECK", 0.02)
    node = nodes.node()
    clock = node._clock
    end = clock.now().date() + timedelta(days=2)
    (nodes.folder / "bl.toml").write_text(ZONE.replace("ns = ", f"retires = {end}\nns = ", 1))
    await node.reload()
    nodes.casework.operators.list_networks([ip_network("192.0.2.0/24")], kind="manual", reason="x", actor="operator")
    stop = asyncio.Event()
    ready: asyncio.Future[Bound] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(node.run(stop, ready=ready.set_result))
    (host, port), *_ = (await ready).dns

    async def said(name: str, rtype: str) -> list[str]:
        reply = await dns.asyncquery.udp(dns.message.make_query(name, rtype), host, port=port, timeout=5)
        return [str(rdata) for rrset in reply.answer for rdata in rrset]

    try:
        assert await said("_status.bl.test", "TXT") == [
            f'"state=retiring ends={end} more=http://127.0.0.1:8053/policy"'
        ]
        assert await said("2.0.0.127.bl.test", "A") == ["127.0.0.2"]
        clock.turn(days=2)

        async def empty() -> bool:
            return not await said("2.0.0.127.bl.test", "A")

        await waiting.until(empty)
        assert await said("_status.bl.test", "TXT") == [f'"state=ended since={end} more=http://127.0.0.1:8053/policy"']
        assert await said("7.2.0.192.bl.test", "A") == []
        assert await said("bl.test", "SOA")
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def test_what_a_watched_zone_is_asked_goes_from_the_side_that_answers_to_the_schedulers(
    make_office: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookups, "EVERY", 0.01)
    office = make_office(
        service={"state_dir": str(tmp_path / "state")},
        dns={"listen": ["127.0.0.1:0"], "poll": 0.01, "zones_dir": str(tmp_path)},
        lookups={"clients": ["ann 127.0.0.0/8"], "asked_by": 1},
        tester={"lab_networks": ["192.0.2.0/24"]},
    )
    office.casework.reporters.add("ann", tier=Tier.NEW, contact="", actor="operator me")
    (tmp_path / "state").mkdir()
    text = ZONE.replace('origin = "bl.test"', 'origin = "bl.test"\nwatched = "qw.test"')
    zones = zones_from({"bl.toml": text}, site="https://site.example")
    node = Node(office.casework, office.settings, zones, office.keyring, office.clock, roles=["dns"])
    stop = asyncio.Event()
    task = asyncio.create_task(node.run(stop))
    await until(lambda: asyncio.sleep(0, result=dns.message.Message()), lambda _: node.bound.dns)
    question = dns.message.make_query("9.2.0.192.qw.test", "A")
    await until(lambda: ask(node.bound, question), lambda said: said.rcode() == dns.rcode.NXDOMAIN)
    scheduler: Any = await node._begin_scheduler()
    (verb,) = [verb for name, verb, _ in scheduler._verbs if name == "lookups"]
    await waiting.until(lambda: asyncio.to_thread(verb), within=10)
    assert office.casework.feeding.waiting() == {"reporter ann": 1}
    assert "dnsbl_dns_lookups_total" in node.metrics().decode()
    stop.set()
    await asyncio.wait_for(task, 10)
