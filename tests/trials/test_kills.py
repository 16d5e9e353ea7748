"""A process that is killed takes nothing with it."""

from __future__ import annotations

import signal
from collections.abc import Callable

from house import LISTED, House


def test_a_list_that_is_killed_answers_from_its_table_when_it_starts_again(houses: Callable[..., House]) -> None:
    house = houses()
    house.dnsbl("listing", "add", "8.8.8.8", "--reason", "a trial")
    process = house.serve()
    house.until("the listing", lambda: house.ask("8.8.8.8") == LISTED)
    house.until("the table on disk", lambda: (house.state / "table").exists())
    assert house.stop(process, signal.SIGKILL) == -signal.SIGKILL
    (house.state / "dnsbl.db").rename(house.folder / "away.db")
    house.serve("--only", "dns")
    assert house.ask("8.8.8.8") == LISTED
