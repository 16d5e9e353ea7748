"""Settings of what to take, list, keep and delist."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from dnsbl.settings.values import (
    KindDays,
    MailHost,
    Network,
    Reporter,
    Section,
    Step,
    among,
    days_of_kind,
    reporter,
)

#: Where only who shows that the address is his may ask for its removal; where a request ends a listing without a test.
OWNERS, AT_ONCE = frozenset({"owner-retest", "owner"}), frozenset({"owner", "request"})


class Policy(Section):
    """When to list, keep and delist; `docs/policy.md` explains each."""

    kinds: tuple[str, ...] = Field(
        ("relay", "multihop"),
        description=(
            "Kinds that tests may list under: relay, multihop, backscatter (takes strangers' mail and bounces it), "
            "untestable (was a relay, and cannot be tested any more), relay-output and delayed-output (what the "
            "letters of a multi-hop relay came out of, each after its own delay), unconfirmed (by a remote tester's "
            "letter alone)."
        ),
    )
    nominators: tuple[str, ...] = Field(
        ("web", "api", "mail", "feed", "trap", "lookup"),
        description=(
            "Doors at which strangers may nominate (trap: what comes to spamtraps; lookup: questions to a watched "
            "zone); operators always may."
        ),
    )
    untestable_days: float = Field(
        90.0, description="Days for which what was a relay is listed as untestable, where that kind is on.", gt=0
    )
    output_days: float = Field(
        7.0,
        description=(
            "Days from the proof until the output of a multi-hop relay is listed as relay-output, where that kind is "
            "on; 0: at once."
        ),
        ge=0,
        le=365,
    )
    delayed_output_days: float = Field(30.0, description="The same for delayed-output.", ge=0, le=365)
    output_notice: bool = Field(
        True, description="Whether who answers for an output is written to when such a delay begins."
    )
    review_days: float = Field(
        365.0, description="Days after which an operator's listing lapses unless an operator keeps it; 0: never.", ge=0
    )
    two_persons: bool = Field(False, description="Whether an operator's listing waits until another one confirms it.")
    require_evidence: bool = Field(True, description="Nominations through web, mail and API must show a spam message.")
    spam_seen: bool = Field(
        False,
        description="List only who relays and from whom somebody has shown spam; without it a test alone lists nobody.",
    )
    approval: bool = Field(
        False,
        description="Whether what tests prove is listed only when an operator confirms it (`dnsbl listing review`).",
    )
    one_queue: bool = Field(
        False,
        description=(
            "Whether requests for removal wait their turn among nominations, and who nominates a listed address asks "
            "for its retest."
        ),
    )
    evidence_bytes: int = Field(
        262144, description="Octets that are kept of a spam message as evidence; of a longer one its start.", ge=1024
    )
    evidence_messages: int = Field(
        50, description="Messages taken from one file of evidence: a mailbox, or a mail with several attached.", ge=1
    )
    evidence_days: float = Field(7.0, description="Days after which a spam message is too old to be evidence.", gt=0)
    own_networks: tuple[Network, ...] = Field(
        (), description="Networks of your own mail servers: mail that one hands on was handed in further down."
    )
    own_names: tuple[MailHost, ...] = Field(
        (), description='Names of your own mail servers, found by reverse DNS; ".example.org" is all of that domain.'
    )
    reporters: tuple[Annotated[Reporter, BeforeValidator(reporter)], ...] = Field(
        (),
        description='Mail hosts of others who report: "WHO NETWORK-or-NAME ...", WHO being their network or a word.',
    )
    rest_days: float = Field(
        7.0, description="Days in which an address that was tested is not tested again for a nomination.", ge=0
    )
    expiry_days: float = Field(90.0, description="Days after the last proof when a listing ends by itself.", gt=0)
    expiry_most: int = Field(
        100,
        description="Listings that may end by their age at once; more than that, and than expiry_share, need a word.",
        ge=1,
    )
    expiry_share: float = Field(
        0.1, description="Share of all listings with an end that may end by their age at once.", gt=0, le=1
    )
    kind_days: tuple[Annotated[KindDays, BeforeValidator(days_of_kind)], ...] = Field(
        (),
        description=(
            'Kinds whose listings end sooner or later than the others, as "KIND DAYS": after so many days without a '
            "fresh proof, or an operator's review; 0: never."
        ),
    )
    retest_days: tuple[Step, ...] = Field(
        (14.0, 30.0),
        description="Days until each scheduled retest of a listed address; the last one repeats; none: no retest.",
    )
    probation_days: tuple[Step, ...] = Field(
        (2.0, 10.0, 30.0),
        description="Days after delisting of each surprise retest (moved by up to half, at random).",
    )
    removal: Literal["retest", "owner-retest", "owner", "request"] = Field(
        "retest",
        description=(
            "What takes a relay off the list: a retest that anybody may ask for (retest), or who shows that the "
            "address is his (owner-retest); his word, without a test (owner); anybody's (request)."
        ),
    )
    removal_delay_days: tuple[float, float] = Field(
        (0.0, 0.0),
        description="Days after a request within which its retest is held, on a day drawn between these two.",
    )
    relapse_waits: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0,),
        description=(
            "Seconds after its listing began before a request for removal is taken, by how often the address had got "
            "off the list before; the last one repeats."
        ),
        min_length=1,
    )
    removal_waits: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 3600.0, 21600.0, 86400.0),
        description="Seconds before the next request for removal after a failed one; the last one repeats.",
        min_length=1,
    )
    removals_day: int = Field(
        8,
        description=(
            "Retests of one address that strangers may ask for in a day, a quarter of them from one /16 or /32; who "
            "asks from the address itself is not counted."
        ),
        ge=1,
    )
    nominations_queued: int = Field(
        2000,
        description=(
            "Nominations that may wait for their tests; one /24 or /48 may have a fortieth of what is left, a /16 or "
            "/32 an eighth, a /8 or /20 half."
        ),
        ge=1,
    )
    nominations_day: int = Field(
        10000, description="Nominations taken in a day; networks that bring them have parts as above.", ge=1
    )
    evidence_day_bytes: int = Field(
        268435456,
        description="Octets of evidence taken in a day; networks that bring it have parts as above.",
        ge=65536,
    )
    evidence_total_bytes: int = Field(
        4294967296,
        description="Octets of evidence kept; beyond that the oldest goes, that of addresses on the list last.",
        ge=1048576,
    )
    unreachable_retry: tuple[Step, ...] = Field(
        (3600.0, 86400.0), description="Seconds until each further try at an address that did not answer."
    )
    widest_ipv4: int = Field(16, description="Shortest IPv4 prefix that an operator may list.", ge=8, le=32)
    widest_ipv6: int = Field(32, description="Shortest IPv6 prefix that an operator may list.", ge=16, le=128)

    @field_validator("kinds")
    @classmethod
    def _kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        every = ("relay", "multihop", "backscatter", "untestable", "relay-output", "delayed-output", "unconfirmed")
        return among(kinds, every)

    @model_validator(mode="after")
    def _outputs_follow(self) -> Policy:
        if {"relay-output", "delayed-output"} & set(self.kinds) and "multihop" not in self.kinds:
            raise ValueError("kinds: relay-output and delayed-output need multihop, whose listings they follow")
        return self

    @field_validator("removal_delay_days")
    @classmethod
    def _in_order(cls, days: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= days[0] <= days[1] <= 30:
            raise ValueError("two numbers of days, the smaller one first, at most 30, are needed, such as [1, 5]")
        return days

    @field_validator("nominators")
    @classmethod
    def _nominators(cls, doors: tuple[str, ...]) -> tuple[str, ...]:
        return among(doors, ("web", "api", "mail", "feed", "trap", "lookup"))
