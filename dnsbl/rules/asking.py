"""What somebody means who pastes something to look it up: an address, however it is written; a name under one of our
zones, read backwards; a network; a bounce; a list of these. Pure. Never guesses: what could not be read is named, with
the reason, and is never counted as not listed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address
from itertools import islice

from dnsbl.addresses import (
    Address,
    Network,
    amiss,
    canonical,
    host_labels,
    how_to_find,
    parse_address,
    parse_network,
    place_of_link,
    printable,
)
from dnsbl.errors import Refused
from dnsbl.vocabulary import Refusal
from tester.records import dataclass

#: Characters that are read, and things that are found.
MOST_CHARACTERS, MOST_FOUND = 65536, 100
#: Different words of one text that are tried as an address, network or name: a long bounce has some hundreds with a dot
#: or colon in them, and one without says nothing.
MOST_WORDS = 1000
#: Characters of one row of many: a name under a zone with a key has no more. And its words: a row is no running text.
MOST_ROW, MOST_ROW_WORDS = 255, 8

#: What separates one thing from the next; brackets stay, since an address stands in them.
_BETWEEN = re.compile(r"[\s,;\"'`<>(){}|=]+")
#: What pages, word processors and keyboards of other scripts put for signs and digits of ASCII: full-width forms, marks
#: that nobody sees, quotes and commas of all languages; and a dot that was made harmless.
_SCRIPTS = {
    **{0xFF01 + n: 0x21 + n for n in range(94)},
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"), None),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb"), " "),
    **dict.fromkeys(map(ord, "\u3001\u060c\u061b\u300a\u300b\u300c\u300d\u300e\u300f\u3010\u3011"), " "),
    **dict.fromkeys(map(ord, "\u3002\uff61"), "."),
}
_DEFANGED = re.compile(r"(?<=[0-9a-z])(?:\[\.\]|\(\.\)|\{\.\})(?=[0-9a-z])", re.IGNORECASE)
#: What an address is called, glued to it, as in SPF (RFC 7208 5.6); a word of hexadecimal digits may be a part of it.
_CALLED = re.compile(
    r"(?:(?=[a-z0-9_-]*[g-z])[a-z][a-z0-9_-]{0,30}:(?=[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?:[/:]|\Z))|ip6:)", re.IGNORECASE
)
#: Dots, colons and such around a thing that belong to the sentence.
_AROUND = ".:!?*"
_PORT = re.compile(r"(\[[^\]\s]+\]|[0-9]+(?:\.[0-9]+){3}):[0-9]{1,5}\Z")
_QUAD = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}\Z")
_PAGE = re.compile(r"https?://([^?#\s]+?)/ip/([^/?#\s]+)", re.IGNORECASE)
#: What somebody has meant for an address, whatever is glued to it: four numbers, or groups with "::" or six colons.
_NEARLY = re.compile(
    r"(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])"
    r"|(?<![0-9a-z:])(?:(?:[0-9a-f]{1,4}:){1,7}:|::[0-9a-f]|(?:[0-9a-f]{1,4}:){6})",
    re.IGNORECASE,
)
_ARPA = (".in-addr.arpa", ".ip6.arpa")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """One thing that was asked about."""

    what: Address | Network
    read: str  #: the text that it was read from
    backwards: bool  #: whether that was a name, with the address reversed in it
    sure: bool = False  #: whether nothing else can be meant: such a name, or a link to our page of it


@dataclass(frozen=True, kw_only=True, slots=True)
class _Ours:
    """What is known of our list's names."""

    origins: tuple[str, ...]  #: zones, in lower case, the longest first
    site: str  #: host of our site, with a port and path where it has these


@dataclass(frozen=True, kw_only=True, slots=True)
class Unread:
    """Something that looks like a question and could not be read."""

    text: str  #: of it what is printable ASCII; the rest is question marks
    why: str  #: one sentence
    known: bool = True  #: whether we know what it is meant to be
    host: str = ""  #: it, where it is a host name, whose addresses somebody else may look for
    nearly: bool = False  #: whether it is nearly a question, which is named in running text too
    ours: bool = False  #: whether it is the name of the list, which every bounce has


@dataclass(frozen=True, kw_only=True, slots=True)
class Questions:
    """All that was asked, each once, in the order of the text."""

    found: tuple[Found, ...]
    unread: tuple[Unread, ...]
    cut: bool  #: there was more than is read


class _Reader:
    """Tries each word once, and so many words at most."""

    def __init__(self, ours: _Ours) -> None:
        self._ours = ours
        self._tried: dict[str, Found | Unread] = {}
        self.full = False  #: whether a word was left out: nothing behind it is read

    def each(self, words: Sequence[str]) -> dict[str, Found | Unread | None]:
        """What each different word asks about, or why it cannot be read; None for one that cannot be anything. Ends
        before the first word that is one too many."""
        told: dict[str, Found | Unread | None] = {}
        for word in words:
            if word in told:
                continue
            if "." not in word and ":" not in word:
                told[word] = None
                continue
            if word not in self._tried:
                if len(self._tried) == MOST_WORDS:
                    self.full = True
                    break
                self._tried[word] = _try(word, self._ours)
            told[word] = self._tried[word]
        return told


def read(text: str, origins: Sequence[str], site: str) -> Questions:
    """Read what was pasted. `origins` are the names of our zones, without the dot at the end; `site` is the address of
    our site, and a link to a page of anybody else's says nothing.

    In running text, as a bounce is, a name under one of our zones or a link to one of our pages is what was meant, if
    there is one; else every address in it, those in brackets before the others, and what is nearly one is named.
    """
    cut = len(text) > MOST_CHARACTERS
    if cut:  # nor is half of a word read, which may be another address
        text = (text[:MOST_CHARACTERS].rsplit(None, 1) or [""])[0]
    if not text.isascii():
        text = text.translate(_SCRIPTS)
    text = _DEFANGED.sub(".", text)
    ours = _Ours(
        origins=tuple(sorted({origin.lower().rstrip(".") for origin in origins}, key=len, reverse=True)),
        site=site.lower().rstrip("/").partition("://")[2],
    )
    reader = _Reader(ours)
    listed: list[Found] = []
    running: dict[str, Found | Unread | None] = {}
    wrong: dict[str, Unread | None] = {}
    for line in dict.fromkeys(text.splitlines()):
        words = _words(line)
        each = reader.each(words)
        found = [what for what in each.values() if isinstance(what, Found)]
        rest = {word: what for word, what in each.items() if not isinstance(what, Found)}
        alone = all(len(piece.split()) < 2 for piece in re.split(r"[,;]", line))
        bare = "[" not in line and all(what and what.known and not (what.host or what.ours) for what in rest.values())
        if bare or (alone and (found or len(words) == 1)):  # a list, and no running text
            listed += found
            wrong |= rest
        else:
            running |= each
        if reader.full:
            break
    told = [what for what in running.values() if isinstance(what, Found)]
    sure = [one for one in told if one.sure]
    if running:  # single words are parts of it: a line of it may have been folded
        wrong = {word: what for word, what in wrong.items() if what and what.known}
    unread = [what or _unread(word) for word, what in islice(wrong.items(), MOST_FOUND)]
    if not sure:
        unread += [what for what in running.values() if isinstance(what, Unread) and what.nearly]
    unread = list(dict.fromkeys(unread))
    first: dict[Address | Network, Found] = {}
    for one in listed + (sure or _meant(told)):
        first.setdefault(one.what, one)
    different = list(first.values())
    cut = cut or reader.full or any(len(some) > MOST_FOUND for some in (different, wrong, unread))
    return Questions(found=tuple(different[:MOST_FOUND]), unread=tuple(unread[:MOST_FOUND]), cut=cut)


def one(text: str, origins: Sequence[str], site: str) -> Address:
    """The one address that is meant. Raises Refused (MALFORMED_ADDRESS) with the sentence that says what is wrong."""
    return only(read(text, origins, site), text)


def only(asked: Questions, text: str) -> Address:
    """The one address that is meant by a text that was read. Raises Refused (MALFORMED_ADDRESS) as `one` does."""
    addresses = [each.what for each in asked.found if isinstance(each.what, IPv4Address | IPv6Address)]
    if len(addresses) == 1 == len(asked.found) and not asked.unread and not asked.cut:
        return addresses[0]
    if len(asked.found) == 1 and asked.unread:
        beside = f"{asked.unread[0].text} beside {asked.found[0].what}"
        raise Refused(Refusal.MALFORMED_ADDRESS, f"One address is needed; this names {beside}, and that is none.")
    if len(asked.found) > 1 or (asked.found and not asked.cut):
        said = ", ".join(str(each.what) for each in asked.found[:3])
        raise Refused(Refusal.MALFORMED_ADDRESS, f"One address is needed; this names {said}.")
    if asked.cut:
        said = "There is more in this text than is read at once, and what was read names no one address: give it alone."
        if asked.found:
            said = f"There is more in this text than is read at once: give {asked.found[0].what} alone if it is meant."
        raise Refused(Refusal.MALFORMED_ADDRESS, said)
    if asked.unread and asked.unread[0].known:
        raise Refused(Refusal.MALFORMED_ADDRESS, asked.unread[0].why)
    if len(text.split()) > 1:
        said = "No address, and no name or page of ours, is in this text: paste the whole bounce, or the address."
        raise Refused(Refusal.MALFORMED_ADDRESS, said)
    return typed(text)


def row(text: str, origins: Sequence[str], site: str) -> Address:
    """The address that one row of many names. Raises Refused (MALFORMED_ADDRESS) as `one` does, and for a row of more
    than `MOST_ROW` characters or `MOST_ROW_WORDS` words, which is not read."""
    if len(text) > MOST_ROW:
        raise Refused(
            Refusal.MALFORMED_ADDRESS, f"One address is needed, and this has more than {MOST_ROW} characters."
        )
    try:
        return parse_address(text)  # at once, as nearly all of them are
    except ValueError:
        if len(_words(text)) > MOST_ROW_WORDS:
            why = f"One address is needed, and this has more than {MOST_ROW_WORDS} words."
            raise Refused(Refusal.MALFORMED_ADDRESS, why) from None
        return one(text, origins, site)


def typed(text: str) -> Address:
    """The address that somebody typed, where nothing else will do. Raises Refused (MALFORMED_ADDRESS), and says of a
    host name or a network what is needed in its place."""
    try:
        return parse_address(text)
    except ValueError as error:
        unread = _unread(text.strip())
        raise Refused(Refusal.MALFORMED_ADDRESS, unread.why if unread.known else str(error)) from None


def _words(text: str) -> list[str]:
    parts = _BETWEEN.split(text.replace("[", " ["))  # a name and its address often stand together: name[192.0.2.1]
    # the colons at an address's end may be its own
    return [word for part in parts if (word := part.strip(_AROUND.replace(":", "") if "::" in part else _AROUND))]


def _try(word: str, ours: _Ours) -> Found | Unread:
    """What a word asks about, or why it cannot be read."""
    try:
        return _one(word, ours) or _unread(word, ours)
    except ValueError as error:
        return Unread(text=printable(word[:100]), why=str(error), nearly=True)


def _one(word: str, ours: _Ours) -> Found | None:
    """What one word asks about, or None where it asks nothing. Raises ValueError for what is nearly a question."""
    if (page := _PAGE.match(word)) and page[1].lower() == ours.site:
        linked = parse_address(page[2].replace("%3A", ":").replace("%3a", ":"))
        return Found(what=linked, read=word, backwards=False, sure=True)
    name = word.lower().rstrip(".")
    for origin in (*ours.origins, *(arpa[1:] for arpa in _ARPA)):
        if name.endswith(f".{origin}"):
            inside = _backwards(name[: -len(origin) - 1].split("."), origin, origin in ours.origins)
            return Found(what=inside, read=word, backwards=True, sure=True)
    called = _CALLED.sub("", word, count=1) if _CALLED.match(word) else word
    bare = port[1] if (port := _PORT.match(called)) else called
    if "/" in bare:
        head = bare.partition("/")[0]
        if _QUAD.match(head) or _address(head) is not None:
            network = parse_network(bare)
            single = network.num_addresses == 1
            return Found(what=network.network_address if single else network, read=word, backwards=False)
    address = _address(bare)
    if address is not None:
        return Found(what=address, read=word, backwards=False)
    if _QUAD.match(bare):
        parse_address(bare)
    linked_to = place_of_link(word)
    place = word.rpartition("@")[2] if linked_to is None else linked_to  # of a mail address where it is delivered
    if _NEARLY.search(place) and not _is_name(place):
        if amiss(word):
            parse_address(word)  # which says so
        raise ValueError(f'"{printable(word[:100])}" is no address, though it looks like one: give the address alone.')
    return None


def _is_name(word: str) -> bool:
    """Whether it is a host's name, perhaps with a port."""
    return bool(host_labels(word))


def _address(text: str) -> Address | None:
    try:
        return parse_address(text)
    except ValueError:
        return None


def _backwards(labels: list[str], origin: str, keyed: bool) -> Address:
    """The address of a name: reversed octets or nibbles, with a key behind them where our zones have one."""
    for reversed_labels in (labels, labels[:-1]) if keyed else (labels,):
        with suppress(ValueError):
            return canonical(IPv4Address(".".join(reversed(reversed_labels))))
        if len(reversed_labels) == 32 and all(re.fullmatch(r"[0-9a-f]", label) for label in reversed_labels):
            return canonical(IPv6Address(int("".join(reversed(reversed_labels)), 16)))
    raise ValueError(f"In a name under {origin} an address stands as four numbers, or as 32 digits, backwards.")


def _meant(found: list[Found]) -> list[Found]:
    """Of the addresses in running text, those that its writer speaks of first."""
    # return codes and a machine's own address are no question where others are
    outside = [one for one in found if not one.what.is_loopback]
    return sorted(outside, key=lambda one: not one.read.startswith("[")) or found


def _unread(word: str, ours: _Ours | None = None) -> Unread:
    labels = host_labels(word)
    if ours is not None and (name := ".".join(labels)) in ours.origins:
        why = f"{name} is this list, and no address on it: give the address that the bounce says is listed here."
        return Unread(text=printable(word[:100]), why=why, ours=True)
    if labels:
        why = f"{word[:100]} is a host name, and addresses are listed: give the address that it sends from; "
        why += how_to_find(labels)
        host = ".".join(labels)
        return Unread(text=printable(word[:100]), why=why, host=host if len(host) <= 253 else "")  # RFC 1035 2.3.4
    return Unread(
        text=printable(word[:100]), why="This is neither an address, nor a network, nor a name of ours.", known=False
    )
