"""Where `camwatch-hub live -o` puts what a camera shows."""

from __future__ import annotations

import stat
from pathlib import Path

from hub.cli import live


def test_what_is_seen_live_is_for_its_owner_alone(tmp_path: Path) -> None:
    """As clips are; also where the file was there and open to all."""
    new, old = tmp_path / "new.mp4", tmp_path / "old.mp4"
    old.write_bytes(b"longer than what comes")
    old.chmod(0o644)
    for path in (new, old):
        with live._output(str(path)) as file:
            file.write(b"live")
        assert path.read_bytes() == b"live"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
