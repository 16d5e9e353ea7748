"""What is typed wrong: exit code 2, one sentence that says where and what would be right, one document for programs."""

from __future__ import annotations

import json
import re

import pytest

from dnsbl.cli import problem
from dnsbl.errors import Refused, SettingsError
from tests.dnsbl.cli.conftest import ROOT, Run

WRONG = [
    (("reporter", "add", "ann", "--trust", "boss"), "--trust: 'boss' is none of new, known, trusted"),
    (("reporter", "trust", "ann", "boss"), "TIER: 'boss' is none of new, known, trusted"),
    (("survey", "report", "x", "--format", "pdf"), "--format: 'pdf' is none of text, csv, json, html, studies"),
    (("export", "--format", "pdf"), "--format: formats are rbldnsd, bind"),
    (("test", "8.8.8.8", "--profile", "deep"), "--profile: profiles are basic, standard, full"),
    (("serve", "--only", "dns,cook"), "roles are dns, worker, collector, scheduler, notices, web, witness; not cook"),
    (("monitor", "--every", "often"), "--every: a number is needed"),
    (("listing", "list", "--since", "yesterday"), "--since: 'yesterday' is no time; write it as 2026-11-27 or"),
    (("monitor", "--every", "0"), "--every: at least 1 is needed"),
    (("monitor", "--patience", "601"), "--patience: at most 600 is allowed"),
    (("inbox", "first"), "NUMBER: a whole number is needed"),
    (("nominate", "--pick", "0"), "--pick: at least 1 is needed"),
    (("nominate",), "give ADDR, or the spam with --evidence FILE, or both"),
    (("remove",), "ADDR is missing"),
    (("export",), "--format is missing"),
    (("lokup", "8.8.8.8"), "No such command 'lokup'"),
    (("lookup", "8.8.8.8", "--fast"), "No such option: --fast"),
    (("reporter", "hire", "ann"), "No such command 'hire'"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=lambda each: " ".join(each) if isinstance(each, tuple) else "")
def test_a_wrong_word_is_answered_by_what_would_be_right(words: tuple[str, ...], said: str, run: Run) -> None:
    (line,) = run(*words, code=2, plain=True).splitlines()
    assert line.startswith("dnsbl: ") and said in line
    assert " -h`." in line
    for word in ("Value error", "Input should", "Invalid value", "Enum", "pydantic"):
        assert word not in line


def test_for_programs_it_is_one_document(run: Run) -> None:
    told = run("monitor", "--every", "0", code=2, both=True)
    found = json.loads(told.splitlines()[0])
    assert found["error"].startswith("--every: at least 1 is needed")
    assert found.keys() == {"error", "reason", "retry_after"}


def test_the_document_of_a_failure_has_the_keys_that_the_readme_names() -> None:
    told = (ROOT / "README.md").read_text(encoding="utf-8").partition("With `--json` a failure is a document")[2]
    named = re.findall(r"^\| `(\w+)` \|", told.partition("\n## ")[0], flags=re.MULTILINE)
    assert named == list(problem(SettingsError(["one", "two"])))
    assert named[:-1] == list(problem(Refused("excluded", "No.", retry_after=7)))
