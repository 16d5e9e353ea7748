"""Dataclasses whose methods are written when they are first called. The standard library's writes all of them at once,
as text that it compiles: half a millisecond for each class, of which a command has a hundred and uses few.

To who checks types it is the standard library's own, and it does the same, but: a record has slots and no base that is
a record, and all that is set or deleted in a frozen one is refused, in what is made of it too. Holds no record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

T = TypeVar("T")

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, slots: bool, frozen: bool = False, kw_only: bool = False) -> Callable[[type[T]], type[T]]:
        """The class with fields and slots, and with methods that are not written yet."""

        def made(bare: type[T]) -> type[T]:
            own, bare.__doc__ = vars(bare), bare.__doc__ or bare.__name__  # else one is made of a signature, at length
            kind = dataclasses.dataclass(bare, init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)
            for name in ("__init__", "__repr__", "__eq__", "__hash__"):
                if name not in own:
                    setattr(kind, name, None if name == "__hash__" and not frozen else _unwritten(kind, name, frozen))
            if frozen:
                kind.__setattr__, kind.__delattr__ = _refuse_to_set, _refuse_to_delete
                kind.__getstate__, kind.__setstate__ = _state, _set_state
            return kind

        return made


def _unwritten(kind: type[Any], name: str, frozen: bool) -> Callable[..., Any]:
    """A method that is written when it is first called, and then stands in the class."""

    def first(self: Any, *args: Any, **words: Any) -> Any:
        rest = {each: getattr(kind, each) for each in ("__doc__", "__post_init__") if hasattr(kind, each)}
        twin = dataclasses.make_dataclass(
            kind.__name__,
            [(each.name, each.type, each) for each in dataclasses.fields(kind)],
            namespace=rest,
            init=name == "__init__",
            repr=name == "__repr__",
            eq=name in ("__eq__", "__hash__"),
            frozen=frozen,
        )
        setattr(kind, name, getattr(twin, name))
        return getattr(kind, name)(self, *args, **words)

    return first


def _refuse_to_set(self: Any, name: str, value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    """What is copied and handed to other processes."""
    return [getattr(self, each.name) for each in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for each, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, each.name, value)
