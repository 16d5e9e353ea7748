"""The command, from its arguments to its exit code, against servers on loopback."""

from __future__ import annotations

import asyncio
import errno
import json
import re
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import EmailMessage
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from servers import OPEN, Scripted, listening

from tester.cli import command, report
from tester.cli.command import main
from tester.errors import Undialled
from tester.knocking import Knocker
from tester.smtp import Limits

QUICK = Limits(connect=2, banner=2, command=2, final=5, attempt_gap=0, connection_gap=0, grace=0.05)


@pytest.fixture
def port() -> int:
    """A free port for the collector."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Handing:
    """aiosmtpd as a server that does something with each message, in a thread of its own."""

    def __init__(self, act: Callable[[Envelope], None]) -> None:
        self.act = act

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.to_thread(self.act, envelope)
        return "250 queued"


@contextmanager
def serving(what: Handing | Mapping[str, bytes]) -> Iterator[int]:
    """Run a server in another thread, as another program would be."""
    ready: list[int] = []
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        if isinstance(what, Handing):
            server = await loop.create_server(
                lambda: SMTP(what, hostname="mx.example.net", ident="x", loop=loop), "127.0.0.1", 0
            )
            ready.append(server.sockets[0].getsockname()[1])
            started.set()
            await stop.wait()
            server.close()
        else:
            async with listening(Scripted(what)) as bound:
                ready.append(bound)
                started.set()
                await stop.wait()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(5)
    try:
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()


def forwarding(port: int, source: str = "127.0.0.1") -> Handing:
    def forward(envelope: Envelope) -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=5, source_address=(source, 0)) as client:
            client.sendmail(envelope.mail_from, envelope.rcpt_tos, envelope.content)

    return Handing(forward)


def run(server: int, port: int, *more: str) -> int:
    fixed = ["127.0.0.1", "--port", str(server), "--collector", f"127.0.0.1:{port}", "--lab", "127.0.0.0/8"]
    names = ["--collector-domain", "c.test", "--bounce-domain", "b.test", "--helo", "probe.b.test"]
    return main([*fixed, *names, *more], limits=QUICK)


def test_an_open_relay_is_shown_with_its_conversation(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(forwarding(port)) as server:
        assert run(server, port) == report.OPEN
    out, err = capsys.readouterr()
    assert err == ""
    assert "> EHLO probe.b.test" in out
    assert "< 220 mx.example.net x" in out
    assert "S01 from 127.0.0.1: DELIVERED_SAME." in out
    assert "S01   DELIVERED_SAME" in out
    assert "S10   UNTRIED" in out
    assert "\nOPEN: " in out
    assert "not final" not in out


def test_the_json_document_stands_alone_on_stdout(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(forwarding(port, "127.0.0.7")) as server:
        assert run(server, port, "--json") == report.OPEN
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["address"] == "127.0.0.1"
    assert document["verdict"] == "INCONCLUSIVE"
    assert document["confirm"] is True
    assert document["output_addresses"] == ["127.0.0.7"]
    assert document["attempts"][0]["vector"] == "S01"
    assert document["attempts"][0]["outcome"] == "DELIVERED_OTHER"
    assert document["attempts"][0]["reply"].startswith("250 ")
    assert "> EHLO" in err


def test_what_a_machine_of_ours_brings_convicts_nobody(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(forwarding(port, "127.0.0.5")) as server:
        assert run(server, port, "--source", "127.0.0.5", "--wait", "0.1") == report.UNTOLD
    out = capsys.readouterr().out
    assert "S01 from 127.0.0.5: FORGED. One of our own machines delivered it." in out
    assert "\nINCONCLUSIVE: " in out


def test_a_closed_server_is_closed(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    script = {**OPEN, "RCPT": (b"550 no\r\n",) * 15 + (b"250 ok\r\n",) + (b"550 no\r\n",) * 2}
    with serving(script) as server:
        assert run(server, port, "--profile", "standard", "--json") == report.CLOSED
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == "CLOSED"
    assert document["control"] == "ACCEPTED"
    assert {a["outcome"] for a in document["attempts"]} == {"RCPT_5XX"}
    assert len(document["attempts"]) == 17


def test_hostile_text_is_shown_escaped(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with serving({**OPEN, "": b"554 \x1b[2Jgone\xff\r\n"}) as server:
        assert run(server, port) == report.UNTOLD
    out = capsys.readouterr().out
    assert "554 \\x1b[2Jgone\\xff" in out
    assert "\x1b" not in out
    assert "\nREFUSES_TESTER: " in out


def test_an_accepted_letter_is_waited_for(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(OPEN) as server:
        assert run(server, port, "--wait", "0.1") == report.UNTOLD
    out = capsys.readouterr().out
    assert "Waiting at most 0.1 s" in out
    assert "\nINCONCLUSIVE: " in out
    assert "This is not final" in out


def test_a_bounce_is_told_from_a_delivery(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    def bounce(envelope: Envelope) -> None:
        letter = EmailMessage()
        letter["From"] = "MAILER-DAEMON@mx.example.net"
        letter["Subject"] = "Undelivered Mail Returned to Sender"
        letter.set_content(f"<{envelope.rcpt_tos[0]}>: 550 not delivered\n" + (envelope.content or b"").decode())
        stray = EmailMessage()
        stray.set_content("hello")
        with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
            client.send_message(letter, "", [envelope.mail_from])
            client.send_message(stray, "x@example.net", ["postmaster@c.test"])

    with serving(Handing(bounce)) as server:
        assert run(server, port, "--json") == report.CLOSED
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["verdict"] == "ACCEPTS_BOUNCES"
    assert document["output_addresses"] == []
    assert "A message for postmaster came from 127.0.0.1." in err


def test_an_address_that_must_not_be_tested_is_refused(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["127.0.0.1", "--collector", f"127.0.0.1:{port}"]) == report.UNTOLD
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("127.0.0.1 must not be tested: ")
    assert err.count("\n") == 1


def test_a_collector_that_cannot_listen_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert run(25, taken.getsockname()[1]) == report.UNTOLD
    out, err = capsys.readouterr()
    assert out == ""
    assert "cannot listen on 127.0.0.1" in err and "another program listens there" in err
    assert main(["127.0.0.1", "--lab", "127.0.0.0/8", "--collector", "192.0.2.77:2525"]) == 2
    assert "this machine has no such address; choose another with --collector." in capsys.readouterr().err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [
        ["--targets", "hosts", "--networks", "127.0.0.0/8", "--collector", "127.0.0.1:0"],
        ["127.0.0.1", "--for", "http://127.0.0.1:1", "--key-file", "key"],
    ],
)
def test_a_file_that_is_not_there_is_one_sentence(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert re.fullmatch("(hosts|key): cannot be read: No such file or directory\\.\n", capsys.readouterr().err)


def test_without_a_collector_address_every_address_is_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = []

    async def start(self: object, host: str, port: int) -> tuple[str, int]:
        tried.append((host, port))
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tester.collector.Collector.start", start)
    assert main(["127.0.0.1", "--lab", "127.0.0.0/8"]) == report.UNTOLD
    assert tried == [("::", 25), ("0.0.0.0", 25)]
    assert "--collector" in capsys.readouterr().err


def test_a_source_that_is_not_ours_is_one_sentence(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(25, port, "--source", "192.0.2.77") == report.UNTOLD
    assert capsys.readouterr().err.count("\n") == 1


def test_it_can_be_stopped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    async def test(self: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command._Command, "hold", test)
    assert main(["192.0.2.1"]) == report.UNTOLD
    assert capsys.readouterr().err == "Stopped.\n"


def test_the_module_runs_and_its_help_tells_of_the_mx() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tester", "--help"], capture_output=True, text=True, timeout=20, check=False
    )
    assert done.returncode == 0
    assert "MX must point to this machine" in " ".join(done.stdout.split())


def test_an_owner_may_name_a_domain_of_the_server(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    script = {**OPEN, "RCPT": b"550 no\r\n"}
    with serving(script) as server:
        assert run(server, port, "--profile", "full", "--served-domain", "D.test", "--json") == report.CLOSED
        document = json.loads(capsys.readouterr().out)
        assert run(server, port, "--profile", "full", "--json") == report.CLOSED
    outcomes = {a["vector"]: (a["outcome"], a["reply"]) for a in document["attempts"]}
    assert (outcomes["S09"][0], outcomes["R18"][0]) == ("RCPT_5XX", "RCPT_5XX")
    assert outcomes["R22a"] == ("SKIPPED", "This form needs an IPv4 address of our collector, which is not known.")
    without = json.loads(capsys.readouterr().out)["attempts"]
    assert next(a["outcome"] for a in without if a["vector"] == "S09") == "SKIPPED"


REFUSING = {**OPEN, "RCPT": (b"550 relaying denied\r\n",) * 15 + (b"250 ok\r\n",) + (b"550 relaying denied\r\n",) * 2}


def ports(*numbers: int) -> list[str]:
    return ["--ports", ",".join(map(str, numbers))]


def test_an_open_submission_port_beside_a_closed_one_is_found_and_explained(
    port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(REFUSING) as closed, serving(forwarding(port)) as submission:
        assert run(closed, port, *ports(closed, submission), "--explain", "--json") == report.OPEN
        document = json.loads(capsys.readouterr().out)
        assert run(closed, port, *ports(closed, submission), "--explain", "--progress") == report.OPEN
    assert document["result"] == "open"
    assert [(one["port"], one["verdict"]) for one in document["paths"]] == [(closed, "CLOSED"), (submission, "OPEN")]
    assert document["cause"]["name"] == "networks-too-wide"
    assert document["cause"]["advice"]
    out = capsys.readouterr().out
    assert f"127.0.0.1 port {submission}: 1 of 34 forms" not in out
    assert re.search(rf"127\.0\.0\.1 port {submission}: \d+ of 34 forms, [12] came back", out)
    assert "> EHLO" not in out, "progress stands in place of the conversation"
    assert "What closes it:" in out


def test_the_other_family_is_found_by_name_and_tried_as_well(port: int, capsys: pytest.CaptureFixture[str]) -> None:
    async def twin(address: object) -> tuple[IPv4Address, ...]:
        assert str(address) == "127.0.0.1"
        return (IPv4Address("127.0.0.2"),)

    fixed = ["127.0.0.1", "--collector", f"127.0.0.1:{port}", "--lab", "127.0.0.0/8", "--both-families", "--json"]
    with serving(REFUSING) as closed:
        main([*fixed, *ports(closed)], limits=QUICK, others=twin)
    paths = json.loads(capsys.readouterr().out)["paths"]
    assert [one["address"] for one in paths] == ["127.0.0.1", "127.0.0.2"]
    assert paths[0]["verdict"] == "CLOSED"


def listed(folder: Path, text: str) -> str:
    file = folder / "targets.txt"
    file.write_text(text, encoding="utf-8")
    return str(file)


def on_list(port: int, server: int, *more: str) -> int:
    fixed = [*ports(server), "--collector", f"127.0.0.1:{port}", "--lab", "127.0.0.0/8", "--wait", "1"]
    names = ["--collector-domain", "c.test", "--bounce-domain", "b.test", "--helo", "probe.b.test"]
    return main([*fixed, *names, *more], limits=QUICK)


def test_a_list_of_hosts_gives_a_table(port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hosts = listed(tmp_path, "127.0.0.1 # the relay\n127.0.0.9\n")
    with serving(forwarding(port)) as server:
        assert on_list(port, server, "--targets", hosts, "--networks", "127.0.0.0/8", "--explain") == report.OPEN
        out = capsys.readouterr().out
        assert on_list(port, server, "--targets", hosts, "--networks", "127.0.0.0/8", "--json") == report.OPEN
    assert "HOST       RESULT   VERDICT" in out
    assert "127.0.0.1  open     OPEN" in out
    assert "127.0.0.9  unknown  UNREACHABLE" in out
    assert "1 open, 0 closed, 1 could not be told." in out
    assert "What closes it:" in out
    document = json.loads(capsys.readouterr().out)
    assert document["result"] == "open"
    assert [(one["address"], one["verdict"]) for one in document["hosts"]] == [
        ("127.0.0.1", "OPEN"),
        ("127.0.0.9", "UNREACHABLE"),
    ]


def test_of_nmaps_hosts_only_open_ports_are_tried(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def at(address: str, number: int) -> str:
        state = f'<port protocol="tcp" portid="{number}"><state state="open"/></port>'
        return f'<host><status state="up"/><address addr="{address}" addrtype="ipv4"/><ports>{state}</ports></host>'

    networks = tmp_path / "ours"
    networks.write_text("# ours\n127.0.0.0/24\n", encoding="utf-8")
    with serving(REFUSING) as server:
        hosts = listed(tmp_path, f"<nmaprun>{at('127.0.0.1', server)}{at('127.0.0.2', 80)}</nmaprun>")
        assert on_list(port, server, "--targets", hosts, "--networks", str(networks)) == report.UNTOLD
    out = capsys.readouterr().out
    assert "127.0.0.1  closed   CLOSED" in out
    assert "127.0.0.2  unknown  -        nmap found none of the ports open that were to be tried." in out


@pytest.mark.parametrize(
    ("networks", "sentence"),
    [
        ([], "A list is tested only in networks of your own: name them with --networks."),
        (["192.0.2.0/24"], "127.0.0.1 lies in no network that --networks names; nobody was tested."),
        (["192.0.2.0/24,2001:db8::/32"], "127.0.0.1 lies in no network that --networks names; nobody was tested."),
        (["0.0.0.0/0"], "0.0.0.0/0 is too wide to be a network of your own; name its parts that are."),
    ],
)
def test_a_list_outside_of_named_networks_is_refused_before_anybody_is_dialled(
    networks: list[str], sentence: str, port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--networks", *networks] if networks else []
    assert on_list(port, 1, "--targets", listed(tmp_path, "127.0.0.1\n"), *more) == report.UNTOLD
    assert capsys.readouterr() == ("", f"{sentence}\n")


def test_a_twin_outside_of_the_named_networks_is_not_tried(
    port: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def twin(address: object) -> tuple[IPv4Address, ...]:
        return (IPv4Address("127.9.0.2"),)

    fixed = ["--targets", listed(tmp_path, "127.0.0.1"), "--networks", "127.0.0.0/24", "--both-families"]
    assert main([*fixed, "--lab", "127.0.0.0/8", "--collector", f"127.0.0.1:{port}"], others=twin) == report.UNTOLD
    assert capsys.readouterr().err.startswith("127.9.0.2 lies in no network that --networks names")


def test_a_list_that_is_not_there_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--targets", "/nowhere/at-all", "--networks", "192.0.2.0/24"]) == report.UNTOLD
    assert capsys.readouterr().err.count("\n") == 1


def test_a_family_that_our_own_machine_cannot_dial_closes_no_host(
    port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    connect = Knocker.connect

    async def one_family(self: Knocker, address: object, *more: Any) -> object:
        if address != ip_address("127.0.0.1"):
            raise Undialled(f"This machine cannot dial {address}: Network is unreachable.", errno.ENETUNREACH)
        return await connect(self, address, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Knocker, "connect", one_family)

    async def twin(address: object) -> list[object]:
        return [ip_address("::1")]

    fixed = ["127.0.0.1", "--collector", f"127.0.0.1:{port}", "--lab", "127.0.0.0/8", "--lab", "::1/128", "--json"]
    with serving(REFUSING) as closed:
        assert run(closed, port) == report.CLOSED
        capsys.readouterr()
        assert main([*fixed, "--both-families", *ports(closed)], limits=QUICK, others=twin) == report.UNTOLD  # type: ignore[arg-type]
    document = json.loads(capsys.readouterr().out)
    assert document["reason"] == f"::1 port {closed}: This machine cannot dial ::1: Network is unreachable."
