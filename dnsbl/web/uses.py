"""What a mail server is told so that it asks a list of ours: lines for the programs of others, made from the zone.

Pure. A zone's own codes are what is refused; what the zone answers in a sublist alone (`aggregate = false`) is only
weighed. Every line names the codes that count, so that an answer which is an error (127.255.255.0/24), or that of a
name which has changed its owner, is never taken for a listing. Zones of other people's data files have codes that only
their files know: of these all of 127.0.0.0/24 counts but its first two addresses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby

from dnsbl.dns.zones import Zone
from dnsbl.model import DECLARED

#: Forms of data files whose entries are domains, and no addresses.
DOMAINS = frozenset({"dnset"})


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedName:
    """A name that is asked, and the codes under it that count."""

    origin: str
    codes: tuple[str, ...]  #: 127.0.0.N; empty: any but the first two addresses of 127.0.0.0/24
    mask: bool = False  #: whether an answer is the sum of such codes

    @property
    def symbol(self) -> str:
        """The origin as a word of letters, digits and underscores."""
        return re.sub("[^A-Z0-9]", "_", self.origin.upper())


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
        Use(zone=zone, meanings=tuple(_meanings(zone)), recipes=recipes(zone)) for zone in zones if _lists(zone)
    )


def refused(zone: Zone) -> AskedName:
    """What a mail server refuses by."""
    kinds = zone.views[b""].kinds.values()
    return AskedName(
        origin=zone.origin, codes=tuple(sorted({str(kind.code) for kind in kinds}, key=_last)), mask=zone.bitmask
    )


def weighed(zone: Zone) -> tuple[AskedName, ...]:
    """What it only weighs: sublists of kinds that the zone itself does not answer for."""
    whole = zone.views[b""].kinds
    return tuple(
        AskedName(origin=f"{label.decode()}.{zone.origin}", codes=tuple(str(kind.code) for kind in view.kinds.values()))
        for label, view in zone.views.items()
        if label and not whole.keys() & view.kinds.keys()
    )


def recipes(zone: Zone) -> tuple[Recipe, ...]:
    """What each program is told to ask this zone."""
    block, more = refused(zone), weighed(zone)
    return tuple(
        Recipe(program=program, hint=hint, file=file, text=make(block, more, zone.site), tried=tried)
        for program, hint, file, tried, make in _PROGRAMS
    )


def _lists(zone: Zone) -> bool:
    declared = any(kind in DECLARED for view in zone.views.values() for kind in view.kinds)
    addresses = zone.listing or any(source.form not in DOMAINS for source in zone.sources)
    return addresses and not declared and not zone.ended


def _meanings(zone: Zone) -> Iterable[Meaning]:
    for label, view in zone.views.items():
        for kind in view.kinds.values():
            if not label or kind.name not in zone.views[b""].kinds:
                yield Meaning(
                    origin=f"{label.decode()}.{zone.origin}" if label else zone.origin,
                    code=str(kind.code),
                    kind=kind.name,
                    says=kind.text_of("192.0.2.99", zone.site),
                    ttl=kind.ttl,
                    advice="weigh" if label else "refuse",
                )


def _last(code: str) -> tuple[int, ...]:
    return tuple(map(int, code.split(".")))


def _pattern(asked: AskedName) -> list[str]:
    """The codes in Postfix's way of writing: one pattern for those that share three octets (postconf(5))."""
    if asked.mask or not asked.codes:
        return ["127.0.0.[2..254]"]
    found = []
    for before, codes in groupby(asked.codes, key=lambda code: code.rpartition(".")[0]):
        last = [code.rpartition(".")[2] for code in codes]
        found.append(f"{before}.{last[0]}" if len(last) == 1 else f"{before}.[{';'.join(last)}]")
    return found


def _singly(asked: AskedName) -> list[str]:
    """Every answer that counts, one by one, for programs that know no ranges."""
    if not asked.mask and asked.codes:
        return list(asked.codes)
    if not asked.codes:
        return [f"127.0.0.{number}" for number in range(2, 32)]
    bits = [_last(code)[3] for code in asked.codes]
    sums = {sum(bit for at, bit in enumerate(bits) if chosen >> at & 1) for chosen in range(1, 1 << len(bits))}
    before = asked.codes[0].rpartition(".")[0]
    return [f"{before}.{number}" for number in sorted(sums)]


def _postfix(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    lines = ["permit_mynetworks", "permit_sasl_authenticated", "reject_unauth_destination"]
    lines += [f"reject_rbl_client {block.origin}={pattern}" for pattern in _pattern(block)]
    return "smtpd_recipient_restrictions =\n    " + ",\n    ".join(lines)


def _postscreen(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    sites = [f"{block.origin}={pattern}*3" for pattern in _pattern(block)]
    sites += [f"{one.origin}={pattern}*1" for one in more for pattern in _pattern(one)]
    return (
        "postscreen_dnsbl_sites =\n    "
        + ",\n    ".join(sites)
        + "\npostscreen_dnsbl_threshold = 3\npostscreen_dnsbl_action = enforce"
    )


def _exim(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    lines = [
        f"deny    dnslists = {block.origin}={','.join(_singly(block))}",
        "        message  = $sender_host_address is listed in $dnslist_domain: $dnslist_text",
    ]
    for one in more:
        lines += [
            f"warn    dnslists = {one.origin}={','.join(_singly(one))}",
            "        add_header = X-Warning: $sender_host_address is listed in $dnslist_domain",
        ]
    return "\n".join(lines)


def _sendmail(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    codes = ", ".join(f"`{code}.'" for code in _singly(block))
    return (
        f"FEATURE(`enhdnsbl', `{block.origin}',\n"
        f"    `\"550 5.7.1 Listed: see {site}/ip/\"$&{{client_addr}}', `t', {codes})dnl"
    )


def _courier(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    each = (f"-block={block.origin}/{code},BLOCK,Listed:{site}" for code in _singly(block))  # no blanks: couriertcpd(8)
    return f"BLACKLISTS='{' '.join(each)}'"


def _rspamd(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    lines = ["rbls {"]
    for one in (block, *more):
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


def _rspamd_scores(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    lines = ["symbols {"]
    for one, weight in ((block, 7.0), *((other, 2.0) for other in more)):
        lines += [f'  "{one.symbol}" {{ weight = {weight}; }}', f'  "{one.symbol}_UNKNOWN" {{ weight = 0.0; }}']
    return "\n".join([*lines, "}"])


def _spamassassin(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    lines = []
    for one, score in ((block, 4.0), *((other, 1.0) for other in more)):
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
            f"score    {name}  {score}",
        ]
    return "\n".join(lines)


def _opensmtpd(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    return 'filter "rspamd" proc-exec "filter-rspamd"\nlisten on 0.0.0.0 filter "rspamd"'


def _haraka(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    return f"[main]\nzones[]={block.origin}\n\n[{block.origin}]\ntype=block\nreject=true\nipv6=true"


def _mox(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    return f"Listeners:\n\tpublic:\n\t\tSMTP:\n\t\t\tEnabled: true\n\t\t\tDNSBLs:\n\t\t\t\t- {block.origin}"


def _stalwart(block: AskedName, more: tuple[AskedName, ...], site: str) -> str:
    place = "Settings > Spam Filter > DNSBL > Servers"
    return f"{place}\nzone: ip_reverse + '.{block.origin}'\ncodes: {' '.join(_singly(block))}"


_Make = Callable[[AskedName, tuple[AskedName, ...], str], str]
_PROGRAMS: tuple[tuple[str, str, str, bool, _Make], ...] = (
    ("Postfix", "refuses at RCPT, with our text", "/etc/postfix/main.cf", True, _postfix),
    ("Postfix postscreen", "with weights", "/etc/postfix/main.cf", True, _postscreen),
    ("Exim", "in the ACL for RCPT", "acl_check_rcpt of the configuration", True, _exim),
    ("Sendmail", "IPv4 alone", "/etc/mail/sendmail.mc, before the mailers", True, _sendmail),
    ("Courier", "at RCPT, with the list's address", "/etc/courier/esmtpd", True, _courier),
    ("rspamd", "symbols", "/etc/rspamd/local.d/rbl.conf", True, _rspamd),
    ("rspamd's weights", "15 refuses by default", "/etc/rspamd/local.d/rbl_group.conf", True, _rspamd_scores),
    ("OpenSMTPD", "asks rspamd, by its filter", "/etc/smtpd.conf", True, _opensmtpd),
    ("SpamAssassin", "scores", "/etc/spamassassin/local.cf", True, _spamassassin),
    ("Haraka", "plugin dns-list; knows no codes", "config/dns-list.ini", False, _haraka),
    ("mox", "counts for junk; knows no codes", "config/mox.conf", False, _mox),
    ("Stalwart", "a tag of its spam filter", "its settings on the web", False, _stalwart),
)
