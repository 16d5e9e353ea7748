"""What somebody means who pastes something: read as it was meant, each once, and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext, suppress
from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.addresses import reversed_labels
from dnsbl.errors import Refused
from dnsbl.rules import asking
from dnsbl.rules.asking import MOST_CHARACTERS, MOST_FOUND, MOST_ROW, MOST_ROW_WORDS, MOST_WORDS, one, read, row, typed
from tests.depth import examples

ZONES = ("relays.example.org", "v6.example.net")
SITE = "https://lists.example.org"
LINK = f"{SITE}/ip/192.0.2.50"


def found(text: str) -> list[str]:
    return [str(each.what) for each in read(text, ZONES, SITE).found]


def unread(text: str) -> list[str]:
    return [each.text for each in read(text, ZONES, SITE).unread]


@pytest.mark.parametrize("name", ["relays.example.org", "Relays.Example.ORG.", "v6.example.net"])
def test_the_name_of_the_list_itself_is_no_host_whose_addresses_are_to_be_found(name: str) -> None:
    with pytest.raises(Refused, match="is this list, and no address on it: give the address that the bounce says"):
        one(name, ZONES, SITE)
    [only] = read(name, ZONES, SITE).unread
    assert not only.host
    with pytest.raises(Refused, match="is this list, and no address on it"):
        row(name, ZONES, SITE)


def test_a_bounce_that_names_the_list_beside_the_address_is_about_the_address() -> None:
    bounce = "554 5.7.1 Service unavailable; Client host [192.0.2.50] blocked using relays.example.org; see there"
    assert (found(bounce), unread(bounce)) == (["192.0.2.50"], [])
    assert (found("[192.0.2.50] relays.example.org"), found("relays.example.org\n192.0.2.50")) == (["192.0.2.50"],) * 2


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("192.0.2.1", ["192.0.2.1"]),
        (" 192.0.2.1. ", ["192.0.2.1"]),
        ("[192.0.2.1]", ["192.0.2.1"]),
        ("[192.0.2.1]:25", ["192.0.2.1"]),
        ("192.0.2.1:587", ["192.0.2.1"]),
        ("IPv6:2001:db8::5", ["2001:db8::5"]),
        ("[IPv6:2001:DB8::5]", ["2001:db8::5"]),
        ("[2001:db8::5]:25", ["2001:db8::5"]),
        ("::ffff:192.0.2.1", ["192.0.2.1"]),
        ("192.0.2.0/24", ["192.0.2.0/24"]),
        ("192.0.2.1/32 2001:db8::5/128", ["192.0.2.1", "2001:db8::5"]),
        ("2001:db8::/48", ["2001:db8::/48"]),
        (LINK, ["192.0.2.50"]),
        ("https://lists.example.org/ip/2001%3Adb8%3A%3A5", ["2001:db8::5"]),
        ("https://lists.example.org/ip/2001%3adb8%3a%3a5", ["2001:db8::5"]),
        ("60.0.77.127.relays.example.org", ["127.77.0.60"]),
        ("60.0.77.127.Relays.Example.ORG.", ["127.77.0.60"]),
        ("60.0.77.127.k3y.relays.example.org", ["127.77.0.60"]),
        ("1.2.0.192.in-addr.arpa", ["192.0.2.1"]),
        (f"5.{'0.' * 23}8.b.d.0.1.0.0.2.ip6.arpa", ["2001:db8::5"]),
        ("192.0.2.1, 192.0.2.2;2001:db8::2 \n192.0.2.1", ["192.0.2.1", "192.0.2.2", "2001:db8::2"]),
    ],
)
def test_however_it_is_written_it_is_read(text: str, meant: list[str]) -> None:
    assert (found(text), unread(text)) == (meant, [])


@pytest.mark.parametrize("zones", [("z.example", "a.z.example"), ("A.Z.EXAMPLE.", "z.example")])
def test_a_name_with_a_key_is_one_of_the_innermost_zone(zones: tuple[str, ...]) -> None:
    [asked] = read("60.0.77.127.k3y.a.z.example", zones, SITE).found
    assert str(asked.what) == "127.77.0.60"
    [asked] = read("60.0.77.127.bl.lux.", ("bl.lux.",), SITE).found
    assert str(asked.what) == "127.77.0.60"


@pytest.mark.parametrize(
    ("text", "backwards", "sure"),
    [
        (LINK, False, True),
        ("60.0.77.127.relays.example.org", True, True),
        ("192.0.2.1", False, False),
        ("192.0.2.0/24", False, False),
    ],
)
def test_it_is_told_whether_a_name_was_read_and_whether_nothing_else_can_be_meant(
    text: str, backwards: bool, sure: bool
) -> None:
    [asked] = read(text, ZONES, SITE).found
    assert (asked.read, asked.backwards, asked.sure) == (text, backwards, sure)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (f"554 5.7.1 Service unavailable; Client host [198.51.100.7] blocked; see {LINK}", ["192.0.2.50"]),
        ("550 blocked: 50.2.0.192.relays.example.org, said mx[198.51.100.3]", ["192.0.2.50"]),
        ("<u@example.com>: host mx.example.com[198.51.100.3] said: 554 Client host [192.0.2.7] blocked using "
         "relays.example.org; returned 127.0.0.2", ["198.51.100.3", "192.0.2.7"]),
        ("Is 192.0.2.1 listed? And [192.0.2.2]?", ["192.0.2.2", "192.0.2.1"]),
        ("192.0.2.1 [192.0.2.2]", ["192.0.2.2", "192.0.2.1"]),
        ("192.0.2.1 4.7.1", ["192.0.2.1"]),
        ("192.0.2.1 mail.example.com", ["192.0.2.1"]),
        ("it says 127.0.0.2", ["127.0.0.2"]),
        ("127.0.0.0/8 and 192.0.2.1 are it", ["192.0.2.1"]),
        (f"554 of 192.0.2.9x nothing; see {LINK}", ["192.0.2.50"]),
        ("version 4.7.1 of nothing", []),
    ],
)  # fmt: skip
def test_running_text_speaks_of_what_it_names_for_sure(text: str, meant: list[str]) -> None:
    assert (found(text), unread(text) if meant else []) == (meant, [])


@pytest.mark.parametrize(
    "text",
    [
        *("192.0.2.300", "192.0.2.1/24", "192.0.2.0/33", "2.0.192.relays.example.org", "mail.example.com"),
        *("1.2.3.4.5", "1.2.0.192.k3y.in-addr.arpa"),  # no zone of others has a key
    ],
)
def test_what_cannot_be_read_is_named_and_no_answer(text: str) -> None:
    assert found(f"192.0.2.9\n{text}") == ["192.0.2.9"]
    [row] = read(f"192.0.2.9\n{text}", ZONES, SITE).unread
    assert row.text == text
    assert row.why.endswith(".")
    with pytest.raises(Refused):
        one(text, ZONES, SITE)


def test_one_address_is_needed_where_one_is_asked_for() -> None:
    assert one("[192.0.2.1]:25", ZONES, SITE) == IPv4Address("192.0.2.1")
    for text in ("", "192.0.2.1 192.0.2.2", "192.0.2.0/24", "nonsense"):
        with pytest.raises(Refused) as refused:
            one(text, ZONES, SITE)
        assert str(refused.value).endswith(".")


MUCH = " ".join(f"1.{number}" for number in range(MOST_WORDS))
BACKWARDS = "In a name under relays.example.org an address stands as four numbers, or as 32 digits, backwards."
PASTE = "No address, and no name or page of ours, is in this text: paste the whole bounce, or the address."


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("192.0.2.1\nrubbish", "One address is needed; this names rubbish beside 192.0.2.1, and that is none."),
        (
            "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4",
            "One address is needed; this names 192.0.2.1, 192.0.2.2, 192.0.2.3.",
        ),
        ("192.0.2.0/24", "One address is needed; this names 192.0.2.0/24."),
        (f"[192.0.2.2] [192.0.2.3] {MUCH} 192.0.2.1", "One address is needed; this names 192.0.2.2, 192.0.2.3."),
        (
            f"[192.0.2.2] {MUCH} 192.0.2.1",
            "There is more in this text than is read at once: give 192.0.2.2 alone if it is meant.",
        ),
        (
            f"{MUCH} 192.0.2.1",
            "There is more in this text than is read at once, and what was read names no one address: give it alone.",
        ),
        (" ", "An IP address is needed, such as 192.0.2.1 or 2001:db8::1."),
        ("rubbish", '"rubbish" is not an IPv4 or IPv6 address; one is written 192.0.2.1 or 2001:db8::1.'),
        ("192.0.2.300", '"192.0.2.300" is not an IPv4 or IPv6 address: no number in one is above 255.'),
        ("look at 192.0.2.300/24", '"192.0.2.300/24" is not an IPv4 or IPv6 network: no number in one is above 255.'),
        (
            "fe80::1%eth0",
            '"fe80::1%eth0" is not an IPv4 or IPv6 address: leave out %eth0, which a single machine knows.',
        ),
        (
            "http://192.0.2.1/",
            '"http://192.0.2.1/" is not an IPv4 or IPv6 address: it is a link; give 192.0.2.1 alone.',
        ),
        ("rubbish other", PASTE),
        ("rubbish\nother", PASTE),
        ("mail.example.com is it", PASTE),
        (
            "mail.example.com\nother",
            "mail.example.com is a host name, and addresses are listed: give the address that it sends from; "
            "`dig +short mail.example.com` names those that it has.",
        ),
        *(
            (f"{labels}.relays.example.org", BACKWARDS)
            for labels in (
                *("2.0.192", "a.b.c.d", "1.2.0.x", "x.2.0.192", "300.2.0.192", "01.2.0.192", "\u0661.2.0.192"),
                *(f"{other}{'.0' * 30}.2" for other in ("g", "_", "00", "\u0661")),
            )
        ),
        (
            "please look at 192.0.2.9x",
            '"192.0.2.9x" is no address, though it looks like one: give the address alone.',
        ),
    ],
)
def test_who_is_to_name_one_address_is_told_what_his_text_names_in_its_place(text: str, why: str) -> None:
    with pytest.raises(Refused) as refused:
        one(text, ZONES, SITE)
    assert str(refused.value) == why


@given(address=st.ip_addresses())
@examples(80)
def test_a_name_is_read_backwards_for_every_address(address: IPv4Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    for zone in ZONES:
        assert found(f"{reversed_labels(address)}.{zone}") == [str(mapped or address)]


@given(text=st.text(max_size=200))
@examples(200)
def test_any_text_is_read_in_bounds(text: str) -> None:
    asked = read(text, ZONES, SITE)
    assert len(asked.found) <= MOST_FOUND
    assert all(each.why for each in asked.unread)


def test_what_is_beyond_the_bounds_is_said() -> None:
    many = "\n".join(str(ip_address(number)) for number in range(2**24, 2**24 + MOST_FOUND + 1))
    asked = read(many, ZONES, SITE)
    assert (len(asked.found), asked.cut) == (MOST_FOUND, True)
    assert read("x " * 40000, ZONES, SITE).cut


@pytest.mark.parametrize("between", ["\n", " and "])
@pytest.mark.parametrize(
    ("piece", "read_as"),
    [("10.0.0.{}", (1, 0)), ("10.0.0.{}x", (0, 1)), ("x{}.4", (0, 1))],
)
def test_so_many_things_are_found_and_so_many_are_named_that_are_none_and_more_is_said(
    piece: str, read_as: tuple[int, int], between: str
) -> None:
    for many, cut in ((100, False), (101, True), (102, True)):
        asked = read(between.join(piece.format(number) for number in range(many)), ZONES, SITE)
        kept = (0, 0) if (piece, between) == ("x{}.4", " and ") else tuple(100 * each for each in read_as)
        assert (len(asked.found), len(asked.unread), asked.cut) == (*kept, cut and any(kept))


def test_nothing_is_left_out_unsaid_where_words_are_alike_in_what_is_shown_of_them() -> None:
    alike = "\n".join(chr(0xE0 + number) for number in range(MOST_FOUND + 20))
    assert unread(alike) == ["?"]
    assert read(alike, ZONES, SITE).cut


def test_no_line_of_a_list_is_dropped_for_what_stands_in_another() -> None:
    text = "192.0.2.1\n192.0.2.2 50.2.0.192.relays.example.org\n192.0.2.0/30\nIt said: blocked, see " + LINK
    assert found(text) == ["192.0.2.1", "192.0.2.2", "192.0.2.50", "192.0.2.0/30"]
    assert found("192.0.2.1\nrubbish\n192.0.2.2") == ["192.0.2.1", "192.0.2.2"]
    assert unread("192.0.2.1\nrubbish\n192.0.2.2") == ["rubbish"]


def test_a_line_of_nothing_but_addresses_is_a_list_and_its_broken_ones_are_named() -> None:
    text = "192.0.2.1 192.0.2.300 192.0.2.0/33 192.0.2.2"
    assert (found(text), unread(text)) == (["192.0.2.1", "192.0.2.2"], ["192.0.2.300", "192.0.2.0/33"])
    text = f"192.0.2.1 192.0.2.300\n192.0.2.301 192.0.2.302\nIt said {LINK}"
    assert (found(text), unread(text)) == (
        ["192.0.2.1", "192.0.2.50"],
        ["192.0.2.300", "192.0.2.301", "192.0.2.302"],
    )


def test_a_single_word_beside_running_text_is_part_of_it_unless_it_is_known_what_it_was_to_be() -> None:
    text = "192.0.2.1\nrubbish\n4.7.1\n192.0.2.300\nit said so to me"
    assert (found(text), unread(text)) == (["192.0.2.1"], ["192.0.2.300"])
    assert unread("mail.example.com\nit said so to me") == ["mail.example.com"]


def test_of_what_cannot_be_read_a_hundred_characters_are_named() -> None:
    for much in ("192.0.2.9x" * 30, "x." * 80 + "9"):
        assert unread(f"192.0.2.1\n{much}") == [much[:100]]
    name = "x." * 80 + "example"
    [named] = read(name, ZONES, SITE).unread
    assert (named.text, named.why.partition(" is a host name")[0]) == (name[:100], name[:100])


def test_commas_make_a_list_where_an_address_stands_in_it() -> None:
    assert (found("192.0.2.1, rubbish"), unread("192.0.2.1, rubbish")) == (["192.0.2.1"], ["rubbish"])
    assert (found("rubbish, other"), unread("rubbish, other")) == ([], [])


@pytest.mark.parametrize(
    ("text", "glued"),
    [
        ("host[192.0.2.1] 192.0.2.300", "192.0.2.300"),
        ("[192.0.2.1] and 192.0.2.9x are mine", "192.0.2.9x"),
        ("my servers are 192.0.2.1 and 192.0.2.9/24", "192.0.2.9/24"),
        ("192.0.2.1 192.0.2.9#53", "192.0.2.9#53"),
        ("192.0.2.1; 192.000.2.9 please", "192.000.2.9"),
        ("please look at 192.0.2.1 (192.0.2.9_)", "192.0.2.9_"),
        ("192.0.2.1 192.0.2.9-192.0.2.12 please look", "192.0.2.9-192.0.2.12"),
        ("192.0.2.1 and fe:192.0.2.9 too", "fe:192.0.2.9"),
        ("192.0.2.1 and http://192.0.2.9/x too", "http://192.0.2.9/x"),
        ("192.0.2.1 and joe@192.0.2.9x too", "joe@192.0.2.9x"),
        ("192.0.2.1 and 2001:db8::9x too", "2001:db8::9x"),
        ("192.0.2.1 and 2001:db8::9#53 too", "2001:db8::9#53"),
        ("192.0.2.1 and fe80::9%eth0 too", "fe80::9%eth0"),
    ],
)
def test_what_is_glued_to_something_in_running_text_is_named_and_not_dropped(text: str, glued: str) -> None:
    assert (found(text), unread(text)) == (["192.0.2.1"], [glued])
    with pytest.raises(Refused):
        one(text, ZONES, SITE)


@pytest.mark.parametrize(
    "beside",
    [
        "see https://other.example/ip/192.0.2.50",
        "see https://lists.example.org@other.example/ip/192.0.2.50",
        "see https://other.example/?https://lists.example.org/ip/192.0.2.50",
        "by 192.0.2.9.dyn.example.com at 12:30:45",
        "by 192.0.2.9.163.com at 12:30:45",
        "by mail-192.0.2.9.example.com with SMTP id 15.20.8999.12",
        "from <192.0.2.9.x@example.com> on 00:11:22:33:44:55",
        "under 9.2.0.192.lists.other.example",
        "see example.com/help for more",
        "see http:///192.0.2.9 there",
    ],
)
def test_what_only_others_mean_by_an_address_is_no_question_and_no_fault(beside: str) -> None:
    text = f"550 blocked, [192.0.2.1]; {beside}"
    assert (found(text), unread(text)) == (["192.0.2.1"], [])


def test_a_link_to_anothers_page_alone_is_not_answered_as_ours() -> None:
    assert found("https://other.example/ip/192.0.2.50") == []
    assert found("http://LISTS.example.org/ip/192.0.2.50?test=x") == ["192.0.2.50"]
    for site in ("https://lists.example.lux/", "https://Lists.example.lux"):
        assert read("https://lists.example.lux/ip/192.0.2.50", ZONES, site).found[0].sure


def test_a_host_name_is_handed_on_as_one() -> None:
    hosts = ["mail.example.com", "mx.example.net", "example.com", "mail.163.com", "mail.example.lux"]
    asked = read("\n".join(("MX.Example.NET.:587", *hosts, "192.0.2.300", "localhost")), ZONES, SITE)
    assert [one.host for one in asked.unread] == ["mx.example.net", *hosts, "", ""]


def test_a_name_that_is_too_long_for_dns_is_handed_on_to_nobody() -> None:
    """RFC 1035 2.3.4: 255 octets, with one for the length of each label and for the root."""
    longest = ".".join(["a" * 63] * 3 + ["a" * 61])
    for name, host in ((longest, longest), (f"{longest}.:25", longest), (f"{longest}a", "")):
        assert [one.host for one in read(name, ZONES, SITE).unread] == [host]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "mail.example.com",
            "mail.example.com is a host name, and addresses are listed: give the address that it sends",
        ),
        ("192.0.2.0/24", "192.0.2.0/24 is a network, and one address is needed."),
        ("2001:db8::/32", "2001:db8::/32 is a network, and one address is needed."),
        ("nonsense", '"nonsense" is not an IPv4 or IPv6 address; one is written'),
        ("192.0.2.300", '"192.0.2.300" is not an IPv4 or IPv6 address: no number in one is above 255.'),
        ("192.0.2.1/x", '"192.0.2.1/x" is not an IPv4 or IPv6 address: give 192.0.2.1 without'),
        ("192.0.2.1; rm -rf /", '"192.0.2.1; rm -rf /" is not an IPv4 or IPv6 address; one is'),
    ],
)
def test_where_nothing_but_an_address_will_do_it_is_said_what_is_needed_in_place_of_the_rest(
    text: str, said: str
) -> None:
    with pytest.raises(Refused) as refused:
        typed(text)
    assert str(refused.value).startswith(said)


def test_of_a_text_that_names_nothing_it_is_said_what_to_paste() -> None:
    with pytest.raises(Refused, match="paste the whole bounce, or the address"):
        one("550 blocked, see http://other.example/ip/192.0.2.1", ("bl.example.org",), "https://s.example")


@pytest.mark.parametrize("text", ["192.0.2.1", "[IPv6:2001:db8::5]", "60.0.77.127.relays.example.org", LINK])
def test_a_row_names_what_it_would_name_alone(text: str) -> None:
    assert row(text, ZONES, SITE) == one(text, ZONES, SITE)


def test_a_row_of_so_many_characters_is_read_and_one_of_more_is_not() -> None:
    assert str(row("192.0.2.1".rjust(MOST_ROW), ZONES, SITE)) == "192.0.2.1"
    with pytest.raises(Refused, match="more than 255 characters"):
        row("192.0.2.1".rjust(MOST_ROW + 1), ZONES, SITE)


@pytest.mark.parametrize("text", ["", "mail.example.com", "192.0.2.0/24", "192.0.2.1 192.0.2.2"])
def test_a_row_that_names_no_address_says_why(text: str) -> None:
    with pytest.raises(Refused) as caught:
        row(text, ZONES, SITE)
    assert str(caught.value).endswith(".")


@examples(200)
@given(st.text(st.characters(), max_size=300) | st.sampled_from(["192.0.2.1 \x1b[2J", "192.0.2.1 \u202ex.1.2.3.4"]))
def test_no_sentence_about_a_strangers_text_holds_what_a_terminal_obeys(text: str) -> None:
    try:
        row(text, ZONES, SITE)
    except Refused as error:
        assert str(error).isprintable() and str(error).isascii()
    assert all(each.text.isprintable() and each.why.isascii() for each in read(text, ZONES, SITE).unread)


class Tries:
    """Counts how often a word is tried as an address or a network."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for name in ("parse_address", "parse_network"):
            patch.setattr(asking, name, self._counted(getattr(asking, name)))

    def _counted(self, parse: Callable[[str], object]) -> Callable[[str], object]:
        def counted(text: str) -> object:
            self.count += 1
            return parse(text)

        return counted


#: What is costly to read where there is much of it; `{}` is a number that differs each time.
COSTLY = st.sampled_from(
    [
        "[",
        "[]",
        "[\n",
        "\n",
        "a\n",
        "x,",
        "a b\n",
        "1.{} ",
        "1.{}\n",
        "1.{} [\n",
        "10.0.{}.4/33 ",
        "10.{}.3.4x ",
        "{}::1x a\n",
        "[IPv6:{}::5]:25,",
        "{}.2.3.4.relays.example.org ",
        "https://lists.example.org/ip/{} ",
        "m{}.example.com\n",
    ]
) | st.text(st.sampled_from(" \n[],;.:/{}1ax"), min_size=1, max_size=12)  # fmt: skip


@given(piece=COSTLY)
@examples(60)
def test_whatever_a_text_holds_so_many_words_of_it_are_tried_and_no_more(piece: str) -> None:
    text = "".join(piece.replace("{}", str(number)) for number in range(MOST_CHARACTERS // len(piece)))
    with pytest.MonkeyPatch.context() as patch:
        tries = Tries(patch)
        asked = read(text, ZONES, SITE)
        assert tries.count <= 4 * MOST_WORDS
        before = tries.count
        with pytest.raises(Refused) if len(asked.found) != 1 or asked.unread or asked.cut else nullcontext():
            asking.only(asked, text)
        assert tries.count <= before + 2
        tries.count = 0
        with suppress(Refused):
            row(text[:MOST_ROW], ZONES, SITE)
        assert tries.count <= 4 * MOST_ROW_WORDS + 3


def test_one_word_many_times_is_tried_once_and_nothing_is_left_out_for_it() -> None:
    for many in ("[" * 60000, "192.0.2.300 " * 5000, "192.0.2.300\n" * 5000, "rubbish\n" * 7000):
        assert found(f"192.0.2.1\n{many[:65000]}\n192.0.2.2") == ["192.0.2.1", "192.0.2.2"]
        assert not read(f"192.0.2.1\n{many[:65000]}\n192.0.2.2", ZONES, SITE).cut
    assert unread("192.0.2.1\n" + "192.0.2.300\n" * 50) == ["192.0.2.300"]
    with pytest.MonkeyPatch.context() as patch:
        tries = Tries(patch)
        read("".join(f"192.0.2.1 a{number}\n" for number in range(50)), ZONES, SITE)
        assert tries.count < 5


def test_words_that_can_be_nothing_cost_a_text_none_of_its_words() -> None:
    prose = " ".join(f"word{number}" for number in range(3 * MOST_WORDS))
    asked = read(f"{prose} 192.0.2.1", ZONES, SITE)
    assert ([str(one.what) for one in asked.found], asked.cut) == (["192.0.2.1"], False)


def test_what_stands_behind_the_last_word_that_is_tried_is_said_and_never_answered_for() -> None:
    much = " ".join(f"1.{number}" for number in range(MOST_WORDS))
    for text in (f"{much} 192.0.2.1", f"{much}\n192.0.2.1", f"[192.0.2.2] {much} {LINK}"):
        assert read(text, ZONES, SITE).cut
        assert "192.0.2.1" not in found(text)
        with pytest.raises(Refused, match="more in this text than is read at once"):
            one(text, ZONES, SITE)


def test_no_half_of_a_word_is_read_where_a_text_is_cut() -> None:
    text = "x " * ((MOST_CHARACTERS - 8) // 2) + "192.0.2.123"
    assert (found(text), read(text, ZONES, SITE).cut) == ([], True)
    for blank in (found, unread):
        assert blank(" " * MOST_CHARACTERS + "1") == []


def test_of_a_text_that_is_cut_every_whole_word_before_the_cut_is_read_and_none_behind_it() -> None:
    assert found("192.0.2.1 " + "x " * MOST_CHARACTERS + "192.0.2.9 y") == ["192.0.2.1"]
    assert found("x " * ((MOST_CHARACTERS - 14) // 2) + "192.0.2.1 " + "half" * 9) == ["192.0.2.1"]
    assert not read("x " * (MOST_CHARACTERS // 2), ZONES, SITE).cut, "so much is read whole"


def test_a_row_of_running_text_is_refused_and_not_read() -> None:
    assert str(row("please tell me where [192.0.2.1] now stands, friend", ZONES, SITE)) == "192.0.2.1"
    for text in ("[" * 250, "192.0.2.1 " * (MOST_ROW_WORDS + 1), "a b c d e f g h 192.0.2.1"):
        with pytest.raises(Refused, match="more than 8 words"):
            row(text, ZONES, SITE)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\u201c192.0.2.1\u201d", ["192.0.2.1"]),
        ("\u00ab192.0.2.1\u00bb", ["192.0.2.1"]),
        ("\u200b192.0.2.1\u200b", ["192.0.2.1"]),
        ("\ufeff192.0.2.1", ["192.0.2.1"]),
        ("192.0.2.1\u2019s", ["192.0.2.1"]),
        ("\u300c192.0.2.1\u300d", ["192.0.2.1"]),
        ("\uff08192.0.2.1\uff09", ["192.0.2.1"]),
        ("IP\uff1a192.0.2.1\uff0c", ["192.0.2.1"]),
        ("192.0.2.1\u3001192.0.2.2\u3002", ["192.0.2.1", "192.0.2.2"]),
        ("192.0.2.1\u060c 192.0.2.2", ["192.0.2.1", "192.0.2.2"]),
        ("\uff11\uff19\uff12\uff0e\uff10\uff0e\uff12\uff0e\uff11", ["192.0.2.1"]),
        ("192[.]0[.]2[.]1", ["192.0.2.1"]),
        ("192.0.2(.)1", ["192.0.2.1"]),
        ("ip4:192.0.2.1", ["192.0.2.1"]),
        ("ip4:192.0.2.0/24", ["192.0.2.0/24"]),
        ("ip6:2001:db8::1", ["2001:db8::1"]),
        ("smtp:192.0.2.1:25", ["192.0.2.1"]),
        ("2001:db8::1.", ["2001:db8::1"]),
        ("2001:db8::.", ["2001:db8::"]),
        ("dead:192.0.2.1", []),  # may be the end of another address
        ("fe80::192.0.2.1:25", []),
    ],
)
def test_signs_of_other_scripts_and_what_an_address_is_called_are_no_part_of_it(text: str, wanted: list[str]) -> None:
    assert found(text) == wanted
