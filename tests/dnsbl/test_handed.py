import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from dnsbl import handed as module
from dnsbl.handed import Handed


def opened(kind: socket.SocketKind, host: str = "127.0.0.1") -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    made.bind((host, 0))
    return made


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    with opened(socket.SOCK_DGRAM) as udp, opened(socket.SOCK_STREAM, "::1") as tcp:
        yield udp, tcp


def test_who_listens_gets_duplicates_of_what_was_opened_at_his_place(pair: tuple[socket.socket, ...]) -> None:
    udp, tcp = pair
    udp.setblocking(False)
    handed = Handed(pair)
    for _ in range(2):
        [mine] = handed.take("udp", *udp.getsockname())
        assert mine.getsockname() == udp.getsockname() and mine.getblocking()
        mine.close()
    [mine] = handed.take("tcp", "0:0::1", tcp.getsockname()[1])
    mine.close()
    assert handed.take("tcp", *udp.getsockname()) == []
    assert handed.take("udp", "127.0.0.2", udp.getsockname()[1]) == []
    assert udp.fileno() >= 0


def test_what_nobody_asks_for_is_named(pair: tuple[socket.socket, ...]) -> None:
    udp, tcp = pair
    port = tcp.getsockname()[1]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as unix:
        strays = Handed((*pair, unix)).strays([("udp", *udp.getsockname())])
    assert strays == [
        f"a socket was handed over that no setting names: tcp ::1 {port}.",
        "a socket was handed over that no setting names: AF_UNIX.",
    ]


@pytest.mark.parametrize(
    ("pid", "count", "taken"), [("7", "2", 2), ("8", "2", 0), ("7", "", 0), ("", "2", 0), ("7", "-2", 0), ("7", "x", 0)]
)
def test_descriptors_are_taken_when_they_are_meant_for_us_and_once(
    pid: str, count: str, taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = {"LISTEN_PID": pid, "LISTEN_FDS": count, "LISTEN_FDNAMES": "a:b", "OTHER": "stays"}
    with ExitStack() as stack:
        first, second = (opened(kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
        stack.callback(second.close)
        begin = 200  # two descriptors in a row, wherever there is room
        os.dup2(first.fileno(), begin)
        os.dup2(second.fileno(), begin + 1)
        where = [("udp", *first.getsockname()), ("tcp", *second.getsockname())]
        first.close()
        monkeypatch.setattr(module, "FIRST", begin)
        handed = Handed.of(environ, 7)
        assert environ == {"OTHER": "stays"}
        found = [one for spot in where for one in handed.take(*spot)]
        assert len(found) == taken
        for one in found:
            one.close()
        if taken:
            assert not os.get_inheritable(begin)
            for _, one in handed._sockets:
                one.close()
        else:
            os.close(begin)
            os.close(begin + 1)
