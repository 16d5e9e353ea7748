"""Real servers that try to fool a tester: relays that refuse just us, relays of probes alone, and what is no relay.

Each is one or two lines of configuration. None that relays for everybody else may be called closed, and none that
relays for nobody may be called open.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from examiner import LIMITS, MX, QUIET, VANTAGE, Examination
from lab import COLLECTOR, RESPONDER, TESTER, Lab
from postfix import start_postfix
from servers import courier, exim, opensmtpd, sendmail

from tester import letter as letters
from tester.bounces.ours import Ours
from tester.caller import call
from tester.collector import Caps, Collector
from tester.letter import Keyring
from tester.returned import Collected
from tester.smtp import PENDING
from tester.trial import Trial, Vantage
from tester.vectors import profile
from tester.verdict import Verdict

C, C2, B, B2, HELO, HELO2 = (
    "c.lab.test",
    "letters.lab.test",
    "b.lab.test",
    "back.lab.test",
    "tester.lab.test",
    "post.lab.test",
)
RECORDS = (f"{C2}. MX 10 mx.lab.test.", f"{B2}. MX 10 mx.lab.test.", f"{HELO2}. A {RESPONDER}", f"{HELO2}. A {TESTER}")
SECOND = Vantage(
    sender=replace(VANTAGE.sender, helo=HELO2, collector_domain=C2, bounce_domain=B2, wording=2),
    source=RESPONDER,
    third_domain=B,
    remark="another stranger",
)
FIRST = replace(VANTAGE, other=SECOND, sign=lambda message: b"DKIM-Signature: v=1; d=b.lab.test; s=k1\r\n" + message)
#: One name of everything, as a list that is only set up: the other stranger has other words and nothing else.
LONE = VANTAGE
ANYBODY = {"mynetworks": "0.0.0.0/0"}
OPEN, CLOSED, LOSES, UNSURE = Verdict.OPEN, Verdict.CLOSED, Verdict.ACCEPTS_LOSES, Verdict.INCONCLUSIVE


def _refusing(**restrictions: str) -> Callable[[Lab, str], object]:
    """A Postfix that relays for the world, but for whom a line of its configuration names."""
    return lambda lab, host: start_postfix(lab, host, **ANYBODY, **restrictions)


def _inline(key: str) -> str:
    """A table that refuses this one, in the words of a closed server."""
    return f"inline:{{ {{ {key} = 554 5.7.1 Relay access denied }} }}"


def _direct_send(lab: Lab, host: str) -> object:
    """Takes mail that claims to be from its own domain, for its own users, from anybody."""
    return start_postfix(
        lab, host, smtpd_sender_restrictions=f"check_sender_access inline:{{ {{ {lab.name(host)} = OK }} }}"
    )


def _honeypot(lab: Lab, host: str) -> object:
    """Takes everything, and passes on what says that it is a test."""
    return start_postfix(
        lab, host, **ANYBODY, header_checks="regexp:{ {/^Subject: Open relay test/ DUNNO}, {/^Subject:/ DISCARD} }"
    )


_DESK = """\
#!/usr/bin/python3
import smtplib, sys
from email import message_from_binary_file
letter, (sender, recipient, collector, name) = message_from_binary_file(sys.stdin.buffer), sys.argv[1:]
text = "".join(f"> {line}\\r\\n" for line in letter.get_payload().splitlines())
for to in filter(None, (sender, recipient)):
    with smtplib.SMTP(collector, 25, name) as client:
        head = f"From: desk@{name}\\r\\nTo: {sender}, {recipient}\\r\\nSubject: [#1] Re: {letter['Subject']}\\r\\n"
        head += f"Message-ID: <1@{name}>\\r\\nIn-Reply-To: {letter['Message-ID']}\\r\\n"
        client.sendmail(f"desk@{name}", [to], f"{head}\\r\\nWe have your message:\\r\\n\\r\\n{text}")
"""


def _desk(lab: Lab, host: str) -> object:
    """Takes all mail for a desk, which confirms it to whoever it is from and to, and quotes it."""
    script = lab.folder / f"{host}.py"
    script.write_text(_DESK)
    script.chmod(0o755)
    pipe = (
        f"desk unix - n n - 1 pipe user=nobody argv={script} ${{sender}} ${{recipient}} {COLLECTOR} {lab.name(host)}\n"
    )
    return start_postfix(
        lab, host, more=pipe, default_transport="desk", desk_destination_recipient_limit="1", **ANYBODY
    )


#: Host: how it is set up, who tests it, and what it is.
EVADERS: dict[str, tuple[Callable[[Lab, str], object], Vantage, Verdict]] = {
    "by-domain": (_refusing(smtpd_recipient_restrictions=f"check_recipient_access {_inline(C)}"), FIRST, OPEN),
    "by-helo": (_refusing(smtpd_recipient_restrictions=f"check_helo_access {_inline(HELO)}"), FIRST, OPEN),
    "by-sender": (_refusing(smtpd_recipient_restrictions=f"check_sender_access {_inline(B)}"), FIRST, OPEN),
    "by-address": (_refusing(smtpd_recipient_restrictions=f"check_client_access {_inline(TESTER)}"), FIRST, OPEN),
    "by-subject": (
        _refusing(header_checks="regexp:{ {/^Subject: Open relay test/ REJECT Relay access denied} }"),
        FIRST,
        OPEN,
    ),
    "by-text": (_refusing(body_checks="regexp:{ {/^Proof:/ REJECT} }"), LONE, OPEN),
    "by-signature": (_refusing(header_checks="regexp:{ {/^DKIM-Signature:.*d=b.lab.test/ REJECT} }"), FIRST, OPEN),
    "by-only-domain": (_refusing(smtpd_recipient_restrictions=f"check_recipient_access {_inline(C)}"), LONE, UNSURE),
    "one-domain": (lambda lab, host: start_postfix(lab, host, relay_domains=C), FIRST, UNSURE),
    "honeypot": (_honeypot, FIRST, UNSURE),
    "desk": (_desk, FIRST, LOSES),
    "sink": (lambda lab, host: start_postfix(lab, host, **ANYBODY, default_transport="discard:sink"), FIRST, LOSES),
    "direct-send": (_direct_send, FIRST, CLOSED),
    "smtpd-plain": (opensmtpd, FIRST, CLOSED),
    "sendmail-no-pm": (
        lambda lab, host: sendmail(
            lab,
            host,
            "FEATURE(`blocklist_recipients')dnl",
            files={"etc/mail/access": f"To:postmaster@{lab.name(host)} REJECT\nTo:postmaster@ REJECT\n"},
        ),
        FIRST,
        CLOSED,
    ),
    "courier-plain": (courier, FIRST, CLOSED),
    "footer": (
        lambda lab, host: start_postfix(
            lab,
            host,
            smtpd_reject_footer="If this is an error, check whether your IP $client_address is listed at bl.test",
        ),
        FIRST,
        CLOSED,
    ),
    # says in its own tongue for which domain it takes nothing: the other stranger's third one is a name of ours
    "abroad": (
        lambda lab, host: exim(
            lab,
            host,
            acl="  deny\n    domains = !+local_domains\n    message = Annahme verweigert: $domain ist fremd\n",
        ),
        FIRST,
        CLOSED,
    ),
}


class Inspection(Examination):
    """An examination by these strangers, which stops as a list's does: at the first proof, but for the other letter."""

    def __init__(self, address: str, keyring: Keyring, vantage: Vantage) -> None:
        super().__init__(address, keyring)
        self.came = asyncio.Event()
        self.trial = Trial(run="evader", nomination="", vantage=vantage, keyring=keyring)
        path = self.approach.path
        issued = self.trial.issue(path, profile("standard"), now=time.time(), lifetime=86400, random=os.urandom)
        self.tokens = [token for one in issued for token in (one.recipient, one.sender)]
        self.approach = self.trial.approach(path, limits=LIMITS, nonsense="nobody-has-this-name", ask_own=True)

    async def proven(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.came.wait(), 1)
        return self.trial.proven


async def _inspect(lab: Lab, ring: Keyring) -> dict[str, Inspection]:
    runs = {host: Inspection(lab.hosts[host][0], ring, vantage) for host, (_, vantage, _) in EVADERS.items()}
    by_token = {token: run for run in runs.values() for token in run.tokens}
    ours = Ours(names={C, C2, B, B2, MX})
    returned = asyncio.Event()

    async def deliver(message: Collected) -> None:
        if run := by_token.get(message.token):
            run.trial.receive(message, ours=ours, window=86400)
            if run.trial.proven:
                run.came.set()
        returned.set()

    collector = Collector(
        hostname=MX,
        domains=frozenset({C, C2, B, B2}),
        gate=lambda token: letters.gate(ring, token),
        deliver=deliver,
        now=time.time,
        caps=Caps(per_peer=30),
    )
    await collector.start(COLLECTOR, 25)
    try:
        await asyncio.gather(*(call(run) for run in runs.values()))
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while any(run.vectors(PENDING) for run in runs.values()):
                    returned.clear()
                    await asyncio.wait_for(returned.wait(), QUIET)
    finally:
        await collector.close()
    return runs


@pytest.fixture(scope="module")
def inspected(lab: Lab) -> Iterator[dict[str, Inspection]]:
    for number, host in enumerate(EVADERS, start=20):
        lab.add_host(host, f"198.51.100.{number}")
    lab.resolver(records=RECORDS)
    with ThreadPoolExecutor(4) as pool:
        for started in [pool.submit(setup, lab, host) for host, (setup, _, _) in EVADERS.items()]:
            started.result()
    with lab.inside("us"):
        yield asyncio.run(_inspect(lab, Keyring.generate(os.urandom, int(time.time()))))


@pytest.mark.parametrize("host", EVADERS)
def test_each_is_what_it_is_and_not_what_it_shows_us(inspected: dict[str, Inspection], host: str) -> None:
    run, expected = inspected[host], EVADERS[host][2]
    judgement = run.judgement()
    assert judgement.verdict is expected, (judgement, run.outcomes, run.replies, run.control)


def test_a_relay_that_refuses_just_us_is_said_to(inspected: dict[str, Inspection]) -> None:
    for host in ("by-domain", "by-helo", "by-sender", "by-address", "by-subject", "by-signature"):
        assert inspected[host].judgement().singled_out or "S10" in inspected[host].delivered, host
