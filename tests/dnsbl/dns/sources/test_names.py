import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.sources.dataset import EXCLUDED, Dataset
from dnsbl.dns.sources.names import NameEntries, read_name, shown
from dnsbl.dns.sources.values import DEFAULT, NotTaken, Values


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (b"example.com", b"\x07example\x03com"),
        (b"UPPER.Com.", b"\x05upper\x03com"),
        (b"a..b", b"\x01a\x01b"),
        (b".dot", b"\x03dot"),
        (b"e\\.f.com", b"\x03e.f\x03com"),
        (b"esc\\046aped.com", b"\x08esc.aped\x03com"),
        (b"\\9.\\65.\\0656", b"\x01\t\x01a\x02a6"),
        (b"*", b"\x01*"),
        (b"a_b.-x", b"\x03a_b\x02-x"),
    ],
)
def test_names_are_packed_in_lower_case(text: bytes, name: bytes) -> None:
    assert read_name(text) == name


@pytest.mark.parametrize("text", [b"", b".", b"a" * 64 + b".com", (b"a" * 60 + b".") * 5, b"a\\", b"a\\999b"])
def test_what_is_no_name_is_refused(text: bytes) -> None:
    with pytest.raises(NotTaken):
        read_name(text)


def test_the_root_is_a_name_only_where_it_may_be_one() -> None:
    assert read_name(b".", root=True) == b""
    with pytest.raises(NotTaken):
        read_name(b"..", root=True)


def test_brackets_are_shown_as_they_are() -> None:
    assert shown(b"\x05a(b)$\x01.") == b"a(b)\\$.\\."


@given(st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=6))
def test_a_name_that_is_shown_is_read_again(labels: list[bytes]) -> None:
    name = b"".join(bytes((len(label),)) + label.lower() for label in labels)
    text = shown(name)
    assert read_name(text) == name


LABELS = st.sampled_from([b"a", b"b", b"com"])
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: b"".join(b"%c" % len(n) + n for n in labels))
ROWS = st.lists(st.tuples(NAMES, st.sampled_from([1, 2, EXCLUDED]), st.booleans(), st.booleans()), max_size=12)


def above(name: bytes) -> list[bytes]:
    found = []
    while name:
        name = name[name[0] + 1 :]
        found.append(name)
    return found


@given(ROWS, NAMES)
def test_a_name_gets_what_stands_at_it_then_what_the_nearest_one_above_says_of_all_below(
    rows: list[tuple[bytes, int, bool, bool]], name: bytes
) -> None:
    entries, values = NameEntries(), Values()
    for number in (1, 2):
        values.number(DEFAULT._replace(template=b"%d" % number))
    for row, value, itself, below in rows:
        entries.add(row, value, itself=itself, below=below)
    blob, slots, parents, group_ends, groups = entries.packed(2)
    addresses, ends, templates = values.packed()
    dataset = Dataset(
        form="dnset", ttl=1, addresses=addresses, ends=ends, templates=templates, group_ends=group_ends, groups=groups,
        blob=blob, slots=slots, parents=parents,
    )  # fmt: skip
    said: set[int] = set()
    for at, side in [(name, 2), *((at, 3) for at in above(name))]:
        said = {value for row, value, *sides in rows if row == at and sides[side - 2]}
        if said:
            break
    expected = set() if EXCLUDED in said else {value - 1 for value in said}
    assert set(dataset.values_of(name)[0]) == expected
    listed = {
        (row, side)
        for side in (0, 1)
        for row in {row for row, *_ in rows}
        if (found := {value for other, value, *sides in rows if other == row and sides[side]}) and EXCLUDED not in found
    }
    assert dataset.something_below(name) == any(
        name in above(row) or (side == 1 and row == name) for row, side in listed
    )
