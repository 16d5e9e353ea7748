"""Shell: pulls data files of sources from where their zone's file says: by HTTP and HTTPS, or by Debian's rsync.

Talks to nobody else: a server that points elsewhere is not followed. What comes is bounded in size and time, written
into a folder beside, unpacked and read as a file of its form there, and renamed into place only when it is whole and
most of its lines are taken; `sources` finds it like any other file that has changed. Whatever goes wrong leaves the
last good file, and is told in one sentence: in the log, by the metrics, and to whoever looks at the parts of the node
(`held`).

What is known of a file that was pulled (when, ETag, Last-Modified) lies beside it, so that a start asks for nothing
before its time and an unchanged file is not sent again. Never on the way of an answer.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from dnsbl.clock import Clock
from dnsbl.dns.sources.reading import Reader, Unusable
from dnsbl.dns.zones import DataSource
from dnsbl.errors import DnsblError
from dnsbl.files import EVERYBODYS, write_whole
from dnsbl.serving.datafiles import unpacked
from dnsbl.serving.sources import Sources
from dnsbl.serving.upstream import validator
from tester.records import dataclass

#: Seconds between two looks at what is due; after which a failed pull is tried again at the latest; and that a server
#: may be silent.
EVERY, AGAIN, SILENT = 5.0, 300.0, 30.0
#: Pulls at a time.
AT_ONCE = 4
#: Characters of what others say of a failure.
WHY_MOST = 200
#: What a file may be packed by on its way; more than that is what it says itself.
PACKED = ("", "identity", "gzip", "x-gzip", "zstd")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourcePull:
    """One file, and where it comes from."""

    url: str
    path: Path
    source: DataSource

    @property
    def place(self) -> str:
        """The URL for people: without a password, and without what may be a key."""
        parts = urlsplit(self.url)
        return tame(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}")


@dataclass(slots=True)
class PullState:
    """How one file does."""

    place: str
    path: Path
    pulled: float = 0  #: when it was last had, changed or not; Unix seconds, 0 for never
    failed: float = 0  #: when that last failed; Unix seconds, 0 for never
    failures: int = 0  #: since the start
    problem: str = ""  #: one sentence while the last try has failed
    due: float = field(default=0, repr=False)  #: by the monotonic clock


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A file that has come, still in its folder beside."""

    file: Path
    etag: str = ""
    modified: str = ""
    time: float | None = None  #: of its last change, Unix seconds


class Puller:
    """The puller of one process. `transport` is what HTTP goes through, where it is not the network."""

    def __init__(self, sources: Sources, *, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.held = ""  #: what has failed, a sentence
        self._sources = sources
        self._clock = clock
        self._transport = transport
        self._known: dict[tuple[str, Path], PullState] = {}

    @property
    def states(self) -> list[PullState]:
        """How the files do, in the order of the zones."""
        return [self._state(pull) for pull in self._pulls()]

    async def run(self, stop: asyncio.Event) -> None:
        """Pull what is due until `stop`; what is under way then is let go."""
        ended = asyncio.create_task(stop.wait())
        while not stop.is_set():
            work = asyncio.create_task(self.step())
            await asyncio.wait({work, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
            with suppress(asyncio.CancelledError):
                await work
            await asyncio.wait({ended}, timeout=EVERY)
        await ended

    async def step(self) -> None:
        """Pull all that is due now. Raises nothing that a server or a file can cause."""
        places = asyncio.Semaphore(AT_ONCE)
        pulls = list(self._pulls())
        self._known = {(pull.url, pull.path): self._state(pull) for pull in pulls}
        now = self._clock.monotonic()
        due = [pull for pull in pulls if self._state(pull).due <= now]
        fresh = await asyncio.gather(*(self._pull(pull, places) for pull in due))
        self.held = next((state.problem for state in self._known.values() if state.problem), "")
        if any(fresh):
            await self._sources.step()

    def _pulls(self) -> Iterator[SourcePull]:
        """All files that are pulled; one path has one place."""
        seen: set[str] = set()
        for zone in self._sources.zones:
            for source in zone.sources:
                for url, name in zip(source.pull, source.files, strict=False):
                    if name not in seen:
                        seen.add(name)
                        yield SourcePull(url, Path(name), source)

    def _state(self, pull: SourcePull) -> PullState:
        state = self._known.get((pull.url, pull.path))
        if state is None:
            state = PullState(pull.place, pull.path, pulled=float(self._marks(pull).get("pulled", 0)))
            age = self._clock.now().timestamp() - state.pulled
            left = min(pull.source.pull_every, max(0.0, pull.source.pull_every - age)) if state.pulled else 0.0
            state.due = self._clock.monotonic() + left
            self._known[pull.url, pull.path] = state
        return state

    async def _pull(self, pull: SourcePull, places: asyncio.Semaphore) -> bool:
        """Pull one file; whether there is a new one. The old one stays whatever happens."""
        state, source, why, fresh = self._state(pull), pull.source, "", None
        beside = pull.path.with_name(f".{pull.path.name}.pull")
        try:
            async with places, asyncio.timeout(source.pull_within):
                await asyncio.to_thread(_emptied, beside)
                bring = self._by_rsync if pull.url.startswith("rsync:") else self._by_http
                fresh = await bring(pull, beside)
                await asyncio.to_thread(self._settle, pull, fresh)
        except TimeoutError:
            why = f"{pull.place}: not had within {source.pull_within:g} seconds."
        except DnsblError as error:
            why = str(error)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            why = f"{pull.place}: {tame(str(error) or type(error).__name__)}"
        except OSError as error:
            why = f"{pull.path}: cannot be written: {error.strerror or error}"
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        wait = source.pull_every
        if why:
            state.failed, state.failures, wait = self._clock.now().timestamp(), state.failures + 1, min(wait, AGAIN)
            if why != state.problem:
                _log.error("%s", why)
        else:
            state.pulled = self._clock.now().timestamp()
            if fresh is not None:
                _log.info("%s: pulled from %s", pull.path, pull.place)
        state.problem, state.due = why, self._clock.monotonic() + wait
        return fresh is not None and not why

    async def _by_http(self, pull: SourcePull, beside: Path) -> _Fresh | None:
        """What a server has that we have not; None when nothing has changed. Raises DnsblError, HTTPError, OSError."""
        marks, most = self._marks(pull), pull.source.pull_most
        headers = {"User-Agent": "dnsbl", "Accept": "*/*", "Accept-Encoding": "identity"}
        if marks.get("etag"):
            headers["If-None-Match"] = marks["etag"]
        if marks.get("modified"):
            headers["If-Modified-Since"] = marks["modified"]
        client = httpx2.AsyncClient(
            timeout=SILENT, follow_redirects=False, trust_env=False, transport=self._transport, headers=headers
        )
        async with client, client.stream("GET", pull.url) as response:
            code, said = response.status_code, response.headers
            if code == 304 and marks:
                return None
            if 300 <= code < 400 and code != 304:
                where = tame(said.get("location", "nowhere").partition("?")[0])
                raise DnsblError(f"{pull.place}: points to {where} (status {code}); name that place in `pull`.")
            if code != 200:
                raise DnsblError(f"{pull.place}: the server answers with status {code}.")
            if (packed := said.get("content-encoding", "").strip().lower()) not in PACKED:
                raise DnsblError(f"{pull.place}: packed by {tame(packed)}; only gzip and zstd are unpacked.")
            size, path = 0, beside / pull.path.name
            with path.open("xb") as file:
                async for piece in response.aiter_raw():
                    size += len(piece)
                    if size > most:
                        raise DnsblError(f"{pull.place}: larger than {most} bytes (pull_most).")
                    file.write(piece)
            modified = validator(said.get("last-modified", ""))
            return _Fresh(path, validator(said.get("etag", "")), modified, _moment(modified))

    async def _by_rsync(self, pull: SourcePull, beside: Path) -> _Fresh | None:
        """As `_by_http`, by the program rsync, which sends no more than what differs from the file that is there."""
        if shutil.which("rsync") is None:
            raise DnsblError(f"{pull.place}: needs the program rsync; on Debian: apt-get install rsync")
        path, most, before = beside / pull.path.name, pull.source.pull_most, None
        if self._marks(pull):
            await asyncio.to_thread(shutil.copy2, pull.path, path)
            before = _sign(path)
        command = ["--times", f"--timeout={SILENT:.0f}", f"--contimeout={SILENT:.0f}", "--no-motd", "--", pull.url]
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", 'ulimit -f "$0"; exec rsync "$@"', str(most // 512 + 1), *command, str(path),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=os.environ | {"LC_ALL": "C"},
        )  # fmt: skip
        try:
            said = await _bounded(process.stdout)
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 5)
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        if "File too large" in said or await asyncio.to_thread(_largest, beside) >= most:
            raise DnsblError(f"{pull.place}: larger than {most} bytes (pull_most).")
        if code:
            words = next((line for line in said.splitlines() if line.strip()), f"status {code}")
            raise DnsblError(f"{pull.place}: rsync says: {tame(words)}")
        if "skipping" in said or path.is_symlink() or not path.is_file():  # a folder there, or a device
            raise DnsblError(f"{pull.place}: is no file.")
        if _sign(path) == before:
            return None
        return _Fresh(path, time=path.stat().st_mtime)

    def _settle(self, pull: SourcePull, fresh: _Fresh | None) -> None:
        """Put a new file into place when it is one of its form, and keep what is known of it.

        Raises DnsblError and OSError."""
        now = self._clock.now().timestamp()
        marks = self._marks(pull)
        if fresh is not None:
            self._read(pull, fresh.file, int(now))
            moment = min(now, fresh.time) if fresh.time is not None else now
            with fresh.file.open("rb+") as file:
                os.fchmod(file.fileno(), EVERYBODYS)
                os.utime(file.fileno(), (moment, moment))
                os.fsync(file.fileno())
            fresh.file.replace(pull.path)
            marks = {"url": pull.url, "etag": fresh.etag, "modified": fresh.modified, "sign": _sign(pull.path)}
        if marks:
            marks["pulled"] = now
            write_whole(_beside(pull.path), [json.dumps(marks).encode()])

    def _read(self, pull: SourcePull, path: Path, now: int) -> None:
        """Whether what has come is a file of its form. Raises DnsblError."""
        source = pull.source
        reader = Reader(source.form, ttl=source.ttl, now=now, host_bits=source.host_bits)
        try:
            reader.read(pull.place, unpacked(path))
            contents = reader.contents()
        except (Unusable, DnsblError) as error:
            why = str(error).removeprefix(f"{path}: ").removeprefix(f"{pull.place}, ").removesuffix(".")
            raise DnsblError(f"{pull.place}: not taken: {why}; the last good file stays.") from None
        if not contents.lines:
            raise DnsblError(f"{pull.place}: is empty; the last good file stays.")
        if 0 < contents.expires <= now:
            raise DnsblError(f"{pull.place}: the data have expired; the last good file stays.")
        if 2 * contents.refusals > contents.lines:
            raise DnsblError(
                f"{pull.place}: {contents.refusals} of {contents.lines} lines are none of the type {source.form}; "
                "the last good file stays."
            )

    def _marks(self, pull: SourcePull) -> dict[str, Any]:
        """What is known of the file that is there, when it is the one that came from this place; {} otherwise."""
        try:
            marks = json.loads(_beside(pull.path).read_bytes())
            if marks["url"] == pull.url and tuple(marks["sign"]) == _sign(pull.path):
                validators = {name: validator(marks.get(name, "")) for name in ("etag", "modified")}
                return {**marks, **validators, "pulled": float(marks["pulled"])}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass
        return {}


def tame(text: str) -> str:
    """What others have said, short and of plain signs."""
    return "".join(sign if " " <= sign <= "~" else "?" for sign in text[:WHY_MOST])


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.pulled")


def _sign(path: Path) -> tuple[int, int]:
    """What tells one file from another one in its place: size and time, in whole seconds, as rsync compares them."""
    found = path.stat()
    return found.st_size, int(found.st_mtime)


def _emptied(folder: Path) -> None:
    """Make this folder anew; one that is left of a killed process goes."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)


def _largest(folder: Path) -> int:
    """Bytes of the largest file in there, even one that is not whole."""
    return max((one.lstat().st_size for one in folder.iterdir()), default=0)


def _moment(modified: str) -> float | None:
    """Unix seconds of a Last-Modified header (RFC 9110 8.8.2); None for none that is one."""
    try:
        return max(0.0, parsedate_to_datetime(modified).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None


async def _bounded(stream: asyncio.StreamReader | None) -> str:
    """What a program says, as much of it as is ever shown."""
    assert stream is not None
    said = bytearray()
    while piece := await stream.read(4096):
        said += piece[: 4096 - len(said)]
    return said.decode("utf-8", "replace")
