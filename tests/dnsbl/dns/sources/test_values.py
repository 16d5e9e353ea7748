import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.sources.values import DEFAULT, LONGEST, NotTaken, Value, Values, filled, read_a, read_value

GIVEN = Value(b"\x7f\0\0\x09", b"default $")


@pytest.mark.parametrize(
    ("said", "value"),
    [
        (b":5", Value(b"\x7f\0\0\x05", b"default $")),
        (b":6:", Value(b"\x7f\0\0\x06", b"")),
        (b":3:own $", Value(b"\x7f\0\0\x03", b"own $")),
        (b"text # no comment", Value(b"\x7f\0\0\x09", b"text # no comment")),
        (b":127.0.0.2:  blanks  inside", Value(b"\x7f\0\0\x02", b"blanks  inside")),
        (b":5 :x", Value(b"\x7f\0\0\x05", b"x")),
        (b":5::x", Value(b"\x7f\0\0\x05", b":x")),
        (b":127.1:x", Value(b"\x7f\0\0\x01", b"x")),
        (b":1.2.3:x", Value(b"\x01\x02\0\x03", b"x")),
        (b":0.0.0.1:x", Value(b"\0\0\0\x01", b"x")),
        (b":0127.0.0.00000004:x", Value(b"\x7f\0\0\x04", b"x")),
    ],
)
def test_a_value_has_an_address_a_text_or_both_and_the_default_for_what_it_leaves_open(
    said: bytes, value: Value
) -> None:
    assert read_value(said, GIVEN) == value


@pytest.mark.parametrize(
    "said", [b":0:x", b":256:x", b":4 text", b":8;c", b"::x", b": 5 :x", b":1.2.3.4.5:x", b":1/8:x", b":", b":0.0.0.0"]
)
def test_a_value_that_rbldnsd_does_not_take_is_refused(said: bytes) -> None:
    with pytest.raises(NotTaken):
        read_value(said, DEFAULT)


def test_a_single_octet_stands_behind_what_is_before_it() -> None:
    assert read_a(b"5", b"\0\0\0") == b"\0\0\0\x05"


VARIABLES = (b"", b"one$$", b"two", *[b""] * 7)


@pytest.mark.parametrize(
    ("template", "base", "text"),
    [
        (b"see $", b"", b"see NAME"),
        (b"$1 $2 $5 $$ $x $", b"", b"one$$ two $5 $ NAMEx NAME"),
        (b"some $$$$. $", b"", b"some $$. NAME"),
        (b"", b"", b""),
        (b"r123", b"at ?$= ($) $1", b"at ?r123 (NAME) one$$"),
        (b"", b"at ?$=", b"at ?NAME"),
        (b"=other $ $=", b"base", b"other NAME other $ $="),
        (b"$1 a$$b", b"<$=>", b"<$1 a$$b>"),
        (b"end$", b"", b"endNAME"),
        (b"$$", b"", b"$"),
    ],
)
def test_a_template_is_filled_with_the_name_the_variables_and_the_base(
    template: bytes, base: bytes, text: bytes
) -> None:
    assert filled(template, base, VARIABLES, b"NAME") == text


@given(st.binary(max_size=300), st.binary(max_size=40), st.lists(st.binary(max_size=300), min_size=10, max_size=10))
def test_whatever_a_template_holds_its_text_fits_one_string(
    template: bytes, base: bytes, variables: list[bytes]
) -> None:
    assert len(filled(template, base, tuple(variables), b"1.2.3.4")) <= LONGEST


def test_equal_values_are_kept_once_in_the_order_in_which_they_came() -> None:
    values = Values()
    assert [values.number(value) for value in (GIVEN, DEFAULT, GIVEN)] == [1, 2, 1]
    addresses, ends, templates = values.packed()
    assert (addresses, list(ends), templates) == (b"\x7f\0\0\x09\x7f\0\0\x02", [9, 9], b"default $")
    assert len(values) == 2
