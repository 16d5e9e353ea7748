"""Who has a key has a share of his own, and who guesses keys gets nothing by it."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.errors import Refused, StoreUnavailable
from dnsbl.vocabulary import Refusal
from dnsbl.web.holders import LONGEST, LOOKS, MOST, SECONDS, Holders

HERE, THERE = ip_address("192.0.2.1"), ip_address("2001:db8::1")


class Keys:
    """A store of keys that counts how often it is asked."""

    def __init__(self, **names: str) -> None:
        self.names, self.asked = names, 0

    def name_of(self, key: str) -> str:
        self.asked += 1
        if key not in self.names:
            raise Refused(Refusal.UNKNOWN_KEY, "No.")
        return self.names[key]


def bearing(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def test_a_key_is_looked_for_once_a_minute() -> None:
    keys = Keys(k="joe")
    holders = Holders(keys.name_of)
    assert [await holders.of(bearing("k"), HERE, at) for at in (0.0, 1.0, SECONDS - 1)] == ["joe"] * 3
    assert keys.asked == 1
    keys.names.clear()
    assert await holders.of(bearing("k"), HERE, SECONDS) == ""
    assert keys.asked == 2


async def test_who_guesses_is_soon_not_asked_about_and_takes_nothing_from_others() -> None:
    keys = Keys(k="joe")
    holders = Holders(keys.name_of)
    for n in range(LOOKS * 3):
        assert await holders.of(bearing(f"guess {n}"), HERE, 0.0) == ""
    assert keys.asked == LOOKS
    assert await holders.of(bearing("k"), HERE, 0.0) == "", "the network of guessers has to wait"
    assert await holders.of(bearing("k"), THERE, 0.0) == "joe"
    assert await holders.of(bearing("k"), HERE, 0.0) == "joe", "who is known is not looked for"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic a2V5", "k", "Bearer " + "x" * (LONGEST + 1)])
async def test_what_is_no_key_is_not_looked_for(header: str) -> None:
    keys = Keys()
    assert await Holders(keys.name_of).of({"authorization": header}, HERE, 0.0) == ""
    assert keys.asked == 0


async def test_without_a_store_nobody_has_a_key() -> None:
    def away(key: str) -> str:
        raise StoreUnavailable("away")

    assert await Holders(away).of(bearing("k"), HERE, 0.0) == ""


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dnsbl.web.holders.MOST", most := MOST // 20)
    holders = Holders(lambda key: key)
    for n in range(most + 5):
        assert await holders.of(bearing(f"k{n}"), ip_address(n << 16), 0.0) == f"k{n}"
    assert len(holders._known) == most
