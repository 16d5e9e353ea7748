"""Two relay studies reproduced: towns of simulated mail servers whose habits make the printed counts, surveyed for
real.

    python -m bench.studies [FILE]          all six surveys, and the page that sets them beside the papers

A town lives on loopback alone: mail servers, silence, a name server with MX and A records of its domains and with the
list that some of its relays are on. `dnsbl survey run` is given lists of mail addresses, a range, or a file as nmap
writes it, and has to find all else by asking and testing; who relays stands nowhere but in the servers' habits."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import struct
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from random import Random
from typing import Any

from bench.fleet import MUTED, OUR_DOMAINS, ROOT, Habit, MailServer, mute
from bench.limits import raise_file_limit
from dnsbl.demo.neighbourhood import free_port
from dnsbl.rules.surveys.scope import digest
from dnsbl.rules.surveys.sources import drawn
from dnsbl.rules.surveys.studies import papers

FIRST = IPv4Address("127.70.0.0")  #: of every town: they live one after another
SEED = "imcr-013"
LISTED = "listed.test"  #: the other list, in the towns' DNS
WAIT = 8.0  #: seconds that a survey waits for letters which were accepted
PATIENCE = 120.0  #: seconds for one survey

#: How mail servers of around 2000 greeted, behind their name, by what the studies call them.
GREETINGS = {
    "MERAK 2.10.260": "ESMTP MERAK 2.10.260; Mon, 01 Apr 2002 12:00:00 -0800",
    "Exchange 5.0": "ESMTP Server (Microsoft Exchange Internet Mail Connector 5.0.1457.7) ready",
    "Exchange 5.5": "ESMTP Server (Microsoft Exchange Internet Mail Service 5.5.2653.13) ready",
    "Netscape Mail Server 2.01": "ESMTP (Netscape Mail Server v2.01) ready",
    "IMail 5.05 18710-1": "NT-ESMTP Server (IMail 5.05 18710-1)",
    "ArGoSoft 1.61": "ArGoSoft Mail Server Freeware, Version 1.61 (1.6.1.9)",
    "GroupWise Internet Agent 5.5.4.1": "GroupWise Internet Agent 5.5.4.1 Ready (C)1993, 2000 Novell, Inc.",
    "Sendmail 8.9.3/8.9.3": "ESMTP Sendmail 8.9.3/8.9.3; Mon, 1 Apr 2002 12:00:00 -0800",
    "not named": "ready",
}


class HangsUp(MailServer):
    """Says no goodbye."""

    farewell = b""


class Person(MailServer):
    """Accepts the letter, and its postmaster answers it."""

    async def pass_on(self, mail: bytes, rcpt: bytes, message: bytes) -> None:
        if mail.endswith(OUR_DOMAINS):
            said = (
                b"From: Ann <ann@%(n)b>\r\nTo: <%(t)b>\r\nSubject: Re: your test\r\nMessage-ID: <1@%(n)b>\r\n\r\n"
                b"Hello, what is this about? I have closed our server now.\r\nAnn\r\n.\r\n"
            )
            await self.send(b"ann@" + self.name, mail, said % {b"n": self.name, b"t": mail})


@dataclass(slots=True)
class Town:
    """Who lives where, and what the survey is told."""

    habits: dict[IPv4Address, Habit] = field(default_factory=dict)
    kinds: dict[IPv4Address, type[MailServer]] = field(default_factory=dict)  #: of those that are no plain MailServer
    said: dict[IPv4Address, str] = field(default_factory=dict)  #: greetings
    listed: set[IPv4Address] = field(default_factory=set)  #: on the other list
    answers: dict[tuple[str, int], list[bytes]] = field(default_factory=dict)  #: DNS: name and type -> records
    names: set[str] = field(default_factory=set)  #: that there are
    nobody: set[IPv4Address] = field(default_factory=set)  #: silent at every port
    words: list[str] = field(default_factory=list)  #: of the command, but for its files
    files: dict[str, str] = field(default_factory=dict)  #: option -> contents; --domains may have a number behind it


# ------------------------------------------------------------------------------------------- towns of the papers


def town(paper: Mapping[str, Any]) -> Town:
    """The town of a study's figures."""
    return _of_domains(paper) if "stages" in paper else _of_range(paper) if "range" in paper else _of_scan(paper)


def _shuffled(kinds: Counter[str]) -> list[str]:
    found = [kind for kind, number in kinds.items() for _ in range(number)]
    Random(2002).shuffle(found)
    return found


def _spread(number: int, kinds: tuple[str, ...]) -> Counter[str]:
    """So many, of each of these kinds in turn."""
    return Counter(kinds[n % len(kinds)] for n in range(number))


_UNREACHED = ("SILENT", "REFUSING", "TURNS_AWAY", "NO_MAIL")
_REFUSED = ("CLOSED", "SOFT", "CLOSED")
_NO_TEXT = ("NO_DATA", "NO_END")


def _of_domains(p: Mapping[str, Any]) -> Town:
    """Domains in lists, their mail hosts, and of those that the seed draws each with a habit."""
    found = Town()
    names = [f"d{n}.{'abcdefgh'[n % 8]}.test" for n in range(p["domains"])]
    reached = names[: p["with_address"]]
    for n, name in enumerate(names):
        found.names.add(name)
        if n >= p["with_address"]:  # without an address: no MX, or one that leads nowhere
            if n % 2:
                _mx(found, name, (10, f"gone.{name}"))
            continue
        address = FIRST + n
        if n % 5 == 0:  # its own address
            _a(found, name, address)
        else:
            _mx(found, name, (20, f"backup.{name}"), (10, f"mx.{name}"))
            _a(found, f"mx.{name}", address)
            _a(found, f"backup.{name}", FIRST + 60000)
    rest = p["sample"] - sum(p["stages"].values()) - p["quit"]  # of whom the paper does not tell
    stages = p["stages"]
    kinds = _spread(stages["CONNECT"], _UNREACHED) + _spread(stages["TO"], _REFUSED) + _spread(stages["DATA"], _NO_TEXT)
    kinds += Counter(ANY=p["delivered"], BOUNCES=p["bounced"], PERSON=p["human"], QUIT=p["quit"] + rest)
    kinds += Counter(LOSES=stages["OK"] - p["delivered"] - p["bounced"] - p["human"])
    chosen = drawn(reached, p["sample"], SEED)
    for name, kind in zip((name for name in reached if name in chosen), _shuffled(kinds), strict=True):
        _settle(found, FIRST + names.index(name), kind)
    _lists(found, names, p["addresses"], p["lists"])
    found.words = ["--sample", str(p["sample"]), "--seed", SEED]
    return found


def _lists(found: Town, names: list[str], addresses: int, lists: int) -> None:
    """So many mail addresses in so many lists, each domain at least once."""
    random = Random(1998)
    members = [f"member{n}@{names[n] if n < len(names) else random.choice(names)}\n" for n in range(addresses)]
    random.shuffle(members)
    texts = ["".join(members[n::lists]) for n in range(lists)]
    found.files = {f"--domains {n}": text for n, text in enumerate(texts)}
    leave = 'who = "this study"\nwhen = 1998-01-01\nwhat = "domains that were made up for it"\n'
    of = digest([text.encode() for text in texts])
    found.files["--authorization"] = f'{leave}sha256 = "{of}"\n'


def _settle(found: Town, address: IPv4Address, kind: str) -> None:
    if kind in ("QUIT", "PERSON"):
        found.kinds[address] = HangsUp if kind == "QUIT" else Person
        found.habits[address] = Habit.LOSES
    else:
        found.habits[address] = Habit[kind]


def _m5_kinds(p: Mapping[str, Any]) -> Counter[str]:
    kinds = Counter(REFUSING=p["closed"], FILTERED=p["filtered"], RELAY=p["confirmed"])
    kinds += _spread(p["not_delivered"], ("LOSES", "BOUNCES"))
    return kinds + _spread(p["open"] - p["open_relays"], ("CLOSED", "SOFT", "NO_DATA", "NO_END", "CLOSED"))


def _m5_settled(found: Town, p: Mapping[str, Any], kinds: list[str]) -> None:
    relays = iter(p["relays"])
    for n, kind in enumerate(kinds):
        address = FIRST + n
        if kind != "RELAY":
            _settle(found, address, kind)
            continue
        name, listed = next(relays)
        found.habits[address], found.said[address] = Habit.ANY, GREETINGS[name]
        if listed:
            found.listed.add(address)


def _of_range(p: Mapping[str, Any]) -> Town:
    """A range as long as the study's, most of it empty."""
    found = Town()
    first, _, last = p["range"].partition("-")
    number = int(IPv4Address(last)) - int(IPv4Address(first)) + 1
    kinds = _m5_kinds(p)
    _m5_settled(found, p, _shuffled(kinds + Counter(SILENT=number - kinds.total())))
    found.nobody = {address for address, habit in found.habits.items() if habit is Habit.SILENT}
    found.words = ["--range", f"{FIRST}-{FIRST + number - 1}"]
    return found


def _of_scan(p: Mapping[str, Any]) -> Town:
    """Hosts of which nmap has told."""
    found = Town()
    _m5_settled(found, p, _shuffled(_m5_kinds(p)))
    found.files["--nmap"] = "".join(f"Host: {address} ()\tStatus: Up\n" for address in found.habits)
    return found


# -------------------------------------------------------------------------------------------------- a town's DNS


def _labels(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def _a(found: Town, name: str, address: IPv4Address) -> None:
    found.names.add(name)
    found.answers.setdefault((name, 1), []).append(address.packed)


def _mx(found: Town, name: str, *records: tuple[int, str]) -> None:
    found.answers[name, 15] = [struct.pack("!H", preference) + _labels(host) for preference, host in records]


class TownNames(asyncio.DatagramProtocol):
    """Answers questions of one town by UDP (RFC 1035 4), about the other list as well."""

    def __init__(self, here: Town) -> None:
        self._town = here
        for address in (*here.listed, IPv4Address("127.0.0.2")):
            _a(here, ".".join(reversed(str(address).split("."))) + "." + LISTED, IPv4Address("127.0.0.2"))
        here.names.add(LISTED)
        here.answers[LISTED, 2] = [_labels("ns." + LISTED)]
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12)
        labels, place = [], 12
        while place < end:
            labels.append(data[place + 1 : place + 1 + data[place]].decode().lower())
            place += 1 + data[place]
        name, kind = ".".join(labels), struct.unpack_from("!H", data, end + 1)[0]
        records = self._town.answers.get((name, kind), [])
        code = 0 if records or name in self._town.names else 3
        head = data[:2] + struct.pack("!HHHHH", 0x8580 | code, 1, len(records), 0, 0)
        body = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(one)) + one for one in records)
        self._transport.sendto(head + data[12 : end + 5] + body, addr)


# -------------------------------------------------------------------------------------------------- surveys of it


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything is, on loopback."""

    mail: int
    presence: int
    collector: int
    dns: int

    @classmethod
    def free(cls) -> Ports:
        """Four that are free."""
        ports: set[int] = set()
        while len(ports) < 4:
            ports.add(free_port())
        return cls(*sorted(ports))


@contextlib.asynccontextmanager
async def lived_in(here: Town, ports: Ports) -> AsyncIterator[None]:
    """The town, while it is."""
    muted = [mute(str(address), ports.mail) for address, habit in here.habits.items() if habit in MUTED]
    muted += [mute(str(address), ports.presence) for address in here.nobody]
    servers = []
    for address, habit in here.habits.items():
        if habit not in (*MUTED, Habit.REFUSING):
            kind = here.kinds.get(address, MailServer)
            talks = kind(address, habit, ports.collector, here.said.get(address, "ESMTP"))
            servers.append(await asyncio.start_server(talks, str(address), ports.mail, backlog=64))
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: TownNames(here), local_addr=("127.0.0.1", ports.dns))
    try:
        yield
    finally:
        transport.close()
        for server in servers:
            server.close()
        for sock in muted:
            sock.close()


def settle(place: Path, ports: Ports) -> Path:
    """A folder with a list's settings, for surveys of towns; returns the configuration."""
    shutil.copytree(ROOT / "zones", place / "zones", ignore=shutil.ignore_patterns("historic"))
    config = place / "config.toml"
    config.write_text(
        f'[tester]\nport = {ports.mail}\nlab_networks = ["127.0.0.0/8"]\nconcurrency = 4000\nper_network = 300\n'
        "connect_timeout = 3\nbanner_timeout = 30\ncommand_timeout = 30\nattempt_gap = 0\nconnection_gap = 0\n"
        f'[survey]\nauthorized_networks = ["127.0.0.0/8"]\ncollector_domain = "c.test"\nbounce_domain = "b.test"\n'
        f'listen = "127.0.0.1:{ports.collector}"\n'
        f'[others]\nlists = ["{LISTED}"]\nservers = ["127.0.0.1:{ports.dns}"]\n'
    )
    return config


async def dnsbl(*words: str) -> str:
    """What the command says on standard output. Raises SystemExit where it fails."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dnsbl", *words), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise SystemExit(f"bench: `dnsbl {' '.join(words[:3])}` failed")
    return said.decode()


async def survey(name: str, here: Town, form: str, config: Path, ports: Ports, *, wait: float = WAIT) -> None:
    """Survey a town."""
    words = ["survey", "run", name, "--form", form, "--wait", str(wait), "--config", str(config), *here.words]
    if here.nobody:
        words += ["--presence", str(ports.presence)]
    words += [word for one in _files(here, config.parent / name) for word in one]
    if "--authorization" in here.files:
        words += ["--resolver", f"127.0.0.1:{ports.dns}"]
    async with lived_in(here, ports):
        await dnsbl(*words)


def _files(here: Town, place: Path) -> Iterator[tuple[str, str]]:
    place.mkdir()
    for number, (option, text) in enumerate(here.files.items()):
        path = place / f"{number}.txt"
        path.write_text(text)
        yield option.split(" ")[0], str(path)


async def reproduce(place: Path, *, wait: float = WAIT) -> str:
    """Survey the towns of all studies one after another; returns the page that sets them beside the papers."""
    ports = Ports.free()
    config = settle(place, ports)
    for name, paper in papers().items():
        await survey(name, town(paper), paper["form"], config, ports, wait=wait)
    return await dnsbl("survey", "report", *papers(), "--format", "studies", "--config", str(config))


def main(arguments: list[str]) -> int:
    """Reproduce all, and write the page, or show it."""
    raise_file_limit()
    with tempfile.TemporaryDirectory() as place:
        page = asyncio.run(reproduce(Path(place)))
    if arguments:
        Path(arguments[0]).write_text(page)
    else:
        print(page, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
