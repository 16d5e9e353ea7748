"""Reading the configuration: every mistake at once, with file, key and what is allowed."""

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
    assert any(m.startswith("FILE: dns.poll: Input should be greater than 0") for m in found)
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
