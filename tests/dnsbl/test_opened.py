"""A list is opened: with what it needs made, and in the patience that serving has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dnsbl.config import read_zones
from dnsbl.dns.listed.table import Table
from dnsbl.errors import DnsblError, StoreUnavailable
from dnsbl.files import write_whole
from dnsbl.opened import OpenedList, open_list, open_patiently, open_with
from dnsbl.places import table_path
from dnsbl.settings import Settings

ZONES = Path(__file__).resolve().parents[2] / "zones"


def settings_at(state: Path, **more: Any) -> Settings:
    return Settings.model_validate({"service": {"state_dir": state}, "dns": {"zones_dir": ZONES}} | more)


def opened_at(state: Path, **more: Any) -> OpenedList:
    settings = settings_at(state, **more)
    return open_with(settings, read_zones(settings))


def test_a_new_list_gets_its_folder_its_tables_and_its_keys(tmp_path: Path) -> None:
    opened = opened_at(tmp_path / "a" / "state")
    assert opened.casework.contents.last_change() == 0
    assert (tmp_path / "a" / "state").stat().st_mode & 0o777 == 0o750
    opened.keyring.ready()
    keys = (tmp_path / "a" / "state" / "keys.json").read_bytes()
    opened.store.close()
    again = opened_at(tmp_path / "a" / "state")
    again.keyring.ready()
    assert (tmp_path / "a" / "state" / "keys.json").read_bytes() == keys
    again.store.close()


def test_a_list_is_opened_from_its_configuration_too(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[service]\nstate_dir = "{tmp_path}/state"\n[dns]\nzones_dir = "{ZONES}"\n')
    opened = open_list(config)
    assert opened.settings.service.state_dir == tmp_path / "state"
    assert [zone.origin for zone in opened.zones] == [zone.origin for zone in read_zones(opened.settings)]
    opened.store.close()


def test_a_folder_that_cannot_be_made_is_one_sentence_however_the_list_is_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    settings = settings_at(tmp_path / "file" / "state")
    zones = read_zones(settings)
    with pytest.raises(DnsblError, match=r"service.state_dir cannot be made: Not a directory\."):
        open_with(settings, zones)
    opened = open_patiently(settings, zones)
    with pytest.raises(DnsblError, match=r"service.state_dir|cannot be (opened|read|made|reached)|Not a directory"):
        opened.keyring.ready()
    assert "service.state_dir cannot be made: Not a directory" in caplog.text


def test_who_serves_begins_without_the_database_and_asks_for_the_database_when_it_is_needed(tmp_path: Path) -> None:
    settings = settings_at(tmp_path / "state", database={"url": f"sqlite:///{tmp_path}/missing/list.db"})
    opened = open_patiently(settings, read_zones(settings))
    with pytest.raises(StoreUnavailable, match=f"there is no folder {tmp_path}/missing: `mkdir -p {tmp_path}/missing`"):
        opened.casework.contents.last_change()
    (tmp_path / "missing").mkdir()
    assert opened.casework.contents.last_change() == 0
    opened.store.close()


@pytest.mark.parametrize("patient", [True, False])
def test_a_database_that_is_gone_after_the_list_has_served_is_not_made_anew(tmp_path: Path, patient: bool) -> None:
    opened = opened_at(tmp_path)
    write_whole(table_path(opened.settings), Table.of([]).parts())
    opened.store.close()
    (tmp_path / "dnsbl.db").unlink()
    reopen = open_patiently if patient else open_with
    with pytest.raises(StoreUnavailable):
        reopen(opened.settings, opened.zones).casework.contents.last_change()
    assert not (tmp_path / "dnsbl.db").exists()


def test_a_folder_for_the_database_inside_the_state_folder_is_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/state/of/list.db"
    opened = opened_at(tmp_path / "state", database={"url": url})
    assert opened.casework.contents.last_change() == 0 and (tmp_path / "state" / "of" / "list.db").exists()
    opened.store.close()
