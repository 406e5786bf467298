"""Nodes' settings in the SQLite archive."""

from __future__ import annotations

from hub.archive import settings_rows
from hub.archive.settings_values import AppliedNote, SettingsVersion
from hub.archive.sqlite_file import SqliteFile


class SqliteSettings(SqliteFile):
    """`SettingsStore`; see the interface."""

    def settings_versions(self, node: str, *, limit: int = 1000) -> list[SettingsVersion]:
        with self.reading() as db:
            return settings_rows.versions(db, node, limit)

    def settings_version(self, node: str, version: int) -> SettingsVersion | None:
        with self.reading() as db:
            return settings_rows.version(db, node, version)

    def newest_settings(self, *, after: int = 0) -> list[SettingsVersion]:
        with self.reading() as db:
            return settings_rows.newest(db, after=after)

    def add_settings(self, given: SettingsVersion, *, newest: int) -> SettingsVersion | None:
        with self.writing() as db:
            known = settings_rows.versions(db, given.node, 1)
            if (known[0].version if known else 0) != newest:
                return None
            return settings_rows.add(db, given)

    def applied_settings(self, node: str | None = None) -> dict[str, AppliedNote]:
        with self.reading() as db:
            return settings_rows.applied(db, node)
