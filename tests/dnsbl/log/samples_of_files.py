"""A small log with the journal of one listing in it, in memory: its leaves, and the proof file that is made of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from dnsbl.log import merkle, note
from dnsbl.log.checkpoint import Checkpoint
from dnsbl.log.prooffile import OpenedLeaf, ProofFile
from tests.dnsbl.log.samples_of_trees import at

ORIGIN = "relays.example/log"
LOG = note.Signer(ORIGIN, bytes(31) + b"\1")
WITNESS = note.Signer("witness.example/w", bytes(31) + b"\2", sort=note.COSIGNATURE)
NOW = datetime(2026, 11, 26, 15, 20, 1, 123456, tzinfo=UTC)
PROOF = "abcdefghijklmnopqrstuvwxyz"
LETTERS = tuple(
    f"r{'a' * 33} s{'b' * 32}{letter} {sha256(word.encode()).hexdigest()}"
    for letter, word in (("c", "another"), ("d", PROOF))
)
MESSAGE = f"Received: from relay\r\n\r\nproof: {PROOF}\r\n".encode()
_DIGEST = sha256("".join(f"{each}\n" for each in LETTERS).encode()).hexdigest()
_RUN = "run abc"
#: verb, actor, reason, before, after, evidence; None: a change.
_STORY: list[tuple[str, ...] | None] = [
    ("nominated", "web 198.51.100.0/24", "nominated", "", "queued", "evidence sha256:00"),
    ("letters", "worker here:1", "nomination", "running", "2 filed", f"{_RUN}, letters sha256:{_DIGEST}"),
    ("session", "worker here:1", "nomination", "running", "plain:ACCEPTED", _RUN),
    (
        "return",
        "collector, from 192.0.2.1",
        "DELIVERED_SAME",
        "",
        "",
        f"message sha256:{sha256(MESSAGE).hexdigest()}, {_RUN}",
    ),
    None,
    ("listed", "policy", "letter-returned", "not listed", "listed relay", _RUN),
]


def canonical(facts: object) -> str:
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def salt(name: str) -> bytes:
    return sha256(f"salt of {name}".encode()).digest()


def seal(name: str, text: str) -> str:
    return sha256(salt(name) + text.encode()).hexdigest()


def story() -> tuple[list[str], list[dict[str, str]]]:
    """The leaves, and what each seals."""
    leaves, sealed = [], []
    last, entry = "0" * 64, 0
    for number, told in enumerate(_STORY):
        moment = NOW + timedelta(minutes=number)
        stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        if told is None:
            hidden = {"network": "192.0.2.1/32"}
            network = {"sha256": seal(f"{number} network", hidden["network"])}
            facts = {"at": stamp, "change": 1, "kind": "relay", "listed": True, "network": network}
            leaves.append(canonical(facts))
            sealed.append(hidden)
            continue
        entry += 1
        verb, actor, reason, state, after, evidence = told
        texts = {"actor": actor, "subject": "192.0.2.1", "verb": verb, "reason": reason}
        texts |= {"before": state, "after": after, "evidence": evidence}
        micros = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        whole = texts | {"seq": entry, "previous": last, "at": micros}
        digest = sha256(json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
        hidden = {name: text for name, text in texts.items() if text and name in ("subject", "evidence")}
        hidden |= {"hash": digest} | ({} if actor == "policy" else {"actor": actor})
        open_texts = {name: text for name, text in texts.items() if text and name not in hidden}
        seals = {name: seal(f"{number} {name}", text) for name, text in hidden.items()}
        leaves.append(canonical(open_texts | {"at": stamp, "entry": entry, "serial": 0, "sealed": seals}))
        sealed.append(hidden)
        last = digest
    return leaves, sealed


LEAVES, SEALED = story()
HASHES = [merkle.leaf_hash(leaf.encode()) for leaf in LEAVES]
SIZE = len(LEAVES)


def signed(size: int = SIZE, hashes: list[bytes] | None = None, *, witnessed: bool = True) -> str:
    text = Checkpoint(ORIGIN, size, merkle.root(size, at(hashes or HASHES))).text
    return note.signed(text, [LOG.line(text), *([WITNESS.line(text, 1_795_706_400)] if witnessed else [])])


def opened(index: int, *names: str, **more: object) -> OpenedLeaf:
    """A leaf with these fields open."""
    return OpenedLeaf(
        index=index,
        leaf=LEAVES[index],
        openings={name: (salt(f"{index} {name}"), SEALED[index][name]) for name in names},
        hashes=tuple(merkle.inclusion(index, SIZE, at(HASHES))),
        **more,  # type: ignore[arg-type]
    )


def proof_file() -> ProofFile:
    return ProofFile(
        (
            opened(0, "subject"),
            opened(1, "subject", "evidence", letters=LETTERS),
            opened(2, "subject", "evidence"),
            opened(3, "subject", "evidence"),
            opened(4, "network"),
            opened(5, "subject", "evidence"),
        ),
        signed(),
    )
