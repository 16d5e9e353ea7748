"""Pages lead somewhere: every link of our papers to a file or a heading of ours is right, and every page of docs/ is
reached from its index, which is all that the site of them has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAPERS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")
PAGES = [*sorted(DOCS.glob("*.md")), *(ROOT / name for name in PAPERS)]


def links(page: Path) -> list[str]:
    """Where a page leads to, outside of its samples."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose))


def headings(page: Path) -> set[str]:
    """The places in a page that can be led to."""
    found = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_what_is_there(page: Path) -> None:
    for link in links(page):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, heading = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if heading:
            assert heading in headings(target), f"{page.name}: {link}"


def test_every_page_of_docs_is_reached_from_their_index_by_links_between_them_alone() -> None:
    reached, left = set[Path](), [DOCS / "index.md"]
    while left:
        page = left.pop()
        if page in reached or page.suffix != ".md" or page.parent != DOCS or not page.is_file():
            continue
        reached.add(page)
        left += [(page.parent / link.partition("#")[0]).resolve() for link in links(page)]
    assert set(DOCS.glob("*.md")) - reached == set(), "name it in docs/index.md"


def test_the_site_has_each_page_once() -> None:
    (nav,) = re.findall(r"^nav:\n((?: .*\n)+)", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    named = re.findall(r"- ([\w-]+\.md)$", nav, re.MULTILINE)
    assert sorted(named) == sorted(page.name for page in DOCS.glob("*.md")), "name it in mkdocs.yml"


def test_a_list_has_a_blank_line_before_it_without_which_the_site_would_show_none() -> None:
    for page in DOCS.glob("*.md"):
        prose = re.sub(r"^```.*?^```", "```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        assert not re.search(r"^(?![-*#|>]|\d+\.|\s|```).+\n(?:[-*]|\d+\.) ", prose, re.MULTILINE), page.name
