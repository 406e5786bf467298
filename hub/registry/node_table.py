"""Nodes from a spreadsheet: a line for each camera, or for a node without one. All or nothing, with
everything that is wrong by line and column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from edge.contract import nodefile
from edge.contract.nodefile import FileCamera, NodeFile
from hub.archive.enrolments import StandingError
from hub.registry import spreadsheet
from hub.registry.edit import RegistryError
from hub.registry.enrolment import NewNode, NodeFileError, NodeFiles, camera_of, check_name
from hub.registry.spreadsheet import Fault, Row, SpreadsheetError
from hub.registry.users import Actor

COLUMNS = (
    "node", "camera", "source", "sub_source", "user", "password", "area", "organisation",
)  # fmt: skip
NEEDED = ("node",)
MAX_NODES = 2000


def import_nodes(
    files: NodeFiles,
    content: bytes,
    actor: Actor,
    valid: timedelta,
    look: Callable[[Sequence[str]], None] | None = None,
) -> list[NodeFile]:
    """Node files for all nodes of a CSV file, by its order. `look` is given the names of nodes that
    can be added, before anything is made; what it raises ends it.

    Raises SpreadsheetError, and nothing is made then; ConfigError, StorageError.
    """
    rows = spreadsheet.read(content, COLUMNS, NEEDED)
    reading = _Reading(rows)
    nodes = reading.nodes()
    if reading.faults:
        raise SpreadsheetError(reading.faults)
    try:
        if look is not None:
            files.check([node.name for node in nodes])
            look([node.name for node in nodes])
        return files.add(nodes, actor, valid)
    except StandingError as err:
        raise SpreadsheetError(
            (
                Fault(reading.lines[name], "node", "there is a node of that name already")
                for name in err.nodes
            ),
            hint=err.hint,
        ) from err
    except RegistryError as err:
        raise SpreadsheetError(reading.told(err)) from err
    except NodeFileError as err:
        raise SpreadsheetError([Fault(None, err.field, str(err))], hint=err.hint) from err


class _Reading:
    """One file on its way: its rows, which line told which node first, what is wrong."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self.lines: dict[str, int] = {}
        self.faults: list[Fault] = []

    def nodes(self) -> list[NewNode]:
        """The nodes in order."""
        cameras: dict[str, list[FileCamera]] = {}
        places: dict[str, tuple[str, str]] = {}
        for row in self._rows:
            name, place = row.cells["node"], (row.cells["area"], row.cells["organisation"])
            try:
                check_name(name)
            except NodeFileError as err:
                self._say(row, "node", str(err))
                continue
            if places.setdefault(name, place) != place:
                self._say(row, "area", f"line {self.lines[name]} has {name} somewhere else")
            self.lines.setdefault(name, row.line)
            mine = cameras.setdefault(name, [])
            camera = self._camera(row, len(mine))
            if camera is None:
                continue
            if any(each.name == camera.name for each in mine):
                self._say(row, "camera", f"{name} has a camera {camera.name} already")
            if len(mine) == nodefile.MAX_CAMERAS:
                self._say(row, "camera", f"{name} has more than {nodefile.MAX_CAMERAS} cameras")
            mine.append(camera)
        if not cameras and not self.faults:
            self.faults.append(Fault(None, "", "there is no node in it"))
        if len(cameras) > MAX_NODES:
            self.faults.append(Fault(None, "", f"{len(cameras)} nodes, at most {MAX_NODES}"))
        return [
            NewNode(name, tuple(mine), places[name][0] or None, places[name][1] or None)
            for name, mine in cameras.items()
        ]

    def told(self, err: RegistryError) -> list[Fault]:
        """What is wrong with the places, by the line of the node."""
        if not err.problems:
            return [Fault(None, "", str(err))]
        found = []
        for problem in err.problems:
            node = problem.entry.key.partition("/")[0]
            found.append(Fault(self.lines.get(node), problem.field, problem.message))
        return found

    def _camera(self, row: Row, number: int) -> FileCamera | None:
        cells = row.cells
        if not cells["source"]:
            for column in ("camera", "sub_source", "user", "password"):
                if cells[column]:
                    self._say(row, "source", f"it is needed where there is a {column}")
                    break
            else:
                if cells["area"] or cells["organisation"]:
                    self._say(row, "source", "a place belongs to a camera; give its address")
            return None
        if cells["user"] and not cells["password"]:
            self._say(row, "password", "a user at a camera needs one")
        fallback = cells["camera"] or ("camera" if not number else f"camera-{number + 1}")
        try:
            return camera_of(
                fallback, cells["source"], sub_source=cells["sub_source"] or None,
                user=cells["user"] or None, password=cells["password"] or None,
            )  # fmt: skip
        except NodeFileError as err:
            known = {"name": "camera"}.get(err.field, err.field)
            column = known if known in COLUMNS else "source"
            self._say(row, column, str(err).partition(": ")[2] or str(err))
            return None

    def _say(self, row: Row, field: str, message: str) -> None:
        self.faults.append(Fault(row.line, field, message))
