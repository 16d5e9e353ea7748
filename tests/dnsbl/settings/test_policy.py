"""What the list takes, and under what it lists."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.settings import Settings


@pytest.mark.parametrize(("key", "first"), [("kinds", "relay"), ("nominators", "web")])
def test_kinds_and_doors_are_those_that_there_are_each_once(key: str, first: str) -> None:
    given = Settings.model_validate({"policy": {key: [first, first]}}).policy
    assert getattr(given, key) == (first,)
    with pytest.raises(ValidationError, match="'nonsense' is none of"):
        Settings.model_validate({"policy": {key: ["nonsense"]}})
