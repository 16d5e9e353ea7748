"""What is known of providers is in order: names that can match, and a source for each row."""

from __future__ import annotations

import pytest

from tester.received.providers import FILTERS, FILTERS_SOURCE, PROVIDERS, Provider


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)
def test_a_row_can_match_and_says_where_it_is_from(provider: Provider) -> None:
    assert provider.source and provider.writers
    assert provider.senders or provider.networks
    for name in (*provider.senders, *(each for each in provider.writers if "/" not in each)):
        assert name == name.lower() and name.startswith(".") and not name.endswith(".")


def test_a_way_out_is_no_inside() -> None:
    out = "x.outbound.protection.outlook.com"
    assert not any(out.endswith(name) for provider in PROVIDERS for name in provider.senders)


def test_filters_are_names_with_a_source() -> None:
    assert FILTERS_SOURCE and list(FILTERS) == sorted(set(FILTERS))
    assert all(name.startswith(".") and name == name.lower() for name in FILTERS)
