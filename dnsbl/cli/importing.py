"""rbldnsd's command line, read into zone files and settings of ours.

Pure but for what `write` puts down: words in, texts out. Knows the options of rbldnsd(8); those that have no meaning
here are passed over, and what an operator must do by hand is a note.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import field
from getopt import GetoptError, getopt
from ipaddress import ip_address
from pathlib import Path, PurePosixPath

from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import FORMS
from dnsbl.errors import DnsblError
from dnsbl.files import make_readable
from tester.records import dataclass

_OPTIONS = "u:r:w:b:46t:c:ep:l:s:qnfdvCaAF:x:X:"
_TIME = re.compile(r"([0-9]{1,10})([smhdw]?)\Z", re.IGNORECASE)
#: An IPv4 address, octets in the middle left out or not.
_SHORT = re.compile(r"[0-9]+(\.[0-9]+){1,3}\Z")
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(slots=True)
class Imported:
    """What a command line comes to."""

    zones: dict[str, str] = field(default_factory=dict)  #: the text of each zone's file, by its name
    settings: str = ""  #: what belongs into the configuration, as TOML
    notes: list[str] = field(default_factory=list)  #: what is left to do by hand, a sentence each


def imported(words: Sequence[str], *, here: PurePosixPath = PurePosixPath()) -> Imported:  # noqa: B008 (immutable)
    """The zone files and settings that do what `rbldnsd words...` does, begun in the folder `here`. A line of Debian's
    /etc/default/rbldnsd will do too: it begins with the name of the instance. Raises DnsblError in one sentence, and
    SettingsError for what no zone of ours may be.
    """
    words = list(words)
    if words and (words[0] == "-" or not (words[0].startswith("-") or ":" in words[0])):
        words = words[1:]
    try:
        options, specs = getopt(words, _OPTIONS)
    except GetoptError as error:
        raise DnsblError(f"rbldnsd has no such option: {error.msg}.") from None
    if not specs:
        raise DnsblError(
            "No zone:type:files is among the words; begin with -- so that options are taken for rbldnsd's."
        )
    found = Imported()
    folder, ttl, listen, check, host_bits = here, 0, [], None, False
    root = False
    for option, value in options:
        if option in ("-r", "-w"):
            folder = folder / value.lstrip("/") if root and option == "-w" else here / value
            root = root or option == "-r"
        elif option == "-t":
            ttl = _seconds(value.split(":")[0]) if value.split(":")[0] else 0
            if any(value.split(":")[1:]):
                found.notes.append("The least and the greatest TTL of -t have no counterpart.")
        elif option == "-c":
            check = _seconds(value)
        elif option == "-e":
            host_bits = True
        elif option == "-b":
            listen.append(_listen(value, found))
        elif option in ("-x", "-X"):
            found.notes.append(f"Extensions ({option}) have no counterpart.")
        elif option in ("-l", "-s"):
            found.notes.append(
                "In place of -l and -s: dns.query_log_every with dns.query_log_clients, and the metrics page."
            )
    zones: dict[str, list[tuple[str, list[str]]]] = {}
    for spec in specs:
        origin, _, rest = spec.partition(":")
        form, _, names = rest.partition(":")
        files = [str(folder / name) for name in re.split("[,:]", names) if name]
        if form == "acl" and files:
            who = f"zone {origin}" if origin else "all zones"
            found.notes.append(
                f"The acl of {who} ({', '.join(files)}) belongs into dns.acl, a rule for each of its lines."
            )
        elif form not in FORMS or not files or not origin:
            raise DnsblError(f"{spec[:60]!r} is no zone:type:files; types are {', '.join(FORMS)}.")
        else:
            zones.setdefault(origin.rstrip(".").lower(), []).append((form, files))
    for origin, sources in zones.items():
        text = f"origin = {json.dumps(origin)}\n" + (f"ttl = {ttl}\n" if ttl else "")
        for form, files in sources:
            text += f'\n[[sources]]\ntype = "{form}"\nfiles = {json.dumps(files)}\n'
            text += "host_bits = true\n" if host_bits else ""
        found.zones[f"{origin}.toml"] = text
    zones_from(found.zones, site="https://none.invalid")
    lines = [f"listen = {json.dumps(listen)}"] if listen else []
    if check == 0:
        found.notes.append("-c 0 has no counterpart: files are looked at every dns.sources_check seconds.")
    elif check is not None:
        lines.append(f"sources_check = {check}")
    found.settings = "[dns]\n" + "".join(line + "\n" for line in lines)
    return found


def write(found: Imported, folder: Path) -> list[str]:
    """Put the zone files into this folder, where none of them may be; returns their paths. Raises DnsblError."""
    paths = [folder / name for name in found.zones]
    for path in paths:
        if path.exists():
            raise DnsblError(f"{path}: is there already; nothing was written.")
    try:
        for path, text in zip(paths, found.zones.values(), strict=True):
            make_readable(path, text)
    except OSError as error:
        raise DnsblError(f"{folder}: cannot be written: {error.strerror}.") from None
    return [str(path) for path in paths]


def _seconds(text: str) -> int:
    match = _TIME.match(text)
    if match is None:
        raise DnsblError(f"{text[:40]!r} is no time; rbldnsd takes a number with s, m, h, d or w behind it.")
    return int(match[1]) * _UNITS[match[2].lower()]


def _whole(host: str) -> bytes:
    """The four octets of an address whose last number fills what the others leave, as the C library reads it."""
    *first, last = map(int, host.split("."))
    return bytes(first) + last.to_bytes(4 - len(first))


def _listen(value: str, found: Imported) -> str:
    host, _, port = value.partition("/")
    try:
        address = ip_address(_whole(host) if _SHORT.match(host) else host)
    except (ValueError, OverflowError):
        found.notes.append(f"-b {host[:60]}: write its addresses into dns.listen.")
        return f"{host}:{port or 53}"
    port = "53" if port in ("", "domain") else port
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
