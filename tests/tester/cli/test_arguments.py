"""What the command may be told, and what it refuses to be."""

from __future__ import annotations

import socket
from ipaddress import ip_address, ip_network
from typing import Any

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
    said = capsys.readouterr().err
    assert said.startswith("python -m tester: ") and said.endswith("; see `python -m tester -h`.\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("option", ["--lab", "--networks"])
def test_networks_are_one_word_and_take_no_address_that_follows(option: str) -> None:
    several = arguments.parser().parse_args([option, "10.0.0.0/8,192.0.2.0/24", option, "2001:db8::/32", "192.0.2.1"])
    assert several.address == [ip_address("192.0.2.1")]
    assert len(several.lab) == (3 if option == "--lab" else 0)


def test_an_ipv6_collector_is_written_in_brackets() -> None:
    assert arguments._endpoint("[::1]:2525") == ("::1", 2525)


def parsed(*words: str) -> Any:
    return arguments.parser().parse_args(words)


def test_what_is_not_said_is_what_a_careful_person_would_say() -> None:
    """One port, four hosts at once, the standard forms, a minute; our own name, and nobody's network."""
    assert vars(parsed("192.0.2.1")) == {
        "address": [ip_address("192.0.2.1")],
        "targets": None,
        "networks": [],
        "at_once": 4,
        "ports": (25,),
        "both_families": False,
        "profile": "standard",
        "explain": False,
        "progress": False,
        "collector": None,
        "collector_domain": socket.gethostname().lower(),
        "bounce_domain": None,
        "served_domain": None,
        "helo": socket.gethostname().lower(),
        "source": None,
        "lab": [],
        "wait": 60.0,
        "list": None,
        "key_file": None,
        "evidence": None,
        "reason": "",
        "json": False,
    }


def test_help_says_of_every_option_what_it_takes_and_what_it_is_for() -> None:
    parser = arguments.parser()
    usage = " ".join(parser.format_usage().split())
    assert usage.startswith("usage: python -m tester [-h] [--targets FILE] [--networks NETWORK,...|FILE] [--at-once N]")
    for each in (
        "[--ports PORT,...]",
        "[--both-families]",
        "[--profile {basic,standard,full}]",
        "[--explain]",
        "[--progress]",
        "[--collector ADDR:PORT]",
        "[--collector-domain D]",
        "[--bounce-domain D]",
        "[--served-domain D]",
        "[--helo NAME]",
        "[--source ADDR]",
        "[--lab NETWORK,...]",
        "[--wait SECONDS]",
        "[--for URL]",
        "[--key-file FILE]",
        "[--evidence FILE]",
        "[--reason TEXT]",
        "[--json]",
        "[ADDRESS ...]",
    ):
        assert each in usage
    assert arguments.DESCRIPTION in parser.format_help(), "its paragraphs stand as they were written"
    assert all(action.help for action in parser._actions)


def test_flags_and_words_are_taken_as_they_are_meant() -> None:
    told = parsed("[2001:db8::1]", "--both-families", "--explain", "--progress", "--json", "--port", "587,25,587")
    assert told.address == [ip_address("2001:db8::1")]
    assert (told.both_families, told.explain, told.progress, told.json) == (True,) * 4
    assert told.ports == (587, 25)
    named = parsed("192.0.2.1", *(f"--{which}=MX.Example" for which in ("helo", "bounce-domain", "served-domain")))
    assert (named.helo, named.bounce_domain, named.served_domain) == ("mx.example",) * 3
    assert parsed("--at-once", "32").at_once == 32
    assert parsed("--source", "192.0.2.9", "--lab", "10.0.0.0/8").lab == [ip_network("10.0.0.0/8")]


@pytest.mark.parametrize(
    ("option", "good", "bad"),
    [
        (
            "--ports",
            ["1", "65535", "1,2,3,4,5,6,7,8,9,10"],
            ["0", "-1", "65536", "", "25,0", "1,2,3,4,5,6,7,8,9,10,11"],
        ),
        ("--at-once", ["1", "32"], ["0", "33", "many"]),
        ("--collector", ["127.0.0.1:0", "[::1]:65535"], ["127.0.0.1:65536", "127.0.0.1:-1", "here:25", ":25"]),
        ("--wait", ["0", "0.5", "86400"], ["-1", "nan", "inf", "long"]),
        ("--helo", ["a", "1.example", "a" * 253], ["", ".a", "-a", "a" * 254, "a_b", "b\u00fccher.example"]),
        ("--source", ["192.0.2.1", "2001:db8::1"], ["host", "x192.0.2.1", "192.0.2.0/24"]),
        ("--lab", ["10.0.0.0/8,fd00::/8"], ["10.0.0.1/8", "lab"]),
        ("--profile", ["basic", "standard", "full"], ["huge"]),
    ],
)
def test_what_an_option_takes_ends_where_it_should_and_the_refusal_names_what_it_is(
    option: str, good: list[str], bad: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    for word in good:
        parsed("192.0.2.1", f"{option}={word}")
    kinds = {"--at-once": "a number from 1 to 32", "--collector": "ADDRESS:PORT", "--helo": "a domain name"}
    kinds |= {"--lab": "a network", "--profile": "choose from", "--source": "an IPv4 or IPv6 address"}
    kinds |= {"--ports": "a port", "--wait": "a number of seconds"}
    for word in bad:
        with pytest.raises(SystemExit):
            parsed("192.0.2.1", f"{option}={word}")
        said = capsys.readouterr().err
        assert said.startswith(f"python -m tester: argument {option}") and kinds[option] in said
