"""What pages that ask the archive have in common."""

from __future__ import annotations

from edge.base.clock import Clock
from hub.archive import Archive
from hub.console.pages import Pages


class ArchivePage:
    """Draws from the archive, as of now."""

    def __init__(self, pages: Pages, archive: Archive, clock: Clock) -> None:
        self._pages = pages
        self._archive = archive
        self._clock = clock
