"""Words, comments and clauses, whole and torn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.received.grammar import clauses, outermost, tokens


def read(text: str) -> list[str]:
    """Words as they are, comments in parentheses."""
    return [{"word": "{}", "comment": "({})"}[token.kind].format(token.text) for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("a(b)c", ["a", "(b)", "c"]),
        ("a (b (c) d) e", ["a", "(b (c) d)", "e"]),
        ("a (b \\) c) d", ["a", "(b \\) c)", "d"]),
        ("a (b \\\\) c", ["a", "(b \\\\)", "c"]),
        ("a; b", ["a", ";", "b"]),
        ("a[1.2.3.4]b", ["a[1.2.3.4]b"]),
        ("[ 1.2.3.4 ] b", ["[ 1.2.3.4 ]", "b"]),
        ("[ (b) ]", ["[", "(b)", "]"]),
        ('"a (b) ; c" d', ['"a (b) ; c"', "d"]),
        ('"a \\" (b)" c', ['"a \\" (b)"', "c"]),
        ('"a (b) "c', ['"a', "(b)", '"c']),
        ('"a (b)', ['"a', "(b)"]),
        ("a) b", ["a)", "b"]),
        ("a (b", ["a", "(b)"]),
        ("a (b by c", ["a", "(b)", "by", "c"]),
        ("a (b (c) d", ["a", "(b )", "(c)", "d"]),
        ("a ((b (c", ["a", "((b (c)"]),
        ("a (b by c (d id e", ["a", "(b)", "by", "c", "(d", "id", "e"]),
        ("", []),
        ("x a(b)c", ["x", "a", "(b)", "c"]),
        ("(a) b", ["(a)", "b"]),
        # only ASCII blanks are blanks: a client cannot make others count
        ("a\xa0b", ["a\xa0b"]),
        ('"a (b)"\xa0c', ['"a', "(b)", '"\xa0c']),
        ("a (b\xa0by c", ["a", "(b\xa0by c)"]),
        # a quoted parenthesis opens nothing, and what follows the quoted string is read as ever
        ('"(" \\(b) c', ['"("', "\\", "(b)", "c"]),
        ('"a"(b) c', ['"a"', "(b)", "c"]),
        ('" "(b)" c', ['" "', "(b)", '"', "c"]),
        ('"a\\\n(b)" c', ['"a\\\n(b)"', "c"]),
        # a comment that never ends takes no other with it
        ("a (b BY c", ["a", "(b)", "BY", "c"]),
        ("a (b by c (d) e", ["a", "(b)", "by", "c", "(d)", "e"]),
        ("a (b (c) (d) e", ["a", "(b )", "(c)", "(d)", "e"]),
        ("(x) (b (c) d", ["(x)", "(b )", "(c)", "d"]),
    ],
)
def test_words_and_comments_are_found(text: str, expected: list[str]) -> None:
    assert read(text) == expected


def test_a_keyword_opens_a_clause_once_and_its_value_is_never_a_keyword() -> None:
    found = clauses("from by (c1) by from via tcp with ESMTP with STARTTLS id with for <x> ; d (c2) from z")
    assert {name: clause.words for name, clause in found.items()} == {
        "": [],
        "from": ["by"],
        "by": ["from"],
        "via": ["tcp"],
        "with": ["ESMTP", "with", "STARTTLS"],
        "id": ["with"],
        "for": ["<x>"],
        ";": ["d", "from", "z"],
    }
    assert found["from"].comments == ["c1"]
    assert found[";"].comments == ["c2"]


def test_comments_of_one_clause_are_kept_to_a_number() -> None:
    assert clauses("from a " + "(x)" * 100 + " by mx")["from"].comments == ["x"] * 12


def test_behind_a_comment_that_never_ends_comments_are_comments() -> None:
    found = clauses("from a (b by mx (c) with x")
    assert (found["from"].comments, found["by"].comments, found["by"].words) == (["b"], ["c"], ["mx"])


def test_a_comment_stands_for_a_value() -> None:
    found = clauses("from (c) by mx")
    assert (found["from"].words, found["from"].comments, found["by"].words) == ([], ["c"], ["mx"])


@pytest.mark.parametrize(
    ("comment", "own"),
    [
        ("a (b (c)) d (e)", "a   d  "),
        ("a", "a"),
        ("a (b)(c) d", "a    d"),
        ("a\\xb", "a?b"),
        ("a\\\nb", "a?b"),
        ("a \\( b", "a   b"),
        ("\\[a\\]", "?a?"),
        ("a (b", "a (b"),
        ('a "(b" c) d', 'a "  d'),
    ],
)
def test_a_comments_own_text_is_without_what_is_nested_and_quoted(comment: str, own: str) -> None:
    assert outermost(comment) == own


@given(st.text(alphabet='ab ()[]"\\;', max_size=60))
def test_every_text_falls_into_pieces_of_itself(text: str) -> None:
    assert all(token.text in text for token in tokens(text))
    outermost(text)
