"""Which program a greeting names."""

from __future__ import annotations

import pytest

from dnsbl.rules.surveys.software import product


@pytest.mark.parametrize(
    ("greeting", "found"),
    [
        ("mail.test ESMTP MERAK 2.10.260; Mon, 1 Apr 2002 10:00:00 -0800", ("MERAK", "2.10.260")),
        ("x ESMTP Server (Microsoft Exchange Internet Mail Service 5.5.2653.13) ready", ("Exchange", "5.5")),
        ("x ESMTP Server (Microsoft Exchange Internet Mail Connector 5.0.1457.7) ready", ("Exchange", "5.0")),
        ("x ESMTP (Netscape Mail Server v2.01) ready", ("Netscape Mail Server", "2.01")),
        ("X1 NT-ESMTP Server x (IMail 5.05 18710-1)", ("IMail", "5.05 18710-1")),
        ("ArGoSoft Mail Server Freeware, Version 1.61 (1.6.1.9)", ("ArGoSoft", "1.61")),
        ("x GroupWise Internet Agent 5.5.4.1 Ready (C)1993, 1999 Novell", ("GroupWise Internet Agent", "5.5.4.1")),
        ("x ESMTP Sendmail 8.9.3/8.9.3; Tue, 2 Apr 2002", ("Sendmail", "8.9.3/8.9.3")),
        ("x ESMTP Exim 4.96 Thu, 26 Nov 2026", ("Exim", "4.96")),
        ("x ESMTP Postfix (Debian/GNU)", ("Postfix", "")),
        ("x ESMTP Postfix", ("Postfix", "")),
        ("x ESMTP Postcow", ("mailcow", "")),
        ("x Mailu ESMTP 2.0", ("Mailu", "")),
        ("x ESMTP docker-mailserver", ("docker-mailserver", "")),
        ("x ESMTP OpenSMTPD", ("OpenSMTPD", "")),
        ("x ESMTP OpenSMTPD 7.4", ("OpenSMTPD", "7.4")),
        ("x qmail 1.03 ready", ("qmail", "1.03")),
        ("x ESMTP Courier 1.2.1", ("Courier", "1.2.1")),
        ("x ESMTP Exim 4.96x.", ("Exim", "4.96x")),
        ("x Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready", ("Microsoft SMTP", "6.0.3790.4675")),
        ("x ESMTP Service (Lotus Domino Release 5.0.8) ready", ("Lotus Domino", "5.0.8")),
        ("x ESMTP Sendmail 8.12.10/8.12.10/Debian-5; Thu, 1 Jan 2004", ("Sendmail", "8.12.10/8.12.10")),
        ("x ESMTP Postfix (2.3.8)", ("Postfix", "2.3.8")),
        ("x Microsoft SMTPSVC", ("Exchange", "")),
        ("x ESMTP", ("", "")),
        ("", ("", "")),
        ("\\x1b[2J", ("", "")),
        (" " * 505 + "Postfix", ("Postfix", "")),
        (" " * 506 + "Postfix", ("", "")),
    ],
)
def test_a_greeting_names_a_program_and_its_version(greeting: str, found: tuple[str, str]) -> None:
    assert product(greeting) == found
