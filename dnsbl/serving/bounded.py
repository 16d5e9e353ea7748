"""Leaves out of a table what the list may not hold, wherever it comes from, with an alarm in the log (RFC 6471 3.5)."""

from __future__ import annotations

import logging
from dataclasses import replace

from dnsbl.addresses import Network
from dnsbl.dns.listed.table import Table
from dnsbl.model import Change
from dnsbl.rules.bounds import Bounds


class Bounded:
    """Of one follower: `where` is what it follows, in words, `counters` has what it counts as "left_out", and `log` is
    its own.
    """

    def __init__(self, bounds: Bounds, where: str, counters: dict[str, int], log: logging.Logger) -> None:
        self.left_out: Network | None = None  #: the last network that the list may not hold
        self._bounds = bounds
        self._where = where
        self._counters = counters
        self._log = log

    def change(self, change: Change) -> Change:
        """The change; a listing that the list may not hold becomes one without effect."""
        if not change.present or self._bounds.may_hold(change.network):
            return change
        self._leave_out(change.network)
        return replace(change, present=False)

    def table(self, table: Table) -> Table:
        """The table without what the list may not hold, which the settings decide anew at every start."""
        held, one = table.without(self._bounds.barred)
        if one is not None:
            self._leave_out(one, len(table) - len(held))
        return held

    def _leave_out(self, network: Network, count: int = 1) -> None:
        if network == self.left_out:
            return
        self.left_out = network
        self._counters["left_out"] += count
        others = f", as are {count - 1} others" if count > 1 else ""
        self._log.warning("%s is in %s, but the list may not hold it: left out%s", network, self._where, others)
