"""The pages of the operators' side about what the list holds: listings, exclusions, nominations, the journal. Each goes
on behind its last row."""

from __future__ import annotations

from datetime import datetime
from threading import Lock, Thread
from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import Response

from dnsbl.casework.oversight import subject_from
from dnsbl.clock import Clock
from dnsbl.errors import DnsblError, Refused
from dnsbl.model import Entry
from dnsbl.settings import Settings
from dnsbl.vocabulary import Door, Reason, Refusal
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.admin.gate import ADMIN, Gate, attempt, me
from dnsbl.web.admin.room import ROWS, AdminPage, moment_of, network_of, number_of, onward, reason_of, words_of
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Text
from tester.smtp import escape

#: Octets and lines of what a nominator has shown that a page has.
SHOWN, LINES = 65536, 400
#: Days in which what lapses is told.
LAPSING = 30.0


class Lists(AdminPage):
    """The routes."""

    def __init__(self, desk: OperatorDesk, settings: Settings, clock: Clock, pages: Pages, gate: Gate) -> None:
        super().__init__(desk, pages)
        self._settings = settings
        self._chain = ChainCheck(desk, clock)
        for path, view in (
            ("/listings", self.listings),
            ("/exclusions", self.exclusions),
            ("/nominations", self.nominations),
            ("/nominations/{number}", self.nomination),
            ("/journal", self.journal),
        ):
            gate.seeing.add_api_route(path, view, methods=["GET", "HEAD"])
        gate.acting.post("/listings/add")(self.add)
        gate.acting.post("/listings/drop")(self.drop)
        gate.acting.post("/listings/keep")(self.keep)
        gate.acting.post("/exclusions/add")(self.exclude)
        gate.acting.post("/exclusions/end")(self.end)
        gate.acting.post("/nominations/{number}/withdraw")(self.withdraw)
        gate.acting.post("/journal/verify")(self.verify)

    def listings(
        self,
        request: Request,
        kind: str = "",
        network: str = "",
        since: str = "",
        until: str = "",
        reason: str = "",
        before: str = "",
        review: str = "",
        *,
        mistake: str = "",
        status: int = 200,
        typed: dict[str, str] | None = None,
    ) -> Response:
        """What is listed now, as far as filters let it through, or what lapses soon."""
        filters = {"kind": kind[:40], "network": network[:100], "since": since[:40], "until": until[:40]}
        filters |= {"reason": reason[:40]}
        found: list[Any] = []
        following = None
        try:
            if review:
                found = self.desk.reviewing.due(within_days=LAPSING, most=ROWS)
            else:
                found, following = self.desk.oversight.listings(
                    kinds={kind} if kind else None,
                    network=network_of(network) if network.strip() else None,
                    since=moment_of(since),
                    until=moment_of(until),
                    reason=Reason(reason) if reason in set(Reason) else None,
                    before=number_of(before),
                    most=ROWS,
                )
        except Refused as error:
            mistake, status = mistake or str(error), 422
        return self.page(
            request,
            "listings",
            "listings",
            mistake=mistake,
            status=status,
            found=found,
            filters=filters,
            filtered=any(filters.values()),
            review=bool(review),
            kinds=self.desk.kinds(),
            listable=self.desk.listable(),
            reasons=list(Reason),
            onward=onward(f"{ADMIN}/listings", following, **filters),
            two=self._settings.policy.two_persons,
            typed={"network": "", "kind": "manual", "reason": "", "public": ""} | (typed or {}),
        )

    def add(
        self,
        request: Request,
        network: Annotated[Text, Form()] = "",
        kind: Annotated[Text, Form()] = "manual",
        reason: Annotated[Text, Form()] = "",
        public: Annotated[Text, Form()] = "",
    ) -> Response:
        """List a network by an operator's word."""

        def act() -> None:
            self._known(kind)
            made = self.desk.operators.list_networks(
                [network_of(network)],
                kind=kind,
                reason=reason_of(reason),
                public=words_of(public),
                actor=me(request).actor,
            )
            if not made and not self._settings.policy.two_persons:
                raise Refused(Refusal.ALREADY_LISTED, f"{network_of(network)} is listed as {kind} already.")

        done = "proposed" if self._settings.policy.two_persons else "listed"
        return attempt(act, f"{ADMIN}/listings?done={done}", self._again(request, network, kind, reason, public))

    def drop(
        self,
        request: Request,
        network: Annotated[Text, Form()] = "",
        kind: Annotated[Text, Form()] = "manual",
        reason: Annotated[Text, Form()] = "",
    ) -> Response:
        """End an operator's listing, or a test's by an operator's word."""

        def act() -> None:
            self.desk.operators.drop_networks(
                [network_of(network)], kind=kind, reason=reason_of(reason), actor=me(request).actor
            )

        return attempt(act, f"{ADMIN}/listings?done=dropped", self._again(request, network, kind, reason, ""))

    def keep(
        self,
        request: Request,
        network: Annotated[Text, Form()] = "",
        kind: Annotated[Text, Form()] = "manual",
        reason: Annotated[Text, Form()] = "",
    ) -> Response:
        """An operator has looked at a listing, and it stays."""

        def act() -> None:
            self.desk.reviewing.keep(network_of(network), kind=kind, reason=reason_of(reason), actor=me(request).actor)

        return attempt(act, f"{ADMIN}/listings?review=1&done=kept", self._again(request, network, kind, reason, ""))

    def _known(self, kind: str) -> None:
        if kind not in (known := self.desk.kinds()):
            raise Refused(
                Refusal.WRONG_KIND, f"No zone file knows the kind {kind[:40]!a}; known are {', '.join(known)}."
            )

    def _again(self, request: Request, network: str, kind: str, reason: str, public: str) -> Any:
        typed = {"network": network[:100], "kind": kind[:40], "reason": reason[:500], "public": public[:500]}
        return lambda *, mistake, status: self.listings(request, mistake=mistake, status=status, typed=typed)

    def exclusions(
        self, request: Request, *, mistake: str = "", status: int = 200, typed: dict[str, str] | None = None
    ) -> Response:
        """What is not tested."""
        found = self.desk.operators.exclusions()
        empty = {"network": "", "reason": "", "public": ""}
        return self.page(
            request,
            "exclusions",
            "exclusions",
            mistake=mistake,
            status=status,
            found=found[:1000],
            more=max(0, len(found) - 1000),
            typed=empty | (typed or {}),
        )

    def exclude(
        self,
        request: Request,
        network: Annotated[Text, Form()] = "",
        reason: Annotated[Text, Form()] = "",
        public: Annotated[Text, Form()] = "",
    ) -> Response:
        """Test a network no more."""

        def act() -> None:
            self.desk.operators.exclude(
                network_of(network), reason=reason_of(reason), public=words_of(public), actor=me(request).actor
            )

        typed = {"network": network[:100], "reason": reason[:500], "public": public[:500]}
        return attempt(
            act,
            f"{ADMIN}/exclusions?done=excluded",
            lambda *, mistake, status: self.exclusions(request, mistake=mistake, status=status, typed=typed),
        )

    def end(
        self, request: Request, network: Annotated[Text, Form()] = "", reason: Annotated[Text, Form()] = ""
    ) -> Response:
        """A network may be tested again."""

        def act() -> None:
            self.desk.operators.end_exclusion(network_of(network), reason=reason_of(reason), actor=me(request).actor)

        return attempt(
            act,
            f"{ADMIN}/exclusions?done=ended",
            lambda *, mistake, status: self.exclusions(request, mistake=mistake, status=status),
        )

    def nominations(self, request: Request, door: str = "", before: str = "") -> Response:
        """Who was nominated, by whom."""
        at = Door(door) if door in set(Door) else None
        found = self.desk.oversight.nominations(number_of(before), at, most=ROWS)
        following = found[-1].id if len(found) == ROWS else None
        return self.page(
            request,
            "nominations",
            "nominations",
            found=found,
            doors=list(Door),
            door=at or "",
            onward=onward(f"{ADMIN}/nominations", following, door=at or ""),
        )

    def nomination(
        self, request: Request, number: str, *, mistake: str = "", status: int = 200, typed: str = ""
    ) -> Response:
        """One, with what was shown; every octet of it escaped. Raises NotFound."""
        found, message = self.desk.oversight.nomination(number_of(number) or 0)
        lines = [escape(line) for line in message[:SHOWN].splitlines()[:LINES]] if message else []
        cut = message is not None and (len(message) > SHOWN or message.count(b"\n") > LINES)
        return self.page(
            request,
            "nomination",
            "nominations",
            one=found,
            lines=lines,
            cut=cut,
            size=len(message or b""),
            typed=typed,
            mistake=mistake,
            status=status,
        )

    def withdraw(self, request: Request, number: str, reason: Annotated[Text, Form()] = "") -> Response:
        """Take one back that was a mistake, before its test begins. Raises NotFound."""
        asked = number_of(number) or 0
        return attempt(
            lambda: self.desk.withdrawing.withdraw(asked, actor=me(request).actor, reason=reason_of(reason)),
            f"{ADMIN}/nominations/{asked}?done=taken-back",
            lambda *, mistake, status: self.nomination(
                request, number, mistake=mistake, status=status, typed=reason[:500]
            ),
        )

    def journal(
        self,
        request: Request,
        about: str = "",
        actor: str = "",
        verb: str = "",
        since: str = "",
        until: str = "",
        before: str = "",
        *,
        mistake: str = "",
        status: int = 200,
    ) -> Response:
        """What was decided, when, by whom and why."""
        filters = {
            "about": about[:200],
            "actor": actor[:200],
            "verb": verb[:60],
            "since": since[:40],
            "until": until[:40],
        }
        found: list[Entry] = []
        following = None
        try:
            subject = network_of(about) if "/" in about and " " not in about.strip() else subject_from(about)
            found, following = self.desk.oversight.entries(
                subject=subject,
                actor=filters["actor"].strip(),
                verb=filters["verb"].strip(),
                since=moment_of(since),
                until=moment_of(until),
                before=number_of(before),
                most=ROWS,
            )
        except Refused as error:
            mistake, status = mistake or str(error), 422
        return self.page(
            request,
            "journal",
            "journal",
            mistake=mistake,
            status=status,
            found=found,
            filters=filters,
            filtered=any(filters.values()),
            onward=onward(f"{ADMIN}/journal", following, **filters),
            chain=self._chain,
        )

    def verify(self, request: Request) -> Response:
        """Have the whole chain followed, beside."""
        self._chain.begin()
        return attempt(lambda: None, f"{ADMIN}/journal", self._again(request, "", "", "", ""))


class ChainCheck:
    """Follows the journal's chain in a thread, one at a time, and remembers what came of it."""

    def __init__(self, desk: OperatorDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._lock = Lock()
        self.running = False
        self.ended: datetime | None = None
        self.entries = 0
        self.wrong = ""

    def begin(self) -> None:
        """Begin, unless one is under way."""
        with self._lock:
            if self.running:
                return
            self.running = True
        Thread(target=self._follow, name="chain", daemon=True).start()

    def _follow(self) -> None:
        try:
            self.entries, self.wrong = self._desk.operators.verify_journal(), ""
        except DnsblError as error:
            self.wrong = str(error)
        finally:
            self.ended = self._clock.now()
            self.running = False
