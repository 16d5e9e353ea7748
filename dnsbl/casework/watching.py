"""The verbs of who watches a network of his: show it to be his, begin, read, end; and of whoever tells him.

Each watch has two secrets: its token, which stands in links and shows that somebody may read and end it, and what its
messages to a program are signed with. Whoever begins a watch is told both, once: to show the network again hands over
neither.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from dnsbl.addresses import Network
from dnsbl.casework.base import own_keys, subject_of
from dnsbl.clock import Clock, day_of
from dnsbl.errors import NotFound, Refused
from dnsbl.model import Listing, Watch
from dnsbl.rules import control, watching
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from dnsbl.vocabulary import Door, Reason, Refusal, WatchWay
from tester.letter import Keyring
from tester.records import dataclass

if TYPE_CHECKING:
    from dnsbl.casework.posting import Posting

#: What codes are for.
RECORD, MAILED = "watch", "watch, mailed"
#: Watches that are told in one go, and listings that one message tells of.
AT_ONCE, TOLD_MOST = 50, 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What must be shown so that a watch begins."""

    network: Network
    way: WatchWay
    target: str
    who: str  #: the network that somebody asks from
    name: str  #: of the TXT record
    content: str  #: what it must say


class Watching:
    """Watches. `random` makes their secrets."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keyring: Keyring,
        clock: Clock,
        posting: Posting,
        random: Callable[[int], bytes],
    ) -> None:
        self._store = store
        self._settings = settings
        self._keys = partial(own_keys, keyring, "watch")
        self._clock = clock
        self._posting = posting
        self._random = random

    def offer(self, network: str, way: str, target: str, *, who: str) -> Offer:
        """What must be shown by who asks from the network `who`. Raises Refused."""
        if not self._settings.watch.on:
            raise Refused(Refusal.OFF, "This list offers no watches.")
        asked = watching.network(network, self._settings)
        known, to = watching.target(way, target, self._settings)
        code = self._recorded(asked, known, to, who, self._keys()[-1])
        name = control.record_name(asked)
        return Offer(network=asked, way=known, target=to, who=who, name=name, content=control.MARK + code)

    def mail_code(self, offer: Offer, *, actor: str) -> None:
        """Have a code mailed to whom the registry names for the network, once a day. Raises Refused."""
        now = self._clock.now()
        if not self._posting.on or not self._settings.notices.rdap:
            raise Refused(Refusal.OFF, "This list asks no registry, or sends no mail; publish the TXT record.")
        day = day_of(now)
        facts = {
            "network": str(offer.network),
            "target": f"{offer.way}, {offer.target or 'a feed'}",
            "code": self._mailed(offer, day, self._keys()[-1]),
            "page": f"{self._settings.web.base_url}/watch",
        }
        with self._store.write() as tx:
            occasion = f"code to watch {offer.network}, day {day}"
            address = offer.network.network_address
            if self._posting.to_owner(tx, "watching", address, facts, occasion=occasion, now=now, actor=actor) is None:
                raise Refused(Refusal.TOO_MANY, "A code was mailed today; the next one can be asked for tomorrow.")

    def begin(self, offer: Offer, *, texts: list[str], code: str, door: Door, actor: str) -> Watch:
        """Begin the watch that was shown, by one of these TXT records or by the mailed code.

        Raises Refused: NOT_SHOWN, TOO_MANY, or ALREADY_WATCHED where there is this very watch.
        """
        today = day_of(self._clock.now())
        codes = [self._mailed(offer, day, key) for key in self._keys() for day in control.days(today)]
        if code.strip():
            if not control.same(code, codes):
                raise Refused(Refusal.NOT_SHOWN, "That is not the code that was mailed, or it is too long ago.")
            how = "by the code that was mailed to whom the registry names"
        elif control.recorded(
            texts, [self._recorded(offer.network, offer.way, offer.target, offer.who, key) for key in self._keys()]
        ):
            how = "by a TXT record in its reverse zone"
        else:
            raise Refused(Refusal.NOT_SHOWN, f"There is no such record at {offer.name} yet: {offer.content}")
        made, new = self._begun(offer.network, offer.way, offer.target, how=how, actor=f"{door} {actor}")
        if not new:
            also = " and stands in each of its mails" if offer.way is WatchWay.MAIL else ""
            raise Refused(
                Refusal.ALREADY_WATCHED,
                f"There is this watch of {offer.network} already. Its link was told to whoever began it{also}, and is "
                f"told to nobody else; whoever has lost it can write to {self._settings.service.contact}.",
            )
        return made

    def set_up(self, network: str, way: str, target: str, *, actor: str) -> Watch:
        """Begin a watch by an operator's word, or find the one that there is. Raises Refused."""
        known, to = watching.target(way, target, self._settings)
        asked = watching.network(network, self._settings)
        return self._begun(asked, known, to, how="an operator's word", actor=actor)[0]

    def see(self, token: str) -> tuple[Watch, list[Listing]]:
        """A watch, and what is listed in its network. Raises NotFound."""
        with self._store.read() as tx:
            found = self._found(tx, token)
            return found, tx.listings.within(found.network, most=TOLD_MOST)

    def all(self, *, most: int) -> list[Watch]:
        """Those that there are."""
        with self._store.read() as tx:
            return tx.watches.all(most=most)

    def end(self, token: str, *, actor: str) -> Watch:
        """End a watch. Raises NotFound."""
        now = self._clock.now()
        with self._store.write() as tx:
            found = self._found(tx, token)
            tx.watches.end(found, now)
            self._entered(tx, found, actor, "watched", "not watched", found.how, now)
            return found

    def tell(self) -> int:
        """Queue a message for each watch with new listings in its network; returns how many."""
        with self._store.read() as tx:
            newest = tx.listings.last()
            behind = tx.watches.behind(newest, most=AT_ONCE)
            news = [tx.listings.news(each.network, each.told, upto=newest, most=TOLD_MOST) for each in behind]
        if not behind:
            return 0
        now, count = self._clock.now(), 0
        with self._store.write() as tx:
            tx.watches.tell([each for each, fresh in zip(behind, news, strict=True) if not fresh], newest)
            for watch, fresh in zip(behind, news, strict=True):
                upto = fresh[-1].id if len(fresh) == TOLD_MOST else newest
                if fresh and tx.watches.tell([watch], upto):
                    self._queue(tx, watch, fresh, now)
                    count += 1
        return count

    def secret(self, token: str) -> str:
        """What messages of this watch are signed with, or "" when it has ended."""
        with self._store.read() as tx:
            found = tx.watches.find(token)
            return found.secret if found else ""

    def _queue(self, tx: Transaction, watch: Watch, fresh: list[Listing], now: datetime) -> None:
        site = self._settings.web.base_url
        subject = subject_of(watch.network)
        occasion = f"watch {watch.id}, up to listing {fresh[-1].id}"
        if watch.way is WatchWay.MAIL:
            facts = {
                "network": str(watch.network),
                "count": str(len(fresh)),
                "rows": watching.rows(fresh, site),
                "end": f"{site}/watch/{watch.token}",
            }
            self._posting.queue(
                tx, "watched", watch.target, facts, subject=subject, actor="watch", now=now, occasion=occasion
            )
        else:
            said = watching.body(watch, fresh, self._settings)
            self._posting.to_program(
                tx,
                watch.target,
                said,
                watch=watch.token,
                subject=subject,
                actor="watch",
                now=now,
                occasion=occasion,
            )

    def _begun(self, network: Network, way: WatchWay, target: str, *, how: str, actor: str) -> tuple[Watch, bool]:
        """The watch, and whether it is a new one."""
        now, terms = self._clock.now(), self._settings.watch
        with self._store.write() as tx:
            if known := tx.watches.same(network, way, target):
                return known, False
            if tx.watches.count(network) >= terms.per_network or tx.watches.count() >= terms.altogether:
                raise Refused(Refusal.TOO_MANY, "There are as many watches as may be, of this network or altogether.")
            made = tx.watches.add(
                token=self._word(),
                secret=self._word() + self._word(),
                network=network,
                way=way,
                target=target,
                how=how,
                told=tx.listings.last(),
                at=now,
            )
            self._entered(tx, made, actor, "", f"watched, by {way}", how, now)
            return made, True

    def _entered(
        self, tx: Transaction, watch: Watch, actor: str, before: str, after: str, how: str, now: datetime
    ) -> None:
        tx.journal.append(
            at=now,
            actor=actor,
            subject=subject_of(watch.network),
            verb="watch",
            reason=Reason.SHOWN_CONTROL,
            before=before,
            after=after,
            evidence=f"watch {watch.id}, control shown: {how}",
        )

    def _found(self, tx: Transaction, token: str) -> Watch:
        found = tx.watches.find(token)
        if found is None:
            raise NotFound("There is no such watch, or it has ended.")
        return found

    def _recorded(self, network: Network, way: WatchWay, target: str, who: str, key: bytes) -> str:
        return control.code(key, RECORD, network, f"{way} {target}\0{who}")

    def _mailed(self, offer: Offer, day: int, key: bytes) -> str:
        return control.code(key, MAILED, offer.network, f"{offer.way} {offer.target} {day}")

    def _word(self) -> str:
        return base64.b32encode(self._random(16)).decode("ascii").rstrip("=").lower()
