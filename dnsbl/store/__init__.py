"""The only SQL: one module a shelf, Alembic migrations; SQLite (WAL) by default, PostgreSQL by URL."""

from __future__ import annotations


class Store:
    """A database and its transactions."""
