"""Command: test one host from the shell, with its own short-lived collector, and print the conversation."""
