"""The pages of the operators' side about people: reporters, accounts, and one's own account."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, Request
from fastapi.responses import Response

from dnsbl.errors import Refused
from dnsbl.rules import reporters
from dnsbl.vocabulary import Refusal, Role, Tier
from dnsbl.web.admin.desk import OperatorDesk
from dnsbl.web.admin.gate import ADMIN, Gate, attempt, me, told
from dnsbl.web.admin.room import AdminPage, reason_of
from dnsbl.web.render import Pages
from dnsbl.web.shapes import Text


class People(AdminPage):
    """The routes."""

    def __init__(self, desk: OperatorDesk, pages: Pages, gate: Gate) -> None:
        super().__init__(desk, pages)
        self._gate = gate
        gate.seeing.add_api_route("/reporters", self.reporters, methods=["GET", "HEAD"])
        gate.acting.post("/reporters/add")(self.add_reporter)
        gate.acting.post("/reporters/suspend")(self.suspend)
        gate.acting.post("/reporters/resume")(self.resume)
        gate.acting.post("/reporters/tier")(self.tier)
        gate.acting.post("/reporters/key")(self.key)
        gate.acting.post("/reporters/revoke")(self.revoke)
        gate.overseeing.add_api_route("/accounts", self.accounts, methods=["GET", "HEAD"])
        gate.owning.post("/accounts/add")(self.add)
        gate.owning.post("/accounts/change")(self.change)
        gate.seeing.add_api_route("/me", self.own, methods=["GET", "HEAD"])
        gate.own.post("/me/password")(self.password)
        gate.own.post("/me/codes")(self.codes)
        gate.own.post("/me/no-codes")(self.no_codes)
        gate.own.post("/me/sign-out-everywhere")(self.everywhere)

    def reporters(
        self, request: Request, *, mistake: str = "", status: int = 200, made: tuple[str, str] | None = None
    ) -> Response:
        """Who reports under a name, and what came of it."""
        found = [(one, reporters.score(one)) for one in self.desk.reporters.all()]
        return self.page(
            request, "reporters", "reporters", mistake=mistake, status=status, found=found, made=made, tiers=list(Tier)
        )

    def _reported(self, request: Request, act: Any, done: str) -> Response:
        return attempt(act, f"{ADMIN}/reporters?done={done}", lambda **said: self.reporters(request, **said))

    def add_reporter(self, request: Request, name: Annotated[Text, Form()] = "") -> Response:
        """An account for a reporter."""
        actor = me(request).actor
        return self._reported(
            request, lambda: self.desk.reporters.add(name, tier=Tier.NEW, contact="", actor=actor), "added"
        )

    def suspend(
        self, request: Request, name: Annotated[Text, Form()] = "", reason: Annotated[Text, Form()] = ""
    ) -> Response:
        """Take nothing more from a reporter."""
        actor = me(request).actor
        return self._reported(
            request, lambda: self.desk.reporters.suspend(name, reason=reason_of(reason), actor=actor), "suspended"
        )

    def resume(
        self, request: Request, name: Annotated[Text, Form()] = "", reason: Annotated[Text, Form()] = ""
    ) -> Response:
        """Take his nominations again."""
        actor = me(request).actor
        return self._reported(
            request, lambda: self.desk.reporters.resume(name, reason=reason_of(reason), actor=actor), "changed"
        )

    def tier(
        self,
        request: Request,
        name: Annotated[Text, Form()] = "",
        tier: Annotated[Text, Form()] = "",
        reason: Annotated[Text, Form()] = "",
    ) -> Response:
        """Put a reporter into another tier."""

        def act() -> None:
            if tier not in set(Tier):
                raise Refused(Refusal.UNKNOWN_REPORTER, "Tiers are new, known and trusted.")
            self.desk.reporters.tier(name, Tier(tier), reason=reason_of(reason), actor=me(request).actor)

        return self._reported(request, act, "trusted")

    def key(self, request: Request, name: Annotated[Text, Form()] = "") -> Response:
        """A new key for a reporter, shown this once."""
        try:
            made = self.desk.reporters.key(name, actor=me(request).actor)
        except Refused as error:
            return told(error, lambda **said: self.reporters(request, **said))
        return self.reporters(request, made=(name.strip().lower(), made))

    def revoke(self, request: Request, name: Annotated[Text, Form()] = "") -> Response:
        """Void his key."""
        actor = me(request).actor
        return self._reported(request, lambda: self.desk.reporters.revoke(name, actor=actor), "revoked")

    def accounts(self, request: Request, *, mistake: str = "", status: int = 200, typed: str = "") -> Response:
        """Who may come in here."""
        found = self.desk.accounts.all()
        return self.page(
            request, "accounts", "accounts", mistake=mistake, status=status, found=found, roles=list(Role), typed=typed
        )

    def add(
        self,
        request: Request,
        name: Annotated[Text, Form()] = "",
        role: Annotated[Text, Form()] = "",
        password: Annotated[Text, Form()] = "",
        mine: Annotated[Text, Form()] = "",
    ) -> Response:
        """An account for somebody."""

        def act() -> None:
            self.desk.entrance.check(me(request), mine)
            self.desk.accounts.add(name, password, role=_role(role), actor=me(request).actor)

        return attempt(
            act,
            f"{ADMIN}/accounts?done=added",
            lambda **said: self.accounts(request, typed=name[:40], **said),
        )

    def change(
        self,
        request: Request,
        name: Annotated[Text, Form()] = "",
        what: Annotated[Text, Form()] = "",
        role: Annotated[Text, Form()] = "",
        password: Annotated[Text, Form()] = "",
        reason: Annotated[Text, Form()] = "",
        mine: Annotated[Text, Form()] = "",
    ) -> Response:
        """Change an account: its role, whether it is let in, its password; or remove it."""
        accounts, actor = self.desk.accounts, me(request).actor

        def act() -> None:
            self.desk.entrance.check(me(request), mine)
            match what:
                case "role":
                    accounts.role(name, _role(role), reason=reason_of(reason), actor=actor)
                case "disable":
                    accounts.disable(name, reason=reason_of(reason), actor=actor)
                case "enable":
                    accounts.enable(name, reason=reason_of(reason), actor=actor)
                case "no-codes":
                    accounts.end_codes(name, reason=reason_of(reason), actor=actor, but=me(request).token)
                case "password":
                    accounts.password(name, password, actor=actor)
                case "remove":
                    accounts.remove(name, reason=reason_of(reason), actor=actor)
                case _:
                    raise Refused(Refusal.UNKNOWN_ACCOUNT, "Please say what is to be changed.")

        done = "removed" if what == "remove" else "changed"
        return attempt(act, f"{ADMIN}/accounts?done={done}", lambda **said: self.accounts(request, **said))

    def own(
        self, request: Request, *, mistake: str = "", status: int = 200, key: str = "", recovery: tuple[str, ...] = ()
    ) -> Response:
        """One's own account: password, one-time codes, and where one is signed in."""
        visitor = me(request)
        offered, uri = self.desk.accounts.offer(visitor.name, key) if not (visitor.codes or recovery) else ("", "")
        return self.page(
            request,
            "me",
            "me",
            mistake=mistake,
            status=status,
            key=offered,
            uri=uri,
            recovery=recovery,
            places=self.desk.entrance.places(visitor),
        )

    def password(
        self,
        request: Request,
        old: Annotated[Text, Form()] = "",
        new: Annotated[Text, Form()] = "",
        again: Annotated[Text, Form()] = "",
    ) -> Response:
        """Another password; then one signs in anew, everywhere."""
        visitor = me(request)
        try:
            if new != again:
                raise Refused(Refusal.WEAK_PASSWORD, "The new password was not typed the same twice.")
            self.desk.entrance.check(visitor, old)
            self.desk.accounts.password(visitor.name, new, actor=visitor.actor)
        except Refused as error:
            return told(error, lambda **said: self.own(request, **said))
        return self._gate.gone()

    def codes(
        self,
        request: Request,
        key: Annotated[Text, Form()] = "",
        code: Annotated[Text, Form()] = "",
        mine: Annotated[Text, Form()] = "",
    ) -> Response:
        """Ask for one-time codes from now on; recovery codes are shown this once."""
        visitor = me(request)
        try:
            self.desk.entrance.check(visitor, mine)
            made = self.desk.accounts.enrol(visitor.name, key[:64], code[:20], actor=visitor.actor, but=visitor.token)
        except Refused as error:
            return told(error, lambda **said: self.own(request, key=key[:64], **said))
        return self.own(request, recovery=tuple(made))

    def no_codes(self, request: Request, mine: Annotated[Text, Form()] = "") -> Response:
        """Ask for none any more."""
        visitor = me(request)

        def act() -> None:
            self.desk.entrance.check(visitor, mine)
            self.desk.accounts.end_codes(visitor.name, reason="his own wish", actor=visitor.actor, but=visitor.token)

        return attempt(act, f"{ADMIN}/me?done=no-codes", lambda **said: self.own(request, **said))

    def everywhere(self, request: Request) -> Response:
        """Sign out everywhere."""
        self.desk.entrance.sign_out_everywhere(me(request))
        return self._gate.gone()


def _role(text: str) -> Role:
    """The role of this name. Raises Refused."""
    if text not in set(Role):
        raise Refused(Refusal.UNKNOWN_ACCOUNT, "Roles are viewer, operator and owner.")
    return Role(text)
