"""Real servers that relay, each for a cause of its own: the verdict, the cause by name, and the advice that closes it.

Each is tested as its owner would have it tested, then set up anew as the advice for that cause and software says (the
very lines of the advice's data, in the very files), and tested once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from clinic import FORMS, Clinic, Consultation
from lab import Lab
from ward import PATIENTS, TWO_MACHINES, Patient, admit, close

from tester.cause import Cause, Software, Sure, advice
from tester.smtp import REFUSED, Outcome
from tester.verdict import Verdict


class Expected(NamedTuple):
    """The form whose letter comes back first, why, how sure that is, whose advice the owner follows, and to what."""

    form: str
    cause: Cause
    sure: Sure = Sure.SURE
    follows: str = ""  #: "": that for its software
    after: Verdict = Verdict.CLOSED


HEADER, NETS = Cause.PROXY_HEADER_BELIEVED, Cause.NETWORKS_TOO_WIDE
WARD = {
    "p-nets": Expected("S01", NETS, Sure.LIKELY),
    "p-sender": Expected("S03", Cause.SENDER_BELIEVED),
    "p-null": Expected("S02", Cause.NULL_SENDER_BELIEVED),
    "p-literal": Expected("H01", Cause.HELO_BELIEVED),
    "p-helo": Expected("H02", Cause.HELO_BELIEVED),
    # takes any name at its domain for the hub, which returns what it does not know: no relay, but no refusal either
    "p-pair": Expected("R01", Cause.ROUTE_HONOURED, after=Verdict.ACCEPTS_BOUNCES),
    "p-xclient": Expected("P03", Cause.XCLIENT_BELIEVED),
    "p-mx": Expected("M01", Cause.MX_BELIEVED),
    "p-header": Expected("P01", HEADER),
    "p-nat": Expected("S01", Cause.CLIENT_ADDRESS_LOST),
    "p-firewall": Expected("S01", Cause.CLIENT_ADDRESS_LOST, follows="nat-firewall"),
    "p-appliance": Expected("S01", Cause.APPLIANCE_TRUSTED),
    "p-customer": Expected("S01", Cause.CUSTOMER_TRUSTED, Sure.LIKELY),
    "p-haproxy": Expected("S01", Cause.CLIENT_ADDRESS_LOST, follows="haproxy"),
    "p-accept": Expected("P01", HEADER, follows="haproxy"),
    "p-nginx": Expected("S01", Cause.CLIENT_ADDRESS_LOST, follows="nginx"),
    "e-nets": Expected("S01", NETS, Sure.LIKELY),
    "e-sender": Expected("S03", Cause.SENDER_BELIEVED),
    "e-helo": Expected("H03", Cause.HELO_BELIEVED),
    "e-percent": Expected("R01", Cause.ROUTE_HONOURED),
    "e-mx": Expected("M01", Cause.MX_BELIEVED),
    "e-cert": Expected("T01", Cause.CERTIFICATE_BELIEVED),
    "s-open": Expected("S01", NETS, Sure.LIKELY),
    "s-sender": Expected("S03", Cause.SENDER_BELIEVED),
    "s-mx": Expected("M01", Cause.MX_BELIEVED),
    "s-loose": Expected("R01", Cause.ROUTE_HONOURED, after=Verdict.ACCEPTS_BOUNCES),
    "o-open": Expected("S01", NETS, Sure.LIKELY),
    "o-sender": Expected("S03", Cause.SENDER_BELIEVED),
    "c-open": Expected("S01", NETS, Sure.LIKELY),
    "c-nat": Expected("S01", Cause.CLIENT_ADDRESS_LOST),
    "c-percent": Expected("R01", Cause.ROUTE_HONOURED),
}
SOFTWARE = {
    "p": Software.POSTFIX,
    "e": Software.EXIM,
    "s": Software.SENDMAIL,
    "o": Software.OPENSMTPD,
    "c": Software.COURIER,
}


class Rounds:
    """What was found at admission, and after the advice was followed."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.before: dict[str, Consultation] = {}
        self.after: dict[str, Consultation] = {}
        self.findings: list[str] = []

    async def make(self, patients: dict[str, Patient]) -> None:
        async with Clinic({host: self.lab.hosts[host][0] for host in patients}) as clinic:
            self.findings = clinic.findings
            self.before = await clinic.consult()
            await asyncio.gather(*(asyncio.to_thread(self._treat, host, patients[host]) for host in patients))
            self.after = await clinic.consult()

    def _treat(self, host: str, patient: Patient) -> None:
        found, expected = self.before[host].cause, WARD.get(host)
        if found is not None and expected is not None:
            follows = expected.follows or found.software
            close(patient, [one for one in advice(found.cause, found.software) if one.setup == follows])


#: The plain form once more, by somebody else of ours: it comes back wherever the plain form does.
SECOND_STRANGER = {"S11", "S12"}


@pytest.fixture(scope="module")
def rounds(lab: Lab) -> Iterator[Rounds]:
    patients = admit(lab)
    result = Rounds(lab)
    with lab.inside("us"):
        asyncio.run(result.make(patients))
    yield result
    print("\n".join(result.findings))


@pytest.mark.parametrize("host", WARD)
def test_every_patient_gets_its_verdict_and_its_cause(rounds: Rounds, host: str) -> None:
    run, expected = rounds.before[host], WARD[host]
    judgement = run.judgement(earlier_other=1)
    multihop = host in TWO_MACHINES
    assert judgement.verdict is (Verdict.OPEN_MULTIHOP if multihop else Verdict.OPEN), (judgement, run.replies)
    assert run.delivered - SECOND_STRANGER == {expected.form}
    found = run.cause
    assert found is not None
    assert (found.cause, found.sure, found.software) == (expected.cause, expected.sure, SOFTWARE[host[0]]), found


@pytest.mark.parametrize("host", WARD)
def test_the_advice_closes_the_real_server(rounds: Rounds, host: str) -> None:
    run, expected = rounds.after[host], WARD[host]
    judgement = run.judgement()
    assert judgement.verdict is expected.after, (judgement, run.outcomes, run.replies)
    assert run.back == []
    tried = {form: outcome for form, outcome in run.outcomes.items() if outcome is not Outcome.SKIPPED}
    returned = {Outcome.BOUNCED} if expected.after is Verdict.ACCEPTS_BOUNCES else set()
    assert set(tried.values()) <= REFUSED | returned, run.replies
    assert {"S01", "P01", "P02", "M01"} <= set(tried)


def test_postfix_trusts_no_certificate_that_we_have_made_ourselves(rounds: Rounds) -> None:
    """permit_tls_all_clientcerts wants one that a trusted authority has signed: it is open to all who can get such a
    one, and we have none to show."""
    run = rounds.before["p-cert"]
    assert run.outcomes["T01"] is Outcome.RCPT_5XX
    assert run.judgement().verdict is Verdict.CLOSED


def test_everybody_of_the_ward_is_expected_and_every_form_is_offered() -> None:
    assert set(WARD) | {"p-cert"} == set(PATIENTS)
    assert {expected.form for expected in WARD.values()} <= set(FORMS)
