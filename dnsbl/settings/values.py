"""What one value of the configuration may be, how it is written, and the sentence that names a mistake in it. Pure."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from pathlib import PurePath
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationInfo,
    field_validator,
)
from pydantic_core.core_schema import CoreSchema, no_info_plain_validator_function

from dnsbl.addresses import parse_network
from tester.records import dataclass

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

_HOSTNAME = re.compile(r"(?=.{1,253}\Z)([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")


def hostname(value: str) -> str:
    """A domain name in its one form, no address (RFC 1123 2.1). Raises ValueError."""
    name = value.strip().rstrip(".").lower()
    if not _HOSTNAME.match(name):
        raise ValueError("a domain name is needed, such as mx.example.org")
    if "." in name and name.rpartition(".")[2].isdigit():
        raise ValueError("a domain name is needed, such as mx.example.org, and no address")
    return name


def _host(value: str) -> str:
    """A domain name, or an address, in its one form. Raises ValueError."""
    with suppress(ValueError):
        return str(ip_address(value.strip()))
    return hostname(value)


def _listen(value: str) -> str:
    host, port = split_listen(value)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split_listen(value: str) -> tuple[str, int]:
    """`192.0.2.1:53` or `[2001:db8::1]:53` as (host, port). Raises ValueError."""
    host, colon, port = value.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    try:
        ip_address(host)
        if "%" in host or not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
            raise ValueError
        return host, int(port)
    except ValueError:
        raise ValueError(
            "ADDRESS:PORT is needed, such as 127.0.0.1:5353 or [::1]:5353, the address without a zone (%eth0)"
            if "%" in host
            else "ADDRESS:PORT is needed, such as 127.0.0.1:5353 or [::1]:5353"
        ) from None


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


Hostname = Annotated[str, AfterValidator(hostname)]
Host = Annotated[str, AfterValidator(_host)]
Listen = Annotated[str, AfterValidator(_listen)]


@dataclass(frozen=True, slots=True)
class ClientRule:
    """What clients from one network get; the longest network that holds the client's address decides."""

    network: Network
    action: str  #: pass, refuse, drop, empty or code
    code: IPv4Address | None = None  #: the A record that every listing question gets, with the action `code`


#: In-band answers for unwelcome clients may use this network alone, so that none is ever mistaken for a listing.
IN_BAND = IPv4Network("127.255.255.0/24")


def client_rule(value: Any) -> ClientRule:
    match value.split() if isinstance(value, str) else ():
        case (network, ("pass" | "refuse" | "drop" | "empty") as action):
            return ClientRule(_network(network), action)
        case (network, "code", code) if (address := _in_band(code)) is not None:
            return ClientRule(_network(network), "code", address)
    raise ValueError(
        "NETWORK ACTION is needed, the action one of pass, refuse, drop, empty or code 127.255.255.N, "
        'such as "192.0.2.0/24 refuse" or "192.0.2.0/24 code 127.255.255.254"'
    )


def _in_band(text: str) -> IPv4Address | None:
    try:
        return address if (address := IPv4Address(text)) in IN_BAND else None
    except ValueError:
        return None


def _network(text: str) -> Network:
    try:
        return parse_network(text)
    except ValueError as error:
        raise ValueError(str(error).removesuffix(".")) from None


@dataclass(frozen=True, slots=True)
class TransferRule:
    """Who may have whole zones: an address in the network that signs with the key."""

    network: Network
    key: str | None  #: the key's name, lower case; None only on loopback
    tls: bool = False  #: over TLS alone


def transfer_rule(value: Any) -> TransferRule:
    match value.split() if isinstance(value, str) else ():
        case (network, key, "tls"):
            return TransferRule(_network(network), hostname(key), tls=True)
        case (network, key):
            return TransferRule(_network(network), hostname(key))
        case (network,) if _network(network).is_loopback:
            return TransferRule(_network(network), None)
    raise ValueError('NETWORK KEY is needed, such as "192.0.2.7 mirror"; only loopback networks may go without a key')


def _mail_host(value: str) -> str:
    """A host name, or a domain behind a dot; `*.example.org` is the same as `.example.org`."""
    text = value.strip().removeprefix("*")
    return f".{hostname(text[1:])}" if text.startswith(".") else hostname(text)


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
        return visitor is not None and visitor in self.who


def reporter(value: Any) -> Reporter:
    who, *hosts = value.split() if isinstance(value, str) else ("",)
    if not hosts:
        raise ValueError('WHO and his mail hosts are needed, such as "192.0.2.0/24 198.51.100.7 mx.example.org"')
    networks = tuple(found for host in hosts if (found := _perhaps(host)))
    names = tuple(_mail_host(host) for host in hosts if _perhaps(host) is None)
    return Reporter(_perhaps(who) or who.lower(), networks, names)


def _perhaps(text: str) -> Network | None:
    """A network or an address; None for a name. Raises ValueError."""
    if "/" not in text:
        with suppress(ValueError):
            return _network(text)
        return None
    return _network(text)


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


def feed_source(value: Any) -> FeedSource:
    name, _, place = value.strip().partition(" ") if isinstance(value, str) else ("", "", "")
    place = place.strip()
    if not name or not _PLACE.fullmatch(place) or (place.startswith("http") and not urlsplit(place).hostname):
        raise ValueError('NAME and an address or an absolute path are needed, such as "ann https://example.org/relays"')
    return FeedSource(name.lower(), place)


@dataclass(frozen=True, slots=True)
class LookupClient:
    """Mail servers of a reporter whose questions to a watched zone nominate."""

    name: str  #: the reporter's account
    networks: tuple[Network, ...]  #: that the questions come from; empty: anywhere
    key: str  #: the name of the client's key that they bear; "": none is needed


def lookup_client(value: Any) -> LookupClient:
    name, *marks = value.split() if isinstance(value, str) else ("",)
    keys = [mark[4:] for mark in marks if mark.startswith("key:")]
    if not marks or len(keys) > 1 or "" in keys:
        raise ValueError('NAME, his networks and perhaps his key are needed, such as "ann 192.0.2.0/24 key:ann"')
    networks = tuple(_network(mark) for mark in marks if not mark.startswith("key:"))
    return LookupClient(name.lower(), networks, "".join(keys))


@dataclass(frozen=True, slots=True)
class KindDays:
    """How long the listings of one kind stand."""

    kind: str
    days: float  #: 0: until somebody ends them


_KIND_DAYS = re.compile(r"([a-z][a-z0-9-]{0,29}[a-z0-9])\s+([0-9]{1,5}(?:\.[0-9]{1,3})?)")


def days_of_kind(value: Any) -> KindDays:
    match = _KIND_DAYS.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError('KIND DAYS is needed, such as "provisional 14"')
    if float(match[2]) > MOST["days"]:
        raise ValueError(f"at most {MOST['days']} days are allowed")
    return KindDays(match[1], float(match[2]))


def _told(value: str) -> str:
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError('"off", "hostname" or printable ASCII is needed')
    return value


#: What the server tells about itself: `off`, `hostname`, or the text itself.
Told = Annotated[str, Field(max_length=100), AfterValidator(_told)]


#: The most that a number of the file may be, by the last word of its key: a hundred years, which times can be reckoned
#: with and nobody waits for. A number of another unit is one of seconds, or of things ("").
MOST = {"days": 36500, "hours": 876000, "minutes": 52560000, "seconds": 3153600000, "": 2**53}
#: One of the times that something is waited for, each longer than none.
Step = Annotated[float, Field(gt=0)]


def most(key: str, value: float) -> int:
    """The most that this number, or one of these numbers, may be under such a key."""
    return MOST.get(key.rpartition("_")[2]) or MOST["seconds" if isinstance(value, float) else ""]


#: A key as `tomllib` shows it, and where in a file it was lost.
_KEY = re.compile(r"\((?:'[^']*',? ?)+\)")
_LINE = re.compile(r"\(at line (\d+),")


def _curved(text: str, said: str) -> bool:
    """Whether the line that is no TOML has quotation marks of a word processor."""
    if (line := _LINE.search(said)) is None:  # it ends too soon
        return False
    return re.search("[\u201c-\u201f\u2018\u2019]", text.split("\n")[int(line[1]) - 1]) is not None


def tables(text: str) -> dict[str, Any]:
    """What stands in a file. Raises ValueError: it is no TOML."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said = _KEY.sub(lambda key: ".".join(re.findall("'(.*?)'", key[0])), str(error))
        hint = "; quotation marks are \" or ' there, and none that are curved" if _curved(text, said) else ""
        raise ValueError(f"not TOML: {said}{hint}") from None
    except RecursionError:
        raise ValueError("not TOML: lists or tables lie too deep within each other") from None
    except ValueError:  # the one that is left
        raise ValueError("not TOML: a number has too many digits") from None


class Section(BaseModel):
    """A table of the file: unknown keys are mistakes, numbers are finite and none too large to be reckoned with, no
    text or path holds what ends it for the system, values do not change after reading."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
        defer_build=True,  # what checks a section alone is made where somebody has one alone checked
    )

    @field_validator("*")
    @classmethod
    def _possible(cls, value: Any, info: ValidationInfo) -> Any:
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, (int, float)) and abs(one) > (limit := most(info.field_name or "", one)):
                raise ValueError(f"at most {limit} is allowed")
            if isinstance(one, (str, PurePath)) and "\0" in str(one):
                raise ValueError("the character U+0000 is not allowed")
        return value


class _Alone:
    """How a section is checked as a part of the whole: by itself, where something is said of it."""

    @staticmethod
    def __get_pydantic_core_schema__(section: type[Section], handler: GetCoreSchemaHandler) -> CoreSchema:
        def checked(given: Any) -> Section:
            return section.model_construct() if given == {} else section.model_validate(given)

        return no_info_plain_validator_function(checked)


S = TypeVar("S", bound=Section)
#: A section of the whole. What checks it is made where the file has it, for it costs more than what it checks; its
#: defaults are right as they stand.
Alone = Annotated[S, _Alone]


def _mailbox(value: str) -> str:
    if value and not _MAILBOX.match(value):
        raise ValueError("a mail address is needed, such as relays@example.org")
    return value


_MAILBOX = re.compile(r"(?!.*=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9.-]{1,253}\Z")
#: A mail address, or "".
Mailbox = Annotated[str, AfterValidator(_mailbox)]


def mirror(value: str) -> str:
    """Where a copy is fetched: the whole URL. Raises ValueError."""
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname:
        raise ValueError("a URL is needed, such as https://mirror.example/relays.example.org.jsonl")
    return value


def among(given: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    if unknown := [name for name in given if name not in known]:
        raise ValueError(f"{unknown[0][:40]!r} is none of {', '.join(known)}")
    return tuple(dict.fromkeys(given))
