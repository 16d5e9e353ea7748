"""A record does what the standard library's dataclass does, and is made without a method being written."""

from __future__ import annotations

import builtins
import copy
import dataclasses
import pickle
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from typing import Any

import pytest

from tester.records import dataclass

ours = dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """By name."""

    name: str
    number: int = 3
    more: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placed:
    """By place."""

    first: int
    second: str = "x"


@dataclass(slots=True)
class Kept:
    """What changes."""

    count: int = 0
    seen: list[int] = field(default_factory=list)
    twice: int = field(init=False)

    def __post_init__(self) -> None:
        self.twice = self.count * 2


def made(by: Callable[..., Any], **words: bool) -> Any:
    """A class by another maker."""

    class Made:
        """By either."""

        name: str
        number: int = 3

    return by(**words)(Made)


def test_a_record_is_made_by_its_fields_and_by_nothing_else() -> None:
    told = Told(name="a")
    assert (told.name, told.number, told.more) == ("a", 3, {})
    assert Told(name="a").more is not told.more
    assert Placed(1) == Placed(first=1, second="x")
    for wrong in (lambda: Told(), lambda: Told("a"), lambda: Told(name="a", none=1), lambda: Placed(1, "x", 2)):  # type: ignore[call-arg,misc]
        with pytest.raises(TypeError):
            wrong()


def test_what_is_missing_is_named_as_by_the_standard_library() -> None:
    found = []
    for by in (ours, dataclasses.dataclass):
        with pytest.raises(TypeError) as error:
            made(by, frozen=True, kw_only=True, slots=True)()
        found.append(str(error.value).rpartition(".")[2])
    assert found[0] == found[1]


def test_records_with_the_same_in_them_are_one_in_sets_and_look_like_what_they_are() -> None:
    assert Placed(1) == Placed(1) != Placed(2)
    assert Placed(1) != (1, "x") and len({Placed(1), Placed(1), Placed(2)}) == 2
    assert repr(Placed(1)) == "Placed(first=1, second='x')"
    assert hash(Placed(1)) == hash((1, "x"))


def test_a_frozen_record_stays_as_it_is() -> None:
    placed = Placed(1)
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'first'"):
        placed.first = 2  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'first'"):
        del placed.first
    assert not hasattr(placed, "__dict__")


def test_one_that_is_not_frozen_changes_and_is_in_no_set() -> None:
    kept = Kept(2)
    assert (kept.twice, kept.seen) == (4, [])
    kept.count = 5
    assert kept != Kept(2) and repr(kept) == "Kept(count=5, seen=[], twice=4)"
    with pytest.raises(TypeError, match="unhashable"):
        hash(kept)


def test_the_standard_librarys_own_verbs_take_a_record() -> None:
    told = replace(Told(name="a"), number=4)
    assert (told.name, told.number) == ("a", 4)
    assert asdict(Placed(1)) == {"first": 1, "second": "x"}
    assert [each.name for each in fields(Told)] == ["name", "number", "more"]
    match Placed(1, "y"):
        case Placed(1, word):
            assert word == "y"


@pytest.mark.parametrize("record", [Told(name="a", more={"b": 1}), Placed(1), Kept(3)])
def test_a_copy_of_a_record_is_equal_to_it_in_another_process_too(record: Any) -> None:
    assert copy.copy(record) == copy.deepcopy(record) == pickle.loads(pickle.dumps(record)) == record


def test_what_a_class_says_itself_stands() -> None:
    @dataclass(frozen=True, slots=True)
    class Spoken:
        """Says what it is."""

        name: str

        def __repr__(self) -> str:
            return f"<{self.name}>"

    assert repr(Spoken("a")) == "<a>" and Spoken("a") == Spoken("a")


def test_nothing_is_compiled_until_a_method_is_called_and_then_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*given: Any) -> None:
        compiled.append(given[0])
        real(*given)

    compiled: list[Any] = []
    real = builtins.exec
    monkeypatch.setattr(builtins, "exec", run)
    kind = made(ours, frozen=True, kw_only=True, slots=True)
    assert compiled == []
    kind(name="a")
    once = len(compiled)
    kind(name="b")
    assert len(compiled) == once > 0


def test_several_threads_that_are_first_get_records_all_the_same() -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            kind = made(ours, frozen=True, kw_only=True, slots=True)
            with ThreadPoolExecutor(8) as threads:
                assert set(threads.map(lambda _, kind=kind: kind(name="a"), range(16))) == {kind(name="a")}
    finally:
        sys.setswitchinterval(before)
