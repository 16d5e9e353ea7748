"""Settings of the log: what `dnsbl serve` writes on its standard error."""

from __future__ import annotations

from pydantic import Field, field_validator

from dnsbl.settings.values import Section

#: The parts that lines are of, as they name themselves.
PARTS = ("collector", "dns", "journal", "node", "notices", "scheduler", "store", "web", "worker")
_LEVEL = "^(debug|info|warning|error)$"


class LogSettings(Section):
    """What `dnsbl serve` writes on its standard error: one line an event."""

    format: str = Field(
        "text", description="How a line is written: text, or json (an object a line).", pattern="^(text|json)$"
    )
    level: str = Field("info", description="From which level on: debug, info, warning or error.", pattern=_LEVEL)
    levels: tuple[str, ...] = Field(
        (),
        description=f'The same for some parts, "PART LEVEL" such as "worker debug"; parts are {", ".join(PARTS)}.',
    )

    @field_validator("levels")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            part, _, level = text.partition(" ")
            if part not in PARTS or level not in ("debug", "info", "warning", "error"):
                raise ValueError(f'"PART LEVEL" is needed, such as "worker debug"; parts are {", ".join(PARTS)}')
        if len({text.partition(" ")[0] for text in value}) < len(value):
            raise ValueError("a part may be named once")
        return value

    @property
    def by_part(self) -> dict[str, str]:
        """The levels of those parts that have their own."""
        return {part: level for part, _, level in (text.partition(" ") for text in self.levels)}
