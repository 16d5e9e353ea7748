"""Who answers for an address: of a scripted resolver, and a registry on loopback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from threading import Thread
from typing import Any

import pytest
from dns.exception import Timeout

from dnsbl.daemons import contacts
from dnsbl.daemons.contacts import find
from dnsbl.daemons.errand import HttpReply, ask
from dnsbl.settings import NoticeSettings

ADDRESS = ip_address("8.8.4.4")
PTR = "4.4.8.8.in-addr.arpa."


class Record:
    def __init__(self, said: str) -> None:
        self.address = self.said = said
        self.target = self.exchange = self

    def to_text(self, omit_final_dot: bool = False) -> str:
        return self.said


class Scripted:
    def __init__(self, zone: Mapping[tuple[str, str], list[str]]) -> None:
        self.zone = zone

    async def resolve(self, name: str, kind: str, lifetime: float) -> list[Record]:
        if (name, kind) not in self.zone:
            raise Timeout
        return [Record(said) for said in self.zone[name, kind]]


@pytest.mark.parametrize(
    ("zone", "mailbox"),
    [
        ({("mx1.host.test.", "A"): ["8.8.4.4"], ("host.test.", "MX"): ["mx.host.test."]}, "postmaster@host.test"),
        ({("mx1.host.test.", "A"): ["8.8.4.4"], ("mx1.host.test.", "MX"): ["x."]}, "postmaster@mx1.host.test"),
        ({("mx1.host.test.", "A"): ["8.8.4.4"], ("host.test.", "MX"): ["."]}, ""),
        ({("mx1.host.test.", "A"): ["192.0.2.1"], ("host.test.", "MX"): ["mx.host.test."]}, ""),
        ({("mx1.host.test.", "A"): ["8.8.4.4"], ("test.", "MX"): ["mx.test."]}, ""),
        ({}, ""),
    ],
)
async def test_only_a_name_that_leads_back_names_a_postmaster(zone: Any, mailbox: str) -> None:
    resolver: Any = Scripted(zone | {(PTR, "PTR"): ["mx1.host.test"]})
    found = await find(ADDRESS, NoticeSettings(), resolver)
    assert found == mailbox


@pytest.fixture
def registry() -> Any:
    """Sends whoever asks to another place first."""

    class Registry(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/ip/8.8.4.4":
                self.send_response(302)
                self.send_header("Location", f"http://127.0.0.1:{server.server_port}/rir/8.8.4.4")
                self.end_headers()
                return
            card = ["vcard", [["email", {}, "text", "abuse@net.test"]]]
            body = json.dumps({"entities": [{"roles": ["abuse"], "vcardArray": card}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Registry)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("place", ["", "http://[", "http://a..b/", "ftp://x.example/"])
async def test_a_registry_that_sends_on_to_nowhere_names_nobody(monkeypatch: Any, place: str) -> None:
    def asked(url: str, **terms: Any) -> HttpReply:
        moved = url.startswith("https://rdap.test/")
        return HttpReply(status=302, headers={"location": place}, body=b"") if moved else ask(url, **terms)

    monkeypatch.setattr(contacts, "ask", asked)
    settings = NoticeSettings.model_validate({"rdap": "https://rdap.test"})
    assert await find(ADDRESS, settings, Scripted({})) == ""  # type: ignore[arg-type]


async def test_where_no_name_tells_the_registry_does_if_one_is_set_and_may_be_spoken_to(registry: str) -> None:
    resolver: Any = Scripted({})
    inside = NoticeSettings.model_validate({"rdap": registry, "rdap_inside": True})
    assert await find(ADDRESS, inside, resolver) == "abuse@net.test"
    assert await find(ADDRESS, NoticeSettings.model_validate({"rdap": registry}), resolver) == ""
