"""Parts of a whole that are made when somebody first reaches for them, and whose modules are read only then.

    class Casework:
        views: part[Views] = part(lambda whole, made: made(whole.store))

        @part
        def doors(self, made: type[Doors]) -> Doors:
            return made(self.store, self.views)

A part stands in the module of its name (`_judging`, which is nobody else's, in `judging`), in the package of its whole;
its class there is the one that is written at it, and the whole imports that class for types alone. So a program reads
what it uses of a whole with many parts, and what a part is made of stands where the whole does. A part in the hands of
another one waits, too, until something of it is asked for: who is given it imports its class for types alone. Of two
threads that reach for a part at once both get the same one; to make one has no effect beyond it. Who serves reads all
parts at its start (`read_all`): its program may be replaced on the disk.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, Generic, TypeVar, overload

P = TypeVar("P")


class part(Generic[P]):
    """One part: what makes it, of the whole and the part's class."""

    def __init__(self, make: Callable[[Any, type[P]], P]) -> None:
        self._make = make
        self._kind: type[P] | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self._module = f"{sys.modules[owner.__module__].__package__}.{name.lstrip('_')}"
        written: str = owner.__annotations__.get(name) or self._make.__annotations__["return"]
        self._class = written.removeprefix("part[").removesuffix("]")

    @overload
    def __get__(self, whole: None, owner: type) -> part[P]: ...

    @overload
    def __get__(self, whole: object, owner: type) -> P: ...

    def __get__(self, whole: object | None, owner: type) -> P | part[P]:
        if whole is None:
            return self
        made: P = whole.__dict__.setdefault(self._name, self._make(_Others(whole), self.read()))
        return made

    def read(self) -> type[P]:
        """The class of this part, whose module is read with it."""
        if self._kind is None:
            self._kind = getattr(import_module(self._module), self._class)
        return self._kind


class _Others:
    """A whole as one of its parts is made of it: the other parts wait."""

    def __init__(self, whole: object) -> None:
        self._whole = whole

    def __getattr__(self, name: str) -> Any:
        if isinstance(getattr(type(self._whole), name, None), part):
            return _Other(self._whole, name)
        return getattr(self._whole, name)


class _Other:
    """A part in the hands of another one, made when something of it is asked for."""

    def __init__(self, whole: object, name: str) -> None:
        self._of = whole, name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(*self._of), name)


def read_all(whole: type) -> None:
    """Read the modules of all parts of this whole."""
    for each in vars(whole).values():
        if isinstance(each, part):
            each.read()
