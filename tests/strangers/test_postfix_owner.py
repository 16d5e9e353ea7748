"""The owner of a Postfix that relays watches his network, and gets off by mail that he sends from the server."""

from __future__ import annotations

from typing import Any

from lab import COLLECTOR, RELAY, Lab
from postfix import start_postfix
from test_postfix_journey import CONFIG, List, spam, wait_for_state
from test_postfix_notices import NOTICES, smarthost


def test_the_owner_watches_his_network_and_gets_off_by_mail(lab: Lab) -> None:
    lab.resolver()
    relay = start_postfix(lab, "relay", mynetworks="0.0.0.0/0")
    smarthost(lab)
    ours = List(lab, CONFIG + NOTICES)
    ours.command("watch", "198.51.100.0/24", "--mail", "user@mail.test")
    ours.serve()
    ours.nominate(RELAY, spam())
    wait_for_state(lab, ours, "listed")
    lab.wait_for("the watcher's mail", lambda: "watched" in sent(ours), 30)

    # he closes the relay, and writes from the server itself
    relay.configure(mynetworks="127.0.0.0/8", smtpd_relay_restrictions="reject_unauth_destination")
    asked = lab.send("relay", to=COLLECTOR, sender="postmaster@mail.test", recipient="remove@mx.lab.test")
    assert asked.code == 250, asked
    wait_for_state(lab, ours, "clear")
    lab.wait_for("answer and result", lambda: {"asked", "removal"} <= set(sent(ours)), 30)
    delisted = [entry for entry in ours.command("journal", RELAY) if entry["verb"] == "delisted"]
    assert "clears by" in delisted[0]["evidence"]


def sent(ours: List) -> list[Any]:
    return [notice["template"] for notice in ours.command("notices")["notices"] if notice["state"] == "sent"]
