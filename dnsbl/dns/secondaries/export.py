"""A zone as files for others: rbldnsd, BIND, JSON lines, Postfix. Pure generators of lines, each ending in a newline.
`filters` makes those for packet filters and policy zones. `written` puts the time before them until which a copy may be
used, in whatever way the form has for it: a copy that nobody renews should not be believed for ever.

The test points of RFC 5782 section 5 are in every format, and what the table says about 127.0.0.0/24 in none. Networks
stay networks where the format has them; `records` says what becomes of them in a master file. Exceptions become
exclusions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from itertools import groupby, islice
from operator import itemgetter

import dnslib
from dnslib.label import DNSBuffer

from dnsbl.addresses import Address, Network, network_of, text_at
from dnsbl.dns import wire
from dnsbl.dns.listed.array import Where
from dnsbl.dns.listed.table import Table
from dnsbl.dns.secondaries import filters
from dnsbl.dns.secondaries.records import names
from dnsbl.dns.zones import RESERVED, Kind, Zone, page, reserved, reserved_at
from dnsbl.errors import DnsblError
from dnsbl.model import Change
from dnsbl.vocabulary import EXCEPTION

#: The form of the JSON lines; grows when a field changes its meaning.
SCHEMA = 1


def rbldnsd(zone: Zone, table: Table) -> Iterator[str]:
    """A file for `rbldnsd ZONE:combined:FILE`: a dataset for each kind and IP version, which share the origin.

    AAAA records of the zone file are left out, since rbldnsd does not know them. Raises DnsblError for a zone in
    bit-mask style, since rbldnsd cannot join the codes of datasets.
    """
    if zone.bitmask:
        raise DnsblError(f"rbldnsd cannot answer with bit masks as {zone.origin} does.")
    names_of, timers = _soa_words(zone)
    yield f"$SOA {zone.soa_ttl} {names_of} {table.soa_serial} {timers}\n"
    yield f"$NS {zone.ttl} {' '.join(_name(rdata) for rdata in zone.ns)}\n"
    yield "$DATASET generic:fixed @\n"
    for owner, rtype, ttl, text in _static(zone):
        if rtype not in (wire.AAAA, wire.NS):
            yield f"{owner} {ttl} {_TYPES[rtype]} {text}\n"
    for label, view in zone.views.items():
        for ttl in sorted({kind.ttl for kind in view.tests.values()}):  # one TTL a dataset
            yield f"$DATASET ip4set:points-{label.decode() or 'origin'}-{ttl} {label.decode() or '@'}\n"
            yield f"$TTL {ttl}\n"
            for address, kind in view.tests.items():
                if kind.ttl == ttl:
                    yield f"{address} :{kind.code}:{_template(zone, kind)}\n"
    for kind, homes in _kinds(zone):
        for version, dataset in ((4, "ip4trie"), (6, "ip6trie")):
            yield f"$DATASET {dataset}:{kind.name} {' '.join(homes)}\n"
            yield f"$TTL {kind.ttl}\n"
            yield f":{kind.code}:{_template(zone, kind)}\n"
            hidden: dict[Network, None] = {RESERVED: None} if version == 4 else {}
            for where, numbers in table.numbers():
                if where.version != version:
                    continue
                if where.kind == EXCEPTION:
                    hidden |= dict.fromkeys(map(where.network, numbers))
                elif where.kind == kind.name:
                    end = f"/{where.length}\n"
                    yield from (address + end for address in _firsts(where, numbers))
            yield from (f"!{network}\n" for network in hidden if _hides(network, kind.name, table))


def bind(zone: Zone, table: Table, *, expand: bool = False) -> Iterator[str]:
    """A master file (RFC 1035 section 5)."""
    names_of, timers = _soa_words(zone)
    yield f"$ORIGIN {zone.origin}.\n$TTL {zone.ttl}\n"
    yield f"@ {zone.soa_ttl} IN SOA {names_of} {table.soa_serial} {timers}\n"
    for rdata in zone.ns:
        yield f"@ {zone.ttl} IN NS {_name(rdata)}\n"
    for owner, rtype, ttl, text in _static(zone):
        yield f"{owner} {ttl} IN {_TYPES[rtype]} {text}\n"
    for name in names(zone, table, expand=expand):
        head = f"{name.owner} {name.alike.ttl} IN "
        for code in name.alike.codes:
            yield f"{head}A {text_at(4, int.from_bytes(code))}\n"
        for words in name.texts():
            yield f"{head}TXT {_quoted(words)}\n"


def json_lines(zone: Zone, table: Table, **head: object) -> Iterator[str]:
    """A head line: `schema`, `zone`, `serial`, and `bitmask`, whether the origin joins codes; and what else `head` has.
    Then an object a listing: `network`, `kind`, `code`, `text`, `lists` (the names that answer for it), and `test` on
    test points; or `network` and `exception`, which hides all that is wider.
    """
    yield _json(_head(zone, table) | head)
    points: dict[tuple[Address, str], list[str]] = {}
    kinds = _homes(zone)
    for label, view in zone.views.items():
        for address, kind in view.tests.items():
            points.setdefault((address, kind.name), []).append(_list_name(zone, label.decode() or "@"))
    for (address, name), lists in points.items():
        yield _json(_listing(zone, network_of(address), kinds[name][0], lists) | {"test": True})
    for where, numbers in table.numbers():
        if where.kind == EXCEPTION:
            for number in numbers:
                yield _json({"network": str(where.network(number)), "exception": True})
        elif where.kind in kinds:
            yield from _objects(zone, where, numbers, *kinds[where.kind])


def _objects(zone: Zone, where: Where, numbers: Iterable[int], kind: Kind, lists: list[str]) -> Iterator[str]:
    """Lines as `_json` makes them of `_listing`: all but network and text is the same in each of a kind."""
    length = f"/{where.length}"
    beyond = "" if where.back == 0 else length  # the text of an address names the address alone
    head, middle, end = (json.dumps(each) for each in (kind.name, str(kind.code), lists))
    same = f'{length}","kind":{head},"code":{middle},"text":"'
    tail = f'","lists":{end.replace(", ", ",")}}}\n'
    words, site = json.dumps(kind.txt)[1:-1], json.dumps(zone.site)[1:-1]
    for address in _firsts(where, numbers):
        yield f'{{"network":"{address}{same}{_filled(words, site, address, address + beyond)}{tail}'


def delta(zone: Zone, table: Table, changes: Iterable[Change], **head: object) -> Iterator[str]:
    """What has changed since an earlier file of JSON lines, whose serial `head` should name as `since`: lines as there
    for what is listed now, and with `gone` for what no longer is, by network and kind.
    """
    yield _json(_head(zone, table) | head)
    kinds = _homes(zone)
    last = {(change.network, change.kind): change.present for change in changes}
    for (network, kind), present in last.items():
        if kind == EXCEPTION:
            yield _json({"network": str(network), "exception": True} | ({} if present else {"gone": True}))
        elif kind in kinds and not reserved(network):
            gone = {"network": str(network), "kind": kind, "gone": True}
            yield _json(_listing(zone, network, *kinds[kind]) if present else gone)


def written(form: str, zone: Zone, table: Table, *, made: datetime, not_after: datetime) -> Iterator[str]:
    """A zone in one of FORMATS, with when it was made and until when a copy of it may be used."""
    if form == "jsonl":
        yield from json_lines(zone, table, **times(zone, made=made, not_after=not_after))
        return
    mark = _COMMENTS[form]
    yield f"{mark} {zone.origin} {table.soa_serial}, made {_instant(made)}\n"
    yield f"{mark} not-after {_instant(not_after)}: take a newer copy until then, or none\n"
    lines = FORMATS[form](zone, table)
    if form == "rbldnsd":  # which gives the file up itself, then
        yield from islice(lines, 2)  # $SOA, $NS
        yield f"$TIMESTAMP - {not_after:%Y:%m:%d:%H:%M:%S}\n"
    yield from lines


def times(zone: Zone, *, made: datetime, not_after: datetime) -> dict[str, object]:
    """What a head says of how long it holds, and of how the list stands."""
    state = "ended" if zone.ended else "retiring" if zone.retires else "alive"
    ends: dict[str, object] = {"retires": str(zone.retires)} if zone.retires else {}
    return {"made": _instant(made), "not_after": _instant(not_after), "state": state} | ends


def _instant(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _head(zone: Zone, table: Table) -> dict[str, object]:
    return {"schema": SCHEMA, "zone": zone.origin, "serial": table.soa_serial, "bitmask": zone.bitmask}


def _homes(zone: Zone) -> dict[str, tuple[Kind, list[str]]]:
    """Kinds by name, with the names of the lists that hold them."""
    return {kind.name: (kind, [_list_name(zone, home) for home in homes]) for kind, homes in _kinds(zone)}


def cidr(zone: Zone, table: Table) -> Iterator[str]:
    """A Postfix CIDR map (cidr_table(5)) of what the origin lists, for `check_client_access`: the first line that
    matches counts, so the narrowest networks come first.
    """
    origin = zone.views[b""]
    yield f"# {zone.origin} {table.soa_serial}\n"
    for address, kind in origin.tests.items():
        yield f"{network_of(address)} REJECT {_words(zone, network_of(address), kind)}\n"
    yield f"{RESERVED} DUNNO\n"
    for where, rows in table.narrowest_first():
        version, back, length = where.version, where.back, f"/{where.length}"
        beyond = "" if back == 0 else length  # the text of an address names the address alone
        for number, alike in groupby(rows, key=itemgetter(0)):
            found = [kind for _, kind in alike if kind in origin.kinds or kind == EXCEPTION]
            if not found or reserved_at(version, number << back, where.length):
                continue
            first = text_at(version, number << back)
            if found[-1] == EXCEPTION:  # which comes first
                yield f"{first}{length} DUNNO\n"
            else:
                words = origin.kinds[next(filter(None, found))].txt
                yield f"{first}{length} REJECT {_filled(words, zone.site, first, first + beyond)}\n"


#: The formats by name.
FORMATS: dict[str, Callable[[Zone, Table], Iterator[str]]] = {
    "rbldnsd": rbldnsd,
    "bind": bind,
    "jsonl": json_lines,
    "cidr": cidr,
    "postfix": cidr,
    **filters.FORMS,
}
#: What begins a comment in each form.
_COMMENTS = {form: ";" if form in ("bind", "rpz") else "#" for form in FORMATS}

_TYPES = {wire.A: "A", wire.NS: "NS", wire.AAAA: "AAAA", wire.MX: "MX", wire.TXT: "TXT"}


def _firsts(where: Where, numbers: Iterable[int]) -> Iterator[str]:
    """The first address of each of these networks, but for those that are reserved."""
    version, back, length = where.version, where.back, where.length
    for number in numbers:
        if not reserved_at(version, number << back, length):
            yield text_at(version, number << back)


def _kinds(zone: Zone) -> list[tuple[Kind, list[str]]]:
    """Every kind, with the views that hold it."""
    homes: dict[str, list[str]] = {}
    kinds: dict[str, Kind] = {}
    for label, view in zone.views.items():
        for kind in view.kinds.values():
            kinds[kind.name] = kind
            homes.setdefault(kind.name, []).append(label.decode() or "@")
    return [(kind, homes[name]) for name, kind in kinds.items()]


def _hides(network: Network, kind: str, table: Table) -> bool:
    """Whether a wider network that covers this one is listed under a kind, and it is not so itself."""
    number = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
    around = table.covering(network.version, number, network.prefixlen)
    lengths = {n for n, found in around if found == kind and not reserved(network.supernet(new_prefix=n))}
    return bool(lengths) and network.prefixlen not in lengths


def _list_name(zone: Zone, home: str) -> str:
    return zone.origin if home == "@" else f"{home}.{zone.origin}"


def _listing(zone: Zone, network: Network, kind: Kind, lists: list[str]) -> dict[str, object]:
    return {
        "network": str(network),
        "kind": kind.name,
        "code": str(kind.code),
        "text": _words(zone, network, kind),
        "lists": lists,
    }


def _json(fields: dict[str, object]) -> str:
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")) + "\n"


def _words(zone: Zone, network: Network, kind: Kind) -> str:
    """The text of a whole network; that of an address names the address."""
    first = str(network.network_address)
    return _filled(kind.txt, zone.site, first, first if network.prefixlen == network.max_prefixlen else str(network))


def _filled(words: str, site: str, first: str, shown: str) -> str:
    return words.replace("{url}", page(site, first)).replace("{address}", shown)


def _template(zone: Zone, kind: Kind) -> str:
    """The text for rbldnsd, which puts the address in the place of `$` and knows no other variables then."""
    url = page(zone.site, IPv4Address(0)).removesuffix("0.0.0.0")  # noqa: S104 (no address to listen at)
    return kind.txt.replace("$", "$$").replace("{url}", url.replace("$", "$$") + "$").replace("{address}", "$")


def _static(zone: Zone) -> Iterator[tuple[str, int, int, str]]:
    """(owner, type, TTL, data) of the zone file's records, as text."""
    for labels, types in zone.static.items():
        owner = b".".join(labels).decode() or "@"
        for rtype, (ttl, data) in types.items():
            for rdata in data:
                yield owner, rtype, ttl, _text(rtype, rdata)


def _text(rtype: int, rdata: bytes) -> str:
    if rtype == wire.A:
        return str(IPv4Address(rdata))
    if rtype == wire.AAAA:
        return str(IPv6Address(rdata))
    if rtype == wire.NS:
        return _name(rdata)
    if rtype == wire.MX:
        return f"{int.from_bytes(rdata[:2])} {_name(rdata[2:])}"
    return _quoted(rdata[1:].decode("ascii"))


def _quoted(words: str) -> str:
    return '"' + words.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _name(rdata: bytes) -> str:
    """A packed name as text, with the dot at the end."""
    return str(DNSBuffer(rdata).decode_name()).rstrip(".") + "."


def _soa_words(zone: Zone) -> tuple[str, str]:
    """The SOA's names, and its timers, as text."""
    soa = dnslib.SOA.parse(DNSBuffer(data := zone.soa(0)), len(data))
    return f"{soa.mname} {soa.rname}", " ".join(map(str, soa.times[1:]))


def encoded(lines: Iterable[str]) -> Iterator[bytes]:
    """The lines as bytes, in portions worth writing."""
    lines = iter(lines)
    while portion := "".join(islice(lines, 1000)):
        yield portion.encode("ascii")
