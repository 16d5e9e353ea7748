"""Templates and the few filters they need: times, spans, links. Autoescape is always on; holds no rule."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from dnsbl.addresses import Address, Network
from dnsbl.dns.zones import Zone
from dnsbl.settings import Settings
from dnsbl.settings.policy import AT_ONCE, OWNERS
from dnsbl.vocabulary import BACKSCATTER, DECLARED, PROOF_KINDS
from dnsbl.web import words
from tester.host import RELAYS

_SPANS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def when(time: datetime) -> Markup:
    """A time for people, with its exact form for programs; always UTC."""
    time = time.astimezone(UTC)
    shown = f"{time.day} {time:%B %Y, %H:%M} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{time:%Y-%m-%dT%H:%M:%SZ}", shown)


def span(seconds: float) -> str:
    """A length of time in its largest fitting unit: "90 days", "1 hour", "90 minutes"."""
    for size, name in _SPANS:
        if seconds >= size and seconds % size == 0:
            count = f"{seconds / size:g}"
            return f"{count} {name}" if count == "1" else f"{count} {name}s"
    return f"{seconds:g} seconds"


def away(time: datetime, now: datetime) -> str:
    """How far a time is from now, roughly: "in 58 minutes", "3 hours ago"."""
    seconds = abs((time - now).total_seconds())
    if seconds < 60:
        return "in less than a minute" if time > now else "less than a minute ago"
    size, name = next(((size, name) for size, name in _SPANS[:-1] if seconds >= 2 * size), (60, "minute"))
    count = max(1, round(seconds / size))
    told = f"{count} {name}{'s' if count > 1 else ''}"
    return f"in {told}" if time > now else f"{told} ago"


def bare(network: Network) -> str:
    """A network, or the address that is all there is in it."""
    return str(network.network_address if network.prefixlen == network.max_prefixlen else network)


def dotted(name: str) -> Markup:
    """A name in DNS, which a browser breaks behind its dots."""
    return Markup(".<wbr>").join(name.split("."))


def grouped(address: Address | str) -> Markup:
    """An address, or several, which a browser breaks behind the colons of IPv6."""
    return Markup(":<wbr>").join(str(address).split(":"))


def slashed(path: str) -> Markup:
    """A path, which a browser breaks behind its slashes."""
    return Markup("/<wbr>").join(path.split("/"))


def by_address(paths: Iterable[Any]) -> dict[str, list[Any]]:
    """Ways into a host, under each of its addresses, in the order in which they come."""
    found: dict[str, list[Any]] = {}
    for one in paths:
        found.setdefault(one.address, []).append(one)
    return found


#: The files that pages bring along.
STATIC = Path(__file__).parent / "static"


@cache
def mark(name: str) -> str:
    """A few characters that change whenever this static file does."""
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def static(name: str) -> str:
    """The place of a static file; another one whenever it changes, so that browsers may keep it."""
    return f"/static/{name}?v={mark(name)}"


#: One for the process, so that each template is compiled once.
_ENVIRONMENT = Environment(
    loader=PackageLoader("dnsbl.web"),
    autoescape=True,
    undefined=StrictUndefined,
    auto_reload=False,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_ENVIRONMENT.filters |= {
    "when": when,
    "span": span,
    "away": away,
    "bare": bare,
    "dotted": dotted,
    "grouped": grouped,
    "slashed": slashed,
    "by_address": by_address,
}
_ENVIRONMENT.globals |= {"words": words, "RELAYS": RELAYS, "AT_ONCE": AT_ONCE, "OWNERS": OWNERS}
_ENVIRONMENT.globals["static"] = static
_MACROS = _ENVIRONMENT.get_template("macros.html").module
_ENVIRONMENT.globals |= {
    name: getattr(_MACROS, name) for name in ("icon", "state", "arrow", "wrong", "errors", "why", "described", "live")
}


#: What a list may hold, in words.
_RELAYS = "open mail relays, each proven by a letter that came back"
_BOUNCERS = "mail servers that bounce strangers’ mail to strangers, each proven by a letter that came back"
_ENTERED, _COPIED = "what its operators enter", "what is in other people’s data files"


class _Held(NamedTuple):
    """What a list holds."""

    tests: bool  #: whether it lists by tests
    words: tuple[str, ...]  #: all of it, each in words; none where it holds nobody

    @classmethod
    def of(cls, settings: Settings, zones: Iterable[Zone]) -> _Held:
        """What one with these zones does."""
        zones = list(zones)
        kinds = {kind for zone in zones for view in zone.views.values() for kind in view.kinds}
        tested = kinds.intersection(settings.policy.kinds)
        found = [_BOUNCERS if tested == {BACKSCATTER} else _RELAYS] if tested else []
        found += [_ENTERED] if kinds - PROOF_KINDS - DECLARED else []
        found += [_COPIED] if any(zone.sources for zone in zones) else []
        return cls(bool(tested), tuple(found))


class Pages:
    """Renders templates; each sees `service`, `settings`, what the list `holds`, whether it lists by tests (`tests`),
    and the globals and filters of `_ENVIRONMENT`."""

    def __init__(self, settings: Settings, zones: Callable[[], Iterable[Zone]] = tuple) -> None:
        self._settings = settings
        self._zones = zones

    def render(
        self, name: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
    ) -> HTMLResponse:
        """One page. Every text in `context` is escaped."""
        template = _ENVIRONMENT.get_template(name)
        tests, holds = _Held.of(self._settings, self._zones())
        text = template.render(
            context, service=self._settings.service, settings=self._settings, holds=holds, tests=tests
        )
        return HTMLResponse(text, status, dict(headers or {}))
