"""What a run of the DNS bench measured, the arithmetic on it, and the goals that it is held to.

Pure. A machine's mood changes from minute to minute, so that times mean little and ratios within one round much: every
ratio here is the median over rounds of the quotient of two servers in the same round, told with its lowest and highest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

#: The servers, as tables and goals name them.
OURS, PLAIN, TWO, RBLDNSD, NSD, ECHO = "dnsbl", "dnsbl, plain", "dnsbl, 2 threads", "rbldnsd", "NSD", "echo"
GUARDS_OFF, GUARDS_ON = "dnsbl, guards off", "dnsbl, guards on"
#: The sizes that goals name.
SMALL, MIDDLE, LARGE = 10_000, 1_000_000, 10_000_000


@dataclass
class Load:
    """One round of one server under as many queries as it takes."""

    rate: float  #: queries a second
    user: float  #: microseconds of CPU a query
    system: float
    lost: int = 0  #: queries without an answer

    @property
    def cpu(self) -> float:
        """Microseconds a query, user and system together."""
        return self.user + self.system


@dataclass
class Row:
    """One server at one size; the echo has size 0."""

    name: str
    size: int
    loads_in: float = 0.0  #: seconds from the start of the program to the first answer
    resident: float = 0.0  #: MB, after the load
    rounds: list[Load] = field(default_factory=list)
    latency: list[tuple[float, float]] = field(default_factory=list)  #: p50 and p99 in microseconds, by round
    half: float = 0.0  #: queries a second at which latency was measured

    @property
    def cpu(self) -> list[float]:
        """Microseconds a query, by round."""
        return [load.cpu for load in self.rounds]

    @property
    def rates(self) -> list[float]:
        """Queries a second, by round."""
        return [load.rate for load in self.rounds]

    @property
    def p99(self) -> list[float]:
        """Microseconds, by round."""
        return [p99 for _, p99 in self.latency]


@dataclass
class Listed:
    """Single listings to a large table, from the verb to the answer, with and without load."""

    size: int
    cpu: list[float]  #: seconds of the idle server's CPU from before the verb until it answers
    quiet: list[float]  #: seconds from before the verb until it answers, without load
    loaded: list[float]  #: the same under full load
    asked: int  #: queries of that load
    lost: int
    resident: float  #: MB of a server that has followed a store of that size
    first: float | None  #: seconds of a listing that came while the store was first read; None when that was over


@dataclass
class Filed:
    """A data file of one form, in us and in rbldnsd."""

    form: str
    ours: Row
    rbldnsd: Row
    reads: list[float]  #: seconds of CPU of our readings, up to the engine that answers
    their_reads: list[float]
    grown: float  #: MB resident more than with a file of one line
    their_grown: float

    @property
    def cpu(self) -> Figure | None:
        """CPU a query, ours to rbldnsd's."""
        return paired(self.ours, self.rbldnsd, lambda row: row.cpu)

    @property
    def read(self) -> float:
        """CPU of reading, ours to rbldnsd's."""
        return median(self.reads) / median(self.their_reads)

    @property
    def memory(self) -> float:
        """What the file costs in memory, ours to rbldnsd's."""
        return self.grown / self.their_grown


@dataclass
class Measured:
    """All that was measured."""

    rows: list[Row] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)  #: seconds from after the imports to the first answer
    ready_size: int = 0
    store: list[float] = field(default_factory=list)  #: microseconds of CPU a row of a snapshot
    store_size: int = 0
    listed: Listed | None = None
    files: list[Filed] = field(default_factory=list)

    def row(self, name: str, size: int) -> Row | None:
        """The row of this server, if it was there; the echo stands at every size."""
        wanted = (name, 0 if name == ECHO else size)
        return next((row for row in self.rows if (row.name, row.size) == wanted), None)

    @property
    def sizes(self) -> list[int]:
        """Numbers of entries, the smallest first."""
        return sorted({row.size for row in self.rows} - {0})


@dataclass(frozen=True)
class Figure:
    """A figure with its spread."""

    value: float
    low: float
    high: float


def of(values: Iterable[float]) -> Figure | None:
    """The median of some values with the lowest and highest of them; None for none."""
    found = sorted(values)
    return Figure(median(found), found[0], found[-1]) if found else None


def paired(one: Row | None, other: Row | None, what: Callable[[Row], Sequence[float]]) -> Figure | None:
    """The ratio of one server to the other: the median of the rounds' quotients. None when one was not measured."""
    if one is None or other is None or not what(one) or not what(other):
        return None
    return of(a / b for a, b in zip(what(one), what(other), strict=True))


def growth(measured: Measured, name: str) -> float | None:
    """MB of resident memory for each further million of entries, from the smallest size to the largest."""
    small, large = (
        (measured.row(name, size) for size in (measured.sizes[0], measured.sizes[-1]))
        if measured.sizes
        else (None, None)
    )
    if small is None or large is None or small is large:
        return None
    return (large.resident - small.resident) / (large.size - small.size) * 1e6


@dataclass(frozen=True)
class Goal:
    """One goal: the figure of this name (see `figures`) is at most, or at least, this."""

    figure: str
    sentence: str
    limit: float
    unit: str = ""
    least: bool = False
    less: bool = False  #: strictly less

    def met(self, figure: Figure) -> bool:
        """Whether the figure's median keeps to the limit."""
        if self.least:
            return figure.value >= self.limit
        return figure.value < self.limit if self.less else figure.value <= self.limit

    @property
    def bound(self) -> str:
        """The limit, for people."""
        sign = ">=" if self.least else "<" if self.less else "<="
        return f"{sign} {self.limit:g} {self.unit}".rstrip()


GOALS = (
    Goal("cpu / rbldnsd", "CPU a query at 1,000,000, ours to rbldnsd's", 0.9),
    Goal("cpu / echo", "CPU a query at 1,000,000, ours to the echo's", 1.3),
    Goal("cpu, large / middle", "CPU a query, ours at 10,000,000 to ours at 1,000,000", 1.15),
    Goal("memory growth / rbldnsd", "resident memory a million more, ours to rbldnsd's", 0.5),
    Goal("memory / rbldnsd", "resident memory at 10,000,000, ours to rbldnsd's", 1.0),
    Goal("memory following / rbldnsd", "the same once it has followed a store of that size", 1.0),
    Goal("ready", "from the imports to the first answer, mapped file of 10,000,000", 0.3, "s"),
    Goal("store", "CPU a row of the first look at a store of 1,000,000", 3.0, "us"),
    Goal("p99, small / rbldnsd", "p99 latency at half load at 10,000, ours to rbldnsd's", 1.2),
    Goal("p99, middle / rbldnsd", "p99 latency at half load at 1,000,000, ours to rbldnsd's", 1.2),
    Goal("p99, large / rbldnsd", "p99 latency at half load at 10,000,000, ours to rbldnsd's", 1.2),
    Goal("guards", "CPU a query at 1,000,000, guards on to guards off", 1.15),
    Goal("plain / rbldnsd", "queries a second at 1,000,000, plain to rbldnsd's", 0.4, least=True),
    Goal("plain / rbldnsd, by CPU", "the same by the CPU that a query takes", 0.4, least=True),
    Goal("listing, CPU", "CPU of one listing at 10,000,000, until it is answered", 0.1, "s", less=True),
    Goal("listing, time", "time of one listing at 10,000,000 under load, the slowest", 1.0, "s", less=True),
    Goal("listing, lost", "queries lost while listings come in under load", 0),
    Goal("files, cpu", "CPU a query of data files of 1,000,000 lines, ours to rbldnsd's, the worst form", 0.9),
    Goal("files, read", "CPU of reading such a file, ours to rbldnsd's, the worst form", 1.2),
    Goal("files, names", "memory of 1,000,000 names in a data file, ours to rbldnsd's", 1.3),
)


def figures(measured: Measured) -> dict[str, Figure]:
    """All figures of a run that goals may name; those not measured are missing."""
    middle, rbldnsd = measured.row(OURS, MIDDLE), measured.row(RBLDNSD, MIDDLE)
    found = {
        "cpu / rbldnsd": paired(middle, rbldnsd, lambda row: row.cpu),
        "cpu / echo": paired(middle, measured.row(ECHO, MIDDLE), lambda row: row.cpu),
        "cpu, large / middle": paired(measured.row(OURS, LARGE), middle, lambda row: row.cpu),
        "memory / rbldnsd": paired(measured.row(OURS, LARGE), measured.row(RBLDNSD, LARGE), lambda row: [row.resident]),
        "ready": of(measured.ready if measured.ready_size == LARGE else ()),
        "store": of(measured.store if measured.store_size == MIDDLE else ()),
        "guards": paired(measured.row(GUARDS_ON, MIDDLE), measured.row(GUARDS_OFF, MIDDLE), lambda row: row.cpu),
        "plain / rbldnsd": paired(measured.row(PLAIN, MIDDLE), rbldnsd, lambda row: row.rates),
        "plain / rbldnsd, by CPU": paired(rbldnsd, measured.row(PLAIN, MIDDLE), lambda row: row.cpu),
    }
    for word, size in (("small", SMALL), ("middle", MIDDLE), ("large", LARGE)):
        found[f"p99, {word} / rbldnsd"] = paired(
            measured.row(OURS, size), measured.row(RBLDNSD, size), lambda row: row.p99
        )
    mine, theirs = growth(measured, OURS), growth(measured, RBLDNSD)
    if mine is not None and theirs and measured.sizes[-1] == LARGE:
        found["memory growth / rbldnsd"] = of([mine / theirs])
    if (listed := measured.listed) is not None and listed.size == LARGE:
        found["listing, CPU"] = of(listed.cpu)
        found["listing, time"] = of([max(listed.loaded)])
        found["listing, lost"] = of([listed.lost])
        if (large := measured.row(RBLDNSD, LARGE)) is not None:
            found["memory following / rbldnsd"] = of([listed.resident / large.resident])
    if measured.files and all(one.ours.size == MIDDLE for one in measured.files):
        found["files, cpu"] = max(
            (one.cpu for one in measured.files if one.cpu), key=lambda one: one.value, default=None
        )
        found["files, read"] = of([max(one.read for one in measured.files)])
        found["files, names"] = of(one.memory for one in measured.files if one.form == "dnset")
    return {name: figure for name, figure in found.items() if figure is not None}
