import asyncio
import logging
import os
import threading
from functools import partial
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import pytest

from dnsbl.clock import HandClock, SystemClock
from dnsbl.dns.engine import compiled
from dnsbl.dns.respond import Serving
from dnsbl.dns.zonefile import read_zone
from dnsbl.dns.zones import DataSource, Zones
from dnsbl.serving import sources as module
from dnsbl.serving.datafiles import read_source
from dnsbl.serving.responder import Responder
from dnsbl.serving.sources import Sources
from dnsbl.settings import Dns
from tests.waiting import until


class House:
    """A folder of data files and a keeper of them."""

    def __init__(self, folder: Path, zones: str = "bl.test", form: str = "ip4set") -> None:
        self.folder = folder
        text = 'origin = "{}"\n[[sources]]\ntype = "{}"\nfiles = ["one", "two"]\n'
        self.zones = Zones(
            tuple(
                read_zone(text.format(zone, form), str(folder / "z.toml"), site="https://s.test")
                for zone in zones.split()
            )
        )
        self.serving = Serving(self.zones)
        self.clock = HandClock()
        self.keeper = Sources(self.zones, self.serving, check=60, clock=self.clock)
        self.put("two", b"")

    def put(self, name: str, text: bytes) -> None:
        beside = self.folder / "beside"
        beside.write_bytes(text)
        beside.replace(self.folder / name)

    def listed(self, number: int = 0x01010101, zone: str = "bl.test") -> bool:
        return bool(self.serving.sourced[zone].views[()][0].values_at(number))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_files_are_read_and_put_into_service_when_all_are_there(house: House) -> None:
    house.keeper.look()
    assert house.serving.sourced == {}
    assert house.keeper.states[0].problem.endswith("one: cannot be read: No such file or directory")
    assert (house.keeper.states[0].loaded, house.keeper.states[0].lines) == (0, 0)
    house.put("one", b"1.1.1.1\nx\n")
    house.keeper.look()
    assert house.listed()
    (state,) = house.keeper.states
    assert (state.zone, state.lines, state.refusals, state.problem) == ("bl.test", 2, 1, "")
    assert state.loaded == house.clock.now().timestamp()


def test_a_file_that_was_replaced_is_read_anew_and_one_that_was_not_is_left(house: House) -> None:
    house.put("one", b"1.1.1.1\n")
    house.keeper.look()
    before = house.serving.sourced["bl.test"]
    house.keeper.look()
    assert house.serving.sourced["bl.test"] is before
    house.put("one", b"1.1.1.2\n")
    house.keeper.look()
    assert not house.listed()
    assert house.listed(0x01010102)


@pytest.mark.parametrize("broken", [b"$TIMESTAMP 2099-01-01\n", b"\x1f\x8bbroken", b""])
def test_what_cannot_be_taken_leaves_what_is_in_service(
    house: House, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    house.put("one", b"1.1.1.1\n")
    house.keeper.look()
    house.put("one", broken)
    for _ in range(3):
        house.keeper.look()
    assert house.listed()
    assert house.keeper.states[0].problem
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 1
    (house.folder / "one").unlink()
    house.keeper.look()
    assert house.listed()


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_look(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.put("one", b"1.1.1.1\n")

    def meddled(source: DataSource, **words: int) -> object:
        found = read_source(source, **words)
        os.utime(house.folder / "one", (1, 1))
        return found

    monkeypatch.setattr(module, "read_source", meddled)
    house.keeper.look()
    assert "rename files into place" in house.keeper.states[0].problem
    monkeypatch.undo()
    house.keeper.look()
    assert house.listed()


def written(house: House, text: bytes, seconds_ago: float = 0) -> None:
    """`one` is written in its place, so many seconds ago."""
    moment = house.clock.now().timestamp() - seconds_ago
    (house.folder / "one").write_bytes(text)
    os.utime(house.folder / "one", (moment, moment))


def test_a_file_that_is_written_in_its_place_is_read_when_it_has_lain_still(house: House) -> None:
    house.put("one", b"1.1.1.1\n2.2.2.2\n")
    house.keeper.look()
    written(house, b"1.1.1.1\n")
    for _ in range(2):
        house.keeper.look()
        assert house.listed(0x02020202), "half a file"
        house.clock.turn(seconds=2)
        written(house, b"1.1.1.1\n2.2.2.2\n", 1)
    house.keeper.look()
    assert not house.listed(0x03030303)
    written(house, b"1.1.1.1\n2.2.2.2\n3.3.3.3\n", 3)
    house.keeper.look()
    assert house.listed(0x03030303)
    assert house.keeper.held == ""


def test_a_file_that_never_lies_still_is_read_all_the_same_in_time(house: House) -> None:
    house.put("one", b"1.1.1.1\n")
    house.keeper.look()
    for second in range(62):
        written(house, b"1.1.1.1\n2.2.2.2\n" + b"#" * second)
        house.keeper.look()
        assert house.listed(0x02020202) == (second >= 60)
        house.clock.turn(seconds=1)


@pytest.mark.parametrize("seconds", [0, 3, -60])
def test_a_file_that_was_renamed_into_place_is_read_at_once_and_so_is_the_first_one(
    house: House, seconds: float
) -> None:
    for number in (1, 2):
        beside = house.folder / "beside"
        beside.write_bytes(b"1.1.1.%d\n" % number)
        moment = house.clock.now().timestamp() - seconds
        os.utime(beside, (moment, moment))
        beside.replace(house.folder / "one")
        house.keeper.look()
        assert house.listed(0x01010100 + number)


def test_data_that_have_expired_go_out_of_service_when_their_time_has_come(house: House) -> None:
    house.put("one", b"$TIMESTAMP 2025-12-01 2026-01-02\n1.1.1.1\n")
    house.keeper.look()
    assert house.listed()
    house.clock.turn(days=2)
    house.keeper.look()
    assert house.serving.sourced == {}


OWN_SOA = 'ns = ["ns.x.test"]\n[soa]\nmname = "ns.x.test"\nrname = "h.x.test"\n'


def rezoned(house: House, text: str) -> None:
    """The zone's file is another one now."""
    zone = read_zone(f'origin = "bl.test"\n{text}', str(house.folder / "z.toml"), site="https://s.test")
    house.keeper.zones = Zones((zone,))
    house.serving.change(zones=house.keeper.zones)
    house.keeper.look()


def test_what_a_new_zone_file_says_of_the_zone_itself_is_served_though_no_data_file_has_changed(house: House) -> None:
    house.put("one", b"$SOA 1h ns.y.test h.y.test 7 1h 1h 1w 1h\n$NS 1h ns.y.test\n1.1.1.1\n")
    house.keeper.look()
    assert house.serving.sourced["bl.test"].ns == (b"\2ns\1y\4test\0",)
    rezoned(house, f'{OWN_SOA}[[sources]]\ntype = "ip4set"\nfiles = ["one", "two"]\n')
    assert house.serving.sourced["bl.test"].ns == (b"\2ns\1x\4test\0",)
    assert house.serving.sourced["bl.test"].soa.startswith(b"\2ns\1x\4test\0")
    before = house.serving.sourced
    house.keeper.look()
    assert house.serving.sourced is before


def test_a_zone_whose_new_file_names_a_source_that_cannot_be_read_goes_on_with_those_of_before(house: House) -> None:
    house.put("one", b"1.1.1.1\n")
    house.keeper.look()
    rezoned(house, '[[sources]]\ntype = "ip4set"\nfiles = ["one", "two"]\n[[sources]]\ntype = "dnset"\nfiles = ["x"]\n')
    assert house.listed()
    assert "x: cannot be read" in house.keeper.held
    house.put("x", b"example.com\n")
    house.keeper.look()
    assert house.listed()
    assert [dataset.form for dataset in house.serving.sourced["bl.test"].views[()]] == ["ip4set", "dnset"]
    rezoned(house, '[[sources]]\ntype = "ip4set"\nfiles = ["nothing"]\n')
    assert len(house.serving.sourced["bl.test"].views[()]) == 2


def test_what_is_kept_for_a_source_that_is_not_there_expires_all_the_same(house: House) -> None:
    house.put("one", b"$TIMESTAMP 2025-12-01 2026-01-02\n1.1.1.1\n")
    house.keeper.look()
    rezoned(house, '[[sources]]\ntype = "ip4set"\nfiles = ["nothing"]\n')
    assert house.listed()
    house.clock.turn(days=2)
    house.keeper.look()
    assert house.serving.sourced == {}


def test_what_several_zones_share_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(tmp_path, "a.test b.test")
    house.put("one", b"1.1.1.1\n")
    reads: list[DataSource] = []

    def counted(source: DataSource, **words: int) -> object:
        reads.append(source)
        return read_source(source, **words)

    monkeypatch.setattr(module, "read_source", counted)
    house.keeper.look()
    assert len(reads) == 1
    assert house.listed(zone="a.test")
    assert house.serving.sourced["a.test"].views[()] == house.serving.sourced["b.test"].views[()]


def test_refused_lines_are_named_in_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.put("one", b"x\n" * 30)
    house.keeper.look()
    said = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert said[0].endswith("one, line 1: no IPv4 address or range")
    assert len(said) == module.MOST_SHOWN + 1
    assert "30 lines refused in all" in said[-1]


async def test_files_are_looked_at_again_and_again_until_the_end(house: House) -> None:
    keeper = Sources(house.zones, house.serving, check=0.01, clock=house.clock)
    stop = asyncio.Event()
    running = asyncio.create_task(keeper.run(stop))
    house.put("one", b"1.1.1.1\n")
    await until(lambda: "bl.test" in house.serving.sourced)
    house.put("one", b"1.1.1.2\n")
    await until(lambda: house.listed(0x01010102))
    stop.set()
    await running


class Asker(threading.Thread):
    """Asks one question after the other, over UDP or TCP; each answer with the versions that it may be."""

    def __init__(self, port: int, versions: list[int], *, tcp: bool) -> None:
        super().__init__()
        self.answers: list[tuple[int, set[int], int]] = []  # in service before, what was said, put there since
        self.failed = ""
        self.over = False
        self._ask = partial(dns.query.tcp if tcp else dns.query.udp, where="127.0.0.1", port=port, timeout=5)
        self._versions = versions

    def run(self) -> None:
        question = dns.message.make_query("1.1.1.1.bl.test", "TXT")
        while not self.over:
            before = self._versions[0]
            try:
                reply = self._ask(question)
            except dns.exception.DNSException as error:
                self.failed = repr(error)
                return
            said = {int(str(rdata).strip('"')) for rrset in reply.answer for rdata in rrset}
            self.answers.append((before, said, self._versions[1]))


@pytest.mark.parametrize("engine", ["compiled", "plain"])
async def test_while_a_file_is_replaced_many_times_each_answer_is_the_old_one_or_the_new_one(
    house: House, engine: str
) -> None:
    """Each version says its number in two files' places of one answer: what is half of each would show."""
    if engine == "compiled" and compiled.missing:
        pytest.skip(compiled.missing)
    versions = [0, 0]  # in service, on the disk

    def replace() -> None:
        versions[1] += 1
        text = b"2.2.2.2\n" * 300 + b"1.1.1.1 %d\n" % versions[1] + b"3.0.0.0/9\n" * (versions[1] % 7)
        house.put("one", text)
        house.keeper.look()
        versions[0] = versions[1]

    replace()
    clock = SystemClock() if engine == "compiled" else house.clock
    responder = Responder(Dns(listen=["127.0.0.1:0"], rate_answers=0), house.zones, clock=clock)
    house.keeper = Sources(house.zones, responder.serving, check=60, clock=house.clock)
    house.keeper.look()
    [(_, port)] = await responder.start()
    askers = [Asker(port, versions, tcp=tcp) for tcp in (False, False, True)]
    for asker in askers:
        asker.start()
    try:
        for n in range(1, 61):
            await asyncio.to_thread(replace)
            await until(lambda n=n: all(asker.failed or len(asker.answers) >= 2 * n for asker in askers))
    finally:
        for asker in askers:
            asker.over = True
            await asyncio.to_thread(asker.join)
        await responder.close()
    for asker in askers:
        assert not asker.failed
        assert len(asker.answers) >= 120
        for before, said, since in asker.answers:
            assert len(said) == 1
            assert before <= min(said) <= since
