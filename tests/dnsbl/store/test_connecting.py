"""How connections are made: what a URL may say, and what every connection is told. (What transactions then do:
test_database.)"""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError

from dnsbl.store.connecting import WIRE, create


class Dialled(Exception):
    """A connection would have been made."""


def dialled(url: str) -> dict[str, Any]:
    """What the driver is given for a URL; nobody is dialled."""
    engine = create(url, may_make=lambda: False, replaced=lambda: None)
    given: dict[str, Any] = {}

    def connect(_dialect: Any, _record: Any, _arguments: Any, words: dict[str, Any]) -> None:
        given.update(words)
        raise Dialled

    event.listen(engine, "do_connect", connect)
    with pytest.raises(Dialled):
        engine.connect()
    return given


def test_several_hosts_are_given_to_the_driver_in_their_order() -> None:
    given = dialled("postgresql+psycopg://u@/x?host=a:5432&host=b:5433&target_session_attrs=read-write")
    assert (given["host"], given["port"], given["target_session_attrs"]) == ("a,b", "5432,5433", "read-write")
    given = dialled("postgresql+psycopg://u@/x?host=2001:db8::1,2001:db8::2&port=5432,5433")
    assert (given["host"], given["port"]) == ("2001:db8::1,2001:db8::2", "5432,5433")


@pytest.mark.parametrize("hosts", ["host=a:x&host=b:1", "host=a,b&port=1,2,3", "host=[2001:db8::1]:5432&host=b:5433"])
def test_hosts_and_ports_that_make_no_sense_are_refused_before_anybody_is_dialled(hosts: str) -> None:
    with pytest.raises(ArgumentError):
        create(f"postgresql+psycopg://u@/x?{hosts}", may_make=lambda: False, replaced=lambda: None)


def test_no_statement_is_prepared_since_the_next_transaction_may_have_another_server() -> None:
    assert dialled("postgresql+psycopg://u@h/x")["prepare_threshold"] is None


def test_the_url_has_the_last_word_on_how_long_is_waited() -> None:
    given = dialled("postgresql+psycopg://u@h/x?connect_timeout=3")
    assert given["connect_timeout"] == "3"
    assert given["tcp_user_timeout"] == WIRE["tcp_user_timeout"]
