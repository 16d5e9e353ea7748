"""Settings of surveys: whom they may be about, and where their letters come back."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from dnsbl.settings.values import Hostname, Listen, Network, Section


class Survey(Section):
    """How many hosts of a network or of a list of domains relay; counted, never listed, at the pace of [tester]."""

    authorized_networks: tuple[Network, ...] = Field(
        (), description="Your own networks, or those whose owners have agreed: no other address is surveyed by range."
    )
    authorization: Path | None = Field(
        None,
        description=(
            "TOML file that says who has authorized a survey of mail domains (who, when, what, and domains or sha256); "
            "relative to the configuration file."
        ),
    )
    collector_domain: Hostname = Field(
        "s.example.org",
        description="Domain of a survey's recipients, with an MX to survey.listen; no domain of [tester].",
    )
    bounce_domain: Hostname = Field(
        "sb.example.org", description="Domain of a survey's senders, with the same MX; must differ from all others."
    )
    listen: Listen = Field(
        "127.0.0.1:2526",
        description="Where letters of a survey come back while it runs; another address than [collector]'s.",
    )
    form: str = Field(
        "S01",
        description=(
            "The relay form that every host is offered: S01 (sender and recipient in two domains of ours), S10 (in "
            "one, as the surveys of 1998 did) or S02 (no sender)."
        ),
        pattern="^(S01|S02|S10)$",
    )
    wait: float = Field(3600.0, description="Seconds to wait for accepted letters when all hosts are tested.", ge=0)

    @property
    def domains(self) -> frozenset[str]:
        """The domains that a survey's collector takes mail for."""
        return frozenset({self.collector_domain, self.bounce_domain})

    @property
    def held(self) -> str:
        """Why no letter of a survey could come back, or ""."""
        names = {"collector_domain": self.collector_domain, "bounce_domain": self.bounce_domain}
        borrowed = [f"survey.{key}" for key, name in names.items() if f".{name}".endswith(".example.org")]
        return f"put names of your own into {' and '.join(borrowed)} first" if borrowed else ""
