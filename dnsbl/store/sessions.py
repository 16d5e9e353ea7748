"""Transcripts of connections, whole, as JSON documents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, func, insert, select

from dnsbl.addresses import Address
from dnsbl.store.clerk import prepared
from dnsbl.store.schema.tested import sessions
from dnsbl.store.shelf import Shelf
from tester.paths import Path
from tester.smtp import Control, Flag, Transcript

#: Octets of transcripts that are read of one run: a server chooses how much it says, and not what a page costs.
OCTETS = 2 * 1024 * 1024

_CONTROLS = prepared(
    select(sessions.c.document)
    .where(sessions.c.run == bindparam("run"), sessions.c.control != Control.NOT_RUN)
    .order_by(sessions.c.id.desc())
)
_ADD = prepared(insert(sessions))
_FLAGS = prepared(select(sessions.c.flags).where(sessions.c.run == bindparam("run")).distinct())


class Sessions(Shelf):
    """One row a connection, in the order of filing."""

    def add(self, run: str, worker: str, transcript: Transcript, filed: datetime) -> str:
        """Store a transcript; returns its document."""
        document = transcript.to_json()
        values = {
            "run": run,
            "worker": worker,
            "filed": filed,
            "control": transcript.control,
            "flags": " ".join(sorted(transcript.flags)),
            "document": document,
        }
        self._sql.later(_ADD, values)
        return document

    def documents(self, run: str, *, octets: int = OCTETS) -> list[str]:
        """The first transcripts of a run as JSON documents, in order, as many as come to so many octets together."""
        sizes = select(sessions.c.id, func.length(sessions.c.document)).where(sessions.c.run == run)
        wanted, total = [], 0
        for number, size in self._sql.execute(sizes.order_by(sessions.c.id)):
            total += size
            if total > octets:
                break
            wanted.append(number)
        found = select(sessions.c.document).where(sessions.c.id.in_(wanted)).order_by(sessions.c.id)
        return list(self._sql.execute(found).scalars())

    def flags(self, run: str) -> set[Flag]:
        """What was noticed in any conversation of a run."""
        found = self._sql.execute(_FLAGS, {"run": run}).scalars()
        return {Flag(flag) for flags in found for flag in flags.split()}

    def controls(self, run: str) -> list[str]:
        """The transcripts of a run's control dialogues as JSON documents, newest first."""
        return self._sql.execute(_CONTROLS, {"run": run}).scalars()

    def control(self, run: str, path: Path) -> tuple[Control, str]:
        """The outcome of a run's newest control dialogue on one way in, and how mail for its postmaster was refused
        there."""
        for document in self.controls(run):
            held = Transcript.from_json(document)
            if (held.target, held.port) == (str(path.address), path.port):
                return held.control, held.control_reply
        return Control.NOT_RUN, ""

    def names(self, run: str, address: Address) -> list[str]:
        """What the server at this address called itself in the conversations of a run, each name once."""
        held = (Transcript.from_json(document) for document in self.documents(run))
        return list(dict.fromkeys(one.target_name for one in held if one.target == str(address) and one.target_name))
