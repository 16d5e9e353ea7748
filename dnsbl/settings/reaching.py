"""Where a list listens, and whom it dials, by its settings: one table of each, for all who look at them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from dnsbl.settings import Settings, split_listen
from tester.records import dataclass


@dataclass(frozen=True, slots=True)
class ListenPlace:
    """A place where a role listens."""

    key: str  #: section and name of the setting
    role: str  #: whose it is: one of `daemons.ROLES`, or survey
    place: str  #: as it was written
    udp: bool = False  #: beside TCP


@dataclass(frozen=True, slots=True)
class DialPlace:
    """Somebody whom a role dials, by a setting of ours and not by what strangers say."""

    key: str
    role: str
    host: str  #: a name or an address, no brackets
    port: int

    @property
    def text(self) -> str:
        """For people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listening(settings: Settings) -> Iterator[ListenPlace]:
    """Every place where something listens, as far as it is on; a survey's only while one runs."""
    dns, publish, survey = settings.dns, settings.publish, settings.survey
    yield from (ListenPlace("dns.listen", "dns", place, udp=True) for place in dns.listen)
    yield from (ListenPlace("dns.tls_listen", "dns", place) for place in dns.tls_listen)
    yield from (ListenPlace("collector.listen", "collector", place) for place in settings.collector.listen)
    yield ListenPlace("web.listen", "web", settings.web.listen)
    if dns.metrics_listen:
        yield ListenPlace("dns.metrics_listen", "dns", dns.metrics_listen)
    if publish.listen:
        yield ListenPlace("publish.listen", "dns", publish.listen)
    if settings.witness.name:
        yield ListenPlace("witness.listen", "witness", settings.witness.listen)
    if not survey.held:
        yield ListenPlace("survey.listen", "survey", survey.listen)


def dialling(settings: Settings) -> Iterator[DialPlace]:
    """Everybody who is dialled, as far as that is on, each once a key; who is meant to be tested is not among them."""
    notices, tlog = settings.notices, settings.tlog
    for key, servers in (("dns.secondaries", settings.dns.secondaries), ("dns.monitor", settings.dns.monitor)):
        yield from (DialPlace(key, "dns", *split_listen(server)) for server in servers)
    yield from _linked("follow.url", "dns", settings.follow.url)
    if notices.smarthost:
        yield DialPlace("notices.smarthost", "notices", notices.smarthost, notices.port)
    if notices.owner_kinds:
        yield from _linked("notices.rdap", "notices", notices.rdap)
    if settings.others.lists:
        yield from (DialPlace("others.servers", "web", *split_listen(server)) for server in settings.others.servers)
    if tlog.origin:
        yield from _linked("tlog.witnesses", "scheduler", *(one.url for one in tlog.witnesses))
        yield from _linked("tlog.stamps", "scheduler", *tlog.stamps)
    remote = (one.place for one in settings.feeds.sources if one.is_remote)
    yield from _linked("feeds.sources", "scheduler", *remote)
    yield from _linked("copies.mirrors", "scheduler", *settings.copies.mirrors)


def _linked(key: str, role: str, *urls: str) -> Iterator[DialPlace]:
    found = dict[DialPlace, None]()
    for url in filter(None, urls):
        parts = urlsplit(url)
        found[DialPlace(key, role, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))] = None
    yield from found
