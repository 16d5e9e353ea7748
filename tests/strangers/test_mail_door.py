"""A reader's own Postfix hands in the spam that he forwards, and takes the answer as our smarthost."""

from __future__ import annotations

import smtplib

from lab import MX, RELAY, RESPONDER, Lab
from postfix import start_postfix
from test_postfix_journey import CONFIG, ZONE, List, spam, wait_for_state

DESK = "nominate@c.lab.test"
DOORS = f"""
[mail_door]
address = "{DESK}"

[notices]
smarthost = "{MX}"
tls = "none"
sender = "list@lab.test"
"""


def forwarded() -> str:
    """The spam, attached to a mail as mail programs forward it."""
    return (
        f"From: User <user@mail.test>\r\nTo: {DESK}\r\nSubject: Fwd: Buy now\r\nMessage-ID: <2@mail.test>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n"
        f"This came today.\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n{spam()}\r\n--b--\r\n"
    )


def test_spam_that_is_forwarded_through_a_postfix_lists_the_relay_and_the_answer_comes_back(lab: Lab) -> None:
    lab.resolver(stubs={ZONE: RESPONDER})
    start_postfix(lab, "relay", mynetworks="0.0.0.0/0")
    start_postfix(lab, "mx", mynetworks=f"127.0.0.0/8 {MX}")
    ours = List(lab, CONFIG + DOORS)
    ours.serve()
    with lab.inside("mx"), smtplib.SMTP(MX, 25, timeout=10) as client:
        client.sendmail("user@mail.test", [DESK], forwarded())
    lab.wait_for(
        "Postfix to hand it in", lambda: f"to=<{DESK}>" in lab.log("mx") and "status=sent" in lab.log("mx"), 20
    )
    nominated = next(entry for entry in ours.command("journal", RELAY) if entry["verb"] == "nominated")
    assert nominated["actor"].startswith("mail 198.51.100.0/24")
    lab.wait_for("the answer", lambda: "to=<user@mail.test>, " in lab.log("mx"), 20)
    standing = wait_for_state(lab, ours, "listed")
    assert standing["last_verdict"] == "OPEN"
    with lab.inside("mx"), smtplib.SMTP(MX, 25, timeout=10) as client:
        client.sendmail("user@mail.test", [DESK], "Subject: please\r\n\r\nPlease block them.\r\n")
    lab.wait_for("the refusal", lambda: "Nothing is attached to this mail" in lab.log("mx"), 20)
