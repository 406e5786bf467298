"""The settings that nodes shall have, as they are sent: the newest version of each, signed.

New versions are found in the archive, whoever made them: the API, the console, or a command in a
process of its own. The broker may have forgotten a retained message, so a node that comes online is
told again.
"""

from __future__ import annotations

from edge.contract import topics
from edge.keys import PrivateKey
from hub.archive import Archive
from hub.archive.settings_values import SettingsVersion
from hub.ingest.message import Publication


class Wishes:
    """Used by the writer thread."""

    def __init__(self, archive: Archive, key: PrivateKey) -> None:
        self._archive = archive
        self._key = key
        self._published = 0

    def fresh(self) -> list[Publication]:
        """What was made since the last call; at first, all there is. Raises StorageError."""
        found = self._archive.newest_settings(after=self._published)
        if found:
            self._published = found[-1].number
        return [self._publication(each) for each in found]

    def of(self, node: str) -> list[Publication]:
        """What that node shall have, if anything. Raises StorageError."""
        return [self._publication(each) for each in self._archive.settings_versions(node, limit=1)]

    def _publication(self, version: SettingsVersion) -> Publication:
        signature = self._key.sign(version.payload)
        return Publication(
            topics.wanted(version.node), version.payload, qos=1, is_retained=True,
            signature=signature,
        )  # fmt: skip
