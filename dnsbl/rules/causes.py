"""Why a tested host relays, as far as the record of its run tells: what `tester.cause` reads, put together.

Pure: a report in, an explanation out. Decides nothing; a listing rests on the returned letter alone (law 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dnsbl.model import RunReport
from dnsbl.vocabulary import LENT
from tester.cause import Explained, explain, gather, hint
from tester.fate import telling
from tester.smtp import Transcript
from tester.verdict import CAME_BACK

if TYPE_CHECKING:
    from dnsbl.rules.intake import Intake


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
