"""What a configuration says that cannot work here, beyond what one key can tell: places that are taken twice, files
that are not there, folders that cannot be written, names that are nobody's, addresses that are not this
machine's. Changes nothing, listens nowhere.

`mistakes` keep a list from working as it is written; `doubts` are worth a look.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from dnsbl.cli.later import later
from dnsbl.config import PATHS, unanswered_kinds, unfilled_kinds
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError, SettingsError, StoreUnavailable
from dnsbl.log import stamp
from dnsbl.rules.founding import is_example
from dnsbl.settings import Settings, reaching, split_listen

with later():
    from dnsbl import places, store
    from dnsbl.daemons import standing

#: Paths that are no files to be read: those that are made when they are needed, and the folder of the zones' reader.
_MADE = frozenset({("service", "state_dir"), ("service", "event_log"), ("dns", "zones_dir")})
_ANY = frozenset({"0.0.0.0", "::"})  # noqa: S104  compared, not bound
#: Who may have a process, and a machine, of his own, so that his place may be the same as another one's.
_APART = ("witness", "survey")
#: Below it only root listens, or who is allowed to.
PRIVILEGED = 1024
#: CAP_NET_BIND_SERVICE in a set of capabilities.
BIND = 1 << 10


def mistakes(settings: Settings, *readers: Callable[[], object]) -> list[str]:
    """Everything that cannot work, a sentence each; `readers` read files that the settings name. They raise
    DnsblError."""
    found = [*_places(settings), *_files(settings), *_database(settings), *_state(settings), *_stamps(settings)]
    readers = (*readers, lambda: _countries(settings))
    for read in readers:
        try:
            read()
        except DnsblError as error:
            told = error.mistakes if isinstance(error, SettingsError) else [str(error)]
            found += [mistake for mistake in told if mistake not in found]
    return found


def doubts(settings: Settings, zones: Zones) -> Iterator[str]:
    """What works and is perhaps not meant."""
    alone = places.follows(settings)  # such a node answers DNS and does nothing else
    if not alone:
        yield from _testing(settings)
        yield from unanswered_kinds(settings, zones)
        yield from unfilled_kinds(settings, zones)
    if settings.lookups.clients and not zones.watched:
        yield "lookups.clients names mail servers, and no zone file has a watched name that they could ask"
    if zones.watched and not settings.lookups.clients:
        yield f"nobody's questions to {min(zones.watched)} nominate: lookups.clients is empty"
    if settings.dns.keys_file is None and (keyed := [each.name for each in settings.lookups.clients if each.key]):
        yield f"no question is {keyed[0]}'s: lookups.clients names a client's key, and dns.keys_file is not set"
    if not settings.tester.lab_networks:
        yield from _nobodys(settings, zones, alone)
    for what, _, port, _ in _listening(settings):
        if not port:
            yield f"{what}: port 0 is one that happens to be free, another at each start"
    if not _may_bind():
        for what, _, port, _ in _listening(settings):
            if 0 < port < PRIVILEGED:
                yield f"{what} is below {PRIVILEGED}: only root listens there, or who has CAP_NET_BIND_SERVICE"


def _testing(settings: Settings) -> Iterator[str]:
    """What is doubtful of who tests, keeps a log and shows pages."""
    if settings.web.unnamed_proxy:
        yield settings.web.unnamed_proxy
    if settings.tester.known_by:
        yield settings.tester.known_by
    if settings.tester.held:
        yield f"nobody is tested yet: {settings.tester.held}"
    else:
        gone = standing.absent(ours := settings.tester.source_addresses)
        if problem := standing.problem(ours, gone):
            yield f"a worker here tests nobody: {problem}"
        elif lacking := standing.lacking(ours, gone):
            yield lacking
    if settings.tlog.stamps and not settings.tlog.origin:
        yield "tlog.stamps names authorities, and no log is kept: tlog.origin gives it a name"


def _may_bind() -> bool:
    """Whether this process may listen below 1024 (capabilities(7)); Linux tells, elsewhere root may."""
    try:
        told = re.search(r"^CapEff:\s*([0-9a-f]+)", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        told = None
    return bool(int(told[1], 16) & BIND) if told else os.geteuid() == 0


def _nobodys(settings: Settings, zones: Zones, alone: bool) -> Iterator[str]:
    for zone in zones:
        if is_example(zone.origin):
            yield f"{zone.origin} is a name for examples, which nobody can delegate to you; `dnsbl init` writes another"
    host = urlsplit(settings.web.base_url).hostname or ""
    if is_example(host):
        yield f"web.base_url leads to {host}, a name for examples: TXT answers tell owners to read there"
    if alone:
        return
    if is_example(settings.collector.hostname):
        name = settings.collector.hostname
        yield f"collector.hostname is {name}, a name for examples: no letter comes back to it; put your own there"
    for key, value in (("contact", settings.service.contact), ("website", settings.service.website)):
        name = (urlsplit(value).hostname or value.rpartition("@")[2]).lower()
        if is_example(name):
            yield f"service.{key} leads to {name}, a name for examples: letters tell owners to turn there"


def _listening(settings: Settings) -> Iterator[tuple[str, str, int, str]]:
    """(key and value, host, port, protocols) of every place where the list listens."""
    alone = places.follows(settings)
    for one in reaching.listening(settings):
        if one.role not in _APART and not (alone and one.role in ("collector", "web")):
            yield f"{one.key} {one.place}", *split_listen(one.place), "udp tcp" if one.udp else "tcp"


def _places(settings: Settings) -> Iterator[str]:
    seen: list[tuple[str, str, int, str]] = []
    for what, host, port, protocols in _listening(settings):
        for other, there, taken, used in seen:
            same = host == there or (bool({host, there} & _ANY) and (":" in host) == (":" in there))
            if port and port == taken and same and set(protocols.split()) & set(used.split()):
                yield f"{what}: is taken by {other}"
                break
        seen.append((what, host, port, protocols))


def _files(settings: Settings) -> Iterator[str]:
    for section, key in PATHS:
        path: Path | None = getattr(getattr(settings, section), key)
        if path is None or (section, key) in _MADE:
            continue
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            yield f"{section}.{key}: there is no {path}"
            continue
        except OSError:  # somewhere above it nobody else may look, or it is no name of a file
            readable = False
        else:
            if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                yield f"{section}.{key}: {path} is no file"
                continue
            readable = os.access(path, os.R_OK)
        if not readable:
            yield f"{section}.{key}: {path} cannot be read by {_who()}"


def _countries(settings: Settings) -> None:
    """Read the file of countries, if one can be read. Raises SettingsError."""
    path = settings.statistics.countries
    if path is not None and os.access(path, os.R_OK):  # else `_files` has said so
        from dnsbl.casework.countries import read_countries  # here, so that others do not read all verbs for it

        read_countries(path)


def _state(settings: Settings) -> Iterator[str]:
    folder = settings.service.state_dir
    there = next(each for each in (folder, *folder.absolute().parents) if os.path.exists(each))
    if not there.is_dir():
        yield f"service.state_dir: {there} is no folder"
    elif not os.access(there, os.W_OK | os.X_OK) or str(there.absolute()).startswith("/proc"):
        yield f"service.state_dir: {folder} cannot be written by {_who()}"


def _stamps(settings: Settings) -> Iterator[str]:
    if settings.tlog.stamps and not stamp.can():
        yield f"tlog.stamps: {stamp.MISSING}"


def _database(settings: Settings) -> Iterator[str]:
    text = settings.database.url
    if places.follows(settings):  # it has none
        return
    if text and (why := places.unplaced(settings)):
        yield f"database.url: {why}"
    try:
        if text:
            store.Store(text).close()  # nothing was opened
    except StoreUnavailable:
        needed = "sqlite:///PATH or postgresql+psycopg://user@host/name is needed"
        yield f"database.url: {needed} (begins with {text[:12]!r})"


def _who() -> str:
    return f"user {os.geteuid()}"
