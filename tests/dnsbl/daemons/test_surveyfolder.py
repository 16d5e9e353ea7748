"""The folder of a survey: begun whole, added to in whole lines, by one process at a time."""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path

import pytest

from dnsbl.daemons import surveyfolder
from dnsbl.daemons.surveyfolder import RESULTS, SurveyFolder, folder
from dnsbl.errors import Damaged, DnsblError
from tests.dnsbl.daemons.surveyed import FIRST, laid
from tests.dnsbl.rules.surveys.exhibits import RECORDS


@pytest.mark.parametrize("name", ["", "..", "a/b", "/etc", "A", ".a", "a" * 65, "a\n", "a b"])
def test_a_name_leads_nowhere_else(name: str) -> None:
    with pytest.raises(DnsblError, match="A survey's name"):
        folder(Path("state"), name)
    assert folder(Path("state"), "a.b-c_9") == Path("state/surveys/a.b-c_9")


def test_there_is_no_survey_until_its_last_file_is_there(tmp_path: Path) -> None:
    with pytest.raises(DnsblError, match="There is no survey 's'"):
        SurveyFolder(tmp_path / "s")
    kept = laid(tmp_path / "s", 3, 25)
    (tmp_path / "s" / "survey.json").rename(tmp_path / "s" / "survey.json.new")
    with pytest.raises(DnsblError, match="There is no survey"):
        SurveyFolder(tmp_path / "s")
    assert kept.head["targets"] == 3
    (tmp_path / "s" / "survey.json").write_text("{")
    with pytest.raises(DnsblError, match="cannot be read"):
        SurveyFolder(tmp_path / "s")


def test_the_key_is_nobody_elses_to_read(tmp_path: Path) -> None:
    kept = laid(tmp_path / "s", 1, 25)
    assert os.stat(tmp_path / "s" / "key").st_mode & 0o077 == 0
    assert kept.key.to_json() == SurveyFolder(tmp_path / "s").key.to_json()
    (tmp_path / "s" / "key").write_text("x")
    with pytest.raises(DnsblError, match="key: cannot be read"):
        kept.key  # noqa: B018


def test_targets_are_written_or_counted_and_begin_where_they_are_wanted(tmp_path: Path) -> None:
    kept = laid(tmp_path / "s", 4, 25)
    assert list(kept.targets(2)) == [(2, FIRST + 2), (3, FIRST + 3)]
    counted = laid(tmp_path / "r", 0, 25, networks=["192.0.2.0/30"])
    assert {address for _, address in counted.targets()} == {ip_address("192.0.2.0") + n for n in range(4)}
    assert [number for number, _ in counted.targets(3)] == [3]
    with (tmp_path / "s" / "targets.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(Damaged, match="line 5 cannot be read"):
        list(kept.targets())


def test_what_is_added_comes_back_and_a_line_that_was_cut_off_is_taken_away(tmp_path: Path) -> None:
    kept = laid(tmp_path / "s", 4, 25)
    kept.take()
    for record in RECORDS:
        kept.add(record)
    kept.release()
    assert list(kept.records()) == list(RECORDS)
    with (tmp_path / "s" / RESULTS).open("a") as file:
        file.write('{"host":3,"addr')
    assert list(kept.records()) == list(RECORDS)
    kept.take()
    kept.add(RECORDS[0])
    kept.release()
    assert list(kept.records()) == [*RECORDS, RECORDS[0]]


def test_a_file_of_nothing_but_a_cut_off_line_is_mended_too(tmp_path: Path) -> None:
    kept = laid(tmp_path / "s", 4, 25)
    (tmp_path / "s" / RESULTS).write_text('{"host"')
    kept.take()
    kept.release()
    assert (tmp_path / "s" / RESULTS).read_text() == ""


def test_lines_are_held_until_there_are_many_or_somebody_flushes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = laid(tmp_path / "s", 4, 25)
    kept.take()
    kept.add(RECORDS[0])
    assert list(kept.records()) == []
    kept.flush(safe=True)
    assert list(kept.records()) == [RECORDS[0]]
    monkeypatch.setattr(surveyfolder, "HELD", 10)
    kept.add(RECORDS[1])
    assert len(list(kept.records())) == 2
    kept.release()


def test_one_process_at_a_time_adds(tmp_path: Path) -> None:
    first, second = laid(tmp_path / "s", 1, 25), SurveyFolder(tmp_path / "s")
    first.take()
    with pytest.raises(DnsblError, match="is under way in another process"):
        second.take()
    first.release()
    second.take()
    second.release()
