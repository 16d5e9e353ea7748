"""An engine beside the reference: asked the same, they must say, do and count the same."""

import dataclasses
from collections import Counter
from copy import deepcopy
from ipaddress import ip_address

from dnsbl.dns import proxied, wire
from dnsbl.dns.engine import compiled, plain
from dnsbl.dns.engine.plain import Plain
from dnsbl.dns.keyuse import KeyUse
from dnsbl.dns.listed.table import Table
from dnsbl.dns.respond import Serving, respond
from dnsbl.dns.zones import Zones
from tests.dnsbl.dns.test_answer import CLIENT, NOW, TABLE, ZONES, packet_of

ENGINES = ["plain"] if compiled.missing else ["compiled", "plain"]


class CompiledOne:
    """The compiled engine, one packet at a time."""

    def __init__(self) -> None:
        engine = compiled.Compiled(1)
        self.load, self.replied, self.found = engine.load, engine.replied, engine.found
        self.answer, self.used = engine.core.answer, engine.core.used


class PlainOne:
    """The plain engine, asked and answering as the compiled one does."""

    def __init__(self) -> None:
        self.now = 0.0
        self.engine = Plain(lambda host: ip_address(host).packed, lambda: self.now)

    def load(self, serving: Serving) -> None:
        self.serving = serving
        self.engine.load(serving)

    def replied(self) -> dict[tuple[str, int, str, bool], int]:
        return {sort: count for sort, count in self.engine.replies.items() if count}

    def found(self) -> dict[tuple[str, str, str], int]:
        return self.engine.found

    def used(self) -> dict[bytes, KeyUse]:
        return {}

    def answer(self, packet: bytes, client: bytes, now: float) -> tuple[bytes | None, str]:
        self.now = now
        if self.serving.proxies is not None:
            through = proxied.seen(packet, client, self.serving.proxies)
            if through is None:
                return None, "proxy"
            packet, client = through
        before, host = self._counted(), str(ip_address(client))
        reply = self.engine.answer(packet, host)
        rest = plain.SILENT if reply is not None else self.engine.rest(packet, host)
        if rest != plain.SILENT:
            return None, "counted" if rest == plain.COUNTED else "hand over"
        return reply or None, next((why for why, n in self._counted().items() if n > before[why]), "")

    def _counted(self) -> dict[str, int]:
        engine = self.engine
        return {"rate": engine.dropped, "slip": engine.slipped, "acl": engine.barred, "header": engine.unread}


class Both:
    """A reference and an engine that begin alike, each with limits of its own."""

    def __init__(self, engine: str, serving: Serving) -> None:
        self.reference = serving
        self.own = dataclasses.replace(serving, pace=deepcopy(serving.pace))
        self.engine = CompiledOne() if engine == "compiled" else PlainOne()
        self.engine.load(self.own)
        self.replied: dict[tuple[str, int, str, bool], int] = {}
        self.found: Counter[tuple[str, str, str]] = Counter()
        self.used: dict[bytes, KeyUse] = {}

    def agree(self, packet: bytes, client: bytes = CLIENT, now: float = NOW) -> bool:
        """Whether the engine answered a packet itself, or else handed it over; with the reference, which gets it then,
        it said, did and counted what the reference does alone.
        """
        reply, why = self.engine.answer(packet, client, now)
        if self.reference.proxies is not None:
            through = proxied.seen(packet, client, self.reference.proxies)
            if through is None:
                assert (reply, why) == (None, "proxy")
                return True
            packet, client = through
        said = respond(packet, client, now, self.reference, tcp=False)
        if why in ("hand over", "counted"):
            assert respond(packet, client, now, self.own, tcp=False, counted=why == "counted") == said
            return False
        assert (reply, why) == (said.packet, said.why)
        if said.packet is not None and said.query is not None:
            sort = said.zone, said.rcode, wire.TYPES.get(said.query.qtype, "other"), False
            self.replied[sort] = self.replied.get(sort, 0) + 1
            self.found.update(("hit", said.zone, kind) for kind in said.kinds)
            self.found.update([("nodata", said.zone, sort[2])] * said.nodata)
        if said.key is not None:
            use = self.used.setdefault(said.key.digest, KeyUse())
            use.note(client, now, hit=said.key.hit, refused=said.key.refused, elsewhere=said.key.elsewhere)
        assert self.engine.used() == self.used
        assert self.engine.found() == self.found
        assert self.engine.replied() == self.replied
        return True

    def change(self, **fields: object) -> None:
        """Change what both answer from."""
        for name, value in fields.items():
            setattr(self.reference, name, value)
            setattr(self.own, name, value)
        self.engine.load(self.own)


def both(engine: str, table: Table | None = TABLE, zones: Zones = ZONES, **others: object) -> Both:
    return Both(engine, dataclasses.replace(Serving(zones, table), **others))


def asked(name: str, kind: str = "A", options: bytes | None = None, **others: object) -> bytes:
    edns = {"edns": {"size": 1232, "options": options.hex()}} if options is not None else {}
    return packet_of({"name": name, "type": kind} | edns | others)
