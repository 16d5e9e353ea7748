"""/ip/ADDR.proof, and the same for programs: the proof file of a listing, as text.

Holds no rule. Told is nothing that the page of the address does not tell.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from dnsbl.addresses import parse_address
from dnsbl.casework.proofs import Proofs
from dnsbl.errors import NotFound, Refused, Withheld
from dnsbl.vocabulary import Refusal
from dnsbl.web.faults import API, problems

#: Seconds for which a proof may be kept: a newer one has a newer checkpoint and shows no less.
KEPT = 60


class ProofDoor:
    """The routes."""

    def __init__(self, proofs: Proofs) -> None:
        self._proofs = proofs
        self.pages = APIRouter(include_in_schema=False)
        self.pages.add_api_route("/ip/{address}.proof", self.proof, methods=["GET", "HEAD"])
        self.api = APIRouter(prefix=API)
        self.api.get(
            "/hosts/{address}/proof",
            response_class=PlainTextResponse,
            responses=problems(
                s400="The address is malformed.",
                s404="It is not listed, or its listing is not in the log yet.",
                s422="Not of the documented form.",
            ),
        )(self.proof)

    def proof(self, request: Request, address: str) -> PlainTextResponse:
        """The proof file of a listing: what the transparency log has of it, to be checked without asking anybody, by
        `dnsbl verify` or `contrib/verify.py`."""
        try:
            asked = parse_address(address)
        except ValueError as error:
            raise Refused(Refusal.MALFORMED_ADDRESS, str(error)) from None
        try:
            text = self._proofs.of(asked).text
        except Withheld as error:
            raise NotFound(str(error)) from None
        name = f"{asked}.proof".replace(":", "-")
        return PlainTextResponse(
            text,
            headers={
                "Cache-Control": f"public, max-age={KEPT}",
                "Content-Disposition": f'inline; filename="{name}.txt"',
            },
        )
