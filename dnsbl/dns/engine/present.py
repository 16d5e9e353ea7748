"""Which engine answers on this machine. One look at the environment, DNSBL_PURE=1, forces the plain one. Light, so that
who only wants to say it needs not read an engine.
"""

from __future__ import annotations

import os

try:
    from dnsbl.dns.engine import _compiled as _compiled

    missing = ""  #: why there is no compiled engine, or ""
except ImportError:
    missing = "not built here"
if os.environ.get("DNSBL_PURE") == "1":
    missing = "DNSBL_PURE=1"


def which() -> str:
    """Which engine answers, for people."""
    return f"plain ({missing})" if missing else "compiled"
