"""Which lines tell of a user of the server, in the words of many programs."""

from __future__ import annotations

import pytest

from tester.received.line import Hop, hops
from tester.received.login import logged_in, over_smtp


def line(text: str) -> Hop:
    [found] = hops(f"Received: {text}\r\n\r\n".encode())
    return found


@pytest.mark.parametrize(
    "text",
    [
        "from t ([192.0.2.7]) by m.example (Postfix) with ESMTPA id 1; x",
        "from t ([192.0.2.7]) by m.example (Postfix) with ESMTPSA id 1; x",
        "from t ([192.0.2.7]) by m.example with UTF8SMTPA; x",
        "from t ([192.0.2.7]) by m.example with MailEnable ESMTPA; x",
        "from t ([192.0.2.7]) by m.example with LMTPSA; x",
        "from t ([192.0.2.7]) by m.example with esmtpsa (TLS1.3) tls TLS_AES_256_GCM_SHA384 (Exim 4.96) id 1; x",
        "from t ([192.0.2.7]) (Authenticated sender: joe@m.example) by m.example (Postfix) with ESMTP; x",
        "from t ([192.0.2.7]) (authenticated bits=128) by m.example (8.17.1/8.17.1) with ESMTP; x",
        "from t ([192.0.2.7]) (AUTH: CRAM-MD5 joe, TLS: TLSv1.2) by m.example with ESMTP; x",
        "from unknown (HELO t) (smtp-auth joe@192.0.2.7) by m.example with SMTP; x",
        "from t (SASL PLAIN joe [192.0.2.7]) by m.example with ESMTP; x",
        "from [192.0.2.7] (account joe@m.example login=joe) by m.example with ESMTP; x",
    ],
)
def test_a_login_is_known_by_its_type_or_its_words(text: str) -> None:
    assert logged_in(line(text))


@pytest.mark.parametrize(
    "text",
    [
        "from t ([192.0.2.7]) by m.example (Postfix) with ESMTP id 1; x",
        "from t ([192.0.2.7]) by m.example (Postfix) with ESMTPS id 1; x",
        "from t ([192.0.2.7]) by m.example with SMTP; x",
        "from t ([192.0.2.7]) by m.example with Microsoft SMTPSVC(6.0.3790.4675); x",
        "from t ([192.0.2.7]) (not authenticated) by m.example with ESMTP; x",
        "from t ([192.0.2.7]) (unauthenticated) by m.example with ESMTP; x",
        "from author.example ([192.0.2.7]) by m.example with ESMTP; x",
    ],
)
def test_nothing_else_is_one(text: str) -> None:
    assert not logged_in(line(text)) and over_smtp(line(text))


@pytest.mark.parametrize(
    "text",
    [
        "by m.example (Postfix, from userid 33) id 1; x",
        "from joe by m.example with local (Exim 4.96) id 1; x",
        "from t ([192.0.2.7]) by m.example with HTTP; x",
        "from t ([192.0.2.7]) by m.example with MAPI id 1; x",
    ],
)
def test_what_came_by_no_smtp_came_from_no_stranger(text: str) -> None:
    assert not over_smtp(line(text))


def test_a_line_without_with_may_tell_of_smtp() -> None:
    assert over_smtp(line("from t ([192.0.2.7]) by m.example; x"))
