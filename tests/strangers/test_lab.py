"""The laboratory itself, before anything of ours is judged in it."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from lab import CLIENT, COLLECTOR, HOSTS, MX, PREFIXES, RELAY, RESOLVER, Answer, Lab, LabError
from postfix import Postfix, start_postfix

CLOSED = {"mynetworks": "127.0.0.0/8"}
OPEN = {"mynetworks": "0.0.0.0/0"}
BLOCKED = "Open relay, see https://list.lab.test/ip/198.51.100.7"


class Sink:
    """A mail server that takes everything and remembers who brought it."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, list[str]]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert session.peer is not None
        self.taken.append((session.peer[0], envelope.mail_from or "", envelope.rcpt_tos))
        return "250 2.0.0 taken"


@pytest.fixture(scope="module")
def resolver(lab: Lab) -> None:
    listed = "7.100.51.198.rbl.lab.test."
    lab.resolver(records=[f"{listed} A 127.0.0.2", f'{listed} TXT "{BLOCKED}"'])


@pytest.fixture(scope="module")
def sink(lab: Lab) -> Iterator[Sink]:
    handler = Sink()
    controller = Controller(handler, hostname=COLLECTOR, port=25)
    with lab.inside("us"):
        controller.start()
    yield handler
    controller.stop()


@pytest.fixture(scope="module")
def relay(lab: Lab, resolver: None) -> Postfix:
    return start_postfix(lab, "relay", **OPEN)


def test_the_resolver_knows_the_lab_and_nothing_else(lab: Lab, resolver: None) -> None:
    assert lab.ask("c.lab.test", "MX") == Answer("NOERROR", ("10 mx.lab.test.",))
    assert lab.ask("7.100.51.198.in-addr.arpa", "PTR") == Answer("NOERROR", ("hub.test.",))
    assert lab.dig("mx.lab.test", "A") == [COLLECTOR]
    assert lab.ask("example.org", "A") == Answer("NXDOMAIN")
    assert lab.ask("9.100.51.198.rbl.lab.test", "A") == Answer("NXDOMAIN")


def test_programs_in_a_namespace_use_the_labs_resolver(lab: Lab, resolver: None) -> None:
    assert lab.run("client", ["getent", "ahostsv4", "mx.lab.test"]).stdout.startswith(COLLECTOR)


@pytest.mark.parametrize("host", HOSTS)
def test_no_host_can_leave_the_lab(lab: Lab, host: str) -> None:
    routes = lab.run(host, ["ip", "-4", "route", "show"]).stdout.split("\n")
    assert {route.split()[0] for route in routes if route} == set(PREFIXES)
    with lab.inside(host):
        probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with probe, pytest.raises(OSError) as caught:
        probe.connect(("203.0.113.1", 53))
    assert caught.value.errno == errno.ENETUNREACH


def test_inside_comes_back_to_the_namespace_it_left(lab: Lab) -> None:
    home = os.readlink("/proc/thread-self/ns/net")
    with lab.inside("us"):
        assert os.readlink("/proc/thread-self/ns/net") != home
    assert os.readlink("/proc/thread-self/ns/net") == home


def test_an_open_relay_relays_until_it_is_closed(lab: Lab, relay: Postfix, sink: Sink) -> None:
    letter = {"to": RELAY, "sender": "s@b.lab.test", "recipient": "r@c.lab.test"}
    assert lab.send("client", **letter).code == 250
    assert lab.wait_for("the relayed mail", lambda: sink.taken) == [(RELAY, "s@b.lab.test", ["r@c.lab.test"])]

    relay.configure(**CLOSED)
    refusal = lab.send("client", **letter)
    assert refusal.code == 554
    assert "Relay access denied" in refusal.text

    relay.configure(smtpd_relay_restrictions="permit_mynetworks defer_unauth_destination")
    assert lab.send("client", **letter).code == 454
    assert len(sink.taken) == 1


def test_a_consumer_refuses_a_listed_client_with_the_lists_own_words(lab: Lab, resolver: None) -> None:
    start_postfix(lab, "mx", smtpd_client_restrictions="reject_rbl_client rbl.lab.test")
    letter = {"to": MX, "sender": "s@hub.test", "recipient": "user@mail.test"}
    refusal = lab.send("relay", **letter)
    assert refusal.code == 554
    assert f"[{RELAY}] blocked using rbl.lab.test; {BLOCKED}" in refusal.text
    assert lab.send("client", **letter).code == 250
    lab.wait_for("the delivery", lambda: "status=sent (kept by nobody)" in lab.log("mx"))
    assert f"client=client.test[{CLIENT}]" in lab.log("mx")


def test_a_watch_notes_when_an_answer_changes(lab: Lab, resolver: None) -> None:
    with lab.watch("9.100.51.198.rbl.lab.test", "A", server=RESOLVER) as watch:
        first = lab.wait_for("the first answer", lambda: watch.when(Answer("NXDOMAIN")))
        assert watch.when(Answer("NXDOMAIN"), since=first + 1) == 0.0
        assert watch.when(Answer("NOERROR", ("127.0.0.2",))) == 0.0


def test_waiting_is_bounded_and_says_for_what(lab: Lab) -> None:
    with pytest.raises(LabError, match="in vain for a miracle"):
        lab.wait_for("a miracle", lambda: False, seconds=0.1)
    with pytest.raises(LabError, match="sleep 5 took more than"):
        lab.run("us", ["sleep", "5"], seconds=0.1)
    with pytest.raises(LabError, match="false ended with 1"):
        lab.run("us", ["false"])


def test_nothing_remains_of_a_lab_in_which_something_went_wrong() -> None:
    doomed = Lab()
    namespaces: list[str] = []

    def accident() -> None:
        with doomed:
            parent = doomed.popen("us", "parent", ["sh", "-c", "setsid sleep 600 & exec sleep 600"])
            doomed.wait_for("both sleepers", lambda: len(doomed.pids("us", "sleep")) == 2)
            namespaces.append(_namespace(Path("/proc", str(parent.pid))))
            doomed.run("us", ["false"])

    with pytest.raises(LabError, match="false ended with 1"):
        accident()
    assert namespaces != [""]
    assert not doomed.folder.exists()
    for place in (Path("/run/netns"), Path("/etc/netns")):
        assert not [name for name in _names(place) if name.startswith(doomed._prefix)]
    remaining = [process for process in Path("/proc").glob("[0-9]*") if _namespace(process) in namespaces]
    assert remaining == []


def _names(place: Path) -> list[str]:
    return os.listdir(place) if place.exists() else []


def _namespace(process: Path) -> str:
    try:
        return os.readlink(process / "ns/net")
    except OSError:
        return ""
