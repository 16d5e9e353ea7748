"""What strangers have us send, on the metrics page."""

from dnsbl.errors import DnsblError
from dnsbl.rules.sending import Sent, Usage
from dnsbl.serving.metrics import Page
from dnsbl.serving.sentmetrics import Outgoing, Sending


def test_what_strangers_have_us_send_is_shown_against_what_they_may_and_left_out_while_the_store_is_away() -> None:
    usage = Usage(
        used={"nominations": Sent(3, 2, 900), "removals": Sent(0, 0, 0)},
        most=Sent(40, 80, 10_000),
        everything=Sent(5, 4, 2000),
        waiting={"nominations": 7, "removals": 0},
    )
    page = Page(Sending(lambda: usage)).text().decode()
    for line in (
        'dnsbl_strangers_sent{purse="nominations",what="connections"} 3.0',
        'dnsbl_strangers_sent{purse="removals",what="octets"} 0.0',
        'dnsbl_strangers_most{purse="nominations",what="letters"} 80.0',
        'dnsbl_strangers_waiting{purse="nominations"} 7.0',
        'dnsbl_tester_sent{what="octets"} 2000.0',
    ):
        assert line in page

    def away() -> Usage:
        raise DnsblError("no store")

    assert "strangers" not in Page(Sending(away)).text().decode()


def test_our_own_mail_is_shown_by_what_became_of_it() -> None:
    lines = Page(Outgoing({"sent": 3, "put off": 1})).text().decode().splitlines()
    shown = [line for line in lines if line.startswith("dnsbl_notices_total")]
    assert shown == [
        'dnsbl_notices_total{what="sent"} 3.0',
        'dnsbl_notices_total{what="put off"} 1.0',
        'dnsbl_notices_total{what="refused"} 0.0',
        'dnsbl_notices_total{what="away"} 0.0',
    ]
