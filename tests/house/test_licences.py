"""What we build on may be built on: every licence is one that an Apache-2.0 program can depend on."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata, requires

from packaging.requirements import Requirement

from dnsbl import DISTRIBUTION

#: Words of which at least one stands in the licence, or in the classifiers, of each.
FIT = re.compile(r"\b(Apache|MIT|MIT-0|BSD|BSD-2-Clause|BSD-3-Clause|BSD-like|ISC|ISCL|PSF-2.0|LGPL-3.0-only)\b")


def built_on(name: str, seen: set[str]) -> set[str]:
    try:
        wanted = requires(name) or []
    except PackageNotFoundError:
        return seen
    seen.add(name)
    for line in wanted:
        further = Requirement(line)
        other = re.sub(r"[-_.]+", "-", further.name).lower()
        if (further.marker is None or further.marker.evaluate({"extra": ""})) and other not in seen:
            built_on(other, seen)
    return seen


def test_every_dependency_may_be_depended_on() -> None:
    unfit: dict[str, str] = {}
    for name in sorted(built_on(DISTRIBUTION, set())):
        facts = metadata(name)
        licence = (facts.get("License-Expression", ""), facts.get("License", "")[:200])
        said = " ".join((*licence, *facts.get_all("Classifier", [])))
        if not FIT.search(said):
            unfit[name] = said
    assert unfit == {}
