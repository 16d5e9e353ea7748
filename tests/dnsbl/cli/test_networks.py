"""Networks that an operator names: one, or a file of them, and every mistake in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from dnsbl.cli import networks
from dnsbl.errors import DnsblError
from dnsbl.store.columns import network_at


def read(text: str, file: Path | None) -> list[str]:
    return [str(network_at(key)) for key in networks.given(text, file)]


def test_one_network_is_taken_as_it_was_typed_or_refused() -> None:
    assert read("192.0.2.0/24", None) == ["192.0.2.0/24"]
    with pytest.raises(DnsblError, match="192"):
        networks.given("192.0.2.0/33", None)


def test_either_a_network_or_a_file_is_needed(tmp_path: Path) -> None:
    for text, file in (("", None), ("192.0.2.1", tmp_path / "file")):
        with pytest.raises(typer.BadParameter, match="either NET or --from"):
            networks.given(text, file)


def test_a_file_holds_a_network_a_line_beside_blanks_and_notes_however_it_was_saved(tmp_path: Path) -> None:
    file = tmp_path / "networks"
    file.write_bytes(b"\xef\xbb\xbf192.0.2.0/24\r\n\r\n# a note\r\n  2001:db8::/32  # why\r\n192.0.2.1\n")
    assert read("", file) == ["192.0.2.0/24", "192.0.2.1/32", "2001:db8::/32"]


def test_every_bad_line_is_named_up_to_a_number_and_nothing_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "networks"
    file.write_text("192.0.2.1\n" + "x\n" * (networks.NAMED + 2))
    with pytest.raises(DnsblError) as error:
        networks.given("", file)
    *named, more, end = str(error.value).splitlines()
    assert [line.split()[0] for line in named] == [f"{file}:{n}:" for n in range(2, networks.NAMED + 2)]
    assert (more, end) == ("(and 2 more)", "Nothing was changed.")


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DnsblError, match="missing: cannot be read: No such file"):
        networks.given("", tmp_path / "missing")


def test_a_bar_is_told_how_many_were_gone_through() -> None:
    with networks.watched(networks.given("192.0.2.0/24", None), "listing") as told:
        told(1)
