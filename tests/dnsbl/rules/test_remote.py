"""What a remote tester's letters show, and that none of his tricks makes them show more."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

import pytest

from dnsbl.errors import Refused
from dnsbl.model import ReporterAccount
from dnsbl.rules.remote import REASONS, CameBack, Grade, grade, lower, refuse_own, shown, users_own
from dnsbl.settings import RemoteTesting
from dnsbl.vocabulary import JobReason, Refusal, Tier
from tester.received.line import Hop, hops

RELAYED = "from t.example (t.example [192.0.2.7]) by mail.example.net (Postfix) with ESMTP id 1; now"


def chain(*fields: str) -> tuple[Hop, ...]:
    return hops("".join(f"Received: {field}\r\n" for field in fields).encode() + b"\r\n")


def back(*fields: str, same: bool = True) -> CameBack:
    return CameBack(same=same, chain=chain(*fields or (RELAYED,)))


@pytest.mark.parametrize(
    ("tier", "terms", "expected"),
    [
        (Tier.NEW, {"on": True}, Grade.NONE),
        (Tier.KNOWN, {"on": True}, Grade.UNCONFIRMED),
        (Tier.TRUSTED, {"on": True}, Grade.PROVEN),
        (Tier.TRUSTED, {}, Grade.NONE),
        (Tier.TRUSTED, {"on": True, "trusted": "unconfirmed"}, Grade.UNCONFIRMED),
        (Tier.NEW, {"on": True, "new": "unconfirmed"}, Grade.UNCONFIRMED),
    ],
)
def test_a_tier_has_the_grade_that_settings_give_it(tier: Tier, terms: dict[str, Any], expected: Grade) -> None:
    account = ReporterAccount(name="ann", tier=tier, contact="", made=datetime(2026, 1, 1, tzinfo=UTC))
    assert grade(account, RemoteTesting.model_validate(terms)) is expected


def test_who_is_suspended_has_none() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    account = ReporterAccount(name="ann", tier=Tier.TRUSTED, contact="", made=now, suspended=now)
    assert grade(account, RemoteTesting(on=True)) is Grade.NONE


def test_who_has_no_account_any_more_has_none_either() -> None:
    assert grade(None, RemoteTesting(on=True)) is Grade.NONE


def test_of_two_grades_the_lower_counts() -> None:
    assert lower(Grade.PROVEN, Grade.UNCONFIRMED) is Grade.UNCONFIRMED
    assert lower(Grade.UNCONFIRMED, Grade.PROVEN) is Grade.UNCONFIRMED
    assert lower(Grade.PROVEN, Grade.NONE) is Grade.NONE


def test_nobody_gets_letters_for_where_he_comes_from() -> None:
    with pytest.raises(Refused, match=r"You come from 192\.0\.2\.7 yourself") as error:
        refuse_own(ip_address("192.0.2.7"), ip_address("192.0.2.7"))
    assert error.value.reason is Refusal.OWN_ADDRESS
    refuse_own(ip_address("192.0.2.8"), ip_address("192.0.2.7"))
    refuse_own(ip_address("192.0.2.8"), None)


@pytest.mark.parametrize(
    "field",
    [
        "from t.example (t.example [192.0.2.7]) by mail.example.net (Postfix) with ESMTPSA id 1; now",
        "from t.example (t.example [192.0.2.7]) by mail.example.net with ESMTPA (Exim 4.96) id 1; now",
        "from t.example ([192.0.2.7]) by mail.example.net with UTF8SMTPSA id 1; now",
        "from t.example (t.example [192.0.2.7]) (Authenticated sender: joe) by m.example (Postfix) with ESMTP; now",
        "from t.example (t.example [192.0.2.7]) (authenticated bits=0) by m.example (8.17.1/8.17.1) with ESMTP; now",
        "from t.example (t.example [192.0.2.7]) (AUTH: LOGIN joe) by mail.example.net with ESMTP; now",
        "from unknown (HELO t.example) (joe@192.0.2.7) by mail.example.net with SMTP (smtp-auth user joe); now",
        "from t.example ([192.0.2.7]) by mail.example.net with ASMTP (MDaemon 9); now",
        "by mail.example.net (Postfix, from userid 1000) id 1; now",
        "from joe by mail.example.net with local (Exim 4.96) id 1; now",
        "from t.example ([192.0.2.7]) by mail.example.net with HTTP; now",
        "from t.example (192.0.2.7) by mail.example.net with Microsoft MAPI id 15; now",
        "from [192.0.2.7] by mail.example.net via webmail with IMAP; now",
    ],
)
@pytest.mark.parametrize("below", [(), (RELAYED,)], ids=["alone", "with a line of the tester's own below"])
def test_what_a_user_of_the_host_handed_in_is_no_proof(field: str, below: tuple[str, ...]) -> None:
    assert users_own(chain(field, *below))
    told = shown([back(field, *below)], Grade.PROVEN, confirm=False)
    assert told is not None and (told.proven, told.unconfirmed, told.look) == (False, False, True)


@pytest.mark.parametrize(
    "field",
    [
        RELAYED,
        "from t.example (t.example [192.0.2.7]) by mail.example.net with ESMTPS (Exim 4.96) id 1; now",
        "from t.example ([192.0.2.7]) by mail.example.net with Microsoft SMTPSVC(6.0.3790.4675); now",
        "from unknown (HELO t.example) (192.0.2.7) by mail.example.net with SMTP; now",
        "from t.example (t.example [10.0.0.1]) (not authenticated) by mail.example.net (Postfix) with ESMTP; now",
        "from t.example (t.example [IPv6:2001:db8::7]) by mail.example.net (8.17.1/8.17.1) with ESMTPS id 1; now",
        "from t.example ([192.0.2.7]) by mail.example.net; now",
    ],
)
def test_what_a_stranger_handed_in_is_one(field: str) -> None:
    assert users_own(chain(field)) == ""


def test_a_letter_without_a_trace_is_no_proof() -> None:
    assert "no server says" in users_own(())


def test_the_letter_of_a_trusted_tester_proves_as_one_of_ours() -> None:
    told = shown([back()], Grade.PROVEN, confirm=True)
    assert told is not None and (told.proven, told.unconfirmed, told.look) == (True, False, False)


@pytest.mark.parametrize("confirm", [True, False])
def test_that_of_any_other_is_unconfirmed_and_tested_by_us_as_settings_say(confirm: bool) -> None:
    told = shown([back()], Grade.UNCONFIRMED, confirm=confirm)
    assert told is not None and (told.proven, told.unconfirmed, told.look) == (False, True, confirm)


@pytest.mark.parametrize(
    ("of", "confirm", "look"),
    [(Grade.PROVEN, False, True), (Grade.UNCONFIRMED, True, True), (Grade.UNCONFIRMED, False, False)],
)
def test_what_came_from_elsewhere_lists_nobody(of: Grade, confirm: bool, look: bool) -> None:
    told = shown([back(same=False)], of, confirm=confirm)
    assert told is not None and (told.proven, told.unconfirmed, told.look) == (False, False, look)


def test_the_sentence_says_who_took_it_from_whom() -> None:
    login = "from t.example ([192.0.2.7]) by mail.example.net with ESMTPSA id 1; now"
    assert users_own(chain(RELAYED, login)) == "mail.example.net took it from somebody who had logged in"
    nameless = "from t.example ([192.0.2.7]) with ESMTPSA id 1; now"
    assert users_own(chain(nameless)) == "a server took it from somebody who had logged in"
    web = "from t.example ([192.0.2.7]) with HTTP; now"
    assert users_own(chain(web)) == "a server does not say that it took it over SMTP"
    told = shown([back(login), back(web)], Grade.PROVEN, confirm=False)
    assert told is not None and "but mail.example.net took it from somebody who had logged in, so" in told.sentence


def test_letters_of_either_grade_are_of_tests_of_their_own() -> None:
    assert REASONS == {JobReason.REMOTE: Grade.UNCONFIRMED, JobReason.REMOTE_PROVEN: Grade.PROVEN}


def test_one_good_letter_among_doubtful_ones_is_enough() -> None:
    doubtful = back("by mail.example.net (Postfix, from userid 1000) id 1; now")
    told = shown([back(same=False), doubtful, back()], Grade.PROVEN, confirm=False)
    assert told is not None and told.proven


def test_nothing_back_and_nobody_asked_any_more_show_nothing() -> None:
    assert shown([], Grade.PROVEN, confirm=True) is None
    assert shown([back()], Grade.NONE, confirm=True) is None
