"""Records, counted."""

from __future__ import annotations

from dnsbl.rules.surveys import tally as room
from dnsbl.rules.surveys.records import ListedElsewhere, Record
from dnsbl.rules.surveys.tally import SurveyTally, tally
from tester.smtp import Outcome
from tests.dnsbl.rules.surveys.exhibits import HEAD, RECORDS, back, host, letter

FOUND = tally(HEAD, RECORDS)


def test_ports_are_open_closed_filtered_or_nobodys() -> None:
    assert (FOUND.tested, FOUND.there) == (11, 10)
    assert (FOUND.open, FOUND.closed, FOUND.filtered, FOUND.silent) == (8, 1, 1, 1)


def test_stages_are_where_each_test_ended_and_who_was_left_out_has_none() -> None:
    assert FOUND.stages == {"CONNECT": 4, "TO": 1, "OK": 5, "QUIT": 1}
    assert FOUND.left_out == {"opted out": 1}


def test_a_letter_is_delivered_bounced_kept_or_lost_by_the_best_word_about_it() -> None:
    assert (FOUND.accepted, FOUND.delivered, FOUND.bounced, FOUND.kept, FOUND.lost) == (6, 2, 1, 1, 2)
    assert FOUND.human == 1


def test_programs_are_counted_at_open_ports_alone() -> None:
    assert FOUND.software == {"not named": 5, "Postfix": 1, "Sendmail 8.9.3/8.9.3": 1, "Exim 4.96": 1}


def test_lists_are_counted_of_the_relays_that_were_asked_about() -> None:
    assert (FOUND.asked_about, FOUND.listed, FOUND.untold) == (2, 1, 1)
    closed = tally(
        HEAD, [letter(1), host(1, "ACCEPTED", "OK"), back(1, "BOUNCED"), ListedElsewhere(target=1, on=("a.test",))]
    )
    assert (closed.asked_about, closed.listed) == (0, 0)


def test_sittings_add_up() -> None:
    assert FOUND.seconds == 4.25


def test_the_rarest_of_very_many_programs_are_counted_together() -> None:
    some = [host(n, "RCPT_5XX", "TO", greeting=f"x Exim 4.{n}") for n in range(room.MOST_PROGRAMS + 30)]
    found = tally(HEAD, some)
    assert len(found.software) == room.MOST_PROGRAMS + 1
    assert found.software[room.OTHERS] == 30
    known = tally(HEAD, [*some, some[0]]).software
    assert (known["Exim 4.0"], known["others"]) == (2, 30), "who is told apart still is"
    assert room.MOST_PROGRAMS == 500


def test_a_conversation_has_its_stages_in_their_order() -> None:
    assert room.STAGES == ("CONNECT", "EHLO", "MAIL", "TO", "DATA", "QUIT", "OK"), "IMCR-013"


def test_an_address_where_nothing_answers_and_nothing_shows_a_host_is_silent() -> None:
    found = tally({}, [host(1, "CONN_TIMEOUT", "CONNECT", there=False)])
    assert (found.silent, found.filtered, found.name) == (1, 0, "")


def accepted(*later: Record) -> SurveyTally:
    """The counts of a host that took the letter, and what was told of it."""
    return tally(HEAD, [letter(1), host(1, "ACCEPTED", "OK"), *later])


def test_the_best_word_about_a_letter_counts_whatever_comes_behind_it() -> None:
    assert accepted(back(1, "BOUNCED_BY_US")).bounced == 1
    assert accepted(back(1, "DELIVERED_SAME"), back(1, "DSN_DELAYED")).delivered == 1
    assert accepted(back(1, "HUMAN"), back(1, "DSN_DELAYED")).human == 1
    assert accepted(back(1, "FORGED")).relays[1].folded is Outcome.ACCEPTED


def test_other_lists_count_for_relays_that_they_were_asked_about_and_for_no_others() -> None:
    def counts(*later: Record) -> tuple[int, int, int]:
        found = accepted(*later)
        return found.asked_about, found.listed, found.untold

    came, untold = back(1, "DELIVERED_SAME"), ("b.test",)
    assert counts(came) == (0, 0, 0)
    assert counts(back(1, "BOUNCED"), ListedElsewhere(target=1, on=(), untold=untold)) == (0, 0, 0)
    assert counts(came, ListedElsewhere(target=1, on=())) == (1, 0, 0)
    assert counts(came, ListedElsewhere(target=1, on=("a.test",), untold=untold)) == (1, 1, 0)
    assert counts(came, ListedElsewhere(target=1, on=(), untold=untold)) == (1, 0, 1)


def test_a_letter_that_came_back_from_a_host_that_is_still_to_be_tested_counts_for_none() -> None:
    assert tally(HEAD, [letter(1), letter(1), back(1, "DELIVERED_SAME")]).accepted == 0
    refused = tally(HEAD, [letter(1), host(1, "RCPT_5XX", "TO"), back(1, "DELIVERED_SAME")])
    assert refused.accepted == 0, "it was not cut off"


def test_a_relay_that_was_cut_off_and_refused_the_second_time_is_one_by_its_first_letter() -> None:
    first, second = letter(1), letter(1)
    records = [first, second, host(1, "RCPT_5XX", "TO"), back(1, "DELIVERED_SAME")]
    found = tally(HEAD, records)
    assert (found.tested, found.accepted, found.delivered) == (1, 1, 1)
    found = tally(HEAD, [first, second, host(1, "RCPT_5XX", "TO"), back(1, "BOUNCED")])
    assert (found.tested, found.accepted) == (1, 0)
    found = tally(HEAD, [first, second, host(1, "ACCEPTED", "OK"), back(1, "DELIVERED_SAME")])
    assert (found.accepted, found.delivered) == (1, 1)
