"""Benchmarks: what a test costs and what an answer costs, beside programs that others have written. All on loopback.

    make bench            both; `make bench-tester` and `make bench-dns` one of them

What a test costs: `fleet` is a neighbourhood of simulated mail servers (a process of its own), `trials` the tester's
parts with the store's in memory, `tester` the measurement, `tester_report` its table and our targets.

What an answer costs: `dns` is the run, `servers` what is compared, `dnsperf` the load, `inside` what runs in processes
of its own, `figures` the arithmetic and the goals, `report` and `chart` what is shown of it.

What the store carries: `store` is the run, `filling` makes a list of years, `cycles` is one process that plays tests,
`postgres` a server of our own.

`install` fetches the strangers that we measure ourselves against. Nothing here is part of the product, and nothing is
written but where the command line says.
"""
