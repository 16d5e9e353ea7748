from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.sources.dataset import Dataset, hash_of, hashes_of, laid, place, slots_for
from dnsbl.dns.sources.reading import read


def dataset_of(form: str, text: bytes) -> Dataset:
    ((_, dataset),) = read(form, [("f", text)], now=0).datasets
    return dataset


def test_a_place_with_several_values_has_all_of_them_in_the_order_of_the_file() -> None:
    dataset = dataset_of("ip4set", b"1.1.1.1 :3:b\n1.1.1.1 :2:a\n1.1.1.1 :3:b\n1.1.1.2 :2:a\n")
    assert [dataset.value(n).template for n in dataset.values_at(0x01010101)] == [b"b", b"a"]
    assert [dataset.value(n).address for n in dataset.values_at(0x01010102)] == [b"\x7f\0\0\x02"]
    assert dataset.text(0, b"x") == b"b"


def test_datasets_know_what_they_are_asked_for() -> None:
    assert [dataset_of(form, b"").version for form in ("ip4set", "ip6trie", "dnset", "generic")] == [4, 6, 0, 0]
    assert [len(dataset_of("dnset", text)) for text in (b"", b"a.b\nb\n")] == [0, 2]
    assert len(dataset_of("ip4set", b"1.1.1.1\n")) == 2


def test_an_empty_dataset_holds_nothing() -> None:
    assert dataset_of("ip4set", b"").values_at(0) == ()
    assert not dataset_of("ip6trie", b"").any_between(0, 1 << 127)
    assert dataset_of("dnset", b"").values_of(b"\1a") == ((), b"")
    assert not dataset_of("dnset", b"").something_below(b"")


def test_records_of_the_form_generic_have_type_ttl_and_data() -> None:
    dataset = dataset_of("generic", b"@ 5m MX 10 mx.example\n")
    assert dataset.records
    (value,), name = dataset.values_of(b"")
    assert dataset.record(value) == (15, 300, b"\0\x0a\2mx\7example\0")
    assert name == b""


@given(st.lists(st.integers(1, 2**64 - 1), unique=True, max_size=50))
def test_what_is_laid_into_slots_is_found_from_its_place_on(hashes: list[int]) -> None:
    slots = laid(((found, found) for found in hashes), len(hashes), "Q")
    assert len(slots) == slots_for(len(hashes))
    for found in hashes:
        at = place(found, len(slots))
        while slots[at] != found:
            assert slots[at]
            at = (at + 1) % len(slots)


def test_the_hash_of_a_name_is_that_of_it_above_another() -> None:
    name = b"\3www\7example\3com"
    assert hashes_of(name)[1:] == [(begin - 0 + 4, found) for begin, found in hashes_of(name[4:])]
    assert hash_of(name) == hashes_of(name)[0][1]
    assert hash_of(b"") != hash_of(b"\1a")
