"""Shell: hands our mail to the smarthost, one at a time, and files what became of each.

Holds no rule: what is due, and when again, says `casework.dispatch`; what it says, `rules.notices`. A smarthost that is
away, has another certificate than it should, or does not want us at all is nobody's fault among the mails: they stay as
they are, and it is tried again after a pause that grows. The sender of the envelope is empty, so that no machine ever
answers a mail of ours (RFC 3834 4, RFC 5321 4.5.5).
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import stat
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiosmtplib import SMTP
from aiosmtplib.errors import SMTPConnectError, SMTPException, SMTPResponseException, SMTPServerDisconnected

from dnsbl.addresses import Address, parse_address
from dnsbl.casework.dispatch import Dispatch
from dnsbl.casework.posting import WEBHOOK
from dnsbl.casework.watching import Watching
from dnsbl.clock import Clock
from dnsbl.daemons import contacts
from dnsbl.daemons.errand import Unheard, ask
from dnsbl.daemons.keeper import told_within
from dnsbl.errors import DnsblError, SettingsError
from dnsbl.health import Backoff
from dnsbl.logbook.events import tell
from dnsbl.model import Notice
from dnsbl.rules import notices, watching
from dnsbl.settings import NoticeSettings, Settings
from tester.smtp import escape

#: Seconds between two looks for due mail, and between two looks for what is long over.
POLL, TIDY = 2.0, 3600.0
#: Mails in one connection.
BATCH = 100
#: Seconds for one step of a conversation, and for the answer to a text (RFC 5321 4.5.3.2.6: ten minutes).
STEP, TEXT = 60.0, 600.0

#: What only the postmaster of the address's own name may read, whoever a registry names.
SECRET = "control"  # noqa: S105  a template's name
#: What only he may read whom a registry names.
REGISTRYS = "watching"

_log = logging.getLogger(__name__)


#: Who answers for an address.
Find = Callable[[Address, NoticeSettings], Awaitable[str]]


class _Away(Exception):
    """The smarthost takes nothing at all; a sentence."""


class Postman:
    """Sends what is queued. `counted` is what it has done, by name."""

    def __init__(
        self,
        dispatch: Dispatch,
        settings: Settings,
        clock: Clock,
        counted: Counter[str],
        *,
        find: Find = contacts.find,
        watching: Watching | None = None,
    ) -> None:
        """`find` tells who answers for an address. Raises SettingsError when a file that the settings name cannot be
        used."""
        self._find = find
        self._watching = watching
        self.problem = ""  #: why no mail goes out
        self.counted = counted
        self._dispatch = dispatch
        self._settings = settings
        self._clock = clock
        self._words = read_templates(settings.notices)
        self._secret = read_credentials(settings.notices)
        self._tls = _context(settings.notices)
        self._backoff = Backoff()
        self._tidied = clock.monotonic() - TIDY

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`; what is being offered then is offered to its end, unless that takes too long."""
        while not stop.is_set():
            pause = await self.step(stop)
            await told_within(stop, pause)

    async def step(self, stop: asyncio.Event | None = None) -> float:
        """Send all that is due; returns the seconds until the next look. Never raises for a mail or a smarthost."""
        began = self._clock.monotonic()
        try:
            if began - self._tidied >= TIDY:
                self._tidied = began
                await asyncio.to_thread(self._dispatch.forget)
            if self._watching is not None:
                await asyncio.to_thread(self._watching.tell)
            await self._send_due(stop or asyncio.Event())
        except (_Away, DnsblError) as error:
            if str(error) != self.problem:
                _log.warning("no mail goes out: %s", error)
            self.problem = str(error)
            self.counted["away"] += 1
            return self._backoff.after(self._clock.monotonic() - began)
        self.problem = ""
        return POLL

    async def _send_due(self, stop: asyncio.Event) -> None:
        notice = await self._next()
        if notice is None:
            return
        wire: SMTP | None = None
        try:
            wire = await self._connected()
            for _ in range(BATCH):
                await self._offer(wire, notice)
                notice = None
                if stop.is_set() or not wire.is_connected:
                    break
                notice = await self._next()
                if notice is None:
                    break
        except _Away as why:
            if notice is not None:
                await asyncio.to_thread(self._dispatch.give_back, notice, str(why))
            raise
        finally:
            if wire is not None:
                with suppress(SMTPException, OSError, TimeoutError):
                    await wire.quit(timeout=5)
                wire.close()
        if notice is not None:  # the batch is full
            await asyncio.to_thread(self._dispatch.give_back, notice, "")

    async def _next(self) -> Notice | None:
        """The next mail that is for somebody; of those that are for whoever answers for an address, that is found out
        on the way."""
        while notice := await asyncio.to_thread(self._dispatch.take):
            if notice.template == WEBHOOK:
                await self._tell_program(notice)
                continue
            if notice.recipient:
                return notice
            address = parse_address(notice.subject)  # it is for whoever answers for this one
            ours, secret = self._settings.notices, notice.template in (SECRET, REGISTRYS)
            mailbox = None if secret else await asyncio.to_thread(self._dispatch.known_contact, address)
            news = mailbox is None and not secret
            if notice.template == REGISTRYS:
                mailbox = await asyncio.to_thread(contacts.registered, address, ours)
            elif mailbox is None:
                mailbox = await self._find(address, ours.model_copy(update={"rdap": ""}) if secret else ours)
            await asyncio.to_thread(self._dispatch.address, notice, mailbox, news=news)
        return None

    async def _tell_program(self, notice: Notice) -> None:
        """Send a watcher's program its message, signed; 410 says that it wants no more (RFC 9110 15.5.11)."""
        assert self._watching is not None
        facts = notices.facts_of(notice)
        octets, secret = facts["body"].encode(), await asyncio.to_thread(self._watching.secret, facts["watch"])
        if not secret:
            await self._file("refused", notice, "its watch has ended")
            return
        moment = int(self._clock.now().timestamp())
        fields = {
            "Content-Type": "application/json",
            "User-Agent": self._settings.service.website,
            "Dnsbl-Delivery": notice.token,
            watching.TIME: str(moment),
            watching.SIGNATURE: watching.signature(secret, moment, octets),
        }
        inside = self._settings.watch.webhook_inside
        try:
            reply = await asyncio.to_thread(
                ask, notice.recipient, method="POST", body=octets, headers=fields, inside=inside, most=1024
            )
        except Unheard as error:
            await self._file("put off", notice, _shown(str(error)))
            return
        if reply.status == 410:
            with suppress(DnsblError):
                await asyncio.to_thread(self._watching.end, facts["watch"], actor="its program, by 410")
        what = "sent" if reply.status // 100 == 2 else "refused" if reply.status == 410 else "put off"
        await self._file(what, notice, f"HTTP {reply.status}")

    async def _connected(self) -> SMTP:
        """A connection on which mail may be offered. Raises _Away."""
        ours = self._settings.notices
        wire = SMTP(
            hostname=ours.smarthost,
            port=ours.port,
            use_tls=ours.tls == "tls",
            start_tls=ours.tls == "starttls",
            tls_context=self._tls,
            local_hostname=self._settings.collector.hostname,
            timeout=STEP,
        )
        try:
            await wire.connect()
            await wire.ehlo()
            if self._secret is not None:
                await wire.login(*self._secret)
        except (SMTPException, OSError, TimeoutError, ValueError) as error:
            wire.close()
            raise _Away(f"The smarthost {ours.smarthost} port {ours.port}: {_said(error)}.") from None
        return wire

    async def _offer(self, wire: SMTP, notice: Notice) -> None:
        """Offer one mail, and file what became of it. Raises _Away when it was not the mail that was refused."""
        words = self._words.get(notice.template)
        if words is None:  # queued by another version
            await self._file("put off", notice, f"there are no words for {notice.template!r:.40} here")
            return
        try:
            text = notices.compose(notice, words, self._settings)
        except Exception as error:  # whatever is wrong with one mail, the next ones go out
            await self._file("refused", notice, f"it cannot be put into words: {_said(error)}")
            return
        at_sender = True
        try:
            await wire.mail("", timeout=STEP)
            at_sender = False
            await wire.rcpt(notice.recipient, timeout=STEP)
            reply = await wire.data(text, timeout=TEXT)
        except SMTPResponseException as error:
            if at_sender or isinstance(error, SMTPConnectError) or error.code == 421:
                raise _Away(f"The smarthost {self._settings.notices.smarthost}: {_said(error)}.") from None
            await self._file("refused" if error.code // 100 == 5 else "put off", notice, _said(error))
            with suppress(SMTPException, OSError, TimeoutError):
                await wire.rset(timeout=STEP)
        except (SMTPException, OSError, TimeoutError) as error:
            if isinstance(error, SMTPServerDisconnected) and at_sender:
                raise _Away(f"The smarthost {self._settings.notices.smarthost}: {_said(error)}.") from None
            await self._file("put off", notice, _said(error))
            wire.close()
        else:
            await self._file("sent", notice, _shown(f"{reply.code} {reply.message}"))

    async def _file(self, what: str, notice: Notice, reply: str) -> None:
        """A mail that was sent must not be sent again since the store was away for a moment: that is tried for a while,
        as long as the mail is in our hands anyway."""
        verbs = {"sent": self._dispatch.sent, "refused": self._dispatch.refused, "put off": self._dispatch.put_off}
        self.counted[what] += 1
        if what != "sent":
            tell(_log, "notice-put-off", notice=notice.id, what=what, reply=reply, address=notice.subject)
        backoff = Backoff()
        for _ in range(8):
            try:
                await asyncio.to_thread(verbs[what], notice, reply)
            except DnsblError as error:
                _log.warning("what became of notice %d is not filed yet: %s", notice.id, error)
                await asyncio.sleep(backoff.after(0.0))
            else:
                return
        await asyncio.to_thread(verbs[what], notice, reply)


def read_templates(settings: NoticeSettings) -> dict[str, notices.Template]:
    """What our mails say, with the operator's words in place of ours. Raises SettingsError."""
    folder = settings.templates_dir
    try:
        others = {} if folder is None else {p.stem: p.read_text(encoding="utf-8") for p in sorted(folder.glob("*.txt"))}
        if folder is not None and not folder.is_dir():
            raise SettingsError([f"{folder}: notices.templates_dir is no folder"])
        return notices.templates(others)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{folder}: notices.templates_dir cannot be read: {error}"]) from None
    except ValueError as error:
        raise SettingsError([f"{folder}: notices.templates_dir: {error}"]) from None


def read_credentials(settings: NoticeSettings) -> tuple[str, str] | None:
    """The name and password of `notices.credentials_file`. Raises SettingsError, also when others may read the file."""
    path = settings.credentials_file
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise SettingsError(
                    [f"{path}: notices.credentials_file is open to everybody here; `chmod 640` it, and change it"]
                )
            lines = file.read(4096).decode("utf-8-sig").split("\n")
    except OSError as error:
        raise SettingsError([f"{path}: notices.credentials_file cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: notices.credentials_file must be UTF-8 text"]) from None
    words = [line.strip("\r") for line in lines]
    if len(words) < 2 or not words[0] or not words[1] or any(words[2:]):
        raise SettingsError([f"{path}: notices.credentials_file has the name on one line and the password on the next"])
    return words[0], words[1]


def _context(settings: NoticeSettings) -> ssl.SSLContext | None:
    """How a certificate is checked. Raises SettingsError."""
    if settings.tls == "none":
        return None
    try:
        return ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError([f"{settings.ca_file}: notices.ca_file cannot be used: {error}"]) from None


def _said(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, SMTPResponseException):
        return _shown(f"{error.code} {error.message}")
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return _shown(str(error) or type(error).__name__)


def _shown(text: str) -> str:
    return escape(" ".join(text.split()).encode("utf-8", "backslashreplace")).rstrip(".")[:300]
