"""`python -m rnnreg`."""

import sys

from rnnreg.cli import main

sys.exit(main())
