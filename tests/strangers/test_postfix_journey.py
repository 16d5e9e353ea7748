"""The whole story with software that we did not write at both ends.

A Postfix relays for the world; it is nominated, tested, and listed because our letter came back. A second Postfix uses
the list through Unbound and refuses its mail. The owner closes the relay, asks for removal, and is served again.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from lab import CLIENT, COLLECTOR, MX, RELAY, RESPONDER, TESTER, Answer, Lab, Watch
from postfix import start_postfix

pytestmark = pytest.mark.alone

ZONE = "relays.lab.test"
QUESTION = "7.100.51.198." + ZONE
SITE = "https://list.lab.test"
LISTED = Answer("NOERROR", ("127.0.0.2",))
UNLISTED = Answer("NXDOMAIN")

CONFIG = f"""\
[service]
name = "Laboratory List"
contact = "postmaster@lab.test"
website = "{SITE}"
state_dir = "state"

[dns]
listen = ["{RESPONDER}:53"]
zones_dir = "zones"

[tester]
source_addresses = ["{TESTER}"]
helo = "tester.lab.test"
collector_domain = "c.lab.test"
bounce_domain = "b.lab.test"
lab_networks = ["192.0.2.0/24", "198.51.100.0/24"]
delivery_window = 10
attempt_gap = 0.1
connection_gap = 0.2
grace = 3

[collector]
listen = ["{COLLECTOR}:25"]
hostname = "mx.lab.test"

[web]
listen = "127.0.0.1:8053"
base_url = "{SITE}"
"""

ZONE_FILE = f"""\
origin = "{ZONE}"
ns = ["tester.lab.test"]
ttl = 1

[soa]
mname = "tester.lab.test"
rname = "postmaster.lab.test"
refresh = 3600
retry = 600
expire = 604800
minimum = 1
ttl = 1

[kinds.relay]
code = "127.0.0.2"
txt = "Open relay, proven by a returned letter: {{url}}"
"""


def spam() -> str:
    """What a victim received, by way of the relay, a moment ago."""
    date = format_datetime(datetime.now(UTC))
    return (
        f"Received: from hub.test (hub.test [{RELAY}])\r\n\tby mail.test with ESMTP id 4711; {date}\r\n"
        f"From: <shop@spam.test>\r\nTo: <user@mail.test>\r\nDate: {date}\r\n"
        "Message-ID: <1@spam.test>\r\nSubject: Buy now\r\n\r\nBuy now.\r\n"
    )


class List:
    """The list under test: `dnsbl serve` with all its roles on `us`, and the commands beside it."""

    def __init__(self, lab: Lab, config: str = CONFIG) -> None:
        self._lab = lab
        self._home = lab.folder / "list"
        (self._home / "zones").mkdir(parents=True)
        (self._home / "zones" / f"{ZONE}.toml").write_text(ZONE_FILE)
        (self._home / "config.toml").write_text(config)

    def serve(self) -> None:
        self._lab.popen("us", "dnsbl", self.argv("serve"))
        self._lab.wait_for("the responder", self._answers, 20)

    def _answers(self) -> bool:
        return self._lab.ask(QUESTION, "A", server=RESPONDER, seconds=0.2) == UNLISTED

    def command(self, *words: str, seconds: float = 20) -> Any:
        """The JSON document that a command gives; it must exit with 0."""
        return json.loads(self._lab.run("us", self.argv(*words, "--json"), seconds=seconds).stdout)

    def nominate(self, address: str, evidence: str) -> Any:
        mail: Path = self._home / "spam.eml"
        mail.write_bytes(evidence.encode())
        return self.command("nominate", address, "--evidence", str(mail))

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dnsbl", *words, "--config", str(self._home / "config.toml")]


def test_a_relay_is_listed_refused_closed_and_served_again(lab: Lab) -> None:
    lab.resolver(stubs={ZONE: RESPONDER})
    relay = start_postfix(lab, "relay", mynetworks="0.0.0.0/0")
    # an smtpd process remembers what a list said as long as it lives; with max_use it serves one client
    start_postfix(
        lab, "mx", max_use="1", smtpd_recipient_restrictions=f"reject_unauth_destination, reject_rbl_client {ZONE}"
    )
    ours = List(lab)
    ours.serve()

    with lab.watch(QUESTION, "A", server=RESPONDER) as direct:
        # nothing is known, and mail passes
        assert ours.command("lookup", RELAY)["state"] == "unknown"
        assert mail_from(lab, "relay").code == 250

        # nominated, tested, listed; DNS knows within a second
        assert ours.nominate(RELAY, spam())["state"] in {"queued", "testing", "pending", "listed"}
        standing = wait_for_state(lab, ours, "listed")
        assert standing["last_verdict"] == "OPEN"
        assert standing["zones"] == {ZONE: ["127.0.0.2"]}
        assert [(at["kind"], at["network"]) for at in standing["listings"]] == [("relay", f"{RELAY}/32")]
        assert_prompt(lab, direct, LISTED, seconds(standing["listings"][0]["since"]))
        assert lab.dig(QUESTION, "A", server=RESPONDER) == ["127.0.0.2"]

        # resolvers follow as soon as their caches allow
        lab.wait_for("the listing in Unbound", lambda: lab.ask(QUESTION, "A") == LISTED, 3)
        assert lab.dig(QUESTION, "A") == ["127.0.0.2"]
        assert any(f"{SITE}/ip/{RELAY}" in text for text in lab.dig(QUESTION, "TXT"))
        assert lab.dig("2.0.0.127." + ZONE, "A") == ["127.0.0.2"]
        assert lab.ask("1.0.0.127." + ZONE, "A") == UNLISTED

        # the consumer refuses the relay in our words, and takes mail from others
        refusal = mail_from(lab, "relay")
        assert refusal.code == 554
        assert f"[{RELAY}] blocked using {ZONE}; " in refusal.text
        assert f"{SITE}/ip/{RELAY}" in refusal.text
        assert mail_from(lab, "client").code == 250
        assert f"client=client.test[{CLIENT}]" in lab.log("mx")

        # the owner closes the relay and asks for removal
        relay.configure(mynetworks="127.0.0.0/8", smtpd_relay_restrictions="reject_unauth_destination")
        removal = ours.command("remove", RELAY, "--wait", seconds=60)
        assert removal["verdict"] == "CLOSED", removal
        assert removal["listings"] == []
        refused = {"RCPT_5XX", "MAIL_5XX", "CONN_REFUSED"}  # by the mail port, and by ports where nobody listens
        assert {attempt["outcome"] for attempt in removal["attempts"]} <= refused
        delisted = [entry["at"] for entry in ours.command("journal", RELAY) if entry["verb"] == "delisted"]
        assert_prompt(lab, direct, UNLISTED, seconds(delisted[0]))
        assert lab.dig(QUESTION, "A", server=RESPONDER) == []

    lab.wait_for("the delisting in Unbound", lambda: lab.ask(QUESTION, "A") == UNLISTED, 3)
    assert mail_from(lab, "relay").code == 250
    assert ours.command("lookup", RELAY)["state"] == "clear"
    assert ours.command("journal", "--verify")["verified"] > 0


def mail_from(lab: Lab, host: str) -> Any:
    """What the consumer says to mail for its user that comes from this host."""
    return lab.send(host, to=MX, sender="someone@hub.test", recipient="user@mail.test")


def seconds(time: str) -> float:
    """A time of a JSON document as epoch seconds."""
    return datetime.fromisoformat(time).timestamp()


def wait_for_state(lab: Lab, ours: List, state: str) -> Any:
    def reached() -> Any:
        standing = ours.command("lookup", RELAY)
        return standing if standing["state"] == state else None

    return lab.wait_for(f"the state {state}", reached, 45, every=0.3)


def assert_prompt(lab: Lab, watch: Watch, answer: Answer, decided: float) -> None:
    """The responder gave this answer within one second of the decision."""
    answered = lab.wait_for(f"{answer} at the responder", lambda: watch.when(answer, since=decided), 3)
    assert answered - decided <= 1.0
