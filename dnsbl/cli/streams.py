"""The standard streams of a command: what was closed before it began, and what can no longer be written. A result that
did not come where it goes is a failure, and never a traceback; and what of a text may be shown there. Knows no command.
"""

from __future__ import annotations

import atexit
import errno
import os
import sys
from contextlib import suppress
from io import TextIOWrapper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

#: What a disk says that takes no more. Of a file that is opened the name is told too, of a stream never.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def visible(text: str) -> str:
    """What may be shown as it is; control characters, those that change direction and half ones as question marks."""
    return text if text.isprintable() else "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)


def flushed(run: Callable[[], None]) -> None:
    """Run a command that ends by SystemExit or by itself, and see that all of what it said is written: exit status 1
    where it is not, with a sentence, or with none where the reader is gone (`| head`); a failure of its own stays."""
    _stand_in()
    atexit.unregister(_settle)
    atexit.register(_settle)
    end: SystemExit | None = None
    try:
        try:
            run()
        except SystemExit as ended:
            end = ended
        sys.stdout.flush()
    except OSError as error:
        gone = isinstance(error, BrokenPipeError)
        if not gone and (error.errno not in _NO_ROOM or error.filename is not None):
            raise
        let_go(sys.stdout)
        if end is None or not end.code:
            end = SystemExit(1 if gone else f"dnsbl: Not everything could be written: {error.strerror}.")
    if end is not None:
        raise end


def _stand_in() -> None:
    """Nothing comes from a stream that was closed before the start, and what goes there is lost; else the first file
    that is opened would be taken for it. Letters that the locale does not have end no command."""
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 (stays open)
    if isinstance(sys.stdout, TextIOWrapper):  # what this place cannot write is a question mark, as on a terminal
        sys.stdout.reconfigure(errors="replace")


def let_go(stream: TextIO) -> None:
    """From now on what goes there is lost, also what waits to be written."""
    with suppress(OSError, ValueError):  # it is no file, or is closed
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, stream.fileno())
        os.close(descriptor)


def _settle() -> None:
    """When all is told: what still waits and cannot be written changes no exit status any more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            let_go(stream)


def warn(sentence: str) -> None:
    """A line on standard error, if it can be written there."""
    with suppress(OSError):
        print(sentence, file=sys.stderr)
