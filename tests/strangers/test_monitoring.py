"""What we ship for Prometheus and Grafana, in Debian's Prometheus: page, alerts, every query of the dashboard."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dns_servers import A, ask, query
from lab import Lab

pytestmark = pytest.mark.alone

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "contrib" / "prometheus" / "alerts.yml"
DASHBOARD = json.loads((ROOT / "contrib" / "grafana" / "dnsbl.json").read_text(encoding="utf-8"))
DNS, WEB, PROMETHEUS = "127.0.0.1", 8053, 9090
LISTED, TESTED = "192.0.2.7", "127.0.0.9"
ZONE = "relays.example.org"
#: What a list of a few seconds need not have: no letter came back, nobody's mail is sent, nothing has failed.
EMPTY = re.compile(
    r"dnsbl_(letters_returned|listed|delisted|troubles|store_failures|dns_dropped|dns_socket)|dnsbl_log_lines_total.*!=|-sum"
)
CONFIG = f"""\
[dns]
listen = ["{DNS}:53"]
poll = 0.05
[collector]
listen = ["127.0.0.1:2525"]
[web]
listen = "127.0.0.1:{WEB}"
[tester]
source_addresses = ["127.0.0.1"]
port = 12599
collector_domain = "c.test"
bounce_domain = "b.test"
lab_networks = ["127.0.0.0/8", "192.0.2.0/24"]
attempt_gap = 0.02
connection_gap = 0.05
grace = 1
"""


class Watched:
    """A list on loopback of the laboratory, with a Prometheus that scrapes it each second."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.folder = lab.folder / "watched"
        (self.folder / "zones").mkdir(parents=True)
        shutil.copy(ROOT / "zones" / f"{ZONE}.toml", self.folder / "zones")
        (self.folder / "config.toml").write_text(CONFIG)
        rules = re.sub(r"for: \w+", "for: 1s", ALERTS.read_text(encoding="utf-8"))  # the waits are promtool's to try
        (self.folder / "alerts.yml").write_text(rules)
        (self.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            "rule_files: [alerts.yml]\n"
            f'scrape_configs: [{{job_name: dnsbl, static_configs: [{{targets: ["127.0.0.1:{WEB}"]}}]}}]\n'
        )
        self.list = lab.popen("us", "dnsbl", [*self._dnsbl("serve"), "--json"])
        lab.wait_for("the list", lambda: self.page() is not None, 30)
        lab.popen(
            "us",
            "prometheus",
            [
                "prometheus",
                f"--config.file={self.folder}/prometheus.yml",
                f"--storage.tsdb.path={self.folder}/tsdb",
                f"--web.listen-address=127.0.0.1:{PROMETHEUS}",
            ],
        )

    def _dnsbl(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dnsbl", *words, "--config", str(self.folder / "config.toml")]

    def command(self, *words: str) -> None:
        self._lab.run("us", self._dnsbl(*words), seconds=60)

    def page(self) -> str | None:
        """The metrics page, or None while it is not there."""
        return self._get(f"http://127.0.0.1:{WEB}/metrics")

    def post(self, path: str, document: dict[str, str]) -> int:
        """The status that the API answers with."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{WEB}/api/v1/{path}",
            json.dumps(document).encode(),
            {"Content-Type": "application/json"},
        )
        with self._lab.inside("us"):
            try:
                return int(urllib.request.urlopen(request, timeout=10).status)
            except urllib.error.HTTPError as error:
                return error.code

    def asked(self, expression: str) -> list[Any]:
        """What Prometheus answers. Fails for what is no query."""
        where = f"http://127.0.0.1:{PROMETHEUS}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
        text = self._get(where)
        if text is None:
            return []
        document = json.loads(text)
        assert document["status"] == "success", (expression, document)
        found: list[Any] = document["data"]["result"]
        return found

    def _get(self, url: str) -> str | None:
        with self._lab.inside("us"):
            try:
                with urllib.request.urlopen(url, timeout=5) as reply:
                    return str(reply.read().decode())
            except urllib.error.HTTPError as error:
                return str(error.read().decode())
            except OSError:
                return None


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """The first true value of this."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def watched(lab: Lab) -> Watched:
    made = Watched(lab)
    made.command("listing", "add", LISTED, "--kind", "manual", "--reason", "a test")
    made.command("test", TESTED)
    assert made.post("nominations", {"address": TESTED}) >= 400
    assert made.post("removals", {"address": TESTED}) >= 400
    reversed_name = ".".join(reversed(LISTED.split(".")))
    until(lambda: ask(lab, DNS, query(f"{reversed_name}.{ZONE}", A))[3] & 15 == 0)
    until(lambda: made.asked("dnsbl_tests_judged_total > 0"))
    # a rate needs two samples, and of a count that begins above nothing a change
    until(lambda: made.asked("rate(dnsbl_store_seconds_count[15s]) > 0"))
    return made


def promtool(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *words], input=given, capture_output=True, text=True, timeout=120)


def test_the_page_of_a_list_is_as_prometheus_wants_it(watched: Watched) -> None:
    done = promtool("check", "metrics", given=watched.page())
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_alerts_are_rules_that_fire_when_they_should_and_only_then() -> None:
    done = promtool("check", "rules", str(ALERTS))
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("test", "rules", str(ALERTS.with_name("alerts.test.yml")))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_and_asks_for_metrics_that_there_are(watched: Watched) -> None:
    text, page = ALERTS.read_text(encoding="utf-8"), watched.page() or ""
    names = re.findall(r"- alert: (\w+)", text)
    tried = ALERTS.with_name("alerts.test.yml").read_text(encoding="utf-8")
    assert [name for name in names if f"        - alertname: {name}\n".strip(" ") not in tried] == []
    families = set(re.findall(r"^# TYPE (\S+)", page, re.MULTILINE))
    asked = {re.sub(r"_(bucket|count|sum)$", "", name) for name in re.findall(r"\b(?:dnsbl|process)_[a-z_]+", text)}
    assert asked - families == {"dnsbl_key_alarm"} & asked - families  # which is there once clients have keys


def test_no_alert_fires_on_a_list_that_does_well(watched: Watched) -> None:
    assert [found["metric"] for found in watched.asked('ALERTS{alertstate="firing"}')] == []


QUERIES = sorted({target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())})


def test_a_dashboard_has_a_panel_for_each_thing_that_an_operator_looks_for() -> None:
    assert len(QUERIES) > 30
    assert all(panel["title"] for panel in DASHBOARD["panels"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.parametrize("expression", QUERIES)
def test_every_query_of_the_dashboard_is_answered(watched: Watched, expression: str) -> None:
    for name, value in (("$job", "dnsbl"), ("$instance", ".+"), ("$__rate_interval", "1m")):
        expression = expression.replace(name, value)
    assert "$" not in expression
    found = watched.asked(expression)
    assert found or EMPTY.search(expression), watched.page()


def test_a_list_that_is_gone_is_told_of(watched: Watched) -> None:
    watched.list.send_signal(signal.SIGTERM)
    watched.list.wait(30)
    until(lambda: watched.asked('ALERTS{alertname="DnsblGone",alertstate="firing"}'))
