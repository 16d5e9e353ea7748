"""/feeds/ZONE.jsonl over HTTP: whole, conditional, in ranges, as changes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from dnsbl.clock import HandClock
from dnsbl.serving.copies import ZoneFiles
from dnsbl.web.feeds import FeedDoor
from tests.dnsbl.serving.test_copies import Store, clock, files, store  # noqa: F401 (fixtures)
from tests.dnsbl.web.conftest import ZONE
from tests.dnsbl.web.test_zones import BROWSER, door

PATH = "/feeds/bl.test.jsonl"


@pytest.fixture
def client(files: ZoneFiles, store: Store) -> TestClient:  # noqa: F811
    for number in range(1, 200):
        store.say(f"192.0.2.{number}/32")
    app = FastAPI()
    app.include_router(FeedDoor(files, 60).router)
    return TestClient(app)


def test_a_zone_is_fetched_whole_and_not_again_while_it_is_the_same(client: TestClient) -> None:
    answer = client.get(PATH)
    assert answer.headers["content-type"] == "application/jsonl"
    assert len(answer.text.splitlines()) == 201
    for condition in (
        {"If-None-Match": answer.headers["etag"]},
        {"If-None-Match": f'"other", W/{answer.headers["etag"]}'},
        {"If-None-Match": "*"},
        {"If-Modified-Since": answer.headers["last-modified"]},
    ):
        again = client.get(PATH, headers=condition)
        assert (again.status_code, again.content) == (304, b""), condition
        assert again.headers["etag"] == answer.headers["etag"]
    for condition in (
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": answer.headers["last-modified"]},
        {"If-Modified-Since": "nonsense"},
        {"If-Modified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"},
    ):
        assert client.get(PATH, headers=condition).status_code == 200, condition


def test_what_broke_off_goes_on_where_it_was_and_begins_anew_when_the_file_is_another(
    client: TestClient,
    store: Store,  # noqa: F811
    clock: HandClock,  # noqa: F811
) -> None:
    whole = client.get(PATH)
    rest = {"Range": "bytes=100-", "If-Range": whole.headers["etag"]}
    part = client.get(PATH, headers=rest)
    assert (part.status_code, part.content) == (206, whole.content[100:])
    store.say("192.0.2.200/32")
    clock.turn(seconds=60)
    anew = client.get(PATH, headers=rest)
    assert anew.status_code == 200
    assert len(anew.text.splitlines()) == 202
    assert client.get(PATH, headers={"Range": "bytes=999999-"}).status_code == 416


def test_changes_are_asked_for_by_serial_and_the_whole_comes_where_they_are_not_known(
    client: TestClient,
    store: Store,  # noqa: F811
    clock: HandClock,  # noqa: F811
) -> None:
    head = json.loads(client.get(PATH).text.splitlines()[0])
    same = client.get(PATH, params={"after": head["serial"]})
    assert json.loads(same.text)["since"] == head["serial"]
    whole = client.get(PATH, params={"after": head["serial"] + 7})
    assert "since" not in json.loads(whole.text.splitlines()[0])
    for nonsense in ("x", "-1", str(2**32)):
        assert client.get(PATH, params={"after": nonsense}).status_code == 422


def test_a_head_is_enough_and_what_there_is_not_is_404(client: TestClient) -> None:
    answer = client.head(PATH)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert client.get("/feeds/BL.TEST.jsonl").status_code == 200
    for path in ("/feeds/other.jsonl", "/feeds/..%2Fbl.test.jsonl", "/feeds/bl.test"):
        assert client.get(path).status_code == 404


def test_files_are_told_with_their_serials_to_people_and_to_programs(files: ZoneFiles, store: Store) -> None:  # noqa: F811
    store.say("192.0.2.1/32")
    client = door(ZONE.replace("relays.example.org", "bl.test"), files)
    page = client.get("/feeds", headers=BROWSER).text
    made = files.whole("bl.test")
    assert made is not None
    assert '<a href="/feeds/bl.test.jsonl">' in page and str(made.serial) in page
    [row] = client.get("/feeds").json()["feeds"]
    assert (row["zone"], row["file"], row["serial"]) == ("bl.test", "/feeds/bl.test.jsonl", made.serial)
    [zone] = client.get("/api/v1/zones").json()["zones"]
    assert (zone["serial"], zone["file"]) == (made.serial, "/feeds/bl.test.jsonl")
    assert f"<dd>{made.serial}, of the copy of" in client.get("/zones").text


def test_the_state_folder_is_not_told(files: ZoneFiles, tmp_path: Path) -> None:  # noqa: F811
    client = door(ZONE.replace("relays.example.org", "bl.test"), files)
    assert str(tmp_path) not in client.get("/feeds", headers=BROWSER).text + client.get("/zones").text
