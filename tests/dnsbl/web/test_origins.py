"""Who sent a request that changes something: pure, headers in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dnsbl.web.origins import Origins

OURS = Origins("https://Relays.example.org")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": "evil.example"},  # a program may call us what it likes: it sends no cookies of anybody
        {"origin": "https://relays.example.org", "host": "127.0.0.1:8053"},  # a proxy that keeps the name for itself
        {"origin": "https://relays.example.org:443", "host": "relays.example.org"},
        {"origin": "https://RELAYS.example.org", "sec-fetch-site": "same-origin"},
        {"origin": "http://127.0.0.1:8053", "host": "127.0.0.1:8053"},
        {"origin": "http://[::1]:8053", "host": "[::1]:8053", "sec-fetch-site": "same-origin"},
        {"origin": "http://localhost", "host": "localhost:80"},
        {"origin": "http://relays.example.org", "host": "relays.example.org"},
        {"origin": "null", "sec-fetch-site": "same-origin", "host": "relays.example.org"},
        {"sec-fetch-site": "none", "host": "relays.example.org"},
    ],
)
def test_our_own_pages_and_programs_pass(headers: dict[str, str]) -> None:
    assert OURS.sent(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example", "host": "relays.example.org"},
        {"origin": "http://evil.example", "host": "evil.example"},  # a name of theirs that leads to our address
        {"origin": "http://evil.example", "host": "evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "null", "host": "evil.example", "sec-fetch-site": "same-origin"},
        {"origin": "null", "host": "relays.example.org"},
        {"origin": "http://127.0.0.1:8053", "host": "127.0.0.1:9000"},
        {"origin": "https://127.0.0.1", "host": "127.0.0.1:80"},
        {"origin": "http://127.0.0.1.evil.example", "host": "127.0.0.1.evil.example"},
        {"origin": "http://localhost.evil.example", "host": "localhost.evil.example"},
        {"origin": "https://relays.example.org.evil.example"},
        {"origin": "https://relays.example.org:8443"},
        {"origin": "https://relays.example.org/"},
        {"origin": "https://evil@relays.example.org"},
        {"origin": "https://relays.example.org", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": ""},
        {"origin": ""},
        {"origin": "http://["},
        {"origin": "http://]"},
        {"origin": "http://[::1"},
        {"origin": "http://127.0.0.1:99999999", "host": "127.0.0.1:99999999"},
        {"origin": "http://\udcff", "host": "\udcff"},
        {"origin": "//[", "host": "["},
    ],
)
def test_other_pages_are_refused(headers: dict[str, str]) -> None:
    assert not OURS.sent(headers)


@given(st.text(max_size=60), st.text(max_size=60), st.none() | st.text(max_size=12))
def test_whatever_headers_say_it_is_an_answer_and_never_yes_to_a_strange_name(
    origin: str, host: str, site: str | None
) -> None:
    headers = {"origin": origin, "host": host} | ({} if site is None else {"sec-fetch-site": site})
    assert OURS.sent(headers) in (True, False)
    assert not OURS.sent({"origin": f"http://{host}.example", "host": f"{host}.example"})
