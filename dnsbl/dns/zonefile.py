"""Zone files: what one TOML file says about one list, checked whole and packed.

Pure: text in, `zones.Zone` out; `config` reads the files. dnslib builds and packs the records here, once.
`zones/relays.example.org.toml` shows a whole file.

A name that could be an address or a part of one never gets another meaning: kinds and static records have labels of at
least two characters that are not all digits.

Over 400 lines, since a file's shape, its checks and what is packed of it are read together.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from string import Formatter
from typing import Annotated, Any, Literal

import dnslib
from dnslib.label import DNSBuffer
from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from dnsbl.addresses import Address
from dnsbl.dns import wire
from dnsbl.dns.trials import TRIALS
from dnsbl.dns.zones import FORMS, LOG, LOOPBACK, NEVER, STATUS, TEST_POINT, DataSource, Kind, View, Zone, Zones, page
from dnsbl.errors import SettingsError
from dnsbl.settings import IN_BAND, Hostname, Section, tables
from dnsbl.settings.mistakes import mistakes as told_of
from dnsbl.settings.values import hostname
from dnsbl.vocabulary import DECLARED, TESTED_KINDS

#: TXT is one string, shown whole in SMTP replies: this many characters with the longest address filled in.
LONGEST_TXT = 200
_LONGEST_ADDRESS = IPv6Address("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")
#: Grows when the same files and rows come to make other records, so that nodes of both versions share no serials.
_RECORDS = 2
#: Leaves room for 32 nibbles and a kind in the 255 bytes of a name.
_LONGEST_ORIGIN = 150

_KIND = re.compile(r"[a-z][a-z0-9-]{0,29}[a-z0-9]\Z")
_RELATIVE = re.compile(r"(?=.{1,60}\Z)([a-z0-9_]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9_]([a-z0-9-]*[a-z0-9])?\Z")
_FILLED = ((None, None, None), ("address", "", None), ("url", "", None))
_DATA = {
    "A": "an IPv4 address",
    "AAAA": "an IPv6 address",
    "MX": "a number and a name: 10 mx.example.org",
    "TXT": "one line of at most 255 printable ASCII characters",
}
_RESERVED_FOR_TRIALS = {trial.label.decode() for trial in TRIALS}
_Timer = Annotated[int, Field(ge=1, le=2**31 - 1)]
_Ttl = Annotated[int, Field(ge=0, le=604800)]


def read_zone(text: str, source: str, *, site: str, today: date | None = None) -> Zone:
    """The zone in this text, as it is on this day; without one its end has not come. `source` names it in mistakes.

    Raises SettingsError with every mistake.
    """
    return _read(text, source, site=site, today=today)[0]


def _read(text: str, source: str, *, site: str, today: date | None = None) -> list[Zone]:
    """The same, and behind it what it is under its watched name, where it has one."""
    try:
        given = tables(text)
        file = _File.model_validate(given, context={"site": site})
    except ValidationError as error:
        raise SettingsError([f"{source}: {one}" for one in told_of(error, given, _File)]) from None
    except ValueError as error:
        raise SettingsError([f"{source}: {error}"]) from None
    zones = [_packed(file, site, PurePath(source).parent)]
    if file.watched is not None:
        again = _packed(file.model_copy(update={"origin": file.watched}), site, PurePath(source).parent)
        zones.append(replace(again, watched=True, use=_WATCHED.replace("ORIGIN", file.origin)))
    over = file.retires is not None and today is not None and file.retires <= today
    return [_ended(zone) if over else zone for zone in zones]


def zones_from(
    texts: Mapping[str, str],
    *,
    site: str,
    today: date | None = None,
    log_keys: Sequence[str] = (),
    terms: str = "",
) -> Zones:
    """All zones as they are on this day, by file name; each that lists tells the keys of the transparency log. `terms`
    says whatever else makes other records of the same files and rows. Raises SettingsError with every mistake in every
    file, and between them."""
    mistakes: list[str] = []
    zones: list[tuple[str, Zone]] = []
    for source, text in texts.items():
        try:
            zones += [(source, zone) for zone in _read(text, source, site=site, today=today)]
        except SettingsError as error:
            mistakes += error.mistakes
    for n, (source, zone) in enumerate(zones):
        for other_source, other in zones[:n]:
            if zone.labels == other.labels:
                mistakes.append(
                    f"{source}: origin: {zone.origin} is also the origin in {other_source}; one file a zone"
                )
            elif (zone.listing and other.listing) and (
                f".{zone.origin}".endswith(f".{other.origin}") or f".{other.origin}".endswith(f".{zone.origin}")
            ):
                mistakes.append(f"{source}: origin: {zone.origin} and {other.origin} must not lie inside one another")
            else:
                mistakes += _hidden(source, zone, other) + _hidden(other_source, other, zone)
    if mistakes:
        raise SettingsError(mistakes)
    over = [zone.origin for _, zone in zones if zone.ended]
    made_of = _RECORDS, site, terms, sorted(texts.values()), *over, *log_keys
    digest = hashlib.sha256(repr(made_of).encode()).hexdigest()
    every = [zone for _, zone in zones]
    return Zones(tuple(_parted(_telling(zone, log_keys), every) for zone in every), digest)


def _telling(zone: Zone, log_keys: Sequence[str]) -> Zone:
    """The zone with the keys of the transparency log at LOG, unless its file has something there or it has ended."""
    if not log_keys or zone.ended or not zone.listing or (LOG,) in zone.static:
        return zone
    data = tuple(packed(dnslib.TXT([key[:255], key[255:]] if len(key) > 255 else key)) for key in log_keys)
    return replace(zone, static={**zone.static, (LOG,): {wire.TXT: (zone.ttl, data)}})


def _parted(zone: Zone, zones: Sequence[Zone]) -> Zone:
    """The zone with the servers of those inside it at their names, and the addresses of such as lie there.

    Its secondaries need them, who else would deny what is inside (RFC 1034 4.2.1); here the inner zone answers. The
    names between exist (RFC 8020). A zone of sources is not transferred, and its sources may say something there.
    """
    inside = [each for each in zones if _lies_in(each, zone)]
    if zone.sources:
        ways = [each.labels[: -len(zone.labels)] for each in inside]
        return replace(zone, between=frozenset(way[n:] for way in ways for n in range(1, len(way))))
    static = dict(zone.static)
    for inner in inside:
        if any(_lies_in(inner, between) for between in inside):
            continue
        below = inner.labels[: -len(zone.labels)]
        static |= {below[n:]: static.get(below[n:], {}) for n in range(1, len(below))}
        static[below] = {wire.NS: (zone.ttl, inner.ns or zone.ns)}
        for name, types in inner.static.items():
            if name and wire.name(name + inner.labels) + b"\0" in inner.ns:
                static[name + below] = {rtype: types[rtype] for rtype in (wire.A, wire.AAAA) if rtype in types}
    return replace(zone, static=static)


def _lies_in(inner: Zone, outer: Zone) -> bool:
    return len(inner.labels) > len(outer.labels) and inner.labels[-len(outer.labels) :] == outer.labels


def _hidden(source: str, inner: Zone, outer: Zone) -> list[str]:
    """A mistake where a zone lies where names of a list are: it would answer in their place."""
    if not outer.listing or not _lies_in(inner, outer):
        return []
    label = inner.labels[-len(outer.labels) - 1]
    names = {name[-1] for name in outer.static if name} | outer.views.keys() | {STATUS}
    if label in names or label.isdigit() or (len(label) == 1 and label in b"0123456789abcdef"):
        return [f"{source}: origin: {inner.origin} lies where {outer.origin} has names of its own, and would hide them"]
    return []


#: What a watched zone is for.
_WATCHED = (
    "It says what ORIGIN says, for mail servers of those who report to this list: what they ask about may be tested "
    "for that. Questions of everybody else are answered, and no more."
)


def _use(kinds: Mapping[str, Kind]) -> str:
    """What a zone is meant for where its file does not say (RFC 6471 2.1, 2.1.3)."""
    if DECLARED & kinds.keys():
        return "It lists nobody: it says how this list has decided, for other lists and for those who look."
    return (
        "Meant for the address of the server that hands mail to yours, not for those in its headers. Single servers "
        "are listed, each for what it did itself, and never for its neighbours; networks only by an operator's word."
    )


def _ended(zone: Zone) -> Zone:
    """The zone after its end: nobody is listed in it, not even the test points, and it says so."""
    static = {labels: dict(types) for labels, types in zone.static.items()}
    static[(STATUS,)] |= _status(zone, "ended")
    return replace(zone, views={b"": View({}, {})}, sources=(), static=static, ended=True)


def _status(zone: Zone, state: str) -> dict[int, tuple[int, tuple[bytes, ...]]]:
    """What STATUS says: words of the form name=value, in one string."""
    words = [f"state={state}"]
    if zone.retires is not None:
        words.append(f"{'since' if state == 'ended' else 'ends'}={zone.retires}")
    words.append(f"more={zone.site}/policy")
    return {wire.TXT: (zone.ttl, (packed(dnslib.TXT(" ".join(words)[:255])),))}


class _SoaTable(Section):
    """[soa]"""

    mname: Hostname
    rname: Hostname
    refresh: _Timer = 3600
    retry: _Timer = 600
    expire: _Timer = 604800
    minimum: _Ttl = 300
    ttl: _Ttl = 3600


class _KindTable(Section):
    """[kinds.<kind>]"""

    code: IPv4Address
    txt: str
    ttl: _Ttl | None = None
    subzone: bool | str = True  # or the label of its sublist, where that is not the kind's name
    aggregate: bool = True

    @field_validator("code")
    @classmethod
    def _in_loopback(cls, code: IPv4Address) -> IPv4Address:
        if code not in LOOPBACK or code == NEVER:
            raise ValueError("an address in 127.0.0.0/8 other than 127.0.0.1 is needed (RFC 5782 2.3 and 5)")
        if code in IN_BAND:
            raise ValueError(f"{IN_BAND} is for answers that are errors, which readers take for no listing")
        return code

    @field_validator("txt")
    @classmethod
    def _one_string(cls, txt: str, info: ValidationInfo) -> str:
        if not txt or not txt.isascii() or not txt.isprintable():
            raise ValueError("one line of printable ASCII is needed")
        try:
            fields = list(Formatter().parse(txt))
        except ValueError:
            raise ValueError("a brace stands alone; only {address} and {url} are filled") from None
        if "{{" in txt or "}}" in txt or any(f[1:] not in _FILLED for f in fields):
            raise ValueError("only {address} and {url} are filled")
        context: Any = info.context
        longest = txt.replace("{url}", page(context["site"], _LONGEST_ADDRESS))
        length = len(longest.replace("{address}", str(_LONGEST_ADDRESS)))
        if length > LONGEST_TXT:
            raise ValueError(f"at most {LONGEST_TXT} characters with the longest address filled in (is {length})")
        return txt


class _RecordTable(Section):
    """[[records]]"""

    name: str
    type: Literal["A", "AAAA", "MX", "TXT"]
    data: str
    ttl: _Ttl | None = None

    @field_validator("name")
    @classmethod
    def _below_the_origin(cls, name: str) -> str:
        name = name.lower()
        if name == "@":
            return name
        if name.rpartition(".")[2] == STATUS.decode():
            raise ValueError(f"{STATUS.decode()} says by itself how the list stands")
        if not _RELATIVE.match(name):
            raise ValueError('"@" or a name below the origin is needed, such as www')
        nearest = name.rpartition(".")[2]
        if len(nearest) < 2 or nearest.isdigit():
            raise ValueError("the last label needs two characters that are not all digits (RFC 5782 2.3)")
        return name

    @model_validator(mode="after")
    def _data(self) -> _RecordTable:
        try:
            self.rdata()
        except ValueError:
            raise ValueError(f"{self.type} data must be {_DATA[self.type]}") from None
        return self

    def rdata(self) -> bytes:
        """The packed data. Raises ValueError."""
        if self.type == "A":
            return packed(dnslib.A(str(IPv4Address(self.data))))
        if self.type == "AAAA":
            return packed(dnslib.AAAA(str(IPv6Address(self.data))))
        if self.type == "MX":
            match = re.fullmatch(r"(\d{1,5}) +([A-Za-z0-9.-]{1,250})", self.data)
            if match is None or int(match[1]) > 65535:
                raise ValueError
            return packed(dnslib.MX(hostname(match[2]), int(match[1])))
        if not self.data.isascii() or not self.data.isprintable() or len(self.data) > 255:
            raise ValueError
        return packed(dnslib.TXT(self.data))


class _SourceTable(Section):
    """[[sources]]"""

    type: str
    files: Annotated[tuple[str, ...], Field(min_length=1, max_length=100)]
    ttl: _Ttl | None = None
    host_bits: bool = False
    pull: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    pull_every: Annotated[float, Field(ge=60, le=604800)] = 3600
    pull_most: Annotated[int, Field(ge=1024, le=1 << 31)] = 1 << 28
    pull_within: Annotated[float, Field(ge=1, le=86400)] = 600

    @field_validator("pull")
    @classmethod
    def _places(cls, pull: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"(https?|rsync)://[!-.0-~][!-~]*", url) for url in pull):
            raise ValueError("URLs of http, https or rsync are needed")
        return pull

    @model_validator(mode="after")
    def _one_each(self) -> _SourceTable:
        if self.pull and len(self.pull) != len(self.files):
            raise ValueError("pull: as many URLs as files are needed")
        return self

    @field_validator("type")
    @classmethod
    def _known(cls, form: str) -> str:
        if form not in FORMS:
            raise ValueError(f"one of {', '.join(FORMS)} is needed")
        return form


class _File(Section):
    """The file."""

    origin: Hostname
    soa: _SoaTable | None = None
    ns: Annotated[tuple[Hostname, ...], Field(max_length=13)] = ()
    ttl: _Ttl = 2100
    use: Annotated[str, Field(max_length=400)] = ""
    retires: date | None = None
    watched: Hostname | None = None
    trial: bool = False
    style: Literal["records", "bitmask"] = "records"
    kinds: dict[str, _KindTable] = Field({})
    sources: Annotated[tuple[_SourceTable, ...], Field(max_length=100)] = ()
    records: tuple[_RecordTable, ...] = ()

    @field_validator("kinds")
    @classmethod
    def _kinds(cls, kinds: dict[str, _KindTable]) -> dict[str, _KindTable]:
        broken = []
        codes: dict[IPv4Address, str] = {}
        labels: dict[str, str] = {}
        for name, kind in kinds.items():
            if not _KIND.match(name):
                broken.append(f"{name[:40]!r}: 2 to 31 letters, digits and hyphens, a letter first (RFC 5782 2.3)")
            if kind.code in codes and not {name, codes[kind.code]} <= TESTED_KINDS:
                broken.append(f"{name}.code: {kind.code} already belongs to {codes[kind.code]}; one code a kind")
            codes.setdefault(kind.code, name)
            if (label := _label(name, kind)) and label != name and not _KIND.match(label):
                broken.append(f"{name}.subzone: {label[:40]!r}: 2 to 31 letters, digits and hyphens, a letter first")
            if label and labels.setdefault(label, name) != name:
                broken.append(f"{name}.subzone: {label[:40]} is already the sublist of {labels[label]}")
            if not (kind.aggregate or kind.subzone):
                broken.append(f"{name}: aggregate or subzone must be true, or nobody can ask for it")
        if (declared := DECLARED & kinds.keys()) and kinds.keys() != declared:
            broken.append(
                f"{min(declared)}: what it says is the opposite of a listing, so its zone has no other kinds "
                "(RFC 6471 3.3)"
            )
        if kinds and not any(kind.aggregate for kind in kinds.values()):
            broken.append("at least one kind must have aggregate = true")
        if broken:
            raise ValueError("\n".join(broken))
        return kinds

    @model_validator(mode="after")
    def _together(self) -> _File:
        broken = [
            f"records: {record.name}: the name {name} belongs to the kind"
            for record in self.records
            if (name := record.name.rpartition(".")[2]) in {_label(kind, table) for kind, table in self.kinds.items()}
        ]
        if self.style == "bitmask":
            before = {kind.code.packed[:3] for kind in self.kinds.values()}
            broken += [
                f"kinds.{name}.code: a zone of style bitmask needs 127.0.0.N, N one of 2, 4, 8, 16, 32, 64, 128, or "
                "the same behind three other octets"
                for name, kind in self.kinds.items()
                if len(before) > 1 or kind.code.packed[3].bit_count() != 1
            ]
        if len(self.origin) > _LONGEST_ORIGIN:
            broken.append(f"origin: at most {_LONGEST_ORIGIN} characters")
        if self.watched is not None and len(self.watched) > _LONGEST_ORIGIN:
            broken.append(f"watched: at most {_LONGEST_ORIGIN} characters")
        if self.watched is not None and (not self.kinds or DECLARED & self.kinds.keys() or self.sources):
            broken.append("watched: only a zone of listings has such a name, without [[sources]]")
        if not self.kinds and not self.sources and not self.trial:
            broken.append("kinds: at least one is needed, or [[sources]], or trial = true")
        if self.trial and (self.kinds or self.sources or self.watched):
            broken.append("trial: such a zone lists nothing, so it has no kinds, no [[sources]] and no watched name")
        if self.trial and (taken := _RESERVED_FOR_TRIALS & {one.name.rpartition(".")[2] for one in self.records}):
            broken.append(f"records: the name {min(taken)} belongs to the trial")
        if (self.kinds or self.trial) and self.soa is None:
            broken.append("soa: needed where kinds are, and for a trial")
        if (self.kinds or self.trial) and not self.ns:
            broken.append("ns: needed where kinds are, and for a trial")
        if self.soa is not None and self.soa.expire <= self.soa.refresh + self.soa.retry:
            broken.append("soa.expire: must be longer than soa.refresh and soa.retry together")
        named = {record.name for record in self.records if record.type in ("A", "AAAA")}
        broken += [
            f"ns: {name} lies in the zone and needs an A or AAAA record in [[records]]"
            for name in self.ns
            if (below := _below(name, self.origin)) is not None and below not in named
        ]
        if broken:
            raise ValueError("\n".join(broken))
        return self


def _below(name: str, origin: str) -> str | None:
    """The part of a name below the origin, "@" for the origin itself, None when it lies elsewhere."""
    if name == origin:
        return "@"
    return name.removesuffix(f".{origin}") if name.endswith(f".{origin}") else None


def _packed(file: _File, site: str, folder: PurePath) -> Zone:
    """Everything that can be packed before the first query."""
    kinds = {
        name: Kind(
            name=name,
            code=table.code,
            txt=table.txt,
            ttl=file.ttl if table.ttl is None else table.ttl,
            packed=packed(dnslib.A(str(table.code))),
        )
        for name, table in file.kinds.items()
    }
    views = {b"": _view({name: kind for name, kind in kinds.items() if file.kinds[name].aggregate})}
    sublists = {name: _label(name, file.kinds[name]) for name in kinds}
    views |= {label.encode(): _view({name: kinds[name]}) for name, label in sublists.items() if label}
    soa, soa_ttl, minimum = b"", 0, 0
    if file.soa is not None:
        timers = (0, file.soa.refresh, file.soa.retry, file.soa.expire, file.soa.minimum)
        soa = packed(dnslib.SOA(file.soa.mname, file.soa.rname, timers))
        soa_ttl, minimum = file.soa.ttl, file.soa.minimum
    static = _static(file)
    glue = tuple(
        wire.record(wire.name(labels) + wire.QNAME, rtype, ttl, rdata)
        for name in file.ns
        if (below := _below(name, file.origin)) is not None
        for labels in [_labels(below)]
        for rtype, (ttl, data) in static[labels].items()
        if rtype in (wire.A, wire.AAAA)
        for rdata in data
    )
    zone = Zone(
        origin=file.origin,
        labels=_labels(file.origin),
        bitmask=file.style == "bitmask",
        site=site,
        ttl=file.ttl,
        soa_ttl=soa_ttl,
        negative_ttl=min(soa_ttl, minimum),
        soa_names=soa[:-20],
        soa_timers=soa[-16:],
        ns=tuple(packed(dnslib.NS(name)) for name in file.ns),
        glue=glue,
        static=static,
        views=views,
        sources=tuple(
            DataSource(
                form=source.type,
                files=tuple(str(folder / name) for name in source.files),
                ttl=file.ttl if source.ttl is None else source.ttl,
                host_bits=source.host_bits,
                pull=source.pull,
                pull_every=source.pull_every,
                pull_most=source.pull_most,
                pull_within=source.pull_within,
            )
            for source in file.sources
        ),
        use=file.use or _use(kinds),
        trial=file.trial,
        retires=file.retires,
    )
    state = "retiring" if file.retires is not None else "alive"
    return replace(zone, static=static | {(STATUS,): _status(zone, state)})


def _label(name: str, kind: _KindTable) -> str:
    """The label of a kind's sublist below the origin; "" where it has none."""
    if isinstance(kind.subzone, str):
        return kind.subzone
    return name if kind.subzone else ""


def _view(kinds: Mapping[str, Kind]) -> View:
    if not kinds:
        return View({}, {})
    tests: dict[Address, Kind] = {}
    for kind in kinds.values():  # of kinds that share a code the first one has it
        tests.setdefault(kind.code, kind)
    tests.setdefault(TEST_POINT, kinds[min(kinds, key=lambda name: kinds[name].code)])
    return View(kinds, tests)


def _static(file: _File) -> dict[tuple[bytes, ...], dict[int, tuple[int, tuple[bytes, ...]]]]:
    static: dict[tuple[bytes, ...], dict[int, tuple[int, tuple[bytes, ...]]]] = {(): {}}
    for record in file.records:
        labels = _labels(record.name)
        for n in range(len(labels)):
            static.setdefault(labels[n:], {})
        rtype = getattr(wire, record.type)
        ttl = file.ttl if record.ttl is None else record.ttl
        old_ttl, data = static[labels].get(rtype, (ttl, ()))
        if (rdata := record.rdata()) not in data:
            static[labels][rtype] = (min(ttl, old_ttl), (*data, rdata))  # RFC 2181 5.2: one TTL for all
    return static


def _labels(name: str) -> tuple[bytes, ...]:
    return () if name == "@" else tuple(name.encode("ascii").split(b"."))


def packed(rdata: Any) -> bytes:
    """Record data as dnslib packs it, without compression, so that it may stand anywhere."""
    buffer = DNSBuffer()
    buffer.encode_name = buffer.encode_name_nocompress
    rdata.pack(buffer)
    return bytes(buffer.data)
