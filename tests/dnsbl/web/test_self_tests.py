"""Self-tests through the web: from a page, from a program, from a shell."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tester.smtp import Outcome
from tests.dnsbl.web.asking import Build, problem

HOST = "198.18.7.9"
TWIN = "2001:db8::25"
API = "/api/v1/self-tests"


def during(house: Any, act: Callable[[], object]) -> None:
    """Have this happen between two looks of who watches."""
    pending = [act]

    async def sleep(seconds: float) -> None:
        if pending:
            pending.pop()()
        house.office.clock.turn(seconds=seconds)

    house.watching(sleep)


@pytest.fixture
def home(house: Build) -> Any:
    return house()


def test_a_program_is_told_where_the_test_stands_and_where_to_look(home: Any) -> None:
    visitor = home.visitor(HOST)
    answer = visitor.post(API, json={"ports": [25, 587]})
    assert answer.status_code == 202
    document = answer.json()
    assert document["addresses"] == [HOST]
    assert (document["state"], document["result"], document["verdict"], document["cause"]) == (
        "queued",
        None,
        None,
        None,
    )
    assert [(one["port"], one["verdict"]) for one in document["paths"]] == [(25, None), (587, None)]
    assert "never puts it on the list" in document["promise"]
    assert answer.headers["location"] == document["status_url"]
    assert document["status_url"].endswith(f"{API}/{document['id']}")
    assert home.visitor("203.0.113.1").get(f"{API}/{document['id']}").json() == document, "who holds the link may look"
    assert visitor.get(f"{API}/{'a' * 16}").status_code == 404
    assert "self-test" not in visitor.get(f"/api/v1/hosts/{HOST}").text


def test_a_list_that_offers_no_self_tests_says_so_before_anybody_has_filled_a_form(house: Build) -> None:
    visitor = house(self_test={"on": False}).visitor(HOST)
    for page in (visitor.get("/self-test").text, visitor.post("/self-test", data={"agree": "yes"}).text):
        assert page.count("offers no self-tests") == 1 and "<form" not in page and "curl" not in page


def test_only_the_address_that_one_comes_from_is_tested(home: Any) -> None:
    visitor = home.visitor(HOST)
    problem(visitor.post(API, json={"address": "203.0.113.9"}), 422, "malformed-request")
    for header in ("X-Forwarded-For", "Forwarded", "Via"):
        answer = visitor.post(API, json={}, headers={header: "203.0.113.9"})
        assert "a proxy stands between us" in problem(answer, 422, "not-shown")
    assert home.casework.operators.journal() == []
    assert visitor.post(API, json={}).json()["addresses"] == [HOST]


def test_behind_a_named_proxy_it_is_the_address_that_the_proxy_saw(house: Build) -> None:
    home = house(web={"trusted_proxies": ["192.0.2.0/24"], "base_url": "https://list.example.org"})
    answer = home.visitor("192.0.2.1").post(API, json={}, headers={"X-Forwarded-For": f"203.0.113.9, {HOST}"})
    assert answer.json()["addresses"] == [HOST]


def test_both_families_are_tested_with_a_token_from_the_other(home: Any) -> None:
    token = home.visitor(TWIN).get(f"{API}/token").text
    assert token.endswith("\n")
    document = home.visitor(HOST).post(API, json={"ports": [25], "token": token}).json()
    assert document["addresses"] == [HOST, TWIN]
    assert [one["address"] for one in document["paths"]] == [HOST, TWIN]


def test_a_token_of_each_address_is_taken_and_all_ports_are_tried_where_none_is_named(home: Any) -> None:
    tokens = [home.visitor(address).get(f"{API}/token").text.strip() for address in (HOST, TWIN)]
    document = home.visitor(HOST).post(API, json={"token": " ".join(tokens)}).json()
    assert [(one["address"], one["port"]) for one in document["paths"]] == [
        (address, port) for address in (HOST, TWIN) for port in (25, 587, 2525, 465)
    ]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"ports": "x"}', b'{"ports": [1e99]}', b'{"token": "\\ud800"}', b"{" * 3000]
)
def test_what_is_not_of_the_form_is_refused(home: Any, body: bytes) -> None:
    answer = home.visitor(HOST).post(API, content=body, headers={"Content-Type": "application/json"})
    problem(answer, 422, "malformed-request")


def test_another_sites_page_cannot_have_its_visitor_tested(home: Any) -> None:
    for method in ("POST", "PUT"):
        answer = home.visitor(HOST).request(method, API, headers={"Origin": "https://evil.example"})
        problem(answer, 403, "cross-site")
    answer = home.visitor(HOST).post("/self-test", data={"agree": "yes"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert home.casework.operators.journal() == []


def test_a_shell_is_told_line_by_line_and_at_the_end_the_result(home: Any) -> None:
    during(home, lambda: home.test(proven=True))
    answer = home.visitor(HOST).put(API, content=b"ports 25\n")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0].startswith(f"Self-test of {HOST}. It tests only the address that you come from")
    assert "/self-test/" in lines[1]
    assert lines[2].endswith("The test waits for its turn.")
    assert any(line.startswith("OPEN: ") for line in lines)
    assert any(line.startswith(f"  {HOST} port 25: ") for line in lines)
    assert any(line.startswith("What closes it: ") for line in lines)
    assert lines[-1] == "result: open"
    assert home.visitor(HOST).get(f"/api/v1/hosts/{HOST}").json()["listings"] == []


def test_a_closed_one_is_told_too(home: Any) -> None:
    during(home, lambda: home.test(outcome=Outcome.RCPT_5XX, reply="550 relaying denied"))
    assert home.visitor(HOST).put(API, content=b"ports=25").text.splitlines()[-1] == "result: closed"


def test_a_shell_that_waits_too_long_is_told_where_to_ask_again(house: Build) -> None:
    home = house(web={"watch_seconds": 20})
    during(home, lambda: None)
    lines = home.visitor(HOST).put(API).text.splitlines()
    assert lines[-2].startswith("It goes on; ask again for the result at http")
    assert lines[-1] == "result: unknown"


def test_who_wants_json_alone_gets_one_document_at_the_end(home: Any) -> None:
    during(home, lambda: home.test(proven=True))
    answer = home.visitor(HOST).put(f"{API}?ports=25", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    document = json.loads(answer.text)
    assert (document["result"], document["state"], document["verdict"]) == ("open", "done", "OPEN")
    assert document["flags"] == []
    assert document["cause"]["advice"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"ports 22", "Ports are chosen from 25, 587, 2525, 465."),
        (b"token abc", "This token is none of ours; fetch one from the other address."),
        (b"address 203.0.113.9", "Only lines such as `ports 25,587` and `token TOKEN` are understood here."),
        (b"x" * 5000, "This is too large; a request for a self-test is a few words."),
    ],
)
def test_a_refusal_is_one_sentence_for_a_shell_and_a_problem_for_a_program(
    home: Any, body: bytes, sentence: str
) -> None:
    visitor = home.visitor(HOST)
    answer = visitor.put(API, content=body)
    assert answer.status_code in (413, 422)
    assert answer.text == f"{sentence}\nresult: unknown\n"
    assert visitor.put(API, content=body, headers={"Accept": "application/json"}).json()["detail"] == sentence
    assert home.casework.operators.journal() == []


def test_the_limit_of_a_day_is_told_with_its_end(house: Build) -> None:
    home = house(self_test={"per_address": 1})
    visitor = home.visitor(HOST)
    visitor.post(API, json={})
    home.test(outcome=Outcome.RCPT_5XX)
    answer = visitor.post(API, json={})
    assert "which is the limit" in problem(answer, 429, "too-many")
    assert answer.headers["retry-after"] == "86400"
    assert visitor.put(API).status_code == 429


def test_who_watches_gets_server_sent_events(home: Any) -> None:
    run = home.visitor(HOST).post(API, json={"ports": [25]}).json()["id"]
    during(home, lambda: home.test(proven=True))
    answer = home.visitor(HOST).get(f"{API}/{run}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    kinds = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert kinds[0] == "progress" and kinds[-1] == "result"
    last = json.loads(
        [line for line in answer.text.splitlines() if line.startswith("data: ")][-1].removeprefix("data: ")
    )
    assert last == home.visitor(HOST).get(f"{API}/{run}").json()
    assert home.visitor(HOST).get(f"{API}/nothing/events").status_code == 404


def test_a_person_agrees_watches_and_is_told(home: Any) -> None:
    visitor = home.visitor(HOST)
    form = visitor.get("/self-test").text
    assert form.count('type="checkbox" name="port"') == form.count("checked") == 4, (
        "all that there are, unless some are left out"
    )
    assert f"Test {HOST}" in form and "never puts it on the list" in form and "curl -T - http" in form
    for typed, sentence in (
        ({"port": "25"}, "is yours to test"),
        ({"agree": "yes"}, "choose one port"),
        ({"agree": "yes", "port": "22"}, "Ports are chosen from"),
        ({"agree": "yes", "port": "25", "token": "<b>"}, "none of ours"),
    ):
        answer = visitor.post("/self-test", data=typed)
        assert answer.status_code == 422
        assert sentence in answer.text and "<b>" not in answer.text
    answer = visitor.post("/self-test", data={"agree": "yes", "port": ["25", "587"]})
    assert answer.status_code == 303
    page = answer.headers["location"]
    waiting = visitor.get(page).text
    assert f"Testing {HOST}" in waiting and 'http-equiv="refresh"' in waiting and "noindex" in waiting
    home.test(proven=True)
    over = visitor.get(page).text
    assert f"{HOST} is an open relay" in over and "How to close it" in over and "refresh" not in over
    assert f"No, {HOST} is not listed" in visitor.get(f"/ip/{HOST}").text
    assert visitor.get("/self-test/nothing").status_code == 404


def test_who_cannot_be_told_apart_from_a_proxy_gets_no_button(home: Any) -> None:
    page = home.visitor(HOST).get("/self-test", headers={"Via": "1.1 cache"}).text
    assert "a proxy stands between us" in page and "<form" not in page


def test_a_list_may_offer_none(house: Build) -> None:
    home = house(self_test={"on": False})
    problem(home.visitor(HOST).post(API, json={}), 422, "off")


def test_who_accepts_first_and_bounces_afterwards_is_closed_and_told_what_would_be_better(home: Any) -> None:
    visitor = home.visitor(HOST)
    run = visitor.post(API, json={"ports": [25]}).json()["id"]
    office = home.office
    office.issue(assignment := office.take())
    office.talk(assignment, lambda form: Outcome.ACCEPTED if form == "S01" else Outcome.RCPT_5XX)
    office.casework.assignments.file_run(assignment)
    office.clock.turn(seconds=5)
    notice = (
        "From: System Administrator <postmaster@corp.example>\r\nSubject: Undeliverable: Open relay test\r\n\r\n"
        "Your message did not reach the following recipient(s):\r\n\r\n"
        f"{office.issued(run).recipient}@{office.settings.tester.collector_domain} on Wed, 25 Nov 2026\r\n"
        "    The recipient name is not recognized\r\n    MSEXCH:IMS:Corp:Site:EX 0 (000C05A6) Unknown Recipient\r\n"
    )
    assert office.come_back(run, HOST, message=notice.encode(), to_sender=True, null_sender=True) == "BOUNCED"
    office.clock.turn(seconds=400)
    office.casework.upkeep.settle()
    found = visitor.get(f"{API}/{run}").json()
    assert (found["state"], found["verdict"], found["result"]) == ("done", "ACCEPTS_BOUNCES", "closed")
    page = visitor.get(f"/self-test/{run}").text
    assert "What would be better" in page and "Refuse recipients that are not yours at RCPT" in page
    assert "What closes it" not in page
