"""Reads the configuration: a TOML file, then DNSBL_SECTION__KEY from the environment on top; and the zone files.

Shell around `settings`. Reports every mistake at once, each with file, key and what is allowed. Never guesses.
"""

from __future__ import annotations

import difflib
import io
import json
import os
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from dnsbl.clock import SystemClock
from dnsbl.dns.zonefile import zones_from
from dnsbl.dns.zones import Zones
from dnsbl.errors import SettingsError
from dnsbl.files import open_plain
from dnsbl.rules.bounds import Bounds
from dnsbl.settings import Settings, fields, tables, toml
from dnsbl.settings import mistakes as told
from dnsbl.vocabulary import OUTPUT_KINDS, PROOF_KINDS
from dnsbl.whereabouts import PREFIX, usual
from tester.records import dataclass

#: In the state folder: the public keys of the transparency log, a line each.
LOG_KEYS = "log.vkey"
#: Keys that hold paths, which are relative to the file that names them.
PATHS: tuple[tuple[str, str], ...] = tuple(
    (section, key)
    for section, table in Settings.model_fields.items()
    for key, field in getattr(table.annotation, "model_fields", {}).items()
    if Path in (field.annotation, *get_args(field.annotation))
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A configuration that may have mistakes."""

    settings: Settings  #: as far as it is right, with the defaults of what is wrong; contradictions are left in it
    mistakes: list[str]  #: a sentence each
    wrong: frozenset[str]  #: the keys that are wrong, SECTION.KEY, and sections that are so as a whole, SECTION.

    def concerns(self, mistake: str) -> bool:
        """Whether a mistake that was found in these settings is of a key that is not as it was written."""
        return any(key in mistake for key in self.wrong)


def read_settings(path: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings from this file (or a usual place, or none at all) and the environment. Raises SettingsError."""
    draft = read_draft(path, environ)
    if draft.mistakes:
        raise SettingsError(draft.mistakes)
    return draft.settings


def read_draft(path: Path | None, environ: Mapping[str, str] = os.environ) -> Draft:
    """The same with whatever mistakes it has. Raises SettingsError where nothing of the file can be told."""
    source = path or usual()
    mistakes: list[str] = []
    found: dict[str, Any] = {}
    if source is not None:
        text = _text(source)
        try:
            found = tables(text)
        except ValueError as error:
            raise SettingsError([f"{source}: {error}"]) from None
    label = str(source) if source else "settings"
    origin = _overlay(found, environ, mistakes)
    wrong: frozenset[str] = frozenset()
    try:
        settings = Settings.model_validate(found)
    except ValidationError as error:
        mistakes += [
            f"{origin.get('.'.join(one.place[:2]), label)}: {one}" for one in told.mistakes(error, found, Settings)
        ]
        settings, wrong = _as_far_as_right(found, [e["loc"] for e in error.errors()])
    try:
        root = source.resolve().parent if source else Path.cwd()
    except FileNotFoundError:
        raise SettingsError([f"{label}: the folder in which this was begun is gone; begin it in another"]) from None
    return Draft(settings=_rooted(settings, root), mistakes=mistakes, wrong=wrong)


def _text(path: Path) -> str:
    """What stands in a file of ours. Raises SettingsError."""
    try:
        with io.TextIOWrapper(open_plain(path), encoding="utf-8-sig") as file:
            return file.read()
    except OSError as error:
        raise SettingsError([f"{path}: cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path}: not TOML: it is no UTF-8; an editor saves it so"]) from None


def _as_far_as_right(
    found: Mapping[str, Any], places: Sequence[tuple[int | str, ...]]
) -> tuple[Settings, frozenset[str]]:
    """Settings without what is wrong at these places, and the keys that were left out."""
    wrong = {".".join(str(part) for part in place[:2]) for place in places if len(place) > 1}
    made: dict[str, Any] = {}
    for name, field in Settings.model_fields.items():
        section: Any = field.annotation
        table = found.get(name, {})
        given = table.items() if isinstance(table, dict) else ()
        try:
            made[name] = section.model_validate({key: value for key, value in given if f"{name}.{key}" not in wrong})
        except ValidationError:  # its keys contradict each other
            made[name] = section()
            wrong.add(f"{name}.")
    return Settings.model_construct(None, **made), frozenset(wrong)


def read_zones(settings: Settings, *, today: date | None = None) -> Zones:
    """All zone files of the zones folder, as the zones are today. Raises SettingsError naming every mistake in every
    file."""
    folder = settings.dns.zones_dir
    texts, mistakes = dict[str, str](), list[str]()
    try:
        paths = sorted(path for path in folder.iterdir() if path.name.endswith(".toml"))
    except FileNotFoundError:
        paths = []
    except OSError as error:
        raise SettingsError([f"{folder}: dns.zones_dir cannot be read: {error.strerror}"]) from None
    if not paths:
        first = "`dnsbl init` writes a first configuration"
        lacks = "has no zone file (*.toml)" if folder.is_dir() else "leads to no folder: there is none"
        raise SettingsError([f"{folder}: dns.zones_dir {lacks}; {first}"])
    for path in paths:
        try:
            texts[str(path)] = _text(path)
        except SettingsError as error:
            mistakes += error.mistakes
    today = today or SystemClock().now().date()
    terms, log_keys = repr((Bounds.of(settings), settings.dns.expand_ranges)), _log_keys(settings)
    try:
        zones = zones_from(texts, site=settings.web.base_url, today=today, log_keys=log_keys, terms=terms)
    except SettingsError as error:
        raise SettingsError(mistakes + error.mistakes) from None
    if mistakes:
        raise SettingsError(mistakes)
    return zones


def unanswered_kinds(settings: Settings, zones: Zones) -> list[str]:
    """Kinds that tests fill and no zone answers for, a sentence each, of a node that has anybody tested. Where no zone
    has listings of its own nothing is said: such a list publishes other people's."""
    if not any(zone.listing for zone in zones):
        return []
    named, found = _kinds(zones), []
    for kind in settings.policy.kinds:
        if kind not in named:
            near = difflib.get_close_matches(kind, sorted(named.keys() - PROOF_KINDS), 1)
            meant = f" (where [kinds.{near[0]}] of {named[near[0]]} is not meant so)" if near else ""
            found.append(
                f"policy.kinds has {kind}, which no zone answers for: such listings are published nowhere; write "
                f"[kinds.{kind}] in a zone file{meant}, or take it out of policy.kinds"
            )
    return found


def unfilled_kinds(settings: Settings, zones: Zones) -> list[str]:
    """Kinds of zones that only proof may fill and that are off, a sentence each; but for those of outputs, whose codes
    are kept for the day on which they are wanted."""
    return [
        f"{origin} answers for {kind}, which nothing fills: put it into policy.kinds, or take [kinds.{kind}] out there"
        for kind, origin in sorted(_kinds(zones).items())
        if kind in PROOF_KINDS - OUTPUT_KINDS and kind not in settings.policy.kinds
    ]


def _kinds(zones: Zones) -> dict[str, str]:
    """The kinds that are answered for, each with a zone that does."""
    return {name: zone.origin for zone in zones for view in zone.views.values() for name in view.kinds}


def _log_keys(settings: Settings) -> list[str]:
    """The keys that the transparency log is signed with, as the node that signs has left them beside its own."""
    if not (origin := settings.tlog.origin):
        return []
    try:
        lines = (settings.service.state_dir / LOG_KEYS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [line for line in lines if line.startswith(f"{origin}+") and line.isascii()]


def files(settings: Settings, path: Path | None) -> list[Path]:
    """The files that the settings are written in, and the zones: those that are there."""
    source = path or usual()
    return [*([source] if source else []), *sorted(settings.dns.zones_dir.glob("*.toml"))]


def zone_file(settings: Settings, origin: str) -> Path:
    """The file that a zone is described in. Raises SettingsError where none is."""
    for path in sorted(settings.dns.zones_dir.glob("*.toml")):
        if tables(_text(path)).get("origin", "").rstrip(".").lower() == origin:
            return path
    raise SettingsError([f"{settings.dns.zones_dir}: no zone file has the origin {origin}"])


def example() -> str:
    """The example file: every key with its default and one sentence."""
    lines = [
        "# Every setting with its default. Remove what you do not change.",
        "# DNSBL_SECTION__KEY in the environment overrides a key, such as DNSBL_WEB__LISTEN=127.0.0.1:8080.",
        """# A list is written there as JSON, quoted for a shell: DNSBL_DNS__LISTEN='["127.0.0.1:53", "[::1]:53"]'.""",
    ]
    for name, field in Settings.model_fields.items():
        section: Any = field.annotation
        lines += ["", f"# {(section.__doc__ or '').strip()}", f"[{name}]"]
        for key, default, sentence in fields(section):
            lines += [f"# {sentence}", f"# {key} =" if default is None else f"{key} = {toml(default)}"]
    return "\n".join(lines) + "\n"


def _overlay(found: dict[str, Any], environ: Mapping[str, str], mistakes: list[str]) -> dict[str, str]:
    """Lay the environment over the tables; returns which dotted keys came from which variable."""
    origin: dict[str, str] = {}
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or "__" not in variable:
            continue
        section, _, key = variable[len(PREFIX) :].lower().partition("__")
        if section not in Settings.model_fields:
            mistakes.append(
                f"{variable}: there is no section [{section}]; sections are {', '.join(Settings.model_fields)}"
            )
            continue
        table = found.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = _value(text)
            origin[f"{section}.{key}"] = variable
    return origin


def _value(text: str) -> Any:
    """A list is written as JSON, `["a", "b"]`; everything else is the text itself."""
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
    return text


def _rooted(settings: Settings, root: Path) -> Settings:
    """Relative paths count from the file that names them."""
    changed: dict[str, Any] = {}
    for section, key in PATHS:
        table = changed.get(section) or getattr(settings, section)
        value: Path | None = getattr(table, key)
        if value is not None:
            changed[section] = table.model_copy(update={key: root / value})
    return settings.model_copy(update=changed)
