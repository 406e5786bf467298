"""`python -m hub` is `camwatch-hub`."""

import sys

from hub.cli import main

sys.exit(main())
