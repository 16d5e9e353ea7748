"""What a tested host does to the bytes of a letter, by the canaries of its run.

Pure: letters and returns in, flags out. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from dnsbl.model import Return
from tester import canary
from tester.fate import Fate
from tester.smtp import Flag
from tester.verdict import CAME_BACK


def canaries(letters: Iterable[Fate], returns: Iterable[Return]) -> frozenset[Flag]:
    """What became of a run's canaries, where they came back."""
    tokens = {fate.letter.recipient for fate in letters if fate.letter.vector == canary.FORM}
    back = [one for one in returns if one.token in tokens and one.finding in CAME_BACK]
    return canary.flags(back[0].message) if back else frozenset()
