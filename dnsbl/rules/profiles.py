"""Historic lists, a file each in `historic/`: what their tables say, written out as the files of a list that runs.

Pure but for reading our own files. A profile holds the settings in which a list differs from ours, its kinds of
listings with their codes, its zones with their kinds, what of that is a guess, and what we do differently. Every
setting is one that any list may have: nothing in the house asks which profile it came from. Names end in
NAME.example.org until a list is founded under a name of its own; none is ever that of the list of old.
"""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Literal

from dnsbl.rules import founding
from dnsbl.rules.founding import Founding
from dnsbl.settings import Section, toml

_HERE = files("dnsbl.rules") / "historic"


class ZoneTable(Section):
    """[zones.LABEL]: one zone, LABEL under the list's name."""

    use: str  #: what it is meant for
    kinds: tuple[str, ...]
    codes: dict[str, str] | None = None  #: of kinds that have another code here than elsewhere
    style: Literal["records", "bitmask"] = "records"
    ttl: int | None = None  #: seconds
    watched: str | None = None  #: the label of the name under which questions to it are nominations


class Profile(Section):
    """One list of old."""

    name: str
    title: str  #: its name and its years
    says: str  #: what it lists, one sentence
    sources: str  #: where that is known from
    differs: tuple[str, ...]  #: what ours does otherwise, and why; a sentence each
    guesses: dict[str, str]  #: the path of a value in the file -> why it is one
    settings: dict[str, dict[str, Any]]
    kinds: dict[str, dict[str, Any]]  #: as zone files have them
    zones: dict[str, ZoneTable]

    @property
    def base(self) -> str:
        """The name that its zones are under until they are founded under another."""
        return f"{self.name}.example.org"

    def origins(self, base: str) -> tuple[str, ...]:
        """The names of its zones under this name, those that are watched too."""
        labels = [each for label, zone in self.zones.items() for each in (label, zone.watched) if each]
        return tuple(f"{label}.{base}" for label in labels)


def names() -> tuple[str, ...]:
    """Every profile there is, in alphabetical order."""
    return tuple(sorted(file.name.removesuffix(".toml") for file in _HERE.iterdir()))


def profile(name: str) -> Profile:
    """The profile of this name. Raises ValueError with one sentence."""
    if name not in names():
        raise ValueError(f"there is no profile {name[:40]!r}; there are {', '.join(names())}")
    return Profile.model_validate({"name": name} | tomllib.loads((_HERE / f"{name}.toml").read_text("utf-8")))


def written(old: Profile, found: Founding | None) -> dict[str, str]:
    """The files of such a list, by their place in its folder; without a founding under its example names, to be tried
    on one machine."""
    base = found.zone if found else old.base
    zones = {f"zones/{label}.{base}.toml": _zone_file(old, label, base, found) for label in old.zones}
    return {"config.toml": _settings_file(old, found)} | zones


def records(old: Profile, found: Founding) -> tuple[str, ...]:
    """The DNS records to publish for it elsewhere, a line each: as for any list, and where mail to its traps goes."""
    traps = _under(old.settings.get("traps", {}).get("domains", []), _names(old, found))
    return (
        *founding.records(found, old.origins(found.zone)),
        *(f"{trap}. MX 10 mx.{found.domain}." for trap in traps),
    )


def _names(old: Profile, found: Founding | None) -> dict[str, str]:
    """Endings of names in a profile, and what takes their place: its own name, and the collector's domain."""
    return {f".{old.base}": f".{found.zone}", "@c.example.org": f"@c.{found.domain}"} if found else {}


def _settings_file(old: Profile, found: Founding | None) -> str:
    sections = founding.sections(found) if found else {"service": [f"name = {toml(old.title.partition(',')[0])}"]}
    for section, table in old.settings.items():
        lines = sections.setdefault(section, [])
        for key, value in table.items():
            lines += _guess(old, f"settings.{section}.{key}")
            lines.append(f"{key} = {toml(_under(value, _names(old, found)))}")
    head = [old.title, old.says, "", "What it does otherwise than the list of old:", *old.differs]
    return "\n".join([*_comment(head), *founding.joined(sections)]) + "\n"


def _zone_file(old: Profile, label: str, base: str, found: Founding | None) -> str:
    zone = old.zones[label]
    watched = f"{zone.watched}.{base}" if zone.watched else None
    given: dict[str, Any] = {"origin": f"{label}.{base}", "watched": watched, "ns": [f"ns1.{base}"]}
    given |= {"use": zone.use, "style": zone.style, "ttl": zone.ttl}
    lines = [*_comment([old.title]), *_guess(old, f"zones.{label}")]
    lines += [f"{key} = {toml(value)}" for key, value in given.items() if value not in (None, "records")]
    lines += ["", *founding.soa(f"ns1.{base}", found.rname if found else f"hostmaster.{base}")]
    for kind in zone.kinds:
        table = old.kinds[kind] | ({"code": zone.codes[kind]} if zone.codes and kind in zone.codes else {})
        lines += ["", *_guess(old, f"kinds.{kind}"), f"[kinds.{kind}]"]
        lines += [f"{key} = {toml(value)}" for key, value in table.items()]
    return "\n".join(lines) + "\n"


def _guess(old: Profile, path: str) -> list[str]:
    return _comment([f"A guess: {old.guesses[path]}."]) if path in old.guesses else []


def _comment(paragraphs: list[str]) -> list[str]:
    return [f"# {line}".rstrip() for text in paragraphs for line in textwrap.wrap(text, 116) or [""]]


def _under(value: Any, names: Mapping[str, str]) -> Any:
    """The same, with names under others."""
    if isinstance(value, list):
        return [_under(each, names) for each in value]
    for ending, other in names.items():
        if isinstance(value, str) and value.endswith(ending):
            return value.removesuffix(ending) + other
    return value
