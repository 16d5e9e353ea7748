"""As whom a host is tested: whatever there are two of differs, from one run to the next and within a run."""

from __future__ import annotations

import random as chance
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.guises import Guise, Wardrobe, from_json, pair, to_json
from tester.wordings import NEUTRAL

ALL = Wardrobe(
    helos=("one.example", "two.example"),
    collector_domains=("c1.example", "c2.example"),
    bounce_domains=("b1.example", "b2.example"),
    selectors=("s1", "s2"),
    sources=("192.0.2.1", "192.0.2.2"),
)
LONE = Wardrobe(helos=("one.example",), collector_domains=("c.example",), bounce_domains=("b.example",))
WORN = ("helo", "collector_domain", "bounce_domain", "selector", "wording", "source")


def bytes_of(seed: int):  # type: ignore[no-untyped-def]
    return chance.Random(seed).randbytes


def test_every_part_of_a_guise_is_looked_at() -> None:
    assert {field.name for field in fields(Guise)} == {*WORN, "third_domain"}


@given(st.integers())
def test_the_two_of_a_run_and_the_first_of_two_runs_in_a_row_differ_in_everything(seed: int) -> None:
    first, second = pair(ALL, None, bytes_of(seed))
    again, _ = pair(ALL, first, bytes_of(seed + 1))
    for part in WORN:
        assert getattr(first, part) != getattr(second, part)
        assert getattr(first, part) != getattr(again, part)
    assert second.wording in NEUTRAL
    for each in (first, second, again):
        assert each.helo in ALL.helos and each.selector, "there are two of both"


def test_every_choice_is_drawn_at_some_time() -> None:
    drawn = [pair(ALL, None, bytes_of(seed))[0] for seed in range(200)]
    assert {guise.helo for guise in drawn} == set(ALL.helos)
    assert {guise.wording for guise in drawn} == {0, *NEUTRAL}
    assert {guise.source for guise in drawn} == set(ALL.sources)


def test_who_has_one_name_of_each_differs_in_the_words_alone() -> None:
    first, second = pair(LONE, None, bytes_of(1))
    assert replace(second, wording=first.wording, third_domain="") == first
    assert first.wording != second.wording in NEUTRAL
    assert (first.selector, first.source, second.third_domain) == ("", "", "b.example")


def test_with_one_selector_one_of_two_is_unsigned_and_the_first_of_all_is_signed() -> None:
    wardrobe = replace(LONE, selectors=("s1",))
    first, second = pair(wardrobe, None, bytes_of(1))
    assert (first.selector, second.selector) == ("s1", "")
    first, second = pair(wardrobe, first, bytes_of(1))
    assert (first.selector, second.selector) == ("", "s1")


@pytest.mark.parametrize(
    ("collectors", "bounces"),
    [(("c1", "c2"), ("b1",)), (("c1", "c2"), ("b1", "b2")), (("c1", "c2", "c3"), ("b1",)), (("c1",), ("b1", "b2"))],
)
@given(seed=st.integers())
def test_the_third_domain_is_one_that_no_other_letter_goes_to(
    collectors: tuple[str, ...], bounces: tuple[str, ...], seed: int
) -> None:
    wardrobe = replace(LONE, collector_domains=collectors, bounce_domains=bounces)
    first, second = pair(wardrobe, None, bytes_of(seed))
    assert second.third_domain in {*collectors, *bounces} - {first.collector_domain, second.collector_domain}
    if len(collectors) > 2 or len(bounces) > 1:
        assert second.third_domain != second.bounce_domain


@pytest.mark.parametrize(("source", "literal"), [("192.0.2.1", "[192.0.2.1]"), ("2001:db8::1", "[IPv6:2001:db8::1]")])
def test_who_has_one_name_for_ehlo_calls_the_second_one_by_its_address(source: str, literal: str) -> None:
    first, second = pair(replace(LONE, sources=(source,)), None, bytes_of(1))
    assert (first.helo, second.helo) == ("one.example", literal)


def test_a_stranger_keeps_its_name_at_another_address_unless_it_is_called_by_its_address() -> None:
    named, unnamed = pair(replace(LONE, sources=("192.0.2.1",)), None, bytes_of(1))
    assert named.at("2001:db8::1") == replace(named, source="2001:db8::1")
    assert unnamed.at("2001:db8::1") == replace(unnamed, source="2001:db8::1", helo="[IPv6:2001:db8::1]")
    assert unnamed.at("") == replace(unnamed, source="")


def test_with_one_domain_for_everything_there_is_no_third() -> None:
    assert pair(replace(LONE, bounce_domains=("c.example",)), None, bytes_of(1))[1].third_domain == ""


@given(st.integers())
def test_a_kept_guise_comes_back_as_it_was(seed: int) -> None:
    both = pair(ALL, None, bytes_of(seed))
    assert from_json(to_json(both)) == both
    assert (to_json(()), from_json("")) == ("", ())


def test_a_guise_is_kept_in_few_octets_and_what_an_older_one_does_not_say_is_as_it_was() -> None:
    guise = Guise(helo="h", collector_domain="c", bounce_domain="b", wording=3)
    assert to_json([guise]) == (
        '[{"helo":"h","collector_domain":"c","bounce_domain":"b","third_domain":"","selector":"","wording":3,"source":""}]'
    )
    assert from_json('[{"helo":"h","collector_domain":"c","bounce_domain":"b"}]') == (replace(guise, wording=0),)


def test_a_guise_is_told_in_one_line() -> None:
    guise = Guise(helo="h.example", collector_domain="c.example", bounce_domain="b.example", wording=2)
    assert guise.told == "as h.example: letters from b.example to c.example, unsigned, wording 2"
    signed = replace(guise, selector="s1", source="192.0.2.1")
    assert signed.told.startswith("as h.example at 192.0.2.1: ")
    assert "signed s1._domainkey.b.example" in signed.told
