"""The pages, on a whole list with SQLite: what people see, and what they must not see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from dnsbl.addresses import parse_address, parse_network
from dnsbl.model import Exclusion, Forthcoming, Nomination, Output
from dnsbl.rules import asking, bringers
from dnsbl.settings import Policy
from dnsbl.vocabulary import Door, JobReason, JobState, Reason, State
from dnsbl.web.faces import LISTED, LOOK, Face
from dnsbl.web.pages import LIVE, WAITING, controls, refresh, requester
from tester.smtp import Outcome
from tester.verdict import Verdict
from tests.depth import examples

TARGET, VISITOR = "198.18.7.9", "198.51.100.23"
Build = Callable[..., Any]


def test_an_unknown_address_is_a_normal_page(anyone: TestClient) -> None:
    answer = anyone.get("/ip/198.18.1.1")
    assert answer.status_code == 200
    assert "<span>No, 198.18.1.1 is not listed</span></h1>" in answer.text
    assert "Nothing is known against this address." in answer.text
    assert '<form action="/remove"' not in answer.text


@pytest.mark.parametrize("typed", ["2001:db8::5", "[2001:db8::5]", "IPv6:2001:DB8:0::5"])
def test_an_ipv6_address_may_be_written_as_people_do(anyone: TestClient, typed: str) -> None:
    assert "No, 2001:db8::5 is not listed" in anyone.get(f"/ip/{typed}").text.replace("<wbr>", "")


@pytest.mark.parametrize("typed", ["", "example.org", "198.18.7.9/24", "1.2.3", "300.1.1.1", "%00", "..%2f..%2fetc"])
def test_a_malformed_address_is_answered_with_one_sentence(anyone: TestClient, typed: str) -> None:
    answer = anyone.get(f"/ip/{typed}")
    assert answer.status_code == 400
    (sentence,) = re.findall(r'role="alert">([^<]+)</p>', answer.text)
    assert sentence.endswith(".") and ". " not in sentence


@given(text=st.text(max_size=80))
@examples(40)
def test_any_text_in_the_place_of_an_address_is_200_or_400(anyone: TestClient, text: str) -> None:
    raw = quote(text, safe="", errors="replace")
    if raw not in (".", ".."):
        assert anyone.get(f"/ip/{raw}").status_code in (200, 400, 404 if "\n" in text else 400)
        assert anyone.get(f"/api/v1/hosts/{raw}").status_code in (200, 400, 404)
    assert anyone.get("/", params={"address": text.encode("utf-8", "replace")}).status_code in (303, 400)


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("198.18.7.9", "198.18.7.9"),
        (" [198.18.7.9] ", "198.18.7.9"),
        ("554 5.7.1 Service unavailable; client [198.18.7.9] blocked using relays.example.org", "198.18.7.9"),
        ("see https://list.example.org/ip/198.18.7.9", "198.18.7.9"),
        ("Host 198.18.7.9.", "198.18.7.9"),
        ("550 5.7.1 [IPv6:2001:db8::5] is listed", "2001:db8::5"),
        ("relay=mx[2001:db8::5]:25, no more", "2001:db8::5"),
        ("9.7.18.198.relays.example.org", "198.18.7.9"),
        ("[198.18.7.9]:25", "198.18.7.9"),
        ("blocked 2001:db8::5 today", "2001:db8::5"),
    ],
)
def test_a_line_from_a_bounce_leads_to_its_address(anyone: TestClient, typed: str, found: str) -> None:
    answer = anyone.get("/", params={"address": typed})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ip/{found}")


def test_several_things_are_answered_in_a_table_and_what_is_unread_is_named(house: Build) -> None:
    home = house()
    home.list()
    asked = (TARGET, "198.18.7.0/24", "9.7.18.198.relays.example.org", "198.18.7.10", "127.0.0.2")
    text = "\n".join((*asked, "198.18.7.300", "mail.example.com"))
    page = home.visitor().post("/", data={"text": text}).text
    assert "2 of 4 are listed" in page
    assert home.visitor().post("/", data={"text": f"{TARGET}\n198.18.7.10"}).text.count("1 of 2 is listed") == 2
    assert page.count("Not read, so not answered") == 2
    assert "This host name has no address in DNS." in page and "<code>198.18.7.300</code>" in page
    assert "a test point of ours" in page
    places = [page.index(part) for part in ("open relay, since", '198.18.7.9</a><span class="sub">', "Not listed")]
    assert places == sorted(places)


def test_whatever_is_pasted_its_addresses_are_one_question_to_the_store(
    house: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = house()
    home.hosts[:] = [parse_address("198.18.7.8"), parse_address("2001:db8::8")]
    views, asked = home.casework.views, []
    among = views.listed_among
    monkeypatch.setattr(views, "listed_among", lambda each: asked.append(list(each)) or among(each))
    home.visitor().post("/", data={"text": f"{TARGET}\nmail.example.com\n198.18.7.0/24"})
    assert [list(map(str, each)) for each in asked] == [[TARGET, "198.18.7.8", "2001:db8::8"]]


def test_a_link_to_another_lists_page_is_no_question_to_ours(anyone: TestClient) -> None:
    text = "550 blocked, [198.18.7.9]; see https://other.example/ip/198.18.1.1"
    assert anyone.post("/", data={"text": text}).headers["location"] == f"/ip/{TARGET}"


def test_an_address_that_could_not_be_read_keeps_the_other_from_being_the_whole_answer(anyone: TestClient) -> None:
    answer = anyone.post("/", data={"text": "[198.18.1.1] and 198.18.7.9x are mine"})
    assert answer.status_code == 200 and "<code>198.18.7.9x</code>" in answer.text
    assert "Not read, so not answered" in answer.text
    assert anyone.post("/remove", data={"address": "198.18.1.1 and 198.18.7.9x"}).status_code == 400


def test_an_address_that_is_excluded_alone_is_called_no_network(house: Build) -> None:
    home = house()
    around = "198.18.7.0/24"
    for what, said in ((TARGET, "It is excluded from tests"), (around, f"Its network {around} is excluded")):
        home.casework.operators.exclude(parse_network(what), reason="r", actor="operator")
        assert said in home.visitor().get(f"/ip/{TARGET}").text
        home.casework.operators.end_exclusion(parse_network(what), reason="r", actor="operator")


def test_who_asks_for_the_removal_of_a_name_is_led_to_its_addresses(anyone: TestClient) -> None:
    page = anyone.post("/remove", data={"address": "mail.owner.example"}).text
    assert '<a href="/?address=mail.owner.example">' in page and 'value="mail.owner.example"' in page
    assert "/?address=" not in anyone.post("/remove", data={"address": "198.18.1.300"}).text


def test_of_a_text_with_more_in_it_than_is_read_that_is_said_and_nobody_is_led_to_one_page(
    house: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    visitor, reads, read = house().visitor(), [], asking.read
    monkeypatch.setattr(asking, "read", lambda *given: reads.append(given) or read(*given))
    much = " ".join(f"1.{number}" for number in range(asking.MOST_WORDS))
    answer = visitor.post("/", data={"text": f"[198.18.7.9] {much} 198.18.7.10"}, follow_redirects=False)
    assert (answer.status_code, "There was more in the text than is read at once" in answer.text) == (200, True)
    assert "198.18.7.10" not in answer.text
    answer = visitor.post("/", data={"text": f"{much} 198.18.7.10"})
    assert (answer.status_code, "There is more in this text than is read at once" in answer.text) == (400, True)
    assert len(reads) == 2, "each text is read once"


def test_the_drawn_day_of_a_retest_that_was_asked_for_does_not_show_before_it(house: Build) -> None:
    home = house(policy={"removal_delay_days": [1, 5]})
    home.list()
    home.visitor().post("/remove", data={"address": TARGET})
    with home.office.store.read() as tx:
        due = tx.jobs.live(parse_address(TARGET)).due
    page = f"/ip/{TARGET}"
    home.office.clock.turn(seconds=(due - home.office.clock.now()).total_seconds() - 59)
    assert 'http-equiv="refresh"' not in home.visitor("203.0.113.77").get(page).text
    home.office.clock.turn(seconds=60)
    assert 'http-equiv="refresh"' in home.visitor("203.0.113.77").get(page).text


def test_a_name_under_our_zone_is_read_backwards_wherever_it_is_pasted(house: Build) -> None:
    home = house()
    home.list()
    name, visitor = "9.7.18.198.relays.example.org", home.visitor()
    assert visitor.get(f"/ip/{name}").headers["location"] == f"/ip/{TARGET}"
    assert visitor.get(f"/api/v1/hosts/{name}").json()["state"] == "listed"
    assert visitor.post("/remove", data={"address": name}).headers["location"].startswith(f"/ip/{TARGET}?test=")


def test_a_test_point_is_not_said_to_be_unlisted(house: Build) -> None:
    page = house().visitor().get("/ip/127.0.0.2").text
    assert "is our test point" in page and "not listed" not in page.partition("<h2>")[0]


def test_the_visitors_own_address_is_a_button(house: Build) -> None:
    visitor = house().visitor("198.51.100.23")
    assert 'href="/ip/198.51.100.23"' in visitor.get("/").text
    assert "You come from it." in visitor.get("/ip/198.51.100.23").text
    assert "You come from" not in house().visitor("testclient").get("/").text


def test_visitors_are_remembered_by_network() -> None:
    assert requester(parse_address("198.51.100.23")) == "198.51.100.0/24"
    assert requester(None) == "unknown"


def test_a_listed_address_sees_why_and_how_before_the_button(house: Build) -> None:
    home = house()
    home.list()
    page = home.visitor().get(f"/ip/{TARGET}").text
    parts = [
        "Yes, 198.18.7.9 is listed",
        "It is an open relay",
        "Listed since",
        "<code>127.0.0.2</code>",
        '<form action="/remove" method="post">',
        "The path our letter took",
        '198.18.7.9<wbr><span class="whole">:25</span>',
        "Our collector",
        "How to close it</h2>",
        "What we tested",
        "The letter came out of 198.18.7.9",
        "The letter, back at our collector",
        "Conversation 1 with 198.18.7.9",
        "DELIVERED_SAME",
        '<strong class="mono">127.0.0.2</strong><span class="sub">open relay</span>',
        "follow within seconds",
        "By itself",
        "What happened",
    ]
    places = [page.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)
    assert 'http-equiv="refresh"' not in page


def test_the_proof_and_other_peoples_addresses_are_not_shown(house: Build) -> None:
    home = house()
    run = home.list(reply="250 queued for joe@victim.example")
    page = home.visitor().get(f"/ip/{TARGET}").text
    assert home.proof(run) not in page
    assert "proof withheld, SHA-256" in page
    assert "victim.example" not in page


def test_what_a_server_says_is_escaped(house: Build) -> None:
    home = house()
    attack = "<script>alert(1)</script><img src=x onerror='a'>\"&"
    home.list(reply=f"250 {attack}", banner=b"220 </pre>" + attack.encode() + b"\xff\x00\x1b[31m")
    page = home.visitor().get(f"/ip/{TARGET}").text
    assert "<script" not in page and "<img" not in page and "</pre><" not in page and "<b>x</b>" not in page
    assert "220 &lt;/pre&gt;&lt;script&gt;" in page
    assert "\\xff\\x00\\x1b[31m" in page


def test_words_of_operators_are_escaped(house: Build) -> None:
    home = house()
    network = parse_network("198.18.7.0/24")
    operators = home.casework.operators
    operators.list_networks([network], kind="manual", reason="r", public="<script>x</script>", actor="operator")
    operators.exclude(network, reason="r", public="<script>y</script>", actor="operator")
    page = home.visitor().get(f"/ip/{TARGET}").text
    assert "<script" not in page
    assert "&lt;script&gt;x" in page and "&lt;script&gt;y" in page
    assert "This listing is not the result of a test." in page and '<form action="/remove"' not in page


def test_what_operators_write_for_each_other_is_on_no_page(house: Build) -> None:
    home = house()
    network = parse_network("198.18.7.0/24")
    home.casework.operators.list_networks([network], kind="manual", reason="a lawsuit", actor="operator")
    home.casework.operators.exclude(network, reason="a lawsuit", actor="operator")
    visitor = home.visitor()
    for path in (f"/ip/{TARGET}", f"/api/v1/hosts/{TARGET}"):
        answer = visitor.get(path)
        assert answer.status_code == 200 and "lawsuit" not in answer.text


def test_the_ways_in_are_shown_of_a_listed_address_and_then_by_the_link_of_who_asked_for_its_removal_alone(
    house: Build,
) -> None:
    home = house()
    home.list()
    visitor = home.visitor()
    assert "What we tested" in visitor.get(f"/ip/{TARGET}").text
    own = visitor.post("/remove", data={"address": TARGET}).headers["location"]
    home.test(outcome=Outcome.RCPT_5XX, reply="550 5.7.1 relaying denied")
    mine, others = visitor.get(own).text, visitor.get(f"/ip/{TARGET}").text
    assert f"No, {TARGET} is no longer listed" in mine and "What we tested" in mine and "Closed" in mine
    assert f"No, {TARGET} is no longer listed" in others and "What we tested" not in others and "Closed" not in others
    assert visitor.get(f"/api/v1/hosts/{TARGET}").json()["paths"] == []
    for guessed in ("", "x", "x" * 65, own.partition("=")[2].swapcase()):
        assert "What we tested" not in visitor.get(f"/ip/{TARGET}?test={guessed}").text
    elsewhere = own.replace(TARGET, "198.18.7.10")
    assert "What we tested" not in visitor.get(elsewhere).text, "the link is of this address"


def test_an_address_that_is_not_listed_shows_nothing_that_its_server_said(house: Build) -> None:
    home = house()
    home.office.nominate(TARGET)
    home.test(outcome=Outcome.RCPT_5XX, reply="550 5.7.1 relaying denied", banner=b"220 secret-banner")
    page = home.visitor().get(f"/ip/{TARGET}").text
    assert "No, 198.18.7.9 is not listed" in page
    assert "secret-banner" not in page and "relaying denied" not in page and "S01" not in page


def test_removal_is_asked_watched_and_granted(house: Build) -> None:
    home = house()
    home.list()
    visitor = home.visitor()
    answer = visitor.post("/remove", data={"address": TARGET})
    job = home.casework.views.look_up(parse_address(TARGET)).job
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ip/{TARGET}?test={job.run}")
    page = visitor.get(answer.headers["location"]).text
    assert "The retest that was asked for waits: no worker of this list is at work at present." in page
    home.office.casework.presence.beat("here", ("worker",))
    page = visitor.get(answer.headers["location"]).text
    assert "The retest that was asked for starts in a moment." in page
    assert f'<meta http-equiv="refresh" content="{LIVE}">' in page
    assert '<form action="/remove"' not in page

    assignment = home.casework.assignments.take_job("worker")
    page = visitor.get(f"/ip/{TARGET}").text
    assert "The retest that was asked for is running now" in page and 'http-equiv="refresh"' in page
    assert assignment is not None and assignment.job.reason is JobReason.REMOVAL
    (entry,) = [e for e in home.casework.operators.journal() if e.verb == "asked-removal"]
    assert entry.actor == "web 198.51.100.0/24"


def test_where_a_request_is_enough_the_page_says_so_and_the_listing_ends_with_it(house: Build) -> None:
    home = house(policy={"removal": "request"})
    home.list()
    visitor = home.visitor()
    page = visitor.get(f"/ip/{TARGET}").text
    assert "It is closed: take it off</button>" in page
    assert '<dt class="hint">With a request</dt>' in page
    assert "ask for the removal: the listing ends in that moment" in visitor.get("/remove").text
    answer = visitor.post("/remove", data={"address": TARGET})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/ip/{TARGET}")
    page = visitor.get(f"/ip/{TARGET}").text
    assert "is no longer listed" in page
    assert "somebody asked for the removal, which is enough here" in page


@pytest.mark.parametrize(("removal", "over"), [("owner", True), ("owner-retest", False)])
def test_where_only_the_owner_may_ask_others_are_led_to_the_page_on_which_he_shows_it(
    house: Build, removal: str, over: bool
) -> None:
    home = house(policy={"removal": removal})
    home.list()
    stranger, owner = home.visitor(), home.visitor(TARGET)
    page = stranger.get(f"/ip/{TARGET}").text
    assert '<form action="/remove"' not in page
    assert f'href="/control?address={TARGET}">Show that it is mine</a>' in page
    refused = stranger.post("/remove", data={"address": TARGET})
    assert refused.status_code == 422
    assert "Here only who shows that" in refused.text
    assert '<form action="/remove"' in owner.get(f"/ip/{TARGET}").text
    assert owner.post("/remove", data={"address": TARGET}).status_code == 303
    assert (home.casework.views.look_up(parse_address(TARGET)).listings == ()) is over


def test_a_day_that_was_drawn_is_on_no_page(house: Build) -> None:
    home = house(policy={"removal_delay_days": [1, 5]})
    home.list()
    visitor = home.visitor()
    answer = visitor.post("/remove", data={"address": TARGET})
    page = visitor.get(answer.headers["location"]).text
    assert "The retest that was asked for is held on a day that nobody is told before." in page
    assert visitor.get(f"/api/v1/hosts/{TARGET}").json()["next_test"] is None


def test_after_a_failed_retest_the_next_request_has_a_clock_time(house: Build) -> None:
    home = house()
    home.list()
    visitor = home.visitor()
    assert visitor.post("/remove", data={"address": TARGET}).status_code == 303
    home.test(proven=True)
    page = visitor.get(f"/ip/{TARGET}").text
    assert re.search(r"Your next request is taken from <strong><time datetime=\"2026-01-01T0\d:", page)
    assert '<form action="/remove"' not in page
    answer = visitor.post("/remove", data={"address": TARGET})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0
    assert "your next request is taken at 2026-01-01 0" in answer.text


@pytest.mark.parametrize(
    ("typed", "status", "sentence"),
    [
        (TARGET, 409, f"{TARGET} is not listed for relaying: there is nothing to remove, and nothing that you need"),
        (
            "nonsense",
            400,
            "&#34;nonsense&#34; is not an IPv4 or IPv6 address; one is written 192.0.2.1 or 2001:db8::1.",
        ),
        ("<script>", 400, "&#34;&lt;script&gt;&#34; is not an IPv4"),
        ("", 400, "An IP address is needed, such as 192.0.2.1 or 2001:db8::1."),
    ],
)
def test_a_refused_removal_says_why(anyone: TestClient, typed: str, status: int, sentence: str) -> None:
    answer = anyone.post("/remove", data={"address": typed})
    assert answer.status_code == status and sentence in answer.text and "<script" not in answer.text


def test_an_output_sees_its_date_and_the_relays_and_where_to_ask(house: Build) -> None:
    kinds = ["relay", "multihop", "relay-output"]
    home = house(policy={"kinds": kinds})
    office = home.office
    office.nominate("198.18.7.9")
    only = lambda vector: Outcome.ACCEPTED if vector == "S01" else Outcome.UNTRIED  # noqa: E731
    for _ in range(2):
        office.test(only, back="198.18.9.1")
        office.later(hours=1)
    page = home.visitor().get("/ip/198.18.9.1").text
    assert "No, 198.18.9.1 is not listed" in page and "It will be listed as <code>relay-output</code> from" in page
    assert 'href="/ip/198.18.7.9">198.18.7.9</a>' in page
    told = home.visitor().get("/api/v1/hosts/198.18.9.1").json()
    assert (told["state"], told["inputs"], told["listings"]) == ("pending", ["198.18.7.9"], [])
    assert [coming["kind"] for coming in told["forthcoming"]] == ["relay-output"]
    office.later(days=7)
    office.casework.upkeep.follow_outputs()
    page = home.visitor().get("/ip/198.18.9.1").text
    assert "Yes, 198.18.9.1 is listed" in page and "A retest of it ends what is listed for it" in page


def test_a_past_listing_stays_visible(house: Build) -> None:
    home = house()
    home.list()
    home.casework.operators.drop_networks([parse_network(TARGET)], kind="relay", reason="mistake", actor="operator")
    page = home.visitor().get(f"/ip/{TARGET}").text
    assert "No, 198.18.7.9 is no longer listed" in page
    assert "Off the list: open relay" in page and "An operator of this list decided so" in page
    assert "Nobody should see the old answer any more" in page and "DELIVERED_SAME" not in page


def test_forms_take_the_address_from_the_link(anyone: TestClient) -> None:
    for path in ("/nominate", "/remove"):
        assert 'value="&#34;&gt;1"' in anyone.get(path, params={"address": '">1'}).text


def test_policy_and_about_tell_the_settings_in_force(house: Build) -> None:
    visitor = house(
        policy={"expiry_days": 45, "require_evidence": False, "removal_waits": [0, 5400]},
        service={"contact": "relay-desk@example.net"},
    ).visitor()
    policy = visitor.get("/policy").text
    assert "A listing ends 45 days after its last proof" in policy
    assert "whoever asked for it waits 90 minutes." in policy
    assert "somebody reported it" in policy
    about = visitor.get("/about").text
    assert "mailto:relay-desk@example.net" in about
    assert re.search(r"relays\.example\.org</code></th><td>127\.0\.0\.2</td>", about)
    assert "reject_rbl_client relays.example.org=127.0.0." in visitor.get("/use").text
    assert (
        "One reason alone is asked for in the same way at <code>multihop.relays.example.org</code>"
        in visitor.get("/use").text
    )


@pytest.mark.parametrize(
    "path",
    ["/", "/nominate", "/remove", "/policy", "/use", "/zones", "/feeds", "/statistics", "/about", "/ip/198.18.7.9"],
)
def test_pages_are_whole_and_load_nothing_from_elsewhere(anyone: TestClient, path: str) -> None:
    answer = anyone.get(path)
    page = answer.text
    assert answer.status_code == 200 and "set-cookie" not in answer.headers
    assert page.startswith("<!doctype html>") and page.count("<h1") == 1 and '<html lang="en">' in page
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page)
    assert all(
        link.startswith("/") for link in re.findall(r'(?:src|href|action)="([^"m#][^"]*)"', page) if "http" not in link
    )
    assert not re.search(r'(?:src|<link[^>]*href)="https?:', page)
    for field in re.findall(r'<(?:input|textarea) id="([^"]+)"', page):
        assert f'<label for="{field}"' in page
    assert anyone.head(path).status_code == 200


def test_a_page_reloads_only_while_something_is_about_to_happen(records: Any) -> None:
    now = records.clock.now()
    later = records.job(due=now + timedelta(days=14))
    assert refresh(records.standing(), now) is None
    assert refresh(records.standing(job=later, state=State.LISTED), now) is None
    assert refresh(records.standing(job=later, next_test=later.due), later.due - timedelta(seconds=59)) == LIVE
    assert refresh(records.standing(job=later), later.due - timedelta(seconds=59)) is None, "its day is told to nobody"
    assert refresh(records.standing(job=records.job(), next_test=now), now) == LIVE
    assert refresh(records.standing(job=records.job(state=JobState.RUNNING, due=now - timedelta(1))), now) == LIVE
    assert refresh(records.standing(state=State.PENDING), now) == WAITING


def test_a_run_that_is_gone_leaves_the_page_standing(
    house: Build, monkeypatch: pytest.MonkeyPatch, records: Any
) -> None:
    home = house()
    standing = records.standing(state=State.LISTED, listings=(records.listing(run="gone"),))
    monkeypatch.setattr(home.casework.views, "look_up", lambda address, asker: standing)
    page = home.visitor().get(f"/ip/{TARGET}")
    assert page.status_code == 200 and "Yes, 198.18.7.9 is listed" in page.text


def test_a_page_reads_the_report_of_a_run_once(house: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    home = house()
    proof = home.list()
    home.office.clock.turn(hours=1)
    link = home.visitor(TARGET).post("/remove", data={"address": TARGET}).headers["location"]
    home.office.issue(home.office.take())
    views, read = home.casework.views, []
    reads = views.run_report
    monkeypatch.setattr(views, "run_report", lambda run: read.append(run) or reads(run))
    page = home.visitor(TARGET).get(link).text
    assert "0 of " in page and "forms are done; nothing has come back so far" in page
    assert sorted(read) == sorted([proof, link.partition("test=")[2]])


def test_who_asks_from_the_address_itself_waits_for_nobody_elses_requests(house: Build) -> None:
    home = house(policy={"removals_day": 1})
    home.list()
    stranger, other, owner = home.visitor("8.8.8.8"), home.visitor("9.9.9.9"), home.visitor(TARGET)
    for visitor in (stranger, owner):
        assert visitor.post("/remove", data={"address": TARGET}).status_code == 303
        home.test(proven=True)
    for visitor in (stranger, other, owner):
        assert visitor.post("/remove", data={"address": TARGET}).status_code == 429
    assert "Your next request is taken from" in other.get(f"/ip/{TARGET}").text
    answer = other.post("/remove", data={"address": TARGET}).text
    assert (
        "Strangers have had 198.18.7.9 retested as often as they may in a day (ask from the address itself)" in answer
    )
    entries = [e.actor for e in home.casework.operators.journal() if e.verb == "asked-removal"]
    assert entries == ["web 8.8.8.0/24", "web 198.18.7.0/24"]


@pytest.mark.parametrize(
    ("visitor", "address", "shown"),
    [
        ("8.8.8.8", "8.8.8.8", True),
        ("8.8.8.9", "8.8.8.8", False),
        ("2a00:1::1", "2a00:1::ffff", True),
        ("2a00:1:0:1::1", "2a00:1::1", False),
        ("8.8.8.8", "2a00:1::1", False),
    ],
)
def test_control_is_shown_by_coming_from_there(visitor: str, address: str, shown: bool) -> None:
    def request(**state: Any) -> Request:
        return Request({"type": "http", "state": state})

    who, asked = ip_address(visitor), ip_address(address)
    assert controls(request(visitor=who, sure=True), asked) is shown
    assert not controls(request(visitor=who, sure=False), asked), "somebody else may have written it"
    assert not controls(request(visitor=None, sure=True), asked)


def test_a_test_that_cannot_begin_is_not_promised_for_this_moment(house: Build) -> None:
    home = house()
    home.casework.operators.stop(reason="complaints", actor="operator")
    visitor = home.visitor()
    visitor.post("/nominate", data={"evidence": home.spam(), "send": "1"})
    page = visitor.get(f"/ip/{TARGET}").text
    assert "all testing is stopped at present" in page and "in a moment" not in page and "loads itself" not in page


def test_the_link_in_a_mail_ends_mail_by_a_button_and_not_by_being_opened(house: Build) -> None:
    site = house(notices={"smarthost": "mail.list.example", "sender": "relays@list.example"})
    anyone, dispatch = site.visitor(), site.casework.dispatch
    notice = dispatch.try_out("owner@host.example", actor="operator")
    page = anyone.get(f"/notices/{notice.token}")
    assert page.status_code == 200 and "host.example</span>" in page.text
    assert dispatch.postage().silenced == 0
    assert "gets none any more" in anyone.post(f"/notices/{notice.token}").text
    assert dispatch.postage().silenced == 1
    assert anyone.get("/notices/nothing").status_code == 404
    assert anyone.post("/notices/nothing").status_code == 404


def test_a_mail_address_in_a_form_is_used_only_where_the_settings_say_so(house: Build) -> None:
    mail = {"smarthost": "mail.list.example", "sender": "relays@list.example"}
    for terms, offered in ((mail, False), (mail | {"asker": True, "nominator": True}, True)):
        site = house(notices=terms)
        anyone = site.visitor()
        address = f"198.18.7.{40 + offered}"
        assert ('name="mail"' in anyone.get("/remove").text) is offered
        report = {"evidence": site.spam(address), "mail": "me@x.example"}
        assert ('name="mail"' in anyone.post("/nominate", data=report).text) is offered
        anyone.post("/nominate", data=report | {"send": "1"})
        site.test(proven=True)
        anyone.post("/remove", data={"address": address, "mail": "me@x.example"})
        site.test(outcome=Outcome.RCPT_5XX, reply="550 relaying denied")
        sent = [one.template for one in site.casework.dispatch.newest(most=9)]
        assert sent == (["removal", "nominated"] if offered else [])


def test_a_test_that_is_put_off_says_why_and_that_it_is_not_lost(house: Build) -> None:
    home = house(tester={"hour_connections": 1})
    for address in (TARGET, "198.18.9.9"):
        home.casework.doors.nominate(
            Nomination(address=parse_address(address), door=Door.WEB, nominator="somebody", reason="", evidence=b"spam")
        )
    assignment = home.casework.assignments.take_job("worker")
    home.casework.assignments.dial(assignment, assignment.job.address)
    why = "waits: strangers have had as many tests as may be in this hour. It goes on by itself; nothing is lost."
    assert why in home.visitor().get("/ip/198.18.9.9").text
    assert home.visitor().get("/api/v1/hosts/198.18.9.9").json()["waits"] in why


# -- the policy page is the settings -----------------------------------------------------------------------------------
#: What is for operators and their machines alone: how much is kept, and how a clock's jump is told from time.
INTERNAL = {
    "evidence_bytes",
    "evidence_messages",
    "own_networks",
    "own_names",
    "reporters",
    "expiry_most",
    "expiry_share",
    "nominations_queued",
    "nominations_day",
    "evidence_day_bytes",
    "evidence_total_bytes",
}
OTHER: dict[str, object] = {
    "kinds": ["relay", "backscatter"],
    "nominators": ["mail"],
    "two_persons": True,
    "require_evidence": False,
    "retest_days": [3, 5],
    "kind_days": ["relay 3"],
    "spam_seen": True,
    "approval": True,
    "one_queue": True,
    "removal": "request",
    "removal_delay_days": [1, 5],
    "relapse_waits": [0, 7200],
    "probation_days": [4],
    "removal_waits": [0, 7200],
    "removals_day": 3,
    "unreachable_retry": [60],
    "widest_ipv4": 20,
    "widest_ipv6": 48,
    "untestable_days": 11,
    "output_notice": False,
}
#: Terms of kinds that are off by default, with the kinds that show them.
OF_KINDS = {
    "untestable_days": ["relay", "untestable"],
    "output_days": ["multihop", "relay-output"],
    "delayed_output_days": ["multihop", "delayed-output"],
    "output_notice": ["multihop", "relay-output"],
}


def test_every_term_of_the_policy_is_on_its_page(house: Build) -> None:
    def page(**policy: Any) -> str:
        words: str = house(policy=policy).visitor().get("/policy").text
        return words

    before = {"": page()} | {str(kinds): page(kinds=kinds) for kinds in OF_KINDS.values()}
    for term in sorted(set(Policy.model_fields) - INTERNAL):
        kinds, other = OF_KINDS.get(term), {term: OTHER.get(term, 17)}
        after = page(kinds=kinds, **other) if kinds else page(**other)
        assert after != before[str(kinds or "")], f"policy.{term} is not told"


def test_sentences_of_the_policy_stand_apart_whatever_is_on(house: Build) -> None:
    everything = {
        "kinds": ["relay", "multihop", "relay-output", "untestable"], "spam_seen": True, "approval": True,
        "two_persons": True, "one_queue": True, "removal_delay_days": [1, 5], "relapse_waits": [0, 3600],
        "kind_days": ["css 3", "xbl 5"], "output_days": 7, "retest_days": [14, 30], "probation_days": [2],
    }  # fmt: skip
    for more in ({}, everything, {"retest_days": []}, {"kinds": [], "kind_days": ["css 3", "xbl 5"]}):
        page = house(policy=more).visitor().get("/policy").text
        assert not re.findall(r"[a-z0-9)][.;](?:[A-Z]\w* |<code>).{0,20}", page.partition("<main")[2]), more


def test_a_list_whose_tests_list_nobody_promises_no_retest(house: Build) -> None:
    page = house(policy={"kinds": [], "review_days": 300}).visitor().get("/policy").text
    assert "An operator's listing ends by an operator's word" in page
    assert "lapses after 300 days" in page
    for word in ("Close the relay", "ask for a retest", "after its last proof", "retested", "After a delisting"):
        assert word not in page, word


def test_p58_special_use_addresses_that_may_be_listed_are_named_on_the_policy_page(house: Build) -> None:
    page = house(tester={"lab_networks": []}).visitor().get("/policy").text
    assert "Special-use addresses (RFC 6890) are neither tested nor listed" in page
    page = house(tester={"lab_networks": ["10.7.0.0/16", "fd00:7::/48"]}).visitor().get("/policy").text
    assert "as far as they lie in 10.7.0.0/16, fd00:7::/48" in page
    assert "All others are neither tested nor listed" in page


def test_the_policy_page_tells_that_questions_of_reporters_servers_are_reports_where_they_are(house: Build) -> None:
    assert "questions of the mail servers" not in house().visitor().get("/policy").text
    page = house(lookups={"clients": ["ann 192.0.2.0/24"], "asked_by": 3}).visitor().get("/policy").text
    assert "; questions of the mail servers of 3 reporters within 1 day" in " ".join(page.split())
    shut = house(lookups={"clients": ["ann 192.0.2.0/24"]}, policy={"nominators": ["web"]})
    assert "questions of the mail servers" not in shut.visitor().get("/policy").text


def test_the_criteria_stand_in_marked_sections_of_their_own(anyone: TestClient) -> None:
    page = anyone.get("/policy").text
    for section in ("criteria", "use", "provocation", "removal", "expiry", "exclusion", "privacy"):
        assert page.count(f'id="{section}"') == 1
    assert "There is no fee" in page


def test_the_policy_page_tells_at_which_ports_a_host_is_tested(house: Build) -> None:
    tester = {"owner_ports": [25, 587, 465]}
    assert "at port 587, 465 too" in house(tester=tester).visitor().get("/policy").text
    assert (
        "the whole host is\ntried, at the addresses" in house(tester={"owner_ports": []}).visitor().get("/policy").text
    )


def test_the_policy_page_tells_of_each_zone_what_it_is_for_and_how_to_check_it(house: Build) -> None:
    page = house().visitor().get("/policy").text
    assert "Meant for the address of the server that hands mail to yours" in page
    for name in ("2.0.0.127.relays.example.org", "1.0.0.127.relays.example.org", "_status.relays.example.org"):
        assert f"<code>{name}</code>" in page


def test_what_was_taken_back_is_told_in_the_words_meant_for_everybody(house: Build) -> None:
    built = house()
    built.casework.purging.purge(
        bringers.read("feed:x"), reason="private words", public="A feed was <forged>.", actor="operator"
    )
    page = built.visitor().get("/policy").text
    assert "A feed was &lt;forged&gt;." in page
    assert "private words" not in page
    assert "feed:x" not in page


# -- every face has its page -------------------------------------------------------------------------------------------
def faces(records: Any) -> dict[str, dict[str, Any]]:
    """What the store may say, for each face that the page about an address may show."""
    now, mine, wide = records.clock.now(), parse_network(TARGET), parse_network("198.18.0.0/16")
    listing, past = records.listing(run=None), records.listing(ended=now, end_reason=Reason.RETEST_CLOSED, run=None)
    exclusion = Exclusion(network=wide, reason="r", public="its owner asked", since=now)
    exit = Output(
        id=1, input=parse_network("198.18.9.1"), output=mine, run="x", since=now, confirmed=now - timedelta(days=1)
    )
    coming = Forthcoming(network=mine, kind="relay-output", since=now, due=now + timedelta(days=3))
    removal = records.job(reason=JobReason.REMOVAL)
    failed = records.run(reason=JobReason.REMOVAL, started=now, verdict=Verdict.UNREACHABLE)
    return {
        "never": {"address": parse_address("127.0.0.1")},
        "open": {"listings": (listing,)},
        "asked": {"listings": (listing,), "job": removal, "next_test": now},
        "resting": {"listings": (listing,), "removal_after": now + timedelta(hours=1), "runs": (failed,)},
        "barred": {"listings": (listing,), "exclusion": exclusion},
        "output": {"listings": (records.listing(kind="relay-output", run=None),), "inputs": (exit,)},
        "by-hand": {"listings": (records.listing(kind="manual", public="word " * 60, run=None),)},
        "range": {"listings": (records.listing(kind="manual", network=wide, expires=None, run=None),)},
        "testing": {"job": records.job(state=JobState.RUNNING), "state": State.TESTING},
        "queued": {"job": records.job(due=now + timedelta(days=1)), "state": State.QUEUED, "exception": listing},
        "pending": {"state": State.PENDING, "runs": (records.run(verdict=None),)},
        "coming": {"state": State.PENDING, "forthcoming": (coming,), "inputs": (exit,)},
        "noted": {"inputs": (exit,)},
        "excluded": {"state": State.EXCLUDED, "exclusion": exclusion},
        "delisted": {"state": State.CLEAR, "past": (past,), "clears_by": now + timedelta(minutes=5)},
        "clear": {"state": State.CLEAR, "last_verdict": Verdict.CLOSED, "runs": (records.run(verdict=Verdict.CLOSED),)},
        "untestable": {"state": State.UNTESTABLE, "last_verdict": Verdict.UNREACHABLE},
        "found": {"last_verdict": Verdict.OPEN_MULTIHOP},
        "unknown": {},
    }


@pytest.mark.parametrize("name", sorted(set(Face) - {Face.TEST_POINT, Face.OWNERS}))
def test_every_face_says_yes_or_no_and_what_to_do(
    house: Build, monkeypatch: pytest.MonkeyPatch, records: Any, name: str
) -> None:
    home = house()
    given = faces(records)[name]
    state = State.LISTED if "listings" in given else State.UNKNOWN
    standing = records.standing(**{"state": state} | given)
    monkeypatch.setattr(home.casework.views, "look_up", lambda address, asker: standing)
    answer = home.visitor().get(f"/ip/{standing.address}")
    assert answer.status_code == 200
    page = answer.text
    listed = Face(name) in LISTED
    said = "is listed" if listed else "is no longer listed" if name == "delisted" else "is not listed"
    assert f"<span>{'Yes' if listed else 'No'}, {standing.address} {said}</span></h1>" in page
    assert f'class="verdict is-{LOOK[Face(name)]}"' in page
    todo = page.partition("What to do now</h2>")[2].partition("</section>")[0]
    assert ('class="button' in todo) != ('action="/remove"' in todo), "one thing to press"
    assert ('action="/remove"' in todo) is (name == "open")
    assert page.count("<div") == page.count("</div>") and page.count("<section") == page.count("</section>")
    assert len(re.findall(r' id="([^"]+)"', page)) == len(set(re.findall(r' id="([^"]+)"', page)))
    assert ('id="close"' in page) is (name in ("open", "asked", "resting", "barred")), "who is tested can close it"
    assert ("Still listed: not told: the server could not be reached" in page) is (name == "resting")


def test_a_page_that_waits_is_told_when_there_is_news_and_no_more_than_it_would_say(house: Build) -> None:
    home = house()
    home.office.nominate(TARGET)
    home.office.casework.presence.beat("here", ("worker",))
    steps = [lambda: home.test(proven=True), lambda: None]

    async def sleep(seconds: float) -> None:
        if steps:
            steps.pop(0)()

    home.watching(sleep)
    answer = home.visitor().get(f"/ip/{TARGET}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [one["state"] for one in told] == ["queued", "listed"]
    assert set(told[0]) == {"state", "listed", "running", "ahead", "waits", "progress"} and told[0]["progress"] == ""
    assert "event: result" in answer.text
    assert home.visitor().get("/ip/nonsense/events").status_code == 400
    page = home.visitor().get(f"/ip/{TARGET}").text
    assert "data-events" not in page, "nothing is about to happen"


def test_while_a_retest_goes_on_the_page_says_how_far_it_is_and_shows_no_proof_of_it(house: Build) -> None:
    home = house()
    home.list()
    home.office.clock.turn(hours=1)
    home.visitor(TARGET).post("/remove", data={"address": TARGET})
    assignment = home.office.take()
    home.office.issue(assignment)
    run = assignment.job.run
    pages = [home.visitor(TARGET).get(f"/ip/{TARGET}?test={run}").text]
    assert f'data-events="/ip/{TARGET}/events"' in pages[0]
    said = home.visitor().get(f"/api/v1/runs/{run}").json()
    assert (said["verdict"], said["cause"]) == (None, None) and said["explanation"] == said["progress"]["sentence"]
    assert "forms are done; nothing has come back so far." in pages[0]
    assert pages[0].count("The forms") == 1, "of the test that proves the listing alone"
