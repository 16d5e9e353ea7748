"""Time stamps of a log's heads by somebody else's authority (RFC 3161): what is asked, and what an answer is worth.

No socket, no file, no clock; the library draws the nonce. Who has signed an answer is not judged here: whoever checks a
stamp says whom he trusts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from importlib.util import find_spec
from typing import Any

from dnsbl.errors import Damaged, Withheld
from tester.records import dataclass

#: Octets that an answer may have.
ANSWER_MOST = 65536
#: How far from our own clock an authority's may be.
APART = timedelta(hours=1)
#: PKIStatus `granted` and `grantedWithMods` (section 2.4.2): those that bear a token.
GRANTED = (0, 1)
#: Why no stamp can be had here.
MISSING = "stamps need the package rfc3161-client: pip install 'dnsbl-relays[stamps]'"

_SHA256 = "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True, slots=True)
class StampRequest:
    """A request for a stamp of one text."""

    text: bytes
    nonce: int
    octets: bytes  #: as it is posted (section 2.4.1)


def can() -> bool:
    """Whether the library is there."""
    return find_spec("rfc3161_client") is not None


def asked(text: bytes) -> StampRequest:
    """A request over the SHA-256 of this text, with a nonce, for an answer that has the authority's certificate. Raises
    Withheld where the library is missing."""
    library = _library()
    request = library.TimestampRequestBuilder().data(text).hash_algorithm(library.HashAlgorithm.SHA256).build()
    return StampRequest(text, request.nonce, request.as_bytes())


def checked(answer: bytes, request: StampRequest, now: datetime) -> datetime:
    """When an answer (section 2.4.2) says that the text of its request existed. Raises Damaged where it grants nothing,
    is of another text or of another request, or says a time that is not now."""
    library = _library()
    if len(answer) > ANSWER_MOST:
        raise Damaged(f"answers with more than {ANSWER_MOST} octets.")
    try:
        told = library.decode_timestamp_response(answer)
        status = told.status
        if status not in GRANTED:
            why = " ".join(told.status_string)
            raise Damaged(f"grants no stamp (status {status}){': ' + why if why else ''}.")
        token = told.tst_info
        imprint = (token.message_imprint.hash_algorithm.dotted_string, token.message_imprint.message)
        nonce, at = token.nonce, token.gen_time
    except Damaged:
        raise
    except ValueError:
        raise Damaged("answers with what is no time stamp.") from None
    if imprint != (_SHA256, sha256(request.text).digest()):
        raise Damaged("answers with a stamp of another text.")
    if nonce != request.nonce:
        raise Damaged("answers with the stamp of another request.")
    stamped: datetime = at
    if abs(stamped - now) > APART:
        raise Damaged(f"says {stamped:%Y-%m-%dT%H:%M:%SZ}, which is not now.")
    return stamped


def _library() -> Any:
    try:
        import rfc3161_client
    except ImportError:
        raise Withheld(f"{MISSING}.") from None
    return rfc3161_client
