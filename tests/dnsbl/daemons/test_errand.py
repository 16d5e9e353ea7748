"""One HTTP request: bounded in octets and time, and to nobody inside unless that is allowed."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Thread

import pytest

from dnsbl.daemons.errand import Unheard, ask

Serve = Callable[[bytes], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A server on loopback that answers one connection with these octets, and keeps it open."""
    servers: list[socket.socket] = []
    opened: list[socket.socket] = []
    threads: list[Thread] = []
    heard: list[bytes] = []

    def go(answer: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def answering() -> None:
            with suppress(OSError):
                wire, _ = server.accept()
                opened.append(wire)
                heard.append(wire.recv(65536))
                wire.sendall(answer)

        threads.append(Thread(target=answering, daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    go.heard = heard  # type: ignore[attr-defined]
    yield go
    for one in servers:
        with suppress(OSError):  # whoever still waits for somebody is told that nobody comes
            one.shutdown(socket.SHUT_RDWR)
    for each in threads:
        each.join(10)
    for one in servers + opened:
        one.close()


def test_an_answer_comes_with_its_fields_in_small_letters(serve: Serve) -> None:
    url = serve(b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 2\r\n\r\nhi")
    answer = ask(f"{url}/a?b=c", headers={"Accept": "x/y"}, inside=True)
    assert (answer.status, answer.headers["location"], answer.body) == (302, "/there", b"hi")
    [request] = serve.heard  # type: ignore[attr-defined]
    assert request.startswith(b"GET /a?b=c HTTP/1.1\r\n") and b"Accept: x/y\r\n" in request


def test_a_body_is_sent_and_of_a_long_answer_its_start_is_read(serve: Serve) -> None:
    url = serve(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000)
    assert ask(url, method="POST", body=b"{}", inside=True, most=100).body == b"x" * 100


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi", b"HTTP/1.1 200 OK\r\nX: "],
    ids=["silent", "half", "head"],
)
def test_whoever_does_not_end_is_left_in_time(serve: Serve, answer: bytes) -> None:
    with pytest.raises(Unheard):
        ask(serve(answer), inside=True, seconds=0.3)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://169.254.169.254/x",
        "http://[::ffff:127.0.0.1]/",
        "http://localhost:1/",
    ],
)
def test_nobody_inside_is_spoken_to(url: str) -> None:
    with pytest.raises(Unheard, match="may not be spoken to"):
        ask(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://x.example/",
        "//x.example",
        "http://",
        "http://u:p@x.example/",
        "http://127.0.0.1:99999/",
        "file:///etc/passwd",
        "http://[",
        "http://[::1",
        "http://" + "a" * 64 + ".example/",
        "http://a..b/",
        "http://a\0b/",
    ],
)
def test_what_is_no_address_of_the_web_is_not_asked(url: str) -> None:
    with pytest.raises(Unheard):
        ask(url)


def test_a_line_break_in_an_address_makes_no_second_field(serve: Serve) -> None:
    with pytest.raises(Unheard):
        ask(serve(b"") + "/a\r\nX: y", inside=True, seconds=1)
