"""Waits for a test that was queued, and shows on a terminal how far it is. Changes nothing."""

from __future__ import annotations

import time

from rich.status import Status

from dnsbl.cli import show, terminal
from dnsbl.errors import BrokenOff, DnsblError, NotFound
from dnsbl.model import Job, RunReport
from dnsbl.opened import OpenedList
from dnsbl.rules.headway import headway
from dnsbl.vocabulary import JobState, RunState

#: Seconds between two looks.
POLL = 0.25
#: Seconds after which a job that nobody takes is reported.
UNTAKEN = 30.0


def wait_for(opened: OpenedList, job: Job, *, quiet: bool) -> RunReport:
    """Wait until the job's run is settled; returns its report.

    Raises DnsblError when nobody may be dialled now, or no worker takes the job within `UNTAKEN` seconds of being due,
    and BrokenOff at Ctrl-C.
    """
    try:
        return _wait(opened, job, quiet=quiet)
    except KeyboardInterrupt:
        after = "stays queued" if _report(opened, job.run) is None else "goes on"
        raise BrokenOff(
            f"Broken off; the test of {job.address} {after}, and `dnsbl lookup {job.address}` shows its result."
        ) from None


def _wait(opened: OpenedList, job: Job, *, quiet: bool) -> RunReport:
    console = terminal.err(quiet=quiet)
    began = opened.clock.monotonic()
    with console.status(f"{job.address}: waiting for a worker") as status:
        while True:
            report = _report(opened, job.run)
            if report is not None and report.run.state is RunState.SETTLED:
                return report
            if report is None and (why := show.undialled(opened)):
                raise DnsblError(f"The test of {job.address} is queued. {why}")
            ahead = opened.casework.views.look_up(job.address).ahead if report is None else 0
            if ahead:
                began = opened.clock.monotonic()
                status.update(f"{job.address}: waits for a place in its network, where tests are under way: {ahead}")
            if report is None and opened.clock.monotonic() - began > UNTAKEN:
                raise DnsblError(
                    f"No worker took the test of {job.address} within {UNTAKEN:g} s; is `dnsbl serve` running? "
                    "The test stays queued."
                )
            _tell(opened, status, job, report)
            time.sleep(POLL)


def _report(opened: OpenedList, run: str) -> RunReport | None:
    try:
        return opened.casework.views.run_report(run)
    except NotFound:
        return None


def _tell(opened: OpenedList, status: Status, job: Job, report: RunReport | None) -> None:
    if report is None:
        return
    line = f"{job.address}: {headway(report.letters, report.run.state, working=report.working).sentence}"
    waiting = None if report.working else opened.casework.views.look_up(job.address).job
    if waiting is not None and waiting.run == job.run and waiting.state is JobState.QUEUED:
        line += f" The next try is due {show.when(waiting.due)} (Ctrl-C leaves it queued)."
    if report.run.state is RunState.WAITING and report.run.ends:
        line += f" Until {report.run.ends:%Y-%m-%d %H:%M:%S} UTC at most (Ctrl-C leaves it running)."
    status.update(line)
