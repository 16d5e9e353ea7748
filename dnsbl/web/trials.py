"""Would a mail server obey an answer that is no listing? What to put into it, and how to see what it does.

Pure. The lists that are played are `dns.trials`; the lines are those of `uses`, with the name of one of them in place
of our own, so that what is tried is what is advised. Nothing here asks, or is told by, anybody's server: whoever tries
sees the outcome in his own log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from dnsbl.dns.trials import TRIALS
from dnsbl.dns.zones import Zone
from dnsbl.web.uses import recipes
from tester.records import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Played:
    """One list that is out of order."""

    origin: str
    plays: str
    answer: str  #: to every question
    right: str  #: what a server does that is set up well


@dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """One program: what to put in, and how to see."""

    program: str
    hint: str
    file: str
    text: str
    see: str  #: a command that shows it, or ""
    well: str  #: what shows that all is well
    ill: str  #: what shows that it obeys errors


_PLAYS: Mapping[bytes, tuple[str, str, str]] = {
    b"good": (
        "A list in order, on which nobody is.",
        "127.0.0.2 for its test point 127.0.0.2, nothing else",
        "It takes mail as ever. If a check complains here, the check is wrong.",
    ),
    b"error": (
        "A list that will not serve you, and says so in band: you ask too much, or by way of a public resolver.",
        "127.255.255.254 for every address",
        "It takes the mail: this is no listing. Somebody should see it in the log and ask in another way.",
    ),
    b"world": (
        "A dead list whose domain somebody else has, with a wildcard.",
        "127.0.0.2 for every address, 127.0.0.1 too",
        "No mail server can tell at one question. A check does: a list that lists 127.0.0.1 lists the world.",
    ),
    b"empty": (
        "A dead list, emptied: it stops nothing any more.",
        "no such name, for its test point too",
        "It takes mail. A check says that 127.0.0.2 is missing, and you take the list out.",
    ),
    b"refused": (
        "A list that refuses you.",
        "REFUSED",
        "It takes mail, at once.",
    ),
    b"silent": (
        "A list whose name servers are gone.",
        "nothing: the question times out",
        "It takes mail, after some seconds. If it puts mail off, take out what makes it (“defer_if_…”).",
    ),
}

#: By program: how to see it, and what it shows when all is well and when it is not.
_SEEN: Mapping[str, tuple[str, str, str]] = {
    "Postfix": (
        "grep reject_warning /var/log/mail.log",
        "Send yourself a mail from any other server: it comes, and no such line is there.",
        "“reject_warning: … blocked using NAME”: without warn_if_reject that mail would have been refused.",
    ),
    "Postfix postscreen": (
        "grep -e NAME -e 'DNSBL rank' /var/log/mail.log",
        "“addr … listed by domain NAME as 127.255.255.254” is said, and no “DNSBL rank” follows.",
        "“DNSBL rank 3 for …”: it counts.",
    ),
    "Exim": (
        "printf 'HELO x\\nMAIL FROM:<a@example.com>\\nRCPT TO:<postmaster@YOUR.DOMAIN>\\nQUIT\\n' "
        "| exim -bh 192.0.2.99",
        "RCPT is answered 250; nothing was sent, since -bh only plays a session.",
        "RCPT is answered 550 with NAME in it.",
    ),
    "Sendmail": (
        "printf '.D{client_addr}192.0.2.99\\nBasic_check_relay <>\\n' | sendmail -bt",
        "“OK”, or “OKSOFAR”.",
        "“$#error … 550 5.7.1 Listed”.",
    ),
    "rspamd": (
        "rspamc -i 192.0.2.99 symbols any-mail.eml | grep -i NAME_AS_SYMBOL",
        "The symbol that ends in _UNKNOWN, with (0.00).",
        "Any symbol with points.",
    ),
    "SpamAssassin": (
        "spamassassin -t <a-mail-from-outside.eml | grep -i NAME_AS_SYMBOL",
        "Nothing.",
        "RCVD_IN_… with points.",
    ),
}
#: What keeps a trial from refusing anybody's mail.
_HARMLESS = {
    "Postfix": ("reject_rbl_client", "warn_if_reject reject_rbl_client"),
    "Postfix postscreen": ("postscreen_dnsbl_action = enforce", "postscreen_dnsbl_action = ignore"),
}


def played(zone: Zone) -> tuple[Played, ...]:
    """The lists of a zone for trials."""
    return tuple(
        Played(origin=f"{trial.label.decode()}.{zone.origin}", plays=plays, answer=answer, right=right)
        for trial in TRIALS
        for plays, answer, right in [_PLAYS[trial.label]]
    )


def probes(trial: Zone, own: Iterable[Zone]) -> tuple[Probe, ...]:
    """What each program is told for the list that says errors, as it is for the first of our own lists."""
    ours = next((zone for zone in own if zone.listing and recipes(zone)), None)
    if ours is None:
        return ()
    name = f"error.{trial.origin}"
    made = {recipe.program: recipe for recipe in recipes(replace(ours, origin=name))}
    found = []
    for program, (see, well, ill) in _SEEN.items():
        if program not in made:
            continue
        recipe, symbol = made[program], name.upper().replace(".", "_").replace("-", "_")
        text = recipe.text.replace(*_HARMLESS[program]) if program in _HARMLESS else recipe.text
        told = [said.replace("NAME_AS_SYMBOL", symbol).replace("NAME", name) for said in (see, well, ill)]
        found.append(
            Probe(
                program=program, hint=recipe.hint, file=recipe.file, text=text, see=told[0], well=told[1], ill=told[2]
            )
        )
    return tuple(found)


def check(origins: Iterable[str]) -> str:
    """A script that says which lists are dead, to be run each day (RFC 5782 5)."""
    return (
        f"for list in {' '.join(origins)}; do\n"
        '    is=$(dig +short +time=5 "2.0.0.127.$list" A | grep -c "^127\\.0\\.0\\.")\n'
        '    not=$(dig +short +time=5 "1.0.0.127.$list" A | grep -c "^127\\.")\n'
        '    [ "$is" -gt 0 ] && [ "$not" -eq 0 ] || echo "$list is out of order: take it out of your mail server"\n'
        "done"
    )
