"""Looking up many addresses in one request, for programs: JSON, or one address a line. Holds no rule.

Asks no resolver and no other list, and changes nothing: though it is a POST, it is counted among what looks
(`guards.LOOKING`). A few requests are answered at once, so that pages do not wait for lists.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from dnsbl.casework.briefing import MOST, Briefing
from dnsbl.errors import Refused
from dnsbl.vocabulary import Refusal
from dnsbl.web import briefs
from dnsbl.web.briefs import BriefShape
from dnsbl.web.faults import API, problems
from dnsbl.web.shapes import ADDRESS, Codes, Origins

PATH = f"{API}/lookups"
#: Octets of a request: room for MOST rows of 250.
MOST_OCTETS = 262_144
#: Requests that are answered at once.
AT_ONCE = 2


class LookupsRequest(BaseModel):
    """Addresses that are looked up."""

    model_config = ConfigDict(extra="forbid")

    addresses: list[Annotated[str, WithJsonSchema(ADDRESS)]] = Field(
        description="Each row has its own answer or its own mistake; a reversed name under one of our zones will do.",
        min_length=1,
        max_length=MOST,
    )


class LookupsShape(BaseModel):
    """What each row has come to."""

    rows: list[BriefShape] = Field(description="As many as were asked, in their order.")


class LookupsDoor:
    """The route."""

    def __init__(self, briefing: Briefing, codes: Codes, origins: Origins, site: str) -> None:
        self._briefing = briefing
        self._codes = codes
        self._origins = origins
        self._site = site
        self._places = BoundedSemaphore(AT_ONCE)
        self.api = APIRouter()
        self.api.post(
            PATH,
            response_model=LookupsShape,
            responses=problems(
                s400="The body is not JSON.",
                s403="The request came from a page of another site.",
                s413=f"More than {MOST} addresses, or {MOST_OCTETS} octets.",
                s415="Neither JSON nor plain text.",
                s422="Not of the documented form.",
                s429="Too many requests from your network, or others are being answered.",
            ),
            openapi_extra={
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/json": {"schema": LookupsRequest.model_json_schema()},
                        "text/plain": {
                            "schema": {"type": "string", "minLength": 7, "example": "192.0.2.1\n2001:db8::1\n"}
                        },
                    },
                }
            },
        )(self.look)

    async def look(self, request: Request) -> Response:
        """Where each of up to 1,000 addresses stands, in brief. Each row has its own answer or its own mistake: what
        could not be read is never told as not listed."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in ("application/json", "text/plain"):
            raise HTTPException(415, "Send application/json, or text/plain with one address a line.")
        body = await _body(request)
        texts = _named(body) if kind == "application/json" else _lines(body)
        return Response(await asyncio.to_thread(self._answer, texts), media_type="application/json")

    def _answer(self, texts: Sequence[str]) -> bytes:
        if not self._places.acquire(blocking=False):
            raise Refused(Refusal.TOO_MANY, "Others are being answered; please try again in a second.", retry_after=1)
        try:
            rows = briefs.rows(texts, self._briefing.each, self._codes, self._origins(), self._site)
            return json.dumps({"rows": rows}, separators=(",", ":")).encode()
        finally:
            self._places.release()


async def _body(request: Request) -> bytes:
    """What came, if it is not too much. Raises Refused."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_OCTETS:
            raise _too_large()
    return bytes(body)


def _too_large() -> Refused:
    return Refused(Refusal.TOO_LARGE, f"At most {MOST} addresses are looked up at once; send the others apart.")


def _named(body: bytes) -> list[str]:
    """The rows of a JSON document; of half a character too, which is that row's mistake. Raises Refused."""
    try:
        document: Any = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    named = document.get("addresses") if isinstance(document, dict) and document.keys() == {"addresses"} else None
    if not isinstance(named, list) or not named or not all(isinstance(one, str) for one in named):
        raise HTTPException(422, 'The document is {"addresses": [...]}, with one text at least.')
    if len(named) > MOST:
        raise _too_large()
    return named


def _lines(body: bytes) -> list[str]:
    """The rows of a text: lines that are neither blank nor a remark (#). Raises Refused."""
    if body.count(b"\n") > 4 * MOST:
        raise _too_large()
    lines = [line.partition("#")[0].strip() for line in body.decode("utf-8", "backslashreplace").split("\n")]
    found = [line for line in lines if line]
    if not found:
        raise HTTPException(422, "There is no address in this; send one a line.")
    if len(found) > MOST:
        raise _too_large()
    return found
