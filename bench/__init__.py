"""Benchmarks: what the tester costs, on a simulated neighbourhood that never leaves loopback.

    make bench            or: .venv/bin/python -m bench.tester [--json]

`fleet` is the neighbourhood (a process of its own), `tester` the measurement and its table, `install` fetches nmap, the
stranger that we measure ourselves against. Nothing here is part of the product, and nothing is written anywhere.
"""
