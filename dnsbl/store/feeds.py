"""What is known of each feed: when it is due, what it was last asked by, and what came of that."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from dnsbl.model import FeedState
from dnsbl.store.schema.nominated import feeds
from dnsbl.store.shelf import Shelf, columns, many

_ALL = columns(feeds, FeedState)


class FeedShelf(Shelf):
    """One row a feed, by the name of its reporter."""

    def all(self) -> list[FeedState]:
        """Every feed that was ever asked, by name."""
        return many(FeedState, self._sql.execute(select(*_ALL).order_by(feeds.c.name)))

    def claim(self, name: str, place: str, due: datetime) -> None:
        """It is asked now, at this place, and next at that time; what is known of another place is forgotten."""
        here = feeds.c.name == name
        self._sql.execute(delete(feeds).where(here, feeds.c.place != place))
        if not self._sql.execute(update(feeds).where(here).values(due=due)).rowcount:
            row = {"name": name, "place": place, "due": due, "etag": "", "modified": "", "said": "", "asked": None}
            self._sql.execute(insert(feeds).values(row))

    def note(self, name: str, at: datetime, said: str, *, etag: str | None = None, modified: str | None = None) -> None:
        """What came of asking it; validators as they are to be sent next time, or as before."""
        values: dict[str, object] = {"asked": at, "said": said}
        if etag is not None:
            values |= {"etag": etag, "modified": modified or ""}
        self._sql.execute(update(feeds).where(feeds.c.name == name).values(values))
