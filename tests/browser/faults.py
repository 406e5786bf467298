"""What axe-core finds wrong with a page for people who see, hear or move less well."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

GRAVE = ("serious", "critical")


def serious_faults(page: Page) -> list[str]:
    """The faults that shut somebody out, each with where it is."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {fault['help']}: {[node['target'] for node in fault['nodes']]}"
        for fault in found
        if fault["impact"] in GRAVE
    ]
