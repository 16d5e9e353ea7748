"""How deep properties are tried: with all their examples in `make fuzz`, with a share of them in every other
run. What share that is the profiles of Hypothesis say (`conftest`); a property says here how many it has, where that
is not the usual hundred."""

from __future__ import annotations

from typing import Any

from hypothesis import settings

#: Examples of a property that says nothing, when it is tried in full.
USUAL = 100
#: So many are tried at least, where the property has them.
FEWEST = 4


def examples(whole: int, **more: Any) -> settings:
    """Decorates a property that has so many examples; `more` are further settings of it."""
    share = whole * settings().max_examples // USUAL
    return settings(max_examples=max(share, min(FEWEST, whole)), **more)
