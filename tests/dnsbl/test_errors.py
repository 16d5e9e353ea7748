"""Errors carry a sentence, always."""

import inspect

import pytest

from dnsbl import errors


@pytest.mark.parametrize(
    "error",
    [
        c
        for _, c in inspect.getmembers(errors, inspect.isclass)
        if issubclass(c, Exception) and c.__name__ not in ("Refused", "Busy", "SettingsError")
    ],
)
def test_an_error_raised_without_words_says_its_docstring(error: type[Exception]) -> None:
    assert str(error()) == inspect.getdoc(error)


def test_a_refusal_carries_its_named_reason_and_when_to_come_back() -> None:
    refusal = errors.Refused("resting", "Tested yesterday.", retry_after=60)
    assert (refusal.reason, str(refusal), refusal.retry_after) == ("resting", "Tested yesterday.", 60)


def test_settings_errors_keep_every_mistake() -> None:
    assert errors.SettingsError(["a", "b"]).mistakes == ["a", "b"]


@pytest.mark.parametrize(
    ("said", "begun"), [("", ""), ("a", "A"), ("nobody is dialled: IPv6 is gone", "Nobody is dialled: IPv6 is gone")]
)
def test_a_sentence_begins_with_a_capital_and_goes_on_as_it_was(said: str, begun: str) -> None:
    assert errors.capital(said) == begun
