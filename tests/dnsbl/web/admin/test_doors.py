"""The operators' side, put together."""

from __future__ import annotations

from collections.abc import Callable

from tests.dnsbl.web.admin.conftest import Side


def test_it_is_in_no_document_for_programs_and_every_page_has_its_place(side: Callable[..., Side]) -> None:
    built = side()
    ada = built.signed_in()
    assert "/admin" not in ada.client.get("/api/v1/openapi.json").text
    for path in (
        "",
        "/nominations",
        "/listings",
        "/reporters",
        "/exclusions",
        "/inbox",
        "/journal",
        "/accounts",
        "/me",
    ):
        page = ada.get(path)
        assert page.status_code == 200 and page.text.count('aria-current="page"') == 1, path
        assert "noindex" in page.text and " style=" not in page.text and " onclick" not in page.text
