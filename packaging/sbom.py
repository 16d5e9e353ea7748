"""What a build is made of, as one CycloneDX 1.6 document (ECMA-424): each distribution with version, licence, package
URL, and what it needs of the others.

usage: sbom.py FOLDER. FOLDER has the distributions, such as a site-packages.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from importlib.metadata import Distribution, distributions
from typing import Any

from dnsbl import DISTRIBUTION


def called(name: str) -> str:
    """A distribution's name in its one form (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needs(one: Distribution) -> set[str]:
    """The names of what it needs, always or for an extra."""
    found = (re.match(r"[A-Za-z0-9_.-]+", line) for line in one.requires or ())
    return {called(match[0]) for match in found if match}


def licence(one: Distribution) -> list[dict[str, Any]]:
    """Its licence: an SPDX expression where it has one, else what it calls itself."""
    facts = one.metadata
    if expression := facts.get("License-Expression"):
        return [{"expression": expression}]
    classes = [
        line.rpartition(" :: ")[2] for line in facts.get_all("Classifier", []) if re.match("License :: .* :: ", line)
    ]
    said = classes or [line for line in (facts.get("License") or "").splitlines()[:1] if line.strip()]
    return [{"license": {"name": name.strip()}} for name in said]


def component(one: Distribution, *, kind: str = "library") -> dict[str, Any]:
    """A distribution as a component."""
    name = called(one.metadata["Name"])
    url = f"pkg:pypi/{name}@{one.version}"
    found: dict[str, Any] = {"type": kind, "bom-ref": url, "name": name, "version": one.version, "purl": url}
    return found | ({"licenses": said} if (said := licence(one)) else {})


def bill(there: Iterable[Distribution]) -> dict[str, Any]:
    """The document about these distributions, ours among them."""
    known = {called(one.metadata["Name"]): one for one in there}
    parts = {name: component(one) for name, one in known.items()}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": component(known[DISTRIBUTION], kind="application")},
        "components": [parts[name] for name in sorted(parts) if name != DISTRIBUTION],
        "dependencies": [
            {
                "ref": parts[name]["bom-ref"],
                "dependsOn": sorted(parts[other]["bom-ref"] for other in needs(known[name]) & known.keys()),
            }
            for name in sorted(parts)
        ],
    }


def main(folder: str) -> None:
    """Print the document."""
    print(json.dumps(bill(distributions(path=[folder])), indent=1))


if __name__ == "__main__":
    main(sys.argv[1])
