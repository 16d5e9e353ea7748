"""Trying out a mail server: the lines are those that are advised, harmless, and each says how to see what it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from dnsbl.dns.trials import TRIALS
from dnsbl.dns.zonefile import zones_from
from dnsbl.web.trials import check, played, probes
from tests.dnsbl.dns.test_trials import LIST, TRIAL

ZONES = zones_from({"trial": TRIAL, "list": LIST}, site="https://bl.test")
[ZONE] = ZONES.trials
OWN = list(ZONES.own)


def test_each_list_that_is_played_is_told_with_what_a_server_does_that_is_in_order() -> None:
    told = played(ZONE)
    assert [one.origin for one in told] == [f"{trial.label.decode()}.trial.bl.test" for trial in TRIALS]
    assert all(one.plays and one.answer and one.right for one in told)
    assert "127.255.255.254" in told[1].answer


def test_the_lines_are_those_that_are_advised_with_the_name_of_the_trial() -> None:
    found = {probe.program: probe for probe in probes(ZONE, OWN)}
    assert set(found) == {"Postfix", "Postfix postscreen", "Exim", "Sendmail", "rspamd", "SpamAssassin"}
    assert "warn_if_reject reject_rbl_client error.trial.bl.test=127.0.0.2" in found["Postfix"].text
    assert "action = ignore" in found["Postfix postscreen"].text
    assert "ERROR_TRIAL_BL_TEST" in found["rspamd"].see and "ERROR_TRIAL_BL_TEST" in found["rspamd"].text
    for probe in found.values():
        assert "127.255.255" not in probe.text and "NAME" not in probe.see + probe.well + probe.ill
    assert probes(ZONE, []) == ()


def test_the_page_tells_of_both_with_and_without_a_zone_for_trials(house: Any, anyone: TestClient) -> None:
    bare = anyone.get("/use/test")
    assert bare.status_code == 200 and "no zone for trials" in bare.text
    visitor = house(trials=ZONES.trials).visitor()
    assert 'href="/use/test"' in visitor.get("/use").text
    page = visitor.get("/use/test").text
    assert "error.<wbr>trial.<wbr>bl.<wbr>test" in page and "warn_if_reject" in page
    assert "2.0.0.127.$list" in page and "good.trial.bl.test" in page


def test_the_script_names_every_list(tmp_path: Path) -> None:
    assert check(["a.test", "b.test"]).startswith("for list in a.test b.test; do")
