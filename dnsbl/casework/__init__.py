"""The verbs of the list, one transaction each. Synchronous and short; async shells call them in a thread.

Knows the rules and the store; holds no SQL, no socket, and asks its clock for the time. Every verb that changes
something leaves a journal entry in the same transaction. Law 2: letters are filed before anybody dials.

    doors      nominate  order_test  ask_removal  exclude  stop  resume  list_networks  drop_networks
    bench      take_job  may_dial  opted_out  stopped  renew_lease  file_letters  file_session  file_run  give_back
               proven                                                                    (the worker)
    mailroom   file_return  file_probe                                                   (the collector)
    upkeep     settle  expire                                                            (the scheduler)
    views      look_up  run_report  inbox  message  journal  verify_journal  snapshot  last_change  changes
    judging    what a verdict does to the list;  keys  the keyring's file;  base  what all stand on
"""

from dnsbl.casework.bench import Assignment, Bench
from dnsbl.casework.doors import Doors
from dnsbl.casework.keys import keyring_at
from dnsbl.casework.mailroom import Mailroom
from dnsbl.casework.upkeep import Upkeep
from dnsbl.casework.views import Views

__all__ = ["Assignment", "Casework", "keyring_at"]


class Casework(Doors, Bench, Mailroom, Upkeep, Views):
    """The one door to the facts. Every verb raises StoreUnavailable when the database does not answer."""
