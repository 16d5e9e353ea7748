"""What a mail server is told so that it asks a list of ours: lines for the programs of others, made from the zone.

Pure. A zone's own codes are what is refused, but for kinds that are for scoring (`WEIGHED`); these, and what the zone
answers in a sublist alone (`aggregate = false`), are only weighed. Every line names the codes that count, so that an
answer which is an error (127.255.255.0/24), or that of a name which has changed its owner, is never taken for a
listing. Zones of other people's data files have codes that only their files know: of these all of 127.0.0.0/24 counts
but its first two addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby

from dnsbl.dns.zones import Zone
from dnsbl.vocabulary import BACKSCATTER, DECLARED, OUTPUT_KINDS, UNCONFIRMED, UNTESTABLE
from tester.records import dataclass

#: Kinds of listings that are for scoring: who is listed so may send more good mail than bad.
WEIGHED = frozenset({"multihop", UNTESTABLE, UNCONFIRMED, BACKSCATTER}) | OUTPUT_KINDS
#: Forms of data files whose entries are domains, and no addresses.
DOMAINS = frozenset({"dnset"})


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedName:
    """A name that is asked, and the codes under it that count."""

    origin: str
    codes: tuple[str, ...]  #: 127.0.0.N; empty: any but the first two addresses of 127.0.0.0/24
    mask: bool = False  #: whether an answer is the sum of such codes
    beside: tuple[str, ...] = ()  #: codes that may be in such a sum, and do not count by themselves
    mark: str = ""  #: tells it from another question of the same origin

    @property
    def symbol(self) -> str:
        """The origin as a word of letters, digits and underscores."""
        return re.sub("[^A-Z0-9]", "_", self.origin.upper()) + self.mark


#: What is asked, and whether by that a mail server refuses, or only weighs.
_Questions = Sequence[tuple[AskedName, bool]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What one program is told."""

    program: str
    hint: str
    file: str  #: where it belongs
    text: str
    tried: bool  #: whether the project's tests put it into the real program


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """One answer of a name."""

    origin: str
    code: str
    kind: str
    says: str  #: the text beside it, for an example address
    ttl: int  #: seconds that caches keep it
    advice: str  #: refuse or weigh


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """How one zone is used."""

    zone: Zone
    meanings: tuple[Meaning, ...]
    recipes: tuple[Recipe, ...]


def uses(zones: Iterable[Zone]) -> tuple[Use, ...]:
    """How each zone is used that lists addresses and has not ended. Zones that declare the opposite of a listing, and
    lists of domains, are asked by other means."""
    return tuple(
        Use(zone=zone, meanings=tuple(meanings(zone)), recipes=recipes(zone)) for zone in zones if _lists(zone)
    )


def refused(zone: Zone) -> AskedName | None:
    """What a mail server refuses by, or None where everything in the zone is for weighing."""
    codes, others = _codes(zone, weigh=False), _codes(zone, weigh=True)
    if others and not codes:
        return None
    return AskedName(origin=zone.origin, codes=codes, mask=zone.bitmask, beside=others)


def weighed(zone: Zone) -> tuple[AskedName, ...]:
    """What it only weighs: the codes of such kinds, and sublists of kinds that the zone itself does not answer for."""
    whole, codes = zone.views[b""].kinds, _codes(zone, weigh=True)
    own = (AskedName(origin=zone.origin, codes=codes, mask=zone.bitmask, mark="_WEIGH"),) if codes else ()
    return own + tuple(
        AskedName(origin=f"{label.decode()}.{zone.origin}", codes=tuple(str(kind.code) for kind in view.kinds.values()))
        for label, view in zone.views.items()
        if label and not whole.keys() & view.kinds.keys()
    )


def _codes(zone: Zone, *, weigh: bool) -> tuple[str, ...]:
    """The codes at the origin of kinds that are to be weighed, or refused; of a code that several share, the milder."""
    kinds = zone.views[b""].kinds.values()
    mild = {str(kind.code) for kind in kinds if kind.name in WEIGHED}
    hard = {str(kind.code) for kind in kinds} - mild
    return tuple(sorted(mild if weigh else hard, key=_last))


def recipes(zone: Zone) -> tuple[Recipe, ...]:
    """What each program is told to ask this zone."""
    block, more = refused(zone), weighed(zone)
    asked = [*([(block, True)] if block is not None else []), *((one, False) for one in more)]
    found = {}
    if block is not None:
        found = {program: make(block, zone.site) for program, make in _REFUSING.items()}
    found |= {program: make(asked) for program, make in _WEIGHING.items()}
    return tuple(
        Recipe(program=program, hint=hint, file=file, text=found[program], tried=tried)
        for program, hint, file, tried in _PROGRAMS
        if program in found
    )


def _lists(zone: Zone) -> bool:
    declared = any(kind in DECLARED for view in zone.views.values() for kind in view.kinds)
    addresses = zone.listing or any(source.form not in DOMAINS for source in zone.sources)
    return addresses and not declared and not zone.ended


def meanings(zone: Zone) -> Iterable[Meaning]:
    """What a zone answers for its kinds, at its origin and in sublists that say more."""
    mild = _codes(zone, weigh=True)
    for label, view in zone.views.items():
        for kind in view.kinds.values():
            if not label or kind.name not in zone.views[b""].kinds:
                yield Meaning(
                    origin=f"{label.decode()}.{zone.origin}" if label else zone.origin,
                    code=str(kind.code),
                    kind=kind.name,
                    says=kind.text_of("192.0.2.99", zone.site),
                    ttl=kind.ttl,
                    advice="weigh" if label or str(kind.code) in mild else "refuse",
                )


def _last(code: str) -> tuple[int, ...]:
    return tuple(map(int, code.split(".")))


def _pattern(asked: AskedName) -> list[str]:
    """The codes in Postfix's way of writing: one pattern for those that share three octets (postconf(5))."""
    if not asked.codes or (asked.mask and not asked.beside):
        return ["127.0.0.[2..254]"] if not asked.codes else [f"{asked.codes[0].rpartition('.')[0]}.[2..254]"]
    found = []
    for before, codes in groupby(_singly(asked), key=lambda code: code.rpartition(".")[0]):
        last = [code.rpartition(".")[2] for code in codes]
        found.append(f"{before}.{last[0]}" if len(last) == 1 else f"{before}.[{';'.join(last)}]")
    return found


def _singly(asked: AskedName) -> list[str]:
    """Every answer that counts, one by one, for programs that know no ranges."""
    if not asked.codes:
        return [f"127.0.0.{number}" for number in range(2, 32)]
    if not asked.mask:
        return list(asked.codes)
    counts = {_last(code)[3] for code in asked.codes}
    bits = sorted(counts | {_last(code)[3] for code in asked.beside})
    chosen = ({bit for at, bit in enumerate(bits) if number >> at & 1} for number in range(1, 1 << len(bits)))
    before = asked.codes[0].rpartition(".")[0]
    return [f"{before}.{total}" for total in sorted(sum(some) for some in chosen if some & counts)]


def _postfix(block: AskedName, site: str) -> str:
    lines = ["permit_mynetworks", "permit_sasl_authenticated", "reject_unauth_destination"]
    lines += [f"reject_rbl_client {block.origin}={pattern}" for pattern in _pattern(block)]
    return "smtpd_recipient_restrictions =\n    " + ",\n    ".join(lines)


def _sendmail(block: AskedName, site: str) -> str:
    codes = ", ".join(f"`{code}.'" for code in _singly(block))
    return (
        f"FEATURE(`enhdnsbl', `{block.origin}',\n"
        f"    `\"550 5.7.1 Listed: see {site}/ip/\"$&{{client_addr}}', `t', {codes})dnl"
    )


def _courier(block: AskedName, site: str) -> str:
    each = (f"-block={block.origin}/{code},BLOCK,Listed:{site}" for code in _singly(block))  # no blanks: couriertcpd(8)
    return f"BLACKLISTS='{' '.join(each)}'"


def _haraka(block: AskedName, site: str) -> str:
    return f"[main]\nzones[]={block.origin}\n\n[{block.origin}]\ntype=block\nreject=true\nipv6=true"


def _mox(block: AskedName, site: str) -> str:
    return f"Listeners:\n\tpublic:\n\t\tSMTP:\n\t\t\tEnabled: true\n\t\t\tDNSBLs:\n\t\t\t\t- {block.origin}"


def _postscreen(asked: _Questions) -> str:
    sites = [f"{one.origin}={pattern}*{3 if hard else 1}" for one, hard in asked for pattern in _pattern(one)]
    return (
        "postscreen_dnsbl_sites =\n    "
        + ",\n    ".join(sites)
        + "\npostscreen_dnsbl_threshold = 3\npostscreen_dnsbl_action = enforce"
    )


def _exim(asked: _Questions) -> str:
    lines = []
    for one, hard in asked:
        lines.append(f"{'deny' if hard else 'warn'}    dnslists = {one.origin}={','.join(_singly(one))}")
        if hard:
            lines.append("        message  = $sender_host_address is listed in $dnslist_domain: $dnslist_text")
        else:
            lines.append("        add_header = X-Warning: $sender_host_address is listed in $dnslist_domain")
    return "\n".join(lines)


def _rspamd(asked: _Questions) -> str:
    lines = ["rbls {"]
    for one, _ in asked:
        codes = ", ".join(f'"{code}"' for code in _singly(one))
        lines += [
            f'  "{one.symbol.lower()}" {{',
            f'    rbl = "{one.origin}";',
            '    checks = ["from"];',
            "    ipv4 = true;",
            "    ipv6 = true;",
            f'    symbol = "{one.symbol}_UNKNOWN";',
            f'    returncodes {{ "{one.symbol}" = [{codes}]; }}',
            "  }",
        ]
    return "\n".join([*lines, "}"])


def _rspamd_scores(asked: _Questions) -> str:
    lines = ["symbols {"]
    for one, hard in asked:
        weight = 7.0 if hard else 2.0
        lines += [f'  "{one.symbol}" {{ weight = {weight}; }}', f'  "{one.symbol}_UNKNOWN" {{ weight = 0.0; }}']
    return "\n".join([*lines, "}"])


def _opensmtpd(asked: _Questions) -> str:
    return 'filter "rspamd" proc-exec "filter-rspamd"\nlisten on 0.0.0.0 filter "rspamd"'


def _spamassassin(asked: _Questions) -> str:
    lines = []
    for one, hard in asked:
        groups = [
            rf"{re.escape(before)}\.(?:{'|'.join(code.rpartition('.')[2] for code in codes)})"
            for before, codes in groupby(_singly(one), key=lambda code: code.rpartition(".")[0])
        ]
        test = f"^{groups[0]}$" if len(groups) == 1 else f"^(?:{'|'.join(groups)})$"
        name = f"RCVD_IN_{one.symbol}"
        lines += [
            f"header   {name}  eval:check_rbl('{one.symbol.lower()}-lastexternal', '{one.origin}.', '{test}')",
            f"describe {name}  The last external server is listed in {one.origin}",
            f"tflags   {name}  net",
            f"score    {name}  {4.0 if hard else 1.0}",
        ]
    return "\n".join(lines)


def _stalwart(asked: _Questions) -> str:
    lines = ["Settings > Spam Filter > DNSBL > Servers"]
    for one, _ in asked:
        lines += [f"zone: ip_reverse + '.{one.origin}'", f"codes: {' '.join(_singly(one))}"]
    return "\n".join(lines)


_REFUSING: Mapping[str, Callable[[AskedName, str], str]] = {
    "Postfix": _postfix,
    "Sendmail": _sendmail,
    "Courier": _courier,
    "Haraka": _haraka,
    "mox": _mox,
}
_WEIGHING: Mapping[str, Callable[[_Questions], str]] = {
    "Postfix postscreen": _postscreen,
    "Exim": _exim,
    "rspamd": _rspamd,
    "rspamd's weights": _rspamd_scores,
    "OpenSMTPD": _opensmtpd,
    "SpamAssassin": _spamassassin,
    "Stalwart": _stalwart,
}
#: Program, a word on it, where its lines belong, and whether the project's tests put them into it.
_PROGRAMS = (
    ("Postfix", "refuses at RCPT, with our text", "/etc/postfix/main.cf", True),
    ("Postfix postscreen", "with weights", "/etc/postfix/main.cf", True),
    ("Exim", "in the ACL for RCPT", "acl_check_rcpt of the configuration", True),
    ("Sendmail", "IPv4 alone", "/etc/mail/sendmail.mc, before the mailers", True),
    ("Courier", "at RCPT, with the list's address", "/etc/courier/esmtpd", True),
    ("rspamd", "symbols", "/etc/rspamd/local.d/rbl.conf", True),
    ("rspamd's weights", "15 refuses by default", "/etc/rspamd/local.d/rbl_group.conf", True),
    ("OpenSMTPD", "asks rspamd, by its filter", "/etc/smtpd.conf", True),
    ("SpamAssassin", "scores", "/etc/spamassassin/local.cf", True),
    ("Haraka", "plugin dns-list; knows no codes", "config/dns-list.ini", False),
    ("mox", "counts for junk; knows no codes", "config/mox.conf", False),
    ("Stalwart", "a tag of its spam filter", "its settings on the web", False),
)
