"""The published table is handed to the networks that are named, whole, in part, or not again; and nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dnsbl.dns.listed.published import FOLDER
from tests.dnsbl.web.asking import Build

NAME = f"table-7-{'a' * 32}.gz"
DATA = bytes(range(256)) * 10


@pytest.fixture
def home(house: Build, tmp_path: Path) -> Any:
    home = house(service={"state_dir": str(tmp_path / "state")}, publish={"to": ["198.51.100.0/24"]})
    folder = home.office.settings.service.state_dir / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "head").write_bytes(b"a head\n")
    (folder / NAME).write_bytes(DATA)
    (folder.parent / "publish.key").write_bytes(b"secret")
    return home


def test_a_named_network_gets_the_files(home: Any) -> None:
    visitor = home.visitor("198.51.100.7")
    head = visitor.get("/table/head")
    assert (head.status_code, head.content, head.headers["cache-control"]) == (200, b"a head\n", "no-cache")
    whole = visitor.get(f"/table/{NAME}")
    assert whole.content == DATA and "immutable" in whole.headers["cache-control"]
    assert whole.headers["content-length"] == str(len(DATA)) and "content-encoding" not in whole.headers


def test_who_has_it_does_not_get_it_again(home: Any) -> None:
    visitor = home.visitor("198.51.100.7")
    for path in ("/table/head", f"/table/{NAME}"):
        etag = visitor.get(path).headers["etag"]
        again = visitor.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.content) == (304, b"")
    folder = home.office.settings.service.state_dir / FOLDER
    (folder / "head").unlink()
    (folder / "head").write_bytes(b"another\n")
    assert visitor.get("/table/head", headers={"If-None-Match": '"x"'}).content == b"another\n"


def test_a_part_can_be_asked_for(home: Any) -> None:
    part = home.visitor("198.51.100.7").get(f"/table/{NAME}", headers={"Range": "bytes=1000-"})
    assert (part.status_code, part.content) == (206, DATA[1000:])
    assert part.headers["content-range"] == f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"


def test_nobody_else_gets_anything(home: Any, house: Build) -> None:
    for visitor in (home.visitor("203.0.113.9"), home.visitor("198.51.101.7")):
        answer = visitor.get(f"/table/{NAME}")
        assert (answer.status_code, answer.text) == (403, "publish.to does not name your network\n")
    claimed = home.visitor("198.51.100.7").get("/table/head", headers={"X-Forwarded-For": "198.51.100.7"})
    assert claimed.status_code == 403
    assert house().visitor("198.51.100.7").get("/table/head").status_code == 404


@pytest.mark.parametrize(
    "name",
    [
        "publish.key",
        "../publish.key",
        "%2e%2e%2fpublish.key",
        "..%2Fpublish.key",
        "head.new",
        "table.new",
        "x",
        NAME[:-1],
    ],
)
def test_no_other_file_is_to_be_had(home: Any, name: str) -> None:
    answer = home.visitor("198.51.100.7").get(f"/table/{name}")
    assert answer.status_code == 404 and b"secret" not in answer.content


def test_a_file_that_has_gone_is_a_404(home: Any) -> None:
    assert home.visitor("198.51.100.7").get(f"/table/table-9-{'b' * 32}.gz").status_code == 404


def test_following_is_not_paced(home: Any) -> None:
    visitor = home.visitor("198.51.100.7")
    assert {visitor.get("/table/head").status_code for _ in range(300)} == {200}
