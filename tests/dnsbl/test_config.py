"""Reading the configuration: every mistake at once, with file, key and what is allowed."""

import os
import tomllib
from pathlib import Path

import pytest

from dnsbl import config
from dnsbl.errors import SettingsError
from dnsbl.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def mistakes(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> list[str]:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as caught:
        config.read_settings(path, environ or {})
    return [m.replace(str(path), "FILE") for m in caught.value.mistakes]


def test_the_example_file_carries_every_key_with_its_default() -> None:
    text = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    assert text == config.example(), "write it anew: dnsbl check-config --example > config.example.toml"
    assert Settings.model_validate(tomllib.loads(text)) == Settings()


def test_all_mistakes_are_named_together(tmp_path: Path) -> None:
    found = mistakes(tmp_path, '[dns]\npoll = 0\nlisten = ["nowhere"]\n[tester]\ncolour = "red"\n[kitchen]\nsink = 1\n')
    assert len(found) == 4
    assert any(m.startswith("FILE: dns.poll: a number above 0 is needed") for m in found)
    assert any(m.startswith("FILE: dns.listen.0: ADDRESS:PORT is needed") for m in found)
    assert any(m.startswith("FILE: tester.colour: unknown key; allowed are source_addresses") for m in found)
    assert any(m.startswith("FILE: kitchen: unknown key; allowed are service") for m in found)


def test_a_contradiction_between_keys_is_named(tmp_path: Path) -> None:
    found = mistakes(tmp_path, '[tester]\nbounce_domain = "c.example.org"\n')
    assert found == ["FILE: tester.bounce_domain must differ from tester.collector_domain"]


def test_a_file_that_is_no_toml_says_where_it_breaks(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, "[dns\n")
    assert found.startswith("FILE: not TOML")
    assert "line 1" in found


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        config.read_settings(tmp_path / "none.toml", {})


def test_the_environment_overrides_the_file_and_is_named_in_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[web]\nlisten = "127.0.0.1:1"\n')
    settings = config.read_settings(
        path, {"DNSBL_WEB__LISTEN": "127.0.0.1:2", "DNSBL_DNS__LISTEN": '["[::1]:3"]', "DNSBL_PURE": "1", "HOME": "/"}
    )
    assert settings.web.listen == "127.0.0.1:2"
    assert settings.dns.listen == ("[::1]:3",)
    found = mistakes(tmp_path, "", {"DNSBL_DNS__POLL": "often", "DNSBL_KITCHEN__SINK": "1", "DNSBL_DNS__LISTEN": "[x"})
    assert found[0].startswith("DNSBL_KITCHEN__SINK: there is no section [kitchen]")
    assert any(m.startswith("DNSBL_DNS__POLL: dns.poll: ") and "'often'" in m for m in found)


def test_relative_paths_count_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[service]\nstate_dir = "facts"\n[collector]\ntls_certificate = "c.pem"\ntls_key = "/k.pem"\n')
    settings = config.read_settings(path, {})
    assert settings.service.state_dir == tmp_path / "facts"
    assert settings.collector.tls_certificate == tmp_path / "c.pem"
    assert settings.collector.tls_key == Path("/k.pem")


def test_what_authorizes_a_survey_is_sought_beside_the_file_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[survey]\nauthorization = "leave.toml"\n')
    assert config.read_settings(path, {}).survey.authorization == tmp_path / "leave.toml"


def test_without_a_file_the_defaults_count_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert config.read_settings(None, {}).dns.zones_dir == tmp_path / "zones"


def test_zone_files_are_read_and_their_mistakes_named_with_the_file(tmp_path: Path) -> None:
    settings = Settings.model_validate({"dns": {"zones_dir": ROOT / "zones"}})
    assert "relays.example.org" in [zone.origin for zone in config.read_zones(settings)]
    broken = tmp_path / "bad.toml"
    broken.write_text('origin = "relays.example.org"\n[kinds.relay]\ncode = "192.0.2.1"\ntxt = "x"\n')
    with pytest.raises(SettingsError) as caught:
        config.read_zones(Settings.model_validate({"dns": {"zones_dir": tmp_path}}))
    assert any(str(broken) in m and "127.0.0.0/8" in m for m in caught.value.mistakes)


def test_zones_tell_the_keys_that_the_logs_signer_has_left_and_no_other_logs(tmp_path: Path) -> None:
    facts = {"dns": {"zones_dir": ROOT / "zones"}, "service": {"state_dir": tmp_path}}
    settings = Settings.model_validate(facts | {"tlog": {"origin": "relays.example.org/log"}})

    def told(settings: Settings) -> int:
        return sum(len(zone.static.get((b"_log",), {})) for zone in config.read_zones(settings))

    assert told(settings) == 0
    (tmp_path / config.LOG_KEYS).write_text("other.example/log+12345678+AAAA\n")
    assert told(settings) == 0
    (tmp_path / config.LOG_KEYS).write_text("relays.example.org/log+12345678+AAAA\n")
    assert told(settings) == 1 and told(Settings.model_validate(facts)) == 0


def test_a_folder_without_zone_files_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no zone file"):
        config.read_zones(Settings.model_validate({"dns": {"zones_dir": tmp_path}}))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[service]\nstate_dir = "a\\u0000b"\n', "FILE: service.state_dir: the character U+0000 is not allowed"),
        ('[tester]\nvectors_off = ["a\\u0000b"]\n', "tester.vectors_off: the character U+0000 is not allowed"),
        (
            "[a]\nname = \u201cx\u201d",
            "FILE: not TOML: Invalid value (at line 2, column 8); quotation marks are \" or ' ",
        ),
        ("a.b = 1\n[a]\nc = 2", "FILE: not TOML: Cannot declare a twice (at line 2, column 3)"),
        ("a = " + "[" * 5000, "FILE: not TOML: lists or tables lie too deep within each other"),
        ("a = " + "9" * 5000, "FILE: not TOML: a number has too many digits"),
        ('[dns]\nlisten = ["[fe80::1%eth0]:53"]\n', "the address without a zone (%eth0)"),
    ],
)
def test_what_no_file_should_hold_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    (found,) = mistakes(tmp_path, text)
    assert said in found


def test_a_variable_that_holds_deep_lists_is_one_sentence(tmp_path: Path) -> None:
    (found,) = mistakes(tmp_path, "", {"DNSBL_DNS__LISTEN": "[" * 100000})
    assert found.startswith("DNSBL_DNS__LISTEN: dns.listen")


def test_a_configuration_that_is_no_file_is_told_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, said in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a folder"), (Path("/dev/zero"), "a device")):
        with pytest.raises(SettingsError, match=f"^{path}: cannot be read: it is {said}, and no file$"):
            config.read_settings(path, {})


def test_a_folder_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError, match="the folder in which this was begun is gone"):
        config.read_settings(None, {})


def test_each_zone_file_that_cannot_be_read_is_named_beside_the_mistakes_of_all_others(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"use = '\xe4'\n")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "loop.toml").symlink_to(tmp_path / "loop.toml")
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 5000)
    (tmp_path / "bad.toml").write_text("origin = 1\n")
    with pytest.raises(SettingsError) as caught:
        config.read_zones(Settings.model_validate({"dns": {"zones_dir": tmp_path}}))
    for name, said in (
        ("latin", "it is no UTF-8"),
        ("folder", "cannot be read: it is a folder, and no file"),
        ("loop", "cannot be read: Too many levels of symbolic links"),
        ("pipe", "cannot be read: it is a pipe, and no file"),
        ("deep", "not TOML: lists or tables lie too deep within each other"),
        ("bad", "origin: "),
    ):
        assert [m for m in caught.value.mistakes if m.startswith(f"{tmp_path / name}.toml: ") and said in m], name


def test_a_draft_is_right_but_for_what_is_wrong_in_it(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[dns]\npoll = -1\nthreads = 3\n[policy]\nkinds = ["backscatter", "relay-output"]\n[web]\nx = 1\n')
    draft = config.read_draft(path, {"DNSBL_NONE__X": "1"})
    assert len(draft.mistakes) == 4
    assert draft.wrong == {"dns.poll", "web.x", "policy."}
    assert (draft.settings.dns.threads, draft.settings.dns.poll) == (3, Settings().dns.poll)
    assert draft.settings.dns.zones_dir == tmp_path / "zones"
    assert draft.concerns("web.x: no") and draft.concerns("policy.kinds: no") and not draft.concerns("web.listen: no")
