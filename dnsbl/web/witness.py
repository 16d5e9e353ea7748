"""The door of a witness: `POST /add-checkpoint` (c2sp.org/tlog-witness), and its key for whoever looks, on a place of
its own. Holds no rule and no key."""

from __future__ import annotations

import asyncio
import logging

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dnsbl.clock import Clock
from dnsbl.errors import DnsblError
from dnsbl.log.witnessing import REQUEST_MOST, SIZE, Unwitnessed
from dnsbl.serving.witness import Witness
from dnsbl.settings import Settings
from dnsbl.web.server import HttpServer

_log = logging.getLogger(__name__)


def create_witness_app(witness: Witness, vkey: str) -> Starlette:
    """Nothing but the witness."""

    async def add_checkpoint(request: Request) -> Response:
        body = b""
        try:
            async for piece in request.stream():
                body += piece
                if len(body) > REQUEST_MOST:
                    return PlainTextResponse("this is too large\n", 413)
        except ClientDisconnect:
            return PlainTextResponse("", 400)
        try:
            return PlainTextResponse(await asyncio.to_thread(witness.add_checkpoint, body))
        except Unwitnessed as error:
            if error.status == 409:
                return Response(f"{error.size}\n", 409, headers={"Content-Type": SIZE})
            return PlainTextResponse(f"{error}\n", error.status)
        except DnsblError as error:
            _log.error("%s", error)
            return PlainTextResponse("the witness cannot keep what it signs just now\n", 503)

    async def key(request: Request) -> Response:
        return PlainTextResponse(f"{vkey}\n")

    return Starlette(
        routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"]), Route("/key", key, methods=["GET"])]
    )


class WitnessServer(HttpServer):
    """The witness on [witness] listen."""

    def __init__(self, settings: Settings, witness: Witness, vkey: str, *, clock: Clock) -> None:
        self._witness = witness
        app = create_witness_app(witness, vkey)
        super().__init__(app, settings.witness.listen, settings.web, clock, what="witness.listen")

    @property
    def problem(self) -> str:
        """What a log that is witnessed here has done, a sentence, or ""."""
        return self._witness.problem
