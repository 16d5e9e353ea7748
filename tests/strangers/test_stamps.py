"""An authority for time stamps that we did not write (`openssl ts -reply`), and a stranger with `openssl ts -verify`
who trusts it and not us."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from dnsbl.demo.neighbourhood import free_port

ZONES = Path(__file__).parents[2] / "zones"
CONF = """
[tsa]
default_tsa = ours
[ours]
serial = {0}/serial
signer_cert = {0}/tsa.pem
signer_key = {0}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256
ess_cert_id_alg = sha256
"""
EXTENSIONS = "basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=critical,timeStamping\n"
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def openssl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, timeout=30)


class Authority:
    """A root, a certificate for time stamps below it, and a web server on loopback that signs by it."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.fail("openssl is needed: run tests/strangers/install as root", pytrace=False)
        folder.mkdir()
        self.root, self.asked = folder / "root.pem", 0
        key, leaf = folder / "root.key", folder / "tsa.pem"
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        (folder / "ext").write_text(EXTENSIONS, encoding="ascii")
        (folder / "tsa.cnf").write_text(CONF.format(folder), encoding="utf-8")
        (folder / "serial").write_text("01\n", encoding="ascii")
        below = ("-CA", self.root, "-CAkey", key, "-CAcreateserial", "-days", "2", "-extfile", folder / "ext")
        for words in (
            ("req", "-x509", *new, "-keyout", key, "-out", self.root, "-days", "2", "-subj", "/CN=root.example"),
            ("req", *new, "-keyout", folder / "tsa.key", "-out", folder / "csr", "-subj", "/CN=tsa.example"),
            ("x509", "-req", "-in", folder / "csr", *below, "-out", leaf),
        ):
            done = openssl(*words)
            assert done.returncode == 0, done.stderr
        self._folder = folder

    def reply(self, query: bytes) -> bytes:
        self.asked += 1
        there, back = self._folder / "query", self._folder / "reply"
        there.write_bytes(query)
        done = openssl("ts", "-reply", "-config", self._folder / "tsa.cnf", "-queryfile", there, "-out", back)
        assert done.returncode == 0, done.stderr
        return back.read_bytes()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Its URL."""
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/timestamp-query"
                content = ours.reply(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.05,))
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/tsr"
            finally:
                server.shutdown()
                thread.join()


class List:
    """A list in a folder that keeps a log, has it stamped and shows it, on loopback; it tests nobody."""

    def __init__(self, folder: Path, stamps: list[str]) -> None:
        folder.mkdir()
        self.folder, self.port = folder, free_port()
        self.config = folder / "config.toml"
        self.config.write_text(
            f'[service]\nstate_dir = "state"\n[dns]\nzones_dir = "{ZONES}"\n[web]\nlisten = "127.0.0.1:{self.port}"\n'
            f'[tlog]\norigin = "relays.example.org/log"\nfolder = "log"\nstamps = {stamps}\n',
            encoding="utf-8",
        )

    def run(self, *words: str) -> None:
        done = subprocess.run(self.words(*words), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dnsbl", *words, "--config", str(self.config)]

    @contextmanager
    def serving(self) -> Iterator[None]:
        with (self.folder / "said").open("ab") as said:
            process = subprocess.Popen(self.words("serve", "--only", "scheduler,web"), stdout=said, stderr=said)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(30) == 0, (self.folder / "said").read_text(errors="replace")

    def get(self, path: str) -> bytes:
        """What its site has there, b"" where it has nothing or is not up."""
        try:
            with _OPENER.open(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                content: bytes = answer.read()
                return content
        except OSError:
            return b""

    def until(self, met: Callable[[], list[str]]) -> list[str]:
        end = time.monotonic() + 40
        while not (found := met()):
            assert time.monotonic() < end, (self.folder / "said").read_text(errors="replace")[-4000:]
            time.sleep(0.1)
        return found


def test_a_stranger_accepts_a_stamp_for_its_head_and_by_its_authority_alone(tmp_path: Path) -> None:
    one, other = Authority(tmp_path / "one"), Authority(tmp_path / "other")
    with one.serving() as first, other.serving() as second:
        ours = List(tmp_path / "list", [first, second])
        ours.run("exclude", "192.0.2.0/24", "--reason", "a first entry")
        ours.run("log", "keep")
        with ours.serving():
            days = {datetime.now(UTC).date().isoformat()}
            (day,) = ours.until(lambda: re.findall(r"/log/stamps/([0-9-]+)/2\.tsr", ours.get("/log").decode()))
            assert day in days | {datetime.now(UTC).date().isoformat()}
            for name in ("checkpoint", "1.tsr", "2.tsr"):
                (tmp_path / name).write_bytes(ours.get(f"/log/stamps/{day}/{name}"))
    head, changed = tmp_path / "checkpoint", tmp_path / "changed"
    origin, size, rest = head.read_bytes().split(b"\n", 2)
    assert origin == b"relays.example.org/log" and int(size) > 0
    changed.write_bytes(b"%s\n%d\n%s" % (origin, int(size) + 1, rest))

    def verified(data: Path, answer: str, authority: Authority) -> bool:
        done = openssl("ts", "-verify", "-data", data, "-in", tmp_path / answer, "-CAfile", authority.root)
        assert ("Verification: OK" in done.stdout + done.stderr) == (done.returncode == 0), done.stderr
        return done.returncode == 0

    assert verified(head, "1.tsr", one) and verified(head, "2.tsr", other)
    assert not verified(changed, "1.tsr", one) and not verified(head, "1.tsr", other)
    assert (one.asked, other.asked) == (1, 1)
    for name in ("checkpoint", "1.tsr", "2.tsr"):  # and in the folder for any web server
        assert (ours.folder / "log" / "stamps" / day / name).read_bytes() == (tmp_path / name).read_bytes()
