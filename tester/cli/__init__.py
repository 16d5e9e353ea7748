"""`python -m tester`: the tool that an administrator keeps at hand, for hosts of his own. In floors:

targets   whom to test, from a file, and whether that is allowed; pure
sitting   one host's test over all its paths, and what it has come to
report    verdict -> document, text, table and exit status; pure
command   arguments, the collector, hosts one beside the other, progress
"""

from tester.cli.command import main

__all__ = ["main"]
