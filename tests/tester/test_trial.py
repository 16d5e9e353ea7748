"""One test in one room: what is issued is offered, what comes back is folded in, and the judgement is the verdict's."""

from __future__ import annotations

import random as chance
from dataclasses import replace
from hashlib import sha256
from ipaddress import ip_address
from typing import Any

import pytest
from samples import DAY, NOW, RING, SENDER

from tester import canary, vectors
from tester import letter as letters
from tester.bounces.ours import Ours
from tester.fate import Fate
from tester.paths import Path, Tls
from tester.returned import Collected
from tester.smtp import Attempt, Control, Limits, Opening, Outcome, Result, Said, Transcript
from tester.trial import Trial, Vantage, pair_label
from tester.verdict import Finding, Verdict

HOST, OTHER, US = ip_address("192.0.2.1"), ip_address("192.0.2.9"), ip_address("198.51.100.1")
PATH = Path(address=HOST, port=25)
VANTAGE = Vantage(sender=SENDER, source=str(US))
OURS = Ours(names={"mx.example"}, sources={US})
SAID = Said(name="mx.host.example", own="", text=b"mx.host.example ESMTP\n")
FORMS = tuple(form for form in vectors.profile("basic") if not form.stranger)


def opened(*paths: Path) -> Trial:
    """A trial with fresh letters for these paths."""
    trial = Trial(run="run-1", nomination="nomination 1", vantage=VANTAGE, keyring=RING)
    for path in paths:
        trial.issue(path, FORMS, now=NOW, lifetime=7 * DAY, random=chance.Random(f"{path}").randbytes)
    return trial


def tell(trial: Trial, outcome: Outcome, *, control: Control = Control.NOT_RUN, number: int | None = None) -> None:
    """A connection on which every letter, or the one of this number, came to this."""
    told = trial.fates if number is None else [trial.fates[number]]
    results = tuple(
        Result(vector=f.letter.vector, token=f.letter.recipient, outcome=outcome, stage="OK", reply="so", dot_at=1.0)
        for f in told
    )
    trial.take(Transcript(target=str(HOST), port=25, source="", started=NOW, results=results, control=control))


def come_back(
    trial: Trial, *, number: int = 0, peer: Any = HOST, token: str = "", message: bytes = b"", after: float = 10.0
) -> Finding:
    letter = trial.fates[number].letter
    written = letters.write(
        letter, proof=letters.proof(RING, letter), sender=SENDER, nomination="", date=NOW, mail_to="r@c.example"
    )
    collected = Collected(
        peer=peer,
        peer_port=1025,
        local="192.0.2.25:25",
        tls=False,
        helo="x",
        mail_raw=b"",
        rcpt_raw=b"",
        mail_from="",
        recipient=token or letter.recipient,
        domain="c.example",
        message=message or written,
        received_at=NOW + after,
    )
    return trial.receive(collected, ours=OURS, window=2 * DAY).finding


BOUNCE = (
    b"From: mailer-daemon@host.example\r\nSubject: Undelivered mail returned\r\n"
    b"Content-Type: multipart/report; boundary=b\r\n\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n\r\nAction: failed\r\n"
    b"Final-Recipient: rfc822; %s@c.example\r\nStatus: 5.1.1\r\nRemote-MTA: dns; %s\r\n\r\n--b--\r\n"
)


def bounce(trial: Trial, remote: str, number: int = 0) -> Finding:
    letter = trial.fates[number].letter
    message = BOUNCE % (letter.recipient.encode(), remote.encode())
    return come_back(trial, number=number, token=letter.sender, message=message)


def offered(trial: Trial, path: Path = PATH) -> list[str]:
    return [attempt.vector for attempt in trial.compose(path, SAID, now=NOW)]


def test_every_form_has_a_letter_of_this_run_and_path_and_is_offered_in_order() -> None:
    trial = opened(PATH)
    assert [fate.letter.vector for fate in trial.fates] == [form.id for form in FORMS] == offered(trial)
    for fate in trial.fates:
        assert letters.genuine(RING, fate.letter)
        bound = fate.letter
        assert (bound.address, bound.port, bound.run) == (HOST, 25, "run-1")
        assert (bound.not_before, bound.not_after) == (NOW, NOW + 7 * DAY)
        assert fate == Fate(letter=bound)


def test_a_run_that_is_taken_up_again_offers_the_very_same_letters() -> None:
    first = opened(PATH)
    again = opened()
    again.take_up(PATH, first.fates)

    def shown(attempt: Attempt) -> tuple[bytes, bytes, bytes]:
        return attempt.mail, attempt.rcpt, attempt.write()

    assert [shown(a) for a in again.compose(PATH, SAID, now=NOW)] == [
        shown(a) for a in first.compose(PATH, SAID, now=NOW)
    ]


@pytest.mark.parametrize("outcome", [Outcome.RCPT_4XX, Outcome.UNTRIED])
def test_on_a_second_visit_only_what_is_open_is_offered(outcome: Outcome) -> None:
    trial = opened(PATH)
    tell(trial, Outcome.RCPT_5XX)
    assert offered(trial) == []
    trial = opened(PATH)
    tell(trial, Outcome.RCPT_5XX, number=0)
    tell(trial, outcome, number=1)
    assert offered(trial) == [form.id for form in FORMS[1:]]


@pytest.mark.parametrize(
    "other", [replace(PATH, port=587), replace(PATH, tls=Tls.OFFERED), replace(PATH, address=ip_address("2001:db8::1"))]
)
def test_several_ways_into_one_host_have_letters_of_their_own_in_one_test(other: Path) -> None:
    """What comes back over one of them convicts the host."""
    trial = opened(PATH, other)
    assert len(trial.fates) == 2 * len(FORMS)
    tokens = [{a.token for a in trial.compose(path, SAID, now=NOW)} for path in (PATH, other)]
    assert tokens[0].isdisjoint(tokens[1])
    assert {len(each) for each in tokens} == {len(FORMS)}
    approach = trial.approach(other, limits=Limits())
    assert approach.path is other
    assert approach.bounce_address.partition("@")[0] == trial.fates[len(FORMS)].letter.sender
    assert come_back(trial, number=len(FORMS), peer=other.address) is Finding.DELIVERED_SAME
    assert judged(trial).verdict is Verdict.OPEN


def test_the_approach_bears_the_vantages_names_and_the_sender_of_the_first_letter() -> None:
    trial = opened(PATH)
    limits = Limits(connect=1.0)
    approach = trial.approach(PATH, limits=limits, nonsense="nobody", ask_own=True)
    assert approach.path is PATH
    assert (approach.source, approach.helo) == (str(US), SENDER.helo)
    assert approach.bounce_address == f"{trial.fates[0].letter.sender}@{SENDER.bounce_domain}"
    assert (approach.limits, approach.nonsense, approach.ask_own) == (limits, "nobody", True)
    assert opened().approach(PATH, limits=limits).bounce_address == f"postmaster@{SENDER.bounce_domain}"


def test_a_vantage_is_known_by_its_names_and_its_address_in_lower_case() -> None:
    sender = replace(SENDER, helo="Probe.Example", service="Relay Watch")
    names = {"probe.example", "relay watch", SENDER.bounce_domain}
    assert Vantage(sender=sender).names == names
    assert Vantage(sender=sender, source=str(US)).names == names | {str(US)}


def test_what_is_issued_is_handed_back_so_that_it_can_be_filed() -> None:
    trial = Trial(run="run-1", nomination="", vantage=VANTAGE, keyring=RING)
    issued = trial.issue(PATH, FORMS, now=NOW, lifetime=DAY, random=chance.Random(1).randbytes)
    assert issued == [fate.letter for fate in trial.fates]
    assert len(issued) == len(FORMS)


def test_what_nobody_has_told_is_neither_offered_nor_asked() -> None:
    trial = Trial(run="run-1", nomination="", vantage=VANTAGE, keyring=RING)
    trial.issue(PATH, vectors.CATALOGUE.values(), now=NOW, lifetime=DAY, random=chance.Random(1).randbytes)
    why = " ".join(attempt.skip for attempt in trial.compose(PATH, SAID, now=NOW))
    assert "a domain of ours that has the server for a second MX" in why
    assert "a domain that the server takes mail for" in why
    approach = trial.approach(PATH, limits=Limits())
    assert (approach.nonsense, approach.ask_own) == ("", False)
    assert trial.control_reply == ""


def test_the_verdict_is_asked_with_all_that_was_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, Any]] = []
    monkeypatch.setattr("tester.trial.judge", lambda *seen, **more: asked.append((seen, more)))
    trial = opened(PATH)
    tell(trial, Outcome.RCPT_5XX, control=Control.REFUSED)
    trial.control_reply = "550 no"
    judged(trial)
    assert asked == [
        (
            (trial.outcomes,),
            {
                "control": Control.REFUSED,
                "control_reply": "550 no",
                "replies": {form.id: "so" for form in FORMS},
                "us": VANTAGE.names,
                "apart": False,
                "profile": "standard",
                "window_closed": False,
                "retries_left": True,
                "earlier_other": 0,
                "unreachable_before": 0,
            },
        )
    ]


def test_another_vantage_has_another_name_wording_source_and_signature() -> None:
    sender = replace(SENDER, helo="second.example", service="Second", collector_domain="c2.example")
    second = Vantage(sender=sender, source="198.51.100.2", sign=lambda message: b"Signed: yes\r\n" + message)
    trial = Trial(run="r", nomination="", vantage=second, keyring=RING)
    trial.issue(PATH, FORMS[:1], now=NOW, lifetime=DAY, random=chance.Random(1).randbytes)
    [attempt] = trial.compose(PATH, SAID, now=NOW)
    assert attempt.write().startswith(b"Signed: yes\r\n")
    assert b"made by Second" in attempt.write().replace(b"\r\n", b" ")
    assert attempt.rcpt.endswith(b"@c2.example>")
    assert trial.approach(PATH, limits=Limits()).helo == "second.example"
    assert trial.approach(PATH, limits=Limits()).source == "198.51.100.2"


def test_forms_that_are_off_and_names_that_are_known_reach_the_attempts() -> None:
    trial = Trial(
        run="r",
        nomination="nomination 4711",
        vantage=replace(VANTAGE, collectors=(ip_address("198.51.100.7"),)),
        keyring=RING,
        off={"S01"},
        served_domain="served.example",
        mx_domain="second.example",
    )
    trial.issue(PATH, vectors.profile("full"), now=NOW, lifetime=DAY, random=chance.Random(1).randbytes)
    attempts = {a.vector: a for a in trial.compose(PATH, replace(SAID, own="own.example"), now=NOW)}
    assert attempts["S01"].skip == "This form is switched off."
    everything = b" ".join(a.mail + a.rcpt for a in attempts.values())
    for name in (
        b"served.example",
        f"@{pair_label('r', HOST)}.second.example>".encode(),
        b"[198.51.100.7]",
        b"@own.example",
        b"mx.host.example",
        b"[192.0.2.1]",
    ):
        assert name in everything
    assert b"Nomination: nomination 4711." in attempts["S02"].write() or b"nomination 4711" in b"".join(
        a.write() for a in attempts.values()
    )


def judged(trial: Trial, *, closed: bool = False, **more: Any) -> Any:
    return trial.judge(profile="standard", window_closed=closed, retries_left=not closed, **more)


def test_a_letter_that_comes_back_while_we_talk_is_proven_before_the_conversation_has_told_of_it() -> None:
    trial = opened(PATH)
    assert not trial.proven
    assert come_back(trial) is Finding.DELIVERED_SAME
    assert trial.proven
    assert trial.output_addresses == {HOST}
    assert trial.outcomes[0] == (FORMS[0].id, Outcome.DELIVERED_SAME)
    tell(trial, Outcome.ACCEPTED)
    assert trial.outcomes[0][1] is Outcome.DELIVERED_SAME
    assert come_back(trial, peer=OTHER) is Finding.REPEATED
    assert trial.output_addresses == {HOST}
    assert judged(trial).verdict is Verdict.OPEN


def test_no_bounce_overwrites_a_bounce_by_us_nor_a_delivery() -> None:
    trial = opened(PATH)
    tell(trial, Outcome.ACCEPTED)
    assert bounce(trial, "elsewhere.example") is Finding.BOUNCED
    assert bounce(trial, "mx.example") is Finding.BOUNCED_BY_US
    assert trial.outcomes[0][1] is Outcome.BOUNCED_BY_US
    other_order = opened(PATH)
    tell(other_order, Outcome.ACCEPTED)
    bounce(other_order, "mx.example")
    assert other_order.outcomes[0][1] is Outcome.BOUNCED_BY_US
    bounce(other_order, "elsewhere.example")
    assert other_order.outcomes == trial.outcomes
    come_back(trial, peer=OTHER)
    bounce(trial, "elsewhere.example")
    assert trial.outcomes[0][1] is Outcome.DELIVERED_OTHER


def test_a_bounce_tells_what_became_of_a_letter_whose_reply_was_lost() -> None:
    trial = opened(PATH)
    tell(trial, Outcome.TIMEOUT)
    bounce(trial, "elsewhere.example")
    assert trial.outcomes[0][1] is Outcome.BOUNCED


def test_what_is_accepted_is_pending_until_it_comes_to_something() -> None:
    trial = opened(PATH)
    assert not trial.pending
    tell(trial, Outcome.ACCEPTED, number=0)
    assert trial.pending
    assert judged(trial).verdict is Verdict.INCONCLUSIVE
    assert judged(trial, closed=True).verdict is Verdict.ACCEPTS_LOSES
    bounce(trial, "elsewhere.example")
    assert not trial.pending


def test_a_dot_that_went_out_before_the_message_came_is_known_to_the_weighing() -> None:
    """A message from before our dot is no letter of ours."""
    trial = opened(PATH)
    fate = trial.fates[0]
    result = Result(vector="S01", token=fate.letter.recipient, outcome=Outcome.ACCEPTED, stage="OK", dot_at=60.0)
    trial.take(Transcript(target=str(HOST), port=25, source="", started=NOW, results=(result,)))
    assert come_back(trial) is Finding.FORGED


def test_a_letter_that_takes_longer_than_the_window_is_late() -> None:
    trial = opened(PATH)
    assert come_back(trial, after=3 * DAY) is Finding.DELIVERED_SAME_LATE
    assert come_back(trial, after=10.0) is Finding.REPEATED


def test_a_form_that_harms_the_software_that_greets_us_is_left_out() -> None:
    trial = Trial(run="r", nomination="", vantage=VANTAGE, keyring=RING)
    trial.issue(PATH, vectors.profile("standard"), now=NOW, lifetime=DAY, random=chance.Random(1).randbytes)
    domino = Said(name="x.example", own="", text=b"x.example ESMTP Service (Lotus Domino Release 8.5) ready\n")
    assert [a.vector for a in trial.compose(PATH, domino, now=NOW) if a.skip]
    assert not [a.vector for a in trial.compose(PATH, SAID, now=NOW) if a.skip]


def test_a_letter_bears_the_date_of_its_writing() -> None:
    assert all(
        b"Date: Thu, 16 Nov 2023 22:13:20" in a.write() for a in opened(PATH).compose(PATH, SAID, now=NOW + DAY * 2)
    )


def test_a_message_for_nobody_changes_nothing() -> None:
    trial = opened(PATH)
    before = trial.fates
    assert come_back(trial, token="postmaster") is Finding.HUMAN
    assert come_back(trial, token="r" * 34) is Finding.FORGED
    assert trial.fates == before
    assert not trial.output_addresses
    stray = Result(vector="S01", token="r" * 34, outcome=Outcome.ACCEPTED, stage="OK")
    trial.take(Transcript(target=str(HOST), port=25, source="", started=NOW, results=(stray,)))
    assert trial.fates == before


def test_a_letter_is_found_by_either_token() -> None:
    trial = opened(PATH)
    fate = trial.fates[1]
    assert trial.find(fate.letter.recipient) is trial.find(fate.letter.sender) is fate
    assert trial.find("postmaster") is None


def test_the_last_control_dialogue_that_was_held_counts() -> None:
    trial = opened(PATH)
    assert trial.control is Control.NOT_RUN
    tell(trial, Outcome.RCPT_5XX, control=Control.ACCEPTED)
    tell(trial, Outcome.RCPT_5XX)
    assert trial.control is Control.ACCEPTED
    assert judged(trial, closed=True).verdict is Verdict.CLOSED
    tell(trial, Outcome.RCPT_5XX, control=Control.REFUSED)
    assert judged(trial, closed=True).verdict is Verdict.REFUSES_TESTER


def test_what_earlier_runs_have_shown_is_judged_with_it() -> None:
    trial = opened(PATH)
    come_back(trial, peer=OTHER)
    assert judged(trial).confirm
    assert judged(trial, earlier_other=1).verdict is Verdict.OPEN_MULTIHOP
    silent = opened(PATH)
    tell(silent, Outcome.CONN_TIMEOUT)
    assert judged(silent, closed=True).verdict is Verdict.INCONCLUSIVE
    assert judged(silent, closed=True, unreachable_before=2).verdict is Verdict.UNREACHABLE
    narrow = opened(PATH)
    tell(narrow, Outcome.RCPT_5XX, control=Control.ACCEPTED)
    assert narrow.judge(profile="basic", window_closed=True, retries_left=False).verdict is Verdict.INCONCLUSIVE


def test_letters_of_somebody_else_bear_his_secrets_and_his_word_counts() -> None:
    theirs = opened(PATH).fates
    proofs = {fate.letter.recipient: "q" * 26 for fate in theirs}
    stranger = letters.Keyring.generate(chance.Random(5).randbytes, NOW)
    trial = Trial(run="run-1", nomination="n", vantage=VANTAGE, keyring=stranger, proofs=proofs)
    trial.take_up(PATH, theirs)
    first = trial.compose(PATH, SAID, now=NOW)[0]
    assert b"q" * 26 in first.write()
    assert trial.told(first.token, Finding.DELIVERED_OTHER, OTHER) and trial.proven
    assert trial.output_addresses == {OTHER}
    assert not trial.told(first.token, Finding.TOKEN_SEEN, US), "a weaker word overwrites a better one"
    assert not trial.told("r" + "x" * 33, Finding.DELIVERED_SAME, US)
    assert trial.output_addresses == {OTHER}


def test_a_name_of_a_test_is_of_one_run_and_one_host() -> None:
    assert pair_label("run-1", HOST) == "t" + sha256(b"run-1 192.0.2.1").hexdigest()[:16]


def test_a_vantage_is_known_by_the_names_of_its_other_stranger_too_and_apart_where_that_ones_letters_go_elsewhere() -> (
    None
):
    assert (VANTAGE.third_domain, VANTAGE.remark, VANTAGE.apart) == ("", "", False)
    for domain, apart in ((SENDER.collector_domain, False), ("elsewhere.example", True)):
        other = Vantage(sender=replace(SENDER, helo="Other.example", collector_domain=domain))
        both = replace(VANTAGE, other=other)
        assert both.names == VANTAGE.names | {"other.example"}
        assert both.apart is apart


def test_canaries_that_come_back_are_read_and_show_no_output() -> None:
    trial = Trial(run="run-1", nomination="nomination 1", vantage=VANTAGE, keyring=RING)
    form = vectors.CATALOGUE[canary.FORM]
    [letter] = trial.issue(PATH, [form], now=NOW, lifetime=7 * DAY, random=chance.Random("c").randbytes)
    tell(trial, Outcome.ACCEPTED)
    assert come_back(trial, message=canary.laid(b"Subject: forged\r\n\r\n")) is not Finding.DELIVERED_SAME
    assert trial.canaries == frozenset(), "nobody has shown that this is the letter"
    written = letters.write(
        letter, proof=letters.proof(RING, letter), sender=SENDER, nomination="", date=NOW, mail_to="r@c.example"
    )
    assert come_back(trial, message=canary.laid(written)) is Finding.DELIVERED_SAME
    assert trial.canaries == canary.flags(canary.laid(written)) != frozenset()
    assert trial.output_addresses == set()


def test_what_somebody_else_has_found_to_be_a_bounce_names_no_output() -> None:
    trial = opened(PATH)
    assert trial.told(trial.fates[0].letter.recipient, Finding.BOUNCED, OTHER)
    assert trial.output_addresses == set()
    assert trial.told(trial.fates[0].letter.recipient, Finding.DELIVERED_OTHER, OTHER)
    assert trial.output_addresses == {OTHER}


@pytest.mark.parametrize(
    ("path", "ours", "source"),
    [
        (PATH, "198.51.100.9", "198.51.100.9"),
        (PATH, None, ""),
        (Path(address=ip_address("2001:db8::1"), port=25), "198.51.100.9", ""),
    ],
)
def test_what_another_stranger_offers_comes_from_its_own_address_where_that_is_of_the_hosts_family(
    path: Path, ours: str | None, source: str
) -> None:
    stranger = Vantage(
        sender=replace(SENDER, helo="post.example.net", bounce_domain="b.other.example"),
        source=ours,
        sign=lambda message: b"Signed: yes\r\n" + message,
        third_domain="third.example",
        remark="another stranger",
    )
    trial = Trial(run="run-1", nomination="", vantage=replace(VANTAGE, other=stranger, remark="we"), keyring=RING)
    forms = [vectors.CATALOGUE[form] for form in ("S01", "S11", "S12")]
    trial.issue(path, forms, now=NOW, lifetime=7 * DAY, random=chance.Random("s").randbytes)
    own, theirs, third = trial.compose(path, SAID, now=NOW)
    assert (own.opening, theirs.opening) == (
        Opening(),
        Opening(source=source, helo=b"post.example.net", remark="another stranger"),
    )
    assert theirs.mail.endswith(b"@b.other.example>") and theirs.write().startswith(b"Signed: yes\r\n")
    assert third.rcpt.endswith(b"@third.example>")
    assert not own.write().startswith(b"Signed")


def test_the_approach_says_as_whom_we_come_and_asks_whether_all_is_taken_unless_it_is_told_not_to() -> None:
    trial = Trial(run="run-1", nomination="", vantage=replace(VANTAGE, remark="we"), keyring=RING)
    approach = trial.approach(PATH, limits=Limits())
    assert (approach.remark, approach.control) == ("we", True)
    assert not trial.approach(PATH, limits=Limits(), control=False).control
