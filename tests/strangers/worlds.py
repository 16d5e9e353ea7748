"""Servers from unpacked Debian packages, each in a world of its own: they exclude one another as packages.

A world is the machine's /usr and /etc with a package's files, and then the test's own, laid over them (overlayfs), and
a /var of its own, in the private mount namespace that `ip netns exec` makes. So paths that are compiled in hold, users
exist that the machine does not know, and nothing that a server does leaves its world: the machine is not changed.
`tests/strangers/install` makes a folder a world, in CACHE.
"""

from __future__ import annotations

import shlex
import smtplib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from lab import RESOLVER, Lab, LabError

CACHE = Path("/var/cache/dnsbl-strangers")
_TREES = ("usr", "etc", "var")  # in this order: from the last one on, CACHE is out of sight
#: The users that the packages' installation would have made, by world; each has a group of the same name.
USERS: Mapping[str, Sequence[str]] = {
    "exim": ("Debian-exim",),
    "opensmtpd": ("opensmtpd", "opensmtpq"),
    "sendmail": ("smmta", "smmsp"),
    "courier": ("courier",),
    "postgrey": ("postgrey",),
    "nftables": (),
    "ipset": (),
    "haproxy": ("haproxy",),
    "nginx": (),
    "rspamd": ("_rspamd",),
    "spamassassin": (),
}


def world(lab: Lab, host: str, packages: str, script: str, files: Mapping[str, str] | None = None) -> list[str]:
    """The argv that runs a shell script on this host in this world, with these files (path to text) in it."""
    if not (CACHE / packages).is_dir():
        raise LabError(f"{packages} is not in {CACHE}: run `make strangers` as root")
    folder = lab.folder / f"{host}-{packages}"
    lines = ["set -e", "umask 022", f"mkdir -p {folder}/rw", f"mount -t tmpfs none {folder}/rw"]
    texts = {"etc/resolv.conf": f"nameserver {RESOLVER}\noptions timeout:1 attempts:2\n"} | dict(files or {})
    for kind, row in (("passwd", "{}:x:{}:{}::/nonexistent:/bin/false"), ("group", "{}:x:{}:")):
        rows = (row.format(user, 900 + i, 900 + i) for i, user in enumerate(USERS[packages]))
        texts[f"etc/{kind}"] = Path("/etc", kind).read_text() + "".join(f"{row}\n" for row in rows)
    for path, text in texts.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "var/tmp").mkdir(parents=True, exist_ok=True)
    if not (folder / "var/run").is_symlink():
        (folder / "var/run").symlink_to("/run")
    for tree in _TREES:
        layers = (folder, CACHE / packages, *([Path("/")] if tree != "var" else []))
        lowers = [str(at / tree) for at in layers if (at / tree).is_dir()]
        upper, work = f"{folder}/rw/{tree}", f"{folder}/rw/{tree}.work"
        lines.append(f"mkdir {upper} {work}")
        options = f"lowerdir={':'.join(lowers)},upperdir={upper},workdir={work}"
        lines.append(f"mount -t overlay overlay -o {shlex.quote(options)} /{tree}")
    lines.append("mount -t tmpfs -o mode=755 none /run")
    return ["sh", "-c", "\n".join([*lines, script])]


class Server:
    """A server in its world, whose owner can change a file and start it again."""

    def __init__(
        self, lab: Lab, host: str, packages: str, argv: Sequence[str], wait: Callable[[Lab, str], None] | None = None
    ) -> None:
        """`wait` returns when it is up; None: when it greets."""
        self.host = host
        self._lab, self._packages, self._argv, self._wait = lab, packages, argv, wait or wait_for_greeting

    def start(self) -> None:
        """Run it for good; returns when it is up."""
        self._lab.popen(self.host, self.host, self._argv)
        self._wait(self._lab, self.host)

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Change a file of its world (as its owner wrote it, or else as the package has it); for the next start."""
        mine = self._lab.folder / f"{self.host}-{self._packages}" / path.lstrip("/")
        text = (mine if mine.exists() else CACHE / self._packages / path.lstrip("/")).read_text()
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.write_text(change(text))

    def restart(self) -> None:
        """End whatever runs on its host, and start it again."""
        self._lab.end(self.host)
        self.start()


def serve(lab: Lab, host: str, packages: str, script: str, files: Mapping[str, str] | None = None) -> Server:
    """Run a server for good; returns when it greets on port 25."""
    server = Server(lab, host, packages, world(lab, host, packages, script, files))
    server.start()
    return server


def wait_for_greeting(lab: Lab, host: str, seconds: float = 40) -> None:
    """Returns when the host's first address greets on port 25."""

    def greets() -> bool:
        with lab.inside(host), suppress(OSError), smtplib.SMTP(lab.hosts[host][0], 25, timeout=5):
            return True
        return False

    lab.wait_for(f"a greeting on {host}", greets, seconds, every=0.2)


def wait_for_listener(lab: Lab, host: str, seconds: float = 40) -> None:
    """Returns when something listens on port 25 of the host's first address, whom it greets or not."""
    place = f"{lab.hosts[host][0]}:25 "
    lab.wait_for(f"a listener on {host}", lambda: place in lab.run(host, ["ss", "-Hltn"]).stdout, seconds, every=0.2)
