"""What an answer to our letter is: a bounce, a delay, a hold, a machine's note, a complaint, or a person's mail.

Pure. Reads a message that came to a letter's sender address, and says what it shows of that one letter; never raises,
and works within bounds whatever it is. Judges no run: `verdict` does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from tester import refusals
from tester.bounces import forms, own, words
from tester.bounces.ours import Ours, quoted, quoted_as_reply
from tester.bounces.own import Own
from tester.bounces.status import StatusReport, of
from tester.mime import FEEDBACK, RECEIPT, STATUS, Part
from tester.refusals import Meant
from tester.verdict import Finding, Weighed


def read(header: Mapping[str, bytes], parts: Iterable[Part], *, recipient: str, null_sender: bool, us: Ours) -> Weighed:
    """What a message to the sender address of a letter shows of the letter.

    `header` are the fields of the message, `parts` its MIME tree, `recipient` the letter's recipient token in lower
    case, `null_sender` whether the message's reverse path was empty, `us` what is ours.

    Why so much is asked of a bounce. It is what a relay's owner needs to leave the list, so it must be shown: the run
    of a letter about which nothing is shown waits, and a wait harms nobody. In this order, the first that speaks:

    1. What a message says that it is counts: a feedback report (RFC 5965, X-ARF) and a disposition notification
       (RFC 8098) are no bounces, whatever else they hold.
    2. A delivery status report (RFC 3464, RFC 6533) that says of our recipient "Action: failed" with a permanent
       status is a bounce, and nothing but its diagnosis can speak against it: Exchange, Postfix and Exim mark theirs
       "Auto-Submitted: auto-replied", as a vacation note does, but no vacation note bears such a part. Any other
       action, a temporary status, a status of the network (RFC 3463 3.5), or a diagnosis that tells of days of trying
       shows the contrary: the server wants to pass the letter on.
    3. What quotes a refusal of our own collector, or names it as the host that failed, was relayed to us. The fault
       is ours, and this comes before all that says "bounced".
    4. A person's mail is a person's: whatever it says of bounces, no machine has said it.
    5. Held, an automatic answer, delayed: by the fields and words that list managers, gateways, autoresponders and mail
       servers use. They come before bounces since many of them say "not delivered" too. What a reader is advised to do
       ("check the address and try again") is not what the server does.
    6. A bounce in words: from the null sender (RFC 5321 4.5.5), or in the form of a well-known program; not marked as
       an answer (RFC 3834) unless in such a form; naming our recipient above the copy of the letter; saying that it
       is the end, by the form, by words or by a permanent reply. A server that tried to connect and gave up has not
       refused, nor has one that stumbled over a long line, whose filter disliked the letter's text, whom the next
       server would not hear, or who may send no more. This holds of a status report's diagnosis, too.
    7. The reason that is given must be a no: out of memory, a broken queue, what nobody has ever read are none.
    8. Everything else from a machine shows nothing.
    """
    parts = tuple(parts)
    own_parts = [part for part in parts if not part.copied]
    if is_complaint(header, own_parts):
        return _say(Finding.COMPLAINT, "Somebody reports our letter as abuse.")
    if any(part.kind in RECEIPT or part.report == "disposition-notification" for part in own_parts):
        return _say(Finding.RECEIPT, "A mailbox says what became of the letter there; that is no bounce.")
    pieces = (*header.values(), *(part.content if part.leaf else part.content[:_HEAD] for part in parts))
    statuses = [part.content for part in own_parts if part.kind in STATUS]
    about_ours, others = of(recipient, statuses)
    said = own.read(header.get("subject", b""), own_parts)
    if about_ours:
        return _by_status(about_ours, said, pieces, us)
    return _by_words(header, said, pieces, others, recipient=recipient, null_sender=null_sender, us=us)


def _by_status(reports: Collection[StatusReport], said: Own, pieces: Iterable[bytes], us: Ours) -> Weighed:
    """A delivery status report about our recipient."""
    if any(report.action in ("delayed", "relayed", "delivered", "expanded") for report in reports):
        return _say(Finding.DSN_DELAYED, "The report says that the letter is on its way.")
    failed = [report for report in reports if report.action == "failed"]
    if failed and (_is_ours(failed, said, us) or quoted(pieces)):
        return _say(
            Finding.BOUNCED_BY_US, "The report names our own collector as the one that did not take the letter."
        )
    if len(failed) < len(reports):
        return _say(Finding.UNPROVEN, "The report does not say what became of the letter.")
    if not all(report.final for report in reports) or _gave_up(reports, said):
        return _say(
            Finding.DSN_DELAYED, "The report tells of attempts that failed for the time being, not of a refusal."
        )
    if any(_stumbled(report, said) for report in reports):
        return _say(Finding.UNPROVEN, "The report tells of a fault in the letter's form, not of a refusal to relay.")
    diagnoses = " ".join(report.words for report in reports)
    if _another_step(f"{said.text} {diagnoses}") or any(
        _beside_relaying(_diagnosed(report, said), replies=filter(None, [report.reply])) for report in reports
    ):
        return _say(Finding.UNPROVEN, _BESIDE)
    if not all(_is_refusal(f"{report.words} {report.status}") for report in reports):
        return _say(Finding.UNPROVEN, _FAULT)
    return _say(Finding.BOUNCED, "A delivery status report says that the letter has failed for good.")


def _by_words(
    header: Mapping[str, bytes],
    said: Own,
    pieces: Iterable[bytes],
    others: Collection[StatusReport],
    *,
    recipient: str,
    null_sender: bool,
    us: Ours,
) -> Weighed:
    """A message without a delivery status about our recipient."""
    text = f"{said.subject}\n{said.text}"
    told = words.ADVICE.sub(_unless_asked_for, text)
    failed = bool(words.FAILED.search(text)) or any(report.action == "failed" for report in others)
    # "will not be retried" speaks of trying too
    delayed = bool(words.DELAYED.search(words.ENDED.sub(" ", told))) or any(
        report.action == "delayed" for report in others
    )
    sender = b" ".join(header.get("from", b"").split())
    form = next((form for form in forms.FORMS if form.sign.search(said.text)), None)
    daemon = bool(_DAEMON.search(sender) or (form is not None and _POSTMASTER.search(sender)))
    automatic = _is_automatic(header)
    if not (null_sender or daemon or others or automatic or (failed and quoted_as_reply(pieces))):
        return _say(Finding.HUMAN, "Somebody wrote to the sender address.")
    held = any(name in header for name in _HOLDS) or bool(words.HELD.search(told))
    away = bool(words.AWAY.search(said.subject)) or any(name in header for name in _RESPONDERS)
    blamed = (failed and not delayed) or not (held or away or delayed)
    if blamed and (quoted(pieces) or _is_ours(others, said, us)):
        return _say(Finding.BOUNCED_BY_US, "It quotes our own collector, which did not take the letter.")
    if held:
        return _say(Finding.HELD, "The letter is held until somebody agrees to let it pass.")
    if away or (words.AWAY.search(said.text) and not daemon):
        return _say(Finding.AUTOMATIC, "An automatic answer, which says nothing of the letter.")
    if delayed:
        return _say(Finding.DSN_DELAYED, "It says that the letter is delayed.")
    if not failed and words.ABUSE.search(text):
        return _say(Finding.COMPLAINT, "Somebody reports our letter as abuse.")
    if others and not failed:
        return _say(Finding.UNPROVEN, "A report that does not name our recipient.")
    answered = header.get("auto-submitted", b"").lower().startswith(b"auto-replied")
    if form is None and (not failed or (answered and not daemon)):
        if automatic:
            return _say(Finding.AUTOMATIC, "An automatic answer, which says nothing of the letter.")
        return _say(Finding.UNPROVEN, "A machine's message that does not say what became of the letter.")
    named = said.names(recipient) or recipient in header.get("x-failed-recipients", b"").decode("latin-1").lower()
    if not named:
        return _say(Finding.UNPROVEN, "It speaks of a failure, and does not name our recipient.")
    served = daemon or _POSTMASTER.search(sender)
    signed = not sender or _SERVER.search(sender.partition(b"@")[0])
    if form is None and (answered or not (null_sender and signed) or (_to_many(header) and not served)):
        return _say(Finding.UNPROVEN, "It speaks of a failure, but not as a mail server would.")
    if _tried(said.text) or forms.TEMPORARY_CODE.search(said.text):
        return _say(Finding.DSN_DELAYED, "It tells of attempts that failed, not of a refusal.")
    if forms.STUMBLED.search(said.text):
        return _say(Finding.UNPROVEN, "It tells of a fault in the letter's form, not of a refusal to relay.")
    reasons = forms.REPLY.findall(said.text)
    if not reasons and form is not None and form.behind:
        reasons = _behind(recipient, said.text)
    if _another_step(said.text) or _beside_relaying(said.text, replies=reasons):
        return _say(Finding.UNPROVEN, _BESIDE)
    if reasons and not any(_is_refusal(reason) for reason in reasons):
        return _say(Finding.UNPROVEN, _FAULT)
    ends = any(end.search(text) for end in (words.ENDED, words.REFUSED, forms.DENIED, forms.PERMANENT_CODE))
    if ends or (form is not None and form.ends):
        return _say(
            Finding.BOUNCED,
            f"A bounce {f'as {form.name} writes it' if form else 'in words'} says that the letter has failed for good.",
        )
    return _say(Finding.UNPROVEN, "It speaks of a failure, and does not say that it is the end.")


def is_complaint(header: Mapping[str, bytes], parts: Iterable[Part]) -> bool:
    """Whether a message is a feedback report, by its part, by what it says that it is, or by the field of X-ARF."""
    return (
        "x-xarf" in header
        or "x-arf" in header
        or any(not part.copied and (part.kind in FEEDBACK or part.report == "feedback-report") for part in parts)
    )


def _is_ours(reports: Iterable[StatusReport], said: Own, us: Ours) -> bool:
    """Whether our own collector is named as the host that did not take the letter."""
    reports = tuple(reports)
    return (
        any(host in us.names for report in reports for host in _hosts(report.remote_mta))
        or us.marked(said.text)
        or any(us.marked(report.words) for report in reports)
    )


def _gave_up(reports: Iterable[StatusReport], said: Own) -> bool:
    """Whether a failure came after vain attempts to deliver: by its diagnosis, or by the text beside a status that
    names no reason."""
    diagnoses = [report.words for report in reports]
    if any(forms.DENIED.search(each) for each in diagnoses):
        return False
    vague = any(report.status in _VAGUE for report in reports)
    return (vague and _tried(said.text)) or any(_tried(each) or forms.TEMPORARY_CODE.search(each) for each in diagnoses)


def _beside_relaying(text: str, *, replies: Iterable[str]) -> bool:
    """Whether a failure was about the letter's text, or about who sent it or passed it on, and not about relaying: by
    words, or as refusals are read where replies themselves are quoted."""
    if forms.DENIED.search(text):
        return False
    found = any(said.search(text) for said in (forms.BLOCKED, forms.SPENT, forms.FILTERED))
    return found or any(refusals.read(reply).meant is Meant.TESTER for reply in replies)


def _behind(recipient: str, text: str) -> list[str]:
    """What stands behind the first mention of the recipient, as a reply; nothing where there is no mention in one piece
    or nothing behind it."""
    said = text.partition(recipient)[2].partition(" ---")[0][:_REASON].partition(" ")[2].strip()
    return [f"550 {said}"] if said else []


def _is_refusal(reason: str) -> bool:
    """Whether what is given as the reason of a failure is a no, and not a fault of whoever tried: it speaks of relaying
    or of who receives, in the words of refusals, or says no, or nothing but that it failed. What tells of the server of
    who receives, and of no denial, is a fault there: a refusal is its own."""
    said = _CODE_AND_NAMES.sub(" ", reason.lower())
    if _ADDRESSED_CODE.search(reason) or not re.search(r"[^\W\d_]{2}", said):
        return True
    if forms.ELSEWHERE.search(forms.HERE.sub(" ", said)) and not (forms.DENIED.search(said) or forms.NO.search(said)):
        return False
    return refusals.denies(said) or any(no.search(said) for no in (words.REFUSED, words.FAILED, forms.NO))


def _another_step(text: str) -> bool:
    """Whether the next server refused something else than the recipient: its text, which it had asked for, or whoever
    came with it before that. A reply to the text may speak of the recipient all the same, as where it is put off."""
    refused = {(step.lastgroup or "").rstrip("_") for step in forms.STEP.finditer(text)}
    if not refused or "recipient" in refused or forms.DENIED.search(text):
        return False
    late = any(refusals.read(reply).meant is Meant.RELAYING for reply in forms.REPLY.findall(text))
    return "sender" in refused or not late


def _unless_asked_for(advice: re.Match[str]) -> str:
    """Nothing in the place of advice; what asks for more than to look at an address, or to read on, stays."""
    return advice[0] if not advice["more"] and words.ASKED_FOR.search(advice[0]) else " "


def _tried(text: str) -> bool:
    """Whether a text in lower case tells of vain attempts to deliver."""
    return bool(forms.GAVE_UP.search(text) or words.SPAN.search(text))


def _stumbled(report: StatusReport, said: Own) -> bool:
    """Whether the form of the letter or of the conversation was at fault, by the status (RFC 3463 3.6, 3.7) and words:
    some servers write 5.5.0 and 5.6.0 for whatever they do not like."""
    if not (report.status in (*_VAGUE, "5.3.4", "5.3.5") or report.status.startswith(("5.5.", "5.6."))):
        return False
    return bool(forms.STUMBLED.search(report.words or said.text))


def _diagnosed(report: StatusReport, said: Own) -> str:
    """What a report says of the reason, in lower case: its diagnosis, else the text beside a status that names none."""
    return report.words or (said.text if report.status in _VAGUE else "")


def _hosts(remote_mta: str) -> Collection[str]:
    """The name in a Remote-MTA field, and the address that some write behind it: Courier, and those after Sendmail."""
    name = re.split(r"[\s(<,]", remote_mta.lower(), maxsplit=1)[0]
    bare = _PORT.sub("", name.partition("[")[0] or name).rstrip(".")
    return (bare, *_LITERALS.findall(remote_mta))


def _is_automatic(header: Mapping[str, bytes]) -> bool:
    """Whether the message says that no person wrote it."""
    submitted = header.get("auto-submitted", b"no").lower()
    precedence = header.get("precedence", b"").strip().lower()
    return (
        not submitted.startswith(b"no")
        or precedence in (b"bulk", b"junk", b"list", b"auto_reply", b"auto-reply")
        or any(name in header for name in _MACHINES)
        or any(name in header for name in _RESPONDERS)
        or any(name in header for name in _HOLDS)
    )


def _to_many(header: Mapping[str, bytes]) -> bool:
    """Whether a machine sent it that writes to many: a list, a responder. No mail server marks its bounces so."""
    return "precedence" in header or any(name in header for name in ("list-id", "x-mailing-list", *_RESPONDERS))


def _say(finding: Finding, reason: str) -> Weighed:
    return Weighed(finding=finding, counts=False, reason=reason)


#: Of the address, and of who may send to it (RFC 3463 3.2, 3.8; Exchange from 5.7.50 on): neither the sender's address
#: nor what is asked of encryption, signatures or proofs.
_ADDRESSED_CODE = re.compile(r"(?<![\w.])5\.(?:1\.(?:[0-6]|10)|7\.(?:[0-2]|[56]\d|1\d\d)|2\.1)(?![\w.])")
_CODE_AND_NAMES = re.compile(
    r"\A\s{0,9}[\w-]{1,20};|(?<![\w.])[245]\d\d\b|#?\b[245]\.\d{1,3}\.\d{1,3}\b|\S{1,300}@\S{1,300}|<[^<>]{0,300}>|\bbecause\b"
)
_FAULT = "It tells of a fault of whoever tried, and of no refusal."
_REASON = 300  # characters of a reason that are read
_VAGUE = ("", "5.0.0")  # what says nothing of a reason
_BESIDE = "It tells of the letter's text, or of who passed it on, and not of a refusal to relay."
_PORT = re.compile(r"(?<=[\w.\]]):\d{1,5}\Z")
_LITERALS = re.compile(r"\[[0-9A-Fa-f.:]{2,45}\]")
_HEAD = 16 * 1024  # octets of what has parts itself: a preamble, a header

_DAEMON = re.compile(
    rb"\b(?:mailer-?daemon|mail-?daemon|double-bounce|mdaemon|mail(?:er)? ?(?:delivery|system)|mailsystem"
    rb"|system(?: ?|_)administrator|systemadministrator|(?:no|do-?not)-?reply|bounces?)(?=[@\s>\"(+]|$)",
    re.I,
)
_POSTMASTER = re.compile(rb"\bpostmaster(?=[@\s>\"(+]|$)", re.I)  # a person, or a server that signs so
#: How a server signs: a person does not, whose program answers under the null sender.
_SERVER = re.compile(
    rb"mail|post|daemon|system|server|service|admin|rout|deliver|bounce|reply|smtp|gate|mta|mmdf|root|error|notif", re.I
)
_HOLDS = frozenset({"x-list-administrivia", "x-tmda-fingerprint", "x-tmda-confirm", "x-challenge", "x-boxbe"})
_RESPONDERS = frozenset(
    {
        "x-autoreply",
        "x-autorespond",
        "x-autoresponder",
        "x-vacation",
        "x-autogenerated",
        "x-ms-exchange-inbox-rules-loop",
    }
)
_MACHINES = frozenset({"x-auto-response-suppress", "list-id", "x-failed-recipients", "x-loop", "x-mailing-list"})
