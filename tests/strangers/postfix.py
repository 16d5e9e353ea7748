"""Postfix as it comes, in the laboratory: closed unless the test says otherwise, with folder, queue and log of its own.

Holds its configuration and the daemon's life. The machine's own configuration and queue are neither read nor touched.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from contextlib import suppress

from lab import Lab

_MASTER_CF = """\
{}  inet  n       -       n       -       -       smtpd
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
proxymap  unix  -       -       n       -       -       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
anvil     unix  -       -       n       -       1       anvil
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
postlog   unix-dgram n  -       n       -       1       postlogd
"""


class Postfix:
    """A Postfix with folder, queue and log of its own. It knows postmaster and user, whose mail it throws away."""

    def __init__(self, lab: Lab, host: str, *, listen: str = "smtp", more: str = "", **settings: str) -> None:
        """`listen` is where it takes mail, as the first column of master.cf has it; `more` are further lines there."""
        self._lab, self.host = lab, host
        self.address, self.name = lab.hosts[host][0], lab.name(host)
        self._folder = lab.folder / host
        self._config = self._folder / "etc"
        self._listen, self._more = listen, more
        self._settings = {
            "compatibility_level": "3.6",
            "queue_directory": str(self._folder / "queue"),
            "data_directory": str(self._folder / "data"),
            "maillog_file": "/dev/stdout",
            "myhostname": self.name,
            "mydestination": self.name,
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "all",
            "inet_protocols": "ipv4",
            "smtp_host_lookup": "dns",
            "smtpd_relay_restrictions": "permit_mynetworks reject_unauth_destination",
            "alias_maps": "",
            "local_recipient_maps": "inline:{postmaster=known, user=known}",
            "local_transport": "discard:kept by nobody",
            "queue_run_delay": "1s",
            "minimal_backoff_time": "1s",
            "maximal_backoff_time": "2s",
        } | settings

    def start(self) -> None:
        """Make the queue and run the master daemon itself, for `postfix start-fg` would survive it being ended."""
        self._config.mkdir(parents=True)
        (self._folder / "queue").mkdir()
        (self._config / "master.cf").write_text(_MASTER_CF.format(self._listen) + self._more)
        self._write()
        self._run()

    def edit(self, path: str, change: Callable[[str], str]) -> None:
        """Change a file of /etc/postfix, for the next start; what `configure` does afterwards undoes it."""
        place = self._config / path.removeprefix("/etc/postfix/")
        place.write_text(change(place.read_text()))

    def restart(self) -> None:
        """End whatever runs on its host, and start it again."""
        self._lab.end(self.host)
        self._run()

    def _run(self) -> None:
        self._command("check")
        daemons = self._lab.run(
            self.host, ["postconf", "-c", str(self._config), "-h", "daemon_directory"]
        ).stdout.strip()
        self._lab.popen(self.host, self.host, [f"{daemons}/master", "-c", str(self._config), "-s"])
        self._lab.wait_for(f"Postfix on {self.host}", self._greets if self._listen == "smtp" else self._listens, 20)

    def configure(self, **settings: str) -> None:
        """Change settings and reload; returns when no process with the old ones is left to greet anybody."""
        self._settings |= settings
        self._write()
        old, reloads = self._lab.pids(self.host, "smtpd"), self._reloads()
        self._command("reload")
        self._lab.wait_for("the reload", lambda: self._reloads() > reloads)
        self._lab.wait_for("the old smtpd to end", lambda: not old & self._lab.pids(self.host, "smtpd"))

    def _command(self, word: str) -> None:
        self._lab.run(self.host, ["postfix", "-c", str(self._config), word])

    def _reloads(self) -> int:
        return len(re.findall(r"postfix/master\[\d+\]: reload -- ", self._lab.log(self.host)))

    def _write(self) -> None:
        lines = (f"{name} = {value}\n" for name, value in self._settings.items())
        (self._config / "main.cf").write_text("".join(lines))

    def _listens(self) -> bool:
        return f"{self._listen} " in self._lab.run(self.host, ["ss", "-Hltn"]).stdout

    def _greets(self) -> bool:
        with self._lab.inside(self.host), suppress(OSError), smtplib.SMTP(self.address, 25, timeout=5):
            return True
        return False


def start_postfix(lab: Lab, host: str, *, listen: str = "smtp", more: str = "", **settings: str) -> Postfix:
    """A running Postfix on this host, with these lines of main.cf on top of the defaults."""
    server = Postfix(lab, host, listen=listen, more=more, **settings)
    server.start()
    return server
