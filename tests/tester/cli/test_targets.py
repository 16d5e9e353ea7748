"""Files of targets: what is read of them, and what is refused."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.cli import targets
from tester.errors import BadTargets
from tester.nmap import Target

NMAP = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE nmaprun>
<?xml-stylesheet href="file:///usr/share/nmap/nmap.xsl" type="text/xsl"?>
<nmaprun scanner="nmap" args="nmap -oX - -p25,465,587 192.0.2.0/29" version="7.93" xmloutputversion="1.05">
<scaninfo type="connect" protocol="tcp" numservices="3" services="25,465,587"/>
<host starttime="1" endtime="2"><status state="up" reason="syn-ack" reason_ttl="0"/>
<address addr="192.0.2.1" addrtype="ipv4"/><address addr="02:00:00:00:00:01" addrtype="mac"/>
<hostnames><hostname name="mx.example.net" type="PTR"/></hostnames>
<ports><port protocol="tcp" portid="25"><state state="open" reason="syn-ack"/><service name="smtp"/></port>
<port protocol="tcp" portid="465"><state state="closed" reason="conn-refused"/></port>
<port protocol="udp" portid="587"><state state="open"/></port>
<port protocol="tcp" portid="587"><state state="open"/></port></ports></host>
<host><status state="down" reason="no-response"/><address addr="192.0.2.2" addrtype="ipv4"/></host>
<host><status state="up"/><address addr="2001:db8::25" addrtype="ipv6"/>
<ports><extraports state="closed" count="3"></extraports></ports></host>
<host><status state="up"/><address addr="192.0.2.3" addrtype="ipv4"/></host>
<runstats><finished time="2"/><hosts up="3" down="1" total="4"/></runstats></nmaprun>
"""


def at(text: str, *ports: int) -> Target:
    return Target(address=ip_address(text), open=frozenset(ports))


def test_a_list_has_an_address_a_line_and_remarks() -> None:
    found = targets.read(b"\xef\xbb\xbf# ours\n192.0.2.1\n\n [2001:db8::1] # the new one\r\n192.0.2.1\n")
    assert found == [Target(address=ip_address("192.0.2.1")), Target(address=ip_address("2001:db8::1"))]


def test_nmaps_xml_tells_who_is_up_and_which_ports_are_open() -> None:
    assert targets.read(NMAP.encode()) == [
        at("192.0.2.1", 25, 587),
        at("2001:db8::25"),
        Target(address=ip_address("192.0.2.3")),
    ]


def test_nmaps_greppable_form_is_read_as_its_xml_is() -> None:
    found = targets.read(b"Host: 192.0.2.1 ()\tPorts: 25/open/tcp//smtp///, 587/open/tcp//submission///\n")
    assert found == [at("192.0.2.1", 25, 587)]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The file of targets names no address."),
        (b"# nobody\n", "The file of targets names no address."),
        (b"192.0.2.1\nmx.example.net\n", "Line 2 of the targets is no IP address: 'mx.example.net'."),
        (
            b"192.0.2.0/24",
            "Line 1 of the targets is a network, whose addresses must be named one by one: '192.0.2.0/24'.",
        ),
        (b"x192.0.2.1", "Line 1 of the targets is no IP address: 'x192.0.2.1'."),
        (b"\x1b[2J", "Line 1 of the targets is no IP address: '\\x1b[2J'."),
        (b"<html></html>", "The XML of the targets is not nmap's (nmap -oX FILE)."),
        (b'<nmaprun><host><address addr="x" addrtype="ipv4"/>', "nmap names 'x', which is no address."),
        (b"<nmaprun></nmaprun>", "The file of targets names no address."),
    ],
)
def test_what_is_no_list_is_refused_with_a_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(BadTargets) as caught:
        targets.read(data)
    assert str(caught.value) == sentence


def test_broken_xml_is_refused_with_its_place() -> None:
    with pytest.raises(BadTargets, match=r"^The XML of the targets cannot be read: .*line 1"):
        targets.read(b"<nmaprun><host>")


def test_xml_that_declares_entities_is_refused_before_any_is_used() -> None:
    bomb = b'<!DOCTYPE nmaprun [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><nmaprun>&b;</nmaprun>'
    with pytest.raises(BadTargets, match="declares entities"):
        targets.read(bomb)


def test_a_file_may_be_as_large_as_the_sentence_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who cuts a file to the size that he was told is not refused again."""
    assert targets.MOST_OCTETS == 16 << 20
    monkeypatch.setattr(targets, "MOST_OCTETS", 19)
    monkeypatch.setattr(targets, "MOST_HOSTS", 2)
    assert [str(one.address) for one in targets.read(b"192.0.2.1\n192.0.2.2")] == ["192.0.2.1", "192.0.2.2"]


def test_files_are_bounded() -> None:
    with pytest.raises(BadTargets, match="larger than 16 MiB"):
        targets.read(bytes(targets.MOST_OCTETS + 1))
    many = "\n".join(str(ip_address(0xC0000200 + n)) for n in range(targets.MOST_HOSTS + 1))
    with pytest.raises(BadTargets, match="more than 4096 hosts"):
        targets.read(many.encode())


def test_networks_of_ones_own_come_as_words_or_lines() -> None:
    found = targets.networks(["192.0.2.0/24", "# office", "", "2001:db8::/32 # new", "10.0.0.1"])
    assert found == (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"), ip_network("10.0.0.1/32"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("everything", "is no network"),
        ("192.0.2.1/24", "is no network"),
        ("0.0.0.0/0", "too wide"),
        ("10.0.0.0/7", "too wide"),
        ("::/3", "too wide"),
        ("2001::/19", "too wide"),
    ],
)
def test_a_network_that_is_none_or_nobodys_own_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadTargets, match=why):
        targets.networks([text])


@pytest.mark.parametrize("text", ["10.0.0.0/8", "2a01:7000::/20"])
def test_a_network_may_be_ones_own_up_to_this_width(text: str) -> None:
    """Companies have had a /8, and providers have a /20 of IPv6."""
    assert targets.networks([text]) == (ip_network(text),)


def test_one_host_outside_of_the_networks_refuses_the_whole_list() -> None:
    hosts = targets.read(b"192.0.2.1\n198.51.100.1\n203.0.113.1\n2001:db8::1")
    with pytest.raises(BadTargets) as caught:
        targets.own(hosts, targets.networks(["192.0.2.0/24", "2001:db8::/32"]))
    assert str(caught.value) == ("198.51.100.1 and 1 more lies in no network that --networks names; nobody was tested.")
    with pytest.raises(BadTargets, match="name them with --networks"):
        targets.own(hosts, ())
    targets.own(hosts, targets.networks(["192.0.2.0/24", "198.51.100.1", "203.0.113.0/24", "2001:db8::/32"]))


@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(str.encode), st.sampled_from(NMAP.split(">"))))
def test_no_file_does_anything_but_be_read_or_refused(data: bytes | str) -> None:
    for text in (data if isinstance(data, bytes) else data.encode(), b"<nmaprun>" + NMAP.encode()[: len(data)]):
        try:
            assert targets.read(text)
        except BadTargets as error:
            assert str(error).isascii() and str(error).endswith(".")
