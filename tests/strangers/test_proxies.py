"""nginx and Caddy in front of the web, set up as docs/install.md shows, and visitors on other hosts."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme
from lab import CLIENT, MX, TESTER, Lab

ROOT = Path(__file__).resolve().parents[2]
NAME = "relays.example.org"
SAMPLES = dict(re.findall(r"```(nginx|caddy)\n(.*?)```", (ROOT / "docs/install.md").read_text(), re.DOTALL))
CONFIG = f"""
[web]
listen = "127.0.0.1:8053"
base_url = "https://{NAME}"
trusted_proxies = ["127.0.0.1/32"]
posts_per_hour = 2
[dns]
zones_dir = "{ROOT}/zones"
"""
VISITORS = {"client": CLIENT, "mx": MX}


class Answer(NamedTuple):
    """What a visitor got."""

    status: int
    text: str


def nginx(lab: Lab, folder: Path, certificate: str) -> list[str]:
    site = re.sub(r"/etc/ssl/\S+(?=;)", certificate, SAMPLES["nginx"])
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; user nobody nogroup; pid {folder}/nginx.pid; error_log stderr;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{site}}}\n"
    )
    return ["nginx", "-c", str(folder / "nginx.conf"), "-e", "stderr"]


def caddy(lab: Lab, folder: Path, certificate: str) -> list[str]:
    """With its own authority in place of the world's, which it cannot reach here."""
    (folder / "Caddyfile").write_text("{\n local_certs\n skip_install_trust\n admin off\n}\n" + SAMPLES["caddy"])
    return ["env", f"HOME={folder}", "caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@pytest.fixture(scope="module", params=[nginx, caddy], ids=["nginx", "caddy"])
def front(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A list on `us`, behind one of the two, reached by its name from the other hosts."""
    proxy: Callable[[Lab, Path, str], list[str]] = request.param
    if shutil.which(proxy.__name__) is None:
        pytest.fail(f"{proxy.__name__} is missing: run `make strangers` as root", pytrace=False)
    with Lab() as lab:
        lab.resolver()
        certificate = str(lab.folder / "site.pem")
        trustme.CA().issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(certificate)
        config = lab.folder / "config.toml"
        config.write_text(CONFIG)
        argv = [sys.executable, "-m", "dnsbl", "serve", "--only", "web", "-c", str(config)]
        lab.popen("us", "web", argv)
        lab.popen("us", proxy.__name__, proxy(lab, lab.folder, certificate))

        def serves() -> bool:
            with suppress(OSError, http.client.HTTPException):
                return ask(lab, "mx", "/healthz") == (200, "ok\n")
            return False

        lab.wait_for(f"the web behind {proxy.__name__}", serves, 40, every=0.3)
        yield lab
        print(lab.logs())


def ask(lab: Lab, host: str, path: str, *, body: str | None = None, **headers: str) -> Answer:
    """One request over TLS from this host."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        lab.inside(host),
        socket.create_connection((TESTER, 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=NAME) as tls,
    ):
        connection = http.client.HTTPConnection(NAME)
        connection.sock = tls
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("POST" if body is not None else "GET", path, body, names)
        reply = connection.getresponse()
        return Answer(reply.status, reply.read().decode())


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize("host", VISITORS)
def test_each_visitor_is_known_by_the_own_address(front: Lab, host: str) -> None:
    page = ask(front, host, "/")
    assert page.status == 200
    assert f"/ip/{VISITORS[host]}" in page.text and "127.0.0.1" not in page.text


def test_what_a_visitor_claims_is_not_believed(front: Lab) -> None:
    claims = {"X_Forwarded_For": "203.0.113.77", "Forwarded": "for=203.0.113.78", "X_Real_IP": "203.0.113.79"}
    page = ask(front, "client", "/", **claims)
    assert f"/ip/{CLIENT}" in page.text and "203.0.113." not in page.text


def test_metrics_are_not_for_visitors_and_are_for_the_machine(front: Lab) -> None:
    assert ask(front, "client", "/metrics").status == 403
    assert ask(front, "client", "/metrics", X_Forwarded_For="127.0.0.1").status == 403
    assert ask(front, "client", "/%6detrics", X_Forwarded_For="127.0.0.1").status == 403
    assert ask(front, "client", "//metrics", X_Forwarded_For="127.0.0.1").status in (403, 404)
    with front.inside("us"):
        connection = http.client.HTTPConnection("127.0.0.1", 8053, timeout=10)
        connection.request("GET", "/metrics")
        assert connection.getresponse().status == 200
        connection.close()


def test_each_visitor_has_a_limit_of_its_own(front: Lab) -> None:
    form = {"Content_Type": FORM, "Origin": f"https://{NAME}"}
    assert [ask(front, "client", "/remove", body="address=192.0.2.99", **form).status for _ in range(3)] == [
        409,
        409,
        429,
    ]
    assert ask(front, "us", "/remove", body="address=192.0.2.99", **form).status == 409, "from another network"


def test_another_site_is_refused_and_a_large_letter_is_read(front: Lab) -> None:
    refused = ask(front, "us", "/remove", body="address=1.1.1.1", Content_Type=FORM, Origin="https://evil.example")
    assert refused.status == 403 and "another site" in refused.text
    document = json.dumps({"address": "192.0.2.99", "evidence": "x" * 262000})
    answer = ask(front, "us", "/api/v1/nominations", body=document, Content_Type="application/json")
    assert answer.status == 422 and json.loads(answer.text)["reason"] != "too-large", (
        "it came in whole and was looked at"
    )


def test_a_crowd_that_says_half_a_request_keeps_nobody_out(front: Lab) -> None:
    halves = []
    with front.inside("client"):
        for _ in range(300):
            half = socket.create_connection((TESTER, 443), timeout=10)
            half.send(b"\x16\x03\x01")
            halves.append(half)
    began = time.monotonic()
    assert ask(front, "mx", "/").status == 200
    assert time.monotonic() - began < 5
    for half in halves:
        half.close()


def test_bodies_that_trickle_keep_nobody_out(front: Lab) -> None:
    """nginx waits for the whole body by itself; Caddy hands it on, and it is we who have to be patient."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    slow = []
    with front.inside("client"):
        for _ in range(60):
            tls = context.wrap_socket(socket.create_connection((TESTER, 443), timeout=10), server_hostname=NAME)
            tls.send(f"POST /api/v1/nominations HTTP/1.1\r\nHost: {NAME}\r\nContent-Length: 5000\r\n\r\n{{".encode())
            slow.append(tls)
    assert [ask(front, "mx", "/").status for _ in range(5)] == [200] * 5
    for tls in slow:
        tls.close()


def test_the_settings_that_the_page_shows_are_those_that_are_tested() -> None:
    page = (ROOT / "docs/install.md").read_text()
    for line in CONFIG.splitlines():
        if line.startswith(("listen", "base_url", "trusted_proxies")):
            assert line in page
    assert set(SAMPLES) == {"nginx", "caddy"}
