"""What machines look for at fixed places: /robots.txt, /favicon.ico, /.well-known/security.txt (RFC 9116).

Pure texts and their routes; all is made of the settings and the time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import FileResponse, PlainTextResponse

from dnsbl.clock import Clock
from dnsbl.settings import Settings

#: Pages that say something of single addresses, or hold a secret in their name; and what is large or for programs.
UNSEARCHED = ("/ip/", "/api/", "/notices/", "/self-test/", "/watch/", "/feeds/", "/log/", "/table/", "/admin")
#: For how long a security.txt counts: well within the year that RFC 9116 2.5.5 names; it moves with every day.
VALID = timedelta(days=180)
#: How long these files may be kept: seconds.
KEPT = 86400
_ICON = Path(__file__).parent / "static" / "favicon.ico"


def robots() -> str:
    """What search engines leave alone (RFC 9309)."""
    return "\n".join(["User-agent: *", *(f"Disallow: {path}" for path in UNSEARCHED), ""])


def security(settings: Settings, now: datetime) -> str:
    """Whom to write to about a hole, until the end of a day in some months (RFC 9116); web addresses in it begin with
    https, or are left out."""
    base = settings.web.base_url
    expires = (now.astimezone(UTC) + VALID).replace(hour=0, minute=0, second=0, microsecond=0)
    contact = quote(settings.service.contact, safe="@!$&'()*+,;=:/?~._-")
    lines = [f"Contact: mailto:{contact}", f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}", "Preferred-Languages: en"]
    if base.startswith("https://"):
        lines += [f"Canonical: {base}/.well-known/security.txt", f"Policy: {base}/policy"]
    return "\n".join([*lines, ""])


class WellKnown:
    """The routes."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.router = APIRouter(include_in_schema=False)
        for path, shown in (
            ("/robots.txt", self.robots),
            ("/favicon.ico", self.favicon),
            ("/.well-known/security.txt", self.security),
        ):
            self.router.add_api_route(path, shown, methods=["GET", "HEAD"])
        self._kept = {"Cache-Control": f"public, max-age={KEPT}"}

    def robots(self) -> PlainTextResponse:
        return PlainTextResponse(robots(), headers=self._kept)

    def favicon(self) -> FileResponse:
        return FileResponse(_ICON, media_type="image/vnd.microsoft.icon", headers=self._kept)

    def security(self) -> PlainTextResponse:
        return PlainTextResponse(security(self._settings, self._clock.now()), headers=self._kept)
