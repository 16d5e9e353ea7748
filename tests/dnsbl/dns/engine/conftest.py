"""What only the compiled engine can show is left out where there is none."""

from dnsbl.dns.engine import compiled

collect_ignore = ["test_compiled.py"] if compiled.missing else []
