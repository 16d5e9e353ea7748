"""A stamp that an authority has given, as `tests/vectors/log/stamp.toml` has it."""

from __future__ import annotations

import tomllib
from base64 import b64decode
from pathlib import Path
from typing import Any

from dnsbl.log.stamp import StampRequest

_KEPT: dict[str, Any] = tomllib.loads(
    (Path(__file__).parents[2] / "vectors" / "log" / "stamp.toml").read_text(encoding="utf-8")
)
AT = _KEPT["at"]
GRANTED, REFUSED = b64decode(_KEPT["granted"]), b64decode(_KEPT["refused"])
REQUEST = StampRequest(_KEPT["text"].encode(), int(_KEPT["nonce"]), b64decode(_KEPT["request"]))
