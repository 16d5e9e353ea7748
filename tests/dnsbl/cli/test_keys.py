"""Keys of letters and of clients, as they are typed."""

import json
from pathlib import Path

from tests.dnsbl.cli.conftest import Run


def test_keys_are_shown_by_fingerprint_rotated_and_never_told(run: Run, tmp_path: Path) -> None:
    assert run("keys", "list") == {"keys": []}
    assert "reason is needed" in run("keys", "rotate", code=2)
    *_, new = rotated = run("keys", "rotate", "--reason", "a year is over")["keys"]
    assert [key["state"] for key in rotated] == ["signs", "coming"], "all of them, as one after the other signs"
    assert (new["key"], new["state"], new["here"]) == ("b", "coming", True)
    assert "being handed round" in run("keys", "rotate", "--reason", "x", code=1)
    assert [key["state"] for key in run("keys", "list")["keys"]] == ["signs", "coming"]
    assert "keys rotate" in run("keys", "replace", "--reason", "x", code=1)
    file = tmp_path / "state" / "keys.json"
    secrets = [key["secret"] for key in json.loads(file.read_text())["keys"]]
    shown = run("keys", "list", plain=True)
    assert new["fingerprint"][:16] in shown
    file.unlink()
    assert [key["here"] for key in run("keys", "list")["keys"]] == [False, False]
    replaced = run("keys", "replace", "--reason", "the disk broke")
    assert (replaced["keys"][0]["key"], replaced["void"]) == ("c", 0)
    told = shown + json.dumps(run("keys", "list")) + json.dumps(run("journal"))
    assert not any(secret in told for secret in secrets)


def test_clients_keys_are_made_shown_and_never_told_again(run: Run, tmp_path: Path) -> None:
    assert "dns.keys_file" in run("client-key", "list", code=1)
    assert "dns.keys_file" in run("client-key", "new", code=1)
    config = tmp_path / "config.toml"
    config.write_text(config.read_text() + '[dns]\nkeys_file = "clients.txt"\n')
    assert "clients.txt" in run("check-config", code=1)
    (tmp_path / "clients.txt").write_text("")
    made = run("client-key", "new", "--name", "acme", "--network", "192.0.2.0/24")
    assert "already" in run("client-key", "new", "--name", "acme", code=1)
    [row] = run("client-key", "list")["keys"]
    assert run("key", "list")["keys"] == [row], "the name that the command once had"
    assert (row["name"], row["networks"], row["queries"]) == ("acme", ["192.0.2.0/24"], 0)
    shown = run("client-key", "list", plain=True)
    assert "acme" in shown and row["fingerprint"] in shown
    assert made["key"] not in shown + (tmp_path / "clients.txt").read_text()
    (tmp_path / "clients.txt").write_text(made["key"])
    assert "line 1" in (said := run("check-config", code=1))
    assert made["key"] not in str(said)


def test_commands_that_only_look_make_no_keys(run: Run, tmp_path: Path) -> None:
    run("lookup", "8.8.8.8")
    run("nominate", "8.8.8.8", "--reason", "spam")
    assert not (tmp_path / "state" / "keys.json").exists()


def test_a_list_without_keys_says_when_it_gets_one(run: Run) -> None:
    assert run("keys", "list", plain=True) == "There is no key yet; the first start of `dnsbl serve` makes one.\n"
