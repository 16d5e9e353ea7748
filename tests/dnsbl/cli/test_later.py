from __future__ import annotations

import subprocess
import sys
import textwrap

import dnsbl.cli.later
from dnsbl.cli.later import later


def said(program: str) -> str:
    """What a program of its own prints, since this process has read our modules already."""
    command = [sys.executable, "-c", textwrap.dedent(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()


def test_a_module_of_ours_waits_until_something_of_it_is_used() -> None:
    told = said(
        """
        import sys
        from dnsbl.cli.later import later
        with later():
            from dnsbl import opened
            from dnsbl.cli import show
        print("sqlalchemy" in sys.modules, end=" ")
        assert callable(opened.open_list)
        print("sqlalchemy" in sys.modules, end=" ")
        from dnsbl.cli.show import done
        print(done is show.done)
        """
    )
    assert told == "False True True"


def test_two_who_wait_for_the_same_module_get_the_same_one_and_do_not_wake_it() -> None:
    told = said(
        """
        import sys
        from dnsbl.cli.later import later
        with later():
            from dnsbl import model as one
        with later():
            from dnsbl import model as other
        print(one is other, "dnsbl.addresses" in sys.modules, one.Door.CLI.value)
        """
    )
    assert told == "True False cli"


def test_what_was_read_already_is_the_same_module() -> None:
    with later():
        from dnsbl.cli import later as again
    assert again is dnsbl.cli.later


def test_other_peoples_modules_never_wait() -> None:
    told = said(
        """
        import sys
        from dnsbl.cli.later import later
        with later():
            import colorsys
        print(type(colorsys).__name__)
        """
    )
    assert told == "module"


def test_afterwards_imports_are_as_they_were() -> None:
    before = list(sys.meta_path)
    try:
        with later():
            assert sys.meta_path[1:] == before
            raise LookupError
    except LookupError:
        pass
    assert sys.meta_path == before


def test_what_is_raised_while_a_module_wakes_reaches_who_imports_from_it() -> None:
    """As Ctrl-C does then; it must not come out as a name that the module lacks."""
    told = said(
        """
        import sys, tempfile
        from pathlib import Path
        from dnsbl.cli.later import later
        import dnsbl
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "broken.py").write_text("raise KeyboardInterrupt")
            dnsbl.__path__.append(folder)
            with later():
                from dnsbl import broken
            try:
                from dnsbl.broken import name
            except BaseException as error:
                print(type(error).__name__)
        """
    )
    assert told == "KeyboardInterrupt"
