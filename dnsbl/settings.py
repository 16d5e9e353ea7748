"""The configuration: shape, defaults, and a sentence per field (the `description`, which the example file repeats).

Pure values; `config` reads them from TOML and the environment. Durations are seconds unless the name says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_HOSTNAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")


def _hostname(value: str) -> str:
    name = value.strip().rstrip(".").lower()
    if not _HOSTNAME.match(name):
        raise ValueError("a domain name is needed, such as mx.example.org")
    return name


def _listen(value: str) -> str:
    host, port = split_listen(value)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_listen(value: str) -> tuple[str, int]:
    """`192.0.2.1:53` or `[2001:db8::1]:53` as (host, port). Raises ValueError."""
    host, colon, port = value.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    try:
        ip_address(host)
        if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError
        return host, int(port)
    except ValueError:
        raise ValueError("ADDRESS:PORT is needed, such as 127.0.0.1:5353 or [::1]:5353") from None


Hostname = Annotated[str, AfterValidator(_hostname)]
Listen = Annotated[str, AfterValidator(_listen)]


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, values do not change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Service(Section):
    """Who runs this list."""

    name: str = Field("Example Relay List", description="The list's name, as people read it.", max_length=60)
    contact: str = Field(
        "postmaster@example.org",
        description="Mail address for people with questions.",
        max_length=120,
        pattern=r"^[!-~]+@[!-~]+$",
    )
    website: str = Field(
        "https://relays.example.org",
        description="The site's address, without a slash at the end.",
        max_length=120,
        pattern=r"^https?://[!-~]+[^/]$",
    )
    state_dir: Path = Field(
        Path("state"),
        description="Where database, keys and the last good table live; relative to the configuration file.",
    )


class Database(Section):
    """Where the facts are kept."""

    url: str = Field(
        "",
        description="SQLAlchemy URL; empty means SQLite in state_dir. For PostgreSQL: postgresql+psycopg://user@host/name.",
    )


class Dns(Section):
    """The responder."""

    listen: tuple[Listen, ...] = Field(
        ("127.0.0.1:5353", "[::1]:5353"), description="Where to answer, UDP and TCP; production: port 53."
    )
    zones_dir: Path = Field(Path("zones"), description="Folder of the zone files; relative to the configuration file.")
    poll: float = Field(0.2, description="Seconds between two looks for changes in the store.", gt=0, le=60)
    threads: int = Field(
        1,
        description="Threads that answer UDP at each address; more than one only helps the compiled engine.",
        ge=1,
        le=64,
    )
    tcp_connections: int = Field(
        200, description="TCP connections at once; the longest idle one yields to a new one.", ge=1
    )
    tcp_idle: float = Field(10.0, description="Seconds before an idle TCP connection is closed.", gt=0)


class Tester(Section):
    """How hosts are tested."""

    source_addresses: tuple[Address, ...] = Field(
        (), description="Our own addresses to dial from; empty lets the system choose."
    )
    helo: Hostname = Field(
        "tester.example.org", description="Our name in EHLO; must resolve to source_addresses and back."
    )
    port: int = Field(25, description="The port that is tested; only labs change it.", ge=1, le=65535)
    collector_domain: Hostname = Field(
        "c.example.org",
        description="Domain of the recipients; its MX is our collector alone. At most 17 characters, dots count 3.",
    )
    bounce_domain: Hostname = Field(
        "b.example.org",
        description="Domain of the senders; its MX is our collector too; must differ from collector_domain.",
    )
    profile: str = Field(
        "standard",
        description="The vectors for a nomination with evidence: basic, standard or full.",
        pattern="^(basic|standard|full)$",
    )
    delivery_window: float = Field(
        172800, description="Seconds to wait for an accepted letter before it counts as lost.", gt=0
    )
    late_window: float = Field(604800, description="Seconds after which a letter that comes back counts no more.", gt=0)
    concurrency: int = Field(20, description="Tests at once.", ge=1, le=10000)
    per_network: int = Field(2, description="Tests at once in one /24 or /48.", ge=1)
    lab_networks: tuple[Network, ...] = Field(
        (),
        description="Special-purpose networks that may be dialled, for labs; never with a source outside them.",
    )
    connect_timeout: float = Field(30, description="Seconds until a connection must stand.", gt=0)
    banner_timeout: float = Field(60, description="Seconds until the greeting must be complete.", gt=0)
    command_timeout: float = Field(120, description="Seconds to wait for the reply to a command.", gt=0)
    final_timeout: float = Field(600, description="Seconds to wait for the reply to the final dot.", gt=0)
    connection_timeout: float = Field(900, description="Seconds that one connection may last.", gt=0)
    attempt_gap: float = Field(2, description="Seconds between two attempts on one connection.", ge=0)
    connection_gap: float = Field(30, description="Seconds between two connections to one host.", ge=0)
    grace: float = Field(
        20, description="Seconds to wait for an accepted letter before the next attempt is made.", ge=0
    )
    retry_after: tuple[float, ...] = Field(
        (360, 1800, 14400), description="Seconds until each retry of a greylisted attempt.", max_length=10
    )
    lease: float = Field(300, description="Seconds after which a job of a silent worker is given to another.", gt=0)


class CollectorSettings(Section):
    """Where letters come back."""

    listen: tuple[Listen, ...] = Field(
        ("127.0.0.1:2525",), description="Where to receive mail; production: port 25 of the collector's MX."
    )
    hostname: Hostname = Field("mx.example.org", description="Our name in the greeting.")
    message_bytes: int = Field(65536, description="Largest message taken.", ge=8192)
    connections: int = Field(200, description="Connections at once.", ge=1)
    per_peer: int = Field(4, description="Connections at once from one address.", ge=1)
    tls_certificate: Path | None = Field(
        None, description="PEM certificate chain for STARTTLS; relative to the configuration file."
    )
    tls_key: Path | None = Field(None, description="PEM key for STARTTLS.")


class Web(Section):
    """Pages and API."""

    listen: Listen = Field("127.0.0.1:8053", description="Where to serve HTTP; put a TLS proxy in front.")
    base_url: str = Field(
        "http://127.0.0.1:8053",
        description="The site's address as visitors see it, without a slash at the end.",
        pattern=r"^https?://[!-~]+[^/]$",
    )
    trusted_proxies: tuple[Network, ...] = Field((), description="Proxies whose X-Forwarded-For is believed.")
    posts_per_hour: int = Field(
        30, description="Nominations and requests for removal per hour from one /24 or /48.", ge=1
    )


class Policy(Section):
    """When to list, keep and delist; `docs/policy.md` explains each."""

    require_evidence: bool = Field(True, description="Nominations through web, mail and API must show a spam message.")
    evidence_bytes: int = Field(262144, description="Largest spam message taken as evidence.", ge=1024)
    evidence_days: float = Field(7, description="Days after which a spam message is too old to be evidence.", gt=0)
    rest_days: float = Field(
        7, description="Days in which an address that was tested is not tested again for a nomination.", ge=0
    )
    expiry_days: float = Field(90, description="Days after the last proof when a listing ends by itself.", gt=0)
    retest_days: tuple[float, ...] = Field(
        (14, 30),
        description="Days until each scheduled retest of a listed address; the last one repeats.",
        min_length=1,
    )
    probation_days: tuple[float, ...] = Field(
        (2, 10, 30),
        description="Days after delisting of each surprise retest (moved by up to half, at random).",
    )
    removal_waits: tuple[float, ...] = Field(
        (0, 3600, 21600, 86400),
        description="Seconds before the next request for removal after a failed one; the last one repeats.",
        min_length=1,
    )
    unreachable_retry: tuple[float, ...] = Field(
        (3600, 86400), description="Seconds until each further try at an address that did not answer."
    )
    widest_ipv4: int = Field(16, description="Shortest IPv4 prefix that an operator may list.", ge=8, le=32)
    widest_ipv6: int = Field(32, description="Shortest IPv6 prefix that an operator may list.", ge=16, le=128)


class Settings(Section):
    """All of it."""

    service: Service = Service()
    database: Database = Database()
    dns: Dns = Dns()
    tester: Tester = Tester()
    collector: CollectorSettings = CollectorSettings()
    web: Web = Web()
    policy: Policy = Policy()

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
        if len(tester.collector_domain.replace(".", "+2E")) > 17:
            yield "tester.collector_domain must be short: each dot counts three, 17 in all"
        if tester.late_window < tester.delivery_window:
            yield "tester.late_window must not be shorter than tester.delivery_window"
        if (self.collector.tls_certificate is None) != (self.collector.tls_key is None):
            yield "collector.tls_certificate and collector.tls_key go together"
        for address in tester.source_addresses:
            if (
                tester.lab_networks
                and not any(address.version == lab.version and address in lab for lab in tester.lab_networks)
                and not address.is_loopback
            ):
                yield (
                    f"tester.lab_networks goes only with source addresses inside it, and {address} is not: "
                    "a lab must not reach the world"
                )


def fields(section: type[BaseModel]) -> Iterator[tuple[str, Any, str]]:
    """(name, default, description) of every field of a section, in order."""
    for name, info in section.model_fields.items():
        yield name, info.default, info.description or ""
