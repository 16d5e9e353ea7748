"""Takes statements to the driver for one transaction, so that a turn of the writers is short.

A statement that was built once (`prepared`) is compiled once too, for each number of values in its lists; SQLAlchemy
would take it through its own execution each time, which costs several times what the database does. Any other goes
that way.

Within a transaction nobody else can change what it sees, so a prepared question that was answered is not asked again
until something is written to its tables. (On PostgreSQL what is written without a turn, see `database`, may come
between two questions: who asks for that asks once.) What is written `later` goes out together, to PostgreSQL in one
message: before a statement on the same tables, before one that is not prepared, and at the end at the latest.

Over 400 lines, since a statement, how it is put to a driver and who puts it are of no use to one without the others.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from itertools import starmap
from typing import Any, NamedTuple, TypeVarTuple, overload

from sqlalchemy import (
    BindParameter,
    Connection,
    CursorResult,
    Dialect,
    Executable,
    Insert,
    Select,
    Table,
    bindparam,
    text,
)
from sqlalchemy.sql import visitors
from sqlalchemy.sql.selectable import TypedReturnsRows

from dnsbl.store.rows import Rows
from dnsbl.store.together import together

Ts = TypeVarTuple("Ts")

Values = Mapping[str, Any]
#: Rows that wait at most.
AT_ONCE = 1000
#: Answers that a transaction keeps at most; then it forgets them all. Values in lists up to which a text is kept.
KNOWN, LISTED = 200, 150
_Processor = Callable[[Any], Any]
#: Where a value stands in a text for PostgreSQL's driver, or a percent sign.
_NAMED = re.compile(r"%(?:\((\w+)\)s|%)")


class _Bind(NamedTuple):
    """Where a value of the driver's comes from."""

    of: str  #: as we are given it, "" where it is the same at all times
    place: int | None  #: which of a list's values
    process: _Processor | None
    always: Any  #: what it is at all times


class _Plan:
    """One text for the driver, and how values and rows are made for it."""

    def __init__(self, statement: Executable, dialect: Dialect, values: Values, many: bool) -> None:
        keys = sorted(values) if getattr(statement, "is_dml", False) else None
        compiled: Any = statement.compile(dialect=dialect, column_keys=keys, for_executemany=many)  # type: ignore[attr-defined]
        every, processors = compiled.construct_params(values, escape_names=False), dict(compiled._bind_processors)
        self.sql, order, lists = compiled.string, compiled.positiontup, {}
        if compiled.post_compile_params or compiled.literal_execute_params:
            spread = compiled.construct_expanded_state(values, escape_names=False)
            self.sql, order, every = spread.statement, spread.positiontup, spread.parameters
            processors |= spread.processors
            lists = {
                name: (of, place)
                for of, names in spread.parameter_expansion.items()
                for place, name in enumerate(names)
            }
        if not compiled.positional:
            self.sql, order = numbered(self.sql)
        self._binds = []
        for name in order or ():
            of, place = lists.get(name, (name, None))
            process, known = processors.get(name), of in values
            always = None if known else process(every[name]) if process else every[name]
            self._binds.append(_Bind(of if known else "", place, process, always))
        self.columns = compiled._result_columns
        self.brings_rows = bool(self.columns)
        self._dialect = dialect
        self._made: tuple[Any, list[tuple[int, _Processor]]] | None = None

    def bound(self, values: Values) -> tuple[Any, ...]:
        """The values as the driver takes them, in their order."""
        found = []
        for of, place, process, always in self._binds:
            if of:
                value = values[of] if place is None else values[of][place]
                found.append(process(value) if process else value)
            else:
                found.append(always)
        return tuple(found)

    def rows(self, found: Sequence[Any], tell: Callable[[], Sequence[Any]]) -> list[Any]:
        """What the driver has found; asked the first time, it tells of each column what it is."""
        if not found:
            return []
        if self._made is None:
            names = [entry.keyname for entry in self.columns]
            types = zip(self.columns, tell(), strict=True)
            processors = [entry.type._cached_result_processor(self._dialect, one[1]) for entry, one in types]
            told_apart = namedtuple("Row", names, rename=True)  # type: ignore[misc]
            self._made = told_apart, [(place, each) for place, each in enumerate(processors) if each is not None]
        row, processors = self._made
        if not processors:
            return list(starmap(row, found))
        made = []
        for raw in found:
            whole = list(raw)
            for place, process in processors:
                whole[place] = process(whole[place])
            made.append(row._make(whole))
        return made


def numbered(sql: str) -> tuple[str, list[str]]:
    """A text whose values have names (`%(name)s`, with each other percent sign doubled) as PostgreSQL takes it, with
    numbers ($1), and the names in the order of these."""
    names: dict[str, int] = {}

    def told(found: re.Match[str]) -> str:
        return f"${names.setdefault(found[1], len(names) + 1)}" if found[1] else "%"

    return _NAMED.sub(told, sql), list(names)


class Prepared:
    """A statement that was built once. `fresh`: its answer may be another one each time; `into`: the table that a text
    writes to."""

    def __init__(self, statement: Any, *, fresh: bool = False, into: Table | None = None) -> None:
        inline = isinstance(statement, Insert) and not statement._returning
        self.statement = statement.inline() if inline else statement
        self.asks = isinstance(statement, Select) and statement._for_update_arg is None
        self.fresh = fresh
        self.writes = into is not None or bool(getattr(statement, "is_dml", False))
        self._into = into
        self._plans: dict[tuple[Any, ...], _Plan] = {}

    # What is read of the statement is read when it is first put: of all that a shelf has, a verb puts few.

    @cached_property
    def _tables(self) -> frozenset[Table]:
        found = frozenset(each for each in visitors.iterate(self.statement) if isinstance(each, Table))
        return found if self._into is None else found | {self._into}

    @cached_property
    def tables(self) -> frozenset[str]:
        """The tables that it reads or writes."""
        return frozenset(each.name for each in self._tables)

    @cached_property
    def rests_on(self) -> frozenset[str]:
        """The same, and those whose rows must be there before what it writes."""
        keys = (key for each in self._tables if self.writes for key in each.foreign_keys)
        return self.tables.union(key.column.table.name for key in keys)

    @cached_property
    def _lists(self) -> tuple[str, ...]:
        parts = visitors.iterate(self.statement)
        lists = (each.key for each in parts if isinstance(each, BindParameter) and each.expanding and each.required)
        return tuple(dict.fromkeys(lists))

    def comes_behind(self, other: Prepared) -> bool:
        """Whether it must not be put before another one that writes."""
        return not self.rests_on.isdisjoint(other.rests_on if self.writes else other.tables)

    def plan(self, dialect: Dialect, values: Values, *, many: bool = False) -> _Plan:
        """How it is put to this database with values of this form."""
        lengths = [len(values[name]) for name in self._lists] if self._lists else []
        form = (dialect.name, many, *lengths, *values) if self.writes else (dialect.name, *lengths)
        plan = self._plans.get(form)
        if plan is None:
            plan = _Plan(self.statement, dialect, values, many)
            if sum(lengths) <= LISTED:
                self._plans[form] = plan
        return plan


def prepared(statement: Executable, *, fresh: bool = False) -> Prepared:
    """This statement, to be asked often."""
    return Prepared(statement, fresh=fresh)


def counting(table: Table) -> Prepared:
    """Add to the numbers of the row with this key, or begin it; the same words on both databases."""
    key = [column.name for column in table.primary_key]
    numbers = [column.name for column in table.columns if column.name not in key]
    names = ", ".join((*key, *numbers))
    values = ", ".join(f":{name}" for name in (*key, *numbers))
    more = ", ".join(f"{name} = {table.name}.{name} + excluded.{name}" for name in numbers)
    told = text(
        f"INSERT INTO {table.name} ({names}) VALUES ({values}) ON CONFLICT ({', '.join(key)}) DO UPDATE SET {more}"
    )
    return Prepared(told.bindparams(*(bindparam(each.name, type_=each.type) for each in table.columns)), into=table)


class _Waiting(NamedTuple):
    """Rows of one form that one statement will write."""

    statement: Prepared
    form: tuple[str, ...]
    rows: list[Values]


class _Foreseen(Exception):
    """A question that is not to be put yet."""

    def __init__(self, key: tuple[Any, ...], statement: Prepared, values: Values) -> None:
        super().__init__()
        self.key, self.statement, self.values = key, statement, values


class Clerk:
    """One transaction's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.dialect = connection.dialect
        self._cursor: Any = None
        engine: Any = connection.engine
        self._heard = getattr(engine, "_proxied", engine).dispatch  # who listens, as they are at any moment
        self._known: dict[tuple[Any, ...], tuple[Prepared, Rows]] = {}
        self._later: list[_Waiting] = []
        self._waits = self.dialect.name == "postgresql"  # for each message, so that several go out as one
        self.wrote = False  #: whether anything was, or may have been, written
        self._foresees = False

    @property
    def connection(self) -> Connection:
        """What lies below; whatever waits has gone out, and nothing counts as known."""
        self.finish()
        self._known.clear()
        self.wrote = True
        return self._connection

    @overload
    def execute(self, statement: Prepared, values: Values | Sequence[Values] = ...) -> Rows: ...
    @overload
    def execute(
        self, statement: TypedReturnsRows[*Ts], values: Values | Sequence[Values] | None = ...
    ) -> CursorResult[*Ts]: ...
    @overload
    def execute(
        self, statement: Executable, values: Values | Sequence[Values] | None = ...
    ) -> CursorResult[*tuple[Any, ...]]: ...
    def execute(self, statement: Prepared | Executable, values: Values | Sequence[Values] | None = None) -> Any:
        """Put a statement, or a prepared one that writes, once for each of several rows."""
        if not isinstance(statement, Prepared):
            self.finish()
            if not isinstance(statement, Select):
                self._known.clear()
                self.wrote = True
            return self._connection.execute(statement, values)
        if any(statement.comes_behind(each.statement) for each in self._later):
            self.finish()
        if statement.asks:
            return self._asked(statement, values or {})  # type: ignore[arg-type]
        self._written(statement)
        if isinstance(values, Mapping) or values is None:
            return self._put(statement, values or {})
        return self._put_many(statement, values)

    def later(self, statement: Prepared, *rows: Values) -> None:
        """Write rows of one form by and by, in their order with all that rests on the same tables."""
        if not rows:
            return
        self._written(statement)
        self._group(statement, tuple(rows[0])).extend(rows)
        if sum(len(each.rows) for each in self._later) >= AT_ONCE:
            self.finish()

    def _group(self, statement: Prepared, form: tuple[str, ...]) -> list[Values]:
        """Where rows wait that nothing must come before but what waits already."""
        for each in reversed(self._later):
            if each.statement is statement and each.form == form:
                return each.rows
            if statement.comes_behind(each.statement):
                break
        self._later.append(_Waiting(statement, form, []))
        return self._later[-1].rows

    def finish(self, *words: str) -> None:
        """Write whatever waits, and say these words behind it (PostgreSQL), all in one message."""
        waiting, self._later = self._later, []
        if not self._waits:
            for each in waiting:
                self._put_many(each.statement, each.rows)
        elif waiting or words:
            self._put_together(waiting, words)

    def leave(self) -> None:
        """Let go of the connection before it is somebody else's: whoever holds us longer, as a frame does that has not
        ended, would else have a cursor end amid the other's work, whose statement SQLite's driver takes back then."""
        if self._cursor is not None:
            self._cursor.close()
            self._cursor = None

    def _put_together(self, waiting: Sequence[_Waiting], words: Sequence[str]) -> None:
        """In a pipeline of the driver's, in which each statement has a cursor of its own. Raises what the driver does,
        and its InFailedSqlTransaction where COMMIT has taken all back: a statement had failed, and nobody said so."""
        own: Any = self._connection.connection.dbapi_connection
        kept, said = self._cursor, {}
        try:
            with own.pipeline():
                for each in waiting:
                    self._cursor = self._new_cursor()
                    self._put_many(each.statement, each.rows)
                for word in words:
                    said[word] = own.execute(word, prepare=False)
        finally:
            self._cursor = kept
        if "COMMIT" in said and said["COMMIT"].statusmessage != "COMMIT":
            raise self.dialect.loaded_dbapi.errors.InFailedSqlTransaction("nothing was committed")

    def foresee(self, *asks: Callable[[], object]) -> None:
        """Put together, in one statement, what each of these will ask: the first prepared question of each that is not
        known yet. Each is called, and broken off as it asks. Its answer is known from then on, until its tables are
        written to; a fresh one is so for one time. SQLite, which answers in less time than this takes, is asked each
        in its time."""
        if not self._waits:
            return
        wanted: dict[tuple[Any, ...], _Foreseen] = {}
        self._foresees = True
        try:
            for ask in asks:
                try:
                    ask()
                except _Foreseen as question:
                    wanted[question.key] = question
        finally:
            self._foresees = False
        if len(wanted) < 2:
            return  # it is as well asked in its time
        plans = tuple(each.statement.plan(self.dialect, each.values) for each in wanted.values())
        whole = together(plans, self.dialect)
        cursor = self._sent(whole.sql, whole.bound([each.values for each in wanted.values()]), many=False)
        found = whole.split(cursor.fetchall())
        for number, (each, plan, rows) in enumerate(zip(wanted.values(), plans, found, strict=True)):
            self._know(each.key, each.statement, Rows(plan.rows(rows, partial(whole.told, cursor, number)), len(rows)))

    def _asked(self, statement: Prepared, values: Values) -> Rows:
        key = (statement, *(tuple(each) if isinstance(each, list) else each for each in values.values()))
        known = self._known.get(key)
        if self._foresees and known is None:
            raise _Foreseen(key, statement, values)
        if known is None:
            known = self._know(key, statement, self._put(statement, values))
        if statement.fresh and not self._foresees:
            del self._known[key]
        return known[1]

    def _know(self, key: tuple[Any, ...], statement: Prepared, rows: Rows) -> tuple[Prepared, Rows]:
        if len(self._known) == KNOWN:
            self._known.clear()
        self._known[key] = statement, rows
        return self._known[key]

    def _written(self, statement: Prepared) -> None:
        """What was known of its tables is known no longer."""
        self.wrote = self.wrote or statement.writes
        if statement.writes and self._known:
            gone = [key for key, (asked, _) in self._known.items() if not asked.tables.isdisjoint(statement.tables)]
            for key in gone:
                del self._known[key]

    def _put(self, statement: Prepared, values: Values) -> Rows:
        plan = statement.plan(self.dialect, values)
        cursor = self._sent(plan.sql, plan.bound(values), many=False)
        found = plan.rows(cursor.fetchall(), lambda: cursor.description) if plan.brings_rows else ()
        return Rows(found, cursor.rowcount)

    def _put_many(self, statement: Prepared, rows: Sequence[Values]) -> Rows:
        if len(rows) == 1:
            return self._put(statement, rows[0])
        if not rows:
            return Rows((), 0)
        plan = statement.plan(self.dialect, rows[0], many=True)
        cursor = self._sent(plan.sql, [plan.bound(each) for each in rows], many=True)
        return Rows((), cursor.rowcount)

    def _new_cursor(self) -> Any:
        """To PostgreSQL's driver one that takes a text as the server does: of named values it would make numbered ones
        at each call, which for long texts costs more than all else that it does."""
        own: Any = self._connection.connection
        return self.dialect.loaded_dbapi.RawCursor(own.dbapi_connection) if self._waits else own.cursor()

    def _sent(self, sql: str, values: Any, *, many: bool) -> Any:
        """Through the driver; what it complains of comes out as from SQLAlchemy itself."""
        connection = self._connection
        if self._cursor is None:
            self._cursor = self._new_cursor()
        for listener in self._heard.before_cursor_execute.listeners:
            listener(connection, self._cursor, sql, values, None, many)
        try:
            (self._cursor.executemany if many else self._cursor.execute)(sql, values)
        except Exception as error:
            connection._handle_dbapi_exception(error, sql, None, self._cursor, None)
            raise
        return self._cursor
