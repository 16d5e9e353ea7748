"""The pages on which an address is shown to be one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from dnsbl.vocabulary import JobReason
from dnsbl.web.app import create_app

TARGET = "198.18.7.9"


@pytest.fixture
def door(house: Callable[..., Any]) -> Callable[..., tuple[Any, TestClient]]:
    """A list whose resolver knows these TXT records."""

    def build(texts: list[str], **sections: Any) -> tuple[Any, TestClient]:
        site = house(**sections)
        office = site.office
        site.app = create_app(
            office.casework.doors,
            office.casework.views,
            office.settings,
            clock=office.clock,
            ownership=office.casework.ownership,
            texts=lambda name: texts if name == "_dnsbl.9.7.18.198.in-addr.arpa" else [],
        )
        site.list(TARGET)
        return site, site.visitor()

    return build


def how(site: Any) -> list[str]:
    return [e.after for e in site.casework.operators.journal(site.office.at(TARGET)) if e.verb == "showed-control"]


def test_a_record_that_is_published_queues_the_test(door: Any) -> None:
    texts: list[str] = []
    site, visitor = door(texts)
    page = visitor.get("/control", params={"address": TARGET})
    content = (
        page.text.split("IN TXT &#34;")[1].split("&#34;")[0]
        if "&#34;" in page.text
        else page.text.split('IN TXT "')[1].split('"')[0]
    )
    asked = {"address": TARGET, "way": "record"}
    assert "There is no such record" in visitor.post("/control", data=asked).text
    texts.append(content)
    answer = visitor.post("/control", data=asked)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ip/{TARGET}")
    assert how(site) == ["by a TXT record in its reverse zone"]
    assert site.casework.views.look_up(site.office.at(TARGET)).job.reason is JobReason.REMOVAL


def test_who_comes_from_the_address_needs_no_more_and_nobody_else_can_say_so(door: Any) -> None:
    site, visitor = door([])
    asked = {"address": TARGET, "way": "here"}
    assert "You do not come from" in visitor.post("/control", data=asked).text
    assert how(site) == []
    assert site.visitor(TARGET).post("/control", data=asked).status_code == 303
    assert how(site) == ["who asked came from the address"]


def test_a_code_is_offered_only_where_mail_is_sent(door: Any) -> None:
    _, visitor = door([])
    assert "A code by mail" not in visitor.get("/control", params={"address": TARGET}).text
    assert "sends no mail" in visitor.post("/control", data={"address": TARGET, "way": "mail"}).text


def test_a_code_is_mailed_where_mail_is_sent(door: Any) -> None:
    _, visitor = door([], notices={"smarthost": "m.list.example", "sender": "a@list.example"})
    assert "A code by mail" in visitor.get("/control", params={"address": TARGET}).text
    assert "on its way" in visitor.post("/control", data={"address": TARGET, "way": "mail"}).text
    assert "not the code" in visitor.post("/control", data={"address": TARGET, "way": "code", "code": "x"}).text


def test_an_address_that_is_not_listed_has_nothing_to_show(door: Any) -> None:
    _, visitor = door([])
    assert visitor.get("/control", params={"address": "198.18.7.10"}).status_code == 409
    assert visitor.get("/control", params={"address": "nonsense"}).status_code == 400


def test_the_owners_record_serves_no_stranger_and_makes_nobody_wait_who_comes_from_the_address(door: Any) -> None:
    texts: list[str] = []
    site, _ = door(texts)
    owner, stranger, asked = site.visitor("198.51.100.7"), site.visitor("203.0.113.5"), {"address": TARGET}
    page = owner.get("/control", params=asked).text
    _, content = site.casework.ownership.record(site.office.at(TARGET), who="198.51.100.0/24")
    assert content in page and content not in stranger.get("/control", params=asked).text
    texts.append(content)
    assert "There is no such record" in stranger.post("/control", data=asked | {"way": "record"}).text
    assert how(site) == []
    assert owner.post("/control", data=asked | {"way": "record"}).status_code == 303
    with site.office.store.read() as tx:
        run = site.casework.views.look_up(site.office.at(TARGET)).job.run
        assert tx.removals.askers(run) == ["who has shown control"]
    assert site.visitor(TARGET).post("/control", data=asked | {"way": "here"}).status_code == 303
    with site.office.store.read() as tx:
        assert tx.removals.askers(run) == ["who has shown control", "the address itself"]
