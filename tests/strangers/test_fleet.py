"""The whole fleet of real mail servers, each tested with every form of the standard profile: who is judged to be what.

What stands in FLEET was measured, and is explained where it surprises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from examiner import Examination, Examiner
from fleet import MEMBERS, OUTER, TWO_MACHINES, build
from lab import Lab

from tester.received.line import hops
from tester.smtp import RETRY, Control, Flag, Outcome
from tester.vectors import PROFILES
from tester.verdict import Judgement, Verdict

SENDERS = {"S01", "S10", "S02", "S03", "S04", "S11"}
#: What a wide open server delivers when it looks through every disguise; R17 is for Exchange, and S12 is asked only of
#: servers that refuse one of the two strangers.
EVERYTHING = set(PROFILES["standard"]) - {"R17", "S12"}


class Expected(NamedTuple):
    """The verdict, and the vectors whose letters come back."""

    verdict: Verdict
    vectors: set[str]


OPEN, CLOSED, MULTIHOP = Verdict.OPEN, Verdict.CLOSED, Verdict.OPEN_MULTIHOP
BOUNCES, LOSES = Verdict.ACCEPTS_BOUNCES, Verdict.ACCEPTS_LOSES
NOTHING: set[str] = set()

FLEET = {
    "postfix-open": Expected(OPEN, EVERYTHING),
    "postfix-closed": Expected(CLOSED, NOTHING),
    "postfix-hard": Expected(CLOSED, NOTHING),
    "postfix-sender": Expected(OPEN, {"S03"}),
    "postfix-null": Expected(OPEN, {"S02", "S04", "X01"}),
    "postfix-percent": Expected(OPEN, {"R01", "X01"}),
    "postfix-bounce": Expected(BOUNCES, NOTHING),
    "postfix-lose": Expected(LOSES, NOTHING),
    "postfix-strict": Expected(CLOSED, NOTHING),  # hangs up at every error
    "postfix-tls": Expected(OPEN, EVERYTHING),
    "postgrey": Expected(OPEN, EVERYTHING),
    "chain": Expected(MULTIHOP, EVERYTHING),
    "pair": Expected(MULTIHOP, {"R01", "R06", "R08", "R14", "X01"}),
    # what the gateway takes for its domain by the last part alone, the hub takes apart
    "loose": Expected(MULTIHOP, {"R01", "R06", "R14", "X01"}),
    "bang": Expected(MULTIHOP, {"R13", "R14"}),
    # the server behind the gateway does not know that the public address is its own
    "nat": Expected(OPEN, EVERYTHING - {"R02"}),
    "nat-courier": Expected(OPEN, SENDERS - {"S04"}),
    # domain literals are off, and odd characters are refused before anything is relayed; a source route just goes
    "exim-open": Expected(OPEN, SENDERS - {"S04"} | {"R10"}),
    "exim-closed": Expected(CLOSED, NOTHING),
    "exim-sender": Expected(OPEN, {"S03"}),
    "exim-single": Expected(OPEN, {"S03"}),
    "exim-percent": Expected(OPEN, {"R01", "R06", "R14", "X01"}),
    "exim-hack": Expected(CLOSED, NOTHING),
    "exim-bounce": Expected(BOUNCES, NOTHING),
    "exim-lose": Expected(LOSES, NOTHING),
    "exim-callout": Expected(OPEN, {"S01", "S02", "S10", "S11", "R10"}),  # nobody at its own name is who we say
    "smtpd-open": Expected(OPEN, SENDERS | {"R10"}),
    "smtpd-closed": Expected(CLOSED, NOTHING),
    "smtpd-sender": Expected(OPEN, {"S03"}),
    "smtpd-bounce": Expected(BOUNCES, NOTHING),
    "smtpd-lose": Expected(LOSES, NOTHING),
    # a doubled @ is a syntax error to it
    "sendmail-open": Expected(OPEN, EVERYTHING - {"R08"}),
    "sendmail-closed": Expected(CLOSED, NOTHING),
    # its own address literal counts as local
    "sendmail-sender": Expected(OPEN, {"S03", "S04"}),
    "sendmail-access": Expected(OPEN, {"S03", "S04"}),
    "sendmail-bounce": Expected(BOUNCES, NOTHING),
    "sendmail-lose": Expected(LOSES, NOTHING),
    "courier-open": Expected(OPEN, SENDERS - {"S04"}),
    "courier-closed": Expected(CLOSED, NOTHING),
    "courier-bounce": Expected(BOUNCES, NOTHING),
    "courier-percent": Expected(OPEN, {"R01", "R02", "R08", "X01"}),
}


class Voyage:
    """What the tester found out about every member: a first visit, a second where it was put off, a second run."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.runs: dict[str, Examination] = {}
        self.seconds: dict[str, Examination] = {}
        self.first: dict[str, Judgement] = {}
        self.first_outcomes: dict[str, dict[str, Outcome]] = {}
        self.findings: list[str] = []
        self.probes: list[tuple[Examination, str]] = []

    async def sail(self) -> None:
        async with Examiner() as examiner:
            self.findings, self.probes = examiner.findings, examiner.probes
            self.runs = {host: examiner.run(self.lab.hosts[host][0]) for host in MEMBERS}
            await examiner.visit_all(self.runs.values())
            self.first = {host: run.judgement(final=False) for host, run in self.runs.items()}
            self.first_outcomes = {host: run.outcomes for host, run in self.runs.items()}
            await examiner.visit_all([run for run in self.runs.values() if run.vectors(RETRY)])
            self.seconds = {
                host: examiner.run(str(self.runs[host].address)) for host in MEMBERS if self.first[host].confirm
            }
            await examiner.visit_all(self.seconds.values())

    def probed(self, run: Examination) -> set[str]:
        """The vectors whose sender or recipient somebody asked for without sending a message."""
        return {vector for probed, vector in self.probes if probed is run}

    def judgement(self, host: str) -> Judgement:
        """The last word on this member."""
        if host in self.seconds:
            return self.seconds[host].judgement(earlier_other=1)
        return self.runs[host].judgement()


@pytest.fixture(scope="module")
def voyage(lab: Lab) -> Iterator[Voyage]:
    build(lab)
    result = Voyage(lab)
    with lab.inside("us"):
        asyncio.run(result.sail())
    yield result
    print("\n".join(result.findings))


def test_every_member_is_expected_to_be_something() -> None:
    assert FLEET.keys() == MEMBERS.keys()


@pytest.mark.parametrize("host", FLEET)
def test_each_server_gets_its_verdict_by_the_forms_that_it_lets_through(voyage: Voyage, host: str) -> None:
    run, expected = voyage.runs[host], FLEET[host]
    judgement = voyage.judgement(host)
    assert (judgement.verdict, run.delivered) == expected, (judgement, run.outcomes, run.replies)
    assert judgement.final
    assert judgement.verdict is not CLOSED or run.control is Control.ACCEPTED


def test_no_letter_that_was_refused_ever_came_back(voyage: Voyage) -> None:
    assert not [finding for finding in voyage.findings if "FORGED" in finding or "TOKEN_SEEN" in finding]


def test_what_debian_ships_as_postfix_is_closed_although_it_says_later(voyage: Voyage) -> None:
    run = voyage.runs["postfix-closed"]
    assert run.vectors({Outcome.RCPT_DENIED_SOFT}) == EVERYTHING | {"S12"}
    assert run.replies["S01"].startswith("454 4.7.1 ")
    assert run.visits == 2


def test_greylisting_ends_when_we_come_again_with_the_same_letters(voyage: Voyage) -> None:
    assert {outcome for vector, outcome in voyage.first_outcomes["postgrey"].items() if vector in EVERYTHING} == {
        Outcome.RCPT_4XX
    }
    assert voyage.first["postgrey"].verdict is Verdict.INCONCLUSIVE
    assert not voyage.first["postgrey"].final
    assert voyage.runs["postgrey"].visits == 2


@pytest.mark.parametrize("host", TWO_MACHINES)
def test_the_way_over_two_servers_is_seen_and_confirmed(voyage: Voyage, host: str) -> None:
    (back,) = voyage.lab.hosts[f"{host}-out"]
    for run in (voyage.runs[host], voyage.seconds[host]):
        assert run.outputs == {back}
        assert run.delivered == run.vectors({Outcome.DELIVERED_OTHER}) == FLEET[host].vectors
    assert voyage.first[host].verdict is Verdict.INCONCLUSIVE
    assert voyage.first[host].confirm


def test_no_other_member_needs_a_second_run(voyage: Voyage) -> None:
    assert voyage.seconds.keys() == set(TWO_MACHINES)


@pytest.mark.parametrize("host", ["chain", "nat"])
def test_the_headers_do_not_betray_the_input_of_a_hidden_server(voyage: Voyage, host: str) -> None:
    """Only our own record of who was given which letter leads back to the address that we spoke to."""
    run = voyage.runs[host]
    received = [hop.raw for hop in hops(run.letters["S01"])]
    assert received
    if host == "nat":
        assert OUTER in received[0]  # the gateway, as the server sees it
        assert not [field for field in received if str(run.address) in field]
    else:
        assert str(run.address) in received[0]  # the appliance is named by the server behind it, but is not the output
        assert str(run.address) not in run.outputs


def test_a_server_that_wants_tls_gets_it(voyage: Voyage) -> None:
    assert {Flag.TLS_NEEDED, Flag.TLS_USED} <= voyage.runs["postfix-tls"].flags


def test_asking_our_own_mx_for_the_sender_is_answered(voyage: Voyage) -> None:
    run = voyage.runs["exim-callout"]
    assert {"S01", "S10"} <= voyage.probed(run)
    assert "S03" not in run.delivered


def test_an_exim_that_expands_percents_before_its_checks_is_no_relay(voyage: Voyage) -> None:
    assert voyage.runs["exim-hack"].replies["R01"] == "550 relay not permitted"


def test_senders_that_cannot_be_answered_leave_letters_pending_but_do_not_hide_the_bounces(voyage: Voyage) -> None:
    for host in ("postfix-bounce", "exim-bounce", "smtpd-bounce", "sendmail-bounce", "courier-bounce"):
        run = voyage.runs[host]
        assert "S01" in run.vectors({Outcome.BOUNCED})
        assert "S02" in run.vectors({Outcome.ACCEPTED})
