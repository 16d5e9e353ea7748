"""Settings of the transparency log."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.log.note import COSIGNATURE, Signer, sound_name
from dnsbl.settings import TlogSettings, WitnessSettings


@pytest.mark.parametrize("origin", ["relays.example.org/log", "127.0.0.1:8053/log", "example.org/log/2"])
def test_a_name_is_one_that_a_note_can_have(origin: str) -> None:
    assert sound_name(TlogSettings(origin=origin).origin)


@pytest.mark.parametrize("origin", ["https://example.org/log", "example.org/", "a b", "a+b", "example.org/log/"])
def test_a_name_with_a_scheme_blank_or_end_is_refused(origin: str) -> None:
    with pytest.raises(ValidationError):
        TlogSettings(origin=origin)


def test_nothing_is_public_unless_somebody_says_so() -> None:
    assert (TlogSettings().origin, TlogSettings().networks, TlogSettings().folder) == ("", "sealed", None)


def test_witnesses_and_logs_are_named_by_whole_keys_of_the_right_sort() -> None:
    log = Signer("log.example", bytes(32)).verifier.vkey
    witness = Signer("w.example", bytes(32), sort=COSIGNATURE).verifier.vkey
    (place,) = TlogSettings(witnesses=[f"https://w.example/a/ {witness}"]).witnesses
    assert (place.url, place.key) == ("https://w.example/a", witness)
    assert WitnessSettings(logs=[log]).logs == (log,)
    for wrong in (witness, "ftp://w.example " + witness, "https://w.example", f"https://w.example {log}"):
        with pytest.raises(ValueError, match=r"URL KEY|copied whole|no witness's key"):
            TlogSettings(witnesses=[wrong])
    for wrong in (witness, log[:-4], log.replace("log", "lag"), ""):
        with pytest.raises(ValueError, match=r"copied whole|key of a witness"):
            WitnessSettings(logs=[wrong])
    for wrong in ("a b", "a+b"):
        with pytest.raises(ValueError):
            WitnessSettings(name=wrong)


def test_an_authority_is_a_url_of_the_web_without_a_password() -> None:
    assert TlogSettings(stamps=[" https://tsa.example/tsr?x=1 "]).stamps == ("https://tsa.example/tsr?x=1",)
    for wrong in ("tsa.example", "ftp://tsa.example/", "https://a:b@tsa.example/", "https://tsa.example/ x", "https://",
                  "https://tsa.example:x/", "https://tsa.exämple/", "https://tsa.example/#x", 3):  # fmt: skip
        with pytest.raises(ValueError, match="URL of a time stamping authority"):
            TlogSettings(stamps=[wrong])
