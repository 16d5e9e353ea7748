"""Fetching: on condition, within bounds, and going on where it was cut off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.errors import DnsblError
from dnsbl.serving.upstream import PATIENCE, AskedToWait, Upstream

DATA = bytes(range(256)) * 1000

Answer = Callable[[BaseHTTPRequestHandler], None]


class Site:
    """A web server on loopback that does as `answer` says, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []  #: path, range
        self.answer: Answer = whole
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append((self.path, self.headers.get("Range", "")))
                site.answer(self)

            def log_message(self, *_: object) -> None:
                """Nothing is said."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/table"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def told(handler: BaseHTTPRequestHandler, status: int, body: bytes, size: int = -1, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body) if size < 0 else size))
    handler.end_headers()
    handler.wfile.write(body)
    if size > len(body):
        handler.close_connection = True


def whole(handler: BaseHTTPRequestHandler) -> None:
    if handler.headers.get("If-None-Match") == '"one"':
        told(handler, 304, b"")
    elif wanted := handler.headers.get("Range"):
        begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
        told(handler, 206, DATA[begin:], Content_Range=f"bytes {begin}-{len(DATA) - 1}/{len(DATA)}")
    else:
        told(handler, 200, DATA, ETag='"one"')


def cut(handler: BaseHTTPRequestHandler) -> None:
    told(handler, 200, DATA[:100_000], size=len(DATA))


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


@pytest.fixture
def upstream(site: Site) -> Iterator[Upstream]:
    made = Upstream(site.url, timeout=5, clock=HandClock())
    yield made
    made.close()


def test_a_small_file_comes_once_and_then_only_when_it_has_changed(site: Site, upstream: Upstream) -> None:
    assert upstream.small("head", most=len(DATA)) == (DATA, '"one"')
    assert upstream.small("head", most=len(DATA), known='"one"') is None
    assert site.asked == [("/table/head", "")] * 2
    assert upstream.octets == len(DATA)


def test_a_file_beyond_its_bound_is_refused(upstream: Upstream) -> None:
    with pytest.raises(DnsblError, match=r"/table/head is longer than 100 octets"):
        upstream.small("head", most=100)


@pytest.mark.parametrize("url", ["http://a\x01b/x", f"http://{'a' * 300}.example/x", "nonsense"])
def test_an_address_that_is_none_is_one_sentence(url: str) -> None:
    upstream = Upstream(url, timeout=5, clock=HandClock())
    with pytest.raises(DnsblError, match="/head cannot be fetched: "):
        upstream.small("head", most=100)
    upstream.close()


def test_a_file_that_trickles_is_put_off(site: Site) -> None:
    clock = HandClock()

    def late(handler: BaseHTTPRequestHandler) -> None:
        clock.turn(seconds=PATIENCE + 1)
        told(handler, 200, b"x")

    site.answer = late
    upstream = Upstream(site.url, timeout=5, clock=clock)
    with pytest.raises(DnsblError, match="took more than 600 seconds"):
        upstream.small("head", most=100)
    upstream.close()


@pytest.mark.parametrize("way", ["small", "whole"])
def test_a_reply_that_never_begins_is_put_off_and_not_asked_for_again(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr("dnsbl.serving.upstream.PATIENCE", 0.2)

    def hints(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = True
        end = time.monotonic() + 10
        with suppress(OSError):
            while time.monotonic() < end:
                handler.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")

    site.answer = hints
    upstream = Upstream(site.url, timeout=5, clock=HandClock())
    asks: dict[str, Callable[[], object]] = {
        "small": lambda: upstream.small("file", most=100),
        "whole": lambda: upstream.whole("file", tmp_path / "file", size=100),
    }
    with pytest.raises(DnsblError, match=r"took more than 0\.2 seconds"):
        asks[way]()
    assert len(site.asked) == 1
    site.answer = whole
    assert upstream.small("head", most=len(DATA)) == (DATA, '"one"')
    upstream.close()


@pytest.mark.parametrize("strange", ['"\xe9"', '"' + "a" * 400 + '"'])
def test_what_cannot_be_said_again_is_no_condition(site: Site, upstream: Upstream, strange: str) -> None:
    site.answer = lambda handler: told(handler, 200, b"x", ETag=strange)
    assert upstream.small("head", most=100) == (b"x", "")


def test_nothing_new_is_no_answer_to_who_has_nothing(site: Site, upstream: Upstream) -> None:
    site.answer = lambda handler: told(handler, 304, b"")
    with pytest.raises(DnsblError, match="/head is refused: 304"):
        upstream.small("head", most=100)


@pytest.mark.parametrize("status", [301, 403, 500])
def test_a_refusal_is_told_and_no_redirect_is_followed(site: Site, upstream: Upstream, status: int) -> None:
    site.answer = lambda handler: told(handler, status, b"not for \x1b you\nand more", Location=site.url)
    with pytest.raises(DnsblError, match=rf"is refused: {status} not for \\x1b you$"):
        upstream.small("head", most=100)
    assert len(site.asked) == 1


def test_a_server_that_names_a_time_asks_to_wait_and_a_page_for_people_is_not_its_reason(
    site: Site, upstream: Upstream
) -> None:
    page = b"<!doctype html>" + b"x" * 200
    site.answer = lambda handler: told(handler, 429, page, Retry_After="7")
    with pytest.raises(AskedToWait, match=r"is refused: 429 Too Many Requests$") as asked:
        upstream.small("head", most=100)
    assert asked.value.seconds == 7
    site.answer = lambda handler: told(handler, 429, page, Retry_After="Thu, 01 Jan 2037 00:00:00 GMT")
    with pytest.raises(DnsblError) as refused:
        upstream.small("head", most=100)
    assert not isinstance(refused.value, AskedToWait)


def test_a_file_that_is_cut_off_is_continued(site: Site, upstream: Upstream, tmp_path: Path) -> None:
    site.answer = cut
    with pytest.raises(DnsblError, match=f"cut off: 100000 of {len(DATA)} octets are here"):
        upstream.whole("table", tmp_path / "table", size=len(DATA))
    assert not (tmp_path / "table").exists()
    site.answer = whole
    upstream.whole("table", tmp_path / "table", size=len(DATA))
    assert site.asked == [("/table/table", ""), ("/table/table", "bytes=100000-")]
    assert (tmp_path / "table").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["table"]
    assert upstream.octets == len(DATA)


def test_a_server_without_ranges_gives_it_all_again(site: Site, upstream: Upstream, tmp_path: Path) -> None:
    (tmp_path / "table.part").write_bytes(b"x" * 1000)
    site.answer = lambda handler: told(handler, 200, DATA)
    upstream.whole("table", tmp_path / "table", size=len(DATA))
    assert (tmp_path / "table").read_bytes() == DATA


@pytest.mark.parametrize("range_", ["bytes 0-9/10", "bytes 1000-1009/1010", "nonsense"])
def test_another_range_than_was_asked_for_is_refused(
    site: Site, upstream: Upstream, tmp_path: Path, range_: str
) -> None:
    (tmp_path / "table.part").write_bytes(DATA[:1000])
    site.answer = lambda handler: told(handler, 206, b"x" * 10, Content_Range=range_)
    with pytest.raises(DnsblError, match="is refused: 206"):
        upstream.whole("table", tmp_path / "table", size=len(DATA))
    assert (tmp_path / "table.part").read_bytes() == DATA[:1000]


def test_what_goes_on_beyond_its_size_is_not_taken(site: Site, upstream: Upstream, tmp_path: Path) -> None:
    with pytest.raises(DnsblError, match="cut off"):
        upstream.whole("table", tmp_path / "table", size=1000)
    assert not (tmp_path / "table").exists()
    assert (tmp_path / "table.part").stat().st_size == 1000


def test_a_connection_that_was_closed_meanwhile_is_made_anew(site: Site, upstream: Upstream) -> None:
    def once(handler: BaseHTTPRequestHandler) -> None:
        told(handler, 200, b"hello", ETag="")
        handler.close_connection = True  # and nothing said so

    site.answer = once
    for _ in range(3):
        assert upstream.small("head", most=100) == (b"hello", "")


def test_a_connection_that_is_closed_in_the_moment_of_its_use_is_made_anew_and_no_more_than_once(
    site: Site, upstream: Upstream
) -> None:
    def ends(handler: BaseHTTPRequestHandler) -> None:
        handler.close_connection = len(site.asked) == 1  # and nothing is answered
        if len(site.asked) > 1:
            told(handler, 200, b"hello", ETag="")  # on a connection that stands when it is used again

    site.answer = ends
    assert upstream.small("head", most=100) == (b"hello", "")
    assert len(site.asked) == 2
    site.answer = lambda handler: setattr(handler, "close_connection", True)
    with pytest.raises(DnsblError, match="cannot be fetched"):
        upstream.small("head", most=100)
    assert len(site.asked) == 4


def test_nobody_there_is_a_sentence(site: Site) -> None:
    site.close()
    with pytest.raises(DnsblError, match=r"/table/head cannot be fetched: Connection refused"):
        Upstream(site.url, timeout=5, clock=HandClock()).small("head", most=100)


def test_a_certificate_that_nobody_knows_is_not_believed(tmp_path: Path) -> None:
    import ssl

    import trustme

    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    site = Site()
    site._server.socket = context.wrap_socket(site._server.socket, server_side=True)
    url = site.url.replace("http:", "https:")
    authority.cert_pem.write_to_path(str(tmp_path / "ca"))
    try:
        known = Upstream(url, timeout=5, clock=HandClock(), ca=tmp_path / "ca")
        assert known.small("head", most=len(DATA)) == (DATA, '"one"')
        known.close()
        with pytest.raises(DnsblError, match="its certificate is not believed"):
            Upstream(url, timeout=5, clock=HandClock()).small("head", most=len(DATA))
    finally:
        site.close()
