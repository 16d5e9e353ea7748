"""Whoever shows that a network is his is told of each new listing in it, once, until he has had enough."""

from __future__ import annotations

import json

import pytest

from dnsbl.addresses import parse_network
from dnsbl.errors import NotFound, Refused
from dnsbl.vocabulary import Door, Refusal, WatchWay

NET = "192.0.2.0/24"
WHO, STRANGER = "198.51.100.0/24", "203.0.113.0/24"
TERMS = {
    "notices": {"smarthost": "mail.list.example", "sender": "relays@list.example"},
    "watch": {"on": True, "per_network": 2},
}


@pytest.fixture
def watched(make_office):
    return make_office(**TERMS)


def begin(office, way: str = "mail", target: str = "noc@net.example"):
    watching = office.casework.watching
    offer = watching.offer(NET, way, target, who=WHO)
    return watching.begin(offer, texts=["other", offer.content], code="", door=Door.WEB, actor="somebody")


def told(office) -> list[dict[str, str]]:
    return [json.loads(one.facts) | {"to": one.recipient} for one in office.casework.dispatch.newest(most=20)]


def test_a_watch_begins_when_the_record_is_there_and_for_nobody_else(watched) -> None:
    watching = watched.casework.watching
    offer = watching.offer(NET, "mail", "noc@net.example", who=WHO)
    assert offer.name == "_dnsbl.2.0.192.in-addr.arpa"
    other = watching.offer(NET, "mail", "thief@x.example", who=WHO)
    for texts in ([], [other.content], [offer.content + "x"]):
        with pytest.raises(Refused, match="no such record"):
            watching.begin(offer, texts=texts, code="", door=Door.WEB, actor="x")
    made = begin(watched)
    assert (str(made.network), made.way, made.how) == (NET, WatchWay.MAIL, "by a TXT record in its reverse zone")
    with pytest.raises(Refused, match="There is this watch of") as error:
        begin(watched)
    assert error.value.reason is Refusal.ALREADY_WATCHED
    assert not any(each in str(error.value) for each in (made.token, made.secret))
    assert watching.all(most=9) == [made]
    [entry] = watched.casework.operators.journal(parse_network(NET))
    assert (entry.verb, entry.after) == ("watch", "watched, by mail")
    assert "net.example" not in entry.evidence


def test_a_record_begins_no_watch_for_who_asks_from_elsewhere(watched) -> None:
    watching = watched.casework.watching
    offer, stolen = (watching.offer(NET, "feed", "", who=who) for who in (WHO, STRANGER))
    with pytest.raises(Refused, match="no such record"):
        watching.begin(stolen, texts=[offer.content], code="", door=Door.WEB, actor=STRANGER)
    assert watching.begin(offer, texts=[offer.content], code="", door=Door.WEB, actor=WHO)


def test_each_new_listing_is_told_once_and_what_was_there_before_is_not(watched) -> None:
    watched.list_open("192.0.2.7")
    made = begin(watched)
    watching = watched.casework.watching
    assert watching.tell() == 0
    watched.later(days=8)
    watched.list_open("192.0.2.9")
    watched.nominate("198.51.100.1")
    assert watching.tell() == 1
    assert watching.tell() == 0
    [mail] = told(watched)
    assert (mail["to"], mail["count"], mail["network"]) == ("noc@net.example", "1", NET)
    assert mail["rows"].startswith("192.0.2.9/32  relay  since") and mail["end"].endswith(f"/watch/{made.token}")
    watched.casework.operators.list_networks(
        [parse_network("192.0.2.128/25"), parse_network("198.51.100.0/24")], kind="manual", reason="x", actor="operator"
    )
    assert watching.tell() == 1
    assert told(watched)[0]["rows"].startswith("192.0.2.128/25  manual")


def test_a_watch_that_has_ended_tells_nobody_and_is_not_found(watched) -> None:
    made = begin(watched)
    watching = watched.casework.watching
    assert watching.see(made.token)[0] == made
    watching.end(made.token, actor="web")
    watched.list_open("192.0.2.9")
    assert watching.tell() == 0 and told(watched) == []
    for verb in (lambda: watching.see(made.token), lambda: watching.end(made.token, actor="web")):
        with pytest.raises(NotFound):
            verb()
    assert watching.secret(made.token) == "" and watching.all(most=9) == []


def test_a_program_gets_a_document_and_a_reader_finds_what_is_listed(watched) -> None:
    hook, feed = begin(watched, "webhook", "https://noc.example/hook"), begin(watched, "feed", "")
    watched.list_open("192.0.2.9")
    assert watched.casework.watching.tell() == 1
    [message] = told(watched)
    document = json.loads(message["body"])
    assert (message["to"], message["watch"]) == ("https://noc.example/hook", hook.token)
    assert [one["network"] for one in document["listings"]] == ["192.0.2.9/32"]
    assert [str(one.network) for one in watched.casework.watching.see(feed.token)[1]] == ["192.0.2.9/32"]
    assert watched.casework.watching.secret(hook.token) == hook.secret != feed.secret


def test_there_are_so_many_watches_and_none_where_they_are_off(watched, make_office) -> None:
    begin(watched)
    begin(watched, "feed", "")
    with pytest.raises(Refused, match="as many watches as may be"):
        begin(watched, "webhook", "https://noc.example/hook")
    with pytest.raises(Refused, match="offers no watches"):
        make_office().casework.watching.offer(NET, "feed", "", who=WHO)


def test_a_mailed_code_begins_the_very_watch_that_it_was_asked_for(make_office) -> None:
    terms = TERMS | {"notices": TERMS["notices"] | {"rdap": "https://rdap.example"}}
    office = make_office(**terms)
    watching = office.casework.watching
    offer, other = watching.offer(NET, "feed", "", who=WHO), watching.offer(NET, "mail", "thief@x.example", who=WHO)
    watching.mail_code(offer, actor="x")
    with pytest.raises(Refused, match="tomorrow"):
        watching.mail_code(other, actor="x")
    [mail] = told(office)
    with pytest.raises(Refused, match="not the code"):
        watching.begin(other, texts=[], code=mail["code"], door=Door.WEB, actor="x")
    assert watching.begin(offer, texts=[], code=mail["code"], door=Door.WEB, actor="x").way is WatchWay.FEED


def test_an_operator_may_set_one_up(watched) -> None:
    made = watched.casework.watching.set_up(NET, "feed", "", actor="operator me")
    assert made.how == "an operator's word"
    assert watched.casework.watching.set_up(NET, "feed", "", actor="operator me") == made, "asked again, it is the same"
