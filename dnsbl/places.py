"""Where a list's files are, and what stands there already: whether there is a list, and whether this node
follows another one. Opens no database, and makes nothing but the file that stops a machine."""

from __future__ import annotations

from os.path import exists
from pathlib import Path

from dnsbl.errors import LOOK, DnsblError, StoreUnavailable
from dnsbl.files import hindrance, shut, write_whole
from dnsbl.settings import Settings


def table_path(settings: Settings) -> Path:
    """Where the last good table is kept."""
    return settings.service.state_dir / "table"


def timeline_path(settings: Settings) -> Path:
    """Where this node remembers how far the database's history has come, so that it follows no old primary."""
    return settings.service.state_dir / "timeline"


def signet_path(settings: Settings) -> Path:
    """Where the key is that it is signed with."""
    return settings.service.state_dir / "publish.key"


def stop_path(settings: Settings) -> Path:
    """The file that keeps workers of this machine from dialling while it is there, empty or not: a stop that needs
    neither a database nor room on a disk."""
    return settings.service.state_dir / "stop"


def halted(settings: Settings) -> str:
    """Why nobody is dialled from this machine, whatever the database says; no full stop; or ""."""
    path = stop_path(settings)
    if not exists(path):
        return ""
    return f"an operator has stopped testing on this machine: {path} is there, until `dnsbl resume`"


def halt(settings: Settings, error: StoreUnavailable) -> Path:
    """Make that file, since the database takes no word. Raises DnsblError where it cannot be made, and, once it is
    there, where other machines may have workers, which go on."""
    path, said = stop_path(settings), str(error).replace(LOOK, ".")
    try:
        write_whole(path, [])
    except OSError as why:
        raise DnsblError(
            f"{said} Nor can {path} be made, which stops testing on this machine: {why.strerror}. What is left is to "
            "end `dnsbl serve`; `dnsbl serve --only dns` answers without it."
        ) from None
    if database_file(settings) is None:
        raise DnsblError(
            f"{said} Testing is stopped on this machine alone, by {path}: type `dnsbl stop` on every machine with a "
            "worker, and here again once the database takes changes."
        )
    return path


def unhalt(settings: Settings) -> Path | None:
    """Take it away; where it was, if it was there. Raises DnsblError."""
    path = stop_path(settings)
    try:
        path.unlink()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DnsblError(f"{path}: cannot be taken away, and stops testing here: {error.strerror}.") from None
    return path


def database_url(settings: Settings) -> str:
    """The configured URL, or SQLite in the state folder."""
    return settings.database.url or f"sqlite:///{settings.service.state_dir.resolve() / 'dnsbl.db'}"


def database_file(settings: Settings) -> Path | None:
    """The file of a database on SQLite."""
    url = database_url(settings)
    return Path(url.removeprefix("sqlite:///").partition("?")[0]) if url.startswith("sqlite:///") else None


def unplaced(settings: Settings) -> str:
    """Why no database can be where `database.url` says, or be read there, a sentence without its full stop, or ""; of
    one on PostgreSQL nothing is known. A folder inside the state folder is made when it is needed."""
    path = database_file(settings)
    if path is None or (not exists(path.parent) and within(path.parent, settings.service.state_dir)):
        return ""
    return hindrance(path) or shut(path)


def within(path: Path, folder: Path) -> bool:
    """Whether a path leads into this folder."""
    return path.resolve().is_relative_to(folder.resolve())


def begun(settings: Settings) -> bool:
    """Whether there is anything of a list here: its database, or the table that a list which has served leaves. Of a
    database on PostgreSQL always, and never in a folder that this user may not enter."""
    path = database_file(settings)
    return path is None or exists(path) or exists(table_path(settings))


def follows(settings: Settings) -> bool:
    """Whether this node follows another one, and so has no store: by `follow.url`, or by `serve --follow`, for which it
    has the key of the other node and no database."""
    follow = settings.follow
    return bool(follow.url or (follow.key and not settings.database.url and not begun(settings)))
