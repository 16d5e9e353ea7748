"""A witness: signs others' checkpoints, each only when it continues what was signed before of that log.

What was signed last is a file a log, on the disk before the signature is given out; two processes on one folder take
turns. A log that has signed two roots at one size has the second one kept beside, as the proof of it.
"""

from __future__ import annotations

import fcntl
import logging
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock

from dnsbl.clock import Clock
from dnsbl.errors import Damaged, DnsblError, Withheld
from dnsbl.files import make_folder, make_secret, open_made, unopened, write_whole
from dnsbl.log import note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.witnessing import Submission, Unwitnessed, judge, origin

#: Where a witness keeps what it has signed, and its key, in the state folder.
FOLDER, KEY = "witness", "witness.key"
_SEED = 32

_log = logging.getLogger(__name__)


def signer(state: Path, name: str, random: Callable[[int], bytes] = os.urandom) -> note.Signer:
    """The witness's own key, which is made at the first use. Raises Withheld, and Damaged where the file has none."""
    path = state / KEY
    try:
        if not path.exists():
            make_folder(state)
            make_secret(path, b64encode(random(_SEED)) + b"\n")
        seed = b64decode(path.read_bytes().strip(), validate=True)
    except ValueError:
        seed = b""
    except OSError as error:
        raise Withheld(f"{path}: the witness's key cannot be read: {unopened(error)}.") from error
    if len(seed) != _SEED:
        raise Damaged(f"{path} does not hold the key of a witness; restore it from a backup.")
    return note.Signer(name, seed, sort=note.COSIGNATURE)


class Witness:
    """Signs for the logs of these keys, NAME+HASH+BASE64."""

    def __init__(self, state: Path, signer: note.Signer, logs: Iterable[str], clock: Clock) -> None:
        self._folder = state / FOLDER
        self._signer = signer
        self._clock = clock
        self._turn = Lock()
        self.logs: dict[str, list[note.Verifier]] = {}
        for key in map(note.Verifier.read, logs):
            self.logs.setdefault(key.name, []).append(key)

    def add_checkpoint(self, octets: bytes) -> str:
        """The line that is the signature. Raises Unwitnessed, and DnsblError where nothing can be kept."""
        request = Submission.read(octets)
        if (name := origin(request)) not in self.logs:
            judge(request, self.logs, None)  # says so
        with self._held(name):
            try:
                told = judge(request, self.logs, self.last(name))
            except Unwitnessed as error:
                if error.forked:
                    self._forked(name, request.signed)
                raise
            self._keep(self._path(name), request.signed)
        return self._signer.line(told.text, int(self._clock.now().timestamp()))

    def last(self, name: str) -> Checkpoint | None:
        """What was signed last of this log. Raises DnsblError."""
        try:
            return Checkpoint.read(note.parts(self._path(name).read_bytes())[0])
        except FileNotFoundError:
            return None
        except OSError as error:
            raise DnsblError(f"{self._path(name)}: cannot be read: {error.strerror}.") from error

    @property
    def problem(self) -> str:
        """Which logs have been seen to tell two stories, a sentence, or ""."""
        forked = [name for name in self.logs if self._path(name).with_suffix(".forked").exists()]
        return f"Of {', '.join(forked)} two roots at one size were seen; both are in {self._folder}." if forked else ""

    def _path(self, name: str) -> Path:
        return self._folder / f"{sha256(name.encode()).hexdigest()}.checkpoint"

    def _forked(self, name: str, signed: str) -> None:
        path = self._path(name).with_suffix(".forked")
        if not path.exists():
            self._keep(path, signed)
            _log.error("%s", self.problem)

    def _keep(self, path: Path, signed: str) -> None:
        try:
            write_whole(path, [signed.encode()])
        except OSError as error:
            raise DnsblError(f"{path}: cannot be written: {error.strerror}.") from error

    @contextmanager
    def _held(self, name: str) -> Iterator[None]:
        """What is looked at is what is followed, whoever else asks or signs at the same time."""
        try:
            make_folder(self._folder)
            descriptor = open_made(self._folder / "lock", os.O_RDWR)
        except OSError as error:
            raise DnsblError(f"{self._folder}: cannot be written: {error.strerror}.") from error
        with self._turn, open(descriptor, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
