"""The mistakes of a first day, as people type them: each is answered by the sentence that helps, and exit code 1."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ZONE = "relays.example.org.toml"
#: What is right, of which each mistake changes a little.
RIGHT = """
[service]
state_dir = "state"
[dns]
listen = ["127.0.0.1:0"]
zones_dir = "zones"
[web]
listen = "127.0.0.1:0"
"""


class Beginner:
    """Somebody in a folder, who types."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "zones", folder / "zones")
        self.configure(RIGHT)

    def configure(self, text: str | bytes, name: str = "config.toml") -> None:
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    def types(self, *words: str) -> tuple[int, str]:
        """The exit code, and all that is said."""
        command = [sys.executable, "-m", "dnsbl", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr


def no_configuration(one: Beginner) -> tuple[int, str]:
    shutil.rmtree(one.folder / "zones")
    (one.folder / "config.toml").unlink()
    return one.types("check-config")


def a_file_that_is_not_there(one: Beginner) -> tuple[int, str]:
    return one.types("check-config", "--config", "confg.toml")


def a_folder_that_cannot_be_made(one: Beginner) -> tuple[int, str]:
    one.configure(RIGHT.replace('"state"', '"/proc/no/state"'))
    return one.types("check-config")


def a_file_as_another_system_saves_it(one: Beginner) -> tuple[int, str]:
    one.configure(RIGHT.encode("utf-16"))
    return one.types("check-config")


def another_ones_scheme(one: Beginner) -> tuple[int, str]:
    one.configure(RIGHT + '[database]\nurl = "postgres://dnsbl@localhost/dnsbl"\n')
    return one.types("check-config")


def the_folder_of_a_database_that_is_not_there(one: Beginner) -> tuple[int, str]:
    one.configure(RIGHT + f'[database]\nurl = "sqlite:///{one.folder}/y/z.db"\n')
    for words in (("status",), ("db", "upgrade"), ("doctor", "--resolver", "127.0.0.1:9")):
        code, said = one.types(*words)
        assert code == 1 and f"there is no folder {one.folder}/y" in said, said
    return one.types("check-config")


def a_database_that_is_down(one: Beginner) -> tuple[int, str]:
    one.configure(RIGHT + '[database]\nurl = "postgresql://dnsbl:secret@127.0.0.1:9/dnsbl"\n')
    code, said = one.types("status")
    assert "secret" not in said
    return code, said


def another_ones_scheme_where_it_is_needed(one: Beginner) -> tuple[int, str]:
    one.configure(RIGHT + '[database]\nurl = "postgres://dnsbl@localhost/dnsbl"\n')
    return one.types("status")


def a_folder_of_zones_that_is_not_there(one: Beginner) -> tuple[int, str]:
    one.configure(RIGHT.replace('"zones"', '"zonse"'))
    return one.types("check-config")


def a_port_that_is_taken(one: Beginner) -> tuple[int, str]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        one.configure(RIGHT.replace('[web]\nlisten = "127.0.0.1:0"', f'[web]\nlisten = "{taken}"'))
        return one.types("serve", "--only", "web")


def a_port_twice(one: Beginner) -> tuple[int, str]:
    one.configure(RIGHT.replace("127.0.0.1:0", "127.0.0.1:8053"))
    return one.types("check-config")


def a_code_that_no_list_may_have(one: Beginner) -> tuple[int, str]:
    zone = one.folder / "zones" / ZONE
    zone.write_text(zone.read_text().replace('"127.0.0.2"', '"10.0.0.2"', 1))
    return one.types("check-config")


def keys_of_another_node(one: Beginner) -> tuple[int, str]:
    first = one.types("keys", "rotate", "--reason", "first")
    assert first[0] == 0, first
    one.configure(RIGHT.replace('"state"', '"other"') + '[database]\nurl = "sqlite:///state/dnsbl.db"\n')
    return one.types("serve", "--only", "worker")


@pytest.mark.parametrize(
    ("mistake", "said"),
    [
        (no_configuration, "`dnsbl init` writes a first configuration"),
        (a_file_that_is_not_there, "confg.toml: cannot be read: No such file or directory"),
        (a_folder_that_cannot_be_made, "service.state_dir: /proc/no/state cannot be written"),
        (a_file_as_another_system_saves_it, "config.toml: not TOML: it is no UTF-8"),
        (
            another_ones_scheme,
            "config.toml: database.url: sqlite:///PATH or postgresql+psycopg://user@host",
        ),
        (another_ones_scheme_where_it_is_needed, "config.toml: database.url: sqlite:///PATH or postgresql+psycopg://"),
        (the_folder_of_a_database_that_is_not_there, "database.url: there is no folder"),
        (
            a_database_that_is_down,
            "dnsbl at 127.0.0.1:9 does not answer: nobody listens there; `dnsbl doctor`",
        ),
        (a_folder_of_zones_that_is_not_there, "zonse: dns.zones_dir leads to no folder: there is none"),
        (a_port_that_is_taken, "another program listens there (`ss -lntup` names it)"),
        (a_port_twice, "web.listen 127.0.0.1:8053: is taken by dns.listen 127.0.0.1:8053"),
        (a_code_that_no_list_may_have, f"{ZONE}: kinds.relay.code: an address in 127.0.0.0/8 other than 127.0.0.1"),
        (keys_of_another_node, "Copy keys.json from a node that has them, or from a backup"),
    ],
    ids=lambda one: one.__name__ if callable(one) else "",
)
def test_a_mistake_is_answered_by_the_sentence_that_helps(
    mistake: Callable[[Beginner], tuple[int, str]], said: str, tmp_path: Path
) -> None:
    code, text = mistake(Beginner(tmp_path))
    assert code == 1 and said in text and "Traceback" not in text, text


@pytest.mark.parametrize("roles", ["web", "dns,web"])
def test_a_list_that_cannot_begin_gives_programs_the_document_of_a_failure(roles: str, tmp_path: Path) -> None:
    one = Beginner(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        one.configure(RIGHT.replace('[web]\nlisten = "127.0.0.1:0"', f'[web]\nlisten = "{taken}"'))
        command = [sys.executable, "-m", "dnsbl", "serve", "--only", roles, "--json"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert "another program listens there" in told["error"] and told["error"] in done.stderr
    assert told.keys() == {"error", "reason", "retry_after"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (RIGHT, "a name for examples, which nobody can delegate to you; `dnsbl init` writes another"),
        (RIGHT + 'base_url = "https://relays.example.net"\n', "web.trusted_proxies names none"),
        ("\ufeff" + RIGHT, "config: config.toml"),
        (
            RIGHT + '[collector]\nhostname = "c.example.net"\n',
            "collector.hostname is c.example.net, a name for",
        ),
        (
            RIGHT.replace("[service]", '[service]\ncontact = "me@example.org"'),
            "service.contact leads to example.org, a name for examples",
        ),
        (
            RIGHT.replace("[service]", '[service]\nwebsite = "https://www.example.com"'),
            "service.website leads to www.example.com",
        ),
    ],
    ids=["names for examples", "a proxy that is not named", "a byte order mark", "collector", "contact", "website"],
)
def test_what_works_but_is_doubtful_is_a_note(written: str, said: str, tmp_path: Path) -> None:
    one = Beginner(tmp_path)
    one.configure(written)
    code, text = one.types("check-config")
    assert code == 0 and said in text, text


def test_a_kind_that_no_zone_answers_for_is_a_note_wherever_notes_are_told(tmp_path: Path) -> None:
    one = Beginner(tmp_path)
    one.configure(RIGHT)
    zone = one.folder / "zones" / ZONE
    zone.write_text(zone.read_text().replace("[kinds.relay]", "[kinds.rely]"))
    note = "policy.kinds has relay, which no zone answers for: such listings are published nowhere; write [kinds.relay]"
    assert note in one.types("check-config")[1] and note in one.types("status")[1]
    assert note in one.types("doctor", "--resolver", "127.0.0.1:9")[1]
    one.configure(RIGHT + '[policy]\nkinds = ["relay"]\n')
    said = one.types("check-config")[1]
    assert "relays.example.org answers for multihop, which nothing fills: put it into policy.kinds" in said
