"""The list among servers whose weakness is not plain: only the address that we spoke to is ever listed."""

from __future__ import annotations

from functools import partial
from typing import Any

from fleet import build
from lab import RESPONDER, Answer, Lab
from test_postfix_journey import CONFIG, LISTED, UNLISTED, ZONE, List

MULTIHOP = '[kinds.multihop]\ncode = "127.0.0.3"\ntxt = "Relays by way of another server: {url}"\n'

#: Later visits and confirmations after seconds, not after minutes and hours.
HASTE = CONFIG.replace("[tester]\n", "[tester]\nretry_after = [5]\n") + "\n[policy]\nunreachable_retry = [2]\n"
MEMBERS = {
    "chain": "OPEN_MULTIHOP",
    "nat": "OPEN",
    "postgrey": "OPEN",
    "smtpd-sender": "OPEN",
    "exim-percent": "OPEN",
    "sendmail-closed": "CLOSED",
}
ANSWERS = {"OPEN": LISTED, "OPEN_MULTIHOP": Answer("NOERROR", ("127.0.0.3",)), "CLOSED": UNLISTED}


def test_of_every_relay_the_input_is_listed_and_nothing_else(lab: Lab) -> None:
    build(lab, tuple(MEMBERS))
    ours = List(lab, HASTE)
    zone = lab.folder / "list" / "zones" / f"{ZONE}.toml"
    zone.write_text(f"{zone.read_text()}\n{MULTIHOP}")
    ours.serve()
    for host in MEMBERS:
        ours.command("test", lab.hosts[host][0])
    for host, verdict in MEMBERS.items():
        standing = _settled(lab, ours, host, verdict)
        relay = verdict != "CLOSED"
        assert standing["state"] == ("listed" if relay else "clear"), standing
        assert [at["network"] for at in standing["listings"]] == ([f"{standing['address']}/32"] if relay else [])
        lab.wait_for(f"DNS to know {host}", partial(_answers, lab, host, ANSWERS[verdict]), 3)

    # what stands behind the appliance has delivered our letters twice, and is not to blame
    assert _asked(lab, "chain-out") == UNLISTED
    behind = ours.command("lookup", lab.hosts["chain-out"][0])
    assert (behind["state"], behind["listings"]) == ("unknown", [])
    reasons = [entry["reason"] for entry in ours.command("journal", lab.hosts["chain"][0])]
    assert "DELIVERED_OTHER" in reasons
    assert ours.command("journal", "--verify")["verified"] > 0


def _answers(lab: Lab, host: str, answer: Answer) -> bool:
    return _asked(lab, host) == answer


def _asked(lab: Lab, host: str) -> Answer:
    reverse = ".".join(reversed(lab.hosts[host][0].split(".")))
    return lab.ask(f"{reverse}.{ZONE}", "A", server=RESPONDER)


def _settled(lab: Lab, ours: List, host: str, verdict: str) -> Any:
    def reached() -> Any:
        standing = ours.command("lookup", lab.hosts[host][0])
        return standing if standing["last_verdict"] == verdict else None

    return lab.wait_for(f"{verdict} of {host}", reached, 90, every=0.5)
