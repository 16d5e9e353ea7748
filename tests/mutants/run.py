"""Breaks modules one small change at a time and tells which changes no test notices.

    python tests/mutants/run.py [MODULE.py ...]     `make mutants`, `make mutants ONLY=tester/smtp.py`

A module's tests are its own (the mirrored path), at first with few examples of each property, and, where those see
nothing, with all of them and the neighbours that import the module. Each mutant lives in a forked process alone: put
into the function that stands there with its tests loaded, and held by those that call it; or, where that would come too
late, by way of an import hook. No file is changed. What was found is kept in `.mutants/` until the module or its tests
change, so that a run that was broken off is taken up again. What survives must stand in `explained.toml` with the
reason why no test can or need notice it: a survivor that does not, and an explanation of what does not survive, fail
the run.

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
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from mmap import mmap
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, NoReturn

import pytest
from hypothesis import settings
from mutations import Mutant, applied, mutants
from selection import ROOT, name_of, out_of_reach, pure, tests_of
from swapping import SEEN, Place, Shared, caches, callers, code_at, loaded, places, watched

KEPT = ROOT / ".mutants"
EXPLAINED = Path(__file__).with_name("explained.toml")
#: A mutant may take this many times as long as the module as it is, and some seconds; then it counts as noticed, is
#: named, since a busy machine is slow as well, and is tried again by the next run.
_PATIENCE, _GRACE = 4.0, 2.0
#: Seconds for tests without a change.
_LONG = 600.0
_MEMORY = 4 << 30


class Round(NamedTuple):
    """Tests to be held together."""

    tests: tuple[str, ...]
    examples: str  #: how many of each property: a profile of hypothesis


class Try(NamedTuple):
    """A mutant, and how its tests are held."""

    mutant: Mutant
    hold: Callable[[], bool]  #: in a process of its own; whether all passed
    seconds: float  #: how long the same takes without a change


#: What is told of a try: the mutant's name, whether its tests passed, and whether they were ended by the clock.
Tell = Callable[[str, bool, bool], object]


class Broken(MetaPathFinder, SourceFileLoader):
    """Gives one module out of a changed tree, to whoever imports it; `given` stands in it from the start."""

    def __init__(self, module: str, tree: ast.Module, **given: object) -> None:
        super().__init__(name_of(module), str(ROOT / module))
        self._code, self._given = compile(tree, self.path, "exec"), given

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return (
            importlib.util.spec_from_file_location(fullname, self.path, loader=self) if fullname == self.name else None
        )

    def get_code(self, fullname: str) -> CodeType:
        return self._code

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(self._given)
        super().exec_module(module)


class Held:
    """Tests that are being held in a process of their own, for so many seconds at most."""

    def __init__(self, hold: Callable[[], bool], seconds: float) -> None:
        self.begun = time.monotonic()
        self.late = False  #: whether it was ended because its time was over
        self._until = self.begun + seconds
        self._pid = os.fork()
        if not self._pid:
            _alone(hold)

    def passed(self) -> bool | None:
        """Whether all passed, in time; None while they run."""
        ended, status = os.waitpid(self._pid, os.WNOHANG)
        if not ended and time.monotonic() < self._until:
            return None
        self.late = not ended
        self.end(reaped=bool(ended))
        return bool(ended) and status == 0

    def awaited(self) -> bool:
        """Whether all passed, as soon as that is known."""
        while (passed := self.passed()) is None:
            time.sleep(0.005)
        return passed

    def end(self, *, reaped: bool = False) -> None:
        """Leave nothing of it running."""
        for kill in (os.killpg, os.kill) if not reaped else (os.killpg,):
            with contextlib.suppress(ProcessLookupError):
                kill(self._pid, signal.SIGKILL)
        if not reaped:
            os.waitpid(self._pid, 0)


def _alone(hold: Callable[[], bool]) -> NoReturn:
    """What the new process does."""
    code = 1
    try:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        code = 0 if hold() else 1
    finally:
        os._exit(code)


def _collect(session: pytest.Session, held: Round) -> bool:
    """Load the tests of a round; whether there are any."""
    settings.load_profile(held.examples)
    session.config.args = list(held.tests)
    session.config.hook.pytest_collection(session=session)
    return bool(session.testscollected)


def _hold(session: pytest.Session, items: Sequence[pytest.Item], then: pytest.Item | None = None) -> pytest.Item | None:
    """Hold tests that are loaded; returns the first that fails, and none where there are no tests. What they share with
    the test `then` stays set up."""
    for item, after in zip(items, (*items[1:], then), strict=False):
        session.config.hook.pytest_runtest_protocol(item=item, nextitem=after)
        if session.testsfailed:
            return item
    return None


def _anew(session: pytest.Session, held: Round, broken: Broken) -> bool:
    """Load the tests of a round with a changed module, and hold them."""
    sys.meta_path.insert(0, broken)
    return _collect(session, held) and not _hold(session, session.items)


def _with_pytest(work: Callable[[pytest.Session], None]) -> None:
    """Begin pytest, and do the work as soon as it would look for tests: each process that is forked from there goes on
    with those of a round. To begin is most of what holding a small module's tests costs, and no mutant reaches it.
    """
    faults: list[BaseException] = []

    class Work:
        @pytest.hookimpl(tryfirst=True)
        def pytest_collection(self, session: pytest.Session) -> bool:
            session.config.pluginmanager.unregister(self)
            session.config.option.tbstyle = "line"  # nobody reads of a failure
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


def _preload(session: pytest.Session, module: str, held: Round) -> None:
    """Load what the module's tests need and a change cannot reach."""
    told = os.memfd_create("loaded")

    def look() -> bool:
        found = _collect(session, held)
        _hold(session, list({item.path: item for item in session.items}.values()))  # fixtures import too
        os.write(told, "\n".join(sys.modules).encode())
        return found

    if not Held(look, _LONG).awaited():
        sys.exit(f"The tests of {module} cannot be loaded: {' '.join(held.tests)}")
    _import(out_of_reach(module, os.pread(told, 1 << 24, 0).decode().split("\n")))
    os.close(told)
    gc.freeze()


def _import(modules: Iterable[str]) -> None:
    for name in modules:
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            importlib.import_module(name)


def _swapped(session: pytest.Session, module: str, tree: ast.Module, held: Round, todo: list[Mutant]) -> Iterator[Try]:
    """The tries of mutants of functions, in a process that has loaded the round's tests: each is put into the function
    that stands there, and held by the tests that call it: those that noticed most first, of others the quickest."""
    seen: set[Place] = set()
    sys.meta_path.insert(0, Broken(module, watched(tree), **{SEEN: seen}))
    if not _collect(session, held):
        return
    told = os.memfd_create("calls")

    def look() -> bool:
        calls = []
        session.config.pluginmanager.register(shared := Shared(seen))
        full = caches(str(ROOT))
        for item, after in zip(session.items, (*session.items[1:], None), strict=True):
            for cache in full:
                cache.cache_clear()
            seen.clear()
            begun = time.monotonic()
            if _hold(session, [item], after):
                return False
            calls.append((time.monotonic() - begun, list(seen)))
        told_of = [(seconds, [*called, *shared.seen]) for seconds, called in calls]
        os.write(told, json.dumps([told_of, list(sys.modules)]).encode())
        return True

    if not Held(look, _LONG).awaited():
        sys.exit(f"The tests of {module} fail as it is: {' '.join(held.tests)}")
    calls, modules = json.loads(os.pread(told, 1 << 28, 0))
    _import(modules)  # what tests and fixtures have imported as they ran
    early, stand, place_of = set(seen), loaded(path := str(ROOT / module)), places(tree)
    tests_at, setup = callers(calls), max(seconds for seconds, _ in calls)
    gc.freeze()

    noticing = memoryview(mmap(-1, 4 * len(calls))).cast("I")  # by test, seen by each process

    def hold(functions: list[FunctionType], code: CodeType, tests: list[int]) -> bool:
        for function in functions:
            function.__code__ = code
        if failed := _hold(session, [session.items[n] for n in tests]):
            noticing[session.items.index(failed)] += 1
        return failed is None

    for mutant in todo:
        place = place_of.get(id(mutant.old))
        if place is None or place in early or place not in stand:
            continue
        code, chosen = code_at(compile(applied(tree, mutant), path, "exec"), place), tests_at.get(place, [])
        if code and all(function.__code__.co_freevars == code.co_freevars for function in stand[place]):
            tests = sorted((n for _, n in chosen), key=lambda n: -noticing[n])
            yield Try(mutant, partial(hold, stand[place], code, tests), sum(seconds for seconds, _ in chosen) + setup)


def _reloaded(session: pytest.Session, module: str, tree: ast.Module, held: Round, todo: list[Mutant]) -> Iterator[Try]:
    """The tries of any mutants: the round's tests are loaded with the changed module."""
    if todo:
        run = Held(partial(_anew, session, held, Broken(module, tree)), _LONG)
        if not run.awaited():
            sys.exit(f"The tests of {module} fail as it is: {' '.join(held.tests)}")
        seconds = time.monotonic() - run.begun
        for mutant in todo:
            yield Try(mutant, lambda m=mutant: _anew(session, held, Broken(module, applied(tree, m))), seconds)


def _make(tries: Iterator[Try], jobs: int, until: float, tell: Tell) -> None:
    """Make the tries, some at once, and tell of each; begin none after `until`."""
    running: dict[Held, Try] = {}
    try:
        while True:
            while len(running) < jobs and time.monotonic() < until and (made := next(tries, None)):
                running[Held(made.hold, made.seconds * _PATIENCE + _GRACE)] = made
            if not running:
                return
            for held in list(running):
                if (passed := held.passed()) is not None:
                    tell(running.pop(held).mutant.name, passed, held.late)
            time.sleep(0.002)
    finally:
        for held in running:
            held.end()


def _apart(work: Callable[[Tell], None], tell: Tell) -> None:
    """Do work in a process of its own, and tell here what it tells."""
    answers, told = os.pipe()
    if not (pid := os.fork()):
        code = 1
        try:
            os.close(answers)
            with os.fdopen(told, "w", buffering=1) as out:
                work(lambda *words: print(json.dumps(words), file=out))
            code = 0
        except SystemExit as end:
            print(end, file=sys.stderr)
        finally:
            os._exit(code)
    os.close(told)
    try:
        with os.fdopen(answers) as lines:
            for line in lines:
                tell(*json.loads(line))
    except SystemExit:
        os.kill(pid, signal.SIGTERM)
        raise
    if os.waitpid(pid, 0)[1]:
        sys.exit(1)


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
    rounds = [*([Round((*own,), "few")] if own else []), Round((*own, *users), "many")]
    left = [mutant for mutant in mutants(tree) if mutant.name not in noticed]
    KEPT.mkdir(exist_ok=True)

    def passing(session: pytest.Session, held: Round, todo: list[Mutant]) -> list[Mutant]:
        """The mutants that a round's tests do not notice; what the last round says of them is what is found."""
        passes: dict[str, bool] = {}

        def tell(name: str, passed: bool, ended: bool) -> None:
            passes[name] = passed
            if not passed or held is rounds[-1]:
                noticed[name] = not passed
                (late.add if ended else late.discard)(name)
                found = {"marks": marks, "noticed": noticed, "late": sorted(late)}
                (new := file.with_suffix(".new")).write_text(json.dumps(found, indent=0))
                new.replace(file)  # whole, whenever the run is broken off

        _apart(lambda told: _make(_swapped(session, module, tree, held, todo), jobs, until, told), tell)
        others = [mutant for mutant in todo if mutant.name not in passes]
        _make(_reloaded(session, module, tree, held, others), jobs, until, tell)
        return [mutant for mutant in todo if passes.get(mutant.name)]

    def work(session: pytest.Session) -> None:
        _preload(session, module, rounds[-1])
        todo = left
        for held in rounds:
            todo = passing(session, held, todo) if todo else []

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
    os.environ["MIGRATED"] = str(KEPT / "migrated.db")  # else each mutant waits for a database's tables to be made
    (KEPT / "migrated.db").unlink(missing_ok=True)
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
