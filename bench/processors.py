"""What processes on this machine have had of its processors, as proc(5) tells. Begins none, ends none."""

from __future__ import annotations

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    found = [pid]
    for one in found:
        for task in Path(f"/proc/{one}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def spent(pid: int) -> float:
    """Seconds of processor time of a process and of all that descend from it; of those that have ended where the first
    one began them."""
    ended = sum(map(int, fields(f"/proc/{pid}/stat")[13:15]))
    here = (fields(f"/proc/{each}/stat")[11:13] for each in family(pid))
    return (ended + sum(sum(map(int, each)) for each in here)) / TICKS


def conversed(pid: int) -> float:
    """The same of a process's first thread alone, which has its event loop."""
    return sum(map(int, fields(f"/proc/{pid}/task/{pid}/stat")[11:13])) / TICKS


def fields(stat: str) -> list[str]:
    """What such a file says, from the state on; noughts for what is gone."""
    try:
        return Path(stat).read_text().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 20
