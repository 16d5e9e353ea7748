"""Answers that go on: what they tell, and that they are bounded in count and time."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_address

import pytest

from dnsbl.clock import HandClock
from dnsbl.errors import Refused, StoreUnavailable
from dnsbl.settings import Web
from dnsbl.vocabulary import Refusal
from dnsbl.web.events import BEAT, PER_PEER, Events, News, Stream, server_sent


def following(looks: list[object], clock: HandClock, **web: object) -> tuple[Events, Callable[[], News]]:
    """Events whose pauses turn the clock, and a look that gives these one after the other, the last for ever."""

    async def sleep(seconds: float) -> None:
        clock.turn(seconds=seconds)

    def look() -> News:
        one = looks.pop(0) if len(looks) > 1 else looks[0]
        if isinstance(one, Exception):
            raise one
        assert isinstance(one, News)
        return one

    return Events(Web.model_validate(web), clock, sleep), look


async def all_of(news: AsyncIterator[object]) -> list[object]:
    return [one async for one in news]


def at(tried: int, *, over: bool = False) -> News:
    return News(document={"tried": tried}, over=over)


async def test_each_change_is_told_once_and_the_last_ends_it() -> None:
    events, look = following([at(0), at(0), at(1), at(1), at(2, over=True), at(3)], HandClock())
    assert await all_of(events.follow(look)) == [at(0), at(1), at(2, over=True)]


async def test_where_nothing_changes_there_is_a_sign_of_life_and_an_end() -> None:
    events, look = following([at(0)], HandClock(), watch_seconds=3 * BEAT)
    assert await all_of(events.follow(look)) == [at(0), None, None, None]


async def test_while_the_store_is_away_there_is_no_news_and_no_end() -> None:
    away = StoreUnavailable("away")
    events, look = following([away, at(0), away, at(1, over=True)], HandClock())
    assert await all_of(events.follow(look)) == [at(0), at(1, over=True)]


async def test_server_sent_events_have_a_name_a_number_and_one_line_of_json() -> None:
    async def news() -> AsyncIterator[News | None]:
        yield News(document={"said": "a\nb"})
        yield None
        yield at(1, over=True)

    told = [one async for one in server_sent(news())]
    assert all(one.endswith("\n\n") for one in told)
    assert told[0] == "retry: 5000\n\n"
    first, remark, last = told[1:]
    assert first.splitlines()[:2] == ["id: 1", "event: progress"]
    assert json.loads(first.splitlines()[2].removeprefix("data: ")) == {"said": "a\nb"}
    assert remark.startswith(":")
    assert last.splitlines()[:2] == ["id: 2", "event: result"]


def test_a_network_and_all_together_have_so_many_places() -> None:
    events = Events(Web.model_validate({"watchers": 3}), HandClock())
    here, there = ip_address("192.0.2.1"), ip_address("198.51.100.1")
    places = [events.enter(here) for _ in range(PER_PEER)]
    for who in (here, there, there):
        if who is there and len(events) < 3:
            events.enter(there)
            continue
        with pytest.raises(Refused) as error:
            events.enter(who)
        assert (error.value.reason, error.value.retry_after) == (Refusal.TOO_MANY, 60)
    places[0].leave()
    events.enter(None)
    assert len(events) == 3


async def test_a_place_is_free_again_though_nobody_reads_the_answer() -> None:
    events = Events(Web(), HandClock())

    async def never() -> AsyncIterator[str]:
        yield "x"

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: object) -> None:
        raise OSError("the client is gone")

    answer = Stream(never(), events.enter(None), media_type="text/plain")
    with pytest.raises(BaseException):  # noqa: B017  whatever starlette makes of it
        await answer({"type": "http", "asgi": {"spec_version": "2.4"}}, gone, send)
    assert len(events) == 0
