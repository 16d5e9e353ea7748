"""One job's room: letters are filed before anything can be dialled, and the job says how it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dnsbl.addresses import network_of, parse_address
from dnsbl.casework.assignments import Assignment
from dnsbl.daemons.looks import Looks
from dnsbl.daemons.names import Lookups
from dnsbl.daemons.visit import Means, Visit
from dnsbl.errors import NotFound
from dnsbl.rules import bringers
from tester import vectors
from tester.caller import Sequel
from tester.errors import NotDialable
from tester.paths import Path
from tester.smtp import Event, Outcome, Said, Transcript

HOST = "203.0.113.25"
SAID = Said(name="mx.host.example", own="", text=b"mx.host.example ESMTP\n")


def visiting(office: Any, assignment: Assignment | None = None, **means: Any) -> Visit:
    """A visit to the host that was nominated; `means` beside the office's."""
    if assignment is None:
        office.nominate(HOST)
        assignment = office.take()
    held, heard = means.pop("held", lambda: False), means.pop("heard", lambda transcript: None)
    usual: dict[str, Any] = {
        "assignments": office.casework.assignments,
        "settings": office.settings,
        "keyring": office.keyring,
        "clock": office.clock,
        "sign": lambda guise: None,
        "lookups": Lookups(),
        "looks": Looks(),
        "on_event": None,
        "place": None,
        "sources": lambda: office.settings.tester.source_addresses,
    }
    path, last = means.pop("path", None), means.pop("last", False)
    return Visit(Means(**usual | means), assignment, path, held=held, heard=heard, last=last)


def run_of(office: Any) -> str:
    run: str = office.casework.views.look_up(parse_address(HOST)).runs[0].id
    return run


def test_letters_are_in_the_store_before_there_is_anything_to_dial_with(office: Any) -> None:
    visit = visiting(office)
    assert not hasattr(visit, "approach")
    visit.prepare()
    filed = office.letters(run_of(office))
    assert [fate.letter.vector for fate in filed] == [form.id for form in vectors.profile("standard")]
    assert {attempt.token for attempt in visit.compose(SAID)} == {fate.letter.recipient for fate in filed}
    assert visit.approach.path.address == parse_address(HOST)


def test_a_job_that_went_to_another_worker_is_not_prepared(office: Any) -> None:
    visit = visiting(office)
    office.later(seconds=office.settings.tester.lease + 1)
    office.take()
    with pytest.raises(NotFound):
        visit.prepare()
    assert not hasattr(visit, "approach")


def test_a_run_taken_up_again_offers_what_its_terms_allow_of_the_same_letters(office: Any) -> None:
    office.nominate(HOST)
    first = office.take()
    office.issue(first)
    office.talk(first, lambda vector: Outcome.RCPT_4XX if vector == "S10" else Outcome.RCPT_5XX)
    office.casework.assignments.file_run(first)
    office.later(seconds=office.settings.tester.retry_after[0] + 1)
    second = visiting(office, office.take())
    second.prepare()
    [attempt] = second.compose(SAID)
    [put_off] = [fate.letter for fate in office.letters(first.job.run) if fate.letter.vector == "S10"]
    assert (attempt.vector, attempt.token) == ("S10", put_off.recipient)


def test_a_server_that_has_used_up_its_second_try_is_not_offered_the_same_again(office: Any) -> None:
    """Greylisting is waited out longer than a stock refusal that only sounds like one."""
    says = {"S01": Outcome.RCPT_DENIED_SOFT, "S10": Outcome.RCPT_4XX}
    office.nominate(HOST)
    for made in range(2):
        take = office.take()
        if not take.letters:
            office.issue(take)
        office.talk(take, lambda vector: says.get(vector, Outcome.RCPT_5XX))
        office.casework.assignments.file_run(take)
        office.later(seconds=office.settings.tester.retry_after[made] + 1)
    third = visiting(office, office.take())
    third.prepare()
    assert [attempt.vector for attempt in third.compose(SAID)] == ["S10"]


TWO_OF_EACH = {
    "source_addresses": ["192.0.2.2", "192.0.2.3", "2001:db8::2"],
    "helo": "a.test",
    "more_helos": ["z.test"],
    "collector_domain": "c.test",
    "more_collector_domains": ["c2.test"],
    "bounce_domain": "b.test",
    "more_bounce_domains": ["b2.test"],
}


def test_a_host_is_tested_by_two_strangers_who_are_those_of_its_run(make_office: Any) -> None:
    office = make_office(tester=TWO_OF_EACH)
    office.nominate(HOST)
    taken = office.take()
    first, second = taken.guises
    visit = visiting(office, taken)
    visit.prepare()
    assert (visit.approach.source, visit.approach.helo, visit.approach.remark) == (
        first.source,
        first.helo,
        first.told,
    )
    attempts = {attempt.vector: attempt for attempt in visit.compose(SAID)}
    assert attempts["S01"].rcpt.endswith(f"@{first.collector_domain}>".encode())
    assert attempts["S01"].mail.endswith(f"@{first.bounce_domain}>".encode())
    other = attempts["S11"]
    assert other.rcpt.endswith(f"@{second.collector_domain}>".encode())
    assert other.mail.endswith(f"@{second.bounce_domain}>".encode())
    assert (other.opening.source, other.opening.helo) == (second.source, second.helo.encode())
    assert other.opening.remark == second.told
    assert attempts["S12"].rcpt.endswith(f"@{second.third_domain}>".encode())
    assert attempts["S12"].opening == other.opening
    assert len({first.collector_domain, second.collector_domain, second.third_domain}) == 3
    shown = office.casework.views.run_report(taken.job.run).guises
    assert shown == taken.guises


def test_a_stranger_whose_address_is_another_machines_dials_from_whatever_there_is(make_office: Any) -> None:
    office = make_office(tester=TWO_OF_EACH)
    office.nominate(HOST)
    taken = office.take()
    first, second = (replace(guise, source="203.0.113.99") for guise in taken.guises)
    visit = visiting(office, replace(taken, guises=(first, second)))
    visit.prepare()
    assert visit.approach.source is None
    assert {attempt.opening.source for attempt in visit.compose(SAID)} == {""}


def test_at_a_way_in_of_the_other_family_both_strangers_come_from_our_addresses_of_that_family(
    make_office: Any,
) -> None:
    office = make_office(tester=TWO_OF_EACH)
    office.casework.operators.order_test(parse_address(HOST), profile="standard", actor="operator")
    taken = office.take()
    six = Path(address=parse_address("2001:db8::99"), port=25)
    visit = visiting(office, taken, path=six)
    visit.prepare(vectors.profile("standard"))
    assert visit.approach.source == "2001:db8::2"
    attempts = {attempt.vector: attempt for attempt in visit.compose(SAID)}
    assert attempts["S11"].opening.source == "2001:db8::2"
    assert attempts["S11"].opening.helo == taken.guises[1].helo.encode()


@pytest.mark.parametrize("gone", [0, 1])
def test_a_stranger_whose_address_this_machine_lacks_comes_from_one_where_the_other_does_not_stand(
    make_office: Any, gone: int
) -> None:
    three = [parse_address(f"192.0.2.{number}") for number in (2, 3, 4)]
    office = make_office(tester=TWO_OF_EACH | {"source_addresses": list(map(str, three))})
    office.nominate(HOST)
    taken = office.take()
    lost = parse_address(taken.guises[gone].source)
    left = [one for one in three if one != lost]
    visit = visiting(office, taken, sources=lambda: left)
    visit.prepare()
    come = [visit.approach.source, {one.vector: one for one in visit.compose(SAID)}["S11"].opening.source]
    assert sorted(come) == sorted(map(str, left))
    assert come[1 - gone] == taken.guises[1 - gone].source, "who can stand where he was drawn does"
    assert f"at {come[0]}:" in str(visit.approach.remark)


def test_two_strangers_for_whom_one_address_is_left_both_come_from_it(make_office: Any) -> None:
    office = make_office(tester=TWO_OF_EACH)
    visit = visiting(office, sources=lambda: [parse_address("192.0.2.3")])
    visit.prepare()
    assert visit.approach.source == "192.0.2.3"
    assert {one.vector: one for one in visit.compose(SAID)}["S11"].opening.source == "192.0.2.3"


def test_a_run_from_before_there_were_guises_is_taken_up_under_our_first_names(make_office: Any) -> None:
    office = make_office(tester=TWO_OF_EACH)
    office.nominate(HOST)
    visit = visiting(office, replace(office.take(), guises=()))
    visit.prepare()
    assert (visit.approach.helo, visit.approach.remark[:9]) == ("a.test", "as a.test")


def test_the_conversation_is_held_with_patience_and_asks_for_the_servers_own_name(office: Any) -> None:
    visit = visiting(office)
    visit.prepare()
    assert len(visit.approach.nonsense) == 16
    assert visit.approach.limits.banner_second == 300
    assert visit.approach.ask_own


async def test_outside_of_labs_only_a_proven_name_stands_in_a_sender(make_office: Any) -> None:
    asked: list[tuple[object, tuple[str, ...]]] = []

    async def own_name(address: object, names: tuple[str, ...]) -> str:
        asked.append((address, names))
        return "proven.host.test"

    office = make_office()
    office.nominate(HOST)
    taken = office.take()
    public = parse_address("8.8.4.4")
    there = replace(taken, job=replace(taken.job, address=public), paths=(Path(address=public, port=25),))
    outside = visiting(office, there, lookups=Lookups(own_name=own_name))
    assert await outside.own_name(("mx.gmail.test",)) == "proven.host.test"
    assert asked == [(public, ("mx.gmail.test",))]
    inside = visiting(office, taken, lookups=Lookups(own_name=own_name))
    assert await inside.own_name(("mx.host.test",)) == "mx.host.test"
    assert await inside.own_name(()) == ""
    assert len(asked) == 1


async def test_nobody_is_dialled_who_has_opted_out_or_while_testing_is_held(office: Any) -> None:
    held: list[bool] = []
    visit = visiting(office, held=lambda: bool(held))
    assert await visit.may_dial()
    held.append(True)
    assert not await visit.may_dial()
    held.clear()
    office.casework.operators.exclude(network_of(parse_address(HOST)), reason="asked", actor="operator")
    assert not await visit.may_dial()


def test_the_far_end_of_the_connection_must_be_dialable_as_well(office: Any) -> None:
    visit = visiting(office)
    visit.check_peer(parse_address(HOST))
    with pytest.raises(NotDialable, match=r"127\.0\.0\.1 must not be dialled"):
        visit.check_peer(parse_address("127.0.0.1"))


async def test_what_is_said_is_filed_and_told_to_whoever_watches(office: Any) -> None:
    events: list[tuple[object, Event]] = []
    heard: list[Transcript] = []
    visit = visiting(office, heard=heard.append, on_event=lambda address, event: events.append((address, event)))
    visit.prepare()
    visit.show(Event(0.0, "<", b"220 mx\r\n"))
    assert events == [(parse_address(HOST), Event(0.0, "<", b"220 mx\r\n"))]
    transcript = Transcript(target=HOST, port=25, source="", started=visit.now())
    await visit.keep(transcript, Sequel.END)
    assert heard == [transcript]
    run = run_of(office)
    assert office.casework.views.run_report(run).transcripts == (transcript.to_json(),)


async def test_the_next_connection_is_counted_with_the_last_one_and_not_at_all_where_none_is_made(office: Any) -> None:
    def used() -> int:
        connections: int = office.casework.views.usage().everything.connections
        return connections

    held: list[bool] = []
    visit = visiting(office, held=lambda: bool(held))
    visit.prepare()
    assert used() == 1
    assert await visit.may_dial()
    transcript = Transcript(target=HOST, port=25, source="", started=visit.now())
    await visit.keep(transcript, Sequel.ANOTHER)
    assert used() == 2
    held.append(True)
    assert not await visit.may_dial()
    assert visit.refused
    await visit.done()
    assert used() == 1


@pytest.mark.parametrize(
    ("happens", "asks", "may"),
    [
        (lambda office: None, False, True),
        (lambda office: office.casework.operators.stop(actor="operator", reason="a fire"), False, False),
        (
            lambda office: office.casework.operators.exclude(
                network_of(parse_address(HOST)), reason="asked", actor="operator"
            ),
            True,
            False,
        ),
        (
            lambda office: office.casework.purging.purge(bringers.read("somebody"), reason="lies", actor="operator"),
            True,
            False,
        ),
        (lambda office: office.later(minutes=10), True, True),
    ],
    ids=["nothing", "a stop", "an opt-out", "a bad source", "another slot"],
)
async def test_leave_for_a_further_connection_rests_on_a_look_that_begins_after_it_was_asked_for(
    office: Any, happens: Callable[[Any], object], asks: bool, may: bool
) -> None:
    looks, held = Looks(), False

    def look() -> None:
        nonlocal held
        with looks.look() as seen:
            stopped, mark = office.casework.assignments.heeded()
            held = bool(stopped)
            seen.append(mark)

    look()
    visit = visiting(office, looks=looks, held=lambda: held)
    visit.prepare()
    assert await visit.may_dial(), "the first one is asked for"
    await visit.keep(Transcript(target=HOST, port=25, source="", started=visit.now()), Sequel.ANOTHER)
    happens(office)
    asked, dial = list[object](), office.casework.assignments.dial

    def ask(*words: object) -> object:
        asked.append(words)
        return dial(*words)

    office.casework.assignments.dial = ask
    leave = asyncio.create_task(visit.may_dial())
    await asyncio.sleep(0)
    assert not leave.done()
    look()
    assert await leave is may
    assert bool(asked) is asks


async def test_only_what_all_has_been_said_on_ends_the_take(office: Any) -> None:
    office.nominate(HOST)
    assignment = office.take()
    for sequel in (Sequel.CUT, Sequel.ANOTHER, Sequel.END):
        visit = visiting(office, assignment, last=True)
        visit.prepare()
        await visit.keep(Transcript(target=HOST, port=25, source="", started=visit.now()), sequel)
        assert visit.over is (sequel is Sequel.END)
    assert office.casework.views.look_up(parse_address(HOST)).last_verdict is not None
    visit = visiting(office, assignment)
    await visit.keep(Transcript(target=HOST, port=25, source="", started=visit.now()), Sequel.END)
    assert not visit.over


async def test_a_proof_is_seen_wherever_it_was_filed(office: Any) -> None:
    visit = visiting(office)
    visit.prepare()
    assert not await visit.proven(0.0)
    office.come_back(run_of(office), HOST)
    assert await visit.proven(0.0)


async def test_our_dns_serves_the_name_that_a_letter_goes_to_before_it_is_offered(
    make_office: Callable[..., Any],
) -> None:
    office = make_office(tester={"mx_domain": "m.example"})
    office.nominate(HOST)
    assignment = office.take()
    wide = replace(assignment, job=replace(assignment.job, profile="full"))

    visit = visiting(office, wide)
    visit.prepare()
    assert office.casework.contents.pairs() == []
    assert await visit.own_name(("MX.Host.Example",)) == "MX.Host.Example"
    [pair] = office.casework.contents.pairs()
    assert (str(pair.address), pair.name) == (HOST, "mx.host.example")
    [attempt] = [attempt for attempt in visit.compose(SAID) if attempt.vector == "M01"]
    assert attempt.rcpt.endswith(f"@{pair.label}.m.example>".encode())


async def test_where_no_letter_needs_a_name_none_is_served(make_office: Callable[..., Any]) -> None:
    async def own(address: object, names: tuple[str, ...]) -> str:
        return ""

    office = make_office(tester={"mx_domain": "m.example"})
    visit = visiting(office, lookups=Lookups(own_name=own))
    visit.prepare()
    await visit.own_name(())
    assert office.casework.contents.pairs() == []
