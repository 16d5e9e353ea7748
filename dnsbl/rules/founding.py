"""A list's first configuration: its settings file, its zone file, and the DNS records to publish.

Pure: makes text, writes nothing, asks nobody. What it makes is read back by `config`; a test holds that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from urllib.parse import urlsplit

from dnsbl.addresses import Address
from tester.records import dataclass

_NAME = re.compile(r"(?=.{4,200}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?\Z")

#: What may stand before the "@" without quotes (RFC 5321 4.1.2), at most 64 octets of it.
_LOCAL = re.compile(r"(?=.{1,64}\Z)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*\Z")
#: Printable ASCII without quotes, backslashes and brackets: an address of IPv6 has the only ones.
_URL = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~%/-]*)?\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Founding:
    """What must be known of a list before it begins."""

    zone: str  #: the name under which mail servers ask, without the dot at the end
    contact: str  #: mail address for people with questions
    addresses: tuple[Address, ...]  #: this machine's public addresses
    base_url: str  #: where the site is reached, without a slash at the end
    state_dir: str = ""  #: where its state goes, if not beside its settings

    @property
    def domain(self) -> str:
        """The domain that the list's own names are under: the zone's parent, or the zone where that is a top level."""
        _, _, parent = self.zone.partition(".")
        return parent if "." in parent else self.zone

    @property
    def site_host(self) -> str:
        """The site's host, a name or an address."""
        return (urlsplit(self.base_url).hostname or "").lower()

    @property
    def rname(self) -> str:
        """Its mail address as the SOA record has it (RFC 1035 3.3.13), where it can be written so; else a usual one."""
        local, _, domain = self.contact.partition("@")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,63}", local) or not _NAME.match(domain.lower()):
            local = "hostmaster"
        return f"{local}.{domain}".lower()


def state_of(folder: PurePath) -> str:
    """Where the state of a list goes whose settings go into this folder, an absolute one: what is in /etc does not
    change by itself (FHS 3.0, 3.7), so it is in /var/lib under the same name; else "", which is beside them.
    """
    above = PurePath("/etc")
    return str(PurePath("/var/lib", *folder.parts[len(above.parts) :])) if above in folder.parents else ""


def zone_name(text: str) -> str:
    """A zone's name as it was typed, in its one form. Raises ValueError with one sentence."""
    name = text.strip().rstrip(".").lower()
    if not _NAME.match(name):
        raise ValueError(f"{text.strip()[:80]!r} is no name for a zone, such as relays.your-domain.net.")
    if is_example(name):
        raise ValueError(f"{name} is a name for examples: nobody can delegate it to you.")
    return name


def is_example(name: str) -> bool:
    """Whether a name, in lower case, is or lies below one that is for examples (RFC 2606, RFC 6761)."""
    return f".{name}".endswith((".example", ".example.org", ".example.net", ".example.com", ".invalid", ".test"))


def contact(text: str) -> str:
    """A mail address as it was typed, its domain in its one form. Raises ValueError with one sentence."""
    local, _, domain = text.strip().rpartition("@")
    if not _LOCAL.match(local) or not _NAME.match(domain.lower()):
        raise ValueError(f"{text[:80]!a} is no mail address.")
    return f"{local}@{domain.lower()}"


def site(text: str) -> str:
    """A site's address as it was typed, without a slash at the end. Raises ValueError with one sentence."""
    url = text.strip().rstrip("/")
    if not _URL.match(url):
        raise ValueError(f"{text[:80]!a} is no address of a site, such as https://relays.your-domain.net.")
    return url


def settings_file(found: Founding) -> str:
    """config.toml: what has no good default, and nothing else."""
    head = "# The keys that have no good default. `dnsbl check-config --example` prints every other with its default."
    return "\n".join([head, *joined(sections(found))]) + "\n"


def sections(found: Founding) -> dict[str, list[str]]:
    """The same, the lines of each section."""
    text, at = json.dumps, found.domain
    return {
        "service": [
            f"name = {text(found.zone[:60])}",
            f"contact = {text(found.contact)}",
            f"website = {text(found.base_url)}",
            *([f"state_dir = {text(found.state_dir)}"] if found.state_dir else []),
        ],
        "dns": [f"listen = {text([_socket(address, 53) for address in found.addresses])}"],
        "tester": [
            f"source_addresses = {text([str(address) for address in found.addresses])}",
            f"helo = {text(f'tester.{at}')}",
            f"collector_domain = {text(f'c.{at}')}",
            f"bounce_domain = {text(f'b.{at}')}",
        ],
        "collector": [
            f"listen = {text([_socket(address, 25) for address in found.addresses])}",
            f"hostname = {text(f'mx.{at}')}",
        ],
        "web": [
            'listen = "127.0.0.1:8053"        # put a web server with TLS in front of it',
            f"base_url = {text(found.base_url)}",
            'trusted_proxies = ["127.0.0.1"]  # that web server',
        ],
    }


def joined(lines: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Sections as lines of a file."""
    for section, inside in lines.items():
        yield from ("", f"[{section}]", *inside)


def zone_file(found: Founding) -> str:
    """The zone file: proven relays, the inputs of multi-hop relays, and an operator's own listings."""
    names = ["ns1", *(["@"] if found.site_host == found.zone else [])]
    glue = "".join(
        f'\n[[records]]\nname = "{name}"\ntype = "{"A" if address.version == 4 else "AAAA"}"\ndata = "{address}"\n'
        for name in names
        for address in found.addresses
    )
    head = "\n".join(soa(f"ns1.{found.zone}", found.rname))
    return f"""# The zone of this list: which kinds of listings it answers for, and how.

origin = "{found.zone}"
ns = ["ns1.{found.zone}"]
ttl = 2100                      # seconds; for listings

{head}

# {{address}} is the address asked for, {{url}} its page on the site.
[kinds.relay]
code = "127.0.0.2"
txt = "Open relay: {{address}} relayed our test letter, see {{url}}"

# The output of a multi-hop relay is often somebody's smart host, so it stays out of the combined list.
[kinds.multihop]
code = "127.0.0.3"
txt = "Open relay by way of another server: {{address}} took our test letter, see {{url}}"
aggregate = false

[kinds.manual]
code = "127.0.0.4"
txt = "Listed by the operator: {{address}}, see {{url}}"
{glue}"""


def soa(mname: str, rname: str) -> list[str]:
    """The lines of a zone file's [soa]."""
    return [
        "[soa]",
        f'mname = "{mname}"',
        f'rname = "{rname}"',
        "refresh = 3600",
        "retry = 600",
        "expire = 604800",
        'minimum = 300                   # seconds that "not listed" may be cached',
        "ttl = 3600",
    ]


def records(found: Founding, zones: Sequence[str] = ()) -> tuple[str, ...]:
    """The DNS records to publish elsewhere, a line each: the delegation (of these zones, or of the one that it is
    founded as), the site where its name is in none of these, the collector, the tester and its SPF."""
    at, delegated, host = found.domain, zones or (found.zone,), found.site_host
    inside = any(f".{host}".endswith(f".{zone}") for zone in delegated)
    spf = " ".join(f"ip{address.version}:{address}" for address in found.addresses)
    return (
        *(f"{zone}. NS ns1.{found.zone}." for zone in delegated),
        *_hosts(f"ns1.{found.zone}", found.addresses),
        *(_hosts(host, found.addresses) if _NAME.match(host) and not inside else ()),
        *_hosts(f"mx.{at}", found.addresses),
        f"c.{at}. MX 10 mx.{at}.",
        f"b.{at}. MX 10 mx.{at}.",
        f'b.{at}. TXT "v=spf1 {spf} -all"',
        *_hosts(f"tester.{at}", found.addresses),
        f'tester.{at}. TXT "v=spf1 a -all"',
        *(f"{address.reverse_pointer}. PTR tester.{at}." for address in found.addresses),
    )


def _hosts(name: str, addresses: Sequence[Address]) -> Iterator[str]:
    return (f"{name}. {'A' if address.version == 4 else 'AAAA'} {address}" for address in addresses)


def _socket(address: Address, port: int) -> str:
    return f"{address}:{port}" if address.version == 4 else f"[{address}]:{port}"
