"""The mail address for abuse in a registry's answer, and nothing else, whatever the answer is."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.rdap import abuse_mailbox


def entity(*roles: str, mail: str = "", inside: object = None) -> dict[str, object]:
    card = ["vcard", [["version", {}, "text", "4.0"], *([["email", {}, "text", mail]] if mail else [])]]
    return {"roles": list(roles), "vcardArray": card} | ({"entities": inside} if inside is not None else {})


@pytest.mark.parametrize(
    ("answer", "mailbox"),
    [
        (
            {"entities": [entity("registrant", mail="owner@x.example"), entity("abuse", mail="abuse@x.example")]},
            "abuse@x.example",
        ),
        ({"entities": [entity("registrant", inside=[entity("abuse", mail="in@x.example")])]}, "in@x.example"),
        ({"entities": [entity("abuse"), entity("technical", "abuse", mail=" second@x.example ")]}, "second@x.example"),
        ({"entities": [entity("registrant", mail="owner@x.example")]}, ""),
        ({"entities": entity("abuse", mail="a@x.example")}, ""),
        *(({"entities": [entity() | {"roles": roles}]}, "") for roles in (None, 5, "abuse")),
        ({"entities": [entity(mail="a@x.example") | {"roles": "abuse"}]}, ""),
        ({"errorCode": 404}, ""),
        ([], ""),
        ("abuse@x.example", ""),
    ],
)
def test_only_who_has_the_role_is_named(answer: object, mailbox: str) -> None:
    assert abuse_mailbox(json.dumps(answer).encode()) == mailbox


@pytest.mark.parametrize("document", [b"", b"{", b"\xff", b"[" * 100000, b'{"entities": [' * 5000])
def test_what_is_no_answer_names_nobody(document: bytes) -> None:
    assert abuse_mailbox(document) == ""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(["abuse", "email"]),
    lambda inside: (
        st.lists(inside, max_size=4)
        | st.dictionaries(st.sampled_from(["entities", "roles", "vcardArray", "x"]), inside, max_size=4)
    ),
    max_leaves=30,
)


@given(VALUES)
def test_whatever_shape_it_has_it_breaks_nothing(answer: object) -> None:
    assert isinstance(abuse_mailbox(json.dumps(answer).encode()), str)


def nested(levels: int) -> dict[str, object]:
    inner: object = entity("abuse", mail="deep@x.example")
    for _ in range(levels):
        inner = entity("registrant", inside=[inner])
    return {"entities": [inner]}


def test_only_four_levels_deep_is_looked() -> None:
    found = [abuse_mailbox(json.dumps(nested(levels)).encode()) for levels in range(6)]
    assert found == ["deep@x.example"] * 4 + [""] * 2


def test_only_two_hundred_entities_and_fields_are_looked_at() -> None:
    for before, found in ((199, "a@x.example"), (200, "")):
        many = [entity("registrant", mail="o@x.example")] * before + [entity("abuse", mail="a@x.example")]
        assert abuse_mailbox(json.dumps({"entities": many}).encode()) == found
        card = [["tel", {}, "uri", "x"]] * before + [["email", {}, "text", "a@x.example"]]
        one = {"roles": ["abuse"], "vcardArray": ["vcard", card]}
        assert abuse_mailbox(json.dumps({"entities": [one]}).encode()) == found
    spread = [entity("registrant", inside=[entity("registrant")] * 150), entity("abuse", mail="a@x.example")]
    assert abuse_mailbox(json.dumps({"entities": spread}).encode()) == "a@x.example"
    spread[0]["entities"] = [entity("registrant")] * 199
    assert abuse_mailbox(json.dumps({"entities": spread}).encode()) == "", "two hundred altogether"


@pytest.mark.parametrize(
    ("card", "mailbox"),
    [
        (["vcard", [["email", {}, "text", "a@x.example"], ["email", {}, "text", "b@x.example"]]], "a@x.example"),
        (["vcard", [["email", {}, "text", ["a@x.example"]], ["email", {}, "text", "b@x.example"]]], "b@x.example"),
        (["vcard", [["email", {}, "text"], ["Email", {}, "text", "a@x.example"]]], ""),
        (["vcard", [["email", {}, "text", "a" * 300]]], "a" * 254),
        (["vcard", [["email", {}, "text", "a@x.example", "more"]]], "a@x.example"),
        (["vcard", {"email": "a@x.example"}], ""),
        (["vcard", [None, 5, ["email", {}, "text", "a@x.example"]]], "a@x.example"),
        (None, ""),
        (5, ""),
        (["vcard"], ""),
        ("vcard", ""),
        ([[], [["email", {}, "text", "a@x.example"]], "more"], "a@x.example"),
    ],
)
def test_of_a_card_the_first_text_that_is_an_email_is_taken(card: object, mailbox: str) -> None:
    assert abuse_mailbox(json.dumps({"entities": [{"roles": ["abuse"], "vcardArray": card}]}).encode()) == mailbox
