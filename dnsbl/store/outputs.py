"""Which relay's letters came out of which address. At most one active row for an input and an output."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update

from dnsbl.addresses import Network
from dnsbl.model import Output
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.listed import ACTIVE, COMES_OUT, listings, outputs
from dnsbl.store.shelf import Shelf, columns, many
from dnsbl.vocabulary import TESTED_KINDS, Reason

_OUTPUT = columns(outputs, Output)
_OF_INPUT = prepared(
    select(*_OUTPUT).where(outputs.c.input == bindparam("input"), COMES_OUT).order_by(outputs.c.output)
)
_OF_OUTPUT = prepared(
    select(*_OUTPUT).where(outputs.c.output == bindparam("output"), COMES_OUT).order_by(outputs.c.since, outputs.c.id)
)

_LISTED = (
    select(listings.c.id)
    .where(listings.c.network == outputs.c.input, listings.c.kind.in_(sorted(TESTED_KINDS)), ACTIVE)
    .exists()
)
_FIRST = select(*_OUTPUT).where(COMES_OUT).order_by(outputs.c.id).limit(bindparam("most"))
_OLD = prepared(
    select(*_OUTPUT)
    .where(COMES_OUT, outputs.c.confirmed <= bindparam("before"))
    .order_by(outputs.c.confirmed, outputs.c.id)
    .limit(bindparam("most"))
)
_ALONE = prepared(_FIRST.where(~_LISTED))
_GONE = listings.alias()
_LEFT = select(_GONE.c.network).where(_GONE.c.ended.is_not(None), _GONE.c.ended >= bindparam("since"))
_LEFT_ALONE = prepared(_FIRST.where(outputs.c.input.in_(_LEFT), ~_LISTED))


class OutputShelf(Shelf):
    """One row for each time that an address began to be the output of a relay, kept after its end."""

    def add(self, input: Network, output: Network, *, run: str, at: datetime) -> None:
        """Letters that the input took come out there, in this run."""
        row = {"input": input, "output": output, "run": run, "since": at, "confirmed": at}
        self._sql.execute(insert(outputs).values(row))

    def confirm(self, number: int, *, run: str, at: datetime) -> None:
        """They did once more."""
        self._sql.execute(update(outputs).where(outputs.c.id == number).values(run=run, confirmed=at))

    def end(self, numbers: Iterable[int], *, at: datetime, reason: Reason) -> None:
        """They do no longer."""
        if over := list(numbers):
            ended = update(outputs).where(outputs.c.id.in_(over), COMES_OUT)
            self._sql.execute(ended.values(ended=at, end_reason=reason))

    def of_input(self, input: Network) -> list[Output]:
        """The active outputs of a relay, in the order of networks."""
        return many(Output, self._sql.execute(_OF_INPUT, {"input": input}))

    def of_output(self, output: Network) -> list[Output]:
        """The relays whose active output this is, who was found so first comes first."""
        return many(Output, self._sql.execute(_OF_OUTPUT, {"output": output}))

    def bereft(self, before: datetime, *, most: int, since: datetime | None = None) -> list[Output]:
        """Active rows whose input is not listed as a relay any more, or whose last proof is older than `before`. With
        `since`, of the former those whose input left the list then or later: the others are not looked at."""
        found = {each.id: each for each in many(Output, self._sql.execute(_OLD, {"before": before, "most": most}))}
        if since is None:
            lone = self._sql.execute(_ALONE, {"most": most})
        else:
            lone = self._sql.execute(_LEFT_ALONE, {"since": since, "most": most})
        found |= {each.id: each for each in many(Output, lone)}
        return sorted(found.values(), key=lambda each: each.id)[:most]
