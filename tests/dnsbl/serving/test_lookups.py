"""Questions to a watched zone: what is gathered of them, by whichever engine, and how it gets to the list."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from hashlib import sha256
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.engine import compiled
from dnsbl.dns.guard import Keys, KnownKey
from dnsbl.dns.listed.table import Table
from dnsbl.dns.zonefile import zones_from
from dnsbl.errors import StoreUnavailable
from dnsbl.rules.lookups import Lookup
from dnsbl.serving import lookups as module
from dnsbl.serving.lookups import LookupBook, askers, take
from dnsbl.serving.responder import Responder
from dnsbl.settings import Dns, LookupTerms
from dnsbl.vocabulary import JobReason, Tier
from tests.waiting import until

ZONE = """
origin = "bl.test"
watched = "qw.test"
ns = ["ns.example.net"]
[soa]
mname = "ns.example.net"
rname = "hostmaster.example.net"
[kinds.relay]
code = "127.0.0.2"
txt = "relay {address}"
"""
TERMS = LookupTerms(clients=["ann 192.0.2.0/24 2001:db8::/32", "bob key:bobs", "here 127.0.0.0/8 ::1"])
ANN, STRANGER, SIX = (ip_address(text).packed for text in ("192.0.2.77", "203.0.113.9", "2001:db8::9"))
KEY = "bobskeybobskeybobskey"
LISTED = Table.of([(ip_network("198.51.100.1/32"), "relay")])


@pytest.fixture
def responder() -> Responder:
    made = Responder(Dns(acl=["192.0.2.66/32 refuse"]), zones_from({"bl": ZONE}, site="https://s.example"), LISTED)
    made.serving.change(keys=Keys([KnownKey(digest=sha256(KEY.encode()).digest(), name="bobs")]), askers=askers(TERMS))
    return made


def book(responder: Responder, folder: Path) -> LookupBook:
    made = LookupBook(TERMS, responder.serving, folder, clock=HandClock())
    responder.lookups = made.offer
    return made


def ask(responder: Responder, name: str, kind: str = "A", client: bytes = ANN, *, tcp: bool = False) -> None:
    responder.reply(dns.message.make_query(name, kind).to_wire(), client, tcp=tcp)


def left(folder: Path) -> list[Lookup]:
    found: list[Lookup] = []
    take(folder, lambda some: found.extend(some) or len(some))
    return found


def test_whole_addresses_of_both_families_by_name_or_key_are_gathered_once_each(
    responder: Responder, tmp_path: Path
) -> None:
    made = book(responder, tmp_path)
    ask(responder, "1.100.51.198.QW.test")
    ask(responder, "1.100.51.198.qw.test", "TXT", tcp=True)
    ask(responder, "2.100.51.198.relay.qw.test", client=SIX)
    ask(responder, f"{'.'.join('1000000000000000000000008bd01002')}.{KEY}.qw.test", client=STRANGER)
    made.step()
    assert [(each.client, str(each.address)) for each in left(tmp_path)] == [
        ("ann", "198.51.100.1"),
        ("ann", "198.51.100.2"),
        ("bob", "2001:db8::1"),
    ]
    assert made.counted == {"asked": 4, "unknown": 0, "lost": 0}
    assert left(tmp_path) == [], "they were taken away"
    made.step()
    assert list((tmp_path / "lookups").iterdir()) == [], "nothing is left where nothing was asked"


@pytest.mark.parametrize(
    ("name", "client"),
    [
        ("1.100.51.198.bl.test", ANN),  # not the watched zone
        ("100.51.198.qw.test", ANN),  # no whole address
        ("qw.test", ANN),
        ("x.qw.test", ANN),
        ("1.100.51.198.qw.test", STRANGER),
        ("1.100.51.198.qw.test", ip_address("192.0.2.66").packed),  # is refused
        (f"1.100.51.198.{'x' * 20}.qw.test", ANN),  # bears a key that is none
    ],
)
def test_nothing_else_is(responder: Responder, tmp_path: Path, name: str, client: bytes) -> None:
    made = book(responder, tmp_path)
    ask(responder, name, client=client)
    made.step()
    assert left(tmp_path) == [] and made.counted["asked"] == 0


def test_a_key_that_is_not_at_home_is_nobodys(responder: Responder, tmp_path: Path) -> None:
    home = (ip_network("192.0.2.0/24"),)
    responder.serving.change(keys=Keys([KnownKey(digest=sha256(KEY.encode()).digest(), name="bobs", homes=home)]))
    made = book(responder, tmp_path)
    ask(responder, f"1.100.51.198.{KEY}.qw.test", client=STRANGER)
    made.step()
    assert left(tmp_path) == [] and made.counted["unknown"] == 1


def test_what_waits_is_bounded_and_no_client_has_all_of_it(
    responder: Responder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 30)
    monkeypatch.setattr(module, "PAIRS", 8)
    made = book(responder, tmp_path)
    for n in range(29):
        ask(responder, f"{n}.100.51.198.qw.test")
    for n in range(3):
        ask(responder, f"{n}.{KEY}.qw.test" if n else f"1.100.51.198.{KEY}.qw.test", client=STRANGER)
    assert made.counted["lost"] == 2
    made.step()
    assert [each.client for each in left(tmp_path)] == ["ann"] * 3 + ["bob"]


def test_strangers_take_no_place_from_those_who_are_known(
    responder: Responder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    made = book(responder, tmp_path)
    for n in range(9):
        ask(responder, f"{n}.100.51.198.qw.test", client=STRANGER, tcp=True)
        ask(responder, f"{n}.100.51.198.{'x' * 20}.qw.test", client=STRANGER)
    for name, client in (("1", ANN), ("2", SIX)):
        ask(responder, f"{name}.100.51.198.qw.test", client=client)
    ask(responder, f"3.100.51.198.{KEY}.qw.test", client=STRANGER)
    assert made.counted["lost"] == 0 and made.counted["unknown"] >= 9
    made.step()
    assert [each.client for each in left(tmp_path)] == ["ann", "ann", "bob"]


def test_where_nobody_takes_them_away_what_is_new_is_lost_and_the_log_says_so_once(
    responder: Responder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FILES", 2)
    made = book(responder, tmp_path)
    for n in range(4):
        ask(responder, f"{n}.100.51.198.qw.test")
        made.step()
    assert len(list((tmp_path / "lookups").iterdir())) == 2
    assert made.counted["lost"] == 2 and "is a scheduler at work" in made.problem
    assert caplog.text.count("nobody takes the questions away") == 1
    left(tmp_path)
    ask(responder, "9.100.51.198.qw.test")
    made.step()
    assert made.problem == "" and len(left(tmp_path)) == 1


@pytest.mark.parametrize(
    "octets", [b"", b"{}", b"[1]", b'{"lookups": [["a", "no address", 1]]}', b'{"lookups": [[1]]}', b"x" * (1 << 21)]
)
def test_a_file_that_we_cannot_have_left_goes_with_a_word(
    tmp_path: Path, octets: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "lookups").mkdir()
    (tmp_path / "lookups" / "1.json").write_bytes(octets)
    caplog.set_level(logging.WARNING)
    assert left(tmp_path) == []
    assert "holds no questions" in caplog.text
    assert list((tmp_path / "lookups").iterdir()) == []


def test_what_cannot_be_filed_is_taken_again(tmp_path: Path) -> None:
    def fail(found: list[Lookup]) -> int:
        raise StoreUnavailable("away")

    (tmp_path / "lookups").mkdir()
    (tmp_path / "lookups" / "1.json").write_text(json.dumps({"lookups": [["ann", "192.0.2.1", 5.0]]}))
    with pytest.raises(StoreUnavailable, match="away"):
        take(tmp_path, fail)
    assert left(tmp_path) == [Lookup(client="ann", address=ip_address("192.0.2.1"), last=5.0)]


# -- the whole way -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("engine", ["plain"] if compiled.missing else ["compiled", "plain"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_questions_over_udp_lead_to_a_test_whichever_engine_answers(
    make_office: Any, tmp_path: Path, engine: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine == "plain":
        monkeypatch.setattr(compiled, "missing", "a test")
    terms = {"clients": ["bob key:bobs", "here 127.0.0.0/8 ::1"]}
    office = make_office(lookups=terms)
    for name in ("here", "bob"):
        office.casework.reporters.add(name, tier=Tier.NEW, contact="", actor="operator me")
    listen = f"[{host}]:0" if ":" in host else f"{host}:0"
    made = Responder(Dns(listen=[listen]), zones_from({"bl": ZONE}, site="https://s.example"), LISTED)
    made.serving.change(keys=Keys([KnownKey(digest=sha256(KEY.encode()).digest(), name="bobs")]))
    kept = LookupBook(office.settings.lookups, made.serving, tmp_path, clock=office.clock)
    made.lookups = kept.offer
    made.serving.change(askers=askers(office.settings.lookups))
    (where,) = await made.start()

    def say(name: str) -> dns.message.Message:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.connect(where)
            client.send(dns.message.make_query(name, "A").to_wire())
            return dns.message.from_wire(client.recv(4096))

    try:
        assert made.engine.startswith(engine)
        answers = [
            await asyncio.to_thread(say, name)
            for name in ("1.100.51.198.qw.test", "9.2.0.192.qw.test", f"9.2.0.192.{KEY}.qw.test", "9.2.0.192.bl.test")
        ]
        assert [said.rcode() for said in answers] == [dns.rcode.NOERROR, *[dns.rcode.NXDOMAIN] * 3]
        assert str(answers[0].answer[0][0]) == "127.0.0.2", "it says what the list says"
        await until(lambda: len(kept._waiting) == 3)
        kept.step()
    finally:
        await made.close()
    assert take(tmp_path, office.casework.lookups.file) == 2
    office.casework.feeding.pace()
    with office.store.read() as tx:
        job = tx.jobs.live(ip_address("192.0.2.9"))
        assert (job.reason, job.provocation) == (JobReason.NOMINATION, "nomination 1")
        assert tx.jobs.live(ip_address("198.51.100.1")) is None, "one alone is no reason"
