"""The data files of rbldnsd in rbldnsd and in us, random and odd by hand: to every question the same answer.

What docs/rbldnsd.md says we do otherwise is left out, or taken for the same where both say "not listed": a name that
leads to something is NODATA here and NXDOMAIN there.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

import dnslib
import pytest
from dns_servers import TXT, A, Address, ask_all, labels_of, query, start_rbldnsd
from lab import Lab

from dnsbl.clock import SystemClock
from dnsbl.dns import sourced
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.sources.reading import read
from dnsbl.dns.zonefile import read_zone
from dnsbl.dns.zones import Zones

ORIGIN = "bl.test"
SOA = "$SOA 1w ns.x h.x 0 2h 2h 1w 1h"
SEEDS = range(3)
TAILS = [
    "",
    " text $",
    " :3:other $",
    " :4",
    " :5:",
    ":6:glued",
    " # c",
    " ;c",
    " $1 and $2 $3 $$",
    " =raw $",
    " :300:x",
    " :7 x",
    " :0127.0.0.00008:zeros $",
]
HEADS = [
    ":9:default $",
    ":8",
    "$1 one $",
    "$2 two",
    "$TTL 300",
    "$TTL 5m",
    "# comment",
    "",
    "$FOO x",
    "$= base $= ($)",
    ": 5 :x",
]


def numbers(rng: random.Random) -> str:
    return ".".join(str(rng.choice([0, 1, 2, 127, 255, rng.randrange(256)])) for _ in range(4))


def range4(rng: random.Random) -> str:
    """One of the ways of writing a network of IPv4, in a few small neighbourhoods; some are wrong."""
    octets = numbers(rng).split(".")
    octets[0] = rng.choice(["9", "10", "127"])
    size = rng.choice([1, 2, 3, 4, 4, 4, 4])
    base = ".".join(octets[:size])
    match rng.randrange(8):
        case 0:
            number = int(IPv4Address(".".join(octets)))
            length = rng.randrange(6, 33)
            return f"{IPv4Address(number >> (32 - length) << (32 - length))}/{length}"
        case 1:
            return f"{base}-{octets[size - 1]}" if size > 1 else base
        case 2:
            return f"{base}-{min(255, int(octets[size - 1]) + rng.randrange(40))}"
        case 3:
            return f"{'.'.join(octets)}-{octets[0]}.{octets[1]}.255.7"
        case 4:
            return rng.choice([f"{base}/33", f"{base}/{rng.randrange(33)}", f"{base}.x", "300.1.1.1", f"0{base}"])
        case _:
            return base


def range6(rng: random.Random) -> str:
    groups = [f"{rng.choice([0, 1, 0x2001, rng.getrandbits(16)]):x}" for _ in range(8)]
    groups[0] = "2001"
    match rng.randrange(6):
        case 0:
            number, length = int(IPv6Address(":".join(groups))), rng.randrange(8, 129)
            return f"{IPv6Address(number >> (128 - length) << (128 - length))}/{length}"
        case 1:
            return ":".join(groups[: rng.randrange(1, 9)])
        case 2:
            return f"2001:{groups[1]}::{groups[7]}"
        case 3:
            return ":".join(groups[:4]) + rng.choice(["", "", ":", ":x"])
        case 4:
            return rng.choice(["2001:db8::1/64", "2001::1::2", "12345::", ":".join(groups) + ":9", "zz::"])
        case _:
            return ":".join(groups)


def name(rng: random.Random) -> str:
    labels = [rng.choice(["a", "b", "WWW", "x-y", "9", "a(b)"]) for _ in range(rng.randrange(1, 4))]
    return ".".join([*labels, rng.choice(["com", "example.org", "test"])])


def lines(form: str, seed: int) -> list[str]:
    """A random file of this form."""
    rng = random.Random(f"{form} {seed}")
    found = []
    for _ in range(150):
        tail = rng.choice(TAILS)
        if rng.random() < 0.06:
            found.append(rng.choice(HEADS))
        elif form.startswith("ip"):
            network = range6(rng) if form.startswith("ip6") else range4(rng)
            mark = rng.choice(["", "", "", "!", "! "])
            found.append(mark + network + ("" if mark and tail.startswith(":") else tail))
        elif form == "dnset":
            found.append(
                rng.choice(["", "", "!", ".", "*.", "!.", "!*."]) + name(rng) + (tail if tail[:1] != ":" else "")
            )
        else:
            ttl = rng.choice(["", "30 ", "2m ", "0 "])
            data = rng.choice(
                [
                    "A 127.0.0.9",
                    "A 5",
                    'TXT "quoted  text"',
                    "txt plain text",
                    "MX 10 mx.x.",
                    "NS n.x",
                    "A x",
                    "IN A 1.2.3.4",
                ]
            )
            found.append(f"{rng.choice(['@', name(rng)])} {ttl}{data}")
    return found


def places(form: str, texts: list[str]) -> Iterator[str]:
    """What to ask for: around every number in the files, or every name and its neighbours."""
    rng = random.Random(5)
    seen: set[Address] = set()
    for text in texts:
        if form in ("dnset", "generic", "combined"):
            word = text.lstrip("!. ").removeprefix("*.").split(" ")[0].rstrip(".").lower()
            if word and word[0].isalnum():
                yield from (word, f"x.{word}", f"y.x.{word}", word.partition(".")[2] or word)
            yield "com"
        if form.startswith("ip6"):
            head = text.lstrip("! ").split(" ")[0].partition("/")[0]
            try:
                seen |= {ip_address(head if "::" in head or head.count(":") == 7 else head + "::")}
            except ValueError:
                continue
        elif form.startswith("ip4") or form == "combined":
            for word in text.lstrip("! ").split(" ")[0].partition("/")[0].split("-"):
                parts = word.split(".")
                if all(part.isdigit() and int(part) < 256 for part in parts):
                    seen |= {ip_address(".".join(map(str, map(int, (parts + ["0"] * 4)[:4]))))}
                    seen |= {ip_address(".".join(map(str, map(int, (parts + ["255"] * 4)[:4]))))}
    for address in sorted(seen, key=lambda one: (one.version, one)):
        for shift in (0, 1, -1, rng.randrange(300)):
            if 0 <= int(address) + shift < 2**address.max_prefixlen:
                yield ".".join(labels_of(type(address)(int(address) + shift)))


def ours(sets: list[tuple[str, str]]) -> Serving:
    zone = read_zone(
        f'origin = "{ORIGIN}"\n' + "".join(f'[[sources]]\ntype = "{form}"\nfiles = ["f"]\n' for form, _ in sets),
        "bl.toml",
        site="https://site.test",
    )
    now = int(SystemClock().now().timestamp())
    contents = [read(form, [("f", text.encode())], now=now) for form, text in sets]
    return Serving(Zones((zone,)), sourced={ORIGIN: sourced.gathered(zone, contents, 1)})


def told(reply: bytes | None) -> tuple[str, frozenset[tuple[int, int, bytes]]]:
    """What a reply says of the name; where nothing is listed, no more than that."""
    assert reply is not None
    record = dnslib.DNSRecord.parse(reply)
    answers = frozenset((rr.rtype, rr.ttl, bytes(str(rr.rdata), "utf-8", "surrogateescape")) for rr in record.rr)
    rcode = dnslib.RCODE.get(record.header.rcode)
    return "NOTHING" if not answers and rcode in ("NOERROR", "NXDOMAIN") else rcode, answers


def agree(lab: Lab, at: str, sets: list[tuple[str, str]], names: list[str]) -> None:
    serving = ours(sets)
    files = {f"f{n}": text for n, (_, text) in enumerate(sets)}
    if sets[0][0] != "combined":  # what it is asked for until it is there
        files["f0"] = f"{SOA}\n{files['f0']}"
    start_rbldnsd(lab, at, [f"{ORIGIN}:{form}:f{n}" for n, (form, _) in enumerate(sets)], files)
    packets = [query(f"{name}.{ORIGIN}", rtype) for name in names for rtype in (A, TXT)]
    theirs = ask_all(lab, at, packets)
    found, listed = [], 0
    for packet, their in zip(packets, theirs, strict=True):
        here, there = told(respond(packet, b"\x7f\0\0\1", 0.0, serving, tcp=True).packet), told(their)
        listed += bool(here[1])
        if here != there:
            found.append(f"{dnslib.DNSRecord.parse(packet).q}: ours {here}, theirs {there}")
    assert not found, f"{len(found)} of {len(packets)} differ:\n" + "\n".join(found[:20])
    assert listed
    print(f"{sets[0][0]}: {len(packets)} questions, {listed} of them about what is listed, all equal")


@pytest.mark.parametrize(
    ("at", "form"),
    [
        (f"127.0.1.{n}", form)
        for n, form in enumerate(("ip4set", "ip4trie", "ip4tset", "ip6trie", "ip6tset", "dnset", "generic"), 10)
    ],
)
def test_random_files_of_each_form_say_the_same_in_both(lab: Lab, at: str, form: str) -> None:
    for seed in SEEDS:
        texts = lines(form, seed)
        where = at.replace(".0.1.", f".0.{seed + 1}.")
        agree(lab, where, [(form, "\n".join(texts) + "\n")], list(dict.fromkeys(places(form, texts))))


def test_several_files_of_several_forms_are_one_zone_in_both(lab: Lab) -> None:
    sets, names = [], []
    for form in ("ip4set", "ip4trie", "ip6trie", "dnset"):
        texts = [line for line in lines(form, 9) if not line.startswith("$TTL")]
        sets.append((form, f"$TTL {len(form) * 50}\n" + "\n".join(texts) + "\n"))
        names += list(places(form, texts))
    agree(lab, "127.0.1.40", sets, list(dict.fromkeys(names)))


def test_a_combined_file_is_as_many_sublists_in_both(lab: Lab) -> None:
    parts, names = ["$1 common", "$TTL 99", "$NS 1w ns.x", SOA], []
    for form, subzones in (
        ("ip4set", "alpha @"),
        ("dnset", "beta"),
        ("ip4trie", "a.gamma @"),
        ("generic", "alpha beta"),
    ):
        texts = lines(form, 4)
        parts += [f"$DATASET {form}:label {subzones}", *texts]
        for subzone in subzones.split():
            below = "" if subzone == "@" else f".{subzone}"
            names += [f"{name}{below}" for name in places(form, texts)]
    agree(lab, "127.0.1.41", [("combined", "\n".join(parts) + "\n")], list(dict.fromkeys(names)))
