"""What is wrong with a list as it is seen from outside: what DNS must say of it, judged by what DNS was heard to say.

Pure. An answer is the texts of its records: empty where there are none, None where nobody could tell. Each finding is
ok, wrong or not known, in one sentence, with what to do where that is not nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from dnsbl.addresses import Address
from tester.records import dataclass

#: The records that DNS has at a name, as text; None when nobody could tell.
Heard = tuple[str, ...] | None

#: What every zone lists for testing, and how that is answered (RFC 5782 section 5).
TEST_POINT, LISTED = "2.0.0.127", "127.0.0.2"


#: What to do about a delegation that leads to servers which do not answer for the zone (RFC 1912 2.8). A resolver may
#: keep a failure for as long as five minutes (RFC 2308 7.1 and 7.2).
LAME = (
    "see whether each server that the zone above names answers for the zone (`dig +trace`); where all do, and this "
    "list has just begun, ask again in five minutes, for a resolver remembers a failure; else name another one with "
    "--resolver"
)


class Fitness(StrEnum):
    """How something does."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """One thing that was looked at."""

    about: str  #: delegation, mx, reverse, ...: what kind of thing
    of: str  #: which one: a zone, a name, an address, a file
    grade: Fitness
    says: str  #: one sentence
    do: str = ""  #: what to do, where something is to be done
    facts: tuple[str, ...] = ()  #: addresses that were found, for what is looked at next

    def row(self) -> dict[str, str]:
        """As a JSON object."""
        return {"about": self.about, "of": self.of, "state": self.grade, "says": self.says, "do": self.do}


def ok(about: str, of: str, says: str, facts: tuple[str, ...] = ()) -> Checked:
    """It is as it should be."""
    return Checked(about=about, of=of, grade=Fitness.OK, says=says, facts=facts)


def wrong(about: str, of: str, says: str, do: str) -> Checked:
    """It is not, and what to do."""
    return Checked(about=about, of=of, grade=Fitness.WRONG, says=says, do=do)


def unknown(about: str, of: str, says: str, do: str = "") -> Checked:
    """Nobody could tell."""
    return Checked(about=about, of=of, grade=Fitness.UNKNOWN, says=says, do=do)


def delegation(
    zone: str, named: Collection[str], heard: Heard, hosts: Mapping[str, Heard], *, failing: bool = False
) -> Iterator[Checked]:
    """Whether the world is sent to the zone's own servers. `named` are those of its file, `heard` those that DNS tells
    of, and `hosts` the addresses of all of these. `failing`: nobody could tell, since the resolver got no answer that
    it could use (SERVFAIL)."""
    if failing:
        says = f"a resolver gets no answer about {zone} (SERVFAIL)"
        yield wrong("delegation", zone, f"{says}: it is delegated to servers that do not serve it, if to any", LAME)
        return
    do = f"ask who runs the zone above for NS records of {zone}: {', '.join(sorted(named))}"
    if heard is None:
        yield unknown("delegation", zone, f"nobody could tell who serves {zone}", "see whether the resolver answers")
        return
    there = {name.rstrip(".").lower() for name in heard}
    if not there:
        yield wrong("delegation", zone, f"{zone} is delegated to nobody", do)
    elif missing := sorted({name.lower() for name in named} - there):
        yield wrong("delegation", zone, f"DNS does not name {', '.join(missing)}, which the zone's file does", do)
    elif strange := sorted(there - {name.lower() for name in named}):
        says = f"DNS names {', '.join(strange)}, which the zone's file does not"
        yield wrong("delegation", zone, says, f"add them to ns in the zone's file, or {do}")
    else:
        yield ok("delegation", zone, f"{zone} is served by {', '.join(sorted(there))}")
    for name in sorted({name.lower() for name in named} | there):
        found = hosts.get(name)
        inside = f".{name}".endswith(f".{zone}")
        if found is None:
            yield unknown("name server", name, f"nobody could tell the addresses of {name}")
        elif not found:
            where = "as [[records]] of the zone's file, and as glue in the zone above" if inside else "in its own zone"
            yield wrong("name server", name, f"{name} has no address", f"give it an A or AAAA record, {where}")
        else:
            yield ok("name server", name, f"{name} is {', '.join(sorted(found))}")


def answered(zone: str, point: Heard, *, failing: bool = False) -> Checked:
    """Whether the world gets the test point of the zone; `point` is what a resolver was told, and `failing` that it
    could get nothing (SERVFAIL)."""
    name = f"{TEST_POINT}.{zone}"
    if failing:
        return wrong("answers", zone, f"a resolver gets no answer for the test point {name} (SERVFAIL)", LAME)
    if point is None:
        return unknown("answers", zone, f"nobody could tell what {name} is", "see whether a server of it answers")
    if LISTED in point:
        return ok("answers", zone, f"a resolver gets {LISTED} for the test point {name}")
    told = ", ".join(sorted(point)) or "no address"
    do = "see whether the delegation leads here and dnsbl serve runs, and whether a firewall lets port 53 in"
    return wrong("answers", zone, f"a resolver gets {told} for the test point {name}, and not {LISTED}", do)


def exchange(domain: str, heard: Heard, hostname: str) -> Checked:
    """Whether mail for a domain of ours comes to our collector; `heard` are its MX records, as "PREFERENCE HOST"."""
    do = f'publish "{domain}. MX 10 {hostname}." and no other MX'
    if heard is None:
        return unknown(
            "mx", domain, f"nobody could tell where mail for {domain} goes", "see whether the resolver answers"
        )
    hosts = sorted({text.split()[-1].rstrip(".").lower() for text in heard if text.split()})
    if not hosts:
        return wrong("mx", domain, f"{domain} has no MX record, so no letter comes back", do)
    if hosts != [hostname.lower()]:
        return wrong("mx", domain, f"mail for {domain} goes to {', '.join(hosts)}, and not to {hostname} alone", do)
    return ok("mx", domain, f"mail for {domain} goes to {hostname}")


def host(about: str, name: str, heard: Heard, ours: Collection[Address]) -> Checked:
    """Whether a name of ours leads to addresses of ours; without `ours` any will do."""
    wanted = ", ".join(sorted(map(str, ours))) or "this machine"
    do = f"publish an A or AAAA record of {name} that leads to {wanted}"
    if heard is None:
        return unknown(about, name, f"nobody could tell the addresses of {name}", "see whether the resolver answers")
    if not heard:
        return wrong(about, name, f"{name} has no address", do)
    if ours and not {str(address) for address in ours} & set(heard):
        return wrong(about, name, f"{name} is {', '.join(sorted(heard))}, and not {wanted}", do)
    return ok(about, name, f"{name} is {', '.join(sorted(heard))}", heard)


def reverse(address: Address, names: Heard, forward: Mapping[str, Heard], helo: Collection[str]) -> Checked:
    """Whether an address that we test from has a name that leads back to it; `forward` are the addresses of its names.
    Many servers refuse mail from an address without one."""
    of = str(address)
    do = f"have whoever gave you {of} set its PTR record to {sorted(helo)[0]}, and give that name this address"
    if names is None:
        return unknown("reverse", of, f"nobody could tell the name of {of}", "see whether the resolver answers")
    if not names:
        return wrong("reverse", of, f"{of} has no name (PTR), so many servers refuse the tester", do)
    bare = {name: name.rstrip(".").lower() for name in names}
    back = [bare[name] for name in names if of in (forward.get(bare[name]) or ())]
    if not back:
        if any(forward.get(name) is None for name in bare.values()):
            return unknown("reverse", of, f"nobody could tell where {sorted(bare.values())[0]} leads")
        return wrong("reverse", of, f"the name of {of}, {sorted(bare.values())[0]}, does not lead back to it", do)
    if not set(back) & {name.lower() for name in helo}:
        says = f"{of} is {back[0]}, and the tester says {sorted(helo)[0]} (tester.helo)"
        return wrong("reverse", of, says, f"set tester.helo to {back[0]}, or {do}")
    return ok("reverse", of, f"{of} is {back[0]}, which leads back to it")


def policy_of(domain: str, heard: Heard) -> Checked:
    """Whether the domain that our mail is from says who may send it (RFC 7208 3.2, 4.5: exactly one record)."""
    do = f'publish one TXT record of {domain} that names your smarthost, such as "v=spf1 mx -all"'
    if heard is None:
        return unknown("spf", domain, f"nobody could tell who may send mail from {domain}")
    found = [text for text in heard if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]
    if not found:
        return wrong("spf", domain, f"{domain} does not say who may send its mail (SPF)", do)
    if len(found) > 1:
        return wrong("spf", domain, f"{domain} has {len(found)} SPF records, which counts as an error", do)
    return ok("spf", domain, f"{domain} says who may send its mail (SPF)")


def signed(name: str, heard: Heard) -> Checked:
    """Whether the key that letters are signed with is published there (RFC 6376 3.6.1)."""
    do = f"publish the public half of tester.dkim_key as the TXT record of {name}"
    if heard is None:
        return unknown("dkim", name, f"nobody could tell the key at {name}")
    keys = [tags["p"] for text in heard if "p" in (tags := _tags(text))]
    if not keys:
        return wrong("dkim", name, f"there is no key at {name}", do)
    if not any(keys):
        return wrong("dkim", name, f"the key at {name} is withdrawn", do)
    return ok("dkim", name, f"a key is published at {name}")


def _tags(text: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}
