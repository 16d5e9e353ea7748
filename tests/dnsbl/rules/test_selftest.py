"""Self-tests without the store: tokens, ports, ways in, results and limits."""

from __future__ import annotations

import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.errors import Refused
from dnsbl.model import Job, PathReport, Run, SelfTest
from dnsbl.rules import selftest
from dnsbl.settings import Settings
from dnsbl.vocabulary import JobReason, JobState, Refusal, RunState
from tester.fate import Fate
from tester.letter import Letter
from tester.paths import Path, Tls
from tester.smtp import Outcome
from tester.verdict import Finding, Verdict

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HERE, OTHER = ip_address("192.0.2.25"), ip_address("2001:db8::25")
KEY = b"k" * 32


def refusal(error: pytest.ExceptionInfo[Refused]) -> str:
    assert str(error.value).endswith(".")
    return error.value.reason


@given(st.ip_addresses(), st.integers(0, 600))
def test_a_token_shows_its_address_for_its_time(address: object, age: int) -> None:
    made = selftest.token(address, key=KEY, until=NOW + timedelta(seconds=600))  # type: ignore[arg-type]
    assert made.isalnum() and made == made.lower() and len(made) <= 52
    assert selftest.shown(f" {made.upper()}\n", keys=[b"old", KEY], now=NOW + timedelta(seconds=age)) == address


def test_a_token_is_over_after_its_time() -> None:
    made = selftest.token(OTHER, key=KEY, until=NOW)
    with pytest.raises(Refused, match="too old") as error:
        selftest.shown(made, keys=[KEY], now=NOW + timedelta(seconds=1))
    assert refusal(error) == Refusal.NOT_SHOWN


@given(st.text(max_size=100))
def test_whatever_else_comes_as_a_token_shows_nothing(text: str) -> None:
    with pytest.raises(Refused) as error:
        selftest.shown(text, keys=[KEY], now=NOW)
    assert refusal(error) == Refusal.NOT_SHOWN


@given(st.integers(0, 50), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_token_that_was_changed_or_is_of_other_keys_shows_nothing(at: int, letter: str) -> None:
    made = selftest.token(OTHER, key=KEY, until=NOW)
    changed = made[:at] + letter + made[at + 1 :]
    with pytest.raises(Refused, match=r"none of ours|too old") as error:
        selftest.shown(changed, keys=[KEY if changed != made else b"other"], now=NOW + timedelta(days=999))
    assert refusal(error) == Refusal.NOT_SHOWN
    with pytest.raises(Refused, match="none of ours"):
        selftest.shown(made, keys=[b"other"], now=NOW)


def test_the_second_address_is_of_the_other_family() -> None:
    assert selftest.both(HERE, ()) == selftest.both(HERE, [HERE]) == (HERE,)
    assert selftest.both(HERE, [OTHER]) == selftest.both(HERE, [OTHER, HERE]) == (HERE, OTHER)
    with pytest.raises(Refused, match="fetch one over IPv6") as error:
        selftest.both(HERE, [ip_address("192.0.2.26")])
    assert refusal(error) == Refusal.NOT_SHOWN
    with pytest.raises(Refused, match="two addresses at most") as error:
        selftest.both(HERE, [OTHER, ip_address("2001:db8::26")])
    assert refusal(error) == Refusal.NOT_SHOWN


def test_a_token_may_be_brought_of_each_address_and_no_more() -> None:
    tokens = [selftest.token(address, key=KEY, until=NOW) for address in (HERE, OTHER)]
    assert selftest.all_shown(" ".join(tokens), keys=[KEY], now=NOW) == [HERE, OTHER]
    assert selftest.all_shown("\n", keys=[KEY], now=NOW) == []
    with pytest.raises(Refused, match="Two tokens at most") as error:
        selftest.all_shown(" ".join([*tokens, tokens[0]]), keys=[KEY], now=NOW)
    assert refusal(error) == Refusal.NOT_SHOWN


def test_ports_are_chosen_from_the_list_alone() -> None:
    settings = Settings()
    assert selftest.chosen("", settings) == (25, 587, 2525, 465)
    assert selftest.ports(settings) == (25, 587, 2525, 465)
    assert selftest.chosen(" 587, 25 587", settings) == (587, 25)
    assert selftest.chosen("465 2525 587 25", settings) == (465, 2525, 587, 25)
    assert selftest.chosen("00025", settings) == (25,)
    for wrong in ("22", "25,80", "smtp", "25;587", "٢٥", "99999999", "000025"):
        with pytest.raises(Refused, match="Ports are chosen from 25, 587, 2525, 465") as error:
            selftest.chosen(wrong, settings)
        assert refusal(error) == Refusal.WRONG_PORT


def test_port_25_stands_for_the_mail_port_and_465_begins_with_tls() -> None:
    settings = Settings.model_validate({"tester": {"port": 10025, "lab_networks": ["192.0.2.0/24"]}})
    assert selftest.ways((HERE, OTHER), (25, 465), settings) == (
        Path(address=HERE, port=10025, tls=Tls.NEEDED),
        Path(address=HERE, port=465, tls=Tls.IMPLICIT),
        Path(address=OTHER, port=10025, tls=Tls.NEEDED),
        Path(address=OTHER, port=465, tls=Tls.IMPLICIT),
    )


def test_nobody_has_a_private_address_or_one_of_ours_tested() -> None:
    settings = Settings.model_validate(
        {"tester": {"source_addresses": ["11.0.0.1"]}, "collector": {"addresses": ["11.0.0.3"]}}
    )
    with pytest.raises(Refused, match="private use") as error:
        selftest.testable(ip_address("10.0.0.1"), settings)
    assert refusal(error) == Refusal.SPECIAL_PURPOSE
    for own in ("11.0.0.1", "11.0.0.3"):
        with pytest.raises(Refused) as error:
            selftest.testable(ip_address(own), settings)
        assert refusal(error) == Refusal.OWN_ADDRESS
    selftest.testable(ip_address("11.0.0.2"), settings)


def test_what_is_promised_is_what_the_settings_do() -> None:
    assert "never" in selftest.promise(Settings())
    assert "never" not in selftest.promise(Settings.model_validate({"self_test": {"lists": True}}))


# -- results -----------------------------------------------------------------------------------------------------------
WAYS = selftest.ways((HERE,), (25, 587), Settings())


def held(
    *outcomes: Outcome, verdict: Verdict | None, over: bool = True, findings: tuple[Finding | None, ...] = (None, None)
) -> SelfTest:
    """A self-test of two ways in, a letter on each that was tried."""
    letters = tuple(
        Fate(
            letter=Letter(
                recipient=f"r{way.port}",
                sender="s",
                address=way.address,
                port=way.port,
                vector="S01",
                run="run",
                not_before=0,
                not_after=9,
                proof_hash=bytes(32),
            ),
            outcome=outcome,
            finding=finding,
        )
        for way, outcome, finding in zip(WAYS, outcomes, findings, strict=False)
    )
    run = Run(
        id="run",
        address=HERE,
        port=25,
        reason=JobReason.SELF_TEST,
        profile="full",
        state=RunState.SETTLED if over else RunState.WAITING,
        started=NOW,
        ends=None,
        verdict=verdict,
        explanation="",
    )
    job = Job(
        id=1,
        address=HERE,
        port=25,
        reason=JobReason.SELF_TEST,
        profile="full",
        due=NOW,
        state=JobState.DONE,
        run="run",
        takes=1,
        retries=0,
        provocation="",
        rank=0,
        whose="",
    )
    return SelfTest(
        job=job,
        run=run,
        paths=tuple(PathReport(path=way, verdict=None, explanation="") for way in WAYS),
        letters=letters,
    )


NO, SOFT = Outcome.RCPT_5XX, Outcome.RCPT_DENIED_SOFT


@pytest.mark.parametrize(
    ("test", "result"),
    [
        (held(NO, NO, verdict=Verdict.CLOSED), "closed"),
        (held(NO, NO, verdict=Verdict.ACCEPTS_BOUNCES), "closed"),
        (held(NO, SOFT, verdict=Verdict.CLOSED), "closed"),
        (held(NO, NO, verdict=None, over=False), None),
        (held(NO, NO, verdict=Verdict.OPEN), "open"),
        (held(NO, NO, verdict=Verdict.OPEN_MULTIHOP), "open"),
        (held(NO, verdict=Verdict.OPEN), "open"),
        (held(NO, NO, verdict=None, over=False, findings=(None, Finding.DELIVERED_OTHER)), None),
        (held(NO, NO, verdict=Verdict.INCONCLUSIVE, findings=(Finding.DELIVERED_SAME, None)), "open"),
        (held(NO, verdict=Verdict.CLOSED), "unknown"),
        (held(verdict=Verdict.CLOSED), "unknown"),
        (held(NO, NO, verdict=None), "unknown"),
        *((held(NO, NO, verdict=one), "unknown") for one in (Verdict.ACCEPTS_LOSES, Verdict.REFUSES_TESTER)),
        *((held(NO, NO, verdict=one), "unknown") for one in (Verdict.UNREACHABLE, Verdict.INCONCLUSIVE)),
        *(
            (held(NO, later, verdict=Verdict.CLOSED), "unknown")
            for later in (Outcome.RCPT_4XX, Outcome.MAIL_4XX, Outcome.BANNER_4XX, Outcome.EARLY_421)
        ),
    ],
)
def test_closed_is_said_where_every_way_in_was_tried_and_none_has_put_us_off(
    test: SelfTest, result: str | None
) -> None:
    assert selftest.result(test) == result


def test_a_test_that_was_given_up_before_it_began_has_shown_nothing() -> None:
    begun = held(verdict=None)
    assert selftest.result(replace(begun, run=None)) == "unknown"


def test_scripts_tell_results_by_the_exit_status() -> None:
    assert selftest.RESULTS == {"closed": 0, "open": 1, "unknown": 2}
    assert selftest.PROFILE == "full"


def test_a_token_is_the_address_a_time_and_what_only_our_key_makes() -> None:
    made = selftest.token(HERE, key=KEY, until=NOW)
    octets = base64.b32decode(made.upper() + "=" * (-len(made) % 8))
    body = HERE.packed + int(NOW.timestamp()).to_bytes(4, "big")
    assert octets == body + hmac.digest(KEY, b"came from " + body, "sha256")[:12]
    assert selftest.shown(made, keys=[KEY], now=NOW) == HERE, "to its very second"
    assert selftest.shown(selftest.token(OTHER, key=KEY, until=NOW) + " " * 90, keys=[KEY], now=NOW) == OTHER


def test_a_token_has_one_length_for_each_family_whatever_it_ends_in() -> None:
    for address, length in ((HERE, 32), (OTHER, 52)):
        assert {len(selftest.token(address, key=bytes([n]), until=NOW)) for n in range(256)} == {length}


def test_the_mail_port_may_always_be_chosen() -> None:
    settings = Settings.model_validate({"tester": {"owner_ports": [587]}})
    assert selftest.ports(settings) == (25, 587)


def test_a_lab_on_one_machine_may_test_itself() -> None:
    lab = {"source_addresses": ["127.0.0.1"], "lab_networks": ["127.0.0.0/8"]}
    settings = Settings.model_validate({"tester": lab})
    selftest.testable(ip_address("127.0.0.1"), settings)
    with pytest.raises(Refused, match="fetch one over IPv4"):
        selftest.both(OTHER, [ip_address("2001:db8::26")])
