"""What each list of old did, as our engine does it under that list's settings: its typical story, by a clock that is
turned, at the doors and over the store, its zones asked at every step. Nothing here is set that its profile does not
say, but which addresses may be dialled, and who contributes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from dnsbl.addresses import parse_address, reversed_labels
from dnsbl.config import read_settings, read_zones
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.errors import Refused
from dnsbl.model import Job, Nomination
from dnsbl.rules import feeds, profiles
from dnsbl.rules.bounds import Bounds
from dnsbl.rules.lookups import Lookup
from dnsbl.settings.values import lookup_client
from dnsbl.store import Store
from dnsbl.vocabulary import Door, JobReason, Refusal, Tier
from tester.smtp import Control, Outcome
from tests.dnsbl.casework import test_remote as remote
from tests.dnsbl.casework.test_outputs import hold
from tests.dnsbl.dns.engine.both import ENGINES, Both
from tests.dnsbl.dns.test_answer import CLIENT, NOW
from tests.dnsbl.offices import Office

WORLD = tuple(map(ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")))
HOST, OTHER, THIRD = "192.0.2.1", "198.51.100.2", "203.0.113.3"
CLOSED, OPEN = Outcome.RCPT_5XX, Outcome.ACCEPTED


@dataclass
class Tale(Office):
    """An office under the settings of a list of old, and whoever asks its zones."""

    name: str = ""

    def ask(self, label: str, address: str, rtype: str = "A") -> list[str]:
        """The records of an address in a zone, or in a sublist of one, as the feed would serve it now; or NXDOMAIN.
        Both engines are asked, and say the same."""
        zones = read_zones(self.settings, today=self.clock.now().date())
        _, rows, *_ = self.casework.contents.snapshot()
        table, _ = Table.of(rows).without(Bounds.of(self.settings).barred)
        asked = f"{reversed_labels(ip_address(address))}.{label}.{self.name}.example.org"
        packet = dns.message.make_query(asked, rtype).to_wire()
        serving = Serving(zones, table)
        for engine in ENGINES:
            Both(engine, serving).agree(packet)
        said = respond(packet, CLIENT, NOW, serving, tcp=False)
        assert said.packet is not None
        answer = dns.message.from_wire(said.packet)
        if answer.rcode() != dns.rcode.NOERROR:
            return [dns.rcode.to_text(answer.rcode())]
        return sorted(record.to_text() for each in answer.answer for record in each)

    def nominated(self, address: str, door: Door, *, spam: bytes | None = b"spam") -> Job:
        """A stranger nominates at this door."""
        who = "somebody's trap" if door is Door.TRAP else "somebody"
        nomination = Nomination(address=parse_address(address), door=door, nominator=who, reason="seen", evidence=spam)
        return self.casework.doors.nominate(nomination)

    def trapped(self, address: str) -> Job | None:
        """Spam comes from this address to a trap of ours."""
        mail = self.arrived("anybody", address, b"From: a@example.com\r\nSubject: buy\r\n\r\nBuy.\r\n")
        return self.casework.mail_door.spring(replace(mail, domain=self.settings.traps.domains[0]))

    def asked(self, address: str, **how: bool) -> Job | None:
        """Somebody asks for the removal of an address on the web; `control`: from the address itself."""
        return self.casework.doors.ask_removal(parse_address(address), door=Door.WEB, actor="somebody", **how)

    def refused(self, verb: Callable[..., object], *arguments: object, **named: object) -> Refusal:
        with pytest.raises(Refused) as caught:
            verb(*arguments, **named)
        return caught.value.reason

    def find(self, address: str, says: Outcome) -> None:
        """The test of an address that is due: its letters come back, or are refused."""
        run = self.test(says, back=address if says is OPEN else "")
        assert str(run.address) == address

    def hops(self, address: str, output: str) -> None:
        """Both tests of an address that are due show that its letters come out of another one."""
        hold(self, output)
        self.later(hours=1)
        hold(self, output)
        self.casework.upkeep.follow_outputs()

    def due_by(self, moment: datetime) -> Job | None:
        """Turn to when the next test is due, if that is by then; None otherwise, and nothing is turned."""
        with self.store.read() as tx:
            jobs = [tx.jobs.live(self.at(address)) for address in (HOST, OTHER, THIRD)]
        due = [job for job in jobs if job is not None and job.due <= moment]
        first = min(due, key=lambda job: job.due, default=None)
        if first is not None:
            self.clock.turn(seconds=max(0.0, (first.due - self.clock.now()).total_seconds()))
        return first

    def within(self, **step: float) -> datetime:
        """The moment that is so far from now."""
        return self.clock.now() + timedelta(**step)

    def passes(self, **step: float) -> None:
        """Time goes by, and what is due by it happens."""
        self.later(**step)
        self.casework.upkeep.settle()
        self.casework.upkeep.follow_outputs()
        self.casework.upkeep.expire()


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


def test_rsl_hears_spamtraps_alone_and_lets_everybody_off_at_a_request_or_after_ninety_days(
    tale: Callable[[str], Tale],
) -> None:
    rsl = tale("rsl")
    assert rsl.refused(rsl.nominated, HOST, Door.WEB) is Refusal.OFF, "users' reports need too much oversight"
    rsl.casework.operators.order_test(rsl.at(OTHER), profile="standard", actor="operator")
    rsl.find(OTHER, OPEN)
    assert rsl.ask("relays", OTHER) == NOT, "open, and no spam was seen from it"
    assert rsl.trapped(HOST) is not None
    rsl.find(HOST, OPEN)
    assert rsl.ask("relays", HOST) == LISTED
    assert rsl.asked(HOST) is None, "no test, and no questions"
    assert rsl.ask("relays", HOST) == NOT
    assert [old.kind for old in rsl.casework.views.look_up(rsl.at(HOST)).past] == ["relay"], "what was listed is shown"
    rsl.later(days=8)
    rsl.trapped(HOST)
    rsl.find(HOST, OPEN)
    assert rsl.refused(rsl.asked, HOST) is Refusal.RESTING, "who comes back waits for his next removal"
    rsl.later(days=1)
    rsl.asked(HOST)
    assert rsl.ask("relays", HOST) == NOT
    rsl.trapped(THIRD)
    rsl.find(THIRD, OPEN)
    rsl.later(days=89, hours=23)
    rsl.casework.upkeep.expire()
    assert rsl.casework.assignments.take_job("w") is None, "nobody is retested"
    assert rsl.ask("relays", THIRD) == LISTED
    rsl.later(hours=1)
    rsl.casework.upkeep.expire()
    assert rsl.ask("relays", THIRD) == NOT


def test_ordb_has_one_queue_for_first_tests_and_for_those_who_want_to_get_off(tale: Callable[[str], Tale]) -> None:
    ordb = tale("ordb")
    ordb.nominated(HOST, Door.WEB, spam=None)
    ordb.find(HOST, OPEN)
    assert ordb.ask("relays", HOST) == LISTED
    assert "This mail was handled by an open relay - please visit <http" in ordb.ask("relays", HOST, "TXT")[0]
    ordb.later(days=8)
    first = ordb.nominated(OTHER, Door.WEB, spam=None)
    again = ordb.nominated(HOST, Door.WEB, spam=None)
    assert again.reason is JobReason.REMOVAL, "submitting a listed host is asking for its retest"
    assert again.rank == first.rank, "and waits as the others do"
    ordb.find(OTHER, CLOSED)
    ordb.find(HOST, OPEN)
    assert ordb.ask("relays", HOST) == LISTED, "one fault may be mended while others remain"
    assert ordb.refused(ordb.nominated, HOST, Door.WEB, spam=None) is Refusal.RESTING
    ordb.later(hours=1)
    ordb.nominated(HOST, Door.WEB, spam=None)
    ordb.find(HOST, CLOSED)
    assert ordb.ask("relays", HOST) == NOT
    assert ordb.casework.assignments.take_job("w") is None


def test_ordb_ends_with_a_months_notice_and_lists_nobody_afterwards(
    tale: Callable[[str], Tale], tmp_path: Path
) -> None:
    ordb = tale("ordb")
    ordb.nominated(HOST, Door.WEB, spam=None)
    ordb.find(HOST, OPEN)
    [file] = (tmp_path / "zones").iterdir()
    end = ordb.clock.now().date() + timedelta(days=30)
    file.write_text(f"retires = {end}\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    assert ordb.ask("relays", HOST) == LISTED
    ordb.later(days=30)
    for address in (HOST, OTHER, "127.0.0.2"):
        assert ordb.ask("relays", address) == NOT, "nobody, and never the world"


def test_rss_lists_who_was_seen_spamming_and_is_open_now_at_an_operators_word_and_is_not_fooled(
    tale: Callable[[str], Tale],
) -> None:
    rss = tale("rss")
    rss.nominated(HOST, Door.WEB)
    rss.find(HOST, OPEN)
    assert rss.ask("relays", HOST) == NOT, "it waits for an operator"
    network = ip_network(f"{HOST}/32")
    [waiting] = rss.casework.reviewing.proposals()
    assert (waiting.network, waiting.kind) == (network, "relay")
    rss.casework.reviewing.confirm(network, kind="relay", reason="seen it myself", actor="operator")
    assert rss.ask("relays", HOST) == LISTED
    assert rss.ask("rbl-plus", HOST) == ["127.1.0.4"]
    rss.casework.operators.list_networks(
        [ip_network("192.0.2.0/24")], kind="dialup", reason="its provider says so", actor="operator"
    )
    assert rss.ask("rbl-plus", HOST) == ["127.1.0.6"], "the lists' numbers in one"
    assert rss.ask("rbl-plus", "192.0.2.77") == ["127.1.0.2"]
    rss.later(days=30)
    assert rss.casework.assignments.take_job("w") is None, "no retest that nobody asked for"
    rss.asked(HOST)
    rss.find(HOST, OPEN)
    assert rss.ask("relays", HOST) == LISTED
    rss.later(hours=1)
    rss.asked(HOST)
    rss.find(HOST, CLOSED)
    assert (rss.ask("relays", HOST), rss.ask("rbl-plus", HOST)) == (NOT, ["127.1.0.2"])


def test_rss_drops_a_proposal_that_is_closed_before_anybody_has_confirmed_it(tale: Callable[[str], Tale]) -> None:
    rss = tale("rss")
    rss.nominated(HOST, Door.MAIL)
    rss.find(HOST, OPEN)
    rss.later(days=8)
    rss.nominated(HOST, Door.MAIL)
    rss.find(HOST, CLOSED)
    assert rss.casework.reviewing.proposals() == []
    assert rss.ask("relays", HOST) == NOT


def test_rss_sees_through_who_refuses_its_tester_alone_from_a_second_address(tale: Callable[[str], Tale]) -> None:
    rss = tale("rss")
    sources = (ip_address("192.0.2.250"), ip_address("198.51.100.250"))
    rss.settings = rss.settings.model_copy(
        update={"tester": rss.settings.tester.model_copy(update={"source_addresses": sources})}
    )
    rss.__post_init__()
    rss.nominated(HOST, Door.WEB)
    rss.find(HOST, OPEN)
    rss.casework.reviewing.confirm(ip_network(f"{HOST}/32"), kind="relay", reason="seen", actor="operator")
    rss.asked(HOST)
    rss.test(CLOSED, control=Control.REFUSED)
    assert rss.ask("relays", HOST) == LISTED, "it may refuse nobody but us"
    assert rss.take().job.reason is JobReason.VANTAGE


def test_sorbs_takes_the_word_of_the_listed_address_alone_and_makes_who_comes_back_wait(
    tale: Callable[[str], Tale],
) -> None:
    sorbs = tale("sorbs")
    sorbs.trapped(HOST)
    sorbs.find(HOST, OPEN)
    assert sorbs.ask("dnsbl", HOST) == sorbs.ask("smtp.dnsbl", HOST) == ["127.0.0.5"]
    assert sorbs.ask("http.dnsbl", HOST) == NOT
    sorbs.casework.operators.list_networks([ip_network(f"{OTHER}/32")], kind="spam-source", reason="x", actor="feeder")
    assert (sorbs.ask("dnsbl", OTHER), sorbs.ask("spam.dnsbl", OTHER)) == (NOT, ["127.0.0.6"])
    assert sorbs.refused(sorbs.asked, HOST) is Refusal.NOT_SHOWN, "from elsewhere nobody may ask"
    assert sorbs.asked(HOST, control=True) is not None
    sorbs.find(HOST, CLOSED)
    assert sorbs.ask("dnsbl", HOST) == NOT
    sorbs.later(days=4)
    sorbs.find(HOST, OPEN)
    assert sorbs.ask("dnsbl", HOST) == ["127.0.0.5"], "a check afterwards publishes at once what is open again"
    assert sorbs.refused(sorbs.asked, HOST, control=True) is Refusal.RESTING
    sorbs.later(days=1)
    sorbs.asked(HOST, control=True)
    sorbs.find(HOST, CLOSED)
    assert sorbs.ask("dnsbl", HOST) == NOT
    assert len(sorbs.casework.views.look_up(sorbs.at(HOST)).past) == 2, "nothing is forgotten"
    sorbs.casework.operators.exclude(ip_network(f"{THIRD}/32"), reason="demands it", actor="operator")
    assert (sorbs.ask("block", THIRD), sorbs.ask("dnsbl", THIRD)) == (["127.0.0.8"], NOT)


def test_ahbl_retests_on_a_day_that_is_drawn_lists_by_two_words_and_publishes_whom_it_never_lists(
    tale: Callable[[str], Tale],
) -> None:
    ahbl = tale("ahbl")
    ahbl.nominated(HOST, Door.FEED)
    ahbl.find(HOST, OPEN)
    assert (ahbl.ask("dnsbl", HOST), ahbl.ask("ircbl", HOST)) == (LISTED, NOT), "chat networks do not ask for relays"
    asked = ahbl.clock.now()
    job = ahbl.asked(HOST)
    assert job is not None
    assert timedelta(days=1) <= job.due - asked <= timedelta(days=5)
    standing = ahbl.casework.views.look_up(ahbl.at(HOST))
    assert standing.next_test is None, "the day is not told"
    assert ahbl.asked(HOST, control=True) == replace(job, whose=""), "nor moved by asking again"
    assert ahbl.casework.assignments.take_job("w") is None
    ahbl.later(days=5)
    ahbl.find(HOST, CLOSED)
    assert ahbl.ask("dnsbl", HOST) == NOT
    gang = ip_network("198.51.100.0/24")
    say = ahbl.casework.operators.list_networks
    say([gang], kind="shoot-on-sight", reason="a gang", actor="admin a")
    assert ahbl.ask("dnsbl", OTHER) == NOT, "one word is not enough"
    confirm = ahbl.casework.reviewing.confirm
    vote = {"kind": "shoot-on-sight", "reason": "so it is"}
    assert ahbl.refused(confirm, gang, actor="admin a", **vote) is Refusal.SAME_PERSON
    confirm(gang, actor="admin b", **vote)
    assert ahbl.ask("dnsbl", OTHER) == ["127.0.0.10"]
    ahbl.casework.operators.leave_out(ip_network(f"{OTHER}/32"), reason="innocent", actor="admin a")
    assert (ahbl.ask("dnsbl", OTHER), ahbl.ask("exemptions", OTHER)) == (NOT, LISTED)
    for kind, label in (("provisional", "dnsbl"), ("compromised-ddos", "ircbl")):
        say([ip_network(f"{THIRD}/32")], kind=kind, reason="seen", actor="admin a")
        confirm(ip_network(f"{THIRD}/32"), kind=kind, reason="seen", actor="admin b")
        assert ahbl.ask(label, THIRD) != NOT
    assert ahbl.ask("dnsbl", THIRD) == ["127.0.0.14", "127.0.0.5"]
    ahbl.later(days=14)
    ahbl.casework.upkeep.expire()
    assert ahbl.ask("dnsbl", THIRD) == ["127.0.0.14"], "what is provisional ends first"


def test_orbs_lists_inputs_outputs_at_once_and_outputs_again_after_a_time_and_by_hand_with_a_reason(
    tale: Callable[[str], Tale],
) -> None:
    orbs = tale("orbs")
    orbs.nominated(HOST, Door.WEB, spam=None)
    orbs.find(HOST, OPEN)
    assert orbs.ask("inputs", HOST) == orbs.ask("relays", HOST) == LISTED, "anybody's word has it tested, without spam"
    orbs.nominated(OTHER, Door.WEB, spam=None)
    orbs.hops(OTHER, THIRD)
    assert orbs.ask("inputs", OTHER) == LISTED
    assert orbs.ask("outputs", THIRD) == orbs.ask("relays", THIRD) == ["127.0.0.3"]
    assert orbs.ask("delayed-outputs", THIRD) == NOT
    assert orbs.casework.dispatch.newest(most=10) == [], "it had given up to write letters"
    month = orbs.within(days=30)
    while (job := orbs.due_by(month)) is not None:
        orbs.find(HOST, OPEN) if str(job.address) == HOST else hold(orbs, THIRD)
    orbs.passes(days=2)
    assert orbs.ask("delayed-outputs", THIRD) == ["127.0.0.3"]
    orbs.nominated("192.0.2.66", Door.WEB, spam=None)
    orbs.test(Outcome.BANNER_5XX, control=Control.NOT_RUN)
    for label in ("relays", "inputs", "manual"):
        assert orbs.ask(label, "192.0.2.66") == NOT, "who blocks the tester is not listed for that"
    say = orbs.casework.operators.list_networks
    say([ip_network("192.0.2.66/32")], kind="manual", reason="a known gang", actor="operator")
    say([ip_network("203.0.113.0/24")], kind="netblock", reason="theirs", actor="operator")
    assert orbs.ask("manual", "192.0.2.66") == orbs.ask("relays", "192.0.2.66") == ["127.0.0.4"]
    assert orbs.ask("spamsource-netblocks", "203.0.113.200") == ["127.0.0.6"]
    orbs.asked(OTHER)
    hold(orbs)
    for label in ("inputs", "outputs", "delayed-outputs", "relays"):
        assert orbs.ask(label, OTHER) == orbs.ask(label, THIRD) == NOT, "an output goes with its last input"


def test_orbz_has_a_zone_for_inputs_and_one_for_outputs_and_a_switch_that_ends_all_dialling(
    tale: Callable[[str], Tale], tmp_path: Path
) -> None:
    orbz = tale("orbz")
    orbz.nominated(HOST, Door.WEB, spam=None)
    orbz.find(HOST, OPEN)
    orbz.nominated(OTHER, Door.WEB, spam=None)
    orbz.hops(OTHER, THIRD)
    assert (orbz.ask("inputs", HOST), orbz.ask("outputs", HOST)) == (LISTED, NOT)
    assert (orbz.ask("inputs", OTHER), orbz.ask("outputs", THIRD)) == (LISTED, LISTED)
    assert orbz.ask("inputs", HOST, "TXT")[0].startswith('"Open relay.  Please see http')
    orbz.nominated("192.0.2.77", Door.WEB, spam=None)
    assignment = orbz.take()
    orbz.casework.operators.stop(reason="a town's mail server is down", actor="operator")
    assert not orbz.casework.assignments.may_dial(assignment), "within the second, in the middle of a test"
    assert orbz.ask("inputs", HOST) == LISTED, "what is proven stays"
    orbz.casework.operators.resume(reason="the form is switched off", actor="operator")
    assert orbz.casework.assignments.may_dial(assignment)
    end = orbz.clock.now().date() + timedelta(days=31)
    for file in (tmp_path / "zones").iterdir():
        file.write_text(f"retires = {end}\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    orbz.later(days=31)
    assert orbz.ask("inputs", HOST) == orbz.ask("outputs", THIRD) == orbz.ask("inputs", "127.0.0.2") == NOT


def test_orb_uk_moves_who_was_proven_open_and_can_be_tested_no_longer_to_a_zone_apart(
    tale: Callable[[str], Tale],
) -> None:
    orb = tale("orb-uk")
    orb.nominated(HOST, Door.WEB, spam=None)
    orb.find(HOST, OPEN)
    orb.nominated(OTHER, Door.WEB, spam=None)
    orb.hops(OTHER, THIRD)
    assert orb.ask("orbz", HOST) == orb.ask("inputs", HOST) == orb.ask("orbz", OTHER) == ["127.0.0.3"]
    assert (orb.ask("orbz", THIRD), orb.ask("inputs", THIRD)) == (LISTED, NOT)
    end = orb.within(days=89)
    while orb.due_by(end) is not None:
        orb.test(Outcome.BANNER_5XX, control=Control.NOT_RUN)
    orb.passes(seconds=(end - orb.clock.now()).total_seconds() + 86400)
    assert orb.ask("orbz", HOST) == orb.ask("inputs", HOST) == NOT, "never in a zone for blocking"
    assert orb.ask("manual", HOST) == LISTED
    say = orb.casework.operators.list_networks
    say([ip_network("198.51.100.9/32")], kind="postmaster", reason="bounced", actor="operator")
    assert orb.ask("orbz", "198.51.100.9") == ["127.0.0.9"]
    orb.asked(HOST)
    orb.find(HOST, CLOSED)
    assert orb.ask("manual", HOST) == NOT


def test_osirusoft_joins_its_own_relays_and_others_lists_and_keeps_outputs_and_who_wants_no_tests_apart(
    tale: Callable[[str], Tale],
) -> None:
    osiru = tale("osirusoft")
    osiru.nominated(HOST, Door.WEB, spam=None)
    osiru.find(HOST, OPEN)
    assert osiru.ask("relays", HOST) == osiru.ask("inputs", HOST) == LISTED
    osiru.nominated(OTHER, Door.WEB, spam=None)
    osiru.hops(OTHER, THIRD)
    assert osiru.ask("relays", OTHER) == LISTED
    assert (osiru.ask("outputs", THIRD), osiru.ask("relays", THIRD)) == (["127.0.0.5"], NOT), "to warn, not to block"
    spammer = ip_network("192.0.2.4/32")
    say, confirm = osiru.casework.operators.list_networks, osiru.casework.reviewing.confirm
    say([spammer], kind="spam-source", reason="nominated by a site", actor="operator a")
    assert osiru.ask("relays", "192.0.2.4") == NOT, "one site is not several"
    confirm(spammer, kind="spam-source", reason="and by another one", actor="operator b")
    assert osiru.ask("relays", "192.0.2.4") == osiru.ask("spamsources", "192.0.2.4") == ["127.0.0.4"]
    wary = ip_network("198.51.100.77/32")
    osiru.casework.operators.exclude(wary, reason="wants no tests", actor="operator a")
    assert (osiru.ask("blocktest", "198.51.100.77"), osiru.ask("relays", "198.51.100.77")) == (LISTED, NOT)


def test_five_ten_lists_by_one_operators_hand_what_has_sent_spam_and_outputs_by_their_own_code(
    tale: Callable[[str], Tale],
) -> None:
    ten = tale("five-ten")
    for door in (Door.WEB, Door.MAIL, Door.TRAP):
        assert ten.refused(ten.nominated, HOST, door) is Refusal.OFF
    say = ten.casework.operators.list_networks
    for kind, code in (("spam", 2), ("bulk", 4), ("web-form", 8)):
        say([ip_network(f"192.0.2.{code}/32")], kind=kind, reason="seen in my own mail", actor="operator")
        assert ten.ask("blackholes", f"192.0.2.{code}") == [f"127.0.0.{code}"]
    say([ip_network("192.0.2.10/32")], kind="virus-notices", reason="seen", actor="operator")
    assert (ten.ask("blackholes", "192.0.2.10"), ten.ask("info", "192.0.2.10")) == (NOT, ["127.0.0.10"])
    confirm = ten.casework.reviewing.confirm
    ten.nominated(HOST, Door.CLI)
    ten.find(HOST, OPEN)
    assert ten.ask("blackholes", HOST) == NOT
    confirm(ip_network(f"{HOST}/32"), kind="relay", reason="it sent me spam", actor="operator")
    assert ten.ask("blackholes", HOST) == ["127.0.0.6"]
    ten.nominated(OTHER, Door.CLI)
    ten.hops(OTHER, THIRD)
    assert ten.ask("blackholes", THIRD) == NOT
    confirm(ip_network(f"{OTHER}/32"), kind="multihop", reason="it sent me spam", actor="operator")
    assert ten.ask("blackholes", THIRD) == ["127.0.0.5"]
    assert (ten.ask("blackholes", OTHER), ten.ask("inputs", OTHER)) == (NOT, ["127.0.0.6"])
    ten.passes(days=300)
    assert ten.ask("blackholes", "192.0.2.2") == LISTED, "no end but the operator's word"
    ten.casework.operators.drop_networks([ip_network("192.0.2.2/32")], kind="spam", reason="he wrote", actor="operator")
    assert ten.ask("blackholes", "192.0.2.2") == NOT


def test_njabl_hears_contributors_retests_after_ninety_days_and_warns_outputs_for_a_week(
    tale: Callable[[str], Tale],
) -> None:
    njabl = tale("njabl")
    njabl.casework.reporters.add("contributor", tier=Tier.TRUSTED, contact="", actor="operator")
    daily = feeds.batch(f"# yesterday's clients\n{HOST}\n{OTHER}\n".encode(), most=10, evidence_most=1000)
    njabl.casework.feeding.file_feed("contributor", daily)
    assert njabl.casework.feeding.pace() == 2
    njabl.find(HOST, OPEN)
    njabl.find(OTHER, CLOSED)
    assert njabl.ask("dnsbl", HOST) == njabl.ask("combined", HOST) == LISTED
    njabl.later(days=13)
    assert njabl.refused(njabl.nominated, OTHER, Door.WEB, spam=None) is Refusal.RESTING, "a probe in two weeks or so"
    njabl.later(days=1)
    njabl.nominated(OTHER, Door.WEB, spam=None)
    njabl.hops(OTHER, THIRD)
    assert njabl.ask("dnsbl", OTHER) == LISTED
    njabl.passes(days=6)
    while njabl.due_by(njabl.within()) is not None:
        hold(njabl, THIRD)
    assert njabl.ask("dnsbl", THIRD) == NOT, "its owner has a week"
    njabl.passes(days=1)
    assert njabl.ask("dnsbl", THIRD) == ["127.0.0.5"]
    say = njabl.casework.operators.list_networks
    say([ip_network("192.0.2.6/32")], kind="passive", reason="no evidence is shown", actor="operator")
    assert (njabl.ask("dnsbl", "192.0.2.6"), njabl.ask("combined", "192.0.2.6")) == (NOT, ["127.0.0.6"])
    assert njabl.ask("bhnc", "192.0.2.6") == ["127.0.0.6"]
    njabl.passes(days=69, hours=-2)
    assert njabl.ask("dnsbl", HOST) == LISTED
    assert njabl.due_by(njabl.within(days=1)) is not None
    njabl.find(HOST, OPEN)
    njabl.passes(days=30)
    assert njabl.ask("dnsbl", HOST) == LISTED, "found open after 90 days, it stays"


def test_njabl_takes_a_contributors_question_to_a_watched_zone_for_a_nomination(tale: Callable[[str], Tale]) -> None:
    njabl = tale("njabl")
    clients = (lookup_client("contributor 192.0.2.0/24"),)
    terms = njabl.settings.lookups.model_copy(update={"clients": clients})
    njabl.settings = njabl.settings.model_copy(update={"lookups": terms})
    njabl.__post_init__()
    njabl.casework.reporters.add("contributor", tier=Tier.KNOWN, contact="", actor="operator")
    assert njabl.ask("qwdnsbl", HOST) == njabl.ask("dnsbl", HOST) == NOT, "the same data under another name"
    asked = Lookup(client="contributor", address=njabl.at(HOST), last=njabl.clock.now().timestamp())
    assert njabl.casework.lookups.file([asked]) == 1
    assert njabl.casework.feeding.pace() == 1
    njabl.find(HOST, OPEN)
    assert njabl.ask("qwdnsbl", HOST) == njabl.ask("dnsbl", HOST) == LISTED
    assert njabl.casework.lookups.file([asked]) == 0, "who is listed is not asked for again"


def test_njabl_lets_everybody_off_at_a_request_looks_again_some_hours_later_and_makes_who_returns_wait(
    tale: Callable[[str], Tale],
) -> None:
    njabl = tale("njabl")
    njabl.nominated(HOST, Door.API, spam=None)
    njabl.find(HOST, OPEN)
    for wait in (0, 3600, 86400, 604800):
        if wait:
            assert njabl.refused(njabl.asked, HOST, control=True) is Refusal.RESTING
            njabl.later(seconds=wait)
        assert njabl.asked(HOST) is None
        assert njabl.ask("dnsbl", HOST) == NOT
        assert njabl.due_by(njabl.within(hours=9)) is not None, "a quarter of a day, moved by half of it at most"
        njabl.find(HOST, OPEN)
        assert njabl.ask("dnsbl", HOST) == LISTED


def test_dsbl_lists_by_letters_that_testers_with_accounts_deliver_each_tier_in_its_zone_and_lets_owners_off(
    tale: Callable[[str], Tale],
) -> None:
    dsbl = tale("dsbl")
    for name, tier in (("trusted", Tier.TRUSTED), ("known", Tier.KNOWN), ("anybody", Tier.NEW)):
        dsbl.casework.reporters.add(name, tier=tier, contact="", actor="operator")
    assert dsbl.refused(dsbl.nominated, HOST, Door.WEB, spam=None) is Refusal.OFF, "it never tests"
    letters = remote.ask(dsbl, "trusted", HOST)
    assert dsbl.ask("list", HOST) == NOT
    remote.come_back(dsbl, letters, HOST)
    assert dsbl.ask("list", HOST) == LISTED
    assert dsbl.ask("list", HOST, "TXT")[0].endswith(f'/ip/{HOST}"')
    for name, address in (("known", OTHER), ("anybody", THIRD)):
        remote.come_back(dsbl, remote.ask(dsbl, name, address), address)
        assert (dsbl.ask("unconfirmed", address), dsbl.ask("list", address)) == (LISTED, NOT), "tiers are never mixed"
    stage, out = "192.0.2.40", "198.51.100.40"
    remote.come_back(dsbl, remote.ask(dsbl, "trusted", stage), out)
    assert dsbl.ask("multihop", out) == NOT
    hold(dsbl, out)
    assert (dsbl.ask("multihop", out), dsbl.ask("list", out), dsbl.ask("list", stage)) == (LISTED, NOT, NOT)
    assert dsbl.ask("inputs", stage) == LISTED
    assert dsbl.casework.assignments.take_job("w") is None, "nobody is looked at again"
    assert dsbl.refused(dsbl.asked, HOST) is Refusal.NOT_SHOWN, "the owner is to answer for it"
    assert dsbl.asked(HOST, control=True, shown=True) is None
    assert dsbl.ask("list", HOST) == NOT
    remote.come_back(dsbl, letters, HOST)
    assert dsbl.ask("list", HOST) == NOT, "a letter counts once"
    dsbl.asked(THIRD, control=True)
    assert dsbl.ask("unconfirmed", THIRD) == NOT
    dsbl.passes(days=365)
    assert dsbl.ask("unconfirmed", OTHER) == dsbl.ask("multihop", out) == NOT


@pytest.mark.parametrize("address", ["2001:db8::25", "2001:db8:1:2:3:4:567:89ab"])
def test_what_they_never_knew_is_listed_and_let_off_likewise(tale: Callable[[str], Tale], address: str) -> None:
    ordb = tale("ordb")
    ordb.nominated(address, Door.WEB, spam=None)
    ordb.find(address, OPEN)
    assert ordb.ask("relays", address) == LISTED
    ordb.later(days=8)
    ordb.nominated(address, Door.WEB, spam=None)
    ordb.find(address, CLOSED)
    assert ordb.ask("relays", address) == NOT
