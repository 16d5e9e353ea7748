"""How the list does, as people and programs are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from dnsbl.opened import open_list
from tests.dnsbl.cli.conftest import Run


def test_status_says_how_the_list_does_and_mail_that_waits_is_seen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    off = run("status")
    assert off["notices"]["on"] is False and off["clock"] is None and off["listings"] is None
    assert "mail: off (notices.smarthost is not set)" in run("status", plain=True)
    assert "notices.smarthost is not set" in run("notices", "--trial", "a@x.example", code=1)
    monkeypatch.setenv("DNSBL_NOTICES__SMARTHOST", "mail.list.example")
    monkeypatch.setenv("DNSBL_NOTICES__SENDER", "relays@list.example")
    assert run("notices", "--trial", "a@x.example") == {"queued": "a@x.example"}
    assert run("status")["notices"]["waiting"] == 1
    assert "mail: 1 waiting, the oldest since" in run("status", plain=True)
    [mail] = run("notices")["notices"]
    assert (mail["recipient"], mail["state"], mail["template"]) == ("a@x.example", "queued", "trial")
    assert "a@x.example" in run("notices", plain=True)
    assert run("notices", "--silence", "a@x.example") == {"silenced": "a@x.example", "changed": True}
    assert "an operator has said so" in run("notices", "--trial", "a@x.example", code=1)
    assert run("notices", "--end", "a@x.example")["changed"] is True
    assert run("notices", "--end", "a@x.example")["changed"] is False
    run("notices", "--end", "a@x.example", "--silence", "b@x.example", code=2)


def test_watches_are_set_up_shown_and_ended_by_operators(run: Run) -> None:
    made = run("watch", "8.8.8.0/24", "--webhook", "https://noc.example/hook")
    assert made["watching"] == "8.8.8.0/24" and made["secret"] and made["feed"].endswith(".atom")
    [row] = run("watch")["watches"]
    assert (row["way"], row["target"], row["shown"]) == ("webhook", "https://noc.example/hook", "an operator's word")
    assert "noc.example" in run("watch", plain=True)
    assert run("watch", "--end", made["token"]) == {"ended": "8.8.8.0/24"}
    assert run("watch")["watches"] == []
    run("watch", "8.8.8.0/24", "--mail", "a@x.example", "--webhook", "https://x.example", code=2)


def test_roles_that_nobody_has_are_named_by_status_and_by_whoever_queues_a_test(run: Run, tmp_path: Path) -> None:
    assert run("status")["unmanned"] == ["worker", "collector", "scheduler"]
    told = run("status", plain=True)
    assert told.count("as worker") == 1 and "Nobody is at work as worker. No host is tested; `dnsbl serve`" in told
    assert "no worker is at work" in run("test", "127.0.0.9", plain=True)
    open_list(tmp_path / "config.toml").casework.presence.beat("here:1", ("worker", "collector", "scheduler"))
    [node] = run("status")["nodes"]
    assert (node["process"], node["roles"]) == ("here:1", ["worker", "collector", "scheduler"])
    told = run("status", plain=True)
    assert "at work: here:1 (worker collector scheduler), seen" in told and "Nobody" not in told


def test_what_is_no_mail_address_is_not_silenced(run: Run) -> None:
    assert "'foo' is no mail address" in run("notices", "--silence", "foo", code=1)
    assert run("notices", "--silence", "a@x.example")["changed"] is True
