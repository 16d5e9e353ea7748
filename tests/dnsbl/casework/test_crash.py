"""kill -9 in the middle of a verb leaves nothing half done, and what was done is still there."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import ip_address

from dnsbl.vocabulary import State

CRASH = """
import os, sys, signal
from dnsbl.casework import Casework
from dnsbl.clock import HandClock
from dnsbl.model import Nomination
from dnsbl.vocabulary import Door
from dnsbl.addresses import parse_address
from dnsbl.settings import Settings
from dnsbl.store import Store
from dnsbl.store.journal import Journal
from tester.letter import Keyring

def nominate(last):
    casework.doors.nominate(Nomination(address=parse_address(f"192.0.2.{last}"), door=Door.WEB, nominator="x",
                                       reason="", evidence=b"spam"))

store = Store.open(sys.argv[1])
casework = Casework(store, Settings(), Keyring.generate(lambda n: bytes(n), 0), clock=HandClock())
nominate(1)
append = Journal.append
entries = []
def dying(self, **fields):
    entries.append(append(self, **fields))
    if len(entries) == 2:
        print("dying", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
Journal.append = dying
nominate(2)
"""


def test_a_verb_that_is_killed_in_the_middle_has_not_happened(office, url: str) -> None:
    died = subprocess.run([sys.executable, "-c", CRASH, url], capture_output=True, text=True, timeout=60, check=False)
    assert (died.returncode, died.stdout) == (-9, "dying\n"), died.stderr
    assert office.casework.views.look_up(ip_address("192.0.2.1")).state is State.QUEUED
    assert office.casework.views.look_up(ip_address("192.0.2.2")).state is State.UNKNOWN
    assert office.casework.operators.verify_journal() == 2
    assert office.nominate("192.0.2.2").due == office.clock.now()
    assert office.casework.operators.verify_journal() == 4
