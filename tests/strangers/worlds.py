"""Servers from unpacked Debian packages, each in a world of its own: they exclude one another as packages.

A world is the machine's /usr and /etc with a package's files, and then the test's own, laid over them (overlayfs), and
a /var of its own, in the private mount namespace that `ip netns exec` makes. So paths that are compiled in hold, users
exist that the machine does not know, and nothing that a server does leaves its world: the machine is not changed.
`tests/strangers/install` makes a folder a world, in CACHE.
"""

from __future__ import annotations

import shlex
import smtplib
from collections.abc import Mapping, Sequence
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
}


def world(lab: Lab, host: str, packages: str, script: str, files: Mapping[str, str] | None = None) -> list[str]:
    """The argv that runs a shell script on this host in this world, with these files (path to text) in it."""
    if not (CACHE / packages).is_dir():
        raise LabError(f"{packages} is not in {CACHE}: run `make strangers` as root")
    folder = lab.folder / f"{host}-{packages}"
    lines = ["set -e", "umask 022", f"mkdir {folder}/rw", f"mount -t tmpfs none {folder}/rw"]
    texts = {"etc/resolv.conf": f"nameserver {RESOLVER}\noptions timeout:1 attempts:2\n"} | dict(files or {})
    for kind, row in (("passwd", "{}:x:{}:{}::/nonexistent:/bin/false"), ("group", "{}:x:{}:")):
        rows = (row.format(user, 900 + i, 900 + i) for i, user in enumerate(USERS[packages]))
        texts[f"etc/{kind}"] = Path("/etc", kind).read_text() + "".join(f"{row}\n" for row in rows)
    for path, text in texts.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    (folder / "var/tmp").mkdir(parents=True)
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


def serve(lab: Lab, host: str, packages: str, script: str, files: Mapping[str, str] | None = None) -> None:
    """Run a server for good; returns when it greets on port 25."""
    lab.popen(host, host, world(lab, host, packages, script, files))
    wait_for_greeting(lab, host)


def wait_for_greeting(lab: Lab, host: str, seconds: float = 40) -> None:
    """Returns when the host's first address greets on port 25."""

    def greets() -> bool:
        with lab.inside(host), suppress(OSError), smtplib.SMTP(lab.hosts[host][0], 25, timeout=5):
            return True
        return False

    lab.wait_for(f"a greeting on {host}", greets, seconds, every=0.2)
