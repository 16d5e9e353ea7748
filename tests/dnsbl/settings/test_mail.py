"""Mail that goes out, as it may be configured."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from dnsbl.settings import Settings


@pytest.mark.parametrize(
    ("notices", "said"),
    [
        ({"smarthost": "mx.test:587", "sender": "l@list.test"}, "a domain name is needed"),
        ({"smarthost": "mx.test"}, "goes only with notices.sender"),
        ({"credentials_file": "secret", "tls": "none"}, "everybody on the way could read the password"),
        ({"sender": "list@c.example.org"}, "which is for tests alone"),
    ],
)
def test_mail_that_could_not_be_sent_rightly_is_refused(notices: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"notices": notices})


@pytest.mark.parametrize("smarthost", ["127.0.0.1", "::1", "mx.test"])
def test_a_smarthost_has_a_name_or_an_address(smarthost: str) -> None:
    notices = Settings.model_validate({"notices": {"smarthost": smarthost, "sender": "l@list.test"}}).notices
    assert notices.smarthost == smarthost
