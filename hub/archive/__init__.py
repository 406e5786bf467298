"""What nodes reported, kept for years: records as received, and the events they add up to.

`Archive` is the interface; `SqliteArchive` the default store. Every implementation passes the
suite in tests/hub/archive/conformance.py.
"""

from hub.archive.interface import Archive
from hub.archive.sqlite_archive import SqliteArchive

__all__ = ["Archive", "SqliteArchive"]
