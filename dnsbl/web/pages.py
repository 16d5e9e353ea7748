"""The pages for people: look up, ask for removal, and how this list works. All work without JavaScript.

Holds no rule: reads a form, calls one verb, shows the result. Nominators learn "queued", "recently tested" or
"listed" and nothing that the server said; evidence is shown only for addresses that are on the list.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dnsbl.addresses import Address, host_labels, neighbourhood, parse_address
from dnsbl.casework.base import Asker
from dnsbl.casework.doors import Doors
from dnsbl.casework.standstill import Standstill
from dnsbl.casework.views import Views
from dnsbl.clock import Clock
from dnsbl.dns.zones import TEST_POINT, Zone
from dnsbl.errors import NotFound, Refused
from dnsbl.model import Listing, RunReport, Standing
from dnsbl.rules import asking, policy
from dnsbl.rules.asking import Found
from dnsbl.rules.discretion import discretion
from dnsbl.rules.headway import Headway
from dnsbl.settings import Settings
from dnsbl.settings.policy import OWNERS
from dnsbl.vocabulary import GOT_OFF, Door, JobState, Refusal, RunState, State
from dnsbl.web.codes import answers
from dnsbl.web.dossier import Dossier, dossier
from dnsbl.web.events import Events, EventStream, News, Stream, server_sent
from dnsbl.web.faces import LOOK, REMOVABLE, face, failed, leading
from dnsbl.web.faults import refusal
from dnsbl.web.hosts import HostNames, Hosts
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Codes, Origins, TestedPathShape, Text, ways_in
from dnsbl.web.story import story
from dnsbl.web.trials import check, played, probes
from dnsbl.web.uses import uses

#: Gives a run's report; None of one that is gone.
Reports = Callable[[str], RunReport | None]

#: Seconds until a page about a living test, or one that waits for letters, loads itself again.
LIVE, WAITING = 4, 60
#: A queued test counts as living when it is due within so many seconds.
SOON = timedelta(seconds=60)
#: Runs whose dossiers one page shows.
RUNS = 3
#: Listings that are shown of one network.
INSIDE = 200


def requester(visitor: Address | None) -> str:
    """How a visitor is remembered: by network, never by address."""
    return str(neighbourhood(visitor)) if visitor else "unknown"


def controls(request: Request, address: Address) -> bool:
    """Whether the visitor has shown this address to be his: he comes from there (of IPv6 from its /64), as far as
    nobody can pretend to."""
    who = request.state.visitor
    if not request.state.sure or who is None or who.version != address.version:
        return False
    return who == address or (address.version == 6 and int(who) >> 64 == int(address) >> 64)


def asker(request: Request, address: Address, door: Door) -> Asker:
    """Who asks for this address's removal, or might."""
    return Asker.of(door, requester(request.state.visitor), control=controls(request, address))


class Site:
    """The routes for people."""

    def __init__(
        self,
        doors: Doors,
        views: Views,
        settings: Settings,
        clock: Clock,
        codes: Codes,
        origins: Origins,
        pages: Pages,
        zones: Callable[[], Iterable[Zone]] = tuple,
        trials: Callable[[], Iterable[Zone]] = tuple,
        hosts: Hosts | None = None,
        events: Events | None = None,
    ) -> None:
        self._doors = doors
        self._views = views
        self._settings = settings
        self._clock = clock
        self._codes = codes
        self._origins = origins
        self._zones = zones
        self._trials = trials
        self._hosts = HostNames(hosts, clock)
        self._render = pages.render
        self.router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        self._events = Events(settings.web, clock) if events is None else events
        self.router.get("/ip/{address}/events")(self.news)
        for path, shown in (
            ("/", self.index),
            ("/ip/{address:path}", self.host),
            ("/remove", self.removal_form),
            ("/policy", self.policy),
            ("/notices/{token}", self.mail_wanted),
            ("/use", self.use),
            ("/use/test", self.use_test),
            ("/about", self.about),
        ):
            self.router.add_api_route(path, shown, methods=["GET", "HEAD"])
        self.router.post("/")(self.look_up)
        self.router.post("/remove")(self.remove)
        self.router.post("/notices/{token}")(self.no_more_mail)

    def index(self, request: Request, address: str | None = None) -> Response:
        """The look-up box, and where it leads."""
        if address is None:
            return self._home(request)
        return self._answers(request, address)

    def look_up(self, request: Request, text: Annotated[Text, Form()] = "") -> Response:
        """What was pasted: one address leads to its page; of several, and of networks, a table."""
        return self._answers(request, text)

    def host(self, request: Request, address: str, test: str = "", sent: str = "") -> Response:
        """Everything about one address. Who has asked for a removal holds a link that names its test, and sees each
        way in even where the address is no longer listed."""
        try:
            asked = parse_address(address)
        except ValueError as error:
            return self._answers(request, address, error)
        now, control = self._clock.now(), controls(request, asked)
        standing = self._views.look_up(asked, asker=asker(request, asked, Door.WEB))
        codes = self._codes(standing.address, standing.kinds)
        owners = self._settings.policy.removal in OWNERS
        told = face(standing, test_point=any(codes.values()), control=control, owners=owners)
        held = self.held() if standing.state is State.QUEUED else None
        said = answers(self._zones(), codes, standing.address, standing.kinds)
        report = cache(self._report)  # a run may be looked at for its evidence, its ways in and its progress
        dossiers, tested = self._dossiers(standing, report), _named(standing, test, report)
        return self._render(
            "host.html",
            standing=standing,
            face=told.value,
            look=LOOK[told],
            listing=leading(standing),
            failed=failed(standing),
            last=next((run for run in standing.runs if run.verdict is not None), None),
            yours=asked == request.state.visitor,
            test=test,
            sent=bool(sent),
            codes=list(dict.fromkeys(code for one in said for code, _ in one.codes)),
            answers=said,
            dossiers=dossiers,
            on_list=self._on_list(standing, dossiers),
            paths=self._paths(standing, tested),
            tested=tested,
            events=story(standing, now, discretion(self._settings)),
            progress=self._progress(standing),
            refresh=None if held else refresh(standing, now),
            held=held,
            removable=told in REMOVABLE,
            lingers=self._views.lingers(standing.kinds),
            surprises=bool(standing.past) and standing.past[0].end_reason in GOT_OFF,
            now=now,
        )

    async def news(self, request: Request, address: str) -> Response:
        """Tells a page about this address when to look again, as server-sent events: what is new says the page alone,
        so an event holds no more than it would. Raises Refused."""
        try:
            asked = parse_address(address)
        except ValueError as error:
            raise Refused(Refusal.MALFORMED_ADDRESS, str(error)) from None
        place = self._events.enter(request.state.visitor)
        stream = server_sent(self._events.follow(lambda: self._look(asked)))
        return Stream(stream, place, media_type=EventStream.media_type)

    def _look(self, address: Address) -> News:
        standing = self._views.look_up(address)
        job, far = standing.job, self._progress(standing)
        document = {
            "state": standing.state,
            "listed": sorted(standing.kinds),
            "running": job is not None and job.state is JobState.RUNNING,
            "ahead": standing.ahead,
            "waits": standing.waits,
            "progress": far.sentence if far is not None else "",
        }
        return News(document=document, over=refresh(standing, self._clock.now()) is None)

    def removal_form(self, address: str = "") -> Response:
        return self._render("remove.html", typed=address[:200], mistake="")

    def remove(
        self, request: Request, address: Annotated[Text, Form()] = "", mail: Annotated[Text, Form()] = ""
    ) -> Response:
        """Queue the retest and lead to the page where it can be watched."""
        try:
            asked = asking.one(address, self._origins(), self._settings.web.base_url)
            who, control = requester(request.state.visitor), controls(request, asked)
            tell = mail[:254] if self._settings.notices.asker else ""
            job = self._doors.ask_removal(asked, door=Door.WEB, actor=who, control=control, tell=tell)
        except Refused as error:
            named = bool(host_labels(address[:200]))
            return self._again("remove.html", error, typed=address[:200], named=named)
        return RedirectResponse(f"/ip/{asked}?test={job.run}" if job is not None else f"/ip/{asked}", 303)

    def mail_wanted(self, token: str) -> Response:
        """The page behind the link in a mail of ours: opening it changes nothing, since machines open links too."""
        domain = self._doors.no_more_mail(token[:64], done=False)
        return self._render("no-more-mail.html", token=token[:64], domain=domain, done=False)

    def no_more_mail(self, token: str) -> Response:
        """One click, on that page or in a mail program (RFC 8058): no more mail to the reader of that mail."""
        domain = self._doors.no_more_mail(token[:64], done=True)
        return self._render("no-more-mail.html", token=token[:64], domain=domain, done=True)

    def use(self) -> Response:
        """How mail servers ask, with lines for theirs."""
        return self._render("use.html", uses=uses(self._zones()))

    def use_test(self) -> Response:
        """Whether a mail server would obey an error or a dead list, and how to see that."""
        trial, own = next(iter(self._trials()), None), list(self._zones())
        origins = [zone.origin for zone in own] or ["relays.example.org"]
        if trial is None:
            return self._render("use-test.html", trial=None, script=check(origins))
        names = played(trial)
        return self._render(
            "use-test.html",
            trial=trial,
            played=names,
            probes=probes(trial, own),
            script=check([*origins, *(one.origin for one in names)]),
        )

    def policy(self) -> Response:
        return self._render(
            "policy.html",
            terms=self._settings.policy,
            tester=self._settings.tester,
            zones=self._zones(),
            outputs=policy.delays(self._settings.policy),
            lookups=self._settings.lookups,
            corrections=self._views.corrections(),
        )

    def about(self) -> Response:
        return self._render("about.html", test_point=self._codes(TEST_POINT, ()))

    def _answers(self, request: Request, text: str, error: ValueError | None = None) -> Response:
        """What there is to say of a text that somebody has pasted, or the look-up box once more."""
        asked = asking.read(text, self._origins(), self._settings.web.base_url)
        alone = len(asked.found) == 1 and not asked.unread and not asked.cut
        if alone and isinstance(asked.found[0].what, IPv4Address | IPv6Address):
            return RedirectResponse(f"/ip/{asked.found[0].what}", 303)
        hosts, unread = self._hosts.look(asked.unread, request.state.visitor)
        if not asked.found and not hosts:
            why = unread[0].why if unread and unread[0].host else str(error) if error is not None else ""
            if not why:
                try:
                    asking.only(asked, text)
                except Refused as refused:
                    why = str(refused)
            return self._home(request, status=400, typed=text[:200], mistake=why)
        named = [
            (host.name, [Found(what=each, read=str(each), backwards=False) for each in host.addresses])
            for host in hosts
        ]
        groups = [("", asked.found), *named]
        addresses = [
            one.what for _, found in groups for one in found if isinstance(one.what, IPv4Address | IPv6Address)
        ]
        listed = self._views.listed_among(addresses)
        return self._render(
            "answers.html",
            unread=unread,
            cut=asked.cut,
            groups=[(name, self._each(found, listed)) for name, found in groups],
            test_points={each for each in addresses if any(self._codes(each, ()).values())},  # RFC 5782 5
            most=INSIDE,
            origin=next(iter(self._origins()), "relays.example.org"),
        )

    def _home(self, request: Request, *, status: int = 200, typed: str = "", mistake: str = "") -> Response:
        """The look-up box, with what is to be said of the visitor's own address."""
        visitor: Address | None = request.state.visitor
        listed = bool(visitor and self._views.listed_among([visitor])[visitor])
        origin = next(iter(self._origins()), "relays.example.org")
        return self._render(
            "index.html", status=status, visitor=visitor, listed=listed, origin=origin, typed=typed, mistake=mistake
        )

    def _each(
        self, found: Iterable[Found], listed: Mapping[Address, list[Listing]]
    ) -> list[tuple[Found, list[Listing]]]:
        """What lists each thing that was asked about: of an address what `listed` has, of a network what is listed in
        it."""
        return [
            (
                one,
                listed[one.what]
                if isinstance(one.what, IPv4Address | IPv6Address)
                else self._views.listed_in(one.what, most=INSIDE + 1),
            )
            for one in found
        ]

    def _again(self, template: str, error: Refused, **typed: Any) -> Response:
        """The form once more, with the sentence that says why."""
        fault = refusal(error)
        return self._render(template, status=fault.status, headers=fault.headers, mistake=fault.sentence, **typed)

    def _dossiers(self, standing: Standing, report: Reports) -> list[Dossier]:
        """The runs that prove the listings, then the latest one; nothing for an address that is not listed, and of a
        run that goes on no more than how far it is (`_progress`)."""
        if not standing.listings:
            return []
        runs = [listing.run for listing in standing.listings if listing.run]
        runs += [run.id for run in standing.runs[:1]]
        reports = map(report, list(dict.fromkeys(runs))[:RUNS])
        over = [each for each in reports if each and each.run.state is RunState.SETTLED]
        return [dossier(each, self._settings) for each in over]

    def _on_list(self, standing: Standing, dossiers: Iterable[Dossier]) -> set[Address]:
        """Those addresses in the pictures that are listed."""
        drawn = {each for one in dossiers if one.picture for each in (one.picture.target, one.picture.output)}
        others = drawn - {standing.address}
        listed = self._views.listed_among(list(others)) if others else {}
        return {each for each, listings in listed.items() if listings} | {standing.address}

    def _paths(self, standing: Standing, tested: RunReport | None) -> list[TestedPathShape]:
        """The ways into the host: of the test that the link names, else what is known of a listed one."""
        theirs = discretion(self._settings)
        if tested is None:
            return ways_in(standing.paths, (), theirs)
        return ways_in(tested.paths, tested.transcripts, theirs)

    def _progress(self, standing: Standing) -> Headway | None:
        """How far the test is that goes on; for addresses on the list only."""
        if not standing.listings or standing.job is None:
            return None
        try:
            return self._views.headway(standing.job.run)
        except NotFound:
            return None

    def held(self) -> Standstill | None:
        """Why nobody is dialled now, so that a test that is due does not begin."""
        return self._views.standstill()

    def _report(self, run: str) -> RunReport | None:
        try:
            return self._views.run_report(run)
        except NotFound:
            return None


def _named(standing: Standing, test: str, report: Reports) -> RunReport | None:
    """The test of this address that a link names."""
    found = report(test) if 0 < len(test) <= 64 else None
    return found if found is not None and found.run.address == standing.address else None


def refresh(standing: Standing, now: datetime) -> int | None:
    """Seconds after which the page should be loaded again, or None when nothing is about to happen that may be told."""
    job = standing.job
    if job and (job.state is JobState.RUNNING or (standing.next_test and standing.next_test <= now + SOON)):
        return WAITING if standing.waits and job.state is JobState.QUEUED else LIVE
    return WAITING if standing.state is State.PENDING and not standing.forthcoming else None
