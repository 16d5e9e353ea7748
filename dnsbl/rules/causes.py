"""Why a tested host relays, as far as the record of its run tells: what `tester.cause` reads, put together.

Pure: a report in, an explanation out. Decides nothing; a listing rests on the returned letter alone (law 1).
"""

from __future__ import annotations

from dnsbl.model import RunReport
from tester.cause import Explained, explain, gather
from tester.smtp import DELIVERED, Transcript


def cause_of(report: RunReport) -> Explained | None:
    """Why the host relays; None where no letter of this run came back."""
    conversations = [Transcript.from_json(document) for document in report.transcripts]
    back = [(one.token, one.peer, one.message) for one in report.returns if one.finding.value in DELIVERED]
    return explain(gather(conversations, report.letters, back))
