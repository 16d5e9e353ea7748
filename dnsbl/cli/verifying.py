"""`dnsbl exclude --verified`: what a network's owner says of it in DNS is done. Decides nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from dnsbl.addresses import Network
from dnsbl.daemons.names import texts
from dnsbl.errors import Refused
from dnsbl.opened import OpenedList
from dnsbl.rules import optout
from dnsbl.vocabulary import Refusal


def opted_out(opened: OpenedList, network: Network, *, public: str, actor: str) -> dict[str, Any]:
    """Exclude a network whose owner's record says so; end such an exclusion when the record is gone. What an operator
    excluded for a reason of his own stays as it is, and is not the record's to end. Raises Refused."""
    operators, name = opened.casework.operators, optout.name_of(network)
    found = asyncio.run(texts(name))
    if found is None:
        raise Refused(Refusal.NOT_SHOWN, f"{name} could not be asked for; please try again.")
    said = optout.says(found, opened.zones.origins)
    held = next((each for each in operators.exclusions() if each.network == network), None)
    verified = held is not None and held.reason.startswith(optout.OPTED_OUT)
    if said and held is not None and not verified:
        kept = {"excluded": str(network), "reason": held.reason, "public": held.public}
        return kept | {"left as it is": f"an operator has excluded it, whatever stands at {name}"}
    if said:
        made = operators.exclude(network, reason=optout.OPTED_OUT + name, actor=actor, public=public)
        return {"excluded": str(made.network), "reason": made.reason, "public": made.public}
    if verified:
        operators.end_exclusion(network, reason=f"no TXT at {name} any more", actor=actor)
        return {"exclusion ended": str(network)}
    raise Refused(
        Refusal.NOT_SHOWN,
        f"{network} is not opted out: {name} has no TXT record that names {' or '.join(opened.zones.origins)}.",
    )
