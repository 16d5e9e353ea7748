"""`python -m dnsbl`: the command, see `dnsbl.cli`."""

from dnsbl.cli import main

main()
