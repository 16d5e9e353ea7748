#!/usr/bin/env python3
"""Check a proof file of a DNS blocklist with the key of its log: no network, nothing of the list's own software.

    verify.py FILE --key KEY [--witness KEY]... [--message FILE]

KEY is as the list publishes it (NAME+HASH+BASE64); take it from elsewhere than the proof. Needs Python 3.11 and the
package `cryptography`. Ends with 0 when all holds, with 1 and a sentence when something does not. docs/log.md tells
what lines mean; the rest is RFC 6962 (trees) and c2sp.org (signed-note, tlog-checkpoint, tlog-cosignature).
"""

import argparse
import json
import re
import sys
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LOG, WITNESS = 1, 4  # sorts of keys


class Wrong(Exception):
    """Something does not hold."""


def insist(holds, sentence):
    if not holds:
        raise Wrong(sentence)


def octets(text):
    """Base64 in its one spelling."""
    found = b64decode(text, validate=True)
    insist(b64encode(found).decode() == text, f"{text!r} is not how base64 spells it.")
    return found


def read_key(text):
    """(name, id, sort, public key) of NAME+HASH+BASE64."""
    name, _, rest = text.partition("+")
    named, _, encoded = rest.partition("+")
    key = octets(encoded)
    insist(len(key) == 33 and key[0] in (LOG, WITNESS), "The key is none of a log, and none of a witness.")
    identity = sha256(f"{name}\n".encode() + key).digest()[:4]
    insist(identity.hex() == named, "The key was not copied whole: its own hash does not fit.")
    return name, identity, key[0], Ed25519PublicKey.from_public_bytes(key[1:])


def check_note(note, keys):
    """The note's text, and of those keys that have signed it (name, sort, time of a witness or 0)."""
    text, gap, under = note.rpartition("\n\n")
    insist(gap and under.endswith("\n"), "The file does not end with a signed checkpoint.")
    text, found = text + "\n", []
    for line in under[:-1].split("\n"):
        insist(line.startswith("— ") and line.count(" ") == 2, "A line under the checkpoint is no signature.")
        _, name, encoded = line.split(" ")
        blob = octets(encoded)
        for known, identity, sort, public in keys:
            if (known, identity) != (name, blob[:4]):
                continue
            at, signature, signed = 0, blob[4:], text
            if sort == WITNESS:
                at, signature = int.from_bytes(blob[4:12], "big"), blob[12:]
                signed = f"cosignature/v1\ntime {at}\n{text}"
            try:
                public.verify(signature, signed.encode())
            except InvalidSignature:
                raise Wrong(f"The signature by {name} is not of this checkpoint.") from None
            found.append((name, sort, at))
    return text, found


def node(left, right):
    return sha256(b"\1" + left + right).digest()


def root_of(leaf, index, size, beside):
    """The root that a leaf's hash leads to (RFC 9162 2.1.3.2, the same trees)."""
    insist(index < size, f"Leaf {index} is not in a tree of {size}.")
    number, last, found = index, size - 1, leaf
    for each in beside:
        insist(last > 0, f"The proof of leaf {index} has too many hashes.")
        if number & 1 or number == last:
            found = node(each, found)
            while not number & 1 and number:
                number, last = number >> 1, last >> 1
        else:
            found = node(found, each)
        number, last = number >> 1, last >> 1
    insist(last == 0, f"The proof of leaf {index} has too few hashes.")
    return found


LINES = {
    "leaf": r"leaf (0|[1-9][0-9]*) (\{.*\})",
    "open": r"open ([a-z]+) ([0-9a-f]{64}) (\".*\")",
    "letter": r"letter ([a-z2-7]+ [a-z2-7]+ [0-9a-f]{64})",
    "beside": r"beside ([A-Za-z0-9+/]{43}=)",
}
ORDER = list(LINES)


def read_leaves(lines):
    leaves, before = [], ""
    for number, line in enumerate(lines, 2):
        sort = line.partition(" ")[0]
        match = re.fullmatch(LINES.get(sort, "(?!)"), line)
        insist(match, f"Line {number} says nothing that a proof file may say.")
        if sort == "leaf":
            insist(not leaves or int(match[1]) > leaves[-1]["leaf"][0], f"Line {number}: this leaf is out of order.")
            leaves.append({"leaf": (int(match[1]), match[2]), "open": {}, "letter": [], "beside": []})
            before = sort
            continue
        insist(leaves and ORDER.index(sort) >= ORDER.index(before), f"Line {number} is out of order.")
        before = sort
        if sort == "open":
            text = json.loads(match[3])
            sound = json.dumps(text) == match[3] and match[1] not in leaves[-1]["open"]
            insist(sound, f"Line {number} is not in the one form that it has.")
            leaves[-1]["open"][match[1]] = bytes.fromhex(match[2]), text
        else:
            leaves[-1][sort].append(octets(match[1]) if sort == "beside" else match[1])
    insist(leaves, "The file has no leaf.")
    return leaves


def check_leaf(leaf, size, root):
    """What a leaf says, with what was opened, when it stands in the tree and all that was opened fits."""
    index, text = leaf["leaf"]
    found = root_of(sha256(b"\0" + text.encode()).digest(), index, size, leaf["beside"])
    insist(found == root, f"Leaf {index} does not stand there in the log.")
    facts = json.loads(text)
    seals = facts.pop("sealed", {})
    if isinstance(facts.get("network"), dict):
        seals = {"network": facts.pop("network")["sha256"]}
    for name, (salt, shown) in leaf["open"].items():
        digest = sha256(salt + shown.encode()).hexdigest()
        insist(seals.get(name) == digest, f"Leaf {index}: what is shown as its {name} is not what was sealed.")
        facts[name] = shown
    if leaf["letter"]:
        digest = sha256("".join(f"{each}\n" for each in leaf["letter"]).encode()).hexdigest()
        filed = f"letters sha256:{digest}" in facts.get("evidence", "")
        insist(filed, f"Leaf {index}: the letters are not those that were filed.")
    return facts


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("file")
    asked.add_argument("--key", required=True, action="append", help="the log's key")
    asked.add_argument("--witness", default=[], action="append", help="a witness that must have signed")
    asked.add_argument("--message", help="the message that is said to have come back")
    given = asked.parse_args()
    with open(given.file, encoding="utf-8", newline="") as file:
        head, gap, signed = file.read(4_000_000).partition("\n\n")
    first, *lines = head.split("\n")
    insist(gap and first == "dnsbl-proof v1", "This is no proof file.")
    witnesses = [read_key(key) for key in given.witness]
    text, signers = check_note(signed, [*map(read_key, given.key), *witnesses])
    origin, size, root = text.split("\n")[:3]
    insist(any(sort == LOG and name == origin for name, sort, _ in signers), "No key of the log has signed this.")
    print(f"Log {origin}, {size} leaves, is signed by its key.")
    for name, *_ in witnesses:
        at = [at for who, sort, at in signers if (who, sort) == (name, WITNESS)]
        insist(at, f"The witness {name} has not signed.")
        print(f"{name} had seen this log at {datetime.fromtimestamp(at[0], UTC):%Y-%m-%d %H:%M:%S} UTC.")
    returned = set()
    for leaf in read_leaves(lines):
        facts = check_leaf(leaf, int(size), octets(root))
        returned.update(re.findall("message sha256:([0-9a-f]{64})", facts.get("evidence", "")))
        print(f"Leaf {leaf['leaf'][0]}: {json.dumps(facts)}")
    if given.message:
        with open(given.message, "rb") as file:
            insist(sha256(file.read()).hexdigest() in returned, "That message is none that came back here.")
        print("The message is one that came back.")
    print(
        "All of this stands in the log. Not shown: that times are right, that the list did not bring the message in, "
        "and what came later."
    )


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"This proof does not hold: {wrong}")
    except (OSError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        sys.exit(f"This proof does not hold, or cannot be read: {error!r}")
