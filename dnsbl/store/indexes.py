"""The indexes of the tables, as `schema` has these: what is asked for when tables are made, copied or compared.

No statement names one, and those that hold some rows alone have SQLAlchemy read the dialect of each database, of which
a node has one; so they stand apart from the tables, and a command that asks a question does not read them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Index

from dnsbl.store.schema.entered import journal, log_bundles, stretch
from dnsbl.store.schema.listed import ACTIVE, COMES_OUT, WORDED, forthcoming, listings, outputs
from dnsbl.store.schema.manned import kept, sent, sign_in_tries, sign_ins
from dnsbl.store.schema.nominated import REPORTED, candidates, evidence, lookups, nominations
from dnsbl.store.schema.tested import (
    FORGETTABLE,
    LIVE,
    NOMINATED,
    OF_ITSELF,
    OF_THE_LIST,
    RUNNING,
    SELF_TESTS,
    WAITING,
    jobs,
    paths,
    removals,
    returns,
    runs,
)
from dnsbl.store.schema.told import UNSENT, WATCHING, contacts, notices, watches
from dnsbl.store.schema.whole import metadata

#: `metadata`: the tables, with their indexes.
__all__ = ["metadata"]


def _of(rows: ColumnElement[bool], name: str, *columns: Column[Any], unique: bool = False) -> None:
    """An index of some rows alone, in the same words for both databases."""
    Index(name, *columns, unique=unique, sqlite_where=rows, postgresql_where=rows)


Index("ix_evidence_received", evidence.c.received)

Index("ix_nominations_address", nominations.c.address)
Index("ix_nominations_evidence", nominations.c.evidence)
Index("ix_nominations_run", nominations.c.run)
Index("ix_nominations_door_id", nominations.c.door, nominations.c.id)
_of(REPORTED, "ix_nominations_reporter", nominations.c.reporter)

Index("ix_candidates_bringer", candidates.c.bringer, candidates.c.id)
Index("ix_candidates_added", candidates.c.added)

Index("ix_lookups_address", lookups.c.address)
Index("ix_lookups_last", lookups.c.last)

_of(OF_THE_LIST, "uq_jobs_live_address", jobs.c.address, unique=True)
_of(OF_ITSELF, "uq_jobs_live_self_test", jobs.c.address, unique=True)
_of(LIVE, "ix_jobs_live_due", jobs.c.due, jobs.c.id)
_of(LIVE, "ix_jobs_live_rank", jobs.c.rank, jobs.c.due, jobs.c.id)
_of(RUNNING, "ix_jobs_running", jobs.c.neighbourhood, jobs.c.address)
_of(NOMINATED, "ix_jobs_nominated_address", jobs.c.address)
_of(SELF_TESTS, "ix_jobs_self_test_due", jobs.c.due)

Index("ix_removals_address_at", removals.c.address, removals.c.at)
Index("ix_removals_run", removals.c.run)

_of(FORGETTABLE, "ix_runs_forgettable", runs.c.settled, runs.c.id)
Index("ix_runs_address_started", runs.c.address, runs.c.started)
Index("ix_runs_settled", runs.c.settled)
_of(WAITING, "ix_runs_waiting_ends", runs.c.ends)

Index("ix_paths_address", paths.c.address)

Index("ix_returns_finding_id", returns.c.finding, returns.c.id)
Index("ix_returns_received", returns.c.received)

Index("ix_kept_day", kept.c.day)

Index("ix_sent_slot", sent.c.slot)

#: One active listing per network and kind, so that what DNS must answer is what the rows say.
_of(ACTIVE, "uq_listings_active", listings.c.network, listings.c.kind, unique=True)
Index("ix_listings_network", listings.c.network, listings.c.ended)
Index("ix_listings_since", listings.c.since)
_of(listings.c.run.is_not(None), "ix_listings_run", listings.c.run)
_of(listings.c.ended.is_not(None), "ix_listings_ended", listings.c.ended)
_of(ACTIVE, "ix_listings_active_expires", listings.c.expires)
_of(ACTIVE, "ix_listings_active_kind", listings.c.kind, listings.c.id)
_of(WORDED, "ix_listings_author", listings.c.author, listings.c.id)

_of(COMES_OUT, "uq_outputs_active", outputs.c.input, outputs.c.output, unique=True)
Index("ix_outputs_run", outputs.c.run)
_of(COMES_OUT, "ix_outputs_output", outputs.c.output)
_of(COMES_OUT, "ix_outputs_confirmed", outputs.c.confirmed)

Index("ix_forthcoming_due", forthcoming.c.due)

_of(UNSENT, "ix_notices_unsent_due", notices.c.due)
Index("ix_notices_ended", notices.c.ended)

Index("ix_contacts_until", contacts.c.until)

_of(WATCHING, "ix_watches_network", watches.c.network)

Index("ix_sign_ins_name", sign_ins.c.name)

Index("ix_sign_in_tries_last", sign_in_tries.c.last)

Index("ix_journal_subject", journal.c.subject, stretch(journal))

Index("ix_log_bundles_entry", log_bundles.c.entry)
Index("ix_log_bundles_change", log_bundles.c.change)
