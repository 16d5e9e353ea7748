"""The exception tree: each error is of ours, speaks a sentence, and is what Python's own handlers catch as well."""

from __future__ import annotations

import inspect

import pytest

from tester import errors
from tester.smtp import Outcome

KINDS = {
    errors.BadTargets: Exception,
    errors.Declined: Exception,
    errors.Deferred: Exception,
    errors.ForgedToken: ValueError,
    errors.NoLetters: Exception,
    errors.NotDialable: PermissionError,
    errors.Undialled: OSError,
    errors.UnknownName: LookupError,
    errors.ReplyFault: ValueError,
}


def test_the_tree_is_whole() -> None:
    there = {one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, Exception)}
    assert there == {errors.TesterError, *KINDS}


@pytest.mark.parametrize(("error", "kind"), KINDS.items())
def test_every_error_is_of_ours_and_of_a_kind_that_python_knows(
    error: type[errors.TesterError], kind: type[Exception]
) -> None:
    assert issubclass(error, errors.TesterError)
    assert issubclass(error, kind)


@pytest.mark.parametrize("error", [errors.TesterError, *(one for one in KINDS if one is not errors.ReplyFault)])
def test_an_error_raised_without_words_says_its_docstring(error: type[errors.TesterError]) -> None:
    assert str(error()) == inspect.getdoc(error)
    assert str(error("other words")) == "other words"


def test_a_fault_in_a_reply_bears_its_outcome() -> None:
    fault = errors.ReplyFault(Outcome.OVERSIZE)
    assert (fault.outcome, str(fault)) == ("OVERSIZE", "The server's bytes are not an SMTP reply.")


def test_what_our_own_machine_cannot_dial_bears_the_number_of_the_error() -> None:
    error = errors.Undialled("No way.", 101)
    assert (error.errno, str(error), errors.Undialled().errno) == (101, "No way.", None)
