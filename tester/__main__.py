"""`python -m tester ADDRESS`: see `tester.cli`."""

import sys

from tester.cli import main

sys.exit(main())
