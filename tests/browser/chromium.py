"""The distribution's own Chromium, as tests and the writer of screenshots start it."""

from __future__ import annotations

import shutil

from playwright.sync_api import Page

ARGUMENTS = [
    "--no-sandbox",  # root in a container has no user namespaces
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--autoplay-policy=no-user-gesture-required",
]


def find() -> str | None:
    """Where it is; None where it is not installed (apt-get install chromium)."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def hide(page: Page) -> None:
    """As when another tab is shown; driven pages are always shown otherwise."""
    _become(page, "hidden")


def show(page: Page) -> None:
    """As when its tab is chosen again."""
    _become(page, "visible")


def _become(page: Page, state: str) -> None:
    page.evaluate(
        """(state) => {
            Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
            Object.defineProperty(document, "hidden",
                {value: state === "hidden", configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )
