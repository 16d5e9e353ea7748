from hashlib import sha256
from ipaddress import ip_address, ip_network

from dnsbl.clock import HandClock
from dnsbl.dns.guard import Keys, KnownKey
from dnsbl.dns.keyuse import KeyUse
from dnsbl.dns.respond import Serving
from dnsbl.dns.zones import Zones
from dnsbl.serving.keymetrics import KeyMetrics
from dnsbl.serving.metrics import Page

ACME, NOBODY, GONE = (sha256(name).digest() for name in (b"acme", b"nobody", b"gone"))


def test_keys_are_counted_by_name_or_fingerprint_and_those_that_are_gone_are_not() -> None:
    clock, serving, used = HandClock(), Serving(Zones(())), {}
    page = Page(KeyMetrics(lambda: used, serving, clock))
    assert b"dnsbl_key" not in page.text()
    homes = (ip_network("192.0.2.0/24"),)
    serving.keys = Keys([KnownKey(digest=ACME, name="acme", homes=homes), NOBODY])
    now = clock.now().timestamp()
    for digest in (ACME, NOBODY, GONE):
        used[digest] = KeyUse()
        used[digest].note(ip_address("203.0.113.9").packed, now, hit=True, refused=True, elsewhere=digest == ACME)
    text = page.text().decode()
    for line in (
        'dnsbl_key_queries_total{key="acme"} 1.0',
        'dnsbl_key_hits_total{key="acme"} 1.0',
        'dnsbl_key_refused_total{key="acme"} 1.0',
        'dnsbl_key_elsewhere_total{key="acme"} 1.0',
        'dnsbl_key_alarm{key="acme"} 1.0',
        f'dnsbl_key_elsewhere_total{{key="{NOBODY.hex()[:12]}"}} 0.0',
        f'dnsbl_key_alarm{{key="{NOBODY.hex()[:12]}"}} 0.0',
    ):
        assert line in text
    assert GONE.hex()[:12] not in text
    clock.turn(days=1)
    assert 'dnsbl_key_alarm{key="acme"} 0.0' in page.text().decode()
