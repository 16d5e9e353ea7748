"""Why a mail system may relay, from the trace of a message that came through it and nothing else: a hint for whoever
tests it, never a verdict, since all but one line of a trace are what strangers say.

Pure. Looked at are the lines below the hand-over that claim to be of the very system that handed the mail in, down to
its way in: a private address there stands in a stranger's place (address translation, a proxy); a stranger's address,
taken in by another machine than the one that passed the mail on, is what an appliance before a server looks like. A
user who has logged in, mail that was addressed to the system itself and forwarded, what its own machines send, and the
inside of a well-known provider are none of these.
"""

from __future__ import annotations

from collections.abc import Sequence

from tester.cause.reading import Address, Cause, Explained, Sure, stands_for
from tester.cause.software import software
from tester.received.chain import Step, Trace, is_private, organisation, under
from tester.received.line import Hop
from tester.received.login import logged_in, over_smtp
from tester.received.providers import PROVIDERS

#: What stands behind every hint.
_SAID = "So say the lines below the hand-over, which anybody could have written: this is a hint, and only a test shows."


def hint(trace: Trace, used: Step | None = None) -> Explained | None:
    """The cause that a trace looks like, by its used line or another that was picked; None where it looks like none."""
    used = used or trace.used
    if used is None or any(under(used.hop.name or used.hop.helo, each.writers) for each in PROVIDERS):
        return None
    system = _system(used.hop, [step.hop for step in trace.steps[used.number :]])
    if not system or any(logged_in(hop) for hop in system) or any(_ours(hop.recipient, used.hop) for hop in system):
        return None
    entry = system[-1]
    if not over_smtp(entry) or entry.address is None:
        return None
    seen = entry.address
    if is_private(seen) or seen == used.hop.address:
        return None if _own(entry, used.hop) else _lost(entry, seen, used.hop)
    machines = list(dict.fromkeys(hop.by.lower() for hop in system if not _local(hop.by)))
    return _appliance(entry, system, used.hop) if len(machines) > 1 else None


def _system(handed: Hop, below: Sequence[Hop]) -> list[Hop]:
    """The lines below the hand-over that are of the system that handed the mail in, newest first."""
    system: list[Hop] = []
    before = handed
    for hop in below:
        if not _wrote(hop, before, handed):
            break
        system.append(hop)
        if hop.address is None or not (is_private(hop.address) or _own(hop, handed)):
            break  # whoever stands here came from outside
        before = hop
    return system


def _wrote(hop: Hop, before: Hop, handed: Hop) -> bool:
    """Whether a line was written by the client of the one before, or by another machine of the same system."""
    called = {name.lower() for name in (before.name, before.helo) if name}
    return (
        hop.by.lower() in called or before.address in hop.by_addresses or organisation(hop.by) in _organisations(handed)
    )


def _own(hop: Hop, handed: Hop) -> bool:
    """Whether a line's client calls itself a machine of the system, or a program on the one that wrote the line."""
    return any(_local(name) or organisation(name) in _organisations(handed) for name in (hop.name, hop.helo))


def _ours(recipient: str, handed: Hop) -> bool:
    """Whether mail to this address is for the system itself."""
    return organisation(recipient.rpartition("@")[2]) in _organisations(handed)


def _organisations(hop: Hop) -> set[str]:
    return {organisation(name) for name in (hop.name, hop.helo)} - {""}


def _local(name: str) -> bool:
    return name.lower().partition(".")[0] == "localhost"


def _lost(entry: Hop, seen: Address, handed: Hop) -> Explained:
    what = "its own address" if seen == handed.address else stands_for(seen) or "a private address"
    return _explained(
        Cause.CLIENT_ADDRESS_LOST,
        entry,
        f"{entry.by or 'The server'} says that it took the mail from {seen}: {what}.",
        "Where that stands in strangers' places, the server trusts it and so relays for everybody; a machine of its "
        "own inside could have sent the mail as well.",
    )


def _appliance(entry: Hop, system: Sequence[Hop], handed: Hop) -> Explained:
    second = next(hop for hop in reversed(system) if hop.by.lower() != entry.by.lower() and not _local(hop.by))
    return _explained(
        Cause.APPLIANCE_TRUSTED,
        entry,
        f"{entry.by or 'The first machine'} says that it took the mail from outside, from {entry.address}.",
        f"{second.by or handed.name} took it from there ({second.address}), as from one that it trusts, and it was "
        "passed on.",
    )


def _explained(cause: Cause, entry: Hop, *reasons: str) -> Explained:
    return Explained(
        cause=cause,
        sure=Sure.GUESS,
        reasons=(*reasons, _SAID),
        software=software([f"{entry.by} {entry.protocol} {entry.remarks}"]),
    )
