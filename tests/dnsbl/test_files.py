"""Files are put in place whole, and readable by those whom they are for."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dnsbl import files
from dnsbl.errors import StoreUnavailable
from dnsbl.files import (
    EVERYBODYS,
    HIDDEN,
    OURS,
    hindrance,
    make_folder,
    make_readable,
    make_secret,
    open_made,
    open_plain,
    shut,
    strangers,
    unopened,
    write_whole,
)
from dnsbl.store import Store


@pytest.mark.parametrize(("mode", "before"), [(OURS, None), (EVERYBODYS, None), (OURS, 0o666), (EVERYBODYS, 0o600)])
def test_a_file_has_the_mode_that_was_asked_for_whatever_the_umask_and_the_old_one(
    tmp_path: Path, mode: int, before: int | None
) -> None:
    path, mask = tmp_path / "file", os.umask(0o077)
    try:
        if before is not None:
            path.write_bytes(b"old")
            path.chmod(before)
        write_whole(path, [b"ne", b"w"], mode=mode)
    finally:
        os.umask(mask)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", mode)


def test_what_the_list_keeps_for_itself_is_no_strangers_to_read(tmp_path: Path) -> None:
    write_whole(tmp_path / "deep" / "table", [b"rows"])
    assert stat.S_IMODE((tmp_path / "deep" / "table").stat().st_mode) == 0o640


def test_parts_that_break_off_leave_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    def parts() -> object:
        yield b"half"
        raise OSError("the disk is full")

    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OSError, match="full"):
        write_whole(tmp_path / "file", parts())
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("file", b"old")]


def test_a_secret_is_made_once_and_hidden_and_whoever_comes_later_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    for text in (b"first", b"second"):
        make_secret(path, text)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"first", HIDDEN)
    assert list(tmp_path.iterdir()) == [path]


def test_two_who_write_one_file_at_once_leave_one_of_both_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def parts() -> Iterator[bytes]:
        yield b"one "
        write_whole(path, [b"another, and longer"], alone=False)
        assert path.read_bytes() == b"another, and longer"
        yield b"whole"

    write_whole(path, parts(), alone=False)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"one whole")]


def test_what_a_crash_has_left_of_one_who_writes_alone_is_gone_with_the_next(tmp_path: Path) -> None:
    (tmp_path / "file.new").write_bytes(b"half of a long one")
    write_whole(tmp_path / "file", [b"new"])
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("file", b"new")]


@pytest.mark.parametrize(
    "way", [lambda path: make_secret(path, b"x"), lambda path: write_whole(path, [b"x"], mode=HIDDEN)]
)
def test_the_folder_that_is_made_for_a_secret_is_hidden_as_it_is(tmp_path: Path, way: Callable[[Path], None]) -> None:
    way(tmp_path / "keys" / "key")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700


def test_a_file_is_on_the_disk_before_it_has_its_name_and_its_name_before_anybody_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        what = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        done.append("folder" if what == tmp_path else f"{(tmp_path / 'file').exists()}")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    write_whole(tmp_path / "file", [b"x"])
    (tmp_path / "file").unlink()
    make_secret(tmp_path / "file", b"x")
    assert done == ["False", "folder"] * 2


@pytest.mark.parametrize("way", [lambda path: make_secret(path, b"x"), lambda path: write_whole(path, [b"x"])])
def test_a_file_where_the_folder_should_be_is_said_to_be_none(tmp_path: Path, way: Callable[[Path], None]) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="Not a directory"):
        way(tmp_path / "file" / "key")


@pytest.fixture
def somebodys(tmp_path: Path) -> Path:
    """A folder of another user's, where we may give files away; else one of our own."""
    folder = tmp_path / "state"
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    return folder


def test_what_root_makes_in_somebodys_folder_is_his_whose_the_folder_is(somebodys: Path) -> None:
    write_whole(somebodys / "table", [b"rows"])
    write_whole(somebodys / "deep" / "er" / "head", [b"rows"])
    make_secret(somebodys / "keys.json", b"key")
    make_folder(somebodys / "log" / "tiles")
    os.close(open_made(somebodys / "lock", os.O_RDWR))
    Store.open(f"sqlite:///{somebodys / 'dnsbl.db'}").close()
    home = somebodys.stat()
    made = sorted(somebodys.rglob("*"))
    assert {path.name for path in made} >= {"table", "er", "head", "keys.json", "tiles", "lock", "dnsbl.db"}
    assert [path for path in made if (path.stat().st_uid, path.stat().st_gid) != (home.st_uid, home.st_gid)] == []


def test_what_lies_beside_an_open_database_is_of_the_same_user(somebodys: Path) -> None:
    store = Store.open(f"sqlite:///{somebodys / 'dnsbl.db'}")
    store.upgrade()
    try:
        with store.read():
            found = {path.name: path.stat().st_uid for path in somebodys.iterdir()}
    finally:
        store.close()
    assert {"dnsbl.db-wal", "dnsbl.db-shm"} < set(found) and set(found.values()) == {somebodys.stat().st_uid}


def test_a_file_that_root_keeps_is_roots_and_one_that_is_there_stays_whose_it_is(somebodys: Path) -> None:
    write_whole(somebodys / "backup.gz", [b"rows"], own=True)
    (somebodys / "lock").touch()
    os.close(open_made(somebodys / "lock", os.O_RDWR))
    assert {path.stat().st_uid for path in somebodys.iterdir()} == {os.geteuid()}


def test_a_link_in_the_place_of_a_draft_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"another's")
    (tmp_path / "table.new").symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        write_whole(tmp_path / "table", [b"rows"])
    assert (tmp_path / "other").read_bytes() == b"another's" and not (tmp_path / "table.new").is_symlink()


def test_a_folder_whose_place_a_file_has_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file")


def test_a_file_of_another_user_is_named_with_its_owner_and_what_to_type(
    somebodys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = somebodys / "dnsbl.db"
    path.touch()
    maker, home = path.stat().st_uid, somebodys.stat()
    monkeypatch.setattr(os, "access", lambda _path, mode: mode == os.X_OK)
    monkeypatch.setattr(os, "geteuid", lambda: 65533)
    monkeypatch.setattr(files, "_user", lambda number: {maker: "root", home.st_uid: "dnsbl"}.get(number, "other"))
    monkeypatch.setattr(files, "_group", lambda _number: "dnsbl")
    told = shut(path)
    assert told.startswith("it belongs to ") and "is not for other" in told
    assert f":dnsbl {path}`" in told if maker == 0 else "type this as " in told
    assert unopened(PermissionError(errno.EACCES, "denied", str(path))) == told
    assert unopened(FileNotFoundError(errno.ENOENT, "none", str(path))) == "none"
    with pytest.raises(StoreUnavailable, match=f"{path} cannot be opened: it belongs to"):
        Store.open(f"sqlite:///{path}").check()


@pytest.mark.parametrize(
    ("owner", "home", "typed"),
    [
        (7, (0, 0), "type this as user7 (`sudo -u user7 ...`)"),  # the state folder of the service's user
        (7, (7, 7), "type this as user7 (`sudo -u user7 ...`)"),
        (8, (7, 7), "as root: `chown user7:group7 /there`"),  # what somebody has made in it
        (0, (7, 7), "as root: `chown user7:group7 /there`"),
        (0, (0, 0), "as root: `chown user9:group9 /there`"),
    ],
)
def test_nobody_is_told_to_take_from_the_service_what_is_its_own(
    owner: int, home: tuple[int, int], typed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 9)
    monkeypatch.setattr(os, "getegid", lambda: 9)
    monkeypatch.setattr(files, "_user", lambda number: f"user{number}")
    monkeypatch.setattr(files, "_group", lambda number: f"group{number}")
    assert files._to_type(owner, home, Path("/there")) == typed


def test_a_folder_that_this_user_may_not_enter_holds_no_file_for_him(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert hindrance(tmp_path / "dnsbl.db").startswith(f"{tmp_path} cannot be entered: ")


def test_a_file_that_we_can_open_is_nobodys_fault(somebodys: Path) -> None:
    (somebodys / "table").touch()
    assert (shut(somebodys / "table"), shut(somebodys / "none")) == ("", "")


def test_a_file_in_a_folder_of_roots_stays_the_groups_that_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "zone.toml"
    path.touch(mode=0o640)
    if os.geteuid() == 0:
        os.chown(path, 0, 65534)
    before = path.stat().st_gid
    write_whole(path, [b"new"])
    assert (path.stat().st_uid, path.stat().st_gid) == (os.geteuid(), before)


@pytest.mark.parametrize(("kind", "said"), [("pipe", "a pipe"), ("folder", "a folder"), ("device", "a device")])
def test_what_is_no_file_is_told_and_never_waited_for(tmp_path: Path, kind: str, said: str) -> None:
    path = Path("/dev/zero") if kind == "device" else tmp_path / "it"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(OSError, match=f"it is {said}, and no file") as caught:
        open_plain(path)
    assert caught.value.filename == str(path)


def test_a_file_that_is_opened_is_read(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"x\n")
    with open_plain(path) as file:
        assert file.read() == b"x\n"


def test_what_is_another_users_than_its_folder_is_named(somebodys: Path) -> None:
    write_whole(somebodys / "given", [b"rows"])
    (somebodys / "kept").touch()
    found = list(strangers(somebodys))
    if somebodys.stat().st_uid == os.geteuid():
        assert found == []
    else:
        [(path, owners, home)] = found
        assert path == somebodys / "kept" and owners.startswith("root:") and home != owners


def test_what_keeps_a_file_from_being_anywhere_is_named_with_what_to_type(tmp_path: Path) -> None:
    assert hindrance(tmp_path / "x.db") == "" and hindrance(tmp_path) == f"{tmp_path} is a folder"
    folder = f"'{tmp_path}/a b'"
    assert f"`mkdir -p {folder}`" in hindrance(tmp_path / "a b" / "x.db") and not (tmp_path / "a b").exists()
    (tmp_path / "file").touch()
    assert hindrance(tmp_path / "file" / "x.db") == f"{tmp_path / 'file'} is no folder"


def test_a_file_of_a_configuration_is_everybodys_to_read_and_made_once(tmp_path: Path) -> None:
    path, mask = tmp_path / "etc" / "zones" / "z.toml", os.umask(0o077)
    try:
        make_readable(path, "origin")
        with pytest.raises(FileExistsError):
            make_readable(path, "another")
    finally:
        os.umask(mask)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path.parent.parent, path.parent, path)]
    assert (modes, path.read_text()) == ([0o755, 0o755, 0o644], "origin")


def test_a_file_that_has_its_home_elsewhere_is_given_to_whom_that_belongs(tmp_path: Path, somebodys: Path) -> None:
    os.close(open_made(tmp_path / "keys", os.O_RDONLY, home=somebodys))
    assert (tmp_path / "keys").stat().st_uid == somebodys.stat().st_uid
