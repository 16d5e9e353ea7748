"""What shows that an address is one's own."""

from __future__ import annotations

import base64
import hmac
from ipaddress import ip_network

import pytest

from dnsbl.errors import Refused
from dnsbl.rules import control
from dnsbl.vocabulary import Refusal

KEY, OTHER = b"k" * 32, b"o" * 32
NET = ip_network("192.0.2.1/32")


def test_a_code_holds_for_one_key_purpose_network_and_target() -> None:
    codes = [
        control.code(KEY, "record", NET, ""),
        control.code(OTHER, "record", NET, ""),
        control.code(KEY, "mailed", NET, ""),
        control.code(KEY, "record", ip_network("192.0.2.2/32"), ""),
        control.code(KEY, "record", NET, "a@x.example"),
        control.code(KEY, "record", NET, "b@x.example"),
    ]
    assert len(set(codes)) == len(codes)
    assert all(len(code) == control.LENGTH and code.isalnum() for code in codes)
    assert codes[0] == control.code(KEY, "record", NET, "")


@pytest.mark.parametrize(
    ("network", "name"),
    [
        ("192.0.2.1/32", "_dnsbl.1.2.0.192.in-addr.arpa"),
        ("192.0.2.0/24", "_dnsbl.2.0.192.in-addr.arpa"),
        ("192.0.0.0/16", "_dnsbl.0.192.in-addr.arpa"),
        ("2001:db8::/32", "_dnsbl.8.b.d.0.1.0.0.2.ip6.arpa"),
    ],
)
def test_the_record_stands_where_the_networks_holder_alone_can_write(network: str, name: str) -> None:
    assert control.record_name(ip_network(network)) == name


@pytest.mark.parametrize("network", ["192.0.2.0/25", "0.0.0.0/0", "2001:db8::/33", "::/0"])
def test_a_prefix_without_a_reverse_zone_of_its_own_is_refused(network: str) -> None:
    with pytest.raises(Refused, match="A reverse zone begins at every") as error:
        control.record_name(ip_network(network))
    assert error.value.reason is Refusal.TOO_WIDE


def test_only_the_very_record_and_code_count() -> None:
    code = control.code(KEY, "record", NET, "")
    other = control.code(OTHER, "record", NET, "")
    assert control.recorded([f"{control.MARK}{code}"], [other, code]) and control.same(code, [other, code])
    assert control.recorded(["v=spf1 -all", f" {control.MARK}{code} "], [code])
    assert not control.recorded([code, f"{control.MARK}{code}x", "ä"], [code])
    assert not control.recorded([f"{control.MARK}{code}"], [])
    assert control.same(f" {code.upper()} ", [code]) and not control.same("ä", [code]) and not control.same("", [code])


def test_a_code_that_was_handed_out_is_the_same_in_every_version() -> None:
    """Records stand in DNS and codes in mailboxes: no version may make others of the same key."""
    said = b"control\0record\x00192.0.2.1/32\0a@x.example"
    expected = base64.b32encode(hmac.digest(KEY, said, "sha256")).decode().lower()[:20]
    assert control.code(KEY, "record", NET, "a@x.example") == expected
    assert control.MARK == "dnsbl-control="


def test_a_mailed_code_is_taken_for_a_week_and_on_the_day_itself_and_never_before() -> None:
    assert list(control.days(20_000)) == [19_993, 19_994, 19_995, 19_996, 19_997, 19_998, 19_999, 20_000]


def test_text_that_is_no_unicode_is_no_code_and_breaks_nothing() -> None:
    assert not control.same("\udcff", [control.code(KEY, "record", NET, "")])
    assert control.code(KEY, "record", NET, "\udcff") != control.code(KEY, "record", NET, "\udcfe")


def test_a_code_is_taken_however_it_was_copied_and_no_other_one_is() -> None:
    right = "abcdefghij2345672345"
    for typed in (
        "ABCDEFGHIJ 2345672345",
        "abcdefghij\r\n2345672345",
        "abcdefghij\r\n> 2345672345",
        "abcdefghij=\n2345672345",
        "abcde-fghij-2345672345",
        "\u200babcdefghij2345672345\u00a0",
        '"abcdefghij2345672345".',
        "<abcdefghij2345672345>",
        "*abcdefghij2345672345*",
    ):
        assert control.same(typed, [right]), typed
    for typed in ("", right[:-1], f"{right}x", f"x{right}", "\ud800", "x" * 5000 + right):
        assert not control.same(typed, [right]), typed


def test_a_record_is_taken_however_a_zone_editor_has_written_it() -> None:
    right = "abcdefghij2345672345"
    for text in (
        f'"dnsbl-control={right}"',
        f"dnsbl-control = {right}",
        f"DNSBL-CONTROL={right.upper()}",
        f"dnsbl-control={right};",
    ):
        assert control.recorded([text], [right]), text
    for text in (right, f"x dnsbl-control={right}", f"dnsbl-control={right}a", "dnsbl-control=", "\ud800"):
        assert not control.recorded([text], [right]), text
