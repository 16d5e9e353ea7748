"""/log: the transparency log, for people and for programs."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from dnsbl.log import checkpoint, merkle, note, tiles
from dnsbl.log.tiles import ENTRIES, Tile
from dnsbl.serving.stamped import StampFolder
from tests.dnsbl.web.asking import Build

ORIGIN = "relays.example.org/log"
FOR_GOOD = "public, max-age=31536000, immutable"


def test_a_stranger_reads_the_whole_log_and_holds_it_against_its_head(house: Build, tmp_path: Path) -> None:
    home = house(service={"state_dir": str(tmp_path)}, tlog={"origin": ORIGIN})
    visitor = home.visitor()
    assert visitor.get("/log/checkpoint").status_code == 404 and "Nothing is signed yet" in visitor.get("/log").text
    home.list()
    home.casework.proving.keep()
    [key] = home.casework.proving.verifiers()
    answer = visitor.get("/log/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=5"
    head, _ = checkpoint.opened(answer.content, ORIGIN, [note.Verifier.read(key.vkey)])
    bundle = visitor.get(f"/log/{Tile(ENTRIES, 0, head.size).path}")
    tile = visitor.get(f"/log/{Tile(0, 0, head.size).path}")
    hashes = [merkle.leaf_hash(leaf) for leaf in tiles.entries(bundle.content)]
    assert tile.content == b"".join(hashes) and merkle.complete(hashes) == head.root
    for found in (bundle, tile):
        assert found.headers["cache-control"] == FOR_GOOD
        assert found.headers["content-type"] == "application/octet-stream"
    assert visitor.get(f"/log/{Tile(0, 0, 1).path}").content == hashes[0]
    page = visitor.get("/log").text
    assert key.vkey in page and ORIGIN in page and "192.0.2.99" not in page


def test_a_stamp_is_handed_out_beside_the_head_that_it_is_of(house: Build, tmp_path: Path) -> None:
    home = house(service={"state_dir": str(tmp_path)}, tlog={"origin": ORIGIN})
    visitor = home.visitor()
    assert "Stamped" not in visitor.get("/log").text
    StampFolder(home.office.settings).put(date(2026, 3, 1), b"a head\n", 2, b"\x30\x03")
    head, answer = (visitor.get(f"/log/stamps/2026-03-01/{name}") for name in ("checkpoint", "2.tsr"))
    assert (head.text, head.headers["content-type"]) == ("a head\n", "text/plain; charset=utf-8")
    assert (answer.content, answer.headers["content-type"]) == (b"\x30\x03", "application/timestamp-reply")
    assert head.headers["cache-control"] == answer.headers["cache-control"] == FOR_GOOD
    assert 'href="/log/stamps/2026-03-01/2.tsr"' in visitor.get("/log").text
    for path in ("2026-03-01/1.tsr", "2026-03-02/checkpoint", "2026-03-01/..%2f..%2flog.key", "x/checkpoint"):
        assert visitor.get(f"/log/stamps/{path}").status_code == 404, path


def test_what_is_no_tile_of_the_head_is_not_there(house: Build, tmp_path: Path) -> None:
    home = house(service={"state_dir": str(tmp_path)}, tlog={"origin": ORIGIN})
    home.list()
    home.casework.proving.keep()
    for path in ("tile/0/000", "tile/0/000.p/99", "tile/0/001", "tile/entries/000", "tile/x", "../log.key", "tile/0/0"):
        assert home.visitor().get(f"/log/{path}").status_code == 404, path


def test_a_list_without_a_log_has_no_page_of_it_and_names_none(house: Build) -> None:
    visitor = house().visitor()
    assert visitor.get("/log").status_code == 404 and visitor.get("/log/checkpoint").status_code == 404
    assert "/log" not in visitor.get("/about").text
