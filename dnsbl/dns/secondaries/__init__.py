"""A zone for other servers: its records, AXFR and IXFR, files in their formats, and whether they follow."""
