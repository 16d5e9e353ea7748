"""A process that is killed takes nothing with it: neither answers nor another process, and nothing for good."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable
from typing import Any

import pytest
from house import LISTED, PATIENCE, Asking, House, children


def named(parent: int) -> dict[str, int]:
    """The two processes below this one, by the name that `ps` shows."""
    found = {}
    for pid in children(parent):
        with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
            found[comm.read().strip()] = pid
    return found


def down(document: dict[str, Any]) -> set[str]:
    return {one["part"] for one in document.get("down", ())}


def test_a_list_that_is_killed_answers_from_its_table_when_it_starts_again(houses: Callable[..., House]) -> None:
    house = houses()
    house.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    process = house.serve()
    house.until("the listing", lambda: house.ask("8.8.8.8") == LISTED)
    house.until("the table on disk", lambda: (house.state / "table").exists())
    both = named(process.pid)
    assert house.stop(process, signal.SIGKILL) == -signal.SIGKILL
    house.until(
        "both processes to end with it", lambda: not any(os.path.exists(f"/proc/{pid}") for pid in both.values())
    )
    (house.state / "dnsbl.db").rename(house.folder / "away.db")
    house.serve("--only", "dns")
    assert house.ask("8.8.8.8") == LISTED


def test_no_file_that_a_list_writes_is_a_strangers_to_read(houses: Callable[..., House]) -> None:
    house = houses()
    process = house.serve()
    house.until("all to be up", lambda: house.ready()[0] == 200)
    house.until("the table on disk", lambda: (house.state / "serial").exists())
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in house.state.iterdir() if file.is_file()}
    assert {"dnsbl.db", "dnsbl.db-wal", "keys.json", "cookies", "table", "serial"} <= modes.keys()
    secret = {"keys.json", "cookies"}
    assert modes == {name: 0o600 if name in secret else 0o640 for name in modes}
    assert house.stop(process) == 0


def test_when_all_other_roles_are_killed_no_answer_is_lost_and_they_come_back(houses: Callable[..., House]) -> None:
    house = houses()
    house.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    process = house.serve()
    house.until("the listing", lambda: house.ask("8.8.8.8") == LISTED)
    before = named(process.pid)
    assert set(before) == {"dnsbl dns", "dnsbl roles"}
    with Asking(house, "8.8.8.8") as asking:
        for _ in range(2):
            os.kill(named(process.pid)["dnsbl roles"], signal.SIGKILL)
            house.until("the web to be gone", lambda: house.page("/healthz")[0] == 0, 5)
            house.until("the web to be back", lambda: house.ready()[0] == 200)
        assert house.dnsbl("lookup", "8.8.8.8")["state"] == "listed"
    assert asking.asked > 50
    assert (asking.lost, asking.answers) == (0, [LISTED])
    assert named(process.pid)["dnsbl dns"] == before["dnsbl dns"]
    assert house.stop(process) == 0


def test_when_what_answers_is_killed_it_is_back_in_a_moment_and_the_web_says_so(houses: Callable[..., House]) -> None:
    house = houses()
    house.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    process = house.serve()
    house.until("the listing", lambda: house.ask("8.8.8.8") == LISTED)
    before = named(process.pid)
    assert 'dnsbl_part_up{part="dns"} 1.0' in house.page("/metrics")[1]
    os.kill(before["dnsbl dns"], signal.SIGSTOP)  # first it only hangs: whatever happens, the others go on
    assert house.ready()[0] == 200
    assert house.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")["added"] == 1
    os.kill(before["dnsbl dns"], signal.SIGKILL)
    house.until("the web to tell", lambda: "dns" in down(house.ready()[1]))
    house.until("the new listing", lambda: house.ask("9.9.9.9") == LISTED)
    house.until("all to be up", lambda: house.ready()[0] == 200)
    text = house.page("/metrics")[1]
    assert 'dnsbl_part_begun_total{part="dns"} 2.0' in text
    assert "dnsbl_dns_queries_total" in text
    assert named(process.pid)["dnsbl roles"] == before["dnsbl roles"]
    assert house.stop(process) == 0


@pytest.mark.parametrize("role", ["dns", "web"])
def test_one_role_is_one_process(houses: Callable[..., House], role: str) -> None:
    house = houses()
    process = house.serve("--only", role)
    assert children(process.pid) == []
    assert house.stop(process) == 0


def test_a_port_that_is_taken_is_one_sentence_and_nothing_is_left_running(houses: Callable[..., House]) -> None:
    house = houses()
    first = house.serve()
    for words in ((), ("--only", "dns"), ("--only", "dns,collector"), ("--only", "web")):
        known = len(house.said())
        second = house.start(*words)
        assert second.wait(PATIENCE) == 1
        said = [line for line in house.said()[known:].splitlines() if " CRITICAL " in line]
        assert said
        assert all("cannot listen" in line for line in said)
        assert children(second.pid) == []
    assert house.stop(first) == 0
