"""Who may be surveyed, and by whose leave."""

from __future__ import annotations

from datetime import date
from ipaddress import ip_address, ip_network

import pytest

from dnsbl.rules.surveys import scope
from dnsbl.rules.surveys.scope import NotAuthorized

TODAY = date(2026, 11, 26)
LEAVE = (
    b'who = "Ann, network board"\nwhen = 2026-11-01\nwhat = "relays among members"\ndomains = ["a.test", ".b.test"]\n'
)
OURS = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))


def read(data: bytes = LEAVE) -> scope.Authorization:
    return scope.authorization(data, source="leave.toml")


def test_an_authorization_says_who_when_and_what_and_is_kept_with_the_results() -> None:
    assert read().document() == {
        "who": "Ann, network board",
        "when": "2026-11-01",
        "what": "relays among members",
        "until": "",
        "domains": 2,
        "sha256": "",
        "source": "leave.toml",
    }


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (b'who = ""', "who must be said"),
        (b'who = "a\\nb"', "who must be said"),
        (b"who = 1", "who must be said"),
        (b'when = "soon"', "when must be a day"),
        (b'what = ""', "what must be said"),
        (b"domains = []", "must say what it is for"),
        (b"domains = [1]", "domains must be a list of names"),
        (b'domains = "a.test"', "domains must be a list of names"),
        (b'sha256 = "abc"\ndomains = []', "must say what it is for"),
        (b'whom = "x"', "'whom' is none of"),
        (b"who", "is no TOML file"),
        (b'until = "x"', "until must be a day"),
    ],
)
def test_what_is_no_authorization_is_refused_with_a_sentence(change: bytes, words: str) -> None:
    key = change.split(b" ")[0]
    kept = b"\n".join(line for line in LEAVE.splitlines() if not line.startswith(key + b" ") and key != b"sha256")
    with pytest.raises(NotAuthorized, match=words):
        read(kept + b"\n" + change)


def test_a_file_of_another_coding_or_size_is_refused() -> None:
    for data, words in ((b"\xff\xfe", "is no TOML file"), (b"#" * (scope.MOST_OCTETS + 1), r"is larger than 1 MiB\.")):
        with pytest.raises(NotAuthorized, match=words):
            read(data)


def test_what_an_authorization_does_not_say_is_empty() -> None:
    bare = scope.Authorization(who="Ann", when="2026-11-01", what="all").document()
    assert (bare["until"], bare["domains"], bare["sha256"], bare["source"]) == ("", 0, "", "")


def test_a_domain_is_covered_by_its_name_or_by_what_it_lies_below() -> None:
    by = read()
    assert scope.allow_domains(["a.test", "www.b.test", "y.x.b.test"], [], by, today=TODAY) is by
    for outside in ("b.test", "x.a.test", "xb.test", "a.test.evil.test"):
        with pytest.raises(NotAuthorized, match=f"^{outside} and 1 more is not what leave.toml authorizes"):
            scope.allow_domains(["a.test", outside, "c.test"], [], by, today=TODAY)


def test_a_whole_list_is_covered_by_its_hash_and_no_other_one() -> None:
    by = read(LEAVE.replace(b'domains = ["a.test", ".b.test"]', f'sha256 = "{scope.digest([b"c.test"])}"'.encode()))
    assert scope.allow_domains(["c.test"], [b"c.test"], by, today=TODAY) is by
    with pytest.raises(NotAuthorized):
        scope.allow_domains(["c.test"], [b"c.test\n"], by, today=TODAY)


def test_no_leave_one_that_has_ended_and_one_that_has_not_begun_are_none() -> None:
    with pytest.raises(NotAuthorized, match="needs an authorization on record"):
        scope.allow_domains(["a.test"], [], None, today=TODAY)
    with pytest.raises(NotAuthorized, match="has ended on 2026-11-25"):
        scope.allow_domains(["a.test"], [], read(LEAVE + b"until = 2026-11-25"), today=TODAY)
    assert scope.allow_domains(["a.test"], [], read(), today=date(2026, 11, 1)), "on its first day"
    with pytest.raises(NotAuthorized, match="begins on 2026-11-01"):
        scope.allow_domains(["a.test"], [], read(), today=date(2026, 10, 31))
    assert scope.allow_domains(["a.test"], [], read(LEAVE + b"until = 2026-11-26"), today=TODAY)


def test_networks_and_addresses_lie_within_what_is_authorized_or_nobody_is_tested() -> None:
    scope.allow_networks([ip_network("192.0.2.128/25"), ip_network("2001:db8:1::/48")], OURS)
    scope.allow_address(ip_address("2001:db8::1"), OURS)
    for outside in ("192.0.2.0/23", "198.51.100.0/24", "2001:db9::/32"):
        with pytest.raises(NotAuthorized, match="nobody was tested"):
            scope.allow_networks([ip_network("192.0.2.0/24"), ip_network(outside, strict=False)], OURS)
    with pytest.raises(NotAuthorized, match=r"198\.51\.100\.1 is not within"):
        scope.allow_address(ip_address("198.51.100.1"), OURS)
    halves = (ip_network("192.0.2.0/25"), ip_network("192.0.2.128/25"), ip_network("2001:db8::/32"))
    scope.allow_networks([ip_network("192.0.2.0/24")], halves)
    with pytest.raises(NotAuthorized, match="names no network"):
        scope.allow_networks([ip_network("192.0.2.0/24")], ())


def test_a_survey_goes_on_until_its_authorization_ends() -> None:
    by = read(LEAVE + b"until = 2026-11-26").document()
    assert scope.ended(by, TODAY) == ""
    assert scope.ended(by, date(2026, 11, 27)) == "its authorization has ended on 2026-11-26"
    assert scope.ended(read().document(), TODAY) == scope.ended({}, TODAY) == ""


def changed(key: bytes, line: bytes) -> scope.Authorization:
    return read(b"\n".join(one for one in LEAVE.splitlines() if not one.startswith(key)) + b"\n" + line)


def test_domains_are_kept_in_one_spelling_with_whatever_sign_for_all_below() -> None:
    assert changed(b"domains", b'domains = ["A.Test.", "*.B.test", ".c.test", "d.lux."]').domains == (
        "a.test",
        ".b.test",
        ".c.test",
        "d.lux",
    )


@pytest.mark.parametrize("day", [b'"2026-11-01"', b"2026-11-01", b"2026-11-01T10:00:00Z", b"2026-11-01 10:00:00"])
def test_a_day_is_a_day_however_it_is_written(day: bytes) -> None:
    by = changed(b"when", b"when = " + day + b"\nuntil = " + day)
    assert (by.when, by.until) == ("2026-11-01", "2026-11-01")


def test_words_are_one_line_of_five_hundred_characters() -> None:
    assert changed(b"who", b'who = "' + b"a" * 500 + b'"').who == "a" * 500
    assert changed(b"what", b'what = "  us  "').what == "us"
    for who in (b"a" * 501, b"  ", b"a\\u001bb"):
        with pytest.raises(NotAuthorized, match="who must be said, in one line of 500 characters at most"):
            changed(b"who", b'who = "' + who + b'"')
    with pytest.raises(NotAuthorized, match="when must be a day"):
        read(LEAVE.replace(b"when = 2026-11-01\n", b""))


def test_a_hash_is_one_in_any_case_and_of_all_lists_in_their_order() -> None:
    whole = scope.digest([b"a.test\n", b"b.test\n"])
    by = changed(b"domains", f'sha256 = "{whole.upper()}"'.encode())
    assert by.sha256 == whole
    assert scope.allow_domains(["x.test"], [b"a.test\n", b"b.test\n"], by, today=TODAY) is by
    with pytest.raises(NotAuthorized):
        scope.allow_domains(["x.test"], [b"b.test\n", b"a.test\n"], by, today=TODAY)
    with pytest.raises(NotAuthorized, match="must say what it is for"):
        changed(b"domains", b"sha256 = 5")


def test_where_no_list_is_named_none_is_covered() -> None:
    with pytest.raises(NotAuthorized):
        scope.allow_names(["c.test"], "", read(), today=TODAY)


def test_a_hash_of_one_list_and_names_of_others_count_side_by_side() -> None:
    by = read(LEAVE + f'sha256 = "{scope.digest([b"c.test"])}"'.encode())
    assert scope.allow_domains(["c.test"], [b"c.test"], by, today=TODAY) is by
    assert scope.allow_domains(["a.test"], [b"a.test"], by, today=TODAY) is by


def test_who_is_outside_is_named_with_the_number_of_the_others() -> None:
    with pytest.raises(
        NotAuthorized, match=r"^c\.test is not what leave\.toml authorizes; nobody was asked or tested\.$"
    ):
        scope.allow_domains(["a.test", "c.test"], [], read(), today=TODAY)
    with pytest.raises(NotAuthorized, match=r"^c\.test and 2 more is not what"):
        scope.allow_domains(["c.test", "d.test", "e.test"], [], read(), today=TODAY)
    with pytest.raises(NotAuthorized, match=r"^198\.51\.100\.0/24 is not within"):
        scope.allow_networks([ip_network("198.51.100.0/24")], OURS)
    with pytest.raises(NotAuthorized, match=r"^198\.51\.100\.0/24 and 1 more is not within"):
        scope.allow_networks([ip_network("198.51.100.0/24"), ip_network("203.0.113.0/24")], OURS)
    with pytest.raises(NotAuthorized, match="names no network"):
        scope.allow_address(ip_address("192.0.2.1"), ())


def test_a_file_of_just_the_largest_size_is_read() -> None:
    assert read(LEAVE + b"#" * (scope.MOST_OCTETS - len(LEAVE))).who == "Ann, network board"
    assert scope.MOST_OCTETS == 1 << 20
