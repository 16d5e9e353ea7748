"""`dnsbl feed` and `dnsbl candidates`."""

from __future__ import annotations

from pathlib import Path

from tests.dnsbl.cli.conftest import Run


def feed(tmp_path: Path, text: str = "8.8.8.8\n8.8.4.4 again\nx\n") -> Path:
    path = tmp_path / "list"
    path.write_text(text)
    with (tmp_path / "config.toml").open("a") as config:
        config.write(f'[feeds]\nsources = ["ann {path}"]\n')
    return path


def test_a_feed_is_listed_and_pulled(run: Run, tmp_path: Path) -> None:
    path = feed(tmp_path)
    (row,) = run("feed", "list")["feeds"]
    assert (row["place"], row["asked"], row["said"]) == (
        str(path),
        None,
        "there is no reporter ann: `dnsbl reporter add ann`",
    )
    assert "names no 'ann'" in run("feed", "pull", "ann", code=1)
    run("reporter", "add", "ann", "--trust", "trusted")
    found = run("feed", "pull", "ann")
    assert (found["rows"], found["waiting"], found["skipped"]) == (2, 2, 1)
    (read,) = [entry for entry in run("journal") if entry["verb"] == "feed-read"]
    assert read["actor"].startswith("operator")
    assert run("feed", "pull", "ann") == {"new": False}
    assert run("feed", "list")["feeds"][0]["said"] == "nothing new"
    assert run("candidates", "list") == {"waiting": {"reporter ann": 2}}
    path.unlink()
    assert "cannot be read" in run("feed", "pull", "ann", code=1)
    run("reporter", "suspend", "ann", "--reason", "x")
    assert run("feed", "list")["feeds"][0]["said"] == "its reporter is suspended"


def test_a_list_is_imported_as_candidates_with_an_operators_reason(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("8.8.8.8\n10.0.0.0/8\n")
    dry = run("candidates", "import", str(path), "--dry-run")
    assert (dry["rows"], dry["skipped"], dry["more"]) == (1, 1, False)
    assert run("candidates", "list") == {"waiting": {}}
    assert "--reason" in run("candidates", "import", str(path), code=2)
    found = run("candidates", "import", str(path), "--reason", "their list ends")
    assert (found["waiting"], found["faults"]) == (
        1,
        ["line 2: 10.0.0.0/8 is a network; a feed names single addresses"],
    )
    (who,) = run("candidates", "list")["waiting"]
    assert who.startswith("operator")
    assert "1" in run("candidates", "list", plain=True)
    assert run("candidates", "drop", who, "--reason", "mistake") == {"dropped": 1}
    assert "1 rows" in run("candidates", "import", str(path), "--reason", "again", plain=True)


def test_a_list_that_is_too_long_or_of_an_unknown_reporter_is_refused_whole(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("8.8.8.8\n8.8.4.4\n" + "#" * 2000)
    assert "There is no reporter 'bob'" in run(
        "candidates", "import", str(path), "--reason", "x", "--reporter", "bob", code=1
    )
    with (tmp_path / "config.toml").open("a") as config:
        config.write("[feeds]\nrows = 1\n")
    assert "more than 1 lines" in run("candidates", "import", str(path), "--reason", "x", code=1)
    with (tmp_path / "config.toml").open("a") as config:
        config.write("octets = 1024\n")
    assert "larger than 1024 octets" in run("candidates", "import", str(path), "--reason", "x", code=1)
    assert run("candidates", "list") == {"waiting": {}}
