"""Writes a file whole or not at all: beside, flushed, then put in its place. A crash leaves the old one or the new one.
Opens what others have written, if it is a file.

What the list keeps for itself is nobody else's to read; what is made for other programs is. What root makes in
somebody's folder is his whose the folder is, so that a command that was typed as root leaves nothing that the service
cannot open.
"""

from __future__ import annotations

import errno
import grp
import os
import pwd
import shlex
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import BinaryIO

#: Of secrets, of other files of our own, and of files for others.
HIDDEN, OURS, EVERYBODYS = 0o600, 0o640, 0o644
#: Files of a folder whose owners are looked at.
MOST = 1000
#: Octets that must be free where our files are.
ROOM = 1 << 20


def shortage(folder: Path) -> str:
    """Why there is no room for files in this folder, a clause, or ""."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"{folder} cannot be looked at: {error.strerror}"
    return "" if free >= ROOM else f"the disk of {folder} is full: {free} octets are free"


def write_whole(
    path: Path,
    parts: Iterable[bytes | memoryview],
    *,
    mode: int = OURS,
    alone: bool = True,
    own: bool = False,
) -> None:
    """Put a file with these parts in the place of what is there. Raises OSError, and then nothing has changed.

    Whoever is not `alone`, since another program may write the same file now, has a draft of his own; who is finds the
    one that a crash has left. The file is given to whom its folder belongs (`give`), or, as its maker's `own`, is not.
    """
    make_folder(path.parent, mode=0o700 if mode == HIDDEN else 0o777)
    beside = path.with_name(f"{path.name}.new") if alone else _own_draft(path)
    try:
        _fill(beside, parts, mode, None if own else path)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def open_plain(path: Path) -> BinaryIO:
    """Open a file to be read; of a folder, a pipe or a device, which may never come to an end, nothing is read or
    waited for. Raises OSError, whose `strerror` says why."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return open(descriptor, "rb")
    os.close(descriptor)
    what = "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device"
    raise OSError(errno.EINVAL, f"it is {what}, and no file", str(path))


def make_secret(path: Path, text: bytes) -> None:
    """Make a file that is nobody else's to read, unless one is there; two programs that do so at once share one file.
    Raises OSError, and then nothing has changed.
    """
    make_folder(path.parent, mode=0o700)
    beside = _own_draft(path)
    try:
        _fill(beside, [text], HIDDEN, path)
        with suppress(FileExistsError):  # another one was first
            os.link(beside, path)
    finally:
        beside.unlink()
    _sync(path.parent)


def _own_draft(path: Path) -> Path:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")  # mode HIDDEN
    os.close(descriptor)
    return Path(name)


def _fill(beside: Path, parts: Iterable[bytes | memoryview], mode: int, place: Path | None) -> None:
    with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode), "wb") as file:
        os.fchmod(file.fileno(), mode)
        if place is not None:
            give(file.fileno(), place.parent, was=place)
        file.writelines(parts)
        file.flush()
        os.fsync(file.fileno())


def make_folder(folder: Path, *, mode: int = 0o750) -> None:
    """Make a folder with this mode where none is, and those above it; each is given to whom the one above it belongs.
    Raises OSError.
    """
    missing = [each for each in (folder, *folder.parents) if not os.path.lexists(each)]
    for each in reversed(missing):
        try:
            each.mkdir(mode=mode if each is folder else 0o777)
        except FileExistsError:  # another one was first
            continue
        give(each, each.parent)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def make_readable(path: Path, text: str) -> None:
    """Make a file of a configuration, which holds no secret, and the folders above it: everybody may read them,
    whatever mask root has (umask). Raises FileExistsError where it is there, and OSError; then there is no new file."""
    missing = [each for each in path.parents if not each.exists()]
    make_folder(path.parent)
    for each in missing:
        each.chmod(0o755)
    descriptor = open_made(path, os.O_WRONLY | os.O_EXCL)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, EVERYBODYS)
            file.write(text)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def open_made(path: Path, flags: int, *, mode: int = OURS, home: Path | None = None) -> int:
    """A descriptor of this file, which is made where it is missing; then it is given as `give` does, to whom its folder
    belongs or the other folder that is its `home`. Raises OSError."""
    try:
        made = os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags | os.O_CREAT, mode)
    give(made, home or path.parent)
    return made


def give(made: int | Path, folder: Path, *, was: Path | None = None) -> None:
    """Give what root has just made in this folder to the user and group whose the folder is, or, in a folder of root's
    own, whose that `was` which it is to replace. What anybody else makes stays as it is, and all does where the system
    does not allow more."""
    if os.geteuid():
        return
    with suppress(OSError):
        home = folder.stat()
        if not home.st_uid:
            if was is None:
                return
            home = was.stat()
        if isinstance(made, int):
            os.chown(made, home.st_uid, home.st_gid)
        else:
            os.chown(made, home.st_uid, home.st_gid, follow_symlinks=False)


def shut(path: Path) -> str:
    """Why we cannot read and write a file that another user has made, and what to type; else "". No full stop."""
    try:
        found, home = path.stat(), path.parent.stat()
        locked = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return ""
    if found.st_uid == os.geteuid() or os.access(path, os.R_OK | os.W_OK) or locked:
        return ""
    owners, what = _owners(found.st_uid, found.st_gid), _to_type(found.st_uid, (home.st_uid, home.st_gid), path)
    return f"it belongs to {owners}, and is not for {_user(os.geteuid())}; {what}"


def _to_type(owner: int, home: tuple[int, int], path: Path) -> str:
    """What lets us at a file of this owner in a folder of that user and group: what the service has made stays its own,
    and is for who types a command as the service."""
    if owner and home[0] in (0, owner):
        return f"type this as {_user(owner)} (`sudo -u {_user(owner)} ...`)"
    ours = _owners(*home) if home[0] not in (0, owner) else _owners(os.geteuid(), os.getegid())
    return f"as root: `chown {ours} {path}`"


def strangers(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """What lies in this folder and is another user's than the folder: each with its owner and group and the folder's
    own, as chown(1) takes them. Raises OSError."""
    home = folder.stat()
    with os.scandir(folder) as entries:
        for entry in islice(entries, MOST):
            found = entry.stat(follow_symlinks=False)
            if found.st_uid != home.st_uid:
                yield Path(entry.path), _owners(found.st_uid, found.st_gid), _owners(home.st_uid, home.st_gid)


def unopened(error: OSError) -> str:
    """Why a file cannot be opened, in words; if it is another user's, whose, and what to type. No full stop."""
    said = error.strerror or str(error)
    if error.errno in (errno.EACCES, errno.EPERM) and isinstance(error.filename, (str, Path)):
        said = shut(Path(error.filename)) or said
    return said


def _owners(user: int, group: int) -> str:
    return f"{_user(user)}:{_group(group)}"


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _sync(folder: Path) -> None:
    """What is in a folder is on the disk when the folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def hindrance(path: Path) -> str:
    """Why no file can be there, whoever we are (see `shut`), with what to type; "" where nothing is seen against it.
    Makes nothing."""
    folder = path.absolute().parent
    if not os.path.isdir(folder):
        if os.path.exists(folder):
            return f"{folder} is no folder"
        return f"there is no folder {folder}: `mkdir -p {shlex.quote(str(folder))}`, as the user who runs the list"
    if not os.access(folder, os.X_OK):
        return f"{folder} cannot be entered: {shut(folder) or 'its mode forbids it'}"
    if path.is_dir():
        return f"{path} is a folder"
    return ""
