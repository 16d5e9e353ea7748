"""Why a tested host relays, as far as the record of its run tells: what `tester.cause` reads, put together; and what it
does to the bytes of a letter.

Pure: a report in, an explanation out. Decides nothing; a listing rests on the returned letter alone (law 1).
"""

from __future__ import annotations

from collections.abc import Iterable

from dnsbl.model import LENT, Return, RunReport
from dnsbl.rules.intake import Intake
from tester import canary
from tester.cause import Explained, explain, gather, hint
from tester.fate import Fate, telling
from tester.smtp import Flag, Transcript
from tester.verdict import CAME_BACK


def canaries(letters: Iterable[Fate], returns: Iterable[Return]) -> frozenset[Flag]:
    """What became of a run's canaries, where they came back."""
    tokens = {fate.letter.recipient for fate in letters if fate.letter.vector == canary.FORM}
    back = [one for one in returns if one.token in tokens and one.finding in CAME_BACK]
    return canary.flags(back[0].message) if back else frozenset()


def cause_of(report: RunReport) -> Explained | None:
    """Why the host relays; None where no letter of this run came back, or somebody else sent them: then nobody knows
    which address was the client's."""
    if report.run.reason in LENT:
        return None
    conversations = [Transcript.from_json(document) for document in report.transcripts]
    back = [(one.token, one.peer, one.message) for one in report.returns if one.finding in CAME_BACK]
    return explain(gather(conversations, telling(report.letters), back))


def hint_of(case: Intake) -> Explained | None:
    """What the trace of a message that somebody handed in looks like, by the line that was used or would be."""
    return hint(case.trace, case.line) if case.trace is not None else None
