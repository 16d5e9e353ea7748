"""What other lists say is read as RFC 5782 has it, and nothing else passes for a listing."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from dnsbl.rules.others import MOST_TEXT, Ailment, Answer, ailment_of, opinion, question, troubled
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


def test_every_trouble_has_its_sentence() -> None:
    told = {troubled("bl.test", trouble).sentence for trouble in Ailment}
    assert len(told) == len(Ailment) and not any("{" in sentence for sentence in told)


def test_a_text_is_bounded_and_escaped() -> None:
    said = opinion(OtherList("bl.test"), MUST, "\x1b[31m" + "x" * 1000)
    assert "\x1b" not in said.text and len(said.text) == MOST_TEXT
    assert opinion(OtherList("bl.test"), (), "x").text == "", "a text alone is no listing"
