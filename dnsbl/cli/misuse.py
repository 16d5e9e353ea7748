"""What was typed wrong, in one sentence that says where and what would be right.

Pure: reads the error of the library that takes words apart; knows no command.
"""

from __future__ import annotations

import re
from typing import Any

from dnsbl.errors import DnsblError

#: How the library says what a value must be, and how people do.
_PLAIN = (
    (r"Value error, (.*)", r"\1"),
    (r"Input should be a valid integer.*", "a whole number is needed"),
    (r"Input should be a valid number.*", "a number is needed"),
    (r"Input should be a valid boolean.*", "yes or no is needed"),
    (r"Input should be greater than or equal to (.*)", r"at least \1 is needed"),
    (r"Input should be less than or equal to (.*)", r"at most \1 is allowed"),
    (r"Input should be greater than (.*)", r"more than \1 is needed"),
    (r"Input should be less than (.*)", r"less than \1 is needed"),
)


class Misused(DnsblError):
    """Words that are no command of ours, or do not fit it."""


def misused(error: Any) -> Misused:
    """The same as an error of ours."""
    command = error.ctx.command_path if getattr(error, "ctx", None) is not None else "dnsbl"
    text = sentence(error).rstrip(".")
    return Misused(f"{text} See `{command} -h`." if text.endswith("?") else f"{text}; see `{command} -h`.")


def sentence(error: Any) -> str:
    """Where it is wrong, and what would be right."""
    plain = str(error.message).strip()
    for pattern, words in _PLAIN:
        plain = re.sub(rf"\A{pattern}\Z", words, plain, flags=re.DOTALL)
    if found := re.match(r"(.*) does not match the formats? ", plain):  # which is told in the words of strptime
        plain = f"{found[1]} is no time; write it as 2026-11-27 or 2026-11-27T08:00 (UTC)"
    plain = re.sub(r"is not one of (.*?)\.?\Z", lambda found: f"is none of {found[1].replace(chr(39), '')}", plain)
    parameter = getattr(error, "param", None)
    hint = getattr(error, "param_hint", None) or (parameter.get_error_hint() if parameter is not None else None)
    where = re.sub(r"['\[\]]", "", " / ".join(hint) if isinstance(hint, (list, tuple)) else hint or "")
    if not plain:
        return f"{where} is missing"
    return f"{where}: {plain}" if where else plain
