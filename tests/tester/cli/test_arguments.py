"""What the command may be told, and what it refuses to be."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from tester.cli import arguments
from tester.cli.command import main


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["mx.example.net"],
        ["192.0.2.0/24"],
        ["192.0.2.1", "--profile", "huge"],
        ["192.0.2.1", "--collector", "25"],
        ["192.0.2.1", "--collector", "127.0.0.1:70000"],
        ["192.0.2.1", "--helo", "a b"],
        ["192.0.2.1", "--collector-domain", "c.test\r\nRSET"],
        ["192.0.2.1", "--lab", "127.0.0.1/8"],
        ["192.0.2.1", "--ports", "25,smtp"],
        ["192.0.2.1", "--ports", "0"],
        ["192.0.2.1", "--targets", "hosts"],
        ["--targets", "hosts", "--at-once", "1000"],
    ],
)
def test_wrong_arguments_are_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: python -m tester" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--lab", "--networks"])
def test_networks_are_one_word_and_take_no_address_that_follows(option: str) -> None:
    several = arguments.parser().parse_args([option, "10.0.0.0/8,192.0.2.0/24", option, "2001:db8::/32", "192.0.2.1"])
    assert several.address == [ip_address("192.0.2.1")]
    assert len(several.lab) == (3 if option == "--lab" else 0)


def test_an_ipv6_collector_is_written_in_brackets() -> None:
    assert arguments._endpoint("[::1]:2525") == ("::1", 2525)
