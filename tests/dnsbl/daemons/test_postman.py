"""Mail goes to a smarthost on loopback: taken, refused, put off; and a smarthost that is away is nobody's fault."""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

from dnsbl.addresses import Address
from dnsbl.daemons.postman import Postman, read_credentials, read_templates
from dnsbl.demo.neighbourhood import free_port
from dnsbl.errors import SettingsError
from dnsbl.rules import notices
from dnsbl.rules.watching import signature
from dnsbl.settings import NoticeSettings
from dnsbl.vocabulary import NoticeState

CALM = {"smarthost": "localhost", "tls": "none", "sender": "relays@list.example"}


class Smarthost:
    """Answers as it is told, and keeps what it took."""

    def __init__(self) -> None:
        self.port = free_port()
        self.answers: dict[str, str] = {}
        self.taken: list[tuple[str, str, bytes]] = []
        self.logins: list[tuple[bytes, bytes]] = []
        self.connections = 0
        self._server: asyncio.Server | None = None

    async def start(self, **words: object) -> None:
        def make() -> SMTP:
            self.connections += 1
            return SMTP(self, hostname="smarthost.example", **words)

        self._server = await asyncio.get_running_loop().create_server(make, "localhost", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()

    async def handle_MAIL(self, server, session, envelope, address, options) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope) -> str:
        answer = self.answers.get("DATA", "250 taken")
        if answer == "hang up":
            server.transport.abort()
        elif answer.startswith("250"):
            self.taken.append((envelope.mail_from, envelope.rcpt_tos[0], envelope.content))
        return answer

    def authenticate(self, server, session, envelope, mechanism, data) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login, data.password))
        return AuthResult(success=data.password == b"secret")


@pytest.fixture
async def smarthost() -> AsyncIterator[Smarthost]:
    host = Smarthost()
    yield host
    await host.stop()


@pytest.fixture
def begin(make_office, smarthost: Smarthost):
    def go(**terms: object):
        office = make_office(notices=CALM | {"port": smarthost.port} | terms)
        return office, Postman(office.casework.dispatch, office.settings, office.clock, Counter())

    return go


def queue(office, *recipients: str) -> None:
    for recipient in recipients:
        office.casework.dispatch.try_out(recipient, actor="operator")


def states(office) -> dict[str, str]:
    return {notice.recipient: notice.state.value for notice in office.casework.dispatch.newest(most=50)}


async def test_all_that_is_due_goes_over_one_connection_with_an_empty_sender(begin, smarthost: Smarthost) -> None:
    await smarthost.start()
    office, postman = begin()
    queue(office, "a@x.example", "b@x.example")
    await postman.step()
    assert [(sender, to) for sender, to, _ in smarthost.taken] == [("<>", "a@x.example"), ("<>", "b@x.example")]
    assert b"Auto-Submitted: auto-generated\r\n" in smarthost.taken[0][2]
    assert smarthost.connections == 1 and postman.problem == ""
    assert set(states(office).values()) == {"sent"}
    await postman.step()
    assert len(smarthost.taken) == 2 and postman.counted == {"sent": 2}


async def test_one_that_is_refused_ends_one_that_is_put_off_comes_again_and_neither_hinders_the_next(
    begin, smarthost: Smarthost
) -> None:
    await smarthost.start()
    office, postman = begin()
    junk = "999 no reply of RFC 5321 begins so (4.2.1), and so refuses nothing"
    smarthost.answers = {"gone@x.example": "550 nobody here", "grey@x.example": "451 come again", "odd@x.example": junk}
    queue(office, "gone@x.example", "grey@x.example", "odd@x.example", "fine@x.example")
    await postman.step()
    assert states(office) == {
        "gone@x.example": "failed",
        "grey@x.example": "queued",
        "odd@x.example": "queued",
        "fine@x.example": "sent",
    }
    smarthost.answers.clear()
    await postman.step()
    assert states(office)["grey@x.example"] == "queued", "not before its time"
    office.later(seconds=300)
    await postman.step()
    assert states(office)["grey@x.example"] == "sent"
    assert postman.counted == {"refused": 1, "put off": 2, "sent": 3}


async def test_a_mail_that_cannot_be_put_into_words_ends_and_the_next_ones_go_out(
    begin, smarthost: Smarthost, monkeypatch
) -> None:
    await smarthost.start()
    office, postman = begin()

    def composed(notice, *words) -> bytes:
        if notice.recipient.startswith("broken"):
            raise IndexError("string index out of range")
        return compose(notice, *words)

    compose = notices.compose
    monkeypatch.setattr(notices, "compose", composed)
    queue(office, "broken@x.example", "fine@x.example")
    await postman.step()
    assert states(office) == {"broken@x.example": "failed", "fine@x.example": "sent"}
    assert postman.counted == {"refused": 1, "sent": 1}
    replies = {one.recipient: one.reply for one in office.casework.dispatch.newest(most=5)}
    assert replies["broken@x.example"] == "it cannot be put into words: string index out of range"


async def test_a_program_whose_host_has_an_impossible_name_is_tried_later_and_the_next_mails_go_out(
    make_office, smarthost: Smarthost
) -> None:
    await smarthost.start()
    office = make_office(notices=CALM | {"port": smarthost.port}, watch={"on": True})
    watches = office.casework.watching
    watches.set_up("192.0.2.0/24", "webhook", "http://" + "a" * 64 + ".example/", actor="operator")
    postman = Postman(office.casework.dispatch, office.settings, office.clock, Counter(), watching=watches)
    office.list_open("192.0.2.9")
    queue(office, "fine@x.example")
    await postman.step()
    assert postman.counted == {"put off": 1, "sent": 1}


async def test_a_smarthost_that_is_away_or_refuses_us_is_told_and_costs_no_mail_a_try(
    begin, smarthost: Smarthost
) -> None:
    office, postman = begin()
    queue(office, "a@x.example")
    pauses = [await postman.step() for _ in range(3)]
    assert pauses == sorted(pauses) and pauses[0] < pauses[-1]
    assert f"The smarthost localhost port {smarthost.port}: " in postman.problem
    await smarthost.start()
    smarthost.answers = {"MAIL": "550 we do not know you"}
    await postman.step()
    assert postman.problem == "The smarthost localhost: 550 we do not know you."
    [notice] = office.casework.dispatch.newest(most=5)
    assert (notice.state, notice.tries) == (NoticeState.QUEUED, 0)
    smarthost.answers.clear()
    await postman.step()
    assert (postman.problem, len(smarthost.taken)) == ("", 1)


async def test_a_connection_that_breaks_over_a_text_has_the_same_mail_offered_again_by_the_same_name(
    begin, smarthost: Smarthost
) -> None:
    await smarthost.start()
    office, postman = begin()
    queue(office, "a@x.example", "b@x.example")
    smarthost.answers = {"DATA": "hang up"}
    await postman.step()
    assert set(states(office).values()) == {"queued"}
    smarthost.answers.clear()
    office.later(seconds=300)
    await postman.step()
    assert set(states(office).values()) == {"sent"}
    names = [
        next(line for line in text.split(b"\r\n") if line.startswith(b"Message-ID")) for _, _, text in smarthost.taken
    ]
    assert len(set(names)) == 2


async def test_a_name_and_password_go_over_tls_alone_and_a_wrong_certificate_gets_neither(
    begin, smarthost: Smarthost, tmp_path: Path
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    for name, one in (("ca.pem", authority), ("other.pem", stranger)):
        one.cert_pem.write_to_path(tmp_path / name)
    secret = tmp_path / "secret"
    secret.write_text("list\nsecret\n")
    secret.chmod(0o600)
    await smarthost.start(tls_context=context, authenticator=smarthost.authenticate, auth_required=True)
    terms = {"tls": "starttls", "credentials_file": secret}
    office, postman = begin(**terms, ca_file=tmp_path / "other.pem")
    queue(office, "a@x.example")
    await postman.step()
    assert "certificate" in postman.problem.lower() and smarthost.logins == []
    postman = Postman(
        office.casework.dispatch,
        office.settings.model_copy(
            update={"notices": office.settings.notices.model_copy(update={"ca_file": tmp_path / "ca.pem"})}
        ),
        office.clock,
        Counter(),
    )
    await postman.step()
    assert smarthost.logins == [(b"list", b"secret")]
    assert len(smarthost.taken) == 1 and postman.problem == ""


async def test_it_ends_when_told_with_nothing_to_do(begin, smarthost: Smarthost) -> None:
    _, postman = begin()
    stop = asyncio.Event()
    running = asyncio.create_task(postman.run(stop))
    await asyncio.sleep(0)
    stop.set()
    await asyncio.wait_for(running, 5)
    assert (postman.problem, smarthost.connections) == ("", 0)
    assert running.exception() is None


def test_every_mistake_in_a_file_is_one_sentence(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    settings = NoticeSettings.model_validate(CALM | {"credentials_file": secret})
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_credentials(settings)
    secret.write_text("name\npassword\n")
    secret.chmod(0o604)
    with pytest.raises(SettingsError, match="open to everybody"):
        read_credentials(settings)
    secret.chmod(0o600)
    assert read_credentials(settings) == ("name", "password")
    for text in ("name", "\npassword", "name\npassword\nmore", ""):
        secret.write_text(text)
        with pytest.raises(SettingsError, match="the name on one line"):
            read_credentials(settings)
    assert read_credentials(NoticeSettings()) is None


def test_an_operators_words_are_read_from_a_folder(tmp_path: Path) -> None:
    settings = NoticeSettings.model_validate({"templates_dir": tmp_path})
    assert read_templates(settings) == read_templates(NoticeSettings())
    (tmp_path / "trial.txt").write_text("Subject: Hello\n\nHello.\n")
    assert read_templates(settings)["trial"].title == "Hello"
    (tmp_path / "other.txt").write_text("Subject: Hello\n\nHello.\n")
    with pytest.raises(SettingsError, match=r"other\.txt: there is no such mail"):
        read_templates(settings)
    with pytest.raises(SettingsError, match="is no folder"):
        read_templates(NoticeSettings.model_validate({"templates_dir": tmp_path / "nowhere"}))


async def test_a_mail_to_whoever_answers_for_an_address_is_addressed_on_the_way_and_remembered(
    make_office, smarthost: Smarthost
) -> None:
    await smarthost.start()
    office = make_office(notices=CALM | {"port": smarthost.port, "owner_kinds": ["relay"]})
    asked: list[str] = []

    async def find(address: Address, settings: NoticeSettings) -> str:
        asked.append(str(address))
        return "postmaster@host.example"

    postman = Postman(office.casework.dispatch, office.settings, office.clock, Counter(), find=find)
    office.list_open("192.0.2.1")
    await postman.step()
    [(_, to, text)] = smarthost.taken
    assert to == "postmaster@host.example" and b"Subject: 192.0.2.1 is now on " in text
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in text
    await postman.step()
    assert asked == ["192.0.2.1"] and states(office) == {"postmaster@host.example": "sent"}


class Program:
    """A watcher's program on loopback, which answers with these statuses in turn."""

    def __init__(self, *statuses: int) -> None:
        heard: list[tuple[dict[str, str], bytes]] = []
        left = list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((dict(self.headers), body))
                self.send_response(left.pop(0))
                self.end_headers()

            def log_message(self, format: str, *words: object) -> None:
                pass

        self.heard = heard
        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


async def test_a_watchers_program_is_told_signed_tried_again_and_left_when_it_wants_no_more(make_office) -> None:
    program = Program(500, 200, 410)
    try:
        office = make_office(watch={"on": True, "webhook_inside": True})
        watching = office.casework.watching
        made = watching.set_up("192.0.2.0/24", "webhook", program.url, actor="operator")
        postman = Postman(office.casework.dispatch, office.settings, office.clock, Counter(), watching=watching)
        office.list_open("192.0.2.9")
        await postman.step()
        assert postman.counted == {"put off": 1}
        office.later(seconds=300)
        await postman.step()
        assert postman.counted == {"put off": 1, "sent": 1}
        (first, body), (second, same) = program.heard
        assert body == same and first["Dnsbl-Delivery"] == second["Dnsbl-Delivery"]
        assert second["Dnsbl-Signature"] == signature(made.secret, int(second["Dnsbl-Time"]), body)
        office.list_open("192.0.2.10")
        await postman.step()
        assert watching.all(most=9) == [], "410 ends the watch"
    finally:
        program.close()


async def test_a_program_inside_is_never_spoken_to_unless_the_settings_allow_it(make_office) -> None:
    program = Program()
    try:
        office = make_office(watch={"on": True})
        watching = office.casework.watching
        watching.set_up("192.0.2.0/24", "webhook", program.url, actor="operator")
        postman = Postman(office.casework.dispatch, office.settings, office.clock, Counter(), watching=watching)
        office.list_open("192.0.2.9")
        await postman.step()
        [notice] = office.casework.dispatch.newest(most=5)
        assert "may not be spoken to" in notice.reply and program.heard == []
    finally:
        program.close()
