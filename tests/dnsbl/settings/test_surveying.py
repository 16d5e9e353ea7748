"""Settings of surveys."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from dnsbl.settings import Settings


def made(**survey: Any) -> Settings:
    return Settings.model_validate({"survey": survey})


def test_no_letter_of_a_survey_comes_back_until_there_are_names_of_ones_own() -> None:
    assert "survey.collector_domain and survey.bounce_domain" in made().survey.held
    assert "survey.bounce_domain" in made(collector_domain="s.test").survey.held
    assert made(collector_domain="s.test", bounce_domain="t.test").survey.held == ""
    assert made(collector_domain="s.test", bounce_domain="t.test").survey.domains == {"s.test", "t.test"}


@pytest.mark.parametrize(
    ("survey", "words"),
    [
        ({"collector_domain": "s.test", "bounce_domain": "s.test"}, "must differ from each other"),
        ({"collector_domain": "c.example.org"}, "and from all of"),
        ({"bounce_domain": "b.example.org"}, "and from all of"),
        ({"listen": "127.0.0.1:2525"}, "another address or port"),
        ({"form": "R01"}, "survey.form"),
        ({"wait": -1}, "survey.wait"),
        ({"authorized_networks": ["192.0.2.1/24"]}, "survey.authorized_networks"),
    ],
)
def test_what_cannot_be_is_refused(survey: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        made(**survey)
