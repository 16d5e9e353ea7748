"""What the operators' side works with: the hands of casework that it may use, and what a node tells of itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field

from dnsbl.casework.accounts import Accounts
from dnsbl.casework.correspondence import Correspondence
from dnsbl.casework.entrance import Entrance
from dnsbl.casework.operators import Operators
from dnsbl.casework.oversight import Oversight
from dnsbl.casework.reporters import Reporters
from dnsbl.casework.reviewing import Reviewing
from dnsbl.casework.views import Views
from dnsbl.casework.withdrawing import Withdrawing
from dnsbl.dns.zones import Zone
from dnsbl.health import Health
from dnsbl.vocabulary import DECLARED, PROOF_KINDS
from dnsbl.web.admin.rates import Rates
from tester.records import dataclass

#: What was found of the servers of our zones, a record each (`dns.secondaries.watch.report`).
Servers = Callable[[], Iterable[Mapping[str, object]]]


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorDesk:
    """The hands. What a node tells is of this node alone; without `servers` nobody asks them."""

    accounts: Accounts
    entrance: Entrance
    operators: Operators
    oversight: Oversight
    reporters: Reporters
    reviewing: Reviewing
    withdrawing: Withdrawing
    correspondence: Correspondence
    views: Views
    zones: Callable[[], Iterable[Zone]] = tuple
    health: Callable[[], list[Health]] = list
    servers: Servers = tuple
    rates: Rates = field(default_factory=Rates)

    def count(self, page: Callable[[], bytes], at: float) -> None:
        """Note what the metrics say at this second (monotonic)."""
        self.rates.note(at, page().decode("utf-8", "replace"))

    def listable(self) -> list[str]:
        """Those of them that an operator may list under by his word."""
        return [kind for kind in self.kinds() if kind not in PROOF_KINDS | DECLARED]

    def kinds(self) -> list[str]:
        """The kinds that a zone publishes, by name."""
        return sorted({kind for zone in self.zones() for view in zone.views.values() for kind in view.kinds})
