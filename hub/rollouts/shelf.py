"""The releases that this hub has: taken in when a known maker signed them, kept by their hashes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from edge import __version__
from edge.base import durable
from edge.base.errors import storage_error
from edge.contract import release, releasefile, version
from edge.contract.errors import ContractError
from edge.contract.release import Release
from edge.contract.releasefile import Opened
from edge.keys import KeyFileError, PublicKey
from hub.archive.audit import Deed
from hub.archive.update_values import ReleaseKey, StoredRelease, UpdateStore
from hub.rollouts.errors import RolloutError

SUFFIX = ".tar"


class Shelf:
    """The folder of bundles, and what the archive knows of them. Blocks."""

    def __init__(self, store: UpdateStore, folder: Path) -> None:
        self._store = store
        self._folder = folder

    def trust(self, text: str, name: str, now_utc: datetime, deed: Deed) -> ReleaseKey:
        """Take in the releases of that maker from now on. Raises RolloutError."""
        try:
            key = PublicKey.from_text(text)
        except KeyFileError as err:
            raise RolloutError(
                "key", str(err), hint="give what `scripts/release public` prints"
            ) from err
        kept = ReleaseKey(key.text, name, now_utc)
        self._store.add_release_key(kept, deed)
        return kept

    def add(self, path: Path, now_utc: datetime, deed: Deed) -> StoredRelease:
        """Verify a release file and keep it, durable on return; again is harmless.

        Raises RolloutError, StorageError.
        """
        try:
            with releasefile.open_file(path) as opened:
                return self._add(opened, now_utc, deed)
        except ContractError as err:
            raise RolloutError("release", str(err), hint="copy it again, or make it anew") from err

    def _add(self, opened: Opened, now_utc: datetime, deed: Deed) -> StoredRelease:
        maker = self._maker_of(opened)
        found = release.decode(opened.manifest)
        if found.hub_from is not None and version.is_older(__version__, found.hub_from):
            raise RolloutError(
                "hub", f"{found.version} needs a hub of {found.hub_from}, this is {__version__}",
                hint="update the hub first: scripts/install-hub",
            )  # fmt: skip
        known = {each.version: each for each in self._store.releases()}.get(found.version)
        if known is not None and known.manifest != opened.manifest:
            raise RolloutError(
                "known", f"there is another release {found.version} already",
                hint="a version's bytes never change: make one with a new number",
            )  # fmt: skip
        durable.make_dirs(self._folder)
        for bundle in found.bundles:
            target = self.path_of(bundle.sha256)
            if not target.exists():
                opened.copy_bundle(bundle, found.version, target)
        stored = known or StoredRelease(found, opened.manifest, opened.signature, maker, now_utc)
        if known is None:
            self._store.add_release(stored, deed)
        return stored

    def remove(self, wanted: str, deed: Deed) -> None:
        """Forget a release and its bundles. Raises RolloutError while it is being rolled out."""
        kept = {each.version: each.release for each in self._store.releases()}
        if wanted not in kept:
            raise RolloutError("unknown", f"there is no release {wanted}")
        if not self._store.remove_release(wanted, deed):
            raise RolloutError(
                "busy", f"{wanted} is being rolled out", hint="end that first: release abort"
            )
        self.sweep()

    def sweep(self) -> None:
        """Remove bundles that belong to no release. Raises StorageError."""
        used = {bundle.sha256 for each in self._store.releases() for bundle in each.release.bundles}
        try:
            found = list(self._folder.iterdir()) if self._folder.is_dir() else []
        except OSError as err:
            raise storage_error(err, "cannot read", self._folder) from err
        for path in found:
            if path.name.partition(".")[0] not in used:
                durable.remove(path)

    def path_of(self, sha256: str) -> Path:
        """Where a bundle lies."""
        return self._folder / f"{sha256}{SUFFIX}"

    def release(self, wanted: str) -> Release:
        """A release that is here. Raises RolloutError."""
        for each in self._store.releases():
            if each.version == wanted:
                return each.release
        known = ", ".join(each.version for each in self._store.releases()) or "none"
        raise RolloutError(
            "unknown", f"there is no release {wanted}", hint=f"there are: {known}; add it first"
        )

    def _maker_of(self, opened: Opened) -> str:
        keys = self._store.release_keys()
        if not keys:
            raise RolloutError(
                "key", "this hub knows no maker of releases",
                hint="camwatch-hub release trust maker.pub",
            )  # fmt: skip
        signed = release.signed_bytes(opened.manifest)
        for each in keys:
            if PublicKey.from_text(each.public_key).verify(signed, opened.signature):
                return each.name
        names = ", ".join(each.name for each in keys)
        raise RolloutError(
            "signature", f"{opened.path} is signed by nobody that this hub knows ({names})",
            hint="is it from the right maker, and whole?",
        )  # fmt: skip
