"""The distribution's own Chromium, as tests and the writer of screenshots start it."""

from __future__ import annotations

import shutil

ARGUMENTS = [
    "--no-sandbox",  # root in a container has no user namespaces
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
]


def find() -> str | None:
    """Where it is; None where it is not installed (apt-get install chromium)."""
    return shutil.which("chromium") or shutil.which("chromium-browser")
