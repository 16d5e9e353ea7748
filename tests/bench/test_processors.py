"""The count of processor time: of a process and all that it has begun, and of nothing that is gone."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.processors import conversed, family, fields, spent

BUSY = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\nopen(0).read()"


def test_the_time_of_a_process_that_has_ended_counts_nothing() -> None:
    assert int(fields(f"/proc/{os.getpid()}/stat")[1]) == os.getppid()
    assert sum(map(int, fields(f"/proc/{2**22 + 1}/stat")[11:15])) == 0


def test_the_time_of_a_process_is_its_own_and_that_of_its_children_running_or_ended() -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    before = spent(os.getpid())
    with subprocess.Popen([sys.executable, "-c", BUSY], **pipes) as child:  # type: ignore[call-overload]
        child.stdout.readline()
        assert child.pid in family(os.getpid())
        assert spent(child.pid) >= conversed(child.pid) >= 0.25
        assert spent(os.getpid()) - before >= 0.25, "it runs"
        child.stdin.close()
    assert spent(os.getpid()) - before >= 0.25, "it has ended"
