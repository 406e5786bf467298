"""Whether there is what a command names, asked before anything is looked for or waited for."""

from __future__ import annotations

from edge.base.clock import SystemClock
from edge.base.errors import CamwatchError
from edge.contract import names
from hub.archive import Archive
from hub.archive.opening import open_to_read
from hub.archive.values import EventFilter
from hub.config import HubSettings
from hub.registry import known

LISTS = {
    "node": "camwatch-hub nodes lists them",
    "camera": "camwatch-hub nodes lists them",
    "area": "camwatch-hub area list",
    "organisation": "camwatch-hub organisation list",
    "zone": "camwatch-hub settings show NODE has those of its cameras",
    "label": "labels are of the nodes' classifiers: person, vehicle, animal",
}


def refuse_unknown_names(archive: Archive, where: EventFilter) -> None:
    """Raises CamwatchError for a node, camera or other name of the filter that is none."""
    if problems := known.problems(archive, where):
        lines = [f"--{word}: {said}" for word, said in problems.items()]
        raise CamwatchError("\n".join(lines), hint=LISTS[next(iter(problems))])


def refuse_unknown(archive: Archive, name: str) -> None:
    """Raises CamwatchError where no node of that name was heard of or is awaited."""
    nodes = {*archive.pulses(), *archive.enrolments.standings(SystemClock().utc())}
    if name not in nodes:
        raise CamwatchError(known.missing("node", name, nodes), hint=LISTS["node"])


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
