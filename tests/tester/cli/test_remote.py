"""A remote tester, against mail servers on loopback and a list of a few lines: what it sends, tells and never does."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import Envelope
from servers import OPEN

from tester.cli import report
from tester.cli.command import main
from tester.cli.remote import KEY, Desk, key, wish
from tester.errors import NoLetters
from tests.tester.cli.test_borrowed import DOCUMENT, changed
from tests.tester.cli.test_command import QUICK, Handing, serving

SECRET = "dnsbl-key-" + "a" * 32


class Listed:
    """A list's interface of a few lines: it gives letters, and says what came back."""

    def __init__(self) -> None:
        self.answer: tuple[int, Any] = (201, DOCUMENT)
        self.back: list[dict[str, str]] = []
        self.asked: list[tuple[str, str, Any]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.note(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                outer.say(self, *outer.answer)

            def do_GET(self) -> None:
                outer.note(self, None)
                said = {
                    "id": DOCUMENT["id"],
                    "state": "settled" if outer.back else "waiting",
                    "explanation": "So it is.",
                }
                outer.say(self, outer.status, said | {"back": outer.back, "listed": ["relay"] if outer.back else []})

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def note(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        self.asked.append((handler.path, handler.headers.get("Authorization", ""), body))

    def say(self, handler: BaseHTTPRequestHandler, status: int, body: Any) -> None:
        octets = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        if status in (301, 302, 307):
            handler.send_header("Location", f"{self.url}/elsewhere")
        handler.send_header("Content-Length", str(len(octets)))
        handler.end_headers()
        handler.wfile.write(octets)


@pytest.fixture
def listed() -> Iterator[Listed]:
    made = Listed()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join(5)


def run(listed: Listed, port: int, *more: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv(KEY, SECRET)
    listed.answer = (listed.answer[0], listed.answer[1] | {"address": "127.0.0.1", "port": port})
    words = ["127.0.0.1", "--for", listed.url, "--lab", "127.0.0.0/8", "--helo", "probe.test", "--wait", "2"]
    return main([*words, *more], limits=QUICK)


def test_a_letter_that_comes_back_is_told_by_the_list(
    listed: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    taken: list[Envelope] = []

    def take(envelope: Envelope) -> None:
        taken.append(envelope)
        token = str(envelope.rcpt_tos[0]).partition("@")[0]
        listed.back = [{"recipient": token, "finding": "DELIVERED_SAME", "peer": "127.0.0.1"}]

    with serving(Handing(take)) as port:
        assert run(listed, port, "--reason", "spam", monkeypatch=monkeypatch) == report.OPEN
    out = capsys.readouterr().out
    assert "> EHLO probe.test" in out and "S01   DELIVERED_SAME" in out and "\nOPEN: " in out
    assert "listed: relay" in out and SECRET not in out
    [letter] = taken
    first = DOCUMENT["letters"][0]
    assert letter.mail_from == f"{first['sender']}@b.list.example"
    assert letter.rcpt_tos == [f"{first['recipient']}@c.list.example"]
    mail = message_from_bytes(letter.content if isinstance(letter.content, bytes) else b"")
    assert first["proof"] in str(mail.get_payload()) and first["proof"] not in str(mail.items())
    asked = listed.asked[0]
    assert asked == ("/api/v1/remote-tests", f"Bearer {SECRET}", {"address": "127.0.0.1", "reason": "spam"})
    assert {auth for _, auth, _ in listed.asked} == {f"Bearer {SECRET}"}


def test_a_closed_server_is_closed_and_the_document_stands_alone(
    listed: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = OPEN | {"RCPT": b"550 5.7.1 no relaying\r\n", "RCPT TO:<postmaster": b"250 ok\r\n"}
    with serving(closed) as port:
        status = run(listed, port, "--json", monkeypatch=monkeypatch)
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["result"] == report.RESULTS[status] != "open"
    assert [one["outcome"] for one in document["attempts"]] == ["RCPT_5XX", "RCPT_5XX"]
    assert document["list"]["run"] == DOCUMENT["id"] and document["list"]["listed"] == []
    assert "> RCPT TO:<" in err


def test_a_domain_of_ones_own_may_stand_in_the_senders(listed: Listed, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[Envelope] = []
    with serving(Handing(taken.append)) as port:
        run(listed, port, "--bounce-domain", "own.test", "--wait", "0.1", "--progress", monkeypatch=monkeypatch)
    assert {str(envelope.mail_from).partition("@")[2] for envelope in taken} == {"own.test"}


def test_a_list_that_falls_silent_makes_no_server_open(
    listed: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed.status = 503
    with serving(Handing(lambda envelope: None)) as port:
        assert run(listed, port, "--wait", "0.1", monkeypatch=monkeypatch) == report.UNTOLD
    assert "status 503" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((422, {"detail": "It rests \x1b[31m.", "reason": "resting"}), "The list says: It rests \\x1b[31m."),
        ((401, b"no"), "status 401"),
        ((401, b"[" * 100_000), "status 401"),
        ((201, {"address": "127.0.0.1"}), "no set of letters"),
        ((201, changed(DOCUMENT, "letters", [])), "no set of letters"),
        ((307, {}), "status 307"),
    ],
)
def test_what_the_list_refuses_is_one_sentence_and_nobody_is_dialled(
    listed: Listed,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: tuple[int, Any],
    words: str,
) -> None:
    taken: list[Envelope] = []
    listed.answer = answer if isinstance(answer[1], dict) else (answer[0], {})
    with serving(Handing(taken.append)) as port:
        monkeypatch.setenv(KEY, SECRET)
        if isinstance(answer[1], bytes):
            listed.answer = answer
            assert main(["127.0.0.1", "--for", listed.url, "--lab", "127.0.0.0/8"], limits=QUICK) == report.UNTOLD
        else:
            assert run(listed, port, monkeypatch=monkeypatch) == report.UNTOLD
    assert words in capsys.readouterr().err
    assert taken == []
    assert [path for path, _, _ in listed.asked] == ["/api/v1/remote-tests"], "a redirect was followed with the key"


def test_only_laboratories_have_mail_at_another_port(
    listed: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY, SECRET)
    listed.answer = (201, DOCUMENT | {"address": "8.8.8.8", "port": 22})
    assert main(["8.8.8.8", "--for", listed.url], limits=QUICK) == report.UNTOLD
    assert "asks for port 22" in capsys.readouterr().err


def test_what_must_not_be_tested_is_not_asked_for(
    listed: Listed, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY, SECRET)
    assert main(["10.0.0.1", "--for", listed.url], limits=QUICK) == report.UNTOLD
    err = capsys.readouterr().err
    assert "must not be tested" in err and "--lab NETWORK" in err and listed.asked == []


@pytest.mark.parametrize("words", [["127.0.0.1", "127.0.0.2"], ["--targets", "f", "127.0.0.1"], []])
def test_one_address_is_tested_for_a_list(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main([*words, "--for", "http://127.0.0.1:1"])
    assert error.value.code == 2


def test_a_list_that_is_not_there_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY, SECRET)
    assert main(["127.0.0.1", "--for", "http://127.0.0.1:1", "--lab", "127.0.0.0/8"]) == report.UNTOLD
    assert "The list does not answer" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["http://list.example.org", "ftp://127.0.0.1", "list", "https://a:b@list.example.org", "http://192.0.2.1"]
)
def test_the_key_goes_nowhere_in_clear_text(url: str) -> None:
    with pytest.raises(NoLetters):
        Desk(url, SECRET)


def test_the_key_is_read_from_a_file_of_ones_own_or_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{SECRET}\n")
    file.chmod(0o600)
    assert key(file, {}) == SECRET == key(None, {KEY: f" {SECRET} "})
    file.chmod(0o640)
    with pytest.raises(NoLetters, match="chmod 600"):
        key(file, {})
    for bad in ("", "two words", "x\x00"):
        with pytest.raises(NoLetters, match="A key is needed"):
            key(None, {KEY: bad})


def test_evidence_goes_along_octet_by_octet(tmp_path: Path) -> None:
    file = tmp_path / "spam.eml"
    file.write_bytes(b"Subject: \xff\r\n\r\n\x00")
    asked = wish(ip_address("192.0.2.1"), file, "")
    assert b64decode(asked["evidence"]) == file.read_bytes() and asked["encoding"] == "base64"
