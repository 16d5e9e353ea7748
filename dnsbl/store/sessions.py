"""Transcripts of connections, whole, as JSON documents."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select

from dnsbl.store.schema import sessions
from dnsbl.store.shelf import Shelf
from tester.smtp import Control, Transcript


class Sessions(Shelf):
    """One row a connection, in the order of filing."""

    def add(self, run: str, worker: str, transcript: Transcript, filed: datetime) -> None:
        """Store a transcript."""
        values = {
            "run": run,
            "worker": worker,
            "filed": filed,
            "control": transcript.control,
            "document": transcript.to_json(),
        }
        self._sql.execute(insert(sessions).values(values))

    def documents(self, run: str) -> list[str]:
        """The transcripts of a run as JSON documents, in order."""
        wanted = select(sessions.c.document).where(sessions.c.run == run).order_by(sessions.c.id)
        return list(self._sql.execute(wanted).scalars())

    def control(self, run: str) -> Control:
        """The outcome of the newest control dialogue of a run."""
        wanted = select(sessions.c.control).where(sessions.c.run == run, sessions.c.control != Control.NOT_RUN)
        found: Control | None = self._sql.execute(wanted.order_by(sessions.c.id.desc()).limit(1)).scalar()
        return found or Control.NOT_RUN
