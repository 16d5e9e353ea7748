"""Where a configuration is looked for. Reads none."""

from __future__ import annotations

from pathlib import Path

#: What variables of the environment begin with that are settings.
PREFIX = "DNSBL_"
#: Looked for, in order, when no --config is given.
USUAL = (Path("config.toml"), Path("/etc/dnsbl/config.toml"))


def usual() -> Path | None:
    """The configuration file in a usual place, if there is one. A folder that this user may not enter hides none that
    comes after it, but is no reason to go by defaults: its file is named, and whoever reads it says that he cannot."""
    hidden = None
    for path in USUAL:
        try:
            if path.is_file():
                return path
        except OSError:
            hidden = path
    return hidden if hidden is not None and hidden.is_absolute() else None
