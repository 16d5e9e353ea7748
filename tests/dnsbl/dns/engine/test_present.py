from __future__ import annotations

import importlib.util
import sys

import pytest

from dnsbl.dns.engine import compiled, present


@pytest.mark.parametrize(
    ("pure", "built", "said"),
    [
        ("1", True, "plain (DNSBL_PURE=1)"),
        ("", False, "plain (not built here)"),
        ("", True, "compiled"),
    ],
)
def test_a_machine_without_it_or_the_environment_choose_the_plain_engine(
    pure: str, built: bool, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DNSBL_PURE", pure)
    if not built:
        monkeypatch.setitem(sys.modules, "dnsbl.dns.engine._compiled", None)
        monkeypatch.delattr("dnsbl.dns.engine._compiled")
    spec = importlib.util.spec_from_file_location("another_door", present.__file__)
    assert spec is not None
    assert spec.loader is not None
    another = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(another)
    assert another.which() == said


def test_what_is_said_is_what_the_engine_goes_by() -> None:
    assert compiled.missing == present.missing
    assert (present.which() == "compiled") is not bool(present.missing)
