"""What a witness signs."""

from __future__ import annotations

from base64 import b64decode

import pytest

from dnsbl.log import cosignature
from tests.dnsbl.log.samples_of_trees import VECTORS


def test_what_is_signed_is_the_checkpoint_under_its_time() -> None:
    assert cosignature.message("log\n1\nroot\n", 1679315147) == b"cosignature/v1\ntime 1679315147\nlog\n1\nroot\n"


def test_a_time_stands_before_its_signature() -> None:
    blob = b64decode(VECTORS["witness"]["signature"])[4:]
    at, signature = cosignature.split(blob)
    assert at == VECTORS["witness"]["at"] and len(signature) == 64
    assert cosignature.joined(at, signature) == blob


@pytest.mark.parametrize("blob", [b"", bytes(64), bytes(71), bytes(73), b"\x80" + bytes(71)])
def test_what_is_no_cosignature_is_told(blob: bytes) -> None:
    with pytest.raises(ValueError):
        cosignature.split(blob)
