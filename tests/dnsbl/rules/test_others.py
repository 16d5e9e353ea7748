"""What other lists say is read as RFC 5782 has it, and nothing else passes for a listing."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.rules.others import MOST_TEXT, POINTS, Ailment, Answer, ailment_of, opinion, question, troubled
from dnsbl.settings import OtherList

MUST, NEVER = ("127.0.0.2",), ()


def test_the_name_has_reversed_octets_or_reversed_nibbles() -> None:
    assert question(ip_address("192.0.2.99"), "bl.test") == "99.2.0.192.bl.test."
    name = question(ip_address("2001:db8:1:2:3:4:567:89ab"), "bl.test")
    assert name == "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.bl.test."
    assert question(ip_address("::ffff:127.0.0.2"), "bl.test").startswith("2.0.0.0.0.0.f.7.f.f.f.f.0.")


@pytest.mark.parametrize(
    ("must", "never", "there", "trouble"),
    [
        (MUST, NEVER, True, None),
        (("127.0.0.4", "127.0.0.9"), NEVER, True, None),
        ((), (), True, Ailment.EMPTY),
        ((), (), False, Ailment.GONE),
        (MUST, ("127.0.0.2",), True, Ailment.WORLD),
        ((), ("127.0.0.2",), True, Ailment.WORLD),
        (("192.0.2.1",), (), True, Ailment.STRAY),
        (MUST, ("192.0.2.1",), True, Ailment.STRAY),
        (("127.255.255.252",), (), True, Ailment.CODES),
        (MUST, ("127.255.255.255",), True, Ailment.CODES),
        (("127.255.255.254",), ("192.0.2.1",), True, Ailment.CODES),
        (Ailment.SILENT, (), True, Ailment.SILENT),
        (MUST, Ailment.FAILING, True, Ailment.FAILING),
        (Ailment.REFUSED, Ailment.REFUSED, True, Ailment.REFUSED),
    ],
)
def test_a_list_works_only_while_both_test_points_are_right(
    must: Answer, never: Answer, there: bool, trouble: Ailment | None
) -> None:
    assert ailment_of(must, never, there=there) is trouble


@pytest.mark.parametrize(
    ("answer", "listed"),
    [
        ((), False),
        (("127.0.0.1",), True),
        (("127.9.8.7",), True),  # any address of 127/8 means listed (RFC 5782 6)
        (("127.255.254.255",), True),
        (("127.255.255.0",), None),
        (("127.0.0.2", "127.255.255.254"), None),
        (("128.0.0.2",), None),
        (("126.255.255.255", "127.0.0.2"), None),
        (Ailment.SILENT, None),
    ],
)
def test_only_addresses_of_loopback_that_are_no_error_mean_listed(answer: Answer, listed: bool | None) -> None:
    said = opinion(OtherList("bl.test"), answer)
    assert said.listed is listed
    assert (said.trouble is None) == (listed is not None)
    assert said.sentence.startswith("bl.test ") and said.sentence.endswith(".")


def test_every_trouble_has_its_name_for_programs_and_its_sentence() -> None:
    assert {str(trouble) for trouble in Ailment} == {
        *("gone", "empty", "lists-the-world", "error-codes", "stray-answers", "refused", "failing", "silent")
    }
    told = {troubled("bl.test", trouble).sentence for trouble in Ailment}
    assert len(told) == len(Ailment) and not any("{" in sentence for sentence in told)


def test_a_text_is_bounded_and_escaped() -> None:
    said = opinion(OtherList("bl.test"), MUST, "\x1b[31m" + "x" * 1000)
    assert "\x1b" not in said.text and len(said.text) == MOST_TEXT == 255
    assert opinion(OtherList("bl.test"), MUST).text == "", "where none was asked for"
    assert opinion(OtherList("bl.test"), MUST, "\ud800é").text == "?\\xc3\\xa9", "whatever it holds"
    assert opinion(OtherList("bl.test"), (), "x").text == "", "a text alone is no listing"


@pytest.mark.parametrize(
    ("answer", "codes", "sentence"),
    [
        ((), (), "bl.test does not list it."),
        (("127.0.0.2", "127.0.0.4"), ("127.0.0.2",), "bl.test lists it (127.0.0.2)."),
        (("127.0.0.4",), (), "bl.test lists it under 127.0.0.4, which is not asked for here."),
        (("127.0.0.4", "127.0.0.8"), (), "bl.test lists it under 127.0.0.4, 127.0.0.8, which is not asked for here."),
    ],
)
def test_only_the_codes_that_are_asked_for_count(answer: Answer, codes: tuple[str, ...], sentence: str) -> None:
    some = OtherList("bl.test", mask=2)
    said = opinion(some, answer, "see there")
    assert (said.zone, said.codes, said.listed, said.sentence) == ("bl.test", codes, bool(codes), sentence)
    assert (said.text, said.trouble) == ("see there" if codes else "", None)


def test_of_many_codes_sixteen_are_told() -> None:
    many = tuple(f"127.0.0.{n}" for n in range(2, 40))
    said = opinion(OtherList("bl.test"), many)
    assert said.codes == many[:16] and said.sentence == f"bl.test lists it ({', '.join(many[:16])})."
    none = OtherList("bl.test", mask=128)
    assert f"under {', '.join(many[:16])}, which" in opinion(none, many).sentence
    stray = opinion(OtherList("bl.test"), (*many, "198.51.100.1"))
    assert f"({', '.join(('198.51.100.1', *many[:15]))})" in stray.sentence, "what is wrong is told before the rest"


@pytest.mark.parametrize(
    ("answer", "trouble", "told"),
    [
        (("127.0.0.2", "127.255.255.254"), Ailment.CODES, "(127.255.255.254, 127.0.0.2)"),
        (("127.0.0.2", "192.0.2.1"), Ailment.STRAY, "(192.0.2.1, 127.0.0.2)"),
        (("192.0.2.1", "127.255.255.254"), Ailment.CODES, "(192.0.2.1, 127.255.255.254)"),
        (Ailment.CODES, Ailment.CODES, "(such codes)"),
        (Ailment.REFUSED, Ailment.REFUSED, "refuses to answer us."),
    ],
)
def test_an_answer_that_says_nothing_is_told_with_what_is_wrong_in_it(
    answer: Answer, trouble: Ailment, told: str
) -> None:
    said = opinion(OtherList("bl.test"), answer, "a text")
    assert (said.listed, said.codes, said.text, said.trouble) == (None, (), "", trouble)
    assert told in said.sentence


@pytest.mark.parametrize(
    ("version", "must", "never"), [(4, "127.0.0.2", "127.0.0.1"), (6, "::ffff:7f00:2", "::ffff:7f00:1")]
)
def test_a_list_that_is_dead_or_lists_the_world_is_told_by_the_test_points_of_the_family(
    version: int, must: str, never: str
) -> None:
    points = tuple(ip_address(point) for point in (must, never))
    assert POINTS[version] == points
    assert f"its test point {points[0]}:" in troubled("bl.test", Ailment.EMPTY, version=version).sentence
    assert f"lists {points[1]}, and so" in troubled("bl.test", Ailment.WORLD, version=version).sentence
