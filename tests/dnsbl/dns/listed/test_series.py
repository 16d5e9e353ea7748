"""In which epoch a node numbers what it answers, and when it needs another one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dnsbl.dns.listed.series import GAP, LEAP, UNNUMBERED, YOUNG, Served, Wanted, following, in_force, wanted
from dnsbl.model import Epoch

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLOCK = int(NOW.timestamp())


def epoch(base: int, since: int, digest: str, made: datetime = NOW) -> Epoch:
    return Epoch(base=base, since=since, digest=digest, made=made)


#: Zone files z; then others, y, at change 10; then z again at change 20.
Z, Y, AGAIN = epoch(1000, 5, "z"), epoch(9000, 10, "y"), epoch(90000, 20, "z")


@pytest.mark.parametrize(
    ("epochs", "number", "digest", "found"),
    [
        ((), 5, "z", None),
        ((Z,), 5, "z", Z),
        ((Z,), 4, "z", None),  # before it began
        ((Z,), 5, "y", None),
        ((Z, Y), 8009, "z", Z),  # an older epoch goes on
        ((Z, Y), 8010, "z", None),  # until its serials would be the next one's
        ((Z, Y), 8010, "y", Y),
        ((Z, Y, AGAIN), 20, "z", AGAIN),
        ((Z, Y, AGAIN), 19, "z", Z),
        ((Z, Y, AGAIN), 80999, "y", Y),
        ((Z, Y, AGAIN), 81020, "y", None),
    ],
)
def test_the_newest_epoch_of_the_same_zones_holds_while_its_serials_are_nobody_elses(
    epochs: tuple[Epoch, ...], number: int, digest: str, found: Epoch | None
) -> None:
    assert in_force(epochs, number, digest) == found


@pytest.mark.parametrize(
    ("epochs", "digest", "served", "known", "breaks"),
    [
        ((Z,), "z", Served(base=1000, digest="z"), 1030, None),  # all is as it was
        ((Z, Y), "z", Served(base=1000, digest="z"), 1030, None),  # others have new files: no quarrel about them
        ((Z, Y), "y", Served(base=1000, digest="z"), 1030, None),  # ours are new too, and there is an epoch of them
        ((Z, Y), "z", Served(base=9000, digest="y"), 9030, False),  # taken back: the old epoch of them will not do
        ((Z, Y, AGAIN), "z", Served(base=9000, digest="y"), 9030, None),  # unless somebody else was first
        ((Z, Y), "x", Served(base=9000, digest="y"), 9030, False),
        ((Z,), "z", Served(base=1000, digest="z"), 1031, True),  # more was shown than the store has
        ((Z,), "z", Served(base=9000, digest="z"), 9030, True),  # the store knows nothing of what was served
        ((), "z", Served(base=9000, digest="z"), 9030, True),
        ((Z,), "z", Served(base=9000, digest="z"), 0, True),  # though the highest serial is known no more
        ((Y, AGAIN), "z", Served(base=1000, digest="z"), 1030, None),  # somebody has found a break: after him
        ((Y,), "z", Served(base=1000, digest="z"), 1030, False),
        ((Z,), "z", Served(base=1000, digest=UNNUMBERED), 0, True),
        ((Z, Y, AGAIN), "z", Served(base=1000, digest=UNNUMBERED), 0, None),
        ((), "z", None, 0, False),  # the first node
        ((Z,), "z", None, 0, None),  # the second one, at the same time
        ((Z,), "z", None, 1031, False),
        ((Z, Y), "z", None, 0, False),
    ],
)
def test_a_node_asks_for_an_epoch_when_it_changes_and_never_because_others_differ(
    epochs: tuple[Epoch, ...], digest: str, served: Served | None, known: int, breaks: bool | None
) -> None:
    wish = wanted(epochs, number=30, digest=digest, served=served, known=known, now=NOW)
    assert (None if wish is None else wish.breaks) == breaks
    if wish is not None:
        assert (wish.digest, wish.above) == (digest, known)
        assert wish.newest == (epochs[-1].base if epochs else None)
        assert wish.why


def test_a_node_that_knows_nothing_takes_a_young_epoch_alone() -> None:
    for age, takes in ((YOUNG, True), (-YOUNG, True), (YOUNG + timedelta(seconds=1), False)):
        found = wanted((Z,), number=30, digest="z", served=None, known=0, now=NOW + age)
        assert (found is None) is takes


def wish(digest: str, newest: int | None, *, above: int = 0) -> Wanted:
    return Wanted(digest=digest, newest=newest, above=above, breaks=False, why="a test")


def test_an_epoch_that_another_node_has_got_since_fulfils_the_wish() -> None:
    assert following((Z, Y), wish("y", Z.base), number=30, now=NOW) is Y
    assert following((Z, Y), wish("y", None), number=30, now=NOW) is Y
    for other in (wish("y", Y.base), wish("x", Z.base), wish("y", Z.base, above=Y.base + 31), wish("z", Z.base)):
        new = following((Z, Y), other, number=30, now=NOW)
        assert (new.digest, new.since, new.made) == (other.digest, 30, NOW)
        assert new.base + 30 >= max(Y.base + 30, other.above) + GAP


@pytest.mark.parametrize(
    ("epochs", "above", "first"),
    [
        ((), 0, CLOCK),  # the first ever
        ((), 5, 5 + LEAP),  # a step is no longer than secondaries understand
        ((), CLOCK - 5, CLOCK - 5 + GAP),
        ((epoch(CLOCK - 10**6, 5, "y"),), 0, CLOCK),  # the time of day, where that is far enough
        ((epoch(CLOCK - 10**6, 5, "y"),), CLOCK + 7, CLOCK + 7 + GAP),
        ((epoch(CLOCK - 100, 100, "y"),), 0, CLOCK + GAP),  # restored to a number before its first: that one counts
        ((epoch(2**32 - 10, 5, "y"),), 0, 2**32 - 10 + 40 + GAP),  # what is kept is never cut
    ],
)
def test_the_first_serial_of_an_epoch_is_beyond_all_that_is_known(
    epochs: tuple[Epoch, ...], above: int, first: int
) -> None:
    new = following(epochs, wish("z", epochs[-1].base if epochs else None, above=above), number=40, now=NOW)
    assert new.base + new.since == first
