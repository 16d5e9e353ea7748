"""Settings of the doors besides web and API: mail, spamtraps, feeds, and accounts of reporters."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, field_validator

from dnsbl.settings.values import (
    FeedSource,
    Hostname,
    LookupClient,
    Section,
    feed_source,
    lookup_client,
)


class MailDoorTerms(Section):
    """Nominations by mail; see docs/doors.md."""

    address: str = Field(
        "",
        description='Where spam may be forwarded to, such as "nominate@c.example.org"; empty: nowhere.',
        pattern=r"^([a-z0-9._-]{1,20}@[a-z0-9.-]{1,200})?$",
        examples=["nominate@relays.your-domain.net"],
    )
    mails_day: int = Field(
        2000, description="Mails read in a day; one /24 or /48 may bring a fortieth of what is left.", ge=1
    )
    answers_day: int = Field(
        1000,
        description="Answers in a day to who has no account, those of remove@ too; networks have parts as above.",
        ge=0,
    )


class Traps(Section):
    """Spamtraps: domains at which nobody has ever read mail."""

    domains: tuple[Hostname, ...] = Field(
        (), description="Mail for any recipient at these is evidence; their MX is our collector.", max_length=1000
    )
    mails_day: int = Field(
        5000, description="Mails to traps read in a day; one /24 or /48 may bring a fortieth of what is left.", ge=1
    )


class Feeds(Section):
    """Lists of suspects that reporters publish, and lists of others; see docs/doors.md."""

    sources: tuple[Annotated[FeedSource, BeforeValidator(feed_source)], ...] = Field(
        (),
        description='"NAME URL-or-FILE": what the reporter NAME publishes, an address or a JSON object a line.',
        max_length=100,
    )
    every: float = Field(3600.0, description="Seconds between two looks at a feed.", ge=60)
    seconds: float = Field(60.0, description="Seconds that one look may take.", gt=0, le=600)
    octets: int = Field(4194304, description="Octets of a feed, or of a list that is imported.", ge=1024, le=1 << 30)
    rows: int = Field(10000, description="Lines of these that are read at a time.", ge=1)
    rows_provoke: bool = Field(
        False,
        description=(
            "Whether a row alone is a reason to test; else its reporter is trusted, it brings the spam, or somebody "
            "has shown spam of the address not long ago (policy.evidence_days)."
        ),
    )
    per_hour: int = Field(60, description="Tests an hour of addresses that came from lists without their spam.", ge=1)
    candidates: int = Field(
        100000,
        description="Addresses that may wait for that; one bringer may have half of what is left.",
        ge=1,
    )
    keep_days: float = Field(30.0, description="Days after which one that still waits is let go.", gt=0)

    @field_validator("sources")
    @classmethod
    def _one_each(cls, sources: tuple[FeedSource, ...]) -> tuple[FeedSource, ...]:
        if len({source.name for source in sources}) < len(sources):
            raise ValueError("each reporter has one feed")
        return sources


class LookupTerms(Section):
    """Questions to a watched zone (`watched` in a zone's file) that nominate; see docs/doors.md."""

    clients: tuple[Annotated[LookupClient, BeforeValidator(lookup_client)], ...] = Field(
        (),
        description=(
            'Whose questions do: "NAME NETWORK ... key:KEY", NAME being a reporter\'s account, and KEY the name of a '
            "client's key (dns.keys_file); where both are given both are needed."
        ),
        max_length=1000,
    )
    asked_by: int = Field(
        2,
        description=(
            "So many reporters' servers must ask about an address before it is tested for that; 0: only one of which "
            "somebody has shown spam not long ago (policy.evidence_days), which is a reason in any case."
        ),
        ge=0,
    )
    within_hours: float = Field(24.0, description="Hours within which they must.", gt=0, le=720)
    per_client_day: int = Field(2000, description="Addresses a day that one reporter's servers may bring so.", ge=1)
    addresses: int = Field(
        100000, description="Addresses that are remembered for that; one reporter may have half of what is left.", ge=1
    )


class ReporterTerms(Section):
    """Accounts of those who report under a name (`dnsbl reporter`)."""

    new_day: int = Field(50, description="Nominations a day from a reporter of the tier new.", ge=1)
    known_day: int = Field(500, description="The same of the tier known.", ge=1)
    trusted_day: int = Field(5000, description="The same of the tier trusted, whose word stands for evidence.", ge=1)
    suspend_after: int = Field(
        20,
        description="Nominated addresses found closed before a score may suspend whoever brought them, unless trusted.",
        ge=1,
    )
    suspend_below: float = Field(
        0.1, description="Share of nominated addresses found open below which it does; 0 never.", ge=0, lt=1
    )
