"""Settings of what answers and of copies: DNS, the published table, who follows it, files for others."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from dnsbl.settings.values import (
    ClientRule,
    Listen,
    Network,
    Section,
    Told,
    TransferRule,
    client_rule,
    mirror,
    transfer_rule,
)


class Dns(Section):
    """The responder."""

    listen: tuple[Listen, ...] = Field(
        ("127.0.0.1:5353", "[::1]:5353"),
        description="Where to answer, UDP and TCP; production: 0.0.0.0:53 and [::]:53, or each address by itself.",
    )
    zones_dir: Path = Field(Path("zones"), description="Folder of the zone files; relative to the configuration file.")
    sources_check: float = Field(
        60.0, description="Seconds between two looks at the data files of the zones' sources.", gt=0, le=86400
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
        3600.0, description="Seconds without word from the store after which answers are marked as stale.", gt=0
    )
    acl: tuple[Annotated[ClientRule, BeforeValidator(client_rule)], ...] = Field(
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
        500.0, description="Answers per second over UDP to one /24 or /56, listings and records; 0 is no limit.", ge=0
    )
    rate_negatives: float = Field(
        5000.0, description='The same for "not listed", which busy mail sites hear all day.', ge=0
    )
    rate_errors: float = Field(
        50.0, description="The same for refusals, errors and what is no question about a list.", ge=0
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
        30.0,
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
    query_log_every: int = Field(0, description="Every so many queries one is logged; 1 is all of them, 0 none.", ge=0)
    query_log_clients: Literal["network", "address"] = Field(
        "network",
        description="By what a logged query names its client: its /24 or /48, or its address, while a fault is sought.",
    )
    metrics_listen: Listen | None = Field(
        None, description="Where to serve Prometheus metrics by themselves, for nodes without the web role."
    )
    transfer: tuple[Annotated[TransferRule, BeforeValidator(transfer_rule)], ...] = Field(
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
        examples=["https://first.your-domain.net"],
    )
    key: str = Field(
        "",
        description="The public key that it is signed with: what `dnsbl publish-key` prints on the first node.",
        pattern="^([A-Za-z0-9+/]{43}=)?$",
        examples=["what `dnsbl publish-key` prints"],
    )
    ca: Path | None = Field(
        None,
        description=(
            "File of the authorities that may have signed the other node's certificate; relative to the configuration "
            "file; else the system's."
        ),
    )
    poll: float = Field(2.0, description="Seconds between two looks for what is new.", gt=0, le=3600)
    timeout: float = Field(20.0, description="Seconds for which nothing may come.", gt=0, le=600)
    largest: int = Field(
        1 << 30,
        description="Octets that the other node's table may have, unpacked; 4.3 MB are a million addresses.",
        ge=1,
    )


class Copies(Section):
    """Files of the zones for others: `dnsbl export`, and on the web /feeds/ZONE.jsonl."""

    valid_hours: float = Field(
        48.0, description="Hours after which a copy should not be used any more; it says so itself (not-after).", gt=0
    )
    feeds: bool = Field(True, description="Whether the web offers each zone as JSON lines, whole and as changes.")
    feed_seconds: float = Field(
        60.0, description="Seconds between two makings of such a file, however much changes.", ge=1
    )
    mirrors: tuple[Annotated[str, AfterValidator(mirror)], ...] = Field(
        (), description="URLs of others' copies (JSON lines) of which `dnsbl monitor` says when they are stale."
    )
    lag_minutes: float = Field(
        60.0, description="Minutes by which such a copy may be behind before `dnsbl monitor` calls it stale.", gt=0
    )
