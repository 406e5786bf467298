"""The registry, and who may see what, in the SQLite archive."""

from __future__ import annotations

from dataclasses import replace

from hub.archive import camera_rows, registry_rows
from hub.archive.event_state import to_ms
from hub.archive.registry_values import Registry
from hub.archive.scope import Scope
from hub.archive.sqlite_file import SqliteFile
from hub.archive.values import CameraKey, Event, EventFilter


class SqliteRegistry(SqliteFile):
    """`RegistryStore`; see the interface."""

    def registry(self) -> Registry:
        with self.reading() as db:
            return registry_rows.load(db)

    def replace_registry(self, before: Registry, after: Registry) -> bool:
        with self.writing() as db:
            now = registry_rows.load(db)
            if now.version != before.version:
                return False
            heard_since = {each.key for each in now.cameras} - {each.key for each in before.cameras}
            heard = tuple(each for each in now.cameras if each.key in heard_since)
            given = {each.key for each in after.cameras}
            kept = tuple(each for each in heard if each.key not in given)
            registry_rows.replace(db, now, replace(after, cameras=(*after.cameras, *kept)))
            return True

    def cameras_with_footage(self) -> set[CameraKey]:
        with self.reading() as db:
            return camera_rows.with_footage(db)

    def may_see(self, scope: Scope, event: Event) -> bool:
        if scope.is_everything:
            return True
        where = EventFilter(node=event.node, camera=event.camera, scope=scope)
        started_ms = to_ms(event.started_utc)
        with self.reading() as db:
            found = camera_rows.windows(db, where) or ()
        return any(each.holds(started_ms) for each in found)
