"""The page about the interface says what its description says, and its command lines are right as they stand."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.dns.zonefile import zones_from
from dnsbl.web.manual import form, operations
from dnsbl.web.reasons import REASONS
from dnsbl.web.server import WebServer
from tests.dnsbl.web.conftest import ZONE

Build = Callable[..., Any]
SITE = "https://list.example.org"


def test_every_route_status_and_word_of_the_description_is_on_the_page(anyone: TestClient) -> None:
    document = anyone.get("/api/v1/openapi.json").json()
    page = unescape(anyone.get("/api").text).replace("<wbr>", "")
    found = operations(document, SITE)
    assert len(found) == sum(map(len, document["paths"].values())) > 12
    for one in found:
        row = document["paths"][one.path][one.method.lower()]
        assert f"<code>{one.method} {one.path}</code>" in page and one.words in page and one.command in page
        assert [told.status for told in one.told] == list(row["responses"]) and one.words.endswith(".")
        assert {given.name for given in one.given if given.where != "body"} == {
            each["name"] for each in row.get("parameters", ())
        }
        assert all(f"<code>{given.name}</code>" in page for given in one.given)
        assert "ADDRESS" not in one.command
    anchors = re.findall(r' id="([^"]+)"', page)
    assert len(anchors) == len(set(anchors)) and set(REASONS) <= set(anchors)


def test_the_page_brings_nothing_from_elsewhere_and_no_script(anyone: TestClient) -> None:
    answer = anyone.get("/api")
    assert answer.status_code == 200 and "<script" not in answer.text and 'style="' not in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert not re.findall(
        r'(?:src|href)="https?://(?!list\.example\.org|relays\.example\.org|example\.org)', answer.text
    )


def test_the_type_of_each_problem_leads_to_its_words(anyone: TestClient) -> None:
    told = anyone.get("/api/v1/hosts/nonsense").json()
    place, _, anchor = told["type"].partition("#")
    page = anyone.get(place).text
    row = page[page.index(f'<tr id="{anchor}">') :]
    assert told["title"] in row and told["expected"] in unescape(row)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "text"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "a whole number"),
        (
            {"anyOf": [{"type": "string", "format": "ipv4"}, {"format": "ipv6"}, {"const": ""}]},
            "an IPv4 address or an IPv6 address or nothing",
        ),
        ({"$ref": "#/a/b"}, "one of x, y"),
        ({"type": "array", "items": {"type": "boolean"}}, "a list, each true or false"),
        ({"type": "object"}, "a document"),
    ],
)
def test_a_form_is_told_in_words(schema: dict[str, Any], words: str) -> None:
    assert form(schema, {"a": {"b": {"enum": ["x", "y"]}}}) == words


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
async def test_each_command_line_is_answered_as_the_page_says(house: Build) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    site = f"http://127.0.0.1:{port}"
    home = house(web={"listen": f"127.0.0.1:{port}", "base_url": site, "posts_per_hour": 1000})
    work, office = home.casework, home.office
    server = WebServer(
        work.doors,
        work.views,
        office.settings,
        clock=office.clock,
        zones=zones_from({"relays.toml": ZONE}, site=site),
        briefing=work.briefing,
        self_tests=work.self_tests,
        remote=work.remote,
        withdrawing=work.withdrawing,
        watching=work.watching,
        ownership=work.ownership,
    )
    await server.start()
    stop = asyncio.Event()
    running = asyncio.create_task(server.run(stop))
    document = json.loads((await ran(f"curl -s {site}/api/v1/openapi.json"))[1])
    for one in operations(document, site):
        status, body, kind = await ran(one.command)
        (told,) = [each for each in one.told if each.status == status] or [None]
        assert told is not None, (one.command, status, body)
        assert kind in told.forms.split(", ") or not told.forms, (one.command, status, kind)
    assert json.loads((await ran(f"curl -s {site}/api/v1/hosts/192.0.2.1"))[1])["state"] == "unknown"
    stop.set()
    await asyncio.wait_for(running, 10)


async def ran(line: str) -> tuple[str, str, str]:
    """(status, body, type) of what a command line fetches."""
    more = " -w '\\n%{http_code} %{content_type}'"
    shell = await asyncio.create_subprocess_shell(line + more, stdout=asyncio.subprocess.PIPE)
    out, _ = await asyncio.wait_for(shell.communicate(), 30)
    body, _, last = out.decode().rpartition("\n")
    status, _, kind = last.partition(" ")
    return status, body, kind.partition(";")[0]
