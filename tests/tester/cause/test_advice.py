"""The advice is whole: every cause has some, every pattern can be read, none speaks of another program."""

from __future__ import annotations

import re
from itertools import product

import pytest

from tester.cause import Cause, Software, advice
from tester.cause.advice import FRONTS, Advice, every


def test_every_cause_has_general_advice_and_then_only_what_is_meant() -> None:
    for cause, software in product(Cause, Software):
        found = advice(cause, software)
        assert found, cause
        assert found[0].setup == "", cause
        assert {one.setup for one in found[1:]} <= {software.value, *FRONTS}, cause


def test_what_may_stand_in_front_is_told_of_after_the_program() -> None:
    setups = [one.setup for one in advice(Cause.CLIENT_ADDRESS_LOST, Software.POSTFIX)]
    assert setups == ["", "postfix", "docker", "haproxy", "haproxy", "traefik", "nginx", "nginx", "nat-firewall"]
    assert [one.setup for one in advice(Cause.CLIENT_ADDRESS_LOST)] == [each for each in setups if each != "postfix"]


def test_a_row_is_told_as_it_is_written_and_what_it_does_not_say_is_empty() -> None:
    (general, proxy, *_) = (
        one for one in every() if one.cause is Cause.CLIENT_ADDRESS_LOST and one.setup in ("", "haproxy")
    )
    assert (general.file, general.remove, general.replace, general.lines, general.then) == ("", (), (), (), "")
    assert (proxy.file, proxy.then) == ("/etc/haproxy/haproxy.cfg", "systemctl reload haproxy")
    ((pattern, by),) = proxy.replace
    assert re.sub(pattern, by, "  server mx 192.0.2.1:25 check\n") == "  server mx 192.0.2.1:25 send-proxy check\n"
    bare = Advice(cause=Cause.UNKNOWN, setup="", change="Ask somebody.")
    assert (bare.file, bare.then) == ("", "")


def test_every_row_is_readable_and_none_stands_twice() -> None:
    rows = every()
    assert len({(row.cause, row.setup, row.file) for row in rows}) == len(rows)
    for row in rows:
        assert row.setup in ("", *FRONTS, *(one.value for one in Software))
        assert row.change.endswith(".")
        assert "\n" not in "".join((row.change, *row.lines))
        for pattern in (*row.remove, *(pattern for pattern, _ in row.replace)):
            re.compile(pattern)
        assert bool(row.file) >= bool(row.lines or row.remove or row.replace), f"{row.cause} {row.setup}: where?"


def test_postfix_has_lines_for_every_cause_that_its_settings_can_bring() -> None:
    by_settings = {
        Cause.CLIENT_ADDRESS_LOST,
        Cause.NETWORKS_TOO_WIDE,
        Cause.SENDER_BELIEVED,
        Cause.NULL_SENDER_BELIEVED,
        Cause.HELO_BELIEVED,
        Cause.XCLIENT_BELIEVED,
        Cause.CERTIFICATE_BELIEVED,
        Cause.MX_BELIEVED,
        Cause.SUBMISSION_OPEN,
        Cause.IPV6_FORGOTTEN,
    }
    for cause in by_settings:
        mine = [one for one in advice(cause, Software.POSTFIX) if one.setup == "postfix"]
        assert mine
        assert mine[0].lines


def test_each_program_has_advice_of_its_own_for_the_causes_that_are_met_most() -> None:
    """Whose stack writes Postfix's files anew is not sent to those files."""
    for cause in (Cause.CLIENT_ADDRESS_LOST, Cause.NETWORKS_TOO_WIDE):
        for software in (Software.ZIMBRA, Software.STALWART, Software.HARAKA):
            setups = [one.setup for one in advice(cause, software)]
            assert setups[:2] == ["", software.value] and "postfix" not in setups


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("  accept\n    senders = *@hub.test\n  deny\n", "  deny\n"),
        # Debian's own, and one that is not whole: without its other conditions an accept would let everybody in
        ("  accept\n    senders = ${if exists{x}{x}{}}\n  deny\n",) * 2,
        ("  accept\n    senders = *@hub.test\n    hosts = 192.0.2.0/24\n  deny\n",) * 2,
    ],
)
def test_of_an_acl_whole_statements_are_taken_out_or_none(text: str, changed: str) -> None:
    (mine,) = (one for one in advice(Cause.SENDER_BELIEVED, Software.EXIM) if one.setup == "exim")
    (pattern,) = mine.remove
    assert re.sub(rf"(?m)^(?:{pattern})\n", "", text) == changed
