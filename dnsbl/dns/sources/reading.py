"""Data files, read line by line into datasets; what is not taken is named with its line and the reason.

Pure: bytes in, `Holding` out; opening and unpacking files is `serving.datafiles`, following them `serving.sources`. The
forms and the lines with a dollar sign are those of rbldnsd(8), "DATASET TYPES AND FORMATS"; docs/rbldnsd.md says where
we differ. A line that is not understood costs that line alone; only what makes the lines after it mean something else
ends the reading (Unusable). What reads here is the reference; simple lines are taken by the million by `_swift`, where
it is there: it makes the same arrays of them and leaves every other line.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dnsbl.dns import wire
from dnsbl.dns.sources import networks, sheet, words
from dnsbl.dns.sources.dataset import EXCLUDED, Dataset
from dnsbl.dns.sources.names import read_name
from dnsbl.dns.sources.sheet import Sheet
from dnsbl.dns.sources.values import DEFAULT, LONGEST, NotTaken, Value, number_in, read_a, read_value
from dnsbl.dns.zones import FORMS
from tester.records import dataclass

#: Seconds, of answers when neither file nor settings name a time (rbldnsd -t).
USUAL_TTL = 2100
#: Refused lines of a source that are kept with their words; the others are counted.
MOST_REFUSED = 1000
MOST_SERVERS = 32

_BLANK = b" \t"


class Unusable(Exception):
    """Why a source cannot be taken as a whole, in one sentence."""


class RefusedLine(NamedTuple):
    """A line that was not taken."""

    file: str
    line: int
    why: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.why}"


class Authority(NamedTuple):
    """What a $SOA line says; times in seconds, serial 0 stands for the time of the newest file."""

    ttl: int
    mname: bytes  #: packed, with the root
    rname: bytes
    serial: int
    timers: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Holding:
    """What a source holds."""

    datasets: tuple[tuple[tuple[tuple[bytes, ...], ...], Dataset], ...]
    """Each with the labels below the zone's origin that it answers for; () is the origin."""
    authority: Authority | None
    servers: tuple[int, tuple[bytes, ...]] | None  #: TTL, and packed names with the root
    expires: int  #: Unix seconds; 0 for never
    refused: tuple[RefusedLine, ...]  #: the first MOST_REFUSED
    refusals: int  #: all of them
    lines: int


class Reader:
    """Reads the files of one source in order, as if they were one."""

    def __init__(
        self, form: str, *, ttl: int = USUAL_TTL, now: int, host_bits: bool = False, plain: bool = False
    ) -> None:
        """`ttl` where no $TTL says otherwise, `now` in Unix seconds; `host_bits` takes networks with bits behind the
        prefix (rbldnsd -e), `plain` leaves every line to Python."""
        self._swift = None if plain else sheet.swift
        self._usual = ttl
        self._now = now
        self._host_bits = host_bits
        self._common = Sheet(form, form, ((),), ttl, swift=self._swift is not None)
        self._sheets = [] if form == "combined" else [self._common]
        self._sheet = self._common
        self._most = 0  # $MAXRANGE4, in addresses
        self._authority: Authority | None = None
        self._servers: tuple[int, tuple[bytes, ...]] | None = None
        self._expires = 0
        self._files: list[tuple[str, int]] = []  # name, lines before it
        self._lines = 0
        self._refused: list[RefusedLine] = []
        self._refusals = 0

    def read(self, name: str, data: bytes | memoryview) -> None:
        """Read this file. Raises Unusable."""
        self._files.append((name, self._lines))
        if self._common.form == "combined":
            self._sheet = self._common
        self._sheet.default = DEFAULT
        text = bytes(data)
        at = 3 if text.startswith(b"\xef\xbb\xbf") else 0
        simple = self._swift if b"\0" not in text else None
        while at < len(text):
            if simple is not None:
                at, self._lines = simple.run(text, at, self._lines, self._sheet.form, self._sheet, self._most)
                if at == len(text):
                    break
            end = text.find(b"\n", at)
            end = len(text) if end < 0 else end
            self._lines += 1
            self._line(text[at:end])
            at = end + 1

    def contents(self) -> Holding:
        """What the files hold; nothing is read afterwards. Raises Unusable."""
        found = tuple((sheet.subzones, self._packed(sheet)) for sheet in self._sheets if sheet.subzones)
        self._sheets = []
        if self._swift is not None:
            self._swift.trim()
        return Holding(
            datasets=found,
            authority=self._authority,
            servers=self._servers,
            expires=self._expires,
            refused=tuple(self._refused),
            refusals=self._refusals,
            lines=self._lines,
        )

    def _line(self, line: bytes) -> None:
        cut = line.find(b"\0")
        line = (line if cut < 0 else line[:cut]).rstrip(b" \t\r").lstrip(_BLANK)
        try:
            if line[:1] == b"$" or (line[:1] in (b"#", b";", b":") and line[1:2] == b"$"):
                self._special(line[1:] if line[:1] == b"$" else line[2:])
            elif line and line[:1] not in (b"#", b";"):
                self._entry(line)
        except NotTaken as why:
            self._refuse(self._lines, str(why))

    def _refuse(self, line: int, why: str) -> None:
        self._refusals += 1
        if len(self._refused) < MOST_REFUSED:
            self._refused.append(RefusedLine(*self._place(line), why))

    def _place(self, line: int) -> tuple[str, int]:
        name, before = next((name, before) for name, before in reversed(self._files) if before < line)
        return name, line - before

    # Entries

    def _entry(self, line: bytes) -> None:
        sheet = self._sheet
        if sheet.form == "combined":
            raise Unusable("{}, line {}: an entry before the first $DATASET line".format(*self._place(self._lines)))
        if sheet.form == "generic":
            return self._record(line)
        if line[:1] == b":" and not (sheet.form.startswith("ip6") and line[:2] == b"::"):
            default = read_value(line, DEFAULT)
            sheet.default = default
            if sheet.shared is None:
                sheet.shared = default
            return None
        excluded = line[:1] == b"!"
        if excluded:
            line = line[1:].lstrip(_BLANK)
        if sheet.form == "dnset":
            return self._name(line, excluded=excluded)
        blocks, rest = self._blocks(line, excluded=excluded)
        if rest and rest[0] not in networks.AFTER:
            raise NotTaken("something stands right behind the address")
        value = 0
        if not excluded:
            value = self._value(rest) if sheet.form not in ("ip4tset", "ip6tset") else 1
        for first, length in blocks:
            sheet.entries.add(first, length, value, self._lines)
        return None

    def _blocks(self, line: bytes, *, excluded: bool) -> tuple[Iterable[tuple[int, int]], bytes]:
        """The blocks of the network that a line begins with, and what follows it."""
        form = self._sheet.form
        if form == "ip4tset":
            if excluded:
                raise NotTaken("the form ip4tset has no exclusions")
            number, rest = networks.one4(line)
            return [(number, 32)], rest
        if form == "ip6tset":
            number, rest = networks.whole6(line) if excluded else networks.half6(line)
            return [(number, 128 if excluded else 64)], rest
        if form == "ip6trie":
            number, length, rest = networks.prefix6(line, host_bits=self._host_bits)
            return [(number, length)], rest
        if form == "ip4trie":
            number, length, rest = networks.prefix4(line, host_bits=self._host_bits)
            self._bounded(1 << 32 - length)
            return [(number, length)], rest
        first, last, rest = networks.range4(line, host_bits=self._host_bits)
        self._bounded(last - first + 1)
        return networks.blocks4(first, last), rest

    def _bounded(self, size: int) -> None:
        if self._most and size > self._most:
            raise NotTaken(f"a range of {size} addresses, where $MAXRANGE4 allows {self._most}")

    def _value(self, rest: bytes) -> int:
        """The number of the value in what follows an address or a name."""
        sheet, rest = self._sheet, rest.lstrip(_BLANK)
        if not rest or rest[:1] in (b"#", b";"):
            return sheet.values.number(sheet.default)
        return sheet.values.number(read_value(rest, sheet.default))

    def _name(self, line: bytes, *, excluded: bool) -> None:
        itself = below = True
        if line[:1] == b".":
            line = line[1:]
        elif line[:2] == b"*.":
            line, itself = line[2:], False
        else:
            below = False
        name, _, rest = words.word(line)
        packed = read_name(name)
        value = EXCLUDED if excluded else self._value(rest)
        self._sheet.names.add(packed, value, itself=itself, below=below)

    def _record(self, line: bytes) -> None:
        """A line of the form generic: name, TTL or not, IN or not, type, data."""
        sheet = self._sheet
        word, _, rest = words.word(line)
        name = b"" if word == b"@" else read_name(word)
        ttl = sheet.ttl
        word, _, after = words.word(rest)
        if word[:1].isdigit():
            ttl, rest = words.time(word) or sheet.ttl, after
            word, _, after = words.word(rest)
        if word.lower() == b"in":
            word, _, after = words.word(after)
        kind = word.lower()
        if kind == b"a":
            rtype, rdata = wire.A, read_a(words.digits(after), b"\0\0\0")
        elif kind == b"txt":
            if not after:
                raise NotTaken("a TXT record without text")
            quoted = len(after) >= 2 and after[:1] == after[-1:] == b'"'
            text = (after[1:-1] if quoted else after)[:LONGEST]
            rtype, rdata = wire.TXT, bytes((len(text),)) + text
        elif kind == b"mx":
            fields = after.split()
            preference = number_in(fields[0], 65535) if len(fields) == 2 else -1
            if preference < 0:
                raise NotTaken("an MX record needs a number and a name")
            rtype, rdata = wire.MX, preference.to_bytes(2) + read_name(fields[1], root=True) + b"\0"
        else:
            raise NotTaken("only records of the types A, TXT and MX are taken")
        value = Value(bytes(4), rtype.to_bytes(2) + ttl.to_bytes(4) + rdata)
        sheet.names.add(name, sheet.values.number(value), itself=True, below=False)

    # Lines with a dollar sign

    def _special(self, line: bytes) -> None:
        word, blank, rest = words.word(line)
        keyword = word.lower()
        if keyword == b"dataset" and self._common.form == "combined":
            return self._dataset(rest)
        if not blank or not rest:
            raise NotTaken("nothing that is known behind the dollar sign")
        if keyword == b"=":
            self._sheet.base = self._sheet.base or rest
        elif len(keyword) == 1 and keyword.isdigit():
            self._sheet.variables[int(keyword)] = self._sheet.variables[int(keyword)] or rest
        elif keyword == b"ttl":
            self._sheet.ttl = words.time(rest) or self._usual
        elif keyword == b"soa":
            self._soa(rest)
        elif keyword in (b"ns", b"nameserver"):
            self._ns(rest)
        elif keyword == b"timestamp":
            self._stamp(rest)
        elif keyword == b"maxrange4":
            self._maxrange(rest)
        else:
            raise NotTaken("nothing that is known behind the dollar sign")
        return None

    def _soa(self, rest: bytes) -> None:
        fields = rest.split()
        serial = number_in(fields[3], 0xFFFFFFFF) if len(fields) == 8 else -1
        if serial < 0:
            raise NotTaken("$SOA needs a TTL, two names, a serial and four times")
        ttl = words.time(fields[0]) or self._sheet.ttl
        mname, rname = (read_name(word, root=True) for word in fields[1:3])
        refresh, retry, expire, minimum = map(words.time, fields[4:])
        if self._authority is None:
            timers = (refresh, retry, expire, minimum)
            self._authority = Authority(ttl, mname + b"\0", rname + b"\0", serial, timers)

    def _ns(self, rest: bytes) -> None:
        ttl, *given = rest.split()
        seconds = words.time(ttl) or self._sheet.ttl
        servers = [read_name(word, root=True) + b"\0" for word in given if not word.startswith(b"-")]
        if not given:
            raise NotTaken("$NS needs a TTL and names")
        if self._servers is None and servers:
            self._servers = seconds, tuple(servers[:MOST_SERVERS])

    def _stamp(self, rest: bytes) -> None:
        given = rest.split()
        if len(given) > 2:
            raise NotTaken("$TIMESTAMP needs one time or two")
        created = words.moment(given[0])
        if created > self._now:
            raise Unusable("{}, line {}: $TIMESTAMP lies in the future".format(*self._place(self._lines)))
        if len(given) == 2:
            expires = created + words.time(given[1][1:]) if given[1].startswith(b"+") else words.moment(given[1])
            if expires and (not self._expires or expires < self._expires):
                self._expires = expires

    def _maxrange(self, rest: bytes) -> None:
        prefix = rest.startswith(b"/")
        said = number_in(rest[1:], 32) if prefix else number_in(rest, 2**32)
        if said < 0:
            raise NotTaken("$MAXRANGE4 needs a prefix length or a number of addresses")
        most = 1 << 32 - said if prefix else said
        if not most or (self._most and most > self._most):
            raise NotTaken("$MAXRANGE4 can only become smaller")
        self._most = most

    def _dataset(self, rest: bytes) -> None:
        kind, *names = rest.split() or [b""]
        form, _, label = kind.decode("latin-1").partition(":")
        if form == "combined" or form not in FORMS:
            raise Unusable("{}, line {}: no such form in a combined file".format(*self._place(self._lines)))
        subzones, wrong = [], ""
        for name in names:  # the lines that follow are this dataset's and none other's, whatever becomes of its line
            try:
                subzones.append(() if name == b"@" else words.labels(read_name(name, root=True)))
            except NotTaken as why:
                wrong = wrong or str(why)
        common = self._common
        self._sheet = Sheet(
            form,
            label or form,
            tuple(subzones),
            common.ttl,
            common.base,
            list(common.variables),
            swift=common.swift,
        )
        self._sheets.append(self._sheet)
        if wrong:
            raise NotTaken(f"a subzone of the dataset is none: {wrong}")
        if not subzones:
            raise NotTaken("a dataset without subzones answers nothing")

    def _packed(self, sheet: Sheet) -> Dataset:
        dataset, twice = sheet.packed()
        for line in twice[:MOST_REFUSED]:
            self._refuse(line, "the network is there already")
        self._refusals += len(twice[MOST_REFUSED:])
        return dataset


def read(
    form: str, files: Sequence[tuple[str, bytes]], *, now: int, ttl: int = USUAL_TTL, plain: bool = False
) -> Holding:
    """What these files (name, text) hold together. Raises Unusable."""
    reader = Reader(form, now=now, ttl=ttl, plain=plain)
    for name, data in files:
        reader.read(name, data)
    return reader.contents()
