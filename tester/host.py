"""What each way into a host has come to, in; what the host is, out.

Pure. `verdict` judges one way in; this module knows what a way in beside the mail port means, and which of several
judgements counts for the host. Closed is said only when no way in relays and none is in doubt.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from tester.fate import Fate, outcomes
from tester.paths import SUBMISSION, Path, Tls
from tester.records import dataclass
from tester.refusals import Meant, read
from tester.smtp import DELIVERED, REFUSED, Control, Outcome
from tester.verdict import PLAIN, STRANGER, TURNED_AWAY, UNCONNECTED, UNGREETED, UNSEEN, Judgement, Verdict, judge

#: Verdicts of a server that relays.
RELAYS = frozenset({Verdict.OPEN, Verdict.OPEN_MULTIHOP})
#: How a way in ends where nothing that speaks SMTP is behind it.
_MUTE = UNCONNECTED | UNGREETED
#: Refusals that are no judgement of our text.
_OUTRIGHT = (REFUSED - {Outcome.DATA_END_5XX}) | TURNED_AWAY
_LOGIN = re.compile(r"\bauth(?:enticat\w*)?\b|\blog ?in\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgedPath:
    """One way into a host, judged."""

    path: Path
    judgement: Judgement
    silent: bool = False  #: no mail service is there, which is no failure of the test
    speaks: bool = True  #: a mail service has answered there

    @property
    def relays(self) -> bool:
        """Whether letters have come back from it."""
        return self.judgement.verdict in RELAYS


def judge_way(
    path: Path,
    fates: Sequence[Fate],
    *,
    first: bool,
    relayed: bool,
    control: Control,
    control_reply: str,
    profile: str,
    window_closed: bool,
    retries_left: bool,
    earlier_other: int,
    unreachable_before: int,
    us: Collection[str],
    apart: bool,
) -> JudgedPath:
    """Judge one way in by its letters; the other arguments are those of `verdict.judge`.

    `first` says that it is the one by which the host was asked for; `relayed` that letters have come back from it at
    some time. Beside the first, where nothing has ever relayed, two things are otherwise than at a mail port: that
    nothing answers is no failure, and a port for those who log in may refuse all others in whatever words (RFC 6409
    4.3), also before any mail is offered.
    """
    pairs = outcomes(fates)
    made = _made(fates)
    if not first and not relayed:
        if is_silent(path, made):
            nobody = _said(Verdict.UNREACHABLE, "No mail service answers there.")
            return JudgedPath(path=path, judgement=nobody, silent=True, speaks=False)
        if path.port in SUBMISSION and made and made <= _OUTRIGHT:
            return JudgedPath(path=path, judgement=_said(Verdict.CLOSED, "It takes mail only from those who log in."))
    judgement = judge(
        pairs,
        control=control,
        control_reply=control_reply,
        profile=profile,
        window_closed=window_closed,
        retries_left=retries_left,
        earlier_other=earlier_other,
        unreachable_before=unreachable_before,
        replies={fate.letter.vector: fate.reply for fate in fates},
        us=us,
        apart=apart,
    )
    return JudgedPath(path=path, judgement=judgement, speaks=bool(made) and not is_silent(path, made))


def is_silent(path: Path, made: Collection[Outcome]) -> bool:
    """Whether these outcomes say that nothing that speaks SMTP is behind a way in."""
    mute = _MUTE | {Outcome.TLS_FAIL} if path.tls is Tls.IMPLICIT else _MUTE
    return bool(made) and set(made) <= mute


def is_enough(path: Path, fates: Iterable[Fate]) -> bool:
    """Whether the plain forms alone, ours and the other stranger's, have told what there is to learn of a way in beside
    the mail port: it relays, or nothing is there, or who does not log in is refused for that. What has relayed for the
    other stranger alone, and once, may serve a domain of ours, so that the other forms are still to be offered."""
    told = list(fates)
    made = _made(told)
    if not made or is_silent(path, made):
        return True
    came = [fate.letter.vector for fate in told if fate.folded in DELIVERED]
    if len(came) > 1 or PLAIN & set(came):
        return True
    tried = [fate for fate in told if _tells(fate)]
    return path.port in SUBMISSION and all(_asks_for_login(fate) for fate in tried)


def _made(fates: Sequence[Fate]) -> set[Outcome]:
    """How what was tried has ended; where the other stranger was not heard, only how it has ended for us."""
    return {fate.folded for fate in fates if _tells(fate)} or {
        fate.folded for fate in fates if fate.folded not in (Outcome.SKIPPED, Outcome.UNTRIED)
    }


def _tells(fate: Fate) -> bool:
    """Whether a form was tried, and the other stranger seen with it."""
    if fate.letter.vector in STRANGER and fate.folded in UNSEEN:
        return False
    return fate.folded not in (Outcome.SKIPPED, Outcome.UNTRIED)


def _asks_for_login(fate: Fate) -> bool:
    """Whether a letter was refused for the want of a login, by code or word, or to this client whatever it brings."""
    if fate.folded is Outcome.RCPT_AUTH or fate.folded in TURNED_AWAY:
        return True
    if fate.folded not in REFUSED:
        return False
    if _LOGIN.search(fate.reply):
        return True
    return fate.folded is not Outcome.MAIL_5XX and read(fate.reply).meant is Meant.TESTER


def judge_host(ways: Sequence[JudgedPath]) -> Judgement:
    """What the host is, from its ways in, the one by which it was asked for first.

    A way in that relays outweighs the others: that of the address itself before that of another address of the same
    machine, straight before over a second machine. Then comes whatever leaves one in doubt; and only where nothing
    does, how they are closed. Ways in where no mail service is count for nothing, unless there are no others.
    """
    first = ways[0]
    if len(ways) == 1:
        return first.judgement
    address = first.path.address
    final = all(way.judgement.final for way in ways)
    if relaying := [way for way in ways if way.relays]:
        best = min(relaying, key=lambda way: (way.path.address != address, way.judgement.verdict is not Verdict.OPEN))
        where = _named(way.path for way in relaying)
        sure = best.path.address == address and best.judgement.verdict is Verdict.OPEN
        return replace(
            best.judgement, reason=f"{best.judgement.reason} The host relays at {where}.", final=sure or final
        )
    spoken = [way for way in ways if not way.silent]
    if not spoken:
        return _said(Verdict.UNREACHABLE, "No mail service answers at any of the ways in.")
    closed = (Verdict.CLOSED, Verdict.ACCEPTS_BOUNCES, Verdict.ACCEPTS_LOSES)
    if doubtful := [way for way in spoken if way.judgement.verdict not in closed]:
        worst = doubtful[0]
        if worst.judgement.verdict is Verdict.UNREACHABLE:  # not said of an address that speaks at another port
            worst = next((way for way in doubtful if way.path.address == address and way.speaks), worst)
        reason = worst.judgement.reason if worst is first else f"At {worst.path.name}: {worst.judgement.reason}"
        return _with(worst.judgement, doubtful, reason=reason, final=final)
    worst = max(spoken, key=lambda way: closed.index(way.judgement.verdict))
    silent = [way.path for way in ways if way.silent]
    more = f" No mail service answers at {_named(silent)}." if silent else ""
    alike = [way for way in spoken if way.judgement.verdict is worst.judgement.verdict]
    others = _named(way.path for way in alike if way is not worst)
    beside = f" So it is at {others}." if others else ""
    at = "" if worst is first else f"At {worst.path.name}: "
    return _with(worst.judgement, spoken, reason=f"{at}{worst.judgement.reason}{beside}{more}", final=final)


def own_ways(ways: Iterable[JudgedPath], address: IPv4Address | IPv6Address) -> list[JudgedPath]:
    """Those at this address that relay."""
    return [way for way in ways if way.relays and way.path.address == address]


def _with(judgement: Judgement, ways: Sequence[JudgedPath], *, reason: str, final: bool) -> Judgement:
    """The same, with what any of these ways in asks for besides."""
    said = [way.judgement for way in ways]
    return replace(
        judgement,
        reason=reason,
        final=final,
        confirm=any(one.confirm for one in said),
        second_look=any(one.second_look for one in said),
        no_postmaster=any(one.no_postmaster for one in said),
        repeat=any(one.repeat for one in said),
    )


def _said(verdict: Verdict, reason: str) -> Judgement:
    return Judgement(verdict=verdict, final=True, confirm=False, reason=reason)


def _named(paths: Iterable[Path]) -> str:
    """The names of ways in, ports of one address together: "192.0.2.1 port 25 and 465 (TLS); 2001:db8::1 port 25"."""
    by_address: dict[IPv4Address | IPv6Address, list[str]] = {}
    for path in paths:
        by_address.setdefault(path.address, []).append(path.name.partition(" port ")[2])
    return "; ".join(f"{address} port {', '.join(ports)}" for address, ports in by_address.items())
