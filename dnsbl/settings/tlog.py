"""Settings of the transparency log: what strangers can prove of the list."""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from dnsbl.settings.values import Listen, Section
from tester.records import dataclass

#: The first octet of the keys of logs and of witnesses (c2sp.org/signed-note).
_LOG, _WITNESS = 1, 4


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """A witness that signs for us."""

    url: str  #: its submission prefix, no slash at the end
    key: str  #: NAME+HASH+BASE64


def witness_place(value: Any) -> WitnessPlace:
    url, _, vkey = value.strip().partition(" ") if isinstance(value, str) else ("", "", "")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError('URL KEY is needed, such as "https://witness.example/relays witness.example+1234abcd+BH..."')
    return WitnessPlace(url.rstrip("/"), _key(vkey.strip(), _WITNESS))


def authority(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    try:
        parts = urlsplit(text)
        fit = parts.scheme in ("http", "https") and parts.hostname and not parts.fragment and parts.port != 0
    except ValueError:
        fit = False
    if not fit or "@" in parts.netloc or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError('the URL of a time stamping authority is needed, such as "https://tsa.example/tsr"')
    return text


def log_key(value: Any) -> str:
    return _key(value if isinstance(value, str) else "", _LOG)


def _key(vkey: str, sort: int) -> str:
    """Looked at here without cryptography's help, since every start reads settings."""
    name, _, rest = vkey.partition("+")
    named, _, encoded = rest.partition("+")
    try:
        octets = b64decode(encoded, validate=True)
    except ValueError:
        octets = b""
    if len(octets) != 33 or sha256(f"{name}\n".encode() + octets).digest()[:4].hex() != named:
        raise ValueError("a key is NAME+HASH+BASE64, copied whole")
    if octets[0] != sort:
        raise ValueError(
            "this is the key of a witness, and not of a log" if sort == _LOG else "this is no witness's key"
        )
    return vkey


class TlogSettings(Section):
    """The transparency log, by which strangers can prove what this list has done; see docs/log.md."""

    origin: str = Field(
        "",
        description=(
            "The log's name for good, such as relays.example.org/log: host and path of where it is published, no "
            "scheme, no slash at the end. Empty: none is kept."
        ),
        max_length=200,
        pattern=r"^([a-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~-]+)*)?$",
        examples=["relays.your-domain.net/log"],
    )
    networks: str = Field(
        "sealed",
        description=(
            "Whether leaves name what is listed: open, so that anybody can follow the whole list by its log, or "
            "sealed, so that nobody can copy it there and each listing is opened by its proof."
        ),
        pattern="^(open|sealed)$",
    )
    folder: Path | None = Field(
        None,
        description=(
            "Folder that the log is written to as files, for any web server; relative to the configuration file. The "
            "web role serves it at /log/ in any case."
        ),
    )
    witnesses: tuple[Annotated[WitnessPlace, BeforeValidator(witness_place)], ...] = Field(
        (),
        description=(
            'Who is asked to sign each checkpoint: "URL KEY", the place that add-checkpoint is below and the '
            "witness's key."
        ),
    )
    stamps: tuple[Annotated[str, BeforeValidator(authority)], ...] = Field(
        (),
        description=(
            "Time stamping authorities (RFC 3161) that are asked once a day to stamp the head, by URL; needs the "
            "package rfc3161-client."
        ),
        max_length=9,
    )


class WitnessSettings(Section):
    """The witness of others' logs that this node is: it signs what continues what it has seen; see docs/log.md."""

    name: str = Field(
        "",
        description="The witness's name for good, such as witness.example.org/relays; empty: this node is none.",
        max_length=200,
        pattern=r"^[^\s+]*$",
        examples=["witness.your-domain.net/relays"],
    )
    listen: Listen = Field("127.0.0.1:8053", description="Where logs bring their checkpoints, over HTTP.")
    logs: tuple[Annotated[str, BeforeValidator(log_key)], ...] = Field(
        (),
        description="The keys of the logs that are witnessed, NAME+HASH+BASE64; a log may have several.",
    )
