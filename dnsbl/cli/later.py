"""Imports that wait. Modules with commands name what their commands work with under `with later():`; it is read when a
command first uses it, and not where `-h`, completion or a slip of the tongue needs the commands' words alone.

    with later():
        from dnsbl import opened as lists
        from dnsbl.cli import show

Such a module is there at once, as a whole (`show.done`; `from dnsbl.cli.show import done` would use it already), and
executes at the first look into it: the LazyLoader of the standard library. Modules of other people never wait, nor do
packages that a module is taken out of. `tests/house` holds what a start may read.

To ask such a module for `__spec__` does not wake it: the interpreter does so at each import, up to Python 3.12, and
drops what is raised meanwhile, Ctrl-C too, so that an import would go on with half a module.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import LazyLoader
from types import ModuleType
from typing import Any


class _Asleep(ModuleType):
    """A module that waits; `_kind` of it is the class by which the standard library wakes it."""

    _kind: type[ModuleType] = ModuleType

    def __getattribute__(self, name: str) -> Any:
        if name != "__spec__":
            object.__setattr__(self, "__class__", _Asleep._kind)
            return getattr(self, name)
        return object.__getattribute__(self, name)


class _Loader(LazyLoader):
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        _Asleep._kind = object.__getattribute__(module, "__class__")
        object.__setattr__(module, "__class__", _Asleep)


class _Waiting:
    """Finds modules of ours as everybody does, and has them wait."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(("dnsbl.", "tester.")):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(spec.loader)
        return spec


@contextmanager
def later() -> Iterator[None]:
    """Within, modules of ours that are imported wait until something of them is used."""
    finder = _Waiting()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
