from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.sources.dataset import Dataset
from dnsbl.dns.sources.reading import MOST_REFUSED, Holding, Reader, Unusable, read
from dnsbl.dns.zones import FORMS

NOW = int(datetime(2026, 5, 1, tzinfo=UTC).timestamp())


def contents(form: str, *texts: bytes) -> Holding:
    return read(form, [(f"f{n}", text) for n, text in enumerate(texts)], now=NOW)


def listed(form: str, text: bytes) -> Dataset:
    ((_, dataset),) = contents(form, text).datasets
    return dataset


def said(dataset: Dataset, address: str) -> list[tuple[int, bytes]]:
    number = int.from_bytes(bytes(map(int, address.split("."))))
    values = [dataset.value(n) for n in dataset.values_at(number)]
    return [(value.address[3], value.template) for value in values]


def test_a_default_counts_for_the_lines_behind_it_up_to_the_end_of_its_file() -> None:
    ((_, dataset),) = contents("ip4set", b"1.0.0.1\n:3:x\n1.0.0.2\n:5\n1.0.0.3\n1.0.0.4 own", b"1.0.0.5").datasets
    found = [said(dataset, f"1.0.0.{n}") for n in range(1, 6)]
    assert found == [[(2, b"")], [(3, b"x")], [(5, b"")], [(5, b"own")], [(2, b"")]]


def test_single_values_hold_for_all_the_first_line_that_gives_one_decides() -> None:
    dataset = listed("ip4tset", b"1.0.0.1 own\n:3:x\n:4:y\n1.0.0.2\n")
    assert [said(dataset, f"1.0.0.{n}") for n in (1, 2)] == [[(3, b"x")]] * 2


def test_a_byte_order_mark_carriage_returns_blanks_and_a_missing_last_newline_cost_nothing() -> None:
    dataset = listed("ip4set", b"\xef\xbb\xbf1.0.0.1\r\n  1.0.0.2 :5:x\r\n\t\r\n ! 1.0.0.1\r\n1.0.0.3")
    assert [said(dataset, f"1.0.0.{n}") for n in (1, 2, 3)] == [[], [(5, b"x")], [(2, b"")]]


def test_lines_with_a_dollar_sign_may_be_hidden_from_others_and_the_first_one_of_a_variable_counts() -> None:
    text = b"$1 a\n#$2 b\n;$3 c\n:$4 d\n$1 z\n$= base $=\n$TTL 1h\n$ttl 5m\n"
    dataset = listed("ip4set", text)
    assert dataset.variables[1:5] == (b"a", b"b", b"c", b"d")
    assert (dataset.base, dataset.ttl) == (b"base $=", 300)


def test_authority_and_servers_are_the_first_ones_and_a_server_with_a_hyphen_is_left_out() -> None:
    found = contents(
        "ip4set", b"$SOA 0 ns.x h.x 0 1h 2h 1w 4m\n$SOA 1 a b 1 1 1 1 1\n$NS 1d -no.x ns1.x ns2.x\n$NS 1 other.x\n"
    )
    assert found.authority == (2100, b"\2ns\1x\0", b"\1h\1x\0", 0, (3600, 7200, 604800, 240))
    assert found.servers == (86400, (b"\3ns1\1x\0", b"\3ns2\1x\0"))


@pytest.mark.parametrize(
    ("stamp", "expires"),
    [
        (b"2020-01-01 2021-01-01", datetime(2021, 1, 1, tzinfo=UTC)),
        (b"2020:01:01:10:00:00 +20m", datetime(2020, 1, 1, 10, 20, tzinfo=UTC)),
        (b"- 20210101", datetime(2021, 1, 1, tzinfo=UTC)),
        (b"2020-01-01", None),
        (b"0 0", None),
    ],
)
def test_a_time_stamp_says_when_data_expire(stamp: bytes, expires: datetime | None) -> None:
    found = contents("ip4set", b"$TIMESTAMP " + stamp + b"\n1.1.1.1\n")
    assert found.expires == (0 if expires is None else int(expires.timestamp()))
    assert not found.refusals


def test_data_from_the_future_are_not_taken() -> None:
    with pytest.raises(Unusable, match=r"f0, line 2: \$TIMESTAMP lies in the future"):
        contents("ip4set", b"1.1.1.1\n$TIMESTAMP 2030-01-01\n")


def test_ranges_wider_than_they_may_be_are_refused_and_the_bound_only_shrinks() -> None:
    text = b"1/8\n$MAXRANGE4 /24\n2.0/16\n2.1.1/24\n$MAXRANGE4 1000\n3.0/16\n$MAXRANGE4 4\n4.0.0.0/29\n4.0.0.8/30\n"
    found = contents("ip4set", text)
    assert [line.line for line in found.refused] == [3, 5, 6, 8]
    assert "$MAXRANGE4 allows 256" in found.refused[0].why


def test_a_refused_line_is_named_with_its_file_its_number_and_the_reason() -> None:
    found = contents("ip4set", b"1.1.1.1\n7.7.7.7/31\n", b"junk\n1.1.1.2 :4 text\n$FOO x\n")
    assert [str(line) for line in found.refused] == [
        "f0, line 2: the address has bits behind the prefix",
        "f1, line 1: no IPv4 address or range",
        "f1, line 2: the value is not :A:TXT, :A or a text",
        "f1, line 3: nothing that is known behind the dollar sign",
    ]
    assert (found.refusals, found.lines) == (4, 5)


def test_of_very_many_refused_lines_the_first_are_named_and_all_are_counted() -> None:
    found = contents("ip4set", b"x\n" * (MOST_REFUSED + 5))
    assert (len(found.refused), found.refusals) == (MOST_REFUSED, MOST_REFUSED + 5)


def test_of_two_lines_for_one_network_a_trie_takes_the_first_and_names_the_other() -> None:
    found = contents("ip4trie", b"1.1.1.1 :3:a\n", b"\n1.1.1.1 :4:b\n")
    assert [str(line) for line in found.refused] == ["f1, line 2: the network is there already"]
    assert said(found.datasets[0][1], "1.1.1.1") == [(3, b"a")]


def test_a_combined_file_gives_each_dataset_its_sublists_and_what_the_common_lines_say() -> None:
    text = (
        b"$1 common\n$TTL 111\n$DATASET ip4set:p proxies @\n$1 late\n$2 own\n$TTL 22\n1.1.1.1\n"
        b"$DATASET dnset a.Deep\nfoo\n$DATASET ip4tset\n2.2.2.2\n"
    )
    found = contents("combined", text)
    assert [subzones for subzones, _ in found.datasets] == [((b"proxies",), ()), ((b"a", b"deep"),)]
    first, second = (dataset for _, dataset in found.datasets)
    assert (first.ttl, first.variables[1:3], second.ttl, second.variables[1:3]) == (
        22,
        (b"common", b"own"),
        111,
        (b"common", b""),
    )
    assert [str(line) for line in found.refused] == ["f0, line 10: a dataset without subzones answers nothing"]


@pytest.mark.parametrize("name", [b"x" * 64, b"..", b"\\", b"\\256"])
@pytest.mark.parametrize("plain", [True, False])
def test_lines_of_a_dataset_whose_subzone_is_none_are_not_listed_in_the_one_before(name: bytes, plain: bool) -> None:
    text = (
        b"$DATASET ip4set good\n1.1.1.1\n$DATASET ip4set "
        + name
        + b"\n2.2.2.2\n$DATASET ip4set %s also\n3.3.3.3\n" % name
    )
    found = read("combined", [("f0", text)], now=0, plain=plain)
    listed = {
        subzones: [one for one in (1, 2, 3) if dataset.values_at(0x01010101 * one)]
        for subzones, dataset in found.datasets
    }
    assert listed == {((b"good",),): [1], ((b"also",),): [3]}
    assert [line.line for line in found.refused] == [3, 5]
    assert all("a subzone of the dataset is none: " in line.why for line in found.refused)


def test_the_root_is_the_origin_as_a_subzone() -> None:
    found = contents("combined", b"$DATASET ip4set .\n1.1.1.1\n")
    assert [subzones for subzones, _ in found.datasets] == [((),)]


@pytest.mark.parametrize(
    "line", [b"1.1.1.1", b"$DATASET foo x", b"$DATASET combined x", b"$DATASET acl x", b"$DATASET"]
)
def test_a_combined_file_whose_parts_cannot_be_told_apart_is_not_taken(line: bytes) -> None:
    with pytest.raises(Unusable, match="f0, line 1: "):
        contents("combined", line + b"\n")


def test_records_are_of_three_types_and_the_rest_is_refused() -> None:
    text = (
        b'www 3000 A 127.0.0.1\nwww IN TXT "a  b"\nt TXT a b\n@ MX 10 mx.x.\nn NS ns.x\nv AAAA ::1\ne TXT\n'
        b"m MX x y\nf A 5\ng A x\nh\n"
    )
    found = contents("generic", text)
    assert [line.line for line in found.refused] == [5, 6, 7, 8, 10, 11]
    dataset = found.datasets[0][1]
    records = [dataset.record(n) for n in range(len(dataset.ends))]
    assert records == [
        (1, 3000, b"\x7f\0\0\1"),
        (16, 2100, b"\4a  b"),
        (16, 2100, b"\3a b"),
        (15, 2100, b"\0\x0a\2mx\1x\0"),
        (1, 2100, b"\0\0\0\5"),
    ]


def test_a_record_of_mail_may_name_the_root_and_nothing_stands_behind_its_name() -> None:
    found = contents("generic", b"@ MX 0 .\na MX 10 m x\n")
    ((_, dataset),) = found.datasets
    assert dataset.record(0)[2] == b"\0\0\0"
    assert [str(line) for line in found.refused] == ["f0, line 2: an MX record needs a number and a name"]


def test_an_authority_and_a_server_may_be_the_root() -> None:
    found = contents("ip4set", b"$SOA 1w . . 0 1 1 1 1\n$NS 1h .\n")
    assert found.authority == (604800, b"\0", b"\0", 0, (1, 1, 1, 1))
    assert found.servers == (3600, (b"\0",))


@pytest.mark.parametrize(
    ("form", "line"),
    [
        ("ip4set", b"9%b.1.1.1"), ("ip4set", b"1.1.1.1 :9%b:x"), ("ip4set", b"1.1.1.0/%b"), ("ip6trie", b"1::/%b"),
        ("ip4set", b"$SOA 1 a b %b 1 1 1 1"), ("ip4set", b"$TTL %b"), ("ip4set", b"$MAXRANGE4 %b"),
        ("ip4set", b"$MAXRANGE4 /%b"), ("ip4set", b"$TIMESTAMP %b"), ("generic", b"a MX %b m"),
        ("generic", b"a A %b"), ("generic", b"a %b A 1.1.1.1"), ("dnset", b"\\%b.\\"),
    ],
)  # fmt: skip
def test_a_number_of_thousands_of_digits_costs_its_line_alone(form: str, line: bytes) -> None:
    found = contents(form, line % (b"9" * 5000) + b"\n")
    assert found.refusals == 1


def test_zeros_before_a_number_are_nothing_however_many_they_are() -> None:
    zeros = b"0" * 5000
    dataset = listed("ip4set", b"%b1.0.0.%b7 :%b5:x\n" % (zeros, zeros, zeros))
    assert said(dataset, "1.0.0.7") == [(5, b"x")]


def test_host_bits_are_taken_where_that_is_asked_for() -> None:
    reader = Reader("ip4set", now=NOW, host_bits=True)
    reader.read("f", b"127.2.3.4/24\n")
    assert reader.contents().refusals == 0


@given(
    st.sampled_from(FORMS),
    st.lists(st.binary(max_size=60) | st.text("!$:;#.*/- 0123456789abcd\t", max_size=30), max_size=6),
)
def test_whatever_a_file_holds_it_is_read_or_refused(form: str, lines: list[bytes | str]) -> None:
    text = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    try:
        found = contents(form, text)
    except Unusable:
        return
    assert found.lines <= text.count(b"\n") + 1
