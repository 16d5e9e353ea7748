"""What a refusal speaks of: relaying, ourselves, or nothing; by the words that mail servers ship."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.refusals import MOST, Meant, read

US = {"198.51.100.9", "probe.b.test", "b.test"}


@pytest.mark.parametrize(
    ("meant", "reply"),
    [
        (Meant.RELAYING, "554 5.7.1 <r@c.test>: Relay access denied"),
        (Meant.RELAYING, "454 4.7.1 <r@c.test>: Relay access denied"),
        (Meant.RELAYING, "550 relay not permitted"),
        (Meant.RELAYING, "550 5.7.1 <r@c.test>... Relaying denied. IP name lookup failed [198.51.100.9]"),
        (Meant.RELAYING, "513 Relaying denied."),
        (Meant.RELAYING, "550 Invalid recipient: <r@c.test>"),
        (Meant.RELAYING, "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
        (Meant.RELAYING, "550 5.7.54 SMTP; Unable to relay recipient in non-accepted domain"),
        (Meant.RELAYING, "550 5.7.1 Unable to relay for r@c.test"),
        (Meant.RELAYING, "554 Relay rejected for policy reasons."),
        (Meant.RELAYING, "550 not local host c.test, not a gateway"),
        (Meant.RELAYING, "550 Delivery is not allowed to this address."),
        (Meant.RELAYING, "530 SMTP authentication is required."),
        (
            Meant.RELAYING,
            "503 This mail server requires authentication when attempting to send to a non-local e-mail address.",
        ),
        (Meant.RELAYING, "550 <r@c.test> No such user here"),
        (Meant.RELAYING, "550 I cannot deliver mail for <r@c.test>"),
        (Meant.RELAYING, "550 5.1.1 User unknown"),
        (Meant.RELAYING, "550 5.1.1 <r@c.test>: Recipient address rejected: User unknown in local recipient table"),
        (Meant.RELAYING, "550 5.4.1 Recipient address rejected: Access denied. AS(201806281)"),
        (Meant.RELAYING, "550 5.1.2 Relay not allowed."),
        (Meant.RELAYING, "550 unroutable address"),
        (Meant.RELAYING, "550-Host 198.51.100.9 is not permitted to relay through this server"),
        (Meant.RELAYING, "551 we do not relay"),
        (Meant.TESTER, "554 5.7.1 <unknown[198.51.100.9]>: Client host rejected: Access denied"),
        (Meant.TESTER, "554 5.7.1 <probe.b.test>: Helo command rejected: Access denied"),
        (Meant.TESTER, "550 5.7.1 <s@b.test>: Sender address rejected: Access denied"),
        (Meant.TESTER, "554 5.7.1 Service unavailable; Client host [198.51.100.9] blocked using zen.spamhaus.org"),
        (Meant.TESTER, "550 Access denied"),
        (Meant.TESTER, "550 probe.b.test is not welcome"),
        (Meant.TESTER, "550 mail from 198.51.100.9 refused"),
        (Meant.TESTER, "554 Your IP is blacklisted"),
        (Meant.UNTOLD, "550 no"),
        (Meant.UNTOLD, "550 5.7.1 Command rejected"),
        (Meant.UNTOLD, "550 Administrative prohibition"),
        (Meant.UNTOLD, "550 restricted characters in address"),
        (Meant.TESTER, "550 5.7.1 <unknown[1.2.3.4]>: Client host rejected: not authorized user"),
        (Meant.TESTER, "554 5.7.1 You are not allowed to connect"),
        (Meant.UNTOLD, "554 Transaction failed"),
        (Meant.RELAYING, "550 5.7.1 Relaying to <r@c.test> denied (authentication required)"),
        (Meant.TESTER, "550 5.7.1 Client does not have permissions to send as this sender"),
        (Meant.UNTOLD, "553 5.3.0 rejected"),
        (Meant.TESTER, "550 rejected because 198.51.100.9 is in a black list"),
    ],
)
def test_the_words_that_servers_ship_are_understood(meant: Meant, reply: str) -> None:
    assert read(reply, us=US).meant is meant


def test_an_echo_of_our_own_addresses_names_nobody() -> None:
    assert read("550 5.7.1 <s@b.test> <r@c.test> rejected", us=US).meant is Meant.UNTOLD
    assert read("550 5.7.1 rejected, b.test", us=US).meant is Meant.TESTER


@pytest.mark.parametrize(
    ("meant", "reply"),
    [
        (Meant.TESTER, "550 5.7.1 Client Relay-Test.list.test blocked"),
        (Meant.TESTER, "554 no mail for relay-test.list.test"),
        (Meant.TESTER, "550 mx.relays.list.test: rejected"),
        (Meant.TESTER, "550 go away, Open Relay Watch"),
        (Meant.RELAYING, "550 relay-test.list.test is not permitted to relay"),
        (Meant.RELAYING, "550 5.7.1 relaying denied [relay-test.list.test]"),
        (Meant.RELAYING, "550 relays.list.testing.example is no relay of ours"),
        (Meant.RELAYING, "550 relay access denied"),
    ],
)
def test_a_name_of_ours_that_speaks_of_relays_is_no_word_for_relaying(meant: Meant, reply: str) -> None:
    us = {"relay-test.list.test", "relays.list.test", "open relay watch", "relay", ""}
    assert read(reply, us=us).meant is meant


def test_a_name_of_ours_that_is_not_set_is_in_nothing() -> None:
    assert read("550 5.7.1 rejected", us={"", "b.test"}).meant is Meant.UNTOLD


def test_what_a_rule_looked_at_is_found_in_any_line_of_a_reply() -> None:
    lines = "554-5.7.1 Sorry.\n554 5.7.1 <unknown[1.2.3.4]>: Client host rejected: not authorized user"
    assert read(lines).meant is Meant.TESTER


def test_of_a_long_reply_the_start_is_read() -> None:
    assert read(f"550 {'a' * (MOST - 10)} relay").meant is Meant.RELAYING
    assert read(f"550 {'a' * (MOST - 9)} relay").meant is Meant.UNTOLD
    assert MOST == 500


def test_one_rule_has_one_text_whatever_it_repeats() -> None:
    first = read("554 5.7.1 <ra1@c.test>: rejected, see id 4711-x")
    assert first == read("550 5.7.1 <ra2@c.test>: rejected, see id 4712-y")
    assert first.text != read("554 5.7.1 <ra1@c.test>: turned down, see id 4711-x").text


@given(st.text(max_size=2 * MOST))
def test_whatever_a_stranger_says_is_read(reply: str) -> None:
    assert len(read(reply, us=US).text) <= MOST
