"""`python3 -m scripts.lib.flash`, as scripts/flash-node runs it."""

import sys

from scripts.lib.flash.cli import main

if __name__ == "__main__":
    sys.exit(main())
