"""The configuration: shape, defaults, and a sentence per field (the `description`, which the example file repeats).

Pure values; `config` reads them from TOML and the environment. Durations are seconds unless the name says otherwise. A
module a subject; `values` says how single values are written; here stands the whole, and what holds between sections.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, field_validator, model_validator

from dnsbl.settings.answering import Copies, Dns, Follow, Publish
from dnsbl.settings.doors import Feeds, LookupTerms, MailDoorTerms, ReporterTerms, Traps
from dnsbl.settings.log import LogSettings
from dnsbl.settings.mail import NoticeSettings, WatchSettings
from dnsbl.settings.others import OtherList, OtherTerms
from dnsbl.settings.policy import AT_ONCE, Policy
from dnsbl.settings.retention import RetentionTerms
from dnsbl.settings.surveying import Survey
from dnsbl.settings.testing import CollectorSettings, RemoteTesting, SelfTesting, Tester
from dnsbl.settings.tlog import TlogSettings, WitnessSettings
from dnsbl.settings.values import (
    IN_BAND,
    Alone,
    ClientRule,
    FeedSource,
    Hostname,
    Listen,
    LookupClient,
    Network,
    Section,
    TransferRule,
    is_loopback,
    split_listen,
    tables,
)
from tester.bounces.ours import COLLECTOR, quoted
from tester.vectors import CATALOGUE

__all__ = [
    "IN_BAND",
    "Admin",
    "ClientRule",
    "CollectorSettings",
    "Database",
    "Dns",
    "FeedSource",
    "Hostname",
    "LogSettings",
    "LookupClient",
    "LookupTerms",
    "MailDoorTerms",
    "NoticeSettings",
    "OtherList",
    "OtherTerms",
    "Policy",
    "RemoteTesting",
    "ReporterTerms",
    "RetentionTerms",
    "Section",
    "Service",
    "Settings",
    "StatisticsTerms",
    "Survey",
    "Tester",
    "TlogSettings",
    "TransferRule",
    "Web",
    "WitnessSettings",
    "fields",
    "split_listen",
    "tables",
    "toml",
]


class Service(Section):
    """Who runs this list."""

    name: str = Field("Example Relay List", description="The list's name, as people read it.", max_length=60)
    contact: str = Field(
        "postmaster@example.org",
        description="Mail address for people with questions.",
        max_length=120,
        pattern=r"^[!-~]+@[!-~]+$",
        examples=["people@your-domain.net"],
    )
    website: str = Field(
        "https://relays.example.org",
        description="The site's address, without a slash at the end.",
        max_length=120,
        pattern=r"^https?://[!-~]+[^/]$",
        examples=["https://relays.your-domain.net (no slash at the end)"],
    )
    state_dir: Path = Field(
        Path("state"),
        description="Where database, keys and the last good table live; relative to the configuration file.",
    )
    event_log: Path | None = Field(
        None,
        description=(
            "File that every entry of the journal is added to within ten seconds, for `dnsbl restore`; on another "
            "machine's disk at best."
        ),
    )
    clock_tolerance: float = Field(
        600.0,
        description=(
            "Seconds by which the clock may jump, or differ from the database's, before all that depends on time waits."
        ),
        gt=0,
    )
    clock_gap_days: float = Field(
        7.0,
        description="Days without a sign of life in the store after which the clock is believed at an operator's word.",
        gt=0,
    )


class Database(Section):
    """Where the facts are kept."""

    url: str = Field(
        "",
        description=(
            "SQLAlchemy URL; empty means SQLite in state_dir. For PostgreSQL: postgresql+psycopg://user@host/name, "
            "or user@/name?host=one:5432&host=two:5432 with standbys (docs/many-nodes.md)."
        ),
    )

    @field_validator("url")
    @classmethod
    def _of_ours(cls, url: str) -> str:
        if url and not re.match(r"sqlite:///.|postgresql(\+psycopg)?://", url):
            raise ValueError(
                f"sqlite:///PATH or postgresql+psycopg://user@host/name is needed (begins with {url[:12]!r})"
            )
        return url


class Web(Section):
    """Pages and API."""

    listen: Listen = Field("127.0.0.1:8053", description="Where to serve HTTP; put a TLS proxy in front.")
    base_url: str = Field(
        "http://127.0.0.1:8053",
        description="The site's address as visitors see it, without a slash at the end.",
        pattern=r"^https?://[!-~]+[^/]$",
        examples=["https://relays.your-domain.net (no slash at the end)"],
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="Proxies that are believed whom they forward for; others are not, and count as the visitor."
    )
    forwarded_header: str = Field(
        "X-Forwarded-For",
        description="Where they say it, X-Forwarded-For or Forwarded; they must overwrite or append, not pass it on.",
        pattern="^(X-Forwarded-For|Forwarded)$",
    )
    metrics_from: tuple[Network, ...] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")), description="Networks that may read /metrics."
    )
    posts_per_hour: int = Field(
        30, description="Nominations and requests for removal per hour from one /24 or /48.", ge=1
    )
    gets_per_minute: int = Field(
        300,
        description="Pages and answers of the API per minute to one /24 or /48; eight times as many to a /16 or /32.",
        ge=1,
    )
    key_share: int = Field(
        10, description="How many times as much of both whoever sends a reporter's key may ask, from anywhere.", ge=1
    )
    connections: int = Field(
        250,
        description="Connections at once; the one that has kept us waiting longest yields to a new one, here as below.",
        ge=10,
    )
    per_peer: int = Field(
        30, description="Connections at once from one address, of IPv6 one /64; trusted proxies may have all.", ge=1
    )
    per_network: int = Field(
        60, description="Connections at once from one /24 or /48; a /16 or /32 may hold half of all.", ge=1
    )
    head_seconds: float = Field(10.0, description="Seconds until the head of a request must be complete.", gt=0)
    body_seconds: float = Field(60.0, description="Seconds until its body must be complete.", gt=0)
    reading_seconds: float = Field(60.0, description="Seconds in which an answer must have been read.", gt=0)
    watchers: int = Field(
        60, description="Answers at once that go on while a test does (event streams); two of one network.", ge=1
    )
    watch_seconds: float = Field(1200.0, description="Seconds after which such an answer ends.", gt=0)
    idle_seconds: int = Field(
        75, description="Seconds until an idle connection is closed; longer than a proxy in front keeps its own.", ge=1
    )

    @property
    def unnamed_proxy(self) -> str:
        """A sentence when a proxy must stand in front that `trusted_proxies` does not name, or "".

        We speak no TLS, and nobody outside reaches a loopback address.
        """
        inner, outer = split_listen(self.listen)[0], urlsplit(self.base_url)
        secret, local = outer.scheme == "https", ip_address(inner).is_loopback and not is_loopback(outer.hostname or "")
        if self.trusted_proxies or not (secret or local):
            return ""
        why = "web.base_url begins with https" if secret else "web.listen is a loopback address and web.base_url is not"
        return (
            f"{why}, so a proxy stands in front, but web.trusted_proxies names none: all visitors count as that proxy, "
            "share its limits, and /metrics is shown to nobody; put its address there"
        )


class Admin(Section):
    """The operators' side of the site, /admin; see docs/admin.md."""

    on: bool = Field(True, description="Whether it is there, once `dnsbl admin add` has made an account.")
    networks: tuple[Network, ...] = Field(
        (ip_network("0.0.0.0/0"), ip_network("::/0")),
        description="From where it is; where web.base_url is not https, from this machine alone in any case.",
    )
    hours: float = Field(12.0, description="Hours after which whoever has signed in does so anew.", gt=0, le=720)
    idle_minutes: float = Field(60.0, description="Minutes without a request after which he does.", gt=0, le=43200)


class StatisticsTerms(Section):
    """What is counted by day, for /statistics; see docs/monitoring.md."""

    countries: Path | None = Field(
        None,
        description=(
            "File that says where networks are, `NETWORK,CC` or `FIRST,LAST,CC` a line, for counts of new listings by "
            "country; relative to the configuration file."
        ),
    )


#: A section of which nothing was said.
_WHOLE: Any = Field(default_factory=dict)


class Settings(Section):
    """All of it."""

    service: Alone[Service] = _WHOLE
    log: Alone[LogSettings] = _WHOLE
    database: Alone[Database] = _WHOLE
    dns: Alone[Dns] = _WHOLE
    publish: Alone[Publish] = _WHOLE
    follow: Alone[Follow] = _WHOLE
    tester: Alone[Tester] = _WHOLE
    collector: Alone[CollectorSettings] = _WHOLE
    mail_door: Alone[MailDoorTerms] = _WHOLE
    traps: Alone[Traps] = _WHOLE
    web: Alone[Web] = _WHOLE
    admin: Alone[Admin] = _WHOLE
    statistics: Alone[StatisticsTerms] = _WHOLE
    self_test: Alone[SelfTesting] = _WHOLE
    survey: Alone[Survey] = _WHOLE
    remote: Alone[RemoteTesting] = _WHOLE
    copies: Alone[Copies] = _WHOLE
    tlog: Alone[TlogSettings] = _WHOLE
    witness: Alone[WitnessSettings] = _WHOLE
    notices: Alone[NoticeSettings] = _WHOLE
    watch: Alone[WatchSettings] = _WHOLE
    reporters: Alone[ReporterTerms] = _WHOLE
    feeds: Alone[Feeds] = _WHOLE
    lookups: Alone[LookupTerms] = _WHOLE
    policy: Alone[Policy] = _WHOLE
    retention: Alone[RetentionTerms] = _WHOLE
    others: Alone[OtherTerms] = _WHOLE

    @model_validator(mode="after")
    def _together(self) -> Settings:
        """Rules that span fields; all broken ones are named at once."""
        broken = list(self._contradictions())
        if broken:
            raise ValueError("; ".join(broken))
        return self

    def _contradictions(self) -> Iterator[str]:
        tester = self.tester
        if tester.collector_domain == tester.bounce_domain:
            yield "tester.bounce_domain must differ from tester.collector_domain"
        elif len(tester.domains) < len(tester.collector_domains + tester.bounce_domains):
            yield "the domains of tester.more_collector_domains and more_bounce_domains must differ from all others"
        apart = (*tester.domains, self.collector.hostname, *tester.helos)
        if tester.mx_domain and any(f".{name}".endswith(f".{tester.mx_domain}") for name in apart):
            yield "tester.mx_domain is for tests alone: no other name of ours may be the same or lie below it"
        if len(set(tester.helos)) < len(tester.helos):
            yield "the names of tester.more_helos must differ from tester.helo and from each other"
        told = (self.service.name, self.service.website, self.service.contact, *tester.helos, *tester.domains)
        if quoted(name.encode() for name in told):
            yield f'no name may hold "{COLLECTOR}", by which our refusals are known: it would stand in every letter'
        ours = {*tester.domains, self.collector.hostname, *([tester.mx_domain] if tester.mx_domain else [])}
        if both := ours & set(self.traps.domains):
            yield f"traps.domains must hold none of our own domains, and {sorted(both)[0]} is one"
        if self.mail_door.address.rpartition("@")[2] in self.traps.domains:
            yield "mail_door.address must not be at one of traps.domains"
        if self.mail_door.address.partition("@")[0] in ("postmaster", "abuse"):
            yield "mail_door.address must not be that of the postmaster"
        if len(self.survey.domains) < 2 or self.survey.domains & tester.domains:
            yield "survey.collector_domain and bounce_domain must differ from each other and from all of [tester]"
        if self.survey.listen in self.collector.listen:
            yield "survey.listen must be another address or port than those of collector.listen"
        if quoted(name.encode() for name in self.survey.domains):
            yield f'no domain of [survey] may hold "{COLLECTOR}", by which our refusals are known'
        if tester.late_window < tester.delivery_window:
            yield "tester.late_window must not be shorter than tester.delivery_window"
        unknown = [id for id in tester.vectors_off if id not in CATALOGUE]
        if unknown:
            yield f"tester.vectors_off names relay forms that there are not: {', '.join(unknown)[:100]}"
        if "S01" in tester.vectors_off:
            yield "tester.vectors_off must not hold S01, the plain form; tester.stop ends all testing"
        if len(set(tester.quiet_hours)) == 24:
            yield "tester.quiet_hours must leave an hour; tester.stop ends all testing"
        if (tester.dkim_key is None) != (tester.dkim_selector == ""):
            yield "tester.dkim_key and tester.dkim_selector go together"
        if tester.more_dkim_selectors and tester.dkim_key is None:
            yield "tester.more_dkim_selectors are of tester.dkim_key, which is not set"
        if (self.collector.tls_certificate is None) != (self.collector.tls_key is None):
            yield "collector.tls_certificate and collector.tls_key go together"
        if self.follow.url and not self.follow.key:
            yield "follow.key must hold the public key of the node that follow.url leads to"
        if self.publish.listen is not None and not self.publish.to:
            yield "publish.to must say which networks may fetch the table from publish.listen"
        if len({bool(self.dns.tls_listen), bool(self.dns.tls_certificate), bool(self.dns.tls_key)}) > 1:
            yield "dns.tls_listen, dns.tls_certificate and dns.tls_key go together"
        if self.dns.tsig_keys is None and any(rule.key for rule in self.dns.transfer):
            yield "dns.transfer names a key, so dns.tsig_keys must name the file that holds it"
        if self.policy.one_queue and self.policy.removal in AT_ONCE:
            yield "policy.one_queue goes only with a policy.removal by retest"
        yield from self._unsendable()
        for address in tester.source_addresses:
            if (
                tester.lab_networks
                and not any(address in lab for lab in tester.lab_networks)
                and not address.is_loopback
            ):
                yield (
                    f"tester.lab_networks goes only with source addresses inside it, and {address} is not: "
                    "a lab must not reach the world"
                )

    def _unsendable(self) -> Iterator[str]:
        notices = self.notices
        if notices.smarthost and not notices.sender:
            yield "notices.smarthost goes only with notices.sender"
        if notices.credentials_file is not None and notices.tls == "none":
            yield "notices.credentials_file goes only with notices.tls, or everybody on the way could read the password"
        if (domain := notices.sender.rpartition("@")[2].lower()) in self.tester.domains:
            yield f"notices.sender must not be at {domain}, which is for tests alone"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:g}" if isinstance(value, float) and value == int(value) and value < 1e6 else str(value)
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(str(value))


def fields(section: type[BaseModel]) -> Iterator[tuple[str, Any, str]]:
    """(name, default, description) of every field of a section, in order."""
    for name, info in section.model_fields.items():
        yield name, info.default, info.description or ""
