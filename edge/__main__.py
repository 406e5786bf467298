"""`python -m edge` is `camwatch-edge`."""

import sys

from edge.cli import main

sys.exit(main())
