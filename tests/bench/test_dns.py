"""The DNS bench reckons rightly, with made-up figures; and our small programs do what the bench believes they do."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench import chart, dnsperf, figures, files, inside, report, servers
from bench.figures import (
    ECHO,
    GOALS,
    GUARDS_OFF,
    GUARDS_ON,
    LARGE,
    MIDDLE,
    NSD,
    OURS,
    PLAIN,
    RBLDNSD,
    SMALL,
    TWO,
    Figure,
    Filed,
    Goal,
    Listed,
    Load,
    Measured,
    Row,
)
from dnsbl.config import read_settings, read_zones
from dnsbl.dns import sourced
from dnsbl.dns.listed.table import Table
from dnsbl.rules.bounds import Bounds
from dnsbl.serving.datafiles import read_source
from dnsbl.settings import Settings


def row(name: str, size: int, *cpu: float, resident: float = 50.0, rate: float = 100_000.0) -> Row:
    loads = [Load(rate, one / 4, one * 3 / 4) for one in cpu]
    return Row(name, size, 0.5, resident, loads, [(40.0, 100.0 * one) for one in cpu])


def whole_run() -> Measured:
    """A run in which everything was measured; the second round took place on a machine ten times as slow."""
    rows = [row(ECHO, 0, 4.0, 40.0, 4.0)]
    for size, ours, theirs in ((SMALL, 60.0, 3.0), (MIDDLE, 65.0, 18.0), (LARGE, 100.0, 153.0)):
        grown = 5.5 if size == LARGE else 5.0
        rows += [
            row(OURS, size, grown, grown * 10, grown, resident=ours),
            row(RBLDNSD, size, 6.25, 62.5, 5.0, resident=theirs),
            row(PLAIN, size, 12.5, 125.0, 12.5, rate=55_000.0),
            row(TWO, size, 5.0, 50.0, 5.0),
        ]
    rows += [row(NSD, SMALL, 7.0, 70.0, 7.0), row(GUARDS_OFF, MIDDLE, 5.0, 50.0, 5.0)]
    rows.append(row(GUARDS_ON, MIDDLE, 5.5, 55.0, 5.5))
    listed = Listed(LARGE, [0.003, 0.004, 0.005], [0.1, 0.2], [0.1, 0.25], 700_000, 0, 127.0, 0.3)
    filed = [
        Filed(
            form,
            row(OURS, MIDDLE, one, 4.0, 4.0),
            row(RBLDNSD, MIDDLE, 5.0, 5.0, 5.0),
            [0.1, 0.3, 0.2],
            [0.2],
            10.0,
            40.0,
        )
        for form, one in (("ip4set", 4.0), ("dnset", 3.0))
    ]
    return Measured(rows, [0.02, 0.03], LARGE, [1.6, 1.7, 1.8], MIDDLE, listed, filed)


def test_every_goal_names_a_figure_that_a_whole_run_produces() -> None:
    assert {goal.figure for goal in GOALS} == set(figures.figures(whole_run()))
    assert len({goal.figure for goal in GOALS}) == len(GOALS)


def test_ratios_are_medians_of_rounds_so_that_a_slow_round_changes_nothing() -> None:
    found = figures.figures(whole_run())
    assert found["cpu / rbldnsd"] == Figure(0.8, 0.8, 1.0)
    assert found["cpu / echo"] == Figure(1.25, 1.25, 1.25)
    assert found["cpu, large / middle"].value == pytest.approx(1.1)
    assert found["guards"].value == pytest.approx(1.1)
    assert found["plain / rbldnsd"].value == pytest.approx(0.55)
    assert found["plain / rbldnsd, by CPU"].value == pytest.approx(0.5)
    assert found["p99, large / rbldnsd"].value == pytest.approx(0.88)


def test_of_data_files_the_worst_form_counts() -> None:
    measured = whole_run()
    measured.files[1].reads = [0.05]
    found = figures.figures(measured)
    assert found["files, cpu"].value == pytest.approx(0.8)
    assert found["files, read"].value == pytest.approx(1.0)
    assert found["files, names"].value == pytest.approx(0.25)
    assert "| ip4set | 1,000,000 | 4.00 | 5.00 | 0.8 | 0.200 | 0.200 | 1 | 10 | 40 | 0.25 |" in report.files(measured)


@pytest.mark.parametrize("form", files.FORMS)
def test_a_list_of_each_form_is_read_whole_and_answers_half_of_its_questions(tmp_path: Path, form: str) -> None:
    here = files.made(tmp_path / form, form, 3000)
    port = servers.free_port()
    path = servers.config(here, "state", port=port, table=False)
    assert 0 < inside.read(path) < 10
    zone = next(iter(read_zones(read_settings(path))))
    contents = read_source(zone.sources[0], now=0)
    assert contents.refusals <= (300 if form == "ip4trie" else 0)
    one = sourced.gathered(zone, [contents], 1)
    asked = here.questions.read_text().splitlines()[:400]
    listed = sum(
        bool(sourced.consulted(one, tuple(label.encode() for label in line.split(".bl.bench")[0].split(".")))[0])
        for line in asked
    )
    assert 200 <= listed < 300


def test_memory_growth_is_from_the_smallest_size_to_the_largest() -> None:
    measured = whole_run()
    assert figures.growth(measured, OURS) == pytest.approx(40 / 9.99)
    assert figures.figures(measured)["memory growth / rbldnsd"].value == pytest.approx(40 / 150)
    assert figures.figures(measured)["memory / rbldnsd"].value == pytest.approx(100 / 153)
    assert figures.figures(measured)["memory following / rbldnsd"].value == pytest.approx(127 / 153)
    assert figures.growth(Measured([row(OURS, SMALL, 1.0)]), OURS) is None
    assert figures.growth(Measured(), OURS) is None


def test_what_was_not_measured_at_its_size_is_not_told_as_if_it_were() -> None:
    few = Measured([row(OURS, 50_000, 5.0), row(RBLDNSD, 50_000, 6.0)], [0.01], 50_000, [1.0], 50_000)
    few.listed = Listed(50_000, [0.1], [0.1], [0.1], 10, 0, 80.0, None)
    assert figures.figures(few) == {}
    assert all("not measured" in line for line in report.goals(few)[2:])


@pytest.mark.parametrize(
    ("goal", "value", "met"),
    [
        (Goal("x", "x", 0.9), 0.9, True),
        (Goal("x", "x", 0.9), 0.91, False),
        (Goal("x", "x", 0.4, least=True), 0.4, True),
        (Goal("x", "x", 0.4, least=True), 0.39, False),
        (Goal("x", "x", 1.0, less=True), 1.0, False),
        (Goal("x", "x", 1.0, less=True), 0.99, True),
    ],
)
def test_a_goal_is_met_by_its_median(goal: Goal, value: float, met: bool) -> None:
    assert goal.met(Figure(value, 0.0, 9.0)) is met


def test_the_goal_table_tells_limit_figure_spread_and_whether_it_is_met() -> None:
    measured = whole_run()
    lines = report.goals(measured)
    assert len(lines) == len(GOALS) + 2
    assert "| CPU a query at 1,000,000, ours to rbldnsd's | <= 0.9 | 0.8 (0.8 to 1) | met |" in lines
    assert measured.listed is not None
    measured.listed.lost = 3
    assert "| queries lost while listings come in under load | <= 0 | 3 | **missed** |" in report.goals(measured)


def test_the_page_shows_every_server_and_the_chart_is_well_formed() -> None:
    measured = whole_run()
    page = report.page(measured, "A machine.")
    for server in measured.rows:
        assert f"| {server.size:,} | {server.name} |" in page or f"| none | {server.name} |" in page
    guards = next(line for line in page.splitlines() if GUARDS_ON in line and line.startswith("|"))
    assert guards.endswith("| - | - | - | 0 |")  # other questions, so no ratio
    texts = [one.text for one in ElementTree.fromstring(chart.svg(measured)).iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count(OURS) == 3
    assert {"0.80", "2.00", "153"} <= set(texts)  # ours and plain to rbldnsd, MB


def test_ticks_are_round_and_few() -> None:
    assert [chart.step(highest) for highest in (0.9, 1.0, 2.6, 30.0, 156.0)] == pytest.approx([0.2, 0.2, 1, 10, 50])


SAID = """
> NOERROR 1.0.0.1.bl.bench.test A 0.000200
> NXDOMAIN 1.0.0.2.bl.bench.test A 0.000100
> T 1.0.0.3.bl.bench.test A
Statistics:

  Queries sent:         4
  Queries completed:    3 (75.00%)
  Queries lost:         1 (25.00%)

  Queries per second:   2.999460
"""


def test_what_dnsperf_says_is_read() -> None:
    assert dnsperf.told(SAID) == dnsperf.Told(4, 3, 1, 2.999460)
    assert dnsperf.percentiles(SAID) == pytest.approx((200.0, 200.0))
    for nothing in ("", "Queries sent: 4\nQueries completed: 0\nQueries lost: 4\nQueries per second: 0.0\n"):
        with pytest.raises(ValueError, match="no figures"):
            dnsperf.told(nothing)
    with pytest.raises(ValueError, match="no latencies"):
        dnsperf.percentiles("")


def test_addresses_are_distinct_sorted_and_such_as_the_list_may_hold() -> None:
    found = servers.addresses(3000)
    assert len(found) == 3000
    assert list(found) == sorted(set(found))
    barred = Bounds.of(Settings()).barred(4, 32)
    assert not [number for number in found for first, last in barred if first <= number <= last]
    assert servers.name_of(0x01020304) == "4.3.2.1.bl.bench.test"


def test_a_filled_store_says_what_the_table_says(tmp_path: Path) -> None:
    here = servers.world(tmp_path / "list", 2000)
    path = servers.config(here, "state", port=servers.free_port())
    inside.fill(path, here.numbers)
    assert 0 < inside.look(path) < 1000
    looked, table = Table.mapped(path.parent / "looked"), Table.mapped(here.table)
    assert looked.same_rows(table)
    assert looked.serial == table.serial == 1  # so that a node follows the log from its table on


def test_guards_are_on_where_the_bench_says_so_and_bar_nobody_on_loopback(tmp_path: Path) -> None:
    here = servers.world(tmp_path / "list", 2000)
    on, off = (
        read_settings(servers.config(here, name, port=servers.free_port(), dns=dns)).dns
        for name, dns in (("on", servers.GUARDED), ("off", servers.UNGUARDED))
    )
    assert (len(on.acl), on.rate_allow, on.cookies) == (20, (), "on")
    assert min(on.rate_answers, on.rate_negatives, on.rate_errors) >= 1e7
    assert not [rule for rule in on.acl if ip_address("127.0.0.1") in rule.network]
    assert (off.acl, off.rate_answers, off.rate_negatives, off.rate_errors, off.cookies) == ((), 0, 0, 0, "off")
