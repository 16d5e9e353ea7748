"""All tables: for who makes, copies or compares them."""

from __future__ import annotations

from dnsbl.store.schema import entered, listed, manned, metadata, nominated, tested, told

__all__ = ["entered", "listed", "manned", "metadata", "nominated", "tested", "told"]
