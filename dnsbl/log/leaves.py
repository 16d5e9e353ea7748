"""What of the list's past is public: a leaf for each change of what DNS answers, and one for each entry of the journal.

Pure. A leaf is JSON in the one form of RFC 8785: keys sorted, no blanks, UTF-8, and of numbers only whole ones. What is
not known to be harmless is sealed: the leaf has the SHA-256 of a salt and the text, so that the text can be shown
later, cannot be guessed, and may be erased for good. Open are when, which verb, which named reason, what sort of actor,
what DNS says, and verdicts; sealed are who, about whom, and all words of people. A leaf once made is never made anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from typing import Any

from dnsbl.addresses import Network
from dnsbl.model import Entry
from dnsbl.vocabulary import DECLARED, Door, JobReason, JobState, Reason, RunState
from tester.letter import Letter
from tester.records import dataclass
from tester.verdict import Finding, Verdict

#: Octets of a salt, and of the key that salts are made with.
SALT = 32

#: What an actor may be told as; who it was is sealed.
ACTORS = frozenset({*Door, "admin", "collector", "node", "operator", "policy", "postman", "scheduler", "worker"})
#: What reasons, and states before and after, may be told as they are.
REASONS = frozenset({*Reason, *JobReason, *Finding})
STATES = frozenset({*Verdict, *RunState, *JobState, "not listed", "excluded", "may be tested"})
_LISTED = re.compile(r"listed [a-z0-9-]{1,40}", re.ASCII)
_VERB = re.compile(r"[a-z-]{1,40}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class DatedChange:
    """A change of what DNS answers."""

    seq: int
    network: Network
    kind: str
    present: bool
    at: datetime | None  #: None where nobody knows when


def seal(salt: bytes, text: str) -> str:
    """What a leaf has in place of a text, 64 hexadecimal digits."""
    return sha256(salt + text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Sealing:
    """Makes the salts of one list: each is the HMAC-SHA256 of what it is for, so none has to be kept."""

    key: bytes

    def salt(self, name: str) -> bytes:
        """The salt of a field, such as "entry 5 evidence"."""
        return digest(self.key, name.encode(), "sha256")

    def seal(self, name: str, text: str) -> str:
        """The seal of what stands in this field."""
        return seal(self.salt(name), text)


def change_leaf(step: DatedChange, sealing: Sealing, *, is_open: bool) -> bytes:
    """The leaf of a change; the network is sealed unless the list is open, and so is what it has declared but not
    listed."""
    network = str(step.network)
    is_open = is_open and step.kind not in DECLARED
    told: dict[str, Any] = {
        "change": step.seq,
        "kind": step.kind,
        "listed": step.present,
        "network": network if is_open else {"sha256": sealing.seal(f"change {step.seq} network", network)},
    }
    return canonical(told if step.at is None else told | {"at": moment(step.at)})


def entry_leaf(entry: Entry, serial: int, sealing: Sealing, *, is_open: bool) -> bytes:
    """The leaf of an entry of the journal, made when the list's last change had this number. Where the list is open, an
    entry about what is listed names it."""
    told: dict[str, Any] = {"entry": entry.seq, "at": moment(entry.at), "serial": serial}
    states = {name: text for name in ("before", "after") if (text := getattr(entry, name))}
    told |= {name: text for name, text in states.items() if _harmless(text)}
    listing = any(_LISTED.fullmatch(text) for text in states.values())
    if _VERB.fullmatch(entry.verb):
        told["verb"] = entry.verb
    if entry.reason in REASONS:
        told["reason"] = entry.reason
    if (sort := re.split("[ ,]", entry.actor, maxsplit=1)[0]) in ACTORS:
        told["actor"] = sort
    if is_open and listing and _is_network(entry.subject):
        told["subject"] = entry.subject
    texts = {name: getattr(entry, name) for name in SEALABLE}
    sealed = {name: text for name, text in texts.items() if text and told.get(name) != text}
    told["sealed"] = {name: sealing.seal(f"entry {entry.seq} {name}", text) for name, text in sealed.items()}
    return canonical(told)


#: The fields of an entry that are sealed where they are not told. The journal's own hash is over all of them without
#: salt, so it is sealed too: else what is sealed could be guessed by it.
SEALABLE = ("actor", "subject", "verb", "reason", "before", "after", "evidence", "hash")


def ordered(
    entries: Sequence[Entry], steps: Sequence[DatedChange], *, more_entries: bool, more_steps: bool
) -> Iterator[Entry | DatedChange]:
    """Both in the order in which they become leaves: a change stands before the first entry that was made then or
    later. What cannot be ordered yet, since more of the other may stand before it, is left for the next time."""
    waiting = list(steps)[::-1]
    for entry in entries:
        while waiting and ((at := waiting[-1].at) is None or at <= entry.at):
            yield waiting.pop()
        if not waiting and more_steps:
            return
        yield entry
    while waiting and not more_entries:
        yield waiting.pop()


def digest_of(letters: Iterable[Letter]) -> str:
    """What the journal has of letters that were issued together, in their order: SHA-256 over a line for each, with its
    two tokens and the hash of its proof, in hexadecimal."""
    lines = (f"{letter.recipient} {letter.sender} {letter.proof_hash.hex()}\n" for letter in letters)
    return sha256("".join(lines).encode("ascii")).hexdigest()


def canonical(facts: dict[str, Any]) -> bytes:
    """Texts, whole numbers, yes and no, as RFC 8785 writes them."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def moment(at: datetime) -> str:
    """A time, in UTC and to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _harmless(text: str) -> bool:
    return text in STATES or _LISTED.fullmatch(text) is not None


def _is_network(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f.:]+(/[0-9]{1,3})?", text, re.ASCII) is not None
