"""What was compiled and the reference read any file alike, to the last bit of what they make of it."""

import os
import subprocess
import sys
from dataclasses import fields
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.sources import sheet
from dnsbl.dns.sources.dataset import Dataset
from dnsbl.dns.sources.reading import Holding, Reader, Unusable, read
from dnsbl.dns.sources.values import MOST_KNOWN
from dnsbl.dns.zones import FORMS
from tests.depth import examples

pytestmark = pytest.mark.skipif(sheet.swift is None, reason="nothing was compiled here")


def shown(found: Holding) -> tuple[object, ...]:
    """All that was read, its arrays as bytes."""

    def plain(dataset: Dataset) -> tuple[object, ...]:
        values = [getattr(dataset, field.name) for field in fields(dataset)]
        return tuple(
            (bytes(value), len(value)) if isinstance(value, memoryview | bytes | bytearray) else value
            for value in values
        )

    rest = [getattr(found, field.name) for field in fields(found) if field.name != "datasets"]
    return (*rest, *((subzones, *plain(dataset)) for subzones, dataset in found.datasets))


def both(form: str, text: bytes, *more: bytes, host_bits: bool = False) -> Holding | None:
    """What both read, the same."""
    said: list[object] = []
    for plain in (True, False):
        reader = Reader(form, now=0, plain=plain, host_bits=host_bits)
        try:
            for n, one in enumerate((text, *more)):
                reader.read(f"f{n}", one)
            contents = reader.contents()
        except Unusable as why:
            contents = None
            said.append(str(why))
        else:
            said.append(shown(contents))
    assert said[0] == said[1]
    return contents


#: Lines at the edges of what each form takes.
ODD = {
    "ip4": b"""
1.2.3.4
 01.002.003.004 x
0001.2.3.4
1.2.3.4.
1.2.3.4.5
256.1.1.1
1.2.3.256
1.2.3
1.2
1
1/8
1.0/16
1.2.3.4/32 :5:x
1.2.3.0/24#c
1.2.3.0/024
1.2.3.0/0
0/0
0.0.0.0/0 all
128/1
1.2.3.4/24
1.2.3.4/33
1.2.3.4/
1.2.3.4/24.
1.2.3.4/2x
1.2.3.4-9
1.2.3.4-1.2.3.9 t
1.2.3.9-4
1.2.3.4-
1.2.3.4-5.
1.2.3.4-5x
1.2-3
1.2-1.9
2-3
1.2.3.4-1.5
1.2.3.0-1.2.3.255
0.0.0.0-255.255.255.255 w
255.255.255.255
255.255.255.0-255
!1.2.3.4
! 1.2.3.4 why
!1.2.3.0/25:5:x
!
1.2.3.4:
1.2.3.4:5
1.2.3.4:5:
1.2.3.4:5:x
1.2.3.4 :5 : x
1.2.3.4 :0:x
1.2.3.4 :256:x
1.2.3.4 :0300:x
1.2.3.4 :127.1:x
1.2.3.4 :127.0.0.3:text $
1.2.3.4 :127.0.0.3.4:x
1.2.3.4 :0.0.0.0:x
1.2.3.4 :x
1.2.3.4 text\x0bmore  text
1.2.3.4\ttext
1.2.3.4 # c
1.2.3.4 ;c
1.2.3.4;c
1.2.3.4x
:3:now $
:4
:
#$1 one
;$2 two
:$3 three
$MAXRANGE4 /22
1.2.0.0/16
1.2.3.0/24
#c
;
\r
1.2.3.4\r
1.2.3.4 x \r\t\r
""",
    "ip6": b"""
2001:db8::1
2001:DB8:0:0:0:0:0:1 x
2001:db8
2001
2001/16
2001:db8/32 :5:x
2001:db8::/32
2001:db8::1/32
2001:db8:1:2
2001:db8:1:2/64
2001:db8:1:2::
2001:db8:1:2::/64 t
2001:db8::1/129
2001:db8::/064
2001:db8::1/1281
2001:db8::1/0128
1:2:3:4:5:6:7:8
1:2:3:4:5:6:7:8:9
1:2:3:4:5:6:7:8:x
1:2:3:4:5:6:7::
1:2:3:4:5:6:7::8
1:2:3:4:5:6:7:8::
1::8 :4:x
1:::8
2001:db8:::3:glued $
1::2::3
::1
::
::/0 all
0/0
0::/0
12345::
1:2:
1:2: x
1:2:x
1::g
1::1.2.3.4
!2001:db8::1
! 2001:db8::/48 x
!1:2:3:4
2001:db8::2#c
2001:db8::2;c
2001:db8::2:5:x
2001:db8::2/128:5:x
ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
:9:later
:127.0.0.5
#c
""",
    "dnset": b"""
example.com
EXAMPLE.Com. x
.example.org
..example.org
*.example.net t
*example.net
*
*.
.
a..b
a.b..
a\\.b.com
a\\066.com
!example.com
! .example.org
!*.a.example.net x
!:5:x
:4:later
#$1 x
a_b.-c @
\x80\xff.com
a\x01b.com
a\x7fb.com
a.com\tx
a.com:5:x
a.com # c
example.com :5:x
example.com :6:y
.example.org :6:y
.example.org
example.com
example.com :5:x
com
co.uk :8
#c
"""
    + b".".join([b"a" * 63] * 3)
    + b"."
    + b"b" * 59
    + b"\n"
    + b".".join([b"a" * 63] * 4)
    + b"\n"
    + b"a" * 64
    + b".com\n"
    + b"\n".join(b".".join([b"a"] * n) for n in (124, 125, 126, 127, 128, 129))
    + b"\n.a.a\n",
    "generic": b"""
a.com A 127.0.0.2
A.com a 127.0.0.2 x
a.com  3600  IN  A  1.2.3.4
a.com 3600 a 1.2.3.4
a.com IN 3600 A 1.2.3.4
a.com in in A 1.2.3.4
a.com 0 A 1.2.3.4
a.com 1h A 1.2.3.4
a.com 1x A 1.2.3.4
a.com 0000000001 A 1.2.3.4
a.com 4000000000 A 1.2.3.4
a.com A 1.2
a.com A 0.0.0.0
a.com A 1.2.3.256
a.com A
a.com AA 1.2.3.4
a.com IN
a.com TXT
a.com TXT "x  y"
a.com txt "x" y"
a.com TXT "
a.com TXT ""
a.com TXT x # y
a.com IN TXT z
a.com MX 10 mx.x.
a.com IN\tMX\t10 mx.x.
@ A 127.0.0.3
@x A 127.0.0.3
:a A 127.0.0.3
!a A 127.0.0.3
a A 127.0.0.3 :x
$TTL 99
a A 127.0.0.4
#c
a NS x
"""
    + b"a TXT "
    + b"t" * 254
    + b"\na TXT "
    + b"t" * 255
    + b'\na TXT "'
    + b"t" * 256
    + b'"\n',
}
ODD["combined"] = (
    b"$1 x\n$DATASET ip4set a @\n"
    + ODD["ip4"]
    + b"$DATASET ip6trie:x b\n"
    + ODD["ip6"]
    + b"$DATASET ip4trie c\n"
    + ODD["ip4"]
    + b"$DATASET dnset @ d\n"
    + ODD["dnset"]
    + b"$DATASET generic e\n"
    + ODD["generic"]
    + b"$DATASET ip6tset f\n"
    + ODD["ip6"]
)

SIGNS = b'0123456789abcdf:./-!#;$ \t\r\n*\\"\0@x'


def odd(form: str) -> bytes:
    return ODD.get(form) or ODD[form[:3]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("host_bits", [False, True])
def test_odd_lines_are_read_alike_together_and_each_alone(form: str, host_bits: bool) -> None:
    assert both(form, odd(form), odd(form), host_bits=host_bits)
    if form != "combined":
        for line in odd(form).split(b"\n"):
            both(form, line, host_bits=host_bits)
            both(form, b":7:seven\n" + line + b"\r\n" + line, line, host_bits=host_bits)


def meddled(form: str, rng: Random) -> bytes:
    """A file of odd lines, with random changes."""
    text = bytearray(b"\n".join(rng.choices(odd(form).split(b"\n"), k=40)))
    for _ in range(rng.randrange(12)):
        at = rng.randrange(len(text) + 1)
        text[at : at + rng.randrange(3)] = bytes(rng.choices(SIGNS, k=rng.randrange(3)))
    return (b"$DATASET dnset a\n" if form == "combined" else b"") + bytes(text)


@pytest.mark.parametrize("form", FORMS)
def test_odd_files_with_random_changes_are_read_alike(form: str) -> None:
    rng = Random(form)
    for _ in range(60):
        both(form, meddled(form, rng))


OCTET = st.sampled_from([b"0", b"1", b"2", b"127", b"255", b"256", b"01", b"0001"])
ADDRESS = st.lists(OCTET, min_size=1, max_size=5).map(b".".join)
GROUP = st.sampled_from([b"", b"0", b"1", b"db8", b"2001", b"FFFF", b"12345"])
WORD = st.sampled_from([b"a", b"B", b"www", b"", b"x-y", b"\\046", b"*", b"com"])
HEAD = (
    ADDRESS
    | st.tuples(ADDRESS, st.sampled_from([b"/", b"-"]), ADDRESS).map(b"".join)
    | st.tuples(ADDRESS, st.integers(0, 34).map(lambda n: b"/%d" % n)).map(b"".join)
    | st.lists(GROUP, min_size=1, max_size=9).map(b":".join)
    | st.tuples(st.lists(GROUP, min_size=1, max_size=9).map(b":".join), st.sampled_from([b"/32", b"/64", b"/129"])).map(
        b"".join
    )
    | st.lists(WORD, min_size=1, max_size=4).map(b".".join)
    | st.sampled_from([b"$TTL 5", b"$1 x", b"$MAXRANGE4 /20", b"#", b":5:", b":6:x $", b":7"])
)
TAIL = st.sampled_from(
    [b"", b" ", b" x $", b" :5:x", b":5:x", b" :127.0.0.4:", b" :4", b" :0:x", b" A 1.2.3.4", b" 60 IN TXT y", b" # c"]
)
LINE = st.tuples(st.sampled_from([b"", b"", b"!", b"! ", b" ", b".", b"*."]), HEAD, TAIL).map(b"".join)


@examples(300)
@given(st.sampled_from(FORMS[:-1]), st.lists(LINE, max_size=12), st.sampled_from([b"\n", b"\r\n", b"\n\n"]))
def test_whatever_lines_a_file_has_they_are_read_alike(form: str, lines: list[bytes], end: bytes) -> None:
    both(form, end.join(lines))


@given(st.sampled_from(FORMS), st.binary(max_size=200))
def test_whatever_bytes_a_file_has_they_are_read_alike(form: str, text: bytes) -> None:
    both(form, text)


def test_many_values_are_told_apart_alike_and_one_that_follows_itself_is_kept_once() -> None:
    rng = Random(1)
    lines = [b"1.1.%d.%d text %d" % (n >> 8 & 255, n & 255, n) for n in range(MOST_KNOWN + 500)]
    lines += [line for line in rng.choices(lines, k=3000) for _ in range(2)]
    found = both("ip4set", b"\n".join(lines))
    assert found
    assert MOST_KNOWN + 500 < len(found.datasets[0][1].ends) < MOST_KNOWN + 500 + 300


@pytest.mark.parametrize("form", ["ip4set", "ip4trie", "ip6trie", "dnset"])
def test_large_files_are_read_alike(form: str) -> None:
    rng = Random(form)
    lines = []
    for _ in range(20_000):
        match form[:3]:
            case "ip4":
                number, length = rng.getrandbits(32), rng.choice([16, 24, 24, 32, 32, 32, 32])
                number = number >> (32 - length) << (32 - length)
                head = ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0)) + f"/{length}"
            case "ip6":
                head = f"2001:{rng.getrandbits(4):x}:{rng.getrandbits(16):x}" + rng.choice(["::/48", "::1", ":5::/64"])
            case _:
                head = rng.choice(["", ".", "*."]) + f"{rng.getrandbits(13):x}.{rng.getrandbits(5):x}.com"
        lines.append(rng.choice(["", "", "", "!"]) + head + rng.choice(["", "", " :3:three", f" {rng.getrandbits(3)}"]))
    found = both(form, "\n".join(lines).encode())
    assert found
    assert len(found.datasets[0][1]) > 5000


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("ip4set", b"1.2.3.4\n!1.2.3.5\n1.2.3.0/25 :3:x\n# c\n\n1.2.3 text\n1.2.3.4-1.2.4.9\n"),
        ("ip4trie", b"1.2.3.4\n1.2.3.0/25 text\n!1.2.4\n"),
        ("ip4tset", b"1.2.3.4\n1.2.3.5 ignored\n"),
        ("ip6trie", b"2001:db8::1\n2001:db8::/32 :4:x\n!2001:db8:1\n"),
        ("ip6tset", b"2001:db8:1:2\n"),
        ("dnset", b"example.com\n.example.org :3:x\n*.example.net text\n!example.com\n"),
        ("generic", b'example.com A 127.0.0.2\nexample.com 300 IN A 127.0.0.3\na TXT "x"\n'),
    ],
)
def test_what_lists_are_made_of_is_not_handed_over(form: str, lines: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reader, "_line", lambda *_: pytest.fail("handed over"))
    assert read(form, [("f", lines)], now=0).lines == lines.count(b"\n")


def test_python_alone_reads_when_that_is_asked_for() -> None:
    code = "from dnsbl.dns.sources import sheet; print(sheet.swift)"
    said = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"DNSBL_PURE": "1"}, capture_output=True, text=True, check=True
    )
    assert said.stdout == "None\n"
