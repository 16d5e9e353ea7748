"""The configuration: shape, defaults, and a sentence per field (the `description`, which the example file repeats).

Pure values; `config` reads them from TOML and the environment. Durations are seconds unless the name says otherwise.

Over 400 lines, since every setting stands here with its default, its bounds and its sentence, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tester.bounces import COLLECTOR, quoted
from tester.guises import Wardrobe
from tester.vectors import CATALOGUE

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


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


Hostname = Annotated[str, AfterValidator(_hostname)]
Listen = Annotated[str, AfterValidator(_listen)]


@dataclass(frozen=True, slots=True)
class ClientRule:
    """What clients from one network get; the longest network that holds the client's address decides."""

    network: Network
    action: str  #: pass, refuse, drop, empty or code
    code: IPv4Address | None = None  #: the A record that every listing question gets, with the action `code`


#: In-band answers for unwelcome clients may use this network alone, so that none is ever mistaken for a listing.
IN_BAND = IPv4Network("127.255.255.0/24")


def _client_rule(value: Any) -> ClientRule:
    match value.split() if isinstance(value, str) else ():
        case (network, ("pass" | "refuse" | "drop" | "empty") as action):
            return ClientRule(ip_network(network), action)
        case (network, "code", code) if (address := IPv4Address(code)) in IN_BAND:
            return ClientRule(ip_network(network), "code", address)
    raise ValueError(
        "NETWORK ACTION is needed, the action one of pass, refuse, drop, empty or code 127.255.255.N, "
        'such as "192.0.2.0/24 refuse" or "192.0.2.0/24 code 127.255.255.254"'
    )


@dataclass(frozen=True, slots=True)
class TransferRule:
    """Who may have whole zones: an address in the network that signs with the key."""

    network: Network
    key: str | None  #: the key's name, lower case; None only on loopback
    tls: bool = False  #: over TLS alone


def _transfer_rule(value: Any) -> TransferRule:
    match value.split() if isinstance(value, str) else ():
        case (network, key, "tls"):
            return TransferRule(ip_network(network), _hostname(key), tls=True)
        case (network, key):
            return TransferRule(ip_network(network), _hostname(key))
        case (network,) if ip_network(network).is_loopback:
            return TransferRule(ip_network(network), None)
    raise ValueError('NETWORK KEY is needed, such as "192.0.2.7 mirror"; only loopback networks may go without a key')


def _mail_host(value: str) -> str:
    """A host name, or a domain behind a dot; `*.example.org` is the same as `.example.org`."""
    text = value.strip().removeprefix("*")
    return f".{_hostname(text[1:])}" if text.startswith(".") else _hostname(text)


MailHost = Annotated[str, AfterValidator(_mail_host)]


@dataclass(frozen=True, slots=True)
class Reporter:
    """The mail hosts of somebody who reports spam."""

    who: Network | str  #: the network that the requests come from, or a word that the command line is told
    networks: tuple[Network, ...]
    names: tuple[str, ...]

    def covers(self, word: str, visitor: Address | None) -> bool:
        """Whether a request under this word, or from this visitor, is this reporter's."""
        if isinstance(self.who, str):
            return self.who == word.lower()
        return visitor is not None and visitor.version == self.who.version and visitor in self.who


def _reporter(value: Any) -> Reporter:
    who, *hosts = value.split() if isinstance(value, str) else ("",)
    if not hosts:
        raise ValueError('WHO and his mail hosts are needed, such as "192.0.2.0/24 198.51.100.7 mx.example.org"')
    networks = tuple(found for host in hosts if (found := _network(host)))
    names = tuple(_mail_host(host) for host in hosts if _network(host) is None)
    return Reporter(_network(who) or who.lower(), networks, names)


@dataclass(frozen=True, slots=True)
class FeedSource:
    """Where a reporter publishes his list."""

    name: str  #: the reporter's account
    place: str  #: an http(s) address, or the absolute path of a file

    @property
    def is_remote(self) -> bool:
        """Whether it is fetched, and not read."""
        return not self.place.startswith("/")


_PLACE = re.compile(r"https?://[!-~]{1,500}|/[ -~]{1,500}")


def _feed(value: Any) -> FeedSource:
    name, _, place = value.strip().partition(" ") if isinstance(value, str) else ("", "", "")
    place = place.strip()
    if not name or not _PLACE.fullmatch(place) or (place.startswith("http") and not urlsplit(place).hostname):
        raise ValueError('NAME and an address or an absolute path are needed, such as "ann https://example.org/relays"')
    return FeedSource(name.lower(), place)


def _network(text: str) -> Network | None:
    """A network or an address; None for what is neither. Raises ValueError for a network with host bits."""
    try:
        return ip_network(text)
    except ValueError:
        if "/" in text:
            raise
        return None


def _told(value: str) -> str:
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError('"off", "hostname" or printable ASCII is needed')
    return value


#: What the server tells about itself: `off`, `hostname`, or the text itself.
Told = Annotated[str, Field(max_length=100), AfterValidator(_told)]


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
    event_log: Path | None = Field(
        None,
        description=(
            "File that every entry of the journal is added to within ten seconds, for `dnsbl restore`; on another "
            "machine's disk at best."
        ),
    )
    clock_tolerance: float = Field(
        600,
        description=(
            "Seconds by which the clock may jump, or differ from the database's, before all that depends on time waits."
        ),
        gt=0,
    )
    clock_gap_days: float = Field(
        7,
        description="Days without a sign of life in the store after which the clock is believed at an operator's word.",
        gt=0,
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
        ("127.0.0.1:5353", "[::1]:5353"),
        description="Where to answer, UDP and TCP; production: 0.0.0.0:53 and [::]:53, or each address by itself.",
    )
    zones_dir: Path = Field(Path("zones"), description="Folder of the zone files; relative to the configuration file.")
    sources_check: float = Field(
        60, description="Seconds between two looks at the data files of the zones' sources.", gt=0, le=86400
    )
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
    tls_listen: tuple[Listen, ...] = Field(
        (), description="Where to answer over TLS too, transfers as well (RFC 9103); usually [::]:853 and 0.0.0.0:853."
    )
    tls_certificate: Path | None = Field(
        None, description="PEM certificate chain for tls_listen; relative to the configuration file."
    )
    tls_key: Path | None = Field(
        None, description="Its private key, PEM; relative to the configuration file. SIGHUP reads both again."
    )
    stale_after: float = Field(
        3600, description="Seconds without word from the store after which answers are marked as stale.", gt=0
    )
    acl: tuple[Annotated[ClientRule, BeforeValidator(_client_rule)], ...] = Field(
        (),
        description=(
            'Who may ask: "NETWORK ACTION" with pass, refuse, drop, empty or code 127.255.255.N; the longest network '
            "decides, and who is in none passes."
        ),
    )
    proxies: tuple[Network, ...] = Field(
        (),
        description=(
            "Networks of proxies before us, such as dnsdist: all that comes from them must begin with a PROXY header "
            "(version 2) that tells the client's address, and nobody else's may."
        ),
    )
    keys_file: Path | None = Field(
        None,
        description=(
            "SHA-256 of the keys (16 or more letters and digits) that clients may put before the zone, one a line, "
            "with name=WORD and networks=NETWORK,... behind it if you like; relative to the configuration file."
        ),
    )
    keys_elsewhere: str = Field(
        "pass",
        description="A key that is used from outside its networks: pass (an alarm tells of it) or refuse.",
        pattern="^(pass|refuse)$",
    )
    rate_answers: float = Field(
        500, description="Answers per second over UDP to one /24 or /56, listings and records; 0 is no limit.", ge=0
    )
    rate_negatives: float = Field(
        5000, description='The same for "not listed", which busy mail sites hear all day.', ge=0
    )
    rate_errors: float = Field(
        50, description="The same for refusals, errors and what is no question about a list.", ge=0
    )
    rate_slip: int = Field(
        2,
        description="Of the replies over a limit each such one is sent empty with TC, the others dropped; 0: none.",
        ge=0,
        le=100,
    )
    rate_allow: tuple[Network, ...] = Field(
        (ip_network("127.0.0.0/8"), ip_network("::1/128")), description="Networks that no rate limit concerns."
    )
    cookies: str = Field(
        "on",
        description="DNS cookies: on, off, or strict (over UDP, who shows a wrong or half a cookie must ask again).",
        pattern="^(on|off|strict)$",
    )
    cookie_days: float = Field(
        30,
        description="Days until a new cookie secret; 0 never, for servers that share copies of state_dir/cookies.",
        ge=0,
    )
    nsid: Told = Field(
        "off", description="Our name in NSID (RFC 5001): off, hostname, 0x and hexadecimal digits, or the text itself."
    )
    chaos_id: Told = Field(
        "off", description="What id.server and hostname.bind tell in class CH: off, hostname, or the text itself."
    )
    chaos_version: Told = Field(
        "off", description="What version.bind and version.server tell in class CH: off, or the text itself."
    )
    query_log_every: int = Field(
        0, description="Every so many queries one is logged, the client shortened to its /24 or /48; 0 is none.", ge=0
    )
    metrics_listen: Listen | None = Field(
        None, description="Where to serve Prometheus metrics by themselves, for nodes without the web role."
    )
    transfer: tuple[Annotated[TransferRule, BeforeValidator(_transfer_rule)], ...] = Field(
        (),
        description=(
            'Who may have whole zones (AXFR, IXFR): "NETWORK KEY", the key one of those in tsig_keys; with a third '
            "word, tls, over TLS alone."
        ),
    )
    tsig_keys: Path | None = Field(
        None,
        description=(
            "File of transfer keys, a `name algorithm secret` a line; relative to the configuration file, and not "
            "others' to read."
        ),
    )
    transfers: int = Field(4, description="Zone transfers at once.", ge=1, le=100)
    expand_ranges: bool = Field(
        False, description="Transfer networks of up to 65536 addresses name by name, not as wildcards."
    )
    secondaries: tuple[Listen, ...] = Field(
        (), description="Servers that are told of every change (NOTIFY), and that `dnsbl monitor` watches."
    )
    monitor: tuple[Listen, ...] = Field((), description="Further servers of our zones that `dnsbl monitor` watches.")

    @field_validator("nsid")
    @classmethod
    def _hexadecimal(cls, nsid: str) -> str:
        if nsid.startswith("0x"):
            bytes.fromhex(nsid[2:])
        return nsid


class Publish(Section):
    """The table, signed, for nodes without a database: see docs/nodes.md."""

    to: tuple[Network, ...] = Field(
        (), description="Networks that may fetch the table, at /table/ of the web or of publish.listen; nobody: []."
    )
    listen: Listen | None = Field(
        None, description="Where to hand the table out by itself, over HTTP, for nodes without the web role."
    )


class Follow(Section):
    """Another node's table, for a node that serves DNS alone and has no database."""

    url: str = Field(
        "",
        description="Where it is published, such as https://relays.example.org/table; also `serve --follow URL`.",
        max_length=300,
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[!-~]*)?)?$",
    )
    key: str = Field(
        "",
        description="The public key that it is signed with: what `dnsbl publish-key` prints on the first node.",
        pattern="^([A-Za-z0-9+/]{43}=)?$",
    )
    ca: Path | None = Field(
        None,
        description=(
            "File of the authorities that may have signed the other node's certificate; relative to the configuration "
            "file; else the system's."
        ),
    )
    poll: float = Field(2, description="Seconds between two looks for what is new.", gt=0, le=3600)
    timeout: float = Field(20, description="Seconds for which nothing may come.", gt=0, le=600)
    largest: int = Field(
        1 << 30,
        description="Octets that the other node's table may have, unpacked; 4.3 MB are a million addresses.",
        ge=1,
    )


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
        8, description="Seconds until a connection must stand at a port that may have no service.", gt=0
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
        172800, description="Seconds to wait for an accepted letter before it counts as lost.", gt=0
    )
    late_window: float = Field(604800, description="Seconds after which a letter that comes back counts no more.", gt=0)
    concurrency: int = Field(20, description="Tests at once.", ge=1, le=10000)
    reserved: int = Field(
        5, description="Places of these that are kept for tests that owners and operators ask for.", ge=0
    )
    per_network: int = Field(
        2, description="Tests at once in one /24 or /48, and one more that its owner or an operator asks for.", ge=1
    )
    slow_network: float = Field(
        3600, description="Seconds for which a network with a tarpit in it has one test at a time; 0: never.", ge=0
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
    connect_timeout: float = Field(30, description="Seconds until a connection must stand.", gt=0)
    banner_timeout: float = Field(60, description="Seconds until the greeting must be complete.", gt=0)
    banner_second_timeout: float = Field(
        300, description="The same on the one further connection that is made when no greeting came.", gt=0
    )
    command_timeout: float = Field(120, description="Seconds to wait for the reply to a command.", gt=0)
    final_timeout: float = Field(600, description="Seconds to wait for the reply to the final dot.", gt=0)
    connection_timeout: float = Field(900, description="Seconds that one connection may last.", gt=0)
    connections: int = Field(20, description="Connections to one host in one test.", ge=1, le=50)
    attempt_gap: float = Field(2, description="Seconds between two attempts on one connection.", ge=0)
    connection_gap: float = Field(30, description="Seconds between two connections to one host.", ge=0)
    grace: float = Field(
        20, description="Seconds to wait for an accepted letter before the next attempt is made.", ge=0
    )
    retry_after: tuple[float, ...] = Field(
        (360, 1800, 14400), description="Seconds until each retry of a greylisted attempt.", max_length=10
    )
    later_after: tuple[float, ...] = Field(
        (3600, 21600),
        description="Seconds until each retry when greeting or EHLO is put off; the first also after the final dot.",
        max_length=10,
    )
    busy_after: float = Field(
        86400, description="Seconds until the one retry of what a server kept from us by leaving early (421).", gt=0
    )
    dkim_selector: str = Field(
        "",
        description="Selector of the DKIM key, under bounce_domain.",
        pattern=r"^[a-z0-9]?([a-z0-9._-]{0,60}[a-z0-9])?$",
    )
    more_dkim_selectors: tuple[Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,60}[a-z0-9])?$")], ...] = Field(
        (), description="Further selectors of the same key, drawn likewise; without any, a second look is unsigned."
    )
    dkim_key: Path | None = Field(
        None, description="PEM file of the RSA key that signs our letters; relative to the configuration file."
    )
    lease: float = Field(300, description="Seconds after which a job of a silent worker is given to another.", gt=0)

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


class MailDoorTerms(Section):
    """Nominations by mail; see docs/doors.md."""

    address: str = Field(
        "",
        description='Where spam may be forwarded to, such as "nominate@c.example.org"; empty: nowhere.',
        pattern=r"^([a-z0-9._-]{1,20}@[a-z0-9.-]{1,200})?$",
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


class Web(Section):
    """Pages and API."""

    listen: Listen = Field("127.0.0.1:8053", description="Where to serve HTTP; put a TLS proxy in front.")
    base_url: str = Field(
        "http://127.0.0.1:8053",
        description="The site's address as visitors see it, without a slash at the end.",
        pattern=r"^https?://[!-~]+[^/]$",
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
    head_seconds: float = Field(10, description="Seconds until the head of a request must be complete.", gt=0)
    body_seconds: float = Field(60, description="Seconds until its body must be complete.", gt=0)
    reading_seconds: float = Field(60, description="Seconds in which an answer must have been read.", gt=0)
    watchers: int = Field(
        60, description="Answers at once that go on while a test does (event streams); two of one network.", ge=1
    )
    watch_seconds: float = Field(1200, description="Seconds after which such an answer ends.", gt=0)
    idle_seconds: int = Field(
        75, description="Seconds until an idle connection is closed; longer than a proxy in front keeps its own.", ge=1
    )

    @property
    def unnamed_proxy(self) -> str:
        """A sentence when a proxy must stand in front that `trusted_proxies` does not name, or "".

        We speak no TLS, and nobody outside reaches a loopback address.
        """
        inner, outer = split_listen(self.listen)[0], urlsplit(self.base_url)
        secret, local = outer.scheme == "https", ip_address(inner).is_loopback and not _loopback(outer.hostname or "")
        if self.trusted_proxies or not (secret or local):
            return ""
        why = "web.base_url begins with https" if secret else "web.listen is a loopback address and web.base_url is not"
        return (
            f"{why}, so a proxy stands in front, but web.trusted_proxies names none: all visitors count as that proxy, "
            "share its limits, and /metrics is shown to nobody; put its address there"
        )


class SelfTesting(Section):
    """Tests that somebody asks for of the address that he comes from."""

    on: bool = Field(True, description="Whether the web offers self-tests.")
    lists: bool = Field(
        False, description="List an address that its own self-test has found open; such a test never delists."
    )
    wait: float = Field(
        300, description="Seconds that a self-test waits for accepted letters before it ends.", gt=0, le=86400
    )
    per_address: int = Field(8, description="Self-tests a day of one address.", ge=1)
    per_network: int = Field(40, description="Self-tests a day in one /24 or /48.", ge=1)
    per_day: int = Field(500, description="Self-tests a day altogether.", ge=1)
    token_seconds: int = Field(
        600, description="Seconds for which a token shows that somebody came from an address.", ge=30, le=3600
    )
    keep_days: float = Field(7, description="Days for which a result is shown to who holds its link.", gt=0)


def _mailbox(value: str) -> str:
    if value and not _MAILBOX.match(value):
        raise ValueError("a mail address is needed, such as relays@example.org")
    return value


_MAILBOX = re.compile(r"(?!.*=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}\Z")
#: A mail address, or "".
Mailbox = Annotated[str, AfterValidator(_mailbox)]


class NoticeSettings(Section):
    """Mail that this list sends. None goes out without a smarthost."""

    smarthost: Hostname | Literal[""] = Field(
        "", description="The mail server that takes our mail and hands it on; empty: no mail is sent."
    )
    port: int = Field(25, description='Its port: 25 or 587, and 465 for tls = "tls".', ge=1, le=65535)
    tls: str = Field(
        "starttls",
        description="How it is spoken to: starttls, tls (from the first octet on) or none, for one on this machine.",
        pattern="^(starttls|tls|none)$",
    )
    ca_file: Path | None = Field(
        None, description="PEM certificates that its certificate may be signed by; else those that this system trusts."
    )
    credentials_file: Path | None = Field(
        None,
        description=(
            "File with the name and, on a second line, the password for it; relative to the configuration file, and "
            "not others' to read."
        ),
    )
    sender: Mailbox = Field("", description="The address in From; needed with a smarthost.")
    reply_to: Mailbox = Field("", description="Where answers of people go; empty: to service.contact.")
    owner_kinds: tuple[str, ...] = Field(
        (),
        description=(
            'Kinds of listings whose owners are told when one begins, such as "relay": the postmaster of the '
            "address's own name, or whom the registry names for abuse."
        ),
    )
    nominator: bool = Field(
        False, description="Confirm a nomination to the mail address that its form was given, whoever that belongs to."
    )
    asker: bool = Field(
        False,
        description="Write what came of a retest to the mail address that its form was given, whoever that belongs to.",
    )
    rdap: str = Field(
        "",
        description="RDAP server that tells whose an address is (RFC 9082), without a slash at the end; empty: none.",
        pattern=r"^(https?://[!-~]+[^/])?$",
    )
    rdap_inside: bool = Field(
        False, description="Let that server, or one that it leads to, have a special-purpose address."
    )
    contact_days: float = Field(7, description="Days for which it is remembered who answers for an address.", gt=0)
    templates_dir: Path | None = Field(
        None,
        description="Folder whose NAME.txt is said in place of our own words; relative to the configuration file.",
    )
    retry_after: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (300, 900, 3600, 14400),
        description="Seconds until each further try of a mail that was put off; the last one repeats.",
        min_length=1,
    )
    give_up_days: float = Field(3, description="Days after which a mail that was always put off is given up.", gt=0)
    keep_days: float = Field(30, description="Days for which it is remembered whom a mail went to.", ge=1)
    per_recipient: int = Field(4, description="Mails a day to one address.", ge=1)
    per_domain: int = Field(40, description="Mails a day to one domain.", ge=1)
    per_day: int = Field(1000, description="Mails a day altogether.", ge=1)


class WatchSettings(Section):
    """Telling who holds a network of new listings in it."""

    on: bool = Field(False, description="Let who shows that a network is his be told of new listings in it.")
    widest_ipv4: int = Field(16, description="Shortest IPv4 prefix that may be watched.", ge=8, le=32)
    widest_ipv6: int = Field(32, description="Shortest IPv6 prefix that may be watched.", ge=16, le=128)
    per_network: int = Field(5, description="Watches of one network.", ge=1)
    altogether: int = Field(1000, description="Watches altogether.", ge=1)
    webhook_inside: bool = Field(
        False, description="Let webhooks have special-purpose addresses; only for lists that serve one's own house."
    )


class Feeds(Section):
    """Lists of suspects that reporters publish, and lists of others; see docs/doors.md."""

    sources: tuple[Annotated[FeedSource, BeforeValidator(_feed)], ...] = Field(
        (),
        description='"NAME URL-or-FILE": what the reporter NAME publishes, an address or a JSON object a line.',
        max_length=100,
    )
    every: float = Field(3600, description="Seconds between two looks at a feed.", ge=60)
    seconds: float = Field(60, description="Seconds that one look may take.", gt=0, le=600)
    octets: int = Field(4194304, description="Octets of a feed, or of a list that is imported.", ge=1024)
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
    keep_days: float = Field(30, description="Days after which one that still waits is let go.", gt=0)

    @field_validator("sources")
    @classmethod
    def _one_each(cls, sources: tuple[FeedSource, ...]) -> tuple[FeedSource, ...]:
        if len({source.name for source in sources}) < len(sources):
            raise ValueError("each reporter has one feed")
        return sources


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


def _mirror(value: str) -> str:
    """Where a copy is fetched: the whole URL. Raises ValueError."""
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname:
        raise ValueError("a URL is needed, such as https://mirror.example/relays.example.org.jsonl")
    return value


class Copies(Section):
    """Files of the zones for others: `dnsbl export`, and on the web /feeds/ZONE.jsonl."""

    valid_hours: float = Field(
        48, description="Hours after which a copy should not be used any more; it says so itself (not-after).", gt=0
    )
    feeds: bool = Field(True, description="Whether the web offers each zone as JSON lines, whole and as changes.")
    feed_seconds: float = Field(
        60, description="Seconds between two makings of such a file, however much changes.", ge=1
    )
    mirrors: tuple[Annotated[str, AfterValidator(_mirror)], ...] = Field(
        (), description="URLs of others' copies (JSON lines) of which `dnsbl monitor` says when they are stale."
    )
    lag_minutes: float = Field(
        60, description="Minutes by which such a copy may be behind before `dnsbl monitor` calls it stale.", gt=0
    )


def _among(given: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [name for name in given if name not in known]:
        raise ValueError(f"{unknown[0][:40]!r} is none of {', '.join(known)}")
    return tuple(dict.fromkeys(given))


class Policy(Section):
    """When to list, keep and delist; `docs/policy.md` explains each."""

    kinds: tuple[str, ...] = Field(
        ("relay", "multihop"),
        description=(
            "Kinds that tests may list under: relay, multihop, backscatter (takes strangers' mail and bounces it), "
            "untestable (was a relay, and cannot be tested any more)."
        ),
    )
    nominators: tuple[str, ...] = Field(
        ("web", "api", "mail", "feed", "trap"),
        description="Doors at which strangers may nominate (trap: what comes to spamtraps); operators always may.",
    )
    untestable_days: float = Field(
        90, description="Days for which what was a relay is listed as untestable, where that kind is on.", gt=0
    )
    review_days: float = Field(
        365, description="Days after which an operator's listing lapses unless an operator keeps it; 0: never.", ge=0
    )
    two_persons: bool = Field(False, description="Whether an operator's listing waits until another one confirms it.")
    require_evidence: bool = Field(True, description="Nominations through web, mail and API must show a spam message.")
    evidence_bytes: int = Field(
        262144, description="Octets that are kept of a spam message as evidence; of a longer one its start.", ge=1024
    )
    evidence_messages: int = Field(
        50, description="Messages taken from one file of evidence: a mailbox, or a mail with several attached.", ge=1
    )
    evidence_days: float = Field(7, description="Days after which a spam message is too old to be evidence.", gt=0)
    own_networks: tuple[Network, ...] = Field(
        (), description="Networks of your own mail servers: mail that one hands on was handed in further down."
    )
    own_names: tuple[MailHost, ...] = Field(
        (), description='Names of your own mail servers, found by reverse DNS; ".example.org" is all of that domain.'
    )
    reporters: tuple[Annotated[Reporter, BeforeValidator(_reporter)], ...] = Field(
        (),
        description='Mail hosts of others who report: "WHO NETWORK-or-NAME ...", WHO being their network or a word.',
    )
    rest_days: float = Field(
        7, description="Days in which an address that was tested is not tested again for a nomination.", ge=0
    )
    expiry_days: float = Field(90, description="Days after the last proof when a listing ends by itself.", gt=0)
    expiry_most: int = Field(
        100,
        description="Listings that may end by their age at once; more than that, and than expiry_share, need a word.",
        ge=1,
    )
    expiry_share: float = Field(
        0.1, description="Share of all listings with an end that may end by their age at once.", gt=0, le=1
    )
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
    unreachable_retry: tuple[float, ...] = Field(
        (3600, 86400), description="Seconds until each further try at an address that did not answer."
    )
    widest_ipv4: int = Field(16, description="Shortest IPv4 prefix that an operator may list.", ge=8, le=32)
    widest_ipv6: int = Field(32, description="Shortest IPv6 prefix that an operator may list.", ge=16, le=128)

    @field_validator("kinds")
    @classmethod
    def _kinds(cls, kinds: tuple[str, ...]) -> tuple[str, ...]:
        return _among(kinds, ("relay", "multihop", "backscatter", "untestable"))

    @field_validator("nominators")
    @classmethod
    def _nominators(cls, doors: tuple[str, ...]) -> tuple[str, ...]:
        return _among(doors, ("web", "api", "mail", "feed", "trap"))


class Settings(Section):
    """All of it."""

    service: Service = Service()
    database: Database = Database()
    dns: Dns = Dns()
    publish: Publish = Publish()
    follow: Follow = Follow()
    tester: Tester = Tester()
    collector: CollectorSettings = CollectorSettings()
    mail_door: MailDoorTerms = MailDoorTerms()
    traps: Traps = Traps()
    web: Web = Web()
    self_test: SelfTesting = SelfTesting()
    copies: Copies = Copies()
    notices: NoticeSettings = NoticeSettings()
    watch: WatchSettings = WatchSettings()
    reporters: ReporterTerms = ReporterTerms()
    feeds: Feeds = Feeds()
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


def fields(section: type[BaseModel]) -> Iterator[tuple[str, Any, str]]:
    """(name, default, description) of every field of a section, in order."""
    for name, info in section.model_fields.items():
        yield name, info.default, info.description or ""
