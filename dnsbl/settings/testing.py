"""Settings of tests: how hosts are tested, where letters come back, and who may have his own host tested."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from dnsbl.settings.values import (
    Address,
    Hostname,
    Listen,
    Network,
    Section,
    Step,
)
from tester.guises import Wardrobe
from tester.smtp import Limits

RemoteGrade = Literal["none", "unconfirmed", "proven"]


class Tester(Section):
    """How hosts are tested."""

    source_addresses: tuple[Address, ...] = Field(
        (), description="Our own addresses to dial from; empty lets the system choose."
    )
    helo: Hostname = Field(
        "tester.example.org", description="Our name in EHLO; must resolve to source_addresses and back."
    )
    port: int = Field(25, description="The port that is tested; only labs change it.", ge=1, le=65535)
    owner_ports: tuple[Annotated[int, Field(ge=1, le=65535)], ...] = Field(
        (25, 587, 2525, 465),
        description=(
            "Ports of a host that are tested when its owner or an operator asks, and while it is listed; 25 stands for "
            "`port`, 465 begins with TLS. A nomination has `port` alone tested."
        ),
        max_length=10,
    )
    side_timeout: float = Field(
        8.0, description="Seconds until a connection must stand at a port that may have no service.", gt=0
    )
    collector_domain: Hostname = Field(
        "c.example.org",
        description="Domain of the recipients; its MX is our collector alone. Short is better: see docs/policy.md.",
    )
    bounce_domain: Hostname = Field(
        "b.example.org",
        description="Domain of the senders; its MX is our collector too; must differ from collector_domain.",
    )
    more_helos: tuple[Hostname, ...] = Field(
        (),
        description="Further names for EHLO; every run draws its own, and they too must resolve and lead back.",
    )
    more_collector_domains: tuple[Hostname, ...] = Field(
        (), description="Further domains of recipients, drawn likewise; with the same MX."
    )
    more_bounce_domains: tuple[Hostname, ...] = Field(
        (), description="Further domains of senders, drawn likewise; with the same MX, SPF and DKIM key."
    )
    mx_domain: Hostname | None = Field(
        None,
        description="Below it our own DNS serves a name for each test (form M01): delegate it to this node's [dns].",
    )
    profile: str = Field(
        "standard",
        description="The vectors for a nomination with evidence: basic or standard; full is for owners and operators.",
        pattern="^(basic|standard)$",
    )
    vectors_off: tuple[str, ...] = Field(
        (), description='Relay forms that are never tried, by id, such as "R19"; S01 stays on.'
    )
    stop: bool = Field(False, description="Dial nobody at all; `dnsbl stop` does the same while the service runs.")
    quiet_hours: tuple[Annotated[int, Field(ge=0, le=23)], ...] = Field(
        (), description="Hours of the day, UTC, in which nobody is dialled."
    )
    delivery_window: float = Field(
        172800.0, description="Seconds to wait for an accepted letter before it counts as lost.", gt=0
    )
    late_window: float = Field(
        604800.0, description="Seconds after which a letter that comes back counts no more.", gt=0
    )
    concurrency: int = Field(
        500, description="Tests at once of a worker; most of them wait, and all take some 40 MB.", ge=1, le=10000
    )
    reserved: int = Field(
        5, description="Places of these that are kept for tests that owners and operators ask for.", ge=0
    )
    per_network: int = Field(
        2, description="Tests at once in one /24 or /48, and one more that its owner or an operator asks for.", ge=1
    )
    slow_network: float = Field(
        3600.0, description="Seconds for which a network with a tarpit in it has one test at a time; 0: never.", ge=0
    )
    per_network_day: int = Field(
        20,
        description="Tests begun a day in one /24 or /48; those that owners and operators ask for, and labs, are free.",
        ge=1,
    )
    hour_connections: int = Field(
        4000,
        description=(
            "Connections within an hour that strangers' nominations may cause altogether, and as many that strangers' "
            "requests for a retest may; what is more waits."
        ),
        ge=1,
    )
    hour_letters: int = Field(8000, description="Letters within an hour, likewise.", ge=1)
    hour_octets: int = Field(
        33554432, description="Octets that we send within an hour, likewise; before encryption.", ge=1
    )
    target_part: int = Field(
        80,
        description=(
            "Of what is left of these hours one target (of IPv6 a /64) may have such a part, and at least one test."
        ),
        ge=1,
    )
    network_part: int = Field(
        40,
        description=(
            "The same for the /24 or /48 of targets, and of who nominates or asks; a /16 or /32 may have an eighth, a "
            "/8 or /20 half."
        ),
        ge=1,
    )
    lab_networks: tuple[Network, ...] = Field(
        (),
        description="Special-purpose networks that may be dialled, for labs; never with a source outside them.",
    )
    connect_timeout: float = Field(30.0, description="Seconds until a connection must stand.", gt=0)
    banner_timeout: float = Field(60.0, description="Seconds until the greeting must be complete.", gt=0)
    banner_second_timeout: float = Field(
        300.0, description="The same on the one further connection that is made when no greeting came.", gt=0
    )
    command_timeout: float = Field(120.0, description="Seconds to wait for the reply to a command.", gt=0)
    final_timeout: float = Field(600.0, description="Seconds to wait for the reply to the final dot.", gt=0)
    connection_timeout: float = Field(900.0, description="Seconds that one connection may last.", gt=0)
    connections: int = Field(20, description="Connections to one host in one test.", ge=1, le=50)
    attempt_gap: float = Field(2.0, description="Seconds between two attempts on one connection.", ge=0)
    connection_gap: float = Field(30.0, description="Seconds between two connections to one host.", ge=0)
    grace: float = Field(
        20.0, description="Seconds to wait for an accepted letter before the next attempt is made.", ge=0
    )
    retry_after: tuple[Step, ...] = Field(
        (360.0, 1800.0, 14400.0), description="Seconds until each retry of a greylisted attempt.", max_length=10
    )
    later_after: tuple[Step, ...] = Field(
        (3600.0, 21600.0),
        description="Seconds until each retry when greeting or EHLO is put off; the first also after the final dot.",
        max_length=10,
    )
    busy_after: float = Field(
        86400.0, description="Seconds until the one retry of what a server kept from us by leaving early (421).", gt=0
    )
    dkim_selector: str = Field(
        "",
        description="Selector of the DKIM key, under bounce_domain.",
        pattern=r"^[a-z0-9]?([a-z0-9._-]{0,60}[a-z0-9])?$",
        examples=["tester"],
    )
    more_dkim_selectors: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,60}[a-z0-9])?$")], ...] = Field(
        (), description="Further selectors of the same key, drawn likewise; without any, a second look is unsigned."
    )
    dkim_key: Path | None = Field(
        None, description="PEM file of the RSA key that signs our letters; relative to the configuration file."
    )
    lease: float = Field(300.0, description="Seconds after which a job of a silent worker is given to another.", gt=0)

    @property
    def helos(self) -> tuple[str, ...]:
        """All our names for EHLO."""
        return (self.helo, *self.more_helos)

    @property
    def collector_domains(self) -> tuple[str, ...]:
        """All domains that letters go to."""
        return (self.collector_domain, *self.more_collector_domains)

    @property
    def bounce_domains(self) -> tuple[str, ...]:
        """All domains that letters come from."""
        return (self.bounce_domain, *self.more_bounce_domains)

    @property
    def domains(self) -> frozenset[str]:
        """All domains that our collector takes mail for."""
        return frozenset(self.collector_domains + self.bounce_domains)

    def wardrobe(self, version: int) -> Wardrobe:
        """What the strangers that test an address of this IP version are drawn from."""
        return Wardrobe(
            helos=self.helos,
            collector_domains=self.collector_domains,
            bounce_domains=self.bounce_domains,
            selectors=(self.dkim_selector, *self.more_dkim_selectors) if self.dkim_key else (),
            sources=tuple(str(address) for address in self.source_addresses if address.version == version),
        )

    @property
    def limits(self) -> Limits:
        """What one conversation of a test may cost."""
        return Limits(
            connect=self.connect_timeout,
            banner=self.banner_timeout,
            banner_second=self.banner_second_timeout,
            command=self.command_timeout,
            final=self.final_timeout,
            connection=self.connection_timeout,
            connections=self.connections,
            attempt_gap=self.attempt_gap,
            connection_gap=self.connection_gap,
            grace=self.grace,
        )

    @property
    def known_by(self) -> str:
        """A sentence when one line of configuration can refuse us and nobody else, or "".

        Labs, and settings under which nobody is dialled yet, have other worries.
        """
        more = ("more_helos", "more_collector_domains", "more_bounce_domains")
        single = [f"tester.{name}" for name in more if not getattr(self, name)]
        if not single or self.held or self.lab_networks:
            return ""
        return (
            f"{' and '.join(single)} {'name' if single[1:] else 'names'} nobody: a relay can refuse us by the one name "
            "that we have, and look closed; set at least one more of each (docs/install.md says which records it needs)"
        )

    def quiet(self, now: datetime) -> str:
        """That these are quiet hours, and until when, no full stop; or ""."""
        if now.hour not in self.quiet_hours:
            return ""
        hours = (now + timedelta(hours=n) for n in range(1, 24))
        end = next(hour for hour in hours if hour.hour not in self.quiet_hours)  # the settings must leave one
        return f"these are quiet hours, until {end:%H}:00 UTC (tester.quiet_hours)"

    @property
    def held(self) -> str:
        """Why these settings let nobody be dialled, or "".

        Under names that are not ours no letter could come back, and nobody could see who tests; labs need none.
        """
        if self.stop:
            return "tester.stop is set"
        names = {
            "helo": self.helo,
            "collector_domain": self.collector_domain,
            "bounce_domain": self.bounce_domain,
            "more_helos": self.more_helos,
            "more_collector_domains": self.more_collector_domains,
            "more_bounce_domains": self.more_bounce_domains,
        }
        borrowed = [
            f"tester.{key}"
            for key, value in names.items()
            if any(f".{name}".endswith(".example.org") for name in ((value,) if isinstance(value, str) else value))
        ]
        if not borrowed or self.lab_networks:
            return ""
        return f"put {'names' if borrowed[1:] else 'a name'} of your own into {' and '.join(borrowed)} first"


class CollectorSettings(Section):
    """Where letters come back."""

    listen: tuple[Listen, ...] = Field(
        ("127.0.0.1:2525",), description="Where to receive mail; production: port 25 of the collector's MX."
    )
    hostname: Hostname = Field("mx.example.org", description="Our name in the greeting.")
    addresses: tuple[Address, ...] = Field(
        (), description="Its public addresses, for the relay forms that name an address (full profile)."
    )
    message_bytes: int = Field(262144, description="Largest message taken, whatever its lines.", ge=8192)
    connections: int = Field(200, description="Connections at once.", ge=1)
    per_peer: int = Field(8, description="Connections at once from one address, of IPv6 one /64.", ge=1)
    per_network: int = Field(
        32, description="Connections at once from one /24 or /48; a /16 or /32 may hold half of all.", ge=1
    )
    peer_day: int = Field(
        100,
        description=(
            "Messages a day kept from one /24 or /48, a quarter of them from one address or /64, eight times as many "
            "from a /16 or /32; more are put off (452), letters and bounces that tell something apart."
        ),
        ge=4,
    )
    run_bytes: int = Field(4194304, description="Octets of messages kept of one test; more are put off.", ge=65536)
    address_bytes: int = Field(8388608, description="The same of all tests of one address in a day.", ge=65536)
    day_bytes: int = Field(268435456, description="The same of everything in a day.", ge=65536)
    tls_certificate: Path | None = Field(
        None, description="PEM certificate chain for STARTTLS; relative to the configuration file."
    )
    tls_key: Path | None = Field(None, description="PEM key for STARTTLS.")


class RemoteTesting(Section):
    """Letters for others, who send them from where they stand: accounts of reporters; see docs/remote.md."""

    on: bool = Field(False, description="Whether accounts may ask for letters, through the API.")
    new: RemoteGrade = Field(
        "none",
        description=(
            "What letters of the tier new show where they come back: none (they get none), unconfirmed (lists at most "
            "under that kind, see policy.kinds) or proven (the same as a test of ours)."
        ),
    )
    known: RemoteGrade = Field("unconfirmed", description="The same of the tier known.")
    trusted: RemoteGrade = Field("proven", description="The same of the tier trusted.")
    confirm: bool = Field(
        True, description="Whether our own worker tests at once what letters that do not prove have come back for."
    )
    hours: float = Field(24.0, description="Hours for which such letters count.", gt=0, le=168)


class SelfTesting(Section):
    """Tests that somebody asks for of the address that he comes from."""

    on: bool = Field(True, description="Whether the web offers self-tests.")
    lists: bool = Field(
        False, description="List an address that its own self-test has found open; such a test never delists."
    )
    wait: float = Field(
        300.0, description="Seconds that a self-test waits for accepted letters before it ends.", gt=0, le=86400
    )
    per_address: int = Field(8, description="Self-tests a day of one address.", ge=1)
    per_network: int = Field(40, description="Self-tests a day in one /24 or /48.", ge=1)
    per_day: int = Field(500, description="Self-tests a day altogether.", ge=1)
    token_seconds: int = Field(
        600, description="Seconds for which a token shows that somebody came from an address.", ge=30, le=3600
    )
    keep_days: float = Field(7.0, description="Days for which a result is shown to who holds its link.", gt=0)
