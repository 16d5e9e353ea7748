"""Two lists that witness each other, and what is said when one of them takes something back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from dnsbl.clock import HandClock
from dnsbl.daemons.errand import HttpReply, Unheard
from dnsbl.daemons.witnesses import ANSWER_MOST, WITHIN, Cosigning
from dnsbl.log import checkpoint, note
from dnsbl.log.witnessing import Unwitnessed
from dnsbl.serving.witness import Witness, signer
from dnsbl.settings.tlog import WitnessPlace
from tests.dnsbl.conftest import Office

ORIGIN = "list.example/log"
URL = "http://127.0.0.1:9/w"


def came(status: int, text: str, sort: str = "text/plain") -> HttpReply:
    headers = {"content-type": sort, "location": "http://127.0.0.1:1/"}
    return HttpReply(status=status, headers=headers, body=text.encode())


class Others:
    """A witness, as HTTP hands on what it says."""

    def __init__(self, folder: Path, office: Office) -> None:
        office.casework.proving.keep()
        self.own = signer(folder, "w.example")
        keys = [key.vkey for key in office.casework.proving.verifiers()]
        self.witness = Witness(folder, self.own, keys, HandClock())
        self.asked = 0
        self.instead: tuple[int, str, str] | Exception | None = None
        self.place = WitnessPlace(URL, self.own.verifier.vkey)
        self.ours = Cosigning(office.casework.proving, (self.place,), ask=self.answer)

    def answer(self, url: str, *, method: str, body: bytes, most: int, seconds: float, **_: object) -> HttpReply:
        self.asked += 1
        assert (method, url) == ("POST", f"{URL}/add-checkpoint")
        assert (most, seconds) == (ANSWER_MOST + 1, WITHIN), "whoever trickles keeps nobody waiting"
        if isinstance(self.instead, Exception):
            raise self.instead
        if self.instead is not None:
            return came(*self.instead)
        try:
            return came(200, self.witness.add_checkpoint(body))
        except Unwitnessed as error:
            return came(error.status, f"{error.size}\n", "text/x.tlog.size" if error.status == 409 else "text/plain")

    def signed(self, office: Office) -> bool:
        text = office.casework.proving.newest()
        assert text is not None
        keys = [note.Verifier.read(key.vkey) for key in office.casework.proving.verifiers()]
        _, found = checkpoint.opened(text, ORIGIN, [*keys, self.own.verifier])
        return any(key == self.own.verifier for key, _ in found.verified)


@pytest.fixture
def office(make_office: Callable[..., Office], tmp_path: Path) -> Office:
    return make_office(service={"state_dir": str(tmp_path / "list")}, tlog={"origin": ORIGIN})


@pytest.fixture
def others(office: Office, tmp_path: Path) -> Others:
    return Others(tmp_path / "witness", office)


def decide(office: Office, networks: Iterable[str]) -> None:
    office.casework.operators.list_networks(
        [ip_network(each) for each in networks], kind="spam", reason="seen", actor="operator op"
    )
    office.casework.proving.keep()


def test_each_checkpoint_is_signed_by_the_witness_once_and_published_with_its_signature(
    office: Office, others: Others
) -> None:
    assert others.ours.ask() == 1 and others.signed(office)
    assert others.ours.ask() == 0 and others.asked == 1
    decide(office, ["192.0.2.1", "192.0.2.2"])
    assert not others.signed(office)
    assert others.ours.ask() == 1 and others.signed(office) and others.asked == 2
    decide(office, ["192.0.2.3"])
    fresh = Cosigning(office.casework.proving, (others.place,), ask=others.answer)
    assert fresh.ask() == 1 and others.asked == 4, "who does not know what was signed last asks, and is told"
    assert (others.ours.problem, fresh.problem) == ("", "")


@pytest.mark.parametrize(
    "instead",
    [
        Unheard("nobody there\x1b"),
        (404, "not witnessed"),
        (302, ""),
        (200, "— w.example AAAA\n"),
        (200, "x" * (ANSWER_MOST + 1)),
        (409, "7", "text/plain"),
        (409, "-7", "text/x.tlog.size"),
    ],
)
def test_a_witness_that_is_away_or_odd_is_a_line_in_the_log_once_and_nothing_more(
    office: Office, others: Others, instead: Any, caplog: pytest.LogCaptureFixture
) -> None:
    others.instead = instead
    before = office.casework.proving.newest()
    others.ours.ask()
    others.ours.ask()
    assert len([one for one in caplog.records if "w.example" in one.getMessage()]) == 1
    assert "\x1b" not in caplog.text
    assert others.ours.problem == "" and office.casework.proving.newest() == before
    others.instead = None
    assert others.ours.ask() == 1


def test_a_list_that_has_lost_its_newest_past_is_told_by_its_witness(
    office: Office, others: Others, make_office: Callable[..., Office], tmp_path: Path
) -> None:
    decide(office, ["192.0.2.1"])
    others.ours.ask()
    with office.store.write() as tx:  # a copy that was restored, on a node that has lost its memory of the log too
        tx.log.clear()
        tx.log.begin(origin=ORIGIN, salts=bytes(32), at=office.clock.now())
    (tmp_path / "list" / "log.seen").unlink()
    office.casework.proving.keep()
    others.ours.ask()
    assert "has signed another root at size" in others.ours.problem
    assert ORIGIN in others.witness.problem
    decide(office, ["192.0.2.2"])
    others.ours.ask()
    assert "does not find the" in others.ours.problem and not others.signed(office)


def test_a_log_that_is_shorter_than_what_its_witness_has_signed_is_told(
    office: Office, others: Others, tmp_path: Path
) -> None:
    decide(office, ["192.0.2.1"])
    others.ours.ask()
    with office.store.write() as tx:
        tx.log.clear()
        tx.log.begin(origin=ORIGIN, salts=bytes(32), at=office.clock.now())
    (tmp_path / "list" / "log.seen").unlink()
    office.casework.proving.sign()
    others.ours.ask()
    assert "leaves of this log, and here are 0" in others.ours.problem
