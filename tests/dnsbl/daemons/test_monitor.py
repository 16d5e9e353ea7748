"""The monitor against real responders on loopback: who lags, who lies, who is not there."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from threading import Thread

import dns.asyncquery
import dns.message
import dns.rcode
import pytest

from dnsbl.daemons import monitor
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import watch
from dnsbl.dns.zonefile import zones_from
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns

TEXT = """
origin = "bl.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
[kinds.manual]
code = "127.0.0.4"
txt = "manual {address}"
[kinds.multihop]
code = "127.0.0.3"
txt = "multihop {address}"
aggregate = false
"""
ZONES = zones_from({"bl": TEXT}, site="https://site.example")
#: A server that answers 127.0.0.9 in the place of 127.0.0.2.
LIES = zones_from({"bl": TEXT.replace('"127.0.0.2"', '"127.0.0.9"')}, site="https://site.example")
LISTED = Table.of([(ip_network("192.0.2.9"), "manual"), (ip_network("192.0.2.9"), "multihop")], serial=7)
LAST = (ip_address("192.0.2.9"), ("manual", "multihop"))
Start = Callable[..., object]


@pytest.fixture
async def serve() -> AsyncIterator[Start]:
    started: list[Responder] = []

    async def start(
        table: Table = LISTED, *, listen: str = "127.0.0.1:0", lies: bool = False, acl: tuple[str, ...] = ()
    ) -> str:
        responder = Responder(Dns.model_validate({"listen": [listen], "acl": acl}), LIES if lies else ZONES)
        responder.table = table
        started.append(responder)
        [(host, port)] = await responder.start()
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    yield start
    for responder in started:
        await responder.close()


async def test_servers_that_agree_are_fine_in_both_families(serve: Start) -> None:
    servers = [await serve(), await serve(), await serve(listen="[::1]:0")]
    records = await monitor.ask(servers, ZONES, LAST)
    assert monitor.fine(records)
    assert [(r["server"], r["zone"], r["serial"]) for r in records] == [(s, "bl.test", 7) for s in servers]


async def test_who_lags_or_lies_is_named(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitor, "SECONDS", 0.5)
    ours, lags, lies = await serve(), await serve(Table.of([], serial=5)), await serve(lies=True)
    records = await monitor.ask([ours, lags, lies, "127.0.0.1:9"], ZONES, LAST)
    said = {r["server"]: r["trouble"] for r in records}
    assert said[ours] == []
    assert said[lags] == ["has serial 5, 2 behind ours", "says nothing about 192.0.2.9, not 127.0.0.4"]
    assert said["127.0.0.1:9"] == ["does not answer for the zone"]
    assert said[lies] == [
        "says 127.0.0.4 about 127.0.0.2, not 127.0.0.2",
        "says 127.0.0.4 about ::ffff:127.0.0.2, not 127.0.0.2",
    ]
    assert not monitor.fine(records)


async def test_a_server_that_refuses_us_is_no_dead_one_and_its_serial_is_known(serve: Start) -> None:
    ours, closed = await serve(), await serve(Table.of([], serial=6), acl=("127.0.0.0/8 refuse",))
    records = await monitor.ask([ours, closed], ZONES, LAST)
    assert [record["serial"] for record in records] == [7, 6]
    said, refused = records[1]["trouble"]
    assert said == "has serial 6, 1 behind ours"
    assert 'give us a rule "pass"' in refused
    assert not monitor.fine(records)


async def test_a_server_without_a_table_does_not_answer_for_the_zone(serve: Start) -> None:
    server = await serve(None)
    [record] = await monitor.ask([server], ZONES, None)
    assert record["trouble"] == ["does not answer for the zone"]


def test_everybody_who_is_configured_is_asked_once() -> None:
    settings = Dns.model_validate(
        {
            "listen": ["127.0.0.1:5353", "127.0.0.1:0"],
            "secondaries": ["192.0.2.1:53"],
            "monitor": ["192.0.2.1:53", "[2001:db8::1]:53"],
        }
    )
    assert monitor.places(settings) == ["127.0.0.1:5353", "192.0.2.1:53", "[2001:db8::1]:53"]


def test_a_server_at_every_address_is_asked_at_loopback() -> None:
    settings = Dns.model_validate({"listen": ["0.0.0.0:53", "[::]:54", "[2001:db8::1]:53"]})
    assert monitor.places(settings) == ["127.0.0.1:53", "[::1]:54", "[2001:db8::1]:53"]


async def test_two_servers_behind_one_address_are_seen_by_the_version_of_each_answer(
    serve: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of them is asked everything but the SOA."""
    ours, other = await serve(), await serve(Table.of([*LISTED.rows()], serial=5))
    question = monitor._question

    async def spread(server, name, rtype, turns):
        return await question(other if server == "192.0.2.1:53" and rtype != "SOA" else ours, name, rtype, turns)

    monkeypatch.setattr(monitor, "_question", spread)
    records = await monitor.ask([ours, "192.0.2.1:53"], ZONES, LAST)
    assert [r["trouble"] for r in records] == [
        [],
        ["answers from serial 5 too, so more than one server is behind this address"],
    ]


async def test_a_server_that_knows_no_edns_is_asked_without(serve: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, real = await serve(), dns.asyncquery.udp

    async def old(query, *words, **more):
        if query.edns < 0:
            return await real(query, *words, **more)
        reply = dns.message.make_response(query)
        reply.use_edns(False)
        reply.set_rcode(dns.rcode.FORMERR)
        return reply

    monkeypatch.setattr(dns.asyncquery, "udp", old)
    assert monitor.fine(await monitor.ask([ours], ZONES, LAST))


# -- others' copies on the web ------------------------------------------------------------------------------------
NOW, HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        ({"serial": 100, "made": "2026-03-01T11:00:01Z", "not_after": "2026-03-03T00:00:00Z"}, ""),
        ({"serial": 90, "made": "2026-03-01T11:00:01Z", "not_after": "2026-03-03T00:00:00Z"}, ""),
        ({"serial": 90, "made": "2026-03-01T10:59:59Z", "not_after": "2026-03-03T00:00:00Z"}, "10 behind ours"),
        ({"serial": 101, "made": "2026-03-01T10:00:00Z", "not_after": "2026-03-03T00:00:00Z"}, ""),
        ({"serial": 100, "made": "2026-02-25T11:00:00Z", "not_after": "2026-03-01T12:00:00Z"}, "its not-after"),
        ({"zone": "x", "serial": 1, "made": "2026-03-01T11:00:00Z", "not_after": "2026-03-03T00:00:00Z"}, "no zone of"),
        ({"serial": "1", "made": "2026-03-01T11:00:00Z", "not_after": "2026-03-03T00:00:00Z"}, "no copy"),
        ({"serial": 1, "made": 5, "not_after": "soon"}, "no copy"),
        (None, "no copy"),
    ],
)
def test_a_copy_is_stale_when_its_time_is_over_or_when_it_is_behind_for_long(head: dict | None, said: str) -> None:
    given = None if head is None else {"zone": "bl.test"} | head
    record = watch.copied("https://m.example/bl.test.jsonl", given, {"bl.test": 100}, NOW, HOUR)
    trouble = "; ".join(record["trouble"])
    assert (said in trouble) if said else not trouble


def test_the_head_of_a_copy_is_fetched_and_no_more_of_it() -> None:
    asked: list[str] = []

    class Mirror(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Range"])
            self.send_response(200)
            self.end_headers()
            with suppress(OSError):
                self.wfile.write({"/good": b'{"zone": "bl.test"}\n', "/long": b"x" * 10**6}.get(self.path, b"[1]\n"))

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.daemon_threads = False  # so that its end waits for them
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        base = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            assert monitor._head(f"{base}/good") == {"zone": "bl.test"}
            assert monitor._head(f"{base}/long") is None
            assert monitor._head(f"{base}/list") is None
            assert asked == ["bytes=0-4095"] * 3
        finally:
            server.shutdown()
            thread.join()
    assert monitor._head(f"{base}/gone") is None
