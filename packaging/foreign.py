"""What a built site would fetch from others: nothing, or this fails.

usage: foreign.py FOLDER. Looks at what a browser fetches by itself, in pages, style sheets and scripts; a link that
somebody may follow is none of it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

ELSEWHERE = re.compile(r"\s*(?:https?:|wss?:)?//", re.IGNORECASE)
IN_STYLES = re.compile(r"""(?:url\(|@import)\s*["']?\s*((?:https?:)?//[^"')\s]*)""", re.IGNORECASE)
IN_SCRIPTS = re.compile(r"""(?:fetch|import|importScripts|open|src\s*=)\s*\(?\s*["']((?:https?:)?//[^"']*)""")
#: Attributes whose address is fetched, and not followed.
FETCHED = frozenset({"src", "srcset", "poster", "data", "background", "manifest"})


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        for name, value in attrs:
            fetched = name in FETCHED or (tag == "link" and name == "href") or (tag == "use" and name == "href")
            if value and fetched and ELSEWHERE.match(value) and ("rel", "canonical") not in attrs:
                self.found.append(value)
            if value and name == "style":
                self.found += IN_STYLES.findall(value)

    def handle_data(self, data: str) -> None:
        if self._within in ("style", "script"):
            self.found += (IN_STYLES if self._within == "style" else IN_SCRIPTS).findall(data)


def foreign(name: str, text: str) -> list[str]:
    """The addresses of others that a file of this name fetches."""
    if name.endswith(".html"):
        page = _Page()
        page.feed(text)
        page.close()
        return page.found
    if name.endswith(".css"):
        return IN_STYLES.findall(text)
    return IN_SCRIPTS.findall(text) if name.endswith(".js") else []


def told(folder: Path) -> Iterator[str]:
    """A line for each address of others, with the file that fetches it."""
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".html", ".css", ".js"):
            for address in foreign(path.name, path.read_text(encoding="utf-8")):
                yield f"{path.relative_to(folder)} fetches {address}"


if __name__ == "__main__":
    if lines := list(told(Path(sys.argv[1]))):
        sys.exit("\n".join(lines))
