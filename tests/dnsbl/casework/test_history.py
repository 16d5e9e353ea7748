"""What each list of old did, as our engine does it under that list's settings: its typical story, by a clock that is
turned, at the doors and over the store, its zones asked at every step. Nothing here is set that its profile does not
say, but which addresses may be dialled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from dnsbl.addresses import reversed_labels
from dnsbl.config import read_settings, read_zones
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.rules import feeds, profiles
from dnsbl.rules.bounds import Bounds
from dnsbl.store import Store
from tester.smtp import Outcome
from tests.dnsbl.conftest import Office

WORLD = tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
HOST, OTHER, THIRD = "192.0.2.1", "198.51.100.2", "203.0.113.3"
CLOSED, OPEN = Outcome.RCPT_5XX, Outcome.ACCEPTED


@dataclass
class Tale(Office):
    """An office under the settings of a list of old, and whoever asks its zones."""

    name: str = ""

    def ask(self, label: str, address: str, rtype: str = "A") -> list[str]:
        """The records of an address in a zone, or in a sublist of one, as the feed would serve it now; or NXDOMAIN."""
        zones = read_zones(self.settings, today=self.clock.now().date())
        _, rows = self.casework.contents.snapshot()
        table, _ = Table.of(rows).without(Bounds.of(self.settings).barred)
        asked = f"{reversed_labels(ip_address(address))}.{label}.{self.name}.example.org"
        packet = dns.message.make_query(asked, rtype).to_wire()
        said = respond(packet, ip_address("127.0.0.1").packed, 0.0, Serving(zones, table), tcp=False)
        assert said.packet is not None
        answer = dns.message.from_wire(said.packet)
        if answer.rcode() != dns.rcode.NOERROR:
            return [dns.rcode.to_text(answer.rcode())]
        return sorted(record.to_text() for each in answer.answer for record in each)

    def find(self, address: str, says: Outcome) -> None:
        """The test of an address that is due: its letters come back, or are refused."""
        run = self.test(says, back=address if says is OPEN else "")
        assert str(run.address) == address


@pytest.fixture
def tale(store: Store, tmp_path: Path) -> Callable[[str], Tale]:
    """Open a list of old, as `dnsbl init --profile` writes it."""

    def open_one(name: str) -> Tale:
        for place, text in profiles.written(profiles.profile(name), None).items():
            (tmp_path / place).parent.mkdir(exist_ok=True)
            (tmp_path / place).write_text(text, encoding="utf-8")
        settings = read_settings(tmp_path / "config.toml", {})
        tester = settings.tester.model_copy(update={"lab_networks": WORLD})
        return Tale(store, settings.model_copy(update={"tester": tester}), name=name)

    return open_one


LISTED, NOT = ["127.0.0.2"], ["NXDOMAIN"]


def test_orbl_takes_over_another_lists_data_as_candidates_and_lists_those_that_are_open(
    tale: Callable[[str], Tale],
) -> None:
    orbl = tale("orbl")
    data = f"{HOST}\n{OTHER}\n".encode()
    found = feeds.batch(data, most=10, evidence_most=1000)
    orbl.casework.feeding.bring(found, reporter="", reason="from ORBS's data of 2001", actor="operator")
    assert orbl.ask("or", HOST) == orbl.ask("or", OTHER) == NOT, "data of others list nobody"
    assert orbl.casework.feeding.pace() == 2
    orbl.find(HOST, OPEN)
    orbl.find(OTHER, CLOSED)
    assert orbl.ask("or", HOST) == LISTED
    assert HOST in orbl.ask("or", HOST, "TXT")[0]
    assert orbl.ask("or", OTHER) == NOT
    orbl.later(days=14)
    orbl.find(HOST, OPEN)
    orbl.later(days=30)
    orbl.find(HOST, CLOSED)
    assert orbl.ask("or", HOST) == NOT, "a retest that finds it closed ends the listing"


def test_the_aggregate_answers_for_all_kinds_in_one_question_and_each_zone_for_its_own(
    tale: Callable[[str], Tale],
) -> None:
    sbl = tale("sbl")
    say = sbl.casework.operators.list_networks
    say([ip_network("192.0.2.0/24")], kind="sbl", reason="SBL 1", public="Spam gang.", actor="analyst")
    say([ip_network("192.0.2.1/32")], kind="css", reason="seen", actor="robot")
    say([ip_network("192.0.2.1/32"), ip_network("2001:db8::7/128")], kind="xbl", reason="seen", actor="robot")
    assert sbl.ask("zen", HOST) == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    assert len(sbl.ask("zen", HOST, "TXT")) == 3
    assert sbl.ask("sbl", HOST) == ["127.0.0.2", "127.0.0.3"]
    assert (sbl.ask("zen", "192.0.2.9"), sbl.ask("xbl", "192.0.2.9")) == (LISTED, NOT)
    assert sbl.ask("xbl", "2001:db8::7") == ["127.0.0.4"]
    for days, left in ((3, ["127.0.0.2", "127.0.0.4"]), (2, ["127.0.0.2"])):
        sbl.later(days=days)
        sbl.casework.upkeep.expire()
        assert sbl.ask("zen", HOST) == left, "what machines have listed ends by itself"
    sbl.casework.operators.drop_networks([ip_network("192.0.2.0/24")], kind="sbl", reason="mended", actor="analyst")
    assert sbl.ask("zen", HOST) == NOT
    assert sbl.ask("zen", "127.0.0.2") == LISTED, "the test point stays"
