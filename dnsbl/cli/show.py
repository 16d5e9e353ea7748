"""Results for people (rich) or for programs (one JSON document). Holds no rule; strangers' text comes escaped. Over
400 lines, since whatever a command shows is shown here and nowhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from dnsbl.cli import terminal
from dnsbl.cli.later import later
from dnsbl.vocabulary import JobReason
from tester.smtp import escape as plain

with later():
    from dnsbl.cli import drawing
    from dnsbl.rules import causes, keeping, written
    from dnsbl.web import shapes, words
    from tester import cause, paths
if TYPE_CHECKING:
    from dnsbl.casework.restoring import Restored
    from dnsbl.casework.ring import Shown
    from dnsbl.model import (
        Entry,
        Exclusion,
        Job,
        Listing,
        PathReport,
        Proposal,
        Purge,
        Return,
        RunReport,
        Standing,
        Suspension,
    )
    from dnsbl.opened import OpenedList
    from dnsbl.rules.others import Opinion


#: What is said of an address that is listed nowhere and answered all the same (RFC 5782 5).
TEST_POINT = "  a test point: always answered, and nobody's server"
#: Characters of a reply in the table of a test.
ANSWER = 80


def document(facts: Any) -> None:
    """One JSON document; times in it are ISO 8601."""
    print(json.dumps(facts, indent=2, ensure_ascii=True, default=_iso))


def when(time: datetime | None) -> str:
    """A time for people, or a dash."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "-"


def done(facts: Mapping[str, Any], *, as_json: bool) -> None:
    """A few facts after something was done, under names that people read; programs have them with "_" between words."""
    if as_json:
        document({re.sub(r"\W+", "_", name): value for name, value in facts.items()})
        return
    for name, value in facts.items():
        if isinstance(value, (list, tuple)) and any(" " in str(each) for each in value):  # sentences
            for line in (f"{name}:", *(f"  {each}" for each in value)):
                terminal.say(line)
        else:
            terminal.say(f"{name.replace('_', ' ')}: {_plain(value)}")


def _iso(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _plain(value: Any) -> str:
    """A fact as people write it."""
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return "-" if value is None or value == "" else str(value)


def keys(found: Sequence[Shown], *, as_json: bool, void: int | None = None) -> None:
    """Keys, as far as they may be shown; `void` tests have lost theirs."""
    if as_json:
        rows = [
            {
                "key": key.kid,
                "fingerprint": key.fingerprint,
                "since": f"{key.since:%Y-%m-%dT%H:%M:%SZ}",
                "state": key.state,
                "here": key.here,
            }
            for key in found
        ]
        document({"keys": rows} | ({} if void is None else {"void": void}))
        return
    if not found:
        terminal.say("There is no key yet; the first start of `dnsbl serve` makes one.")
        return
    table = drawing.Table("key", "fingerprint", "from", "state", "on this node")
    for key in found:
        table.add_row(key.kid, key.fingerprint[:16], when(key.since), key.state, "yes" if key.here else "no")
    terminal.out().print(table)
    if void is not None:
        terminal.say(f"{void} tests were void and will be repeated.")


def client_keys(found: Mapping[str, Any], *, as_json: bool) -> None:
    """How clients' keys are used."""
    if as_json:
        document(found)
        return
    table = drawing.Table(
        "key", "networks", "queries", "listed", "refused", "a second: minute, hour, day", "last used", "used elsewhere"
    )
    for row in found["keys"]:
        away = row["elsewhere"]
        told = f"{away['queries']}, last from {away['last_from']} at {away['last_seen']}" if away["queries"] else "no"
        table.add_row(
            f"{row['name']} ({row['fingerprint']})" if row["name"] else row["fingerprint"],
            ", ".join(row["networks"]) or "any",
            *(str(row[fact]) for fact in ("queries", "hits", "refused")),
            ", ".join(f"{rate:.4g}" for rate in row["per_second"].values()),
            row["last_seen"] or "never",
            f"ALARM: {told}" if row["alarm"] else told,
        )
    terminal.rows(table, nothing="No key is in dns.keys_file; `dnsbl client-key new` makes one.")
    since = f"As of {found['as_of']}; counted since {found['since']}." if found["as_of"] else "Nothing was counted yet."
    terminal.say(since)


def job(opened: OpenedList, queued: Job, word: str, *, as_json: bool) -> None:
    """A test that was queued."""
    if as_json:
        standing = opened.casework.views.look_up(queued.address)
        document(_shape(opened, standing) | {"run_id": queued.run, "done": word})
        return
    for line in job_lines(opened, queued, word):
        terminal.say(line)


def job_lines(opened: OpenedList, queued: Job, word: str) -> Iterator[str]:
    """A test that was queued, for people."""
    yield f"{queued.address}: {word}; the test is due {when(queued.due)}."
    if held := _held(opened):
        yield held
    yield f"Follow it with: dnsbl lookup {queued.address}, or {opened.settings.web.base_url}/ip/{queued.address}"


def undialled(opened: OpenedList) -> str:
    """Why nobody may be dialled now, and what ends that, in one sentence; or ""."""
    still = opened.casework.views.standstill()
    return f"It waits, since nobody is dialled now: {still.why}." if still else ""


def _held(opened: OpenedList) -> str:
    """Why no test begins now, and what ends that, in one sentence; or ""."""
    if held := undialled(opened):
        return held
    if "worker" in opened.casework.views.unmanned():
        return "It waits, since no worker is at work: `dnsbl serve` starts one."
    return ""


def _shape(opened: OpenedList, found: Standing, others: Sequence[Opinion] | None = None) -> dict[str, Any]:
    proofs = shapes.proofs_at(opened.settings)
    return shapes.standing_shape(found, opened.zones.codes_of, proofs=proofs, others=others)


def standing(opened: OpenedList, found: Standing, *, others: Sequence[Opinion] | None = None, as_json: bool) -> None:
    """Where an address stands, and what other lists say of it, where they were asked."""
    if as_json:
        document(_shape(opened, found, others))
        return
    zones = opened.zones.codes_of(found.address, found.kinds)
    terminal.say(f"  {found.state.value}", strong=str(found.address))
    for entry in found.listings:
        terminal.say(
            f"  listed as {entry.kind} ({entry.network}) since {when(entry.since)}, "
            f"until {when(entry.expires)}: {_why(entry)}"
        )
        if entry.public:
            terminal.say(f"    told to everybody: {entry.public}")
    for coming in found.forthcoming:
        terminal.say(f"  will be listed as {coming.kind} from {when(coming.due)} on")
    for each in found.inputs:
        terminal.say(f"  output of {each.input.network_address} since {when(each.since)}")
    for zone, codes in zones.items():
        terminal.say(f"  {zone}: {', '.join(codes) or 'not listed'}")
    if not found.listings and any(zones.values()):
        terminal.say(TEST_POINT)
    for way in found.paths:
        terminal.say(f"  {_way(way)}")
    if found.last_verdict:
        terminal.say(f"  last verdict: {found.last_verdict.value}")
    if found.next_test:
        terminal.say(f"  next test: {when(found.next_test)}")
    if found.next_test and (held := _held(opened)):
        terminal.say(f"  {held}")
    elif found.waits or found.ahead:
        place = f"waits for a place in its network, where tests are under way: {found.ahead}"
        terminal.say(f"  waits: {found.waits}" if found.waits else f"  {place}")
    if found.exclusion:
        terminal.say(f"  excluded: {found.exclusion.network}, {found.exclusion.reason}")
    if found.exception:
        terminal.say(f"  left out of wider listings: {found.exception.network}, {found.exception.note}")
    for past in found.past:
        terminal.say(f"  was {past.kind} {when(past.since)} to {when(past.ended)}")
    if found.clears_by and found.clears_by > opened.clock.now():
        terminal.say(f"  clears by: {when(found.clears_by)}, when every cache has let go")
    for one in others or ():
        terminal.say(f"  elsewhere: {one.sentence}" + (f" {one.text}" if one.text else ""))
    if opened.settings.tlog.origin and found.proven:
        terminal.say(f"  proof of this listing: dnsbl proof {found.address}")
    terminal.say(f"  more: {opened.settings.web.base_url}/ip/{found.address}")


def _why(entry: Listing) -> str:
    """Why it is listed, in words, and what was noted."""
    return words.REASON[entry.reason] + (f": {entry.note}" if entry.note else "")


def test(opened: OpenedList, report: RunReport, *, as_json: bool) -> None:
    """A finished test."""
    if as_json:
        found = opened.casework.views.look_up(report.run.address)
        document(_shape(opened, found) | shapes.run_shape(report))
        return
    console = terminal.out()
    several = len(report.paths) > 1
    where = ("where",) if several else ()
    table = drawing.Table(
        "vector", *where, "outcome", "came back", "reply", title=f"{report.run.address}  run {report.run.id}"
    )
    for fate in report.letters:
        table.add_row(
            fate.letter.vector,
            *((paths.path(fate.letter.address, fate.letter.port).name,) if several else ()),
            fate.outcome.value if fate.outcome and (fate.answer or not fate.reply) else "-",
            fate.finding.value if fate.finding else "-",
            fate.answer if len(fate.answer) <= ANSWER else f"{fate.answer[: ANSWER - 3]}...",
        )
    console.print(table)
    verdict = report.run.verdict.value if report.run.verdict else "-"
    terminal.say(f": {report.run.explanation}", strong=verdict)
    if (coming := opened.casework.views.look_up(report.run.address)).next_test:
        again = coming.job is not None and coming.job.reason is JobReason.UNREACHABLE
        terminal.say(f"{'tried again' if again else 'next test'}: {when(coming.next_test)}")
    for way in report.paths if several else ():
        console.print(f"  {_way(way)}")
    if told := causes.cause_of(report):
        console.print(f"cause: {told.cause} ({told.sure}). {' '.join(told.reasons)}")
        for one in cause.advice(told.cause, told.software)[:2]:
            console.print(f"  {one.change}")
    if report.run.forgotten:
        console.print(f"transcript: deleted on {when(report.run.forgotten)}; sha256:{report.run.digest}")
    if report.flags:
        console.print(f"flags: {', '.join(sorted(report.flags))}")


def _way(way: PathReport) -> str:
    """A way into a host, for people."""
    return f"{way.path.name}: {way.verdict.value if way.verdict else 'not judged yet'}. {way.explanation}".rstrip()


def entries(lines: Iterable[Entry], *, as_json: bool) -> None:
    """Journal entries."""
    if as_json:
        document(
            [
                {
                    "seq": e.seq,
                    "at": e.at.isoformat(),
                    "actor": e.actor,
                    "subject": e.subject,
                    "verb": e.verb,
                    "reason": e.reason,
                    "before": e.before,
                    "after": e.after,
                    "evidence": e.evidence,
                    "hash": e.hash,
                }
                for e in lines
            ]
        )
        return
    console = terminal.out()
    lines = list(lines)
    if not lines:
        console.print("There is no entry.")
    for e in lines:
        change = f"{e.before} > {e.after}" if e.before or e.after else ""
        console.print(f"{e.seq:>6} {when(e.at)} {e.subject:<18} {e.verb} {e.reason} {change} {e.evidence} ({e.actor})")


def inbox(messages: Iterable[tuple[Return, str]], *, as_json: bool) -> None:
    """What people have written, a line each, and how it was answered."""
    rows = [(message.received, _letter(message) | {"answered": how}) for message, how in messages]
    if as_json:
        document([shape for _, shape in rows])
        return
    console = terminal.out()
    if not rows:
        console.print("Nobody has written.")
    for received, m in rows:
        line = f"{m['number']:>6} {when(received)} {m['kind']:<14} {m['peer']}  to {m['to']}  from {m['from']}: "
        line += f"{m['subject']} ({m['answered'] or 'not answered'})"
        console.print(line)


def exclusions(found: Sequence[Exclusion], *, as_json: bool) -> None:
    """What is not tested."""
    _decided("exclusions", [(each, each.reason) for each in found], "Nothing is excluded.", as_json=as_json)


def exceptions(found: Sequence[Listing], *, as_json: bool) -> None:
    """What is left out of wider listings."""
    rows = [(each, each.note) for each in found]
    _decided("exceptions", rows, "Nothing is left out of wider listings.", as_json=as_json)


def _decided(name: str, found: Sequence[tuple[Exclusion | Listing, str]], nothing: str, *, as_json: bool) -> None:
    """Networks that operators have decided on, each with their words for each other."""
    if as_json:
        rows = [
            {
                "network": str(each.network),
                "since": f"{each.since:%Y-%m-%dT%H:%M:%SZ}",
                "reason": reason,
                "public": each.public,
            }
            for each, reason in found
        ]
        document({name: rows})
        return
    if not found:
        terminal.say(nothing)
    for each, reason in found:
        said = f" (told to everybody: {each.public})" if each.public else ""
        terminal.say(f"{each.network} since {when(each.since)}: {reason}{said}")


def listings(found: Sequence[Listing], *, following: int | None, nothing: str, as_json: bool) -> None:
    """What is listed, or a sentence where that is `nothing`; `following` is the number behind which there may be
    more."""
    if as_json:
        rows = [
            {
                "number": each.id,
                "network": str(each.network),
                "kind": each.kind,
                "since": f"{each.since:%Y-%m-%dT%H:%M:%SZ}",
                "expires": f"{each.expires:%Y-%m-%dT%H:%M:%SZ}" if each.expires else None,
                "reason": each.reason,
                "run": each.run,
                "by": each.author,
                "note": each.note,
                "public": each.public,
            }
            for each in found
        ]
        document({"listings": rows, "before": following})
        return
    table = drawing.Table("network", "kind", "since", "until", "why", "by", "note")
    for each in found:
        table.add_row(
            str(each.network),
            each.kind,
            when(each.since),
            when(each.expires),
            each.reason,
            each.author,
            drawing.Text(each.note),
        )
    terminal.rows(table, nothing=nothing)
    if following is not None:
        terminal.say(f"There may be more: --before {following}")


def review(lapsing: Sequence[Listing], waiting: Sequence[Proposal], *, as_json: bool) -> None:
    """Operators' listings that lapse soon, and what waits for a second word."""
    rows = [
        {
            "network": str(each.network),
            "kind": each.kind,
            "by": each.author,
            "reason": each.note,
            "lapses": f"{each.expires:%Y-%m-%dT%H:%M:%SZ}" if each.expires else None,
        }
        for each in lapsing
    ]
    proposed = [
        {"network": str(each.network), "kind": each.kind, "by": each.author, "reason": each.reason} for each in waiting
    ]
    if as_json:
        document({"to_review": rows, "proposed": proposed})
        return
    console = terminal.out()
    for row in rows:
        console.print(f"{row['network']} ({row['kind']}) lapses {row['lapses']}: {row['reason']} ({row['by']})")
    for one in proposed:
        console.print(f"{one['network']} ({one['kind']}) waits for another operator: {one['reason']} ({one['by']})")
    if not rows and not proposed:
        console.print("Nothing is to be reviewed.")


def purge(found: Purge, *, dry_run: bool, as_json: bool) -> None:
    """What was taken back, or would be."""
    facts = {
        "source": found.suspension.source,
        "suspended": not dry_run,
        "nominations": found.nominations,
        "retracted": found.suspension.retracted,
        "kept": found.kept,
        "dropped_tests": found.dropped,
    }
    if as_json:
        document(facts | {"networks": [str(network) for network in found.retracted]})
        return
    console, would = terminal.out(), "would be " if dry_run else ""
    console.print(f"{would}suspended: {found.suspension.source}")
    console.print(f"  {found.nominations} nominations {would}void, {found.dropped} tests {would}dropped")
    console.print(f"  {found.suspension.retracted} listings {would}taken back, {found.kept} kept (others brought them)")
    if not (found.nominations or found.dropped or found.suspension.retracted or found.kept):
        console.print("  It has brought nothing so far: is it written as the journal has it?")
    for network in found.retracted:
        console.print(f"    {network}")
    if found.suspension.retracted > len(found.retracted):
        console.print(f"    and {found.suspension.retracted - len(found.retracted)} more")


def suspensions(found: Sequence[Suspension], *, as_json: bool) -> None:
    """Sources from which nothing is taken."""
    if as_json:
        rows = [
            {
                "source": each.source,
                "since": f"{each.since:%Y-%m-%dT%H:%M:%SZ}",
                "reason": each.reason,
                "public": each.public,
                "retracted": each.retracted,
            }
            for each in found
        ]
        document({"suspensions": rows})
        return
    if not found:
        terminal.say("Nobody is suspended.")
    for each in found:
        said = f" (told to everybody: {each.public})" if each.public else ""
        terminal.say(
            f"{each.source} since {when(each.since)}, {each.retracted} listings taken back: {each.reason}{said}"
        )


def restored(found: Restored, *, as_json: bool) -> None:
    """What came back from a copy."""
    facts = {
        "copy of": found.made,
        "rows": found.rows,
        "replayed": found.entries,
        "known until": found.until,
        "removed since": found.removed,
        "doubtful": found.doubtful,
        "tests": found.tests,
        "tests void": found.void,
        "without public words": found.wordless,
        "reporters without key": list(found.keyless),
        "watches lost": found.unwatched,
        "opted out of mail, unknown who": found.unsilenced,
    }
    done(facts, as_json=as_json)


def message(found: Return, *, raw: bool, as_json: bool) -> None:
    """One message in full, as it was written, or `raw` as it came; nothing in it reaches the terminal unescaped."""
    came = [plain(line) for line in found.message.splitlines()]
    if as_json:
        document(_letter(found) | {"text": list(written.lines(found.message)), "lines": came})
        return
    for line in came if raw else written.lines(found.message):
        terminal.say(line)


def _letter(found: Return) -> dict[str, Any]:
    return {
        "number": found.id,
        "received": found.received.isoformat(),
        "peer": str(found.peer),
        "to": found.token,
        "kind": keeping.INBOX.get(found.finding, ""),
        "from": written.field(found.message, "from"),
        "subject": written.field(found.message, "subject"),
        "run": found.run,
    }


def farewell(words: str, steps: Iterable[tuple[date, str]], delegation: str, *, as_json: bool) -> None:
    """The plan for the end of a zone."""
    if as_json:
        plan = [{"on": day.isoformat(), "do": what} for day, what in steps]
        document({"announcement": words, "plan": plan, "delegation": delegation})
        return
    print(words)
    for day, what in steps:
        print(f"{day}  {what}")
    print(f"\nFor the parent zone, afterwards:\n{delegation}", end="")
