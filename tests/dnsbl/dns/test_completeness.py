"""Every numbered behaviour of the DNS side has a test that carries its number.

The numbers: b, what a server of lists must do; f, the rows of RFC 5782; d, the rows beyond it. A test carries a number
in its name (`test_b36_...`), a vector in its `name`. What is shown in another place stands here with that place, which
must exist, and what is not there at all with the reason.
"""

import re
import tomllib
from pathlib import Path

from tests.rows import rows

TESTS = Path(__file__).parents[2]
NUMBERS = [f"b{n:02}" for n in range(1, 61)] + [f"f{n:02}" for n in range(1, 35)] + [f"d{n:02}" for n in range(1, 10)]

#: Shown by a whole file, mostly with software that we did not write.
ELSEWHERE = {
    "b41": "strangers/test_dns_differential.py",  # NSD as the oracle
    "b48": "strangers/test_dns_live.py",  # asked to end; a killed one serves its table again: journeys/test_killed.py
    "d07": "strangers/test_dns_resolvers.py",
    "f34": "strangers/test_dns_secondaries.py",
    "b59": "strangers/test_dns_signed.py",
}
#: Not there, and why.
ABSENT = {
    "b55": "a figure, not a behaviour: measured by the benchmark",
    "b58": "needs a tree of delegations and programs that Debian 12 does not carry",
    "f03": "no code of ours takes an A record of a list for an address",
    "f05": "concerns clients of lists",
    "f08": "concerns lists of the good; every kind of ours has its TXT",
    "f16": "there are no lists of domains",
    "f23": "there are no lists of domains",
    "f24": "there are no lists of domains",
    "f28": "concerns clients of lists",
    "f29": "concerns clients of lists",
    "f30": "concerns clients of lists",
    "f31": "concerns clients of lists",
}


def carried() -> set[str]:
    """Every number that a vector or a test carries."""
    found: set[str] = set()
    for path in TESTS.glob("vectors/*.toml"):
        for case in tomllib.loads(path.read_text(encoding="utf-8")).get("case", []):
            found.update(re.findall(r"\b[bfd]\d\d\b", case["name"]))
    for path in TESTS.rglob("test_*.py"):
        for name in re.findall(r"def test_(\w+)", path.read_text(encoding="utf-8")):
            found.update(part for part in name.split("_") if re.fullmatch(r"[bfd]\d\d", part))
    return found


CARRIED = carried()


@rows("number", NUMBERS)
def test_every_number_is_shown_or_accounted_for(number: str) -> None:
    assert number in CARRIED or number in ELSEWHERE or number in ABSENT


def test_no_excuse_outlives_its_reason() -> None:
    assert not CARRIED & set(ABSENT)
    assert not set(ELSEWHERE) & set(ABSENT)
    for place in ELSEWHERE.values():
        assert (TESTS / place).is_file(), place


def test_no_test_carries_a_number_that_does_not_exist() -> None:
    assert set(NUMBERS) >= CARRIED
