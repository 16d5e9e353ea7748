"""Each code that DNS answers is told in words, wherever it is answered, and nothing is told that is not known."""

from __future__ import annotations

from dnsbl.addresses import parse_address
from dnsbl.dns.zonefile import zones_from
from dnsbl.web.codes import Answer, answers

ADDRESS = parse_address("198.18.7.9")
ZONE = """
origin = "relays.example.org"
ns = ["ns1.example.net"]
[soa]
mname = "ns1.example.net"
rname = "hostmaster.example.org"
[kinds.relay]
code = "127.0.0.2"
txt = "{address} {url}"
[kinds.multihop]
code = "127.0.0.3"
txt = "{address} {url}"
aggregate = false
[kinds.spamhaus-like]
code = "127.0.0.9"
txt = "{address} {url}"
"""


def told(*kinds: str, address: str = "198.18.7.9", zone: str = ZONE) -> list[Answer]:
    zones = zones_from({"zone.toml": zone}, site="https://relays.example.org")
    asked = parse_address(address)
    return answers(zones, zones.codes_of(asked, kinds), asked, kinds)


def test_a_code_is_told_with_its_meaning() -> None:
    assert told("relay") == [Answer(zone="relays.example.org", codes=(("127.0.0.2", "open relay"),))]
    (both,) = told("relay", "spamhaus-like")
    assert both.codes == (("127.0.0.2", "open relay"), ("127.0.0.9", "entry by hand, “spamhaus-like”"))


def test_what_a_zone_leaves_out_is_told_of_the_sublist_that_answers_it() -> None:
    origin, sublist = told("multihop")
    assert origin.codes == () and origin.left_out == ("input of a multi-hop relay",)
    assert sublist == Answer(zone="multihop.relays.example.org", codes=(("127.0.0.3", "input of a multi-hop relay"),))


def test_who_is_not_listed_has_no_code_and_a_test_point_says_what_it_is() -> None:
    assert told() == [Answer(zone="relays.example.org", codes=())]
    assert told("unknown-kind") == [Answer(zone="relays.example.org", codes=())]
    (answer,) = told(address="127.0.0.2")
    assert answer.codes == (("127.0.0.2", "test point: always answered"),)


def test_of_a_bitmask_the_meanings_stand_together() -> None:
    zone = (
        ZONE.replace("ns = [", 'style = "bitmask"\nns = [')
        .replace("127.0.0.9", "127.0.0.8")
        .replace("127.0.0.3", "127.0.0.4")
    )
    (answer,) = told("relay", "spamhaus-like", zone=zone)
    assert answer.codes == (("127.0.0.10", "open relay and entry by hand, “spamhaus-like”"),)


def test_a_zone_that_is_not_known_here_tells_its_codes_alone_and_one_that_was_not_read_says_so() -> None:
    assert answers((), {"a.example": ["127.0.0.2"], "b.example": []}, ADDRESS, ["relay"]) == [
        Answer(zone="a.example", codes=(("127.0.0.2", ""),)),
        Answer(zone="b.example", codes=()),
    ]
    zones = zones_from({"zone.toml": ZONE}, site="https://relays.example.org")
    assert answers(zones, {}, ADDRESS, []) == [Answer(zone="relays.example.org", codes=(), unread=True)]
