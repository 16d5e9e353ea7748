"""A list is looked at from outside by one resolver, a real one on loopback, and at home by its sockets and files."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dnslib import QTYPE, RCODE, RR, DNSRecord
from dnslib.server import BaseResolver, DNSServer

from dnsbl.daemons import FOLLOWING, ROLES, examiner
from dnsbl.daemons.examiner import asked_of, at_home, from_outside_now
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.rules.checkup import Checked, Fitness
from dnsbl.settings import Settings

ZONE = """\
origin = "bl.real.net"
ns = ["ns1.bl.real.net"]
ttl = 60
[soa]
mname = "ns1.bl.real.net"
rname = "h.real.net"
refresh = 3600
retry = 600
expire = 604800
minimum = 60
ttl = 60
[kinds.relay]
code = "127.0.0.2"
txt = "x {address} {url}"
[[records]]
name = "ns1"
type = "A"
data = "127.0.0.1"
"""
RIGHT = """\
bl.real.net. 60 IN NS ns1.bl.real.net.
ns1.bl.real.net. 60 IN A 127.0.0.1
2.0.0.127.bl.real.net. 60 IN A 127.0.0.2
c.real.net. 60 IN MX 10 mx.real.net.
b.real.net. 60 IN MX 10 mx.real.net.
mx.real.net. 60 IN A 127.0.0.1
tester.real.net. 60 IN A 127.0.0.1
1.0.0.127.in-addr.arpa. 60 IN PTR tester.real.net.
real.net. 60 IN TXT "v=spf1 mx -all"
"""


class Told(BaseResolver):
    """Answers from lines of a zone file; what is not there is NXDOMAIN, and names in `silent` are not answered."""

    def __init__(self) -> None:
        self.lines = RIGHT
        self.failing = False

    def resolve(self, request: DNSRecord, handler: Any) -> DNSRecord:
        reply = request.reply()
        if self.failing:
            reply.header.rcode = RCODE.SERVFAIL
            return reply
        records = RR.fromZone(self.lines)
        there = [one for one in records if one.rname == request.q.qname]
        for one in there:
            if QTYPE[one.rtype] == QTYPE[request.q.qtype]:
                reply.add_answer(one)
        if not there:
            reply.header.rcode = RCODE.NXDOMAIN
        return reply


@pytest.fixture
def told() -> Iterator[tuple[Told, str]]:
    """What a resolver on loopback tells, and where it is."""
    answers = Told()
    server = DNSServer(answers, address="127.0.0.1", port=0, logger=_Quiet())
    server.start_thread()
    yield answers, f"127.0.0.1:{server.server.server_address[1]}"
    server.stop()
    server.server.server_close()


class _Quiet:
    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *words: None


def settings(**sections: Any) -> Settings:
    tester = {
        "source_addresses": ["127.0.0.1"],
        "helo": "tester.real.net",
        "collector_domain": "c.real.net",
        "bounce_domain": "b.real.net",
        "lab_networks": ["127.0.0.0/8"],
    }
    collector = {"hostname": "mx.real.net", "listen": ["127.0.0.1:2525"]}
    notices = {"sender": "list@real.net"}
    return Settings.model_validate({"tester": tester, "collector": collector, "notices": notices} | sections)


ZONES = zones_from({"z.toml": ZONE}, site="https://bl.real.net")


def looked(place: str, given: Settings | None = None, zones: Zones = ZONES) -> list[Checked]:
    return from_outside_now(given or settings(), zones, asked_of(place), ROLES)


def bad(found: list[Checked]) -> list[tuple[str, str]]:
    return [(one.about, one.of) for one in found if one.grade is Fitness.WRONG]


def test_a_list_of_which_dns_says_all_that_it_should_is_well(told: tuple[Told, str]) -> None:
    found = looked(told[1])
    assert {one.grade for one in found} == {Fitness.OK}
    looked_at = {"delegation", "name server", "answers", "mx", "collector", "helo", "reverse", "spf"}
    assert {one.about for one in found} == looked_at


@pytest.mark.parametrize(
    ("line", "missing"),
    [
        ("bl.real.net. 60 IN NS", {("delegation", "bl.real.net")}),
        ("ns1.bl.real.net. 60 IN A", {("name server", "ns1.bl.real.net")}),
        ("2.0.0.127.bl.real.net", {("answers", "bl.real.net")}),
        ("c.real.net. 60 IN MX", {("mx", "c.real.net")}),
        ("mx.real.net. 60 IN A", {("collector", "mx.real.net")}),
        ("tester.real.net. 60 IN A", {("helo", "tester.real.net"), ("reverse", "127.0.0.1")}),
        ("1.0.0.127.in-addr", {("reverse", "127.0.0.1")}),
        ('real.net. 60 IN TXT "v=spf1', {("spf", "real.net")}),
    ],
)
def test_what_dns_does_not_say_is_found(told: tuple[Told, str], line: str, missing: set[tuple[str, str]]) -> None:
    told[0].lines = "".join(f"{one}\n" for one in RIGHT.splitlines() if not one.startswith(line))
    assert set(bad(looked(told[1]))) == missing


def test_a_resolver_that_fails_makes_our_zone_wrong_and_nothing_else_wrong_or_right(told: tuple[Told, str]) -> None:
    told[0].failing = True
    found = looked(told[1])
    assert bad(found) == [("delegation", "bl.real.net"), ("answers", "bl.real.net")]
    assert {one.grade for one in found} == {Fitness.UNKNOWN, Fitness.WRONG}


def test_a_resolver_that_is_silent_makes_nothing_wrong_and_nothing_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examiner, "PATIENCE", 0.1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        found = looked(f"127.0.0.1:{silent.getsockname()[1]}")
    assert {one.grade for one in found} == {Fitness.UNKNOWN}


def test_a_zone_of_an_example_is_asked_of_nobody(told: tuple[Told, str]) -> None:
    zones = zones_from({"z.toml": ZONE.replace("real.net", "example.org")}, site="https://bl.example.org")
    found = [one for one in looked(told[1], zones=zones) if one.of == "bl.example.org"]
    assert [(one.about, one.grade) for one in found] == [("delegation", Fitness.UNKNOWN)]


@pytest.mark.parametrize("place", ["nonsense", "999.1.1.1", "127.0.0.1:x"])
def test_a_resolver_that_is_none_is_refused_in_one_sentence(place: str) -> None:
    with pytest.raises(DnsblError, match=r"There is no resolver to ask"):
        asked_of(place)


@pytest.mark.parametrize(
    ("place", "host", "port"),
    [
        ("192.0.2.1", "192.0.2.1", 53),
        ("192.0.2.1:5353", "192.0.2.1", 5353),
        ("2001:db8::1", "2001:db8::1", 53),
        ("[2001:db8::1]:5353", "2001:db8::1", 5353),
    ],
)
def test_a_resolver_is_an_address_with_or_without_a_port(place: str, host: str, port: int) -> None:
    resolver = asked_of(place)
    assert ([str(one) for one in resolver.nameservers], resolver.port) == ([host], port)


# -- at home -------------------------------------------------------------------------------------------------------
class Greeter(threading.Thread):
    """Answers each connection with the same octets."""

    def __init__(self, said: bytes) -> None:
        super().__init__(daemon=True)
        self._said = said
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]

    def run(self) -> None:
        while True:
            try:
                taken, _ = self._socket.accept()
            except OSError:
                return
            with taken:
                taken.sendall(self._said)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def greeter() -> Iterator[Callable[[bytes], int]]:
    begun: list[Greeter] = []

    def make(said: bytes) -> int:
        begun.append(Greeter(said))
        begun[-1].start()
        return int(begun[-1].port)

    yield make
    for one in begun:
        one.close()


def ports(given: Settings, key: str) -> list[Checked]:
    found = [one for one in at_home(given, ZONES, ["dns", "web", "collector", "worker"]) if one.of.startswith(key)]
    assert found
    return found


@pytest.mark.parametrize(
    ("said", "grade"),
    [(b"220 mx.real.net ESMTP\r\n", Fitness.OK), (b"220 else.test ESMTP\r\n", Fitness.WRONG), (b"", Fitness.WRONG)],
)
def test_a_port_that_is_taken_is_ours_only_where_the_collector_greets(
    greeter: Callable[[bytes], int], said: bytes, grade: Fitness
) -> None:
    given = settings(collector={"hostname": "mx.real.net", "listen": [f"127.0.0.1:{greeter(said)}"]})
    assert [one.grade for one in ports(given, "collector.listen")] == [grade]


def test_a_port_that_is_free_is_fine_and_an_address_that_is_not_ours_is_not(tmp_path: Path) -> None:
    given = settings(
        collector={"hostname": "mx.real.net", "listen": ["127.0.0.1:0"]},
        dns={"listen": ["203.0.113.77:5353"]},
    )
    assert [one.grade for one in ports(given, "collector.listen")] == [Fitness.OK]
    found = ports(given, "dns.listen")
    assert [one.grade for one in found] == [Fitness.WRONG, Fitness.WRONG]
    assert "has no address for 203.0.113.77:5353 (UDP)" in found[0].says


class NoIPv6(socket.socket):
    """The sockets of a machine whose kernel has no IPv6."""

    def __init__(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM, *more: Any, **named: Any) -> None:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        super().__init__(family, kind, *more, **named)


def test_a_machine_without_ipv6_is_told_so_where_a_place_of_it_is_passed_over_and_where_it_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "socket", NoIPv6)
    given = settings(
        dns={"listen": ["127.0.0.1:0", "[::1]:5353"]},
        collector={"hostname": "mx.real.net", "listen": ["[::1]:2525"]},
        web={"listen": "[::1]:8053"},
    )
    found = {one.of: one for one in at_home(given, ZONES, ROLES) if one.about == "port"}
    beside = found["dns.listen [::1]:5353"]
    assert beside.grade is Fitness.OK and "this machine has no IPv6, so nobody listens at [::1]:5353" in beside.says
    for of, alone in (("collector.listen", "[::1]:2525"), ("web.listen", "[::1]:8053")):
        one = found[f"{of} {alone}"]
        assert one.says == f"this machine has no IPv6, so nobody can listen at {alone} (TCP)"
        assert one.grade is Fitness.WRONG and f"a place of IPv4 in {of}, such as 127.0.0.1:" in one.do


def test_of_a_node_that_answers_alone_no_other_part_is_examined(told: tuple[Told, str]) -> None:
    given = settings(tester={"source_addresses": ["203.0.113.77"], "helo": "tester.real.net"})
    outside = from_outside_now(given, ZONES, asked_of(told[1]), FOLLOWING)
    assert {one.about for one in outside} == {"delegation", "name server", "answers"}
    home = list(at_home(given, ZONES, FOLLOWING))
    assert all(one.of.startswith("dns.listen") for one in home if one.about == "port")
    assert "source" not in {one.about for one in home}


def test_an_address_to_dial_from_that_this_machine_does_not_have_is_wrong_where_a_worker_is() -> None:
    given = settings(tester={"source_addresses": ["127.0.0.1", "203.0.113.77"]})
    found = {one.of: one for one in at_home(given, ZONES, ["worker"]) if one.about == "source"}
    assert {of: one.grade for of, one in found.items()} == {"127.0.0.1": Fitness.OK, "203.0.113.77": Fitness.WRONG}
    assert "this machine does not have 203.0.113.77" in found["203.0.113.77"].says
    assert [one for one in at_home(given, ZONES, ["dns"]) if one.about == "source"] == []


def test_a_file_of_another_users_in_the_state_folder_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(service={"state_dir": tmp_path})
    assert [one for one in at_home(given, ZONES, []) if one.about == "owner"] == []
    path = tmp_path / "dnsbl.db"
    monkeypatch.setattr(examiner, "strangers", lambda folder: [(folder / "dnsbl.db", "root:root", "dnsbl:dnsbl")])
    [found] = [one for one in at_home(given, ZONES, []) if one.about == "owner"]
    assert (found.grade, found.do) == (Fitness.WRONG, f"chown dnsbl:dnsbl {path}")
    assert found.says == f"{path} belongs to root:root, and its folder to dnsbl:dnsbl"
    gone = settings(service={"state_dir": tmp_path / "none"})
    monkeypatch.undo()
    assert [one for one in at_home(gone, ZONES, []) if one.about == "owner"] == []


def test_a_name_server_of_somebody_elses_is_not_ours(told: tuple[Told, str]) -> None:
    given = settings(dns={"listen": [told[1]]})
    udp = next(one for one in ports(given, "dns.listen") if "UDP" in one.of)
    assert udp.grade is Fitness.OK  # it answers the test point of our zone
    told[0].lines = "other.test. 60 IN A 192.0.2.1\n"
    udp = next(one for one in ports(given, "dns.listen") if "UDP" in one.of)
    assert udp.grade is Fitness.WRONG


def test_a_key_that_everybody_may_read_is_found(tmp_path: Path) -> None:
    given = settings(service={"state_dir": tmp_path})
    key = tmp_path / "keys.json"
    key.write_text("{}")
    for mode, grade in ((0o644, Fitness.WRONG), (0o640, Fitness.OK), (0o600, Fitness.OK)):
        key.chmod(mode)
        [found] = [one for one in at_home(given, ZONES, []) if one.about == "key file"]
        assert (found.grade, str(key) in found.of) == (grade, True)


def test_a_key_file_that_is_named_and_not_there_is_found(tmp_path: Path) -> None:
    given = settings(service={"state_dir": tmp_path}, dns={"tsig_keys": tmp_path / "none"})
    assert ("key file", str(tmp_path / "none")) in bad(list(at_home(given, ZONES, [])))


def test_room_on_the_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = settings(service={"state_dir": tmp_path / "not" / "there"})
    monkeypatch.setattr(examiner, "ROOM", 1)
    assert [one.grade for one in at_home(given, ZONES, []) if one.about == "disk"] == [Fitness.OK]
    monkeypatch.setattr(examiner, "ROOM", 1 << 80)
    assert [one.grade for one in at_home(given, ZONES, []) if one.about == "disk"] == [Fitness.WRONG]


def test_each_place_at_which_something_listens_is_looked_at(tmp_path: Path) -> None:
    given = settings(
        dns={
            "listen": ["127.0.0.1:0"],
            "tls_listen": ["127.0.0.1:0"],
            "tls_certificate": tmp_path / "a",
            "tls_key": tmp_path / "b",
            "metrics_listen": "203.0.113.77:9100",
        },
        publish={"listen": "127.0.0.1:0", "to": ["192.0.2.0/24"]},
        collector={"hostname": "mx.real.net", "listen": ["127.0.0.1:0", "203.0.113.77:25"]},
        witness={"name": "witness.real.net/relays", "listen": "127.0.0.1:0"},
        survey={"collector_domain": "s.real.net", "bounce_domain": "sb.real.net", "listen": "127.0.0.2:0"},
        web={"listen": "127.0.0.1:0"},
    )
    found = {one.of.partition(" ")[0]: one.grade for one in at_home(given, ZONES, ROLES) if one.about == "port"}
    keys = {f"{key}.listen" for key in ("dns", "publish", "collector", "witness", "survey", "web")}
    assert set(found) == keys | {"dns.tls_listen", "dns.metrics_listen"}
    assert found["dns.metrics_listen"] is found["collector.listen"] is Fitness.WRONG
    few = {one.of.partition(" ")[0] for one in at_home(given, ZONES, FOLLOWING) if one.about == "port"}
    assert few == {"dns.listen", "dns.tls_listen", "dns.metrics_listen", "publish.listen"}


@pytest.mark.parametrize("key", ["metrics_listen", "publish"])
@pytest.mark.parametrize(("said", "grade"), [(b"HTTP/1.0 200 OK\r\n\r\n", Fitness.OK), (b"220 mx\r\n", Fitness.WRONG)])
def test_a_place_for_http_is_ours_only_where_it_is_spoken(
    greeter: Callable[[bytes], int], key: str, said: bytes, grade: Fitness
) -> None:
    place = f"127.0.0.1:{greeter(said)}"
    if key == "publish":
        given = settings(publish={"listen": place, "to": ["192.0.2.0/24"]})
    else:
        given = settings(dns={key: place})
    assert [one.grade for one in ports(given, "publish.listen" if key == "publish" else f"dns.{key}")] == [grade]


def test_a_port_that_speaks_no_tls_is_not_ours(greeter: Callable[[bytes], int], tmp_path: Path) -> None:
    place, pem = f"127.0.0.1:{greeter(b'220 mx')}", tmp_path / "pem"
    given = settings(dns={"tls_listen": [place], "tls_certificate": pem, "tls_key": pem})
    assert [one.grade for one in ports(given, "dns.tls_listen")] == [Fitness.WRONG]


def test_who_listens_at_a_port_of_dns_is_not_known_where_no_zone_can_be_read(told: tuple[Told, str]) -> None:
    given = settings(dns={"listen": [told[1]]})
    found = [one for one in at_home(given, Zones(()), ROLES) if one.of.startswith("dns.listen")]
    grades = {one.grade for one in found}
    assert Fitness.UNKNOWN in grades and Fitness.WRONG not in grades
