"""Each mistake is one sentence of ours: where, what is needed and what is there, and nothing of how it was checked."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from dnsbl.dns.zonefile import read_zone
from dnsbl.errors import SettingsError
from dnsbl.settings import Settings, toml
from dnsbl.settings.mistakes import mistakes

ROOT = Path(__file__).resolve().parents[3]
ZONE = (ROOT / "zones" / "relays.example.org.toml").read_text(encoding="utf-8")
#: Words of the library, which say nothing to who writes a file.
INSIDE = (
    "[function",
    "function-",
    "lax-or-strict",
    "Input",
    "should ",
    "valid ",
    "Value error",
    "Field ",
    "Tuple",
    "class ",
)
KEYS = [
    (section, key)
    for section, table in Settings.model_fields.items()
    if isinstance(table.annotation, type) and issubclass(table.annotation, BaseModel)
    for key in table.annotation.model_fields
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["1.2.3.4/8", "x" * 5000]),
)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text(max_size=4), SCALARS, max_size=2))


def told(given: Any) -> list[str]:
    try:
        Settings.model_validate(given)
    except ValidationError as error:
        return [str(one) for one in mistakes(error, given, Settings)]
    return []


@given(st.sampled_from(KEYS), VALUES)
def test_no_mistake_in_settings_shows_the_inside_of_a_check(place: tuple[str, str], value: Any) -> None:
    section, key = place
    for said in told({section: {key: value}}):
        about = said.partition(" (is ")[0]
        assert not any(word in about for word in INSIDE) and len(said) < 1000, said
        assert said.isprintable(), said


def test_a_text_that_may_be_empty_is_told_what_else_it_may_be_and_not_that_it_may_be_nothing() -> None:
    assert told({"notices": {"smarthost": "a b"}}) == [
        "notices.smarthost: a domain name is needed, such as mx.example.org (is 'a b')"
    ]


@given(
    st.sampled_from(["code", "txt", "ttl", "subzone", "aggregate", "zork"]),
    st.one_of(st.integers(), st.booleans(), st.text("ab1./:", max_size=9)),
)
def test_no_mistake_in_a_zone_file_shows_the_inside_of_a_check(key: str, value: Any) -> None:
    text = ZONE.replace("[kinds.relay]", f"[kinds.added]\n{key} = {toml(value)}\n[kinds.relay]")
    with pytest.raises(SettingsError) as caught:
        read_zone(text, "bl.toml", site="https://bl.test")
    for said in caught.value.mistakes:
        assert not any(word in said.partition(" (is ")[0] for word in INSIDE), said
    assert len(set(caught.value.mistakes)) == len(caught.value.mistakes)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            '[web]\ntrusted_proxies = ["1.2.3.4/8"]',
            "web.trusted_proxies.0: a network is needed, such as 192.0.2.0/24 or 2001:db8::/32, with no bits set "
            "behind its length (is '1.2.3.4/8')",
        ),
        ('[dns]\nlisten = "11.22.33.44:25"', 'dns.listen: a list is needed, such as ["11.22.33.44:25"]'),
        (
            "[dns]\nlisten = 53",
            "dns.listen: a list is needed, in square brackets; `dnsbl check-config --example` tells of",
        ),
        ("[tester]\nquiet_hours = 22", "tester.quiet_hours: a list is needed, such as [22] (is 22)"),
        ('[tester]\nquiet_hours = "22-6"', "tester.quiet_hours: a list is needed, in square brackets; "),
        (
            '[collector]\nhostname = "192.0.2.1"',
            "collector.hostname: a domain name is needed, such as mx.example.org, and no address (is '192.0.2.1')",
        ),
        ("[dns]\npoll = 0", "dns.poll: a number above 0 is needed (is 0)"),
        ("[dns]\nthreads = 1.5", "dns.threads: a whole number is needed (is 1.5)"),
        (
            '[tester]\nsource_addresses = ["x"]',
            "tester.source_addresses.0: an address is needed, such as 192.0.2.1 or ",
        ),
        ('[tester]\nhello = "x"', "tester.hello: unknown key; did you mean helo?"),
        ("[tester]\nzork = 1", "tester.zork: unknown key; allowed are source_addresses, "),
        ("[dms]\nlisten = 1", "dms: unknown key; did you mean dns?"),
        ("dns = 7", "dns: a table is needed: a line [NAME], and its keys below (is 7)"),
        ("[service]\nname = 5", "service.name: a text is needed, in quotes (is 5)"),
        ("[web]\nlisten = true", "web.listen: a text is needed, in quotes (is true)"),
        (
            '[database]\nurl = "mysql://u:secret@h/n"',
            "database.url: sqlite:///PATH or postgresql+psycopg://user@host/name is",
        ),
    ],
)
def test_each_mistake_says_what_is_needed_and_what_is_there(written: str, said: str) -> None:
    [found] = told(tomllib.loads(written))
    assert found.startswith(said) and "secret" not in found
