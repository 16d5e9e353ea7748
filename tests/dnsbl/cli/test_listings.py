"""Operators' own listings, as they are typed."""

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.dnsbl.cli.conftest import Run


def test_operators_list_and_drop_networks_all_or_nothing(run: Run, tmp_path: Path) -> None:
    assert run("listing", "add", "8.8.8.0/24", "--reason", "spam house")["added"] == 1
    found = run("lookup", "8.8.8.77")
    assert (found["state"], found["listings"][0]["kind"]) == ("listed", "manual")
    nets = tmp_path / "nets"
    nets.write_text("# ours\n9.9.9.0/24\n2606:4700::/32  # theirs\n\n8.8.8.0/24\n")
    assert run("listing", "add", "--from", str(nets), "--reason", "more")["added"] == 2
    nets.write_text("9.9.9.0/24\nnot a network\n1.2.3.4/8\n")
    err = run("listing", "drop", "--from", str(nets), "--reason", "x", code=1)
    assert f"{nets}:2: " in err
    assert f"{nets}:3: " in err
    assert "Nothing was changed" in err
    assert run("lookup", "9.9.9.9")["state"] == "listed"
    dropped = run("listing", "drop", "8.8.8.0/24", "--reason", "gone")
    assert dropped["dropped"] == 1
    told, known = (
        datetime.fromisoformat(text) for text in (dropped["clears_by"], run("lookup", "8.8.8.77")["clears_by"])
    )
    assert abs(told - known) < timedelta(seconds=60), "by when every cache has let go"
    assert run("lookup", "8.8.8.77")["state"] != "listed"


def test_the_first_mistakes_of_a_file_are_named_by_their_lines_and_the_others_counted(run: Run, tmp_path: Path) -> None:
    nets = tmp_path / "nets"
    nets.write_text("8.8.8.0/24\n" + "1.2.3.4/8\n" * 25)
    err = run("listing", "add", "--from", str(nets), "--reason", "x", code=1)
    assert f"{nets}:2: " in err and f"{nets}:21: " in err and f"{nets}:22: " not in err
    assert "(and 5 more)" in err and "Nothing was changed" in err
    assert run("lookup", "8.8.8.8")["state"] == "unknown"


def test_exceptions_are_made_shown_and_ended(run: Run) -> None:
    run("listing", "add", "8.8.8.0/24", "--kind", "manual", "--reason", "x")
    assert run("lookup", "8.8.8.8")["state"] == "listed"
    made = run("listing", "except", "8.8.8.8", "--reason", "our customer", "--public", "by mistake")
    assert made == {"excepted": "8.8.8.8/32", "out_of": ["8.8.8.0/24 (manual)"]}
    told = run("lookup", "8.8.8.8")
    assert (told["state"], told["listings"], told["exception"]["network"]) == ("unknown", [], "8.8.8.8/32")
    assert run("lookup", "8.8.8.9")["state"] == "listed"
    assert "left out of wider listings: 8.8.8.8/32, our customer" in run("lookup", "8.8.8.8", plain=True)
    [row] = run("listing", "except", "--list")["exceptions"]
    assert (row["network"], row["reason"], row["public"]) == ("8.8.8.8/32", "our customer", "by mistake")
    assert [entry["verb"] for entry in run("journal", "8.8.8.8")] == ["excepted"]
    assert run("listing", "except", "8.8.8.8", "--end", "--reason", "no more") == {"exception_ended": "8.8.8.8/32"}
    assert run("lookup", "8.8.8.8")["state"] == "listed"
    for words in (("except",), ("except", "8.8.8.8", "--list"), ("except", "8.8.8.8")):
        run("listing", *words, code=2)


def test_what_waits_for_a_second_operator_is_shown_and_only_another_one_confirms(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + "[policy]\ntwo_persons = true\n")
    assert run("listing", "add", "8.8.8.0/24", "--reason", "spam")["added"] == 0
    assert run("lookup", "8.8.8.8")["state"] == "unknown"
    assert "waits for another operator" in run("listing", "review", plain=True, code=1, both=True)
    words = ("listing", "review", "8.8.8.0/24", "--confirm", "--reason", "seen")
    assert "another operator has to confirm" in run(*words, code=1)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: SimpleNamespace(pw_name="somebody-else"))
    run(*words)
    assert run("lookup", "8.8.8.8")["state"] == "listed"
    assert run("listing", "review") == {"to_review": [], "proposed": []}
    assert run("listing", "review", "8.8.8.0/24", "--keep", "--reason", "still")["until"]
    assert "lapses" in run("listing", "review", "--within", "400", plain=True, code=1, both=True)
    run("listing", "add", "8.8.4.0/24", "--reason", "spam")
    run("listing", "review", "8.8.4.0/24", "--withdraw", "--reason", "no")
    run("listing", "review", "8.8.4.0/24", code=2)


def test_what_is_listed_is_found_by_kind_network_time_zone_and_reason_a_page_at_a_time(run: Run) -> None:
    for network in ("8.8.8.0/24", "2001:4860::/48", "9.9.9.9"):
        run("listing", "add", network, "--reason", "[b]x[/b] :fire:")
    found = run("listing", "list")
    assert [row["network"] for row in found["listings"]] == ["9.9.9.9/32", "2001:4860::/48", "8.8.8.0/24"]
    assert found["before"] is None and found["listings"][0]["note"] == "[b]x[/b] :fire:"
    page = run("listing", "list", "--limit", "2")
    assert [row["network"] for row in page["listings"]] == ["9.9.9.9/32", "2001:4860::/48"]
    rest = run("listing", "list", "--limit", "2", "--before", str(page["before"]))
    assert [row["network"] for row in rest["listings"]] == ["8.8.8.0/24"] and rest["before"] is None

    def networks(*words: str) -> list[str]:
        return [row["network"] for row in run("listing", "list", *words)["listings"]]

    assert networks("--network", "8.0.0.0/8") == ["8.8.8.0/24"] and networks("--kind", "relay") == []
    assert len(networks("--kind", "manual", "--reason", "operator", "--since", "2026-01-01")) == 3
    assert networks("--until", "2026-01-01T00:00") == [] == networks("--reason", "letter-returned")
    assert len(networks("--zone", "relays.example.org")) == 3
    assert "[b]x[/b] :fire:" in run("listing", "list", plain=True)
    assert "Nothing is listed" in run("listing", "list", "--kind", "relay", plain=True)
    assert "--before" in run("listing", "list", "--limit", "1", plain=True)
    assert "There is no zone" in run("listing", "list", "--zone", "x.example", code=1)
    assert "No zone file knows" in run("listing", "list", "--kind", "nonsense", code=1)
    run("listing", "list", "--since", "yesterday", code=2)
