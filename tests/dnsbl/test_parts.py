from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from dnsbl.casework import Casework
from dnsbl.parts import part, read_all
from dnsbl.store import Transaction

WHOLE = """
from __future__ import annotations
from typing import TYPE_CHECKING
from dnsbl.casework import Casework
from dnsbl.parts import part
if TYPE_CHECKING:
    from house.doors import Doors
    from house.views import Views

class House:
    views: part[Views] = part(lambda house, made: made(house.name))

    def __init__(self, name: str) -> None:
        self.name = name

    @part
    def doors(self, made: type[Doors]) -> Doors:
        return made(self.views, self.name)
"""
VIEWS = """
class Views:
    def __init__(self, name):
        self.name = name
"""
DOORS = """
class Doors:
    def __init__(self, views, name):
        self.views, self.name = views, name
"""


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A whole in a package of its own, with two parts in modules beside it."""
    folder = tmp_path / "house"
    folder.mkdir()
    for name, text in {"__init__": "", "whole": WHOLE, "views": VIEWS, "doors": DOORS}.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    from house import whole  # type: ignore[import-not-found]

    yield whole.House
    for name in read():
        del sys.modules[name]


def read() -> set[str]:
    return {name for name in sys.modules if name.split(".")[0] == "house"}


def test_a_parts_module_is_read_when_somebody_reaches_for_the_part(house: Any) -> None:
    one = house("one")
    assert read() == {"house", "house.whole"}
    assert one.views.name == "one"
    assert read() == {"house", "house.whole", "house.views"}
    assert one.doors.name == "one"
    assert "house.doors" in read()


def test_a_part_that_another_one_is_made_of_waits_until_something_of_it_is_asked(house: Any) -> None:
    one = house("one")
    views = one.doors.views
    assert read() == {"house", "house.whole", "house.doors"}
    assert views.name == "one"
    assert "house.views" in read()
    one.views.name = "other"
    assert views.name == "other"
    with pytest.raises(AttributeError, match="'Views' object has no attribute 'none'"):
        _ = views.none


def test_a_part_is_made_once_for_each_whole(house: Any) -> None:
    one, other = house("one"), house("other")
    assert one.doors is one.doors
    assert (one.doors.name, other.doors.name) == ("one", "other")


def test_two_threads_that_reach_for_a_part_at_once_get_the_same_one(house: Any) -> None:
    one, both = house("one"), Barrier(2, timeout=10)

    def make(whole: Any, made: Any) -> Any:
        both.wait()  # both are at making it
        return made(whole, "thread")

    house.doors._make = make
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: one.doors, range(2))
    assert first is second is one.doors


def test_what_is_wrong_in_a_parts_making_is_heard_and_the_next_try_may_succeed(house: Any) -> None:
    one = house("one")
    del one.name
    with pytest.raises(AttributeError, match="'House' object has no attribute 'name'"):
        _ = one.views
    one.name = "again"
    assert one.views.name == "again"


def test_whoever_serves_reads_all_parts_and_makes_none(house: Any) -> None:
    one = house("one")
    read_all(house)
    assert read() == {"house", "house.whole", "house.views", "house.doors"}
    assert vars(one) == {"name": "one"}


@pytest.mark.parametrize(("whole", "package"), [(Transaction, "dnsbl.store"), (Casework, "dnsbl.casework")])
def test_a_shelf_and_a_door_is_of_the_class_that_is_written_at_it(whole: type, package: str) -> None:
    parts = {name: each for name, each in vars(whole).items() if isinstance(each, part)}
    assert len(parts) > 30
    for name, each in parts.items():
        assert each.read().__module__ == f"{package}.{name.lstrip('_')}"


def test_who_serves_has_read_all_shelves_and_doors_when_the_list_is_open(tmp_path: Path) -> None:
    program = """
        import sys
        from dnsbl.dns.zones import Zones
        from dnsbl.opened import open_patiently
        from dnsbl.settings import Settings
        settings = Settings.model_validate({"service": {"state_dir": sys.argv[1]}})
        there = {"dnsbl.store.statistics", "dnsbl.store.watches", "dnsbl.casework.doors", "dnsbl.casework.entrance"}
        there.add("dnsbl.casework.sealing")
        print(*there & sys.modules.keys(), ".")
        open_patiently(settings, Zones(()))
        print(*there - sys.modules.keys(), ".")
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [".", "."]
