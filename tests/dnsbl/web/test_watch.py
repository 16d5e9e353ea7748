"""Watches on the web: shown, begun, read and ended."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

import pytest

from dnsbl.web.app import create_app
from dnsbl.web.pages import requester
from tests.dnsbl.web.conftest import VISITOR

NET = "198.18.7.0/24"


@pytest.fixture
def site(house: Callable[..., Any]) -> tuple[Any, list[str]]:
    """A list that offers watches, and the TXT records that its resolver knows."""
    texts: list[str] = []
    notices = {"smarthost": "mail.list.example", "sender": "relays@list.example"}
    return watching(house(watch={"on": True}, notices=notices), texts), texts


def watching(built: Any, texts: list[str]) -> Any:
    """The same house, with the door of watches."""
    office = built.office
    built.app = create_app(
        office.casework.doors,
        office.casework.views,
        office.settings,
        clock=office.clock,
        watching=office.casework.watching,
        texts=lambda name: texts if name == "_dnsbl.7.18.198.in-addr.arpa" else [],
    )
    return built


def test_every_page_of_a_list_that_offers_watches_leads_there(site: Any, house: Callable[..., Any]) -> None:
    assert '<a href="/watch">' in site[0].visitor().get("/").text
    assert "/watch" not in house().visitor().get("/").text


def test_a_list_that_offers_no_watches_says_so_before_anybody_has_filled_a_form(house: Callable[..., Any]) -> None:
    visitor = watching(house(), []).visitor()
    for page in (visitor.get("/watch").text, visitor.post("/watch", data={"network": NET}).text):
        assert page.count("offers no watches") == 1 and "<form" not in page and "/feeds" in page


def test_people_begin_read_and_end_a_watch(site: Any) -> None:
    built, texts = site
    visitor = built.visitor()
    assert 'name="network"' in visitor.get("/watch").text
    asked = {"network": NET, "way": "webhook", "target": "https://noc.example/hook"}
    page = visitor.post("/watch", data=asked)
    offer = built.casework.watching.offer(
        NET, "webhook", "https://noc.example/hook", who=requester(ip_address(VISITOR))
    )
    assert offer.content in page.text and offer.name in page.text
    assert "no such record" in visitor.post("/watch", data=asked | {"step": "show"}).text
    texts.append(offer.content)
    begun = visitor.post("/watch", data=asked | {"step": "show"}).text
    [watch] = built.casework.watching.all(most=9)
    assert watch.secret in begun and watch.secret not in visitor.get(f"/watch/{watch.token}").text
    built.list("198.18.7.9")
    assert "198.18.7.9" in visitor.get(f"/watch/{watch.token}").text
    feed = visitor.get(f"/watch/{watch.token}.atom")
    assert feed.headers["content-type"].startswith("application/atom+xml") and "198.18.7.9" in feed.text
    assert "no longer watch" in visitor.post(f"/watch/{watch.token}").text
    assert visitor.get(f"/watch/{watch.token}").status_code == 404
    assert visitor.get(f"/watch/{watch.token}.atom").status_code == 404


def test_programs_ask_until_the_record_is_there(site: Any) -> None:
    built, texts = site
    visitor = built.visitor()
    wish = {"network": NET, "way": "mail", "target": "noc@net.example"}
    answer = visitor.post("/api/v1/watches", json=wish)
    assert (answer.status_code, answer.json()["watching"]) == (202, False)
    texts.append(answer.json()["content"])
    answer = visitor.post("/api/v1/watches", json=wish)
    assert answer.status_code == 201 and answer.json()["secret"] is None
    token = answer.json()["token"]
    built.list("198.18.7.9")
    assert [one["network"] for one in visitor.get(f"/api/v1/watches/{token}").json()["listings"]] == ["198.18.7.9/32"]
    assert visitor.delete(f"/api/v1/watches/{token}").status_code == 204
    assert visitor.get(f"/api/v1/watches/{token}").status_code == 404
    assert visitor.post("/api/v1/watches", json=wish | {"code": "wrong"}).status_code == 422
    assert visitor.post("/api/v1/watches", json=wish | {"network": "198.0.0.0/8"}).status_code == 422


def test_the_form_says_which_networks_may_be_watched(site: Any) -> None:
    visitor = site[0].visitor()
    page = visitor.get("/watch").text
    assert 'aria-describedby="widest"' in page and "no wider than /16, of IPv6 /32" in page
    wrong = visitor.post("/watch", data={"network": "nonsense", "way": "feed", "target": ""}).text
    assert 'aria-invalid="true" aria-describedby="mistake widest"' in wrong


def test_mistakes_in_the_form_are_one_sentence(site: Any) -> None:
    built, _ = site
    answer = built.visitor().post("/watch", data={"network": "198.0.0.0/8"})
    assert answer.status_code == 422 and "is too wide" in answer.text
    for wrong in ("gopher://x", "http://[", "//["):
        wish = {"network": NET, "way": "webhook", "target": wrong}
        answer = built.visitor().post("/watch", data=wish)
        assert answer.status_code == 400 and "begins with https://" in answer.text
        answer = built.visitor().post("/api/v1/watches", json=wish)
        assert answer.status_code == 400 and "begins with https://" in answer.text


@pytest.mark.parametrize(
    ("way", "target"), [("feed", ""), ("webhook", "https://noc.example/hook"), ("mail", "a@n.example")]
)
def test_token_and_secret_of_a_watch_are_told_once_to_whoever_began_it(site: Any, way: str, target: str) -> None:
    built, texts = site
    owner, neighbour, stranger = (built.visitor(each) for each in ("198.51.100.7", "198.51.100.8", "203.0.113.5"))
    wish = {"network": NET, "way": way, "target": target}
    texts.append(owner.post("/api/v1/watches", json=wish).json()["content"])
    answer = stranger.post("/api/v1/watches", json=wish)
    assert answer.status_code == 202 and answer.json()["token"] is None, "the owner's record begins no watch of others"
    assert built.casework.watching.all(most=9) == []
    assert owner.post("/api/v1/watches", json=wish).json()["token"]
    [watch] = built.casework.watching.all(most=9)
    assert stranger.post("/api/v1/watches", json=wish).status_code == 202
    for visitor in (owner, neighbour, stranger):
        program, page = visitor.post("/api/v1/watches", json=wish), visitor.post("/watch", data=wish | {"step": "show"})
        if visitor is not stranger:
            assert (program.status_code, program.json()["reason"]) == (409, "already-watched")
            assert page.status_code == 409 and "There is this watch" in page.text
        assert not any(each in said.text for said in (program, page) for each in (watch.token, watch.secret))
    assert built.casework.watching.all(most=9) == [watch]
