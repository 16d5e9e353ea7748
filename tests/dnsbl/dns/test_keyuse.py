from ipaddress import ip_address, ip_network

from hypothesis import given
from hypothesis import strategies as st

from dnsbl.dns.keyuse import KeyUse, network_of, place_of


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_of_a_client_the_network_alone_is_kept(address) -> None:
    place = place_of(address.packed)
    length = 24 if address.version == 4 else 48
    assert 0 < place < 2**64
    assert network_of(place) == ip_network((address.packed, length), strict=False)
    assert network_of(0) is None


def test_uses_are_added_up_and_the_last_stray_is_kept() -> None:
    one, two = KeyUse(), KeyUse()
    one.note(ip_address("192.0.2.1").packed, 10.0, hit=True, refused=False, elsewhere=False)
    one.note(ip_address("203.0.113.9").packed, 20.0, hit=False, refused=True, elsewhere=True)
    two.note(ip_address("2001:db8::9").packed, 15.0, hit=True, refused=False, elsewhere=True)
    for both in (one.plus(two), two.plus(one)):
        assert (both.queries, both.hits, both.refused, both.elsewhere) == (3, 2, 1, 2)
        assert (both.last, both.strayed, network_of(both.place)) == (20.0, 20.0, ip_network("203.0.113.0/24"))
    assert one.plus(KeyUse()) == one
