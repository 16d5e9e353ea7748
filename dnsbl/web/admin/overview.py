"""The first page of the operators' side: what needs a person, today's numbers, work and health; and the stop of all
testing, which asks twice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import Response

from dnsbl.addresses import parse_address
from dnsbl.casework.oversight import Summary, checks
from dnsbl.clock import Clock
from dnsbl.errors import DnsblError, Refused, StoreUnavailable, capital
from dnsbl.places import halt, halted, unhalt
from dnsbl.rules import targets
from dnsbl.settings import Settings
from dnsbl.vocabulary import GOT_OFF, Refusal
from dnsbl.web import words
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.admin.gate import ADMIN, Gate, attempt, me
from dnsbl.web.admin.room import AdminPage, reason_of
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Text
from tester.verdict import CAME_BACK, Finding, Verdict

#: Seconds for which the picture is the same for everybody who looks.
SAME = 2.0
#: Verdicts in the order of bars, and the colour of each; what they are called is in `words.JUDGED`.
VERDICTS: Mapping[Verdict, str] = {
    Verdict.CLOSED: "f3",
    Verdict.OPEN: "f1",
    Verdict.OPEN_MULTIHOP: "f2",
    Verdict.ACCEPTS_BOUNCES: "f4",
    Verdict.ACCEPTS_LOSES: "f4",
    Verdict.REFUSES_TESTER: "f4",
    Verdict.UNREACHABLE: "f4",
    Verdict.INCONCLUSIVE: "f4",
}


class Overview(AdminPage):
    """The routes."""

    def __init__(self, desk: OperatorDesk, settings: Settings, clock: Clock, pages: Pages, gate: Gate) -> None:
        super().__init__(desk, pages)
        self._settings = settings
        self._clock = clock
        self._lock = Lock()
        self._seen: tuple[float, Summary] | None = None
        gate.seeing.add_api_route("", self.dashboard, methods=["GET", "HEAD"])
        gate.seeing.add_api_route("/stop", self.stopping, methods=["GET", "HEAD"])
        gate.acting.post("/stop")(self.stop)
        gate.acting.post("/resume")(self.resume)
        gate.acting.post("/tests")(self.order)

    def _summary(self) -> Summary:
        """The picture, read once for all who look at the same time."""
        with self._lock:
            now = self._clock.monotonic()
            if self._seen is None or not 0 <= now - self._seen[0] < SAME:
                self._seen = now, self.desk.oversight.summary()
            return self._seen[1]

    def dashboard(self, request: Request, *, mistake: str = "", status: int = 200, typed: str = "") -> Response:
        """How the list does."""
        summary, servers = self._summary(), list(self.desk.servers())
        found = checks(summary, self.desk.health(), servers)
        verdicts = [
            (words.JUDGED[verdict], colour, summary.verdicts.get(verdict, 0)) for verdict, colour in VERDICTS.items()
        ]
        return self.page(
            request,
            "dashboard",
            "",
            mistake=mistake,
            status=status,
            typed=typed,
            now=summary,
            needs=[check for check in found if not check.fine],
            fine=sum(check.fine for check in found),
            servers=servers,
            rates=self.desk.rates.rows(),
            verdicts=[row for row in verdicts if row[2]],
            most=max((row[2] for row in verdicts), default=0) or 1,
            wished=sum(count for reason, count in summary.ended.items() if reason in GOT_OFF),
            back=sum(summary.returns.get(finding, 0) for finding in CAME_BACK),
            bounced=summary.returns.get(Finding.BOUNCED, 0),
        )

    def stopping(self, request: Request, *, mistake: str = "", status: int = 200) -> Response:
        """What a stop does, and the second question."""
        stop, here = self.desk.views.stopped(), halted(self._settings)
        return self.page(request, "stop", "", mistake=mistake, status=status, stop=stop, halted=here and capital(here))

    def stop(
        self, request: Request, reason: Annotated[Text, Form()] = "", sure: Annotated[Text, Form()] = ""
    ) -> Response:
        """End all dialling."""

        def act() -> None:
            if sure != "yes":
                raise Refused(Refusal.NOT_SHOWN, "Please tick that all testing is to stop.")
            words = reason_of(reason)
            try:
                self.desk.operators.stop(reason=words, actor=me(request).actor)
            except StoreUnavailable as error:  # as `dnsbl stop` does
                _otherwise(partial(halt, self._settings, error))
            self._seen = None

        def again(*, mistake: str, status: int) -> Response:
            return self.stopping(request, mistake=mistake, status=status)

        return attempt(act, f"{ADMIN}?done=stopped", again)

    def resume(self, request: Request, reason: Annotated[Text, Form()] = "") -> Response:
        """Dial again."""

        def act() -> None:
            if self.desk.views.stopped() is None and not halted(self._settings):
                raise Refused(Refusal.OFF, "Testing is not stopped.")
            self.desk.operators.resume(reason=reason_of(reason), actor=me(request).actor)
            self._seen = None
            _otherwise(partial(unhalt, self._settings))

        def again(*, mistake: str, status: int) -> Response:
            return self.stopping(request, mistake=mistake, status=status)

        return attempt(act, f"{ADMIN}?done=resumed", again)

    def order(self, request: Request, address: Annotated[Text, Form()] = "") -> Response:
        """An operator's test of an address."""

        def act() -> None:
            target = targets.target(address.strip()[:100], self._settings)
            self.desk.operators.order_test(parse_address(str(target)), profile="standard", actor=me(request).actor)
            self._seen = None

        def again(*, mistake: str, status: int) -> Response:
            return self.dashboard(request, mistake=mistake, status=status, typed=address[:100])

        return attempt(act, f"{ADMIN}?done=queued", again)


def _otherwise(do: Callable[[], object]) -> None:
    """Do it with the file that stops this machine. Raises Refused, with the sentence, where it cannot be done."""
    try:
        do()
    except DnsblError as error:
        raise Refused(Refusal.OFF, str(error)) from None
