"""Whether there is a node of a name, asked before anything waits for its answer."""

from __future__ import annotations

from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError
from edge.contract import names
from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.config import HubSettings


def refuse_unknown(archive: Archive, name: str) -> None:
    """Raises CamwatchError where no node of that name was heard of or is awaited."""
    if all(each.name != name for each in archive.nodes()) and (
        name not in archive.enrolments.standings(SystemClock().utc())
    ):
        raise CamwatchError(f"there is no node {name}", hint="camwatch-hub nodes lists them")


def refuse_unknown_in(settings: HubSettings, name: str) -> None:
    """The same, of the settings' archive, as far as it can tell: what is no name, and that no hub
    runs, the hub's door says better. Raises StorageError too."""
    if not names.is_node(name) or not settings.archive_path.exists():
        return
    archive = open_to_read(settings)
    try:
        refuse_unknown(archive, name)
    finally:
        archive.close()
