"""Settings of the transparency log: what strangers can prove of the list."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from dnsbl.settings.values import Section


class TlogSettings(Section):
    """The transparency log, by which strangers can prove what this list has done; see docs/log.md."""

    origin: str = Field(
        "",
        description=(
            "The log's name for good, such as relays.example.org/log: host and path of where it is published, no "
            "scheme, no slash at the end. Empty: none is kept."
        ),
        max_length=200,
        pattern=r"^([a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*)?$",
        examples=["relays.your-domain.net/log"],
    )
    networks: str = Field(
        "sealed",
        description=(
            "Whether leaves name what is listed: open, so that anybody can follow the whole list by its log, or "
            "sealed, so that nobody can copy it there and each listing is opened by its proof."
        ),
        pattern="^(open|sealed)$",
    )
    folder: Path | None = Field(
        None,
        description=(
            "Folder that the log is written to as files, for any web server; relative to the configuration file. The "
            "web role serves it at /log/ in any case."
        ),
    )
