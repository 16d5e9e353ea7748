"""`python -m tester ADDRESS`: see `tester.cli`."""
