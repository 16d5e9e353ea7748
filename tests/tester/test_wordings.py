"""In which words our letters are written: each says who wrote it and carries its proof, and no two are alike."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from itertools import combinations
from typing import Any

import pytest
from samples import PROOF, SENDER, written

from tester.returned import unwrap
from tester.wordings import NEUTRAL, WORDINGS

EVERY = range(len(WORDINGS))


def worded(wording: int, **changed: Any) -> bytes:
    return written(sender=replace(SENDER, wording=wording, **changed))


@pytest.mark.parametrize("wording", EVERY)
def test_every_wording_is_a_proper_small_message_with_its_proof(wording: int) -> None:
    raw = worded(wording)
    parsed = message_from_bytes(raw)
    assert parsed.defects == []
    assert len(raw) < 2048 and raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 72
    assert raw.count(b"\n") == raw.count(b"\r\n")
    for field in ("Date", "From", "To", "Message-ID", "Subject"):
        assert len(parsed.get_all(field, [])) == 1
    found = unwrap(raw)
    assert (found.proofs, found.is_report) == ({PROOF}, False)
    assert raw.count(PROOF.encode()) == 1
    assert f" {PROOF}\r\n".encode() in raw, "it stands whole on one line"


@pytest.mark.parametrize("wording", EVERY)
def test_every_wording_says_that_a_machine_wrote_it_and_whom_to_ask(wording: int) -> None:
    text = b" ".join(worded(wording).split()).decode()
    assert any(word in text for word in ("automatic", "machine", "program"))
    assert "delete" in text
    asked = (SENDER.website, SENDER.contact) if wording not in NEUTRAL else (SENDER.helo, SENDER.bounce_domain)
    assert all(name in text.partition("Subject:")[2] for name in asked)


@pytest.mark.parametrize("wording", NEUTRAL)
def test_a_neutral_wording_holds_nothing_that_a_probe_or_this_list_is_known_by(wording: int) -> None:
    text = worded(wording, helo="post.example", bounce_domain="b.example").decode().lower()
    for word in ("test", "relay", "probe", "proof", "check", "192.0.2.1", "run-1", "s01", "nomination-17"):
        assert word not in text, word
    for name in (SENDER.service, SENDER.website, SENDER.contact):
        assert name.lower() not in text


@pytest.mark.parametrize(("one", "other"), [*combinations(EVERY, 2)])
def test_no_two_wordings_share_a_line_of_text_a_subject_or_their_fields(one: int, other: int) -> None:
    parsed = [message_from_bytes(worded(wording)) for wording in (one, other)]
    first, second = parsed
    assert first["Subject"] != second["Subject"]
    assert first.keys() != second.keys()
    bodies = [{line.strip() for line in str(each.get_payload()).splitlines() if line.strip()} for each in parsed]
    assert not bodies[0] & bodies[1]
    lengths = sorted(len(str(each.get_payload())) for each in parsed)
    assert lengths[1] > 1.15 * lengths[0]


@pytest.mark.parametrize(
    ("helo", "page"),
    [
        ("h.example", b"http://h.example/"),
        ("[192.0.2.7]", b"http://192.0.2.7/"),
        ("[IPv6:2001:db8::7]", b"http://[2001:db8::7]/"),
    ],
)
def test_a_machine_that_is_called_by_its_address_has_its_page_there(helo: str, page: bytes) -> None:
    assert page in worded(2, helo=helo)


def test_a_number_beyond_the_last_wording_begins_anew() -> None:
    assert worded(len(WORDINGS)) == worded(0)


@pytest.mark.parametrize("wording", EVERY)
@pytest.mark.parametrize("name", ["x" * 300, "a\r\n\r\nBcc: v@example.org", "Bücher"])
def test_no_name_breaks_the_form_of_any_wording(wording: int, name: str) -> None:
    raw = worded(wording, helo=name, bounce_domain=name, service=name, website=name, contact=name)
    assert raw.isascii() and b"Bcc: v" not in [line[:6] for line in raw.split(b"\r\n")]
    assert unwrap(raw).proofs == {PROOF}
    assert [*message_from_bytes(raw)] == [*message_from_bytes(worded(wording))]
