"""The worker against a mail server on loopback: who is dialled, from where, with what, and how fast it stops."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dnsbl.addresses import Address, parse_address, parse_network
from dnsbl.casework import Casework
from dnsbl.casework.assignments import AWAY, MOST_LOST
from dnsbl.clock import Clock, HandClock, SystemClock
from dnsbl.daemons import rounds
from dnsbl.daemons.standing import Foothold
from dnsbl.daemons.worker import Worker
from dnsbl.errors import StoreUnavailable
from dnsbl.model import Entry, Nomination, Run
from dnsbl.places import stop_path
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.vocabulary import Door, JobState, RunState
from tester.errors import Undialled
from tester.letter import Keyring
from tester.smtp import Flag, Outcome, Transcript
from tester.verdict import Verdict
from tests.waiting import until

HERE = parse_address("127.0.0.1")


class Host:
    """A mail server: a greeting, and an answer by verb; RCPT is refused unless it is for a postmaster."""

    def __init__(self, greeting: str = "220 mx.host.test ESMTP", silent: str = "", refuse: str = "") -> None:
        self.greeting, self.silent, self.refuse = greeting, silent, refuse
        self.lines: list[str] = []
        self.peers: list[str] = []
        self.letters: list[bytes] = []
        self.takes: Callable[[str], bool] = lambda peer: False
        self.quiet = asyncio.Event()  # it was asked what it does not answer
        self.gone = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("peername")[0]
        self.peers.append(peer)
        self.gone.clear()
        writer.write(f"{self.greeting}\r\n".encode())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while line := (await reader.readuntil(b"\r\n")).decode():
                self.lines.append(line.rstrip())
                verb = line[:4].strip().upper()
                if verb == self.silent:
                    self.quiet.set()
                    continue
                mine = "postmaster" in line or self.takes(peer)
                said = "550 5.7.1 no" if verb == "RCPT" and not mine else "354 go" if verb == "DATA" else "250 ok"
                writer.write(f"{said}\r\n".encode())
                if verb == "DATA":
                    self.letters.append(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write(b"250 queued\r\n")
                if verb == "QUIT":
                    break
        writer.close()
        self.gone.set()


class Shop:
    """A worker on a store of its own, testing the host."""

    def __init__(self, store: Store, port: int, clock: Clock, **tester: Any) -> None:
        here = {"port": port, "owner_ports": [25], "lab_networks": ["127.0.0.0/8"]}
        quick = here | {"attempt_gap": 0, "connection_gap": 0, "grace": 0}
        more = {key: tester.pop(key) for key in ("collector", "service") if key in tester}
        self.settings = Settings.model_validate({"tester": quick | tester} | more)
        keyring = Keyring.generate(lambda size: bytes(size), 0)
        self.clock = clock
        self.casework = Casework(store, self.settings, keyring, clock=clock)
        self.gone: set[Address] = set()  # of our addresses
        self.cut = ""  # why there is no way to anybody
        self.lacks: list[str] = []  # what the worker has said to do without
        self.worker = Worker(
            self.casework.assignments,
            self.settings,
            keyring,
            clock,
            foothold=Foothold(
                self.settings.tester.source_addresses,
                clock,
                absent=lambda ours: tuple(one for one in ours if one in self.gone),
                no_way=lambda one: self.cut,
                every=0,
            ),
            lacking=lambda why, more: self.lacks.append(why),
        )
        self.stop = asyncio.Event()
        self.looks = 0  # how often the worker has asked whether it may dial
        heeded = self.casework.assignments.heeded

        def look() -> tuple[Entry | None, object]:
            self.looks += 1
            return heeded()

        self.casework.assignments.heeded = look  # type: ignore[method-assign]

    async def looked(self, times: int) -> None:
        """Until the worker has looked around so often again, and done what it does in between."""
        seen = self.looks
        await until(lambda: self.looks >= seen + times)

    def nominate(self, evidence: bytes | None = b"spam") -> str:
        return self.casework.doors.nominate(
            Nomination(address=HERE, door=Door.CLI, nominator="x", reason="", evidence=evidence)
        ).run

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        working = asyncio.create_task(self.worker.run(self.stop))
        try:
            yield
        finally:
            self.stop.set()
            await asyncio.wait_for(working, 5)

    def settled(self, run: str) -> Run | None:
        found = self.casework.views.look_up(HERE).runs
        return next((r for r in found if r.id == run and r.state is RunState.SETTLED), None)

    def outcomes(self, run: str) -> dict[str, Outcome | None]:
        return {fate.letter.vector: fate.outcome for fate in self.casework.views.run_report(run).letters}


@contextlib.asynccontextmanager
async def serving(host: Host) -> AsyncIterator[int]:
    server = await asyncio.start_server(host, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def test_a_closed_host_is_judged_closed(store: Store) -> None:
    async with serving(host := Host()) as port:
        shop = Shop(store, port, SystemClock())
        run = shop.nominate()
        async with shop.open():
            judged = await until(lambda: shop.settled(run))
    assert judged.verdict is Verdict.CLOSED
    assert len(host.peers) == 5, "the last one of them by another stranger"
    assert "MAIL FROM:<postmaster@mx.host.test>" not in host.lines
    said = [line for line in host.lines if re.fullmatch(r"MAIL FROM:<s[a-z2-7]{33}@mx\.host\.test>", line)]
    assert len(said) == 1, "in a lab the name that a server says is believed"


async def test_a_stop_ends_all_dialling_within_a_second_and_a_resume_takes_it_up_again(store: Store) -> None:
    async with serving(host := Host(silent="MAIL")) as port:
        shop = Shop(store, port, SystemClock())
        run = shop.nominate()
        async with shop.open():
            await asyncio.wait_for(host.quiet.wait(), 5)
            began = time.monotonic()
            shop.casework.operators.stop(reason="complaints", actor="operator")
            await asyncio.wait_for(host.gone.wait(), 1)
            waiting = await until(
                lambda: (job := shop.casework.views.look_up(HERE).job) and job.state is JobState.QUEUED, within=1
            )
            assert waiting
            assert time.monotonic() - began < 1
            await shop.looked(4)
            assert len(host.peers) == 1, "nobody is dialled while testing is stopped"
            host.silent = ""
            shop.casework.operators.resume(reason="", actor="operator")
            judged = await until(lambda: shop.settled(run))
    assert judged.verdict is Verdict.CLOSED
    documents = shop.casework.views.run_report(run).transcripts
    assert len(documents) == 6, "what was said before the stop is on file as well"


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("setting", "tester.stop is set"),
        ("quiet hours", "these are quiet hours, until 01:00 UTC (tester.quiet_hours)"),
        ("stopped before", "stopped by operator: x, until `dnsbl resume`"),
        ("names", "put names of your own into tester.helo and"),
    ],
)
async def test_while_testing_is_held_nothing_is_dialled(
    store: Store, how: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    clock = HandClock()  # 00:00 UTC
    terms: dict[str, Any] = {
        "setting": {"stop": True},
        "quiet hours": {"quiet_hours": [0, 23]},
        "names": {"lab_networks": []},
    }.get(how, {})
    async with serving(host := Host()) as port:
        shop = Shop(store, port, clock, **terms)
        run = shop.nominate()
        if how == "stopped before":
            shop.casework.operators.stop(reason="x", actor="operator")
        async with shop.open():
            await shop.looked(3)
            assert host.peers == []
            assert shop.casework.views.look_up(HERE).job.takes == 0  # type: ignore[union-attr]
            assert f"nobody is dialled from now on: {why}" in caplog.text
            if how == "quiet hours":
                clock.turn(hours=1)
                await until(lambda: shop.settled(run))


async def test_without_an_address_of_ours_the_worker_is_down_until_it_is_there(store: Store) -> None:
    async with serving(host := Host()) as port:
        shop = Shop(store, port, SystemClock(), source_addresses=["127.0.0.1"])
        shop.gone = {HERE}
        run = shop.nominate()
        async with shop.open():
            await shop.looked(3)
            assert host.peers == []
            assert "this machine does not have 127.0.0.1" in shop.worker.problem
            job = shop.casework.views.look_up(HERE).job
            assert job is not None and (job.state, job.takes) == (JobState.QUEUED, 0), "no test was spent"
            shop.gone = set()
            judged = await until(lambda: shop.settled(run))
    assert (judged.verdict, shop.worker.problem) == (Verdict.CLOSED, "")


async def test_a_file_in_the_state_folder_stops_this_worker_whatever_the_database_says(
    store: Store, tmp_path: Path
) -> None:
    async with serving(host := Host()) as port:
        shop = Shop(store, port, SystemClock(), service={"state_dir": tmp_path})
        path = stop_path(shop.settings)
        path.touch()
        run = shop.nominate()
        async with shop.open():
            await shop.looked(3)
            assert host.peers == [] and str(path) in shop.worker.held
            assert shop.worker.problem == "", "a stop makes no node unfit"
            path.unlink()
            judged = await until(lambda: shop.settled(run))
    assert (judged.verdict, shop.worker.held) == (Verdict.CLOSED, "")


async def test_where_one_of_several_addresses_of_ours_is_gone_the_others_dial_and_it_is_told(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Host()) as port:
        shop = Shop(store, port, SystemClock(), source_addresses=["127.0.0.1", "127.0.0.7"])
        shop.gone = {parse_address("127.0.0.7")}
        run = shop.nominate()
        async with shop.open():
            judged = await until(lambda: shop.settled(run))
            assert (judged.verdict, shop.worker.problem) == (Verdict.CLOSED, "")
            assert len(shop.lacks) == 1 and "This machine does not have 127.0.0.7" in shop.lacks[0]
            shop.gone = set()
            await until(lambda: shop.lacks[1:])
    assert shop.lacks[1:] == [""] and "nothing is lacking any more to dial with" in caplog.text
    with store.read() as tx:
        assert {guise.source for guise in tx.guises.of(run)} == {"127.0.0.1"}


async def test_an_address_that_goes_as_we_dial_has_the_test_held_from_another_one(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Host()) as port:
        shop = Shop(store, port, SystemClock(), source_addresses=["127.0.0.1", "127.0.0.7"])
        run, dial = shop.nominate(), rounds.call

        async def call(room: Any) -> tuple[Transcript, ...]:
            if not shop.gone:
                shop.gone = {parse_address(room.approach.source)}
                raise Undialled("no such address", errno.EADDRNOTAVAIL)
            return await dial(room)

        monkeypatch.setattr(rounds, "call", call)
        async with shop.open():
            judged = await until(lambda: shop.settled(run))
    assert judged.verdict is Verdict.CLOSED and "broke off" not in caplog.text


async def test_an_address_that_goes_as_we_dial_spends_no_test(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(Host()) as port:
        shop = Shop(store, port, SystemClock(), source_addresses=["127.0.0.1"])
        run = shop.nominate()

        async def call(_room: object) -> tuple[Transcript, ...]:
            shop.gone = {HERE}
            raise Undialled("no such address", errno.EADDRNOTAVAIL)

        with monkeypatch.context() as patched:
            patched.setattr(rounds, "call", call)
            async with shop.open():
                await until(lambda: shop.gone)
                await shop.looked(2)
                await until(
                    lambda: (job := shop.casework.views.look_up(HERE).job) and job.state is JobState.QUEUED, within=5
                )
        assert "broke off" not in caplog.text and "this machine does not have 127.0.0.1" in caplog.text
        shop.gone, shop.stop = set(), asyncio.Event()
        async with shop.open():
            judged = await until(lambda: shop.settled(run))
    assert judged.verdict is Verdict.CLOSED


async def test_a_host_that_our_own_machine_cannot_dial_has_its_test_put_off_and_no_verdict(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = HandClock()
    async with serving(Host()) as port:
        shop = Shop(store, port, clock)
        run, began = shop.nominate(), clock.now()
        error = Undialled("This machine cannot dial 127.0.0.1: Operation not permitted.", errno.EPERM)

        async def call(_room: object) -> tuple[Transcript, ...]:
            raise error

        monkeypatch.setattr(rounds, "call", call)
        monkeypatch.setattr("dnsbl.daemons.worker.POLL", 0.02)
        async with shop.open():
            for times in range(1, MOST_LOST + 1):
                job = await until(
                    lambda: (
                        (job := shop.casework.views.look_up(HERE).job)
                        and (job.takes, job.state) == (times, JobState.QUEUED)  # noqa: B023
                        and job
                    ),
                    within=10,
                )
                assert job.due == clock.now() + times * AWAY, "later and later"
                await shop.looked(1)
                assert shop.lacks[-1] == "This machine cannot dial 127.0.0.1: Operation not permitted; the test waits."
                clock.turn(seconds=times * AWAY.total_seconds())
            judged = await until(lambda: shop.settled(run), within=10)
    assert clock.now() - began > timedelta(hours=9)
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert "broke off" not in caplog.text
    why = [one for one in shop.casework.operators.journal(HERE) if "our own machine cannot dial" in one.after]
    assert len(why) == MOST_LOST and all(one.after.endswith("dial: Operation not permitted") for one in why)


async def test_where_there_is_no_way_any_more_to_anybody_nobody_is_dialled_and_no_test_is_spent(store: Store) -> None:
    async with serving(Host()) as port:
        shop = Shop(store, port, SystemClock())
        run = shop.nominate()
        async with shop.open():
            await until(lambda: shop.settled(run))
            shop.cut = "Network is unreachable"
            await until(lambda: "no way any more to 127.0.0.1" in shop.worker.problem)
            shop.cut = ""
            await until(lambda: not shop.worker.problem)


async def test_who_opts_out_in_the_last_moment_is_not_dialled(store: Store) -> None:
    async with serving(host := Host()) as port:
        shop = Shop(store, port, SystemClock())
        run = shop.nominate()
        file_letters = shop.casework.assignments.file_letters

        def opt_out(*arguments: Any, **more: Any) -> datetime | None:
            counted = file_letters(*arguments, **more)
            shop.casework.operators.exclude(parse_network("127.0.0.1"), reason="asked", actor="operator")
            return counted

        shop.casework.assignments.file_letters = opt_out  # type: ignore[method-assign]
        async with shop.open():
            judged = await until(lambda: shop.settled(run))
    assert host.peers == []
    assert judged.verdict is Verdict.INCONCLUSIVE


async def test_what_harms_a_software_or_is_switched_off_is_left_out_and_said_so(store: Store) -> None:
    async with serving(host := Host("220 mx.host.test ESMTP Service (Lotus Domino Release 8.5) ready")) as port:
        shop = Shop(store, port, SystemClock(), vectors_off=["R17"])
        run = shop.nominate()
        async with shop.open():
            judged = await until(lambda: shop.settled(run))
    left = {vector for vector, outcome in shop.outcomes(run).items() if outcome is Outcome.SKIPPED}
    assert left == {"S02", "X01", "R17"}
    assert "MAIL FROM:<>" not in host.lines
    assert not any("IMCEASMTP" in line for line in host.lines)
    assert judged.verdict is Verdict.CLOSED
    assert "(3 left out on purpose)" in judged.explanation
    replies = {fate.letter.vector: fate.reply for fate in shop.casework.views.run_report(run).letters}
    assert replies["X01"] == "This form is known to harm Lotus Domino."
    assert replies["R17"] == "This form is switched off."


async def test_the_owners_forms_are_sent_only_in_a_full_test(store: Store) -> None:
    async with serving(host := Host()) as port:
        shop = Shop(store, port, SystemClock(), collector={"addresses": ["198.51.100.7"]})
        run = shop.casework.operators.order_test(HERE, profile="full", actor="operator").run
        async with shop.open():
            await until(lambda: shop.settled(run), within=10)
    outcomes = shop.outcomes(run)
    assert outcomes["R22a"] is Outcome.RCPT_5XX
    assert {vector for vector, outcome in outcomes.items() if outcome is Outcome.SKIPPED} == {
        "M01",
        "P03",
        "R18",
        "R22b",
        "S09",
        "T01",
    }
    assert any(line.endswith("@[198.51.100.7]>") for line in host.lines)
    assert any(line.endswith("@#3325256711>") for line in host.lines)
    assert Outcome.UNTRIED not in outcomes.values()


async def test_a_server_that_singles_us_out_is_seen_from_our_second_address(store: Store) -> None:
    async with serving(host := Host()) as port:
        host.takes = lambda peer: peer == "127.0.0.3"
        shop = Shop(store, port, SystemClock(), source_addresses=["127.0.0.2", "127.0.0.3"])
        run = shop.nominate()
        async with shop.open():
            await until(lambda: host.letters and shop.casework.views.run_report(run).run.state is RunState.WAITING)
    assert set(host.peers) == {"127.0.0.2", "127.0.0.3"}, "in one run"


async def test_a_network_with_a_tarpit_has_one_test_at_a_time_for_an_hour(store: Store) -> None:
    clock = HandClock()
    worker = Shop(store, 25, clock).worker
    worker._asked = {parse_address("8.8.4.4"): False}
    assert worker._full().networks == set()
    slow = Transcript(target="8.8.4.4", port=25, source="", started=0.0, flags=frozenset({Flag.TARPIT}))
    worker._heard(parse_address("8.8.4.5"), slow)
    assert worker._full().networks == {parse_network("8.8.4.0/24")}
    assert worker._full().asked == set(), "an owner there does not wait"
    clock.turn(seconds=3600)
    assert worker._full().networks == set()


async def test_a_worker_that_cannot_see_a_stop_does_not_work(store: Store) -> None:
    shop = Shop(store, 25, SystemClock())
    await shop.worker._look()
    looks = 0

    def broken() -> tuple[None, None]:
        nonlocal looks
        looks += 1
        if looks > 1:
            raise RuntimeError("no eyes")
        return None, None

    shop.casework.assignments.heeded = broken  # type: ignore[method-assign, assignment]
    with pytest.raises(RuntimeError, match="no eyes"):
        await asyncio.wait_for(shop.worker.run(shop.stop), 10)


async def test_who_opts_out_while_we_talk_is_left_within_a_second_for_good(store: Store) -> None:
    async with serving(host := Host(silent="MAIL")) as port:
        shop = Shop(store, port, SystemClock())
        run = shop.nominate()
        async with shop.open():
            await asyncio.wait_for(host.quiet.wait(), 5)
            shop.casework.operators.exclude(parse_network("127.0.0.1"), reason="asked", actor="operator")
            await asyncio.wait_for(host.gone.wait(), 1)
            judged = await until(lambda: shop.settled(run), within=2)
    assert judged.verdict is Verdict.INCONCLUSIVE
    assert len(host.peers) == 1
    assert shop.casework.views.look_up(HERE).job is None


async def test_letters_go_out_signed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def sign(message: bytes) -> bytes:
        return b"DKIM-Signature: here\r\n" + message

    monkeypatch.setattr("dnsbl.daemons.worker.signer", lambda terms: lambda guise: sign)
    async with serving(host := Host()) as port:
        host.takes = lambda peer: True
        shop = Shop(store, port, SystemClock())
        shop.nominate(evidence=None)
        async with shop.open():
            await until(lambda: len(host.letters) == 3)
    assert [letter[:22] for letter in host.letters] == [b"DKIM-Signature: here\r\n"] * 3
    assert len({letter.partition(b"Subject:")[2][:20] for letter in host.letters}) == 2, "the last one in other words"


@pytest.mark.parametrize(("own", "sender"), [("proven.host.test", "proven.host.test"), ("", "[127.0.0.1]")])
async def test_the_name_in_a_greeting_stands_in_recipients_and_never_in_a_sender(
    store: Store, monkeypatch: pytest.MonkeyPatch, own: str, sender: str
) -> None:
    async def prove(visit: object, names: tuple[str, ...]) -> str:
        return own

    async with serving(host := Host("220 mail.big.test ESMTP")) as port:
        shop = Shop(store, port, SystemClock())
        monkeypatch.setattr("dnsbl.daemons.visit.Visit.own_name", prove)
        run = shop.nominate()
        async with shop.open():
            await until(lambda: shop.settled(run))
    assert not any("mail.big.test" in line for line in host.lines if line.startswith("MAIL"))
    assert any(line.startswith("MAIL FROM:<s") and line.endswith(f"@{sender}>") for line in host.lines)
    assert any(line.endswith("%c.example.org@mail.big.test>") for line in host.lines)


async def test_a_test_that_has_had_its_share_of_the_hour_is_put_off_in_the_middle_and_keeps_what_it_has(
    store: Store,
) -> None:
    async with serving(host := Host()) as port:
        shop = Shop(store, port, HandClock(), hour_connections=2)
        shop.casework.doors.nominate(
            Nomination(address=HERE, door=Door.WEB, nominator="203.0.113.0/24", reason="", evidence=b"spam")
        )
        async with shop.open():
            job = await until(
                lambda: (
                    (job := shop.casework.views.look_up(HERE).job)
                    and job.state is JobState.QUEUED
                    and job.takes
                    and job
                )
            )
            standing = shop.casework.views.look_up(HERE)
    assert len(host.peers) == 2, "not one connection more"
    assert standing.waits
    made = [outcome for outcome in shop.outcomes(job.run).values() if outcome is not None]
    assert made
    assert standing.job.due > shop.clock.now()


async def test_a_store_that_is_away_for_a_moment_ends_no_conversation(store: Store) -> None:
    """The one whose lease was to be renewed just then was broken off, and the host was offered all once more."""
    async with serving(host := Host(silent="EHLO")) as port:
        shop = Shop(store, port, SystemClock(), lease=0.6)
        renew, away, asked = shop.casework.assignments.renew_lease, [True, False, True], list[bool]()

        def renewed(assignment: Any) -> bool:
            asked.append(away.pop(0) if away else False)
            if asked[-1]:
                raise StoreUnavailable("The store does not answer.")
            return renew(assignment)

        shop.casework.assignments.renew_lease = renewed  # type: ignore[method-assign]
        shop.nominate()
        async with shop.open():
            await host.quiet.wait()
            await until(lambda: len(asked) >= 4)
            assert len(host.peers) == 1 and not host.gone.is_set()


async def test_a_store_that_stays_away_ends_a_test_before_another_worker_may_have_it(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(host := Host(silent="EHLO")) as port:
        shop = Shop(store, port, SystemClock(), lease=0.6)
        asked = list[float]()

        def away(assignment: Any) -> bool:
            asked.append(time.monotonic())
            raise StoreUnavailable("The store does not answer.")

        shop.casework.assignments.renew_lease = away  # type: ignore[method-assign]
        shop.nominate()
        async with shop.open():
            await host.quiet.wait()
            await host.gone.wait()
            await until(lambda: "broke off; its lease brings the job back: The store does not answer." in caplog.text)
        assert len(asked) >= 2
        assert "Traceback" not in caplog.text


async def test_a_job_that_cannot_be_taken_ends_no_conversation_and_is_on_the_board(store: Store, caplog: Any) -> None:
    async with serving(host := Host(silent="EHLO")) as port:
        shop = Shop(store, port, SystemClock())
        take, failing = shop.casework.assignments.take_job, list[bool]()

        def taken(*given: Any, **more: Any) -> Any:
            if failing:
                raise KeyError("x")
            return take(*given, **more)

        shop.casework.assignments.take_job = taken  # type: ignore[method-assign]
        shop.nominate()
        async with shop.open():
            await host.quiet.wait()
            failing.append(True)
            await until(lambda: shop.worker.problem == "No job can be taken: KeyError; the log says more.")
            await shop.looked(2)
            assert not host.gone.is_set()
            failing.clear()
            await until(lambda: not shop.worker.problem)
        assert caplog.text.count("Traceback") == 1
