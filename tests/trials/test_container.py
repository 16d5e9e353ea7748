"""The image of Containerfile and the services of compose.yaml, built and run by the lines of docs/container.md as they
stand, by Docker and Compose themselves: founded, asked, well, without a database for a while, stopped and begun again,
upgraded, and with SQLite alone.
"""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moby import PATIENCE, ROOT, Docker
from older import OLDER

from tests.waiting import until

ADDRESS = "81.2.69.142"
#: Somebody on this Docker's machine who takes no mail.
SUSPECT = "81.2.69.143"
PAGE = (ROOT / "docs/container.md").read_text(encoding="utf-8").replace("YOUR-ADDRESS", ADDRESS)
BLOCKS = re.findall(r"^```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
INSIDE = "docker compose exec -T dnsbl dnsbl"


def block(beginning: str) -> str:
    """The one block of the page that begins so."""
    (found,) = [text for text in BLOCKS if text.startswith(beginning)]
    return str(found)


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    """A Docker that has built the image."""
    with tempfile.TemporaryDirectory(prefix="dnsbl-docker-") as name:
        made = Docker(Path(name))
        try:
            made.has_a_way_out()
            made.takes_bases()
            made.types(block("docker build"), patience=5 * PATIENCE)
            made.has_none()
            made.types(f"ip addr add {ADDRESS}/32 dev lo; ip addr add {SUSPECT}/32 dev lo")
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def composed(docker: Docker) -> Iterator[Docker]:
    """One that runs the list and its database; what a shell was told goes on to hold."""
    lines = block("export POSTGRES_PASSWORD")
    *before, question = lines.splitlines()
    assert question.startswith("dig ")
    password = docker.types("\n".join([*before, 'printf "== %s" "$POSTGRES_PASSWORD"'])).rpartition("== ")[2]
    docker.knows("POSTGRES_PASSWORD", password)
    yield docker
    docker.types("docker compose down -v")


def answers(docker: Docker) -> bool:
    """Whether the page's question gets its answer."""
    (question,) = re.findall(r"^(dig .*)$", PAGE, re.MULTILINE)
    return docker.types(f"{question} || true") == "127.0.0.2\n"


def readiness(docker: Docker) -> dict[str, Any]:
    """What is said at /readyz; nothing while nobody is there."""
    said: dict[str, Any] = json.loads(docker.types("curl -s http://127.0.0.1:8080/readyz || echo '{}'"))
    return said


def waited(met: Any) -> Any:
    return asyncio.run(until(met, within=PATIENCE, pause=0.5))


def looked_up(docker: Docker, address: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker.types(f"{INSIDE} lookup {address} --json"))
    return found


def states(docker: Docker) -> set[str]:
    """How Docker itself finds the services, by their health checks."""
    line = "docker inspect -f '{{.State.Health.Status}}' $(docker compose ps -q)"
    return set(docker.types(f"docker inspect -f '{{{{.State.Status}}}}' $(docker compose ps -q); {line}").split())


def test_the_image_says_who_runs_what_where_and_has_no_compiler(docker: Docker) -> None:
    (inspected,) = json.loads(docker.types("docker image inspect dnsbl-relays"))
    config = inspected["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == ("dnsbl", ["dnsbl"], ["serve"])
    assert set(config["Volumes"]) == {"/etc/dnsbl", "/var/lib/dnsbl"}
    assert set(config["ExposedPorts"]) == {"53/udp", "53/tcp", "25/tcp", "8080/tcp"}
    assert config["Healthcheck"]["Test"][:2] == ["CMD", "/usr/bin/python3"]
    run = "docker run --rm --network none --entrypoint"
    assert docker.types(f"{run} id dnsbl-relays -u") == "953\n"
    docker.types(f"{run} sh dnsbl-relays -c 'command -v gcc || command -v pip || command -v cc'", code=127)
    assert "engine: compiled" in docker.types("docker run --rm --network none dnsbl-relays --version")


def test_the_list_and_its_database_come_up_by_the_lines_of_the_page(composed: Docker) -> None:
    waited(lambda: answers(composed))
    assert waited(lambda: (said := readiness(composed)).get("ready") and said)["testing"] == "goes on"
    waited(lambda: states(composed) == {"running", "healthy"})
    assert "Nothing is wrong" in composed.types(f"{INSIDE} doctor")
    composed.types(f"{INSIDE} status")
    stored = "docker compose exec -T database psql -U dnsbl -tAc 'SELECT version_num FROM alembic_version'"
    assert composed.types(stored).strip().isdecimal()


def test_it_runs_as_nobodys_root_with_one_capability_and_files_that_nothing_changes(composed: Docker) -> None:
    status = composed.types("docker compose exec -T dnsbl cat /proc/1/status")
    assert re.search(r"^Uid:\s+953\s+953\s", status, re.MULTILINE)
    assert re.search(r"^CapBnd:\s+0000000000000400$", status, re.MULTILINE)  # CAP_NET_BIND_SERVICE
    read_only = (
        "docker compose exec -T dnsbl sh -c 'touch /tmp/a /var/lib/dnsbl/a && rm /var/lib/dnsbl/a && touch /opt/a'"
    )
    composed.types(f"{read_only} 2>&1 | grep 'Read-only file system'")


def test_a_nomination_is_tested_and_what_is_known_outlives_the_containers(composed: Docker) -> None:
    composed.types(f"{INSIDE} nominate {SUSPECT} --reason trial")
    composed.types(f"{INSIDE} listing add 81.2.69.150 --kind manual --reason trial")
    verdict = waited(lambda: looked_up(composed, SUSPECT)["last_verdict"])
    listed = "dig +short @81.2.69.142 150.69.2.81.relays.your-domain.net A"
    waited(lambda: composed.types(listed).startswith("127.0.0."))
    journal = json.loads(composed.types(f"{INSIDE} journal {SUSPECT} --json"))
    for pause in ("docker compose stop", "docker compose down"):
        composed.types(f"{pause}; docker compose up -d")
        waited(lambda: composed.types(f"{listed} || true").startswith("127.0.0."))
        waited(lambda: readiness(composed).get("ready"))
        assert looked_up(composed, SUSPECT)["last_verdict"] == verdict
        assert json.loads(composed.types(f"{INSIDE} journal {SUSPECT} --json")) == journal
        composed.types(f"{INSIDE} journal --verify")


def test_without_the_database_it_answers_and_is_not_ready_until_that_is_back(composed: Docker) -> None:
    composed.types("docker compose stop database")
    waited(lambda: readiness(composed).get("ready") is False)
    assert answers(composed)
    composed.types("docker compose start database")
    waited(lambda: readiness(composed).get("ready"))


def test_an_upgrade_by_the_lines_of_the_page_leaves_it_answering(composed: Docker) -> None:
    *before, upgrade = block("docker compose build").splitlines()
    script = f'/opt/dnsbl/bin/python3 -I -c {shlex.quote(OLDER)} "$DNSBL_DATABASE__URL"'
    composed.types(f"docker compose exec -T dnsbl sh -c {shlex.quote(script)}; docker compose stop dnsbl")
    composed.types("\n".join(before))
    waited(lambda: answers(composed))
    waited(lambda: "run `dnsbl db upgrade`" in readiness(composed).get("reason", ""))
    composed.types(upgrade)
    waited(lambda: readiness(composed).get("ready"))
    assert answers(composed)
    assert looked_up(composed, "81.2.69.150")["state"] == "listed"


def test_with_sqlite_alone_it_is_well_by_the_lines_of_the_page(composed: Docker) -> None:
    docker = composed
    docker.types("docker compose down")  # one place for both
    docker.types(block("docker run "))
    waited(lambda: answers(docker))
    container = docker.types("docker ps -q").strip()
    health = f"docker inspect -f '{{{{.State.Health.Status}}}}' {container}"
    waited(lambda: docker.types(health) == "healthy\n")
    assert json.loads(docker.types(f"docker exec {container} dnsbl status --json"))
    docker.types(f"docker stop {container}; docker start {container}")
    waited(lambda: answers(docker))
    docker.types(f"docker rm -f {container}")
