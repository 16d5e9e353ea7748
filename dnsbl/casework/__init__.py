"""The verbs of the list, one transaction each, by those who may use them. Synchronous and short; async shells call them
in a thread.

Knows the rules and the store; holds no SQL, no socket, and asks its clock for the time. Every verb that changes
something leaves a journal entry in the same transaction. Law 2: letters are filed before anybody dials.

    doors        strangers: reporter_of  nominate  nominate_each  foresee_each  ask_removal  no_more_mail
    operators    who runs the list: order_test  exclude  exclusions  end_exclusion  leave_out  leave_in  exceptions
                 stop  resume  list_networks
                 drop_networks  journal  journal_within  verify_journal  message  trust_clock
                 announce_end
    purging      operators, of a bad source: purge  end  suspensions
    withdrawing  reporters, and operators, of a nomination that was a mistake: withdraw
    reviewing    operators, of their own listings: due  keep  proposals  confirm  withdraw
    restoring    operators, of copies: backup  restore
    shipping     the scheduler, and operators, of the event log: ship  ship_to  reached
    assignments  the worker: take_job  may_dial  dial  is_counted  forgo  heeded  opted_out  renew_lease
                 file_letters  file_session  file_run  give_back  proven  file_pair  may_test  under_test  letters
    reporters    who runs the list, about who reports under a name: add  find  all  key  revoke  suspend  resume  tier
    accounts     who runs the list, about who may sign in: any  all  find  add  disable  enable  role  password  remove
                 vacant  offer  enrol  end_codes
    entrance     who signs in: sign_in  who  places  check  sign_out  sign_out_everywhere
    oversight    who runs the list, and only looks: summary  nominations  nomination  listings  entries
    correspondence  who runs the list, about what people have written: on  page  read  answer
    self_tests   who has his own address tested: token  ask  see
    remote       who sends our letters from where he stands: ask  see
    feeding      the scheduler, and who runs the list, about lists of others: claim  file_feed  file_failure  pace
                 states  bring  waiting  drop  suspects
    lookups      the scheduler, and who looks, about questions to a watched zone: file  standing
    mail_door    the collector, about mail that is no letter of ours: take  spring
    arrivals     the collector: doubt  file_return  file_request  file_probe
    ownership    who shows that an address is his: record  mail_code  show  shown_by_record  shown_by_code
    watching     who watches a network of his, and who tells him: offer  mail_code  begin  set_up  see  all  end  tell
                 secret
    upkeep       the scheduler, and operators in its place: settle  expire  expire_all  withheld
                 follow_outputs  forget
    forgetting   the scheduler, and operators in its place, of what is old: step  forget  foresee  slices
    presence     every process that is at work: beat  leave  reckon  ails
    views        whoever looks: look_up  listed_among  listed_in  run_report  pulse  lingers  usage  backlog  stopped
                 standstill  corrections  at_work  unmanned  headway  nominated_by
    briefing     whoever has a list of addresses: each
    dispatch     who sends our mail, and operators: take  sent  refused  put_off  give_back  forget  try_out  postage
                 newest  silence  listen_again  known_contact  address
    contents     who answers: snapshot  advance  last_change  changes  epoch  pairs
    counting     the scheduler, and whoever looks, what has happened by day: count  file_answers  see
    proving      the scheduler, whoever looks, and operators, the transparency log: on  keep  grow  sign  newest
                 reached  so_far  verifiers  content  place  proof  proofs  consistency  cosigned  sealing  rotate
                 renew
    proofs       whoever looks, what the log has of a listing, opened: on  of

    replaying  what the event log tells of all but listings, after a copy has come back
    lending  what letters in others' hands come to
    judging  what a run has come to;  deciding  what that does to the list;  twins  and to the host's other addresses;
             outputs  and to those that letters came out of
    queueing  which tests are to be made;  base  what several ask;  standstill  why nobody is dialled now
    bulk     many listings by an operator's word, in slices
    posting  which mail is to be sent
    scoring  what tests show of who nominated;  admission  whether a stranger's nomination is taken now
    allowance  what strangers may have us send in an hour
    credentials  passwords and one-time codes, held against what is kept of them
    ring     a node's keys, held against the store: ready  follow  may_be_ours; operators: rotate  replace  shown
    keyring  the keyring's file;  logkeys  that of the log's keys;  sealing  a key as it goes through the store
    countries  the file that says where networks are

Each of them is read when somebody reaches for it (see `parts`).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from dnsbl.casework.base import Clears, at_once
from dnsbl.clock import Clock, SystemClock
from dnsbl.parts import part
from dnsbl.settings import Settings
from dnsbl.store import Store, Transaction
from tester.letter import Keyring

if TYPE_CHECKING:
    from dnsbl.casework.accounts import Accounts
    from dnsbl.casework.arrivals import Arrivals
    from dnsbl.casework.assignments import Assignments
    from dnsbl.casework.briefing import Briefing
    from dnsbl.casework.contents import Contents
    from dnsbl.casework.correspondence import Correspondence
    from dnsbl.casework.counting import Counting
    from dnsbl.casework.countries import CountryFile
    from dnsbl.casework.dispatch import Dispatch
    from dnsbl.casework.doors import Doors
    from dnsbl.casework.entrance import Entrance
    from dnsbl.casework.feeding import Feeding
    from dnsbl.casework.forgetting import Forgetting
    from dnsbl.casework.judging import Judging
    from dnsbl.casework.lookups import LookupDoor
    from dnsbl.casework.mail_door import MailDoor
    from dnsbl.casework.operators import Operators
    from dnsbl.casework.oversight import Oversight
    from dnsbl.casework.ownership import Ownership
    from dnsbl.casework.posting import Posting
    from dnsbl.casework.presence import Presence
    from dnsbl.casework.proofs import Proofs
    from dnsbl.casework.proving import Proving
    from dnsbl.casework.purging import Purging
    from dnsbl.casework.queueing import Queueing
    from dnsbl.casework.remote import RemoteTests
    from dnsbl.casework.reporters import Reporters
    from dnsbl.casework.restoring import Restoring
    from dnsbl.casework.reviewing import Reviewing
    from dnsbl.casework.self_tests import SelfTests
    from dnsbl.casework.shipping import Shipping
    from dnsbl.casework.upkeep import Upkeep
    from dnsbl.casework.views import Views
    from dnsbl.casework.watching import Watching
    from dnsbl.casework.withdrawing import Withdrawing


class Casework:
    """All verbs of one list; whoever wires a program hands each part of it those that it may use, and no others. Every
    verb raises StoreUnavailable when the database does not answer."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        keyring: Keyring,
        *,
        clock: Clock = SystemClock(),  # noqa: B008 (stateless)
        random: Callable[[int], bytes] = secrets.token_bytes,
        clears: Clears = at_once,
    ) -> None:
        """The verbs over this store. `random` makes the ids of runs, the names of mails, and the surprise in surprise
        retests; `clears` says how long caches may keep an answer about listings that have ended."""
        self._store, self._settings, self._keyring = store, settings, keyring
        self._clock, self._random, self._clears = clock, random, clears

    def void(self, tx: Transaction, now: datetime, reason: str) -> int:
        """End all tests that are under way, in this transaction: the keys of their letters are lost. How many."""
        return self._judging.void_all(tx, now, reason)

    @part
    def doors(self, made: type[Doors]) -> Doors:
        return made(self._store, self._settings, self._clock, self._queueing, self._posting, self._clears)

    @part
    def self_tests(self, made: type[SelfTests]) -> SelfTests:
        return made(self._store, self._settings, self._keyring, self._clock, self._queueing)

    @part
    def remote(self, made: type[RemoteTests]) -> RemoteTests:
        return made(self._store, self._settings, self._keyring, self._clock, self._queueing, self._random)

    @part
    def operators(self, made: type[Operators]) -> Operators:
        return made(self._store, self._settings, self._clock, self._queueing, self._judging, self._clears)

    @part
    def assignments(self, made: type[Assignments]) -> Assignments:
        return made(self._store, self._settings, self._clock, self._judging, self._random)

    @part
    def arrivals(self, made: type[Arrivals]) -> Arrivals:
        return made(
            self._store,
            self._settings,
            self._keyring,
            self._clock,
            self._judging,
            self._posting,
            self.doors.ask_removal,
        )

    @part
    def purging(self, made: type[Purging]) -> Purging:
        return made(self._store, self._clock, self._judging)

    @part
    def withdrawing(self, made: type[Withdrawing]) -> Withdrawing:
        return made(self._store, self._settings.policy, self._clock, self._queueing, self._judging)

    @part
    def restoring(self, made: type[Restoring]) -> Restoring:
        return made(self._store, self._settings, self._clock, self._queueing, self._judging)

    @part
    def reviewing(self, made: type[Reviewing]) -> Reviewing:
        return made(self._store, self._settings.policy, self._clock, self._judging)

    @part
    def shipping(self, made: type[Shipping]) -> Shipping:
        return made(self._store, self._settings.service.event_log)

    @part
    def upkeep(self, made: type[Upkeep]) -> Upkeep:
        return made(self._store, self._settings.policy, self._clock, self._queueing, self._judging, self._clears)

    @part
    def forgetting(self, made: type[Forgetting]) -> Forgetting:
        return made(
            self._store, self._settings, self._clock, lambda: _least(self.shipping.reached(), self.proving.reached())
        )

    @part
    def ownership(self, made: type[Ownership]) -> Ownership:
        return made(self._store, self._settings, self._keyring, self._clock, self._posting)

    @part
    def watching(self, made: type[Watching]) -> Watching:
        return made(self._store, self._settings, self._keyring, self._clock, self._posting, self._random)

    @part
    def dispatch(self, made: type[Dispatch]) -> Dispatch:
        return made(self._store, self._settings, self._clock, self._posting)

    @part
    def presence(self, made: type[Presence]) -> Presence:
        return made(self._store, self._clock)

    @part
    def reporters(self, made: type[Reporters]) -> Reporters:
        return made(self._store, self._clock, self._random)

    @part
    def accounts(self, made: type[Accounts]) -> Accounts:
        return made(self._store, self._clock, self._random, self._settings.service.name)

    @part
    def entrance(self, made: type[Entrance]) -> Entrance:
        return made(self._store, self._settings, self._clock, self._random)

    @part
    def oversight(self, made: type[Oversight]) -> Oversight:
        return made(self._store, self._settings, self._clock, self.upkeep, self.dispatch, self.presence, self.lookups)

    @part
    def correspondence(self, made: type[Correspondence]) -> Correspondence:
        return made(self._store, self._clock, self._posting)

    @part
    def feeding(self, made: type[Feeding]) -> Feeding:
        return made(self._store, self._settings, self._clock, self.doors.nominate)

    @part
    def lookups(self, made: type[LookupDoor]) -> LookupDoor:
        return made(self._store, self._settings, self._clock, self.feeding)

    @part
    def mail_door(self, made: type[MailDoor]) -> MailDoor:
        return made(self._store, self._settings, self._clock, self.doors, self._posting)

    @part
    def views(self, made: type[Views]) -> Views:
        return made(self._store, self._settings, self._clock, self._clears)

    @part
    def briefing(self, made: type[Briefing]) -> Briefing:
        return made(self._store)

    @part
    def contents(self, made: type[Contents]) -> Contents:
        return made(self._store, self._clock)

    @part
    def counting(self, made: type[Counting]) -> Counting:
        return made(self._store, self._clock, self._countries.now)

    @part
    def proving(self, made: type[Proving]) -> Proving:
        return made(self._store, self._settings, self._clock, self._random)

    @part
    def proofs(self, made: type[Proofs]) -> Proofs:
        return made(self._store, self.proving)

    @part
    def _queueing(self, made: type[Queueing]) -> Queueing:
        return made(self._settings.tester.port, self._random)

    @part
    def _posting(self, made: type[Posting]) -> Posting:
        return made(self._settings, self._random)

    @part
    def _judging(self, made: type[Judging]) -> Judging:
        return made(self._settings, self._queueing, self._random, self._clears)

    @part
    def _countries(self, made: type[CountryFile]) -> CountryFile:
        return made(self._settings.statistics.countries)


def _least(*numbers: int | None) -> int | None:
    """The smallest of those that there are."""
    return min((number for number in numbers if number is not None), default=None)
