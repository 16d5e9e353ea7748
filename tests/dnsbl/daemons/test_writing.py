"""The log's lines go to a stream that somebody else reads, or does not."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from dnsbl.daemons.writing import Writer

Writers = Callable[[int], Writer]


def record(said: str) -> logging.LogRecord:
    return logging.LogRecord("dnsbl", logging.INFO, "", 0, said, None, None)


class Stream:
    """A pipe or a pair of sockets: where it is written to, and all that can be read now."""

    def __init__(self, kind: str) -> None:
        if kind == "pipe":
            self._ours, self.theirs = os.pipe()
        else:
            one, other = socket.socketpair()
            self._ours, self.theirs = one.detach(), other.detach()
        os.set_blocking(self._ours, False)

    def read(self) -> list[str]:
        octets = b""
        try:
            while piece := os.read(self._ours, 1 << 20):
                octets += piece
        except BlockingIOError:
            pass
        return octets.decode().splitlines()

    def close(self) -> None:
        os.close(self._ours)
        os.close(self.theirs)


@pytest.fixture
def writers() -> Iterator[Callable[[int], Writer]]:
    made: list[Writer] = []

    def make(descriptor: int) -> Writer:
        made.append(Writer(descriptor, patience=0))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture(params=["pipe", "socket"])
def stream(request: pytest.FixtureRequest) -> Iterator[Stream]:
    with closing(Stream(request.param)) as made:
        yield made


def test_a_reader_that_stands_still_stops_nothing_and_is_told_what_was_lost(stream: Stream, writers: Writers) -> None:
    writer = writers(stream.theirs)
    for number in range(5000):
        writer.emit(record(f"line {number} {'x' * 500}"))
    assert 0 < writer.lost < 5000
    lost = writer.lost
    read = stream.read()
    writer.emit(record("there is room again"))
    after = stream.read()
    whole = [*read, *after]
    assert [line.split()[1] for line in whole if line.startswith("line ")] == [str(n) for n in range(5000 - lost)]
    assert whole[-2:] == [f"{lost} lines of this log were lost, since nobody read it", "there is room again"]
    writer.emit(record("and on"))
    assert stream.read() == ["and on"] and writer.lost == lost


def test_no_line_is_torn_where_it_was_taken_in_part(stream: Stream, writers: Writers) -> None:
    writer = writers(stream.theirs)
    said = [f"{number} {'y' * 50_000}" for number in range(100)]
    for each in said:
        writer.emit(record(each))
    read = stream.read()
    writer.emit(record("next"))
    taken = len(said) - writer.lost
    torn = "".join(read)[-1:] and read[-1] != said[taken - 1]
    rest = stream.read()
    whole = [*read[:-1], read[-1] + rest[0], *rest[1:]] if torn else [*read, *rest]
    assert whole == [*said[:taken], f"{writer.lost} lines of this log were lost, since nobody read it", "next"]


def test_others_see_the_stream_as_it_was(stream: Stream, writers: Writers) -> None:
    writers(stream.theirs)
    assert not fcntl.fcntl(stream.theirs, fcntl.F_GETFL) & os.O_NONBLOCK


def test_a_file_is_written_behind_what_is_there(tmp_path: Path, writers: Writers) -> None:
    with (tmp_path / "log").open("w") as file:
        file.write("before\n")
        file.flush()
        writers(file.fileno()).emit(record("caf\xe9"))
    assert (tmp_path / "log").read_text() == "before\ncaf\\xe9\n"


def test_a_stream_that_is_gone_costs_nothing_but_its_lines(writers: Writers) -> None:
    ours, theirs = os.pipe()
    writer = writers(theirs)
    os.close(ours)
    writer.emit(record("nobody hears"))
    os.close(theirs)
    assert writer.lost == 1
