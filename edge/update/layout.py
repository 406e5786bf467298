"""Where everything lies: versions beside each other, and two links that say which is which.

    <root>/opt/camwatch/versions/<version>/  a virtual environment
    <root>/opt/camwatch/current              what the units start
    <root>/opt/camwatch/proven               what last proved itself: the installer runs from it,
                                             so one on trial is watched by the version before
    <root>/var/lib/camwatch-update/          the installer's own, root's alone to write
    <root>/etc/camwatch/release-keys/*.pub   whose releases are trusted, root's alone to write
    <root>/run/camwatch-edge/pulse.json      how the agent is, for the installer
    <state_dir>/update/                      what the agent fetched

`root` is / on a node. It follows from where the software lies; a test's node lies elsewhere, whole.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

SOFTWARE = "opt/camwatch"
INBOX = "update"  # in the agent's state folder


@dataclass(frozen=True)
class Layout:
    """The places below one root."""

    root: Path

    @property
    def software(self) -> Path:
        """All versions and the links to them."""
        return self.root / SOFTWARE

    @property
    def versions(self) -> Path:
        """One folder a version."""
        return self.software / "versions"

    @property
    def current(self) -> Path:
        """Link to the version that is started."""
        return self.software / "current"

    @property
    def proven(self) -> Path:
        """Link to the version that last proved itself."""
        return self.software / "proven"

    @property
    def previous(self) -> Path:
        """Link to the version that ran before, for the installers."""
        return self.software / "previous"

    @property
    def hub_role(self) -> Path:
        """There where this machine is a hub too."""
        return self.software / "roles/hub"

    @property
    def turns(self) -> Path:
        """The lock by which installers and updates take turns."""
        return self.root / "run/camwatch-install.lock"

    @property
    def state(self) -> Path:
        """The installer's folder."""
        return self.root / "var/lib/camwatch-update"

    @property
    def release_keys(self) -> Path:
        """Public keys of those who make releases."""
        return self.root / "etc/camwatch/release-keys"

    @property
    def runtime(self) -> Path:
        """The agent's folder in memory."""
        return self.root / "run/camwatch-edge"

    @property
    def is_installed(self) -> bool:
        """Whether this is an installation that can be updated; one that is a hub too cannot."""
        has_links = self.current.is_symlink() and self.proven.is_symlink()
        return has_links and self.state.is_dir() and not self.hub_role.exists()


def of_this_software() -> Layout:
    """The layout that this process was started from; that of / where it was started elsewhere."""
    prefix = Path(sys.prefix).resolve()
    if prefix.parent.name == "versions" and prefix.parents[1].match(f"*/{SOFTWARE}"):
        return Layout(prefix.parents[3])
    return Layout(Path("/"))
