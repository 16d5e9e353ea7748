from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from dnsbl.errors import DnsblError
from dnsbl.serving.clientkeys import add, document, read_keys
from dnsbl.settings import Dns


@pytest.fixture
def dns(tmp_path: Path) -> Dns:
    """Two keys in a file, one of them with a name."""
    first, second = (sha256(key).hexdigest() for key in (b"0123456789abcdefghij", b"anotherkeyanotherkey"))
    (tmp_path / "keys.txt").write_text(f"{first} name=acme networks=192.0.2.0/24\n{second} a note\n")
    return Dns(keys_file=tmp_path / "keys.txt")


def test_without_a_file_of_keys_there_are_none(tmp_path: Path) -> None:
    for ask in (lambda: document(Dns(), tmp_path, 0.0), lambda: add(Dns(), name="", networks=[])):
        with pytest.raises(DnsblError, match=r"dns\.keys_file"):
            ask()


def test_a_new_key_is_added_whole_or_not_at_all(dns: Dns) -> None:
    path = dns.keys_file
    assert path is not None
    path.write_text(path.read_text().rstrip("\n"))
    key, line = add(dns, name="example.net", networks=["198.51.100.0/24", "2001:db8::/32"])
    assert len(key) == 24 and key.isalnum() and key not in path.read_text()
    keys = read_keys(dns)
    assert keys is not None
    made = keys.find(key.encode())
    assert made is not None
    assert (made.name, [str(home) for home in made.homes]) == ("example.net", ["198.51.100.0/24", "2001:db8::/32"])
    assert path.read_text().endswith(line + "\n")
    assert len(keys.known) == 3
    before = path.read_text()
    for name, networks, said in (
        ("acme", [], "of this name already"),
        ("two words", [], "one word"),
        ("x#y", [], "one word"),
        ("x", ["192.0.2.1/24"], "without bits behind its length"),
        ("x", ["192.0.2.0/24 name=z"], "one word"),
        ("x\ny", [], "."),
    ):
        with pytest.raises(DnsblError, match=said):
            add(dns, name=name, networks=networks)
        assert path.read_text() == before


def test_the_first_key_makes_its_file(dns: Dns) -> None:
    path = dns.keys_file
    assert path is not None
    path.unlink()
    _, line = add(dns, name="", networks=[])
    assert path.read_text() == line + "\n" and not path.stat().st_mode & 0o007
