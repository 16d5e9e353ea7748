"""The recipes of docs/, read as they stand there: what an operator would type is what the tests type.

Holds no recipe itself. Only what differs in a laboratory is put in another's place: names, addresses, secrets, folders.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, language: str, changes: Mapping[str, str]) -> str:
    """The block of a page that is marked with this language, with these texts in the place of others."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)
    assert len(found) == 1, f"docs/{page} has {len(found)} {language} blocks"
    text: str = found[0]
    for old, new in changes.items():
        goes_on = r"[\w:]" if ":" in old else r"\w|\.\d"  # a longer address is another one
        text = re.sub(rf"(?<![\w:.]){re.escape(old)}(?!{goes_on})", new, text)
    return text
