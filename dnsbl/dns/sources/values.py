"""What an entry of a data file says: the address of an A record, and the template of a TXT record.

Pure. The syntax is that of rbldnsd(8), "Resulting A values and TXT templates": `:A:TXT`, `:A:` without a TXT record,
`:A` with the default's, or the template alone. Templates are kept as they came and filled when somebody asks.
"""

from __future__ import annotations

import re
from array import array
from typing import NamedTuple

#: Bytes of one TXT string (RFC 1035 3.3).
LONGEST = 255
#: Values of a dataset that are known again.
MOST_KNOWN = 1 << 14


class NotTaken(Exception):
    """Why a line is not taken, in a few words."""


class Value(NamedTuple):
    """An A record's data, and a template; without one there is no TXT record."""

    address: bytes
    template: bytes


#: Of entries without a value, where no line has given another.
DEFAULT = Value(b"\x7f\0\0\2", b"")

_GIVEN = re.compile(rb":([0-9]+(?:\.[0-9]+){0,3})[ \t]*(?::[ \t]*(.*))?\Z", re.DOTALL)


def number_in(text: bytes, most: int) -> int:
    """The number that digits spell, zeros before it or not; -1 for what is none, and for one above `most`."""
    digits = text.lstrip(b"0") or b"0"
    if not text.isdigit() or len(digits) > len(str(most)):
        return -1
    number = int(digits)
    return number if number <= most else -1


def read_value(said: bytes, default: Value) -> Value:
    """The value in this text, which begins with no blank; what it leaves open is the default's. Raises NotTaken."""
    if not said.startswith(b":"):
        return Value(default.address, said)
    match = _GIVEN.match(said)
    if match is None:
        raise NotTaken("the value is not :A:TXT, :A or a text")
    address = read_a(match[1], b"\x7f\0\0")
    return Value(address, default.template if match[2] is None else match[2])


def read_a(digits: bytes, before: bytes) -> bytes:
    """An address whose octets in the middle may be left out, and of a single one those `before` it. Raises NotTaken."""
    octets = [number_in(octet, 255) for octet in digits.split(b".")]
    if min(octets) < 0:
        raise NotTaken("the A value has an octet above 255")
    begin = before if len(octets) == 1 else bytes(octets[:-1])
    address = begin.ljust(3, b"\0") + bytes(octets[-1:])
    if octets == [0] or not any(address):
        raise NotTaken("the A value is 0")
    return address


def filled(template: bytes, base: bytes, variables: tuple[bytes, ...], name: bytes) -> bytes:
    """The text for what was asked, at most LONGEST bytes; b"" where there is none.

    `$` is the name, `$0` to `$9` the variables, `$$` a dollar sign, `$=` the entry's own template as it is, or the name
    when it has none. A base stands in the place of every template that does not begin with `=`.
    """
    if template[:1] == b"=":
        template = own = template[1:]
    else:
        template, own = base or template, template
    text = bytearray()
    first, *parts = template.split(b"$")
    text += first
    at = 0
    while at < len(parts):
        part = parts[at]
        if part[:1].isdigit():
            text += (variables[part[0] - 48] or b"$" + part[:1]) + part[1:]
        elif part[:1] == b"=":
            text += (own or name) + part[1:]
        elif not part and at + 1 < len(parts):  # two dollar signs
            at += 1
            text += b"$" + parts[at]
        else:
            text += name + part
        at += 1
    return bytes(text[:LONGEST])


class Values:
    """The values of a dataset, in the order in which they came first.

    Equal ones are kept once while there are MOST_KNOWN at most; of more, as where every line has a text of its own,
    only one that repeats the value before it is not kept again.
    """

    def __init__(self) -> None:
        self._values: list[Value] = []
        self._known: dict[Value, int] = {}

    def __len__(self) -> int:
        return len(self._values)

    def number(self, value: Value) -> int:
        """Where this value is, from 1 on."""
        number = self._known.get(value)
        if number is None:
            if not self._values or self._values[-1] != value:
                self._values.append(value)
            number = len(self._values)
            if number <= MOST_KNOWN:
                self._known[value] = number
        return number

    def packed(self) -> tuple[bytes, memoryview, bytes]:
        """(addresses, where the template of each ends, the templates)."""
        ends, total = array("I"), 0
        for value in self._values:
            total += len(value.template)
            ends.append(total)
        addresses = b"".join(value.address for value in self._values)
        return addresses, memoryview(ends), b"".join(value.template for value in self._values)
