import json
import logging
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path

import pytest

from dnsbl.clock import HandClock
from dnsbl.dns.keyuse import KeyUse
from dnsbl.dns.respond import Serving
from dnsbl.dns.zones import Zones
from dnsbl.errors import DnsblError
from dnsbl.serving.clientkeys import NAME, document, read_keys
from dnsbl.serving.keybook import KeyBook
from dnsbl.settings import Dns

KEY, OTHER = "0123456789abcdefghij", "anotherkeyanotherkey"
DIGEST, SECOND = (sha256(key.encode()).digest() for key in (KEY, OTHER))


class Shop:
    """A file of two keys, one of them at home in a network, and what an engine counts of them."""

    def __init__(self, folder: Path, *, elsewhere: str = "pass") -> None:
        self.folder = folder
        self.clock = HandClock()
        (folder / "keys.txt").write_text(f"{DIGEST.hex()} name=acme networks=192.0.2.0/24\n{SECOND.hex()} a note\n")
        self.dns = Dns(keys_file=folder / "keys.txt", keys_elsewhere=elsewhere)
        self.serving = Serving(Zones(()), keys=read_keys(self.dns))
        self.start()

    def start(self) -> None:
        """A process begins."""
        self.used: dict[bytes, KeyUse] = {}
        self.book = KeyBook(lambda: self.used, self.serving, self.folder, clock=self.clock)

    def ask(self, times: int, client: str = "192.0.2.1", *, key: bytes = DIGEST, hit: bool = True) -> None:
        assert self.serving.keys is not None
        away = not self.serving.keys.at_home(self.serving.keys.known[key], ip_address(client).packed)
        use = self.used.setdefault(key, KeyUse())
        for _ in range(times):
            now = self.clock.now().timestamp()
            use.note(ip_address(client).packed, now, hit=hit, refused=False, elsewhere=away)

    def later(self, seconds: float) -> None:
        self.clock.turn(seconds=seconds)
        self.book.step()

    def rows(self) -> dict[str, dict]:
        now = self.clock.now().timestamp()
        return {row["name"]: row for row in document(self.dns, self.folder, now)["keys"]}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def test_what_was_never_used_is_shown_so(shop: Shop) -> None:
    told = document(shop.dns, shop.folder, 0.0)
    assert [(row["name"], row["queries"], row["last_seen"], row["alarm"]) for row in told["keys"]] == [
        ("acme", 0, None, False),
        ("", 0, None, False),
    ]
    assert (told["since"], told["as_of"]) == (None, None)


def test_use_is_counted_with_rates_and_outlives_the_process(shop: Shop) -> None:
    shop.book.step()
    shop.ask(600)
    shop.ask(3, "203.0.113.9", key=SECOND, hit=False)
    shop.later(60)
    rows = shop.rows()
    assert (rows["acme"]["queries"], rows["acme"]["hits"], rows[""]["queries"], rows[""]["hits"]) == (600, 600, 3, 0)
    assert 6 < rows["acme"]["per_second"]["minute"] < 10
    assert 0 < rows["acme"]["per_second"]["day"] < rows["acme"]["per_second"]["hour"] < 0.5
    assert rows[""]["fingerprint"] == SECOND.hex()[:12]
    shop.start()
    shop.clock.turn(seconds=60)
    shop.book.step()
    shop.ask(5)
    shop.later(60)
    rows = shop.rows()
    assert (rows["acme"]["queries"], rows[""]["queries"]) == (605, 3)
    assert 0 < rows["acme"]["per_second"]["minute"] < 2
    assert rows["acme"]["last_seen"] > rows[""]["last_seen"]


def test_a_steady_rate_is_shown_as_it_is(shop: Shop) -> None:
    shop.book.step()
    for _ in range(100):
        shop.ask(50)
        shop.later(10)
    assert shop.rows()["acme"]["per_second"]["minute"] == pytest.approx(5, rel=0.01)


@pytest.mark.parametrize(("elsewhere", "word"), [("pass", "answered"), ("refuse", "refused")])
def test_a_key_that_is_used_elsewhere_is_an_alarm_at_once_and_then_once_an_hour(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, elsewhere: str, word: str
) -> None:
    shop = Shop(tmp_path, elsewhere=elsewhere)
    shop.book.step()
    shop.ask(7)
    shop.later(10)
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        for times in (2, 3, 4):
            shop.ask(times, "203.0.113.9")
            shop.later(10)
        shop.later(3600)
    assert [record.getMessage() for record in caplog.records] == [
        f"the key acme is used from outside its networks, last from 203.0.113.0/24: {n} questions, which were {word}"
        for n in (2, 7)
    ]
    row = shop.rows()["acme"]
    assert row["alarm"]
    assert (row["elsewhere"]["queries"], row["elsewhere"]["last_from"]) == (9, "203.0.113.0/24")
    shop.later(86400)
    assert not shop.rows()["acme"]["alarm"]


def test_no_key_is_in_what_is_kept_logged_or_shown(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    shop.book.step()
    shop.ask(1, "203.0.113.9")
    shop.later(60)
    told = json.dumps(document(shop.dns, shop.folder, 0.0)) + (shop.folder / NAME).read_text() + caplog.text
    assert KEY not in told and OTHER not in told and "203.0.113.9" not in told
    assert (shop.folder / NAME).stat().st_mode & 0o777 == 0o640


def test_a_key_that_is_gone_is_forgotten(shop: Shop) -> None:
    shop.book.step()
    shop.ask(4)
    shop.ask(4, key=SECOND)
    shop.dns.keys_file.write_text(f"{SECOND.hex()}\n")  # type: ignore[union-attr]
    shop.serving.keys = read_keys(shop.dns)
    shop.later(60)
    assert [row["queries"] for row in shop.rows().values()] == [4]
    assert list(json.loads((shop.folder / NAME).read_text())["keys"]) == [SECOND.hex()]


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"keys": {"zz": {}}}', '{"keys": {"aa": {"use": {"no": 1}}}}', "\xff"]
)
def test_a_file_that_holds_no_account_is_said_and_begun_anew(
    shop: Shop, text: str, caplog: pytest.LogCaptureFixture
) -> None:
    (shop.folder / NAME).write_text(text, encoding="latin-1")
    with pytest.raises(DnsblError, match="holds no account of keys"):
        shop.rows()
    with caplog.at_level(logging.WARNING):
        shop.book.step()
    assert "holds no account of keys. It is begun anew." in caplog.text
    shop.ask(1)
    shop.later(60)
    assert shop.rows()["acme"]["queries"] == 1


def test_a_folder_that_cannot_be_written_is_told_once(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    (shop.folder / NAME).mkdir()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            shop.later(60)
    assert shop.book.problem.endswith("Is a directory.")
    assert caplog.text.count("the use of keys cannot be kept there") == 1
