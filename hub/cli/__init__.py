"""`camwatch-hub`: the hub's commands.

Exit status: 0 done, 1 nothing found or failed, 2 wrong usage, 78 wrong settings.
"""

from hub.cli.main import main

__all__ = ["main"]
