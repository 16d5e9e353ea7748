"""Settings of mail that goes out, and of who is told of new listings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from dnsbl.settings.values import (
    Host,
    Mailbox,
    Section,
    Step,
)


class NoticeSettings(Section):
    """Mail that this list sends. None goes out without a smarthost."""

    smarthost: Host | Literal[""] = Field(
        "", description="The mail server that takes our mail and hands it on; empty: no mail is sent."
    )
    port: int = Field(25, description='Its port: 25 or 587, and 465 for tls = "tls".', ge=1, le=65535)
    tls: str = Field(
        "starttls",
        description="How it is spoken to: starttls, tls (from the first octet on) or none, for one on this machine.",
        pattern="^(starttls|tls|none)$",
    )
    ca_file: Path | None = Field(
        None, description="PEM certificates that its certificate may be signed by; else those that this system trusts."
    )
    credentials_file: Path | None = Field(
        None,
        description=(
            "File with the name and, on a second line, the password for it; relative to the configuration file, and "
            "not others' to read."
        ),
    )
    sender: Mailbox = Field("", description="The address in From; needed with a smarthost.")
    reply_to: Mailbox = Field("", description="Where answers of people go; empty: to service.contact.")
    owner_kinds: tuple[str, ...] = Field(
        (),
        description=(
            'Kinds of listings whose owners are told when one begins, such as "relay": the postmaster of the '
            "address's own name, or whom the registry names for abuse."
        ),
    )
    owner_form: Literal["text", "arf"] = Field(
        "text",
        description=(
            "What such a mail is: text, or arf, an abuse report (RFC 5965) with the same text, facts for programs and "
            "the head of the letter that came back, other people's addresses left out."
        ),
    )
    nominator: bool = Field(
        False, description="Confirm a nomination to the mail address that its form was given, whoever that belongs to."
    )
    asker: bool = Field(
        False,
        description="Write what came of a retest to the mail address that its form was given, whoever that belongs to.",
    )
    rdap: str = Field(
        "",
        description="RDAP server that tells whose an address is (RFC 9082), without a slash at the end; empty: none.",
        pattern=r"^(https?://[!-~]+[^/])?$",
        examples=["https://rdap.your-registry.net (no slash at the end)"],
    )
    rdap_inside: bool = Field(
        False, description="Let that server, or one that it leads to, have a special-purpose address."
    )
    contact_days: float = Field(7.0, description="Days for which it is remembered who answers for an address.", gt=0)
    templates_dir: Path | None = Field(
        None,
        description="Folder whose NAME.txt is said in place of our own words; relative to the configuration file.",
    )
    retry_after: tuple[Step, ...] = Field(
        (300.0, 900.0, 3600.0, 14400.0),
        description="Seconds until each further try of a mail that was put off; the last one repeats.",
        min_length=1,
    )
    give_up_days: float = Field(3.0, description="Days after which a mail that was always put off is given up.", gt=0)
    keep_days: float = Field(30.0, description="Days for which it is remembered whom a mail went to.", ge=1)
    per_recipient: int = Field(4, description="Mails a day to one address.", ge=1)
    per_domain: int = Field(40, description="Mails a day to one domain.", ge=1)
    per_day: int = Field(1000, description="Mails a day altogether.", ge=1)


class WatchSettings(Section):
    """Telling who holds a network of new listings in it."""

    on: bool = Field(False, description="Let who shows that a network is his be told of new listings in it.")
    widest_ipv4: int = Field(16, description="Shortest IPv4 prefix that may be watched.", ge=8, le=32)
    widest_ipv6: int = Field(32, description="Shortest IPv6 prefix that may be watched.", ge=16, le=128)
    per_network: int = Field(5, description="Watches of one network.", ge=1)
    altogether: int = Field(1000, description="Watches altogether.", ge=1)
    webhook_inside: bool = Field(
        False, description="Let webhooks have special-purpose addresses; only for lists that serve one's own house."
    )
