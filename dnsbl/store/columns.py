"""Column types that hold on both databases, and the keys that make addresses a sorted, indexed question.

Times are integer microseconds since the epoch, always aware going in and UTC coming out. Networks and addresses are
bytes that sort as the numbers do: version, address, and for networks the prefix length, so that every listing which
covers an address has one of at most 129 known keys. Text is cleaned, so that no stranger's bytes break a driver. What
comes back and cannot have been written raises StoreUnavailable: the database is damaged. Never imports a table.
"""

from __future__ import annotations

import json
import re
from binascii import hexlify, unhexlify
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    Text,
    TypeDecorator,
    bindparam,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType

from dnsbl.addresses import Address, Network
from dnsbl.store.faults import damaged

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VERSIONS = {4: b"\4", 6: b"\6"}
_MICROSECOND = timedelta(microseconds=1)

#: A hash as people read it, and as `WordsAndHashes` are stored.
_SPELT, _PACKED = re.compile(rb"[0-9a-f]{64}"), re.compile(rb"\xff(.{32})", re.DOTALL)

#: Addresses and networks that are remembered: a test is of a few, again and again.
REMEMBERED = 2000

N = TypeVar("N", bound=StrEnum)
T = TypeVar("T")

#: A 64-bit integer on both databases; STRICT tables of SQLite know only INTEGER.
Number = BigInteger().with_variant(Integer(), "sqlite")


def micros(moment: datetime) -> int:
    """Microseconds since the epoch. Raises ValueError for a naive time."""
    if moment.tzinfo is None:
        raise ValueError("a time without a zone is not stored")
    return (moment - _EPOCH) // _MICROSECOND


def clean(text: str) -> str:
    """Text that every driver takes: NUL and lone surrogates come out as backslash escapes."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def address_key(address: Address) -> bytes:
    """Version and packed address: 5 or 17 bytes that sort as the addresses do."""
    return _VERSIONS[address.version] + address.packed


def network_key(network: Network) -> bytes:
    """The key of its first address, and the prefix length."""
    return address_key(network.network_address) + bytes([network.prefixlen])


def host_key(address: Address) -> bytes:
    """The key of the network that holds just this address."""
    return address_key(address) + bytes([address.max_prefixlen])


def network_at(key: bytes) -> Network:
    """The network of this key. Raises ValueError or IndexError for what is none."""
    if key[0] == 4:
        return IPv4Network((key[1:5], key[5]))
    return IPv6Network((key[1:17], key[17]))


@lru_cache(REMEMBERED)
def covering(address: Address) -> tuple[bytes, ...]:
    """The key of every network that holds this address, widest first: of 33 of them, or 129."""
    number, octets, width = int(address), address.max_prefixlen // 8, address.max_prefixlen
    version = bytes([address.version])
    starts = (number >> (width - length) << (width - length) for length in range(width + 1))
    return tuple(version + start.to_bytes(octets) + bytes([length]) for length, start in enumerate(starts))


def span(network: Network) -> tuple[Address, Address]:
    """The first and the last address: what lies between them by key lies in the network."""
    return network.network_address, network.broadcast_address


class Direct(TypeDecorator[T], Generic[T]):
    """A type that stands between us and the driver alone: what SQLAlchemy's own does to a value on the way is not done,
    as both drivers take and bring these as they are."""

    def bind_processor(self, dialect: Dialect) -> Callable[[T | None], Any]:
        return self.told

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], T | None] | None:
        return self.read

    def told(self, value: T | None) -> Any:
        """What the driver is given."""
        raise NotImplementedError

    def read(self, value: Any) -> T | None:
        """What it has brought."""
        raise NotImplementedError


class Moment(Direct[datetime]):
    """An aware UTC datetime, as microseconds since the epoch."""

    impl = Number
    cache_ok = True

    def told(self, value: datetime | None) -> int | None:
        return None if value is None else micros(value)

    def read(self, value: int | None) -> datetime | None:
        try:
            return None if value is None else _EPOCH + value * _MICROSECOND
        except (OverflowError, TypeError) as error:
            raise damaged() from error


class Words(Direct[str]):
    """Text, cleaned."""

    impl = Text
    cache_ok = True

    def told(self, value: str | None) -> str | None:
        return None if value is None else clean(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        return None


class Named(Direct[N], Generic[N]):
    """A member of one enumeration, by its value."""

    impl = Text
    cache_ok = True

    def __init__(self, names: type[N]) -> None:
        super().__init__()
        self.names = names
        self._values = {name: str(name) for name in names}
        self._members = {str(name): name for name in names}

    def told(self, value: N | None) -> str | None:
        return None if value is None else self._values.get(value) or self.names(value).value

    def read(self, value: str | None) -> N | None:
        try:
            return None if value is None else self._members[value]
        except KeyError as error:
            raise damaged() from error


class YesNo(Direct[bool]):
    """True or False, as 1 or 0."""

    impl = Integer
    cache_ok = True

    def told(self, value: bool | None) -> int | None:
        return None if value is None else int(value)

    def read(self, value: int | None) -> bool | None:
        return None if value is None else bool(value)


class Hexed(Direct[str]):
    """A hash in hexadecimal, as its octets."""

    impl = LargeBinary
    cache_ok = True

    def told(self, value: str | None) -> bytes | None:
        return None if value is None else bytes.fromhex(value)

    def read(self, value: bytes | None) -> str | None:
        try:
            return None if value is None else value.hex()
        except AttributeError as error:
            raise damaged() from error


class WordsAndHashes(Direct[str]):
    """Text, cleaned, in which hashes in hexadecimal (SHA-256) stand as their octets, behind one that no text has. What
    cannot have been written reads as what it is not."""

    impl = LargeBinary
    cache_ok = True

    def told(self, value: str | None) -> bytes | None:
        return None if value is None else _SPELT.sub(_packed, clean(value).encode())

    def read(self, value: bytes | None) -> str | None:
        return None if value is None else _PACKED.sub(_spelt, value).decode(errors="backslashreplace")


class AddressKey(Direct[Address]):
    """An address as its sorting key."""

    impl = LargeBinary
    cache_ok = True

    def told(self, value: Address | None) -> bytes | None:
        return None if value is None else address_key(value)

    def read(self, value: bytes | None) -> Address | None:
        try:
            return None if value is None else _address_at(value)
        except (ValueError, IndexError, TypeError) as error:
            raise damaged() from error


class NetworkKey(Direct[Network]):
    """A network as its sorting key."""

    impl = LargeBinary
    cache_ok = True

    def told(self, value: Network | None) -> bytes | None:
        return None if value is None else network_key(value)

    def read(self, value: bytes | None) -> Network | None:
        try:
            return None if value is None else _network_at(value)
        except (ValueError, IndexError, TypeError) as error:
            raise damaged() from error


def _packed(spelt: re.Match[bytes]) -> bytes:
    return b"\xff" + unhexlify(spelt[0])


def _spelt(packed: re.Match[bytes]) -> bytes:
    return hexlify(packed[1])


@lru_cache(REMEMBERED)
def _address_at(key: bytes) -> Address:
    return IPv4Address(key[1:]) if key[0] == 4 else IPv6Address(key[1:])


_network_at = lru_cache(REMEMBERED)(network_at)


class RawKey(UserDefinedType[bytes]):
    """A key, which goes to the driver as it is: for a thousand of them that halves what a question costs."""

    cache_ok = True


def one_of(
    column: ColumnElement[Address] | ColumnElement[Network], keys: Iterable[bytes] | BindParameter[Any]
) -> ColumnElement[bool]:
    """Whether what a column holds has one of these keys, or of those that will be given."""
    return type_coerce(column, RawKey()).in_(keys if isinstance(keys, BindParameter) else list(keys))


class KeyList(UserDefinedType[Sequence[bytes]]):
    """Keys of any number in one value, so that the text for the driver is the same however many they are: an array to
    PostgreSQL, and to SQLite, which has none, a JSON document of hexadecimal words."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Sequence[bytes] | None], Any]:
        return _array if dialect.name == "postgresql" else _hexadecimal


class NoneOf(FunctionElement[bool]):
    """Whether what a column holds has none of the keys that will be given under this name."""

    inherit_cache = True
    type = Boolean()

    def __init__(self, column: ColumnElement[Address] | ColumnElement[Network], name: str) -> None:
        super().__init__(column, bindparam(name, type_=KeyList()))


@compiles(NoneOf, "postgresql")
def _none_of_array(element: NoneOf, compiler: Any, **words: Any) -> str:
    column, keys = (compiler.process(each, **words) for each in element.clauses)
    return f"{column} <> ALL (CAST({keys} AS BYTEA[]))"


@compiles(NoneOf, "sqlite")
def _none_of_document(element: NoneOf, compiler: Any, **words: Any) -> str:
    column, keys = (compiler.process(each, **words) for each in element.clauses)
    return f"hex({column}) NOT IN (SELECT value FROM json_each({keys}))"


def _array(keys: Sequence[bytes] | None) -> str:
    """In PostgreSQL's own words, which its driver would put together key by key."""
    return "{" + ",".join([rf'"\\x{key.hex()}"' for key in keys or ()]) + "}"


def _hexadecimal(keys: Sequence[bytes] | None) -> str:
    return json.dumps([key.hex().upper() for key in keys or ()])
