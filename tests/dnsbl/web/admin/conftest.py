"""The operators' side of a whole list, and people signed in there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.casework import credentials
from dnsbl.dns.zonefile import zones_from
from dnsbl.health import Board
from dnsbl.vocabulary import Role
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.app import create_app
from tests.dnsbl.web.conftest import ORIGINS, ZONE

WORDS = "correct horse battery"
SITE = "https://list.example.org"
HOME = "198.51.100.23"
ZONES = ZONE + '[kinds.manual]\ncode = "127.0.0.9"\ntxt = "Listed {address}, see {url}"\n'


@dataclass(slots=True)
class Client:
    """A browser of somebody who is signed in."""

    client: TestClient
    form: str

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(f"/admin{path}", **more)

    def post(self, path: str, **data: str) -> Any:
        return self.client.post(f"/admin{path}", data={"form": self.form} | data)


@dataclass(slots=True)
class Side:
    """The list, and who comes."""

    house: Any
    desk: OperatorDesk
    board: Board

    @property
    def office(self) -> Any:
        return self.house.office

    @property
    def casework(self) -> Any:
        return self.house.office.casework

    def browser(self, address: str = HOME) -> TestClient:
        client: TestClient = self.house.visitor(address)
        client.base_url = SITE
        return client

    def account(self, name: str = "ada", role: Role = Role.OWNER) -> None:
        if name not in {one.name for one in self.casework.accounts.all()}:
            self.casework.accounts.add(name, WORDS, role=role, actor="operator boss")

    def signed_in(self, name: str = "ada", role: Role = Role.OWNER, address: str = HOME) -> Client:
        """Somebody who has signed in by the form."""
        self.account(name, role)
        client = self.browser(address)
        answer = client.post("/admin/sign-in", data={"name": name, "password": WORDS})
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin"), answer.text
        found = re.search(r'name="form" value="([0-9a-f]{64})"', client.get("/admin").text)
        assert found is not None
        return Client(client, found[1])


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords that cost nothing, for tests that are not about them."""
    monkeypatch.setattr(credentials, "hashed", lambda password: f"cheap {password}")
    monkeypatch.setattr(credentials, "fits", lambda password, kept: kept == f"cheap {password}")
    monkeypatch.setattr(credentials, "outdated", lambda kept: False)


@pytest.fixture
def side(house: Callable[..., Any], cheap: None) -> Callable[..., Side]:
    """Builds a list with its operators' side; sections of the settings can be given by name."""

    def build(*, servers: Callable[[], Any] = tuple, **sections: dict[str, Any]) -> Side:
        sections["web"] = {"base_url": SITE, "trusted_proxies": ["192.0.2.1/32"]} | sections.get("web", {})
        built = house(**sections)
        office, board = built.office, built.board
        work, zones = office.casework, zones_from({"relays.toml": ZONES}, site=SITE)
        desk = OperatorDesk(
            accounts=work.accounts,
            entrance=work.entrance,
            operators=work.operators,
            oversight=work.oversight,
            reporters=work.reporters,
            reviewing=work.reviewing,
            withdrawing=work.withdrawing,
            correspondence=work.correspondence,
            views=work.views,
            zones=lambda: zones,
            health=board.all,
            servers=servers,
        )
        built.app = create_app(
            work.doors,
            work.views,
            office.settings,
            clock=office.clock,
            origins=lambda: ORIGINS,
            zones=lambda: zones,
            health=board.all,
            desk=desk,
        )
        return Side(built, desk, board)

    return build
