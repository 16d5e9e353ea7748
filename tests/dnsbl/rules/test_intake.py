"""Doors refuse with one clear sentence."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Refused
from dnsbl.model import Nomination, ReporterAccount
from dnsbl.rules import intake, targets
from dnsbl.settings import Settings
from dnsbl.vocabulary import Door, Refusal, Tier
from tester.received.chain import Home

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SETTINGS = Settings.model_validate({"tester": {"source_addresses": ["8.8.4.4"]}})


def spam(address: str = "8.8.8.8", *, age: timedelta = timedelta(hours=1), field: str = "Received") -> bytes:
    stamp = format_datetime(NOW - age)
    return (
        f"{field}: from x ([{address}]) by mx.example.org with ESMTP; {stamp}\r\n"
        f"From: a@example.com\r\nDate: {stamp}\r\nSubject: buy\r\n\r\nBuy.\r\n"
    ).encode()


def read(
    address: str = "8.8.8.8",
    *,
    evidence: bytes | None = None,
    reason: str = "",
    door: Door = Door.WEB,
    settings: Settings = SETTINGS,
) -> Nomination:
    return intake.nomination(
        address, door=door, nominator="me", reason=reason, evidence=evidence, settings=settings, now=NOW
    )


def refusal(**asked: object) -> Refused:
    with pytest.raises(Refused) as caught:
        read(**asked)  # type: ignore[arg-type]
    assert str(caught.value).endswith(".")
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_nomination_with_evidence_that_names_the_address_passes() -> None:
    nomination = read(evidence=spam())
    assert nomination.address == ip_address("8.8.8.8")
    assert nomination.evidence == spam()


def test_the_address_is_read_from_the_evidence_when_none_is_typed() -> None:
    assert read("", evidence=spam("9.9.9.9")).address == ip_address("9.9.9.9")


@pytest.mark.parametrize("address", ["mail.example.org", "8.8.8", "8.8.8.0/24", "8.8.8.8:25"])
def test_names_networks_and_ports_are_no_targets(address: str) -> None:
    assert refusal(address=address, evidence=spam()).reason == Refusal.MALFORMED_ADDRESS


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "224.0.0.1", "::1", "64:ff9b::a00:1", "2002:a00:1::"])
def test_special_purpose_addresses_are_never_tested(address: str) -> None:
    assert refusal(address=address, evidence=spam(address)).reason == Refusal.SPECIAL_PURPOSE


def test_our_own_testers_are_never_tested() -> None:
    assert refusal(address="8.8.4.4", evidence=spam("8.8.4.4")).reason == Refusal.OWN_ADDRESS


def test_the_web_asks_for_evidence_and_an_operator_for_a_reason_at_least() -> None:
    assert refusal(reason="bad").reason == Refusal.NO_EVIDENCE
    assert refusal(door=Door.CLI).reason == Refusal.NO_EVIDENCE
    assert read(door=Door.CLI, reason="a customer\ncomplained\x07").reason == "a customer complained"


def test_a_reason_and_a_nominator_are_kept_up_to_their_length() -> None:
    asked = {"door": Door.CLI, "evidence": None, "settings": SETTINGS, "now": NOW}
    nomination = intake.nomination("8.8.8.8", nominator="n" * 150, reason="r" * 600, **asked)
    assert (nomination.nominator, nomination.reason) == ("n" * 100, "r" * 500)


def test_a_request_without_evidence_is_one_case_about_no_message() -> None:
    asked = {"door": Door.CLI, "nominator": "me", "reason": "seen", "evidence": None, "settings": SETTINGS, "now": NOW}
    (case,), total = intake.nominations("8.8.8.8", **asked)
    assert (total, case.where, case.message, case.report) == (1, "", b"", "")
    assert (case.trace, case.line, case.source, case.refused, case.asks) == (None, None, None, None, False)


def test_evidence_may_be_left_out_where_the_policy_says_so() -> None:
    lenient = Settings.model_validate({"policy": {"require_evidence": False}})
    assert read(settings=lenient).evidence is None


def test_nothing_at_all_is_refused() -> None:
    for door in (Door.WEB, Door.CLI):
        refused = refusal(address=" ", reason="seen", door=door)
        assert refused.reason == Refusal.NO_EVIDENCE
        assert str(refused).startswith("An IP address or a spam message")


def account(tier: Tier) -> ReporterAccount:
    return ReporterAccount(name="ann", tier=tier, contact="", made=NOW, hits=0, misses=0, suspended=None, why="")


def test_a_reporter_whom_an_operator_trusts_may_give_a_reason_in_place_of_evidence_and_no_other_one() -> None:
    def said(tier: Tier | None, reason: str, door: Door = Door.API) -> str:
        try:
            ((case,), _) = intake.nominations(
                "8.8.8.8",
                door=door,
                nominator="me",
                reason=reason,
                evidence=None,
                settings=SETTINGS,
                now=NOW,
                account=account(tier) if tier else None,
            )
        except Refused as refused:
            assert refused.reason == Refusal.NO_EVIDENCE
            return str(refused)
        return nominated(case)

    assert said(Tier.TRUSTED, "seen") == "8.8.8.8"
    for tier in (Tier.KNOWN, Tier.NEW, None):
        assert said(tier, "seen").startswith("Show the spam")
    assert said(Tier.TRUSTED, "") == "Give a spam message or a reason for this test."
    assert said(None, "", Door.CLI) == "Give a spam message (--evidence) or a reason (--reason) for this test."


def test_a_nomination_bears_the_name_of_its_reporter_where_he_has_an_account() -> None:
    asked = {"door": Door.API, "nominator": "me", "reason": "", "settings": SETTINGS, "now": NOW, "evidence": spam()}
    for who, name in ((account(Tier.NEW), "ann"), (None, "")):
        ((case,), _) = intake.nominations("", **asked, account=who)
        assert case.nomination is not None and case.nomination.reporter == name


@pytest.mark.parametrize("text", [b"", b"hello\r\nworld\r\n", b"\x00\x01\x02", b"Subject: no trace\r\n\r\nx"])
def test_what_is_no_mail_is_no_evidence(text: bytes) -> None:
    assert refusal(evidence=text).reason == Refusal.NOT_MAIL


def test_of_long_evidence_the_start_is_kept() -> None:
    nomination = read(evidence=spam() + b"x" * SETTINGS.policy.evidence_bytes)
    assert nomination.evidence is not None
    assert len(nomination.evidence) == SETTINGS.policy.evidence_bytes
    assert nomination.evidence.startswith(spam())


def test_old_evidence_is_refused_by_the_date_of_the_newest_received_line() -> None:
    assert refusal(evidence=spam(age=timedelta(days=8))).reason == Refusal.TOO_OLD
    assert read(evidence=spam(age=timedelta(days=6)))
    assert read(evidence=spam(age=timedelta(days=7))), "so old it may be"


def test_evidence_without_any_date_is_judged_by_the_rest() -> None:
    bare = b"Received: from x ([8.8.8.8]) by mx.example.org\nFrom: a@example.com\n\nBuy.\n"
    assert read(evidence=bare)
    dated = bare.replace(b"From:", b"Date: Thu, 1 Jan 2026 00:00:00 +0000\nFrom:")
    assert refusal(evidence=dated).reason == Refusal.TOO_OLD


def dated(received: str, date: str = "") -> bytes:
    """Evidence whose Received line and whose Date say these."""
    line = f"Received: from x ([8.8.8.8]) by mx.example.org{received}\n"
    return f"{line}Date: {date}\nFrom: a@example.com\n\nBuy.\n".encode("latin-1")


OLD, FRESH = "Thu, 1 Jan 2026 00:00:00 +0000", "Sun, 1 Mar 2026 11:00:00 +0000"


def test_a_message_without_received_lines_was_sent_when_it_says() -> None:
    assert intake.sent_at(f"Date: {FRESH}\n\n".encode(), ()) == datetime(2026, 3, 1, 11, tzinfo=UTC)


def test_what_the_reporters_server_says_of_the_time_goes_before_what_the_sender_says() -> None:
    assert read(evidence=dated(f"; {FRESH}", OLD))
    assert refusal(evidence=dated(f"; {OLD}", FRESH)).reason == Refusal.TOO_OLD


def test_a_line_of_the_reporters_side_without_a_date_leaves_that_to_the_next_one() -> None:
    top = b"Received: by store.example.org with LMTP id 1 (envelope-from <a;b@example.com>)\n"
    assert read(evidence=top + dated(f"; {FRESH}", OLD))
    assert refusal(evidence=top + dated(f"; {OLD}", FRESH)).reason == Refusal.TOO_OLD


@pytest.mark.parametrize(
    "rubbish",
    ["yesterday", "", "Fri, 31 Dec 9999 23:59:59 -2359", "Fri, 31 Dec 9999999999999999999 23:59:59 +0000", "\xe9"],
)
def test_a_time_that_cannot_be_read_is_none(rubbish: str) -> None:
    assert read(evidence=dated(f"; {rubbish}", rubbish))
    assert read(evidence=dated("", rubbish))
    assert refusal(evidence=dated(f"; {rubbish}", OLD)).reason == Refusal.TOO_OLD


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland", "America/Los_Angeles"])
def test_times_are_read_in_their_own_zone_whatever_the_machines_is(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        for just, late in (
            ("Sun, 22 Feb 2026 12:00:00 -0000", "Sun, 22 Feb 2026 11:59:59 -0000"),
            ("Sun, 22 Feb 2026 17:00:00 +0500", "Sun, 22 Feb 2026 16:59:59 +0500"),
            ("Sun, 22 Feb 2026 07:00:00 -0500", "Sun, 22 Feb 2026 06:59:59 -0500"),
        ):
            assert read(evidence=dated(f"; {just}"))
            assert refusal(evidence=dated(f"; {late}")).reason == Refusal.TOO_OLD
    time.tzset()


def test_evidence_must_name_the_address() -> None:
    assert refusal(evidence=spam("9.9.9.9")).reason == Refusal.NOT_IN_EVIDENCE
    assert refusal(address="", evidence=spam("10.0.0.1")).reason == Refusal.NOT_IN_EVIDENCE


# -- which line is meant -----------------------------------------------------------------------------------------------
STAMP = format_datetime(NOW)
OWN = "198.51.100.62"
RELAY = "203.0.113.21"
LAB = {"tester": {"lab_networks": ["203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "127.0.0.0/8"]}}


def lab(**policy: object) -> Settings:
    return Settings.model_validate(LAB | {"policy": policy})


def traced(*lines: str, more: str = "") -> bytes:
    received = "".join(f"Received: {line}; {STAMP}\r\n" for line in lines)
    return f"{more}{received}Subject: buy\r\n\r\nBuy.\r\n".encode()


DOUBTFUL = traced(
    f"from mx.mysite.example (mx.mysite.example [{OWN}]) by store.mysite.example (Postfix) with ESMTP id 1",
    f"from relay.victim.example (relay.victim.example [{RELAY}]) by mx.mysite.example (Postfix) with ESMTP id 2",
    "from pc (pc [10.0.0.1]) by relay.victim.example with SMTP id 3",
    "from pc (pc [192.0.2.5]) by relay.victim.example with SMTP id 4",
)


def cases(
    evidence: bytes | None,
    address: str = "",
    *,
    settings: Settings | None = None,
    pick: int | None = None,
    at: Home | None = None,
) -> tuple[intake.Intake, ...]:
    found, total = intake.nominations(
        address,
        door=Door.WEB,
        nominator="me",
        reason="",
        evidence=evidence,
        settings=settings or lab(),
        now=NOW,
        pick=pick,
        at=at,
    )
    assert total == len(found)
    return found


def nominated(case: intake.Intake) -> str:
    assert (case.nomination is None) is (case.refused is not None)
    if case.nomination is None:
        return f"{case.refused.reason}: {case.refused}"  # type: ignore[union-attr]
    return str(case.nomination.address)


def test_where_more_than_one_line_could_be_meant_the_person_is_asked() -> None:
    (case,) = cases(DOUBTFUL)
    assert case.asks
    assert nominated(case) == (
        "which-line: Line 1 (198.51.100.62), line 2 (203.0.113.21) and line 4 (192.0.2.5) could be the hand-over, "
        "since mx.mysite.example and store.mysite.example share a domain: say which is meant."
    )
    assert case.trace is not None and [step.number for step in case.trace.possible] == [1, 2, 4]
    assert case.line is case.trace.used


def test_a_picked_line_is_used_and_no_other_number_is_one() -> None:
    (case,) = cases(DOUBTFUL, pick=2)
    assert nominated(case) == RELAY
    assert case.line is not None and case.line.number == 2
    for number in (0, 3, 5):
        (case,) = cases(DOUBTFUL, pick=number)
        said = f"which-line: Line {number} cannot be the hand-over. Those that could be: Line 1 "
        assert nominated(case).startswith(said)


def test_a_picked_line_and_a_typed_address_must_agree() -> None:
    assert nominated(cases(DOUBTFUL, RELAY, pick=2)[0]) == RELAY
    assert nominated(cases(DOUBTFUL, RELAY, pick=1)[0]) == (
        f"which-line: Line 1 names {OWN}, and {RELAY} was typed: leave one of the two out."
    )


def test_where_no_line_can_be_the_hand_over_a_picked_one_is_none_either() -> None:
    (case,) = cases(traced("from a by mx.mysite.example with SMTP"), pick=1)
    assert nominated(case) == "which-line: Line 1 cannot be the hand-over. Those that could be: none."


def test_a_line_may_be_picked_where_nobody_has_to_be_asked() -> None:
    lines = (f"from a (a [{RELAY}]) by mx", "from b (b [192.0.2.5]) by a")
    assert nominated(cases(traced(*lines))[0]) == RELAY
    assert nominated(cases(traced(*lines), pick=2)[0]) == "192.0.2.5"


@pytest.mark.parametrize(
    "policy",
    [
        {"own_networks": [f"{OWN}/32"]},
        {"own_names": ["mx.mysite.example"]},
        {"own_names": ["*.mysite.example"]},
        {"own_names": [".MySite.example"]},
    ],
)
def test_registered_hosts_are_passed_and_nobody_is_asked(policy: dict[str, list[str]]) -> None:
    (case,) = cases(DOUBTFUL, settings=lab(**policy))
    assert nominated(case) == RELAY


def test_a_reporters_hosts_count_for_that_reporter_alone() -> None:
    settings = lab(reporters=[f"192.0.2.0/24 {OWN}", "Ann .mysite.example", "bob 192.0.2.99 x.example"])
    ann = intake.home(settings, reporter="ann")
    near = intake.home(settings, visitor=ip_address("192.0.2.7"))
    assert (ann.networks, ann.names) == ((), (".mysite.example",))
    assert (near.networks, near.names) == ((ip_network(f"{OWN}/32"),), ())
    for at in (ann, near):
        assert nominated(cases(DOUBTFUL, settings=settings, at=at)[0]) == RELAY
    for at in (
        intake.home(settings),
        intake.home(settings, reporter="bob"),
        intake.home(settings, visitor=ip_address("198.51.100.7")),
        intake.home(settings, visitor=ip_address("2001:db8::7")),
    ):
        assert cases(DOUBTFUL, settings=settings, at=at)[0].asks
    with pytest.raises(Refused) as caught:
        intake.home(settings, reporter="carl")
    assert caught.value.reason == Refusal.UNKNOWN_REPORTER
    assert intake.home(settings, reporter="carl", account=True).names == (), "an account may have no hosts"


@pytest.mark.parametrize(
    ("mine", "names"),
    [
        (" MX_1.MySite.Example ", ("mx_1.mysite.example",)),
        ("", ()),
        ("localhost", ()),
        (".mysite.example", ()),  # which would pass each line of a whole domain
        ("mx.mysite.example mx.other.example", ()),
    ],
)
def test_the_name_that_somebody_gives_for_his_server_is_one_more_of_his_hosts(
    mine: str, names: tuple[str, ...]
) -> None:
    assert intake.home(lab(own_names=["x.example"]), mine=mine).names == ("x.example", *names)
    assert intake.home(lab(), mine=mine).outside == lab().tester.lab_networks


def test_this_lists_own_hosts_count_for_every_reporter() -> None:
    settings = lab(own_networks=[f"{OWN}/32"], own_names=["mx.mysite.example"], reporters=["ann 192.0.2.99"])
    at = intake.home(settings, reporter="ann")
    assert at.networks == (ip_network(f"{OWN}/32"), ip_network("192.0.2.99/32"))
    assert at.names == ("mx.mysite.example",)


def test_a_typed_address_settles_which_line_is_meant() -> None:
    (case,) = cases(DOUBTFUL, RELAY)
    assert nominated(case) == RELAY
    assert case.line is not None and case.line.number == 2


def test_a_typed_address_inside_the_receiving_system_is_refused() -> None:
    lmtp = traced(
        f"from mx.mysite.example ([{OWN}]) by store.mysite.example with LMTP id 1",
        f"from relay.victim.example (relay.victim.example [{RELAY}]) by mx.mysite.example with ESMTP id 2",
    )
    said = nominated(cases(lmtp, OWN)[0])
    assert said == (
        f"not-in-evidence: {OWN} is inside the mail system that received this message: line 1, LMTP, inside one system."
    )
    assert nominated(cases(lmtp, RELAY)[0]) == RELAY


def test_a_laboratorys_own_address_is_inside_where_its_line_says_so() -> None:
    inside = traced("from a ([127.0.0.9]) by store with LMTP", f"from b ([{RELAY}]) by mx.mysite.example")
    assert nominated(cases(inside, "127.0.0.9")[0]).startswith("not-in-evidence: 127.0.0.9 is inside")


def test_a_typed_address_that_is_only_a_claim_is_refused() -> None:
    claimed = traced(f"from a ([{RELAY}] helo=[{OWN}]) by mx.mysite.example with esmtp")
    assert nominated(cases(claimed, OWN)[0]).startswith("not-in-evidence")


def test_a_lab_on_loopback_may_be_typed() -> None:
    assert (
        nominated(cases(traced("from a ([127.0.0.9]) by mx.mysite.example with SMTP"), "127.0.0.9")[0]) == "127.0.0.9"
    )


def test_what_is_no_evidence_asks_for_no_line_and_a_message_that_is_refused_unread_has_no_trace() -> None:
    (case,) = cases(b"Subject: none\r\n\r\nx")
    assert nominated(case).startswith("not-mail")
    assert not case.asks
    forward = (
        traced(f"from a (a [{RELAY}]) by mx").replace(b"Subject: buy", b"Subject: Fwd: buy")
        + b"\r\n---------- Forwarded message ---------\r\nFrom: B <b@example.org>\r\nDate: Mon, 2 Mar 2026\r\n"
        b"Subject: buy\r\nTo: me@example.org\r\n\r\nBuy.\r\n"
    )
    box = b"".join(b"From x@spam.example Wed Nov 25 15:14:13 2026\r\n" + each + b"\r\n" for each in (DOUBTFUL, forward))
    asked, case = cases(box)
    assert asked.asks
    assert nominated(case).startswith("inline-forward")
    assert (case.trace, case.line, case.asks) == (None, None, False)


def test_of_a_message_what_is_kept_is_shown_beside_what_came_of_it() -> None:
    for evidence in (traced(f"from a (a [{RELAY}]) by mx"), b"Subject: none\r\n\r\nx"):
        (case,) = cases(evidence, settings=lab(evidence_bytes=1024))
        assert case.message == evidence
    (case,) = cases(evidence + b"x" * 2000, settings=lab(evidence_bytes=1024))
    assert len(case.message) == 1024


def test_a_chain_that_does_not_tell_says_which_line_does_not() -> None:
    silent = traced("from a by mx.mysite.example with SMTP", f"from b ([{RELAY}]) by a")
    assert nominated(cases(silent)[0]) == (
        "not-in-evidence: The Received lines do not tell who handed the message in: line 1 names no address, so "
        "nothing below it can be trusted."
    )
    assert nominated(cases(silent, RELAY)[0]) == RELAY
    behind = traced(f"from mx ([{OWN}]) by store with LMTP", "from a by mx.mysite.example with SMTP")
    assert ": line 2 names no address" in nominated(cases(behind)[0])


def test_a_message_that_was_sent_on_as_it_was_is_asked_about() -> None:
    lines = (f"from a (a [{OWN}]) by mx.mysite.example", f"from b (b [{RELAY}]) by mx.partner.example")
    said = nominated(cases(traced(*lines, more="Resent-From: x@partner.example\r\n"))[0])
    assert said.startswith(f"which-line: Line 1 ({OWN}) and line 2 ({RELAY}) could be the hand-over, since somebody")
    assert said.endswith("(Resent-From): say which is meant.")
    assert nominated(cases(traced(*lines[:1], more="Resent-From: x@partner.example\r\n"))[0]) == OWN


@pytest.mark.parametrize(
    ("field", "since"),
    [
        ("Return-Path: <SRS0=aB1c=XY=b.example=x@forwarder.example>", "(Return-Path)"),
        ("Return-Path: <bounces+SRS=aB1c=XY@tenant.example>", "(Return-Path)"),
        ("Return-Path: <me+caf_=you=mysite.example@b.example>", "(Return-Path)"),
        ("List-Id: Talk <talk.lists.partner.example>", "a list of partner.example"),
        ("Mailing-List: contact talk-help@partner.example; run by ezmlm", "a list of partner.example"),
        ("Return-Path: <SRS0=aB1c=XY=b.example=x@store.mysite.example>", ""),
        ("Return-Path: <x+srs0=y@b.example>", ""),
        ("List-Id: Talk <talk.lists.b.example>", ""),
        ("List-Unsubscribe: <https://partner.example/>", ""),
    ],
)
def test_a_message_that_a_forwarder_or_a_list_has_sent_on_is_asked_about(field: str, since: str) -> None:
    lines = (
        f"from mx.partner.example (mx.partner.example [{OWN}]) by mx.mysite.example with ESMTP id 1",
        f"from b (b [{RELAY}]) by mx.partner.example with ESMTP id 1",
    )
    said = nominated(cases(traced(*lines, more=f"{field}\r\n"))[0])
    assert since in said if since else said == OWN
    assert nominated(cases(traced(*lines[:1], more=f"{field}\r\n"))[0]) == OWN


@pytest.mark.parametrize("spelling", [f"::ffff:{RELAY}", f"64:ff9b::{RELAY}"])
def test_who_is_named_in_the_form_of_a_translator_is_the_host_behind_it(spelling: str) -> None:
    mail = traced(f"from a (a [IPv6:{spelling}]) by mx.mysite.example")
    assert nominated(cases(mail)[0]) == RELAY
    assert nominated(cases(mail, f"::ffff:{RELAY}")[0]) == RELAY
    assert nominated(cases(mail, RELAY, pick=1)[0]) == RELAY
    assert nominated(cases(reported(spelling, mail))[0]) == RELAY


def test_a_trace_that_is_asked_about_is_not_shown_as_sure() -> None:
    lines = (f"from a (a [{OWN}]) by mx.mysite.example", f"from b (b [{RELAY}]) by mx.partner.example")
    for more in ("Resent-From: x@partner.example\r\n", ""):
        (case,) = cases(traced(*lines, more=more))
        assert case.trace is not None
        assert (case.trace.sure, bool(case.trace.doubt), case.asks) == (not more, bool(more), bool(more))


@pytest.mark.parametrize(
    ("field", "asks"),
    [
        ("List-Post: <mailto:talk@lists.club.example>", True),
        ("Mailing-List: contact talk-help@club.example; run by ezmlm", True),
        ("X-BeenThere: talk@club.example", True),
        ("List-Id: News <news.club.example>", False),
    ],
)
def test_a_program_for_lists_is_known_under_a_name_of_another_domain(field: str, asks: bool) -> None:
    """A list's domain is often not that of the machine that sends for it; a newsletter has a List-Id as well."""
    lines = (
        f"from host7.provider.example (host7.provider.example [{OWN}]) by mx.mysite.example with ESMTP id 1",
        f"from b (b [{RELAY}]) by host7.provider.example with ESMTP id 1",
    )
    said = nominated(cases(traced(*lines, more=f"{field}\r\n"))[0])
    assert "a list of provider.example may have sent it on" in said if asks else said == OWN
    elsewhere = (lines[0], f"from b (b [{RELAY}]) by mx.other.example with ESMTP id 1")
    assert nominated(cases(traced(*elsewhere, more=f"{field}\r\n"))[0]) == OWN


@pytest.mark.parametrize(
    ("above", "below", "other"),
    [
        ("", "Delivered-To: joe@alumni.example", "joe@alumni.example"),
        ("", "X-Original-To: joe@alumni.example", "joe@alumni.example"),
        ("", "Delivered-To: mailing list talk@alumni.example", "talk@alumni.example"),
        ("", "Envelope-to: alias-club-joe@alumni.example", "alias-club-joe@alumni.example"),
        ("", "X-Forwarded-For: joe@alumni.example me@mysite.example", "joe@alumni.example"),
        ("Delivered-To: me@mysite.example", "Delivered-To: joe@alumni.example", "joe@alumni.example"),
        ("Delivered-To: joe@alumni.example", "", ""),
        ("Delivered-To: joe@alumni.example", "Delivered-To: joe@alumni.example", ""),
        ("", "Delivered-To: info@mysite.example", ""),
        ("", "Delivered-To: You@Home.example", ""),
        ("", "X-Forwarded-For: 192.0.2.1", ""),
    ],
)
def test_a_mailbox_that_is_named_below_the_hand_over_is_one_whose_mail_may_be_passed_on(
    above: str, below: str, other: str
) -> None:
    """Servers name the mailbox that they deliver to above their own lines (RFC 9228): what stands below the line of the
    reporter's server is somebody else's delivery, or a forgery."""
    lines = (
        f"Received: from fwd.alumni.example ([{OWN}]) by mx.mysite.example for <you@home.example>; {STAMP}",
        f"Received: from b (b [{RELAY}]) by fwd.alumni.example with ESMTP id 1; {STAMP}",
        "Subject: buy",
    )
    fields = filter(None, (above, lines[0], below, *lines[1:]))
    said = nominated(cases("\r\n".join((*fields, "", "Buy.")).encode())[0])
    assert (
        f"since it had come to another mailbox, {other}, whose mail may be passed on" in said if other else said == OWN
    )


@pytest.mark.parametrize(
    ("field", "asks"),
    [
        ("Envelope-To", False),
        ("X-Envelope-To", False),
        ("X-Forwarded-For", True),
        ("X-Ms-Exchange-Inbox-Rules-Loop", True),
        ("X-Redirected-From", True),
        ("X-Sieve-Redirected-From", True),
        ("X-Simplelogin-Envelope-To", True),
    ],
)
def test_a_mailbox_below_all_lines_is_where_some_servers_write_their_own(field: str, asks: bool) -> None:
    lines = (f"from a.example (a.example [{RELAY}]) by mx.provider.example", "from b (b [192.0.2.5]) by a.example")
    mail = traced(*lines).replace(b"Subject: buy", f"{field}: <me@mysite.example>\r\nSubject: buy".encode())
    said = nominated(cases(mail)[0])
    assert said.endswith(f"({field}): say which is meant.") if asks else said == RELAY


def test_a_message_whose_subject_alone_says_that_it_is_a_forward_is_asked_about() -> None:
    spam = traced(f"from a (a [{RELAY}]) by mx.mysite.example").replace(b"Subject: buy", b"Subject: Fwd: buy")
    assert nominated(cases(spam)[0]).startswith(
        "which-line: Line 1 (203.0.113.21) could be the hand-over, since its subj"
    )
    assert nominated(cases(spam, pick=1)[0]) == RELAY
    assert nominated(cases(spam, RELAY)[0]) == RELAY


def reported(source: str, message: bytes, kind: str = "abuse") -> bytes:
    return (
        f"Received: from fbl (fbl [{OWN}]) by mx.mysite.example; {STAMP}\r\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nSource-IP: {source}\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\n"
    ).encode() + message


def test_a_report_that_agrees_with_the_trace_is_taken() -> None:
    (case,) = cases(reported(RELAY, traced(f"from a (a [{RELAY}]) by mx")))
    assert (nominated(case), case.report, str(case.source)) == (RELAY, "ARF", RELAY)


def test_a_report_that_disagrees_with_the_trace_is_asked_about_and_both_are_shown() -> None:
    (case,) = cases(reported("192.0.2.5", traced(f"from a (a [{RELAY}]) by mx", "from b (b [192.0.2.5]) by a")))
    assert nominated(case) == (
        "which-line: The report names 192.0.2.5 as its source, and line 1 of the message 203.0.113.21: say which "
        "line is meant."
    )
    elsewhere = reported("192.0.2.77", traced(f"from a (a [{RELAY}]) by mx"))
    assert cases(elsewhere)[0].asks
    assert nominated(cases(elsewhere, pick=1)[0]) == RELAY


def test_a_report_settles_what_the_trace_leaves_open() -> None:
    assert nominated(cases(reported(RELAY, DOUBTFUL))[0]) == RELAY
    assert nominated(cases(reported(OWN, DOUBTFUL))[0]) == OWN
    assert cases(reported("192.0.2.77", DOUBTFUL))[0].asks, "and nothing that no line says"


def test_of_several_messages_each_is_judged_by_itself() -> None:
    separator = b"From x@spam.example Wed Nov 25 15:14:13 2026\r\n"
    box = b"".join(
        separator + each + b"\r\n"
        for each in (traced(f"from a (a [{RELAY}]) by mx"), DOUBTFUL, b"Subject: none\r\n\r\n")
    )
    first, second, third = cases(box)
    assert (first.where, nominated(first)) == ("message 1 of 3", RELAY)
    assert second.asks
    assert nominated(third).startswith("not-mail")
    with pytest.raises(Refused, match="these are 3"):
        cases(box, pick=1)
    with pytest.raises(Refused, match="these are 3"):
        read("", evidence=box)
    assert [nominated(case).partition(":")[0] for case in cases(box, RELAY)] == [RELAY, RELAY, "not-mail"]


def test_two_messages_are_one_too_many_for_a_picked_line_and_for_a_request_about_one() -> None:
    box = b"".join(
        b"From x@spam.example Wed Nov 25 15:14:13 2026\r\n" + each + b"\r\n" for each in (DOUBTFUL, DOUBTFUL)
    )
    with pytest.raises(Refused, match="these are 2") as caught:
        cases(box, pick=1)
    assert caught.value.reason == Refusal.WHICH_LINE
    assert refusal(address="", evidence=box).reason == Refusal.NOT_MAIL


def test_more_messages_than_are_taken_are_counted() -> None:
    separator = b"From x@spam.example Wed Nov 25 15:14:13 2026\r\n"
    box = (separator + traced(f"from a (a [{RELAY}]) by mx") + b"\r\n") * 5
    for door, who, most, times, taken in (
        (Door.WEB, None, 2, 1, 2),
        (Door.CLI, None, 2, 1, 2),
        (Door.WEB, None, 50, 3, 10),
        (Door.API, account(Tier.NEW), 50, 3, 15),
        (Door.CLI, None, 50, 3, 15),
    ):
        found, total = intake.nominations(
            "",
            door=door,
            nominator="me",
            reason="",
            evidence=box * times,
            settings=lab(evidence_messages=most),
            now=NOW,
            account=who,
        )
        assert (len(found), total) == (taken, 5 * times)


def test_an_address_that_the_evidence_names_and_nobody_may_test_is_refused() -> None:
    (case,) = cases(traced("from a (a [203.0.113.9]) by mx"), settings=SETTINGS)
    assert nominated(case).startswith("special-purpose")


@given(st.text(max_size=70), st.one_of(st.none(), st.binary(max_size=300)), st.text(max_size=600))
def test_no_input_does_anything_but_pass_or_be_refused(address: str, evidence: bytes | None, reason: str) -> None:
    try:
        nomination = read(address, evidence=evidence, reason=reason, door=Door.CLI)
    except Refused as refused:
        assert str(refused)
    else:
        assert len(nomination.reason) <= targets.REASON_MOST


# -- what comes to a trap ----------------------------------------------------------------------------------------------
def trap(message: bytes, **policy: object) -> intake.Intake:
    return intake.trapped(message, nominator="n" * 150, reason="a\x07b", settings=lab(**policy), now=NOW)


def test_what_comes_to_a_trap_nominates_who_handed_it_in_and_asks_nobody() -> None:
    case = trap(DOUBTFUL)
    assert case.nomination == Nomination(
        address=ip_address(OWN), door=Door.TRAP, nominator="n" * 100, reason="a b", evidence=DOUBTFUL
    )
    assert case.line is not None and case.line.number == 1
    assert (case.where, case.refused, case.trace, case.message, case.asks) == ("", None, None, DOUBTFUL, False)


@pytest.mark.parametrize(
    ("message", "reason", "line"),
    [
        (traced("from a by mx.mysite.example with SMTP"), Refusal.NOT_IN_EVIDENCE, False),
        (b"Subject: none\r\n\r\nx", Refusal.NOT_MAIL, False),
        (traced("from a ([8.8.8.8]) by mx").replace(b"2026", b"2025"), Refusal.TOO_OLD, False),
        (traced("from a ([224.0.0.9]) by mx"), Refusal.SPECIAL_PURPOSE, True),
    ],
)
def test_a_trap_nominates_nobody_where_nobody_is_told_or_may_be_tested(
    message: bytes, reason: Refusal, line: bool
) -> None:
    case = trap(message)
    assert case.refused is not None and case.refused.reason is reason
    assert (case.nomination, case.trace, case.message, case.line is not None) == (None, None, message, line)


def test_of_a_long_message_to_a_trap_the_start_is_kept() -> None:
    case = trap(DOUBTFUL + b"x" * 2000, evidence_bytes=1024)
    assert case.nomination is not None and case.nomination.evidence == case.message
    assert len(case.message) == 1024
