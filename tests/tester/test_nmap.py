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


def xml(inside: str) -> list[Target]:
    return read(f"<nmaprun>{inside}</nmaprun>".encode())


def host(number: int, *ports: int) -> Target:
    return Target(address=ip_address(f"192.0.2.{number}"), open=frozenset(ports))


def ported(*inside: str) -> str:
    """A host of these ports, as text."""
    return f'<host><address addr="192.0.2.1" addrtype="ipv4"/><ports>{"".join(inside)}</ports></host>'


OPEN, SHUT = '<state state="open"/>', '<state state="closed"/>'


def test_the_open_tcp_ports_of_xml_are_those_that_it_numbers() -> None:
    ports = [
        f'<port protocol="tcp" portid="25">{OPEN}</port>',
        f'<port protocol="udp" portid="53">{OPEN}</port>',
        f'<port protocol="tcp" portid="80">{SHUT}</port>',
        f'<port portid="587">{OPEN}</port>',
        f'<port protocol="tcp" portid="65535">{OPEN}</port>',
        *(
            f'<port protocol="tcp" portid="{number}">{OPEN}</port>'
            for number in ("x", "", "\u0665", "\u00b2", "100000")
        ),
        f'<port protocol="tcp">{OPEN}</port>',
        '<port portid="26"><service state="open"/></port>',
    ]
    assert xml(ported(*ports)) == [host(1, 25, 587, 65535)]
    assert xml(ported(*ports, '<extraports state="closed" count="9"/>')) == [host(1, 25, 587, 65535)]
    for around in (f'<port portid="25">{SHUT}</port>', ""):
        assert xml(ported(around, OPEN)) == [host(1)], "a state is that of the port around it"


def test_a_host_of_xml_whose_ports_nobody_has_looked_at_is_told_from_one_without_open_ones() -> None:
    named = '<address addr="192.0.2.1" addrtype="ipv4"/>'
    bare = Target(address=ip_address("192.0.2.1"))
    assert xml(f"<host>{named}</host>") == [bare]
    assert xml(f"<host>{named}<ports/></host>") == xml(f"<host>{named}<extraports/></host>") == [host(1)]
    assert xml(f'<host>{named}<port portid="25">{OPEN}</port></host>') == [host(1, 25)], "also where no list is around"


def test_each_host_of_xml_is_told_by_what_stands_in_it_alone() -> None:
    first = ported(f'<port portid="25">{OPEN}</port>')
    other = '<host><address addr="192.0.2.2" addrtype="ipv4"/></host>'
    assert xml(first + other) == [host(1, 25), Target(address=ip_address("192.0.2.2"))]
    assert xml(first + "<host/>") == [host(1, 25)], "who has no address is nobody"
    assert xml('<host><status state="down"/></host>' + first) == [host(1, 25)]
    assert xml('<host><status state="up"/><address addr="192.0.2.2" addrtype="ipv4"/><status/></host>') == [
        Target(address=ip_address("192.0.2.2"))
    ]


def test_only_internet_addresses_of_xml_are_read() -> None:
    addresses = '<address addr="2001:db8::25" addrtype="ipv6"/><address addr="00:00:5E:00:53:00" addrtype="mac"/>'
    addresses += '<hostname addr="192.0.2.9" addrtype="ipv4"/>'
    assert xml(f"<host>{addresses}<address addr='x'/></host>") == [Target(address=ip_address("2001:db8::25"))]


def test_a_host_of_xml_is_handed_out_once_and_as_soon_as_it_is_complete() -> None:
    reader = nmap.begun(b"<nmaprun>")
    assert reader is not None
    assert reader.feed(f"<nmaprun>{ported()}".encode()) == [host(1)]
    assert reader.feed(b"</nmaprun>", last=True) == []


ENTITIES = '<!DOCTYPE nmaprun [<!ENTITY a "aaaa">]><nmaprun/>'


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ENTITIES, "The XML of the targets declares entities, which nmap's never does."),
        ("<html><nmaprun/></html>", "The XML of the targets is not nmap's (nmap -oX FILE)."),
        ("<nmaprun></host>", "The XML of the targets cannot be read: mismatched tag: line 1, column 11."),
        ("<nmaprun>", "The XML of the targets cannot be read: no element found: line 1, column 9."),
        ("<nmaprun><host><address addrtype='ipv4'/>", "nmap names '', which is no address."),
        (
            f"<nmaprun><host><address addrtype='ipv4' addr='{'x' * 70}'/>",
            f"nmap names '{'x' * 59}, which is no address.",
        ),
    ],
)
def test_xml_that_is_not_as_nmap_writes_it_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(BadTargets) as caught:
        read(text.encode())
    assert str(caught.value) == sentence


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b"\n ", b"\xef\xbb\xbf\r\n"])
def test_neither_a_byte_order_mark_nor_blanks_hide_who_wrote_a_file(start: bytes) -> None:
    assert isinstance(nmap.begun(start + b"<nmaprun/>"), nmap.Xml)
    assert isinstance(nmap.begun(start + b"Host: 192.0.2.1 ()\t"), nmap.Greppable)


def test_remarks_and_empty_lines_before_the_first_host_do_not_hide_who_wrote_a_file() -> None:
    assert isinstance(nmap.begun(b"# of ours\n \nHost: 192.0.2.1 ()\t"), nmap.Greppable)
    assert isinstance(nmap.begun(b"# Nmap 7.93 scan initiated"), nmap.Greppable)
    assert nmap.begun(b"# Nmap found these\n192.0.2.1\n") is None, "a list of ours may say where it is from"


def ports_of(field: str) -> frozenset[int] | None:
    [target] = read(f"Host: 192.0.2.1 ()\t{field}\n".encode())
    return target.open


def test_the_open_tcp_ports_of_a_line_are_those_that_it_numbers() -> None:
    assert ports_of("Ports: 25/open/tcp//smtp///") == frozenset({25})
    assert ports_of("Status: Up\tPorts: 25/open/tcp//smtp///\tIgnored State: closed (2)") == frozenset({25})
    assert ports_of("Ports: 65535/open/tcp//x///,1/open/tcp//x///") == frozenset({65535, 1})
    assert ports_of("Ports: 100000/open/tcp//x///, /open/tcp//x///, x/open/tcp//x///") == frozenset()
    assert ports_of("Ports: 25/open|filtered/tcp//smtp///, 26/open/udp//x///, 27/closed/tcp//x///") == frozenset()
    assert ports_of("Ignored State: closed (3)") is None


def test_two_lines_of_one_host_are_one_and_of_two_are_two() -> None:
    lines = [f"Host: 192.0.2.{number} ()\t{what}\n" for number, what in ((1, "Ports: 25/open/tcp//x///"), (1, "x"))]
    assert read("".join(lines).encode()) == [host(1, 25)], "what was found open stays so"
    other = "Host: 192.0.2.2 ()\tx\n"
    assert read("".join([*lines, other]).encode()) == [host(1, 25), Target(address=ip_address("192.0.2.2"))]
    down = "Host: 192.0.2.1 ()\tStatus: Down\n"
    assert read("".join([*lines, down, other]).encode()) == [Target(address=ip_address("192.0.2.2"))]


def test_a_host_of_the_greppable_form_is_handed_out_once_and_when_the_next_one_comes() -> None:
    reader = nmap.begun(b"Host: ")
    assert reader is not None
    assert reader.feed(b"Host: 192.0.2.1 ()\tx\n") == []
    assert reader.feed(b"Host: 192.0.2.2 ()\tPorts: x\n") == [Target(address=ip_address("192.0.2.1"))]
    assert reader.feed(b"", last=True) == [host(2)]
    assert reader.feed(b"", last=True) == []


def test_a_line_may_be_as_long_as_said_and_is_counted_where_it_is_longer() -> None:
    reader = nmap.begun(b"Host: ")
    assert reader is not None
    line = b"Host: 192.0.2.1 ()\t".ljust(nmap.LONGEST, b"x")
    assert reader.feed(b"# one\n# two\n" + line) == []
    assert reader.feed(b"\n# four\n# five\n" + line) == []
    with pytest.raises(BadTargets) as caught:
        reader.feed(b"\n# seven\n" + line + b"x")
    assert str(caught.value) == "Line 8 of nmap's hosts is longer than 1048576 octets."


def test_what_stands_behind_the_longest_line_is_not_read() -> None:
    field = "Status: Up".ljust(nmap.LONGEST)
    assert ports_of(f"{field}\tPorts: 25/open/tcp//smtp///") is None


def test_a_name_and_an_address_are_as_long_as_they_may_be() -> None:
    assert read(f"Host: 192.0.2.1 ({'x' * 300})\tx\n".encode()) == [Target(address=ip_address("192.0.2.1"))]
    for line in (f"Host: 192.0.2.1 ({'x' * 301})\tx", f"Host: {'1' * 65} ()\tx"):
        with pytest.raises(BadTargets) as caught:
            read(line.encode())
        assert str(caught.value) == f"Line 1 is none of nmap's (nmap -oG FILE): '{line[:60]}'."
    with pytest.raises(BadTargets, match="which is no address"):
        read(f"Host: {'1' * 64} ()\tx".encode())
