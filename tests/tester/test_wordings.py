"""In which words our letters are written: each says who wrote it and carries its proof, and no two are alike."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import PROOF, SENDER, written

from tester.returned import unwrap
from tester.wordings import NEUTRAL, WORDINGS, Particulars, write
from tests.rows import rows

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
    assert page in worded(2, helo=helo).split(), "as a word of its own, or nobody can follow it"


def test_a_number_beyond_the_last_wording_begins_anew() -> None:
    assert worded(len(WORDINGS)) == worded(0)


@pytest.mark.parametrize("wording", EVERY)
@pytest.mark.parametrize("name", ["x" * 300, "a\r\n\r\nBcc: v@example.org", "Bücher"])
def test_no_name_breaks_the_form_of_any_wording(wording: int, name: str) -> None:
    raw = worded(wording, helo=name, bounce_domain=name, service=name, website=name, contact=name)
    assert raw.isascii() and b"Bcc: v" not in [line[:6] for line in raw.split(b"\r\n")]
    assert unwrap(raw).proofs == {PROOF}
    assert [*message_from_bytes(raw)] == [*message_from_bytes(worded(wording))]


FACTS = Particulars(
    when="Tue, 14 Nov 2023 22:13:20 +0000",
    sender="sender@b.example.org",
    recipient="recipient@c.example",
    message_id="recipient@b.example.org",
    literal="[192.0.2.1]",
    run="run-1",
    vector="S01",
    service="Relay Watch",
    website="https://relays.example.org/about",
    contact="contact@relays.example.org",
    helo="probe.relays.example.org",
    bounce_domain="b.example.org",
    nomination="nomination-17",
    proof="proof",
)
#: The letters by their numbers, as strangers get to read them.
READ = (
    """\
Date: Tue, 14 Nov 2023 22:13:20 +0000
From: <sender@b.example.org>
To: <recipient@c.example>
Message-ID: <recipient@b.example.org>
Subject: Open relay test of [192.0.2.1] - run-1 S01
Auto-Submitted: auto-generated

This is an automatic test of the mail server at [192.0.2.1], made by
Relay Watch.

Proof: proof

Who tests, why, and how to opt out: https://relays.example.org/about
(contact: contact@relays.example.org)

If you read this anywhere but in our own mailbox, the server agreed to
pass on mail from a stranger to a stranger. Its own policy decided that;
no password or weakness was used.

Sent Tue, 14 Nov 2023 22:13:20 +0000 by probe.relays.example.org.
Nomination: nomination-17.

This message may be deleted. The page above says how to close an open
relay.
""",
    """\
From: Post room <sender@b.example.org>
To: <recipient@c.example>
Subject: For your records
Date: Tue, 14 Nov 2023 22:13:20 +0000
Message-ID: <recipient@b.example.org>

Reference: proof

A machine at probe.relays.example.org wrote this; it may be deleted.
Questions: postmaster@b.example.org
""",
    """\
Message-ID: <recipient@b.example.org>
Date: Tue, 14 Nov 2023 22:13:20 +0000
To: <recipient@c.example>
From: <sender@b.example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit
Subject: Confirmation of Tue, 14 Nov 2023

Good day,

with this note we would like to see how a message travels between two
mail systems, and how long it takes on its way. Nobody has to answer it,
and it may be deleted.

It was written by a program. Who runs it is told at
http://probe.relays.example.org/ and by writing to
<postmaster@b.example.org>.

Code: proof

With kind regards
the post room
""",
    """\
Date: Tue, 14 Nov 2023 22:13:20 +0000
Message-ID: <recipient@b.example.org>
From: Nightly <sender@b.example.org>
To: <recipient@c.example>
Subject: Nightly report, all jobs done
MIME-Version: 1.0
Content-Type: text/plain; charset=us-ascii; format=fixed
Auto-Submitted: auto-generated

This report is made by a program every time its work is done, and sent
to the mailbox above.

  step                  result
  --------------------  --------------------------
  collect               done
  sort                  done, nothing left over
  hand to the next one  done with this message

  Ticket: proof

What it is for. The program sees to it that mail which is handed to one
system comes out of another one, unchanged and in time. The line above
tells it which message has arrived. There is no attachment, nothing is
to be clicked, and no answer is expected; who finds this report in a
queue or in a mailbox of his own may delete it.

Whose program it is: see http://probe.relays.example.org/ or write to
postmaster@b.example.org, where people read what comes, and will leave
you in peace if you ask for it.
""",
)


@pytest.mark.parametrize(("wording", "read"), [*enumerate(READ)])
def test_a_stranger_reads_whole_sentences_in_paragraphs_and_never_another_letter_under_the_same_number(
    wording: int, read: str
) -> None:
    """An administrator who finds one in his queue decides by it whether he is being attacked."""
    assert "\n".join([*write(wording, FACTS), ""]) == read
    assert len(WORDINGS) == len(READ)


@given(
    run=st.integers(1, 40),
    vector=st.integers(1, 8),
    where=st.sampled_from(["[192.0.2.1]", f"[IPv6:{'2001:' * 7}2001]"]),
)
def test_a_subject_of_any_length_is_folded_only_where_it_must_be_and_loses_nothing(
    run: int, vector: int, where: str
) -> None:
    words = ["Subject:", "Open", "relay", "test", "of", where, "-", "r" * run, "v" * vector]
    lines = write(0, replace(FACTS, literal=where, run="r" * run, vector="v" * vector))
    start = lines.index(next(line for line in lines if line.startswith("Subject")))
    subject = lines[start : lines.index("Auto-Submitted: auto-generated")]
    assert " ".join(subject).split() == words
    assert max(map(len, subject)) <= 72
    assert all(line.startswith(" ") for line in subject[1:]), "what begins without a blank is another field"
    assert all(len(f"{one} {other.split()[0]}") > 72 for one, other in pairwise(subject))


@rows("wording", EVERY)
@rows("length", range(20, 99, 3))
def test_no_address_that_somebody_may_follow_is_cut_in_two_by_the_end_of_a_line(wording: int, length: int) -> None:
    host = f"{'my-' * length}"[:length] + ".example"
    words = worded(wording, website=f"https://{host}/"[:100], contact=host[:80], helo=host[:100]).decode().split()
    asked = [f"https://{host}/"[:100], host[:80]] if wording not in NEUTRAL else [host[:100]]
    for name in asked:
        assert any(name in word for word in words), name
