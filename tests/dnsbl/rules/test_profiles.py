"""Lists of old as files: each is read back whole by the program, says what it must, and is under names of ours."""

from __future__ import annotations

import re
from functools import reduce
from ipaddress import ip_address
from pathlib import Path

import pytest

from dnsbl.config import read_settings, read_zones
from dnsbl.dns.zones import Zones
from dnsbl.rules import founding, profiles
from dnsbl.rules.founding import Founding
from dnsbl.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
HISTORY = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
MADE = Founding(
    zone="lists.mail-list.net",
    contact="hostmaster@mail-list.net",
    addresses=(ip_address("81.2.69.9"), ip_address("2001:4860::5")),
    base_url="https://lists.mail-list.net",
)
#: What the lists' own tables say: of each zone the code of each kind in it.
CODES = """
orbl or: relay 127.0.0.2
sbl sbl: sbl 127.0.0.2, css 127.0.0.3, drop 127.0.0.9
sbl xbl: xbl 127.0.0.4
sbl pbl: pbl-provider 127.0.0.10, pbl-list 127.0.0.11
sbl zen: sbl 127.0.0.2, css 127.0.0.3, xbl 127.0.0.4, drop 127.0.0.9, pbl-provider 127.0.0.10, pbl-list 127.0.0.11
"""
every = pytest.mark.parametrize("name", profiles.names())


def opened(folder: Path, name: str, found: Founding | None = None) -> tuple[Settings, Zones]:
    """The list as the program reads it."""
    for place, text in profiles.written(profiles.profile(name), found).items():
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    settings = read_settings(folder / "config.toml", {})
    return settings, read_zones(settings)


@every
def test_what_is_written_is_read_back_with_every_setting(name: str, tmp_path: Path) -> None:
    old = profiles.profile(name)
    settings, zones = opened(tmp_path, name)
    assert {zone.origin for zone in zones} == set(old.origins(f"{name}.example.org"))
    given = Settings.model_validate(old.settings)
    assert {section: getattr(settings, section) for section in old.settings} == {
        section: getattr(given, section) for section in old.settings
    }
    usual = Settings()
    for section, table in old.settings.items():
        for key in table:
            same = getattr(getattr(given, section), key) == getattr(getattr(usual, section), key)
            assert not same or f"settings.{section}.{key}" in old.guesses, f"{section}.{key} is ours anyway"


@every
def test_its_zones_answer_for_its_kinds_with_the_codes_of_its_tables(name: str, tmp_path: Path) -> None:
    told = {}
    for line in CODES.strip().splitlines():
        head, _, kinds = line.partition(": ")
        of, label = head.split()
        if of == name:
            told[f"{label}.{name}.example.org"] = dict(each.split() for each in kinds.split(", "))
    _, zones = opened(tmp_path, name)
    assert {
        zone.origin: {kind.name: str(kind.code) for view in zone.views.values() for kind in view.kinds.values()}
        for zone in zones
    } == told


@every
def test_each_kind_is_in_a_zone_and_each_kind_of_a_test_too(name: str) -> None:
    old = profiles.profile(name)
    asked = {kind for zone in old.zones.values() for kind in zone.kinds}
    assert asked == old.kinds.keys()
    assert set(Settings.model_validate(old.settings).policy.kinds) <= asked


@every
def test_each_guess_is_of_something_that_is_there_and_is_marked_in_the_files(name: str) -> None:
    old = profiles.profile(name)
    told = re.sub(r"\n# ", " ", "\n".join(profiles.written(old, None).values()))
    for path, why in old.guesses.items():
        assert reduce(lambda table, key: table[key], path.split("."), old.model_dump()) is not None
        assert f"A guess: {why}." in told, path


@every
def test_founded_under_a_name_of_its_own_nothing_of_the_example_is_left(name: str, tmp_path: Path) -> None:
    old = profiles.profile(name)
    settings, zones = opened(tmp_path, name, MADE)
    assert {zone.origin for zone in zones} == set(old.origins(MADE.zone))
    texts = profiles.written(old, MADE)
    assert not [place for place, text in texts.items() if "example" in text]
    assert settings.tester.source_addresses == MADE.addresses
    records = founding.records(MADE, old.origins(MADE.zone))
    assert {f"{zone.origin}. NS ns1.{MADE.zone}." for zone in zones} <= set(records)
    assert f"ns1.{MADE.zone}. A 81.2.69.9" in records


@every
def test_history_tells_of_it_in_ten_lines_or_so(name: str) -> None:
    _, heading, section = HISTORY.partition(f"\n## `{name}`: ")
    assert heading, f"docs/history.md has no section `{name}`"
    section = section.partition("\n## ")[0]
    assert 8 <= len(section.strip().splitlines()) <= 16, "ten lines or so"
    for word in ("**What it was.**", "**How it ended.**", "**Ours.**", "Sources: "):
        assert word in section, word


def test_no_profile_bears_the_name_of_a_list_that_somebody_may_still_ask() -> None:
    for name in profiles.names():
        for text in profiles.written(profiles.profile(name), None).values():
            assert not re.findall(r"(?:origin|ns|mname) = .*(?<!\.example\.org)\"\]?$", text, re.MULTILINE)


def test_a_profile_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no profile 'nonsense'; there are .*orbl"):
        profiles.profile("nonsense")
    with pytest.raises(ValueError, match="no profile"):
        profiles.profile("../historic/orbl")
