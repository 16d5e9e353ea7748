"""Debian's Postfix as the smarthost of the list: it takes our notices, refuses some for good, is away for a while."""

from __future__ import annotations

import re

from lab import MX, Lab
from postfix import Postfix, start_postfix
from test_postfix_journey import CONFIG, List

NOTICES = f"""
[notices]
smarthost = "{MX}"
tls = "none"
sender = "relays@lab.test"
retry_after = [1]

[watch]
on = true
"""


def states(ours: List) -> dict[str, str]:
    return {notice["recipient"]: notice["state"] for notice in ours.command("notices")["notices"]}


def settled(ours: List, recipient: str, state: str) -> bool:
    return states(ours).get(recipient) == state


def taken(lab: Lab) -> list[str]:
    """The names of the mails that Postfix has taken, in order."""
    return re.findall(r"cleanup\[\d+\]: \w+: message-id=<([^>]+)>", lab.log("mx"))


def smarthost(lab: Lab) -> Postfix:
    return start_postfix(lab, "mx", mynetworks="192.0.2.0/24, 127.0.0.0/8")


def test_postfix_takes_notices_refuses_some_and_gets_the_rest_when_it_is_back(lab: Lab) -> None:
    lab.resolver()
    mx = smarthost(lab)
    ours = List(lab, CONFIG + NOTICES)
    ours.serve()
    for recipient in ("user@mail.test", "nobody@mail.test"):
        ours.command("notices", "--trial", recipient)
    lab.wait_for("the notice at Postfix", lambda: settled(ours, "user@mail.test", "sent"), 20)
    lab.wait_for("Postfix's refusal", lambda: settled(ours, "nobody@mail.test", "failed"), 20)
    log = lab.log("mx")
    assert re.search(r"qmgr\[\d+\]: \w+: from=<>, ", log), "the sender of the envelope is empty"
    assert re.search(r"to=<user@mail\.test>, .* status=sent", log)
    [name] = taken(lab)
    assert re.fullmatch(r"[a-z2-7]{26}@lab\.test", name)
    [refused] = [n for n in ours.command("notices")["notices"] if n["recipient"] == "nobody@mail.test"]
    assert refused["reply"].startswith("550 5.1.1")

    # away: nothing is lost, and nothing is sent twice
    lab.end("mx")
    ours.command("notices", "--trial", "postmaster@mail.test")
    assert ours.command("status")["notices"]["waiting"] == 1
    mx._run()
    lab.wait_for("the notice that waited", lambda: settled(ours, "postmaster@mail.test", "sent"), 90, every=0.5)
    assert len(taken(lab)) == len(set(taken(lab))) == 2
