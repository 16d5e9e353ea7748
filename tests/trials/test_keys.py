"""Two nodes on one store: one ring of keys, or no worker and no collector; and a new key comes by itself."""

from __future__ import annotations

import json
import shutil
import smtplib
from collections.abc import Callable, Iterator

import pytest
from house import LISTED, PATIENCE, House
from postgres import PostgreSQL

Houses = Callable[..., House]


@pytest.fixture
def server() -> Iterator[PostgreSQL]:
    made = PostgreSQL()
    yield made
    made.close()


def down(house: House) -> dict[str, str]:
    return {one["part"]: one["why"] for one in house.ready()[1].get("down", ())}


def rcpt(house: House, token: str) -> int:
    """What the collector says to this recipient."""
    with smtplib.SMTP("127.0.0.1", house.collector, timeout=PATIENCE) as to:
        to.ehlo("client.test")
        to.mail("")
        return to.rcpt(f"{token}@c.test")[0]


def test_a_node_with_other_keys_answers_and_neither_tests_nor_collects(houses: Houses, server: PostgreSQL) -> None:
    first = houses("first", database=server.url)
    first.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    process = first.serve()
    first.until("all to be up", lambda: first.ready()[0] == 200)
    second = houses("second", database=server.url)
    for role in ("worker", "collector", "worker,collector"):
        refused = second.start("--only", role)
        assert refused.wait(PATIENCE) == 1
    said = [line for line in second.said().splitlines() if " CRITICAL " in line]
    assert len(said) == 3
    assert all("keys.json is not there, and this list has keys" in line for line in said)
    assert not (second.state / "keys.json").exists()
    other = second.serve()
    assert second.ask("8.8.8.8") == LISTED
    second.until("it to be said", lambda: set(down(second)) == {"worker", "collector"})
    assert all("Copy keys.json from a node that has them" in why for why in down(second).values())
    shutil.copy(first.state / "keys.json", second.state / "keys.json")
    second.until("all to be up", lambda: second.ready()[0] == 200)
    assert second.stop(other) == 0
    assert first.stop(process) == 0


def test_a_ring_of_its_own_is_refused_too_and_so_is_a_lost_one(houses: Houses) -> None:
    house = houses()
    process = house.serve("--only", "collector")
    assert house.stop(process) == 0
    kept = (house.state / "keys.json").read_text()
    ring = json.loads(kept)
    ring["keys"][0]["secret"] = "00" * 32
    for text, sentence in ((json.dumps(ring), "are not those of this list"), (None, "is not there, and this list")):
        (house.state / "keys.json").unlink()
        if text:
            (house.state / "keys.json").write_text(text)
        refused = house.start("--only", "worker")
        assert refused.wait(PATIENCE) == 1
        assert sentence in house.said()
    [key] = house.dnsbl("keys", "list")["keys"]
    assert (key["state"], key["here"]) == ("signs", False)
    found = house.dnsbl("keys", "replace", "--reason", "the disk broke")
    assert (found["keys"][0]["state"], found["void"]) == ("signs", 0)
    process = house.serve()
    house.until("all to be up", lambda: house.ready()[0] == 200)
    assert house.stop(process) == 0
    assert "00" * 32 not in house.said()


def test_a_new_key_reaches_all_nodes_without_a_file_copy(houses: Houses, server: PostgreSQL) -> None:
    first, second = (houses(name, database=server.url) for name in ("first", "second"))
    first.dnsbl("db", "upgrade")
    one = first.serve()
    second.state.mkdir()
    shutil.copy(first.state / "keys.json", second.state / "keys.json")
    two = second.serve()
    for house in (first, second):
        house.until("all to be up", lambda house=house: house.ready()[0] == 200)
    # before it has come a token of the next key is put off, and one of no key is refused
    assert rcpt(second, "rb" + "a" * 32) == 451
    assert rcpt(second, "rx" + "a" * 32) == 550
    keys = first.dnsbl("keys", "rotate", "--reason", "a year is over")["keys"]
    assert sorted(key["state"] for key in keys) == ["coming", "signs"]
    second.until("the key", lambda: [key["here"] for key in second.dnsbl("keys", "list")["keys"]] == [True, True])
    assert json.loads((second.state / "keys.json").read_text()) == json.loads((first.state / "keys.json").read_text())
    assert rcpt(second, "rb" + "a" * 32) == 550
    secrets = [key["secret"] for key in json.loads((first.state / "keys.json").read_text())["keys"]]
    for house in (first, second):
        assert not any(secret in house.said() for secret in secrets)
        assert house.stop(one if house is first else two) == 0
