"""Merkle trees and their proofs, beside others' figures and the RFC's own words."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Damaged
from dnsbl.log import merkle
from tests.dnsbl.log.samples_of_trees import VECTORS, at, leaves, root_by_the_book

HASHES = leaves(70)
THEIRS = [merkle.leaf_hash(bytes.fromhex(text)) for text in VECTORS["merkle"]["leaves"]]
ROOTS = [merkle.EMPTY, *(bytes.fromhex(text) for text in VECTORS["merkle"]["roots"])]


def unhexed(texts: list[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def test_roots_are_those_that_others_have_found() -> None:
    assert [merkle.root(size, at(THEIRS)) for size in range(9)] == ROOTS
    assert [merkle.complete(THEIRS[:size]) for size in range(1, 9)] == ROOTS[1:]


def test_proofs_are_those_that_others_have_made() -> None:
    for case in VECTORS["inclusion"]:
        assert merkle.inclusion(case["index"], case["size"], at(THEIRS)) == unhexed(case["proof"])
        found = merkle.root_of(THEIRS[case["index"]], case["index"], case["size"], unhexed(case["proof"]))
        assert found == ROOTS[case["size"]]
    for case in VECTORS["consistency"]:
        old, size, proof = case["old"], case["size"], unhexed(case["proof"])
        assert merkle.consistency(old, size, at(THEIRS)) == proof
        merkle.check_consistency(old, ROOTS[old], size, ROOTS[size], proof)


@given(st.data())
def test_every_leaf_is_proven_to_be_in_and_nowhere_else(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(HASHES)))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion(index, size, at(HASHES))
    root = root_by_the_book(HASHES[:size])
    assert merkle.root_of(HASHES[index], index, size, proof) == root
    for other in {index ^ 1, index + 1, size - 1} - {index}:
        try:
            assert merkle.root_of(HASHES[index], other, size, proof) != root
        except Damaged:
            continue
    for place in range(len(proof)):
        bent = [*proof[:place], bytes([proof[place][0] ^ 8]) + proof[place][1:], *proof[place + 1 :]]
        assert merkle.root_of(HASHES[index], index, size, bent) != root


@given(st.data())
def test_a_tree_is_shown_to_begin_with_an_older_one_and_with_no_other(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(HASHES)))
    old = data.draw(st.integers(0, size))
    proof = merkle.consistency(old, size, at(HASHES))
    roots = {end: root_by_the_book(HASHES[:end]) if end > 0 else merkle.EMPTY for end in (old - 1, old, size)}
    merkle.check_consistency(old, roots[old], size, roots[size], proof)
    wrong = [
        (old, bytes(32), size, roots[size], proof),
        (old, roots[old], size, roots[size], [*proof, bytes(32)]),
        *((old, roots[old], size, roots[size], proof[:-1]) for _ in proof[:1]),
        *((old, roots[old], size, bytes(32), proof) for _ in range(old > 0)),
        *((old - 1, roots[old - 1], size, roots[size], proof) for _ in range(1 < old < size)),
        *((old, roots[old], size, roots[size], bent) for bent in bends(proof)),
    ]
    for case in wrong:
        with pytest.raises(Damaged):
            merkle.check_consistency(*case)


def bends(proof: list[bytes]) -> list[list[bytes]]:
    return [
        [*proof[:place], bytes([proof[place][0] ^ 16]) + proof[place][1:], *proof[place + 1 :]]
        for place in range(len(proof))
    ]


def test_what_is_not_in_a_tree_has_no_proof() -> None:
    for index, size in ((0, 0), (1, 1), (-1, 5)):
        with pytest.raises(ValueError):
            merkle.inclusion(index, size, at(HASHES))
        with pytest.raises(Damaged):
            merkle.root_of(HASHES[0], index, size, [])
    with pytest.raises(ValueError):
        merkle.consistency(3, 2, at(HASHES))
    with pytest.raises(Damaged):
        merkle.check_consistency(3, ROOTS[3], 2, ROOTS[2], [])
    with pytest.raises(Damaged):
        merkle.root_of(HASHES[0], 0, 2, [HASHES[1][:-1]])


def test_an_older_tree_that_is_larger_is_refused_whatever_its_root() -> None:
    """By the way to its last leaf alone a tree of one leaf could pass for what begins with one of two."""
    with pytest.raises(Damaged, match="larger"):
        merkle.check_consistency(2, ROOTS[1], 1, ROOTS[1], [])


def test_two_trees_of_one_size_are_one_tree() -> None:
    merkle.check_consistency(5, ROOTS[5], 5, ROOTS[5], [])
    with pytest.raises(Damaged, match="Two trees of one size have different roots"):
        merkle.check_consistency(5, ROOTS[5], 5, ROOTS[6], [])


def test_the_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert merkle.EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_a_leaf_is_no_node_and_order_counts() -> None:
    assert merkle.leaf_hash(HASHES[0] + HASHES[1]) != merkle.node_hash(HASHES[0], HASHES[1])
    assert merkle.node_hash(HASHES[0], HASHES[1]) != merkle.node_hash(HASHES[1], HASHES[0])
    assert all(first != second for first, second in pairwise(ROOTS))
