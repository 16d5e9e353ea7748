"""`python -m tester`: the tool that an administrator keeps at hand, for hosts of his own. In floors:

targets   whom to test, from a file, and whether that is allowed; pure
families  a machine's addresses of the other family
report    verdict -> document, text, table and exit status; pure
sitting   one host's test over all its paths, and what it has come to
borrowed  letters that a list gives, read; pure
remote    one host's test with these letters, for the list's collector to judge
arguments what the command may be told
command   the collector, hosts one beside the other, progress
"""

from tester.cli.command import main

__all__ = ["main"]
