"""A zone for other servers: its records, AXFR and IXFR, files in their formats, and whether they follow."""

#: The formats of files for others, by name; `export` says what each is.
FORMATS = ("rbldnsd", "bind", "jsonl", "cidr", "postfix", "nftables", "ipset", "rpz")
