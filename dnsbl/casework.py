"""The verbs of the list, one transaction each. Synchronous and short; async shells call them in a thread.

Knows the rules and the store; holds no SQL, no socket, and asks its clock for the time. Every verb that changes
something leaves a journal entry in the same transaction. Law 2: letters are filed before anybody dials.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dnsbl.addresses import Address, Network
from dnsbl.clock import Clock, SystemClock
from dnsbl.model import (
    Change,
    Door,
    Entry,
    Exclusion,
    FiledLetter,
    Job,
    Nomination,
    Run,
    RunReport,
    Standing,
)
from dnsbl.settings import Settings
from dnsbl.store import Store
from tester.letter import Keyring, Letter
from tester.smtp import Transcript
from tester.verdict import Finding


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A job in a worker's hands."""

    job: Job
    letters: tuple[
        FiledLetter, ...
    ]  #: filed before (a crash or a retry): those still to be offered have no final outcome
    worker: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrived:
    """A message that came to the collector (the same fields as the collector's record, without its shell)."""

    peer: Address
    peer_port: int
    local: str
    tls: bool
    helo: str
    mail_raw: bytes
    rcpt_raw: bytes
    null_sender: bool
    recipient: str
    domain: str
    message: bytes
    received_at: float  #: epoch seconds


class Casework:
    """The one door to the facts."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keyring: Keyring,
        *,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        raise NotImplementedError

    # -- doors ---------------------------------------------------------------------------------------------
    def nominate(self, nomination: Nomination) -> Job:
        """File a nomination with its evidence and queue its test. Raises Refused (EXCLUDED, RESTING, ALREADY_LISTED, ...)."""
        raise NotImplementedError

    def order_test(self, address: Address, *, profile: str, actor: str) -> Job:
        """An operator's test, now. A queued job of the address is pulled forward; a running one is returned."""
        raise NotImplementedError

    def ask_removal(self, address: Address, *, door: Door, actor: str) -> Job:
        """Queue the retest of a listed address, now, or raise Refused (NOT_LISTED, RESTING with retry_after)."""
        raise NotImplementedError

    def exclude(self, network: Network, *, reason: str, actor: str) -> Exclusion:
        """No tests in this network from now on; queued ones are dropped. Existing listings stay until they expire."""
        raise NotImplementedError

    def list_networks(self, networks: Iterable[Network], *, kind: str, reason: str, actor: str) -> int:
        """An operator's listings (never a proof kind). All or nothing; returns how many are new. Raises Refused."""
        raise NotImplementedError

    def drop_networks(self, networks: Iterable[Network], *, kind: str, reason: str, actor: str) -> int:
        """End an operator's listings. Unknown ones raise Refused and nothing is dropped."""
        raise NotImplementedError

    # -- the worker ----------------------------------------------------------------------------------------
    def take_job(self, worker: str, *, avoid: Iterable[Network] = ()) -> Assignment | None:
        """Lease the job that is due first (lost leases count as due), or None. `avoid`: neighbourhoods that are full."""
        raise NotImplementedError

    def renew_lease(self, assignment: Assignment) -> bool:
        """Hold the job longer; False when it is no longer ours."""
        raise NotImplementedError

    def file_letters(self, assignment: Assignment, letters: Iterable[Letter]) -> None:
        """Store letters before they are offered (law 2)."""
        raise NotImplementedError

    def file_session(self, assignment: Assignment, transcript: Transcript) -> None:
        """Store one connection: its transcript, and the outcome of each attempt."""
        raise NotImplementedError

    def file_run(self, assignment: Assignment) -> Run:
        """The conversations of this take are over: queue the greylisting retry, wait for letters, or judge and decide."""
        raise NotImplementedError

    def proven(self, run: str) -> bool:
        """Whether a letter of this run has come back with its proof."""
        raise NotImplementedError

    # -- the mailroom --------------------------------------------------------------------------------------
    def file_return(self, arrived: Arrived) -> Finding:
        """Weigh and store a message at the collector; judge its run and decide, in the same transaction."""
        raise NotImplementedError

    # -- the scheduler -------------------------------------------------------------------------------------
    def settle(self, *, most: int = 100) -> int:
        """Judge the runs whose delivery window has closed; returns how many."""
        raise NotImplementedError

    def expire(self, *, most: int = 1000) -> int:
        """End the listings whose time has come; returns how many."""
        raise NotImplementedError

    # -- looking -------------------------------------------------------------------------------------------
    def look_up(self, address: Address) -> Standing:
        """Everything known about an address; an unknown address is a Standing too."""
        raise NotImplementedError

    def run_report(self, run: str) -> RunReport:
        """One run with letters, transcripts and returns. Raises NotFound."""
        raise NotImplementedError

    def journal(self, subject: Address | Network | None = None, *, most: int = 200) -> list[Entry]:
        """Entries, oldest first (the last `most`)."""
        raise NotImplementedError

    def verify_journal(self) -> int:
        """Check the whole chain; returns how many entries hold together. Raises Damaged naming the first bad one."""
        raise NotImplementedError

    # -- the feed ------------------------------------------------------------------------------------------
    def snapshot(self) -> tuple[int, Iterator[tuple[Network, str]]]:
        """The change number, and (network, kind) of every active listing at that number."""
        raise NotImplementedError

    def changes(self, after: int, *, most: int = 10000) -> list[Change]:
        """The changes behind number `after`, in order."""
        raise NotImplementedError


def keyring_at(path: Path, *, clock: Clock, random: Callable[[int], bytes] = secrets.token_bytes) -> Keyring:
    """The keyring in this file (mode 0600), made at first start."""
    raise NotImplementedError
