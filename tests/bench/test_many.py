"""What is counted for many nodes: hosts that stand apart, processes of the server, and octets on the line."""

from __future__ import annotations

from bench.many import changes, hosts
from dnsbl.addresses import neighbourhood


def test_each_host_stands_in_a_network_of_its_own_so_that_all_may_be_tested_at_once() -> None:
    assert len({neighbourhood(address) for address in hosts(1000)}) == 1000
    assert all(address.is_loopback for address in hosts(10_000))


def test_a_change_costs_less_on_the_line_than_it_takes_in_words() -> None:
    found = changes()
    assert 1 < found["change_packed"] < found["change_plain"]
