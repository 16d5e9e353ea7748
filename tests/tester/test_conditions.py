"""Every condition that a test may meet has a code, and every code a test that produces it, named here.

A place is a conversation of tests/dialogs ("chat: name"), which must show the code in its outcomes or flags, or a test
("file::name", from the folder of all tests), whose text must name the code. A code without a place fails, and so does
a place that is gone or no longer speaks of its code.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from player import DIALOGS, Chat

from tester.smtp import Control, Flag, Outcome
from tester.verdict import Finding, Verdict
from tests.rows import rows
from tests.statements import parsed

TESTS = Path(__file__).parent.parent
CALLER, SMTP, VERDICT = "tester/test_caller.py", "tester/test_smtp.py", "tester/test_verdict.py"
WEIGHED = f"{VERDICT}::test_anything_less_does_not_count"
RETURNED = f"{VERDICT}::test_a_letter_that_came_back_convicts"
JUDGED = f"{VERDICT}::CASES"
READ = "tester/bounces/test_reading.py::KINDS"
FOLLOWED = "dnsbl/daemons/test_followed_up.py"
AGAIN = f"{FOLLOWED}::test_a_server_that_puts_us_off_is_tried_again_on_its_schedule_and_then_judged"
LINES = f"{SMTP}::test_oddities_are_kept_and_flagged"

PLACES: dict[str, tuple[str, ...]] = {
    # before the greeting
    "CONN_REFUSED": ("chat: refused", f"{CALLER}::test_a_closed_port_is_refused"),
    "CONN_TIMEOUT": (
        f"{CALLER}::test_a_silent_host_is_a_timeout",
        f"{FOLLOWED}::test_an_address_that_does_not_answer_is_tried_after_an_hour_and_a_day",
    ),
    "CONN_UNREACH": (f"{CALLER}::test_what_the_kernel_says_is_named",),
    "BANNER_TIMEOUT": (
        "chat: banner-timeout",
        "tester/test_dialogue.py::test_the_second_greeting_is_waited_for_longer_and_there_is_no_third",
    ),
    "BANNER_4XX": ("chat: banner-4xx", "chat: banner-421", AGAIN),
    "BANNER_5XX": ("chat: banner-5xx",),
    "BANNER_EOF": ("chat: banner-eof",),
    "BANNER_GARBAGE": ("chat: banner-garbage",),
    "BANNER_OVERSIZE": ("chat: banner-endless",),
    # greeting each other
    "HELO_FALLBACK": ("chat: helo-fallback", "chat: ehlo-closes", "chat: ehlo-refused-closes"),
    "HELO_5XX": ("chat: helo-5xx",),
    "HELO_4XX": ("chat: helo-4xx", AGAIN),
    "TLS_NEEDED": ("chat: tls-needed",),
    "TLS_USED": (
        "chat: tls-needed",
        "chat: tls-offered",
        f"{CALLER}::test_a_confirmation_takes_tls_where_it_is_offered",
    ),
    "TLS_FAIL": ("chat: tls-fails",),
    "TLS_INJECT": ("chat: tls-inject", "chat: tls-offered-inject"),
    # one attempt
    "MAIL_5XX": ("chat: control-mail-refused",),
    "MAIL_4XX": ("chat: mail-4xx", AGAIN),
    "RCPT_5XX": ("chat: closed",),
    "RCPT_AUTH": ("chat: rcpt-auth",),
    "RCPT_4XX": ("chat: greylist", AGAIN),
    "DEFERRED_FOREVER": (JUDGED,),
    "RCPT_DENIED_SOFT": ("chat: denied-soft", AGAIN),
    "RCPT_ODD": ("chat: rcpt-odd",),
    "DATA_CMD_4XX": ("chat: data-refused",),
    "DATA_CMD_5XX": ("chat: data-refused",),
    "DATA_END_5XX": ("chat: data-refused",),
    "DATA_END_4XX": ("chat: data-refused", AGAIN),
    "ACCEPTED": ("chat: open",),
    "MAYBE_ACCEPTED": (
        "chat: dot-eof",
        f"{CALLER}::test_a_call_that_is_cancelled_lets_go_at_once_and_files_what_was_said",
    ),
    "QUIT_ERR": ("chat: quit-dropped", "chat: quit-refused"),
    "EARLY_421": ("chat: early-421", f"{FOLLOWED}::test_what_a_busy_server_kept_from_us_is_tried_the_next_day"),
    "UNTRIED": ("chat: early-421", "chat: connections-capped"),
    "SKIPPED": (
        "chat: skipped",
        "dnsbl/daemons/test_worker.py::test_what_harms_a_software_or_is_switched_off_is_left_out_and_said_so",
    ),
    # what no server should do
    "TARPIT": ("chat: tarpit", "chat: banner-timeout"),
    "PROTOCOL": ("chat: mixed-codes", "chat: rcpt-3xx"),
    "NUL": ("chat: dirty-text",),
    "EIGHTBIT": ("chat: dirty-text",),
    "CTRL": ("chat: dirty-text",),
    "BARE_LF": (LINES,),
    "LONG_REPLY": (LINES,),
    "OVERSIZE": (f"{SMTP}::test_too_much_is_oversize",),
    "UNSOLICITED": ("chat: desync", f"{CALLER}::test_a_surplus_reply_never_answers_the_next_command"),
    "TIMEOUT": ("chat: helo-timeout",),
    "DISCONNECTED": ("chat: helo-closes-too",),
    # what the answers mean
    "REFUSES_TESTER": ("chat: control-refused", JUDGED),
    "TESTER_SPECIFIC": (
        f"{FOLLOWED}::test_a_server_that_spam_was_seen_from_and_that_refuses_us_is_seen_from_our_second_address",
    ),
    "NO_POSTMASTER": (f"{VERDICT}::test_a_postmaster_that_takes_no_mail_is_flagged",),
    "ACCEPT_ALL": ("chat: accept-all",),
    # at the collector
    "CALLBACK_SEEN": (
        f"{FOLLOWED}::test_a_callback_is_kept_and_proves_nothing",
        "dnsbl/daemons/test_mailroom.py::test_a_callback_is_on_file_when_the_peer_has_gone",
    ),
    "DELIVERED_SAME": (RETURNED,),
    "DELIVERED_OTHER": (RETURNED,),
    "DELIVERED_SAME_LATE": (RETURNED,),
    "DELIVERED_OTHER_LATE": (RETURNED,),
    "TOKEN_SEEN": (WEIGHED, f"{FOLLOWED}::test_a_callback_is_kept_and_proves_nothing"),
    "BOUNCED": (READ, f"{FOLLOWED}::test_a_copy_of_our_letter_in_a_bounce_is_no_delivery"),
    "BOUNCED_BY_US": (
        READ,
        f"{FOLLOWED}::test_a_bounce_that_our_own_collector_has_caused_clears_nobody",
        "dnsbl/casework/test_arrivals.py::test_a_run_that_our_own_fault_spoilt_is_repeated_by_itself_and_only_once",
    ),
    "DSN_DELAYED": (READ, JUDGED),
    "HELD": (READ, JUDGED),
    "AUTOMATIC": (READ,),
    "RECEIPT": (READ,),
    "COMPLAINT": (READ,),
    "UNPROVEN": (READ,),
    "HUMAN": (READ, f"{FOLLOWED}::test_what_people_write_is_kept_for_the_operators"),
    "REPEATED": (WEIGHED,),
    "FORGED": (WEIGHED,),
    "LOST": (JUDGED,),
    # what a relay does to bytes by themselves
    "passes-bare-lf": ("tester/test_canary.py::test_the_flags_are_called_as_people_know_them",),
    "passes-bare-cr": ("tester/test_canary.py::test_the_flags_are_called_as_people_know_them",),
    # verdicts
    "OPEN": (JUDGED,),
    "OPEN_MULTIHOP": (JUDGED,),
    "ACCEPTS_BOUNCES": (JUDGED,),
    "ACCEPTS_LOSES": (JUDGED,),
    "CLOSED": (JUDGED,),
    "UNREACHABLE": (JUDGED, f"{FOLLOWED}::test_an_address_that_does_not_answer_is_tried_after_an_hour_and_a_day"),
    "INCONCLUSIVE": (JUDGED,),
}


def test_every_code_has_its_place() -> None:
    codes = {code.value for kind in (Outcome, Flag, Finding, Verdict) for code in kind}
    assert set(PLACES) == codes
    assert [code for code, places in PLACES.items() if not places] == []


@cache
def read(file: str) -> tuple[str, list[ast.stmt]]:
    text = (TESTS / file).read_text(encoding="utf-8")
    return text, parsed(text).body


def spoken(place: str) -> str:
    """What stands at a place; fails when there is no such place."""
    if place.startswith("chat: "):
        header = Chat.read(DIALOGS / f"{place.removeprefix('chat: ')}.chat").header
        control = "REFUSES_TESTER" if header.get("control") == Control.REFUSED else ""
        outcomes = " ".join(pair.partition("=")[2] for pair in header["outcomes"].split())
        return f"{outcomes} {header.get('flags', '')} {control}"
    file, _, name = place.partition("::")
    text, body = read(file)
    for node in body:
        names = [getattr(node, "name", "")]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        if name in names:
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            return " ".join(text.splitlines()[first - 1 : node.end_lineno]).replace('"', " ").replace(".", " ")
    raise AssertionError(f"{place} is gone")


@rows(("code", "place"), [(code, place) for code, places in PLACES.items() for place in places])
def test_each_place_speaks_of_its_code(code: str, place: str) -> None:
    words = spoken(place).replace(",", " ").replace(")", " ").replace("(", " ").replace("]", " ").replace("}", " ")
    assert code in words.split(), f"{place} does not show {code}"
