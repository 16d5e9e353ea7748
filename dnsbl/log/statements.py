"""What a proof file shows and what it does not, in sentences; who has the message that came back may lay it beside.

Pure. Says nothing of a file that was not checked (`ProofFile.check`). What is told of entries is what the log has of
them: that they were made in this order and not changed since, not that they are true.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from dnsbl.log import note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.prooffile import OpenedLeaf, ProofFile
from tester.records import dataclass

_RUN = re.compile(r"\brun ([a-z0-9]{1,40})\b")
_MESSAGE = re.compile(r"message sha256:([0-9a-f]{64})")
#: A proof, as letters have it.
_WORD = re.compile(rb"(?<![a-z2-7])[a-z2-7]{26}(?![a-z2-7])")


@dataclass(frozen=True, kw_only=True, slots=True)
class Statements:
    """What is shown, what is not, and what does not fit."""

    shown: tuple[str, ...]
    open: tuple[str, ...]
    wrong: tuple[str, ...] = ()


def statements(
    file: ProofFile,
    told: Checkpoint,
    signed: note.Note,
    *,
    witnesses: Iterable[note.Verifier] = (),
    message: bytes | None = None,
) -> Statements:
    """Of a file that holds. `witnesses` are those whose word is asked for; `message` is what somebody has that is said
    to have come back."""
    shown, left, wrong = list[str](), list[str](), list[str]()
    keys = ", ".join(key.id.hex() for key, _ in signed.verified if key.sort == note.ED25519)
    shown.append(f"The log {told.origin} has {told.size} leaves; that is signed by its key {keys}.")
    seen = {key.vkey for key, _ in signed.verified if key.sort == note.COSIGNATURE}
    for key, one in signed.verified:
        if key.sort == note.COSIGNATURE:
            shown.append(f"{key.name} had seen this log, and nothing taken back of it, at {_time(one.at)}.")
    wrong += [f"{key.name} is named as a witness and has not signed." for key in witnesses if key.vkey not in seen]
    shown += [_line(leaf) for leaf in file.leaves]
    ways = list(_ways(file.leaves))
    shown += [sentence for sentence, _, _ in ways]
    if message is not None:
        (shown if (held := _held(message, ways)) else wrong).append(
            held or "The message that was laid beside it is none that came back here."
        )
    if not ways:
        left.append("That a letter came back: no way from letters to a listing is in this file.")
    if not seen:
        left.append("That everybody is shown this same log: no witness that is known here has signed.")
    left.append("That the times are right: they are the list's own, but for those of witnesses.")
    left.append("That the list did not bring the message in itself: only a collector that others run can show that.")
    left.append(f"What became of it after leaf {told.size - 1}: for that take a newer proof.")
    return Statements(shown=tuple(shown), open=tuple(left), wrong=tuple(wrong))


def _line(leaf: OpenedLeaf) -> str:
    """What one leaf says."""
    facts = {name: _plain(value) for name, value in leaf.facts.items()}
    head = f"Leaf {leaf.index}, {facts.get('at', 'at a time that nobody knows')}:"
    if "change" in facts:
        what = "is listed as" if leaf.facts.get("listed") is True else "is listed no longer as"
        return (
            f"{head} change {facts['change']}: {facts.get('network', 'a sealed network')} {what} {facts.get('kind')}."
        )
    states = " to ".join(filter(None, (facts.get("before"), facts.get("after"))))
    said = ", ".join(filter(None, (facts.get("reason"), states, facts.get("evidence"))))
    who, subject = facts.get("actor", "somebody"), facts.get("subject", "a sealed subject")
    return f"{head} entry {facts.get('entry')}: {who}: {facts.get('verb', 'a sealed verb')} {subject}: {said}."


def _ways(leaves: Sequence[OpenedLeaf]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Of each return that a listing rests on: a sentence, the message's hash, the letters that were filed before."""
    entries = [(leaf, leaf.facts, _found(_RUN, leaf.facts)) for leaf in leaves]
    for leaf, facts, run in entries:
        if facts.get("verb") not in ("listed", "renewed") or not run:
            continue
        before = [(one, said) for one, said, of in entries if of == run and one.index < leaf.index]
        same = [(one, said) for one, said in before if said.get("subject") == facts.get("subject") is not None]
        for back, said in same:
            if said.get("verb") != "return" or not str(said.get("reason")).startswith("DELIVERED_"):
                continue
            filed = [one for one, known in same if known.get("verb") == "letters" and one.index < back.index]
            if filed:
                digest = _found(_MESSAGE, said)
                places = ", ".join(str(one.index) for one in filed)
                yield (
                    f"The letters of run {run} were in the log (leaf {places}) before the message with SHA-256 "
                    f"{digest} came back (leaf {back.index}), and the listing (leaf {leaf.index}) rests on that run.",
                    digest,
                    tuple(letter for one in filed for letter in one.letters),
                )


def _held(message: bytes, ways: Iterable[tuple[str, str, tuple[str, ...]]]) -> str:
    """What a message shows that somebody has, or ""."""
    found = sha256(message).hexdigest()
    proofs = {sha256(word).hexdigest() for word in _WORD.findall(message.lower())}
    for _, digest, letters in ways:
        if digest == found:
            ours = [each.split(" ")[0] for each in letters if each.split(" ")[2] in proofs]
            more = f" It has the proof of letter {ours[0]}, whose hash was filed before." if ours else ""
            return f"The message that was laid beside it is the one that came back.{more}"
    return ""


def _found(pattern: re.Pattern[str], facts: dict[str, Any]) -> str:
    match = pattern.search(str(facts.get("evidence", "")))
    return match[1] if match else ""


def _plain(value: object) -> str:
    """For a terminal."""
    return "".join(letter if " " <= letter <= "~" else f"\\u{ord(letter):04x}" for letter in str(value))


def _time(at: int) -> str:
    try:
        return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
    except (OverflowError, ValueError, OSError):
        return f"{at} seconds after 1970"
