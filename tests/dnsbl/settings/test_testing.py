"""Under which names hosts are tested, and whether they may be."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.settings import RemoteTesting, Settings


def test_a_lab_may_dial_from_its_own_networks_and_from_loopback() -> None:
    lab = {"lab_networks": ["198.51.100.0/24"], "source_addresses": ["198.51.100.1", "127.0.0.1"]}
    assert Settings.model_validate({"tester": lab}).tester.lab_networks


NAMES = {"helo": "tester.list.test", "collector_domain": "c.list.test", "bounce_domain": "b.list.test"}


@pytest.mark.parametrize(
    ("tester", "held"),
    [
        ({}, "put names of your own into tester.helo and tester.collector_domain and tester.bounce_domain first"),
        (NAMES, ""),
        (NAMES | {"helo": "example.org"}, "put a name of your own into tester.helo first"),
        (NAMES | {"helo": "myexample.org"}, ""),
        ({"lab_networks": ["127.0.0.0/8"]}, ""),
        (NAMES | {"more_helos": ["x.example.org"]}, "put a name of your own into tester.more_helos first"),
        (NAMES | {"stop": True}, "tester.stop is set"),
    ],
)
def test_nobody_outside_a_lab_is_dialled_under_the_names_of_the_example(tester: dict, held: str) -> None:
    assert Settings.model_validate({"tester": tester}).tester.held == held


MORE = {"more_helos": ["t2.test"], "more_collector_domains": ["c2.test"], "more_bounce_domains": ["b2.test"]}


@pytest.mark.parametrize(
    ("tester", "missing"),
    [
        (NAMES, ["more_helos", "more_collector_domains", "more_bounce_domains"]),
        (NAMES | MORE | {"more_helos": []}, ["more_helos"]),
        (NAMES | MORE, []),
        (NAMES | {"lab_networks": ["127.0.0.0/8"]}, []),
        ({}, []),
    ],
)
def test_who_tests_under_one_name_only_is_told_that_one_line_can_refuse_it(tester: dict, missing: list[str]) -> None:
    told = Settings.model_validate({"tester": tester}).tester.known_by
    assert bool(told) == bool(missing)
    assert all((f"tester.{key}" in told) == (key in missing) for key in MORE)


def test_what_a_stranger_is_drawn_from_is_all_that_is_ours_of_one_family() -> None:
    tester = Settings.model_validate(
        {"tester": NAMES | MORE | {"source_addresses": ["192.0.2.1", "2001:db8::1", "192.0.2.2"]}}
    ).tester
    wardrobe = tester.wardrobe(4)
    assert (wardrobe.helos, wardrobe.sources) == (("tester.list.test", "t2.test"), ("192.0.2.1", "192.0.2.2"))
    assert wardrobe.collector_domains == ("c.list.test", "c2.test")
    assert wardrobe.bounce_domains == ("b.list.test", "b2.test")
    assert wardrobe.selectors == ()
    assert tester.wardrobe(6).sources == ("2001:db8::1",)
    assert tester.domains == {"c.list.test", "c2.test", "b.list.test", "b2.test"}


def test_nobody_gets_letters_to_send_unless_settings_say_so() -> None:
    terms = RemoteTesting()
    assert (terms.on, terms.new, terms.known, terms.trusted, terms.confirm) == (
        False,
        "none",
        "unconfirmed",
        "proven",
        True,
    )
    with pytest.raises(ValidationError, match="none"):
        RemoteTesting.model_validate({"new": "always"})
