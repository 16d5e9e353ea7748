"""A program is known by its greeting, its EHLO reply or its own trace line, and a stack before what it ships."""

from __future__ import annotations

import pytest

from tester.cause import Software, software


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("220 hub.test ESMTP Postfix (Debian/GNU)", Software.POSTFIX),
        ("220 mail.example ESMTP Postcow", Software.MAILCOW),
        ("220 hub.test ESMTP Exim 4.96 Mon, 01 Jan 2026 00:00:00 +0000", Software.EXIM),
        ("220 hub.test ESMTP Sendmail 8.17.1.9/8.17.1.9/Debian-2; Mon, 1 Jan 2026", Software.SENDMAIL),
        ("hub.test (8.17.1/8.17.1) with ESMTP", Software.SENDMAIL),
        ("hub.test ESMTP 8.15.2/8.15.2/Debian-22ubuntu3", Software.SENDMAIL),
        ("hub.test ESMTP 8.18.1.2/8.18.1.2", Software.UNKNOWN),
        ("220 postfix.hub.test ESMTP Exim 4.98", Software.EXIM),
        ("220 mail.courier-express.test ESMTP", Software.UNKNOWN),
        ("220 hub.test Stalwart ESMTP at your service", Software.STALWART),
        ("hub.test (Stalwart SMTP) with ESMTPS", Software.STALWART),
        ("220 stalwart.hub.test ESMTP", Software.UNKNOWN),
        ("220 hub.test ESMTP Haraka/3.0.3 ready (AB12)", Software.HARAKA),
        ("250-hub.test Hello probe [192.0.2.1], Haraka is at your service.", Software.HARAKA),
        ("hub.test (Haraka/2.8.28) with ESMTP", Software.HARAKA),
        ("220 haraka.hub.test ESMTP", Software.UNKNOWN),
        ("220 zimbra.hub.test ESMTP Postfix", Software.ZIMBRA),
        ("zimbra1.hub.test ESMTP (Postfix)", Software.ZIMBRA),
        ("220 zimbra.hub.test ESMTP Exim 4.96", Software.EXIM),
        ("220 zimbra.hub.test ESMTP", Software.UNKNOWN),
        ("220 postfix-relay ESMTP Exim 4.96", Software.EXIM),
        ("220 to-sendmail ESMTP OpenSMTPD", Software.OPENSMTPD),
        ("220 hub.test ESMTP Postfix-3.8", Software.POSTFIX),
        ("220 hub.test ESMTP OpenSMTPD", Software.OPENSMTPD),
        ("220 hub.test ESMTP Courier", Software.COURIER),
        ("220 hub Microsoft ESMTP MAIL Service ready", Software.EXCHANGE),
        ("hub with Microsoft SMTPSVC(6.0.3790.4675)", Software.EXCHANGE),
        ("220 hub.test ESMTP", Software.UNKNOWN),
        ("", Software.UNKNOWN),
        ("220 mail.example ESMTP ready, Mailu", Software.MAILU),
        ("mail.docker-mailserver.example (Postfix)", Software.DOCKER_MAILSERVER),
        ("x" * 4088 + " Postfix", Software.POSTFIX),
        ("x" * 4089 + " Postfix", Software.UNKNOWN),
    ],
)
def test_what_a_server_says_of_itself_names_it(text: str, expected: Software) -> None:
    assert software(["", text]) is expected


def test_the_first_text_that_names_one_counts() -> None:
    assert software(["220 hub ESMTP", "by hub (Postfix)", "Exim"]) is Software.POSTFIX


def test_programs_are_called_by_their_names() -> None:
    assert [one.value for one in Software] == [one.name.lower().replace("_", "-") for one in Software]
