"""Mail that we send: which addresses may get any, and what it says, from templates. Pure but for reading our own.

A template is a file NAME.txt: a line `Subject: ...`, an empty line, the text; `{name}` stands for a fact. Facts come
from strangers too: they are bounded, shown with everything escaped that is not printable, and never read as a
template again; nor as encoded words (RFC 2047), which hide line ends that would begin a field of a stranger's. The same
notice is always the same octets (RFC 5322), so that a second copy, after a kill at the wrong moment, shows by its
Message-ID to be one. Never sends, never stores, never decides whom to tell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from importlib.metadata import version
from importlib.resources import files
from string import Formatter

from dnsbl import DISTRIBUTION
from dnsbl.model import Notice
from dnsbl.rules import arf
from dnsbl.settings import Settings
from tester.records import dataclass
from tester.smtp import escape

#: Facts that every template may use.
COMMON = frozenset({"service", "website", "contact", "site", "out"})
#: Characters of a line of a fact, and lines of one, that are said.
LINE_MOST, LINES_MOST = 300, 60
#: The template whose `text` one of our operators has written.
BY_HAND = "answer"
#: Octets of a line that need no encoding (RFC 5322 2.1.1: 998 at most).
PLAIN_MOST = 900
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ADDRESS = re.compile(
    rf"(?!.*=\?)(?=.{{3,254}}\Z)(?=[^@]{{1,64}}@){_ATOM}(\.{_ATOM})*@"
    r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\Z"
)
_MESSAGE_ID = re.compile(r"(?!.*=\?)<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>\Z")


@dataclass(frozen=True, slots=True)
class Template:
    """The words of one sort of mail."""

    title: str
    text: str

    @property
    def names(self) -> frozenset[str]:
        """The facts that it needs."""
        parts = [*Formatter().parse(self.title), *Formatter().parse(self.text)]
        return frozenset(name for _, name, _, _ in parts if name is not None)


def template(text: str) -> Template:
    """Read one. Raises ValueError for anything that is none."""
    head, blank, body = text.replace("\r\n", "\n").partition("\n\n")
    subject = head.removeprefix("Subject: ")
    if not blank or subject == head or "\n" in head:
        raise ValueError("a line `Subject: ...`, an empty line and the text are needed")
    read = Template(subject.strip(), body.strip("\n") + "\n")
    if any(not re.fullmatch("[a-z_]+", name) for name in read.names):
        raise ValueError("a fact is a word in braces, such as {address}; a brace itself is doubled")
    return read


def templates(others: Mapping[str, str] | None = None) -> dict[str, Template]:
    """Ours by name, with `others` (name to text) in their place. Raises ValueError, naming the one that is wrong."""
    ours = {
        file.name.removesuffix(".txt"): template(file.read_text(encoding="utf-8"))
        for file in files(__package__).iterdir()
        if file.name.endswith(".txt")
    }
    for name, text in (others or {}).items():
        if name not in ours:
            raise ValueError(f"{name}.txt: there is no such mail; there are {', '.join(sorted(ours))}")
        try:
            read = template(text)
        except ValueError as error:
            raise ValueError(f"{name}.txt: {error}") from None
        if unknown := read.names - ours[name].names - COMMON:
            raise ValueError(f"{name}.txt: there is no fact {', '.join(sorted(unknown))} in this mail")
        ours[name] = read
    return ours


def mailbox(text: str, settings: Settings) -> str:
    """The mail address in `text`, its domain in small letters, or "" where we send none: what is no plain address of
    ASCII, or is one of this list's own machines, which answers its own mail."""
    address = text.strip().removeprefix("<").removesuffix(">")
    if not _ADDRESS.match(address):
        return ""
    local, _, domain = address.rpartition("@")
    domain = domain.lower()
    if domain in settings.tester.domains | {settings.collector.hostname, settings.tester.mx_domain}:
        return ""
    return f"{local}@{domain}"


def message_id(text: str) -> str:
    """The Message-ID in `text`, or "" where it is none that may be named again."""
    found = text.strip()
    return found if _MESSAGE_ID.match(found) else ""


def fact(value: str) -> str:
    """One fact as it is said: printable, its lines and their number bounded."""
    lines = [
        escape(line.encode("utf-8", "backslashreplace")) for line in value.replace("\r\n", "\n").strip("\n").split("\n")
    ]
    cut = [line if len(line) <= LINE_MOST else f"{line[:LINE_MOST]}..." for line in lines[:LINES_MOST]]
    return "\n".join(cut + [f"({len(lines) - LINES_MOST} more)"] * (len(lines) > LINES_MOST))


def own_words(text: str) -> str:
    """What somebody has written, in any language and as long as its lines are; what would not be seen is shown
    escaped."""
    joiners = "\n\t\u200c\u200d"
    return "".join(
        char if char.isprintable() or char in joiners else escape(char.encode("utf-8", "backslashreplace"))
        for char in text
    )


def facts_of(notice: Notice) -> dict[str, str]:
    """What a notice was queued with."""
    return dict(json.loads(notice.facts))


def compose(notice: Notice, words: Template, settings: Settings) -> bytes:
    """The mail, whole (RFC 5322): plain text, and marked as made by a machine (RFC 3834) unless somebody has written it
    by hand. Raises ValueError where it can be none, such as for a recipient who is no plain address."""
    if not _ADDRESS.match(notice.recipient):
        raise ValueError("its recipient is no mail address")
    service, ours = settings.service, settings.notices
    common = {
        "service": service.name,
        "website": service.website,
        "contact": service.contact,
        "site": settings.web.base_url,
        "out": way_out(notice, settings),
    }
    said = {name: fact(value) for name, value in (facts_of(notice) | common).items()}
    said = dict.fromkeys(words.names, "-") | said
    if by_hand := notice.template == BY_HAND:
        said |= {name: own_words(value) for name, value in facts_of(notice).items()}
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f'"{re.sub(r"[^ !#-Z^-~]", " ", service.name).replace("=?", "= ?")}" <{ours.sender}>'
    mail["To"] = notice.recipient
    mail["Subject"] = " ".join(words.title.format_map(said).replace("=?", "= ?").split())[:200]
    mail["Date"] = format_datetime(notice.queued.astimezone(UTC))
    mail["Message-ID"] = identity(notice, settings)
    mail["Reply-To"] = ours.reply_to or service.contact
    if not by_hand:
        mail["Auto-Submitted"] = "auto-replied" if notice.answers else "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    if words.names & {"out", "end"}:
        out = facts_of(notice).get("end") or way_out(notice, settings)
        mail["List-Unsubscribe"] = f"<{out}>"  # RFC 2369, and RFC 8058 for one click
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if answers := message_id(notice.answers):
        mail["In-Reply-To"] = mail["References"] = answers
    for name, value in mail.items():
        if not str(value).isprintable():  # it was decoded into more than a line
            del mail[name]
    text = f"{words.text.format_map(said)}\n-- \n{service.name}\n{service.website}\n"
    plain = text.isascii() and max(map(len, text.split("\n"))) <= PLAIN_MOST
    mail.set_content(text, cte="7bit" if plain else "quoted-printable")  # what is read is what was written
    if "arf" in (given := facts_of(notice)):
        agent = f"dnsbl/{version(DISTRIBUTION)}"
        arf.enclose(mail, given, boundary=notice.token, agent=agent, reporter=settings.collector.hostname)
    return mail.as_bytes()


def way_out(notice: Notice, settings: Settings) -> str:
    """Where its reader says that he wants no more mail."""
    return f"{settings.web.base_url}/notices/{notice.token}"


def identity(notice: Notice, settings: Settings) -> str:
    """Its Message-ID (RFC 5322 3.6.4), the same however often it is sent."""
    return f"<{notice.token}@{settings.notices.sender.rpartition('@')[2] or 'localhost'}>"
