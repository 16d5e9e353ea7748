"""Dataclasses whose methods are written when they are first called. The standard library's writes all of them at once,
as text that it compiles: half a millisecond for each class, of which a command has a hundred and uses few.

To who checks types it is the standard library's own, and it does the same, but: a record has slots and no base that is
a record, no field of it stands for its making alone, and all that is set or deleted in a frozen one is refused, in what
is made of it too. Holds no record.
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
        setattr(kind, name, _init(kind, frozen) if name == "__init__" else _others(kind, name, frozen))
        return getattr(kind, name)(self, *args, **words)

    return first


def _others(kind: type[Any], name: str, frozen: bool) -> Any:
    """This method as the standard library writes it."""
    twin = dataclasses.make_dataclass(
        kind.__name__,
        [(each.name, each.type, each) for each in dataclasses.fields(kind)],
        namespace={"__doc__": kind.__doc__},
        init=False,
        repr=name == "__repr__",
        eq=name != "__repr__",
        frozen=frozen and name == "__hash__",
    )
    return getattr(twin, name)


def _init(kind: type[Any], frozen: bool) -> Any:
    """What makes a record. The standard library writes, for a frozen class, as much again that stands here already."""
    known: dict[str, Any] = {"__name__": kind.__module__, "_put": object.__setattr__, "_NOTHING": dataclasses.MISSING}
    placed, named, body = ["self"], ["*"], ["pass"]
    keep = "_put(self, {!r}, {})" if frozen else "self.{} = {}"
    for each in dataclasses.fields(kind):
        name, default = each.name, ""
        value = name if each.init else f"_default_{name}"
        if each.default_factory is not dataclasses.MISSING:
            known[f"_make_{name}"], default = each.default_factory, "=_NOTHING"
            value = f"_make_{name}() if {name} is _NOTHING else {name}" if each.init else f"_make_{name}()"
        elif each.default is not dataclasses.MISSING:
            known[f"_default_{name}"], default = each.default, f"=_default_{name}"
        if each.init:
            (named if each.kw_only else placed).append(name + default)
        if each.init or default:
            body.append(keep.format(name, value))
    if hasattr(kind, "__post_init__"):
        body.append("self.__post_init__()")
    head = ", ".join(placed + (named if len(named) > 1 else []))
    exec(f"def __init__({head}):\n " + "\n ".join(body), known)  # noqa: S102 (names of fields alone)
    known["__init__"].__qualname__ = f"{kind.__qualname__}.__init__"
    return known["__init__"]


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
