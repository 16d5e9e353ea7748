"""Why a relay is open, read from what real set-ups write into the trace and from what a test of them shows."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tester.cause import Cause, Software, Sure, Symptom, Tried, explain
from tester.received.line import hops
from tester.vectors import CATALOGUE

US4, US6 = ip_address("198.18.0.2"), ip_address("2001:db8:1::2")
HOST4, HOST6 = ip_address("198.18.0.25"), ip_address("2001:db8:1::25")
OTHER = ip_address("198.18.0.26")


def shown(*trace: str, vector: str = "S01", path: Tried | None = None, **more: object) -> Symptom:
    """A letter that came back through `trace` (newest first)."""
    path = path or Tried(address=HOST4, port=25, tls="none", relays=True)
    head = "".join(f"Received: {line}\r\n" for line in trace) + "\r\n"
    known: dict[str, object] = {"output": path.address, "sources": {US4, US6}} | more
    return Symptom(path=path, vector=vector, chain=hops(head.encode()), **known)  # type: ignore[arg-type]


def v6(**more: object) -> Tried:
    return Tried(**({"address": HOST6, "port": 25, "tls": "none", "relays": True} | more))  # type: ignore[arg-type]


POSTFIX = "from probe.b.test (unknown [{}]) by hub.test (Postfix) with ESMTP id 4Xy for <r@c.test>; Mon, 1 Jan 2026"
EXIM = "from [{}] (helo=probe.b.test) by hub.test with esmtp (Exim 4.96) id 1; Mon, 1 Jan 2026"


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        ("172.22.1.1", "Docker"),
        ("172.17.0.1", "Docker"),
        ("10.244.3.1", "cluster"),
        ("192.168.1.1", "firewall"),
        ("127.0.0.1", "loopback"),
        ("100.64.9.1", "carrier-grade"),
        ("IPv6:::1", "loopback"),
        ("169.254.1.1", "link-local"),
        ("IPv6:fd00::1", "unique local"),
        ("IPv6:fe80::1", "same wire"),
        ("198.18.0.25", "own address"),
        ("203.0.113.9", "another machine's"),
    ],
)
@pytest.mark.parametrize("line", [POSTFIX, EXIM])
def test_an_address_in_our_place_names_what_stands_there(seen: str, word: str, line: str) -> None:
    found = explain([shown(line.format(seen))])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.CLIENT_ADDRESS_LOST, Sure.SURE)
    assert found.took_us_for == ip_address(seen.removeprefix("IPv6:"))
    assert word in " ".join(found.reasons)
    assert found.software is (Software.POSTFIX if line is POSTFIX else Software.EXIM)


def test_a_container_that_hides_ipv6_clients_only_is_told_so() -> None:
    closed = Tried(address=HOST4, port=25, tls="none", relays=False)
    for seen in ("fd4d:6169:6c63:6f77::1", "172.22.1.1"):
        line = POSTFIX.format(f"IPv6:{seen}" if ":" in seen else seen)
        found = explain([shown(line, path=v6(), others=[closed])])
        assert found is not None
        assert found.cause is Cause.CLIENT_ADDRESS_LOST
        assert "Only IPv6 is open" in found.reasons[-1]


def test_a_machine_that_sees_us_on_both_families_and_relays_over_one_has_forgotten_the_other() -> None:
    closed4 = Tried(address=HOST4, port=25, tls="none", relays=False)
    found = explain([shown(POSTFIX.format(f"IPv6:{US6}"), path=v6(), others=[closed4])])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.IPV6_FORGOTTEN, Sure.SURE)
    found = explain([shown(POSTFIX.format(US4), others=[v6(relays=False)])])
    assert found is not None
    assert found.cause is Cause.IPV4_FORGOTTEN


def test_a_family_that_could_not_be_tested_is_no_closed_one() -> None:
    found = explain([shown(POSTFIX.format(US4), others=[v6(relays=None)])])
    assert found is not None
    assert found.cause is Cause.NETWORKS_TOO_WIDE


def test_a_server_that_saw_us_and_passed_a_plain_letter_trusts_too_many() -> None:
    found = explain([shown(POSTFIX.format(US4))])
    assert found is not None
    assert (found.cause, found.sure, found.software) == (Cause.NETWORKS_TOO_WIDE, Sure.LIKELY, Software.POSTFIX)


def test_without_a_trace_a_plain_letter_leaves_a_guess() -> None:
    found = explain([shown()])
    assert found is not None
    assert (found.cause, found.sure, found.took_us_for) == (Cause.NETWORKS_TOO_WIDE, Sure.GUESS, None)


def test_an_appliance_and_the_server_behind_it_are_told_from_a_customer_and_a_provider() -> None:
    first = POSTFIX.format(US4).replace("hub.test", "eros.example.com")
    second = "from eros.example.com (unknown [192.168.0.50]) by {} with SMTP; Mon, 1 Jan 2026 00:00:00 +0000"
    found = explain([shown(second.format("mail.example.com"), first, output=OTHER)])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.APPLIANCE_TRUSTED, Sure.SURE)
    found = explain([shown(second.format("smtp.provider.example"), first, output=OTHER)])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.CUSTOMER_TRUSTED, Sure.LIKELY)


@pytest.mark.parametrize(
    ("vector", "cause"),
    [
        ("S02", Cause.NULL_SENDER_BELIEVED),
        ("S03", Cause.SENDER_BELIEVED),
        ("S04", Cause.SENDER_BELIEVED),
        ("S05", Cause.SENDER_BELIEVED),
        ("S06", Cause.SENDER_BELIEVED),
        ("S09", Cause.SENDER_BELIEVED),
        ("S10", Cause.SAME_DOMAIN_BELIEVED),
        ("R01", Cause.ROUTE_HONOURED),
        ("R14", Cause.ROUTE_HONOURED),
        ("X01", Cause.ROUTE_HONOURED),
        ("R22a", Cause.LITERAL_BELIEVED),
        ("H01", Cause.HELO_BELIEVED),
        ("H02", Cause.HELO_BELIEVED),
        ("H03", Cause.HELO_BELIEVED),
        ("M01", Cause.MX_BELIEVED),
        ("T01", Cause.CERTIFICATE_BELIEVED),
    ],
)
def test_a_form_names_its_fault_where_the_plain_one_was_refused(vector: str, cause: Cause) -> None:
    found = explain([shown(POSTFIX.format(US4), vector=vector, refused={"S01"})])
    assert found is not None
    assert (found.cause, found.sure) == (cause, Sure.SURE)
    assert "plain form was refused" in found.reasons[1]
    beside = explain([shown(POSTFIX.format("10.0.0.1"), vector=vector)])
    assert beside is not None
    assert beside.cause is Cause.CLIENT_ADDRESS_LOST, "an open relay takes every form"


@pytest.mark.parametrize(
    ("vector", "cause"),
    [("P01", Cause.PROXY_HEADER_BELIEVED), ("P02", Cause.PROXY_HEADER_BELIEVED), ("P03", Cause.XCLIENT_BELIEVED)],
)
def test_what_we_claimed_of_ourselves_is_no_lost_address(vector: str, cause: Cause) -> None:
    found = explain([shown(POSTFIX.format("127.0.0.1"), vector=vector)])
    assert found is not None
    assert (found.cause, found.sure, len(found.reasons)) == (cause, Sure.SURE, 1)


def test_ports_and_encryption_that_alone_are_open_are_named() -> None:
    closed = Tried(address=HOST4, port=25, tls="none", relays=False)
    submission = Tried(address=HOST4, port=587, tls="starttls", relays=True)
    found = explain([shown(POSTFIX.format(US4), path=submission, others=[closed])])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.SUBMISSION_OPEN, Sure.SURE)
    found = explain([shown(POSTFIX.format(US4), path=submission)])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.SUBMISSION_OPEN, Sure.LIKELY)
    encrypted = Tried(address=HOST4, port=25, tls="starttls", relays=True)
    found = explain([shown(POSTFIX.format(US4), path=encrypted, others=[closed])])
    assert found is not None
    assert found.cause is Cause.STARTTLS_BELIEVED


def test_of_several_letters_the_surest_explanation_counts_and_none_explains_nothing() -> None:
    assert explain([]) is None
    found = explain([shown(), shown(POSTFIX.format("172.17.0.1"))])
    assert found is not None
    assert found.cause is Cause.CLIENT_ADDRESS_LOST


def test_an_odd_form_beside_a_plain_one_without_a_trace_stays_unknown() -> None:
    found = explain([shown(vector="R06")])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.UNKNOWN, Sure.GUESS)


def test_names_are_short_and_safe_in_txt_records_and_urls() -> None:
    for name in (*Cause, *Sure):
        assert name.value == name.name.lower().replace("_", "-")


def test_of_two_guesses_the_one_that_names_a_cause_counts() -> None:
    found = explain([shown(vector="R06"), shown()])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.NETWORKS_TOO_WIDE, Sure.GUESS)


def test_the_surest_counts_even_where_it_came_last() -> None:
    submission = Tried(address=HOST4, port=587, tls="none", relays=True)
    found = explain([shown(), shown(POSTFIX.format(US4), path=submission), shown(POSTFIX.format("172.17.0.1"))])
    assert found is not None
    assert found.sure is Sure.SURE
    found = explain([shown(), shown(POSTFIX.format(US4), path=submission)])
    assert found is not None
    assert found.sure is Sure.LIKELY


@pytest.mark.parametrize(
    ("greeting", "ehlo", "trace", "software"),
    [
        ("220 hub ESMTP Postcow", "250-hub", (EXIM.format(US4),), Software.MAILCOW),
        ("220 hub ESMTP", "250 hub Courier", (EXIM.format(US4),), Software.COURIER),
        ("220 hub ESMTP", "250 hub", (POSTFIX.format(US4), EXIM.format(US4)), Software.EXIM),
        ("220 hub ESMTP", "250 hub", (POSTFIX.format(US4), "from x by y"), Software.UNKNOWN),
        ("", "", (), Software.UNKNOWN),
    ],
)
def test_a_program_is_named_by_the_greeting_the_answer_to_ehlo_and_the_first_machines_line(
    greeting: str, ehlo: str, trace: tuple[str, ...], software: Software
) -> None:
    found = explain([shown(*trace, greeting=greeting, ehlo=ehlo)])
    assert found is not None
    assert found.software is software
    assert (shown().greeting, shown().ehlo) == ("", "")


def test_an_address_of_the_server_in_our_place_may_be_the_one_that_it_delivers_from() -> None:
    for own in (HOST4, OTHER):
        found = explain([shown(POSTFIX.format(own), output=OTHER)])
        assert found is not None
        assert "own address" in found.reasons[1]
        assert len(found.reasons) == 3


SECOND = "from {} (unknown [192.168.0.50]) by {} with SMTP"


@pytest.mark.parametrize(
    ("first", "second", "cause"),
    [
        ("eros.example.com", "mail.example.com", Cause.APPLIANCE_TRUSTED),
        ("example.com", "mail.example.com", Cause.APPLIANCE_TRUSTED),
        ("Eros.EXAMPLE.com.", "mail.example.com", Cause.APPLIANCE_TRUSTED),
        ("eros.example.co.uk", "mail.example.co.uk", Cause.APPLIANCE_TRUSTED),
        ("eros.customer.co.uk", "mail.example.co.uk", Cause.CUSTOMER_TRUSTED),
        ("customer.co.uk", "example.co.uk", Cause.CUSTOMER_TRUSTED),
        ("eros.example.de", "mail.example.de", Cause.APPLIANCE_TRUSTED),
        ("eros.customer.de", "mail.example.de", Cause.CUSTOMER_TRUSTED),
        ("eros.sub.example.info", "mail.abc.example.info", Cause.APPLIANCE_TRUSTED),
        ("a.com.example", "b.com.example", Cause.APPLIANCE_TRUSTED),
        ("eros", "mail.example.com", Cause.APPLIANCE_TRUSTED),  # what has no domain tells nothing
        ("eros.example.com", "mail", Cause.APPLIANCE_TRUSTED),
        ("[192.0.2.7]", "mail.example.com", Cause.APPLIANCE_TRUSTED),
        ("eros.example.com", "192.0.2.7", Cause.APPLIANCE_TRUSTED),
    ],
)
def test_a_machine_of_another_organisation_behind_the_first_is_a_provider(
    first: str, second: str, cause: Cause
) -> None:
    lines = (SECOND.format(first, second), "by local with LMTP", POSTFIX.format(US4).replace("hub.test", first))
    found = explain([shown(*lines, output=OTHER)])
    assert found is not None
    assert found.cause is cause
    assert first in found.reasons[0]
    assert second in found.reasons[1]


def test_a_filter_on_the_first_machine_is_no_second_one() -> None:
    first = POSTFIX.format(US4)
    filtered = (
        "from localhost (localhost [127.0.0.1]) by hub.test (Postfix) with ESMTP id 3",
        "from hub.test ([127.0.0.1]) by localhost (hub.test [127.0.0.1]) (amavis, port 10024) with ESMTP id 2",
    )
    found = explain([shown(*filtered, first, output=OTHER)])
    assert found is not None and found.cause is Cause.NETWORKS_TOO_WIDE
    found = explain([shown(SECOND.format("hub.test", "mail.hub.test"), *filtered, first, output=OTHER)])
    assert found is not None and "mail.hub.test" in found.reasons[1]


def test_of_more_than_two_machines_the_one_behind_the_first_is_told_of() -> None:
    lines = (SECOND.format("b.example.com", "c.example.com"), SECOND.format("a.example.com", "b.example.com"))
    found = explain([shown(*lines, POSTFIX.format(US4).replace("hub.test", "a.example.com"), output=OTHER)])
    assert found is not None
    assert found.cause is Cause.APPLIANCE_TRUSTED
    assert "b.example.com" in found.reasons[1]


@pytest.mark.parametrize("output", [HOST4, ip_address("::ffff:198.18.0.25")])
def test_a_second_line_of_the_same_machine_is_its_filter_and_no_second_machine(output: object) -> None:
    found = explain([shown(SECOND.format("hub.test", "hub.test"), POSTFIX.format(US4), output=output)])
    assert found is not None
    assert found.cause is Cause.NETWORKS_TOO_WIDE


def test_a_second_machine_whose_line_does_not_say_that_it_took_the_letter_is_none() -> None:
    found = explain([shown("by mail.example.com with LMTP", POSTFIX.format(US4), output=OTHER)])
    assert found is not None
    assert found.cause is Cause.NETWORKS_TOO_WIDE


def test_machines_without_names_are_called_by_their_addresses() -> None:
    first, second = "from probe (unknown [198.18.0.2])", "from first ([192.168.0.50])"
    found = explain([shown(second, first, output=OTHER)])
    assert found is not None
    assert found.cause is Cause.APPLIANCE_TRUSTED
    assert str(HOST4) in found.reasons[0]
    assert str(OTHER) in found.reasons[1]


def on(port: int, *, relays: bool | None = False, tls: str = "none", address: object = HOST4) -> Tried:
    return Tried(address=address, port=port, tls=tls, relays=relays)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "others", "cause", "sure"),
    [
        (on(25, tls="starttls"), [on(25)], Cause.STARTTLS_BELIEVED, Sure.SURE),
        (on(25, tls="starttls"), [on(25, relays=None)], Cause.NETWORKS_TOO_WIDE, Sure.LIKELY),
        (on(25, tls="starttls"), [on(25, tls="starttls")], Cause.NETWORKS_TOO_WIDE, Sure.LIKELY),
        (on(25, tls="starttls"), [on(26)], Cause.NETWORKS_TOO_WIDE, Sure.LIKELY),
        (on(25, tls="starttls"), [on(25, address=OTHER)], Cause.NETWORKS_TOO_WIDE, Sure.LIKELY),
        (on(25), [on(25)], Cause.NETWORKS_TOO_WIDE, Sure.LIKELY),
        (on(465), [on(25)], Cause.SUBMISSION_OPEN, Sure.SURE),
        (on(587), [on(25)], Cause.SUBMISSION_OPEN, Sure.SURE),
        (on(2525), [on(25)], Cause.SUBMISSION_OPEN, Sure.SURE),
        (on(587), [on(465)], Cause.SUBMISSION_OPEN, Sure.LIKELY),
        (on(587), [on(25, relays=None)], Cause.SUBMISSION_OPEN, Sure.LIKELY),
        (on(587), [on(25, address=OTHER)], Cause.SUBMISSION_OPEN, Sure.LIKELY),
        (on(26), [on(25)], Cause.NETWORKS_TOO_WIDE, Sure.LIKELY),
        (on(25), [on(25, address=HOST6)], Cause.IPV4_FORGOTTEN, Sure.SURE),
        (on(25), [on(587, address=HOST6)], Cause.NETWORKS_TOO_WIDE, Sure.LIKELY),
        (on(25), [on(25, address=OTHER)], Cause.NETWORKS_TOO_WIDE, Sure.LIKELY),
    ],
)
def test_what_the_open_path_has_that_a_closed_one_lacks_is_the_cause(
    path: Tried, others: list[Tried], cause: Cause, sure: Sure
) -> None:
    found = explain([shown(POSTFIX.format(US4), path=path, others=others)])
    assert found is not None
    assert (found.cause, found.sure) == (cause, sure)
    assert found.reasons
    assert ("Port 25 of the same address refuses." in found.reasons) is (
        (cause, sure) == (Cause.SUBMISSION_OPEN, Sure.SURE)
    )
    if cause is Cause.IPV4_FORGOTTEN:
        assert found.reasons == (f"The same machine is open over IPv4 and closed over IPv6 ({HOST6}).",)


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ([on(25, address=HOST6)], True),
        ([on(25, address=HOST6, relays=None)], False),
        ([on(587, address=HOST6)], False),
        ([on(25, address=OTHER)], False),
        ([], False),
    ],
)
def test_that_one_family_alone_is_open_says_where_to_look(others: list[Tried], told: bool) -> None:
    found = explain([shown(POSTFIX.format("172.17.0.1"), others=others)])
    assert found is not None
    assert ("Only IPv4 is open: look at what stands in front of it there." in found.reasons) is told
    other = explain([shown(POSTFIX.format("172.17.0.1"), vector="P01", others=others)])
    assert other is not None
    assert len(other.reasons) == 1


@pytest.mark.parametrize("vector", ["R06", "R22a", "X01", "S02", "M01", "Q9"])
def test_a_form_that_any_open_relay_takes_says_nothing_where_the_plain_one_was_not_refused(vector: str) -> None:
    found = explain([shown(POSTFIX.format(US4), vector=vector)])
    assert found is not None
    assert (found.cause, found.sure) == (Cause.UNKNOWN, Sure.GUESS)


def test_a_form_of_no_known_kind_names_no_fault_even_where_the_plain_one_was_refused() -> None:
    found = explain([shown(POSTFIX.format(US4), vector="Q9", refused={"S01"})])
    assert found is not None
    assert found.cause is Cause.UNKNOWN


@given(st.lists(st.text(max_size=200), max_size=4), st.text(max_size=300), st.sampled_from(["S01", "S03", "R06", "Q9"]))
def test_whatever_a_trace_says_there_is_an_explanation(trace: list[str], greeting: str, vector: str) -> None:
    lines = [line.replace("\n", " ").replace("\r", " ").encode("utf-8", "replace").decode("latin-1") for line in trace]
    found = explain(
        [
            shown(
                *(line.encode("latin-1").decode("utf-8", "replace") for line in lines), vector=vector, greeting=greeting
            )
        ]
    )
    assert found is not None
    assert found.reasons


def test_an_exchange_that_unpacks_recipients_is_told_so_and_nobody_else_is() -> None:
    """What closes that one is Microsoft's patch MS99-027, for which the form's name is sought."""
    hiding = [id for id in CATALOGUE if id.startswith(("R", "X")) and not id.startswith("R22")]
    for id in hiding:
        found = explain([shown(vector=id, refused={"S01"})])
        assert found is not None and found.cause is Cause.ROUTE_HONOURED
        assert ("IMCEASMTP" in found.reasons[0]) == (id == "R17"), id
    assert len(hiding) > 10
