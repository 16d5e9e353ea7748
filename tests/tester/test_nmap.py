"""What nmap writes, in whatever pieces it comes."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester import nmap
from tester.errors import BadTargets
from tester.nmap import Target

GREPPABLE = b"""# Nmap 7.93 scan initiated Thu Nov 26 06:00:00 2026 as: nmap -oG - -p25 192.0.2.0/29
Host: 192.0.2.1 (mx.example.net)\tStatus: Up
Host: 192.0.2.1 (mx.example.net)\tPorts: 25/open/tcp//smtp///, 465/closed/tcp//smtps///, 53/open/udp//domain///
Host: 192.0.2.2 ()\tStatus: Down
Host: 192.0.2.3 ()\tPorts: 25/filtered/tcp//smtp///\tIgnored State: closed (2)
Host: 2001:db8::25 ()\tStatus: Up\r
# Nmap done at Thu Nov 26 06:00:01 2026 -- 8 IP addresses (3 hosts up) scanned in 1.00 seconds
"""
XML = (
    b'<?xml version="1.0"?><!DOCTYPE nmaprun><nmaprun><host><status state="up"/>'
    b'<address addr="192.0.2.1" addrtype="ipv4"/><ports><port protocol="tcp" portid="25"><state state="open"/></port>'
    b'</ports></host><host><status state="down"/><address addr="192.0.2.2" addrtype="ipv4"/></host></nmaprun>'
)


def read(data: bytes, size: int = 1 << 20) -> list[Target]:
    reader = nmap.begun(data)
    assert reader is not None
    found = []
    for start in range(0, len(data), size):
        found += reader.feed(data[start : start + size], last=start + size >= len(data))
    return found


def test_the_greppable_form_tells_who_is_up_and_which_ports_are_open() -> None:
    assert read(GREPPABLE) == [
        Target(address=ip_address("192.0.2.1"), open=frozenset({25})),
        Target(address=ip_address("192.0.2.3"), open=frozenset()),
        Target(address=ip_address("2001:db8::25")),
    ]


@given(st.integers(1, 700))
def test_how_a_file_is_cut_into_pieces_makes_no_difference(size: int) -> None:
    assert read(GREPPABLE, size) == read(GREPPABLE)
    assert read(XML, size) == [Target(address=ip_address("192.0.2.1"), open=frozenset({25}))]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"Host: 192.0.2.1 ()\tStatus: Up\n192.0.2.2\n", "Line 2 is none of nmap's (nmap -oG FILE): '192.0.2.2'."),
        (b"Host: x ()\tStatus: Up\n", "nmap names 'x', which is no address."),
        (b"Host: 192.0.2.1 ()\tStatus: Up\n\x1b[2J\n", "Line 2 is none of nmap's (nmap -oG FILE): '\\x1b[2J'."),
    ],
)
def test_what_is_none_of_nmaps_is_refused_with_its_line(data: bytes, sentence: str) -> None:
    with pytest.raises(BadTargets) as caught:
        read(data)
    assert str(caught.value) == sentence


def test_a_line_without_end_is_not_held() -> None:
    reader = nmap.begun(b"Host: ")
    assert reader is not None
    with pytest.raises(BadTargets, match="Line 1 of nmap's hosts is longer"):
        reader.feed(b"Host: " + b"x" * (nmap.LONGEST + 1))


@pytest.mark.parametrize("data", [b"192.0.2.1\n", b"# hosts of ours\n192.0.2.1\n", b"", b"mx.example.org\nHost: 1"])
def test_a_plain_list_is_none_of_nmaps(data: bytes) -> None:
    assert nmap.begun(data) is None


def test_a_scan_that_has_found_nobody_is_nmaps_all_the_same() -> None:
    assert read(b"# Nmap 7.93 scan initiated\n# Nmap done\n") == []


@given(
    st.binary(max_size=300), st.sampled_from([b"<?xml version='1.0' encoding='%s'?><nmaprun>", b"<nmaprun>", b"Host: "])
)
def test_whatever_comes_is_hosts_or_a_sentence(data: bytes, start: bytes) -> None:
    start = start.replace(b"%s", data[:9].hex().encode() or b"x")
    reader = nmap.begun(start + data)
    assert reader is not None
    with contextlib.suppress(BadTargets):
        reader.feed(start + data, last=True)


@pytest.mark.parametrize("encoding", ["klingon", "utf-7", "gb18030", "base64", "idna"])
def test_an_encoding_that_there_is_not_is_refused(encoding: str) -> None:
    with pytest.raises(BadTargets):
        read(f'<?xml version="1.0" encoding="{encoding}"?><nmaprun></nmaprun>x'.encode())
