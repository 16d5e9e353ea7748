"""Breaks modules one small change at a time and tells which changes no test notices.

    python tests/mutants/run.py [MODULE.py ...]     `make mutants`, `make mutants ONLY=tester/smtp.py`

A module's tests are its own (the mirrored path), at first with few examples of each property, and, where those see
nothing, with all of them and the neighbours that import the module. Each mutant lives in a forked process alone, by way
of an import hook: no file is changed. What was found is kept in `.mutants/` until the module or its tests change, so
that a run that was broken off is taken up again. What survives must stand in `explained.toml` with the reason why no
test can or need notice it: a survivor that does not, and an explanation of what does not survive, fail the run.

Why our own: mutmut 3 changes only the bodies of functions, and here the rules are tables, enums and constants;
cosmic-ray has no clause, member or keyword left out, makes ten nonsense operators of each one, edits the files in place
and starts an interpreter a mutant, two to four seconds where a fork that finds its libraries loaded needs less than
half of one.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import time
import tomllib
import warnings
from collections import deque
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, NoReturn

import pytest
from hypothesis import settings
from mutations import Mutant, applied, mutants
from selection import ROOT, name_of, out_of_reach, pure, tests_of

KEPT = ROOT / ".mutants"
EXPLAINED = Path(__file__).with_name("explained.toml")
#: A mutant may take this many times as long as the module as it is, and some seconds; then it counts as noticed, is
#: named, since a busy machine is slow as well, and is tried again by the next run.
_PATIENCE, _GRACE = 3.0, 5.0
_MEMORY = 4 << 30


class Round(NamedTuple):
    """Tests to be held together."""

    tests: tuple[str, ...]
    examples: str  #: how many of each property: a profile of hypothesis


class Broken(MetaPathFinder, SourceFileLoader):
    """Gives one module out of a changed tree, to whoever imports it."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        super().__init__(name_of(module), str(ROOT / module))
        self._code = compile(tree, self.path, "exec")

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return (
            importlib.util.spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None
        )

    def get_code(self, fullname: str) -> CodeType:
        return self._code


class Held:
    """Tests that are being held in a process of their own, for so many seconds at most.

    `prepare` is called in the new process; it may return where to tell which modules were loaded in the end.
    """

    def __init__(self, session: pytest.Session, held: Round, seconds: float, prepare: Callable[[], int | None]) -> None:
        self.begun = time.monotonic()
        self.late = False  #: whether it was ended because its time was over
        self._until = self.begun + seconds
        self._pid = os.fork()
        if not self._pid:
            _hold(session, held, prepare)

    def passed(self) -> bool | None:
        """Whether all passed, in time; None while they run."""
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if not ended and time.monotonic() < self._until:
            return None
        self.late = not ended
        self.end(reaped=bool(ended))
        return bool(ended) and status == 0

    def end(self, *, reaped: bool = False) -> None:
        """Leave nothing of it running."""
        for kill in (os.killpg, os.kill) if not reaped else (os.killpg,):
            with contextlib.suppress(ProcessLookupError):
                kill(self._pid, signal.SIGKILL)
        if not reaped:
            os.waitpid(self._pid, 0)


def _hold(session: pytest.Session, held: Round, prepare: Callable[[], int | None]) -> NoReturn:
    """What the new process does."""
    code = 1
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        told = prepare()
        settings.load_profile(held.examples)
        session.config.args = list(held.tests)
        session.config.hook.pytest_collection(session=session)
        session.config.hook.pytest_runtestloop(session=session)
        code = 0 if session.testscollected and not session.testsfailed else 1
        if told is not None:
            Path(f"/dev/fd/{told}").write_text("\n".join(sys.modules))
    finally:
        os._exit(code)


def _with_pytest(work: Callable[[pytest.Session], None]) -> None:
    """Begin pytest, and do the work as soon as it would look for tests: each process that is forked from there goes on
    with those of a round. To begin is most of what holding a small module's tests costs, and no mutant reaches it.
    """
    faults: list[BaseException] = []

    class Work:
        @pytest.hookimpl(tryfirst=True)
        def pytest_collection(self, session: pytest.Session) -> bool:
            session.config.pluginmanager.unregister(self)
            try:
                work(session)
            except BaseException as fault:
                faults.append(fault)
            return True

    plain = ("-x", "-oaddopts=--import-mode=importlib")
    quiet = ("-s", "-W", "ignore::pytest.PytestAssertRewriteWarning")  # of what was loaded beforehand
    without = [word for name in ("cacheprovider", "xdist", "terminal") for word in ("-p", f"no:{name}")]
    pytest.main([*plain, *quiet, *without, str(Path(__file__).with_name("test_mutations.py"))], [Work()])
    if faults:
        raise faults[0]


def _baseline(session: pytest.Session, module: str, tree: ast.Module, held: Round) -> float:
    """Load what the module's tests need and a change cannot reach; returns the seconds that they take from then on."""
    loaded = os.memfd_create("loaded")
    for prepare in (lambda: loaded, lambda: sys.meta_path.insert(0, Broken(module, tree))):
        run = Held(session, held, 600, prepare)
        while (passed := run.passed()) is None:
            time.sleep(0.01)
        if not passed:
            sys.exit(f"The tests of {module} fail as it is: {' '.join(held.tests)}")
        for name in out_of_reach(module, os.pread(loaded, 1 << 24, 0).decode().split("\n")):
            with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
                importlib.import_module(name)
    os.close(loaded)
    gc.freeze()
    return time.monotonic() - run.begun


def try_module(module: str, *, jobs: int, until: float, trust: bool) -> tuple[dict[str, bool], set[str]]:
    """Which mutants of a module were noticed, those that time did not suffice for not named; and by the clock alone.

    `trust`: what was noticed once counts as noticed, although the tests have changed since.
    """
    own, users = tests_of(module)
    source = (ROOT / module).read_bytes()
    marks = [sha256(source).hexdigest(), sha256(b"".join((ROOT / p).read_bytes() for p in own + users)).hexdigest()]
    file = KEPT / f"{name_of(module)}.json"
    kept = json.loads(file.read_text()) if file.is_file() else {"marks": [], "noticed": {}, "late": []}
    late = set(kept["late"])
    noticed: dict[str, bool] = {name: seen for name, seen in kept["noticed"].items() if name not in late}
    if kept["marks"] != marks:
        noticed = {name: True for name, seen in noticed.items() if seen and trust and kept["marks"][0] == marks[0]}
    tree = ast.parse(source)
    if not own + users:
        sys.exit(f"{module} has no tests")
    whole = Round((*own, *users), "many")
    rounds = [Round((*own,), "few"), whole] if own else [whole]
    left = deque((mutant, 0) for mutant in mutants(tree) if mutant.name not in noticed)
    running: dict[Held, tuple[Mutant, int]] = {}
    patience: dict[int, float] = {}
    KEPT.mkdir(exist_ok=True)

    def prepare(mutant: Mutant) -> None:
        sys.meta_path.insert(0, Broken(module, applied(tree, mutant)))

    def work(session: pytest.Session) -> None:
        try:
            while running or (left and time.monotonic() < until):
                while left and len(running) < jobs and time.monotonic() < until:
                    mutant, n = left.popleft()
                    if n not in patience:
                        patience[n] = _baseline(session, module, tree, rounds[n]) * _PATIENCE + _GRACE
                    running[Held(session, rounds[n], patience[n], partial(prepare, mutant))] = mutant, n
                for held in list(running):
                    if (passed := held.passed()) is None:
                        continue
                    mutant, n = running.pop(held)
                    if passed and n + 1 < len(rounds):
                        left.appendleft((mutant, n + 1))
                        continue
                    noticed[mutant.name] = not passed
                    (late.add if held.late else late.discard)(mutant.name)
                    file.write_text(json.dumps({"marks": marks, "noticed": noticed, "late": sorted(late)}, indent=0))
                time.sleep(0.005)
        finally:
            for held in running:
                held.end()

    if left:
        _with_pytest(work)
    return noticed, late & noticed.keys()


def report(module: str, noticed: dict[str, bool], late: set[str], explained: dict[str, str]) -> bool:
    """Say what was found; returns whether every mutant was tried and each survivor, and nothing else, is explained."""
    names = [mutant.name for mutant in mutants(ast.parse((ROOT / module).read_bytes()))]
    new = [name for name in names if noticed.get(name) is False and name not in explained]
    stale = [name for name in explained if noticed.get(name, name not in names)]
    untried = len(names) - len(noticed)
    survived = len(noticed) - sum(noticed.values())
    print(f"{module}: {len(names)} mutants, {survived} survived, {len(explained)} explained, {untried} not tried")
    for name in new:
        print(f"  not noticed: {name}")
    for name in sorted(late):
        print(f"  noticed by the clock alone: {name}")
    for name in stale:
        print(f"  explained, but noticed or gone: {name}")
    return not (new or stale or untried)


def main() -> int:
    parser = argparse.ArgumentParser(description="Break modules by small changes; tell which no test notices.")
    parser.add_argument("modules", nargs="*", metavar="MODULE.py")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--minutes", type=float, default=60.0, help="begin nothing new after this time")
    parser.add_argument("--trust", action="store_true", help="do not try again what was noticed by older tests")
    given = parser.parse_args()
    until = time.monotonic() + 60 * given.minutes
    explained = tomllib.loads(EXPLAINED.read_text())
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode = False  # else every mutant has the assertions of its tests rewritten anew
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("broken off"))
    well = True
    for module in given.modules or pure():
        if not (child := os.fork()):  # what one module's tests have loaded is not there for the next one's
            noticed, late = try_module(module, jobs=given.jobs, until=until, trust=given.trust)
            sys.exit(0 if report(module, noticed, late, explained.get(module, {})) else 1)
        try:
            well &= os.waitpid(child, 0)[1] == 0
        except SystemExit:  # whoever ends this one means that one too
            os.kill(child, signal.SIGTERM)
            raise
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
