"""Two whole lists that witness each other's logs, until one of them tells another story."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from house import House

from dnsbl.demo.neighbourhood import free_port
from dnsbl.log import checkpoint, note
from dnsbl.opened import open_list
from dnsbl.serving.witness import signer

#: Seconds until a log has been kept, and its witness asked, for certain.
ROUNDS = 90.0


class Half:
    """One of the two: its house, its log, and the witness that it is."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.origin, self.place = folder, f"{name}.example/log", free_port()
        self.house = self.built({"origin": self.origin}, {})
        self.vkey = signer(self.house.state, f"witness.{name}.example").verifier.vkey
        self.key, self.size = self.enter("8.8.8.8/32")
        self.process: subprocess.Popen[bytes]

    def built(self, tlog: dict[str, Any], witness: dict[str, Any]) -> House:
        return House(self.folder, tlog=tlog, witness=witness)

    def meet(self, other: Half) -> None:
        """From now on each is the other's witness."""
        place = f"http://127.0.0.1:{other.place} {other.vkey}"
        ours = {"name": self.vkey.partition("+")[0], "listen": f"127.0.0.1:{self.place}", "logs": [other.key]}
        self.house = self.built({"origin": self.origin, "witnesses": [place]}, ours)

    def enter(self, network: str) -> tuple[str, int]:
        """Something happens and is signed; the log's key and size."""
        opened = open_list(self.house.config)
        with closing(opened.store):
            opened.casework.operators.list_networks(
                [ip_network(network)], kind="manual", reason="a trial", actor="operator x"
            )
            opened.casework.proving.keep()
            return opened.casework.proving.verifiers()[-1].vkey, opened.casework.proving.so_far()[1]

    def serve(self) -> None:
        self.process = self.house.start("--only", "scheduler,web,witness")

    def stop(self) -> None:
        assert self.house.stop(self.process) == 0

    def head(self, other: Half) -> tuple[int, bool]:
        """Of what is published, how many leaves it has, and whether the other one has signed it; (0, False) before."""
        status, text = self.house.page("/log/checkpoint")
        if status != 200:
            return 0, False
        keys = [note.Verifier.read(self.key), note.Verifier.read(other.vkey)]
        told, found = checkpoint.opened(text, self.origin, keys)
        return told.size, keys[1] in [key for key, _ in found.verified]

    def down(self) -> dict[str, str]:
        """Which parts /readyz says are down, and why."""
        status, document = self.house.ready()
        assert (status == 503) == bool(document.get("down")), document
        return {str(row["part"]): str(row["why"]) for row in document.get("down", ())}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Half, Half]]:
    one, other = Half(tmp_path / "a", "a"), Half(tmp_path / "b", "b")
    one.meet(other)
    other.meet(one)
    with ExitStack() as stack:
        for half in (one, other):
            stack.callback(half.house.close)
        yield one, other


def test_two_lists_sign_for_each_other_until_one_tells_another_story_which_both_say_loudly(
    two: tuple[Half, Half], tmp_path: Path
) -> None:
    one, other = two
    shutil.copytree(one.house.state, tmp_path / "before")
    size = one.enter("9.9.9.9/32")[1]
    one.serve()
    other.serve()
    one.house.until("the first to be witnessed", lambda: one.head(other) == (size, True), ROUNDS)
    other.house.until("the second to be witnessed", lambda: other.head(one) == (other.size, True), ROUNDS)
    assert not one.down() and not other.down()
    one.stop()
    shutil.rmtree(one.house.state)
    shutil.copytree(tmp_path / "before", one.house.state)
    assert one.enter("9.9.9.10/32")[1] == size, "the same key has signed another root at this size"
    one.serve()
    said = one.house.until("the fork to be told", one.down, ROUNDS)["witnesses"]
    assert f"has signed another root at size {size}" in said and "restored from a copy" in said
    assert one.head(other) == (size, False), "nobody has signed for the second story"
    kept = other.house.until("the witness to tell what it has seen", other.down, ROUNDS)["witness"]
    assert f"Of {one.origin} two roots at one size were seen" in kept
    for half, part in ((one, "witnesses"), (other, "witness")):
        half.house.until(f"status to name {part}", lambda h=half, p=part: p in needs(h.house), ROUNDS)  # type: ignore[misc]


def needs(house: House) -> list[str]:
    """What `dnsbl status` says is the matter."""
    return [row["what"] for row in house.dnsbl("status")["needs"]]
