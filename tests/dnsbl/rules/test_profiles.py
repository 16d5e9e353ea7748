"""Lists of old as files: each is read back whole by the program, says what it must, and is under names of ours."""

from __future__ import annotations

import re
from functools import reduce
from ipaddress import ip_address
from pathlib import Path

import pytest

from dnsbl.config import read_settings, read_zones
from dnsbl.dns.zones import Zones
from dnsbl.rules import profiles
from dnsbl.rules.founding import Founding
from dnsbl.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
HISTORY = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
MADE = Founding(
    zone="lists.mail-list.net",
    contact="hostmaster@mail-list.net",
    addresses=(ip_address("81.2.69.9"), ip_address("2001:4860::5")),
    base_url="https://lists.mail-list.net",
)
#: What the lists' own tables say: of each zone the code of each kind in it, a single octet being behind 127.0.0.
CODES = """
orbl or: relay 2
dsbl list: relay 2
dsbl multihop: relay-output 2
dsbl unconfirmed: unconfirmed 2
dsbl inputs: multihop 2
orbs relays: relay 2, multihop 2, relay-output 3, manual 4
orbs inputs: relay 2, multihop 2
orbs outputs: relay-output 3
orbs delayed-outputs: delayed-output 3
orbs spamsources: spam-source 5
orbs spamsource-netblocks: netblock 6
orbs manual: manual 4
orbz inputs: relay 2, multihop 2
orbz outputs: relay-output 2
orb-uk orbz: relay-output 2, relay 3, multihop 3, postmaster 9
orb-uk inputs: relay 3, multihop 3
orb-uk manual: untestable 2, manual 4
five-ten blackholes: spam 2, dialup 3, bulk 4, relay-output 5, relay 6, support 7, web-form 8, other 9
five-ten info: virus-notices 10, tcpa 11, free-mail 12, challenges 13
five-ten inputs: multihop 6
njabl dnsbl: relay 2, multihop 2, spam-source 4, relay-output 5, form-mail 8, proxy 9
njabl qwdnsbl: relay 2, multihop 2, spam-source 4, relay-output 5, form-mail 8, proxy 9
njabl qwdynablock: dynamic 3
njabl combined: relay 2, multihop 2, dynamic 3, spam-source 4, relay-output 5, passive 6, form-mail 8, proxy 9
njabl dynablock: dynamic 3
njabl bhnc: passive 6
rsl relays: relay 2
osirusoft relays: relay 2, multihop 2, dialup 3, spam-source 4, spam-site 6, list-server 7, \
form-mail 8, proxy 9
osirusoft inputs: relay 2, multihop 2
osirusoft dialups: dialup 3
osirusoft spamsources: spam-source 4
osirusoft spews: spews 4
osirusoft spamsites: spam-site 6
osirusoft spamhaus: spamhaus 6
osirusoft socks: proxy 9
osirusoft outputs: relay-output 5
osirusoft blocktest: do-not-test 2
ordb relays: relay 2
rss relays: relay 2
rss rbl-plus: spammer 127.1.0.1, dialup 127.1.0.2, relay 127.1.0.4, proxy 127.1.0.8
sorbs dnsbl: http-proxy 2, socks-proxy 3, misc-proxy 4, relay 5, spam-source 6, \
web-form 7, hijacked 9, dynamic 10, no-server 14, virus 15
sorbs block: do-not-test 8
ahbl dnsbl: relay 2, multihop 2, proxy 3, spam-source 4, provisional 5, \
form-mail 6, supporter 7, indirect-supporter 8, end-user 9, shoot-on-sight 10, \
no-postmaster 11, ignores-refusals 12, non-rfc 13, compromised-ddos 14, \
compromised-relay 15, compromised-scanner 16, compromised-worm 17, compromised-virus 18, \
other 127
ahbl ircbl: proxy 3, compromised-ddos 14, compromised-relay 15, compromised-scanner 16, \
compromised-worm 17, compromised-virus 18
ahbl tor: tor-exit 2
ahbl exemptions: exempt 2
sbl sbl: sbl 2, css 3, drop 9
sbl xbl: xbl 4
sbl pbl: pbl-provider 10, pbl-list 11
sbl sbl-xbl: sbl 2, css 3, drop 9, xbl 4
sbl zen: sbl 2, css 3, xbl 4, drop 9, pbl-provider 10, pbl-list 11
"""
every = pytest.mark.parametrize("name", profiles.names())


def opened(folder: Path, name: str, found: Founding | None = None) -> tuple[Settings, Zones]:
    """The list as the program reads it."""
    for place, text in profiles.written(profiles.profile(name), found).items():
        (folder / place).parent.mkdir(exist_ok=True)
        (folder / place).write_text(text, encoding="utf-8")
    settings = read_settings(folder / "config.toml", {})
    return settings, read_zones(settings)


@every
def test_what_is_written_is_read_back_with_every_setting(name: str, tmp_path: Path) -> None:
    old = profiles.profile(name)
    settings, zones = opened(tmp_path, name)
    assert {zone.origin for zone in zones} == set(old.origins(f"{name}.example.org"))
    given = Settings.model_validate(old.settings)
    assert {section: getattr(settings, section) for section in old.settings} == {
        section: getattr(given, section) for section in old.settings
    }
    by_origin = {zone.origin: zone for zone in zones}
    for label, table in old.zones.items():
        zone = by_origin[f"{label}.{name}.example.org"]
        assert (zone.use, zone.bitmask, zone.ttl) == (table.use, table.style == "bitmask", table.ttl or 2100)


#: A whole zone file, but for its names.
RSL = """# RSL, the VISI.com Relay Stop List, until 2004
origin = "relays.{base}"
ns = ["ns1.{base}"]
use = "Open relays that spam came through, for blocking by the address of the server that hands mail to yours."

[soa]
mname = "ns1.{base}"
rname = "{rname}"
refresh = 3600
retry = 600
expire = 604800
minimum = 300                   # seconds that "not listed" may be cached
ttl = 3600

# A guess: the usual one; no page of theirs is kept that names it.
[kinds.relay]
code = "127.0.0.2"
txt = "Spam came from {{address}}, an open relay, see {{url}}"
"""


def test_files_are_what_people_can_read_and_go_on_with() -> None:
    old = profiles.profile("rsl")
    own, tried = profiles.written(old, MADE), profiles.written(old, None)
    at = {"base": "lists.mail-list.net", "rname": "hostmaster.mail-list.net"}
    assert own["zones/relays.lists.mail-list.net.toml"] == RSL.format(**at)
    at = {"base": "rsl.example.org", "rname": "hostmaster.rsl.example.org"}
    assert tried["zones/relays.rsl.example.org.toml"] == RSL.format(**at)
    head, _, rest = tried["config.toml"].partition("\n\n")
    assert head.splitlines()[:6] == [
        "# RSL, the VISI.com Relay Stop List, until 2004",
        "# Relays that spamtraps have met and a test has found open; off at the first request, or after 90 days.",
        "#",
        "# What it does otherwise than the list of old:",
        "# Open is said when our letter has come back, not when a server has accepted one.",
        "# Who is listed again after a request waits for his next removal, since a request alone ends a listing "
        "(RFC 6471",
    ]
    assert all(sentence in head.replace("\n# ", " ") for sentence in old.differs)
    assert rest.startswith('[service]\nname = "RSL"\n\n[policy]\nkinds = ["relay"]\n')
    assert rest.endswith('\n\n[traps]\ndomains = ["trap.rsl.example.org"]\n')
    assert own["config.toml"].endswith('\n\n[traps]\ndomains = ["trap.lists.mail-list.net"]\n')
    assert 'address = "relays@c.mail-list.net"' in profiles.written(profiles.profile("rss"), MADE)["config.toml"]


@every
def test_its_zones_answer_for_its_kinds_with_the_codes_of_its_tables(name: str, tmp_path: Path) -> None:
    told = {}
    for line in CODES.strip().splitlines():
        head, _, kinds = line.partition(": ")
        of, label = head.split()
        if of == name:
            codes = dict(each.split() for each in kinds.split(", "))
            told[f"{label}.{name}.example.org"] = {
                kind: code if "." in code else f"127.0.0.{code}" for kind, code in codes.items()
            }
    _, zones = opened(tmp_path, name)
    assert {
        zone.origin: {kind.name: str(kind.code) for view in zone.views.values() for kind in view.kinds.values()}
        for zone in zones
    } == told


@every
def test_each_kind_is_in_a_zone_and_each_kind_of_a_test_too(name: str) -> None:
    old = profiles.profile(name)
    asked = {kind for zone in old.zones.values() for kind in zone.kinds}
    assert asked == old.kinds.keys()
    assert set(Settings.model_validate(old.settings).policy.kinds) <= asked


@every
def test_each_guess_is_of_something_that_is_there_and_is_marked_in_the_files(name: str) -> None:
    old = profiles.profile(name)
    told = re.sub(r"\n# ", " ", "\n".join(profiles.written(old, None).values()))
    for path, why in old.guesses.items():
        assert reduce(lambda table, key: table[key], path.split("."), old.model_dump()) is not None
        assert f"A guess: {why}." in told, path


@every
def test_founded_under_a_name_of_its_own_nothing_of_the_example_is_left(name: str, tmp_path: Path) -> None:
    old = profiles.profile(name)
    settings, zones = opened(tmp_path, name, MADE)
    assert {zone.origin for zone in zones} == set(old.origins(MADE.zone))
    texts = profiles.written(old, MADE)
    assert not [place for place, text in texts.items() if "example" in text]
    assert settings.tester.source_addresses == MADE.addresses
    records = profiles.records(old, MADE)
    assert {f"{zone.origin}. NS ns1.{MADE.zone}." for zone in zones} <= set(records)
    assert f"ns1.{MADE.zone}. A 81.2.69.9" in records
    assert {f"{trap}. MX 10 {settings.collector.hostname}." for trap in settings.traps.domains} <= set(records)
    at = settings.mail_door.address.rpartition("@")[2]
    assert at in ("", settings.tester.collector_domain)


@every
def test_history_tells_of_it_in_ten_lines_or_so(name: str) -> None:
    _, heading, section = HISTORY.partition(f"\n## `{name}`: ")
    assert heading, f"docs/history.md has no section `{name}`"
    section = section.partition("\n## ")[0]
    assert 8 <= len(section.strip().splitlines()) <= 16, "ten lines or so"
    for word in ("**What it was.**", "**How it ended.**", "**Ours.**", "Sources: "):
        assert word in section, word


def test_no_profile_bears_the_name_of_a_list_that_somebody_may_still_ask() -> None:
    for name in profiles.names():
        for text in profiles.written(profiles.profile(name), None).values():
            assert not re.findall(r"(?:origin|ns|mname) = .*(?<!\.example\.org)\"\]?$", text, re.MULTILINE)


def test_a_profile_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"no profile 'nonsense'; there are .*orbl"):
        profiles.profile("nonsense")
    with pytest.raises(ValueError, match="no profile"):
        profiles.profile("../historic/orbl")
