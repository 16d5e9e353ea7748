"""Where a configuration is looked for. Reads none."""

from __future__ import annotations

from pathlib import Path

#: What variables of the environment begin with that are settings.
PREFIX = "DNSBL_"
#: Looked for, in order, when no --config is given.
USUAL = (Path("config.toml"), Path("/etc/dnsbl/config.toml"))


def usual() -> Path | None:
    """The configuration file in a usual place, if there is one."""
    return next((path for path in USUAL if path.is_file()), None)
