"""Two nodes on one store, with PgBouncer in transaction mode between: each transaction may come to another server
process, and there are fewer of these than the nodes have connections."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from house import LISTED, Asking, House
from postgres import Pooler, PostgreSQL

from bench.fleet import FIRST, Habit, neighbourhood
from dnsbl.demo.neighbourhood import free_port
from dnsbl.store import Store

RELAY = "127.0.0.2"
#: Relays and closed servers that are nominated at both nodes in turn.
HOSTS = {FIRST + 256 * n: Habit.CLOSED if n % 4 == 3 else Habit.ANY for n in range(8)}
#: Server processes for all of both nodes.
CONNECTIONS = 4


@pytest.fixture
def pooler() -> Iterator[Pooler]:
    server = PostgreSQL()
    made = Pooler(server, connections=CONNECTIONS)
    yield made
    made.close()
    server.close()


def node(houses: Callable[..., House], name: str, pooler: Pooler, port: int) -> House:
    pace = {"attempt_gap": 0, "connection_gap": 0, "grace": 1, "delivery_window": 3, "lease": 30}
    return houses(name, database=pooler.url, tester={"port": port, "owner_ports": [25], **pace})


async def test_two_nodes_go_through_whole_cycles_behind_a_pooler_that_hands_on_each_transaction(
    houses: Callable[..., House], pooler: Pooler
) -> None:
    port = free_port()
    first, second = (node(houses, name, pooler, port) for name in ("first", "second"))
    first.start()
    first.until("all to be up", lambda: first.ready()[0] == 200, 120)
    second.state.mkdir()
    shutil.copy(first.state / "keys.json", second.state / "keys.json")
    second.start()
    second.until("all to be up", lambda: second.ready()[0] == 200, 120)
    async with neighbourhood(HOSTS, port, first.collector):
        relays = [str(address) for address, habit in HOSTS.items() if habit is Habit.ANY]
        closed = [address for address, habit in HOSTS.items() if habit is Habit.CLOSED]
        begun = time.monotonic()
        for number, address in enumerate(HOSTS):
            (first, second)[number % 2].dnsbl("nominate", str(address), "--reason", "spam")
        for house in (first, second):
            for address in relays:
                house.until(f"{address} to be listed", lambda h=house, a=address: h.ask(a) == RELAY, 120)
        print(f"{len(relays)} relays listed on both nodes after {time.monotonic() - begun:.1f} s")
        for address in closed:
            judged = f"of {address} has come to"
            first.until(f"{address} to be judged", lambda j=judged: j in first.said() + second.said())
            assert second.ask(str(address)) == "NXDOMAIN"
        with Asking(first, relays[0]) as asking, Asking(second, relays[1]) as beside:
            pooler.kill()
            first.until("it to be said", lambda: first.ready()[0] == 503)
            pooler.start()
            first.until("all to be up", lambda: first.ready()[0] == 200)
            second.until("all to be up", lambda: second.ready()[0] == 200)
            first.dnsbl("listing", "add", "9.9.9.9", "--reason", "a trial")
            for house in (first, second):
                house.until("the new listing", lambda h=house: h.ask("9.9.9.9") == LISTED)
    assert (asking.lost, asking.answers, beside.lost, beside.answers) == (0, [RELAY], 0, [RELAY])
    store = Store(pooler.url)
    with store.read() as tx:
        assert tx.journal.verify() >= len(HOSTS)
    store.close()
    servers, clients = pooler.told("SERVERS"), pooler.told("CLIENTS")
    print(f"{len(clients)} connections of two nodes and a console on {len(servers)} server processes")
    assert len(servers) <= CONNECTIONS
    for house in (first, second):
        assert "prepared statement" not in house.said() and "refused a statement" not in house.said()


def test_what_is_set_for_a_session_comes_to_another_one_behind_a_pooler(pooler: Pooler) -> None:
    """So nothing of ours may rest on such a setting: the trial above would not show it otherwise."""
    to = {"host": "127.0.0.1", "port": pooler.port, "user": "postgres", "dbname": "postgres"}
    with psycopg.connect(**to, autocommit=True) as one, psycopg.connect(**to, autocommit=True) as other:
        one.execute("SET default_transaction_isolation = 'repeatable read'")
        assert other.execute("SHOW default_transaction_isolation").fetchone() == ("repeatable read",)
