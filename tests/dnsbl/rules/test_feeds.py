"""Lists of suspects, read: rows, and what is wrong with lines that are none."""

from __future__ import annotations

import json
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.rules.feeds import FAULTS_MOST, Batch, NoList, batch
from tests.rows import rows


def read(text: bytes | str, most: int = 100, evidence_most: int = 2000) -> Batch:
    octets = text if isinstance(text, bytes) else text.encode()
    return batch(octets, most=most, evidence_most=evidence_most)


def addresses(found: Batch) -> list[str]:
    return [str(row.address) for row in found.rows]


def test_a_plain_list_has_an_address_a_line_with_comments_of_all_makes() -> None:
    text = (
        "\ufeff192.0.2.1\n# comment\n; another\n// a third\n\n  192.0.2.2 open relay\r\n192.0.2.3,seen\n"
        "192.0.2.4;x\n192.0.2.5#x\n2001:DB8::1\n192.0.2.6/32\n2001:db8::2/128\n::ffff:192.0.2.7\n192.0.2.1\n"
    )
    found = read(text)
    assert (found.faults, found.skipped, found.left) == ((), 0, False)
    assert addresses(found) == [
        *(f"192.0.2.{n}" for n in range(1, 6)),
        "2001:db8::1",
        "192.0.2.6",
        "2001:db8::2",
        "192.0.2.7",
    ]
    assert [row.line for row in found.rows][:3] == [1, 6, 7]
    assert {(row.reason, row.evidence) for row in found.rows} == {("", None)}


def test_an_empty_line_at_the_start_or_the_end_is_nothing() -> None:
    for text in ("\n192.0.2.1\n192.0.2.2", "192.0.2.1\n192.0.2.2\n"):
        found = read(text, most=text.count("\n") + (not text.endswith("\n")))
        assert (addresses(found), found.skipped, found.left) == (["192.0.2.1", "192.0.2.2"], 0, False)


def test_a_json_line_may_bring_words_and_the_spam() -> None:
    rows = [
        {"address": "192.0.2.1", "reason": "trap", "evidence": "Received: x\n\nBuy."},
        {"ip": "192.0.2.2"},
        {"network": "192.0.2.3/32", "kind": "relay"},
        {"address": "192.0.2.4", "evidence": " \n"},
    ]
    found = read("\n".join(map(json.dumps, rows)))
    assert addresses(found) == [f"192.0.2.{n}" for n in range(1, 5)]
    assert (found.rows[0].reason, found.rows[0].evidence) == ("trap", b"Received: x\n\nBuy.")
    assert {(row.reason, row.evidence) for row in found.rows[1:]} == {("", None)}
    assert read('{"ip": "192.0.2.1", "evidence": "a \\ud800"}').rows[0].evidence == b"a ?", "half a character"


def test_of_two_lines_about_one_address_the_one_with_evidence_counts() -> None:
    bare, shown = '{"address": "192.0.2.1"}', '{"address": "192.0.2.1", "evidence": "spam"}'
    for text in (f"{bare}\n{shown}", f"{shown}\n{bare}", f"192.0.2.1\n{shown}"):
        assert [row.evidence for row in read(text).rows] == [b"spam"]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("192.0.2.0/24", "line 1: 192.0.2.0/24 is a network; a feed names single addresses"),
        ("relay.example.org", "line 1: relay.example.org is no address"),
        ("0x7f000001", "line 1: 0x7f000001 is no address"),
        ("192.0.2.256", "line 1: 192.0.2.256 is no address"),
        (",192.0.2.1", "line 1: begins with no address"),
        ("{", "line 1: is not JSON"),
        ('{"address": 5}', "line 1: has no address"),
        ('{"address": "192.0.2.1", "reason": 5}', "line 1: has a reason or evidence that is no text"),
        ('{"address": "192.0.2.1", "evidence": []}', "line 1: has a reason or evidence that is no text"),
        ("192.0.2.1 " + "x" * 1000, "line 1: is too long"),
        ('{"address": "192.0.2.1", "evidence": "' + "x" * 6000 + '"}', "line 1: is too long"),
        ('{"a":' * 1200, "line 1: is too long"),
        ("[" * 900, None),
        ("\x1b[31m", None),
    ],
)
def test_a_bad_line_is_named_and_the_next_one_is_read(line: str, why: str | None) -> None:
    found = read(f"{line}\n192.0.2.9\n")
    assert addresses(found) == ["192.0.2.9"]
    assert found.skipped == 1
    assert why is None or found.faults == (why,)
    assert all(fault.isascii() and fault.isprintable() for fault in found.faults)


def test_only_so_many_lines_are_read_and_only_so_many_faults_kept() -> None:
    found = read("x\n" * 50 + "192.0.2.1\n", most=50)
    assert (found.rows, found.skipped, len(found.faults), found.left) == ((), 50, FAULTS_MOST, True)
    assert not read("192.0.2.1\n192.0.2.2", most=2).left


def test_evidence_is_cut_where_it_is_too_long() -> None:
    found = read('{"address": "192.0.2.1", "evidence": "' + "x" * 150 + '"}', evidence_most=100)
    assert found.rows[0].evidence == b"x" * 100


@given(st.binary(max_size=300))
def test_no_octets_break_it_and_each_line_is_a_row_a_fault_or_nothing(text: bytes) -> None:
    try:
        found = read(text)
    except NoList:
        return
    assert len(found.rows) + found.skipped <= len(text.replace(b"\r", b"\n").split(b"\n"))
    assert len(set(addresses(found))) == len(found.rows)


@given(st.lists(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)), max_size=20))
def test_what_is_written_is_read(given: list[object]) -> None:
    text = "\n".join(map(str, given))
    wanted = {str(address) for address in given}
    found = set(addresses(read(text)))
    assert all(ip_address(one) for one in found)
    assert len(found) <= len(wanted)


def test_a_line_may_have_a_thousand_octets_and_one_of_json_twice_its_evidence_more() -> None:
    for octets, taken in ((1000, 1), (1001, 0)):
        assert len(read("192.0.2.1 ".ljust(octets, "x")).rows) == taken
    empty = '{"address":"192.0.2.1","evidence":""}'
    for octets, taken in ((1200, 1), (1201, 0)):
        line = empty.replace('""', f'"{"x" * (octets - len(empty))}"')
        assert len(line) == octets
        found = read(line, evidence_most=100)
        assert [row.evidence for row in found.rows] == [b"x" * 100] * taken
        assert found.faults == () if taken else ("line 1: is too long",)


def test_words_of_a_feed_and_what_it_names_wrongly_are_bounded() -> None:
    assert read(json.dumps({"ip": "192.0.2.1", "reason": "r" * 1500})).rows[0].reason == "r" * 1000
    assert read('{"address": "' + "y" * 300 + '"}').faults == (f"line 1: {'y' * 100} is no address",)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("192.0.2.1/128", "192.0.2.1/128 is a network; a feed names single addresses"),
        ("2001:db8::1/32", "2001:db8::1/32 is a network; a feed names single addresses"),
        ("\ufeff192.0.2.1", "\\ufeff192.0.2.1 is no address"),  # the mark of a file stands at its start
        ('{"address": null, "ip": "192.0.2.1"}', "has no address"),
        ('{"a":' * 50_000, "is not JSON"),
        ("[" * 500, f"{'[' * 100} is no address"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_number(line: str, why: str) -> None:
    found = read(f"192.0.2.9\n{line}\n", evidence_most=10**6)
    assert (addresses(found), found.faults, found.skipped) == (["192.0.2.9"], (f"line 2: {why}",), 1)


def test_of_several_names_for_an_address_the_plainest_counts() -> None:
    both = {"network": "192.0.2.3", "ip": "192.0.2.2", "address": "192.0.2.1"}
    assert addresses(read(json.dumps(both))) == ["192.0.2.1"]
    del both["address"]
    assert addresses(read(json.dumps(both))) == ["192.0.2.2"]


def test_twenty_faults_are_told_and_all_are_counted() -> None:
    found = read("x\n" * 30)
    assert (found.faults[0], len(found.faults), found.skipped) == ("line 1: x is no address", 20, 30)
    assert found.faults[-1] == "line 20: x is no address"


@rows(
    "line",
    [
        "192.0.2.0 - 192.0.2.255",
        "192.0.2.0 \u2013 192.0.2.255",
        "192.0.2.0 .. 192.0.2.255",
        "192.0.2.0 to 192.0.2.255",
        "192.0.2.0,192.0.2.255,DE",
        '"192.0.2.0","192.0.2.255","DE"',
        "192.0.2.0\t192.0.2.255\t24\t4711\tNET\tDE\tabuse@example.org",  # DShield's block.txt
        "192.0.2.0 255.255.255.0",
        "192.0.2.0 netmask 255.255.255.0",
        "192.0.2.0 0.0.0.255",
        "192.0.2.0 /24",
        "192.0.2.0 / 24",
        "2001:db8:: - 2001:db8::ffff",
        "192.0.2.1, 192.0.2.2, 192.0.2.3",
        "192.0.2.1 192.0.2.2",
        "192.0.2.1;192.0.2.2",
        "1.2.0.192 IN A 127.0.0.2",
        "1.2.0.192\tA\t127.0.0.2",
        "1.2.0.192 3600 IN A 127.0.0.2",
        "1.2.0.192 IN 1h A 127.0.0.2",
        '1.2.0.192 in txt "Open relay"',
        "1.2.0.192 IN CNAME .",
        "1.2.0.192 PTR relay.example.org.",
    ],
)
def test_a_line_that_may_mean_more_or_another_than_its_first_word_is_a_fault(line: str) -> None:
    found = read(f"192.0.2.9\n{line}\n")
    assert (addresses(found), found.skipped) == (["192.0.2.9"], 1)
    assert found.faults[0].startswith("line 2: ")
    assert any(word in found.faults[0] for word in ("names", "zone file"))


@rows(
    "line",
    [
        '"192.0.2.1","2026-11-27","relay"',
        "'192.0.2.1'",
        '"192.0.2.1";"x"',
        "192.0.2.1|relay|x",
        "\u00a0192.0.2.1",
        "192.0.2.1 127.0.0.2 blocked",
        "192.0.2.1 :127.0.0.2:blocked",
        "192.0.2.1 192.0.2.1",
        "192.0.2.1 # 192.0.2.2 is another",
        "192.0.2.1 // 192.0.2.2",
        "192.0.2.1 in a botnet",
        "192.0.2.1 A.",
        "192.0.2.1 seen by 192.0.2.2",
        "192.0.2.1 - 20 mails",
        "192.0.2.1 REJECT",
        "192.0.2.1 2026-11-27 08:00:00",
        "192.0.2.1 08:00:00",
        '{"ip": "192.0.2.1", "reason": null},',
        '[\n{"ip": "192.0.2.1"}\n]',
    ],
)
def test_quotes_columns_and_remarks_around_one_address_change_nothing(line: str) -> None:
    found = read(line)
    assert (addresses(found), found.skipped) == (["192.0.2.1"], 0)


@rows(
    "text",
    [
        "<!DOCTYPE html>\n<p>You come from\n192.0.2.1\n",
        "\n <html>\n192.0.2.1",
        "\ufeff<?xml version='1.0'?>\n<Error>\n192.0.2.1\n",
        b"\x1f\x8b\x08\n192.0.2.1\n",
        b"PK\3\4x\n192.0.2.1\n",
        b"\x28\xb5\x2f\xfd\n192.0.2.1\n",
    ],
)
def test_what_is_no_list_is_refused_whole_since_an_address_in_a_page_is_nobodys_suspect(text: bytes | str) -> None:
    with pytest.raises(NoList, match=r"^This is (a web page|an archive).* nothing of it was read\.$"):
        read(text)


def test_line_ends_and_letters_of_other_systems_are_read() -> None:
    for ends in ("\n", "\r\n", "\r", "\r\r\n"):
        text = ends.join(["# list", "192.0.2.1", "192.0.2.2", ""])
        for octets in (text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
            assert (addresses(read(octets)), read(octets).faults) == (["192.0.2.1", "192.0.2.2"], ())


def test_a_list_in_json_on_one_line_is_told_of_as_such() -> None:
    for line in ('[{"ip": "192.0.2.1"}]', '["192.0.2.1", "192.0.2.2"]'):
        assert read(line).faults == ("line 1: is a list in JSON; an object a line is needed",)
