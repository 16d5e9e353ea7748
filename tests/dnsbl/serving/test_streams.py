"""Questions over TCP: however they are cut, and whoever keeps a connection without using it."""

from __future__ import annotations

import asyncio
import gc
import socket
import ssl
import struct
from asyncio import sslproto
from contextlib import suppress
from pathlib import Path
from typing import cast

import dns.asyncquery
import dns.edns
import dns.exception
import dns.message
import dns.rcode
import pytest
import trustme

from dnsbl.dns.proxied import SIGNATURE
from dnsbl.errors import DnsblError
from dnsbl.serving import streams
from tester import listening
from tests.dnsbl.dns.test_proxied import header
from tests.dnsbl.serving.served import LISTED, Serve, Served, ended, framed, gone, listed, read_reply, round_of_the_loop
from tests.waiting import halt, until


async def test_b38_queries_in_one_segment_are_all_answered(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    queries = [dns.message.make_query(f"{n}.2.0.192.bl.test", "A") for n in range(200)]
    writer.write(b"".join(map(framed, queries)))
    for query in queries:
        reply = await read_reply(reader)
        assert query.is_response(reply)
        assert listed(reply)
    writer.close()


async def test_b38_queries_may_come_byte_by_byte(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in framed(LISTED) * 2:
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    for _ in range(2):
        assert listed(await read_reply(reader))
    writer.close()


async def test_b38_the_length_may_be_split_from_the_query(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    stream = framed(LISTED) + framed(LISTED)
    for part in (stream[:1], stream[1:2], stream[2:40], stream[40:]):
        writer.write(part)
        await round_of_the_loop(served)
    for _ in range(2):
        assert listed(await read_reply(reader))
    writer.close()


@pytest.mark.parametrize("length", [0, 1, 11])
async def test_b39_a_frame_too_short_for_a_header_ends_the_connection(serve: Serve, length: int) -> None:
    served = await serve()
    reader, writer = await served.connect()
    writer.write(framed(LISTED) + struct.pack("!H", length) + bytes(length) + framed(LISTED))
    assert listed(await read_reply(reader))
    assert await ended(reader)
    await gone(served)
    writer.close()


async def test_b39_a_frame_that_never_comes_whole_leaves_nothing_behind(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    writer.write(struct.pack("!H", 500) + b"only this")
    writer.write_eof()
    assert await ended(reader)
    await gone(served)
    writer.close()
    assert served.responder.counters["tcp"] == 0


async def test_b39_a_client_that_has_asked_everything_still_gets_its_answers(serve: Serve) -> None:
    served = await serve()
    reader, writer = await served.connect()
    writer.write(framed(LISTED) * 3)
    writer.write_eof()
    for _ in range(3):
        assert listed(await read_reply(reader))
    assert await ended(reader)
    writer.close()


async def test_b39_a_connection_without_a_whole_query_is_closed(serve: Serve) -> None:
    served = await serve(tcp_idle=0.05)
    reader, writer = await served.connect()
    writer.write(framed(LISTED))
    assert listed(await read_reply(reader))
    writer.write(b"\0")
    assert await ended(reader)
    assert served.responder.counters["idle"] == 1
    assert not served.responder.connections
    writer.close()


async def test_b39_bytes_that_dribble_in_do_not_keep_a_connection(serve: Serve) -> None:
    served = await serve(tcp_idle=0.05)
    reader, writer = await served.connect()
    end = asyncio.create_task(ended(reader))
    for byte in struct.pack("!H", 60000) + bytes(500):
        if end.done() or writer.is_closing():
            break
        writer.write(bytes([byte]))
        await round_of_the_loop(served)
    assert await end
    counters = served.responder.counters
    assert counters["idle"] >= 1, "on a slow machine the clients that ask in between are late as well"
    assert counters["evicted"] == 0
    writer.close()


async def test_a_connection_that_asks_is_not_idle(serve: Serve) -> None:
    served = await serve(tcp_idle=0.3)
    reader, writer = await served.connect()
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() < began + 0.4:
        writer.write(framed(LISTED))
        assert listed(await read_reply(reader))
    assert served.responder.counters["idle"] == 0
    writer.close()


async def test_b39_one_connection_too_many_closes_the_longest_idle_one(serve: Serve) -> None:
    served = await serve(tcp_connections=2)
    first, first_writer = await served.connect()
    second, second_writer = await served.connect()
    for writer, reader in ((second_writer, second), (first_writer, first)):  # the second asked before the first
        writer.write(framed(LISTED))
        assert listed(await read_reply(reader))
    third, third_writer = await served.connect()
    assert await ended(second)
    assert len(served.responder.connections) == 2
    assert served.responder.counters["evicted"] == 1
    for writer, reader in ((first_writer, first), (third_writer, third)):
        writer.write(framed(LISTED))
        assert listed(await read_reply(reader))
    for writer in (first_writer, second_writer, third_writer):
        writer.close()


async def slow(served: Served) -> tuple[socket.socket, int]:
    """A client that asks for much and reads nothing; returns how many queries it sent."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await loop.sock_connect(client, (served.host, served.port))
    query = framed(dns.message.make_query("long.bl.test", "TXT"))
    sent = 2000
    pouring = asyncio.create_task(loop.sock_sendall(client, query * sent))
    counters = served.responder.counted
    await halt(lambda: counters["tcp"])
    pouring.cancel()
    with suppress(asyncio.CancelledError):
        await pouring
    return client, sent


async def test_b39_a_slow_reader_is_not_read_and_does_not_hold_up_udp(serve: Serve) -> None:
    served = await serve()
    client, sent = await slow(served)
    assert served.responder.counters["tcp"] < sent
    [connection] = served.responder.connections
    assert connection._transport.get_write_buffer_size() < streams.UNREAD + 65536 + 2
    assert len(connection._unread) <= streams.AT_ONCE
    assert listed(await served.udp())
    client.close()
    await gone(served)


@pytest.mark.parametrize("ends", [True, False])
async def test_b39_a_slow_reader_gets_everything_when_it_reads(serve: Serve, ends: bool) -> None:
    served = await serve()
    query = dns.message.make_query("long.bl.test", "TXT")
    one = 2 + len(served.responder.reply(query.to_wire(), b"\x7f\0\0\1", tcp=True) or b"")
    reader, writer = await served.connect(limit=4096)
    writer.write(framed(query) * 800)
    if ends:
        writer.write_eof()
    await until(lambda: any(connection._full for connection in served.responder.connections))
    for _ in range(800):
        assert len(await asyncio.wait_for(reader.readexactly(one), 5)) == one
    if ends:
        assert await ended(reader)
    else:
        writer.write(framed(LISTED))
        assert listed(await read_reply(reader))
    writer.close()
    await gone(served)


async def test_b39_a_slow_reader_is_closed_when_idle(serve: Serve) -> None:
    served = await serve(tcp_idle=0.3)
    client, _ = await slow(served)
    await gone(served)
    assert served.responder.counters["idle"] == 1
    client.close()


REFUSES = {"acl": ["198.51.100.0/24 refuse", "127.0.0.0/8 refuse"], "proxies": ["127.0.0.1/32"]}


@pytest.mark.parametrize(
    ("head", "rcode"),
    [
        (header("192.0.2.9"), dns.rcode.NOERROR),
        (header("2001:db8::9", transport=1, tail=b"\xea" * 500), dns.rcode.NOERROR),
        (header("198.51.100.9"), dns.rcode.REFUSED),
        (header("192.0.2.9", command=0x20), dns.rcode.REFUSED),
    ],
    ids=["IPv4", "IPv6", "refused", "on its own account"],
)
async def test_b60_a_proxys_connection_begins_with_its_client(serve: Serve, head: bytes, rcode: int) -> None:
    served = await serve(**REFUSES)
    reader, writer = await served.connect()
    stream = head + framed(LISTED) * 2
    for part in (stream[:1], stream[1:12], stream[12:20], stream[20:50], stream[50:]):
        writer.write(part)
        await asyncio.sleep(0)
    for _ in range(2):
        assert (await read_reply(reader)).rcode() == rcode
    writer.close()


@pytest.mark.parametrize(
    "data",
    [
        framed(LISTED),
        b"\r",
        header("192.0.2.9", command=0x23) + framed(LISTED),
        header("192.0.2.9", transport=7) + framed(LISTED),
        header("192.0.2.9", tail=bytes(60000)) + framed(LISTED),
        SIGNATURE + b"\x21\x11\0\x04abcd",
    ],
    ids=["none", "cut off", "command", "transport", "too long", "too short"],
)
async def test_b60_a_proxys_connection_without_a_sound_header_is_ended(serve: Serve, data: bytes) -> None:
    served = await serve(**REFUSES, tcp_idle=0.3)
    reader, writer = await served.connect()
    writer.write(data)
    assert await ended(reader)
    counters = served.responder.counters
    assert (counters["proxy"], counters["idle"]) == ((0, 1) if data == b"\r" else (1, 0))
    assert counters["tcp"] == 0
    writer.close()


async def test_b60_a_header_from_who_is_no_proxy_ends_the_connection(serve: Serve) -> None:
    served = await serve(proxies=["127.0.0.2/32"])
    reader, writer = await served.connect()
    writer.write(header("192.0.2.9") + framed(LISTED))
    assert await ended(reader)
    assert served.responder.counters["proxy"] == 1
    writer.close()
    reader, writer = await served.connect()
    writer.write(framed(LISTED)[:1])
    await round_of_the_loop(served)
    writer.write(framed(LISTED)[1:])
    assert listed(await read_reply(reader))
    writer.close()


# -- over TLS --------------------------------------------------------------------------------------------------
@pytest.fixture
def certified(tmp_path: Path) -> tuple[dict[str, object], ssl.SSLContext]:
    """Settings of a server with a certificate, and what a client trusts."""
    authority = trustme.CA()
    made = authority.issue_cert("ns.example.net")
    made.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    trusts = ssl.create_default_context()
    authority.configure_trust(trusts)
    files = {"tls_certificate": tmp_path / "chain.pem", "tls_key": tmp_path / "key.pem"}
    return {"tls_listen": ["127.0.0.1:0"], **files}, trusts


async def tls(served: Served, trusts: ssl.SSLContext) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = served.bound[-1]
    return await asyncio.open_connection(host, port, ssl=trusts, server_hostname="ns.example.net")


async def test_questions_over_tls_are_answered_as_over_tcp(
    serve: Serve, certified: tuple[dict[str, object], ssl.SSLContext]
) -> None:
    settings, trusts = certified
    trusts.set_alpn_protocols(["dot"])
    served = await serve(**settings)
    reader, writer = await tls(served, trusts)
    spoken = writer.get_extra_info("ssl_object")
    assert (spoken.version(), spoken.selected_alpn_protocol()) == ("TLSv1.3", "dot")
    for part in (framed(LISTED)[:5], framed(LISTED)[5:], framed(LISTED) * 2):
        writer.write(part)
    for _ in range(3):
        assert listed(await read_reply(reader))
    assert served.responder.counters["tcp"] == 3
    writer.close()
    assert listed(await served.udp())


async def test_a_reply_is_padded_over_tls_alone(
    serve: Serve, certified: tuple[dict[str, object], ssl.SSLContext]
) -> None:
    settings, trusts = certified
    served = await serve(**settings)
    asked = dns.message.make_query("7.2.0.192.bl.test", "A", options=[dns.edns.GenericOption(12, b"")])
    sizes = []
    for reader, writer in (await tls(served, trusts), await served.connect()):
        writer.write(framed(asked))
        sizes.append(int.from_bytes(await asyncio.wait_for(reader.readexactly(2), 5)))
        assert listed(dns.message.from_wire(await reader.readexactly(sizes[-1])))
        writer.close()
    assert sizes[0] == 468 > sizes[1]


async def test_connections_over_tls_that_have_ended_do_not_wait_in_memory_for_the_collector(
    serve: Serve, certified: tuple[dict[str, object], ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "SWEPT", 5)
    settings, trusts = certified
    served = await serve(**settings)
    gc.disable()
    try:
        for number in range(20):
            if number % 2:
                reader, writer = await tls(served, trusts)
                writer.write(framed(LISTED))
                assert listed(await read_reply(reader))
            else:  # no handshake
                reader, writer = await asyncio.open_connection(*served.bound[-1])
                writer.write(b"x" * 100)
                assert await ended(reader)
            writer.close()
            del reader, writer
        ours = [one for one in gc.get_objects() if isinstance(one, sslproto.SSLProtocol) and one._server_side]
    finally:
        gc.enable()
    assert len(ours) <= 10


async def test_who_asks_much_over_tls_and_is_gone_is_no_line_in_the_log(
    serve: Serve, certified: tuple[dict[str, object], ssl.SSLContext], caplog: pytest.LogCaptureFixture
) -> None:
    settings, trusts = certified
    served = await serve(**settings)

    def rude() -> None:
        with trusts.wrap_socket(socket.create_connection(served.bound[-1]), server_hostname="ns.example.net") as client:
            client.sendall(framed(LISTED) * 60)

    for _ in range(5):
        await asyncio.to_thread(rude)
    await until(lambda: not served.responder.connections)
    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


async def test_an_older_tls_or_none_at_all_gets_no_answer(
    serve: Serve, certified: tuple[dict[str, object], ssl.SSLContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HANDSHAKE", 0.2)
    settings, trusts = certified
    served = await serve(**settings)
    trusts.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(OSError):
        await tls(served, trusts)
    reader, writer = await asyncio.open_connection(*served.bound[-1])
    writer.write(framed(LISTED))
    assert await ended(reader)
    reader, silent = await asyncio.open_connection(*served.bound[-1])
    assert await ended(reader)
    assert served.responder.counters["tcp"] == 0
    for one in (writer, silent):
        one.close()


async def test_a_certificate_is_read_again_and_a_bad_one_leaves_things_as_they_are(
    serve: Serve, certified: tuple[dict[str, object], ssl.SSLContext]
) -> None:
    settings, trusts = certified
    served = await serve(**settings)
    path = cast("Path", settings["tls_certificate"])
    await asyncio.to_thread(path.write_text, "nothing")
    with pytest.raises(DnsblError, match="cannot be used"):
        served.responder.certify()
    reader, writer = await tls(served, trusts)
    writer.write(framed(LISTED))
    assert listed(await read_reply(reader))
    writer.close()
    other = trustme.CA().issue_cert("ns.example.net")
    other.cert_chain_pems[0].write_to_path(path)
    other.private_key_pem.write_to_path(cast("Path", settings["tls_key"]))
    served.responder.certify()
    with pytest.raises(ssl.SSLCertVerificationError):
        await tls(served, trusts)


async def test_a_certificate_whose_key_is_not_there_yet_leaves_the_old_pair_in_use(
    serve: Serve, certified: tuple[dict[str, object], ssl.SSLContext]
) -> None:
    settings, trusts = certified
    served = await serve(**settings)
    trustme.CA().issue_cert("ns.example.net").cert_chain_pems[0].write_to_path(
        cast("Path", settings["tls_certificate"])
    )
    with pytest.raises(DnsblError, match="cannot be used"):
        served.responder.certify()
    reader, writer = await tls(served, trusts)
    writer.write(framed(LISTED))
    assert listed(await read_reply(reader))
    writer.close()


async def test_a_certificate_that_cannot_be_used_is_one_sentence_at_the_start(
    serve: Serve, certified: tuple[dict[str, object], ssl.SSLContext], tmp_path: Path
) -> None:
    settings, _ = certified
    with pytest.raises(DnsblError, match=r"dns\.tls_certificate and dns\.tls_key cannot be used"):
        await serve(**(settings | {"tls_key": tmp_path / "none.pem"}))
