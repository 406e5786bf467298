"""What the hub loads."""

from __future__ import annotations

import subprocess
import sys


def test_the_hub_runs_without_any_library_of_the_node() -> None:
    """A hub installs without OpenCV, PyAV and numpy; nothing of it may load them."""
    code = (
        "import sys, hub.cli, hub.service;"
        "print([name for name in ('numpy', 'cv2', 'av') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
