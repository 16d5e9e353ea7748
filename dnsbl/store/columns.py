"""Column types that hold on both databases, and the keys that make addresses a sorted, indexed question.

Times are integer microseconds since the epoch, always aware going in and UTC coming out. Networks and addresses are
bytes that sort as the numbers do: version, address, and for networks the prefix length, so that every listing which
covers an address has one of at most 129 known keys. Text is cleaned, so that no stranger's bytes break a driver. What
comes back and cannot have been written raises StoreUnavailable: the database is damaged. Never imports a table.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Dialect,
    Integer,
    LargeBinary,
    Text,
    TypeDecorator,
    type_coerce,
)
from sqlalchemy.types import UserDefinedType

from dnsbl.addresses import Address, Network
from dnsbl.store.faults import damaged

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

N = TypeVar("N", bound=StrEnum)

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
    return bytes([address.version]) + address.packed


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


def covering(address: Address) -> list[bytes]:
    """The key of every network that holds this address, widest first: of 33 of them, or 129."""
    number, octets, width = int(address), address.max_prefixlen // 8, address.max_prefixlen
    version = bytes([address.version])
    starts = (number >> (width - length) << (width - length) for length in range(width + 1))
    return [version + start.to_bytes(octets) + bytes([length]) for length, start in enumerate(starts)]


def span(network: Network) -> tuple[Address, Address]:
    """The first and the last address: what lies between them by key lies in the network."""
    return network.network_address, network.broadcast_address


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime, as microseconds since the epoch."""

    impl = Number
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else micros(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        try:
            return None if value is None else _EPOCH + value * _MICROSECOND
        except (OverflowError, TypeError) as error:
            raise damaged() from error


class Words(TypeDecorator[str]):
    """Text, cleaned."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else clean(value)


class Named(TypeDecorator[N], Generic[N]):
    """A member of one enumeration, by its value."""

    impl = Text
    cache_ok = True

    def __init__(self, names: type[N]) -> None:
        super().__init__()
        self.names = names

    def process_bind_param(self, value: N | None, dialect: Dialect) -> str | None:
        return None if value is None else self.names(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> N | None:
        try:
            return None if value is None else self.names(value)
        except ValueError as error:
            raise damaged() from error


class YesNo(TypeDecorator[bool]):
    """True or False, as 1 or 0."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


class AddressKey(TypeDecorator[Address]):
    """An address as its sorting key."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Address | None, dialect: Dialect) -> bytes | None:
        return None if value is None else address_key(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Address | None:
        if value is None:
            return None
        try:
            return IPv4Address(value[1:]) if value[0] == 4 else IPv6Address(value[1:])
        except (ValueError, IndexError, TypeError) as error:
            raise damaged() from error


class NetworkKey(TypeDecorator[Network]):
    """A network as its sorting key."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Network | None, dialect: Dialect) -> bytes | None:
        return None if value is None else network_key(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> Network | None:
        if value is None:
            return None
        try:
            return network_at(value)
        except (ValueError, IndexError, TypeError) as error:
            raise damaged() from error


class _Packed(UserDefinedType[bytes]):
    """A key, which goes to the driver as it is: for a thousand of them that halves what a question costs."""

    cache_ok = True


def one_of(
    column: ColumnElement[Address] | ColumnElement[Network], keys: Iterable[bytes] | BindParameter[Any]
) -> ColumnElement[bool]:
    """Whether what a column holds has one of these keys, or of those that will be given."""
    return type_coerce(column, _Packed()).in_(keys if isinstance(keys, BindParameter) else list(keys))
