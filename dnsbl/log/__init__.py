"""The transparency log: what is signed, hashed and proven, a module a specification.

`merkle` (RFC 6962), `cosignature`, `note`, `checkpoint`, `tiles` and `proof` (c2sp.org: tlog-cosignature, signed-note,
tlog-checkpoint, tlog-tiles, tlog-proof). Pure: no file, no clock and no store; keys, times and tiles are arguments. Not
to be mistaken for `logbook`, which operators read.
"""
