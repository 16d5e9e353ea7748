"""A list's letters are read, and what is none of what was asked for is refused before anything is dialled."""

from __future__ import annotations

from copy import deepcopy
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

import pytest

from tester.cli.borrowed import borrowed, word
from tester.errors import NoLetters
from tester.verdict import Finding
from tester.wordings import WORDINGS

TARGET = ip_address("192.0.2.25")


def letters(*vectors: str) -> list[dict[str, Any]]:
    return [
        {
            "vector": vector,
            "recipient": "r" + f"{n:b}".zfill(33).replace("0", "a").replace("1", "b"),
            "sender": "s" + f"{n:b}".zfill(33).replace("0", "a").replace("1", "b"),
            "proof": "p" * 26,
        }
        for n, vector in enumerate(vectors)
    ]


DOCUMENT: dict[str, Any] = {
    "id": "abcdefghijklmnop",
    "address": "192.0.2.25",
    "port": 25,
    "profile": "standard",
    "grade": "proven",
    "shows": "It \x1b[31mlists.",
    "nomination": "nomination 17",
    "not_before": 1_700_000_000,
    "not_after": 1_700_086_400,
    "sender": {
        "service": "List",
        "website": "https://list.example/",
        "contact": "p@list.example",
        "collector_domain": "c.list.example",
        "bounce_domain": "b.list.example",
        "wording": 0,
    },
    "letters": letters("S01", "R01"),
    "status_url": "https://list.example/x",
}
WORD: dict[str, Any] = {
    "id": "abcdefghijklmnop",
    "address": "192.0.2.25",
    "state": "settled",
    "explanation": "It came back.",
    "back": [{"recipient": DOCUMENT["letters"][0]["recipient"], "finding": "DELIVERED_SAME", "peer": "192.0.2.25"}],
    "listed": ["relay"],
}


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    found = deepcopy(document)
    *way, last = path.split(".")
    here: Any = found
    for step in way:
        here = here[int(step) if step.isdigit() else step]
    here[last] = value
    return found


def test_letters_are_read_with_all_that_goes_with_them() -> None:
    found = borrowed(DOCUMENT, TARGET, helo="t.example")
    first = found.letters[0]
    assert (found.run, found.port, first.vector, first.address) == ("abcdefghijklmnop", 25, "S01", TARGET)
    assert first.proof_hash == sha256(b"p" * 26).digest()
    assert found.proofs[first.recipient] == "p" * 26
    assert (found.sender.helo, found.sender.bounce_domain) == ("t.example", "b.list.example")
    assert "\x1b" not in found.shows


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("address", "192.0.2.26"),
        ("address", 7),
        ("port", 0),
        ("port", 65536),
        ("port", 70000),
        ("port", "x"),
        ("port", 25.5),
        ("port", float("inf")),
        ("port", None),
        ("id", "../../x"),
        ("profile", "all"),
        ("letters", []),
        ("letters", {}),
        ("letters", {"vector": "S01"}),
        ("letters", "S01"),
        ("letters", letters("S01", "S01")),
        ("letters", letters(*["S01"] * 2000)),
        ("letters.1.recipient", DOCUMENT["letters"][0]["recipient"]),
        ("letters.0.vector", "Z99"),
        ("letters.0.recipient", "postmaster"),
        ("letters.0.recipient", "r" + "a" * 33 + "@victim.example"),
        ("letters.0.sender", None),
        ("letters.0.proof", "p" * 27),
        ("letters.0.proof", "x\r\nBcc: a@b"),
        ("sender.collector_domain", "victim.example>\r\n"),
        ("sender.bounce_domain", ""),
        ("sender", None),
        ("not_before", float("inf")),
        ("not_after", float("inf")),
        ("not_after", "soon"),
        ("nomination", None),
    ],
)
def test_what_is_no_set_of_letters_for_this_address_is_refused(path: str, value: Any) -> None:
    with pytest.raises(NoLetters, match=r"no set of letters|twice"):
        borrowed(changed(DOCUMENT, path, value), TARGET, helo="t.example")


@pytest.mark.parametrize("document", [None, [], "x", {}, {"letters": None}])
def test_what_is_no_document_is_refused(document: Any) -> None:
    with pytest.raises(NoLetters):
        borrowed(document, TARGET, helo="t.example")


@pytest.mark.parametrize("number", [1, 25, 65535])
def test_a_single_letter_for_any_port_is_enough(number: int) -> None:
    found = borrowed(changed(changed(DOCUMENT, "port", number), "letters", letters("S01")), TARGET, helo="t.example")
    assert ([one.port for one in found.letters], found.port) == ([number], number)


def test_letters_are_written_in_the_lists_words_and_in_the_first_ones_where_we_do_not_know_them() -> None:
    """A list that is newer than we are may have more."""
    known = [*enumerate(WORDINGS)]
    for wording, _ in known:
        assert borrowed(changed(DOCUMENT, "sender.wording", wording), TARGET, helo="t").sender.wording == wording
    for wording in (len(known), 99, -1, 1.0, "x", None):
        assert borrowed(changed(DOCUMENT, "sender.wording", wording), TARGET, helo="t").sender.wording == 0


def test_what_the_list_says_is_escaped_and_cut_before_it_is_shown() -> None:
    """Half of a pair is no character, but JSON can hold it, and no terminal should."""
    found = borrowed(changed(DOCUMENT, "shows", "\ud800" + "x" * 400), TARGET, helo="t.example")
    assert found.shows == "?" + "x" * 299
    said = word(changed(WORD, "listed", ["\x1b[31m", *"abcdefghijk"]), found)
    assert said.listed == ("\\x1b[31m", *"abcdefghi")


def test_the_lists_word_is_about_letters_of_ours() -> None:
    ours = borrowed(DOCUMENT, TARGET, helo="t.example")
    said = word(WORD, ours)
    assert (said.over, said.listed, said.explanation) == (True, ("relay",), "It came back.")
    assert [(one.finding, one.peer) for one in said.backs] == [(Finding.DELIVERED_SAME, TARGET)]
    assert word(changed(WORD, "back.0.recipient", "r" + "c" * 33), ours).backs == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("id", "x" * 16),
        ("back", None),
        ("back.0.finding", "GUILTY"),
        ("back.0.peer", "x"),
        ("back", 7),
        ("back", [7]),
        ("back.0.recipient", []),
        ("listed", 7),
        ("state", []),
    ],
)
def test_a_word_that_makes_no_sense_is_refused_or_says_nothing(path: str, value: Any) -> None:
    ours = borrowed(DOCUMENT, TARGET, helo="t.example")
    if path == "state":
        assert not word(changed(WORD, path, value), ours).over
        return
    with pytest.raises(NoLetters, match="no word"):
        word(changed(WORD, path, value), ours)


@pytest.mark.parametrize("missing", sorted(WORD.keys() - {"address"}))
def test_a_word_that_lacks_something_is_none(missing: str) -> None:
    ours = borrowed(DOCUMENT, TARGET, helo="t.example")
    with pytest.raises(NoLetters, match="no word"):
        word({key: value for key, value in WORD.items() if key != missing}, ours)
