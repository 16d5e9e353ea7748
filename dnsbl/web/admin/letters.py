"""The inbox of the operators' side: listings that wait for a word, what people have written, and answers."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import Form, Request
from fastapi.responses import Response

from dnsbl.casework.correspondence import sender_of
from dnsbl.rules import written
from dnsbl.rules.keeping import INBOX
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.admin.gate import ADMIN, Gate, attempt, me
from dnsbl.web.admin.lists import LINES, SHOWN
from dnsbl.web.admin.room import ROWS, AdminPage, network_of, number_of, onward, reason_of
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Text
from tester.smtp import escape


class InboxPages(AdminPage):
    """The routes."""

    def __init__(self, desk: OperatorDesk, pages: Pages, gate: Gate) -> None:
        super().__init__(desk, pages)
        gate.seeing.add_api_route("/inbox", self.inbox, methods=["GET", "HEAD"])
        gate.seeing.add_api_route("/inbox/{number}", self.letter, methods=["GET", "HEAD"])
        gate.acting.post("/inbox/{number}/answer")(self.answer)
        gate.acting.post("/proposals/confirm")(self.confirm)
        gate.acting.post("/proposals/withdraw")(self.withdraw)

    def inbox(self, request: Request, before: str = "", *, mistake: str = "", status: int = 200) -> Response:
        """What waits for a word, and what people have written."""
        found = self.desk.correspondence.page(number_of(before), most=ROWS)
        rows = []
        for message, answered in found:
            words = {name: written.field(message.message, name) for name in ("from", "subject")}
            rows.append((message, INBOX.get(message.finding, ""), words, answered))
        following = found[-1][0].id if len(found) == ROWS else None
        return self.page(
            request,
            "inbox",
            "inbox",
            mistake=mistake,
            status=status,
            rows=rows,
            proposals=self.desk.reviewing.proposals()[:200],
            onward=onward(f"{ADMIN}/inbox", following),
        )

    def letter(
        self, request: Request, number: str, *, mistake: str = "", status: int = 200, typed: str = ""
    ) -> Response:
        """One message, as it was written and as it came, all of it escaped. Raises NotFound."""
        message, entries = self.desk.correspondence.read(number_of(number) or 0)
        text = message.message
        said = list(islice(written.lines(text), LINES + 1))
        return self.page(
            request,
            "letter",
            "inbox",
            mistake=mistake,
            status=status,
            typed=typed,
            message=message,
            what=INBOX.get(message.finding, ""),
            said="\n".join(said[:LINES])[:SHOWN],
            lines=[escape(line) for line in text[:SHOWN].splitlines()[:LINES]],
            cut=len(said) > LINES or len(text) > SHOWN or text.count(b"\n") > LINES,
            sender=sender_of(message),
            entries=entries,
            on=self.desk.correspondence.on,
        )

    def answer(self, request: Request, number: str, text: Annotated[Text, Form()] = "") -> Response:
        """Answer whoever has written."""
        asked = number_of(number) or 0
        return attempt(
            lambda: self.desk.correspondence.answer(asked, text, actor=me(request).actor),
            f"{ADMIN}/inbox?done=answered",
            lambda *, mistake, status: self.letter(request, number, mistake=mistake, status=status, typed=text[:8000]),
        )

    def confirm(
        self,
        request: Request,
        network: Annotated[Text, Form()] = "",
        kind: Annotated[Text, Form()] = "",
        reason: Annotated[Text, Form()] = "",
    ) -> Response:
        """List what another operator, or a test, has proposed."""

        def act() -> None:
            where, why = network_of(network), reason_of(reason)
            self.desk.reviewing.confirm(where, kind=kind, reason=why, actor=me(request).actor)

        return attempt(act, f"{ADMIN}/inbox?done=listed", lambda **said: self.inbox(request, **said))

    def withdraw(
        self,
        request: Request,
        network: Annotated[Text, Form()] = "",
        kind: Annotated[Text, Form()] = "",
        reason: Annotated[Text, Form()] = "",
    ) -> Response:
        """Do not list it."""

        def act() -> None:
            where, why = network_of(network), reason_of(reason)
            self.desk.reviewing.withdraw(where, kind=kind, reason=why, actor=me(request).actor)

        return attempt(act, f"{ADMIN}/inbox?done=withdrawn", lambda **said: self.inbox(request, **said))
