"""How long what has happened is kept."""

from __future__ import annotations

from pydantic import Field

from dnsbl.settings.values import Section


class RetentionTerms(Section):
    """How long is kept what the list can do without; see docs/retention.md. 0 is for ever."""

    tests_days: float = Field(
        10.0,
        description=(
            "Days after its verdict that a test keeps its transcripts, letters that never came back and repeated "
            "messages; what has listed somebody keeps them."
        ),
        ge=0,
    )
    proofs_days: float = Field(
        365.0, description="Days after the end of a listing that the test which proved it keeps all of that.", ge=0
    )
    evidence_days: float = Field(
        30.0, description="Days that nominators' messages are kept; those about addresses on the list stay.", ge=0
    )
    changes_days: float = Field(
        30.0,
        description="Days that the steps of the list are kept, for IXFR and nodes that follow; the newest 20000 stay.",
        ge=0,
    )
