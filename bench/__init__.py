"""Benchmarks: what the tester costs, on a simulated neighbourhood that never leaves loopback.

    make bench            or: .venv/bin/python -m bench.tester [--json]

`fleet` is the neighbourhood (a process of its own), `desk` the tester's parts with the store's in memory, `tester` the
measurement, `tester_report` its table and our targets; `install` fetches nmap, the stranger that we measure ourselves
against. Nothing here is part of the product, and nothing is written anywhere.
"""
