import asyncio
import errno
import logging
import os
from datetime import timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.respond import Serving
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.serving import secrets as module
from dnsbl.serving.secrets import Secrets
from dnsbl.settings import Dns, Service, Settings
from tests.waiting import until

KEY = b"0123456789abcdefghij"


class House:
    """One state directory, and servers that start on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "cookies"
        self.clock = HandClock()
        self.numbers = count(1)
        self.serving = Serving(Zones(()))

    def start(self, **dns: object) -> Secrets:
        self.serving = Serving(Zones(()))
        settings = Settings(service=Service(state_dir=self.folder), dns=Dns(**dns))
        return Secrets(settings, self.serving, clock=self.clock, random=lambda size: bytes([next(self.numbers)] * size))

    def load(self, **dns: object) -> Secrets:
        keeper = self.start(**dns)
        keeper.load()
        return keeper

    @property
    def firsts(self) -> list[int]:
        """The first byte of each secret in use."""
        assert self.serving.cookies is not None
        return [secret[0] for secret in self.serving.cookies.secrets]

    def age(self, **span: float) -> None:
        """The file was written so long ago."""
        moment = (self.clock.now() - timedelta(**span)).timestamp()
        os.utime(self.file, (moment, moment))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_b30_the_first_start_makes_a_secret_that_nobody_else_can_read(house: House) -> None:
    house.load()
    assert house.firsts == [1]
    assert house.file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in house.folder.iterdir()] == ["cookies"]


def test_b30_another_start_finds_the_same_secret(house: House) -> None:
    house.load()
    house.age(days=1)
    house.load()
    assert house.firsts == [1]


def test_b30_rollover_keeps_the_old_secret_for_another_period(house: House) -> None:
    house.load()
    for firsts in ([2, 1], [3, 2]):
        house.age(days=30)
        house.load()
        assert house.firsts == firsts
        house.load()
        assert house.firsts == firsts
    assert house.file.stat().st_mode & 0o777 == 0o600


def test_b30_without_a_period_a_shared_file_is_left_alone(house: House) -> None:
    house.file.write_text("aa" * 16 + "\n" + "bb" * 16 + "\n")
    house.age(days=1000)
    house.load(cookie_days=0)
    assert house.firsts == [0xAA, 0xBB]


@pytest.mark.parametrize(("setting", "strict"), [("on", False), ("strict", True)])
def test_b30_strict_is_a_setting(house: House, setting: str, strict: bool) -> None:
    house.load(cookies=setting)
    assert house.serving.cookies is not None
    assert house.serving.cookies.strict is strict


def test_b30_off_makes_no_file(house: House) -> None:
    house.load(cookies="off")
    assert house.serving.cookies is None
    assert not house.file.exists()


@pytest.mark.parametrize("content", ["", "rubbish", "aa" * 15, "ü"])
def test_b30_a_damaged_file_is_one_sentence(house: House, content: str) -> None:
    house.file.write_text(content)
    with pytest.raises(DnsblError, match="does not hold cookie secrets"):
        house.load()


def test_a_folder_that_cannot_be_written_is_one_sentence_and_a_secret_of_this_process(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    house.file = tmp_path / "file" / "cookies"
    house.folder = tmp_path / "file"
    keeper = house.load()
    made = house.firsts
    sentence = f"{house.file}: cookie secrets cannot be kept there: Not a directory."
    assert keeper.problem == sentence
    keeper.load()
    assert house.firsts == made
    assert [record.getMessage() for record in caplog.records] == [sentence]
    (tmp_path / "file").unlink()
    (tmp_path / "file").mkdir()
    keeper.load()
    assert (keeper.problem, house.file.exists()) == ("", True)


def test_a_secret_whose_successor_cannot_be_written_goes_on_serving(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.load()
    before = house.firsts
    house.age(days=400)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(house.file))

    monkeypatch.setattr(module, "write_whole", full)
    keeper = house.load()
    assert house.firsts == before
    assert keeper.problem.endswith("cannot be kept there: No space left on device.")


def test_b19_keys_are_read_and_read_again(house: House, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(sha256(KEY).hexdigest() + " example.net\n")
    keeper = house.load(keys_file=keys)
    assert house.serving.keys is not None
    assert house.serving.keys.find(KEY)
    keys.write_text("# revoked\n")
    keeper.load()
    assert not house.serving.keys.find(KEY)


def test_b19_a_mistake_in_the_keys_stops_the_start(house: House, tmp_path: Path) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text("mysecretkey12345678\n")
    with pytest.raises(SettingsError, match=r"keys\.txt: line 1: the SHA-256"):
        house.load(keys_file=keys)


async def test_b19_a_mistake_made_while_running_is_told_once_and_changes_nothing(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = tmp_path / "keys.txt"
    keys.write_text(sha256(KEY).hexdigest())
    keeper = house.load(keys_file=keys)
    keys.write_text("mysecretkey12345678\n")
    with caplog.at_level(logging.WARNING):
        await keeper.step()
        await keeper.step()
    assert [record.message for record in caplog.records] == [
        f"{keys}: line 1: the SHA-256 of a key is needed, 64 hexadecimal digits"
    ]
    assert house.serving.keys is not None
    assert house.serving.keys.find(KEY)


def test_a_damaged_file_of_cookies_keeps_no_key_in_force_that_was_taken_back(house: House, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(sha256(KEY).hexdigest())
    keeper = house.load(keys_file=keys)
    house.file.write_text("half")
    keys.write_text("")
    with pytest.raises(DnsblError, match="does not hold cookie secrets"):
        keeper.load()
    assert house.serving.keys is not None
    assert not house.serving.keys.known
    assert house.firsts == [1]


@pytest.mark.parametrize("broken", ["keys", "cookies"])
def test_who_has_served_before_answers_without_the_file_that_cannot_be_used_until_it_can(
    house: House, tmp_path: Path, broken: str
) -> None:
    keys, good = tmp_path / "keys", sha256(KEY).hexdigest()
    keys.write_text(good)
    house.load(keys_file=keys)
    file, whole = (keys, good) if broken == "keys" else (house.file, house.file.read_text())
    file.write_text("half")
    keeper = house.start(keys_file=keys)
    keeper.load_what_is_whole()
    assert keeper.problem
    assert house.serving.keys is not None, "or a key would be taken for a name"
    assert house.serving.cookies is not None
    assert (len(house.serving.keys.known), house.firsts == [1]) == ((0, True) if broken == "keys" else (1, False))
    file.write_text(whole)
    keeper.load()
    assert (len(house.serving.keys.known), house.firsts, keeper.problem) == (1, [1], "")


async def test_run_looks_again_and_again_until_told_to_stop(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.001)
    keys = tmp_path / "keys.txt"
    keys.write_text("")
    keeper = house.load(keys_file=keys)
    stop = asyncio.Event()
    running = asyncio.create_task(keeper.run(stop))
    keys.write_text(sha256(KEY).hexdigest())
    await until(lambda: house.serving.keys and house.serving.keys.find(KEY))
    stop.set()
    await running
