"""What a list does, what waits and how its store does, on the metrics page."""

from __future__ import annotations

import logging
import re

import pytest

from dnsbl.clock import HandClock
from dnsbl.errors import DnsblError, Trouble
from dnsbl.logbook.events import EVENTS, tell
from dnsbl.logbook.lines import PARTS
from dnsbl.logbook.tally import Durations, EventTally
from dnsbl.model import WaitingTests, WorkLeft
from dnsbl.serving import workmetrics
from dnsbl.serving.metrics import Page, joined
from dnsbl.serving.workmetrics import StoreWork, Waiting, Work
from dnsbl.vocabulary import JobReason


@pytest.fixture
def log() -> tuple[logging.Logger, EventTally]:
    tally = EventTally()
    logger = logging.Logger("dnsbl.journal", logging.INFO)
    logger.addHandler(tally)
    return logger, tally


def page(*collectors: Work | StoreWork | Waiting) -> list[str]:
    return Page(*collectors).text().decode().splitlines()


def test_what_was_told_is_shown_by_what_became_of_it(log) -> None:
    logger, tally = log
    tell(logger, "nomination-taken", door="web")
    tell(logger, "nomination-refused", door="api", reason="resting")
    tell(logger, "letters-filed", count=17)
    tell(logger, "letters-filed", count=3)
    tell(logger, "listed", kind="relay", reason="letter-returned")
    tell(logger, "part-down", name="web", why="x", pause="1")
    lines = page(Work(tally, "roles", HandClock()))
    for line in (
        'dnsbl_nominations_total{answer="taken",door="web",process="roles"} 1.0',
        'dnsbl_nominations_total{answer="resting",door="api",process="roles"} 1.0',
        'dnsbl_letters_filed_total{process="roles"} 20.0',
        'dnsbl_listed_total{kind="relay",process="roles",reason="letter-returned"} 1.0',
        'dnsbl_part_failures_total{part="web",process="roles"} 1.0',
        'dnsbl_zones_kept_total{process="roles"} 0.0',
        'dnsbl_log_lines_total{level="error",part="journal",process="roles"} 1.0',
        'dnsbl_clock_seconds{process="roles"} 1.7672256e+09',
    ):
        assert line in lines


def test_what_may_wake_somebody_is_shown_as_0_before_it_first_happens() -> None:
    lines = page(Work(EventTally(), "roles", HandClock(), parts=lambda: ["web"]), StoreWork(Durations(()), {}, "roles"))
    for line in (
        *(
            f'dnsbl_log_lines_total{{level="{level}",part="{part}",process="roles"}} 0.0'
            for level in ("warning", "error", "critical")
            for part in set(PARTS.values())
        ),
        'dnsbl_part_failures_total{part="web",process="roles"} 0.0',
        'dnsbl_tests_begun_total{process="roles",reason="nomination"} 0.0',
        'dnsbl_tests_judged_total{process="roles",verdict="REFUSES_TESTER"} 0.0',
        'dnsbl_zones_kept_total{process="roles"} 0.0',
        *(f'dnsbl_store_failures_total{{process="roles",trouble="{trouble}"}} 0.0' for trouble in Trouble),
    ):
        assert line in lines


def test_a_test_is_timed_from_its_begin_to_its_verdict(log) -> None:
    _, tally = log
    for event, at, facts in (
        ("test-begun", 100.0, {"run": "a"}),
        ("test-begun", 110.0, {"run": "a"}),  # taken up again
        ("test-judged", 130.0, {"run": "a", "after": "OPEN"}),
        ("test-judged", 130.0, {"run": "unknown", "after": "OPEN"}),
    ):
        record = logging.LogRecord("dnsbl.journal", logging.INFO, "", 1, "", (), None)
        record.created = at
        record.__dict__.update(event=event, facts=facts)
        tally.handle(record)
    lines = page(Work(tally, "roles", HandClock()))
    assert 'dnsbl_test_seconds_bucket{le="15.0",process="roles",verdict="OPEN"} 0.0' in lines
    assert 'dnsbl_test_seconds_bucket{le="60.0",process="roles",verdict="OPEN"} 1.0' in lines
    assert 'dnsbl_test_seconds_sum{process="roles",verdict="OPEN"} 30.0' in lines
    assert 'dnsbl_tests_judged_total{process="roles",verdict="OPEN"} 2.0' in lines


def test_each_metric_has_the_labels_of_the_events_that_it_counts() -> None:
    for name, (_, labels, events) in workmetrics._METRICS.items():
        for event, tail in events.items():
            assert len(EVENTS[event].counted) + len(tail) == len(labels), (name, event)


def test_the_store_is_shown_by_its_times_and_failures() -> None:
    times = Durations((0.1, 1.0))
    for seconds in (0.1, 0.5, 7.0):
        times.add("write", seconds)
    lines = page(StoreWork(times, {"busy": 2}, "dns"))
    assert [line for line in lines if line.startswith("dnsbl_store_seconds_bucket")] == [
        f'dnsbl_store_seconds_bucket{{le="{bound}",process="dns",way="write"}} {count}.0'
        for bound, count in (("0.1", 1), ("1.0", 2), ("+Inf", 3))
    ]
    assert 'dnsbl_store_seconds_sum{process="dns",way="write"} 7.6' in lines
    assert 'dnsbl_store_failures_total{process="dns",trouble="busy"} 2.0' in lines


def test_what_waits_is_shown_by_reason_and_age_and_nothing_while_the_store_is_away() -> None:
    row = WaitingTests(reason=JobReason.NOMINATION, due=3, later=2, running=1, oldest=90.5)
    left = WorkLeft(
        tests=(row,),
        mails=4,
        oldest_mail=5.0,
        believed=True,
        stopped=False,
        manned={"worker": True, "scheduler": False},
    )
    lines = page(Waiting(lambda: left))
    for line in (
        'dnsbl_queue_tests{reason="nomination",state="due"} 3.0',
        'dnsbl_queue_tests{reason="nomination",state="later"} 2.0',
        'dnsbl_queue_tests{reason="nomination",state="running"} 1.0',
        'dnsbl_queue_oldest_seconds{reason="nomination"} 90.5',
        "dnsbl_notices_waiting 4.0",
        "dnsbl_notices_oldest_seconds 5.0",
        "dnsbl_clock_believed 1.0",
        "dnsbl_testing_stopped 0.0",
        'dnsbl_role_manned{role="scheduler"} 0.0',
        'dnsbl_role_manned{role="worker"} 1.0',
    ):
        assert line in lines

    def away() -> WorkLeft:
        raise DnsblError("no store")

    assert "dnsbl_queue" not in "".join(page(Waiting(away)))
    assert "dnsbl_testing_stopped" not in "".join(page(Waiting(away)))
    assert "dnsbl_testing_stopped 1.0" in page(Waiting(away, lambda: True)), "which needs no store"


def test_two_processes_make_one_page_on_which_each_metric_stands_once(log) -> None:
    logger, tally = log
    tell(logger, "letters-filed", count=1)
    pages = [Page(Work(tally, name, HandClock()), prefix=f"p_{name}").text() for name in ("dns", "roles")]
    text = joined(*pages).decode()
    heads = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(heads) == len(set(heads))
    assert len(re.findall(r"^# HELP", text, re.MULTILINE)) == len(heads)
    told = [
        line for line in text.splitlines() if line.startswith(("# TYPE dnsbl_letters_filed", "dnsbl_letters_filed"))
    ]
    assert told == [
        "# TYPE dnsbl_letters_filed_total counter",
        'dnsbl_letters_filed_total{process="dns"} 1.0',
        'dnsbl_letters_filed_total{process="roles"} 1.0',
    ]
    assert sorted(text.splitlines()) == sorted({*pages[0].decode().splitlines(), *pages[1].decode().splitlines()})
    assert joined(pages[0], b"") == pages[0]
